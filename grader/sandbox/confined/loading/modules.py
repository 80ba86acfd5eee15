"""Takes part in the program's imports: the files beside it, stubs, and packages that are banned.

Runs beside student code: the standard library only.
"""

from __future__ import annotations

import importlib.machinery
import os
import re
import sys
import types
from collections.abc import Callable, Collection
from typing import Any

from .siblings import Siblings
from .stubs import StandInModule

CODE = tuple(importlib.machinery.all_suffixes())


def spec_for(name: str, loader: Any) -> importlib.machinery.ModuleSpec:
    """Return the spec of a module that one of our own loaders makes."""
    return importlib.machinery.ModuleSpec(name, loader)


class Modules:
    """Finds the files handed in beside the main one and stand-ins for what is banned, before all else.

    Other stand-ins are found after all else: see FallbackFinder.
    """

    def __init__(
        self, program: dict[str, Any], main: types.ModuleType, never: Collection[str], run: Callable[..., None]
    ) -> None:
        self.siblings = Siblings(program, main, never, run)
        self._stand_ins, self._banned = program["stand_ins"], program["banned"]
        self._code = [(name, code_of(name)) for name in self._banned]
        self._missing: set[str] = set()

    def install(self) -> None:
        """Take part in every import from now on."""
        sys.meta_path.insert(0, self)
        sys.meta_path.append(FallbackFinder(self))
        sys.addaudithook(self.hear)

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        found = self.siblings.first(name, path)
        return found or (spec_for(name, StandIns()) if self._asks(name, self._banned) else None)

    def last_spec(self, name: str, path: Any) -> Any:
        """Return the spec of what is taken where nothing else was found: a file in another folder, or a stand-in."""
        found = self.siblings.last(name, path)
        return found or (spec_for(name, StandIns()) if self._asks(name, self._stand_ins) else None)

    def names(self, name: str) -> None:
        """Keep that something of a package that is not installed was named, where it is banned."""
        self._asks(name, self._banned)

    def _asks(self, name: str, known: list[str]) -> bool:
        """Return whether a module is one of `known` or inside one, and record which."""
        found = {item for item in known if name == item or name.startswith(item + ".")}
        self._missing |= found
        return bool(found)

    def hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Refuse to read or run a banned package's own code, however it was found: an audit hook, which code cannot remove.

        Below `strict` there may be such a package. The hook is Python and so within reach of the code: no guard.
        """
        if event == "exec":
            file = getattr(arguments[0], "co_filename", None)
        elif event == "open" and isinstance(arguments[0], str | bytes | os.PathLike):
            file = os.fsdecode(arguments[0])
            if not file.endswith(CODE):
                return
        elif event in ("compile", "import") and len(arguments) > 1:
            file = arguments[1]
        else:
            return
        if type(file) is not str or file in self.siblings.names:
            return
        for name, pattern in self._code:
            if pattern.search(file):
                self._missing.add(name)
                raise ImportError(f"{name} is not there")

    @property
    def missing(self) -> list[str]:
        """Stand-ins and banned packages that the program used, sorted."""
        return sorted(self._missing)


class StandIns:
    """Makes stand-ins."""

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        return StandInModule(spec.name)

    def exec_module(self, module: types.ModuleType) -> None:
        pass


class FallbackFinder:
    """Asks what is taken where nothing else was found."""

    def __init__(self, modules: Modules) -> None:
        self._modules = modules

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        return self._modules.last_spec(name, path)


def code_of(package: str) -> re.Pattern[str]:
    """Return what matches the file that a package or module begins with: its source, or an extension."""
    *folders, name = map(re.escape, package.split("."))
    inside = "".join(rf"{folder}[/\\]" for folder in folders)
    return re.compile(rf"(?:^|[/\\]){inside}{name}(?:[/\\]__init__)?\.[^/\\]+$")
