"""The lecturer's proof that a lab grades as it should, before a class sees it: `grade-lab check DIR`.

Its solutions get the points that their names promise, in many seeds; a robot answers every call with what students never
should; and every case is failed by something.
"""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from grader.commands.doctor import lacking
from grader.core.outcomes import Verdict
from grader.core.report import Report, Status
from grader.pipeline.assignment import Assignment, read_assignment
from grader.pipeline.grading import grade
from grader.sandbox.preload import EVERY
from grader.sandbox.processes import Sandbox

SOLUTION = re.compile(r"(?P<right>right)\w*|\w+@(?P<points>[0-9]+)")  # a file's or folder's name without its ending
SHOWN_SEEDS = 5

# What the robot answers, by what a lecturer reads it as.
ANSWERS = {
    "None": "None",
    "[]": "[]",
    "{}": "{}",
    "a text": "'text'",
    "nan": "float('nan')",
    "0": "0",
    "-1": "-1",
    "an array of shape (2, 3, 4)": "np.ones((2, 3, 4))",
    "rows of different lengths": "[[1.0], [2.0, 3.0]]",
    "texts of digits": "np.array(['1', '2', '3'])",
    "an array of a million numbers": "np.ones(10**6, dtype=np.float32)",
}
ROBOT = """
import numpy as np

ANSWER = {answer}


def odd():
    if ANSWER is None:
        return lambda *_, **__: None
    if isinstance(ANSWER, np.ndarray):
        return ANSWER.view(type("Odd", (np.ndarray,), {{"__call__": lambda *_, **__: ANSWER}}))
    return type("Odd", (type(ANSWER),), {{"__call__": lambda *_, **__: ANSWER}})(ANSWER)


class Robot:
    def __init__(self, *_, **__):
        pass

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return odd()


def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError(name)
    return odd()
"""


@dataclass(frozen=True, slots=True)
class Solution:
    """A program with the points that it should get."""

    path: Path
    points: int

    @property
    def name(self) -> str:
        """Return how it is shown."""
        return f"solutions/{self.path.name}"


