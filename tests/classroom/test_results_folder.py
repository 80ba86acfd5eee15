"""The results folder of a class: the results that a run keeps and never loses, and its messages about them."""

from __future__ import annotations

import csv
import errno
import os
import shutil
import tempfile
from collections.abc import Callable
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from grader.classroom.finding import find
from grader.classroom.grading import Change, Line, Run
from grader.classroom.results import Decisions, entries, write_tables
from grader.classroom.results_folder import Attempt, ResultsFolder, Unwritable
from grader.classroom.statistics import statistics_of
from grader.classroom.uploads import Submissions
from grader.classroom.warm import GradingRequest, Task
from grader.commands.class_results import read_decisions
from grader.core.errors import UsageError
from grader.core.messages import say
from grader.core.outcomes import Verdict
from grader.core.report import Report, Status
from grader.pipeline.scoring import without_run
from grader.renderers.json import parse_json
from grader.sandbox.processes import TemporaryFolder, remove_left_folders
from tests.classroom.test_tables import report as a_report
from tests.pipeline.test_scoring import TASK
from tests.support.command import ROOT
from tests.support.command import grade_class as run_class

LAB = Task(lab=TASK)
BAD = {"xor.loss": Verdict.FAILED}
Grader = Callable[[GradingRequest], Report]


class Fake(Executor):
    """Executor that grades at once, in this process, without running anything."""

    def __init__(self, grade: Grader) -> None:
        self.grade = grade

    def submit(self, _: object, /, *args: Any, **__: Any) -> Future[Any]:
        """Grade a submission: the arguments are the task and the request."""
        future: Future[Any] = Future()
        try:
            future.set_result(self.grade(args[1]))
        except BaseException as error:
            future.set_exception(error)
        return future


def right(request: GradingRequest) -> Report:
    return of(request, a_report())


def wrong(request: GradingRequest) -> Report:
    return of(request, a_report(BAD))


def failing(request: GradingRequest) -> Report:
    return without_run(TASK, request.name, Status.GRADER_ERROR, say("The grader itself failed: {problem}.", problem="x"), seed=1, lang="en", total_s=0)  # fmt: skip


def of(request: GradingRequest, report: Report) -> Report:
    """Return a report about the submission."""
    sha256 = request.raw.sha256 if request.raw is not None else ""
    return replace(report, submission=replace(report.submission, name=request.name, sha256=sha256))


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
) -> tuple[list[Line], list[Change], Submissions]:
    """Grade a class into a results folder, and write its tables."""
    found, lines, changes = find(folder), list[Line](), list[Change]()
    with ResultsFolder.opened(out) as results_folder:
        results_folder.begin(7, "en")
        Run(task, results_folder, lines.append, changes.append).grade(found.found, Fake(grade), 1, regrade=regrade)
        write_tables(results_folder, lambda: entries(found.found, task, results_folder, Decisions()), task.lab.rubric)
        results_folder.close(statistics_of(entries(found.found, task, results_folder, Decisions()), task, []))
    return lines, changes, found


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def column(out: Path, name: str) -> dict[str, str]:
    return {row["key"]: row[name] for row in rows(out / "gradebook.csv")}


@pytest.mark.parametrize("is_regrade", [False, True])
def test_a_broken_grader_replaces_nothing(is_regrade: bool, submissions: Path, tmp_path: Path) -> None:
    """A good report is kept if the grader fails on its submission; the run says so, and the next one tries again."""
    out = tmp_path / "out"
    other = replace(LAB, required="strict")
    graded(submissions, out, right)
    before = {path: path.read_bytes() for path in (out / "reports").iterdir()}

    lines, changes, _ = graded(submissions, out, failing, other, regrade=is_regrade)
    outdated = column(out, "outdated")
    kept = {path: path.read_bytes() for path in (out / "reports").iterdir()}
    again, changed, _ = graded(submissions, out, wrong, other)

    assert (kept, changes) == (before, [])
    assert [(line.score, line.is_kept, line.broken) for line in lines] == [
        (100, True, "The grader itself failed: x.")
    ] * 2
    assert outdated == {"anna": "yes", "boris": "yes"}
    assert [(item.score, item.is_new) for item in again] == [(95, True)] * 2
    assert {item.key for item in changed} == {"anna", "boris"}
    assert column(out, "outdated") == {"anna": "", "boris": ""}


