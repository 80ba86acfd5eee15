"""Reports the features of this machine for confining student code, and missing ones: `grade --doctor`."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import platform
import sys
from collections.abc import Iterator
from pathlib import Path

from grader import __version__
from grader.core.faults import Fault
from grader.core.limits import Limits
from grader.sandbox.client import Worker
from grader.sandbox.processes import LAYERS, Sandbox, SandboxError
from grader.sandbox.replies import Hello

PACKAGES = ("numpy", "pytest", "pytest-json-report", "click", "msgspec")

GROUPS = Path("/sys/fs/cgroup")
OWN_BYTES = 200 * 2**20  # memory of the grader itself


def examine() -> Iterator[str]:
    """Yield lines with versions, kernel, each sandbox layer, memory, and the level that a worker reached."""
    yield f"grader {__version__}, Python {platform.python_version()}"
    yield ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES)
    yield f"{platform.system()} {platform.release()} {platform.machine()}"
    try:
        hello = greeting()
    except SandboxError as error:
        yield f"no worker can be started: {error}"
        return
    for layer in LAYERS:
        detail = f"in force (ABI {hello.landlock_abi})" if layer == "landlock" else "in force"
        yield f"  {layer:<13} {hello.missing.get(layer, detail)}"
    yield memory()
    yield f"level reached: {hello.level}"
    if hello.level != "strict":
        yield why_not(hello)


def memory() -> str:
    """Return a line on whether this machine or container has enough memory for a submission."""
    wanted, there = Limits().memory_bytes, memory_bytes()
    if there is None:
        return f"memory: not known here; a submission may use {wanted // 2**20} MiB"
    if there < wanted + OWN_BYTES:
        return f"memory: {there // 2**20} MiB, too little: a submission may use {wanted // 2**20} MiB, and the system ends one that does"
    return f"memory: {there // 2**20} MiB, of which a submission may use {wanted // 2**20}"


def memory_bytes() -> int | None:
    """Return the memory of this machine in bytes, or the limit of a control group around this process if that is lower."""
    found = []
    with contextlib.suppress(OSError, ValueError, AttributeError):
        found.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines():
            _, controllers, group = line.split(":", 2)
            if controllers not in ("", "memory"):
                continue
            root = GROUPS / controllers
            for folder in (root, *(root / part for part in (Path(group.strip("/")), *Path(group.strip("/")).parents))):
                for name in ("memory.max", "memory.limit_in_bytes"):  # of version 2, and of version 1
                    with contextlib.suppress(OSError, ValueError):  # "max": no limit
                        found.append(int((folder / name).read_text(encoding="ascii")))
    return min(found, default=None)


def greeting() -> Hello:
    """Start a worker and return its description of itself."""
    with Sandbox() as sandbox, Worker(sandbox, Limits(), 0) as worker:
        lab = {"file": "doctor.py", "classes": (), "functions": (), "bonus": (), "banned": (), "data": ()}
        answer = worker.read("doctor", {"doctor.py": b"x = 1\n"}, lab)
        assert not isinstance(answer, Fault)
        assert worker.hello is not None
        return worker.hello


def why_not(hello: Hello) -> str:
    """Return the reason, in one sentence, why strict is not reached."""
    if sys.platform != "linux":
        return f"strict needs Linux; on {platform.system()} a submission only runs in a separate process (untested)."
    if "seccomp" in hello.missing:
        return f"strict needs seccomp filters, and this machine refuses them: {hello.missing['seccomp']}."
    return "A file, a process or a socket is still reachable: please report this machine."
