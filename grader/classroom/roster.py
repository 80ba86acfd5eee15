"""Reads the roster that a teacher gives: students, their groups and teams, and the files they submitted."""

from __future__ import annotations

from pathlib import Path

import msgspec

from grader.classroom.csv_input import read_table
from grader.classroom.names import plain
from grader.core.errors import UsageError
from grader.core.messages import Message

TITLES = {
    "id": ("номер", "индивидуальный номер", "id number", "student id", "зачётка", "номер зачётки", "код"),
    "name": (
        "фио",
        "ф.и.о.",
        "фио студента",
        "студент",
        "имя студента",
        "полное имя",
        "фамилия имя",
        "фамилия и имя",
        "фамилия имя отчество",
        "full name",
        "student",
        "student name",
        "last name first name",
    ),
    "first": ("имя", "first name"),
    "last": ("фамилия", "last name", "surname"),
    "patronymic": ("отчество",),
    "email": ("почта", "e-mail", "email address", "эл. почта", "электронная почта", "адрес электронной почты"),
    "login": ("логин", "username", "github", "github_username"),
    "file": ("файл", "filename"),
    "group": ("группа", "группы", "groups", "section"),
    "team": ("команда", "бригада"),
}
IDS = ("id", "login", "email", "name")  # the first of these columns that the table has identifies students


class RosterEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One student of the roster; file is the name of their upload, for uploads whose names identify nobody."""

    id: str
    name: str = ""
    email: str = ""
    file: str = ""
    login: str = ""
    group: str = ""
    team: str = ""

    @property
    def shown(self) -> str:
        """Name and id of the student, for people to read."""
        return f"{self.name} ({self.id})" if self.name and self.name != self.id else self.id


def read_roster(path: Path) -> tuple[tuple[RosterEntry, ...], tuple[Message, ...]]:
    """Return the students of the class, and notes about the table.

    Raises UsageError, with the line, if a student has no id or is listed twice.
    """
    table = read_table(path, TITLES)
    has_name = bool({"name", "first", "last"} & table.columns)
    column = next((name for name in IDS if name in table.columns or (name == "name" and has_name)), None)
    if column is None:
        raise UsageError("{table}, line 1: the column {column} is missing.", table=path.name, column="id")
    found: dict[str, RosterEntry] = {}
    for line, row in table.rows:
        known = {name: row.get(name, "") for name in ("email", "file", "login", "group", "team")}
        parts = (row.get(part, "") for part in ("last", "first", "patronymic"))
        name = row.get("name") or " ".join(part for part in parts if part)
        student = name if column == "name" else row[column]
        if not student:
            raise UsageError("{table}, line {line}: there is no {column}.", table=path.name, line=line, column=column)
        if plain(student) in found:
            raise UsageError("{table}, line {line}: {id} is listed twice.", table=path.name, line=line, id=student)
        found[plain(student)] = RosterEntry(id=student, name=name, **known)
    return tuple(found.values()), table.notes
