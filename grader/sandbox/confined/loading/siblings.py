"""Imports the other files of a submission as on the student's machine: packages, relative imports, folders.

Runs beside student code: the standard library only. Files are named by their paths relative to the root, the folder of
the submission; see source_tree.py.
"""

from __future__ import annotations

import importlib
import importlib.machinery
import re
import sys
import types
from collections.abc import Callable, Collection, Iterator
from typing import Any

from ..reading.source_tree import PACKAGE, above, has_folder, module_in, search_path

PLACE = "submission:/"  # before a folder in the search path of a package of the submission
HOME = "submission_folder"  # name of each package around the main file, for its relative imports
RELATIVE = r"(?m)^\s*from\s+\."

Run = Callable[[str, str, types.ModuleType], None]  # text, name of the file, the module that it runs in


class Loader:
    """Loader of one file of the submission as a module; the main module exists already."""

    def __init__(self, siblings: Siblings, file: str) -> None:
        self.file = file
        self._siblings = siblings

    def create_module(self, _: importlib.machinery.ModuleSpec) -> types.ModuleType | None:
        """Return the main module if its file is imported; None lets Python create a module."""
        return self._siblings.main if self.file == self._siblings.main_file else None

    def exec_module(self, module: types.ModuleType) -> None:
        """Run the file, unless it is the main file, which `RequestHandler.load` runs."""
        if self.file != self._siblings.main_file:
            self._siblings.run(self.file, module)


class Siblings:
    """The files of a submission as modules; `never` has the names of modules that no file may replace."""

    def __init__(self, program: dict[str, Any], main: types.ModuleType, never: Collection[str], run: Run) -> None:
        self._root = program["root"]
        self.main_file = self._root + program["file"]
        self._texts = {self._root + name: text for name, text in program["siblings"].items()}
        self._all = {self.main_file, *self._texts}
        self.names = {file.removeprefix(self._root) for file in self._all}
        self._path = search_path(self.main_file, self._all)
        self._home = above(self._path[0])[::-1]  # the folders that the main file is in, from the top
        self._never = never
        self._run = run
        self._executed: list[tuple[types.ModuleType, str]] = []  # modules and their files
        self.set_main(main)

    def set_main(self, main: types.ModuleType) -> None:
        """Set the module of the main file; unload the other files, and modules of Python that they replace."""
        for module, _ in list(self.loaded()):
            sys.modules.pop(module.__name__, None)
        for file in self._texts:
            name = file.removeprefix(self._path[0]).removesuffix(f"/{PACKAGE}").removesuffix(".py")
            if file.startswith(self._path[0]) and name not in self._never:
                sys.modules.pop(name, None)  # `import random` means the student's random.py
        self.main = main
        main.__package__ = ".".join([HOME] * len(self._home))

    def first(self, name: str, path: Any) -> Any:
        """Return the spec of a file that takes precedence over other modules of this name, or None."""
        if path is None:
            return None if name in self._never else self._spec(name, self._path[:1], self._texts, takes_folders=False)
        folders = [item.removeprefix(PLACE) for item in path if isinstance(item, str) and item.startswith(PLACE)]
        return self._package_around(name) or self._spec(name, folders, self._all)

    def last(self, name: str, path: Any) -> Any:
        """Return the spec of a file or folder to use if there is no other module of this name, or None."""
        return None if path is not None else self._package_around(name) or self._spec(name, self._path, self._all)

    def bind_missing(self, name: str) -> None:
        """Bind a callable that the main module lacks, from another file that defines it."""
        if callable(getattr(self.main, name, None)):
            return
        defines = re.compile(rf"^(?:def|class)\s+{name}\b", re.MULTILINE)
        loaded = {file: module for module, file in self.loaded()}
        files = [file for file, text in self._texts.items() if defines.search(text)]
        for file in sorted(files, key=lambda file: file not in loaded):
            try:
                module = loaded.get(file) or importlib.import_module(self._name_of(file))
                setattr(self.main, name, getattr(module, name))
                return
            except BaseException:
                continue

    def run(self, file: str, module: types.ModuleType) -> None:
        """Run a file in its module."""
        if isinstance(module, types.ModuleType):  # a program may run a file in anything
            self._executed.append((module, file))
        self._run(self._texts[file], file.removeprefix(self._root), module)

    def _spec(self, name: str, folders: list[str], files: Collection[str], *, takes_folders: bool = True) -> Any:
        """Return the spec of the module of this name in the first folder that has it, or None."""
        last = name.rpartition(".")[2]
        for folder in folders:
            file = module_in(folder, last, files, takes_notebooks=takes_folders)
            if file is not None or (takes_folders and has_folder(f"{folder}{last}/", files)):
                return self._spec_of(name, file, f"{folder}{last}/")
        return None

    def _package_around(self, name: str) -> Any:
        """Return the spec of a folder around the main file, as a package for its relative imports, or None.

        The folder's __init__.py runs, unless it mentions the main file, which is not loaded yet.
        """
        steps = name.split(".")
        if {*steps} != {HOME} or len(steps) > len(self._home):
            return None
        folder = self._home[len(steps) - 1]
        file = f"{folder}{PACKAGE}"
        main = re.escape(self.main_file.removeprefix(self._path[0]).removesuffix(".py"))
        is_run = file in self._texts and not re.search(rf"\b{main}\b", self._texts[file])
        return self._spec_of(name, file if is_run else None, folder)

    def _spec_of(self, name: str, file: str | None, folder: str) -> importlib.machinery.ModuleSpec:
        """Return the spec of a file, or of a folder as a package."""
        loader: Any = None if file is None else Loader(self, file)
        spec = importlib.machinery.ModuleSpec(name, loader)
        if file is None or file == f"{folder}{PACKAGE}":
            spec.submodule_search_locations = [PLACE + folder]
        return spec

    def loaded(self) -> Iterator[tuple[types.ModuleType, str]]:
        """Yield the modules loaded from files other than the main one, each with its file; forget those that were unloaded."""
        if self._executed:  # else there is nothing to look for among hundreds of modules
            present = list(sys.modules.values())
            self._executed = [item for item in self._executed if any(module is item[0] for module in present)]
        yield from self._executed

    def _name_of(self, file: str) -> str:
        """Return the module name of a file; inside the packages around the main file if it has relative imports."""
        folder = next(folder for folder in self._path if file.startswith(folder))
        steps = file.removeprefix(folder).removesuffix(".py").removesuffix(".ipynb").split("/")
        steps = steps[:-1] if file.endswith(f"/{PACKAGE}") else steps
        is_relative = folder == self._path[0] and re.search(RELATIVE, self._texts[file])
        return ".".join([*([HOME] * len(self._home) if is_relative else []), *steps])
