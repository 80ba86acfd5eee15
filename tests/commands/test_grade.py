"""The command: its options, its exit codes, and one clear sentence for whatever it cannot take."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from grader.commands.grade import exit_code
from grader.renderers.json import render_json
from grader.renderers.text import render_text
from tests.support.command import (
    GRADE,
    HANG_S,
    HOARD,
    NOBODY,
    ROOT,
    SUBMISSIONS,
    descendants,
    environment_of_nobody,
    grade,
    graded,
    graded_as_json,
    has_hoard_below,
    progress,
    python_for_nobody,
    running,
    wait_for_end,
    wait_until,
)

REFERENCE = ROOT / "reference" / "network.py"
Write = Callable[..., Path]


def one_sentence(text: str) -> bool:
    return text.startswith("grade: ") and text.count("\n") == 1 and "Traceback" not in text


def test_missing_path(tmp_path: Path) -> None:
    """A path that does not exist is wrong usage."""
    ran = grade("nowhere/network.py", cwd=tmp_path)

    assert (2, "grade: network.py does not exist.\n") == (ran.code, ran.err)
    assert {} == ran.report


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("empty.py", b"", "empty.py is empty."),
        ("blank.py", b"\n \n", "blank.py is empty."),
        ("program.py", b"\x7fELF\x00\x01", "program.py is a binary file, not Python source."),
        (
            "notes.docx",
            b"PK\x03\x04",
            "notes.docx is not a Python program. Submit the .py file or the notebook itself.",
        ),
        ("large.py", b"#" * 5_000_000, "large.py has 4882 KiB; a solution may have at most 256 KiB."),
        ("old.py", b"\xff\xfe#\x00\x00\xd8", "old.py is not UTF-8 text (line 1): save it as UTF-8."),
        ("bad.py", b"def f(:\n", "bad.py, line 1: this is not valid Python: invalid syntax."),
        ("deep.py", b"(" * 100_000, "deep.py, line 1: this is not valid Python: "),
        ("\x1b[31mred\n.py", b"x = = 1", "\\x1b[31mred\\n.py, line 1: this is not valid Python: invalid syntax."),
    ],
)
def test_what_is_no_submission_is_rejected(name: str, content: bytes, sentence: str, write: Write) -> None:
    """It gets one sentence, exit code 3 and score 0."""
    report = graded(write(content, name), seed=1)

    shown = render_text(report)
    assert f"REJECTED: {sentence}" in shown
    assert "\x1b" not in shown
    assert (3, "rejected", 0) == (exit_code(report, None), report.status.value, report.score)
    assert {"not_run"} == {criterion.verdict.value for criterion in report.criteria}


def test_folder_without_python(tmp_path: Path) -> None:
    """A folder with other files only is rejected."""
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "report.pdf").write_bytes(b"%PDF")

    ran = grade(folder, cwd=tmp_path)

    assert 3 == ran.code
    assert "report.pdf is not a Python program. Submit the .py file or the notebook itself." in ran.out


def test_two_candidates_are_named(tmp_path: Path) -> None:
    """Of two different files that define both classes none is chosen silently; a copy counts as one with its original."""
    text = REFERENCE.read_text(encoding="utf-8")
    for folder, other in ("copies", text), ("versions", text.replace("0.5", "0.25")):
        (tmp_path / folder).mkdir()
        for name, content in ("first.py", text), ("second.py", other):
            (tmp_path / folder / name).write_text(content, encoding="utf-8")

    copies, versions = grade(tmp_path / "copies", cwd=tmp_path), grade(tmp_path / "versions", cwd=tmp_path)

    assert (0, 100) == (copies.code, copies.report["score"])
    assert 3 == versions.code
    assert "first.py, second.py" in versions.out


def test_special_files_are_rejected(tmp_path: Path) -> None:
    """A symlink, a FIFO or a folder named like a file is never followed or waited for."""
    (tmp_path / "link.py").symlink_to(REFERENCE)
    os.mkfifo(tmp_path / "pipe.py")
    assert stat.S_ISFIFO((tmp_path / "pipe.py").stat().st_mode)

    for name in ("link.py", "pipe.py"):
        ran = grade(tmp_path / name, cwd=tmp_path)
        assert 3 == ran.code
        assert f"{name} is not a regular file" in ran.out


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["--report", "xml=x"], "unknown format 'xml'"),
        (["--report", "json"], "is not FORMAT=PATH"),
        (["--report", "json=-", "--report", "text=-"], "two reports would be written to '-'"),
        (["--seed", "-1"], "--seed"),
        (["--seed", "9007199254740992"], "--seed"),
        (["--time-limit", "0"], "--time-limit"),
        (["--lang", "de"], "--lang"),
        (["--colour"], "--colour"),
    ],
)
def test_wrong_options(arguments: list[str], part: str, tmp_path: Path) -> None:
    """A wrong option is refused in one sentence with exit code 2."""
    ran = grade(REFERENCE, *arguments, cwd=tmp_path)

    assert 2 == ran.code
    assert one_sentence(ran.err)
    assert part in ran.err


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("criteria = 3", "not valid"),
        ("[[criteria]\n", "not valid"),
        (
            '[[criteria]]\nid="a"\ntitle="A"\npoints=5\ncases=[{id="b",points=4}]\n[imports]\nbanned=[]',
            "sum to 4 points",
        ),
        (
            '[[criteria]]\nid="a"\ntitle="A"\npoints=1\ncases=[{id="b",points=1,requires=["x.y"]}]\n[imports]\nbanned=[]',
            "x.y",
        ),
    ],
)
def test_a_broken_rubric_is_named(text: str, part: str, write: Write, tmp_path: Path) -> None:
    """A rubric that does not hold together ends with exit code 4 before anything is graded."""
    ran = grade(REFERENCE, "--rubric", write(text, "rubric.toml"), cwd=tmp_path)

    assert 4 == ran.code
    assert one_sentence(ran.err)
    assert part in ran.err


OWN_RUBRIC = """
[[criteria]]
id = "forward"
title = "Forward"
points = 6
cases = [{ id = "neuron", points = 6 }]
[imports]
banned = []
"""


def test_an_own_rubric_counts(write: Write, tmp_path: Path) -> None:
    """Points come from the rubric that is given, for the cases that it names."""
    ran = grade(REFERENCE, "--rubric", write(OWN_RUBRIC, "rubric.toml"), cwd=tmp_path)

    assert (6, 6) == (ran.report["score"], ran.report["max_score"])


def test_a_rubric_names_cases_of_the_suite(write: Write, tmp_path: Path) -> None:
    """A case that no test reports is the rubric's mistake, never a student's."""
    ran = grade(REFERENCE, "--rubric", write(OWN_RUBRIC.replace("neuron", "neurone"), "rubric.toml"), cwd=tmp_path)

    assert (4, None) == (ran.code, ran.report["score"])
    assert "the rubric names forward.neurone, which is not a case of the suite" in ran.out


def test_fail_under(tmp_path: Path) -> None:
    """A score below --fail-under ends with 1, a score that reaches it with 0."""
    sample = SUBMISSIONS / "no_train"

    assert 1 == grade(sample, "--fail-under", "96", cwd=tmp_path).code
    assert 0 == grade(sample, "--fail-under", "95", cwd=tmp_path).code


def test_several_reports(tmp_path: Path) -> None:
    """--report is repeatable; with one on `-` nothing else is printed there, and no default file is written."""
    reports = ["--report", "json=-", "--report", "json=a.json", "--report", "text=b.txt"]

    ran = grade(REFERENCE, *reports, "--seed", "5", cwd=tmp_path)

    assert 0 == ran.code
    assert ran.out == (tmp_path / "a.json").read_text(encoding="utf-8")
    assert (5, 100) == (json.loads(ran.out)["seed"], json.loads(ran.out)["score"])
    assert "Score: 100 of 100" in (tmp_path / "b.txt").read_text(encoding="utf-8")
    assert {} == ran.report


@pytest.mark.wide
def test_unwritable_report(tmp_path: Path) -> None:
    """The default report that cannot be written is a warning; one that was asked for, a failure."""
    (tmp_path / "grade-report.json").mkdir()

    default = grade(REFERENCE, cwd=tmp_path)
    asked = grade(REFERENCE, "--report", "json=no/such/folder.json", cwd=tmp_path)

    assert 0 == default.code
    assert "grade: grade-report.json cannot be written" in default.err
    assert 2 == asked.code
    assert "no/such/folder.json cannot be written" in asked.err
    assert ["grade-report.json"] == sorted(path.name for path in tmp_path.iterdir())


@pytest.mark.parametrize("kind", ["link", "fifo"])
def test_the_default_report_replaces_no_link(kind: str, write: Write, tmp_path: Path) -> None:
    """What stands in its place in a student's folder is neither followed nor waited for."""
    victim = tmp_path / "victim.txt"
    victim.write_text("mine", encoding="utf-8")
    place = tmp_path / "grade-report.json"
    place.symlink_to(victim) if kind == "link" else os.mkfifo(place)

    handed = write("def f(:")
    ran = subprocess.run([GRADE, handed], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=HANG_S)

    assert 3 == ran.returncode
    assert "grade: grade-report.json cannot be written" in ran.stderr
    assert "mine" == victim.read_text(encoding="utf-8")


