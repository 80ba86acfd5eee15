"""Fills in a sheet that a teacher downloaded: a Canvas gradebook or a Moodle grading worksheet.

Only the grade cells (and Moodle's feedback comments) of matched students are replaced; every other byte is preserved.
"""

from __future__ import annotations

import codecs
import html
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Literal

import msgspec

from grader.classroom.names import condensed, orders, plain, unambiguous, without_patronymic, words
from grader.classroom.tables import Entry
from grader.core.decisions import exact, is_gate, override_of, points_of, rounded, was_run
from grader.core.errors import UsageError
from grader.core.messages import Message, say
from grader.core.report import CriterionResult, Report, Status
from grader.core.text import printable
from grader.renderers.parts import reason_line
from grader.renderers.scores import Tell, counted, decision_lines, points_text, scaled_line, score_line, teller

SHEET_BYTES = 32 * 2**20

# Titles of the worksheet in Moodle's language packs, English and Russian.
MOODLE: dict[str, tuple[str, ...]] = {
    "id": ("Identifier", "Идентификатор"),
    "grade": ("Grade", "Оценка"),
    "modified": ("Last modified (grade)", "Последнее изменение (оценка)"),
    "most": ("Maximum grade", "Максимальная оценка"),
    "changeable": ("Grade can be changed", "Оценка может быть изменена"),
    "feedback": ("Feedback comments", "Отзыв в виде комментария"),
    "idnumber": ("ID number", "Индивидуальный номер"),
    "email": ("Email address", "Адрес электронной почты"),
    "username": ("Username", "Логин"),
    "name": ("Full name", "Полное имя"),
    "first": ("First name", "Имя"),
    "last": ("Last name", "Фамилия"),
}
CANVAS: dict[str, tuple[str, ...]] = {
    "name": ("Student",),
    "first": ("FirstName",),
    "last": ("LastName",),
    "id": ("ID",),
    "sis": ("SIS User ID",),
    "login": ("SIS Login ID",),
    "section": ("Section",),
}
NO = ("no", "нет")
TOTALS = re.compile("(Current|Final) (Score|Points|Grade)|Override (Score|Grade|Status)")  # Canvas skips such columns
ASSIGNMENT = re.compile(r"(.*\S)\s*\(([0-9]+)\)\s*")
NUMBER = re.compile("[0-9]+(?:([.,])([0-9]+))?")
HAZARD = re.compile("((?:^|[;,])[\\s\"']*)([=+\\-@\uff1d\uff0b\uff0d\uff20][=+\\-@\uff1d\uff0b\uff0d\uff20\\s\"']*)")


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """One cell of a sheet: its bytes are data[start:end], text is the decoded value."""

    start: int
    end: int
    text: str
    is_quoted: bool


Row = list[Cell]


class FilledSheet(msgspec.Struct, frozen=True, kw_only=True):
    """The filled sheet, with the rows (as name and id) and the entries that have no match.

    notes explain cells that were left unchanged: no score, excused, locked, ambiguous.
    """

    data: bytes
    filled: int
    column: str
    unmatched_rows: tuple[str, ...]
    unmatched_entries: tuple[Entry, ...]
    notes: tuple[Message, ...]


class Sheet(msgspec.Struct, frozen=True, kw_only=True):
    """A parsed sheet: the rows of students, and the index of each known column."""

    data: bytes
    kind: Literal["canvas", "moodle"]
    delimiter: bytes
    header: Row
    rows: tuple[Row, ...]
    columns: dict[str, int]
    grade: int
    points: str = ""  # Canvas' Points Possible

    def text(self, row: Row, column: str) -> str:
        """Return the text of a known column in a row, "" if the row has no such cell."""
        place = self.columns.get(column)
        return row[place].text.strip() if place is not None and place < len(row) else ""

    def name(self, row: Row) -> str:
        """Return the student's name in a row; Canvas writes ="=name" for one that starts with "="."""
        name = self.text(row, "name") or f"{self.text(row, 'first')} {self.text(row, 'last')}"
        return name[2:-1] if name.startswith('="') and name.endswith('"') else name

    def most(self, row: Row) -> str:
        """Return the maximum points of the learning platform, as written in the sheet."""
        return self.points or self.text(row, "most")


