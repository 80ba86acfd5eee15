"""Submissions that do not fit the template's calls are graded by watching their own training."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grader.core.limits import Limits
from grader.labs.xor.watched.finding import readings
from grader.labs.xor.watched.steps import drifts, fit_nonlinear
from grader.pipeline.assignment import DEFAULT_LAB
from grader.pipeline.grading import limits_for
from grader.sandbox.client import Worker
from grader.sandbox.loading import Program
from grader.sandbox.preload import BASE
from grader.sandbox.processes import Sandbox
from tests.support.command import PATIENT, graded_as_json
from tests.support.worker import operated

Write = Callable[..., Path]

LAYERS = """
import numpy as np

def sigmoid(z):
    return 1 / (1 + np.exp(-z))

class Network:
    def __init__(self):
        rng = np.random.default_rng()
        self.W1, self.b1 = rng.normal(size=(2, 2)), rng.normal(size=2)
        self.W2, self.b2 = rng.normal(size=2), float(rng.normal())

    def predict(self, x):
        self.x = np.array(x, dtype=float)
        self.h = sigmoid(self.W1 @ self.x + self.b1)
        self.y = sigmoid(self.W2 @ self.h + self.b2)
        return self.y

    def learn(self, x, target, rate):
        d = (target - self.y) * self.y * (1 - self.y)
        dh = d * self.W2 * self.h * (1 - self.h)
        self.W2 = self.W2 + rate * d * self.h
        self.b2 += rate * d
        self.W1 = self.W1 + rate * np.outer(dh, self.x)
        self.b1 = self.b1 + rate * dh

net = Network()
DATA = [((0, 0), 0), ((0, 1), 1), ((1, 0), 1), ((1, 1), 0)]

def main():
    for epoch in range(3000):
        for x, t in DATA:
            net.predict(x)
            net.learn(x, t, 0.5)

if __name__ == "__main__":
    main()
"""

BATCH = """
import numpy as np
X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
T = np.array([[0], [1], [1], [0]])
S = lambda z: 1 / (1 + np.exp(-z))
class Layer:
    def __init__(self, n, m):
        self.w, self.b = np.random.normal(size=(n, m)), np.random.normal(size=(1, m))
    def forward(self, x):
        self.x, self.y = x, S(x @ self.w + self.b)
        return self.y
    def backward(self, e):
        d = e * self.y * (1 - self.y)
        back = d @ self.w.T
        self.w = self.w + 0.5 * self.x.T @ d
        self.b = self.b + 0.5 * d.sum(0, keepdims=True)
        return back
class Net:
    def __init__(self):
        self.one, self.two = Layer(2, 2), Layer(2, 1)
    def go(self, x):
        return self.two.forward(self.one.forward(x))
net = Net()
for epoch in range(4000):
    e = T - net.go(X)
    net.one.backward(net.two.backward(e))
"""

FUNCTIONS = """
import math, random
w = [random.uniform(-1, 1) for _ in range(9)]
class Nothing: pass
def s(z): return 1 / (1 + math.exp(-z))
def forward(x1, x2):
    global h1, h2
    h1, h2 = s(w[0] * x1 + w[1] * x2 + w[2]), s(w[3] * x1 + w[4] * x2 + w[5])
    return s(w[6] * h1 + w[7] * h2 + w[8])
for epoch in range(4000):
    for x1, x2, t in ((0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 0)):
        y = forward(x1, x2)
        d = (t - y) * y * (1 - y)
        d1, d2 = d * w[6] * h1 * (1 - h1), d * w[7] * h2 * (1 - h2)
        for i, g in enumerate((d1 * x1, d1 * x2, d1, d2 * x1, d2 * x2, d2, d * h1, d * h2, d)):
            w[i] += 0.5 * g
"""

# The common article's form: train holds all formulas, and the method for the answer is only called to print.
ARTICLE = """
import numpy as np

def sigmoid(z): return 1 / (1 + np.exp(-z))
def slope(z): return sigmoid(z) * (1 - sigmoid(z))

