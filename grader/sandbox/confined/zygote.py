"""The first confined process: imports the modules that students use, then forks workers.

`zygote.py fork` answers messages on the socket that is its standard input. It never runs student code, holds no
secrets, and ends when the other end of the socket is closed. A message is JSON:

{"preload": [module...], "packages": path}   import numpy and these               -> {"threads": n}
{"operations": path}                         load a lab's confined module           -> {}
{"fork": true} and three descriptors         requests, replies and output of a new worker -> {"pid": n}
{"watch": pid, "wait_s": seconds}            wait for a worker to end, unreaped   -> {}
{"reap": pid}                                wait for a worker, return its exit code -> {"code": n}

`zygote.py alone` runs as a worker itself, on its standard streams, for systems without fork.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import socket
import sys
import time
import types
from typing import Any

MESSAGE_BYTES = 64 * 1024
POLL_S = 0.002
PACKAGE = "grader_confined"  # name under which this folder is imported here


def load_beside(name: str) -> Any:
    """Import a module of this folder, which is not on sys.path."""
    return importlib.import_module(f"{PACKAGE}.{name}")


def serve_forks(worker: Any, channel: socket.socket) -> None:
    """Answer messages until the other end is closed."""
    while True:
        text, descriptors, _, _ = socket.recv_fds(channel, MESSAGE_BYTES, 3)
        if not text:
            return
        message = json.loads(text)
        answer: dict[str, Any] = {}
        if "preload" in message:
            worker.preload(message["packages"], message["preload"])
            answer["threads"] = threads()
        elif "operations" in message:
            worker.load_operations(message["operations"])
        elif "fork" in message:
            gc.freeze()
            answer["pid"] = os.fork()
            if answer["pid"] == 0:
                channel.close()
                worker.run(*descriptors)
            for descriptor in descriptors:
                os.close(descriptor)
        elif "watch" in message:
            watch(message["watch"], message["wait_s"])
        else:
            _, status = os.waitpid(message["reap"], 0)
            answer["code"] = os.waitstatus_to_exitcode(status)
        channel.send(json.dumps(answer).encode())


def watch(pid: int, wait_s: float) -> None:
    """Wait at most wait_s seconds for a worker to end, without reaping it."""
    deadline = time.monotonic() + wait_s
    while os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None and time.monotonic() < deadline:
        time.sleep(POLL_S)


def threads() -> int:
    """Return how many threads this process has. With more than one, its forks would not be wholly confined."""
    return len(os.listdir("/proc/self/task"))


if __name__ == "__main__":
    package = sys.modules[PACKAGE] = types.ModuleType(PACKAGE)
    package.__path__ = [os.path.dirname(os.path.abspath(__file__))]
    worker = load_beside("worker")
    is_to_fork = sys.argv[1] == "fork"
    parent = os.getpid() if is_to_fork else os.getppid()
    worker.confinement = load_beside("confine").here(load_beside("syscalls").NUMBERS, parent)
    if is_to_fork:
        serve_forks(worker, socket.socket(fileno=os.dup(0)))
    else:
        worker.run(0, 1, 2)