def fill(sheet: bytes, entries: Sequence[Entry], assignment: str | None = None) -> FilledSheet:
    """Return the sheet with the scores of entries in the grade cells of their students, and Moodle's feedback comments.

    assignment, a title or an id, selects the column of a Canvas gradebook that has several. For a student without a score the grade stays unchanged; if the submission was rejected,
    the reason is given as feedback. Raises UsageError if the sheet is of no known kind or its maximum score differs.
    """
    table = read_sheet(sheet, assignment)
    partners, notes = matched(table, entries)
    taken = {id(entry) for entry in partners.values()}
    edits: list[tuple[Cell, str]] = []
    style = _style(table)
    filled = 0
    for place, entry in partners.items():
        row = table.rows[place]
        obstacle = _obstacle(table, row)
        if obstacle is not None:
            notes.append(obstacle)
            continue
        if entry.report.final_score is None:
            notes.append(_without_score(_shown(table, row), entry))
            if entry.report.status is not Status.REJECTED:
                continue
        else:
            edits.append((row[table.grade], _grade(table, row, entry, style)))
            filled += 1
        comments = table.columns.get("feedback", len(row))
        if comments < len(row):
            edits.append((row[comments], feedback_html(entry)))
    if "feedback" not in table.columns:
        notes.append(say("The sheet has no column for feedback comments: only grades are filled in."))
    return FilledSheet(
        data=_replaced(table, edits),
        filled=filled,
        column=table.header[table.grade].text.strip(),
        unmatched_rows=tuple(_shown(table, row) for place, row in enumerate(table.rows) if place not in partners),
        unmatched_entries=tuple(entry for entry in entries if id(entry) not in taken),
        notes=tuple(notes),
    )


def _without_score(student: str, entry: Entry) -> Message:
    """Return the note about a student without a score, whose grade cell is left unchanged."""
    if entry.report.status is Status.REJECTED:
        return say("{student} has no score because the submission was rejected: the cell is unchanged (--rejected zero writes 0).", student=student)  # fmt: skip
    return say("{student} has no score: the cell is unchanged.", student=student)


def _obstacle(table: Sheet, row: Row) -> Message | None:
    """Return why the cells of a row are left unchanged, or None if they can be filled in."""
    student = _shown(table, row)
    if table.grade >= len(row):
        return say("The row of {student} has no cell for the grade.", student=student)
    if table.kind == "canvas" and row[table.grade].text.strip().upper() in ("EX", "N/A"):
        return say(
            "{student} has {text} in the gradebook: the cell is unchanged.",
            student=student, text=row[table.grade].text.strip(),
        )  # fmt: skip
    if table.text(row, "changeable").casefold() in NO:
        return say("The grade of {student} is locked: the cell is unchanged.", student=student)
    return None


# --- writing ------------------------------------------------------------------------------------


def _grade(table: Sheet, row: Row, entry: Entry, style: tuple[str, int]) -> str:
    """Return the score in the sheet's number format; raise UsageError if the maximum scores differ."""
    score, most = counted(entry.report)
    assert score is not None
    value = exact(score)
    mark, digits = style
    wanted = NUMBER.fullmatch(table.most(row))
    points = Decimal(wanted[0].replace(",", ".")) if wanted else Decimal(0)
    if points and points != exact(most):
        raise UsageError(
            "The column {column} has {points} points, the scores go up to {most}: convert them with --scale {points}.",
            column=table.header[table.grade].text.strip(), points=str(rounded(points)), most=str(most),
        )  # fmt: skip
    digits = digits if value == value.to_integral_value() else max(digits, 2)
    return f"{value:.{digits}f}".replace(".", mark)


