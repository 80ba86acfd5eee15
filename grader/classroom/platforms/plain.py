"""No platform: each file or folder is a student's, and has the student's name."""

from __future__ import annotations

from collections.abc import Iterator

from grader.classroom.platforms.common import plain_item
from grader.classroom.uploads import HandIn, Tree, key_of


def read(tree: Tree) -> Iterator[HandIn]:
    """Yield each file of a known kind, and each folder."""
    tree.note("Names: plain, each file or folder is a student's.")
    for item in tree.items:
        yield from plain_item(tree, item, key_of(item.name, is_folder=item.is_folder))
