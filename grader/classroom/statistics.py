"""Statistics of a class: scores, criteria, cases, mistakes and times."""

from __future__ import annotations

import math
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from grader.classroom.tables import Entry
from grader.classroom.warm import Task
from grader.core.decisions import exact, points_of, rounded
from grader.core.language import catalogue_of
from grader.core.messages import NOT_INSTALLED
from grader.core.outcomes import Verdict
from grader.core.report import Report, Score
from grader.core.rubric import Rubric

RANGES = 10  # of whole points in a histogram


class Tally(msgspec.Struct):
    """Counts over a class, updated entry by entry; points, passed and titles are by "criterion.case"."""

    rubric: Rubric
    statuses: Counter[str] = msgspec.field(default_factory=Counter)
    levels: Counter[str] = msgspec.field(default_factory=Counter)
    scores: list[Score] = []
    extras: list[Score] = []
    times: list[float] = []
    outdated: list[str] = []
    absent: Counter[str] = msgspec.field(default_factory=Counter)  # packages that are not installed
    groups: set[str] = msgspec.field(default_factory=set)
    students: dict[str, list[str]] = {}  # by their mistake
    messages: dict[str, str] = {}
    earned: dict[str, list[Score]] = msgspec.field(default_factory=lambda: defaultdict(list))  # points by criterion
    points: dict[str, list[int]] = msgspec.field(default_factory=lambda: defaultdict(list))
    passed: Counter[str] = msgspec.field(default_factory=Counter)
    titles: dict[str, str] = {}

    def add(self, entry: Entry) -> None:
        """Count an entry."""
        report = entry.report
        self.statuses[report.status.value] += 1
        self.levels[report.sandbox.level] += 1
        self.groups |= {entry.group} if entry.group else set()
        self.outdated += [entry.key] if entry.is_outdated else []
        self.absent.update({str(note.args.get("error")) for note in report.notes if note.id == NOT_INSTALLED})
        self.times.append(report.timing.total_s)
        self.extras += [report.final_extra_score] if report.final_extra_score is not None else []
        for name in report.mistakes:
            self.students.setdefault(name, []).append(entry.key)
        self.messages = report.mistakes | self.messages
        if report.final_score is not None and is_of(report, self.rubric):
            self.scores.append(report.final_score)
            self._add_points(report)

    def _add_points(self, report: Report) -> None:
        for criterion in report.counted:
            self.earned[criterion.id].append(points_of(report, criterion.id) or 0)
            for case in criterion.cases:
                name = f"{criterion.id}.{case.id}"
                self.points[name].append(case.points)
                self.passed[name] += case.verdict is Verdict.PASSED and case.points == case.max_points
                is_named = case.verdict is not Verdict.NOT_RUN
                self.titles[name] = case.title if is_named else self.titles.get(name, case.title)

    def criteria(self, titles: Mapping[str, str]) -> dict[str, Any]:
        """Return the results of the class in each criterion."""
        return {
            rule.id: {
                "title": titles[rule.id],
                "full_rate": round(sum(points == rule.points for points in self.earned[rule.id]) / len(self.scores), 4),
                "mean_points": mean(self.earned[rule.id]),
            }
            for rule in self.rubric.criteria
            if self.earned[rule.id] and not rule.is_gate
        }

    def cases(self) -> dict[str, Any]:
        """Return the results of the class in each case."""
        totals = [sum(row) for row in zip(*self.points.values(), strict=True)]
        return {
            name: {
                "title": self.titles[name],
                "pass_rate": round(self.passed[name] / len(self.scores), 4),
                "mean_points": mean(own),
                "discrimination": correlation(own, [total - points for total, points in zip(totals, own, strict=True)]),
            }
            for name, own in self.points.items()
        }

    def misconceptions(self) -> list[dict[str, Any]]:
        """Return the named mistakes with the submissions that have them, most common first."""
        ranked = sorted(self.students.items(), key=lambda item: (-len(item[1]), item[0]))
        return [
            {"id": name, "message": self.messages[name], "submissions": len(keys), "keys": keys}
            for name, keys in ranked
        ]