def _style(table: Sheet) -> tuple[str, int]:
    """Return the sheet's decimal mark and number of decimals, as in its grades or else its maximum points."""
    grades = (row[table.grade].text.strip() for row in table.rows if table.grade < len(row))
    for text in (*grades, *map(table.most, table.rows)):
        found = NUMBER.fullmatch(text)
        if found and found[1]:
            return found[1], len(found[2])
    return ("," if table.delimiter == b";" else "."), 0


def feedback_html(entry: Entry) -> str:
    """Return the lost points with reasons, as HTML for Moodle; nothing in it starts a formula."""
    report, tell = entry.report, teller(entry.report.lang)
    lines = [score_line(report, tell), scaled_line(report, tell), reason_line(report), *decision_lines(report, tell)]
    for criterion in report.criteria if was_run(report) else ():
        lines += _criterion_lines(report, criterion, tell)
    lines = [line for line in lines if line]
    text = "<br>".join(html.escape(printable(" ".join(line.split()), 600), quote=False) for line in lines)
    return HAZARD.sub(lambda found: found[1] + "".join(_entity(item) for item in found[2]), text)


def _criterion_lines(report: Report, criterion: CriterionResult, tell: Tell) -> Iterator[str]:
    points = points_of(report, criterion.id)
    if override_of(report, criterion.id) is not None:
        return
    if is_gate(criterion) and criterion.feedback is not None:
        yield f"{criterion.title}: {criterion.feedback.text}"
    elif points is not None and points < criterion.max_points:
        yield f"{criterion.title}: {points_text(points, criterion.max_points, tell)}"
        for case in criterion.cases:
            if case.feedback is not None and case.points < case.max_points:
                yield f"• {case.feedback.text} {case.hint.text if case.hint is not None else ''}"


def _entity(character: str) -> str:
    return character if character.isspace() or character in "\"'" else f"&#{ord(character)};"


def _replaced(table: Sheet, edits: Iterable[tuple[Cell, str]]) -> bytes:
    """Return the sheet with the text of some cells replaced; a cell is quoted if it was before or has to be."""
    parts: list[bytes] = []
    done = 0
    special = re.compile(f'["\r\n{table.delimiter.decode()}]')
    for cell, text in sorted(edits, key=lambda edit: edit[0].start):
        content = text
        if cell.is_quoted or special.search(text):
            content = '"' + text.replace('"', '""') + '"'
        parts += [table.data[done : cell.start], content.encode()]
        done = cell.end
    return b"".join([*parts, table.data[done:]])


# --- matching students --------------------------------------------------------------------------


Finder = Callable[[Row], Entry | None]


def matched(table: Sheet, entries: Sequence[Entry]) -> tuple[dict[int, Entry], list[Message]]:
    """Return the entry of each row that has one, by the row's index, and notes about ambiguous rows.

    Rows are matched by the platform's id, the school's ids, login or email, or the name: the first that identifies a
    single entry. A row whose name identifies another entry is not matched, nor are rows that share an entry.
    """
    finders = _finders(table, entries)
    by_name = finders[-1]
    partners: dict[int, Entry] = {}
    notes: list[Message] = []
    for place, row in enumerate(table.rows):
        entry = next((found for finder in finders if (found := finder(row)) is not None), None)
        named = by_name(row)
        if entry is not None and named is not None and named is not entry:
            notes.append(
                say("{student} is {one} by id but {other} by name: skipped.", student=_shown(table, row), one=entry.key, other=named.key)
            )  # fmt: skip
        elif entry is not None:
            partners[place] = entry
    places: dict[int, list[int]] = defaultdict(list)
    for place, entry in partners.items():
        places[id(entry)].append(place)
    for several in (group for group in places.values() if len(group) > 1):
        shown = ", ".join(_shown(table, table.rows[place]) for place in several)
        notes.append(say("{key} fits several rows: {rows}.", key=partners[several[0]].key, rows=shown))
        for place in several:
            del partners[place]
    return partners, notes


