"""Packs and unpacks values in the worker: tagged JSON, and one block for each array.

Runs beside student code: the standard library and numpy only. A value of any other kind is represented by the name of
its type; nothing is pickled or evaluated. The other end is grader/lab/values.py.

None, booleans, texts, finite floats and integers below 2**53 are sent as they are. The rest is a list with a tag:
["i", digits], ["f", "nan"], ["b", base64], ["l", items], ["t", items], ["d", pairs], ["a", block], ["s", shape, texts],
["c", real, imaginary], ["S", items], ["F", items], ["C", real block, imaginary block], ["T", columns, index], ["o", number of an object],
["?", name of a type, text]: sets, frozen sets, complex numbers and arrays; the text only for what TEXTED names.
"""

from __future__ import annotations

import base64
import math
import sys
from typing import Any

DEPTH = 12
ITEMS = 50_000
ARRAYS, ARRAY_BYTES, DIMENSIONS = 1_000, 16 * 2**20, 8  # as in protocol.py
TEXT_CHARS = 100_000
NAME_CHARS = 80
SAFE = 2**53
NUMERIC = "fiub"
BITS = 14_000  # of an integer; Python converts at most 4,300 digits to text
# Types of Python and pandas whose values are compared by their repr, by module.
TEXTED = {
    "builtins": ("range", "bytearray"),
    "datetime": ("date", "datetime", "time", "timedelta"),
    "decimal": ("Decimal",),
    "fractions": ("Fraction",),
    "pandas": ("Timestamp", "Timedelta"),
}

np: Any = None  # numpy, from worker.preload on


class TooMuch(Exception):
    """A value that is nested too deeply or too large for a frame."""


class Packer:
    """Packer of one value into tagged JSON; arrays are put into `blocks`, by name."""

    def __init__(self) -> None:
        self.blocks: dict[str, Any] = {}
        self._left, self._bytes_left = ITEMS, ARRAY_BYTES

    def pack(self, value: Any, depth: int = DEPTH) -> Any:
        """Return a value of any type as tagged JSON; raise TooMuch if it is too deep or too large."""
        self._left -= 1
        if depth == 0 or self._left < 0:
            raise TooMuch
        kind = type(value)
        if value is None or kind is bool:
            return value
        if kind is float and value - value == 0:
            return value
        if kind is list or kind is tuple:
            return ["l" if kind is list else "t", self._items(value, depth)]
        if isinstance(value, (int, float, str, bytes)):
            return scalar(value)
        if kind is complex:
            return ["c", self.pack(value.real, depth - 1), self.pack(value.imag, depth - 1)]
        if isinstance(value, np.generic):
            return self._scalar(value, depth)
        if isinstance(value, np.ndarray):
            return self._array(value, depth)
        if kind is dict:
            return ["d", [[self.pack(key, depth - 1), self.pack(item, depth - 1)] for key, item in value.items()]]
        return self._other(value, depth)

    def _items(self, items: Any, depth: int) -> Any:
        """Return the packed items of a list or tuple, with a fast path for finite floats."""
        if depth > 1 and len(items) <= self._left and set(map(type, items)) == {float} and math.isfinite(sum(items)):
            self._left -= len(items)
            return items
        return [self.pack(item, depth - 1) for item in items]

    def _scalar(self, value: Any, depth: int) -> Any:
        """Return a scalar of numpy as Python's."""
        python = {"f": float, "c": complex}.get(value.dtype.kind)  # those of long doubles have no item() of Python's
        if python is not None:
            return self.pack(python(value), depth - 1)
        return self.pack(value.item(), depth - 1) if value.dtype.kind in "iubUS" else named(value)

    def _array(self, value: Any, depth: int) -> Any:
        if value.dtype.kind in NUMERIC:
            if value.dtype.itemsize > 8:  # a long double
                value = value.astype(float)
            self._bytes_left -= value.nbytes
            if self._bytes_left < 0 or len(self.blocks) == ARRAYS or value.ndim > DIMENSIONS:
                raise TooMuch
            name = str(len(self.blocks))
            self.blocks[name] = value
            return ["a", name]
        if value.dtype.kind == "c":
            return ["C", self._array(value.real, depth)[1], self._array(value.imag, depth)[1]]
        if value.dtype.kind == "U":
            return ["s", list(value.shape), [plain(item) for item in value.ravel().tolist()]]
        return self.pack(value.tolist(), depth - 1) if value.dtype.kind == "O" else named(value)

    def _other(self, value: Any, depth: int) -> Any:
        """Return the content of a table or a subclass of a container; for anything else, the name of its type."""
        pandas = sys.modules.get("pandas")
        if pandas is not None and isinstance(value, pandas.DataFrame):
            columns = [[str(name)[:NAME_CHARS], value.iloc[:, place]] for place, name in enumerate(value.columns)]
            return [
                "T",
                [[plain(name), self._column(column, depth)] for name, column in columns],
                self._index(value, depth),
            ]
        if pandas is not None and isinstance(value, pandas.Series):
            name = plain(str(value.name)[:NAME_CHARS])
            return ["T", [[name, self._column(value, depth)]], self._index(value, depth)]
        if isinstance(value, dict):  # the stored items, even if the subclass overrides items() or iteration
            return self.pack(dict(dict.items(value)), depth - 1)
        if isinstance(value, list):
            return self.pack(list.copy(value), depth - 1)
        if isinstance(value, tuple):
            return self.pack(tuple.__getitem__(value, slice(None)), depth - 1)
        if isinstance(value, set):
            return ["S", self._items([*set.__iter__(value)], depth)]
        if isinstance(value, frozenset):
            return ["F", self._items([*frozenset.__iter__(value)], depth)]
        return named(value)

    def _index(self, table: Any, depth: int) -> Any:
        """Return the labels of the rows, or None if they are numbered from 0."""
        index = table.index
        is_default = type(index).__name__ == "RangeIndex" and (index.start, index.step) == (0, 1)
        return None if is_default else self._column(index.to_series(), depth)

    def _column(self, column: Any, depth: int) -> Any:
        missing = column.isna().tolist()
        return self.pack([None if gone else item for item, gone in zip(column.tolist(), missing)], depth - 1)  # noqa: B905


