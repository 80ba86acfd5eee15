"""The class as tables: one row a student, one row a case, and the overrides that a teacher writes."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Protocol, TextIO

from grader.classroom.names import plain
from grader.core.decisions import is_gate, points_of, rounded, was_run
from grader.core.errors import UsageError, cause
from grader.core.report import CriterionResult, Overridden, Report, Score
from grader.core.rubric import Criterion, Rubric
from grader.core.text import printable
from grader.pipeline.assignment import Assignment

TABLE_BYTES = 8 * 2**20
TEXT_CHARS = 2_000

# Where a spreadsheet may see a formula: at the start of a cell, and behind what another locale takes for the end of one.
FORMULA = re.compile('(?:^|([;,]))[\\s"]*(?=[=+\\-@\uff1d\uff0b\uff0d\uff20])')
DECIMAL = re.compile("[0-9]{1,9}([.][0-9]{1,2})?")
NUMBERS = re.compile("-?[0-9]+(?:[.][0-9]+)?(?:, -?[0-9]+(?:[.][0-9]+)?)*(?:;|$)")

Row = Sequence[str | Score | None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One student of the class: who, and the report with what a teacher decided.

    aliases are the other ids under which a learning platform knows the student. is_outdated: the report is of an earlier
    lab, limit, version or submission, because the run was interrupted or the grader broke.
    """

    key: str
    student: str
    name: str
    email: str
    report: Report
    aliases: tuple[str, ...] = ()
    is_outdated: bool = False


def gradebook(entries: Iterable[Entry], rubric: Rubric) -> Iterator[Row]:
    """Yield one row a student, the titles first; a gate's column has its verdict, extra_score is no part of the score."""
    header = ["key", "student", "name", "email", "status", "score", "max_score", "extra_score"]
    header += [criterion.id for criterion in rubric.criteria]
    header += ["misconceptions", "route", "notes", "reason", "overridden", "outdated"]
    yield header
    for entry in entries:
        yield _gradebook_row(entry, rubric)


def _gradebook_row(entry: Entry, rubric: Rubric) -> Row:
    report = entry.report
    results = {criterion.id: criterion for criterion in report.criteria}
    found = (case.misconception for criterion in report.criteria for case in criterion.cases if case.misconception)
    cells = [_criterion_cell(entry, criterion, results.get(criterion.id)) for criterion in rubric.criteria]
    return [
        entry.key, entry.student, entry.name, entry.email, report.status.value, report.final_score, report.max_score,
        report.final_extra_score, *cells,
        " ".join(dict.fromkeys(found)),
        report.submission.route,
        " / ".join(note.text for note in report.notes),
        report.reason.text if report.reason is not None else "",
        " / ".join(map(_override_shown, report.overrides)),
        "yes" if entry.is_outdated else "",
    ]  # fmt: skip


def _criterion_cell(entry: Entry, criterion: Criterion, result: CriterionResult | None) -> str | Score | None:
    if criterion.is_gate and result is not None:
        return result.verdict.value
    return points_of(entry.report, criterion.id)


def _override_shown(override: Overridden) -> str:
    was = f" (was {override.measured})" if override.measured is not None else ""
    reason = f" {override.reason}" if override.reason else ""
    return f"{override.criterion}: {override.points}{was}{reason}"


def cases(entries: Iterable[Entry]) -> Iterator[Row]:
    """Yield one row a case as it was observed, without overrides, the titles first; a gate is a row without a case.

    A submission of which nothing ran has one row, with the reason.
    """
    yield ["student", "criterion", "case", "verdict", "points", "max_points", "misconception", "feedback"]
    for entry in entries:
        if not was_run(entry.report):
            reason = entry.report.reason.text if entry.report.reason is not None else ""
            yield [entry.student, "", "", entry.report.status.value, None, entry.report.max_score, "", reason]
            continue
        for criterion in entry.report.criteria:
            for case in criterion.cases:
                told = case.feedback.text if case.feedback is not None else ""
                yield [
                    entry.student, criterion.id, case.id, case.verdict.value, case.points, case.max_points,
                    case.misconception or "", told,
                ]  # fmt: skip
            if is_gate(criterion):
                told = criterion.feedback.text if criterion.feedback is not None else ""
                yield [entry.student, criterion.id, "", criterion.verdict.value, 0, 0, "", told]


