"""A teacher's decisions about a report: overrides, a different scale, and whether a rejected submission scores 0.

Measured points are integers. A teacher's points are decimals with at most two places; sums are exact, and a scaled score is
rounded once, half up, at the end.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal

from msgspec.structs import replace

from grader.core.outcomes import Verdict
from grader.core.report import CriterionResult, Overridden, Report, Scaled, Score, Status

PLACES = Decimal("0.01")
UNDECIDED = {Verdict.NOT_GRADABLE, Verdict.BLOCKED, Verdict.NOT_RUN}


def decided(
    report: Report, overrides: Iterable[Overridden], *, is_rejected_zero: bool = True, scale: Decimal | None = None
) -> Report:
    """Return the report with a teacher's decisions, which replace any that it already has.

    Without an override a rejected submission has no final score, unless is_rejected_zero.
    """
    results = {criterion.id: criterion for criterion in report.criteria}
    given = [_measured(override, results.get(override.criterion), is_run=was_run(report)) for override in overrides]
    made = replace(report, overrides=given, final_score=report.score, scaled=None)
    if any(not override.bonus for override in made.overrides):
        made = replace(made, final_score=_sum(points_of(made, item.id) for item in made.counted))
    elif report.status is Status.REJECTED and not is_rejected_zero:
        made = replace(made, final_score=None)
    extra = {item.id: points_of(made, item.id) for item in made.bonus}
    extra |= {override.criterion: override.points for override in made.overrides if override.bonus}
    made = replace(made, final_extra_score=_sum(extra.values()) if extra else None)
    if scale is not None:
        score = None if made.final_score is None else rounded(exact(made.final_score) * scale / made.max_score)
        made = replace(made, scaled=Scaled(score=score, max_score=rounded(scale)))
    return made


def _measured(override: Overridden, result: CriterionResult | None, *, is_run: bool) -> Overridden:
    """Return an override with the criterion's title in the report's language and its measured points."""
    if result is None:
        return override
    return replace(override, title=result.title, measured=result.points if is_run else None)


def points_of(report: Report, criterion_id: str) -> Score | None:
    """Return the points of a criterion, or None if they are undecided; an override wins.

    An override of a gate lifts it: the earned points count again.
    """
    override = override_of(report, criterion_id)
    if override is not None:
        return override.points
    criterion = next((item for item in report.criteria if item.id == criterion_id), None)
    if criterion is None or (report.status is Status.REJECTED and report.final_score is None):
        return None
    if report.score is None and any(case.verdict in UNDECIDED for case in criterion.cases):
        return None
    return criterion.points_without_gate if is_lifted(report) else criterion.points


def counting(report: Report, criterion: CriterionResult) -> Score:
    """Return the points that count for a criterion, or the measured ones while it is undecided."""
    points = points_of(report, criterion.id)
    return criterion.points if points is None else points


def override_of(report: Report, criterion_id: str) -> Overridden | None:
    """Return the last override of a criterion, or None."""
    return next((override for override in reversed(report.overrides) if override.criterion == criterion_id), None)


def verdict_of(report: Report, criterion: CriterionResult) -> Verdict:
    """Return the verdict that goes with the points that count: what was measured, or what a teacher's points say."""
    override = override_of(report, criterion.id)
    if override is None or not criterion.max_points:
        return criterion.verdict
    if override.points >= criterion.max_points:
        return Verdict.PASSED
    return Verdict.PARTIAL if override.points else Verdict.FAILED


def is_zeroed(report: Report) -> bool:
    """Return whether a violated gate that no override lifts zeroes the score."""
    return any(override_of(report, gate.id) is None for gate in _violated(report))


def is_lifted(report: Report) -> bool:
    """Return whether there are violated gates and overrides lift all of them."""
    return bool(_violated(report)) and not is_zeroed(report)


def was_run(report: Report) -> bool:
    """Return whether any part of the submission was run; a rejected one, or one that broke the grader, has only a reason."""
    ran = (case.verdict is not Verdict.NOT_RUN for criterion in report.criteria for case in criterion.cases)
    return any(ran) or bool(_violated(report))


def is_gate(criterion: CriterionResult) -> bool:
    """Return whether a criterion is a gate: it has neither points nor cases."""
    return criterion.max_points == 0 and not criterion.cases


def exact(points: Score) -> Decimal:
    """Return points as an exact decimal."""
    return Decimal(str(points))


def rounded(value: Decimal) -> Score:
    """Return a decimal rounded half up to two places, as an int if it is whole."""
    value = value.quantize(PLACES, ROUND_HALF_UP)
    return int(value) if value == value.to_integral_value() else float(value)


def _violated(report: Report) -> list[CriterionResult]:
    return [criterion for criterion in report.criteria if is_gate(criterion) and criterion.verdict is Verdict.FAILED]


def _sum(points: Iterable[Score | None]) -> Score | None:
    """Return the sum, or None if any of the points are undecided."""
    every = list(points)
    made = [exact(item) for item in every if item is not None]
    return rounded(sum(made, Decimal(0))) if len(made) == len(every) else None
