"""Calls the student's functions, and describes their exceptions.

Runs beside student code: the standard library and numpy only.
"""

from __future__ import annotations

import inspect
import random
import types
from collections.abc import Callable
from typing import Any

from . import objects, values
from .loading import absent

TEXT_CHARS = 2_000
MOST_LINES = 1_000_000  # as in protocol.py
FITTING: dict[tuple[Any, ...], Any] = {}  # functions that accept a form of call; saves checking the signature again
SEED = random.Random.seed

np: Any = None  # numpy, from worker.preload on


class Missing(Exception):
    """The submission does not define this name."""


class BelowLevel(Exception):
    """This machine cannot confine a process to the required level."""


class ObjectNotCreated(Exception):
    """An object that a request uses could not be created; the cause says why."""


class ArgumentMismatch(Exception):
    """The student's function cannot be called with the arguments of the contract."""


def fitting(function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """Call a function; raise ArgumentMismatch if its signature does not accept these arguments."""
    own = getattr(function, "__func__", function)
    kind = (id(own), own is function, len(arguments), *named)
    if FITTING.get(kind) is not own:
        try:
            signature = inspect.signature(function)
        except (TypeError, ValueError):
            return function(*arguments, **named)
        try:
            signature.bind(*arguments, **named)
        except TypeError:
            name = getattr(function, "__qualname__", "function")
            raise ArgumentMismatch(f"{name}{signature}") from None
        if isinstance(own, (types.FunctionType, type)):
            FITTING[kind] = own
    return function(*arguments, **named)


def call_asked(function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """Call a function for the suite; its exceptions count as the student's even if no line of theirs is in the traceback."""
    return fitting(function, *arguments, **named)


def method(target: Any, name: str) -> Any:
    """Return a method of the student's object or class; raise Missing if there is none."""
    if type(target).__module__ == "builtins" and not isinstance(target, type):  # an object of the student's is meant
        return call_asked(getattr, target, name)
    if not callable(getattr(target, name, None)):
        owner = target if isinstance(target, type) else type(target)
        raise Missing(f"{owner.__name__}.{name}")
    return getattr(target, name)


def seed_everything(seed: int) -> None:
    """Seed all generators that student code can reach, including those that it creates without a seed."""
    bits = random.Random(seed)
    plain_seed = random.Random.__base__.seed  # type: ignore[union-attr]
    random.Random.seed = lambda self, a=None, version=2: (  # type: ignore[method-assign]
        plain_seed(self, bits.getrandbits(64)) if a is None else SEED(self, a, version)
    )
    random.seed(seed)
    np.random.seed(seed % 2**32)
    np.random.bit_generator.randbits = bits.getrandbits


ASKED = call_asked.__code__


def fault(error: BaseException, file: str) -> dict[str, Any]:
    """Describe an exception of the student's code: kind, type, message, and the line in `file`."""
    kinds = {
        absent.NotInstalled: "absent", Missing: "missing", ArgumentMismatch: "misfit", SystemExit: "exited", MemoryError: "memory", BelowLevel: "level",
        values.TooMuch: "too_large",
    }  # fmt: skip
    kind = next((kind for cls, kind in kinds.items() if isinstance(error, cls)), "raised")
    line, step, is_own = None, error.__traceback__, False
    while step is not None:
        if step.tb_frame.f_code.co_filename == file:
            line = step.tb_lineno
        is_own = is_own or step.tb_frame.f_globals.get("__name__") in objects.OWN or step.tb_frame.f_code is ASKED
        step = step.tb_next
    if line is None and isinstance(error, SyntaxError):
        line = error.lineno
    elif line is None and kind == "raised" and not is_own:
        kind = "unhandled"
    if type(line) is not int or not 1 <= line <= MOST_LINES:
        line = None
    try:
        message = str(error)
    except BaseException:
        message = ""
    name = type(error).__name__
    words = {"type": name[:100], "message": message[:TEXT_CHARS]}
    return {"kind": kind, "line": line, **{key: objects.plain(text) for key, text in words.items()}}
