"""Assigns submissions to the students of the roster."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

from msgspec.structs import replace

from grader.classroom.names import condensed, orders, plain, unambiguous, without_patronymic, words
from grader.classroom.roster import RosterEntry
from grader.classroom.uploads import Submission, Submissions, numbered
from grader.core.messages import say
from grader.core.text import printable
from grader.pipeline.staging import KINDS
from grader.sandbox.confined.reading import archives

SHOWN = 5  # names in one note


def with_roster(submissions: Submissions, roster: Sequence[RosterEntry]) -> Submissions:
    """Give submissions the ids, names, addresses and groups of the roster, and note what is unmatched on both sides.

    The submission of a team is assigned to each of its members.
    """
    assigned: list[Submission] = []
    unknown: list[str] = []
    contradicted: list[str] = []
    search, teams = _finder(roster), _teams(roster)
    for submission in submissions.found:
        entry, is_contradicted = search(submission)
        names = (submission.name, submission.student, *submission.aliases)
        members = next((team for name in names if (team := teams.get(condensed(name)))), None)
        if members is not None:
            assigned += [_of_member(submission, member) for member in members]
        elif entry is not None:
            assigned.append(_of(submission, entry))
        else:
            assigned.append(submission)
            (contradicted if is_contradicted else unknown).append(printable(submission.shown, 200))
    by_student: dict[str, list[Submission]] = defaultdict(list)
    for element in assigned:
        by_student[element.student].append(element)
    notes = list(submissions.notes)
    if unknown:
        shown = ", ".join([*unknown[:SHOWN], *(["…"] if len(unknown) > SHOWN else [])])
        notes.append(say("Not on the roster: {names} ({count}).", names=shown, count=len(unknown)))
    notes += [
        say("{name} matches one student of the roster by id and a different one by name.", name=name)
        for name in contradicted
    ]
    for several in (group for group in by_student.values() if len(group) > 1):
        keys = ", ".join(item.key for item in several)
        name = printable(several[0].name or several[0].student, 200)
        notes.append(say("{name} has several submissions: {keys}.", name=name, keys=keys))
    missing = tuple(entry for entry in roster if entry.id not in by_student)
    return replace(submissions, found=tuple(assigned), notes=tuple(notes), missing=missing)


def _of(submission: Submission, entry: RosterEntry) -> Submission:
    """Return a submission assigned to a student of the roster."""
    further = {submission.student} - {submission.key, entry.id}
    return replace(
        submission, student=entry.id, name=entry.name or submission.name, email=entry.email or submission.email, group=entry.group,
        aliases=tuple(dict.fromkeys([*submission.aliases, *further])),
    )  # fmt: skip


def _of_member(submission: Submission, entry: RosterEntry) -> Submission:
    """Return a team's submission assigned to one of its members."""
    key, graded_as = numbered(submission.key, entry.id), submission.key
    return replace(
        _of(submission, entry), key=key, name=entry.name, aliases=(), team=submission.name or submission.student, graded_as=graded_as,
        earlier=tuple(replace(attempt, key=key, graded_as=graded_as) for attempt in submission.earlier),
    )  # fmt: skip


def _teams(roster: Sequence[RosterEntry]) -> dict[str, list[RosterEntry]]:
    """Return the members of each team, by its condensed name."""
    teams: dict[str, list[RosterEntry]] = defaultdict(list)
    for entry in roster:
        if condensed(entry.team):
            teams[condensed(entry.team)].append(entry)
    return teams


def _finder(roster: Sequence[RosterEntry]) -> Callable[[Submission], tuple[RosterEntry | None, bool]]:
    """Return a function that finds the roster entry of a submission, and whether its name contradicts that entry.

    File, id, email, login and name are tried in this order; a match with several entries is ignored.
    """
    ways: list[tuple[Callable[[RosterEntry], Iterable[str]], Callable[[Submission], Iterable[str]]]] = [
        (lambda entry: [plain(entry.file)], lambda submission: [plain(submission.shown), plain(_stem(submission)), submission.key]),
        (lambda entry: [plain(entry.id)], lambda submission: [plain(submission.student), *map(plain, submission.aliases), plain(_stem(submission))]),
        (lambda entry: [plain(entry.email)], lambda submission: [plain(submission.email), plain(_stem(submission))]),
        (
            lambda entry: [plain(entry.login)],
            lambda submission: [plain(submission.student), *map(plain, submission.aliases), plain(submission.name), plain(_stem(submission))],
        ),
        (lambda entry: [plain(entry.email).partition("@")[0]], lambda submission: [plain(submission.name), plain(_stem(submission))]),
        (lambda entry: [words(entry.name)], lambda submission: [words(submission.name)]),
        (lambda entry: orders(entry.name), lambda submission: [condensed(submission.name)]),
        (lambda entry: orders(without_patronymic(entry.name)), lambda submission: [condensed(submission.name)]),
        (lambda entry: [words(entry.name)], lambda submission: [words(without_patronymic(submission.name))]),
    ]  # fmt: skip
    indexes = [(unambiguous(roster, of_entry), of_submission) for of_entry, of_submission in ways]

    def search(submission: Submission) -> tuple[RosterEntry | None, bool]:
        matches = [_only(index, ways_of(submission)) for index, ways_of in indexes]
        entry = next((match for match in matches if match is not None), None)
        named = next((match for match in matches[5:] if match is not None), None)
        if matches[0] is None and named is not None and named is not entry:
            return None, True
        return entry, False

    return search


def _stem(submission: Submission) -> str:
    kind = archives.kind_of(submission.shown, KINDS)
    return submission.shown[: -len(kind)] if kind else submission.shown


def _only(index: dict[str, RosterEntry], keys: Iterable[str]) -> RosterEntry | None:
    """Return the entry that the keys identify, or None if it is none or several."""
    found = {id(entry): entry for key in keys if (entry := index.get(key)) is not None}
    return next(iter(found.values())) if len(found) == 1 else None
