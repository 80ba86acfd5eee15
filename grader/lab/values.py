"""Plain values passed to the student's program and received from it.

Whatever the worker sends becomes a value of exactly one of these types: None, bool, int, float, complex, str, bytes, list,
tuple, dict, set, frozenset, numpy arrays of bool, numbers and texts, Table, and Other for what is only named. No class of the
student's is among them, nothing is pickled or evaluated. The worker's end is grader/sandbox/confined/values.py.
"""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from grader.sandbox.protocol import Arrays, ProtocolError

DEPTH = 12  # nesting of lists and dicts, the same limit as in the worker
ITEMS = 50_000  # values in one answer; an array counts as one
NAME_CHARS = 80
DIGITS = 4_300
SAFE = 2**53

CONTAINERS = {"l": list, "t": tuple, "S": set, "F": frozenset}
WORDS = {type(None), bool, str}
SCALARS = {*WORDS, int, float}  # types that JSON has


class SuiteMistake(TypeError):
    """Wrong use of this interface by a suite: always the lecturer's mistake, never the submission's."""


class Other(msgspec.Struct, frozen=True):
    """Something that is no plain value: the name of its type is known, and for dates, Decimal, Fraction, range its repr."""

    type: str
    text: str = ""

    def __repr__(self) -> str:
        """Return what is known."""
        return self.text or f"<{self.type}>"


class Table(msgspec.Struct, frozen=True):
    """A pandas DataFrame or Series: ordered columns by name, each a list; a missing value is None.

    index: the labels of the rows, or None if they are numbered from 0.
    """

    columns: Mapping[str, list[Any]]
    index: list[Any] | None = None


class Sendable:
    """Base class of objects that a suite can pass as arguments: Remote and Answer."""

    def packed(self, blocks: dict[str, NDArray[Any]]) -> Any:
        """Return the object as tagged JSON; add its arrays to blocks."""
        raise NotImplementedError


def are_themselves(items: Sequence[Any]) -> bool:
    """Return whether all items can be sent as plain JSON: all finite floats, or a mix of strings, None, bools and small integers."""
    kinds = set(map(type, items))
    if kinds == {float}:
        return math.isfinite(sum(items))
    return kinds <= {int, str, type(None), bool} and (
        int not in kinds or all(-SAFE < item < SAFE for item in items if type(item) is int)
    )


def pack(value: Any, blocks: dict[str, NDArray[Any]]) -> Any:
    """Return a value as tagged JSON and add its arrays to blocks; raise SuiteMistake if it cannot be passed to a submission."""
    if type(value) in WORDS or (type(value) is int and -SAFE < value < SAFE):
        return value
    if isinstance(value, (list, tuple)):
        items = value if are_themselves(value) else [pack(item, blocks) for item in value]
        return ["l" if isinstance(value, list) else "t", items]
    if isinstance(value, Sendable):
        return value.packed(blocks)
    if isinstance(value, np.bool_):
        return bool(value)
    if isinstance(value, (int, float, complex, np.number)):
        return _pack_number(value)
    if isinstance(value, str):
        return str(value)  # numpy's own is no text to msgspec
    if isinstance(value, bytes):
        return ["b", base64.b64encode(value).decode()]
    if isinstance(value, np.ndarray) and value.dtype.kind in "fiubcU":
        return _pack_array(value, blocks)
    if isinstance(value, (set, frozenset)):
        return ["S" if isinstance(value, set) else "F", [pack(item, blocks) for item in value]]
    if isinstance(value, dict):
        return ["d", [[pack(key, blocks), pack(item, blocks)] for key, item in value.items()]]
    if isinstance(value, Table):
        columns = [[name, pack(column, blocks)] for name, column in value.columns.items()]
        return ["T", columns, pack(value.index, blocks)]
    raise SuiteMistake(
        "a suite passes numbers, texts, bytes, lists, tuples, dicts, sets, arrays, tables and objects of the submission, "
        f"not {type(value).__name__}"
    )


def _pack_number(value: complex | np.number[Any]) -> Any:
    if isinstance(value, (int, np.integer)):
        exact = int(value)
        return exact if -SAFE < exact < SAFE else ["i", str(exact)]
    if isinstance(value, (float, np.floating)):
        number = float(value)
        return number if math.isfinite(number) else ["f", str(number)]
    parts = complex(value)
    return ["c", _pack_number(parts.real), _pack_number(parts.imag)]


def _pack_array(value: NDArray[Any], blocks: dict[str, NDArray[Any]]) -> Any:
    if value.dtype.kind == "U":
        return ["s", list(value.shape), value.ravel().tolist()]
    if value.dtype.kind == "c":
        return ["C", _pack_array(value.real, blocks)[1], _pack_array(value.imag, blocks)[1]]
    name = str(len(blocks))
    blocks[name] = value
    return ["a", name]


