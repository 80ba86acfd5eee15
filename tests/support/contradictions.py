"""Sentences of a report that its own numbers, or the submission's text, contradict."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

FAILED = ("failed", "partial")
CLOSE = 1e-6


def contradictions(report: dict[str, Any], text: str) -> list[str]:
    """Return what is said in a report (as JSON) of a submission with this text and cannot be true."""
    found = []
    cases = [case for item in report["criteria"] for case in item["cases"]]
    for case in cases:
        shown = case["evidence"][0] if case["evidence"] else {}
        if case["verdict"] in FAILED and are_equal(shown.get("expected"), shown.get("actual")):
            found.append(f"{case['title']}: failed, and what was expected came")
        args = (case["feedback"] or {}).get("args", {})
        if any(
            args.get(item) == args.get(other) is not None for item, other in (("got", "wanted"), ("change", "wanted"))
        ):
            found.append(f"{case['title']}: {case['feedback']['text']}")
    said = [case["feedback"] for case in cases if case["feedback"]]
    said += [remark for case in cases for remark in case["remarks"]] + report["notes"]
    for element in said:
        missing = re.findall(r"[Tt]here is no function (\w+)", element["text"])
        found += [element["text"] for name in missing if re.search(rf"def {name}\(", text)]
        rate = element["args"].get("rate") if "rate, as measured" in element["id"] else None
        if rate is not None and float(rate) <= 0:
            found.append(element["text"])
    return found


def are_equal(expected: Any, actual: Any) -> bool:
    """Return whether numbers that were expected are those that came."""
    if expected is None or actual is None or np.shape(expected) != np.shape(actual):
        return False
    try:
        one, other = np.array(expected, dtype=float), np.array(actual, dtype=float)
    except ValueError:
        return False
    return bool(
        np.isfinite(one).all()
        and np.abs(one - other).max(initial=0.0) <= CLOSE * max(np.abs(one).max(initial=0.0), CLOSE)
    )
