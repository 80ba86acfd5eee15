"""The report as Gradescope's results.json.

Gradescope sums the points of the tests, so there is no separate `score` that could differ. Extra points appear only as
text, in tests with 0 points. A report
without a score has tests without points, and `output` explains the 0 that the format then requires.
"""

from __future__ import annotations

import json
from typing import Any

from grader.core.report import Report
from grader.renderers.parts import ReportRow, checks, notes, origin, reason_line, told
from grader.renderers.scores import Tell, score_line, teller
from grader.renderers.words import VERDICTS


def render_gradescope(report: Report) -> str:
    """Return the report as JSON for /autograder/results/results.json."""
    tell = teller(report.lang)
    lines = [score_line(report, tell), reason_line(report)]
    tests = [_test(report, check, tell) for check in checks(report)]
    result: dict[str, Any] = {} if report.final_score is not None and tests else {"score": report.final_score or 0}
    if report.final_score is None:
        lines.append(tell("This 0 is a placeholder, not a grade: Gradescope requires a number."))
    lines += [*notes(report, tell), origin(report, tell)]
    result |= {
        "output": "\n".join(line for line in lines if line),
        "output_format": "text",
        "test_output_format": "text",
        "test_name_format": "text",
        "visibility": "visible",
        "execution_time": report.timing.total_s,
        "extra_data": {
            "status": report.status.value,
            "score": report.final_score,
            "max_score": report.max_score,
            "extra_score": report.final_extra_score,
            "seed": report.seed,
            "route": report.submission.route,
            "sandbox": report.sandbox.level,
        },
        "tests": tests,
    }
    return json.dumps(result, ensure_ascii=False, indent=2) + "\n"


def _test(report: Report, check: ReportRow, tell: Tell) -> dict[str, Any]:
    row = check.row
    counted = (0, 0) if check.criterion.bonus else (check.points, check.max_points)
    points = dict(zip(("score", "max_score"), counted, strict=True)) if report.final_score is not None else {}
    verdict = (
        []
        if check.is_full or check.decision is not None
        else [tell("Result: {verdict}", verdict=tell(VERDICTS[row.verdict]))]
    )
    return {
        **points,
        "name": check.name,
        "number": check.number,
        "status": "passed" if check.is_full else "failed",
        "output": "\n".join(verdict + told(report, check, tell)),
        "tags": [check.criterion.id],
        "extra_data": {"id": check.id, "verdict": row.verdict.value, "misconception": row.misconception},
    }
