"""Blackboard: Lab 12_login_attempt_2026-01-02-10-00-00_network.py, and for each attempt a .txt that names the student."""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec.structs import replace

from grader.classroom.platforms.common import joined, plain_item
from grader.classroom.uploads import Item, Submission, Tree, key_of, slug
from grader.core.messages import say
from grader.core.text import printable

NAME = re.compile(
    r"(?s)(?P<before>.+?)_attempt_(?P<time>[0-9]{4}(?:-[0-9]{2}){5})(?:_(?P<file>.+)|(?P<about>\.txt))"
)  # fmt: skip
PERSON = re.compile(r"\ufeff?(?:Name|Имя)\s*:\s*(?P<name>.*?)\s*\((?P<login>[^()]*)\)\s*(?:\n|\r|$)", re.IGNORECASE)


def beginning(item: Item) -> int | None:
    """Return the length of the part of a name that Blackboard wrote, or None if the name is not Blackboard's."""
    found = None if item.is_folder else NAME.fullmatch(item.shown)
    return None if found is None else found.end("time")


def read(tree: Tree) -> Iterator[Submission]:
    """Yield the last attempt of each student, with the earlier ones."""
    tree.note("Names: Blackboard.")
    attempts: dict[str, dict[str, list[tuple[Item, str]]]] = {}
    people: dict[str, tuple[str, str]] = {}
    for item in tree.items:
        found = None if item.is_folder else NAME.fullmatch(item.shown)
        if found is None:
            yield from plain_item(tree, item)
            continue
        files = attempts.setdefault(found["before"], {}).setdefault(found["time"], [])
        if found["about"] and item.files:
            person = PERSON.match(tree.text(item).decode("utf-8", "replace"))
            if person is not None:
                people[found["before"]] = person["name"], person["login"]
        else:
            files.append((item, found["file"] or item.shown))
    by_name = {item.shown: item for item in tree.items}
    for before, by_time in attempts.items():
        name, login = people.get(before, ("", before.rpartition("_")[2]))
        submissions = [_attempt(tree, before, time, files, by_name) for time, files in sorted(by_time.items())]
        # Logins may contain underscores: the roster tells where the name of the assignment ends.
        words = before.split("_")
        aliases = dict.fromkeys([login, *("_".join(words[place:]) for place in range(1, len(words)))])
        yield _of(submissions, login, name, tuple(aliases))


def _attempt(tree: Tree, before: str, time: str, files: list[tuple[Item, str]], by_name: dict[str, Item]) -> Submission:
    if files:
        return tree.submission([item for item, _ in files], joined(files), key="")
    about = by_name[f"{before}_attempt_{time}.txt"]
    problem = say("{name} submitted a text and no file.", name=printable(before, 200))
    return tree.submission([about], [], key="", problem=problem)


def _of(attempts: list[Submission], login: str, name: str, aliases: tuple[str, ...]) -> Submission:
    key = key_of(f"{login}.py", is_folder=False) if login else slug(name)
    *earlier, last = (
        replace(attempt, key=key, student=login, name=name, aliases=aliases) for attempt in attempts
    )  # fmt: skip
    return replace(last, earlier=tuple(earlier))
