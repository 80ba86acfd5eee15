"""Reads a rubric from TOML and checks that its sums and references hold."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import msgspec

from grader.errors import BrokenGrader
from grader.models import CaseRule, Criterion, Imports, Rubric

DEFAULT = Path(__file__).with_name("rubric.toml")
RUBRIC_BYTES = 256 * 1024


def read_rubric(path: Path = DEFAULT) -> Rubric:
    """Return the rubric in the TOML file at path; BrokenGrader with one sentence if it is not one."""
    try:
        if path.exists() and not path.is_file():
            raise BrokenGrader("The rubric {path} is not a regular file.", path=path.name)
        with path.open("rb") as file:
            text = file.read(RUBRIC_BYTES + 1)
        if len(text) > RUBRIC_BYTES:
            raise BrokenGrader("The rubric {path} is larger than {limit} KiB.", path=path.name, limit=RUBRIC_BYTES // 1024)  # fmt: skip
        raw = msgspec.toml.decode(text)
        rubric = msgspec.convert(raw, Rubric)
    except OSError as error:
        reason = error.strerror or str(error)
        raise BrokenGrader("The rubric {path} cannot be read: {reason}.", path=path.name, reason=reason) from error
    except (msgspec.MsgspecError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise BrokenGrader("The rubric {path} is not valid: {reason}.", path=path.name, reason=str(error)) from error
    for problem in (*unknown_keys(raw), *problems(rubric)):
        raise BrokenGrader("The rubric {path} is not valid: {reason}.", path=path.name, reason=problem)
    return rubric


def unknown_keys(raw: dict[str, Any]) -> list[str]:
    """Return one sentence for each key that a rubric does not have: a misspelt one would be passed over."""
    parts: list[tuple[str, type, dict[str, Any]]] = [
        ("the rubric", Rubric, raw),
        ("[imports]", Imports, raw["imports"]),
    ]
    for criterion in raw["criteria"]:
        parts.append((criterion["id"], Criterion, criterion))
        parts += [(f"{criterion['id']}.{case['id']}", CaseRule, case) for case in criterion.get("cases", ())]
    known: dict[type, set[str]] = {
        kind: {one.name for one in fields(kind)} for kind in (Rubric, Imports, Criterion, CaseRule)
    }
    return [
        f"{name} has the unknown key {key}" for name, kind, part in parts for key in sorted(set(part) - known[kind])
    ]


def problems(rubric: Rubric) -> list[str]:
    """Return one sentence for each contradiction inside the rubric."""
    found = []
    names = [criterion.id for criterion in rubric.criteria]
    cases = [f"{criterion.id}.{case.id}" for criterion in rubric.criteria for case in criterion.cases]
    found += [f"{name} appears twice" for name in dict.fromkeys([*names, *cases]) if (names + cases).count(name) > 1]
    for criterion in rubric.criteria:
        case_points = [case.points for case in criterion.cases]
        if min([criterion.points, *case_points]) < 0:
            found.append(f"{criterion.id} has negative points")
        elif criterion.is_gate and (criterion.points or criterion.cases):
            found.append(f"{criterion.id} is a gate and has points or cases of its own")
        elif sum(case_points) != criterion.points:
            found.append(f"the cases of {criterion.id} sum to {sum(case_points)} points, not to {criterion.points}")
        for case in criterion.cases:
            earlier = cases[: cases.index(f"{criterion.id}.{case.id}")]
            unmet = sorted(set(case.requires) - set(earlier))
            found += [f"{criterion.id}.{case.id} requires {name}, which is no case before it" for name in unmet]
    if rubric.max_score == 0:
        found.append("it gives no points at all")
    return found