# Links that a student hands in on the way to a report: name, target, and where the report goes ("": the default place).
LED_AWAY = {
    "default": ("grade-report.json", "../made", ""),
    "asked": ("out.json", "../made", "out.json"),
    "folder": ("out", "../elsewhere", "out/report.json"),
    "existing": ("out.json", "../elsewhere/mine.txt", "out.json"),
}


@pytest.mark.parametrize("way", [*LED_AWAY, None])
@pytest.mark.parametrize("submission", [".", pytest.param("network.py", marks=pytest.mark.soak)])
def test_no_link_of_a_student_leads_a_report_away(way: str | None, submission: str, tmp_path: Path) -> None:
    """Dangling or not, a link in the submission's folder makes no file outside; without one the report is written."""
    name, target, asked = LED_AWAY[way] if way else ("unused", "../made", "out.json")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "mine.txt").write_text("mine", encoding="utf-8")
    folder = tmp_path / "handin"
    folder.mkdir()
    (folder / "network.py").write_text("def f(:", encoding="utf-8")
    (folder / name).symlink_to(target)

    ran = grade(submission, *(("--report", f"json={asked}") if asked else ()), cwd=folder)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["elsewhere", "handin"]
    assert [path.read_text(encoding="utf-8") for path in (tmp_path / "elsewhere").iterdir()] == ["mine"]
    assert (folder / name).is_symlink()
    assert ran.code == 3 if way in (None, "default") else 2
    assert ("cannot be written: " in ran.err) == (way is not None)
    assert (folder / "out.json").is_file() == (way is None or way == "existing")


