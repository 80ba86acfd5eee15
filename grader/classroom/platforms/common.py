"""Shared by platforms: joining the files of one student, and entries that the platform did not name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from grader.classroom.uploads import Item, Submission, Tree, UploadPart, digest, key_of, slug
from grader.pipeline.staging import KINDS
from grader.sandbox.confined.reading import archives

AGAIN = re.compile(rf"-[0-9]+(?=(?:{'|'.join(map(re.escape, KINDS))})$)", re.IGNORECASE)


def joined(files: Sequence[tuple[Item, str]]) -> Iterator[UploadPart]:
    """Yield the files of a student, each with its own name; files in a folder keep theirs."""
    for item, name in files:
        yield from item.parts(None if item.is_folder else name)


def plain_item(tree: Tree, item: Item, key: str = "") -> Iterator[Submission]:
    """Yield an entry as a submission. Without a key, it is an entry that the platform did not name.

    Such an entry gets a key that no entry of the platform has; if it is a document or a picture, it is left out with a
    note.
    """
    is_submission = archives.kind_of(item.name, KINDS) and (key or not archives.strange(item.name))
    if not item.is_folder and item.problem is None and not is_submission:
        tree.note("{name} is not a submission: skipped.", name=item.shown)
        return
    key = key or f"{slug(item.stem)}-{digest(item.name)}"
    parts = item.parts(None if item.is_folder else item.seen)
    student = item.stem if item.stem == key_of(f"{item.stem}.py", is_folder=False) else ""
    yield tree.submission([item], parts, key=key, student=student, name=item.stem)
