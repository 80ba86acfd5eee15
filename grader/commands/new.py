"""Copies a lab's template for students: `grade --new DIR`. Each lab has its template in its folder.

Its workflow and handout have defaults for values that depend on the installation; `fill_in` replaces them.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from grader.pipeline.assignment import Assignment

GRADER = Path(__file__).parents[1]
INSTALLED = GRADER / "template"  # put there by the build
TEMPLATE = INSTALLED if INSTALLED.is_dir() else GRADER.parent / "student_template"

DEFAULT = "vars.GRADER || ''"  # placeholder in the workflow
PLACEHOLDER = "git+https://HOST/OWNER/REPOSITORY@COMMIT"  # placeholder in the handout


def copy_template(template: Path, folder: Path, lab: Assignment) -> tuple[str, ...]:
    """Copy a lab's template and data files into a new or empty folder; return the names of the files.

    Raises FileExistsError if the path is not an empty folder, and other OSErrors of the file system.
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
    for name in lab.files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(lab.place / name, folder / name)
    return tuple(sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()))


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
