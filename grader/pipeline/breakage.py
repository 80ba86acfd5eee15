"""Extracts the problems of a broken suite from pytest's report: file, line and reason of each."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_jsonreport.plugin import JSONReport

from grader.core.messages import Message, say
from grader.pipeline import fixtures

REASON_CHARS = 300
FIXTURES = ("student", "evidence")  # the harness's: a lab cannot redefine them


class Unimportable(Exception):
    """The conftest.py of a suite raises."""

    def __init__(self, problem: Message) -> None:
        super().__init__(problem.text)
        self.problem = problem


def redefined(item: pytest.Function) -> Iterator[Message]:
    """Yield a problem for each fixture of the harness that the suite redefines: its cases would judge something else."""
    for name in FIXTURES:
        for fixture in item.session._fixturemanager.getfixturedefs(name, item) or ():
            code = inspect.unwrap(fixture.func).__code__
            if code.co_filename == fixtures.__file__:
                continue
            place = placed(Path(code.co_filename).name, code.co_firstlineno)
            yield say("{place}: the lab redefines the fixture {name}, which is the grader's", place=place, name=name)


def problems_of(channel: JSONReport, code: int, said: str, suite: Path) -> list[Message]:
    """Return the problems that are not a CaseStopped, each with file and line."""
    if channel.report is None:
        return [say("pytest ended with code {code} and without a report: {reason}", code=code, reason=_reason(said))]
    found = [_uncollected(item) for item in channel.report.get("collectors", ()) if item.get("outcome") == "failed"]
    tests = channel.report.get("tests", ())
    found += [_broke(test, suite) for test in tests if "outcome" not in test.get("metadata", {})]
    if not found and code not in (0, 1):
        found = [say("pytest ended with code {code}", code=code)]
    return found


def _uncollected(collector: dict[str, Any]) -> Message:
    """Return the problem of a file that pytest could not collect."""
    text = str(collector.get("longrepr", ""))
    line = re.findall(r"line ([0-9]+)|:([0-9]+): in <module>", text)[-1:]
    place = placed(str(collector.get("nodeid")), int(line[0][0] or line[0][1]) if line else None)
    return say("{place}: it cannot be collected: {reason}", place=place, reason=_reason(text))


def placed(file: str, line: int | None) -> str | Message:
    """Return a place in a suite."""
    return file if line is None else say("{file}, line {line}", file=file, line=line)


def _broke(test: dict[str, Any], suite: Path) -> Message:
    """Return the problem of a test that broke: its place in the suite and the reason."""
    name = str(test.get("nodeid"))
    for stage in (test.get(part, {}) for part in ("setup", "call", "teardown")):
        if stage.get("outcome") in (None, "passed"):
            continue
        if stage["outcome"] == "skipped":
            return say("{place} skips: a case passes, or raises unmet(...)", place=name)
        own = [
            item for item in stage.get("traceback", ()) if Path(item["path"]).resolve().is_relative_to(suite.resolve())
        ]
        place = placed(name, own[-1]["lineno"] if own else None)
        reason = _reason(stage["crash"]["message"] if "crash" in stage else str(stage.get("longrepr", "")))
        if str(reason).startswith("AssertionError"):
            return say(
                "{place} broke: {reason}: a case raises unmet(...) if the work is wrong", place=place, reason=reason
            )
        return say("{place} broke: {reason}", place=place, reason=reason)
    return say("{place} broke: {reason}", place=name, reason=_reason(""))


def _reason(text: str) -> str | Message:
    """Return the line with the reason: the last one that pytest marks with "E", else the first."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    marked = [line[1:].strip() for line in lines if re.match(r"E\s", line)]
    found = [*marked[-1:], *lines[:1]]
    return found[0][:REASON_CHARS] if found else say("no reason given")
