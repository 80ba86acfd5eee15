"""Stand-ins for packages that are not installed: they can be imported and named, and raise NotInstalled when used.

Runs beside student code: the standard library only.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any

OWN: set[str] = set()  # names of the submission's modules
on_use: Callable[[str], Any] = str  # called with the dotted name of everything that is named in a package


class NotInstalled(Exception):
    """The program uses a package that is not installed; the message is the dotted name."""


class Absent:
    """Stand-in for a package that is not installed, or for anything in it."""

    def __init__(self, name: str) -> None:
        self.__dict__["_name"] = name
        on_use(name)

    def __getattr__(self, name: str) -> Any:
        dotted = f"{self._name}.{name}"
        if name == "__version__":
            raise NotInstalled(dotted)
        if name.startswith("__"):
            raise AttributeError(name)
        if name.endswith(("Error", "Exception", "Warning")):
            return type(name, (Exception,), {})  # for `except pd.errors.ParserError`; it is never raised
        return Absent(dotted)

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        if len(arguments) == 1 and not named and isinstance(arguments[0], (types.FunctionType, type)):
            if arguments[0].__module__ in OWN:
                return arguments[0]  # @njit
        elif named and not arguments:
            return self  # @njit(cache=True)
        raise NotInstalled(self._name)

    def __instancecheck__(self, _: Any) -> bool:
        return False

    __subclasscheck__ = __instancecheck__

    def __or__(self, _: Any) -> Any:
        return self  # the annotation `pd.DataFrame | None`

    __ror__ = __or__

    def __repr__(self) -> str:
        return f"<{self._name}, which is not installed>"


def _used(self: Any, *_: Any, **__: Any) -> Any:
    raise NotInstalled(self._name)


for _name in """
mro_entries setattr getitem setitem delitem iter next len bool float int index complex contains enter exit await aiter
add radd sub rsub mul rmul truediv rtruediv floordiv rfloordiv mod rmod pow rpow neg pos abs lt le gt ge matmul rmatmul
and rand xor rxor array array_ufunc
""".split():
    setattr(Absent, f"__{_name}__", _used)