def test_a_regrade_that_fails_costs_nothing(submissions: Path, tmp_path: Path) -> None:
    """A report of the same lab, version and submission stays up to date, and is not graded again."""
    graded(submissions, tmp_path / "out", right)
    graded(submissions, tmp_path / "out", failing, regrade=True)
    lines, _, _ = graded(submissions, tmp_path / "out", failing)

    assert [(line.score, line.is_new, line.broken) for line in lines] == [(100, False, "")] * 2
    assert column(tmp_path / "out", "outdated") == {"anna": "", "boris": ""}


def test_what_failed_is_graded_again(submissions: Path, tmp_path: Path) -> None:
    """A report of a failure of the grader is replaced, and that does not count as a change of points."""
    graded(submissions, tmp_path / "out", failing)
    lines, changes, _ = graded(submissions, tmp_path / "out", right)

    assert [(line.score, line.is_new) for line in lines] == [(100, True)] * 2
    assert changes == []


def test_every_change_is_recorded(submissions: Path, tmp_path: Path) -> None:
    """Each run appends whose points changed, where, and whether the files changed."""
    out = tmp_path / "out"
    graded(submissions, out, right)
    (submissions / "anna.py").write_text("# another\n", encoding="utf-8")
    _, lower, _ = graded(submissions, out, wrong)
    _, higher, _ = graded(submissions, out, right, regrade=True)
    _, none, _ = graded(submissions, out, right, regrade=True)

    assert [(item.criterion, item.before, item.after, item.is_resubmitted) for item in lower] == [
        ("score", 100, 95, True),
        ("xor", 15, 10, True),
    ]
    assert none == []
    assert [(row["key"], row["criterion"], row["before"], row["after"], row["submission"]) for row in rows(out / "changes.csv")] == [
        ("anna", "score", "100", "95", "new"), ("anna", "xor", "15", "10", "new"),
        ("anna", "score", "95", "100", "same"), ("anna", "xor", "10", "15", "same"),
    ]  # fmt: skip
    assert [item.key for item in higher] == ["anna", "anna"]
    assert rows(out / "changes.csv")[1]["why"] == "What xor.loss does is wrong."


def test_a_run_that_ends_between_two_labs(submissions: Path, tmp_path: Path) -> None:
    """Reports of the old and the new rubric coexist: rows of the old one are marked, and not averaged."""
    out = tmp_path / "out"
    criteria = [criterion for criterion in TASK.rubric.criteria if criterion.id != "forward"]
    shorter = replace(LAB, lab=replace(TASK, rubric=type(TASK.rubric)(criteria=tuple(criteria))))
    graded(submissions, out, right)
    found = find(submissions)

    def stops(request: GradingRequest) -> Report:
        if request.name == "boris":
            raise KeyboardInterrupt
        full = right(request)
        criteria = [criterion for criterion in full.criteria if criterion.id != "forward"]
        return replace(full, criteria=criteria, score=85, final_score=85, max_score=85)

    with ResultsFolder.opened(out) as results_folder:
        results_folder.begin(None, None)
        with pytest.raises(KeyboardInterrupt):
            Run(shorter, results_folder, lambda _: None, lambda _: None).grade(
                found.found, Fake(stops), 1, regrade=False
            )
        write_tables(
            results_folder, lambda: entries(found.found, shorter, results_folder, Decisions()), shorter.lab.rubric
        )
        numbers = statistics_of(entries(found.found, shorter, results_folder, Decisions()), shorter, [])

    assert (column(out, "outdated"), column(out, "score")) == (
        {"anna": "", "boris": "yes"},
        {"anna": "85", "boris": "100"},
    )
    assert (numbers["outdated"], numbers["scores"]["mean"], numbers["max_score"]) == (["boris"], 85, 85)


