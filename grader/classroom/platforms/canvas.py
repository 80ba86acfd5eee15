"""Canvas: lastfirst_LATE_12345_678901_network-1.py, possibly several files per student."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from grader.classroom.platforms.common import AGAIN, joined, plain_item
from grader.classroom.uploads import Item, Submission, Tree, numbered
from grader.core.messages import say
from grader.core.text import printable

NAME = re.compile(r"(?s)(?P<login>.+?)(?P<late>_LATE)?_(?P<id>[0-9]+)_[0-9]+_(?P<file>.+)")
ANONYMOUS = re.compile(r"(?s)(?P<login>anon)(?P<late>_LATE)?_(?P<id>[0-9A-Za-z]+)_[0-9]+_(?P<file>.+)")
TEXT = re.compile(r"(?s)(?P<login>.+?)(?P<late>_LATE)?_(?P<id>[0-9A-Za-z]+)_(?:text|link)\.html")


def beginning(item: Item) -> int | None:
    """Return the length of the part of a name that Canvas wrote, or None if the name is not Canvas'."""
    if item.is_folder:
        return None
    if found := _name(item):
        return found.start("file")
    return len(item.shown) if TEXT.fullmatch(item.shown) else None


def _name(item: Item) -> re.Match[str] | None:
    return ANONYMOUS.fullmatch(item.shown) or NAME.fullmatch(item.shown)


def read(tree: Tree) -> Iterator[Submission]:
    """Yield the submission of each student; one with only an online text or a link cannot be read."""
    tree.note("Names: Canvas.")
    groups: dict[tuple[str, str], list[tuple[Item, str]]] = {}
    texts: dict[tuple[str, str], Item] = {}
    late: set[tuple[str, str]] = set()
    for item in tree.items:
        found = None if item.is_folder else _name(item)
        text = None if item.is_folder or found else TEXT.fullmatch(item.shown)
        if found is None and text is None:
            yield from plain_item(tree, item)
            continue
        match = found or text
        assert match is not None
        who = (match["login"], match["id"])
        late |= {who} if match["late"] else set()
        if found is None:
            texts[who] = item
        else:
            groups.setdefault(who, []).append((item, found["file"]))
    for (login, number), files in groups.items():
        first = Counter(AGAIN.sub("", name) for _, name in files)
        named = [(item, name if first[AGAIN.sub("", name)] > 1 else AGAIN.sub("", name)) for item, name in files]
        yield tree.submission(
            [item for item, _ in files], joined(named), is_late=(login, number) in late, **_who(login, number)
        )
    for (login, number), item in texts.items():
        if (login, number) not in groups:
            problem = say("{name} submitted an online text or a link and no file.", name=printable(login, 200))
            yield tree.submission([item], [], problem=problem, is_late=(login, number) in late, **_who(login, number))


def _who(login: str, number: str) -> dict[str, object]:
    name = "" if login == "anon" else login
    return {
        "key": numbered(login, number), "student": number, "name": name, "aliases": tuple(filter(None, (number, name))),
    }  # fmt: skip
