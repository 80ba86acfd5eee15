"""Reads overrides.csv, in which a teacher replaces measured points, and finds the submissions that it concerns."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path

from grader.classroom.csv_input import read_table
from grader.classroom.names import plain, words
from grader.classroom.uploads import Submission
from grader.core.decisions import rounded
from grader.core.errors import UsageError
from grader.core.report import Overridden
from grader.core.rubric import Criterion, Rubric

DECIMAL = re.compile("[0-9]{1,9}([.][0-9]{1,2})?")
TITLES = {
    "student": ("студент", "фио"), "criterion": ("критерий",), "points": ("баллы", "балл"), "reason": ("причина",),
}  # fmt: skip

Overrides = Mapping[str, tuple[Overridden, ...]]  # by student, or by key


def read_overrides(path: Path, rubric: Rubric) -> Overrides:
    """Read a table with the columns student, criterion, points and reason; return overrides by the student as written there.

    Raises UsageError, with the line, if the table is not valid.
    """
    known = {criterion.id: criterion for criterion in rubric.criteria}
    found: dict[str, dict[str, Overridden]] = {}
    lines: dict[tuple[str, str], int] = {}
    for line, row in read_table(path, TITLES, tuple(TITLES)).rows:
        student, override = row["student"], _override(path.name, line, row, known)
        if not student:
            raise UsageError("{table}, line {line}: there is no student.", table=path.name, line=line)
        earlier = lines.setdefault((plain(student), override.criterion), line)
        if earlier != line:
            raise UsageError(
                "{table}, line {line}: {criterion} of {student} is already in line {earlier}.",
                table=path.name, line=line, criterion=override.criterion, student=student, earlier=earlier,
            )  # fmt: skip
        found.setdefault(student, {})[override.criterion] = override
    return {student: tuple(overrides.values()) for student, overrides in found.items()}


def assigned(
    submissions: Sequence[Submission], overrides: Overrides, is_known: Callable[[str], bool]
) -> tuple[dict[str, tuple[Overridden, ...]], tuple[str, ...]]:
    """Return overrides by the key of each submission, and the students who have overrides and no submission.

    They are given by key, id, e-mail or name. A key means one submission; the others mean all submissions of the student;
    of two overrides for the same criterion, the one given by key wins. is_known tells whether a person without a
    submission has this name: then it is not matched with e-mails and names of others. Raises UsageError if a name belongs
    to several students, or to nobody.
    """
    keys = {plain(submission.key) for submission in submissions}
    by_key: dict[str, list[Overridden]] = {submission.key: [] for submission in submissions}
    absent = []
    for student, given in sorted(overrides.items(), key=lambda item: plain(item[0]) in keys):
        named = _named(student, submissions, is_known)
        for submission in named:
            by_key[submission.key] += given
        absent += [] if named else [student]
    unknown = [student for student in absent if not is_known(student)]
    if unknown:
        raise UsageError("There are overrides for {student}, who is not in the class.", student=", ".join(unknown))
    return {key: tuple(given) for key, given in by_key.items()}, tuple(absent)


def _named(student: str, people: Sequence[Submission], is_known: Callable[[str], bool]) -> list[Submission]:
    """Return the submissions that a key, id, e-mail or name means; a key or id takes precedence, then an e-mail."""
    wanted = plain(student)
    ways: tuple[Callable[[Submission], bool], ...] = (
        lambda person: plain(person.key) == wanted,
        lambda person: plain(person.student) == wanted,
        lambda person: bool(person.email) and plain(person.email) == wanted,
        lambda person: bool(person.name) and words(person.name) == words(student),
    )
    # A name may be one student's id and another submission's key: it then means both.
    found = {person.key: person for way in ways[:2] for person in people if way(person)}
    for way in ways[2:] if not is_known(student) else ():
        found = found or {person.key: person for person in people if way(person)}
    by_student = defaultdict(list)
    for person in found.values():
        by_student[plain(person.student)].append(person)
    if len(by_student) > 1 and not any(way(item) for way in ways[:2] for item in found.values()):
        keys = ", ".join(found)
        raise UsageError(
            "There are overrides for {student}, a name that several students share: give the id or the key ({keys}).",
            student=student, keys=keys,
        )  # fmt: skip
    return list(found.values())


def _override(table: str, line: int, row: dict[str, str], known: Mapping[str, Criterion]) -> Overridden:
    name, points = row["criterion"], row["points"].replace(",", ".")
    if name in ("*", "score") and name not in known:
        raise UsageError(
            "{table}, line {line}: give points to one criterion at a time, not to {criterion}.",
            table=table, line=line, criterion=name,
        )  # fmt: skip
    if name not in known:
        raise UsageError(
            "{table}, line {line}: the rubric has no criterion {criterion}; it has {known}.",
            table=table, line=line, criterion=name or '""', known=", ".join(known),
        )  # fmt: skip
    most = known[name].points
    if not DECIMAL.fullmatch(points) or Decimal(points) > most:
        raise UsageError(
            "{table}, line {line}: points for {criterion} must be a number from 0 to {most} with at most two decimal places, not {points}.",
            table=table, line=line, criterion=name, most=most, points=row["points"] or '""',
        )  # fmt: skip
    return Overridden(
        criterion=name, title=known[name].title, points=rounded(Decimal(points)), max_points=most, measured=None,
        reason=row["reason"], bonus=known[name].bonus,
    )  # fmt: skip
