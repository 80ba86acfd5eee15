"""Import hooks for the program: its other files, stubs, and banned packages.

Runs beside student code: the standard library only.
"""

from __future__ import annotations

import importlib.machinery
import os
import sys
import types
from collections.abc import Callable, Collection
from typing import Any

from .siblings import Siblings
from .stubs import StandInModule

CODE = tuple(importlib.machinery.all_suffixes())


class Modules:
    """Finder of the submission's other files and of stand-ins for banned packages; comes before all other finders.

    The fallback finder, which comes after all other ones, finds what they do not have.
    """

    def __init__(
        self, program: dict[str, Any], main: types.ModuleType, never: Collection[str], run: Callable[..., None]
    ) -> None:
        self.siblings = Siblings(program, main, never, run)
        self._stand_ins, self._banned = program["stand_ins"], program["banned"]
        self._steps = {name: name.split(".") for name in self._banned}
        self._missing: set[str] = set()

    def install(self) -> None:
        """Install the finders."""
        sys.meta_path.insert(0, self)
        sys.meta_path.append(types.SimpleNamespace(find_spec=self.last_spec))

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        found = self.siblings.first(name, path)
        return found or self._stand_in(name, self._banned)

    def last_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        """Return the spec to use if no other finder has one: a file in another folder, or a stand-in."""
        found = self.siblings.last(name, path)
        return found or self._stand_in(name, self._stand_ins)

    def _stand_in(self, name: str, known: list[str]) -> importlib.machinery.ModuleSpec | None:
        """Return the spec of a stand-in for a module that is one of `known` or inside one, else None."""
        return importlib.machinery.ModuleSpec(name, StandIns()) if self._is_missing(name, known) else None  # type: ignore[arg-type]

    def record_use(self, name: str) -> None:
        """Record that a name in a package that is not installed was used, if the package is banned."""
        self._is_missing(name, self._banned)

    def _is_missing(self, name: str, known: list[str]) -> bool:
        """Return whether a module is one of `known` or inside one, and record which."""
        found = {item for item in known if name == item or name.startswith(item + ".")}
        self._missing |= found
        return bool(found)

    def audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Raise ImportError if an audit event shows that the code of a banned package is read or run, however it was found.

        Below level `strict` such a package may be installed. Student code can reach this method, so it is not a protection.
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
        found = module_of(file)
        for name, steps in self._steps.items():
            if found[-len(steps) :] == steps:
                self._missing.add(name)
                raise ImportError(f"{name} is not there")

    @property
    def missing(self) -> list[str]:
        """Stand-ins and banned packages that the program used, sorted."""
        return sorted(self._missing)


class StandIns:
    """Loader of stand-ins."""

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        return StandInModule(spec.name)

    def exec_module(self, module: types.ModuleType) -> None:
        pass


def module_of(file: str) -> list[str]:
    """Return the folders and the name of the module, or the folders of the package, that code in a file is; [] for other files."""
    *folders, name = file.replace("\\", "/").split("/")
    stem, _, kind = name.partition(".")
    if not kind:
        return []
    return folders if stem == "__init__" else [*folders, stem]
