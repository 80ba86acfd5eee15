"""Measures the grader beside five others, and writes docs/benchmark.md: `make bench`.

`--quick` makes few runs, leaves out the slow peers and 2,000 submissions, and prints the page.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from tests.bench.measure import FailedError, Run, adopt_orphans, measure, tail
from tests.bench.page import MANY, Row, page
from tests.bench.tools import ROLES, TOOLS, Tool, set_up, versions, write_submissions
from tests.support.command import ROOT

PAGE = ROOT / "docs" / "benchmark.md"
REFERENCE = ROOT / "reference" / "network.py"
ROUNDS = {1: 5, 20: 1, 200: 2, MANY: 1}  # timed runs by the number of submissions
QUICK_ROUNDS = {1: 3, 20: 1, 200: 1}
RIGHT, WRONG = "return y * (1 - y)", "return y * (1 + y)"


def right_submission() -> str:
    """Return the reference without what it runs as a script, which a kernel would run, too."""
    text, guard, _ = REFERENCE.read_text(encoding="utf-8").partition('\n\nif __name__ == "__main__":')
    assert guard
    return text


def run_once(tool: Tool, texts: list[str], *, is_sampled: bool = False, may_fail: bool = False) -> tuple[Run, int, str]:
    """Grade these submissions in a fresh folder; return the run, how many got all points, and the isolation."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_submissions(folder, texts)
        if tool.lay_out is not None:
            tool.lay_out(folder)
        log, at_a_time = folder / "output.txt", tool.at_a_time
        try:
            run = measure(
                tool.jobs(folder),
                tool.environment(),
                log,
                at_a_time=at_a_time,
                is_sampled=is_sampled,
                may_fail=may_fail,
            )
            return run, tool.full_marks(folder), tool.isolation(folder)
        except FailedError:
            sys.stderr.write(tail(log))
            raise


def timed(tool: Tool, submissions: int, *, is_sampled: bool = False) -> tuple[Run, str]:
    """Grade so many right submissions, no two with the same bytes; all must get all points."""
    texts = [f"{right_submission()}\n\n# submission {number}\n" for number in range(1, submissions + 1)]
    run, full_marks, isolation = run_once(tool, texts, is_sampled=is_sampled)
    if full_marks != submissions:
        raise FailedError(f"it gave all points to {full_marks} of {submissions} right submissions")
    tell(f"{tool.name}: {submissions} in {run.wall_s:.2f} s")
    return run, isolation


def check_wrong(tool: Tool) -> None:
    """See that the tool tells a wrong submission from a right one."""
    wrong = right_submission().replace(RIGHT, WRONG)
    assert wrong != right_submission()
    if run_once(tool, [wrong], may_fail=True)[1]:
        raise FailedError("it gave all points to a wrong submission")


def tell(line: str) -> None:
    """Report progress."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


class Bench:
    """The rows as they grow; a tool that fails keeps the reason and is not run again."""

    def __init__(self, tools: Iterable[Tool]) -> None:
        self.tools = {tool.name: tool for tool in tools}
        self.rows: dict[str, Row] = {}
        self.timed: dict[tuple[str, int], list[Run]] = {}
        self.sampled: dict[tuple[str, int], Run] = {}

    def set_up(self, *, is_quick: bool) -> None:
        """Install what is missing and see that each tool can tell right from wrong."""
        for tool in self.tools.values():
            tell(f"setting up {tool.name}")
            reason = "a slow one, left out by --quick" if is_quick and tool.is_slow else set_up(tool)
            self.rows[tool.name] = Row(name=tool.name, training=tool.training, reason=reason)
            if reason is None:
                self.rows[tool.name] = replace(self.rows[tool.name], version=versions(tool))
                self.attempt(tool, 0)

    def attempt(self, tool: Tool, submissions: int, *, is_sampled: bool = False) -> None:
        """Make one run of a tool that has not failed; 0 submissions is the wrong one."""
        row = self.rows[tool.name]
        if row.reason is not None:
            return
        try:
            if submissions == 0:
                check_wrong(tool)
                return
            run, isolation = timed(tool, submissions, is_sampled=is_sampled)
        except FailedError as error:
            tell(f"{tool.name}: {error}")
            self.rows[tool.name] = replace(row, reason=str(error))
            return
        if is_sampled:
            self.sampled[tool.name, submissions] = run
            self.rows[tool.name] = replace(row, isolation=isolation)
        else:
            self.timed.setdefault((tool.name, submissions), []).append(run)

    def measure(self, rounds: dict[int, int]) -> list[Row]:
        """Run all tools in turn, one round after another for each number of submissions."""
        for submissions, times in rounds.items():
            for number in range(times + 1):
                for tool in self.tools.values():
                    if submissions in tool.sizes:
                        self.attempt(tool, submissions, is_sampled=number == 0)
        return [self.finished(row) for row in self.rows.values()]

    def finished(self, row: Row) -> Row:
        """Return a row with its runs; what a tool took before it failed is not shown."""
        if row.reason is not None:
            return row
        timed = {size: runs for (name, size), runs in self.timed.items() if name == row.name}
        sampled = {size: run for (name, size), run in self.sampled.items() if name == row.name}
        return replace(row, timed=timed, sampled=sampled)


def machine() -> list[str]:
    """Say where and when in its load this was measured."""
    models = [line.partition(":")[2].strip() for line in cpu_lines() if line.startswith("model name")]
    load = " ".join(f"{number:.2f}" for number in os.getloadavg())
    return [
        f"{os.cpu_count()} cores{f' ({models[0]})' if models else ''}, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}. Load averages when it began: {load} (a quiet machine: about 0).",
    ]


def cpu_lines() -> list[str]:
    """Return what Linux says of the processor."""
    path = Path("/proc/cpuinfo")
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def main() -> None:
    """Measure, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few runs, no slow peers, no 2,000; print the page")
    is_quick = parser.parse_args().quick
    began, where = time.monotonic(), machine()
    rounds = QUICK_ROUNDS if is_quick else ROUNDS
    adopt_orphans()
    bench = Bench(TOOLS)
    bench.set_up(is_quick=is_quick)
    rows = bench.measure(rounds)
    from tests.bench.sandbox import (
        sandbox_times,
    )  # numpy, pytest: only now, so that no measured process inherits their size

    inside = sandbox_times(20, 2) if is_quick else sandbox_times(200, 15)
    where.append(
        "Timed runs: " + ", ".join(f"{times} of {size:,}" for size, times in rounds.items()) + " submissions; "
        f"the whole benchmark took {(time.monotonic() - began) / 60:.0f} minutes."
    )
    text = page(rows, ROLES, list(rounds), machine=where, sandbox=inside)
    if is_quick:
        print(text)
    else:
        PAGE.write_text(text, encoding="utf-8")
        tell(f"wrote {PAGE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
