"""Stubs of plotting packages and progress bars: they accept every use and do nothing.

Runs beside student code: the standard library and numpy only.
"""

from __future__ import annotations

import opcode
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

np: Any = None  # numpy, from worker.preload on
free_names: Callable[[], list[str]] = list  # set to Program.free_names


class Stub:
    """Stub of anything in a plotting package: accepts every use and does nothing."""

    __path__: list[str] = []
    __array_ufunc__ = None  # makes numpy leave arithmetic with a stub to the stub

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Stub()

    def __array__(self, *_: Any, **__: Any) -> Any:
        return np.array(0.0)

    def __iter__(self) -> Iterator[Any]:
        """Yield as many stubs as are unpacked: `line, = plt.plot(y)`, `figure, axes = plt.subplots()`."""
        return iter([Stub() for _ in range(unpacked(sys._getframe(1)))])

    def __setitem__(self, *_: Any) -> None:
        pass

    def __format__(self, _: str) -> str:
        return ""

    def __bool__(self) -> bool:
        return True

    def __len__(self) -> int:
        return 0

    def __float__(self) -> float:
        return 0.0

    def __int__(self) -> int:
        return 0

    __index__ = __int__


def _inert(*_: Any, **__: Any) -> Any:
    return Stub()


for _name in """
call getitem enter add radd sub rsub mul rmul truediv rtruediv floordiv rfloordiv mod rmod pow rpow neg pos
abs lt le gt ge matmul rmatmul and rand or ror
""".split():
    setattr(Stub, f"__{_name}__", _inert)
Stub.__exit__ = lambda *_: None  # type: ignore[attr-defined]


def unpacked(frame: types.FrameType) -> int:
    """Return how many values the current instruction of a frame unpacks, or 2 if it unpacks none."""
    code = frame.f_code.co_code
    name = opcode.opname[code[frame.f_lasti]]
    return code[frame.f_lasti + 1] if name == "UNPACK_SEQUENCE" else 2


class Progress(Stub):
    """A progress bar that shows nothing; iterating over it iterates over its items."""

    write = staticmethod(print)

    def __init__(self, items: Any = None, *_: Any, **named: Any) -> None:
        self.iterable = named.get("iterable", items)
        self.total, self.n = named.get("total"), named.get("initial", 0)

    def __iter__(self) -> Iterator[Any]:
        if self.iterable is None:
            raise TypeError("'NoneType' object is not iterable")
        for item in self.iterable:
            yield item
            self.n += 1

    def __len__(self) -> int:
        return len(self.iterable) if self.total is None else int(self.total)

    def __enter__(self) -> Any:
        return self

    def __reversed__(self) -> Iterator[Any]:
        return iter(Progress(reversed(self.iterable)))

    def __contains__(self, item: Any) -> bool:
        return item in self.iterable

    def update(self, n: Any = 1) -> None:
        """Add to the count."""
        self.n += n


Progress.pandas = Progress.set_lock = Progress.get_lock = staticmethod(_inert)  # type: ignore[attr-defined]


def progress_of(makes: Callable[..., Any]) -> Callable[..., Any]:
    """Return a replacement for a function of tqdm: it wraps the result of `makes` in a progress bar."""
    return lambda *items, start=None, **named: Progress(makes(*items, *([] if start is None else [start])), **named)


PROGRESS = {
    **dict.fromkeys(("tqdm", "tqdm_notebook", "tqdm_gui"), Progress),
    **dict.fromkeys(("trange", "tnrange", "tgrange"), progress_of(range)),
    "tenumerate": progress_of(enumerate), "tzip": progress_of(zip), "tmap": progress_of(map),
}  # fmt: skip


class StandInModule(types.ModuleType):
    """Stub of a module; progress bars in it pass their items on."""

    __path__: list[str] = []
    __version__ = "0"

    def __getattr__(self, name: str) -> Any:
        if name == "__all__":
            return free_names()  # so that `from pylab import *` binds all names that the program does not define
        if name.startswith("__"):
            raise AttributeError(name)
        return PROGRESS.get(name) or Stub()
