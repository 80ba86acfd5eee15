"""Checks that a lab grades as it should before a class uses it: `grade-lab check DIR`.

Its solutions must get the points in their names with many seeds; a robot program answers every call with unexpected
values; and each case must be failed by a wrong solution.
"""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from grader.core.messages import Message, listed, say
from grader.core.outcomes import Verdict
from grader.core.report import Report, Status
from grader.pipeline.assignment import Assignment, missing_packages, read_assignment
from grader.pipeline.grading import grade
from grader.renderers.words import VERDICTS
from grader.sandbox.preload import EVERY
from grader.sandbox.processes import Sandbox

SOLUTION = re.compile(r"(?P<right>right)\w*|\w+@(?P<points>[0-9]+)")  # name of a file or folder without its suffix
SHOWN_SEEDS = 5

# What the robot answers, as a lecturer reads it.
ANSWERS = (
    "None", "[]", "{}", "'text'", "float('nan')", "0", "-1", "np.ones((2, 3, 4))", "[[1.0], [2.0, 3.0]]",
    "np.array(['1', '2', '3'])", "np.ones(10**6, dtype=np.float32)",
)  # fmt: skip
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
    """Program with the points that it should get."""

    path: Path
    points: int

    @property
    def name(self) -> str:
        """Return the name for messages."""
        return f"solutions/{self.path.name}"


