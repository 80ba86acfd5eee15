"""The words for verdicts and statuses, as templates in English."""

from __future__ import annotations

from grader.core.outcomes import Verdict
from grader.core.report import Status


def marked(template: str) -> str:
    """Return a template unchanged; marks it for extraction by tests.messages, since it is translated later."""
    return template


VERDICTS = {
    Verdict.PASSED: marked("passed"),
    Verdict.PARTIAL: marked("partial"),
    Verdict.FAILED: marked("failed"),
    Verdict.ERROR: marked("error"),
    Verdict.TIMEOUT: marked("timeout"),
    Verdict.MEMORY_LIMIT: marked("memory limit"),
    Verdict.OUTPUT_LIMIT: marked("output limit"),
    Verdict.BLOCKED: marked("blocked"),
    Verdict.NOT_GRADABLE: marked("not gradable"),
    Verdict.NOT_RUN: marked("not run"),
}
STATUSES = {
    Status.GRADED.value: marked("graded"),
    Status.REJECTED.value: marked("rejected"),
    Status.NOT_GRADABLE.value: marked("not gradable"),
    Status.GRADER_ERROR.value: marked("grader error"),
}