def test_one_run_at_a_time(tmp_path: Path) -> None:
    """A second run in the same results folder is refused with one sentence; one in another folder is not."""
    with ResultsFolder.opened(tmp_path / "out"):
        refusal = pytest.raises(UsageError, match="Another grade-class is using out: wait until it ends")
        with refusal, ResultsFolder.opened(tmp_path / "out"):
            pass
        with ResultsFolder.opened(tmp_path / "other"):
            pass
    with ResultsFolder.opened(tmp_path / "out"):
        pass


def test_what_a_killed_run_left_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half-written files, and old temporary folders that no process has locked; nothing else."""
    out = tmp_path / "out"
    (out / "reports").mkdir(parents=True)
    parts = [out / ".gradebook.csvx1.part", out / ".changes.csvx.part", out / "reports" / ".anna.jsony.part"]
    for path in (*parts, out / "notes.part", out / ".mine"):
        path.touch()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    used, new, left = TemporaryFolder(), tmp_path / "grade-new", tmp_path / "grade-left"
    for folder in (new, left):
        (folder / "inner").mkdir(parents=True)
    (tmp_path / "grade-link").symlink_to(out)
    (tmp_path / "other").mkdir()
    for name in (used.name, left, tmp_path / "other"):
        os.utime(name, (1, 1))

    with ResultsFolder.opened(out):
        remove_left_folders()

    assert sorted(path.name for path in out.iterdir()) == [".lock", ".mine", "notes.part", "reports"]
    assert list((out / "reports").iterdir()) == []
    there = {path.name for path in tmp_path.iterdir()}
    assert there == {"out", "other", "grade-new", "grade-link", Path(used.name).name}
    used.remove()


@pytest.mark.parametrize("kind", ["folder", "pipe", "link", "cut", "deep"])
def test_something_else_in_the_place_of_a_report(kind: str, submissions: Path, tmp_path: Path) -> None:
    """At most that report is lost; the tables have every submission."""
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
    assert [line.broken for line in lines if line.broken] == broken
    assert column(out, "score") == {"anna": "95", "boris": "100"}


def test_a_full_disk_is_named(submissions: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence names the file and its folder; earlier results are kept."""
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
    """It is reported before anything is graded."""
    (tmp_path / "out" / name).mkdir(parents=True)

    with pytest.raises(UsageError, match=f"{name} cannot be used: Is a directory"):
        graded(submissions, tmp_path / "out", right)


@pytest.mark.wide
def test_a_lab_that_breaks(tmp_path: Path) -> None:
    """A suite that cannot be collected: exit code 4, the scores of the previous run, and a sentence about both."""
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
    assert "The grader failed; earlier results were kept: 1." in broken.out
    assert "(kept: the grader failed)" in broken.out
    assert (during, column(tmp_path / "out", "score")) == (before, before)
    assert "(0 graded now)" in whole.out


# --- attempts and teams ---------------------------------------------------------------------------


def by_content(request: GradingRequest) -> Report:
    """Grade a submission as wrong if its text says so."""
    content = b"".join(request.raw.files.values()) if request.raw is not None else b""
    return wrong(request) if b"wrong" in content else right(request)


def graded_with(
    folder: Path, out: Path, grade: Grader, attempt: Attempt | None, roster: Path | None = None
) -> list[Change]:
    """Grade a class where the best attempt counts, or the last; return what changed."""
    found, changes = find(folder, roster), list[Change]()
    with ResultsFolder.opened(out) as results_folder:
        results_folder.begin(7, "en", attempt)
        Run(LAB, results_folder, lambda _: None, changes.append).grade(found.found, Fake(grade), 1, regrade=False)
        write_tables(results_folder, lambda: entries(found.found, LAB, results_folder, Decisions()), LAB.lab.rubric)
        results_folder.close({"lang": "en"})
    return changes


