"""Moodle: Full Name_1234567_assignsubmission_file_ is a folder, or a prefix of each file name."""

from __future__ import annotations

import re
from collections.abc import Iterator

from grader.classroom.names import plain
from grader.classroom.platforms.common import grouped, joined, plain_item
from grader.classroom.uploads import Item, Submission, Tree, numbered
from grader.core.messages import say
from grader.core.text import printable

NAME = re.compile(
    r"(?s)(?P<ours>(?P<name>.+?)_(?P<id>[0-9]+)_assignsubmission_(?P<plugin>file|onlinetext))(?:_(?P<file>.*))?"
)  # fmt: skip
BLIND = ("participant", "участник")


def match(item: Item) -> re.Match[str] | None:
    """Return how a name matches Moodle's pattern, or None; `ours` is the part that the platform wrote."""
    return NAME.fullmatch(item.shown)


def read(tree: Tree) -> Iterator[Submission]:
    """Yield the submission of each student; one with only an online text cannot be read."""
    tree.note("Names: Moodle.")
    groups, others = grouped(tree, match, "name", "id")
    for item in others:
        yield from plain_item(tree, item)
    for (name, number), named in groups:
        files = [(item, found["file"] or item.shown) for item, found in named if found["plugin"] == "file"]
        if files and len(files) < len(named):
            tree.note("{name}: the online text is not graded, the files are.", name=name)
        problem = None if files else say("{name} submitted an online text and no file.", name=printable(name, 200))
        yield tree.submission(
            [item for item, _ in files or named], joined(files), problem=problem,
            key=numbered(name, number), student=number, name="" if plain(name) in BLIND else name, aliases=(number,),
        )  # fmt: skip
