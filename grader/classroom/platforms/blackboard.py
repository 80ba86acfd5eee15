"""Blackboard: Lab 12_login_attempt_2026-01-02-10-00-00_network.py, and for each attempt a .txt that names the student."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from grader.classroom.platforms.common import Named, attempts, grouped, joined, last_of, plain_item
from grader.classroom.uploads import Item, Submission, Tree, key_of, slug
from grader.core.messages import say
from grader.core.text import printable

NAME = re.compile(
    r"(?s)(?P<ours>(?P<before>.+?)_attempt_(?P<time>[0-9]{4}(?:-[0-9]{2}){5}))(?:_(?P<file>.+)|(?P<about>\.txt))"
)  # fmt: skip
PERSON = re.compile(r"\ufeff?(?:Name|Имя)\s*:\s*(?P<name>.*?)\s*\((?P<login>[^()]*)\)\s*(?:\n|\r|$)", re.IGNORECASE)


def match(item: Item) -> re.Match[str] | None:
    """Return how a name matches Blackboard's pattern, or None; `ours` is the part that the platform wrote."""
    return None if item.is_folder else NAME.fullmatch(item.shown)


def read(tree: Tree) -> Iterator[Submission]:
    """Yield the last attempt of each student, with the earlier ones."""
    tree.note("Names: Blackboard.")
    groups, others = grouped(tree, match, "before")
    for item in others:
        yield from plain_item(tree, item)
    for (before,), named in groups:
        name, login = _person(tree, named) or ("", before.rpartition("_")[2])
        key = key_of(f"{login}.py", is_folder=False) if login else slug(name)
        # Logins may contain underscores: the roster tells where the name of the assignment ends.
        words = before.split("_")
        aliases = dict.fromkeys([login, *("_".join(words[place:]) for place in range(1, len(words)))])
        who = {"key": key, "student": login, "name": name, "aliases": tuple(aliases)}
        yield last_of(_attempt(tree, before, attempt, who) for attempt in attempts(named))


def _person(tree: Tree, named: Iterable[Named]) -> tuple[str, str] | None:
    """Return name and login, as the last file about an attempt has them."""
    texts = [tree.text(item).decode("utf-8", "replace") for item, found in named if found["about"] and item.files]
    people = [(person["name"], person["login"]) for text in texts if (person := PERSON.match(text))]
    return people[-1] if people else None


def _attempt(tree: Tree, before: str, named: Sequence[Named], who: Mapping[str, Any]) -> Submission:
    files = [(item, found["file"] or item.shown) for item, found in named if not (found["about"] and item.files)]
    problem = None if files else say("{name} submitted a text and no file.", name=printable(before, 200))
    return tree.submission([item for item, _ in files or named], joined(files), problem=problem, **who)
