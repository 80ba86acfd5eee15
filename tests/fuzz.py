"""Grades thousands of malformed submissions, and some whose worker's replies are bent: `make fuzz`.

Each must end in a report; times and memory are printed.

Archives, notebooks and sources are bent at random: bytes flipped, cut, doubled, replaced, from one seed.
"""

from __future__ import annotations

import collections
import resource
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from msgspec.structs import replace

from grader.core.limits import Limits
from grader.core.report import Report, Status
from grader.pipeline.grading import assignment, grade
from grader.renderers import RENDERERS
from grader.renderers.json import parse_json, render_json
from grader.sandbox.preload import EVERY
from grader.sandbox.processes import Sandbox
from tests.attacks import forged
from tests.support.command import ROOT, SUBMISSIONS
from tests.support.packed import notebook, tarred, zipped

COUNT, BENT = 2_000, 60
LONGEST_S = 10.0
LARGEST_MIB = 300
SOURCE = (SUBMISSIONS / "style_pure_python" / "network.py").read_bytes()
LIMITS = Limits(total_time_s=3, load_time_s=1, call_time_s=0.5)
SPICE = [
    b"\0",
    b"\xff\xfe",
    b"(" * 500,
    b"# coding: utf-7\n",
    b"\xe2\x80\xae",
    b"9" * 5000,
    b"../",
    b"\x1b[2J",
    b"import torch\n",
    b"'" * 3,
]
BASES = {
    "a.py": SOURCE,
    "b.zip": zipped({"lab/network.py": SOURCE, "lab/helper.py": b"x = 1\n"}),
    "c.tar.gz": tarred({"network.py": SOURCE}),
    "d.tar": tarred({"network.py": SOURCE, "n.ipynb": notebook("x = 1")}, "w"),
    "e.ipynb": notebook("%matplotlib inline", SOURCE.decode()),
    "f.py": (ROOT / "reference" / "network.py").read_bytes(),
}


def bent(content: bytes, rng: np.random.Generator) -> bytes:
    """Return content with one to four random changes."""
    changed = bytearray(content)
    for _ in range(int(rng.integers(1, 5))):
        at = int(rng.integers(0, len(changed) + 1))
        length = int(rng.integers(1, 1 + min(400, len(changed))))
        match int(rng.integers(0, 6)):
            case 0:
                changed[at : at + 1] = rng.bytes(1)
            case 1:
                del changed[at : at + length]
            case 2:
                changed[at:at] = changed[at : at + length]
            case 3:
                changed[at : at + length] = rng.bytes(length)
            case 4:
                changed[at:at] = SPICE[int(rng.integers(0, len(SPICE)))]
            case _:
                del changed[at:]
    return bytes(changed)


def is_valid(report: Report) -> bool:
    """Return whether a report is whole: JSON gives it back, a rejection is one sentence, the grader is not at fault."""
    assert all(render(report) for render in RENDERERS.values())
    if report.status is Status.REJECTED:
        return report.reason is not None and report.reason.text.endswith(".")
    return parse_json(render_json(report)) == report and report.status is not Status.GRADER_ERROR


def main() -> int:
    """Print what became of the submissions; 1 if one took too long, broke the grader or took too much memory."""
    rng, task = np.random.default_rng(1), replace(assignment(), limits=LIMITS)
    ended: collections.Counter[str] = collections.Counter()
    seconds, bad = [], []
    with tempfile.TemporaryDirectory() as folder, Sandbox(modules=EVERY) as sandbox:
        for number in range(COUNT):
            name = list(BASES)[number % len(BASES)]
            path = Path(folder) / name
            path.write_bytes(bent(BASES[name], rng))
            began = time.monotonic()
            report = grade(path, task, seed=number, sandbox=sandbox)
            seconds.append(time.monotonic() - began)
            ended[report.status.value] += 1
            if not is_valid(report):
                bad.append((number, name, report.reason.text if report.reason else ""))
        for number in range(BENT):
            base = (forged.SCRIPT, (SUBMISSIONS / "style_pure_python" / "network.py").read_text(encoding="utf-8"))[
                number % 2
            ]
            path = Path(folder) / "bent.py"
            path.write_text(base + forged.bending(number, (0.02, 0.05, 0.3)[number // 2 % 3]), encoding="utf-8")
            report = grade(path, task, seed=number, sandbox=sandbox)
            ended[f"bent: {report.status.value}"] += 1
            if not is_valid(report):
                bad.append((number, path.name, report.reason.text if report.reason else ""))
    memory_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"{COUNT} malformed submissions, {BENT} with bent replies: {dict(ended)}")
    print(
        f"median {statistics.median(seconds):.3f} s, longest {max(seconds):.2f} s, memory of this process {memory_mib} MiB"
    )
    print(f"{len(bad)} without a valid report {bad[:5] or ''}")
    return int(bool(bad) or max(seconds) > LONGEST_S or memory_mib > LARGEST_MIB)


if __name__ == "__main__":
    sys.exit(main())