def write(file: TextIO, rows: Iterable[Row]) -> None:
    """Write rows as CSV (RFC 4180); numbers are numbers, texts are inert and on one line."""
    csv.writer(file).writerows([inert(cell) if isinstance(cell, str) else cell for cell in row] for row in rows)


def inert(text: str) -> str:
    """Return text for a cell: one line, nothing in it hidden, and no spreadsheet takes a part of it for a formula.

    An apostrophe goes before what may start one. A separator of another locale (`a;=1` opened where cells
    end with a semicolon) counts as a start. Plain numbers behind one do not, where the cell ends with them for that
    locale, too: not behind a quote, nor where the next column would follow them.
    """
    line = printable(" ".join(text.split()), TEXT_CHARS)

    def marked(start: re.Match[str]) -> str:
        number = NUMBERS.match(line, start.end()) if start[1] and '"' not in start[0] else None
        ends = number is not None and (start[1] == "," or number[0].endswith(";"))
        return start[0] + ("" if ends else "'")

    return FORMULA.sub(marked, line)


# --- tables that a teacher writes ---------------------------------------------------------------


def read_overrides(path: Path, lab: Assignment) -> dict[str, tuple[Overridden, ...]]:
    """Return the overrides in a table with the columns student, criterion, points, reason, by student (id or key)."""
    known = {criterion.id: criterion for criterion in lab.rubric.criteria}
    found: dict[str, dict[str, Overridden]] = {}
    lines: dict[tuple[str, str], int] = {}
    for line, row in read_table(path, ("student", "criterion", "points", "reason")):
        student, override = row["student"], _override(path.name, line, row, known)
        if not student:
            raise UsageError("{table}, line {line}: there is no student.", table=path.name, line=line)
        earlier = lines.setdefault((plain(student), override.criterion), line)
        if earlier != line:
            raise UsageError(
                "{table}, line {line}: {criterion} of {student} stands in line {earlier} already.",
                table=path.name, line=line, criterion=override.criterion, student=student, earlier=earlier,
            )  # fmt: skip
        found.setdefault(student, {})[override.criterion] = override
    return {student: tuple(overrides.values()) for student, overrides in found.items()}


class Person(Protocol):
    """Whoever overrides may be for."""

    @property
    def key(self) -> str:
        """The key of the hand-in."""

    @property
    def student(self) -> str:
        """The student's id."""


def overrides_of(
    people: Iterable[Person], overrides: dict[str, tuple[Overridden, ...]]
) -> dict[str, tuple[Overridden, ...]]:
    """Return overrides, given by id or by key, by the key of each submission.

    An id gives them to each submission of that student. Of two for one criterion the key's decides.
    """
    by: dict[str, tuple[Overridden, ...]] = {}
    for student, given in overrides.items():
        by[plain(student)] = (*by.get(plain(student), ()), *given)
    made = {}
    for one in people:
        names = dict.fromkeys((plain(one.student), plain(one.key)))
        made[one.key] = tuple(given for name in names for given in by.get(name, ()))
    return made


def without_submission(
    people: Iterable[Person], overrides: Iterable[str], is_known: Callable[[str], bool]
) -> tuple[str, ...]:
    """Return whom overrides are for who has no submission now; UsageError for those who are not known from elsewhere."""
    there = {plain(name) for one in people for name in (one.student, one.key)}
    left = tuple(student for student in overrides if plain(student) not in there)
    unknown = [student for student in left if not is_known(student)]
    if unknown:
        raise UsageError("There are overrides for {student}, who is not in the class.", student=", ".join(unknown))
    return left