@pytest.mark.wide
def test_hanging_everywhere_ends(student_code: str, write: Write, tmp_path: Path) -> None:
    """A submission that hangs in every method hangs no longer than its limit in all, and leaves no process."""
    code = student_code
    for line in ("        self.y = sigmoid", "        delta = loss", "        self.h = ", "        e1, e2"):
        code = code.replace(line, "        while True: pass\n" + line)
    code = code.replace("    return 1 / (1", "    while True: pass\n    return 1 / (1")
    seen: set[int] = set()

    def has_ended() -> bool:
        seen.update(descendants(process.pid))
        return process.poll() is not None

    with running(GRADE, write(code), "--time-limit", "2", cwd=tmp_path, stdout=subprocess.DEVNULL) as process:
        wait_until(has_ended)

    report = json.loads((tmp_path / "grade-report.json").read_text(encoding="utf-8"))
    cases = [case for criterion in report["criteria"] for case in criterion["cases"]]
    said = [case["feedback"]["text"] for case in cases if case["verdict"] == "timeout"]
    assert (0, "graded") == (process.returncode, report["status"])
    assert any("did not finish within" in text for text in said)
    assert sum("did not finish within" in text for text in said) <= 4  # each hang has a quarter of the limit
    assert len(seen) >= 2
    wait_for_end(seen)


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.wide)])
def test_interrupted(number: signal.Signals, write: Write, tmp_path: Path) -> None:
    """A signal ends the command with 130, one sentence, and no worker left spinning."""
    path = write(HOARD + "while True: pass\n")
    with running(GRADE, path, cwd=tmp_path, stderr=subprocess.PIPE) as process:
        wait_until(lambda: has_hoard_below(process.pid))
        started = descendants(process.pid)
        process.send_signal(number)
        _, err = process.communicate(timeout=HANG_S)

    assert (130, "grade: interrupted") == (process.returncode, err.strip())
    assert len(started) >= 2  # the zygote and the worker
    wait_for_end(started)


SIGNALLED = """
import os, signal, sys, time, click
from grader.commands.ending import run

class Deleted:
    def __init__(self, then):
        self.then = then

    def __del__(self):
        self.then()

def interrupt(*_):
    os.kill(os.getpid(), signal.SIGTERM)
    for _ in range(1000):
        pass

def interrupt_the_hook():
    class Stream:
        write = flush = interrupt

    sys.stderr = Stream()
    raise ValueError

def wait():
    time.sleep(600)

@click.command()
def command():
    {body}

run(command, "grade")
"""


@pytest.mark.parametrize(
    "body",
    [
        "Deleted(interrupt); wait()",
        "Deleted(interrupt); Deleted(wait); wait()",
        "Deleted(interrupt_the_hook); wait()",
        "Deleted(interrupt)",
        "try: interrupt(); wait()\n    except KeyboardInterrupt: pass",
    ],
    ids=["in __del__", "twice", "in the hook", "at the end", "caught"],
)
def test_interrupted_where_exceptions_are_dropped(body: str, tmp_path: Path) -> None:
    """A signal whose exception Python or a library drops ends the command with 130 all the same, without a traceback."""
    code = SIGNALLED.format(body=body)

    ended = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=HANG_S)

    assert ended.returncode == 130
    assert "Traceback" not in ended.stderr


