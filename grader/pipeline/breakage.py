"""What broke in a run of a suite, read from pytest's report: each with its file, its line and a reason."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from pytest_jsonreport.plugin import JSONReport

REASON_CHARS = 300


def problems_of(channel: JSONReport, code: int, said: str, suite: Path) -> list[str]:
    """Return what broke other than by stopping a case, each with file and line."""
    if channel.report is None:
        return [f"pytest ended with code {code} and without a report: {_reason(said)}"]
    found = [_uncollected(item) for item in channel.report.get("collectors", ()) if item.get("outcome") == "failed"]
    tests = channel.report.get("tests", ())
    found += [_broke(test, suite) for test in tests if "outcome" not in test.get("metadata", {})]
    if not found and code not in (0, 1):
        found = [f"pytest ended with code {code}"]
    return found


def _uncollected(collector: dict[str, Any]) -> str:
    """Say where a file of the suite is wrong."""
    text = str(collector.get("longrepr", ""))
    line = re.findall(r"line ([0-9]+)|:([0-9]+): in <module>", text)[-1:]
    place = f", line {line[0][0] or line[0][1]}" if line else ""
    return f"{collector.get('nodeid')}{place}: it cannot be collected: {_reason(text)}"


def _broke(test: dict[str, Any], suite: Path) -> str:
    """Say where in its suite and why a test broke by itself."""
    name = test.get("nodeid")
    for stage in (test.get(part, {}) for part in ("setup", "call", "teardown")):
        if stage.get("outcome") in (None, "passed"):
            continue
        if stage["outcome"] == "skipped":
            return f"{name} skips: a case passes, or raises unmet(...)"
        own = [
            item for item in stage.get("traceback", ()) if Path(item["path"]).resolve().is_relative_to(suite.resolve())
        ]
        place = f", line {own[-1]['lineno']}" if own else ""
        reason = _reason(stage["crash"]["message"] if "crash" in stage else str(stage.get("longrepr", "")))
        advice = ": a case raises unmet(...) where the work is wrong" if reason.startswith("AssertionError") else ""
        return f"{name}{place} broke: {reason}{advice}"
    return f"{name} broke: no reason given"


def _reason(text: str) -> str:
    """Return the line that says what is wrong: the last that pytest marks as such, else the first."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    marked = [line[1:].strip() for line in lines if re.match(r"E\s", line)]
    return (*marked[-1:], *lines[:1], "no reason given")[0][:REASON_CHARS]
