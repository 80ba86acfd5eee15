"""A class is graded once, can be resumed anywhere, and gives the same results with any number of jobs; nothing is lost."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import random
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from grader.classroom.results_folder import fingerprint
from grader.classroom.statistics import correlation, mean, ranges
from grader.classroom.warm import GradingRequest, Task, Warm
from grader.commands.class_results import ENDINGS
from grader.commands.grade import FORMATS
from grader.core.messages import say
from grader.core.report import Report, Status
from grader.pipeline.grading import assignment, grade_raw
from grader.pipeline.run_suite import CollectedSuite
from grader.pipeline.runs import RawSubmission
from grader.pipeline.staging import collect
from tests.support.command import (
    ENVIRONMENT,
    HANG_S,
    HOARD,
    ROOT,
    RUSSIAN,
    SUBMISSIONS,
    descendants,
    grade,
    grade_class,
    has_hoard_below,
    progress,
    running,
    wait_for_end,
    wait_until,
    warm_sandbox,
)
from tests.support.mutants import mutants
from tests.support.styles import styles

COMMAND = Path(sys.executable).with_name("grade-class")
RIGHT = ("arrays", "lists")
WRONG = ("bias_frozen", "loss_squared")
LOOPING = f"{HOARD}while True: pass\nclass Neuron: pass\nclass Model: pass\n"


@pytest.fixture(scope="module")
def submissions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a small class."""
    folder = tmp_path_factory.mktemp("class")
    for name in RIGHT:
        (folder / f"{name}.py").write_bytes(styles()[name].encode())
    for name in WRONG:
        (folder / f"{name}.py").write_text(mutants()[name].text(0.3), encoding="utf-8")
    (folder / "broken.py").write_text("class Neuron:\n  def", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def results(submissions: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the results of that class, seed 7."""
    out = tmp_path_factory.mktemp("results") / "out"
    ran = grade_class(submissions, "--out", out, "--seed", "7", "--jobs", "2", cwd=out.parent)
    assert (ran.code, ran.err) == (0, "")
    return out


def rows(path: Path) -> list[dict[str, str]]:
    """Read a table."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def kept(out: Path) -> dict[str, Any]:
    """Return every result, without times."""
    found: dict[str, Any] = {name: (out / name).read_bytes() for name in ("gradebook.csv", "cases.csv")}
    for path in [*(out / "reports").glob("*.json"), out / "class.json"]:
        found[path.name] = json.loads(path.read_text(encoding="utf-8"))
        del found[path.name]["timing"]
    return found


def test_pages(submissions: Path, results: Path, tmp_path: Path) -> None:
    """index.html lists each submission with a link to its report, which can be an HTML page."""
    keys = [row["key"] for row in rows(results / "gradebook.csv")]
    out = tmp_path / "out"
    shutil.copytree(results, out)

    ran = grade_class(submissions, "--out", out, "--report", "html", cwd=tmp_path)

    assert ran.code == 0
    for folder, ending in ((results, "json"), (out, "html")):
        page = (folder / "index.html").read_text(encoding="utf-8")
        links = re.findall(r'<th scope="row"><a href="([^"]+)"', page)
        assert links == [f"reports/{key}.{ending}" for key in keys]
        assert [link for link in links if not (folder / link).is_file()] == []


def test_results(results: Path) -> None:
    """Each submission has a report and a row; class.json has scores, cases and mistakes."""
    scores = {row["key"]: row["score"] for row in rows(results / "gradebook.csv")}
    numbers = json.loads((results / "class.json").read_text(encoding="utf-8"))

    assert {name: scores[name] for name in RIGHT} == dict.fromkeys(RIGHT, "100")
    assert set(scores) == {*RIGHT, *WRONG, "broken"}
    assert {path.stem for path in (results / "reports").glob("*.json")} == set(scores)
    assert len(rows(results / "cases.csv")) == 19 * (len(scores) - 1) + 1  # 18 cases and the gate; why nothing ran
    assert numbers["statuses"] == {"graded": 4, "rejected": 1}
    assert {number["id"]: number["keys"] for number in numbers["misconceptions"]}["bias_frozen"] == ["bias_frozen"]
    assert numbers["cases"]["neuron_update.bias"]["pass_rate"] == 3 / 4


@pytest.mark.wide
def test_a_report_tells_nothing_about_the_next_seed(submissions: Path, results: Path, tmp_path: Path) -> None:
    """Each submission, and each version of it, has its own seed; the key is in class.json alone, which is the owner's."""
    folder, out = tmp_path / "class", tmp_path / "out"
    shutil.copytree(submissions, folder)
    shutil.copy(folder / "arrays.py", folder / "copied.py")
    shutil.copytree(results, out)
    before = seeds_of(out)
    (folder / "arrays.py").write_text(styles()["arrays"] + "\n# again\n", encoding="utf-8")

    again = grade_class(folder, "--out", out, cwd=tmp_path)
    (folder / "arrays.py").write_text(styles()["arrays"], encoding="utf-8")
    back = grade_class(folder, "--out", out, cwd=tmp_path)

    key = json.loads((out / "class.json").read_text(encoding="utf-8"))["key"]
    after = seeds_of(out)
    assert "(2 graded now)" in again.out
    assert "(0 graded now)" in back.out  # the report of that attempt is kept
    assert "--seed" not in again.out + back.out
    assert {name: after[name] for name in before} == before
    assert len({*after.values()}) == len(after) == 6
    assert re.fullmatch("[0-9a-f]{64}", key)
    assert stat.S_IMODE((out / "class.json").stat().st_mode) == 0o600
    revealing = [
        path
        for path in out.rglob("*")
        if path.is_file() and path.name != "class.json" and key in path.read_text("utf-8")
    ]
    assert revealing == []


def seeds_of(out: Path) -> dict[str, int]:
    """Return the seed of each report."""
    return {path.stem: json.loads(path.read_text(encoding="utf-8"))["seed"] for path in reports(out)}


@pytest.mark.wide
def test_a_seed_for_a_class_replaces_its_key(submissions: Path, tmp_path: Path) -> None:
    """A note says so, in the language of the class, and the next run keeps the key; without a seed, each class draws a key."""
    folder = tmp_path / "class"
    folder.mkdir()
    shutil.copy(submissions / "broken.py", folder)
    runs = [("a", "--seed", "5"), ("a", "--lang", "en"), ("b", "--seed", "5", "--lang", "ru"), ("c",), ("d",)]

    outputs = [grade_class(folder, "--out", *run, cwd=tmp_path).out for run in runs]

    keys = [json.loads((tmp_path / name / "class.json").read_text(encoding="utf-8"))["key"] for name in "abcd"]
    assert keys[0] == keys[1]
    assert len({*keys}) == 3
    assert "note: --seed replaces the secret key of the class" in outputs[0]
    assert "примечание: --seed заменяет секретный ключ группы" in outputs[2]
    assert not any("--seed" in outputs[place] for place in (1, 3, 4))


@pytest.mark.parametrize(
    ("name", "work"),
    [
        ("fails_model_update", SUBMISSIONS / "fails_model_update"),
        pytest.param("reference", ROOT / "reference", marks=pytest.mark.soak),
        pytest.param("observed", ROOT / "tests" / "freeform" / "wrong_hidden_sign.py", marks=pytest.mark.soak),
        pytest.param("rejected", SUBMISSIONS / "syntax_error", marks=pytest.mark.soak),
    ],
)
@pytest.mark.wide
def test_grade_repeats_a_report_of_the_class(name: str, work: Path, tmp_path: Path) -> None:
    """`grade --seed` with the seed of a report gives the same report, except for its name and times."""
    folder = tmp_path / "class"
    (shutil.copytree if work.is_dir() else shutil.copy)(work, folder / name if work.is_dir() else named(folder, name))

    grade_class(folder, "--out", "out", cwd=tmp_path)
    (path,) = reports(tmp_path / "out")
    first = json.loads(path.read_text(encoding="utf-8"))
    again = grade(next(folder.iterdir()), "--seed", str(first["seed"]), cwd=tmp_path).report

    for report in (first, again):
        report["timing"] = report["environment"] = None
        report["submission"]["name"] = ""
    assert again == first


def named(folder: Path, name: str) -> Path:
    """Return the path of the only file of a class."""
    folder.mkdir()
    return folder / f"{name}.py"


@pytest.mark.parametrize(
    "content",
    [
        '{"seed": 7, "lang": "en"}',
        "{",
        pytest.param('{"key": "", "lang": "en"}', marks=pytest.mark.soak),
        pytest.param('{"key": 7, "lang": "en"}', marks=pytest.mark.soak),
        pytest.param('{"key": "' + 64 * "a" + '", "lang": "xx"}', marks=pytest.mark.soak),
        pytest.param("[" * 100_000, marks=pytest.mark.soak),
        pytest.param("\udcff", marks=pytest.mark.soak),
    ],
)
def test_an_odd_class_file_is_refused(content: str, submissions: Path, tmp_path: Path) -> None:
    """One sentence, and nothing is graded or written: with another key, all seeds would change."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "class.json").write_text(content, encoding="utf-8", errors="surrogateescape")

    ran = grade_class(submissions, "--out", "out", cwd=tmp_path)

    assert (ran.code, ran.err) == (2, f"grade-class: {ODD}\n")
    assert reports(tmp_path / "out") == []
    assert (tmp_path / "out" / "class.json").read_text(encoding="utf-8", errors="surrogateescape") == content


ODD = "class.json lacks the key and the language of the class: restore it, or delete it to start with a new key."


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("petrov.py", "Petrov.py"),
        pytest.param("Petrov.py", "petrov.py", marks=pytest.mark.soak),
        pytest.param("Ёлкина.py", "Е\u0308лкина.py", marks=pytest.mark.soak),
        pytest.param("Щукин.py", "shchukin.py", marks=pytest.mark.soak),
        pytest.param("petrov.ipynb", "petrov.py", marks=pytest.mark.soak),
    ],
)
@pytest.mark.wide
def test_overrides_stay_with_their_student(first: str, second: str, tmp_path: Path) -> None:
    """They do not affect a student of nearly the same name, and do not stop a class if the submission is withdrawn or renamed."""
    folder, out = tmp_path / "class", tmp_path / "out"
    folder.mkdir()
    (folder / first).write_text("class Neuron:", encoding="utf-8")
    grade_class(folder, "--out", out, cwd=tmp_path)
    (before,) = rows(out / "gradebook.csv")
    decision = f"student,criterion,points,reason\n{before['key']},xor,7,shown\n"
    (out / "overrides.csv").write_text(decision, encoding="utf-8")
    (folder / second).write_text("class Neuron:\n def", encoding="utf-8")

    both = grade_class(folder, "--out", out, cwd=tmp_path)
    points = {row["name"] + row["reason"][-5:]: row["xor"] for row in rows(out / "gradebook.csv")}
    keys = [row["key"] for row in rows(out / "gradebook.csv") if row["overridden"]]
    (folder / first).unlink()
    alone = grade_class(folder, "--out", out, cwd=tmp_path)

    assert (both.code, both.err, alone.code, alone.err) == (0, "", 0, "")
    assert keys == [before["key"]]
    assert sorted(points.values()) == ["", "7"]
    assert "has no submission now" not in both.out
    assert f"note: There are overrides for {before['key']}, who has no submission now: they are ignored." in alone.out
    assert [row["overridden"] for row in rows(out / "gradebook.csv")] == [""]


@pytest.mark.soak
@pytest.mark.parametrize(
    ("name", "student"), [("Student Two_1002_assignsubmission_file_a.py", "1002"), ("two.zip", "two")]
)
def test_a_withdrawn_submission_stops_no_class(name: str, student: str, tmp_path: Path) -> None:
    """An override by the id that a platform gave, or by the name of a file, is noted once its submission is gone."""
    folder, out = tmp_path / "class", tmp_path / "out"
    folder.mkdir()
    for item in (name, name.replace("Two_1002", "One_1001").replace("two", "one")):
        (folder / item).write_text("class Neuron:", encoding="utf-8")
    grade_class(folder, "--out", out, cwd=tmp_path)
    decision = f"student,criterion,points,reason\n{student},xor,7,shown\n"
    (out / "overrides.csv").write_text(decision, encoding="utf-8")
    there = grade_class(folder, "--out", out, cwd=tmp_path)
    overridden = [row["student"] for row in rows(out / "gradebook.csv") if row["overridden"]]
    (folder / name).unlink()
    gone = grade_class(folder, "--out", out, cwd=tmp_path)

    assert (there.code, gone.code, overridden) == (0, 0, [student])
    assert f"note: There are overrides for {student}, who has no submission now" in gone.out


def test_further_reports(submissions: Path, results: Path, tmp_path: Path) -> None:
    """Each requested format is written beside the JSON of each submission, without grading again."""
    out = tmp_path / "out"
    shutil.copytree(results, out)
    keys = {path.stem for path in (out / "reports").glob("*.json")}

    ran = grade_class(
        submissions, "--out", out, *(word for kind in FORMATS for word in ("--report", kind)), cwd=tmp_path
    )

    assert "(0 graded now)" in ran.out
    endings = {ENDINGS.get(kind, kind) for kind in FORMATS}
    assert {path.name for path in (out / "reports").iterdir()} == {
        f"{key}.{ending}" for key in keys for ending in endings
    }


@pytest.mark.wide
def test_what_the_teacher_decides_and_a_new_grade_replaces(submissions: Path, results: Path, tmp_path: Path) -> None:
    """Scores changed by overrides.csv are listed; another --regrade removes pages of the old grades."""
    out = tmp_path / "out"
    shutil.copytree(results, out)
    (out / "overrides.csv").write_text("student,criterion,points,reason\nbias_frozen,xor,0,copied\n", encoding="utf-8")
    first = grade_class(submissions, "--out", out, "--report", "html", cwd=tmp_path)
    pages = [*(out / "reports").glob("*.html")]
    again = grade_class(submissions, "--out", out, "--regrade", cwd=tmp_path)

    scores = {row["key"]: row["score"] for row in rows(out / "gradebook.csv")}
    measured = json.loads((out / "reports" / "bias_frozen.json").read_text(encoding="utf-8"))["score"]
    assert f"set by the teacher: bias_frozen {measured} -> {scores['bias_frozen']}\n" in first.out
    assert (len(pages), [*(out / "reports").glob("*.html")]) == (5, [])
    assert "(5 graded now)" in again.out


@pytest.mark.wide
def test_a_class_keeps_its_language(submissions: Path, results: Path, tmp_path: Path) -> None:
    """A run in another locale keeps the language of the class; --lang changes it, and grades again."""
    out = tmp_path / "out"
    shutil.copytree(results, out)

    kept = grade_class(submissions, "--out", out, cwd=tmp_path, **RUSSIAN)
    changed = grade_class(submissions, "--out", out, "--lang", "ru", cwd=tmp_path)

    assert "(0 graded now)" in kept.out
    assert json.loads((out / "class.json").read_text(encoding="utf-8"))["lang"] == "ru"
    assert "Работ: 5 (сейчас оценено: 5)" in changed.out


def test_rerun_grades_what_changed(submissions: Path, results: Path, tmp_path: Path) -> None:
    """Without changes nothing is graded; only a changed submission is graded again, and the tables are updated."""
    folder, out = tmp_path / "class", tmp_path / "out"
    shutil.copytree(submissions, folder)
    shutil.copytree(results, out)

    again = grade_class(folder, "--out", out, cwd=tmp_path)
    (folder / "arrays.py").write_text(mutants()["hidden_sign"].text(0.3), encoding="utf-8")
    changed = grade_class(folder, "--out", out, cwd=tmp_path)

    assert "(0 graded now)" in again.out
    assert "(1 graded now)" in changed.out
    assert {row["key"]: row["misconceptions"] for row in rows(out / "gradebook.csv")}["arrays"] == "hidden_sign"


@pytest.mark.soak
def test_jobs_do_not_matter(submissions: Path, results: Path, tmp_path: Path) -> None:
    """One job gives the same results as two, byte for byte except for times."""
    ran = grade_class(submissions, "--out", tmp_path / "out", "--seed", "7", "--jobs", "1", cwd=tmp_path)

    assert ran.code == 0
    assert kept(tmp_path / "out") == kept(results)


@pytest.mark.wide
def test_regrade_lists_changes(submissions: Path, results: Path, tmp_path: Path) -> None:
    """--regrade with another rubric lists whose points changed, where and why; the teacher's decisions are kept."""
    folder, out = tmp_path / "class", tmp_path / "out"
    shutil.copytree(submissions, folder, ignore=shutil.ignore_patterns("a*", "c*", "e*", "l*"))
    shutil.copytree(results, out)
    (out / "overrides.csv").write_text("student,criterion,points,reason\nbias_frozen,xor,15,shown in class\n")
    text = (ROOT / "grader" / "labs" / "xor" / "rubric.toml").read_text(encoding="utf-8")
    text = text.replace('id = "bias", points = 6 }', 'id = "bias", points = 2 }').replace(
        'id = "weights", points = 8 }', 'id = "weights", points = 12 }'
    )
    (tmp_path / "rubric.toml").write_text(text, encoding="utf-8")

    ran = grade_class(folder, "--out", out, "--regrade", "--rubric", tmp_path / "rubric.toml", cwd=tmp_path)
    changes = rows(out / "changes.csv")
    book = {row["key"]: row for row in rows(out / "gradebook.csv")}

    assert ran.code == 0
    assert [(row["key"], row["criterion"], row["before"], row["after"]) for row in changes] == [
        ("bias_frozen", "score", "84", "88"),
        ("bias_frozen", "neuron_update", "14", "18"),
    ]
    assert "changed: bias_frozen (graded again): score 84 -> 88, neuron_update 14 -> 18\n" in ran.out
    assert "bias" in changes[1]["why"]
    assert book["bias_frozen"]["xor"] == "15"
    assert "shown in class" in book["bias_frozen"]["overridden"]


@pytest.mark.soak
def test_one_name_twice(tmp_path: Path) -> None:
    """Two submissions of the same name have separate results."""
    folder = tmp_path / "class"
    (folder / "anna").mkdir(parents=True)
    (folder / "anna" / "network.py").write_text(styles()["arrays"], encoding="utf-8")
    (folder / "Anna.py").write_text(mutants()["bias_frozen"].text(0.3), encoding="utf-8")

    ran = grade_class(folder, "--out", tmp_path / "out", cwd=tmp_path)

    assert ran.code == 0
    assert sorted(row["score"] for row in rows(tmp_path / "out" / "gradebook.csv")) == ["100", "84"]


@pytest.mark.soak
def test_a_hang_costs_its_own_time(submissions: Path, tmp_path: Path) -> None:
    """A submission that hangs, and one that ends the process, do not affect others."""
    folder = tmp_path / "class"
    folder.mkdir()
    shutil.copy(submissions / "arrays.py", folder)
    for name in ("loop_import", "os_exit"):
        shutil.copytree(SUBMISSIONS / name, folder / name)

    ran = grade_class(folder, "--out", tmp_path / "out", "--time-limit", "8", "--jobs", "2", cwd=tmp_path)
    scores = {row["key"]: row["score"] for row in rows(tmp_path / "out" / "gradebook.csv")}

    assert ran.code == 0
    assert (scores["arrays"], scores["loop_import-folder"]) == ("100", "0")


@contextlib.contextmanager
def started(folder: Path, out: Path, *options: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """Start the command; its processes are found below it."""
    command: list[str | Path] = [COMMAND, folder, "--out", out, "--seed", "7", "--jobs", "2", *options]
    streams = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with running(*command, env={**ENVIRONMENT, **environment}, **streams) as process:
        yield process


def reports(out: Path) -> list[Path]:
    """Return the paths of all reports."""
    return list((out / "reports").glob("*.json"))


@pytest.mark.wide
def test_a_bar_on_a_terminal_only(tmp_path: Path) -> None:
    """A terminal shows the progress and clears it; a pipe gets nothing."""
    (tmp_path / "class").mkdir()
    for name in ("one", "two"):
        (tmp_path / "class" / f"{name}.py").touch()
    shown = progress(COMMAND, "class", "--out", "out", "--jobs", "1", cwd=tmp_path)

    assert re.search(r"\r\[#+-+\] 1 of 2, \d+\.\d per second, \d+ s left ", shown)
    assert shown.endswith(f"\r{' ' * 70}\r")
    assert grade_class("class", "--out", "out", "--regrade", cwd=tmp_path).err == ""


def test_interrupted(submissions: Path, results: Path, tmp_path: Path) -> None:
    """Ctrl-C ends the run with 130, keeps finished results, leaves no process; the next run does the rest."""
    out = tmp_path / "out"
    with started(submissions, out) as process:
        wait_until(lambda: len(reports(out)) >= 1)
        below = descendants(process.pid)
        process.send_signal(signal.SIGINT)
        code = process.wait(HANG_S)
    done = len(reports(out))
    wait_for_end(below)

    ran = grade_class(submissions, "--out", out, cwd=tmp_path)

    assert code == 130
    assert f"({5 - done} graded now)" in ran.out
    assert kept(out) == kept(results)


@pytest.mark.parametrize(
    ("way", "kills"),
    [
        pytest.param("2", 1, marks=pytest.mark.wide),
        pytest.param("1", 15, marks=pytest.mark.soak),
        pytest.param("2", 15, marks=pytest.mark.soak),
        pytest.param("cluster", 15, marks=pytest.mark.soak),
    ],
)
def test_killed_at_a_random_moment(
    way: str, kills: int, submissions: Path, results: Path, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Killed anywhere and resumed, a class has the same results as without; finished submissions are not graded again."""
    options = ("--cluster", request.getfixturevalue("cluster")[0]) if way == "cluster" else ("--jobs", way)
    out = tmp_path / "out"
    moments = random.Random(kills)
    for _ in range(kills):
        with started(submissions, out, *options) as process:
            time.sleep(moments.uniform(0.05, 1.5))
            below = descendants(process.pid)
        wait_for_end(below)
    before = {path: path.stat().st_mtime_ns for path in reports(out)}
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "pytest.py").write_text("raise ImportError('broken')")
    (tmp_path / "tmp").mkdir()
    broken = grade_class(
        submissions, "--out", out, "--regrade", "--seed", "7", cwd=tmp_path, PYTHONPATH=str(tmp_path / "broken")
    )
    assert broken.code == 4
    assert {path: path.stat().st_mtime_ns for path in before} == before

    ran = grade_class(submissions, "--out", out, "--seed", "7", cwd=tmp_path)

    assert f"({5 - len(before)} graded now)" in ran.out
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert kept(out) == kept(results)
    assert [path.name for path in out.rglob(".*")] == [".lock"]
    assert not (out / "changes.csv").exists()


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """Start two Dask workers and their scheduler; its address, and the three processes."""
    pytest.importorskip("distributed", reason="the extra `cluster` is not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    dask = str(Path(sys.executable).with_name("dask"))
    common = {"env": ENVIRONMENT, "cwd": tmp_path, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(
        [dask, "scheduler", "--host", "127.0.0.1", "--port", address.rpartition(":")[2], "--no-dashboard"], **common
    ) as scheduler:  # type: ignore[call-overload]
        command = [dask, "worker", address, "--nthreads", "1", "--no-nanny", "--no-dashboard"]
        workers = [subprocess.Popen(command, **common) for _ in range(2)]  # type: ignore[call-overload]
        try:
            yield address, [*workers, scheduler]
        finally:
            for process in (*workers, scheduler):
                process.kill()
                process.wait()


@pytest.mark.soak
def test_cluster(
    cluster: tuple[str, list[subprocess.Popen[bytes]]], submissions: Path, results: Path, tmp_path: Path
) -> None:
    """Two Dask workers, one killed midway, give the same results as this machine."""
    address, workers = cluster
    out = tmp_path / "out"
    with started(submissions, out, "--cluster", address) as process:
        wait_until(lambda: len(reports(out)) >= 2)
        workers[0].kill()
        code = process.wait(HANG_S)

    assert code == 0
    assert kept(out) == kept(results)


@pytest.mark.soak
def test_a_killed_scheduler(cluster: tuple[str, list[subprocess.Popen[bytes]]], tmp_path: Path) -> None:
    """The run ends by itself with 4 and one sentence; results are kept, and the next run does the rest."""
    address, (_, _, scheduler) = cluster
    (tmp_path / "class").mkdir()
    for name, text in [*styles().items()][:30]:
        (tmp_path / "class" / f"{name}.py").write_bytes(text.encode())
    out, log = tmp_path / "out", tmp_path / "log"
    options = ("--out", out, "--seed", "7", "--lang", "en", "--cluster", address)
    with (
        log.open("w") as errors,
        running(
            COMMAND, tmp_path / "class", *options, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=errors
        ) as process,
    ):
        wait_until(lambda: len(reports(out)) >= 2)
        scheduler.kill()
        code = process.wait(HANG_S)
    done = reports(out)

    ran = grade_class(tmp_path / "class", "--out", out, cwd=tmp_path)

    assert (code, ran.code) == (4, 0)
    *waited, lost = log.read_text(encoding="utf-8").splitlines()
    assert (
        lost
        == "grade-class: The connection to the Dask scheduler was lost. Finished grades are kept: run the command again to continue."
    )
    assert all(": waiting for " in line for line in waited)
    assert f"({30 - len(done)} graded now)" in ran.out


def test_fill_in(results: Path, submissions: Path, tmp_path: Path) -> None:
    """--fill writes a copy of a Canvas sheet with the grades; --dry-run writes nothing."""
    out = tmp_path / "out"
    shutil.copytree(results, out)
    sheet = tmp_path / "canvas.csv"
    head = "Student,ID,SIS User ID,SIS Login ID,Section,XOR lab (12)\n    Points Possible,,,,,100\n"
    sheet.write_text(head + "One,1,arrays,arrays,A,\nTwo,2,nobody,nobody,A,\n", encoding="utf-8")

    dry = grade_class(submissions, "--out", out, "--fill", sheet, "--dry-run", cwd=tmp_path)
    written_by_dry = (out / "filled-canvas.csv").exists()
    ran = grade_class(submissions, "--out", out, "--fill", sheet, cwd=tmp_path)

    assert (dry.code, ran.code, written_by_dry) == (0, 0, False)
    assert (out / "filled-canvas.csv").read_text(encoding="utf-8").splitlines()[2:] == [
        "One,1,arrays,arrays,A,100", "Two,2,nobody,nobody,A,",
    ]  # fmt: skip
    assert "no submission for the row: Two" in ran.out
    assert "no row for the submission: lists" in ran.out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("missing", "--out", "out"), "missing does not exist."),
        (("empty", "--out", "out"), "There are no submissions in empty."),
        (("class",), "Missing option '--out'."),
        (("class", "--out", "class/out"), "the results folder is inside the submissions folder."),
        (("class", "--out", "out", "--regrade", "--resume"), "--regrade and --resume cannot be combined."),
        (("class", "--out", "a-file"), "a-file cannot be used: Not a directory."),
        (
            ("class", "--out", "out", "--roster", "missing.csv"),
            "missing.csv cannot be read: No such file or directory.",
        ),
        (("class", "--out", "out", "--fill", "missing.csv"), "missing.csv cannot be read: No such file or directory."),
        (("class", "--out", "decided"), "overrides.csv, line 2"),
    ],
)
def test_usage(arguments: tuple[str, ...], sentence: str, tmp_path: Path) -> None:
    """Wrong use gets one sentence and exit code 2, before anything is graded."""
    for name in ("empty", "class", "decided"):
        (tmp_path / name).mkdir()
    (tmp_path / "class" / "broken.py").write_text("class Neuron:\n  def", encoding="utf-8")
    (tmp_path / "a-file").write_text("")
    (tmp_path / "decided" / "overrides.csv").write_text(
        "student,criterion,points,reason\nbroken,style,1,-\n", encoding="utf-8"
    )

    ran = grade_class(*arguments, cwd=tmp_path)

    assert ran.code == 2
    assert ran.err.startswith("grade-class: ")
    assert sentence in ran.err
    assert ran.err.count("\n") == 1


# --- the warm process ----------------------------------------------------------------------------


@pytest.mark.wide
def test_warm_process_is_replaced() -> None:
    """A warm process that was killed is replaced; a submission without bytes is rejected with its reason."""
    task = Task(lab=assignment())
    reference = collect(ROOT / "reference")
    with closing(Warm(task)) as warm:
        first = warm.grade(GradingRequest(name="reference", seed=1, raw=reference))
        (process,) = warm_processes(os.getpid())
        os.kill(process, signal.SIGKILL)
        second = warm.grade(GradingRequest(name="reference", seed=1, raw=reference))
        third = warm.grade(GradingRequest(name="nothing", seed=1, reason=say("{name} is empty.", name="nothing")))

    assert (first.score, second.score) == (100, 100)
    assert (third.status, third.reason) == (Status.REJECTED, say("{name} is empty.", name="nothing"))


def without_time(report: Report) -> dict[str, Any]:
    """Return the parts of a report that do not depend on time: for a submission that is watched, verdicts and points."""
    found: dict[str, Any] = msgspec.to_builtins(report)
    del found["timing"]
    if report.submission.route == "observed":
        for criterion in found["criteria"]:
            criterion["cases"] = [
                {name: case[name] for name in ("id", "verdict", "points")} for case in criterion["cases"]
            ]
        del found["figures"], found["notes"]
    return found


@pytest.mark.wide
def test_a_submission_leaves_nothing_to_the_next() -> None:
    """A warm process gives the same report after any other submission: wrong, rejected, ended, observed."""
    names = ("extra_partly", "syntax_error", "os_exit", "template", "style_momentum")
    requests = [GradingRequest(name=name, seed=1, raw=collect(SUBMISSIONS / name)) for name in names]
    requests.append(
        GradingRequest(name="watched", seed=1, raw=collect(ROOT / "tests" / "freeform" / "right_target_passed.py"))
    )

    with closing(Warm(Task(lab=assignment()))) as warm:
        forward, back = (
            {item.name: without_time(warm.grade(item)) for item in order} for order in (requests, requests[::-1])
        )

    assert back == forward
    assert [forward[name]["score"] for name in ("style_momentum", "template", "watched")] == [100, 0, 100]
    assert forward["extra_partly"]["extra_score"] == 5
    assert forward["syntax_error"]["status"] == "rejected"


@pytest.mark.wide
@pytest.mark.parametrize("before", ["syntax_error", "style_momentum"])
def test_a_failure_of_a_warm_process_is_tried_again(before: str) -> None:
    """A warm process whose zygote was killed ends instead of reporting a failure; the next one grades."""
    reference = GradingRequest(name="reference", seed=1, raw=collect(ROOT / "reference"))
    with closing(Warm(Task(lab=assignment()))) as warm:
        warm.grade(GradingRequest(name=before, seed=1, raw=collect(SUBMISSIONS / before)))
        (process,) = warm_processes(os.getpid())
        (zygote,) = descendants(process)
        os.kill(zygote, signal.SIGKILL)
        second = warm.grade(reference)
        others = warm_processes(os.getpid())

    assert second.score == 100
    assert others != [process]


@pytest.mark.wide
def test_a_warm_process_ends_with_its_parent(tmp_path: Path) -> None:
    """It ends in the middle of a submission, and so does its worker."""
    (tmp_path / "class").mkdir()
    (tmp_path / "class" / "x.py").write_text(LOOPING, encoding="utf-8")
    with started(tmp_path / "class", tmp_path / "out") as process:
        wait_until(lambda: has_hoard_below(process.pid))
        below = descendants(process.pid)

    assert len(below) == 3  # the warm process, its zygote, a worker
    wait_for_end(below)


@pytest.mark.wide
def test_an_interrupted_class_leaves_no_temporary_files(tmp_path: Path) -> None:
    """The folder of the submission in progress is removed too."""
    (tmp_path / "class").mkdir()
    (tmp_path / "class" / "x.py").write_text(LOOPING, encoding="utf-8")
    (tmp_path / "tmp").mkdir()
    with started(tmp_path / "class", tmp_path / "out", TMPDIR=str(tmp_path / "tmp")) as process:
        wait_until(lambda: has_hoard_below(process.pid))
        assert any((tmp_path / "tmp").iterdir())
        process.send_signal(signal.SIGINT)

        assert process.wait(HANG_S) == 130
    wait_until(lambda: not any((tmp_path / "tmp").iterdir()))  # what takes long to remove is removed meanwhile


def warm_processes(above: int) -> list[int]:
    """Return the warm processes below another."""
    return [pid for pid in descendants(above) if b"grader.classroom.warm" in Path(f"/proc/{pid}/cmdline").read_bytes()]


@pytest.mark.soak
def test_warm_process_leaves_nothing() -> None:
    """After eight submissions, the warm process has as many descriptors and processes as after two."""
    task = Task(lab=assignment())
    unread = RawSubmission(name="x", files={"x.py": b"class Neuron:"}, sha256="")

    def counted() -> tuple[int, int]:
        (server,) = warm_processes(os.getpid())
        return len(list(Path(f"/proc/{server}/fd").iterdir())), len(descendants(server))

    with closing(Warm(task)) as warm:
        for _ in range(2):
            warm.grade(GradingRequest(name="x", seed=1, raw=unread))
        before = counted()
        for _ in range(8):
            warm.grade(GradingRequest(name="x", seed=1, raw=unread))

        assert counted() == before


def test_a_collected_suite_reports_each_submission_anew() -> None:
    """One session of pytest grades several submissions and then ends in order."""
    lab, scores = assignment(time_limit=20), []
    suite = CollectedSuite(lab)

    def use() -> None:
        for name in ("fails_model_update", "no_train", "fails_model_update"):
            raw = collect(SUBMISSIONS / name)
            scores.append(grade_raw(raw, lab, warm_sandbox(), seed=1, collected=suite).score)

    assert suite.collect(use) is None
    assert scores == [86, 95, 86]


def test_fingerprint_is_of_everything() -> None:
    """Another submission, seed or limit gives another fingerprint."""
    task = Task(lab=assignment())
    other = Task(lab=assignment(time_limit=9))
    fingerprints = {fingerprint(*item) for item in ((task, 1, "a"), (task, 1, "b"), (task, 2, "a"), (other, 1, "a"))}

    assert len(fingerprints) == 4
    assert all(re.fullmatch("[0-9a-f]{64}", item) for item in fingerprints)


@pytest.mark.parametrize(
    ("scores", "most", "expected"),
    [
        ([0, 9, 10, 99, 100], 100, {"0–9": 2, "10–19": 1, "90–100": 2}),
        ([0, 4.5, 5, 6], 5, {"0": 1, "4": 1, "5": 2}),
        ([9, 10], 10, {"9": 1, "10": 1}),
        ([2, 12, 13], 13, {"2–3": 1, "12–13": 2}),
        ([24, 25], 25, {"24–25": 2}),
    ],
)
def test_ranges_of_scores(scores: list[float], most: int, expected: dict[str, int]) -> None:
    """Ranges have whole points, and full marks, or more, count in the last one."""
    found = ranges(scores, most)

    assert expected == {name: count for name, count in found if count}
    assert len(found) <= 11


def test_statistics() -> None:
    """A case that all pass has no discrimination."""
    assert correlation([1, 1, 1], [3, 2, 1]) is None
    assert correlation([1, 2, 3], [2, 4, 6]) == 1.0
    assert (mean([0.25, 0]), mean([1, 2, 2]), mean([7.5, 7.5, 9])) == (0.13, 1.67, 8)


def test_missing_packages_are_listed_once(tmp_path: Path) -> None:
    """The summary lists the packages that submissions import and that are not installed, with counts."""
    (tmp_path / "class").mkdir()
    right = (ROOT / "reference" / "network.py").read_text(encoding="utf-8")
    for name, packages in (("anna", "bokeh, cupy"), ("boris", "bokeh")):
        (tmp_path / "class" / f"{name}.py").write_text(f"{right}\nimport {packages}\n", encoding="utf-8")

    ran = grade_class("class", "--out", "out", cwd=tmp_path)

    assert "Submissions import packages that are not installed here: bokeh (2), cupy (1).\n" in ran.out
    numbers = json.loads((tmp_path / "out" / "class.json").read_text(encoding="utf-8"))
    assert (numbers["not_installed"], numbers["scores"]["least"]) == ({"bokeh": 2, "cupy": 1}, 100)
