"""Measures how far a grade can be trusted, and writes docs/validity.md: `make validity`.

Correct submissions in many styles and with something failing beside them, every mistake of the bank as a submission, two mistakes at once, and
free-form files, each in several seeds. `--quick` grades a small part and prints the page.
`--pairs N` (or all) `--part 1/8` grades every eighth of N pairs and prints those that cost less than one of their mistakes.
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
import tempfile
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from grader.core.outcomes import Verdict
from grader.core.report import Report, Status
from grader.pipeline.grading import assignment, grade_raw
from grader.pipeline.run_suite import CollectedSuite
from grader.pipeline.staging import collect
from grader.sandbox.preload import EVERY
from grader.sandbox.processes import Sandbox
from tests.attacks.unearned import MOST, PARTLY, programs
from tests.support import programs as beside
from tests.support.command import ROOT
from tests.support.mutants import RATES, Mutant, mutants, names_of, pairs
from tests.support.styles import styles

PAGE = ROOT / "docs" / "validity.md"
FREE_FORM = ROOT / "tests" / "freeform"

PROCESSES = 2
STYLE_SEEDS = range(200)
MUTANT_SEEDS = range(2)
PAIRS = 150
PAIR_DRAW = 1  # the seed of which pairs
PAIR_SEEDS = range(1)
PAIR_RATES = (0.3,)
PROGRAM_SEEDS = range(2)
UNEARNED_SEEDS = range(2)
FREE_SEEDS = range(3)
BATCH = 60  # grades in one sandbox, about

RIGHT = ("styles", "programs", "free-form, right")
APART = ("order defects", "free-form, order defects")
GROUPS = (
    "styles", "programs", "mistakes", "order defects", "pairs of mistakes", "unearned",
    "free-form, right", "free-form, wrong", "free-form, order defects",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Work:
    """One submission to be graded in some seeds. names are those that a report may give it."""

    group: str
    name: str
    text: str
    seeds: tuple[int, ...]
    names: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """What one grade said of a work: missed is the criteria that did not pass."""

    work: Work
    seed: int
    status: Status
    route: str
    score: int | None
    missed: tuple[str, ...]
    named: frozenset[str]
    total_s: float
    student_s: float

    @property
    def is_right(self) -> bool:
        """Return whether the work is correct."""
        return self.work.group in RIGHT

    @property
    def is_graded(self) -> bool:
        """Return whether there is a score to judge."""
        return self.score is not None

    @property
    def is_false_fail(self) -> bool:
        """Return whether correct work lost points."""
        return self.is_right and self.score != 100 and (self.is_graded or self.work.group == "programs")

    @property
    def is_false_pass(self) -> bool:
        """Return whether wrong work lost none."""
        return not self.is_right and self.score == 100

    @property
    def is_unearned(self) -> bool:
        """Return whether worthless training earned points."""
        return self.work.group == "unearned" and (self.score or 0) > PARTLY.get(self.work.name, MOST)

    @property
    def naming(self) -> str:
        """Return how the report names the mistake: right, wrong, unnamed, or "" for no score."""
        if not self.is_graded:
            return ""
        if any(not self.work.names & set(item.split("|")) for item in self.named):
            return "wrong"
        return "right" if self.named else "unnamed"


def names_in(report: Report) -> frozenset[str]:
    """Return every misconception that a report names; "a|b" are two whose numbers are the same here."""
    said = [criterion.misconception for criterion in report.criteria]
    said += [case.misconception for criterion in report.criteria for case in criterion.cases]
    return frozenset(item for item in said if item)


# --- what is graded -----------------------------------------------------------------------------


def free_form(seeds: Sequence[int]) -> Iterator[Work]:
    """Yield the free-form files."""
    expected = tomllib.loads((FREE_FORM / "expected.toml").read_text(encoding="utf-8"))
    group = {"right": "free-form, right", "wrong": "free-form, wrong", "minor": "free-form, order defects"}
    for name, item in expected.items():
        text = (FREE_FORM / f"{name}.py").read_text(encoding="utf-8")
        names = names_of(item["misconception"]) if "misconception" in item else frozenset()
        yield Work(group=group[item["kind"]], name=name, text=text, seeds=tuple(seeds), names=names)


def of_mutant(mutant: Mutant, rates: Iterable[float], seeds: Sequence[int]) -> Iterator[Work]:
    """Yield a mutant with each rate."""
    group = "pairs of mistakes" if "+" in mutant.id else "order defects" if mutant.is_minor else "mistakes"
    for rate in rates:
        yield Work(group=group, name=mutant.id, text=mutant.text(rate), seeds=tuple(seeds), names=mutant.names)


def all_works() -> Iterator[Work]:
    """Yield everything that is graded."""
    for name, text in styles().items():
        yield Work(group="styles", name=name, text=text, seeds=tuple(STYLE_SEEDS))
    for mutant in mutants().values():
        yield from of_mutant(mutant, RATES, MUTANT_SEEDS)
    for mutant in pairs(np.random.default_rng(PAIR_DRAW), PAIRS).values():
        yield from of_mutant(mutant, PAIR_RATES, PAIR_SEEDS)
    for name, item in programs().items():
        yield Work(group="unearned", name=name, text=item.text, seeds=tuple(UNEARNED_SEEDS))
    for name, text in beside.programs().items():
        yield Work(group="programs", name=name, text=text, seeds=tuple(PROGRAM_SEEDS))
    for text in sorted({program.control for program in programs().values()}):
        yield Work(group="styles", name="control of unearned", text=text, seeds=tuple(UNEARNED_SEEDS))
    yield from free_form(FREE_SEEDS)


def pair_works(count: int | None, part: int, parts: int) -> Iterator[Work]:
    """Yield one part of so many pairs (None: all), each before the two mistakes that it is made of."""
    met: set[str] = set()
    for pair in pairs(np.random.default_rng(PAIR_DRAW), count, part, parts).values():
        for name in (pair.id, *pair.id.split("+")):
            if name not in met:
                met.add(name)
                yield from of_mutant(pair if name == pair.id else mutants()[name], PAIR_RATES, PAIR_SEEDS)


def quick_works() -> Iterator[Work]:
    """Yield a small part: one work in a dozen, in one seed, and of each group at least one."""
    met: Counter[str] = Counter()
    for work in all_works():
        if met[work.group] % 12 == 0:
            yield replace(work, seeds=work.seeds[:1])
        met[work.group] += 1


def batches(works: Iterable[Work]) -> Iterator[list[Work]]:
    """Yield works, so many that a sandbox is worth it."""
    batch: list[Work] = []
    for work in works:
        batch.append(work)
        if sum(len(item.seeds) for item in batch) >= BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def graded(works: Sequence[Work]) -> list[Run]:
    """Grade works in one warm sandbox, by a suite that is collected once."""
    task, runs = assignment(), list[Run]()
    collected = CollectedSuite(task)
    with Sandbox(modules=EVERY) as sandbox, tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "network.py")

        def use() -> None:
            for work in works:
                path.write_bytes(work.text.encode("utf-8"))
                for seed in work.seeds:
                    report = grade_raw(collect(path), task, sandbox, seed=seed, collected=collected)
                    runs.append(run_of(work, seed, report))

        problem = collected.collect(use)
    if problem is not None:
        raise RuntimeError(problem)
    return runs


def run_of(work: Work, seed: int, report: Report) -> Run:
    """Return what counts of a report."""
    return Run(
        work=work,
        seed=seed,
        status=report.status,
        route=report.submission.route,
        score=report.score,
        missed=tuple(criterion.id for criterion in report.criteria if criterion.verdict is not Verdict.PASSED),
        named=names_in(report),
        total_s=report.timing.total_s,
        student_s=report.timing.student_s,
    )


def measured(works: Iterable[Work]) -> list[Run]:
    """Grade works in two processes, with a line for each batch."""
    runs: list[Run] = []
    with ProcessPoolExecutor(PROCESSES) as pool:
        for some in pool.map(graded, batches(works)):
            runs += some
            sys.stderr.write(f"{len(runs)} grades, the last of {some[-1].work.name}\n")
    return runs


# --- two mistakes and their parts ---------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """The grade of two mistakes at once, beside those of the mistakes alone."""

    run: Run
    alone: tuple[Run, ...]

    @property
    def lowest(self) -> Run:
        """Return the mistake that costs most alone."""
        return min(self.alone, key=lambda run: 100 if run.score is None else run.score)

    @property
    def is_above(self) -> bool:
        """Return whether a second mistake earned points."""
        mine, its = self.run.score, self.lowest.score
        return mine is not None and its is not None and mine > its


def compared(runs: Sequence[Run]) -> list[Pair]:
    """Return the pairs among runs whose mistakes were graded alone at the same rate and seed."""
    scores = {(run.work.text, run.seed): run for run in runs}
    found = []
    for run in (run for run in runs if run.work.group == "pairs of mistakes"):
        alone = [(mutants()[part].text(rate), run.seed) for rate in PAIR_RATES for part in run.work.name.split("+")]
        if all(item in scores for item in alone):
            found.append(Pair(run=run, alone=tuple(scores[item] for item in alone)))
    return found


def above_page(found: Sequence[Pair]) -> str:
    """Return how many pairs cost less than one of their mistakes, and which."""
    return (
        f"{sum(item.is_above for item in found)} of {len(found)} pairs have more than the lower of both at a rate of {PAIR_RATES[0]}. "
        "Not among them: what two edits of one line make, two wrong activations, which are one, and pairs of which one "
        "mistake undoes or hides the other (`is_undone` in `tests/support/mutants.py`: one in thirty).\n\n"
        + above_table(found)
    )


def above_table(found: Iterable[Pair]) -> str:
    """Return the pairs that cost less than one of their mistakes."""
    rows = [
        [
            item.run.work.name,
            item.run.seed,
            item.run.score,
            *(run.score for run in item.alone),
            ", ".join(item.run.missed),
        ]
        for item in found
        if item.is_above
    ]
    return (
        table(["pair", "seed", "score", "first alone", "second alone", "criteria missed"], rows) if rows else "None.\n"
    )


# --- the page -----------------------------------------------------------------------------------


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines) + "\n"


def summary(runs: Sequence[Run]) -> str:
    """Return the table of all groups."""
    rows = []
    for group in GROUPS:
        some = [run for run in runs if run.work.group == group]
        if not some:
            continue
        naming = Counter(run.naming for run in some)
        is_right, has_names = group in RIGHT, group != "unearned"
        rows.append([
            group,
            len({run.work.name for run in some}),
            len(some),
            sum(run.is_false_fail for run in some) if is_right else "",
            "" if is_right else "apart" if group in APART else sum(run.is_false_pass for run in some),
            "" if is_right or not has_names else naming["right"],
            naming["wrong"] if has_names else "",
            "" if is_right or not has_names else naming["unnamed"],
            sum(not run.is_graded for run in some),
            f"{statistics.median(run.total_s for run in some):.2f}",
            f"{statistics.median(run.student_s for run in some):.2f}",
        ])  # fmt: skip
    head = "group, kinds, runs, false fails, false passes, right name, wrong name, unnamed, not gradable, median s, of it student's s"
    return table(head.split(", "), rows)


def counted(values: Iterable[str]) -> str:
    """Return values with how often each occurs, the most frequent first."""
    return ", ".join(f"{value} ({times})" for value, times in Counter(values).most_common())


def listed(runs: Iterable[Run], head: str) -> str:
    """Return how often each work is among runs, with scores and criteria."""
    by_name: dict[str, list[Run]] = {}
    for run in runs:
        by_name.setdefault(run.work.name, []).append(run)
    rows = [
        [name, len(some), counted(str(run.score) for run in some), counted(item for run in some for item in run.missed)]
        for name, some in by_name.items()
    ]
    return table([head, "runs", "scores", "criteria missed"], rows) if rows else "None.\n"


def unearned_table(runs: Sequence[Run]) -> str:
    """Return the scores of worthless training beside those of the controls."""
    controls = {run.work.text: run.score for run in runs}
    rows = [
        [run.work.name, programs()[run.work.name].kind, run.seed, run.route, run.score, programs()[run.work.name].most, controls.get(programs()[run.work.name].control)]
        for run in runs
        if run.work.group == "unearned"
    ]  # fmt: skip
    return (
        table(["program", "kind", "seed", "route", "score", "at most", "with right steps"], rows) if rows else "None.\n"
    )


def names_table(runs: Sequence[Run], group: Sequence[str]) -> str:
    """Return the works that are not always named rightly, and what they are called instead."""
    by_name: dict[str, list[Run]] = {}
    for run in runs:
        if run.work.group in group and run.is_graded:
            by_name.setdefault(run.work.name, []).append(run)
    rows = []
    for name, some in by_name.items():
        naming = Counter(run.naming for run in some)
        if naming["right"] < len(some):
            others = counted(
                item for run in some for item in sorted(run.named) if not run.work.names & set(item.split("|"))
            )
            rows.append([name, len(some), naming["right"], naming["wrong"], naming["unnamed"], others])
    head = ["id", "runs", "right name", "wrong name", "unnamed", "named instead"]
    return table(head, rows) if rows else "None.\n"


def page(runs: Sequence[Run]) -> str:
    """Return docs/validity.md."""
    correct = [run for run in runs if run.work.group == "styles"]
    fails = sum(run.is_false_fail for run in correct)
    bound = f" The true rate is below {100 * -math.log(0.05) / len(correct):.2g} % with 95 % confidence." if not fails and correct else ""  # fmt: skip
    broken = [run for run in runs if run.status is Status.GRADER_ERROR]
    double = [run for run in runs if run.work.group == "pairs of mistakes"]
    both = [
        run
        for run in double
        if all(set("|".join(run.named).split("|")) & mutants()[part].names for part in run.work.name.split("+"))
    ]
    parts = [
        "# How far a grade can be trusted",
        "Written by `make validity`; do not edit. Correct work is in `tests/support/styles.py`, what fails, hangs or is missing beside "
        "it in `tests/support/programs.py`, mistakes in `tests/support/mutants.py`, "
        "free-form files in `tests/freeform/`; all of it was written for this, apart from the formulas that the grader "
        "compares with. Times are seconds of a warm grade, two at once.",
        summary(runs),
        f"False fails: {fails} in {len(correct)} grades of correct styles.{bound} A wrong name is one that is not among those "
        f"of the mistake; in correct work it is any. Where two mistakes make the very same numbers both are named. Grader errors: {len(broken)}.",
        "## Correct work that lost points",
        listed((run for run in runs if run.is_false_fail), "submission"),
        "## Wrong work that lost none",
        listed((run for run in runs if run.is_false_pass and run.work.group not in APART), "submission"),
        "## Order defects that lost no points",
        listed((run for run in runs if run.is_false_pass and run.work.group in APART), "submission"),
        "## Mistakes that were not always named",
        names_table(runs, ("mistakes", "order defects")),
        "## Pairs of mistakes with a wrong name",
        f"Both mistakes were named in {len(both)} of {len(double)} grades; a right name is that of one.",
        names_table([run for run in runs if run.naming == "wrong"], ("pairs of mistakes",)),
        "## Pairs of mistakes that cost less than one of the two",
        above_page(compared(runs)),
        "## A right forward with worthless training",
        f"At most {MOST} points are what forward, shapes and a right loss are worth, more where a part of the steps is right; each "
        "program beside the same one with right steps.",
        unearned_table(runs),
        "## Free-form files",
        table(
            ["file", "expected", "routes", "scores", "named"],
            [
                [
                    name,
                    ", ".join(sorted(some[0].work.names)),
                    counted(run.route for run in some),
                    counted(str("none" if run.score is None else run.score) for run in some),
                    counted(item for run in some for item in sorted(run.named)),
                ]
                for name, some in by_file(runs).items()
            ],
        ),
    ]
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"


def by_file(runs: Iterable[Run]) -> dict[str, list[Run]]:
    """Return the runs of each free-form file."""
    found: dict[str, list[Run]] = {}
    for run in runs:
        if run.work.group.startswith("free-form"):
            found.setdefault(run.work.name, []).append(run)
    return found


def print_pairs(count: int | None, part: int, parts: int) -> int:
    """Grade one part of so many pairs and print those that cost less than one of their mistakes; return 1 for any."""
    found = compared(measured(pair_works(count, part, parts)))
    sys.stdout.write(above_page(found))
    return 1 if any(item.is_above for item in found) else 0


def main() -> int:
    """Write the page, or print it; return 1 if correct work lost points, or wrong work none."""
    parser = argparse.ArgumentParser(description="Measures how far a grade can be trusted.")
    parser.add_argument("--quick", action="store_true", help="grade a small part and print the page")
    parser.add_argument("--pairs", metavar="N", help="grade so many pairs of mistakes, or all, and nothing else")
    parser.add_argument("--part", default="1/1", metavar="I/N", help="of the pairs, every N-th from the I-th")
    wanted = parser.parse_args()
    if wanted.pairs:
        return print_pairs(None if wanted.pairs == "all" else int(wanted.pairs), *map(int, wanted.part.split("/")))
    is_quick = wanted.quick
    runs = measured(quick_works() if is_quick else all_works())
    text = page(runs)
    if is_quick:
        sys.stdout.write(text)
    else:
        PAGE.parent.mkdir(exist_ok=True)
        PAGE.write_text(text, encoding="utf-8")
    failed = [
        run
        for run in runs
        if (run.is_false_fail and run.work.group != "disputed styles")
        or (run.is_false_pass and run.work.group not in APART)
        or run.status is Status.GRADER_ERROR
        or run.is_unearned
    ]
    return 1 if failed or any(run.is_above for run in compared(runs)) else 0


if __name__ == "__main__":
    sys.exit(main())
