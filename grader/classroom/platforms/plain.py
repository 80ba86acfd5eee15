"""No platform: each file or folder is the submission of the student that it is named after."""

from __future__ import annotations

from collections.abc import Iterator

from grader.classroom.platforms.common import plain_item
from grader.classroom.uploads import Submission, Tree, key_of
from grader.sandbox.confined.reading.archives import strange


def read(tree: Tree) -> Iterator[Submission]:
    """Yield each file of a known kind, and each folder; a document counts too, unless a program has the same name."""
    tree.note("Names: plain, each file or folder is one student.")
    programs = {item.stem.casefold() for item in tree.items if item.is_folder or not strange(item.name)}
    for item in tree.items:
        if not item.is_folder and strange(item.name) and item.stem.casefold() in programs:
            tree.note("{name} is not a submission: skipped.", name=item.shown)
            continue
        yield from plain_item(tree, item, key_of(item.name, is_folder=item.is_folder))
