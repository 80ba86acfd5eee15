"""A class of 300 in the form of each platform: every upload has a row, and every row the right student."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from grader.classroom.finding import find
from grader.classroom.grading import Run
from grader.classroom.results import Decisions, entries, write_tables
from grader.classroom.results_folder import ResultsFolder
from grader.classroom.warm import GradingRequest
from grader.core.report import Report
from tests.classroom.test_results_folder import LAB, Fake, right
from tests.classroom.test_uploads import laid
from tests.support.packed import Files, zipped

SIZE = 300
FIRST = ("Анна", "Борис", "Вера", "Пётр", "Ёжи", "Maria", "Иван")


def name_of(number: int) -> str:
    """Return a name; the first two students have the same one."""
    return "Same Name" if number < 2 else f"Фамилия{number} {FIRST[number % len(FIRST)]}"


def program(number: int) -> bytes:
    return f"# student {number}\n".encode()


def uploads(number: int) -> Files:
    """Return the files of a student: a program, a notebook's worth of them, an archive, or what is no program."""
    content = program(number)
    if number % 50 == 7:
        return {"network.rar": b"Rar!"}
    return {"lab.zip": zipped({"network.py": content})} if number % 10 == 3 else {"network.py": content}


def prefixed(beginning: Callable[[int], str]) -> Files:
    return {
        f"{beginning(number)}{file}": content for number in range(SIZE) for file, content in uploads(number).items()
    }


def blackboard() -> Files:
    older = {f"Lab_u{number}_attempt_2026-01-01-10-00-00_old.py": b"# old\n" for number in range(0, SIZE, 4)}
    return older | prefixed(lambda number: f"Lab_u{number}_attempt_2026-01-02-10-00-00_")


def clones() -> Files:
    return {f"lab12-u{number}/.git/config": b"" for number in range(SIZE)} | prefixed(
        lambda number: f"lab12-u{number}/"
    )


def joined(name: str) -> str:
    return re.sub(r"\W", "", name).lower()


FORMS: dict[str, Callable[[], Files]] = {
    "plain": lambda: prefixed(lambda number: f"u{number}/"),
    "moodle": lambda: prefixed(lambda number: f"{name_of(number)}_{9000 + number}_assignsubmission_file_/"),
    "canvas": lambda: prefixed(
        lambda number: f"{joined(name_of(number))}{'_LATE' if number % 9 == 0 else ''}_{9000 + number}_{number}_"
    ),
    "blackboard": blackboard,
    "brightspace": lambda: prefixed(lambda number: f"{9000 + number}-1 - {name_of(number)} - Jan 2, 2026 1000 AM/"),
    "teams": lambda: prefixed(
        lambda number: f"Student Work/Submitted files/{name_of(number)} {number if number < 2 else ''}/Lab/Version 1/"
    ),
    "repositories": clones,
}


def roster(folder: Path) -> Path:
    """Return the list of the class: numbers of the school, names, logins, groups."""
    path = folder / "roster.csv"
    lines = [f"s{number};{name_of(number)};u{number};М-{number % 3}" for number in range(SIZE)]
    path.write_text("\n".join(["id;ФИО;Логин;Группа", *lines, ""]), encoding="utf-8")
    return path


@pytest.mark.soak
@pytest.mark.parametrize("form", FORMS)
def test_every_upload_has_a_row_of_its_student(form: str, tmp_path: Path) -> None:
    """Whoever is on the roster by login or name is found, two of one name are nobody's, and what is no program has a row."""
    out, found = tmp_path / "out", find(laid(tmp_path / "class", FORMS[form]()), roster(tmp_path))
    seen: dict[str, str] = {}

    def graded(wanted: GradingRequest) -> Report:
        handed = b"" if wanted.raw is None else b"".join(wanted.raw.files.values())
        seen[wanted.name] = handed.decode("utf-8", "replace")
        report = right(wanted)
        return replace(report, submission=replace(report.submission, sha256=wanted.name))

    with ResultsFolder.opened(out) as results_folder:
        results_folder.begin(1, "en")
        Run(LAB, results_folder, lambda _: None, lambda _: None).grade(found.found, Fake(graded), 2, regrade=False)
        write_tables(results_folder, lambda: entries(found.found, LAB, results_folder, Decisions()), LAB.lab.rubric)
    with (out / "gradebook.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = {row["key"]: row for row in csv.DictReader(file)}

    assert len(rows) == SIZE
    by_login = form in ("plain", "blackboard", "repositories")
    wrong = [
        (key, row["student"], seen[key])
        for key, row in rows.items()
        if (told := re.search("# student ([0-9]+)", seen[key]))
        and row["student"] != f"s{told[1]}"
        and (by_login or int(told[1]) > 1)
    ]
    assert wrong == []
    known = [row for row in rows.values() if row["student"].startswith("s")]
    assert len(known) >= SIZE - 2
    assert all(row["group"] == f"М-{int(row['student'][1:]) % 3}" for row in known if row["student"][1:].isdigit())
    assert sum(row["late"] == "yes" for row in rows.values()) == (len(range(0, SIZE, 9)) if form == "canvas" else 0)