def _finders(table: Sheet, entries: Sequence[Entry]) -> list[Finder]:
    ids = unambiguous(entries, lambda entry: [plain(alias) for alias in entry.aliases])
    students = unambiguous(entries, lambda entry: [plain(student) for student in _students(entry)])
    logins = unambiguous(
        entries,
        lambda entry: [*map(plain, _students(entry)), plain(entry.email), plain(entry.email).partition("@")[0]],
    )
    names = unambiguous(entries, lambda entry: [words(entry.name)])
    joined = unambiguous(entries, lambda entry: orders(entry.name))
    shortened = unambiguous(entries, lambda entry: orders(without_patronymic(entry.name)))

    def platform_id(row: Row) -> Entry | None:
        digits = re.search("([0-9]+)$", table.text(row, "id"))
        found = plain(digits[1]) if digits else ""
        return ids.get(found) or students.get(found)

    def by(index: dict[str, Entry], column: str) -> Finder:
        return lambda row: index.get(plain(table.text(row, column)))

    def by_name(row: Row) -> Entry | None:
        name = table.name(row)
        found = names.get(words(name)) or joined.get(condensed(name)) or shortened.get(condensed(name))
        return found or names.get(words(without_patronymic(name)))

    if table.kind == "canvas":
        return [platform_id, by(students, "sis"), by(logins, "login"), by_name]
    return [platform_id, by(students, "idnumber"), by(logins, "email"), by(logins, "username"), by_name]


def _students(entry: Entry) -> list[str]:
    """Return the student's id, and the name too if only the name of a file identifies the student."""
    return [entry.student, *([entry.name] if entry.student == entry.key else [])]


def _shown(table: Sheet, row: Row) -> str:
    """Return name and id of a row's student, for people to read."""
    name, found = " ".join(table.name(row).split()), table.text(row, "id")
    return printable(f"{name} ({found})" if found else name, 200)


# --- reading a sheet ----------------------------------------------------------------------------


