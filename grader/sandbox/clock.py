"""Measures the time that a confined process uses. Light to import."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from typing import NamedTuple

SLOWEST = 5.0  # without process clocks, processor time is estimated as wall time divided by this


class Used(NamedTuple):
    """Seconds of processor time, and seconds in which the process neither ran nor queued for a processor."""

    cpu_s: float
    waited_s: float


class Clock:
    """Stopwatch for the time that a process uses.

    Time in the queue for a processor does not count. On Linux, processor time is the process's CPU clock
    (clock_getcpuclockid(3)); elsewhere it is estimated as a share of wall time.
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
        """Close the file that the clock reads."""
        if self._queue is not None:
            os.close(self._queue)
            self._queue = None

    def begin(self) -> None:
        """Restart the stopwatch; the process was waiting for a request until now."""
        self._wall_s = time.monotonic()
        self._cpu_s, self._queued_s = self._now

    def read(self) -> Used:
        """Return the time used since begin(); for a process that has ended, processor time as last read."""
        wall_s = time.monotonic() - self._wall_s
        with contextlib.suppress(OSError, ValueError, IndexError):
            self._now = self._read(wall_s)
        cpu_s = self._now[0] - self._cpu_s
        return Used(cpu_s, max(0.0, wall_s - cpu_s - (self._now[1] - self._queued_s)))

    def _read(self, wall_s: float) -> tuple[float, float]:
        """Return seconds of processor time and seconds in the queue; raise OSError if the process has ended."""
        if not self._is_there:
            return self._cpu_s + wall_s / SLOWEST, self._queued_s + wall_s
        cpu_s = cpu_s_of(self._pid)
        if self._queue is None:
            return cpu_s, (SLOWEST - 1) * cpu_s
        return cpu_s, int(os.pread(self._queue, 100, 0).split()[1]) / 1e9


def cpu_s_of(pid: int) -> float:
    """Return the processor time of a process in seconds; raise OSError if it cannot be read."""
    return time.clock_gettime((~pid << 3) | 2)