def test_the_best_of_several_runs(submissions: Path, tmp_path: Path) -> None:
    """With `best`, a worse resubmission changes nothing, also in later runs, until the last attempt counts again."""
    out = tmp_path / "out"
    graded_with(submissions, out, by_content, None)
    (submissions / "anna.py").write_text("# wrong\n", encoding="utf-8")
    best = graded_with(submissions, out, by_content, "best")
    stays = graded_with(submissions, out, failing, None)
    seen = column(out, "score"), column(out, "attempt"), column(out, "outdated")
    last = graded_with(submissions, out, failing, "last")

    assert (best, stays) == ([], [])
    assert seen == (
        {"anna": "100", "boris": "100"}, {"anna": "earlier of 2", "boris": ""}, {"anna": "", "boris": ""},
    )  # fmt: skip
    assert [(item.criterion, item.before, item.after) for item in last] == [("score", 100, 95), ("xor", 15, 10)]
    assert (column(out, "score")["anna"], column(out, "attempt")["anna"]) == ("95", "last of 2")


@pytest.mark.parametrize(("attempt", "score"), [("best", "100"), ("last", "95")])
def test_the_best_of_several_attempts(attempt: Attempt, score: str, tmp_path: Path) -> None:
    """Attempts in one export are all graded if the best counts, and only the last one otherwise."""
    (tmp_path / "class").mkdir()
    for day, text in ((1, "# right"), (2, "# wrong")):
        name = f"Lab 12_anova1_attempt_2026-01-0{day}-10-00-00_network.py"
        (tmp_path / "class" / name).write_text(text, encoding="utf-8")
    seen: list[str] = []

    def counted(request: GradingRequest) -> Report:
        seen.append(request.name)
        return by_content(request)

    graded_with(tmp_path / "class", tmp_path / "out", counted, attempt)
    graded_with(tmp_path / "class", tmp_path / "out", failing, None)

    assert column(tmp_path / "out", "score") == {"anova1": score}
    assert len(seen) == (2 if attempt == "best" else 1)


def test_a_team_is_graded_once(submissions: Path, tmp_path: Path) -> None:
    """Each member has a row and a report; a new member gets the same report."""
    listed = tmp_path / "roster.csv"
    listed.write_text("id,name,team,group\n1,One,Anna,g1\n2,Two,Anna,g2\n", encoding="utf-8")
    seen: list[str] = []

    def counted(request: GradingRequest) -> Report:
        seen.append(request.name)
        return right(request)

    graded_with(submissions, tmp_path / "out", counted, None, listed)
    listed.write_text("id,name,team,group\n0,Zero,Anna,g1\n1,One,Anna,g1\n2,Two,Anna,g2\n", encoding="utf-8")
    graded_with(submissions, tmp_path / "out", counted, None, listed)

    assert sorted(seen) == ["anna-0", "anna-1", "boris"]
    table = {row["student"]: row for row in rows(tmp_path / "out" / "gradebook.csv")}
    assert {name: (row["score"], row["group"], row["team"]) for name, row in table.items()} == {
        "0": ("100", "g1", "anna"), "1": ("100", "g1", "anna"), "2": ("100", "g2", "anna"), "boris": ("100", "", ""),
    }  # fmt: skip
    names = {path.stem: parse_json(path.read_text(encoding="utf-8")) for path in (tmp_path / "out/reports").iterdir()}
    assert {name: item.submission.name for name, item in names.items()} == {name: name for name in names}
    assert len({names[f"anna-{number}"].seed for number in range(3)}) == 1


def test_an_override_by_name_outlives_the_first_report(tmp_path: Path) -> None:
    """A report whose key begins with the name of its student does not make the student count as absent."""
    (tmp_path / "class").mkdir()
    (tmp_path / "class" / "onestudent_12345_678_network.py").write_text("", encoding="utf-8")
    found = find(tmp_path / "class")
    with ResultsFolder.opened(tmp_path / "out") as results_folder:
        results_folder.keep("onestudent-12345", a_report())
        (tmp_path / "out" / "overrides.csv").write_text("student,criterion,points,reason\nonestudent,xor,3,late\n")

        decisions = read_decisions(results_folder, found, LAB, is_rejected_zero=False, scale=None)

    assert [item.key for item in found.found] == ["onestudent-12345"]
    assert [override.points for override in decisions.overrides["onestudent-12345"]] == [3]
    assert decisions.absent == ()
