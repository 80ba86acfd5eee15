"""Finds modules among the files of a submission, as Python finds them in folders.

Files are given by their paths, with "/" between folders; folders end with "/", and the top folder is "". Nothing is read
here. Runs on both sides: beside student code, and where imports are judged. Standard library only.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

PACKAGE = "__init__.py"


def folder_of(file: str) -> str:
    """Return the folder that a file is in."""
    return file[: file.rfind("/") + 1]


def above(folder: str) -> list[str]:
    """Return a folder and its parents, up to the top."""
    steps = folder.split("/")[:-1]
    return ["".join(f"{step}/" for step in steps[:count]) for count in range(len(steps), -1, -1)]


def search_path(file: str, files: Collection[str]) -> list[str]:
    """Return the folders to search for modules: the file's own folder, its parents, then all others.

    Editors add a project's folder to the path, and programs add other folders.
    """
    others = sorted({folder_of(item) for item in files}, key=lambda folder: (folder.count("/"), folder))
    return list(dict.fromkeys([*above(folder_of(file)), *others]))


def module_in(folder: str, name: str, files: Collection[str], *, takes_notebooks: bool = False) -> str | None:
    """Return the file of a module or package in a folder, or None; notebooks count only if takes_notebooks."""
    kinds = [f"/{PACKAGE}", ".py", *([".ipynb"] if takes_notebooks else [])]
    return next((file for kind in kinds if (file := f"{folder}{name}{kind}") in files), None)


def has_folder(folder: str, files: Collection[str]) -> bool:
    """Return whether any file is in a folder; a folder without __init__.py is a package too."""
    return any(file.startswith(folder) for file in files)


def imported_files(module: str, importer: str, files: Collection[str]) -> list[str]:
    """Return the files that an import runs: for "a.b.c" perhaps a/__init__.py and a/b.py. Relative imports begin with dots."""
    name = module.lstrip(".")
    level = len(module) - len(name)
    parts = [part for part in name.split(".") if part]
    if not level:
        return next(
            (found for folder in search_path(importer, files) if (found := list(_walk(folder, parts, files)))), []
        )
    around = above(folder_of(importer))
    if level > len(around):
        return []
    package = around[level - 1]
    return [*filter(files.__contains__, [f"{package}{PACKAGE}"]), *_walk(package, parts, files)]


def _walk(folder: str, parts: list[str], files: Collection[str]) -> Iterator[str]:
    for part in parts:
        file = module_in(folder, part, files, takes_notebooks=True)
        folder = f"{folder}{part}/"
        if file is not None:
            yield file
        elif not has_folder(folder, files):
            return
