"""Copies a lab's template for students: `grade --new DIR`. Each lab has its template in its folder.

Its workflow and handout have defaults for values that depend on the installation; `fill_in` replaces them.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from grader.core.errors import UsageError

GRADER = Path(__file__).parents[1]
INSTALLED = GRADER / "template"  # put there by the build
TEMPLATE = INSTALLED if INSTALLED.is_dir() else GRADER.parent / "student_template"

DEFAULT = "vars.GRADER || ''"  # placeholder in the workflow
PLACEHOLDER = "git+https://HOST/OWNER/REPOSITORY@COMMIT"  # placeholder in the handout


def copy_template(template: Path, folder: Path, data: Iterable[tuple[str, Path]] = ()) -> list[Path]:
    """Copy a template, and data files given as (name in the folder, path), into a new or empty folder; return the new paths.

    Raises UsageError if the path is not an empty folder, and OSErrors of the file system.
    """
    if os.path.lexists(folder) and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError("{path} is not an empty folder.", path=repr(str(folder)))
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(template, folder, dirs_exist_ok=True, copy_function=shutil.copyfile, ignore=ignored)
    for name, place in data:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(place, folder / name)
    return sorted(path for path in folder.rglob("*") if path.is_file())


def fill_in(folder: Path, address: str, lang: str) -> bool:
    """Write the grader's address ("" for none) and the language into a copied template.

    Return whether the template has a workflow that installs the grader.
    """
    workflows = [path for path in folder.glob(".github/workflows/*.yml") if DEFAULT.encode() in path.read_bytes()]
    for path in workflows:
        replace_in(path, DEFAULT, f"vars.GRADER || '{address}'")
        replace_in(path, "vars.REPORT_LANG || 'en'", f"vars.REPORT_LANG || '{lang}'")
    if address and (folder / "README.md").is_file():
        replace_in(folder / "README.md", PLACEHOLDER, address)
    return bool(workflows)


def replace_in(path: Path, old: str, new: str) -> None:
    """Replace a text in a file and preserve every other byte."""
    path.write_bytes(path.read_bytes().replace(old.encode(), new.encode()))
