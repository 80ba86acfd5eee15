"""Every renderer takes every report, and no student's text leaves its place."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from grader.core.figures import AnyFigure, Pairs, Series
from grader.core.messages import carried, say
from grader.core.outcomes import DROPPED_LINE, Evidence, Finding, Outcome, StudentError, Verdict
from grader.core.report import Report
from grader.core.text import printable
from grader.pipeline.grading import assignment
from grader.pipeline.runs import StagedSubmission, SuiteRun
from grader.pipeline.scoring import score
from grader.renderers import RENDERERS
from grader.renderers.json import json_schema, parse_json, render_json
from grader.sandbox.source import SourceFile
from tests.support.runner import obeyed

HOSTILE = (
    "::error::a\n::error::b<script>alert(1)</script><!-- |`*_~\n\r\0\x1b[2J\x1b]0;t\x07\n::set-output name=r::1\u202e=cmd()"
    "\u2028]]>&amp;\n```\n~~~\n##[add-mask]c [d](javascript:e) ![f](http://g.example/h) http://i.example www.j.example "
    "k@l.example @m #1 <http://n.example> [o]: p\n[o]: p\n# q\n- r\n1. s\n| t | u |\n===\n\ufffe\ud800" + "A" * 5000
)
SCHEMA_FILE = Path(__file__).parents[2] / "grader" / "renderers" / "report.schema.json"


def hostile_report(text: str = HOSTILE) -> Report:
    """Return a report in which all that a student can name or say is text."""
    common = {
        "hint": say("{hint}", hint=text),
        "exception": StudentError(type=text, message=text, file=text, line=3),
        "stdout": text,
        "remarks": [say("{x}", x=text)],
        "evidence": [
            Evidence(
                label=text,
                shape=[3, 3],
                rows=[text] * 3,
                columns=[text] * 3,
                actual="nan",
                expected=[float(number) for number in range(9)],
                probe={"x": [1.0, "inf"], text: [[1.0], ["nan"]]},
            )
        ],
    }
    outcomes = tuple(
        Outcome(
            criterion="forward",
            id=case,
            verdict=verdict,
            title="One neuron",
            feedback=say("{error}", error=text),
            **common,  # type: ignore[arg-type]
        )
        for case, verdict in (("neuron", Verdict.ERROR), ("model", Verdict.FAILED))
    )
    staged = StagedSubmission(name=text, main=SourceFile(name=text, text=""), siblings=(), sha256="")
    findings = (Finding(rule=DROPPED_LINE, file=text, line=2, message=say("{place}: left out", place=text)),)
    figures: list[AnyFigure] = [
        Series(title=text, caption=text, x_label=text, y_unit=text, x=[1, 2], values=[0.5, "nan"]),
        Pairs(title=text, caption=text, x_label=text, y_unit=text, x=[1, "inf"], values=[0.5, 1]),
    ]
    run = SuiteRun(outcomes=outcomes, level="process", figures=figures, notes=[say("{x}", x=text)])

    return score(assignment(), staged, findings, run, seed=1, lang="en", total_s=1)


@pytest.mark.parametrize("format", list(RENDERERS))
def test_hostile_text_is_inert(format: str) -> None:  # noqa: A002
    """No control character of the student reaches the output, no command a runner, and what is shown is capped."""
    text = RENDERERS[format](hostile_report(carried(HOSTILE) if format == "json" else HOSTILE))

    forbidden = "\0\x1b\x07\r\u202e\u2028\ufffe\ud800" if format != "json" else "\0\x1b\x07\r\u202e\u2028"
    assert not [character for character in forbidden if character in text]
    assert text.endswith("\n")
    assert text.encode("utf-8")
    if format != "github":
        assert [] == list(obeyed(text))
    if format not in ("json", "html"):  # a page is capped as a whole: tests/renderers/test_pages.py
        assert "A" * 1000 not in text


def test_text_is_no_command_to_a_runner() -> None:
    """What a runner would obey is broken by a space, wherever in the text it stands."""
    assert ": :error::x" == printable("::error::x")
    assert "  : ::x" == printable("  :::x")
    assert "a ## #[group]" == printable("a ###[group]")
    assert "numbers[::2]" == printable("numbers[::2]")


def test_json_is_the_identity_of_a_report() -> None:
    """Rendering and parsing gives the report back."""
    report = hostile_report(carried(HOSTILE))

    assert parse_json(render_json(report)) == report


def test_the_published_schema_is_that_of_the_types() -> None:
    """The file in the package is what the types say, is itself valid, and takes a report."""
    schema = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))

    assert schema == json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(json.loads(render_json(hostile_report(carried(HOSTILE)))), schema)


def test_the_schema_refuses_what_is_no_report() -> None:
    """A report with a missing field, or with a verdict that does not exist, is not valid."""
    schema = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    report = json.loads(render_json(hostile_report(carried(HOSTILE))))

    for broken in ({**report, "status": "fine"}, {key: report[key] for key in report if key != "score"}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(broken, schema)
