"""Whose a submission is: matches submissions with the list of the class."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from grader.classroom.names import condensed, orders, plain, words
from grader.classroom.roster import RosterEntry
from grader.classroom.uploads import HandIn, HandIns, numbered
from grader.core.messages import say
from grader.core.text import printable
from grader.pipeline.staging import KINDS
from grader.sandbox.confined import archives

SHOWN = 5  # names in one note


def with_roster(hand_ins: HandIns, roster: Sequence[RosterEntry]) -> HandIns:
    """Give submissions the ids, names, addresses and groups of the roster, and note what is left on both sides.

    The submission of a team is that of each of its members.
    """
    made: list[HandIn] = []
    unknown: list[str] = []
    contradicted: list[str] = []
    search, teams = _finder(roster), _teams(roster)
    for one in hand_ins.found:
        entry, is_contradicted = search(one)
        names = (one.name, one.student, *one.aliases)
        members = next((team for name in names if (team := teams.get(condensed(name)))), None)
        if members is not None:
            made += [_of(one, member, key=numbered(one.key, member.id)) for member in members]
        elif entry is not None:
            made.append(_of(one, entry))
        else:
            made.append(one)
            (contradicted if is_contradicted else unknown).append(printable(one.shown, 200))
    whose: dict[str, list[HandIn]] = defaultdict(list)
    for one in made:
        whose[one.student].append(one)
    notes = list(hand_ins.notes)
    if unknown:
        notes.append(say("Not on the roster: {names} ({count}).", names=_some(unknown), count=len(unknown)))
    notes += [say("{name} is one student of the roster by id and another by name.", name=name) for name in contradicted]
    for several in (group for group in whose.values() if len(group) > 1):
        keys = ", ".join(one.key for one in several)
        name = printable(several[0].name or several[0].student, 200)
        notes.append(say("{name} has several hand-ins: {keys}.", name=name, keys=keys))
    missing = tuple(entry for entry in roster if entry.id not in whose)
    return replace(hand_ins, found=tuple(made), notes=tuple(notes), missing=missing)


def _of(one: HandIn, entry: RosterEntry, key: str = "") -> HandIn:
    """Return a submission as that of a student of the roster; with a key as that of one member of a team."""
    own = {one.key, entry.id}
    aliases = dict.fromkeys([*one.aliases, *([one.student] if one.student not in own and not key else [])])
    made = replace(
        one, student=entry.id, name=entry.name or one.name, email=entry.email or one.email, group=entry.group,
        aliases=tuple(aliases),
    )  # fmt: skip
    if not key:
        return made
    earlier = tuple(replace(attempt, key=key, graded_as=one.key) for attempt in one.earlier)
    return replace(
        made, key=key, name=entry.name, aliases=(), team=one.name or one.student, graded_as=one.key, earlier=earlier
    )  # fmt: skip


def _teams(roster: Sequence[RosterEntry]) -> dict[str, list[RosterEntry]]:
    """Return the members of each team, by its name as platforms write it."""
    teams: dict[str, list[RosterEntry]] = defaultdict(list)
    for entry in roster:
        if condensed(entry.team):
            teams[condensed(entry.team)].append(entry)
    return teams


def _some(names: Sequence[str]) -> str:
    more = ["…"] if len(names) > SHOWN else []
    return ", ".join([*names[:SHOWN], *more])


def _finder(roster: Sequence[RosterEntry]) -> Callable[[HandIn], tuple[RosterEntry | None, bool]]:
    """Return a function from a hand-in to its line of the roster, and whether its name speaks against that.

    File, id, email, login and name are tried in this order; what leads to several lines decides nothing.
    """
    ways: list[tuple[Callable[[RosterEntry], Iterable[str]], Callable[[HandIn], Iterable[str]]]] = [
        (lambda entry: [plain(entry.file)], lambda one: [plain(one.shown), plain(_stem(one)), one.key]),
        (lambda entry: [plain(entry.id)], lambda one: [plain(one.student), *map(plain, one.aliases), plain(_stem(one))]),
        (lambda entry: [plain(entry.email)], lambda one: [plain(one.email), plain(_stem(one))]),
        (
            lambda entry: [plain(entry.login)],
            lambda one: [plain(one.student), *map(plain, one.aliases), plain(one.name), plain(_stem(one))],
        ),
        (lambda entry: [plain(entry.email).partition("@")[0]], lambda one: [plain(one.name), plain(_stem(one))]),
        (lambda entry: [words(entry.name)], lambda one: [words(one.name)]),
        (lambda entry: orders(entry.name), lambda one: [condensed(one.name)]),
    ]  # fmt: skip
    indexes = [(_index(roster, of_entry), of_hand_in) for of_entry, of_hand_in in ways]

    def search(one: HandIn) -> tuple[RosterEntry | None, bool]:
        matches = [_only(index, ways_of(one)) for index, ways_of in indexes]
        entry = next((match for match in matches if match is not None), None)
        named = matches[5] or matches[6]
        if matches[0] is None and named is not None and named is not entry:
            return None, True
        return entry, False

    return search


def _stem(one: HandIn) -> str:
    kind = archives.kind_of(one.shown, KINDS)
    return one.shown[: -len(kind)] if kind else one.shown


def _index(roster: Sequence[RosterEntry], keys: Callable[[RosterEntry], Iterable[str]]) -> dict[str, RosterEntry]:
    """Return entries by what leads to one of them only."""
    found: dict[str, list[RosterEntry]] = defaultdict(list)
    for entry in roster:
        for key in {one for one in keys(entry) if one}:
            found[key].append(entry)
    return {key: several[0] for key, several in found.items() if len(several) == 1}


def _only(index: dict[str, RosterEntry], keys: Iterable[str]) -> RosterEntry | None:
    """Return the one entry that keys lead to."""
    found = {id(entry): entry for key in keys if (entry := index.get(key)) is not None}
    return next(iter(found.values())) if len(found) == 1 else None
