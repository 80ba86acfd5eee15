"""Moodle: Full Name_1234567_assignsubmission_file_ is a folder, or a prefix of each file name."""

from __future__ import annotations

import re
from collections.abc import Iterator

from grader.classroom.names import plain
from grader.classroom.platforms.common import joined, plain_item
from grader.classroom.uploads import Item, Submission, Tree, numbered
from grader.core.messages import say
from grader.core.text import printable

NAME = re.compile(r"(?s)(?P<name>.+?)_(?P<id>[0-9]+)_assignsubmission_(?P<plugin>file|onlinetext)(?:_(?P<file>.*))?")
BLIND = ("participant", "участник")


def beginning(item: Item) -> int | None:
    """Return the length of the part of a name that Moodle wrote, or None if the name is not Moodle's."""
    found = NAME.fullmatch(item.shown)
    return None if found is None else found.end("plugin")


def read(tree: Tree) -> Iterator[Submission]:
    """Yield the submission of each student; one with only an online text cannot be read."""
    tree.note("Names: Moodle.")
    groups: dict[tuple[str, str], list[tuple[Item, str]]] = {}
    texts: dict[tuple[str, str], Item] = {}
    for item in tree.items:
        found = NAME.fullmatch(item.shown)
        if found is None:
            yield from plain_item(tree, item)
        elif found["plugin"] == "onlinetext":
            texts[found["name"], found["id"]] = item
        else:
            groups.setdefault((found["name"], found["id"]), []).append((item, found["file"] or item.shown))
    for (name, number), files in groups.items():
        yield tree.submission([item for item, _ in files], joined(files), **_who(name, number))
    for (name, number), item in texts.items():
        if (name, number) in groups:
            tree.note("{name}: the online text is not graded, the files are.", name=name)
            continue
        problem = say("{name} submitted an online text and no file.", name=printable(name, 200))
        yield tree.submission([item], [], problem=problem, **_who(name, number))


def _who(name: str, number: str) -> dict[str, object]:
    is_blind = plain(name) in BLIND
    return {
        "key": numbered(name, number), "student": number, "name": "" if is_blind else name, "aliases": (number,),
    }  # fmt: skip
