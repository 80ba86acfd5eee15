"""Every renderer takes every report, and no student's text leaves its place."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from grader.models import Outcome, Report, SourceFile, StagedSubmission, StudentError, SuiteRun, Training, Verdict, say
from grader.pipeline import assignment
from grader.renderers import RENDERERS
from grader.renderers.json import json_schema, parse_json, render_json
from grader.scoring import score

HOSTILE = "<script>alert(1)</script>|`*\n\r\0\x1b[2J\x1b]0;t\x07::error::x\u202e=cmd()\u2028" + "A" * 5000
SCHEMA_FILE = Path(__file__).parents[1] / "grader" / "renderers" / "report.schema.json"


def hostile_report() -> Report:
    outcome = Outcome(
        criterion="forward",
        case="neuron",
        verdict=Verdict.ERROR,
        title="One neuron",
        feedback=say("{what} raised {error}", what="Neuron", error=HOSTILE),
        exception=StudentError(type=HOSTILE, message="m", file="network.py", line=3),
        stdout=HOSTILE,
        remarks=[say("{x}", x=HOSTILE)],
        actual="nan",
    )
    name = HOSTILE
    staged = StagedSubmission(name=name, main=SourceFile(name=name, text=""), siblings=(), sha256="")
    run = SuiteRun(outcomes=(outcome,), level="process", training=Training(source="train", losses=[0.5, "nan"]))
    return score(assignment(), staged, (), run, seed=1, lang="en", total_s=1)


@pytest.mark.parametrize("format", list(RENDERERS))
def test_hostile_text_is_inert(format: str) -> None:  # noqa: A002
    """No control character of the student reaches the output, and what is shown is capped."""
    text = RENDERERS[format](hostile_report())

    forbidden = "\0\x1b\x07\r" + ("\u202e\u2028" if format == "text" else "")
    assert not [character for character in forbidden if character in text]
    assert not [line for line in text.splitlines() if line.startswith("::")]
    if format == "text":
        assert "A" * 1000 not in text


def test_json_is_the_identity_of_a_report() -> None:
    """Rendering and parsing gives the report back."""
    report = hostile_report()

    assert parse_json(render_json(report)) == report


def test_the_published_schema_is_that_of_the_types() -> None:
    """The file in the package is what the types say, is itself valid, and takes a report."""
    schema = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))

    assert schema == json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(json.loads(render_json(hostile_report())), schema)


def test_the_schema_refuses_what_is_no_report() -> None:
    """A report with a missing field, or with a verdict that does not exist, is not valid."""
    schema = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    report = json.loads(render_json(hostile_report()))

    for broken in ({**report, "status": "fine"}, {key: report[key] for key in report if key != "score"}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(broken, schema)
