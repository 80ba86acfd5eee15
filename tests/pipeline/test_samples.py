"""Every sample submission gets the status, score and verdicts that its expected.toml names."""

from __future__ import annotations

import json
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from msgspec import structs

from grader.commands.grade import exit_code
from grader.core.limits import Limits
from grader.renderers.json import parse_json, render_json
from tests.support.command import PATIENT, SUBMISSIONS, graded, installed
from tests.support.contradictions import contradictions

SCHEMA = Path(__file__).parents[2] / "grader" / "renderers" / "report.schema.json"
ALIKE = {  # another sample of the same kind is in `make test`, or another test of it
    "extra_exits", "extra_hostile", "loop_forward", "missing_class", "extra_lecture_code", "output_flood", "loop_backward", "loop_import", "segfault", "style_bias_last", "style_columns", "style_delta_returned",
    "style_float32", "style_large_rate", "style_model_adds_one", "style_momentum", "style_rows", "sys_exit",
}  # fmt: skip
NAMES = sorted(path.name for path in SUBMISSIONS.iterdir() if path.is_dir())


@cache
def expected_of(name: str) -> dict[str, Any]:
    return tomllib.loads((SUBMISSIONS / name / "expected.toml").read_text(encoding="utf-8"))


def place_of(name: str) -> Path:
    """Return what is handed in of a sample."""
    return Path(SUBMISSIONS, name, expected_of(name).get("submission", ".")).resolve()


def limits_of(name: str) -> Limits:
    """Return limits that no sample reaches, but for those that it hangs in."""
    return structs.replace(PATIENT, **expected_of(name).get("limits", {}))


def extra_of(report: dict[str, Any]) -> dict[str, dict[str, str]]:
    """Return the verdicts of the cases for extra points, by criterion."""
    criteria = [item for item in report["criteria"] if item["bonus"]]
    return {criterion["id"]: {case["id"]: case["verdict"] for case in criterion["cases"]} for criterion in criteria}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.wide) if name in ALIKE else name for name in NAMES]
)
def test_sample(name: str) -> None:
    """A sample ends as expected, with a valid report."""
    report = graded(place_of(name), seed=7, limits=limits_of(name))

    check(name, exit_code(report, None), render_json(report))


@pytest.mark.soak
@pytest.mark.parametrize("name", NAMES)
def test_sample_by_the_command(name: str, tmp_path: Path) -> None:
    """So it does by the installed command, which has nothing to complain of."""
    hasty = ("--time-limit", "8") if "limits" in expected_of(name) else ()

    ran = installed(place_of(name), "--seed", "7", *hasty, cwd=tmp_path)

    assert ran.err == ""
    check(name, ran.code, (tmp_path / "grade-report.json").read_text(encoding="utf-8"))


def text_of(name: str) -> str:
    """Return the source text of a sample."""
    place = place_of(name)
    paths = sorted(place.rglob("*.py")) if place.is_dir() else [place]
    return "".join(path.read_text(encoding="utf-8", errors="replace") for path in paths)


def check(name: str, code: int, written: str) -> None:
    """Compare how a grade ended with what the sample expects."""
    expected, report = expected_of(name), json.loads(written)
    verdicts = {criterion["id"]: criterion["verdict"] for criterion in report["criteria"] if not criterion["bonus"]}
    assert expected["verdicts"] == verdicts
    assert (expected["status"], expected.get("score")) == (report["status"], report["score"])
    assert (expected.get("extra_score", 0), expected.get("extra", {})) == (report["extra_score"], extra_of(report))
    assert expected.get("findings", []) == [finding["line"] for finding in report["findings"]]
    assert expected["exit_code"] == code
    jsonschema.validate(report, json.loads(SCHEMA.read_text(encoding="utf-8")))
    assert render_json(parse_json(written)) == written
    assert [] == contradictions(report, text_of(name))
    if report["status"] in ("graded", "rejected"):
        assert report["score"] == sum(item["points"] for item in report["criteria"] if not item["bonus"])


@pytest.mark.parametrize(
    "criterion", ["imports", "shapes", "forward", "sigmoid_derivative", "neuron_update", "model_update", "xor"]
)
def test_each_criterion_fails_alone(criterion: str) -> None:
    """Each criterion has a sample that fails it and nothing else."""
    verdicts = expected_of(f"fails_{criterion}")["verdicts"]

    assert [criterion] == [name for name, verdict in verdicts.items() if verdict != "passed"]


def test_there_are_ten_correct_styles() -> None:
    """At least ten samples are correct work in different styles."""
    styles = [name for name in NAMES if name.startswith("style_")]

    assert len(styles) >= 10
    assert {100} == {expected_of(name)["score"] for name in styles}
