"""What a lab shows beside its grade: figures from its hooks, sentences, and evidence with names."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from grader.core.figures import Grid, Pairs, Series
from grader.core.report import Report
from grader.renderers import RENDERERS
from grader.renderers.json import parse_json, render_json
from tests.support.labs import graded, lab

SUITE = '''
import numpy as np
import pytest

from grader.lab import side_by_side, unmet

@pytest.mark.criterion("fit")
def test_line(student, evidence):
    """fit returns slope and offset for two columns."""
    actual = student.run("fit").array(2, 2)
    right = np.array([[1.0, 2.0], [3.0, 4.0]])
    evidence.seen = side_by_side(expected=right, actual=actual, x=[1.0, 2.0]).labelled(("slope", "offset"), ("a", "b"), "Lines")
    student.keep("lines", actual)
    student.note("The first slope is {slope}.", slope=float(actual[0, 0]))
    if not np.allclose(actual, right):
        raise unmet("These are other lines.", seen=evidence.seen)
'''
HOOKS = """
from grader.lab import Grid, Mark, Pairs, Series

def figures(run):
    lines = run.kept["lines"]
    x = lines[0]
    yield Series(title="Slopes", x_label="column", y_label="slope", y_unit="m", x=[1, 2], values=x)
    yield Pairs(title="Pairs", x=lines.ravel(), values=lines.ravel())
    yield Grid(title="All", values=lines, x_extent=(0, 1), y_extent=(0, 1), scale=(0, 4), marks=[
        Mark(x=0, y=0, value=lines[0, 0], label="first")])
"""
WRONG = "import numpy as np\ndef fit(): return np.array([[1.0, 2.0], [3.0, np.nan]])"


def report_of(folder: Path, hooks: str, source: str = WRONG) -> Report:
    """Grade a submission by a small lab with these hooks."""
    (report,) = graded(lab(folder / "lines", SUITE, {"fit.line": 4}, hooks=hooks), source)
    return report


def test_what_a_lab_shows(tmp_path: Path) -> None:
    """Figures, sentences and named evidence stand in the report, and every format takes them."""
    report = report_of(tmp_path, HOOKS)

    case = json.loads(render_json(report))["criteria"][0]["cases"][0]
    assert case["evidence"] == [
        {
            "label": "Lines", "shape": [2, 2], "rows": ["slope", "offset"], "columns": ["a", "b"],
            "expected": [1.0, 2.0, 3.0, 4.0], "actual": [1.0, 2.0, 3.0, "nan"], "probe": {"x": [1.0, 2.0]},
        }
    ]  # fmt: skip
    assert [type(figure) for figure in report.figures] == [Series, Pairs, Grid]
    assert [note.text for note in report.notes] == ["The first slope is 1."]
    assert parse_json(render_json(report)) == report
    for name in ("text", "markdown", "html"):
        assert "The first slope is 1." in RENDERERS[name](report).replace("\\", "")
    page = RENDERERS["html"](report)
    assert [f"<h3>{title}</h3>" in page for title in ("Slopes", "Pairs", "All")] == [True] * 3
    assert ("slope, m" in page, "offset · b" in page, "hidden 1" in page) == (True, True, False)
    assert "expected:    slope   1, 2\n                    offset  3, 4\n" in RENDERERS["text"](report)


@pytest.mark.parametrize(
    ("hooks", "problem"),
    [
        ("def figures(run): return [1 / 0]", "ZeroDivisionError: division by zero"),
        ("def figures(run): return ['a picture']", "TypeError: figures returned str, not a Series, Grid or Pairs"),
        ("def figures(run): return None", "TypeError"),
        ("from grader.lab import Series\ndef figures(run): return [Series(title='', x=[1], values=[])]", "as many x as values"),
        ("from grader.lab import Pairs\ndef figures(run): return [Pairs(title=3, x=[], values=[])]", "Expected `str`, got `int`"),
        ("from grader.lab import unmet\ndef figures(run): raise unmet('Not here.')", "CaseStopped: Not here."),
    ],
)  # fmt: skip
def test_figures_that_break(hooks: str, problem: str, tmp_path: Path) -> None:
    """A lab whose figures break shows none, tells its lecturer why, and grades all the same."""
    report = report_of(tmp_path, hooks, "def fit(): return [[1.0, 2.0], [3.0, 4.0]]")

    assert (report.score, report.figures) == (4, [])
    assert report.notes[-1].text.startswith("For the lecturer: hooks.py made no figures (")
    assert problem in report.notes[-1].text
