"""Wrong rules lose points once, in their own criterion; conventions cost nothing.

Each entry is an edit of one correct submission, graded for real.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from grader.core.outcomes import Verdict
from grader.core.report import Report
from tests.support.command import graded

Edit = list[tuple[str, str]]

DELTA = "        delta = loss * sigmoid_derivative(self.y)\n"
ERRORS = "        errors = delta * self._weigths\n"
WEIGHTS = "        self._weigths = self._weigths + LEARNING_RATE * delta * np.array(x)\n"
BIAS = "        self.bias = self.bias + LEARNING_RATE * delta\n"
DOT = "np.dot(self._weigths, x) + self.bias"
BACK = "        e1, e2 = self.n3.backward(self.h, err)\n"
RETURN = "        return self.n3.forward(self.h)\n"
START = "        self._weigths = np.random.randn(n_inputs)\n        self.bias = np.random.randn()\n"
OUT = f"        self.y = sigmoid({DOT})\n"
STEP = "            model.backward(x, loss(model.forward(x), label))\n"
RENAMED = [("def sigmoid_derivative(y)", "def slope(y)"), ("sigmoid_derivative(self.y)", "slope(self.y)")]
SLOPE = "(err * self.n3.y * (1 - self.n3.y))"


def compose(errors: str, *, after: str = "") -> Edit:
    """Let the model compute the hidden errors itself."""
    return [(BACK, f"        e1, e2 = {errors}\n        self.n3.backward(self.h, err)\n{after}")]


# what was done: (the edit, the criteria that it costs, points lost; None: any number)
WRONG: dict[str, tuple[Edit, list[str], int | None]] = {
    # the neuron
    "bias_frozen": ([(BIAS, "")], ["neuron_update", "xor"], None),
    "bias_sign": ([(BIAS, BIAS.replace("+", "-"))], ["neuron_update", "xor"], None),
    "bias_no_rate": ([(BIAS, BIAS.replace("LEARNING_RATE", "0.1"))], ["neuron_update", "xor"], None),
    "bias_no_derivative": ([(BIAS, BIAS.replace("delta", "loss"))], ["neuron_update", "xor"], None),
    "no_input": ([(WEIGHTS, WEIGHTS.replace(" * np.array(x)", ""))], ["neuron_update", "xor"], None),
    "inputs_swapped": ([(WEIGHTS, WEIGHTS.replace("np.array(x)", "np.array(x)[::-1]"))], ["neuron_update", "xor"], None),
    "overwritten": ([(WEIGHTS, WEIGHTS.replace("self._weigths + ", ""))], ["neuron_update", "xor"], None),
    "weight_decay": ([(WEIGHTS, WEIGHTS.replace("self._weigths +", "0.98 * self._weigths +"))], ["neuron_update", "xor"], None),
    "error_ignored": ([(DELTA, DELTA.replace("loss", "np.sign(loss)"))], ["neuron_update"], None),
    "rounded": ([(BIAS, BIAS + "        self._weigths, self.bias = np.round(self._weigths, 2), round(self.bias, 2)\n")], ["neuron_update"], 8),
    "step_rounded": ([(WEIGHTS, WEIGHTS.replace("LEARNING_RATE * delta * np.array(x)", "np.round(LEARNING_RATE * delta * np.array(x), 2)"))], ["neuron_update"], 8),
    "all_overwritten": ([(WEIGHTS, WEIGHTS.replace("self._weigths + ", "")), (BIAS, BIAS.replace("self.bias + ", ""))], ["neuron_update", "xor"], 24),
    "multiplied": (
        [(WEIGHTS, WEIGHTS.replace("self._weigths + ", "self._weigths * (1 + ").replace("(x)\n", "(x))\n")), (BIAS, BIAS.replace("self.bias + ", "self.bias * (1 + ").replace("delta\n", "delta)\n"))],
        ["neuron_update", "xor"], 24,
    ),
    "still_with_right_errors": ([(WEIGHTS, ""), (BIAS, "")], ["neuron_update", "model_update", "xor"], 44),
    "only_positive_errors": ([(WEIGHTS, WEIGHTS.replace("delta", "max(delta, 0)")), (BIAS, BIAS.replace("delta", "max(delta, 0)"))], ["neuron_update", "xor"], None),
    "error_squared": ([(DELTA, DELTA.replace("loss", "loss * loss"))], ["neuron_update", "xor"], None),
    "weights_ignore_error": ([(WEIGHTS, WEIGHTS.replace("delta", "sigmoid_derivative(self.y)"))], ["neuron_update", "xor"], None),
    "small_errors_skipped": ([(DELTA, "        if abs(loss) < 0.05: return np.zeros(2)\n" + DELTA)], ["neuron_update"], None),
    "accumulated": (
        [("        self.y = 0.0\n", "        self.y = 0.0\n        self.g = 0.0\n"), (WEIGHTS, "        self.g = self.g + delta * np.array(x)\n" + WEIGHTS.replace("delta * np.array(x)", "self.g"))],
        ["neuron_update", "xor"], None,
    ),
    "returned_without_weight": ([(ERRORS, "        errors = delta * np.ones(2)\n")], ["neuron_update", "xor"], None),
    "returned_with_rate": ([(ERRORS, ERRORS.replace("delta", "LEARNING_RATE * delta"))], ["neuron_update"], 6),
    "returned_after_step": ([(ERRORS, ""), (BIAS, BIAS + ERRORS)], ["model_update"], 5),
    "returned_twice": ([(ERRORS, ERRORS.replace("delta", "2 * delta"))], ["model_update"], 5),
    # the derivative
    "derivative_missing": ([(DELTA, "        delta = loss\n")], ["sigmoid_derivative", "xor"], None),
    "derivative_of_output": ([(DELTA, DELTA.replace("(self.y)", "(sigmoid(self.y))"))], ["sigmoid_derivative", "xor"], None),
    # forward
    "minus_forgotten": ([("np.exp(-d)", "np.exp(d)")], ["forward", "xor"], None),
    "bias_after_sigmoid": ([(f"sigmoid({DOT})", "sigmoid(np.dot(self._weigths, x)) + self.bias")], ["forward", "xor"], None),
    "bias_not_added": ([(f"sigmoid({DOT})", "sigmoid(np.dot(self._weigths, x))")], ["shapes", "neuron_update", "xor"], None),
    # the network
    "hidden_without_weight": (compose(f"{SLOPE} * np.ones(2)"), ["model_update", "xor"], None),
    "hidden_without_slope": (compose("err * self.n3._weigths"), ["model_update"], 14),
    "hidden_with_rate": (compose(f"LEARNING_RATE * {SLOPE} * self.n3._weigths"), ["model_update"], 14),
    "hidden_sign": (compose(f"-{SLOPE} * self.n3._weigths"), ["model_update", "xor"], None),
    "hidden_frozen": ([("        self.n1.backward(x, e1)\n        self.n2.backward(x, e2)\n", "")], ["model_update", "xor"], None),
    "output_frozen": ([(BACK, f"        e1, e2 = {SLOPE} * self.n3._weigths\n")], ["model_update", "xor"], None),
    "output_sees_x": ([(RETURN, RETURN.replace("self.h", "x"))], ["shapes", "forward", "model_update", "xor"], None),
    "raw_x_in_output_step": ([(BACK, BACK.replace("self.h", "x"))], ["model_update", "xor"], None),
    "updated_weights": (
        [(BACK, f"        y = {SLOPE}\n        self.n3.backward(self.h, err)\n        e1, e2 = y * self.n3._weigths\n")],
        ["model_update"], 5,
    ),
    "hidden_first": (
        [(BACK, f"        e1, e2 = {SLOPE} * self.n3._weigths\n"),
         ("        self.n2.backward(x, e2)\n", "        self.n2.backward(x, e2)\n        self.n3.backward(np.array([self.n1.forward(x), self.n2.forward(x)]), err)\n")],
        ["model_update"], 5,
    ),
    "hidden_first_whole_forward": (
        [(BACK, f"        e1, e2 = {SLOPE} * self.n3._weigths\n"),
         ("        self.n2.backward(x, e2)\n", "        self.n2.backward(x, e2)\n        self.forward(x)\n        self.n3.backward(self.h, err)\n")],
        ["model_update"], 5,
    ),
    "hidden_twice_as_far": (compose(f"2 * {SLOPE} * self.n3._weigths"), ["model_update"], 5),
    "output_softmax": (
        [("\n\nclass Model", "\n\nclass Output(Neuron):\n    def forward(self, hidden):\n        d = super().forward(hidden)\n        self.y = np.exp(d) / np.sum(np.exp(d))\n        return self.y\n\n\nclass Model"), ("self.n3 = Neuron(2)", "self.n3 = Output(2)")],
        ["forward", "model_update", "xor"], 38,
    ),
    "all_softmax": ([("    return 1 / (1 + np.exp(-d))\n", "    return np.exp(d) / np.sum(np.exp(d))\n")], ["shapes", "forward", "sigmoid_derivative", "neuron_update", "model_update", "xor"], None),
    "constant_answer": ([(RETURN, "        return 0.5\n")], ["shapes", "forward", "model_update", "xor"], None),
    "whole_numbers": (
        [("np.random.randn(n_inputs)", "np.random.randint(-3, 4, n_inputs)"), (WEIGHTS, WEIGHTS.replace("self._weigths =", "self._weigths[:] ="))],
        ["model_update"], None,
    ),
    "one_neuron_twice": ([("self.n2 = Neuron(2)", "self.n2 = self.n1")], ["shapes", "forward", "model_update", "xor"], None),
    "shared_weights": (
        [("class Neuron:\n", "class Neuron:\n    _weigths = np.array([0.3, -0.5])\n\n"), ("        self._weigths = np.random.randn(n_inputs)\n", ""), (WEIGHTS, WEIGHTS.replace("self._weigths =", "self._weigths[:] ="))],
        ["shapes", "forward", "model_update", "xor"], None,
    ),
    # learning
    "loss_sign": ([("    return label - y\n", "    return y - label\n")], ["xor"], 10),
    "train_does_nothing": ([("            model.backward(x, loss(model.forward(x), label))\n", "            pass\n")], ["xor"], 5),
}  # fmt: skip

# the minor defects carry the name of their misconception into the report
NAMED = {
    "updated_weights": ["updated_output_weights"],
    "hidden_first": ["hidden_outputs_recomputed"],
    "hidden_first_whole_forward": ["hidden_first_forward_repeated"],
    "hidden_twice_as_far": ["factor_two_compounded"],
    "returned_after_step": ["updated_output_weights"],
    "returned_twice": ["factor_two_compounded"],
}

RIGHT: dict[str, Edit] = {
    "call_alias": [("    def backward(self, x, loss):", "    __call__ = forward\n\n    def backward(self, x, loss):"), ("self.n1.forward(x), self.n2.forward(x)", "self.n1(x), self.n2(x)")],
    "keyword_calls": [("self.n1.forward(x), self.n2.forward(x)", "self.n1.forward(x=x), self.n2.forward(x=x)")],
    "subclass": [("\n\nclass Model", "\n\nclass Output(Neuron):\n    def forward(self, hidden):\n        return super().forward(hidden)\n\n\nclass Model"), ("self.n3 = Neuron(2)", "self.n3 = Output(2)")],
    "whole_number_start": [("np.random.randn(n_inputs)", "np.random.randint(-4, 5, n_inputs)")],
    "start_kept_beside": [("        self._weigths = np.random.randn(n_inputs)\n", "        self.start = np.random.randn(n_inputs)\n        self._weigths = self.start\n")],
    "bias_input": [("        self._weigths = np.random", "        self.one = 1.0\n        self._weigths = np.random"), (DOT, "np.dot(self._weigths, x) + self.bias * self.one")],
    "large_start": [("np.random.randn(n_inputs)", "10 * np.random.randn(n_inputs)")],
    "matrix": [("np.random.randn(n_inputs)", "np.asmatrix(np.random.randn(n_inputs))"), (DOT, "(self._weigths @ np.array(x)).item() + self.bias"), (ERRORS, "        errors = delta * np.asarray(self._weigths)[0]\n")],
    "list_output": [(RETURN, "        return [self.n3.forward(self.h)]\n"), ("    return label - y\n", "    return label - y[0]\n"), (BACK, BACK.replace("err", "float(err)"))],
    "clipped": [(DELTA, DELTA + "        delta = np.clip(delta, -1, 1)\n")],
    "bias_becomes_array": [(BIAS, "        self.bias = self.bias + LEARNING_RATE * np.array([delta])\n"), ("self.y = sigmoid(" + DOT + ")", "self.y = float(np.ravel(sigmoid(" + DOT + "))[0])")],
    "dict_of_neurons": [("        self.n1 = Neuron(2)\n        self.n2 = Neuron(2)\n        self.n3 = Neuron(2)\n", "        self.net = {'a': Neuron(2), 'b': Neuron(2), 'c': Neuron(2)}\n"), ("self.n1", "self.net['a']"), ("self.n2", "self.net['b']"), ("self.n3", "self.net['c']")],
    "slots": [("class Neuron:\n", "class Neuron:\n    __slots__ = ('_weigths', 'bias', 'y')\n\n")],
    "names_bound_to_lists": [("\n\ndef train", "\n\nlosses, errors, outputs = [], [0.1], []\n\n\ndef train")],
    "tuple_input": [("        self.h = ", "        assert isinstance(x, tuple)\n        self.h = ")],
    "class_bias": [("class Neuron:\n", "class Neuron:\n    bias = 0.25\n\n"), ("        self.bias = np.random.randn()\n", "")],
    "minus_one_input": [
        ("Neuron(2)", "Neuron(3)"), (DOT, "np.dot(self._weigths, x)"), (BIAS, ""), ("        self.bias = np.random.randn()\n", ""),
        ("        self.h = np.array([self.n1.forward(x), self.n2.forward(x)])\n", "        x = np.append(x, -1.0)\n        self.h = np.append([self.n1.forward(x), self.n2.forward(x)], -1.0)\n"),
        (BACK, "        x = np.append(x, -1.0)\n        e1, e2, _ = self.n3.backward(self.h, err)\n"),
    ],
    "large_error_refused": [(DELTA, "        assert abs(loss) <= 1\n" + DELTA)],
    "names_rebound": [("    return [0.0] * epochs\n", "    return [0.0] * epochs\n\n\ntrain = train(Model(), [], 0)\nloss = [0.5]\n")],
    "deque": [
        ("import numpy as np\n", "import collections\nimport numpy as np\n"),
        ("self._weigths = np.random.randn(n_inputs)", "self._weigths = collections.deque(np.random.randn(n_inputs))"),
        (WEIGHTS, WEIGHTS.replace("= self._weigths + LEARNING_RATE * delta * np.array(x)", "= collections.deque(np.array(self._weigths) + LEARNING_RATE * delta * np.array(x))")),
        (ERRORS, ERRORS.replace("self._weigths", "np.array(self._weigths)")),
    ],
    "fast_and_shuffled": [
        ("LEARNING_RATE = 0.5", "LEARNING_RATE = 20"),
        ("        for x, label in samples:\n", "        for x, label in [samples[i] for i in np.random.permutation(len(samples))]:\n"),
    ],
    "rate_10": [("LEARNING_RATE = 0.5", "LEARNING_RATE = 10")],
    "rate_0.01": [("LEARNING_RATE = 0.5", "LEARNING_RATE = 0.01")],
}  # fmt: skip

# what was done, perhaps several things at once: (the edit, the score, None: any, what is said among others)
SAID: dict[str, tuple[Edit, int | None, set[str]]] = {
    "zeros_and_input_changed": (
        [(START, "        self._weigths = np.zeros(n_inputs)\n        self.bias = 0.0\n"), (OUT, OUT + "        if isinstance(x, np.ndarray): x += 0.01\n")],
        None,
        {"forward changes its input.", "All neurons of a new model are equal ({value}): they stay equal, and XOR is never learned."},
    ),
    "rounded_and_counted": (
        [(BIAS, BIAS + "        self._weigths = np.round(self._weigths, 2)\n"), (OUT, f"        self.n = getattr(self, 'n', 0) + 1\n        self.y = 1e-6 * self.n + sigmoid({DOT})\n")],
        71,
        {"forward returns a different answer for the same input when called again.", "The weights are rounded to {digits} digits after each step: small steps are lost."},
    ),
    "forward_moves_weights": ([(RETURN, "        self.n1._weigths = self.n1._weigths * 1.001\n" + RETURN)], 65, {"forward changes the weights."}),
    "right_in_another_way": (
        [*RENAMED, (START, "        self._weigths = np.full(n_inputs, 0.01)\n        self.bias = 0.001 * np.random.randn()\n"), (ERRORS, ""), ("        return errors\n", ""), *compose(f"{SLOPE} * self.n3._weigths"), ("    return [0.0] * epochs\n", "")],
        100,
        {
            "All starting weights are equal and only the biases differ; draw each weight separately instead.",
            "All starting weights are tiny, so learning may never start. Values up to about 1 work well.",
            "Your program has no function sigmoid_derivative outside its classes; the derivative used in the steps was graded instead.",
            "backward does not return the errors of its inputs; the model computes them itself.",
            "train should return the loss of each epoch: {epochs} numbers. It returned: {count}.",
        },
    ),
    "another_slope_and_three_errors": (
        [*RENAMED, ("    return y * (1 - y)\n", "    return y**1.5\n"), ("        return errors\n", "        return np.append(errors, 0.0)\n"), (BACK, BACK.replace("e1, e2", "e1, e2, _"))],
        69,
        {"The steps of Neuron.backward do not follow y (1 - y): scaled to fit it best, the factor at y = {y} is {got} instead of {wanted}.", "backward returns {count} numbers; there are two inputs."},
    ),
    "xor_written_into_train": ([(STEP, STEP.replace("label", "float(x[0] != x[1])"))], 95, {"train teaches XOR, but does not teach the opposite labels when the samples have them."}),
    "nothing_returned": ([("        return errors\n", "")], 64, {"backward does not return the error of each input."}),
    "nothing_called": ([(BACK, "        pass\n"), ("        self.n1.backward(x, e1)\n        self.n2.backward(x, e2)\n", "")], 70, {"Model.backward changes none of the three neurons."}),
    "slow_and_alike": (
        [
            ("LEARNING_RATE = 0.5", "LEARNING_RATE = 1e-5"), ("np.exp(-d)", "np.exp(-np.clip(d, -12, 12))"), ("    return y * (1 - y)\n", "    return sigmoid(y) * (1 - sigmoid(y))\n"),
            (OUT, f"        self.d = {DOT}\n        self.y = sigmoid(self.d)\n"), ("sigmoid_derivative(self.y)", "sigmoid_derivative(self.d)"),
            ("        self.n1 = Neuron(2)\n        self.n2 = Neuron(2)\n", "        np.random.seed(1)\n        self.n1 = Neuron(2)\n        np.random.seed(1)\n        self.n2 = Neuron(2)\n"),
        ],
        100,
        {
            "Both hidden neurons start with the same weights; draw each weight separately instead.",
            "Every model starts with the same weights; when a training run gets stuck, a new model will not help.",
            "For sums of -800 and 800 the sigmoid should be 0 and 1.",
            "sigmoid_derivative takes the sum d, not the output y; call it with d, never with y.",
            "Your learning rate is too small for a full training here: {rate} per step. Only one epoch was run.",
        },
    ),
    "delta_returned": (
        [("import numpy as np\n", "import math\n\nimport numpy as np\n"), ("np.exp(-d)", "math.exp(-d)"), ("        return errors\n", "        return delta\n"), (BACK, f"        before = self.n3._weigths.copy()\n{BACK.rstrip()} * before\n")],
        100,
        {"For a very large negative sum: {problem}", "backward returns its delta; the model multiplies it by the weights."},
    ),
    "slope_in_the_model": (
        [(DELTA, "        delta = loss\n"), (BACK, f"        err = err * sigmoid_derivative(self.n3.y)\n{BACK}        e1, e2 = e1 * sigmoid_derivative(self.n1.y), e2 * sigmoid_derivative(self.n2.y)\n")],
        100,
        {"Your Neuron.backward takes an error that the model has already multiplied by the derivative."},
    ),
    "returned_after_step": ([(ERRORS, ""), (BIAS, BIAS + ERRORS)], 95, {"These errors contain the mistake in the network's step; it costs points only there."}),
    "truncated": ([(BIAS, BIAS + "        self._weigths = np.trunc(self._weigths)\n")], 82, {"The weights stay integers: every step loses its fraction."}),
    "derivative_negated_everywhere": (
        [("    return y * (1 - y)\n", "    return y * (y - 1)\n"), (WEIGHTS, WEIGHTS.replace("+ LEARN", "- LEARN")), (BIAS, BIAS.replace("+ LEARN", "- LEARN")), ("        return errors\n", "        return -errors\n")],
        85,
        {"Neuron.backward uses y (y - 1): the derivative with the wrong sign."},
    ),
    "no_bias": ([(" + self.bias)", ")"), (BIAS, "")], 81, {"There is no bias in: {neurons}. The output depends only on the inputs."}),
}  # fmt: skip


def some(parts: int, wide: set[int]) -> list[Any]:
    """Return parameters for these parts; the first is in `make test`, these in `make coverage`."""
    marks = [pytest.mark.wide if part in wide else pytest.mark.soak for part in range(1, parts)]
    return [0, *(pytest.param(part, marks=mark) for part, mark in enumerate(marks, start=1))]


def reports(code: str, edits: dict[str, Edit], folder: Path) -> dict[str, Report]:
    """Grade every edit of the code and return the reports by name."""
    found = {}
    for name, edit in edits.items():
        text = code
        for old, new in edit:
            assert old in text, (name, old)
            text = text.replace(old, new)
        path = folder / f"{name}.py"
        path.write_text(text, encoding="utf-8")
        found[name] = graded(path, seed=3)
    return found


def missed(report: Report) -> list[str]:
    return [criterion.id for criterion in report.criteria if criterion.verdict is not Verdict.PASSED]


@pytest.mark.parametrize("part", some(24, wide={7, 10, 19, 22}))
def test_wrong_rules(part: int, student_code: str, tmp_path: Path) -> None:
    """Every wrong rule loses points in its own criteria and in no other."""
    names = sorted(WRONG)[part::24]

    found = reports(student_code, {name: WRONG[name][0] for name in names}, tmp_path)

    assert {name: missed(found[name]) for name in names} == {name: WRONG[name][1] for name in names}
    lost = {name: 100 - (found[name].score or 0) for name in names}
    assert lost == {name: lost[name] if WRONG[name][2] is None else WRONG[name][2] for name in names}
    assert 0 not in lost.values()
    for name in {*names} & {*NAMED}:
        assert {criterion.misconception for criterion in found[name].criteria} - {None} == {*NAMED[name]}


@pytest.mark.parametrize("part", some(12, wide={1, 7}))
def test_conventions_cost_nothing(part: int, student_code: str, tmp_path: Path) -> None:
    """Ways to store, call and start a right network do not matter."""
    names = sorted(RIGHT)[part::12]

    found = reports(student_code, {name: RIGHT[name] for name in names}, tmp_path)

    assert {name: (100, []) for name in names} == {name: (item.score, missed(item)) for name, item in found.items()}


@pytest.mark.parametrize(
    "name", [name if number < 1 else pytest.param(name, marks=pytest.mark.wide) for number, name in enumerate(SAID)]
)
def test_sentences_of_several_mistakes(name: str, student_code: str, tmp_path: Path) -> None:
    """Mistakes of different criteria in one submission have a sentence each."""
    edit, score, sentences = SAID[name]

    report = reports(student_code, {name: edit}, tmp_path)[name]

    said = [
        remark for criterion in report.criteria for case in criterion.cases for remark in (case.feedback, *case.remarks)
    ]
    assert score in (report.score, None)
    assert sentences <= {item.id for item in said if item is not None}
