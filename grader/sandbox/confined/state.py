"""Restores a program's variables before each case to their state after loading, so that cases do not affect each other.

Runs beside student code: the standard library and numpy only. Names are rebound to their objects. Lists, dicts, sets and
arrays of plain values get their content back in place, because other objects may refer to them. State inside other
objects is not restored; `@case(..., fresh=True)` loads the program anew.
"""

from __future__ import annotations

import copy
from typing import Any

np: Any = None  # numpy, from worker.preload on

ITEMS = 10_000  # values in one variable; the content of larger ones is not restored
SCALARS = (type(None), bool, int, float, complex, str, bytes)


class Variables:
    """Snapshot of a namespace."""

    def __init__(self, namespace: dict[str, Any]) -> None:
        self._namespace = namespace
        self._names = dict(namespace)
        self._content = {
            name: (value, copy.deepcopy(value))
            for name, value in self._names.items()
            if type(value) in (list, dict, set, bytearray, np.ndarray) and is_plain(value, [ITEMS])
        }

    def restore(self) -> None:
        """Restore the namespace to the snapshot."""
        self._namespace.clear()
        self._namespace.update(self._names)
        for value, content in self._content.values():
            give_back(value, copy.deepcopy(content))


def is_plain(value: Any, left: list[int]) -> bool:
    """Return whether a value has only scalars and arrays, in plain containers, and at most left[0] of them.

    Subtracts them from left[0].
    """
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
    """Replace the content of a container in place."""
    if type(value) is np.ndarray:
        if value.shape == content.shape and value.flags.writeable:
            value[...] = content
    elif type(value) in (list, bytearray):
        value[:] = content
    else:
        value.clear()
        value.update(content)
