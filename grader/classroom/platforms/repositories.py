"""Cloned repositories of a class, as `gh classroom clone` makes them: lab12-login is a folder that contains .git."""

from __future__ import annotations

from collections.abc import Iterator

from grader.classroom.platforms.common import plain_item
from grader.classroom.uploads import Item, Submission, Tree, key_of

WRAPPER = "-submissions"


def fits(tree: Tree) -> bool:
    """Return whether more than half of the entries are clones whose names have a common prefix."""
    clones = _clones(tree)
    return len(clones) > 1 and 2 * len(clones) > len(tree.items) and bool(_prefix(tree, clones))


def _clones(tree: Tree) -> list[Item]:
    return [item for item in tree.items if item.is_folder and tree.is_clone(item)]


def _prefix(tree: Tree, clones: list[Item]) -> str:
    """Return the name of the assignment and a dash: from the folder around the clones, or else their common prefix."""
    names = [item.shown for item in clones]
    around = tree.place.casefold()
    if around.endswith(WRAPPER):
        prefix = around.removesuffix(WRAPPER) + "-"
        if all(name.casefold().startswith(prefix) for name in names):
            return prefix
    first, last = min(names), max(names)
    length = next((place for place, (item, other) in enumerate(zip(first, last, strict=False)) if item != other), 0)
    before, dash, _ = first[:length].rpartition("-")
    return before + dash


def read(tree: Tree) -> Iterator[Submission]:
    """Yield each clone as the submission of the login or team at the end of its name."""
    tree.note("Names: repositories, each name ends with a login.")
    clones = _clones(tree)
    prefix = _prefix(tree, clones)
    for item in tree.items:
        if item not in clones:
            yield from plain_item(tree, item)
            continue
        login = item.shown[len(prefix) :]
        words = item.shown.split("-")
        # Logins may have a common prefix too; the roster then shows where the name of the assignment ends.
        aliases = ["-".join(words[place:]) for place in range(1, len(words))]
        yield tree.submission(
            [item], item.parts(), key=key_of(login or item.shown, is_folder=True), student=login, name=login,
            aliases=tuple(dict.fromkeys([login, *aliases])),
        )  # fmt: skip
