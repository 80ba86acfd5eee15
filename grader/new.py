"""The lab's template, as students start from it: `grade --new DIR`; another lab has its own in its folder."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

INSTALLED = Path(__file__).parent / "template"  # put there by the build
TEMPLATE = INSTALLED if INSTALLED.is_dir() else Path(__file__).parents[1] / "student_template"


def copy_template(template: Path, folder: Path) -> tuple[str, ...]:
    """Copy a lab's template into a folder that is new or empty; return the names of its files.

    FileExistsError where something stands there, other OSErrors as the file system gives them.
    """
    if os.path.lexists(folder) and (not folder.is_dir() or any(folder.iterdir())):
        raise FileExistsError(0, "is not an empty folder", str(folder))
    shutil.copytree(
        template,
        folder,
        dirs_exist_ok=True,
        copy_function=shutil.copyfile,
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    return tuple(sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()))
