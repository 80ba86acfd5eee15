"""What a student works with: grading at each save, the template, completion, colours."""

from __future__ import annotations

import contextlib
import os
import pty
import queue
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest

from grader.commands.new import TEMPLATE
from grader.commands.watch import FileWatcher
from grader.renderers.colour import coloured
from grader.renderers.text import render_text
from tests.support.command import (
    ENVIRONMENT,
    GRADE,
    HANG_S,
    ROOT,
    SUBMISSIONS,
    descendants,
    grade,
    graded,
    installed,
    run,
    running,
    wait_for_end,
    wait_until,
)

REFERENCE = (ROOT / "reference" / "network.py").read_text(encoding="utf-8")
MISTAKEN = (SUBMISSIONS / "fails_model_update" / "network.py").read_text(encoding="utf-8")
HANGS = REFERENCE + "\nwhile True: pass\n"
Write = Callable[..., Path]


def saved(path: Path, text: str) -> None:
    """Save as many editors do: a new file, renamed over the old one."""
    path.with_suffix(".tmp").write_text(text, encoding="utf-8")
    path.with_suffix(".tmp").replace(path)


@contextlib.contextmanager
def watching(path: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], Callable[[], str]]]:
    """Start `grade --watch`; gives the process, and a function that waits for the next line with a score."""
    lines: queue.Queue[str] = queue.Queue()
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with running(GRADE, "--watch", path, *options, cwd=path.parent, env=ENVIRONMENT, **streams) as process:

        def read() -> None:
            assert process.stdout is not None
            for line in process.stdout:
                if line.startswith("Score"):
                    lines.put(line.strip())

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        try:
            yield process, lambda: lines.get(timeout=HANG_S)
        finally:
            process.kill()
            reader.join(HANG_S)


def test_watch_grades_each_save(write: Write) -> None:
    """Each save is graded, by a new file, in place, or after the file was gone; Ctrl-C ends all with 130."""
    path = write(MISTAKEN)

    with watching(path, "--seed", "1") as (process, verdict):
        scores = [verdict()]
        saved(path, REFERENCE)
        scores.append(verdict())
        path.write_text("def broken(:\n", encoding="utf-8")
        scores.append(verdict())
        path.unlink()
        time.sleep(0.5)
        path.write_text(REFERENCE, encoding="utf-8")
        scores.append(verdict())
        started = descendants(process.pid)
        process.send_signal(signal.SIGINT)
        code = process.wait(HANG_S)
        assert process.stderr is not None
        err = process.stderr.read()

    assert [int(line.split()[1]) for line in scores] == [86, 100, 0, 100]
    assert (code, err.strip()) == (130, "grade: interrupted")
    assert len(started) >= 2  # the warm process and its zygote
    wait_for_end(started)


@pytest.mark.soak
def test_watch_gives_up_a_hang_for_a_newer_save(write: Write) -> None:
    """Who has repaired an endless loop does not wait for the time limit of the old one."""
    path = write(HANGS)

    with watching(path, "--time-limit", "600") as (process, verdict):
        wait_until(lambda: any(b"grader.classroom.warm" in command_line(pid) for pid in descendants(process.pid)))
        saved(path, REFERENCE)

        assert verdict() == "Score: 100 of 100"