class Net:
    def __init__(self):
        self.w, self.b = np.random.normal(size=(2, 2)), np.random.normal(size=2)
        self.v, self.c = np.random.normal(size=2), np.random.normal(size=1)

    def answer(self, x):
        return sigmoid(self.v @ sigmoid(self.w @ x + self.b) + self.c[0])

    def train(self, points, labels):
        for epoch in range(3000):
            for x, t in zip(points, labels):
                d = self.w @ x + self.b
                h = sigmoid(d)
                s = self.v @ h + self.c[0]
                y = sigmoid(s)
                e = 2 * (t - y) * slope(s)
                g = e * self.v * slope(d)
                self.v = self.v + 0.2 * e * h
                self.c = self.c + 0.2 * e
                self.w = self.w + 0.2 * np.outer(g, x)
                self.b = self.b + 0.2 * g
            if epoch % 100 == 0:
                print([self.answer(x) for x in points])

Net().train(np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), [0, 1, 1, 0])
"""


def variant(*edits: tuple[str, str], text: str = LAYERS) -> str:
    """Return a sample with lines replaced."""
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    return text


CALL = ("            net.predict(x)\n            net.learn(x, t, 0.5)", "            net.learn(x, t, 0.5)")
INLINE = ("        d = (target - self.y)", "        self.predict(x)\n        d = (target - self.y)")
ROUNDED = """        self.b1 = self.b1 + rate * dh
        self.W1, self.b1, self.W2, self.b2 = map(np.float32, (self.W1, self.b1, self.W2, self.b2))
