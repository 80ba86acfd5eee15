"""The report as the result.json of Classroom 50.

The report does not know who submitted it and when; the runner's environment variables do. Their names are placeholders
that are valid in the format, until `stamped` fills in the values.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from grader.core.decisions import exact, was_run
from grader.core.report import Report
from grader.renderers.parts import ReportRow, checks, reason_line, told
from grader.renderers.scores import Tell, extra_line, score_line, teller

STAMPS = {
    "classroom": "CLASSROOM",
    "assignment": "ASSIGNMENT",
    "owner": "OWNER",
    "submission": "SUBMISSION_TAG",
    "commit": "COMMIT_URL",
    "release": "RELEASE_URL",
    "review": "REVIEW_URL",
}
INSTEAD = {"OWNER": "USERNAME", "REVIEW_URL": "COMMIT_URL"}  # fallback for a variable that is not set
UNKNOWN_TIME = "1970-01-01T00:00:00Z"


def render_classroom50(report: Report) -> str:
    """Return the report as result.json with placeholders; a report without a score has 0 of 0, as the format has errors."""
    tell = teller(report.lang)
    tests = [
        _test(report, check, points, tell) for check, points in zip(checks(report), whole_points(report), strict=True)
    ]
    if report.reason is not None:
        tests.insert(0, _said(score_line(report, tell), report.status.value, reason_line(report)) | _undone(report))
    if extra_line(report, tell):
        tests.append(_said(extra_line(report, tell), "extra"))
    result = {
        "schema": "classroom50/result/v1",
        **STAMPS,
        "submission": "submit/SUBMISSION_TAG",
        "assignment_type": "individual",
        "datetime": UNKNOWN_TIME,
        "score": sum(test["score"] for test in tests),
        "max-score": sum(test["max-score"] for test in tests),
        "tests": tests,
    }
    return json.dumps(result, ensure_ascii=False, indent=2) + "\n"


def stamped(text: str, environment: Mapping[str, str], now: datetime) -> str:
    """Return a result.json whose placeholders are replaced by values from the runner's environment and the clock."""
    result = json.loads(text)
    for field, variable in STAMPS.items():
        value = environment.get(variable) or environment.get(INSTEAD.get(variable, ""))
        if value:
            result[field] = value
    result["assignment_type"] = environment.get("ASSIGNMENT_TYPE") or result["assignment_type"]
    result["datetime"] = now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return json.dumps(result, ensure_ascii=False, indent=2) + "\n"


def _test(report: Report, check: ReportRow, points: int, tell: Tell) -> dict[str, Any]:
    row, has_score = check.row, report.final_score is not None and not check.criterion.bonus
    return {
        "test-name": check.name,
        "passed": check.is_full,
        "score": points,
        "max-score": check.max_points if has_score else 0,
        "id": check.id,
        "verdict": row.verdict.value,
        "message": "\n".join(told(report, check, tell)),
        "misconception": row.misconception,
        "duration_ms": round(1000 * report.timing.cases_s.get(check.id, 0)),
    }


def whole_points(report: Report) -> Iterator[int]:
    """Yield the points of each row as integers, Classroom 50 takes nothing else; their sum is the score, rounded once."""
    total = Decimal(0)
    for check in checks(report):
        before = whole(total)
        if report.final_score is not None and not check.criterion.bonus:
            total += exact(check.points)
        yield whole(total) - before


def whole(points: Decimal) -> int:
    """Return points rounded half up."""
    return int(points.to_integral_value(ROUND_HALF_UP))


def _undone(report: Report) -> dict[str, Any]:
    """Return the score of a report without a run, whose cases have no points; {} for any other report."""
    if was_run(report) or report.final_score is None:
        return {}
    return {"score": whole(exact(report.final_score)), "max-score": report.max_score}


def _said(sentence: str, kind: str, more: str = "") -> dict[str, Any]:
    """Return a test entry with a sentence about the whole submission."""
    return {
        "test-name": sentence,
        "passed": kind == "extra",
        "score": 0,
        "max-score": 0,
        "id": "extra" if kind == "extra" else "status",
        "verdict": kind,
        "message": more,
    }
