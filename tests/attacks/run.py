"""Runs the attacks and writes what each reached, a JSON line an attack: `python -m tests.attacks.run LAYER,... ABI EVERY KIND`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from grader.core.faults import Fault
from grader.core.limits import Limits
from grader.sandbox.client import Worker
from grader.sandbox.loading import Program
from grader.sandbox.preload import BASE
from grader.sandbox.processes import LAYERS, NEWEST_ABI, ForkedProcess, Sandbox
from tests.attacks.canaries import Canaries, traits_of
from tests.attacks.corpus import ATTACKS, PRELUDE, Attack

HASTY = Limits(total_time_s=3, load_time_s=0.4, call_time_s=0.6, output_bytes=2**20)  # for what hangs
PATIENT = Limits(total_time_s=60, load_time_s=20, call_time_s=20, output_bytes=2**20)
MODULES = """
asyncio atexit codecs concurrent.futures.thread ctypes encodings.idna errno fcntl fileinput gc glob http.client
importlib.util io json linecache logging mmap multiprocessing multiprocessing.shared_memory os pathlib pickle
pkgutil pty pwd random re resource runpy select shelve shutil signal socket sqlite3 struct subprocess sys
tempfile threading time types urllib.request zipfile
""".split()


def run(attacks: Iterable[Attack], layers: Sequence[str], landlock_abi: int = NEWEST_ABI) -> Iterator[dict[str, Any]]:
    """Run each attack in a fresh worker with these layers; yield its id, what it reached, and how it ended."""
    with Sandbox(layers=layers, landlock_abi=landlock_abi, modules=[*BASE, *MODULES]) as sandbox:
        traits = harmless(sandbox)
        is_strict = {*LAYERS} - {"landlock"} <= {*layers}
        for attack in attacks:
            with Canaries() as canaries:
                names = "".join(f"{name} = {value!r}\n" for name, value in canaries.names.items())
                text = f"{PRELUDE}{names}exec({attack.code!r})"  # one statement: the first exception ends it
                limits = PATIENT if is_strict and attack.stopped not in ("timeout", "waited") else HASTY
                with Worker(sandbox, limits, 1, program=Program(file="network.py", text=text)) as worker:
                    canaries.worker_folder = worker._connection.folder.name if worker._connection else "/"
                    loaded = worker.wait_loaded()
                    output = worker.take_output()
                    faults = [loaded] if isinstance(loaded, Fault) else [trouble.fault for trouble in worker.troubles]
                    reached = canaries.tripped(output, pid_of(worker), traits, has_run=not faults)
                reached |= canaries.left()
            ended = "; ".join(f"{fault.kind.value} {fault.type} {fault.message}" for fault in faults) or "loaded"
            yield {"id": attack.id, "reached": sorted(reached), "ended": f"{ended} {output}"[:500]}


def harmless(sandbox: Sandbox) -> dict[str, object]:
    """Return the traits of a worker that has loaded nothing of interest."""
    with Worker(sandbox, PATIENT, 1, program=Program(file="network.py", text=PRELUDE)) as worker:
        worker.wait_loaded()
        pid = pid_of(worker)
        assert pid is not None
        return traits_of(pid)


def pid_of(worker: Worker) -> int | None:
    """Return the process id of a worker that is still there."""
    process = worker._connection._process if worker._connection is not None else None
    return process.pid if isinstance(process, ForkedProcess) else None


def main() -> None:
    """Write a line an attack. Arguments: layers, the newest Landlock ABI, every how many-th attack, "all" or "reaching"."""
    layers = [name for name in sys.argv[1].split(",") if name in LAYERS]
    attacks = [attack for attack in ATTACKS if sys.argv[4] == "all" or attack.reaches]
    for result in run(attacks[:: int(sys.argv[3])], layers, int(sys.argv[2])):
        sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