def scalar(value: Any) -> Any:
    """Return a number or text, possibly of a subclass, as tagged JSON."""
    if isinstance(value, str):
        if str.__len__(value) > TEXT_CHARS:
            raise TooMuch
        return plain(str.__str__(value))
    if isinstance(value, bytes):
        if bytes.__len__(value) > TEXT_CHARS:
            raise TooMuch
        return ["b", base64.b64encode(bytes.__getitem__(value, slice(None))).decode()]
    if isinstance(value, bool):
        return bool(value)
    if isinstance(value, int):
        exact = int.__int__(value)
        if -SAFE < exact < SAFE:
            return exact
        if exact.bit_length() > BITS:
            raise TooMuch
        return ["i", str(exact)]
    exact_float = float.__float__(value)
    return exact_float if math.isfinite(exact_float) else ["f", str(exact_float)]


def named(value: Any) -> list[str]:
    """Return the name of a value's type, and the value's text if its type is in TEXTED, as tagged JSON."""
    kind = type(value)
    module = str(kind.__module__).removesuffix("._libs.tslibs.timestamps").removesuffix("._libs.tslibs.timedeltas")
    known = kind.__name__ in TEXTED.get(module, ())
    return ["?", plain(kind.__name__[:NAME_CHARS]), plain(repr(value)[:TEXT_CHARS]) if known else ""]


def unpack(value: Any, blocks: dict[str, Any], objects: dict[int, Any]) -> Any:
    """Return the value that the trusted side packed; references to objects are replaced by the objects."""
    if type(value) is not list:
        return value
    tag, *rest = value
    if tag in "lt":
        items = [item if type(item) is not list else unpack(item, blocks, objects) for item in rest[0]]
        return items if tag == "l" else tuple(items)
    if tag == "d":
        return {unpack(key, blocks, objects): unpack(item, blocks, objects) for key, item in rest[0]}
    if tag == "a":
        return blocks[rest[0]]
    if tag == "o":
        return objects[rest[0]]
    if tag == "c":
        return complex(unpack(rest[0], blocks, objects), unpack(rest[1], blocks, objects))
    if tag in "SF":
        return (set if tag == "S" else frozenset)(unpack(item, blocks, objects) for item in rest[0])
    if tag == "C":
        return blocks[rest[0]] + 1j * blocks[rest[1]]
    if tag == "T":
        columns = {name: unpack(column, blocks, objects) for name, column in rest[0]}
        return __import__("pandas").DataFrame(columns, index=unpack(rest[1], blocks, objects))
    if tag == "s":
        return np.array(rest[1]).reshape(rest[0])
    if tag == "b":
        return base64.b64decode(rest[0])
    return int(rest[0]) if tag == "i" else float(rest[0])


def plain(text: str) -> str:
    """Replace lone surrogates, which JSON in UTF-8 cannot represent."""
    return text.encode("utf-8", "replace").decode("utf-8")
