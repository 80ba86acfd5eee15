"""A class of 300 from each platform: every upload has a row, with the right student and score."""

from __future__ import annotations

import csv
import json
import re
import sys
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import pytest
from msgspec.structs import replace

from grader.classroom.finding import find
from grader.classroom.grading import Run
from grader.classroom.results import Decisions, entries, write_tables
from grader.classroom.results_folder import ResultsFolder
from grader.classroom.warm import GradingRequest
from grader.core.report import Report, Status
from tests.classroom.test_results_folder import LAB, Fake, right
from tests.classroom.test_uploads import laid
from tests.support.command import ROOT, graded, run
from tests.support.mutants import mutants
from tests.support.packed import Files, notebook, zipped
from tests.support.styles import styles

SIZE = 304
SHARE = 38  # of the students, those that one platform has when all are really graded
FIRST = ("Анна", "Борис", "Вера", "Пётр", "Ёжи", "Maria", "Иван")


@cache
def programs() -> Sequence[str]:
    """Return right and wrong work in many forms."""
    free = sorted((ROOT / "tests" / "freeform").glob("*.py"))
    texts = [*styles().values(), *(path.read_text(encoding="utf-8") for path in free)]
    return [*texts, *(mutant.text(0.3) for mutant in mutants().values())]


def is_namesake(number: int) -> bool:
    """Return whether a student has the name of another one."""
    return number % SHARE < 2


def name_of(number: int) -> str:
    return f"Same Name{number // SHARE}" if is_namesake(number) else f"Фамилия{number} {FIRST[number % len(FIRST)]}"


@cache
def uploads(number: int) -> Files:
    """Return the files of a student: a program, a notebook, an archive, or something that cannot be graded."""
    text = f"{programs()[number % len(programs())]}\n# student {number}\n"
    match number % 19:
        case 7:
            return {"network.rar": f"Rar! {number}".encode()}
        case 9:
            return {"lab.zip": b"PK\3\4" + text.encode()}
        case 11:
            return {"lab.zip": zipped({"lab/network.py": text.encode()})}
        case 13:
            return {"lab.ipynb": notebook(text)}
        case 15:
            return {"network.py": f"class Model(:\n# student {number}\n".encode()}
        case _:
            return {"network.py": text.encode()}


def uploader(form: str, number: int) -> int:
    """Return whose upload counts for a student: in Gradescope's form every twelfth is in the group of the one before."""
    return number - 1 if form == "gradescope" and number % 12 == 11 else number


def older(number: int) -> Files:
    return {"network.py": f"# an earlier attempt of student {number}\n".encode()} if number % 4 == 0 else {}


def below(beginning: str, files: Files) -> Files:
    return {f"{beginning}{name}": content for name, content in files.items()}


def blackboard(number: int) -> Files:
    earlier = below(f"Lab_u{number}_attempt_2026-01-01-10-00-00_", older(number))
    return earlier | below(f"Lab_u{number}_attempt_2026-01-02-10-00-00_", uploads(number))


def brightspace(number: int) -> Files:
    earlier = below(f"{9000 + number}-1 - {name_of(number)} - Jan 1, 2026 1100 PM/", older(number))
    return earlier | below(f"{9000 + number}-1 - {name_of(number)} - Jan 2, 2026 1000 AM/", uploads(number))


def canvas(number: int) -> Files:
    name = re.sub(r"\W", "", name_of(number)).lower()
    return below(f"{name}{'_LATE' if number % 9 == 0 else ''}_{9000 + number}_{number}_", uploads(number))


def gradescope(number: int) -> Files:
    return below(f"export/submission_{9000 + number}/", uploads(number) if uploader("gradescope", number) == number else {})  # fmt: skip


def teams(number: int) -> Files:
    folder = f"Student Work/Submitted files/{name_of(number)}{number % SHARE if is_namesake(number) else ''}/Lab"
    return below(f"{folder}/Version 1/", older(number)) | below(f"{folder}/Version 2/", uploads(number))


FORMS: dict[str, Callable[[int], Files]] = {
    "drive": lambda number: below(f"Lab/u{number}/", uploads(number)),
    "moodle": lambda number: below(f"{name_of(number)}_{9000 + number}_assignsubmission_file_/", uploads(number)),
    "canvas": canvas,
    "gradescope": gradescope,
    "blackboard": blackboard,
    "brightspace": brightspace,
    "teams": teams,
    "repositories": lambda number: {f"lab12-u{number}/.git/config": b""} | below(f"lab12-u{number}/", uploads(number)),
}
BY_LOGIN = ("drive", "blackboard", "repositories", "gradescope")  # the others know names only


def metadata(numbers: range) -> bytes:
    """Return what Gradescope says about its submissions: each student's school id, and who is in a group."""
    lines = []
    for number in numbers:
        if uploader("gradescope", number) == number:
            lines += [f"submission_{9000 + number}:", "  :submitters:"]
        lines += [f"  - :name: {name_of(number)}", f"    :sid: s{number}", f"    :email: u{number}@example.org"]
    return "\n".join([*lines, ""]).encode()


