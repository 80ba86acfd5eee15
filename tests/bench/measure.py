"""Runs commands as a user would and tells what they took."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.command import descendants

SAMPLE_S = 0.05
LIMIT_S = 1800.0
MAXRSS_PER_MIB = 2**20 if sys.platform == "darwin" else 2**10
ORPHAN_S = 10.0
PR_SET_CHILD_SUBREAPER = 36
TOLD = 2_000  # characters of a failed command's output


class FailedError(Exception):
    """A command ended with an exit code other than 0, or without the result that it should have; why, in a few words."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """A command and the folder that it is started in."""

    argv: tuple[str, ...]
    cwd: Path


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """What some jobs took together.

    cpu_s counts every process that was waited for, by adopt_orphans also those that jobs left behind;
    largest_mib is the largest of them at its peak; tree_mib is the peak of all together, shared pages in part, None where it was not sampled.
    """

    wall_s: float
    cpu_s: float
    largest_mib: float
    tree_mib: float | None = None


def measure(
    jobs: Sequence[Job],
    environment: Mapping[str, str],
    log: Path,
    *,
    at_a_time: int = 1,
    is_sampled: bool = False,
    may_fail: bool = False,
) -> Run:
    """Run all jobs, at_a_time of them at once, their output in log; sampling memory takes some time itself."""
    others = descendants(os.getpid())
    waiting, running = list(jobs), dict[int, subprocess.Popen[bytes]]()
    cpu_s, largest, codes = 0.0, 0, set[int]()
    with log.open("wb") as output, deadline(running), sampler(is_sampled) as peak:
        began = time.perf_counter()
        while waiting or running:
            while waiting and len(running) < at_a_time:
                job = waiting.pop(0)
                process = subprocess.Popen(
                    job.argv, cwd=job.cwd, env=dict(environment), stdin=subprocess.DEVNULL, stdout=output,
                    stderr=subprocess.STDOUT, start_new_session=True,
                )  # fmt: skip
                running[process.pid] = process
            pid, status, usage = os.wait4(-1, 0)
            cpu_s += usage.ru_utime + usage.ru_stime
            largest = max(largest, usage.ru_maxrss)
            if pid in running:
                process = running.pop(pid)
                process.returncode = os.waitstatus_to_exitcode(status)
                codes.add(process.returncode)
        wall_s = time.perf_counter() - began
    for usage in orphans(others):
        cpu_s += usage.ru_utime + usage.ru_stime
        largest = max(largest, usage.ru_maxrss)
    if any(codes) and not may_fail:
        raise FailedError(f"it ended with exit code {max(codes, key=abs)}")
    return Run(
        wall_s=wall_s,
        cpu_s=cpu_s,
        largest_mib=largest / MAXRSS_PER_MIB,
        tree_mib=peak[0] / 1024 if is_sampled and peak[0] else None,
    )


def adopt_orphans() -> None:
    """Become the parent of processes whose own parent ended before them, so that what they took can be counted."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def orphans(others: set[int]) -> Iterator[resource.struct_rusage]:
    """Wait for the processes that jobs left behind, ORPHAN_S seconds at most, others aside."""
    until = time.monotonic() + ORPHAN_S
    while descendants(os.getpid()) - others and time.monotonic() < until:
        pid, _, usage = os.wait4(-1, os.WNOHANG)
        if pid:
            yield usage
        else:
            time.sleep(0.01)


def tail(log: Path) -> str:
    """Return the end of what jobs printed."""
    return log.read_text(encoding="utf-8", errors="replace")[-TOLD:] if log.exists() else ""


@contextlib.contextmanager
def deadline(running: Mapping[int, object]) -> Iterator[None]:
    """Kill what still runs after LIMIT_S seconds."""

    def kill() -> None:
        for pid in list(running):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)

    timer = threading.Timer(LIMIT_S, kill)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        kill()


@contextlib.contextmanager
def sampler(is_wanted: bool) -> Iterator[list[int]]:
    """Keep the peak of the memory of all processes below this one, in KiB, until the block ends."""
    peak, is_over = [0], threading.Event()

    def watch() -> None:
        while not is_over.wait(SAMPLE_S):
            peak[0] = max(peak[0], sum(map(share_kib, descendants(os.getpid()))))

    thread = threading.Thread(target=watch, daemon=True)
    if is_wanted:
        thread.start()
    try:
        yield peak
    finally:
        is_over.set()
        if is_wanted:
            thread.join()


def share_kib(pid: int) -> int:
    """Return the proportional set size of a process, 0 for one that is gone or cannot be read."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    return 0