class Check:
    """The proof of one lab; problems are what fails it, notes what a lecturer should look at."""

    def __init__(self, folder: Path, *, seeds: int, tell: Callable[[str], None]) -> None:
        self.problems: list[str] = []
        self.notes: list[str] = []
        self._folder, self._seeds, self._tell = folder, range(seeds), tell
        self._failed: Counter[str] = Counter()  # cases, by how many wrong solutions fail them
        self._lab: Assignment
        self._box: Sandbox

    def run(self) -> None:
        """Check everything; GradeError where the folder holds no lab."""
        self._lab = read_assignment(self._folder)
        missing = lacking(self._lab.packages)
        self.problems += [f"the package {name} is {what}" for name, what in missing.items()]
        if missing:
            return
        solutions = list(self._solutions())
        with Sandbox(modules=(*EVERY, *self._lab.packages)) as self._box:
            if self._is_broken(solutions):
                return
            for solution in solutions:
                self._grade(solution)
            self._grade_template()
            for shown, answer in ANSWERS.items():
                self._answer(shown, answer)
        if any(part.points == self._lab.rubric.max_score for part in solutions):
            unfailed = [name for name in self._cases() if not self._failed[name]]
            self.problems += [f"no wrong solution fails the case {name}" for name in unfailed]
        else:
            self.problems.append("solutions has no right.py, which gets full marks")

    def _cases(self) -> list[str]:
        criteria = self._lab.rubric.of_file("")
        return [f"{criterion.id}.{case.id}" for criterion in criteria for case in criterion.cases]

    def _solutions(self) -> Iterator[Solution]:
        """Yield the solutions, right ones first."""
        places = sorted((self._folder / "solutions").glob("[!_.]*"))
        most = self._lab.rubric.max_score
        found = []
        for path in places:
            match = SOLUTION.fullmatch(path.stem if path.is_file() else path.name)
            if match is None:
                self.problems.append(f"solutions/{path.name}: call it right.py, or wrong_SOMETHING@POINTS.py")
            else:
                found.append(Solution(path, most if match["right"] else int(match["points"])))
        yield from sorted(found, key=lambda part: part.points != most)

    def _is_broken(self, solutions: Iterable[Solution]) -> bool:
        """Return whether the suite breaks over the first solution; what it prints is shown."""
        first = next(iter(solutions), None)
        if first is None:
            self.problems.append("there is no solution in the folder solutions")
            return True
        self._tell(f"what the suite prints, over {first.name}:")
        report = self._graded(first.path, replace(self._lab, is_debugged=True), 0)
        if report.status is not Status.GRADER_ERROR:
            return False
        self.problems.append(reason(report))
        return True

    def _graded(self, path: Path, lab: Assignment, seed: int) -> Report:
        return grade(path, lab, seed=seed, sandbox=self._box)

    def _grade(self, solution: Solution) -> None:
        """Grade a solution in every seed."""
        reports = {seed: self._graded(solution.path, self._lab, seed) for seed in self._seeds}
        for problem in {reason(report) for report in reports.values() if report.status is Status.GRADER_ERROR}:
            self.problems.append(f"{solution.name}: {problem}")
        scores = Counter(report.score for report in reports.values())
        self._tell(f"{solution.name}: {', '.join(f'{score} points in {n} seeds' for score, n in scores.items())}")
        wrong = [seed for seed, report in reports.items() if report.score != solution.points]
        verdicts = {seed: verdicts_of(report) for seed, report in reports.items()}
        if wrong:
            seeds = ", ".join(map(str, wrong[:SHOWN_SEEDS])) + (", ..." if len(wrong) > SHOWN_SEEDS else "")
            got = ", ".join(f"{name} {verdict.value}" for name, verdict in verdicts[wrong[0]].items())
            self.problems.append(
                f"{solution.name} gets {reports[wrong[0]].score} points instead of {solution.points} in {len(wrong)} of "
                f"{len(reports)} seeds ({seeds}): {got}"
            )
        for name in self._cases():
            outcomes = Counter(found[name] for found in verdicts.values())
            if len(outcomes) > 1:
                shares = ", ".join(f"{verdict.value} in {count}" for verdict, count in outcomes.items())
                self.problems.append(f"the case {name} depends on the seed: over {solution.name} it is {shares}")
            is_failed = any(verdict is not Verdict.PASSED for verdict in outcomes)
            self._failed[name] += is_failed and solution.points < self._lab.rubric.max_score

    def _grade_template(self) -> None:
        """Grade what students start from."""
        template = self._folder / "template"
        if not template.is_dir():
            self.notes.append("there is no template, which `grade --new` would copy")
            return
        report = self._graded(template, self._lab, 0)
        if report.status is Status.GRADER_ERROR:
            self.problems.append(f"template: {reason(report)}")
        elif report.score:
            self.problems.append(f"the template gets {report.score} points as it is")

    def _answer(self, shown: str, answer: str) -> None:
        """Grade a program that answers every call with one value."""
        names = [f"class {name}(Robot): pass" for name in self._lab.classes]
        names += [f"def {name}(*_, **__): return ANSWER" for name in self._lab.functions]
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / self._lab.file
            path.write_text("\n".join([ROBOT.format(answer=answer), *names, ""]), encoding="utf-8")
            report = self._graded(path, self._lab, 0)
        if report.status is Status.GRADER_ERROR:
            self.problems.append(f"where every call returns {shown}: {reason(report)}")
        passed = [name for name, verdict in verdicts_of(report).items() if verdict is Verdict.PASSED]
        if passed:
            self.notes.append(f"where every call returns {shown}, these pass: {', '.join(passed)}")


def verdicts_of(report: Report) -> dict[str, Verdict]:
    """Return the verdicts of a report by "criterion.case"."""
    return {f"{criterion.id}.{case.id}": case.verdict for criterion in report.criteria for case in criterion.cases}


def reason(report: Report) -> str:
    """Return why a report has no score."""
    assert report.reason is not None
    return str(report.reason.args.get("problem", report.reason.text))


def check(folder: Path, *, seeds: int, tell: Callable[[str], None]) -> tuple[list[str], list[str]]:
    """Return what is wrong with a lab, and what to look at; GradeError where there is none."""
    proof = Check(folder, seeds=seeds, tell=tell)
    proof.run()
    return proof.problems, proof.notes
