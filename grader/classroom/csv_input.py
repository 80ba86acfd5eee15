"""Reads CSV tables that a teacher writes, as spreadsheets save them: in UTF-8, UTF-16, or cp1251 on a Russian Windows."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from grader.classroom.names import plain
from grader.core.errors import UsageError, cause
from grader.core.messages import Message, say
from grader.core.text import printable

TABLE_BYTES = 8 * 2**20
SEPARATOR = re.compile(
    r'"?sep=([;,\t])"?(?:\r?\n|\r)', re.IGNORECASE
)  # a first line for Excel that names the separator
WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # first bytes of .xlsx and .ods (zip), and of .xls
CYRILLIC = re.compile("[а-яё]{2}", re.IGNORECASE)

Titles = Mapping[str, Sequence[str]]  # by name of a column: other titles that it may have


class CsvTable(msgspec.Struct, frozen=True, kw_only=True):
    """A table: rows as (line number, cells by column), the known columns it has, and notes for the teacher."""

    rows: tuple[tuple[int, dict[str, str]], ...]
    columns: frozenset[str]
    notes: tuple[Message, ...] = ()


def read_table(path: Path, titles: Titles, required: Sequence[str] = ()) -> CsvTable:
    """Read a table; raise UsageError, with the line, if it is not valid.

    Titles are not case-sensitive. Columns with unknown titles are ignored, with a note; blank rows are skipped.
    """
    text, notes = _text(path)
    separator = SEPARATOR.match(text)
    start = separator.end() if separator else 0
    delimiter = separator[1] if separator else _delimiter(text, titles)
    reader = csv.reader(io.StringIO(text[start:], newline=""), delimiter=delimiter, strict=True)
    rows: list[tuple[int, dict[str, str]]] = []
    columns: dict[str, int] = {}
    first = 2 if separator else 1
    line = first
    try:
        for cells in reader:
            if not columns and any(cells):
                columns, left_out = _columns(path.name, line, cells, titles, required)
                if left_out:
                    notes.append(say("{table}: ignored columns: {columns}.", table=path.name, columns=left_out))
            elif any(cell.strip() for cell in cells):
                padded = [*cells, *[""] * (1 + max(columns.values()))]
                rows.append((line, {name: " ".join(padded[place].split()) for name, place in columns.items()}))
            line = reader.line_num + first
    except csv.Error as error:
        raise UsageError("{table}, line {line}: {reason}.", table=path.name, line=line, reason=str(error)) from error
    if not columns and text.strip():
        raise UsageError("{table} has none of the columns {columns}.", table=path.name, columns=", ".join(titles))
    if not columns:
        raise UsageError("{table} is empty.", table=path.name)
    return CsvTable(rows=tuple(rows), columns=frozenset(columns), notes=tuple(notes))


def _text(path: Path) -> tuple[str, list[Message]]:
    """Return the text of a table, and notes about its encoding; raise UsageError if it is not a text file."""
    try:
        if path.exists() and not path.is_file():
            raise UsageError("{table} is not a regular file.", table=path.name)
        with path.open("rb") as file:
            content = file.read(TABLE_BYTES + 1)
    except OSError as error:
        raise UsageError("{table} cannot be read: {reason}.", table=path.name, reason=cause(error)) from error
    if len(content) > TABLE_BYTES:
        raise UsageError("{table} is larger than {limit} MiB.", table=path.name, limit=TABLE_BYTES // 2**20)
    if content.startswith(WORKBOOKS):
        raise UsageError("{table} is a spreadsheet workbook, not CSV: save it as CSV UTF-8.", table=path.name)
    try:
        if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return content.decode("utf-16"), []
        return content.decode("utf-8-sig"), []
    except UnicodeDecodeError as error:
        text = content.decode("cp1251", "replace")
        if CYRILLIC.search(text) and "\ufffd" not in text and "\0" not in text:
            return text, [say("{table} is not UTF-8 text: it was read as cp1251.", table=path.name)]
        line = content[: error.start].count(b"\n") + 1
        raise UsageError(
            "{table}, line {line}: this is not UTF-8 text: save it as CSV UTF-8.", table=path.name, line=line
        ) from error


def _delimiter(text: str, titles: Titles) -> str:
    """Return the character that separates the titles; since titles may contain commas, the one that gives most known titles."""
    header, known = re.split("[\r\n]", text.strip(), maxsplit=1)[0], _names(titles)

    def rank(mark: str) -> tuple[float, int]:
        cells = header.split(mark)
        return sum(_bare(cell.strip(' "')) in known for cell in cells) / len(cells), len(cells)

    return max(",;\t", key=rank)


def _names(titles: Titles) -> dict[str, str]:
    """Return the names of columns by their possible titles."""
    return {_bare(title): name for name, several in titles.items() for title in (name, *several)}


def _bare(title: str) -> str:
    """Return a title without case, commas, and the asterisks and colons of forms."""
    return plain(re.sub("[,:*]", " ", title))


def _columns(
    table: str, line: int, header: Sequence[str], titles: Titles, required: Sequence[str]
) -> tuple[dict[str, int], str]:
    """Return the index of each known column, and the titles of the others."""
    name_of = _names(titles)
    shown = [" ".join(title.split()) for title in header]
    found = [name_of.get(_bare(title)) for title in shown]
    twice = [name for name, count in Counter(filter(None, found)).items() if count > 1]
    if twice:
        raise UsageError("{table}, line {line}: the column {column} appears twice.", table=table, line=line, column=twice[0])  # fmt: skip
    missing = [name for name in required if name not in found]
    if missing:
        raise UsageError("{table}, line {line}: the column {column} is missing.", table=table, line=line, column=missing[0])  # fmt: skip
    left_out = [printable(title, 60) for title, name in zip(shown, found, strict=True) if name is None and title]
    return {name: place for place, name in enumerate(found) if name is not None}, ", ".join(left_out)
