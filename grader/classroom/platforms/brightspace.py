"""Brightspace: `12345-67890 - Full Name - Jan 2, 2026 1000 AM` is a folder, or a prefix of a file name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

from grader.classroom.platforms.common import attempts, grouped, joined, last_of, plain_item
from grader.classroom.uploads import Item, Submission, Tree, numbered

NAME = re.compile(
    r"(?s)(?P<ours>(?P<id>[0-9]+)-[0-9]+ ?- (?P<name>.+?) ?- (?P<time>[^-]*[0-9]{4}[^-]*?))(?: - (?P<file>.+))?"
)  # fmt: skip
INDEX = "index.html"
TIMES = ("%b %d, %Y %I%M %p", "%d %B, %Y %H%M", "%B %d, %Y %I%M %p", "%d %b, %Y %H%M", "%b %d, %Y %H%M")
MONTHS = dict(zip("янв фев мар апр май июн июл авг сен окт ноя дек".split(), range(1, 13), strict=True)) | {"мая": 5}


def match(item: Item) -> re.Match[str] | None:
    """Return how a name matches Brightspace's pattern, or None; `ours` is the part that the platform wrote."""
    return NAME.fullmatch(item.shown)


def read(tree: Tree) -> Iterator[Submission]:
    """Yield the last attempt of each student, with the earlier ones."""
    tree.note("Names: Brightspace.")
    groups, others = grouped(tree, match, "id", "name")
    for item in others:
        if item.name.casefold() != INDEX:
            yield from plain_item(tree, item)
    for (number, name), named in groups:
        key = numbered(name, number)
        every = [
            [(item, found["file"] or item.shown) for item, found in attempt] for attempt in attempts(named, moment)
        ]
        yield last_of(
            tree.submission([item for item, _ in files], joined(files), key=key, student=number, name=name, aliases=(number,))
            for files in every
        )  # fmt: skip


def moment(text: str) -> tuple[datetime, str]:
    """Return the time of an attempt; in an unknown format or language, a time guessed from its numbers and month."""
    for form in TIMES:
        try:
            return datetime.strptime(text.strip(), form), text
        except ValueError:
            continue
    month = next((number for word, number in MONTHS.items() if word in text.casefold()), 1)
    numbers = re.findall("[0-9]+", text)
    year = next((int(number) for number in numbers if len(number) == 4 and number.startswith("20")), 1)
    others = [int(number) for number in numbers if int(number) != year]
    day = others[0] if others and 1 <= others[0] <= 28 else 1
    clock = others[-1] if len(others) > 1 else 0
    return datetime(year, month, day, clock // 100 % 24, clock % 100 % 60), text