class Check:
    """Check of one lab; problems make it fail, notes are for the lecturer to look at."""

    def __init__(self, folder: Path, *, seeds: int, tell: Callable[[Message], None]) -> None:
        self.problems: list[Message] = []
        self.notes: list[Message] = []
        self._folder, self._seeds, self._tell = folder, range(seeds), tell
        self._failed: Counter[str] = Counter()  # cases, by how many wrong solutions fail them
        self._lab: Assignment
        self._box: Sandbox

    def run(self) -> None:
        """Check everything; raise GradeError if the folder contains no valid lab."""
        self._lab = read_assignment(self._folder)
        missing = missing_packages(self._lab)
        for name in missing:
            self._problem("the package {name} is not installed", name=name)
        if missing:
            return
        solutions = list(self._solutions())
        with Sandbox(modules=(*EVERY, *self._lab.packages)) as self._box:
            if self._is_broken(solutions):
                return
            for solution in solutions:
                self._grade(solution)
            self._grade_template()
            for answer in ANSWERS:
                self._answer(answer)
        if any(part.points == self._lab.rubric.max_score for part in solutions):
            unfailed = [name for name in self._cases() if not self._failed[name]]
            self.problems += [say("no wrong solution fails the case {name}", name=name) for name in unfailed]
        else:
            self._problem("there is no solutions/right.py, which gets full marks")

    def _problem(self, template: str, **args: str | float | Message) -> None:
        self.problems.append(say(template, **args))

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
                self._problem("solutions/{name}: call it right.py, or wrong_SOMETHING@POINTS.py", name=path.name)
            else:
                found.append(Solution(path, most if match["right"] else int(match["points"])))
        yield from sorted(found, key=lambda part: part.points != most)

    def _is_broken(self, solutions: Iterable[Solution]) -> bool:
        """Return whether the suite breaks on the first solution; show what the suite prints."""
        first = next(iter(solutions), None)
        if first is None:
            self._problem("there is no solution in the folder solutions")
            return True
        self._tell(say("what the suite prints for {name}:", name=first.name))
        report = self._graded(first.path, replace(self._lab, is_debugged=True), 0)
        if report.status is not Status.GRADER_ERROR:
            return False
        self.problems.append(reason(report))
        return True

    def _graded(self, path: Path, lab: Assignment, seed: int) -> Report:
        return grade(path, lab, seed=seed, sandbox=self._box)

    def _grade(self, solution: Solution) -> None:
        """Grade a solution with every seed."""
        reports = {seed: self._graded(solution.path, self._lab, seed) for seed in self._seeds}
        broken = {str(reason(report)): report for report in reports.values() if report.status is Status.GRADER_ERROR}
        for report in broken.values():
            self._problem("{name}: {problem}", name=solution.name, problem=reason(report))
        self._tell_scores(solution, Counter(report.score for report in reports.values()))
        wrong = [seed for seed, report in reports.items() if report.score != solution.points]
        verdicts = {seed: verdicts_of(report) for seed, report in reports.items()}
        if wrong:
            seeds = ", ".join(map(str, wrong[:SHOWN_SEEDS])) + (", ..." if len(wrong) > SHOWN_SEEDS else "")
            self._problem(
                "{name} gets {got} of {most} points instead of {points}; seeds: {seeds}; cases: {cases}",
                name=solution.name,
                got=self._points(reports[wrong[0]].score),
                most=self._lab.rubric.max_score,
                points=solution.points,
                seeds=seeds,
                cases=listed(counted(name, verdict) for name, verdict in verdicts[wrong[0]].items()),
            )
        for name in self._cases():
            outcomes = Counter(found[name] for found in verdicts.values())
            if len(outcomes) > 1:
                shares = listed(counted(str(count), verdict) for verdict, count in outcomes.items())
                about = {"name": name, "solution": solution.name, "shares": shares}
                self._problem("the case {name} depends on the seed; for {solution}: {shares}", **about)
            is_failed = any(verdict is not Verdict.PASSED for verdict in outcomes)
            self._failed[name] += is_failed and solution.points < self._lab.rubric.max_score

    def _tell_scores(self, solution: Solution, scores: Counter[int | None]) -> None:
        shares = listed(
            say(
                "{got} of {most} points ({count} of {seeds} seeds)",
                got=self._points(score),
                most=self._lab.rubric.max_score,
                count=count,
                seeds=len(self._seeds),
            )
            for score, count in scores.items()
        )
        self._tell(say("{name}: {problem}", name=solution.name, problem=shares))

    def _points(self, score: int | None) -> str:
        return "-" if score is None else str(score)

    def _grade_template(self) -> None:
        """Grade the template that students start from."""
        template = self._folder / "template"
        if not template.is_dir():
            self.notes.append(say("there is no folder template, which `grade --new` copies"))
            return
        report = self._graded(template, self._lab, 0)
        if report.status is Status.GRADER_ERROR:
            self._problem("{name}: {problem}", name="template", problem=reason(report))
        elif report.score:
            self._problem("the template as it is gets points: {points}", points=report.score)

    def _answer(self, answer: str) -> None:
        """Grade a program that answers every call with one value."""
        names = [f"class {name}(Robot): pass" for name in self._lab.classes]
        names += [f"def {name}(*_, **__): return ANSWER" for name in self._lab.functions]
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / self._lab.file
            path.write_text("\n".join([ROBOT.format(answer=answer), *names, ""]), encoding="utf-8")
            report = self._graded(path, self._lab, 0)
        if report.status is Status.GRADER_ERROR:
            self._problem("every call returns {answer}: {problem}", answer=answer, problem=reason(report))
        passed = [name for name, verdict in verdicts_of(report).items() if verdict is Verdict.PASSED]
        if passed:
            self.notes.append(
                say("every call returns {answer}, and these pass: {cases}", answer=answer, cases=", ".join(passed))
            )


def verdicts_of(report: Report) -> dict[str, Verdict]:
    """Return a report's verdicts by "criterion.case"."""
    return {f"{criterion.id}.{case.id}": case.verdict for criterion in report.criteria for case in criterion.cases}


def counted(name: str, verdict: Verdict) -> Message:
    """Return a verdict beside what has it."""
    return say("{name} {verdict}", name=name, verdict=say(VERDICTS[verdict]))


def reason(report: Report) -> Message:
    """Return the reason why a report has no score."""
    assert report.reason is not None
    problem = report.reason.args.get("problem")
    return problem if isinstance(problem, Message) else report.reason