def _override(table: str, line: int, row: dict[str, str], known: Mapping[str, Criterion]) -> Overridden:
    name, points = row["criterion"], row["points"].replace(",", ".")
    if name in ("*", "score") and name not in known:
        raise UsageError(
            "{table}, line {line}: points are given to one criterion at a time, not to {criterion}.",
            table=table, line=line, criterion=name,
        )  # fmt: skip
    if name not in known:
        raise UsageError(
            "{table}, line {line}: the rubric has no criterion {criterion}: it has {known}.",
            table=table, line=line, criterion=name or '""', known=", ".join(known),
        )  # fmt: skip
    most = known[name].points
    if not DECIMAL.fullmatch(points) or Decimal(points) > most:
        raise UsageError(
            "{table}, line {line}: points for {criterion} are a number from 0 to {most} with at most two decimal places, not {points}.",
            table=table, line=line, criterion=name, most=most, points=row["points"] or '""',
        )  # fmt: skip
    return Overridden(
        criterion=name, title=known[name].title, points=rounded(Decimal(points)), max_points=most, measured=None,
        reason=row["reason"], bonus=known[name].bonus,
    )  # fmt: skip


def read_table(path: Path, required: Sequence[str], optional: Sequence[str] = ()) -> list[tuple[int, dict[str, str]]]:
    """Return the rows of a CSV file (UTF-8, comma or semicolon) as (line, cells by column); UsageError if it is none.

    The names of columns are not case-sensitive; other columns are left out, and so are rows without any text.
    """
    text = _text(path)
    header_line = text.lstrip().split("\n", 1)[0]
    delimiter = ";" if header_line.count(";") > header_line.count(",") else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows: list[tuple[int, dict[str, str]]] = []
    columns: dict[str, int] = {}
    line = 1
    try:
        for cells in reader:
            if not columns and any(cells):
                columns = _columns(path.name, cells, required, optional)
            elif any(cell.strip() for cell in cells):
                padded = [*cells, *[""] * (1 + max(columns.values()))]
                rows.append((line, {name: " ".join(padded[place].split()) for name, place in columns.items()}))
            line = reader.line_num + 1
    except csv.Error as error:
        raise UsageError("{table}, line {line}: {reason}.", table=path.name, line=line, reason=str(error)) from error
    if not columns:
        raise UsageError("{table} is empty.", table=path.name)
    return rows


def _text(path: Path) -> str:
    """Return the text of a table; UsageError for what is not one."""
    try:
        if path.exists() and not path.is_file():
            raise UsageError("{table} is not a regular file.", table=path.name)
        with path.open("rb") as file:
            content = file.read(TABLE_BYTES + 1)
        if len(content) > TABLE_BYTES:
            raise UsageError("{table} is larger than {limit} MiB.", table=path.name, limit=TABLE_BYTES // 2**20)
        return content.decode("utf-8-sig")
    except OSError as error:
        raise UsageError("{table} cannot be read: {reason}.", table=path.name, reason=cause(error)) from error
    except ValueError as error:
        line = content[: error.start].count(b"\n") + 1 if isinstance(error, UnicodeDecodeError) else 1
        raise UsageError(
            "{table}, line {line}: this is not UTF-8 text: save it as CSV UTF-8.", table=path.name, line=line
        ) from error


def _columns(table: str, header: Sequence[str], required: Sequence[str], optional: Sequence[str]) -> dict[str, int]:
    """Return the place of each column that is asked for."""
    titles = [title.strip().casefold() for title in header]
    twice = [title for title, count in Counter(titles).items() if count > 1 and title in (*required, *optional)]
    missing = [name for name in required if name not in titles]
    if twice:
        raise UsageError("{table}, line 1: the column {column} appears twice.", table=table, column=twice[0])
    if missing:
        raise UsageError("{table}, line 1: the column {column} is missing.", table=table, column=missing[0])
    return {name: titles.index(name) for name in (*required, *optional) if name in titles}