def exported(form: str, numbers: range, folder: Path) -> Path:
    """Return what a platform exports of some students: an archive, or a folder of clones."""
    files: Files = {}
    for number in numbers:
        files |= FORMS[form](number)
    if form == "gradescope":
        files["export/submission_metadata.yml"] = metadata(numbers)
    if form == "repositories":
        return laid(folder / "class", files)
    path = folder / ("Lab-20260102T100000Z-001.zip" if form == "drive" else "class.zip")
    path.write_bytes(zipped(files))
    return path


def roster(folder: Path, numbers: range) -> Path:
    """Return the list of the class: numbers of the school, names, logins, groups."""
    path = folder / "roster.csv"
    lines = [f"s{number};{name_of(number)};u{number};М-{number % 3}" for number in numbers]
    path.write_text("\n".join(["id;ФИО;Логин;Группа", *lines, ""]), encoding="utf-8")
    return path


def rows_in(out: Path) -> list[dict[str, str]]:
    with (out / "gradebook.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def check_students(form: str, numbers: range, rows: list[dict[str, str]]) -> None:
    """Fail if a student has no row or a wrong group or lateness; two students of one name keep the platform's ids."""
    known = {f"s{number}" for number in numbers if form in BY_LOGIN or not is_namesake(number)}
    assert len(rows) == len(numbers)
    assert {row["student"] for row in rows} & {f"s{number}" for number in numbers} == known
    for row in rows:
        if row["student"] in known:
            number = int(row["student"][1:])
            assert (row["group"], row["name"]) == (f"М-{number % 3}", name_of(number))
            assert (row["late"] == "yes") is (form == "canvas" and number % 9 == 0)


@pytest.mark.soak
@pytest.mark.parametrize("form", FORMS)
def test_every_upload_has_a_row_of_its_student(form: str, tmp_path: Path) -> None:
    """Students on the roster are found by login or name, except two of one name; uploads that are no program have a row."""
    numbers = range(SIZE)
    out, found = tmp_path / "out", find(exported(form, numbers, tmp_path), roster(tmp_path, numbers))
    seen: dict[str, str] = {}

    def fake(request: GradingRequest) -> Report:
        seen[request.name] = "" if request.raw is None else str(request.raw.files)
        report = right(request)
        return replace(report, submission=replace(report.submission, sha256=request.name))

    with ResultsFolder.opened(out) as results_folder:
        results_folder.begin(1, "en")
        Run(LAB, results_folder, lambda _: None, lambda _: None).grade(found.found, Fake(fake), 2, regrade=False)
        write_tables(results_folder, lambda: entries(found.found, LAB, results_folder, Decisions()), LAB.lab.rubric)

    rows = rows_in(out)
    check_students(form, numbers, rows)
    read = {row["student"]: re.search("# student ([0-9]+)", seen.get(row["key"], "")) for row in rows}
    known = {student: int(text[1]) for student, text in read.items() if text and re.fullmatch("s[0-9]+", student)}
    assert len(known) > SIZE / 2
    assert known == {student: uploader(form, int(student[1:])) for student in known}


@pytest.mark.soak
@pytest.mark.parametrize("form", FORMS)
def test_a_class_is_graded_as_each_of_its_files(form: str, tmp_path: Path) -> None:
    """An eighth of 300 students, graded on each platform: every row has the score that its file gets alone."""
    place = [*FORMS].index(form)
    numbers = range(place * SHARE, (place + 1) * SHARE)
    source, out = exported(form, numbers, tmp_path), tmp_path / "out"
    listed = roster(tmp_path, numbers)
    arguments = ("--out", out, "--roster", listed, "--seed", "7", "--lang", "en", "--jobs", "2")

    ran = run([Path(sys.executable).with_name("grade-class"), source, *arguments], tmp_path)

    assert (ran.code, ran.err) == (0, "")
    rows = rows_in(out)
    check_students(form, numbers, rows)
    alone = {number: laid(tmp_path / "alone" / str(number), uploads(number)) for number in numbers}
    for row in rows:
        kept = json.loads((out / "reports" / f"{row['key']}.json").read_bytes())
        is_known = re.fullmatch("s[0-9]+", row["student"])
        named = [int(row["student"][1:])] if is_known else filter(is_namesake, numbers)
        reports = [graded(alone[uploader(form, number)], seed=kept["seed"]) for number in named]
        (report,) = (
            item for item in reports if len(reports) == 1 or item.submission.sha256 == kept["submission"]["sha256"]
        )
        assert (kept["status"], kept["score"]) == (report.status.value, report.score)
        assert row["score"] == (str(report.score) if report.status is Status.GRADED else "")  # no 0 that nobody decided
        assert [[case["verdict"] for case in part["cases"]] for part in kept["criteria"]] == [
            [case.verdict.value for case in part.cases] for part in report.criteria
        ]
        assert kept["submission"]["sha256"] == report.submission.sha256
