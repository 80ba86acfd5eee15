"""The report of one submission: the frozen value that renderers get."""

from __future__ import annotations

import enum
from typing import Literal

import msgspec

from grader.core.figures import AnyFigure
from grader.core.messages import Message
from grader.core.outcomes import Finding, Outcome, Verdict

SCHEMA = "grader/report/v2"

Score = int | float  # measured points are integers; a teacher's have at most two decimal places


class Status(enum.Enum):
    """Status of the whole submission; the score is null for the last two."""

    GRADED = "graded"
    REJECTED = "rejected"
    NOT_GRADABLE = "not_gradable"
    GRADER_ERROR = "grader_error"


class CaseResult(Outcome, frozen=True, kw_only=True):
    """One case of the report: an outcome, its points, and where the code is written that it judges, if that is known.

    line is that of the file, or that of the cell in a notebook. expression is the line of the expression that computes what
    was judged, if that is sure.
    """

    points: int
    max_points: int
    file: str = ""
    cell: int | None = None
    line: int | None = None
    expression: int | None = None


class CriterionResult(msgspec.Struct, frozen=True, kw_only=True):
    """Result of one criterion. points_without_gate are the points that it would have if no gate were violated."""

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


class SandboxUsed(msgspec.Struct, frozen=True, kw_only=True):
    """Sandbox level that the worker reached before it ran the student's code."""

    level: str


class SubmissionShown(msgspec.Struct, frozen=True, kw_only=True):
    """The graded submission: its name, the hash of its bytes, its files, and the route by which it was graded."""

    name: str
    sha256: str
    files: list[str]
    route: Literal["contract", "observed", "none"]


class Environment(msgspec.Struct, frozen=True, kw_only=True):
    """Versions behind the report; in a class, fingerprint is the hash of everything that the grade depends on."""

    python: str
    numpy: str
    grader: str
    fingerprint: str = ""


class Timing(msgspec.Struct, frozen=True, kw_only=True):
    """Times in seconds: the whole grade, the student's code, each case."""

    total_s: float
    student_s: float
    cases_s: dict[str, float]


class Overridden(msgspec.Struct, frozen=True, kw_only=True):
    """Points that a teacher gave for a criterion in place of the measured ones; an override of a gate (0 points) lifts its rule."""

    criterion: str
    title: str
    points: Score
    max_points: int
    measured: int | None
    reason: str
    bonus: bool


class Scaled(msgspec.Struct, frozen=True, kw_only=True):
    """The final score converted to a gradebook with a different maximum."""

    score: Score | None
    max_score: Score


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Report of one graded submission. assignment is the lab's title.

    Bonus criteria come last and are present only if their file was submitted; extra_score is the sum of their points and is
    not part of score.

    criteria, score and extra_score hold the measured points. In a class, final_score and final_extra_score are the points
    after a teacher's overrides: final_score is null while undecided, final_extra_score if there are no extra points.
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
    overrides: list[Overridden] = []
    scaled: Scaled | None = None

    @property
    def counted(self) -> list[CriterionResult]:
        """Return the criteria that count for the score."""
        return [criterion for criterion in self.criteria if not criterion.bonus]

    @property
    def bonus(self) -> list[CriterionResult]:
        """Return the bonus criteria, which do not count for the score."""
        return [criterion for criterion in self.criteria if criterion.bonus]

    @property
    def mistakes(self) -> dict[str, str]:
        """Return the feedback on each named mistake, in the order of the cases."""
        cases = [case for criterion in self.criteria for case in criterion.cases]
        return {case.misconception: case.feedback.text if case.feedback else "" for case in cases if case.misconception}
