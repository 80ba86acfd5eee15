"""Machines with fewer features: the level is stated, and below the required level nothing runs."""

from __future__ import annotations

import errno
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from grader.core.report import Status
from grader.pipeline.grading import assignment
from grader.pipeline.grading import grade as grade_here
from grader.sandbox import processes
from grader.sandbox.client import Worker
from grader.sandbox.loading import Program
from grader.sandbox.preload import BASE
from grader.sandbox.processes import LAYERS, Sandbox, SandboxError
from tests.support.command import (
    ENVIRONMENT,
    GRADE,
    HOARD,
    PATIENT,
    ROOT,
    descendants,
    grade,
    has_hoard_below,
    running,
    wait_for_end,
    wait_until,
)
from tests.support.worker import called

REFERENCE = ROOT / "reference" / "network.py"
Write = Callable[..., Path]

linux = pytest.mark.skipif(
    sys.platform != "linux" or os.uname().machine != "x86_64", reason="strict runs on Linux x86_64"
)

# Makes some system calls answer with an errno, for this process and all after it, then runs a command.
OUTER = """
import os, sys
from grader.sandbox.confined import confine
from tests.support.bpf import obey
answers = {int(number): int(answer) for number, answer in (word.split("=") for word in sys.argv[1].split(","))}
code = [(confine.LOAD, 0, 0, 0)]
for number, answer in answers.items():
    code += [(confine.EQUAL, 0, 1, number), (confine.RETURN, 0, 0, confine.refuse(answer))]
obey([*code, (confine.RETURN, 0, 0, confine.ALLOW)])
os.execv(sys.argv[2], sys.argv[2:])
"""
NO_LANDLOCK = f"444={errno.ENOSYS},445={errno.ENOSYS},446={errno.ENOSYS}"
NO_SECCOMP = f"317={errno.EPERM}"


def graded_with(answers: str, cwd: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run `grade` on the reference on a machine where some system calls fail with an errno."""
    command = [sys.executable, "-c", OUTER, answers, sys.executable, str(GRADE), *options]
    environment = {**ENVIRONMENT, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)


@linux
@pytest.mark.wide
def test_without_landlock_strict_is_reached(tmp_path: Path) -> None:
    """A kernel without Landlock still grades at `strict`; the doctor says what is missing."""
    ran = graded_with(NO_LANDLOCK, tmp_path, str(REFERENCE), "--require-sandbox", "strict")
    doctor = graded_with(NO_LANDLOCK, tmp_path, "--doctor")

    report = json.loads((tmp_path / "grade-report.json").read_text(encoding="utf-8"))
    assert (ran.returncode, report["score"], report["sandbox"]["level"]) == (0, 100, "strict")
    assert "landlock      not offered by this kernel" in doctor.stdout.replace("[Errno 38] ", "")
    assert "level reached: strict" in doctor.stdout


@linux
@pytest.mark.wide
def test_without_seccomp_the_level_is_stated(tmp_path: Path) -> None:
    """A machine that refuses filters grades at `process`, says so, and says why."""
    ran = graded_with(NO_SECCOMP, tmp_path, str(REFERENCE))
    doctor = graded_with(NO_SECCOMP, tmp_path, "--doctor")

    report = json.loads((tmp_path / "grade-report.json").read_text(encoding="utf-8"))
    assert (ran.returncode, report["score"], report["sandbox"]["level"]) == (0, 100, "process")
    assert "level reached: process" in doctor.stdout
    assert "strict needs seccomp filters, and this machine refuses them" in doctor.stdout


@linux
def test_what_is_required_fails_closed(tmp_path: Path, write: Write) -> None:
    """Below the required level, nothing of the submission runs: exit code 4, no score, one sentence."""
    ran = graded_with(NO_SECCOMP, tmp_path, str(write("open('ran', 'w')")), "--require-sandbox", "strict")

    report = json.loads((tmp_path / "grade-report.json").read_text(encoding="utf-8"))
    assert (ran.returncode, report["status"], report["score"]) == (4, "grader_error", None)
    assert "the sandbox level strict was required, and only level process was reached (seccomp:" in ran.stdout
    assert ran.stderr == ""


@linux
def test_the_doctor_finds_this_machine_healthy(tmp_path: Path) -> None:
    """Every layer that the kernel offers is in force here."""
    ran = grade("--doctor", cwd=tmp_path)

    assert ran.code == 0
    assert ran.out.count("in force") == len(LAYERS) - ran.out.count("not offered by this kernel")
    assert ran.out.endswith("level reached: strict\n")


@linux
def test_a_grader_that_is_killed_leaves_nothing(tmp_path: Path, write: Write) -> None:
    """SIGKILL of the grader ends the zygote and a worker that sleeps."""
    path = write(f"import time\n{HOARD}while True: time.sleep(60)")
    with running(GRADE, path, cwd=tmp_path, stderr=subprocess.DEVNULL) as process:
        wait_until(lambda: has_hoard_below(process.pid))
        started = descendants(process.pid)
        process.send_signal(signal.SIGKILL)
    assert len(started) >= 2
    wait_for_end(started)


@linux
def test_a_zygote_that_is_killed_takes_its_workers_along() -> None:
    """SIGKILL of the zygote ends its workers, and is the grader's fault, not the student's."""
    before = descendants(os.getpid())
    program = Program(file="network.py", text="def f(): return 1.0")
    with Sandbox(modules=BASE) as sandbox, Worker(sandbox, PATIENT, 1, program=program) as worker:
        assert called(worker) == 1.0
        started = descendants(os.getpid()) - before
        assert len(started) == 2
        for pid in started:
            if "zygote" in Path(f"/proc/{pid}/cmdline").read_text() and descendants(pid):
                os.kill(pid, signal.SIGKILL)
        wait_for_end(started)
        with pytest.raises(SandboxError, match="has ended"):
            called(worker)


@linux
@pytest.mark.parametrize(
    ("command", "is_waited_for"),
    [
        (("/no/such/python",), False),
        ((sys.executable, "-c", "raise SystemExit('no room')"), True),
        ((sys.executable, "-c", "import time; time.sleep(0.3); raise SystemExit('no room')"), False),
    ],
)
def test_a_zygote_that_does_not_start_is_reported(
    command: tuple[str, ...], is_waited_for: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If no process of the sandbox can start, before or while it is used, the report says so, and nothing raises."""
    monkeypatch.setattr(processes, "COMMAND", command)
    before = descendants(os.getpid())
    with Sandbox() as sandbox:
        if is_waited_for:
            wait_for_end(descendants(os.getpid()) - before)
        report = grade_here(REFERENCE, assignment(), seed=1, sandbox=sandbox)

    assert (report.status, report.score) == (Status.GRADER_ERROR, None)
    assert report.reason is not None
    assert re.search("did not start: .*No such file|has ended: no room", report.reason.text)


@linux
@pytest.mark.security
def test_a_thousand_workers_leave_nothing() -> None:
    """After 1,000 workers there are as many descriptors, threads and processes as before."""
    program = Program(file="network.py", text="x = 1")

    def counts() -> tuple[int, int]:
        return len(list(Path("/proc/self/fd").iterdir())), len(list(Path("/proc/self/task").iterdir()))

    with Sandbox(modules=BASE) as sandbox:
        before = None
        for number in range(1000):
            with Worker(sandbox, PATIENT, 1, program=program) as worker:
                worker.wait_loaded()
            if number == 0:
                before, below = counts(), len(descendants(os.getpid()))
        assert counts() == before
        assert len(descendants(os.getpid())) == below
