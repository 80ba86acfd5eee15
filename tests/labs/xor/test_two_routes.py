"""Work that does not fit the template's calls is judged by its own training, with the right reasons."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.forms import batch, comparable, compared, functions, other_names
from tests.support.command import graded_as_json
from tests.support.contradictions import contradictions
from tests.support.mutants import (
    ARGUMENT,
    ARRAYS,
    BACK,
    BACKWARD,
    FIRST,
    LOSS,
    RETURN,
    SECOND,
    SLOPE,
    Edit,
    back,
    edited,
    loss,
    mutants,
)

Write = Callable[..., Path]

TRAIN = ARRAYS[ARRAYS.index("\n\ndef train") :]
LOSS_FUNCTION = f"def loss(y, label):\n{LOSS}\n\n"
XOR = "XOR = [((0, 0), 0), ((0, 1), 1), ((1, 0), 1), ((1, 1), 0)]\n"


def looped(body: str, edits: Edit = (), samples: str = XOR) -> str:
    """Return the text without its loss and train, with edits, and with a loop at the top level."""
    text = edited(ARRAYS, ((TRAIN, "\n\n"), (LOSS_FUNCTION, ""), *edits))
    lines = "".join(f"        {line}\n" for line in body.split("; "))
    return f"{text}{samples}model = Model()\nfor _ in range(3000):\n    for x, label in XOR:\n{lines}"


PLAIN = "y = model.forward(x); model.backward(x, label - y)"
WITHOUT_X: Edit = (
    (BACKWARD, "    def backward(self, loss, rate=LEARNING_RATE):\n        x = self.x\n"),
    (
        "        x = np.array(x, dtype=float)\n        self.d",
        "        x = self.x = np.array(x, dtype=float)\n        self.d",
    ),
    (BACK, BACK.replace("self.h, ", "")),
    (FIRST, FIRST.replace("x, ", "")),
    (SECOND, SECOND.replace("x, ", "")),
)
SWAPPED: Edit = (("    def backward(self, x, err):\n", "    def backward(self, err, x):\n"),)
UNUSED: Edit = ((SLOPE, "        slope = 1.0\n"),)
CLOSURES = """import numpy as np


def network(rate):
    w, b = np.random.normal(size=(2, 2)), np.zeros(2)
    v, c = np.random.normal(size=2), 0.0

    def sigmoid(d):
        return 1 / (1 + np.exp(-d))

    def answer(x):
        h = sigmoid(w @ x + b)
        return h, sigmoid(v @ h + c)

    def learn(x, t):
        nonlocal v, c
        h, y = answer(x)
        d = (t - y) * y * (1 - y)
        e = d * v * h * (1 - h)
        v, c = v + rate * d * h, c + rate * d
        w[:] += rate * np.outer(e, x)
        b[:] += rate * e

    return answer, learn


answer, learn = network(0.5)
for _ in range(4000):
    for x, t in zip(np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), (0, 1, 1, 0)):
        learn(x, t)
"""
LAYERED = """import numpy as np


class Net:
    def __init__(self, size=2):
        self.w, self.b = np.random.normal(size=(2, size)), np.random.normal(size=size)
        self.v, self.c = np.random.normal(size=size), np.random.normal(size=1)

    def sigmoid_derivative(self, y):
        return 1 - y

    def answer(self, x):
        self.h = HIDDEN(x @ self.w + self.b)
        self.y = 1 / (1 + np.exp(-(self.h @ self.v + self.c)))
        return self.y

    def learn(self, x, t):
        d = (t - self.y) * self.y * (1 - self.y)
        e = d[:, None] * self.v * SLOPE
        self.v = self.v + 0.3 * self.h.T @ d
        self.c = self.c + 0.3 * d.sum()
        self.w = self.w + 0.3 * x.T @ e
        self.b = self.b + 0.3 * e.sum(0)


X, T = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0, 1, 1, 0])
net = Net()
for _ in range(3000):
    net.answer(X)
    net.learn(X, T)
