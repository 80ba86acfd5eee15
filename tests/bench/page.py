"""The page docs/benchmark.md: the arithmetic between measured runs and goals, and how both are shown."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tests.bench.measure import Run

CLASS = 200  # submissions of a class, for which the goals are set
FEW, MANY = 20, 2000
FLAT = 0.10  # what still counts as the same

HEAD = """\
# Benchmark

Written by `make bench`; do not edit. One correct submission, and the same with another comment for each student, graded by
each tool with the same checks (shapes, forward pass, derivative, one step of a neuron and of the network, loss, learning
XOR, import ban; `tests/peers/shared/lab_checks.py`), ours with its own suite. Every result is read back: a run counts
only where each submission got all points, and a tool only where a wrong submission did not.

- Whole processes, from the start of the command to its end. Runs go in turn, one of each tool after the other, so that
  a change of the machine's speed hits all alike; a first round, not timed, warms the caches and samples memory.
- Each peer lives in a virtual environment of its own, with the newest versions that pip chose. All run with
  `OPENBLAS_NUM_THREADS=1`, keep compiled modules, and find their home and caches in the same folder.
- No submission trains when it is imported. An ordinary grader trains in a test, from the student's start or its own.
- CPU is user and system time of all processes together. Memory is the peak of all processes at once / of the largest
  one. The first is sampled every 50 ms, apart from the timed runs, and counts shared pages in part (Linux's PSS), so it
  can be the smaller one; the second is what the kernel tells of the ended processes (resident, shared pages in full).
- otter grades many submissions in Docker containers (`otter grade`); here it is `otter run` in a loop. nbgrader grades all
  in one process. check50 runs the checks of a submission in a pool of as many processes as there are cores.
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """What was measured of one tool: timed runs and the sampled run by the number of submissions, or why it is not shown."""

    name: str
    version: str = ""
    training: str = ""
    isolation: str = ""
    timed: Mapping[int, Sequence[Run]] = field(default_factory=dict)
    sampled: Mapping[int, Run] = field(default_factory=dict)
    reason: str | None = None

    def wall_s(self, submissions: int) -> float | None:
        """Return the median time of so many submissions."""
        runs = self.timed.get(submissions)
        return statistics.median(run.wall_s for run in runs) if runs else None

    def cpu_s(self, submissions: int) -> float | None:
        """Return the median processor time."""
        runs = self.timed.get(submissions)
        return statistics.median(run.cpu_s for run in runs) if runs else None

    def tree_mib(self, submissions: int) -> float | None:
        """Return the peak memory of all processes together."""
        run = self.sampled.get(submissions)
        return run.tree_mib if run else None

    def largest_mib(self, submissions: int) -> float | None:
        """Return the peak memory of the largest process."""
        runs = [*self.timed.get(submissions, ()), *([self.sampled[submissions]] if submissions in self.sampled else [])]
        return max((run.largest_mib for run in runs), default=None)

    def further_s(self, few: int, many: int) -> float | None:
        """Return the time of one more submission between two numbers of them; of each one where few was not measured."""
        less, more = self.wall_s(few), self.wall_s(many)
        if more is None:
            return None
        return more / many if less is None else (more - less) / (many - few)

    def scaled_s(self, submissions: int) -> float | None:
        """Return the time of so many submissions, from that of FEW and the cost of a further one."""
        few, further = self.wall_s(FEW), self.further_s(1, FEW)
        return None if few is None or further is None else few + (submissions - FEW) * further


@dataclass(frozen=True, kw_only=True, slots=True)
class Goal:
    """A goal with what was measured, None where it was not."""

    text: str
    wanted: str
    measured: str
    is_met: bool | None


def quotient(over: float | None, under: float | None) -> float | None:
    """Return the quotient of two numbers that may be missing."""
    return None if over is None or not under else over / under


def goals(rows: Mapping[str, Row], names: Mapping[str, str]) -> list[Goal]:
    """Hold the measured rows against the goals; names says which row is plain, plain_two, nbgrader, otter, one, many."""
    row = {role: rows[name] for role, name in names.items()}
    many = row["many"]
    found = [
        at_most("1 submission, time beside plain pytest", 1.0, quotient(row["one"].wall_s(1), row["plain"].wall_s(1))),
    ]
    for role, wanted in (("plain", 10), ("plain_two", 5), ("nbgrader", 40), ("otter", 60)):
        times = quotient(row[role].scaled_s(CLASS), many.wall_s(CLASS))
        label = {"plain": "plain pytest in a loop", "plain_two": "that loop, two at a time"}.get(role, row[role].name)
        text = f"{CLASS} submissions on two cores, times faster than {label}"
        found.append(
            Goal(
                text=text,
                wanted=f">= {wanted}",
                measured=shown(times, 1),
                is_met=None if times is None else times >= wanted,
            )
        )
    cost = quotient(many.further_s(CLASS, MANY), many.further_s(FEW, CLASS)) if many.wall_s(CLASS) else None
    memory = quotient(many.tree_mib(MANY), many.tree_mib(CLASS))
    cost_text = f"a further submission from {CLASS} to {MANY:,}, beside one from {FEW} to {CLASS}"
    return [*found, flat(cost_text, cost), flat(f"memory at {MANY:,}, beside that at {CLASS}", memory)]


def at_most(text: str, limit: float, ratio: float | None) -> Goal:
    """Return the goal that a ratio is no larger than limit."""
    return Goal(
        text=text, wanted=f"<= {limit:g}", measured=shown(ratio, 2), is_met=None if ratio is None else ratio <= limit
    )


def flat(text: str, ratio: float | None) -> Goal:
    """Return the goal that a ratio is at most FLAT above 1."""
    return at_most(text, 1 + FLAT, ratio)


def shown(number: float | None, digits: int) -> str:
    """Return a number for a table, `-` where there is none."""
    return "-" if number is None else f"{number:,.{digits}f}"


def table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table."""
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, ["---"] * len(head), *lines)) + "\n"


def memory(row: Row, submissions: int) -> str:
    """Return the memory of all processes and of the largest."""
    return f"{shown(row.tree_mib(submissions), 0)} / {shown(row.largest_mib(submissions), 0)}"


def tools_table(rows: Sequence[Row], plain: str) -> str:
    """Return the table of all tools; ratios are to the row named plain."""
    base = next(row for row in rows if row.name == plain)
    head = (
        "tool", "version", "1 submission, s", "ratio", f"{FEW} submissions, s", "ratio", "a further one, ms",
        f"CPU of {FEW}, s", f"memory at {FEW}, MiB", "training", "isolation in that run",
    )  # fmt: skip
    lines = []
    for row in rows:
        if row.reason is not None:
            lines.append([row.name, row.version or "-", f"not shown: {row.reason}", *["-"] * (len(head) - 3)])
            continue
        one, few, further = row.wall_s(1), row.wall_s(FEW), row.further_s(1, FEW)
        lines.append([
            row.name, row.version, shown(one, 3), shown(quotient(one, base.wall_s(1)), 2), shown(few, 2),
            shown(quotient(few, base.wall_s(FEW)), 2), shown(None if further is None else 1000 * further, 0),
            shown(row.cpu_s(FEW), 2), memory(row, FEW), row.training, row.isolation,
        ])  # fmt: skip
    return table(head, lines)


def class_table(row: Row, sizes: Sequence[int]) -> str:
    """Return the table of a class of each size."""
    if row.reason is not None:
        return f"Not shown: {row.reason}.\n"
    lines = []
    for size, smaller in zip(sizes, [None, *sizes], strict=False):
        further = None if smaller is None or row.wall_s(smaller) is None else row.further_s(smaller, size)
        walls = [run.wall_s for run in row.timed.get(size, ())]
        extent = f"{min(walls):.2f} to {max(walls):.2f}" if walls else "-"
        lines.append([
            f"{size:,}", shown(row.wall_s(size), 2), extent, shown(None if further is None else 1000 * further, 1),
            shown(row.cpu_s(size), 2), shown(row.tree_mib(size), 0), shown(row.largest_mib(size), 0),
        ])  # fmt: skip
    head = ("submissions", "s", "from, to", "a further one, ms", "CPU, s", "memory of all, MiB", "of the largest, MiB")
    return table(head, lines)


def goals_table(found: Sequence[Goal]) -> str:
    """Return the goals with what was measured."""
    words = {True: "yes", False: "no", None: "not measured"}
    return table(
        ("goal", "wanted", "measured", "met"),
        [(goal.text, goal.wanted, goal.measured, words[goal.is_met]) for goal in found],
    )


def page(
    rows: Sequence[Row],
    names: Mapping[str, str],
    sizes: Sequence[int],
    *,
    machine: Sequence[str],
    sandbox: Sequence[str],
) -> str:
    """Return docs/benchmark.md."""
    by_name = {row.name: row for row in rows}
    scaled = f"Times of {CLASS} submissions of the other tools are those of {FEW} and the cost of a further one for the rest."
    parts = [
        HEAD,
        "".join(f"- {line}\n" for line in machine),
        f"## One submission and {FEW}\n",
        tools_table(rows, names["plain"]),
        f"## A class: `{names['many']}`\n",
        class_table(by_name[names["many"]], sizes),
        "## Goals\n",
        f"{scaled}\n",
        goals_table(goals(by_name, names)),
        "## The sandbox\n",
        "".join(f"- {line}\n" for line in sandbox),
    ]
    return "\n".join(parts)