def unpack(value: Any, blocks: Arrays) -> Any:
    """Return the value that the worker packed; raise ProtocolError if it is malformed or too large."""
    return _Unpacker(blocks).unpack(value, DEPTH + 1)


class _Unpacker:
    """Decoder of one value; enforces the limits on depth and number of items."""

    def __init__(self, blocks: Arrays) -> None:
        self._blocks = blocks
        self._left = ITEMS

    def unpack(self, value: Any, depth: int) -> Any:
        self._left -= 1
        if depth == 0 or self._left < 0:
            raise ProtocolError("a value that is too deep or too long")
        if value is None or isinstance(value, (bool, int, float, str)):
            return value
        match value:
            case ["l" | "t" | "S" | "F" as tag, list(items)]:
                made = self._each(items, depth)
                return CONTAINERS[tag](made if tag in "lt" else map(hashed, made))
            case ["d", list(pairs)]:
                return dict(self._pair(pair, depth) for pair in pairs)
            case ["a", str(name)] if name in self._blocks:
                return self._blocks[name]
            case ["s", list(shape), list(texts)]:
                return _texts(shape, texts)
            case ["T", list(columns), index]:
                labels = None if index is None else self._list(index, depth)
                return Table(dict(self._column(column, depth) for column in columns), labels)
            case ["?", str(name), str(text)]:
                return Other(name[:NAME_CHARS], text)
        return self._number(value, depth)

    def _number(self, value: Any, depth: int) -> Any:
        match value:
            case ["c", real, imaginary]:
                return _complex(self.unpack(real, depth - 1), self.unpack(imaginary, depth - 1))
            case ["C", str(real), str(imaginary)] if {real, imaginary} <= self._blocks.keys():
                return _complex_array(self._blocks[real], self._blocks[imaginary])
            case ["i" | "f" | "b" as tag, str(text)]:
                return _scalar(tag, text)
        raise ProtocolError("no plain value")

    def _each(self, items: list[Any], depth: int) -> list[Any]:
        """Return the items of a container at this depth."""
        if depth > 1 and len(items) <= self._left and set(map(type, items)) <= SCALARS:
            self._left -= len(items)
            return items
        return [self._item(item, depth) for item in items]

    def _item(self, item: Any, depth: int) -> Any:
        """Return an item of a container at this depth; most are plain JSON scalars."""
        if depth > 1 and self._left > 0 and type(item) in SCALARS:
            self._left -= 1
            return item
        return self.unpack(item, depth - 1)

    def _pair(self, pair: Any, depth: int) -> tuple[Any, Any]:
        if type(pair) is not list or len(pair) != 2:
            raise ProtocolError("no pair")
        return hashed(self._item(pair[0], depth)), self._item(pair[1], depth)

    def _column(self, column: Any, depth: int) -> tuple[str, list[Any]]:
        match column:
            case [str(name), values]:
                return name[:NAME_CHARS], self._list(values, depth)
        raise ProtocolError("no column")

    def _list(self, items: Any, depth: int) -> list[Any]:
        made = self.unpack(items, depth - 1)
        if not isinstance(made, list):
            raise ProtocolError("no list")
        return made


def hashed(value: Any) -> Any:
    """Return a value that can be a key."""
    try:
        hash(value)
    except TypeError:
        raise ProtocolError("a key that cannot be one") from None
    return value


def _complex(real: Any, imaginary: Any) -> complex:
    if not isinstance(real, float) or not isinstance(imaginary, float):
        raise ProtocolError("no complex number")
    return complex(real, imaginary)


def _complex_array(real: NDArray[Any], imaginary: NDArray[Any]) -> NDArray[Any]:
    if real.shape != imaginary.shape or {real.dtype.kind, imaginary.dtype.kind} != {"f"}:
        raise ProtocolError("no complex array")
    made = np.empty(real.shape, complex)
    made.real, made.imag = real, imaginary
    return made


def _texts(shape: list[Any], texts: list[Any]) -> NDArray[np.str_]:
    is_shape = all(type(extent) is int and extent >= 0 for extent in shape) and len(shape) <= DEPTH
    if not is_shape or math.prod(shape) != len(texts) or not all(isinstance(text, str) for text in texts):
        raise ProtocolError("no array of texts")
    return np.array(texts, dtype=np.str_).reshape(shape)


def _scalar(tag: str, text: str) -> int | float | bytes:
    try:
        if tag == "b":
            return base64.b64decode(text, validate=True)
        if tag == "i" and len(text) <= DIGITS:
            return int(text)
        if tag == "f" and text in ("nan", "inf", "-inf"):
            return float(text)
    except (ValueError, binascii.Error):
        pass
    raise ProtocolError("no number")
