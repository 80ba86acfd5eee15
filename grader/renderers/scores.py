"""What the formats say about the score: the final one, the one in the gradebook's points, extra points, overrides."""

from __future__ import annotations

import functools
from collections.abc import Callable

from grader.core.language import word
from grader.core.report import Overridden, Report, Score, Status
from grader.core.text import printable
from grader.renderers.words import marked

Tell = Callable[..., str]
SCORE = marked("Score: {score} of {max_score}")
REJECTED = marked("Score: {score} of {max_score}, rejected: there is nothing to grade in it")
NO_SCORES = {
    Status.REJECTED: marked("No score: rejected, there is nothing to grade in it"),
    Status.NOT_GRADABLE: marked("No score: it could not be graded automatically, a person has to look at it"),
    Status.GRADER_ERROR: marked("No score: the grader itself failed, which says nothing about the submission"),
}


def teller(lang: str) -> Tell:
    """Return what makes a sentence in a language of an English template and its arguments."""
    return functools.partial(word, lang)


def score_line(report: Report, tell: Tell) -> str:
    """Return the final score in a sentence, or that there is none."""
    score = report.final_score
    if score is None:
        return tell(NO_SCORES[report.status])
    template = REJECTED if report.status is Status.REJECTED and not report.overrides else SCORE
    return tell(template, score=score, max_score=report.max_score)


def counted(report: Report) -> tuple[Score | None, Score]:
    """Return the score that goes into a gradebook, and the highest one there."""
    if report.scaled is None:
        return report.final_score, report.max_score
    return report.scaled.score, report.scaled.max_score


def scaled_line(report: Report, tell: Tell) -> str:
    """Return the score in the points of the gradebook, "" if it has the rubric's or there is no score."""
    score, most = counted(report)
    if report.scaled is None or score is None:
        return ""
    return tell("In the gradebook: {score} of {max_score}", score=score, max_score=most)


def decision_lines(report: Report, tell: Tell) -> list[str]:
    """Return what the teacher decided, criterion by criterion."""
    return [decision_line(override, tell) for override in report.overrides]


def decision_line(overridden: Overridden, tell: Tell) -> str:
    """Return what the teacher decided for a criterion, and why."""
    title, reason = printable(overridden.title), printable(overridden.reason)
    if not overridden.max_points:
        said = tell("{criterion}: the teacher has lifted this rule.", criterion=title)
    elif overridden.measured is None:
        said = tell("{criterion}: {points} of {most}, set by the teacher.", criterion=title, points=overridden.points, most=overridden.max_points)  # fmt: skip
    else:
        said = tell(
            "{criterion}: {points} of {most}, set by the teacher; measured: {measured}.",
            criterion=title, points=overridden.points, most=overridden.max_points, measured=overridden.measured,
        )  # fmt: skip
    return f"{said} {reason}".strip()


def extra_line(report: Report, tell: Tell) -> str:
    """Return the extra points in a sentence, "" where there are none to tell of."""
    if report.final_extra_score is None:
        return ""
    return tell(
        "Extra points: {points} of {most}, apart from the score",
        points=report.final_extra_score,
        most=most_extra(report),
    )


def most_extra(report: Report) -> int:
    """Return the sum of the points that the bonus criteria could give, those included that a teacher gives points for."""
    most = {part.id: part.max_points for part in report.bonus}
    return sum(
        (most | {override.criterion: override.max_points for override in report.overrides if override.bonus}).values()
    )