def statistics_of(entries: Iterable[Entry], task: Task, left_out: Sequence[str]) -> dict[str, Any]:
    """Return the content of class.json without its key: scores, pass rates, discrimination of cases, mistakes and times.

    Scores, criteria and cases are over the same submissions, "counted" in number: those graded with this rubric that have
    a final score. Criteria have the points that count, cases the measured points. Discrimination is the correlation of a
    case's points with the sum of all other cases' points, -1 to 1, or null if one of them does not vary.
    """
    tally = Tally(task.lab.rubric)
    for entry in entries:
        tally.add(entry)
    scores, extras, times = tally.scores, tally.extras, tally.times
    return {
        "assignment": catalogue_of(task.lab.place, task.lang).gettext(task.lab.title),
        "lang": task.lang,
        "submissions": sum(tally.statuses.values()),
        "statuses": dict(sorted(tally.statuses.items())),
        "levels": dict(sorted(tally.levels.items())),
        "counted": len(scores),
        "max_score": task.lab.rubric.max_score,
        "scores": {
            "mean": mean(scores) if scores else None,
            "median": rounded(statistics.median(map(exact, scores))) if scores else None,
            "least": min(scores, default=None),
            "most": max(scores, default=None),
            "ranges": ranges(scores, task.lab.rubric.max_score),
        },
        "extra": {
            "submissions": len(extras),
            "mean": mean(extras) if extras else None,
            "max_score": sum(criterion.points for criterion in task.lab.rubric.criteria if criterion.bonus),
        },
        "criteria": tally.criteria(task.lab.titles(task.lang)),
        "cases": tally.cases(),
        "misconceptions": tally.misconceptions(),
        "not_in_the_class": list(left_out),
        "outdated": tally.outdated,
        "not_installed": dict(sorted(tally.absent.items(), key=lambda item: (-item[1], item[0]))),
        "groups": sorted(tally.groups),
        "timing": {
            "median_s": round(statistics.median(times), 3) if times else None,
            "longest_s": round(max(times, default=0.0), 3),
            "total_s": round(sum(times), 3),
        },
    }


def is_of(report: Report, rubric: Rubric) -> bool:
    """Return whether a report has the cases and points of this rubric; others cannot be counted together with it."""
    cases = [(part.id, case.id, case.max_points) for part in report.counted for case in part.cases]
    return cases == [
        (criterion.id, case.id, case.points)
        for criterion in rubric.criteria
        if not criterion.bonus
        for case in criterion.cases
    ]


def mean(points: Sequence[Score]) -> Score:
    """Return the mean of exact decimals, rounded once."""
    return rounded(sum(map(exact, points), Decimal(0)) / len(points))


def ranges(scores: Sequence[Score], most: int) -> list[tuple[str, int]]:
    """Return ranges of whole points, at most eleven, each with how many scores are in it.

    A score between two ranges counts in the lower one, full marks in the last.
    """
    width = max(1, -(-most // RANGES))
    lows = range(0, most + 1 if width == 1 else most, width)
    counts = Counter(min(len(lows) - 1, max(0, int(exact(score) // width))) for score in scores)
    ends = [*(low - 1 for low in lows[1:]), most]
    names = [str(low) if low == end else f"{low}\u2013{end}" for low, end in zip(lows, ends, strict=True)]
    return [(name, counts[number]) for number, name in enumerate(names)]


def correlation(item: Sequence[float], other: Sequence[float]) -> float | None:
    """Return Pearson's correlation coefficient, or None if it is not defined."""
    try:
        value = statistics.correlation(item, other)
    except statistics.StatisticsError:
        return None
    return round(value, 3) if math.isfinite(value) else None
