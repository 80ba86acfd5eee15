"""The results folder of a class: what a run keeps there, what it never loses, and what it says about it."""

from __future__ import annotations

import csv
import errno
import os
import shutil
import tempfile
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from grader.classroom.results import (
    Book,
    Change,
    Decisions,
    Line,
    Unwritable,
    entries,
    grade_class,
    statistics_of,
    write_tables,
)
from grader.classroom.uploads import HandIns, find
from grader.classroom.warm import Task, Wanted
from grader.core.errors import UsageError
from grader.core.messages import say
from grader.core.outcomes import Verdict
from grader.core.report import Report, Status
from grader.pipeline.scoring import without_run
from grader.sandbox.processes import Folder, remove_left_folders
from tests.classroom.test_tables import report as a_report
from tests.pipeline.test_scoring import TASK
from tests.support.command import ROOT
from tests.support.command import grade_class as run_class

LAB = Task(lab=TASK)
BAD = {"xor.loss": Verdict.FAILED}
Grader = Callable[[Wanted], Report]


class Fake(Executor):
    """Grades at once, in this process, without running anything."""

    def __init__(self, grade: Grader) -> None:
        self.grade = grade

    def submit(self, _: object, /, *args: Any, **__: Any) -> Future[Any]:
        """Grade a submission: the arguments are the task and what is wanted."""
        future: Future[Any] = Future()
        try:
            future.set_result(self.grade(args[1]))
        except BaseException as error:
            future.set_exception(error)
        return future


def right(wanted: Wanted) -> Report:
    return of(wanted, a_report())


def wrong(wanted: Wanted) -> Report:
    return of(wanted, a_report(BAD))


def failing(wanted: Wanted) -> Report:
    return without_run(TASK, wanted.name, Status.GRADER_ERROR, say("The grader itself failed: {problem}.", problem="x"), seed=1, lang="en", total_s=0)  # fmt: skip


def of(wanted: Wanted, report: Report) -> Report:
    """Return a report about what was handed in."""
    sha256 = wanted.handed.sha256 if wanted.handed is not None else ""
    return replace(report, submission=replace(report.submission, name=wanted.name, sha256=sha256))


@pytest.fixture
def submissions(tmp_path: Path) -> Path:
    """Return a class of two."""
    folder = tmp_path / "class"
    folder.mkdir()
    for name in ("anna", "boris"):
        (folder / f"{name}.py").write_text(f"# {name}\n", encoding="utf-8")
    return folder


def graded(
    folder: Path, out: Path, grade: Grader, task: Task = LAB, *, regrade: bool = False
) -> tuple[list[Line], list[Change], HandIns]:
    """Grade a class into a results folder, and write its tables."""
    found, lines, changes = find(folder), list[Line](), list[Change]()
    with Book.opened(out) as book:
        book.begin(7, "en")
        grade_class(found.found, task, book, Fake(grade), 1, regrade=regrade, done=lines.append, changed=changes.append)
        write_tables(book, lambda: entries(found.found, task, book, Decisions()), task.lab.rubric)
        book.close(statistics_of(entries(found.found, task, book, Decisions()), task, []))
    return lines, changes, found


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def column(out: Path, name: str) -> dict[str, str]:
    return {row["key"]: row[name] for row in rows(out / "gradebook.csv")}


@pytest.mark.parametrize("is_regrade", [False, True])
def test_a_broken_grader_replaces_nothing(is_regrade: bool, submissions: Path, tmp_path: Path) -> None:
    """A good report stays when the grader fails over its submission; the run says so, and the next one tries again."""
    out = tmp_path / "out"
    other = replace(LAB, required="strict")
    graded(submissions, out, right)
    before = {path: path.read_bytes() for path in (out / "reports").iterdir()}

    lines, changes, _ = graded(submissions, out, failing, other, regrade=is_regrade)
    outdated = column(out, "outdated")
    kept = {path: path.read_bytes() for path in (out / "reports").iterdir()}
    again, changed, _ = graded(submissions, out, wrong, other)

    assert (kept, changes) == (before, [])
    assert [(one.score, one.is_kept, one.broken) for one in lines] == [(100, True, "The grader itself failed: x.")] * 2
    assert outdated == {"anna": "yes", "boris": "yes"}
    assert [(one.score, one.is_new) for one in again] == [(95, True)] * 2
    assert {one.key for one in changed} == {"anna", "boris"}
    assert column(out, "outdated") == {"anna": "", "boris": ""}