"""

RIGHT = {
    "layers": LAYERS,
    "batch": BATCH,
    "functions": FUNCTIONS,
    "at_module_level": variant(('if __name__ == "__main__":\n    main()', "main()")),
    "forward_inside_the_step": variant(CALL, INLINE),
    "two_arguments": variant(("predict(self, x)", "predict(self, a, b)"), ("np.array(x,", "np.array([a, b],"), ("predict(x)", "predict(*x)")),
    "constant_one": variant(("np.array(x, dtype=float)", "np.array(x[1:], dtype=float)"), ("net.predict(x)", "net.predict((1,) + x)")),
    "lazy": variant(
        ("        rng = np", "        self.W1 = None\n\n    def start(self):\n        rng = np"),
        ("        self.x = np", "        if self.W1 is None:\n            self.start()\n        self.x = np"),
    ),
    "bound_methods": variant(("net = Network()", "net = Network()\nforward, step = net.predict, net.learn"), ("net.predict(x)", "forward(x)"), ("net.learn(", "step(")),
    "float32": variant(("        return self.y\n", "        return self.y\n"), ("        self.b1 = self.b1 + rate * dh\n", ROUNDED)),
    "tuple_returned": variant(("        return self.y\n", "        return self.h, self.y\n")),
    "slow": variant(("0.5)\n", "0.01)\n")),
    "few_epochs": variant(("range(3000)", "range(30)")),
    "a_rate_that_decays": variant(("range(3000):", "range(3000):\n        rate = 0.5 * 0.9999 ** epoch"), ("net.learn(x, t, 0.5)", "net.learn(x, t, rate)")),
    "prints_the_loss": variant(("        for x, t in DATA:", "        print(sum((net.predict(x) - t) ** 2 for x, t in DATA))\n        for x, t in DATA:")),
    "ends_in_an_exception": variant(("\n    main()\n", "\n    main()\n    1 / 0\n")),
    "ends_never": variant(("for epoch in range(3000):", "while True:")),
}  # fmt: skip

ENTROPY = (
    ("(target - self.y) * self.y * (1 - self.y)", "bce(target, self.y) and (target - self.y)"),
    ("class Network", "def bce(t, y):\n    return -np.log(y if t else 1 - y)\n\nclass Network"),
)
RIGHT["cross_entropy"] = variant(*ENTROPY)
RIGHT["article"] = ARTICLE
RIGHT["a_cache_beside_the_answer"] = variant(("        return self.y\n", "        return self.y, {'h': self.h}\n"))
RIGHT["a_dictionary_of_answers"] = variant(("        return self.y\n", "        return {'h': self.h, 'y': self.y}\n"))

MINOR = {
    "updated_output_weights": variant(
        ("        dh = d * self.W2", "        self.W2 = self.W2 + rate * d * self.h\n        dh = d * self.W2"),
        ("(1 - self.h)\n        self.W2 = self.W2 + rate * d * self.h\n", "(1 - self.h)\n"),
    ),
    "factor_two_compounded": variant(("dh = d *", "dh = 2 * d *")),
}

# What a mistake costs: cases that fail, and no other but those that depend on them and the training.
WRONG = {
    "hidden_derivative_missing": (variant((" * self.h * (1 - self.h)", "")), {"model_update.hidden_step"}),
    "output_derivative_missing": (variant((" * self.y * (1 - self.y)", "")), {"model_update.output_step"}),
    "derivative_missing": (variant((" * self.y * (1 - self.y)", ""), (" * self.h * (1 - self.h)", "")),
                           {"sigmoid_derivative.function", "sigmoid_derivative.used"}),
    "bias_frozen": (variant(("        self.b1 = self.b1 + rate * dh\n", ""), ("        self.b2 += rate * d\n", "")), {"neuron_update.bias"}),
    "output_bias_frozen": (variant(("        self.b2 += rate * d\n", "")), {"model_update.output_step"}),
    "rate_in_hidden_error": (variant(("dh = d *", "dh = rate * d *")), {"model_update.hidden_step"}),
    "weights_swapped": (variant(("d * self.W2 *", "d * self.W2[::-1] *")), {"model_update.hidden_step"}),
    "climbs": (variant(("(target - self.y)", "(self.y - target)")), {"xor.loss"}),
    "tanh": (
        variant(("return 1 / (1 + np.exp(-z))", "return np.tanh(z)"), ("self.y * (1 - self.y)", "(1 - self.y**2)"), ("self.h * (1 - self.h)", "(1 - self.h**2)")),
        {"forward.neuron", "forward.model"},
    ),
    "squares": (
        variant(("        d = (target - self.y) *", "        d = gap(target, self.y) *"), ("class Network", "def gap(t, y):\n    return (t - y) ** 2\n\nclass Network")),
        {"xor.loss"},
    ),
    "skips_zero": (variant(("            net.learn", "            if any(x): net.learn")), {"model_update.output_step", "xor.train"}),
    "batch_without_bias_step_and_hidden_sign": (
        variant(("        self.b = self.b + 0.5 * d.sum(0, keepdims=True)\n", ""), ("back = d @", "back = -d @"), text=BATCH),
        {"neuron_update.bias", "model_update.hidden_step"},
    ),
    "article_with_a_weight_for_both": (variant(("e * self.v *", "e * self.v[0] *"), text=ARTICLE), {"model_update.hidden_step"}),
    "article_without_bias_steps": (
        variant(("                self.c = self.c + 0.2 * e\n", ""), ("                self.b = self.b + 0.2 * g\n", ""), text=ARTICLE),
        {"neuron_update.bias"},
    ),
    "batch_without_bias_step": (variant(("        self.b = self.b + 0.5 * d.sum(0, keepdims=True)\n", ""), text=BATCH), {"neuron_update.bias"}),
}  # fmt: skip


ALSO = {"skips_zero"}


def some(names: Iterable[str]) -> list[Any]:
    """Return parameters for these samples; every fourteenth is in `make test`, and so are those without an equivalent."""
    return [
        name if number % 14 == 7 or name in ALSO else pytest.param(name, marks=pytest.mark.soak)
        for number, name in enumerate(names)
    ]


def cases(report: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {f"{item['id']}.{case['id']}": case for item in report["criteria"] for case in item["cases"]}


def graded(text: str, write: Write) -> dict[str, Any]:
    return graded_as_json(write(text), seed=3)


@pytest.mark.parametrize("name", some(RIGHT))
def test_right_work_is_right(name: str, write: Write) -> None:
    """Right steps get all points with any form of calls, and the report says how they were seen."""
    report = graded(RIGHT[name], write)

    assert [item for item, case in cases(report).items() if case["verdict"] != "passed"] == []
    assert (100, "observed") == (report["score"], report["submission"]["route"])
    assert "watched" in cases(report)["shapes.three_neurons"]["remarks"][0]["text"]


@pytest.mark.parametrize("name", some(MINOR))
def test_order_defects_are_minor(name: str, write: Write) -> None:
    """An order defect costs the case about the order and nothing else."""
    report = graded(MINOR[name], write)

    assert (95, "observed") == (report["score"], report["submission"]["route"])
    assert name == cases(report)["model_update.order"]["misconception"]


@pytest.mark.parametrize("name", some(WRONG))
def test_a_mistake_loses_points_once(name: str, write: Write) -> None:
    """A wrong step fails its own case, and the training that it spoils."""
    text, expected = WRONG[name]
    found = cases(graded(text, write))
    failed = {item for item, case in found.items() if case["verdict"] in ("failed", "error")}

    assert expected <= failed
    assert failed - expected <= {"xor.convergence", "xor.train"}
    assert not any(case["verdict"] == "not_gradable" for case in found.values())


@pytest.mark.wide
def test_targets_passed_instead_of_errors(write: Write, student_code: str) -> None:
    """A backward(x, label), which the template's call would drive wrongly, is judged by its own training."""
    text = student_code.replace(
        "def backward(self, x, err):", "def backward(self, x, label):\n        err = label - self.n3.y"
    )
    text = text.replace(
        "model.backward(x, loss(model.forward(x), label))", "model.forward(x)\n            model.backward(x, label)"
    )
    text += (
        "\nif __name__ == '__main__':\n    train(Model(), [((0, 0), 0), ((0, 1), 1), ((1, 0), 1), ((1, 1), 0)], 4000)\n"
    )

    report = graded(text, write)

    assert (100, "observed") == (report["score"], report["submission"]["route"])


