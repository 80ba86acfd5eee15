"""Canvas: lastfirst_LATE_12345_678901_network-1.py, possibly several files per student."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from grader.classroom.platforms.common import AGAIN, grouped, joined, plain_item
from grader.classroom.uploads import Item, Submission, Tree, numbered
from grader.core.messages import say
from grader.core.text import printable

NAME = re.compile(r"(?s)(?P<ours>(?P<login>.+?)(?P<late>_LATE)?_(?P<id>[0-9]+)_[0-9]+_)(?P<file>.+)")
ANONYMOUS = re.compile(r"(?s)(?P<ours>(?P<login>anon)(?P<late>_LATE)?_(?P<id>[0-9A-Za-z]+)_[0-9]+_)(?P<file>.+)")
TEXT = re.compile(r"(?s)(?P<ours>(?P<login>.+?)(?P<late>_LATE)?_(?P<id>[0-9A-Za-z]+)_(?:text|link)\.html)(?P<file>)")


def match(item: Item) -> re.Match[str] | None:
    """Return how a name matches one of Canvas' patterns, or None; `ours` is the part that the platform wrote."""
    patterns = () if item.is_folder else (ANONYMOUS, NAME, TEXT)
    return next((found for pattern in patterns if (found := pattern.fullmatch(item.shown))), None)


def read(tree: Tree) -> Iterator[Submission]:
    """Yield the submission of each student; one with only an online text or a link cannot be read."""
    tree.note("Names: Canvas.")
    groups, others = grouped(tree, match, "login", "id")
    for item in others:
        yield from plain_item(tree, item)
    for (login, number), named in groups:
        first = Counter(AGAIN.sub("", found["file"]) for _, found in named)
        files = [
            (item, found["file"] if first[plainer] > 1 else plainer)
            for item, found in named
            if (plainer := AGAIN.sub("", found["file"]))
        ]
        problem = say("{name} submitted an online text or a link and no file.", name=printable(login, 200))
        name = "" if login == "anon" else login
        yield tree.submission(
            [item for item, _ in files or named], joined(files), problem=None if files else problem,
            is_late=any(found["late"] for _, found in named),
            key=numbered(login, number), student=number, name=name, aliases=tuple(filter(None, (number, name))),
        )  # fmt: skip
