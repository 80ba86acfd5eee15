"""Grades for the tests: by the installed command, the way a user does, or in this process, which is quicker."""

from __future__ import annotations

import atexit
import contextlib
import json
import mmap
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from msgspec import structs

from grader.core.limits import Limits
from grader.core.report import Report
from grader.pipeline import grading
from grader.pipeline.assignment import Assignment
from grader.renderers.json import render_json
from grader.sandbox.preload import EVERY
from grader.sandbox.processes import Sandbox

ROOT = Path(__file__).parents[2]
SUBMISSIONS = ROOT / "tests" / "submissions"
# As a user has it: compiled modules are kept. Reports are in English, whatever the machine speaks.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
ENVIRONMENT["LC_ALL"] = "C.UTF-8"
# Messages only: where a locale is not installed, Python reads paths as ASCII, and does not start in a checkout "лаба".
RUSSIAN = {"LC_ALL": "", "LC_CTYPE": "C.UTF-8", "LC_MESSAGES": "ru_RU.UTF-8"}
GRADE = Path(sys.executable).with_name("grade")
NOBODY = 65534
HANG_S = 120  # what takes longer has hung, however busy the machine is; no test asks for less
# The beginning of a submission that shows from outside that it runs.
HOARD_BYTES = 300_000_000
HOARD = f"hoard = b'x' * {HOARD_BYTES}\n"
# No honest code reaches PATIENT's limits; HASTY is for code that hangs.
PATIENT = Limits(total_time_s=600, load_time_s=60, call_time_s=60)
HASTY = structs.replace(PATIENT, load_time_s=1, call_time_s=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Ran:
    """How a command ended, and what it wrote."""

    code: int
    out: str
    err: str
    report: dict[str, Any]


def grade(*arguments: str | Path, cwd: Path, **environment: str) -> Ran:
    """Run `grade` in cwd, in a fork of a warm process; report is the JSON file it left there, {} for none."""
    return forked("grade", *arguments, cwd=cwd, **environment)


def grade_class(*arguments: str | Path, cwd: Path, **environment: str) -> Ran:
    """Run `grade-class` in the same way."""
    return forked("grade-class", *arguments, cwd=cwd, **environment)


def progress(*argv: str | Path, cwd: Path) -> str:
    """Run a command with standard error on a terminal; return what a person saw there."""
    import pty  # not on Windows

    main, terminal = pty.openpty()
    subprocess.run(argv, cwd=cwd, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=terminal, check=True)
    os.close(terminal)
    shown = os.read(main, 65536)
    os.close(main)
    return shown.decode()


def forked(*argv: str | Path, cwd: Path, **environment: str) -> Ran:
    """Run a command in a fork of a warm process."""
    warm = warm_process()
    assert warm.stdin is not None
    assert warm.stdout is not None
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        wanted = {
            "argv": [str(item) for item in argv],
            "cwd": str(cwd),
            "environment": {**ENVIRONMENT, **environment},
            "out": str(out),
            "err": str(err),
        }
        warm.stdin.write(json.dumps(wanted) + "\n")
        warm.stdin.flush()
        code = int(warm.stdout.readline())
        return ran(code, out.read_text(encoding="utf-8"), err.read_text(encoding="utf-8"), cwd)


@cache
def warm_process() -> subprocess.Popen[str]:
    """Start the warm process of this test run."""
    command = [sys.executable, "-m", "tests.support.warm"]
    environment = {**ENVIRONMENT, "OPENBLAS_NUM_THREADS": "1"}
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    )  # fmt: skip
    atexit.register(process.kill)
    return process


def graded(path: Path, *, seed: int, limits: Limits = PATIENT, lang: str = "en") -> Report:
    """Grade in this process, for tests that are not about the command."""
    return grading.grade(path, lab_with(limits), seed=seed, lang=lang, sandbox=warm_sandbox())


def graded_as_json(path: Path, *, seed: int, limits: Limits = PATIENT, lang: str = "en") -> dict[str, Any]:
    """Grade in this process, and return the report as its JSON file has it."""
    report: dict[str, Any] = json.loads(render_json(graded(path, seed=seed, limits=limits, lang=lang)))
    return report


