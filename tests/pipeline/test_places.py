"""Where the code of a case is written."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from grader.renderers.html import render_html
from grader.renderers.text import render_text
from grader.sandbox.confined.reading.definitions import definitions
from tests.forms import other_names
from tests.support.command import graded as grade_here
from tests.support.command import graded_as_json
from tests.support.mutants import ARRAYS, SLOPE

Write = Callable[..., Path]

PROGRAM = """\
def backward(x):
    pass

class Neuron:
    '''A neuron.
class Model: a line of a text.
    '''
    def forward(self, x):
        def inner():
            pass

    async def backward(self, x):
        pass

class Model(Neuron):
\tdef backward(self):
\t\tpass
if True:
    def loss(y, label): return 0
class Odd(Odd, Model): pass
"""


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("backward", 1), ("Neuron", 4), ("Neuron.forward", 8), ("Neuron.backward", 12), ("loss", 19), ("train", None),
        ("Model", 15), ("Model.forward", 8), ("Model.backward", 16), ("Odd.backward", 16), ("inner", None),
    ],
)  # fmt: skip
def test_lines(name: str, line: int | None) -> None:
    """The definition of a name; of a method that a class inherits, that of its base."""
    found = {item: at for _, item, at in definitions([("network.py", ast.parse(PROGRAM))])}

    assert line == found.get(name)


EXPRESSIONS = """\
def loss(y, label):
    "Return the error."
    return label - y

def train(model):
    losses = []
    return losses

def sign(y):
    if y > 0:
        return 1
    return -1

class Neuron:
    def forward(self, x):
        self.y = sigmoid(
            self._weigths @ x)
        return self.y

    def backward(self, x, err):
        delta = err * self.y
        for i in range(2):
            self._weigths[i] += err * self.y * x[i]
        self.bias += delta
        self.bias, self.count = 0, 1
        def inner(): pass

class Output(Neuron):
    def backward(self, x, err):
        self.bias += err * self.y
        self._weigths = self._weigths + [err * self.y * number for number in x]
        delta = self.y
        self.count += delta
"""


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("loss:return", 3), ("train:return", 6), ("sign:return", None), ("Neuron.forward:return", 16), ("Neuron.forward:y", 16),
        ("Neuron.backward:bias", None), ("Output.backward:bias", 30), ("Output.backward:_weigths", 31),
        ("Output.forward:return", 16), ("Output.backward:count", None), ("Output.backward:return", None),
    ],
)  # fmt: skip
def test_expressions(name: str, line: int | None) -> None:
    """The expression of a result, where there is only one and it depends on no other local variable."""
    found = {item: at for _, item, at in definitions([("network.py", ast.parse(EXPRESSIONS))])}

    assert line == found.get(name)


def test_files() -> None:
    """A base may be in another file, and the first file that defines a name counts."""
    main = "from base import Base\nclass Model(Base): pass\n"
    other = "class Base:\n    def forward(self): 0\nclass Model: pass\n"

    found = definitions([("main.py", ast.parse(main)), ("base.py", ast.parse(other))])

    assert {("main.py", "Model", 2), ("base.py", "Model.forward", 2), ("base.py", "Base", 1)} <= set(found)


def test_a_report_names_the_line(write: Write) -> None:
    """A named mistake carries file and line of the method that was judged."""
    text = ARRAYS.replace(SLOPE, "        slope = 1.0\n")
    line = text[: text.index("    def backward(self, x, loss)")].count("\n") + 1

    report = graded_as_json(write(text), seed=3)

    places = {
        (case["file"], case["line"]) for item in report["criteria"] for case in item["cases"] if case["misconception"]
    }
    assert {("network.py", line)} == places


def test_a_report_names_the_expression(write: Write) -> None:
    """In text, on the page and in JSON, beside the line of the function."""
    path = write(ARRAYS.replace("return label - y", "return (label - y) ** 2"))

    report = grade_here(path, seed=3)

    (case,) = (case for item in report.criteria for case in item.cases if case.misconception == "loss_squared")
    text = path.read_text(encoding="utf-8")
    line = text[: text.index("def loss")].count("\n") + 1
    assert (case.file, case.line, case.expression) == ("network.py", line, line + 1)
    place = f"network.py:{line}, the expression in line {line + 1}"
    assert f"code: {place}\n" in render_text(report)
    assert f"<code>{place}</code>" in render_html(report)


def test_a_report_names_the_cell(write: Write) -> None:
    """In a notebook, cell and line of the cell."""
    cells = [{"cell_type": "code", "source": part} for part in ARRAYS.replace(SLOPE, "        slope = 1.0\n").split("class Model")]  # fmt: skip
    cells[1]["source"] = "class Model" + cells[1]["source"]
    line = cells[0]["source"][: cells[0]["source"].index("    def backward")].count("\n") + 1
    book = write(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}), "network.ipynb")

    report = graded_as_json(book, seed=3)

    named = [case for item in report["criteria"] for case in item["cases"] if case["misconception"]]
    assert {("network.ipynb", 1, line)} == {(case["file"], case["cell"], case["line"]) for case in named}


@pytest.mark.wide
def test_a_watched_training_names_its_own_functions(write: Write) -> None:
    """Under other names, the functions in which the weights were seen to change."""
    text = other_names(ARRAYS.replace(SLOPE, "        slope = 1.0\n"))
    step, whole, answer = (text[: text.index(f"    def {name}")].count("\n") + 1 for name in ("learn(self, x, gap)", "learn(self, x, err)", "fire(self, x):\n        self.h"))  # fmt: skip

    report = graded_as_json(write(text), seed=3)

    lines = {f"{item['id']}.{case['id']}": case["line"] for item in report["criteria"] for case in item["cases"]}
    assert "observed" == report["submission"]["route"]
    assert (answer, step, step, whole) == tuple(
        lines[name]
        for name in ("forward.model", "sigmoid_derivative.used", "neuron_update.weights", "model_update.order")
    )