"""


def layered(
    hidden: str = "(lambda d: 1 / (1 + np.exp(-d)))", slope: str = "self.h * (1 - self.h)", **edits: str
) -> str:
    """Return the network of layers with an activation, and with words replaced."""
    text = LAYERED.replace("HIDDEN", hidden).replace("SLOPE", slope)
    for old, new in edits.items():
        text = text.replace(
            {
                "size": "Net()",
                "labels": "[0, 1, 1, 0]",
                "inputs": "X, T = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]])",
            }[old],
            new,
        )
    return text


KEPT: Edit = (
    ("        self.y = sigmoid(self.d)\n        return self.y\n", "        self.y = sigmoid(self.d)\n"),
    ("        self.h = np.array([self.n1.forward(x), self.n2.forward(x)])\n", "        self.n1.forward(x)\n        self.n2.forward(x)\n        self.h = np.array([self.n1.y, self.n2.y])\n"),
    (RETURN, "        self.n3.forward(self.h)\n        self.answer = self.n3.y\n"),
)  # fmt: skip
INSIDE = (
    LAYERED.replace("__init__(self, size=2)", "__init__(self, points, wanted, size=2)")
    .replace("        self.w,", "        self.points, self.wanted = points, wanted\n        self.w,")
    .replace("answer(self, x)", "run(self)")
    .replace("        return self.y\n", "")
    .replace("learn(self, x, t)", "learn(self)")
    .replace("(t - self.y)", "(self.wanted - self.y)")
    .replace("x @", "self.points @")
    .replace("x.T", "self.points.T")
    .replace("Net()", "Net(X, T)")
    .replace("answer(X)", "run()")
    .replace("learn(X, T)", "learn()")
)
SAMPLES = "samples:\n"
PAIRS = ("def train(model, samples, epochs):", "def train(model, X, Y, epochs):")
SQUARED = (LOSS, "    return np.mean((label - y) ** 2)\n")
OF_MODEL = (
    LOSS_FUNCTION,
    "def loss(model, points):\n    return sum((t - model.forward(x)) ** 2 for x, t in points)\n\n",
)
OWN_ERROR = ("err = loss(y, label)", "err = label - y")
PASSED = """import numpy as np


def answer(weights, x):
    h = 1 / (1 + np.exp(-(weights["w"] @ x + weights["b"])))
    return h, 1 / (1 + np.exp(-(weights["v"] @ h + weights["c"])))


def learned(weights, x, t):
    h, y = answer(weights, x)
    d = (t - y) * y * (1 - y)
    e = d * weights["v"] * h * (1 - h)
    steps = {"w": np.outer(e, x), "b": e, "v": d * h, "c": d}
    return {name: weights[name] + 0.4 * step for name, step in steps.items()}


weights = {"w": np.random.randn(2, 2), "b": np.random.randn(2), "v": np.random.randn(2), "c": np.random.randn(1)}
for _ in range(3000):
    for x, t in [((0, 0), 0), ((0, 1), 1), ((1, 0), 1), ((1, 1), 0)]:
        weights = learned(weights, np.array(x), t)