def lab_with(limits: Limits, folder: Path | None = None) -> Assignment:
    """Return a lab whose limits, and those of its bonus files, are these."""
    lab = grading.assignment(folder)
    return structs.replace(lab, limits=limits, bonus=tuple(structs.replace(item, limits=limits) for item in lab.bonus))


@cache
def warm_sandbox() -> Sandbox:
    """Start the sandbox of this test run, with all that a submission may import."""
    sandbox = Sandbox(modules=EVERY)
    atexit.register(sandbox.__exit__, None, None, None)
    return sandbox


def installed(*arguments: str | Path, cwd: Path, **environment: str) -> Ran:
    """Run the installed command in cwd, from its start."""
    return run([GRADE, *arguments], cwd=cwd, **environment)


def run(command: list[str | Path], cwd: Path, **environment: str) -> Ran:
    """Run a command that may leave grade-report.json in cwd."""
    done = subprocess.run(
        command,
        cwd=cwd,
        env={**ENVIRONMENT, **environment},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=HANG_S,
        check=False,
    )
    return ran(done.returncode, done.stdout, done.stderr, cwd)


def ran(code: int, out: str, err: str, cwd: Path) -> Ran:
    """Return how a command ended, with the report that it left in cwd."""
    written = cwd / "grade-report.json"
    report = json.loads(written.read_text(encoding="utf-8")) if written.is_file() else {}
    return Ran(code=code, out=out, err=err, report=report)


@contextlib.contextmanager
def running(*command: str | Path, **options: Any) -> Iterator[subprocess.Popen[str]]:
    """Run a command meanwhile, whose pipes are text; it is ended and waited for, whatever happens."""
    with subprocess.Popen(command, text=True, **options) as process:
        try:
            yield process
        finally:
            process.kill()


def descendants(pid: int) -> set[int]:
    """Return the process ids below a process, whichever of its threads started them."""
    children = set[int]()
    with contextlib.suppress(OSError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(OSError):
                children |= {int(child) for child in (thread / "children").read_text().split()}
    return children.union(*(descendants(child) for child in children))


def alive(pids: Iterable[int]) -> set[int]:
    """Return those of the processes that run: one that has ended may wait for a while until its new parent reaps it."""
    found = set()
    for pid in pids:
        with contextlib.suppress(OSError):
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
                found.add(pid)
    return found


def has_hoard_below(pid: int) -> bool:
    """Return whether a process below this one has run HOARD: it holds more memory than any other of the grader's."""
    for below in descendants(pid):
        with contextlib.suppress(OSError):
            if int(Path(f"/proc/{below}/statm").read_text().split()[1]) * mmap.PAGESIZE > HOARD_BYTES:
                return True
    return False


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for something to come true; fail if it never does."""
    deadline = time.monotonic() + HANG_S
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"still waiting after {HANG_S} s")
        time.sleep(0.005)


def wait_for_end(pids: Iterable[int]) -> None:
    """Wait until all of the processes have ended."""
    started = set(pids)
    wait_until(lambda: not alive(started))


def python_for_nobody() -> str | None:
    """Return a Python of this version that another user can run on this checkout, None where there is none."""
    for candidate in (sys.executable, f"/usr/bin/python3.{sys.version_info.minor}", "/usr/bin/python3"):
        code = f"import os, sys; os.listdir({str(ROOT / 'reference')!r}); print(sys.version_info[:2])"
        probe = [candidate, "-c", code]
        with contextlib.suppress(OSError):
            ran = subprocess.run(probe, user=NOBODY, group=NOBODY, extra_groups=[], capture_output=True, text=True)
            if ran.stdout.strip() == str(sys.version_info[:2]):
                return candidate
    return None


def environment_of_nobody() -> dict[str, str]:
    """Return an environment in which another user finds this checkout and its packages."""
    packages = [path for path in sys.path if path.endswith("site-packages")]
    return {"PYTHONPATH": os.pathsep.join([str(ROOT), *packages]), "PYTHONDONTWRITEBYTECODE": "1"}
