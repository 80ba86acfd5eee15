"""The report of one submission: all that a renderer sees, frozen."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field, fields
from typing import Literal

from grader.core.figures import AnyFigure
from grader.core.messages import Message
from grader.core.outcomes import Finding, Outcome, Verdict

SCHEMA = "grader/report/v2"

Score = int | float  # measured points are integers; a teacher's have two decimal places at most


class Status(enum.Enum):
    """How the whole submission ended; the score is null in the last two."""

    GRADED = "graded"
    REJECTED = "rejected"
    NOT_GRADABLE = "not_gradable"
    GRADER_ERROR = "grader_error"


@dataclass(frozen=True, kw_only=True, slots=True)
class CaseResult(Outcome):
    """One case of the report: an outcome, its points, and where the code is written that it judges, if that is known.

    line is that of the file, or that of the cell in a notebook.
    """

    points: int
    max_points: int
    file: str = ""
    cell: int | None = None
    line: int | None = None

    @classmethod
    def of(cls, outcome: Outcome, points: int, max_points: int) -> CaseResult:
        """Return an outcome with its points."""
        given = {field.name: getattr(outcome, field.name) for field in fields(Outcome)}
        return cls(points=points, max_points=max_points, **given)


@dataclass(frozen=True, kw_only=True, slots=True)
class CriterionResult:
    """One criterion of the report. A violated gate keeps the points that it took elsewhere."""

    id: str
    title: str
    points: int
    max_points: int
    points_without_gate: int
    verdict: Verdict
    feedback: Message | None
    hint: Message | None
    misconception: str | None
    blocked_by: str | None
    remarks: list[Message]
    bonus: bool
    cases: list[CaseResult]


@dataclass(frozen=True, kw_only=True, slots=True)
class SandboxUsed:
    """How the student's code was confined, as the worker observed it before running it."""

    level: str


@dataclass(frozen=True, kw_only=True, slots=True)
class SubmissionShown:
    """What was graded: its name, the hash of its bytes, its files, and the route it was graded by."""

    name: str
    sha256: str
    files: list[str]
    route: Literal["contract", "observed", "none"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Environment:
    """The versions that made the report; in a class, the hash of all that the grade depends on."""

    python: str
    numpy: str
    grader: str
    fingerprint: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Timing:
    """Everything about time, in seconds: the whole grade, the student's code, each case."""

    total_s: float
    student_s: float
    cases_s: dict[str, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class Overridden:
    """Points that a teacher gave a criterion in place of the measured ones; a gate's, which are 0, lift its rule."""

    criterion: str
    title: str
    points: Score
    max_points: int
    measured: int | None
    reason: str
    bonus: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Scaled:
    """The final score in the points of a gradebook with another highest score."""

    score: Score | None
    max_score: Score


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """One graded submission: all that a renderer sees. assignment is the lab's title.

    Bonus criteria stand last, where their file was handed in; extra_score is the sum of their points, and no part of score.

    criteria, score and extra_score are what was measured. In a class, final_score and final_extra_score are what counts
    after a teacher's overrides: final_score is null where nobody decided it, final_extra_score where there is nothing.
    """

    schema: str
    assignment: str
    status: Status
    reason: Message | None
    score: int | None
    max_score: int
    criteria: list[CriterionResult]
    extra_score: int
    findings: list[Finding]
    sandbox: SandboxUsed
    submission: SubmissionShown
    figures: list[AnyFigure]
    notes: list[Message]
    lang: str
    seed: int
    environment: Environment
    timing: Timing
    final_score: Score | None = None
    final_extra_score: Score | None = None
    overrides: list[Overridden] = field(default_factory=list)
    scaled: Scaled | None = None

    @property
    def counted(self) -> list[CriterionResult]:
        """Return the criteria that count for the score."""
        return [criterion for criterion in self.criteria if not criterion.bonus]

    @property
    def bonus(self) -> list[CriterionResult]:
        """Return the criteria apart from the score."""
        return [criterion for criterion in self.criteria if criterion.bonus]

    @property
    def max_extra(self) -> int:
        """Return the sum of the points that the bonus criteria could give."""
        return sum(part.max_points for part in self.bonus)
