"""How much time a process of the untrusted side uses, as the trusted side reads it. Light to import."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from typing import NamedTuple

SLOWEST = 5.0  # where only the wall clock can be read, it goes this many times faster than a processor


class Used(NamedTuple):
    """Seconds on a processor, and seconds of neither running nor waiting for a processor."""

    cpu_s: float
    waited_s: float


class Clock:
    """The time that a process uses, in parts.

    What a busy machine keeps it waiting for a processor counts as nothing. Processor time is read where Linux has it, by
    the clock of a process (clock_getcpuclockid(3)); elsewhere a share of the wall clock stands for it.
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._queue: int | None = None
        self._now = (0.0, 0.0)
        self._is_there = False
        with contextlib.suppress(OSError):
            self._is_there = sys.platform == "linux" and cpu_s_of(pid) >= 0
            self._queue = os.open(
                f"/proc/{pid}/schedstat", os.O_RDONLY
            )  # no /proc, or one that hides other users' processes
        self.begin()

    def close(self) -> None:
        """Let go of the process."""
        if self._queue is not None:
            os.close(self._queue)
            self._queue = None

    def begin(self) -> None:
        """Begin a part; up to now the process waited for this."""
        self._wall_s = time.monotonic()
        self._cpu_s, self._queued_s = self._now

    def read(self) -> Used:
        """Return what the part has used; of a process that has ended, what it had when it was read last."""
        wall_s = time.monotonic() - self._wall_s
        with contextlib.suppress(OSError, ValueError, IndexError):
            self._now = self._read(wall_s)
        cpu_s = self._now[0] - self._cpu_s
        return Used(cpu_s, max(0.0, wall_s - cpu_s - (self._now[1] - self._queued_s)))

    def _read(self, wall_s: float) -> tuple[float, float]:
        """Return the seconds on a processor, and those of waiting for one; OSError for a process that has ended."""
        if not self._is_there:
            return self._cpu_s + wall_s / SLOWEST, self._queued_s + wall_s
        cpu_s = cpu_s_of(self._pid)
        if self._queue is None:
            return cpu_s, (SLOWEST - 1) * cpu_s
        return cpu_s, int(os.pread(self._queue, 100, 0).split()[1]) / 1e9


def cpu_s_of(pid: int) -> float:
    """Return the seconds that a process has been on a processor; OSError where this cannot be read."""
    return time.clock_gettime((~pid << 3) | 2)
