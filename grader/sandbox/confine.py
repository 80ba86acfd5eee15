"""What the worker gives up before student code runs; loaded by path, beside worker.py, in the worker.

Level `process`: a process of its own with resource limits (setrlimit(2)), hard equal to soft.
"""

from __future__ import annotations

import sys

CORE_BYTES = 0
FILE_BYTES = 16 * 2**20
OPEN_FILES = 64


def address_space_bytes() -> int:
    """Return the address space this process already uses, in bytes (0 where /proc is missing)."""
    try:
        with open("/proc/self/statm", encoding="ascii") as statm:
            pages = int(statm.read().split()[0])
    except OSError:
        return 0
    return pages * 4096


def confine(memory_bytes: int, cpu_s: int) -> str:
    """Limit this process and return the level reached.

    memory_bytes is what the student's code may allocate on top of numpy; cpu_s its processor time
    in seconds, a second line behind the deadline that the trusted process keeps. A limit that the
    system refuses is left out: the level `process` promises a separate process, no more.
    """
    if sys.platform == "win32":
        return "process"
    import resource

    limits = {
        resource.RLIMIT_AS: address_space_bytes() + memory_bytes,
        resource.RLIMIT_CPU: cpu_s,
        resource.RLIMIT_CORE: CORE_BYTES,
        resource.RLIMIT_FSIZE: FILE_BYTES,
        resource.RLIMIT_NOFILE: OPEN_FILES,
    }
    for which, limit in limits.items():
        try:
            resource.setrlimit(which, (limit, limit))
        except (OSError, ValueError):
            continue
    return "process"