"""
ENTROPY = "(label - y) / (y * (1 - y))"

RIGHT = {
    "answer_in_an_attribute": looped("model.forward(x); model.backward(x, label - model.answer)", KEPT),
    "inputs_in_the_object": INSIDE.replace("HIDDEN", "(lambda d: 1 / (1 + np.exp(-d)))").replace("SLOPE", "self.h * (1 - self.h)"),
    "weights_as_arguments": PASSED,
    "loop_at_the_top": looped(PLAIN),
    "cross_entropy_in_loss": edited(ARRAYS, loss(ENTROPY)),
    "cross_entropy_in_batches": batch(edited(ARRAYS, loss(ENTROPY))),
    "loss_and_steps_turned": layered().replace("(t - self.y)", "(self.y - t)").replace("+ 0.3", "- 0.3"),
    "neuron_without_x": looped(PLAIN, WITHOUT_X),
    "swapped": looped("y = model.forward(x); model.backward(label - y, x)", SWAPPED),
    "soft_labels": looped("y = model.forward(x); model.backward(x, label - y)", SWAPPED, XOR.replace("), 0)", "), 0.1)").replace("), 1)", "), 0.9)")).replace("x, label - y", "label - y, x"),
    "soft_batch": layered(labels="[0.05, 0.95, 0.95, 0.05]"),
    "train_takes_inputs_and_labels": edited(ARRAYS, (PAIRS, (SAMPLES, "zip(X, Y):\n"), ("len(samples)", "len(X)"))) + "train(Model(), [(0, 0), (0, 1), (1, 0), (1, 1)], [0, 1, 1, 0], 3000)\n",
    "train_takes_rows": edited(ARRAYS, ((SAMPLES, "[(row[:2], row[2]) for row in samples]:\n"),)) + "train(Model(), np.array([[0, 0, 0], [0, 1, 1], [1, 0, 1], [1, 1, 0]]), 3000)\n",
    "loss_of_a_model": edited(ARRAYS, (OF_MODEL, OWN_ERROR)),
    "weights_in_closures": CLOSURES,
    "loss_is_only_printed": edited(ARRAYS, (SQUARED, OWN_ERROR)),
}  # fmt: skip

RECOMPUTED = edited(
    ARRAYS,
    (
        *ARGUMENT,
        (BACK, "        errors = err * self.n3._weigths\n"),
        (SECOND, SECOND + "        self.n3.backward([self.n1.forward(x), self.n2.forward(x)], err, 1.0)\n"),
    ),
)
UPDATED = edited(ARRAYS, (*ARGUMENT, *back("self.n3.backward(self.h, err, 1.0)", "errors = err * self.n3._weigths")))

# text, points, the mistake
WRONG = {
    "output_derivative_missing_and_outputs_recomputed": (RECOMPUTED, 89, "output_derivative_missing"),
    "output_derivative_missing_and_outputs_recomputed_watched": (other_names(RECOMPUTED), 89, "output_derivative_missing"),
    "output_derivative_missing_and_updated_weights": (UPDATED, 89, "output_derivative_missing"),
    "output_derivative_missing_and_updated_weights_watched": (other_names(UPDATED), 89, "output_derivative_missing"),
    "swapped_without_derivative": (looped("y = model.forward(x); model.backward(label - y, x)", (*SWAPPED, *UNUSED)), 82, "derivative_missing"),
    "climbs": (looped(PLAIN.replace("label - y", "y - label")), 90, "loss_sign"),
    "climbs_in_a_batch": (layered().replace("(t - self.y)", "(self.y - t)"), 90, "loss_sign"),
    "climbs_because_of_its_steps": (layered().replace("+ 0.3", "- 0.3"), 90, "loss_sign"),
    "output_frozen_in_a_batch": (layered().replace("self.v + 0.3", "self.v + 0.0").replace("self.c + 0.3", "self.c + 0.0"), 79, "output_frozen"),
    "output_derivative_missing": (looped(PLAIN, (*ARGUMENT, *back("errors = self.n3.backward(self.h, err, 1.0)"))), 89, "output_derivative_missing"),
    "rate_in_returned_errors_of_y_minus_label": (other_names(mutants()["rate_in_propagated_error.lists"].text(0.3)), 89, "rate_in_propagated_error"),
    "weights_as_arguments": (PASSED.replace("d * weights[\"v\"] * h", "d * h"), 76, "error_without_weight"),
    "zeros_in_a_batch": (layered().replace("np.random.normal(size=", "np.zeros(shape="), 97, "start_zeros"),
    "closures_without_hidden_derivative": (CLOSURES.replace(" * h * (1 - h)", ""), 76, "hidden_derivative_missing"),
    "relu": (layered("(lambda d: np.maximum(0, d))", "(self.h > 0)"), 85, "hidden_relu"),
}  # fmt: skip

REASONS = {
    "four_hidden": (layered(size="Net(4)"), "Your network has 4 hidden neurons; the lab requires 2."),
    "other_inputs": (layered(inputs="X, T = np.array([[-1.0, -1], [-1, 1], [1, -1], [1, 1]])"), "Your inputs are -1 and 1;"),
    "or": (layered(labels="[0, 1, 1, 1]"), "Your steps are correct for the labels 0, 1, 1, 1 of"),
    "no_label_is_1": (layered(labels="[0, 0, 0, 0]"), "Your steps are correct for the labels 0, 0, 0, 0 of"),
    "script": ("import numpy as np\nw = np.random.normal(size=9)\nfor _ in range(100):\n    w = w * 0.9\n", "Your program is a script without classes"),
    "class_beside": ("import numpy as np\n\n\nclass Options:\n    rate = 0.9\n\n\nw = np.random.normal(size=9)\nfor _ in range(100):\n    w = w * Options.rate\n", "The grader ran your program and saw none of its functions"),
    "divided": (functions(mutants()["derivative_divided"].text(0.3)), "After "),
    "nothing_behind": ("def guess(x):\n    return x[0] * 0.5\n\n\nfor _ in range(9):\n    for x in [(0, 0), (0, 1), (1, 0), (1, 1)]:\n        guess(x)\n", "guess takes numbers 0 and 1, but the grader did not find the weights"),
    "no_answer": ("def note(x):\n    print(x)\n\n\nfor _ in range(9):\n    for x in [(0, 0), (0, 1), (1, 0), (1, 1)]:\n        note(x)\n", "note takes numbers 0 and 1, but the grader did not find the network"),
    "stopped": ("def note(x):\n    print(x)\n\n\nfor _ in range(9):\n    note((0, 1))\n    missing\n", "Your program raised NameError"),
}  # fmt: skip


def some(names: dict[str, Any], *first: str) -> list[Any]:
    """Return parameters for these samples; the first ones are in `make test`."""
    return [name if name in first else pytest.param(name, marks=pytest.mark.soak) for name in names]


@pytest.mark.parametrize("name", some(RIGHT, "neuron_without_x"))
def test_right_work_is_right(name: str, write: Write) -> None:
    """A right network gets all points, however its program calls it."""
    report = graded_as_json(write(RIGHT[name]), seed=3)

    assert [] == contradictions(report, RIGHT[name])
    failed = [case for item in report["criteria"] for case in item["cases"] if case["verdict"] != "passed"]
    assert (100, []) == (report["score"], failed)


@pytest.mark.parametrize("name", some(WRONG))
def test_a_mistake_costs_the_same(name: str, write: Write) -> None:
    """A mistake costs the same points as in the template's form, and has the same name."""
    text, points, mistake = WRONG[name]

    report = graded_as_json(write(text), seed=3)

    assert [] == contradictions(report, text)
    named = {case["misconception"] for item in report["criteria"] for case in item["cases"]} - {None}
    assert (points, {mistake}) == (report["score"], named)


@pytest.mark.parametrize("name", some(REASONS, "four_hidden"))
def test_the_reason_is_the_reason(name: str, write: Write) -> None:
    """The reason of a submission that is not gradable says what was found."""
    text, reason = REASONS[name]

    report = graded_as_json(write(text), seed=3)

    assert [] == contradictions(report, text)
    said = {case["feedback"]["text"] for item in report["criteria"] for case in item["cases"] if case["feedback"]}
    assert "not_gradable" == report["status"]
    assert [item for item in said if item.startswith(reason)], said


@pytest.mark.parametrize("name", some(dict.fromkeys(comparable()), "derivative_missing"))
def test_equal_mistakes_cost_equal_points(name: str, tmp_path: Path) -> None:
    """A mistake costs the same, by the same name, in the template, under other names, with functions, and with batches where these make its steps."""
    found = compared(name, tmp_path)

    assert {"template", "names"} <= found.keys()
    assert None not in {points for points, _ in found.values()}, found
    assert 1 == len(set(found.values())), found
