"""Reads a rubric from TOML and checks that its sums and references hold."""

from __future__ import annotations

from pathlib import Path

import msgspec

from grader.errors import BrokenGrader
from grader.models import Rubric

DEFAULT = Path(__file__).with_name("rubric.toml")


def read_rubric(path: Path = DEFAULT) -> Rubric:
    """Return the rubric in the TOML file at path; BrokenGrader with one sentence if it is not one."""
    try:
        rubric = msgspec.toml.decode(path.read_bytes(), type=Rubric)
    except OSError as error:
        reason = error.strerror or str(error)
        raise BrokenGrader("The rubric {path} cannot be read: {reason}.", path=path.name, reason=reason) from error
    except (msgspec.MsgspecError, UnicodeDecodeError, ValueError) as error:
        raise BrokenGrader("The rubric {path} is not valid: {reason}.", path=path.name, reason=str(error)) from error
    for problem in problems(rubric):
        raise BrokenGrader("The rubric {path} is not valid: {reason}.", path=path.name, reason=problem)
    return rubric


def problems(rubric: Rubric) -> list[str]:
    """Return one sentence for each contradiction inside the rubric."""
    found = []
    names = [criterion.id for criterion in rubric.criteria]
    found += [f"the criterion {name} appears twice" for name in names if names.count(name) > 1]
    cases = {f"{criterion.id}.{case.id}" for criterion in rubric.criteria for case in criterion.cases}
    for criterion in rubric.criteria:
        case_points = [case.points for case in criterion.cases]
        if min([criterion.points, *case_points]) < 0:
            found.append(f"{criterion.id} has negative points")
        elif sum(case_points) != criterion.points:
            found.append(f"the cases of {criterion.id} sum to {sum(case_points)} points, not to {criterion.points}")
        for case in criterion.cases:
            unknown = sorted(set(case.requires) - cases)
            found += [f"{criterion.id}.{case.id} requires {name}, which does not exist" for name in unknown]
    if rubric.max_score == 0:
        found.append("it gives no points at all")
    return found
