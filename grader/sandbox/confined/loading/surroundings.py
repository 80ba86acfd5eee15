"""The environment of a program: input(), IPython's shell, and the names that notebooks have.

Runs beside student code: the standard library only.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import sys
import types
from typing import Any

from ..reading.notebooks import CODE_MAGICS
from .stubs import Stub

LINES = 100  # empty lines that input() returns


class Input:
    """Replacement for input(): returns some empty lines, then raises EOFError."""

    def __init__(self) -> None:
        self.left = LINES

    def __call__(self, prompt: object = "", /) -> str:
        sys.stdout.write(str(prompt))
        self.left -= 1
        if self.left < 0:
            raise EOFError("EOF when reading a line")
        return ""


class IPythonShell(Stub):
    """Stub of IPython's shell, which exported notebooks use: runs cells and lines given as strings, nothing else."""

    def run_cell_magic(self, name: str, _: Any, code: str) -> None:
        if name in CODE_MAGICS:
            caller = sys._getframe(1)
            tree = ast.parse(code)
            for node in ast.walk(tree):
                if hasattr(node, "lineno"):
                    node.lineno = node.end_lineno = caller.f_lineno  # type: ignore[attr-defined]
            exec(compile(tree, caller.f_code.co_filename, "exec", dont_inherit=True), caller.f_globals)

    def run_line_magic(self, name: str, code: str, *_: Any) -> None:
        caller = sys._getframe(1)
        if name in CODE_MAGICS:
            exec(compile(code, caller.f_code.co_filename, "exec", dont_inherit=True), caller.f_globals)


def initialize(module: types.ModuleType, settings: dict[str, Any]) -> None:
    """Set the names that the student's file expects in its module, and those of notebooks, which exports use too."""
    module.__file__ = settings["file"]
    builtins.get_ipython, builtins.display = IPythonShell, Stub()  # type: ignore[attr-defined]
    if settings["is_notebook"]:
        vars(module).update(In=[], Out={}, _=None)


def restore(code: types.CodeType, module: types.ModuleType, names: list[str]) -> None:
    """Restore functions of the contract whose names were rebound to something else: `mean = mean(x)`."""
    defined = [
        const for const in code.co_consts if isinstance(const, types.CodeType) and const.co_flags & inspect.CO_OPTIMIZED
    ]
    for function in defined:
        name = function.co_name
        if name in names and not callable(getattr(module, name, None)):
            setattr(module, name, types.FunctionType(function, vars(module)))