def test_a_regrade_that_fails_costs_nothing(submissions: Path, tmp_path: Path) -> None:
    """A report of this very lab, version and submission stays up to date, and is not graded again."""
    graded(submissions, tmp_path / "out", right)
    graded(submissions, tmp_path / "out", failing, regrade=True)
    lines, _, _ = graded(submissions, tmp_path / "out", failing)

    assert [(one.score, one.is_new, one.broken) for one in lines] == [(100, False, "")] * 2
    assert column(tmp_path / "out", "outdated") == {"anna": "", "boris": ""}


def test_what_failed_is_graded_again(submissions: Path, tmp_path: Path) -> None:
    """A report that says only that the grader failed is replaced, and that is no change of points."""
    graded(submissions, tmp_path / "out", failing)
    lines, changes, _ = graded(submissions, tmp_path / "out", right)

    assert [(one.score, one.is_new) for one in lines] == [(100, True)] * 2
    assert changes == []


def test_every_change_is_told(submissions: Path, tmp_path: Path) -> None:
    """After any run: who has other points, where, and whether the student handed in something else. Runs are added."""
    out = tmp_path / "out"
    graded(submissions, out, right)
    (submissions / "anna.py").write_text("# another\n", encoding="utf-8")
    _, lower, _ = graded(submissions, out, wrong)
    _, higher, _ = graded(submissions, out, right, regrade=True)
    _, none, _ = graded(submissions, out, right, regrade=True)

    assert [(one.criterion, one.before, one.after, one.is_resubmitted) for one in lower] == [
        ("score", 100, 95, True),
        ("xor", 15, 10, True),
    ]
    assert none == []
    assert [(row["key"], row["criterion"], row["before"], row["after"], row["submission"]) for row in rows(out / "changes.csv")] == [
        ("anna", "score", "100", "95", "new"), ("anna", "xor", "15", "10", "new"),
        ("anna", "score", "95", "100", "same"), ("anna", "xor", "10", "15", "same"),
    ]  # fmt: skip
    assert [one.key for one in higher] == ["anna", "anna"]
    assert rows(out / "changes.csv")[1]["why"] == "What xor.loss does is wrong."


def test_a_run_that_ends_between_two_labs(submissions: Path, tmp_path: Path) -> None:
    """Reports of the old rubric and of the new one stand side by side: rows of the old one are marked, and not averaged."""
    out = tmp_path / "out"
    criteria = [one for one in TASK.rubric.criteria if one.id != "forward"]
    shorter = replace(LAB, lab=replace(TASK, rubric=type(TASK.rubric)(criteria=tuple(criteria))))
    graded(submissions, out, right)
    found = find(submissions)

    def stops(wanted: Wanted) -> Report:
        if wanted.name == "boris":
            raise KeyboardInterrupt
        full = right(wanted)
        made = [one for one in full.criteria if one.id != "forward"]
        return replace(full, criteria=made, score=85, final_score=85, max_score=85)

    with Book.opened(out) as book:
        book.begin(None, None)
        with pytest.raises(KeyboardInterrupt):
            grade_class(found.found, shorter, book, Fake(stops), 1, regrade=False, done=lambda _: None, changed=lambda _: None)  # fmt: skip
        write_tables(book, lambda: entries(found.found, shorter, book, Decisions()), shorter.lab.rubric)
        numbers = statistics_of(entries(found.found, shorter, book, Decisions()), shorter, [])

    assert (column(out, "outdated"), column(out, "score")) == (
        {"anna": "", "boris": "yes"},
        {"anna": "85", "boris": "100"},
    )
    assert (numbers["outdated"], numbers["scores"]["mean"], numbers["max_score"]) == (["boris"], 85, 85)


def test_one_run_at_a_time(tmp_path: Path) -> None:
    """A second run in the same results folder is refused with one sentence; in another folder it is not."""
    with Book.opened(tmp_path / "out"):
        refusal = pytest.raises(UsageError, match="Another grade-class is using out: wait until it ends")
        with refusal, Book.opened(tmp_path / "out"):
            pass
        with Book.opened(tmp_path / "other"):
            pass
    with Book.opened(tmp_path / "out"):
        pass


