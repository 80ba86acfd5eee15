"""The variables of a program as they were after loading: each case finds them so, whatever an earlier one left in them.

A room of the worker (worker.py), which runs beside student code: the standard library and numpy only. Names are given back
what they meant; lists, dicts, sets and arrays of plain values get back what they held, in place, for others may hold them,
too. What lies inside other objects stays as it is: `@case(..., fresh=True)` loads the program anew.
"""

from __future__ import annotations

import copy
from typing import Any

np: Any = None  # numpy, from worker.preload on

ITEMS = 10_000  # values that are kept of one variable; a larger one stays as it is
SCALARS = (type(None), bool, int, float, complex, str, bytes)


class Variables:
    """What a namespace held at one time."""

    def __init__(self, namespace: dict[str, Any]) -> None:
        self._namespace = namespace
        self._names = dict(namespace)
        self._content = {
            name: (value, copy.deepcopy(value))
            for name, value in self._names.items()
            if type(value) in (list, dict, set, bytearray, np.ndarray) and is_plain(value, [ITEMS])
        }

    def restore(self) -> None:
        """Make the namespace hold it again."""
        self._namespace.clear()
        self._namespace.update(self._names)
        for value, content in self._content.values():
            give_back(value, copy.deepcopy(content))


def is_plain(value: Any, left: list[int]) -> bool:
    """Return whether a value is made of scalars and arrays of numbers in plain containers, no more of them than are left."""
    left[0] -= 1
    kind = type(value)
    if left[0] < 0:
        return False
    if kind in SCALARS:
        return True
    if kind is np.ndarray:
        left[0] -= value.size
        return value.dtype.kind in "fiubUS" and left[0] >= 0
    if kind in (list, tuple, set):
        return all(is_plain(item, left) for item in value)
    if kind is dict:
        return all(is_plain(item, left) for pair in value.items() for item in pair)
    return kind is bytearray


def give_back(value: Any, content: Any) -> None:
    """Put content back into a container."""
    if type(value) is np.ndarray:
        if value.shape == content.shape and value.flags.writeable:
            value[...] = content
    elif type(value) in (list, bytearray):
        value[:] = content
    else:
        value.clear()
        value.update(content)