def read_sheet(data: bytes, assignment: str | None = None) -> Sheet:
    """Parse a sheet and find its columns; raise UsageError if it is neither Canvas' nor Moodle's."""
    if len(data) > SHEET_BYTES:
        raise UsageError("The sheet is larger than {limit} MiB.", limit=SHEET_BYTES // 2**20)
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise UsageError("The sheet is UTF-16 text: save it as CSV UTF-8.")
    try:
        data.decode()
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise UsageError("Line {line} of the sheet is not UTF-8 text: save it as CSV UTF-8.", line=line) from error
    for delimiter in (b",", b";"):
        rows = [row for row in split(data, delimiter) if row]
        titles = [cell.text.strip() for cell in rows[0]] if rows else []
        moodle, canvas = _places(titles, MOODLE), _places(titles, CANVAS)
        if {"id", "grade", "modified"} <= moodle.keys():
            return Sheet(
                data=data, kind="moodle", delimiter=delimiter, header=rows[0], rows=tuple(rows[1:]),
                columns=moodle, grade=moodle["grade"],
            )  # fmt: skip
        if {"id", "section"} <= canvas.keys() and ("name" in canvas or {"first", "last"} <= canvas.keys()):
            return _canvas(data, delimiter, rows, canvas, assignment)
    raise UsageError(
        "The sheet is neither a Canvas gradebook (Student, ID, Section) nor a Moodle grading worksheet (Identifier, Grade, Last modified (grade)), in English or Russian."
    )


def _places(titles: Sequence[str], known: dict[str, tuple[str, ...]]) -> dict[str, int]:
    """Return the index of each known column, the first with one of its titles."""
    found = [title.casefold() for title in titles]
    wanted = {name: [title.casefold() for title in spellings] for name, spellings in known.items()}
    return {
        name: min(found.index(title) for title in spellings if title in found)
        for name, spellings in wanted.items()
        if any(title in found for title in spellings)
    }


def _canvas(data: bytes, delimiter: bytes, rows: list[Row], columns: dict[str, int], assignment: str | None) -> Sheet:
    """Return a parsed Canvas gradebook: the column of the assignment, and the rows of students."""
    header = rows[0]
    points = next((row for row in rows[1:4] if "Points Possible" in row[0].text), [])
    titles = {
        place: cell.text.strip()
        for place, cell in enumerate(header)
        if place > columns["section"] and cell.text.strip() and not TOTALS.search(cell.text)
    }
    places = [place for place in titles if place >= len(points) or "read only" not in points[place].text]
    grade = _assignment_column(titles, places, assignment)
    students = [row for row in rows[1:] if "Points Possible" not in row[0].text and not _is_remark(row)]
    return Sheet(
        data=data, kind="canvas", delimiter=delimiter, header=header, rows=tuple(students), columns=columns,
        grade=grade, points=points[grade].text.strip() if grade < len(points) else "",
    )  # fmt: skip


def _is_remark(row: Row) -> bool:
    """Return whether a row of a Canvas gradebook describes assignments, not a student."""
    return all(re.fullmatch(r"\s*(Muted|Manual Posting.*)?\s*", cell.text, re.IGNORECASE) for cell in row)


def _assignment_column(titles: dict[int, str], places: list[int], assignment: str | None) -> int:
    """Return the index of the column that assignment (a title, an id or both) names, or without one, of the only column.

    Raises UsageError if there is no such column or several.
    """
    if assignment is None:
        numbered = [place for place in places if ASSIGNMENT.fullmatch(titles[place])]
        fitting = numbered or places
    else:
        wanted = assignment.strip()
        fitting = [place for place in places if titles[place] == wanted] or [
            place
            for place in places
            if (found := ASSIGNMENT.fullmatch(titles[place])) and wanted in (found[1], found[2])
        ]
    if len(fitting) == 1:
        return fitting[0]
    shown = ", ".join(printable(titles[place], 100) for place in places) or say("none")
    if assignment is None:
        raise UsageError(
            "The gradebook has several assignment columns or none; choose one with --fill-column: {columns}.",
            columns=shown,
        )
    raise UsageError(
        "{assignment} does not name exactly one column of the gradebook; the columns are: {columns}.",
        assignment=assignment,
        columns=shown,
    )


def split(data: bytes, delimiter: bytes) -> list[Row]:
    """Split a CSV file into cells with their byte positions, as the csv module does (RFC 4180), after a byte order mark.

    An empty line is a row without cells. Raises UsageError if a quote is never closed.
    """
    mark = re.escape(delimiter)
    pattern = re.compile(b'("[^"]*(?:""[^"]*)*"(?!"))?([^\r\n%b]*)(%b|\r\n|\r|\n|)' % (mark, mark))
    place = len(codecs.BOM_UTF8) if data.startswith(codecs.BOM_UTF8) else 0
    rows: list[Row] = []
    row: Row = []
    is_open = False  # a cell is expected, even an empty one
    while place < len(data) or is_open:
        found = pattern.match(data, place)
        assert found is not None
        if found[1] is None and found[2].startswith(b'"'):
            line = data[:place].count(b"\n") + 1
            raise UsageError("Line {line} of the sheet has a quote that is never closed.", line=line)
        text = (found[1] or b"")[1:-1].replace(b'""', b'"') + found[2]
        is_open = found[3] == delimiter
        if row or is_open or found.end(2) > place:
            row.append(Cell(start=place, end=found.end(2), text=text.decode(), is_quoted=found[1] is not None))
        if not is_open:
            rows.append(row)
            row = []
        place = found.end()
    return rows
