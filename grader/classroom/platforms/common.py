"""Shared by platforms: joining the files of one student, and entries that the platform did not name."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from msgspec.structs import replace

from grader.classroom.uploads import Item, Submission, Tree, UploadPart, digest, key_of, slug
from grader.pipeline.staging import KINDS
from grader.sandbox.confined.reading import archives

AGAIN = re.compile(rf"-[0-9]+(?=(?:{'|'.join(map(re.escape, KINDS))})$)", re.IGNORECASE)


Named = tuple[Item, re.Match[str]]  # an entry, and how its name matches a platform's pattern


def grouped(
    tree: Tree, match: Callable[[Item], re.Match[str] | None], *who: str
) -> tuple[list[tuple[tuple[str, ...], list[Named]]], list[Item]]:
    """Return the entries that a platform named, by these groups of the pattern, and the other entries."""
    groups: dict[tuple[str, ...], list[Named]] = defaultdict(list)
    others = []
    for item in tree.items:
        if (found := match(item)) is not None:
            groups[tuple(found[name] for name in who)].append((item, found))
        else:
            others.append(item)
    return list(groups.items()), others


def attempts(named: Sequence[Named], order: Callable[[str], Any] = str) -> list[list[Named]]:
    """Return the entries of each attempt of a student, the oldest first; order gives the sort key of a time."""
    times = sorted({found["time"] for _, found in named}, key=order)
    return [[entry for entry in named if entry[1]["time"] == time] for time in times]


def last_of(submissions: Iterable[Submission]) -> Submission:
    """Return the last attempt of a student, with the earlier ones."""
    *earlier, last = submissions
    return replace(last, earlier=tuple(earlier))


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
