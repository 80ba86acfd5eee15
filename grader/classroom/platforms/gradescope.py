"""Gradescope: each submission is a folder, submission_123; submission_metadata.yml names the students."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from grader.classroom.platforms.common import plain_item
from grader.classroom.roster import RosterEntry
from grader.classroom.uploads import METADATA_BYTES, Item, Submission, Tree, slug
from grader.core.errors import Rejected

METADATA = "submission_metadata.yml"
LISTED = re.compile(f"(?P<ours>{re.escape(METADATA)})")
NAME = re.compile("(?P<ours>submission_(?P<id>[0-9]+))")


def match(item: Item) -> re.Match[str] | None:
    """Return how a name matches Gradescope's pattern, or None; `ours` is the part that the platform wrote."""
    return (NAME if item.is_folder else LISTED).fullmatch(item.name)


def read(tree: Tree) -> Iterator[Submission]:
    """Yield each submission; for a team, one for each of its members."""
    tree.note("Names: Gradescope.")
    metadata = next((item for item in tree.items if item.name == METADATA and not item.is_folder), None)
    people = _submitters(tree, metadata) if metadata is not None else {}
    if metadata is None:
        tree.note("There is no {file}: students are shown by submission number.", file=METADATA)
    for item in tree.items:
        found = NAME.fullmatch(item.name)
        if item is metadata:
            continue
        if found is None or not item.is_folder:
            yield from plain_item(tree, item)
            continue
        several = people.get(item.name) or [RosterEntry(id="")]
        if len(several) > 1:
            tree.note("{name} belongs to {count} students and is graded once.", name=item.name, count=len(several))
        for number, person in enumerate(several, 1):
            yield tree.submission(
                [item], item.parts(), key=slug(item.name if len(several) == 1 else f"{item.name} {number}"),
                student=person.id or (found["id"] if len(several) == 1 else ""), name=person.name,
                email=person.email, aliases=(found["id"],) if len(several) == 1 else (),
                graded_as=slug(item.name) if len(several) > 1 else "",
            )  # fmt: skip


def _submitters(tree: Tree, metadata: Item) -> dict[str, list[RosterEntry]]:
    """Return the submitters by folder name; add a note and return {} if the metadata cannot be read."""
    try:
        import yaml
    except ModuleNotFoundError:
        tree.note("Reading {file} needs PyYAML, which is not installed: students are shown by submission number.", file=METADATA)  # fmt: skip
        return {}
    try:
        content = tree.text(metadata)
        if len(content) > METADATA_BYTES:
            raise ValueError("it is too large")
        loaded = yaml.load(content, Loader=_loader(yaml))  # noqa: S506
        return {
            str(name): [
                RosterEntry(**{field: _field(person, f":{key}") for field, key in (("id", "sid"), ("name", "name"), ("email", "email"))})
                for person in entry.get(":submitters") or []
            ]
            for name, entry in loaded.items()
        }  # fmt: skip
    except (
        yaml.YAMLError,
        ValueError,
        TypeError,
        AttributeError,
        ArithmeticError,
        LookupError,
        RecursionError,
        Rejected,
    ) as error:
        tree.note("{file} cannot be read ({reason}): students are shown by submission number.", file=METADATA, reason=type(error).__name__)  # fmt: skip
        return {}


def _loader(yaml: Any) -> Any:
    """Return a safe loader that reads the Ruby objects in Gradescope's metadata as None."""
    loader = type("Loader", (getattr(yaml, "CSafeLoader", yaml.SafeLoader),), {})
    loader.add_constructor(None, lambda *_: None)  # type: ignore[attr-defined]
    return loader


def _field(person: dict[Any, Any], name: str) -> str:
    value = person.get(name)
    return "" if value is None else str(value)
