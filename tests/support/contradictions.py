"""Sentences of a report that its own numbers, or the submission's text, contradict."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np

FAILED = ("failed", "partial")
CLOSE = 1e-6
BLAMED = re.compile(r"^(loss|train|sigmoid_derivative)\b")
EXCLUSIVE = (
    {"derivative_missing", "derivative_twice"}, {"loss_sign", "derivative_negated"}, {"bias_missing", "bias_frozen"},
    {"weights_not_updated", "weights_overwritten"}, {"hidden_frozen", "hidden_sign"}, {"hidden_frozen", "only_first_hidden_updated"},
)  # fmt: skip
BRACES = re.compile(r"\{\w*\}")
ELSEWHERE = ("only where it is reported", "is charged elsewhere")
PRAISE = re.compile(r"\b(steps|weights|answers|derivative|forward) (is|are) (correct|right)\b")
WORDS = re.compile(r"[A-Za-z]{3,}")
CYRILLIC = re.compile(r"[а-яё]", re.IGNORECASE)
Json = dict[str, Any]


def contradictions(report: Json, text: str) -> list[str]:
    """Return what is said in a report (as JSON) of a submission with this text and cannot be true."""
    cases = [case for item in report["criteria"] for case in item["cases"]]
    found = [f"{case['title']}: {what}" for case in cases for what in in_case(case)]
    for element in said_in(report):
        said = element["id"].format_map(Args(element["args"]))
        missing = re.findall(r"[Tt]here is no function (\w+)", said)
        indent = "" if "outside your classes" in said else r"\s*"
        found += [element["text"] for name in missing if re.search(rf"^{indent}def {name}\(", text, re.MULTILINE)]
        rate = element["args"].get("rate") if "rate" in element["id"] else None
        if rate is not None and float(rate) <= 0:
            found.append(element["text"])
        if BRACES.search(element["text"]):
            found.append(f"not filled in: {element['text']}")
    found += [f"not translated: {item}" for item in english_in(report, text)]
    named = {case["misconception"] for case in cases}
    found += [f"exclude each other: {sorted(pair)}" for pair in EXCLUSIVE if pair <= named]
    places = wrong_places(cases, text) if len(report["submission"]["files"]) == 1 else []
    return found + without_loss(report, cases) + wrongly_blocked(report) + other_names(cases, text) + places


class Args(dict[str, Any]):
    """Arguments of a message that leave an unknown name as it is."""

    def __missing__(self, name: str) -> str:
        return f"{{{name}}}"


def said_in(report: Json) -> Iterator[Json]:
    """Yield the messages of a report."""
    for case in [case for item in report["criteria"] for case in item["cases"]]:
        yield from filter(None, (case["feedback"], case["hint"], *case["remarks"]))
    yield from report["notes"]
    if isinstance(report["reason"], dict):
        yield report["reason"]


def in_case(case: Json) -> Iterator[str]:
    """Yield how the numbers and remarks of a case contradict its verdict or its sentence."""
    shown = case["evidence"][0] if case["evidence"] else {}
    expected, actual = shown.get("expected"), shown.get("actual")
    if case["verdict"] in FAILED and are_equal(expected, actual):
        yield "failed, and what was expected came"
    args = (case["feedback"] or {}).get("args", {})
    for name in ("got", "change"):
        if args.get(name) == args.get("wanted") is not None:
            yield case["feedback"]["text"]
    if "change" in args and "wanted" in args and expected is not None and actual is not None:
        pairs = zip(np.ravel(np.array(actual, dtype=float)), np.ravel(np.array(expected, dtype=float)), strict=True)
        if not any(is_shown(args["change"], got) and is_shown(args["wanted"], right) for got, right in pairs):
            yield f"not one place of the shown numbers: {case['feedback']['text']}"
    if case["verdict"] in FAILED:
        yield from (f"failed: {item['text']}" for item in case["remarks"] if PRAISE.search(item["id"]))
    if case["verdict"] == "passed" and case["feedback"]:
        yield f"passed: {case['feedback']['text']}"


def wrongly_blocked(report: Json) -> list[str]:
    """Return the sentences that ask to fix first what has passed."""
    passed = {item["title"] for item in report["criteria"] if item["verdict"] == "passed"}
    cases = [case for item in report["criteria"] for case in item["cases"] if case["verdict"] == "blocked"]
    said = [case["feedback"] for case in cases if case["feedback"]]
    return [
        f"blocked by what passed: {item['text']}"
        for item in said
        if item["args"].get("criterion", {}).get("text") in passed
    ]


def is_shown(text: Any, number: float) -> bool:
    """Return whether a number of a sentence is this one, rounded."""
    try:
        return abs(float(text) - number) <= 1e-3 * max(abs(number), CLOSE)
    except ValueError:
        return False


def without_loss(report: Json, cases: list[Json]) -> list[str]:
    """Return remarks about a mistake that loses points elsewhere, in a report in which no other case lost any."""
    lost = [case for case in cases if case["verdict"] not in ("passed", "blocked")]
    remarks = [item for case in cases for item in case["remarks"] if any(part in item["id"] for part in ELSEWHERE)]
    return [] if lost or report["status"] != "graded" else [item["text"] for item in remarks]


def other_names(cases: list[Json], text: str) -> list[str]:
    """Return sentences that blame a function, or a method of Neuron or Model, that the program does not have."""
    found = []
    for case in cases:
        blamed = BLAMED.match(case["feedback"]["id"]) if case["feedback"] else None
        if case["verdict"] in FAILED and blamed and not re.search(rf"def {blamed[1]}\(", text):
            found.append(case["feedback"]["text"])
        for element in filter(None, (case["feedback"], case["hint"])):
            if case["verdict"] not in FAILED or "no " in element["id"]:
                continue
            names = re.findall(r"\b(Neuron|Model)\.(\w+)", element["id"])
            found += [
                element["text"]
                for cls, method in names
                if not (re.search(rf"class {cls}\b", text) and re.search(rf"def {method}\(", text))
            ]
    return found


def wrong_places(cases: list[Json], text: str) -> list[str]:
    """Return places that name no line of the text, or one without code, or a function that begins elsewhere."""
    lines, found = text.splitlines(), []
    for case in cases:
        if case["line"] is None or case["cell"] is not None:
            continue
        line = lines[case["line"] - 1].strip() if 0 < case["line"] <= len(lines) else ""
        if not line or line.startswith("#"):
            found.append(f"{case['file']}:{case['line']}: {line!r}")
    return found


def english_in(report: Json, text: str) -> Iterator[str]:
    """Yield sentences of a report in Russian that have English words which are no names."""
    if report["lang"] != "ru":
        return
    titles = [item["title"] for item in report["criteria"]]
    titles += [case["title"] for item in report["criteria"] for case in item["cases"]]
    for element in said_in(report):
        rest = element["text"]
        for value in element["args"].values():
            rest = rest.replace(str(value), "")
        if not CYRILLIC.search(rest) and WORDS.search(rest):
            yield element["text"]
    yield from (title for title in titles if " " in title and not CYRILLIC.search(title))


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