def test_what_a_killed_run_left_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half-written files, and old temporary folders that no process has locked; nothing else."""
    out = tmp_path / "out"
    (out / "reports").mkdir(parents=True)
    parts = [out / ".gradebook.csvx1.part", out / ".changes.csvx.part", out / "reports" / ".anna.jsony.part"]
    for path in (*parts, out / "notes.part", out / ".mine"):
        path.touch()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    used, new, left = Folder(), tmp_path / "grade-new", tmp_path / "grade-left"
    for folder in (new, left):
        (folder / "inner").mkdir(parents=True)
    (tmp_path / "grade-link").symlink_to(out)
    (tmp_path / "other").mkdir()
    for name in (used.name, left, tmp_path / "other"):
        os.utime(name, (1, 1))

    with Book.opened(out):
        remove_left_folders()

    assert sorted(path.name for path in out.iterdir()) == [".lock", ".mine", "notes.part", "reports"]
    assert list((out / "reports").iterdir()) == []
    there = {path.name for path in tmp_path.iterdir()}
    assert there == {"out", "other", "grade-new", "grade-link", Path(used.name).name}
    used.remove()


@pytest.mark.parametrize("kind", ["folder", "pipe", "link", "cut", "deep"])
def test_something_odd_in_the_place_of_a_report(kind: str, submissions: Path, tmp_path: Path) -> None:
    """It costs that report, or not even that; the tables have every submission."""
    out = tmp_path / "out"
    graded(submissions, out, right)
    path = out / "reports" / "anna.json"
    whole = path.read_text(encoding="utf-8")
    path.unlink()
    make: dict[str, Callable[[], object]] = {
        "folder": lambda: (path / "x").mkdir(parents=True),
        "pipe": lambda: os.mkfifo(path),
        "link": lambda: path.symlink_to(tmp_path / "nothing"),
        "cut": lambda: path.write_text(whole[:-9], encoding="utf-8"),
        "deep": lambda: path.write_text("[" * 100_000, encoding="utf-8"),
    }
    make[kind]()

    lines, _, _ = graded(submissions, out, wrong)

    broken = ["reports/anna.json cannot be written: Is a directory."] if kind == "folder" else []
    assert [one.broken for one in lines if one.broken] == broken
    assert column(out, "score") == {"anna": "95", "boris": "100"}


def test_a_full_disk_is_named(submissions: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence has the file and its folder; what was there before stays."""
    graded(submissions, tmp_path / "out", right)
    before = (tmp_path / "out" / "reports" / "anna.json").read_bytes()

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "no space")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(Unwritable, match=r"^reports/anna.json cannot be written: No space left on device\.$"):
        graded(submissions, tmp_path / "out", wrong, regrade=True)

    assert (tmp_path / "out" / "reports" / "anna.json").read_bytes() == before
    assert not list((tmp_path / "out").rglob("*.part"))


@pytest.mark.parametrize("name", ["gradebook.csv", "class.json", "index.html"])
def test_a_folder_in_the_place_of_a_table(name: str, submissions: Path, tmp_path: Path) -> None:
    """It is told before anything is graded."""
    (tmp_path / "out" / name).mkdir(parents=True)

    with pytest.raises(UsageError, match=f"{name} cannot be used: Is a directory"):
        graded(submissions, tmp_path / "out", right)


def test_a_lab_that_breaks(tmp_path: Path) -> None:
    """A suite that cannot be collected: exit code 4, the scores of the run before, and a sentence about both."""
    lab, folder = tmp_path / "gates", tmp_path / "class"
    shutil.copytree(ROOT / "tests" / "support" / "gates", lab)
    shutil.copytree(lab / "template", folder)
    run_class(folder, "--out", "out", "--assignment", lab, cwd=tmp_path)
    before = column(tmp_path / "out", "score")
    suite = next((lab / "suite").glob("test_*.py"))
    text = suite.read_text(encoding="utf-8")
    suite.write_text("import nothing_of_this_name\n", encoding="utf-8")

    broken = run_class(folder, "--out", "out", "--assignment", lab, cwd=tmp_path)
    during = column(tmp_path / "out", "score")
    suite.write_text(text, encoding="utf-8")
    whole = run_class(folder, "--out", "out", "--assignment", lab, cwd=tmp_path)

    assert (broken.code, broken.err, whole.code) == (4, "", 0)
    assert "Earlier results are kept where the grader failed: 1." in broken.out
    assert "(kept: the grader failed)" in broken.out
    assert (during, column(tmp_path / "out", "score")) == (before, before)
    assert "(0 graded now)" in whole.out