def command_line(pid: int) -> bytes:
    """Return a process's command line, nothing for one that is gone."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


@pytest.mark.parametrize("is_folder", [False, True], ids=["file", "folder"])
def test_what_a_watcher_sees(is_folder: bool, tmp_path: Path) -> None:
    """It tells new content only: no other files, no save without a change, but a folder that is made anew."""
    folder = tmp_path / "lab"
    folder.mkdir()
    file = folder / "network.py"
    file.write_text("a = 1\n", encoding="utf-8")
    seen = []

    with FileWatcher(folder if is_folder else file, 1) as watcher:
        seen.append(watcher.next())
        (folder / "grade-report.json").write_text("{}", encoding="utf-8")
        saved(file, "a = 1\n")
        time.sleep(0.3)
        saved(file, "a = 2\n")
        seen.append(watcher.next())
        shutil.rmtree(folder)
        seen.append(watcher.next())
        folder.mkdir()
        file.write_text("a = 3\n", encoding="utf-8")
        while seen[-1] is None or seen[-1].raw is None:
            seen.append(watcher.next())

    contents = [item.raw.files["network.py"] for item in seen if item and item.raw]
    assert contents == [b"a = 1\n", b"a = 2\n", b"a = 3\n"]
    assert seen[2] is None


def test_watch_without_its_extra(write: Write, tmp_path: Path) -> None:
    """Without watchfiles there is one sentence and exit code 2."""
    (tmp_path / "missing").mkdir()
    (tmp_path / "missing" / "watchfiles.py").write_text("raise ImportError", encoding="utf-8")

    ran = installed("--watch", write(REFERENCE), cwd=tmp_path, PYTHONPATH=str(tmp_path / "missing"))

    command = f"{shlex.quote(sys.executable)} -m pip install watchfiles"
    assert (ran.code, ran.err) == (2, f"grade: --watch needs watchfiles; install it with: {command}\n")


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["--watch", "nowhere.py"], "nowhere.py does not exist."),
        (["--watch", "network.py", "--fail-under", "1"], "--watch cannot be combined with --fail-under"),
        (["--watch", "network.py", "--report", "text=network.py"], "would replace the submission"),
        (["--new", "network.py"], "'network.py' is not an empty folder."),
        (["--new", "."], "'.' is not an empty folder."),
    ],
)
def test_usage(arguments: list[str], part: str, write: Write, tmp_path: Path) -> None:
    """Wrong use gets one sentence and exit code 2, and changes nothing."""
    path = write(REFERENCE)

    ran = grade(*arguments, cwd=tmp_path)

    assert ran.code == 2
    assert ran.err.startswith("grade: ")
    assert ran.err.count("\n") == 1
    assert part in ran.err
    assert (path.read_text(encoding="utf-8"), [*tmp_path.iterdir()]) == (REFERENCE, [path])


@pytest.mark.parametrize("is_there", [False, True])
def test_new(is_there: bool, tmp_path: Path) -> None:
    """--new copies the template into a new or an empty folder, workflow included, and it can be graded at once."""
    folder = tmp_path / "my lab"
    if is_there:
        folder.mkdir()

    ran = grade("--new", folder, cwd=tmp_path)

    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert (ran.code, ran.err) == (0, "")
    assert names == {"README.md", "network.py", "lecture.py", ".github/workflows/grade.yml"}
    assert (folder / "network.py").read_bytes() == (ROOT / "student_template" / "network.py").read_bytes()
    assert grade(folder, cwd=tmp_path).report["score"] == 0


def test_what_is_installed(tmp_path: Path) -> None:
    """The built package has the template, the scripts for Gradescope, and no solution."""
    run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path], cwd=ROOT)

    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    template = {
        path.relative_to(TEMPLATE).as_posix(): path.read_bytes()
        for path in TEMPLATE.rglob("*.*")
        if path.is_file() and path.suffix != ".pyc"
    }
    assert {
        name.removeprefix("grader/template/"): text
        for name, text in files.items()
        if name.startswith("grader/template/")
    } == template
    assert {"grader/commands/gradescope/setup.sh", "grader/commands/gradescope/run_autograder"} <= set(files)
    assert {name.partition("/")[0].partition("-")[0] for name in files} == {"grader", "xor_lab_grader"}
    assert REFERENCE.encode() not in files.values()


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("grade --lab-", "plain,--lab-option"),
        ("grade --report j", "plain,json="),
        ("grade --report json=o", "file,o"),
        ("grade --lang e", "plain,en"),
        ("grade netw", "file,netw"),
    ],
)
def test_completion(words: str, offered: str, tmp_path: Path) -> None:
    """The shell is offered options, formats, choices, and files."""
    count = str(len(words.split()) - 1)

    ran = grade(cwd=tmp_path, _GRADE_COMPLETE="bash_complete", COMP_WORDS=words, COMP_CWORD=count)

    assert (ran.code, ran.out.split("\n")[0]) == (0, offered)


def test_completion_in_bash(tmp_path: Path) -> None:
    """bash takes the script that docs/grade.md names, and completes with it."""
    script = 'eval "$(_GRADE_COMPLETE=bash_source grade)"; complete -p grade; COMP_WORDS=(grade --do); COMP_CWORD=1; _grade_completion grade; echo "${COMPREPLY[@]}"'

    ran = run(["bash", "-c", script], cwd=tmp_path, PATH=f"{GRADE.parent}{os.pathsep}{os.environ['PATH']}")

    assert "-F _grade_completion grade" in ran.out
    assert ran.out.endswith("\n--doctor\n")


def on_a_terminal(path: Path, *options: str, **environment: str) -> str:
    """Return what `grade` shows on a terminal."""
    main, terminal = pty.openpty()
    usual = {name: value for name, value in ENVIRONMENT.items() if name != "NO_COLOR"}
    with subprocess.Popen(
        [GRADE, path, "--seed", "1", "--report", "text=out.txt", *options],
        cwd=path.parent,
        env={**usual, "TERM": "xterm", **environment},
        stdout=terminal,
        stderr=subprocess.DEVNULL,
    ):
        os.close(terminal)
        shown = b""
        with contextlib.suppress(OSError):  # the end of a terminal
            while part := os.read(main, 65536):
                shown += part
    os.close(main)
    return shown.decode().replace("\r\n", "\n")


@pytest.mark.wide
def test_colours_are_for_terminals(write: Write, tmp_path: Path) -> None:
    """A terminal gets colours, unless NO_COLOR or --no-color refuses them; a file never does."""
    path = write("def f(:")

    shown = on_a_terminal(path)
    written = (tmp_path / "out.txt").read_text(encoding="utf-8")

    assert shown == coloured(written) != written
    assert on_a_terminal(path, "--no-color") == on_a_terminal(path, NO_COLOR="1") == written


def test_colours_are_extra() -> None:
    """Without its colours the report is the one that a pipe gets: symbols and words say it all."""
    text = render_text(graded(SUBMISSIONS / "fails_model_update", seed=1))

    lines = coloured(text).splitlines()

    assert click.unstyle(coloured(text)) == text
    assert "\x1b" not in text
    assert [line[:5] for line in lines if " ✓ " in line] == ["\x1b[32m"] * 6
    assert [line[:5] for line in lines if " ~ " in line] == ["\x1b[33m"]


def test_help_is_quick(tmp_path: Path) -> None:
    """--help imports neither numpy nor pytest, nor what only --watch or a page needs."""
    code = "import sys; from grader.commands.grade import command; command.main(['--help'], 'grade', standalone_mode=False); print(*sys.modules)"

    ran = run([sys.executable, "-c", code], cwd=tmp_path)

    assert {"click", "grader.commands.grade"} <= set(ran.out.split())
    assert {"numpy", "pytest", "watchfiles", "msgspec", "jinja2"}.isdisjoint(ran.out.split())


def test_only_a_page_needs_templates(tmp_path: Path) -> None:
    """A report as text is written without the template engine, a page with it."""
    shutil.copy(SUBMISSIONS / "syntax_error" / "network.py", tmp_path)
    code = "import sys; from grader.commands.grade import command; command.main(sys.argv[1:], standalone_mode=False); print('jinja2' in sys.modules)"

    loaded = [
        run([sys.executable, "-c", code, "network.py", "--report", f"{kind}=report"], cwd=tmp_path).out.split()[-1]
        for kind in ("text", "html")
    ]

    assert loaded == ["False", "True"]