def test_two_files_without_the_template_s_classes(write: Write, tmp_path: Path) -> None:
    """Of several files, the one that no other imports is the program."""
    classes, _, program = LAYERS.partition("net = Network()")
    (tmp_path / "lab").mkdir()
    write(classes, "lab/layers.py")
    write("from layers import Network\nnet = Network()" + program, "lab/start.py")

    report = graded_as_json(tmp_path / "lab", seed=3)

    assert (100, ["start.py", "layers.py"]) == (report["score"], report["submission"]["files"])


def test_the_template_s_calls_come_first(write: Write, student_code: str) -> None:
    """Steps that are wrong by the template's calls stay wrong if the program's training makes the same ones."""
    report = graded(student_code.replace("delta * self._weigths", "delta"), write)

    assert "contract" == report["submission"]["route"]


HOSTILE = {
    "no_profile": "import sys\nsys.setprofile(None)\nmain()\n",
    "endless": "if __name__ == '__main__':\n    while True: pass\n",
    "raises_first": "if __name__ == '__main__':\n    raise SystemExit\nmain()\n",
    "swallows": "while True:\n    try: main()\n    except BaseException: pass\n    if __name__ != '__main__': break\n",
    "many_objects": "net.parts = [Network() for _ in range(20000)]\nmain()\n",
    "no_copies": "def no(*_): raise KeyError\nNetwork.__deepcopy__ = no\nmain()\n",
    "forged": "import sys\n[lab for lab in sys.modules['grader_confined.worker'].operations.values() if lab][0]['record'] = lambda *_, **__: {'places': [], 'sites': [1], 'depths': []}\nmain()\n",
    "forged_numbers": "import sys\n[lab for lab in sys.modules['grader_confined.worker'].operations.values() if lab][0]['discover'] = lambda *_, **__: {'calls': [], 'layouts': [], 'problem': '', 'logs': False, 'classes': True, 'numbers': [1.0]}\nmain()\n",
    "huge": "net.W2 = net.W2 * 1e300\nmain()\n",
    "nan": "net.W2 = net.W2 * float('nan')\nmain()\n",
}


@pytest.mark.parametrize("name", some(HOSTILE))
def test_hostile_code_gets_a_report(name: str, write: Write) -> None:
    """The grade ends, and never as a fault of the grader."""
    path = write(LAYERS.partition("if __name__")[0] + HOSTILE[name])

    report = graded_as_json(path, seed=3, limits=limits_for(Limits(), 3))

    assert report["status"] in ("graded", "not_gradable")