@pytest.mark.wide
def test_standard_output_that_closes_or_is_full(write: Write, tmp_path: Path) -> None:
    """A reader that has seen enough is no failure; a full device is one, in one sentence."""
    read, written = os.pipe()
    os.close(read)
    with open(written, "w") as closed, open("/dev/full", "w") as full:  # noqa: PTH123
        ended = subprocess.run(
            [GRADE, write("def f(:")], cwd=tmp_path, stdout=closed, stderr=subprocess.PIPE, text=True
        )
        failed = subprocess.run([GRADE, REFERENCE], cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, text=True)

    assert (3, "") == (ended.returncode, ended.stderr)
    assert 2 == failed.returncode
    assert one_sentence(failed.stderr)


@pytest.mark.wide
def test_progress_on_a_terminal_only(tmp_path: Path) -> None:
    """A person sees the running case; a pipe gets nothing."""
    shown = progress(GRADE, REFERENCE, cwd=tmp_path)

    assert "xor.train" in shown
    assert shown.endswith("\r\x1b[K")
    assert "" == grade(REFERENCE, cwd=tmp_path).err


@pytest.mark.wide
def test_a_training_run_is_a_remark(tmp_path: Path) -> None:
    """The option training-run says how train ended from the submission's own start, and costs nothing."""
    ran = grade(REFERENCE, "--seed", "1", "--lab-option", "training-run", cwd=tmp_path)

    assert (0, 100) == (ran.code, ran.report["score"])
    assert "from your own start" in ran.out
    assert "from your own start" not in render_json(graded(REFERENCE, seed=1))


def test_same_seed_same_report() -> None:
    """Two runs with one seed differ in their timing only."""
    reports = []
    for _ in range(2):
        report = graded_as_json(SUBMISSIONS / "style_script", seed=11)
        del report["timing"]
        reports.append(report)

    assert reports[0] == reports[1]


def test_fresh_seed_fresh_probes(tmp_path: Path) -> None:
    """Without --seed every run draws its own."""
    (tmp_path / "network.py").touch()
    seeds = {grade("network.py", cwd=tmp_path).report["seed"] for _ in range(2)}

    assert 2 == len(seeds)


def test_settings_of_the_machine_change_nothing(tmp_path: Path) -> None:
    """pytest's environment variables and files around the submission have no say."""
    (tmp_path / "conftest.py").write_text("raise SystemExit('conftest was read')")
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --deselect=test_6_xor.py\n")
    for name in ("network.py", "numpy.py", "sitecustomize.py"):
        source = REFERENCE.read_text(encoding="utf-8") if name == "network.py" else "raise SystemExit('shadowed')"
        (tmp_path / name).write_text(source, encoding="utf-8")

    ran = grade(tmp_path, cwd=tmp_path, PYTEST_ADDOPTS="--maxfail=1 -k nothing", PYTEST_PLUGINS="no_such_plugin")

    assert ("graded", 100) == (ran.report["status"], ran.report["score"])


def test_help_and_version(tmp_path: Path) -> None:
    """--help names the exit codes, --version the version."""
    helped, version = grade("--help", cwd=tmp_path), grade("--version", cwd=tmp_path)

    assert (0, 0) == (helped.code, version.code)
    assert "Exit codes" in helped.out
    assert "grade, version" in version.out


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user; as one, every test is this test")
@pytest.mark.parametrize(("sample", "score"), [("fails_xor", 90)])
def test_as_another_user(sample: str, score: int) -> None:
    """An unprivileged user gets the same scores, in a folder that is theirs."""
    python = python_for_nobody()
    if python is None:
        pytest.skip("no Python of this version can be run, or this checkout not be read, by another user")
    with tempfile.TemporaryDirectory() as folder:
        for name in ("", "home"):
            Path(folder, name).mkdir(exist_ok=True)
            Path(folder, name).chmod(0o777)
        path = SUBMISSIONS / sample
        ran = subprocess.run(
            [python, "-c", "from grader.commands.grade import main; main()", path],
            cwd=Path(folder, "home"),
            env=environment_of_nobody(),
            user=NOBODY,
            group=NOBODY,
            extra_groups=[],
            capture_output=True,
            text=True,
            check=False,
        )
        report = json.loads(Path(folder, "home", "grade-report.json").read_text(encoding="utf-8"))

    assert (0, "") == (ran.returncode, ran.stderr)
    assert score == report["score"]
