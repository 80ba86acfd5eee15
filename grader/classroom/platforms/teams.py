"""Microsoft Teams: Submitted files/Full Name/Assignment/Version 2/network.py."""

from __future__ import annotations

import re
from collections.abc import Iterator

from grader.classroom.platforms.common import last_of
from grader.classroom.uploads import Item, Submission, Tree, key_of

SUBMITTED = {"submitted files", "отправленные файлы", "сданные файлы"}
WORKING = {"working files", "рабочие файлы"}
VERSION = re.compile(r"(?:Version|Версия)\s*([0-9]+)", re.IGNORECASE)


def fits(tree: Tree) -> bool:
    """Return whether a source is an assignment exported from Teams."""
    return _submitted(tree) is not None


def _submitted(tree: Tree) -> Item | None:
    names = {item.shown.casefold(): item for item in tree.items if item.is_folder}
    if not names or not names.keys() <= SUBMITTED | WORKING:
        return None
    return next((item for name, item in names.items() if name in SUBMITTED), None)


def read(tree: Tree) -> Iterator[Submission]:
    """Yield the last version of each student, with the earlier ones."""
    tree.note("Names: Microsoft Teams.")
    submitted = _submitted(tree)
    assert submitted is not None
    inner = tree.below(submitted)
    for student in inner.items:
        if not student.is_folder:
            tree.note("{name} is not a submission: skipped.", name=student.shown)
            continue
        name = student.shown
        key = key_of(name, is_folder=False)
        versions = _versions(inner, student)
        yield last_of(inner.submission([student], version.parts(), key=key, name=name) for version in versions)


def _versions(tree: Tree, student: Item) -> list[Item]:
    """Return the folders of a student's versions, oldest first, or the student's folder if there are none."""
    below = tree.below(student)
    places = [below, *(below.below(item) for item in below.items if item.is_folder)]
    found = [
        (int(match[1]), item)
        for place in places
        for item in place.items
        if item.is_folder and (match := VERSION.fullmatch(item.shown.strip()))
    ]
    return [item for _, item in sorted(found, key=lambda pair: pair[0])] or [student]
