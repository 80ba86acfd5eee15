"""Sentences about the score that the formats share: final score, scaled score, extra points, overrides."""

from __future__ import annotations

import functools
from collections.abc import Callable

from grader.core.decisions import is_lifted, override_of, verdict_of
from grader.core.language import word
from grader.core.report import CriterionResult, Overridden, Report, Score, Status
from grader.core.text import printable
from grader.renderers.words import VERDICTS, marked

Tell = Callable[..., str]
SCORE = marked("Score: {score} of {max_score}")
REJECTED = marked("Score: {score} of {max_score}, rejected: there is nothing to grade in it")
NO_SCORES = {
    Status.REJECTED: marked("No score: rejected, there is nothing to grade in it"),
    Status.NOT_GRADABLE: marked("No score: it could not be graded automatically and needs manual grading"),
    Status.GRADER_ERROR: marked("No score: the grader itself failed; this says nothing about the submission"),
}


def teller(lang: str) -> Tell:
    """Return a function that translates an English template into lang and fills it with its arguments."""
    return functools.partial(word, lang)


def score_line(report: Report, tell: Tell) -> str:
    """Return a sentence with the final score, or with the reason why there is none."""
    score = report.final_score
    if score is None:
        return tell(NO_SCORES[report.status])
    template = REJECTED if report.status is Status.REJECTED and not report.overrides else SCORE
    return tell(template, score=score, max_score=report.max_score)


def counted(report: Report) -> tuple[Score | None, Score]:
    """Return the score for the gradebook and its maximum."""
    if report.scaled is None:
        return report.final_score, report.max_score
    return report.scaled.score, report.scaled.max_score


def scaled_line(report: Report, tell: Tell) -> str:
    """Return a sentence with the scaled score, or "" if there is no scale or no score."""
    score, most = counted(report)
    if report.scaled is None or score is None:
        return ""
    return tell("In the gradebook: {score} of {max_score}", score=score, max_score=most)


def points_text(points: Score, most: Score, tell: Tell) -> str:
    """Return points and their maximum."""
    return tell("{points} of {most}", points=points, most=most)


def verdict_text(report: Report, criterion: CriterionResult, tell: Tell) -> str:
    """Return the verdict that goes with a criterion's points, and why they are not those that it earned."""
    verdict = tell(VERDICTS[verdict_of(report, criterion)])
    if override_of(report, criterion.id) is not None:
        return tell("{verdict}, set by the teacher", verdict=verdict)
    if criterion.points != criterion.points_without_gate and not is_lifted(report):
        points = criterion.points_without_gate
        return tell("{verdict} ({points} without the violated rule)", verdict=verdict, points=points)
    return verdict


def decision_lines(report: Report, tell: Tell) -> list[str]:
    """Return one sentence for each override."""
    return [decision_line(override, tell) for override in report.overrides]


def decision_line(overridden: Overridden, tell: Tell) -> str:
    """Return a sentence with an override and its reason."""
    title, reason = printable(overridden.title), printable(overridden.reason)
    if not overridden.max_points:
        said = tell("{criterion}: the teacher lifted this rule.", criterion=title)
    elif overridden.measured is None:
        said = tell("{criterion}: {points} of {most}, set by the teacher.", criterion=title, points=overridden.points, most=overridden.max_points)  # fmt: skip
    else:
        said = tell(
            "{criterion}: {points} of {most}, set by the teacher; measured: {measured}.",
            criterion=title, points=overridden.points, most=overridden.max_points, measured=overridden.measured,
        )  # fmt: skip
    return f"{said} {reason}".strip()


def extra_line(report: Report, tell: Tell) -> str:
    """Return a sentence with the extra points, or "" if there are none."""
    if report.final_extra_score is None:
        return ""
    return tell(
        "Extra points: {points} of {most}, not part of the score",
        points=report.final_extra_score,
        most=most_extra(report),
    )


def most_extra(report: Report) -> int:
    """Return the maximum of the extra points, including the criteria that only an override adds."""
    most = {part.id: part.max_points for part in report.bonus}
    return sum(
        (most | {override.criterion: override.max_points for override in report.overrides if override.bonus}).values()
    )
