"""The class in numbers: scores, criteria, cases, mistakes and times."""

from __future__ import annotations

import math
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from grader.classroom.tables import Entry
from grader.classroom.warm import Task
from grader.core.decisions import exact, points_of
from grader.core.language import titles_in
from grader.core.messages import NOT_INSTALLED
from grader.core.outcomes import Verdict
from grader.core.report import Report, Score
from grader.core.rubric import Rubric


def mistakes_in(report: Report) -> tuple[str, ...]:
    """Return the named mistakes in a report, each once."""
    found = (case.misconception for criterion in report.criteria for case in criterion.cases)
    return tuple(dict.fromkeys(one for one in found if one))


def messages_in(report: Report) -> dict[str, str]:
    """Return what is said about each named mistake in a report."""
    cases = [case for criterion in report.criteria for case in criterion.cases if case.misconception]
    return {case.misconception: case.feedback.text if case.feedback else "" for case in cases if case.misconception}


def statistics_of(entries: Iterable[Entry], task: Task, left_out: Sequence[str]) -> dict[str, Any]:
    """Return class.json but for its key: the language, scores, pass rates, each case's discrimination, mistakes, and times.

    Scores, criteria and cases are all of the same submissions, whose number is "counted": those of this rubric with a
    final score. Criteria have the points that count, cases the measured ones. Discrimination is the correlation of a
    case's points with those of all other cases, -1 to 1; null if one of both does not vary.
    """
    words = titles_in(task.lab.rubric, task.lab.place, task.lang)
    scores: list[Score] = []
    statuses: Counter[str] = Counter()
    levels: Counter[str] = Counter()
    points: dict[str, list[int]] = defaultdict(list)
    passed: Counter[str] = Counter()
    made: dict[str, list[Score]] = defaultdict(list)
    titles: dict[str, str] = {}
    students: dict[str, list[str]] = {}
    messages: dict[str, str] = {}
    times: list[float] = []
    extras: list[Score] = []
    outdated: list[str] = []
    absent: Counter[str] = Counter()
    groups: set[str] = set()
    for entry in entries:
        report = entry.report
        statuses[report.status.value] += 1
        groups |= {entry.group} if entry.group else set()
        outdated += [entry.key] if entry.is_outdated else []
        levels[report.sandbox.level] += 1
        absent.update({str(note.args.get("error")) for note in report.notes if note.id == NOT_INSTALLED})
        times.append(report.timing.total_s)
        extras += [report.final_extra_score] if report.final_extra_score is not None else []
        for name in mistakes_in(report):
            students.setdefault(name, []).append(entry.key)
        messages = messages_in(report) | messages
        if report.final_score is None or not is_of(report, task.lab.rubric):
            continue
        scores.append(report.final_score)
        for criterion in report.counted:
            made[criterion.id].append(points_of(report, criterion.id) or 0)
            for case in criterion.cases:
                name = f"{criterion.id}.{case.id}"
                points[name].append(case.points)
                passed[name] += case.verdict is Verdict.PASSED and case.points == case.max_points
                titles[name] = titles.get(name, case.title) if case.verdict is Verdict.NOT_RUN else case.title
    totals = [sum(row) for row in zip(*points.values(), strict=True)]
    mistakes = sorted(students.items(), key=lambda one: (-len(one[1]), one[0]))
    return {
        "assignment": task.lab.title,
        "lang": task.lang,
        "hand_ins": sum(statuses.values()),
        "statuses": dict(sorted(statuses.items())),
        "levels": dict(sorted(levels.items())),
        "counted": len(scores),
        "max_score": task.lab.rubric.max_score,
        "scores": {
            "mean": round(statistics.fmean(scores), 2) if scores else None,
            "median": statistics.median(scores) if scores else None,
            "least": min(scores, default=None),
            "most": max(scores, default=None),
            "tenths": tenths(scores, task.lab.rubric.max_score),
        },
        "extra": {
            "hand_ins": len(extras),
            "mean": round(statistics.fmean(extras), 2) if extras else None,
            "max_score": task.lab.rubric.max_extra,
        },
        "criteria": {
            one.id: {
                "title": words[one.id],
                "full_rate": round(sum(points == one.points for points in made[one.id]) / len(scores), 4),
                "mean_points": round(statistics.fmean(made[one.id]), 3),
            }
            for one in task.lab.rubric.criteria
            if made[one.id] and not one.is_gate
        },
        "cases": {
            name: {
                "title": titles[name],
                "pass_rate": round(passed[name] / len(scores), 4),
                "mean_points": round(statistics.fmean(one), 3),
                "discrimination": correlation(one, [all_ - own for all_, own in zip(totals, one, strict=True)]),
            }
            for name, one in points.items()
        },
        "misconceptions": [
            {"id": name, "message": messages[name], "hand_ins": len(keys), "keys": keys} for name, keys in mistakes
        ],
        "not_in_the_class": list(left_out),
        "outdated": outdated,
        "not_installed": dict(sorted(absent.items(), key=lambda one: (-one[1], one[0]))),
        "groups": sorted(groups),
        "timing": {
            "median_s": round(statistics.median(times), 3) if times else None,
            "longest_s": round(max(times, default=0.0), 3),
            "total_s": round(sum(times), 3),
        },
    }


def is_of(report: Report, rubric: Rubric) -> bool:
    """Say whether a report has the cases and points of this rubric: another one's cannot be counted with them."""
    made = [(one.id, case.id, case.max_points) for one in report.counted for case in one.cases]
    return made == [(one.id, case.id, case.points) for one in rubric.criteria if not one.bonus for case in one.cases]


def tenths(scores: Sequence[Score], most: int) -> list[int]:
    """Return how many scores are in each tenth of the range; full marks count to the last."""
    counts = [0] * 10
    for score in scores:
        counts[max(0, min(9, int(10 * exact(score) / most)))] += 1
    return counts


def correlation(one: Sequence[float], other: Sequence[float]) -> float | None:
    """Return Pearson's correlation, None where there is none."""
    try:
        value = statistics.correlation(one, other)
    except statistics.StatisticsError:
        return None
    return round(value, 3) if math.isfinite(value) else None
