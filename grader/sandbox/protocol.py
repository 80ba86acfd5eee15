"""Frames between the trusted process and the worker: a JSON header, and one raw block for each array.

A frame is two little-endian uint32 (bytes of header, bytes of data), then the header and the data. The trusted side
trusts nothing in it: both lengths are capped before more is read, the header is decoded against a type, and the
shapes must account for every byte. Nothing is pickled or evaluated.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias, TypeVar

import msgspec
from msgspec import Meta

from grader.core.integers import Count, Extent, Line

if TYPE_CHECKING:
    from numpy.typing import NDArray

FRAME = struct.Struct("<II")
HEADER_BYTES = 4 * 2**20  # the largest header has the source text of a whole submission
DATA_BYTES = 16 * 2**20  # the arrays of one reply; confined/values.py has the same three limits
DIMENSIONS = 8
MOST_ROWS = 2**20
MOST_ARRAYS = 1_000

T = TypeVar("T")
Arrays: TypeAlias = "dict[str, NDArray[Any]]"

DTYPES = frozenset(f"{order}{kind}" for order in "<|" for kind in "b1 i1 i2 i4 i8 u1 u2 u4 u8 f2 f4 f8".split())


NO_DATA = msgspec.Raw(b"null")

Statement: TypeAlias = tuple[Count, Line, Count]  # a top-level one: the number of its file, its line and column

Shape: TypeAlias = Annotated[list[Extent], Meta(max_length=DIMENSIONS)]
Layout: TypeAlias = Annotated[list[tuple[str, str, Shape]], Meta(max_length=MOST_ARRAYS)]


class ProtocolError(Exception):
    """The worker sent something other than a valid reply."""


class WorkerFault(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An exception of the student's code as the worker reports it; the student's code can forge all of it."""

    kind: str
    type: str
    message: str
    line: Line | None
    is_in_making: bool = False


class ReplyHeader(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Header of a reply: the id of its request, and either data or a fault.

    With a statement it is not a reply but a notice that this top-level statement of the program begins.
    """

    id: Extent
    arrays: Layout
    data: msgspec.Raw = NO_DATA
    fault: WorkerFault | None = None
    statement: Statement | None = None


def encode(request_id: int, op: str, settings: Mapping[str, Any], arrays: Mapping[str, Any]) -> bytes:
    """Return one request as bytes; arrays maps names to numeric arrays of any shape."""
    blocks = {}
    if arrays:  # import numpy only when needed: a worker is started before the parent imports it
        import numpy as np

        blocks = {
            name: np.asarray(array, dtype=np.dtype(array.dtype).newbyteorder("<")) for name, array in arrays.items()
        }
    layout = [(name, block.dtype.str, list(block.shape)) for name, block in blocks.items()]
    header = msgspec.json.encode({"id": request_id, "op": op, "settings": settings, "arrays": layout})
    data = b"".join(block.tobytes() for block in blocks.values())
    return FRAME.pack(len(header), len(data)) + header + data


class Inbox:
    """Buffer that assembles frames from bytes as they arrive."""

    def __init__(self) -> None:
        self._rest = bytearray()

    @property
    def is_empty(self) -> bool:
        """Whether no incomplete frame is buffered."""
        return not self._rest

    def feed(self, part: bytes) -> Iterator[tuple[ReplyHeader, Arrays]]:
        """Add bytes and yield each complete frame; raise ProtocolError for an invalid one."""
        self._rest += part
        while len(self._rest) >= FRAME.size:
            header_bytes, data_bytes = FRAME.unpack_from(self._rest)
            if header_bytes > HEADER_BYTES or data_bytes > DATA_BYTES:
                raise ProtocolError(f"a frame of {header_bytes} + {data_bytes} bytes")
            data_at = FRAME.size + header_bytes
            end = data_at + data_bytes
            if len(self._rest) < end:
                return
            header, data = bytes(self._rest[FRAME.size : data_at]), bytes(self._rest[data_at:end])
            del self._rest[:end]
            yield decode(header, data)


def decode(header_text: bytes, data: bytes) -> tuple[ReplyHeader, Arrays]:
    """Return the header and the arrays of a frame; raise ProtocolError if it is invalid."""
    header = decode_data(header_text, ReplyHeader)
    arrays: Arrays = {}
    start = 0
    for name, dtype, shape in header.arrays:
        import numpy as np  # late: a frame without arrays does not need it

        if dtype not in DTYPES:
            raise ProtocolError("an array of impossible type")
        size = math.prod(shape)
        if size == 0 and max(shape) > MOST_ROWS:
            raise ProtocolError("an array of impossible shape")
        kind = np.dtype(dtype)
        if start + kind.itemsize * size > len(data):
            raise ProtocolError("an array longer than its data")
        arrays[name] = np.frombuffer(data, kind, size, start).reshape(shape).astype(kind.newbyteorder("="))
        start += kind.itemsize * size
    if start != len(data):
        raise ProtocolError("data that no array accounts for")
    return header, arrays


def decode_data(raw: msgspec.Raw | bytes, kind: type[T]) -> T:
    """Decode JSON as `kind`; raise ProtocolError if it has another form."""
    try:
        return msgspec.json.decode(raw, type=kind)
    except Exception as error:  # any error of the decoder is caused by what the worker wrote
        raise ProtocolError("words of the wrong form") from error
