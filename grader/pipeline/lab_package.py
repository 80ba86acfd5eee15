"""Imports a lab's own modules: its folder becomes one package with a private name.

sys.path stays unchanged, so a lab called `statistics` shadows nothing, and a copy of a lab runs its own files. The modules
of a lab import each other relatively.
"""

from __future__ import annotations

import ast
import hashlib
import importlib
import sys
import traceback
from pathlib import Path
from types import ModuleType

HOOKS = ("other_suite", "better", "figures")


def unknown_hooks(path: Path) -> list[str]:
    """Return the public functions of a hooks.py that are not hooks: a misspelt hook would never be called."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = [node.name for node in tree.body if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
    return [name for name in names if not name.startswith("_") and name not in HOOKS]


class LabPackage:
    """Private package with the modules of one lab."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.name = f"_grader_lab_{hashlib.sha256(str(self.folder).encode()).hexdigest()[:16]}"

    def module(self, path: Path) -> ModuleType:
        """Import a file of the lab and return the module."""
        if self.name not in sys.modules:
            package = ModuleType(self.name)
            package.__path__ = [str(self.folder)]
            sys.modules[self.name] = package
        place = path.resolve().relative_to(self.folder).with_suffix("")
        parts = place.parent.parts if place.name == "__init__" else place.parts
        return importlib.import_module(".".join((self.name, *parts)))

    def file(self, name: str) -> Path | None:
        """Return the file of a package or module beside assignment.toml, or None if the lab has none with that name."""
        paths = (self.folder / name / "__init__.py", self.folder / f"{name}.py")
        return next((path for path in paths if path.is_file()), None)

    def optional(self, name: str) -> ModuleType | None:
        """Import a module or package beside assignment.toml; return None if the lab has none with that name."""
        path = self.file(name)
        return None if path is None else self.module(path)

    def has(self, path: str | Path) -> bool:
        """Return whether a file is in the lab's folder."""
        return Path(path).resolve().is_relative_to(self.folder)

    def line_of(self, error: BaseException) -> int | None:
        """Return the last line of the lab in an exception's traceback, or the line of its syntax error; None if neither."""
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if self.has(frame.filename)]
        if isinstance(error, SyntaxError) and error.filename is not None and self.has(error.filename):
            return error.lineno
        return lines[-1] if lines else None

    def forget(self) -> None:
        """Drop the imported modules: they may hold state from one submission, and their files may change."""
        importlib.invalidate_caches()
        for name in [name for name in sys.modules if name == self.name or name.startswith(f"{self.name}.")]:
            del sys.modules[name]
