"""Frames between the trusted process and the worker: a JSON header and raw blocks, one for each array.

A frame is two little-endian uint32 (bytes of header, bytes of data), the header and the data. The
trusted side believes nothing: both lengths are capped before more is read, the header is
decoded against a type, and the shapes must account for every byte. Never pickle, never eval.
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
HEADER_BYTES = 4 * 2**20  # the largest is a submission's text, read by the reader
DATA_BYTES = 16 * 2**20  # the arrays of one answer; confined/values.py has the same three limits
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
    """The worker sent something that is not an answer."""


class WorkerFault(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the worker says the student's code raised; every word of it is the student's to choose."""

    kind: str
    type: str
    message: str
    line: Line | None
    is_in_making: bool = False


class ReplyHeader(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The header of a reply: the id that was asked for, and either an answer or a fault.

    With a statement it is no reply: that top-level statement of the program begins.
    """

    id: Extent
    arrays: Layout
    data: msgspec.Raw = NO_DATA
    fault: WorkerFault | None = None
    statement: Statement | None = None


def encode(request_id: int, op: str, settings: Mapping[str, Any], arrays: Mapping[str, Any]) -> bytes:
    """Return one request as bytes; arrays maps names to arrays of numbers of any shape."""
    blocks = {}
    if arrays:  # numpy only where it is needed: a worker is started before the parent imports it
        import numpy as np

        blocks = {
            name: np.asarray(array, dtype=np.dtype(array.dtype).newbyteorder("<")) for name, array in arrays.items()
        }
    layout = [(name, block.dtype.str, list(block.shape)) for name, block in blocks.items()]
    header = msgspec.json.encode({"id": request_id, "op": op, "settings": settings, "arrays": layout})
    data = b"".join(block.tobytes() for block in blocks.values())
    return FRAME.pack(len(header), len(data)) + header + data


class Inbox:
    """Puts replies together from bytes as they arrive."""

    def __init__(self) -> None:
        self._rest = bytearray()

    @property
    def is_empty(self) -> bool:
        """Return whether no part of a reply waits for more."""
        return not self._rest

    def feed(self, part: bytes) -> Iterator[tuple[ReplyHeader, Arrays]]:
        """Take more bytes, and yield each reply that is whole; ProtocolError for whatever is not one."""
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
    """Return a reply's header and arrays; ProtocolError for whatever is not one."""
    header = decode_data(header_text, ReplyHeader)
    arrays: Arrays = {}
    start = 0
    for name, dtype, shape in header.arrays:
        import numpy as np  # late: not needed for what is rejected

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
    """Decode a header, or the words of an answer, as the type that was promised; ProtocolError for all else."""
    try:
        return msgspec.json.decode(raw, type=kind)
    except Exception as error:  # whatever the decoder stumbles over, the worker wrote it
        raise ProtocolError("words of the wrong form") from error