LIES = {
    "table": ("        return self.y\n", "        return {(0, 0): 0.1, (0, 1): 0.9, (1, 0): 0.9, (1, 1): 0.1}.get(tuple(x), self.y)\n"),
    "solved": ("for epoch in range(3000):", "net.W1, net.b1 = np.array([[6.0, 6], [5, 5]]), np.array([-2.5, -7])\n    net.W2, net.b2 = np.array([8.0, -9]), -3.5\n    for epoch in range(20):"),
    "solved_at_the_end": ("    main()\n", "    for _ in range(9): [(net.predict(x), net.learn(x, t, 0.5)) for x, t in DATA]\n    net.W1, net.b1 = np.array([[6.0, 6], [5, 5]]), np.array([-2.5, -7])\n    net.W2, net.b2 = np.array([8.0, -9]), -3.5\n"),
    "frozen": ("rate * ", "0 * rate * "),
}  # fmt: skip


@pytest.mark.parametrize("name", some(LIES))
def test_faked_learning_has_no_full_score(name: str, write: Write) -> None:
    """Answers from a table, weights from elsewhere, steps without effect: never all points."""
    assert (graded(variant(LIES[name]), write)["score"] or 0) < 100


def test_the_worker_reports_calls_and_numbers() -> None:
    """`discover` lists calls, and `record` follows an object; where numbers are set, until these have changed often enough."""
    confined = DEFAULT_LAB / "confined" / "__init__.py"
    program = Program(file="network.py", text=LAYERS, operations=str(confined))
    with Sandbox(modules=BASE) as sandbox:
        sandbox.load_operations(confined)
        with Worker(sandbox, PATIENT, 1, program=program) as worker:
            found = operated(worker, "discover", settings={"seed": 1, "skipped": []})
            wanted = {
                "class": "Network",
                "object": 0,
                "method": "predict",
                "forward": "predict",
                "shapes": None,
                "inside": [],
                "taken": [],
                "changes": 640,
            }
            recorded = operated(worker, "record", settings={"seed": 1, "skipped": [], **wanted})
            start = recorded["before"][8] + 0.25
            lead = {"at": 8, "references": recorded["places"], "site": None, "depth": None, "changes": 3}
            led = operated(worker, "record", settings={"seed": 1, "skipped": [], **wanted, **lead}, start=start)

    assert "predict" in {call["method"] for call in found["calls"]}
    assert 0 < len(recorded["before"]) == len(recorded["passed"]) <= 160
    assert led["before"][0].tolist() == start.tolist()
    assert (np.diff(led["before"], axis=0) != 0).any(1).sum() == 3 < len(recorded["before"]) - len(led["before"])


@pytest.mark.parametrize(
    ("shapes", "values", "expected"),
    [
        ([[2]], [0, 1], [[0, 1]]),
        ([[1, 2], []], [0, 1, 1], [[0, 1]]),
        ([[], [], []], [0, 1, 1], [[0, 1]]),
        ([[3]], [1, 0, 1], [[1, 2]]),
        ([[0], [2]], [0, 1], [[0, 1]]),
        ([[4, 2]], [0, 0, 0, 1, 1, 0, 1, 1], [[0, 1], [2, 3], [4, 5], [6, 7]]),
        ([[2, 4]], [0, 0, 1, 1, 0, 1, 0, 1], [[0, 4], [1, 5], [2, 6], [3, 7]]),
    ],
)
def test_examples_are_read_from_arguments(
    shapes: list[list[int]], values: list[float], expected: list[list[int]]
) -> None:
    """A vector, a row, two numbers, a constant one, batches by rows and by columns."""
    assert expected == next(readings(shapes, np.array([values, values], dtype=float)))


def test_a_schedule_is_no_dependence_on_the_example() -> None:
    """A rate that decays steadily is a schedule, a rate that jumps with the example is not."""
    assert drifts(np.geomspace(0.5, 0.48, 40))
    assert not drifts(np.tile([0.5, 0.6, 0.5, 0.7], 10))


def test_the_rate_of_a_rule_that_is_not_linear_in_it() -> None:
    """The fit finds the rate of a step with a second-order part."""
    drawn = np.random.default_rng(1).normal(size=(2, 5, 3, 3))

    def step(rate: float) -> Any:
        return rate * drawn[0] + 0.1 * rate**2 * drawn[1]

    assert abs(fit_nonlinear(step, step(0.3))[0] - 0.3) < 1e-6
