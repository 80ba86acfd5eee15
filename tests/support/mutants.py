"""Every mistake of the bank as a runnable submission, written the way a student makes it.

A mutant is a list of edits of one of two correct texts; nothing here uses the grader's formulas.
`behaviour` runs a text in this process and is for texts of this module only.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from itertools import combinations, islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Edit = tuple[tuple[str, str], ...]

RATES = (0.07, 0.3, 1.7)

ARRAYS = """import numpy as np

LEARNING_RATE = 0.3


def sigmoid(d):
    return 1 / (1 + np.exp(-d))


def sigmoid_derivative(y):
    return y * (1 - y)


def loss(y, label):
    return label - y


class Neuron:
    def __init__(self, n_inputs):
        self._weigths = np.random.uniform(-1, 1, n_inputs)
        self.bias = np.random.uniform(-1, 1)

    def forward(self, x):
        x = np.array(x, dtype=float)
        self.d = np.dot(self._weigths, x) + self.bias
        self.y = sigmoid(self.d)
        return self.y

    def backward(self, x, loss):
        x = np.array(x, dtype=float)
        slope = sigmoid_derivative(self.y)
        delta = loss * slope
        errors = delta * self._weigths
        self._weigths = self._weigths + LEARNING_RATE * delta * x
        self.bias = self.bias + LEARNING_RATE * delta
        return errors


class Model:
    def __init__(self):
        self.n1 = Neuron(2)
        self.n2 = Neuron(2)
        self.n3 = Neuron(2)

    def forward(self, x):
        self.h = np.array([self.n1.forward(x), self.n2.forward(x)])
        return self.n3.forward(self.h)

    def backward(self, x, err):
        errors = self.n3.backward(self.h, err)
        self.n1.backward(x, errors[0])
        self.n2.backward(x, errors[1])


def train(model, samples, epochs):
    history = []
    for _ in range(epochs):
        total = 0
        for x, label in samples:
            y = model.forward(x)
            err = loss(y, label)
            model.backward(x, err)
            total += (label - y) ** 2
        history.append(total / len(samples))
    return history
"""

# Lists, the bias last among the weights, y - label and -=.
LISTS = '''import math
import random

LEARNING_RATE = 0.3


def sigmoid(d):
    return 1 / (1 + math.exp(-d))


def sigmoid_derivative(y):
    return y * (1 - y)


def loss(y, label):
    return y - label


class Neuron:
    """Нейрон: веса входов и последним - смещение."""

    def __init__(self, n_inputs):
        self._weigths = [random.uniform(-1, 1) for _ in range(n_inputs + 1)]

    def forward(self, x):
        self.inputs = [float(x[0]), float(x[1]), 1.0]
        self.sum = sum(w * i for w, i in zip(self._weigths, self.inputs))
        self.out = sigmoid(self.sum)
        return self.out

    def backward(self, x, loss):
        grad = loss * sigmoid_derivative(self.out)
        back = [grad * w for w in self._weigths[:2]]
        for i in range(len(self._weigths)):
            self._weigths[i] -= LEARNING_RATE * grad * self.inputs[i]
        return back


class Model:
    def __init__(self):
        self.hidden = [Neuron(2), Neuron(2)]
        self.output = Neuron(2)

    def forward(self, x):
        self.h = [neuron.forward(x) for neuron in self.hidden]
        return self.output.forward(self.h)

    def backward(self, x, err):
        back = self.output.backward(self.h, err)
        for i, neuron in enumerate(self.hidden):
            neuron.backward(x, back[i])


def train(model, samples, epochs):
    history = []
    for epoch in range(epochs):
        total = 0
        for x, label in samples:
            y = model.forward(x)
            err = loss(y, label)
            model.backward(x, err)
            total += err * err
        history.append(total / 4)
    return history
'''

# --- lines of ARRAYS ----------------------------------------------------------------------------

SIGMOID = "    return 1 / (1 + np.exp(-d))\n"
FUNCTION = "    return y * (1 - y)\n"
LOSS = "    return label - y\n"
INIT = "    def __init__(self, n_inputs):\n"
START_WEIGHTS = "        self._weigths = np.random.uniform(-1, 1, n_inputs)\n"
START_BIAS = "        self.bias = np.random.uniform(-1, 1)\n"
SUM = "        self.d = np.dot(self._weigths, x) + self.bias\n"
OUT = "        self.y = sigmoid(self.d)\n"
ANSWER = "        return self.y\n"
BACKWARD = "    def backward(self, x, loss):\n"
SLOPE = "        slope = sigmoid_derivative(self.y)\n"
DELTA = "        delta = loss * slope\n"
ERRORS = "        errors = delta * self._weigths\n"
WEIGHTS = "        self._weigths = self._weigths + LEARNING_RATE * delta * x\n"
BIAS = "        self.bias = self.bias + LEARNING_RATE * delta\n"
END = "        return errors\n"
MAKE = tuple(f"        self.n{index} = Neuron(2)\n" for index in (1, 2, 3))
RETURN = "        return self.n3.forward(self.h)\n"
BACK = "        errors = self.n3.backward(self.h, err)\n"
FIRST = "        self.n1.backward(x, errors[0])\n"
SECOND = "        self.n2.backward(x, errors[1])\n"
STEP = "LEARNING_RATE * delta"
OWN_DELTA = "        delta = err * sigmoid_derivative(self.n3.y)\n"
OWN_ERRORS = OWN_DELTA + "        errors = delta * self.n3._weigths\n"


def weights(step: str) -> Edit:
    """Let the weights move by another step."""
    return ((WEIGHTS, f"        self._weigths = self._weigths + {step}\n"),)


def bias(step: str) -> Edit:
    """Let the bias move by another step."""
    return ((BIAS, f"        self.bias = self.bias + {step}\n"),)


def errors(value: str) -> Edit:
    """Return other errors from Neuron.backward."""
    return ((ERRORS, f"        errors = {value}\n"),)


def slope(value: str) -> Edit:
    """Use another derivative in Neuron.backward."""
    return ((SLOPE, f"        slope = {value}\n"),)


def function(value: str) -> Edit:
    """Let the function sigmoid_derivative return something else."""
    return ((FUNCTION, f"    return {value}\n"),)


def delta(value: str) -> Edit:
    """Make the neuron's delta of something else."""
    return ((DELTA, f"        delta = {value}\n"),)


def output(value: str) -> Edit:
    """Let the neuron answer with something else."""
    return ((OUT, f"        self.y = {value}\n"),)


def summed(value: str) -> Edit:
    """Join inputs and weights in another way."""
    return ((SUM, f"        self.d = {value}\n"),)


def loss(value: str) -> Edit:
    """Let the loss be something else."""
    return ((LOSS, f"    return {value}\n"),)


def sigmoid(value: str, derivative: str = "") -> Edit:
    """Use another activation, with its own derivative if there is one."""
    return ((SIGMOID, f"    return {value}\n"), *(function(derivative) if derivative else ()))


def hidden(first: str, second: str = "") -> Edit:
    """Give other arguments to the backward of the hidden neurons; "0" and "1" of the first are swapped for the second."""
    second = second or first.translate(str.maketrans("01", "10"))
    return ((FIRST, f"        self.n1.backward({first})\n"), (SECOND, f"        self.n2.backward({second})\n"))


def back(*lines: str) -> Edit:
    """Put other lines where Model.backward steps the output neuron."""
    return ((BACK, "".join(f"        {line}\n" for line in lines)),)


def composed(value: str) -> Edit:
    """Let the model work out the hidden errors before the output neuron moves."""
    return ((BACK, OWN_DELTA + f"        errors = {value}\n        self.n3.backward(self.h, err)\n"),)


def guarded(condition: str) -> Edit:
    """Step only under a condition."""
    return ((WEIGHTS, f"        if {condition}:\n    {WEIGHTS}"), (BIAS, f"        if {condition}:\n    {BIAS}"))


def layer(which: Iterable[int], name: str, value: str, derivative: str) -> Edit:
    """Give some of the three neurons another activation."""
    return (
        (INIT, '    def __init__(self, n_inputs, kind="sigmoid"):\n        self.kind = kind\n'),
        (OUT, f'        self.y = {value} if self.kind == "{name}" else sigmoid(self.d)\n'),
        (SLOPE, f'        slope = {derivative} if self.kind == "{name}" else sigmoid_derivative(self.y)\n'),
        *((MAKE[index], MAKE[index].replace("(2)", f'(2, "{name}")')) for index in which),
    )


ARGUMENT: Edit = (
    (BACKWARD, "    def backward(self, x, loss, slope=None):\n"),
    (SLOPE, f"        if slope is None:\n    {SLOPE}"),
)
FIXED_BIAS: Edit = (
    (BACKWARD, "    def backward(self, x, loss, with_bias=True):\n"),
    (BIAS, f"        if with_bias:\n    {BIAS}"),
)
ACCUMULATED: Edit = (
    (START_BIAS, START_BIAS + "        self.gw = np.zeros(n_inputs)\n        self.gb = 0.0\n"),
    (WEIGHTS, "        self.gw += delta * x\n        self._weigths = self._weigths + LEARNING_RATE * self.gw\n"),
    (BIAS, "        self.gb += delta\n        self.bias = self.bias + LEARNING_RATE * self.gb\n"),
)
ROUNDED = BIAS + "        self._weigths = np.round(self._weigths, 2)\n        self.bias = round(self.bias, 2)\n"
TRUNCATED = BIAS + "        self._weigths = np.array([int(w) for w in self._weigths], dtype=float)\n"
NORMALISED = BIAS + "        self._weigths = self._weigths / np.linalg.norm(self._weigths)\n"
PREVIOUS: Edit = (
    (START_BIAS, START_BIAS + "        self.now = np.zeros(n_inputs)\n"),
    (SUM, "        self.last, self.now = self.now, x\n" + SUM),
    (WEIGHTS, WEIGHTS.replace("delta * x", "delta * self.last")),
)
STALE: Edit = (
    (START_BIAS, START_BIAS + "        self.kept = None\n"),
    (ANSWER, "        if self.kept is None:\n            self.kept = self.y\n" + ANSWER),
    *slope("sigmoid_derivative(self.kept)"),
)
WEIGHT_SUM = "np.sum(self._weigths)"
SOLVED = "        for n, w, b in ((self.n1, [8.0, 8.0], -4.0), (self.n2, [8.0, 8.0], -12.0), (self.n3, [10.0, -10.0], -5.0)):\n            n._weigths, n.bias = np.array(w), b\n"

RATED: Edit = (
    (
        INIT,
        "    def __init__(self, n_inputs, learning_rate=LEARNING_RATE):\n        self.learning_rate = learning_rate\n",
    ),
    (WEIGHTS, WEIGHTS.replace("LEARNING_RATE", "self.learning_rate")),
    (BIAS, BIAS.replace("LEARNING_RATE", "self.learning_rate")),
    ("    def __init__(self):\n", "    def __init__(self, learning_rate=LEARNING_RATE):\n"),
    *((line, line.replace("(2)", "(2, learning_rate)")) for line in MAKE),
)


def rated(rate: str) -> Edit:
    """Take the rate as an argument of the constructors, and use it wrongly."""
    return tuple((old, new.replace("self.learning_rate *", f"{rate} *")) for old, new in RATED)


# A form after the dot is another text for the same mistake.
EDITS: dict[str, Edit] = {
    # forward
    "tanh_activation": sigmoid("np.tanh(d)", "1 - y**2"),
    "tanh_activation.sigmoid_slope": sigmoid("np.tanh(d)"),
    "relu_activation": sigmoid("np.maximum(0.0, d)", "1.0 * (y > 0)"),
    "linear_activation": sigmoid("d", "1.0"),
    "sigmoid_without_minus": sigmoid("1 / (1 + np.exp(d))"),
    "sigmoid_precedence": sigmoid("1 / 1 + np.exp(-d)"),
    "sigmoid_twice": output("sigmoid(sigmoid(self.d))"),
    "weighted_mean": summed("np.mean(self._weigths * x) + self.bias"),
    "product_of_terms": summed("np.prod(self._weigths * x) + self.bias"),
    "sigmoid_of_each_term": output("sum(sigmoid(w * i) for w, i in zip(self._weigths, x)) + self.bias"),
    "forward_inputs_swapped": summed("self._weigths[0] * x[1] + self._weigths[1] * x[0] + self.bias"),
    "bias_after_sigmoid": (
        (SUM, "        self.d = np.dot(self._weigths, x)\n"),
        *output("sigmoid(self.d) + self.bias"),
    ),
    "output_rounded": output("round(float(sigmoid(self.d)), 2)"),
    "output_thresholded": output("1.0 if sigmoid(self.d) > 0.5 else 0.0"),
    "output_thresholded.kept": ((ANSWER, "        return 1.0 if self.y > 0.5 else 0.0\n"),),
    "answer_rounded": ((RETURN, "        return round(float(self.n3.forward(self.h)), 2)\n"),),
    "answer_thresholded": ((RETURN, "        return 1 if self.n3.forward(self.h) > 0.5 else 0\n"),),
    "bias_missing": ((START_BIAS, ""), (SUM, SUM.replace(" + self.bias", "")), (BIAS, "")),
    "bias_subtracted": (
        (SUM, SUM.replace("+ self.bias", "- self.bias")),
        (BIAS, BIAS.replace("self.bias +", "self.bias -")),
    ),
    "absolute_sum": summed("abs(np.dot(self._weigths, x) + self.bias)"),
    "weights_added": summed("np.sum(self._weigths + x) + self.bias"),
    "weights_squared": summed("np.dot(self._weigths**2, x) + self.bias"),
    "sigmoid_of_double": output("sigmoid(2 * self.d)"),
    "exponential_only": sigmoid("np.exp(-d)"),
    "output_linear": layer([2], "linear", "self.d", "1.0"),
    "hidden_linear": layer([0, 1], "linear", "self.d", "1.0"),
    "hidden_tanh": layer([0, 1], "tanh", "np.tanh(self.d)", "1 - self.y**2"),
    "hidden_relu": layer([0, 1], "relu", "max(0.0, self.d)", "float(self.d > 0)"),
    # derivative
    "derivative_missing": delta("loss"),
    "derivative_missing.constant": slope("0.25"),
    "derivative_missing.function": function("1.0"),
    "derivative_of_output": slope("sigmoid_derivative(sigmoid(self.y))"),
    "derivative_of_output.function": function("sigmoid(y) * (1 - sigmoid(y))"),
    "derivative_at_sum": slope("sigmoid_derivative(self.d)"),
    "derivative_plus": function("y * (1 + y)"),
    "derivative_is_output": slope("self.y"),
    "derivative_is_complement": function("1 - y"),
    "derivative_of_tanh": function("1 - y**2"),
    "derivative_negated": function("y * (y - 1)"),
    "derivative_negated.used": slope("-sigmoid_derivative(self.y)"),
    "derivative_output_squared": function("y**2 * (1 - y)"),
    "derivative_complement_squared": slope("self.y * (1 - self.y) ** 2"),
    "derivative_twice": delta("loss * slope * sigmoid_derivative(self.y)"),
    "derivative_of_relu": slope("1.0 if self.d > 0 else 0.0"),
    "derivative_divided": delta("loss / slope"),
    "derivative_one_minus_two_y": function("1 - 2 * y"),
    "derivative_at_input": slope("sigmoid_derivative(x)") + bias("LEARNING_RATE * loss * sigmoid_derivative(self.y)"),
    "sigmoid_derivative_at_input": slope("sigmoid(x) * (1 - sigmoid(x))")
    + bias("LEARNING_RATE * loss * sigmoid_derivative(self.y)"),
    # weights of one neuron
    "weights_not_updated": (
        (WEIGHTS, WEIGHTS.replace("self._weigths =", "weights =")),
        (BIAS, BIAS.replace("self.bias =", "bias =")),
    ),
    "step_without_input": weights(STEP),
    "step_with_first_input": weights(f"{STEP} * x[0]"),
    "step_with_last_input": weights(f"{STEP} * x[-1]"),
    "step_with_inputs_swapped": weights(f"{STEP} * x[::-1]"),
    "step_with_own_output": weights(f"{STEP} * self.y"),
    "step_with_input_sum": weights(f"{STEP} * np.sum(x)"),
    "step_with_input_squared": weights(f"{STEP} * x**2"),
    "step_with_absolute_input": weights(f"{STEP} * abs(x)"),
    "step_with_own_weight": weights(f"{STEP} * self._weigths"),
    "step_with_weighted_input": weights(f"{STEP} * self._weigths * x"),
    "only_first_weight_updated": ((WEIGHTS, f"        self._weigths[0] += {STEP} * x[0]\n"),),
    "only_last_weight_updated": ((WEIGHTS, f"        self._weigths[-1] += {STEP} * x[-1]\n"),),
    "weights_overwritten": ((WEIGHTS, f"        self._weigths = {STEP} * x\n"),),
    "all_multiplied": (
        (WEIGHTS, f"        self._weigths = self._weigths * (1 + {STEP} * x)\n"),
        (BIAS, f"        self.bias = self.bias * (1 + {STEP})\n"),
    ),
    "error_sign_dropped": delta("abs(loss) * slope"),
    "error_squared": delta("loss**2 * slope"),
    "error_sign_only": delta("np.sign(loss) * slope"),
    "only_positive_errors": guarded("loss > 0"),
    "only_positive_errors.early": ((DELTA, "        if loss <= 0:\n            return np.zeros(2)\n" + DELTA),),
    "gradient_accumulated": ACCUMULATED,
    "output_of_first_forward": STALE,
    "input_of_previous_forward": PREVIOUS,
    "weights_rounded": ((BIAS, ROUNDED),),
    "weights_truncated": ((BIAS, TRUNCATED),),
    "small_errors_skipped": guarded("abs(loss) >= 0.5"),
    "small_errors_skipped.early": ((DELTA, "        if abs(loss) < 0.5:\n            return np.zeros(2)\n" + DELTA),),
    "zero_input_skipped": guarded("x.any()"),
    "weights_normalised": ((BIAS, NORMALISED),),
    # bias of one neuron
    "bias_frozen": ((BIAS, ""),),
    "bias_sign": ((BIAS, BIAS.replace("self.bias +", "self.bias -")),),
    "bias_times_first_input": bias(f"{STEP} * x[0]"),
    "bias_times_last_input": bias(f"{STEP} * x[-1]"),
    "bias_per_input": (
        (
            WEIGHTS,
            f"        for i in range(len(x)):\n            self._weigths[i] += {STEP} * x[i]\n            self.bias += {STEP}\n",
        ),
        (BIAS, ""),
    ),
    "bias_without_derivative": bias("LEARNING_RATE * loss"),
    "bias_without_rate": bias("delta"),
    "bias_raw_error": bias("loss"),
    "bias_times_output": bias(f"{STEP} * self.y"),
    "bias_times_input_sum": bias(f"{STEP} * sum(x)"),
    "bias_times_itself": bias(f"{STEP} * self.bias"),
    "bias_overwritten": ((BIAS, f"        self.bias = {STEP}\n"),),
    # the error passed back
    "error_without_weight": errors("np.full(2, delta)"),
    "error_without_weight.model": composed("[delta, delta]"),
    "raw_error_to_hidden": errors("np.full(2, loss)"),
    "raw_error_to_hidden.model": hidden("x, err"),
    "error_without_derivative": errors("loss * self._weigths"),
    "error_without_derivative.model": composed("err * self.n3._weigths"),
    "error_without_derivative_updated": back(
        "self.n3.backward(self.h, err)",
        "errors = err * self.n3._weigths",
    ),
    "error_without_derivative_updated.neuron": ((ERRORS, ""), (END, "        return loss * self._weigths\n")),
    "output_weights_swapped": hidden("x, errors[1]"),
    "first_output_weight_for_both": ((SECOND, SECOND.replace("errors[1]", "errors[0]")),),
    "second_output_weight_for_both": ((FIRST, FIRST.replace("errors[0]", "errors[1]")),),
    "output_weight_shifted": errors("delta * np.array([self._weigths[1], self.bias])"),
    "output_weight_sum": errors(f"np.full(2, delta * {WEIGHT_SUM})"),
    "output_weight_mean": errors("np.full(2, delta * np.mean(self._weigths))"),
    "hidden_own_weights": back("self.n3.backward(self.h, err)", OWN_DELTA.strip())
    + hidden("x, delta * self.n1._weigths.sum()", "x, delta * self.n2._weigths.sum()"),
    "output_weight_shares": errors(f"delta * self._weigths / {WEIGHT_SUM}"),
    "output_weight_shares.raw": composed(f"err * self.n3._weigths / {WEIGHT_SUM.replace('self', 'self.n3')}"),
    "rate_in_propagated_error": errors(f"{STEP} * self._weigths"),
    "rate_in_propagated_error.model": composed(f"{STEP} * self.n3._weigths"),
    "output_weight_magnitude": errors("delta * abs(self._weigths)"),
    "output_weight_squared": errors("delta * self._weigths**2"),
    "hidden_sign": hidden("x, -errors[0]"),
    "hidden_sign.neuron": errors("-delta * self._weigths"),
    "output_sign": back("errors = -self.n3.backward(self.h, -err)"),
    "output_derivative_for_hidden": ARGUMENT + hidden("x, errors[0], sigmoid_derivative(self.n3.y)"),
    "output_derivative_twice": composed("delta * sigmoid_derivative(self.n3.y) * self.n3._weigths"),
    "output_derivative_twice.neuron": errors("delta * slope * self._weigths"),
    "hidden_derivative_for_output": composed("err * sigmoid_derivative(self.h) * self.n3._weigths"),
    "hidden_derivative_twice": hidden("x, errors[0] * sigmoid_derivative(self.h[0])"),
    "hidden_derivative_missing": ARGUMENT + hidden("x, errors[0], 1.0", "x, errors[1], 1.0"),
    "output_derivative_missing": ARGUMENT + back("errors = self.n3.backward(self.h, err, 1.0)"),
    "other_hidden_derivative": ARGUMENT
    + hidden(
        "x, errors[0], sigmoid_derivative(self.h[1])",
        "x, errors[1], sigmoid_derivative(self.h[0])",
    ),
    "hidden_step_with_hidden_outputs": hidden("self.h, errors[0]"),
    "hidden_frozen": ((FIRST, ""), (SECOND, "")),
    "output_frozen": ((BACK, OWN_ERRORS),),
    "only_first_hidden_updated": ((SECOND, ""),),
    "only_second_hidden_updated": ((FIRST, ""),),
    "output_step_with_x": back("errors = self.n3.backward(x, err)"),
    "output_step_with_hidden_delta": back(
        "before = self.n3._weigths.copy()",
        "errors = self.n3.backward(self.h, err)",
        "deltas = errors * self.h * (1 - self.h)",
        "self.n3._weigths = before + LEARNING_RATE * deltas * self.h",
    ),
    "output_step_with_first_hidden": back("errors = self.n3.backward([self.h[0], self.h[0]], err)"),
    "output_step_with_hidden_swapped": back("errors = self.n3.backward(self.h[::-1], err)"),
    "output_bias_frozen": FIXED_BIAS + back("errors = self.n3.backward(self.h, err, with_bias=False)"),
    "hidden_bias_frozen": FIXED_BIAS + hidden("x, errors[0], with_bias=False"),
    "hidden_error_times_output": hidden("x, errors[0] * self.h[0]"),
    "hidden_error_times_output.neuron": errors("delta * self._weigths * x"),
    # order
    "updated_output_weights": ((ERRORS, ""), (END, "        return delta * self._weigths\n")),
    "updated_output_weights.model": back(
        "delta = err * sigmoid_derivative(self.n3.y)",
        "self.n3.backward(self.h, err)",
        "errors = delta * self.n3._weigths",
    ),
    "hidden_outputs_recomputed": (
        (BACK, OWN_ERRORS),
        (SECOND, SECOND + "        self.n3.backward([self.n1.forward(x), self.n2.forward(x)], err)\n"),
    ),
    "forward_repeated": back(
        "self.n3.backward(self.h, err)",
        "self.forward(x)",
        "errors = err * sigmoid_derivative(self.n3.y) * self.n3._weigths",
    ),
    "hidden_first_forward_repeated": (
        (BACK, OWN_ERRORS),
        (SECOND, SECOND + "        self.forward(x)\n        self.n3.backward(self.h, err)\n"),
    ),
    "factor_two_compounded": delta("2 * loss * slope"),
    "factor_two_compounded.model": composed("2 * delta * self.n3._weigths"),
    # loss, start, rate
    "loss_squared": loss("(label - y) ** 2"),
    "loss_absolute": loss("abs(label - y)"),
    "loss_sign": loss("y - label"),
    "loss_cross_entropy": loss("-(label * np.log(y) + (1 - label) * np.log(1 - y))"),
    "loss_rounded": loss("label - np.round(y)"),
    "loss_signed_square": loss("0.5 * (label - y) * abs(label - y)"),
    "rate_ignored": rated("0.1"),
    "rate_squared": rated("self.learning_rate**2"),
    "rate_inverse": rated("1 / self.learning_rate"),
    "start_constant": (
        (START_WEIGHTS, "        self._weigths = np.full(n_inputs, 0.5)\n"),
        (START_BIAS, "        self.bias = 0.5\n"),
    ),
    "start_zeros": ((START_WEIGHTS, "        self._weigths = np.zeros(n_inputs)\n"), (START_BIAS, "        self.bias = 0.0\n")),
    "pretrained": ((MAKE[2], MAKE[2] + SOLVED),),
}  # fmt: skip

# --- lines of LISTS -----------------------------------------------------------------------------

# The rest of the bank, and the other forms of its rules: their numbers are compared, `make validity` does not grade them.
MORE: dict[str, Edit] = {
    "mean_with_bias": summed("(np.dot(self._weigths, x) + self.bias) / 3"),
    "inputs_squared": summed("np.dot(self._weigths, x**2) + self.bias"),
    "bias_doubled_in_forward": summed("sum(w * one + self.bias for w, one in zip(self._weigths, x))"),
    "output_tanh": layer([2], "tanh", "np.tanh(self.d)", "1 - self.y**2"),
    "answer_complemented": ((RETURN, "        return 1 - self.n3.forward(self.h)\n"),),
    "derivative_squared_output": function("y * y"),
    "weights_frozen": ((WEIGHTS, ""),),
    "paired_in_reverse": weights(f"{STEP} * x[::-1]") + errors("delta * self._weigths[::-1]"),
    "only_negative_errors": ((DELTA, "        if loss >= 0:\n            return np.zeros(2)\n" + DELTA),),
    "error_of_one": delta("slope"),
    "step_with_input_and_output": weights(f"{STEP} * x * self.y"),
    "bias_times_input_mean": bias(f"{STEP} * np.mean(x)"),
    "bias_half": bias(f"{STEP} / 2"),
    "bias_without_rate.twice": bias("2 * delta"),
    "bias_raw_error.twice": bias("2 * loss"),
    "bias_error_squared": bias("LEARNING_RATE * loss**2 * slope"),
    "output_weight_shifted_first": errors("delta * np.array([self.bias, self._weigths[0]])"),
    "output_weight_divided": errors("delta / self._weigths"),
    "error_through_inputs": errors("delta * x"),
    "rate_in_propagated_error.half": errors(f"0.5 * {STEP} * self._weigths"),
    "rate_in_propagated_error.twice": errors(f"2 * {STEP} * self._weigths"),
    "step_as_error": errors(f"{STEP} * x"),
    "step_as_error.half": errors(f"0.5 * {STEP} * x"),
    "output_step_without_derivative": (*ARGUMENT, (BACK, OWN_ERRORS + "        self.n3.backward(self.h, err, 1.0)\n")),
    "output_step_derivative_twice": ((BACK, OWN_ERRORS + "        self.n3.backward(self.h, delta)\n"),),
    "hidden_derivative_of_output": ARGUMENT + hidden("x, errors[0], sigmoid_derivative(sigmoid(self.h[0]))"),
    "output_step_with_second_hidden": back("errors = self.n3.backward([self.h[1], self.h[1]], err)"),
    "output_step_with_own_output": back("errors = self.n3.backward([self.n3.y, self.n3.y], err)"),
    "hidden_half_as_far": hidden("x, errors[0] / 2"),
    "first_hidden_updated_twice": ((SECOND, SECOND.replace("n2", "n1")),),
    "second_hidden_updated_twice": ((FIRST, FIRST.replace("n1", "n2")),),
    "loss_is_output": loss("y"),
    "loss_is_label": loss("label"),
    "loss_is_sum": loss("y + label"),
}

LIST_GRAD = "        grad = loss * sigmoid_derivative(self.out)\n"
LIST_BACK = "        back = [grad * w for w in self._weigths[:2]]\n"
LIST_LOOP = "        for i in range(len(self._weigths)):\n"
LIST_STEP = "            self._weigths[i] -= LEARNING_RATE * grad * self.inputs[i]\n"
LIST_MODEL = "            neuron.backward(x, back[i])\n"
LIST_OUTPUT = "        back = self.output.backward(self.h, err)\n"


def in_step(old: str, new: str) -> Edit:
    """Slip in the line that moves a weight."""
    return ((LIST_STEP, LIST_STEP.replace(old, new)),)


LIST_EDITS: dict[str, Edit] = {
    "derivative_missing": ((LIST_GRAD, "        grad = loss\n"),),
    "derivative_of_output": ((LIST_GRAD, LIST_GRAD.replace("(self.out)", "(sigmoid(self.out))")),),
    "derivative_at_sum": ((LIST_GRAD, LIST_GRAD.replace("(self.out)", "(self.sum)")),),
    "derivative_is_output": ((LIST_GRAD, "        grad = loss * self.out\n"),),
    "derivative_twice": ((LIST_GRAD, LIST_GRAD.replace("(self.out)", "(self.out) ** 2")),),
    "sigmoid_without_minus": (("math.exp(-d)", "math.exp(d)"),),
    "weights_not_updated": (
        (LIST_LOOP, "        for w, x_i in zip(self._weigths, self.inputs):\n"),
        (LIST_STEP, "            w -= LEARNING_RATE * grad * x_i\n"),
    ),
    "all_overwritten": in_step("-=", "= -"),
    "step_with_last_input": in_step("self.inputs[i]", "(x[1] if i < 2 else 1)"),
    "step_without_input": in_step(" * self.inputs[i]", ""),
    "step_with_own_output": in_step("self.inputs[i]", "(self.out if i < 2 else 1)"),
    "bias_frozen": ((LIST_LOOP, "        for i in range(len(x)):\n"),),
    "bias_without_rate": in_step("LEARNING_RATE", "(LEARNING_RATE if i < 2 else 1)"),
    "only_last_weight_updated": ((LIST_LOOP, "        for i in range(1, len(self._weigths)):\n"),),
    "error_without_weight": ((LIST_MODEL, LIST_MODEL.replace("back[i]", "back")), (LIST_BACK, "        back = grad\n")),
    "error_without_derivative": ((LIST_BACK, LIST_BACK.replace("grad * w", "loss * w")),),
    "raw_error_to_hidden": ((LIST_MODEL, LIST_MODEL.replace("back[i]", "err")),),
    "output_weight_shifted": ((LIST_BACK, LIST_BACK.replace("[:2]", "[1:]")),),
    "first_output_weight_for_both": ((LIST_MODEL, LIST_MODEL.replace("back[i]", "back[0]")),),
    "output_weights_swapped": ((LIST_MODEL, LIST_MODEL.replace("back[i]", "back[-1 - i]")),),
    "rate_in_propagated_error": ((LIST_BACK, LIST_BACK.replace("grad * w", "LEARNING_RATE * grad * w")),),
    "hidden_sign": ((LIST_MODEL, LIST_MODEL.replace("back[i]", "-back[i]")),),
    "output_step_with_hidden_swapped": (
        (LIST_OUTPUT, "        self.output.inputs = [self.h[1], self.h[0], 1.0]\n" + LIST_OUTPUT),
    ),
    "output_step_with_x": ((LIST_OUTPUT, "        self.output.inputs = [x[0], x[1], 1.0]\n" + LIST_OUTPUT),),
    "only_first_hidden_updated": ((LIST_MODEL, LIST_MODEL + "            return\n"),),
    "hidden_frozen": ((LIST_MODEL, "            pass\n"),),
    "error_sign_dropped": ((LIST_GRAD, LIST_GRAD.replace("loss *", "abs(loss) *")),),
    "updated_output_weights": (
        (LIST_BACK, "        back = []\n"),
        (LIST_STEP, LIST_STEP + "            back.append(grad * self._weigths[i])\n"),
    ),
    "factor_two_compounded": ((LIST_GRAD, LIST_GRAD.replace("loss *", "2 * loss *")),),
    "loss_squared": (("    return y - label\n", "    return (y - label) ** 2\n"),),
}  # fmt: skip

MINOR = frozenset(
    "updated_output_weights hidden_outputs_recomputed forward_repeated hidden_first_forward_repeated "
    "factor_two_compounded".split()
)
# The same steps from different slips: no observation tells them apart.
CLASSES = ({"derivative_negated", "output_sign"}, {"forward_inputs_swapped", "paired_in_reverse"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Mutant:
    """One mistake, or two, in a correct text; names are the ids that a report may give it."""

    id: str
    base: str
    edits: Edit
    names: frozenset[str]
    is_minor: bool = False

    def text(self, rate: float) -> str:
        """Return the submission with this learning rate."""
        return edited(self.base, self.edits).replace("LEARNING_RATE = 0.3", f"LEARNING_RATE = {rate}")


def edited(text: str, edits: Edit) -> str:
    """Make every edit; each must find its line exactly once."""
    for old, new in edits:
        if text.count(old) != 1:
            raise ValueError(f"{text.count(old)} times: {old}")
        text = text.replace(old, new)
    return text


def names_of(name: str) -> frozenset[str]:
    """Return the misconceptions that make the same steps as this one."""
    return frozenset({name}.union(*(cls for cls in CLASSES if name in cls)))


@cache
def mutants() -> dict[str, Mutant]:
    """Return every mutant by its id."""
    found = {}
    for form, base, table in (("", ARRAYS, EDITS), (".lists", LISTS, LIST_EDITS)):
        for key, edits in table.items():
            name = key.partition(".")[0]
            mutant = Mutant(id=key + form, base=base, edits=edits, names=names_of(name), is_minor=name in MINOR)
            found[mutant.id] = mutant
    return found


# --- what a text does ---------------------------------------------------------------------------

COUNT = 6
ERRORS_PASSED = np.array([0.8, -0.6, 0.9, -0.2, 0.3, -0.7])
LOSS_ASKED = [(0.2, 0), (0.2, 1), (0.7, 0), (0.7, 1)]
CLOSE = 1e-7


@dataclass(frozen=True, kw_only=True, slots=True)
class Behaviour:
    """What a text was seen to do with set weights, and fresh.

    answers (n,) and steps (n, 9) are the network's, one model for all; neuron (n, 6) is a single neuron's
    output, step and returned errors; rest is functions and the start after a set seed. of_sums (n,) is what the neuron
    answers to the same sums, made of one weight and one input.
    """

    answers: Array
    steps: Array
    neuron: Array
    rest: Array
    of_sums: Array

    @property
    def is_activated(self) -> bool:
        """Return whether a neuron answers with a function of the sum w . x + w0."""
        return same(self.neuron[:, 0], self.of_sums)

    def equals(self, other: Behaviour) -> bool:
        """Return whether nothing tells the two apart."""
        return all(
            same(mine, its)
            for mine, its in (
                (self.answers, other.answers),
                (self.steps, other.steps),
                (self.neuron, other.neuron),
                (self.rest, other.rest),
            )
        )

    def works_as(self, other: Behaviour) -> bool:
        """Return whether nothing but the values of sigmoid and sigmoid_derivative tells the two apart."""
        return self.equals(replace(other, rest=np.concatenate([other.rest[:4], self.rest[4:8], other.rest[8:]])))

    @property
    def parts(self) -> tuple[tuple[Array, bool], ...]:
        """Return what is seen, part by part, and whether a constant factor, the rate or a sign, makes no difference to it."""
        step, returned, functions, start = self.neuron[:, 1:4], self.neuron[:, 4:6], self.rest[:8], self.rest[8:]
        plain = (self.answers, self.neuron[:, 0], functions, start)
        return (*((item, False) for item in plain), *((item, True) for item in (self.steps, step, returned)))

    def steps_as(self, other: Behaviour) -> bool:
        """Return whether the networks answer alike, and their steps down the loss differ by a constant only: the rate."""
        mine, its = self.steps * np.sign(self.rest[1]), other.steps * np.sign(other.rest[1])
        square = float((its**2).sum())
        scale = float((mine * its).sum()) / square if 0 < square < np.inf else 1.0
        return scale > 0 and same(self.answers, other.answers) and same(mine, scale * its)


def same(mine: Array, other: Array) -> bool:
    """Return whether two tables of numbers agree; what is not a number agrees with itself."""
    with np.errstate(invalid="ignore"):
        is_far = np.abs(mine - other) > CLOSE * (1 + np.abs(other))
    return not is_far.any() and np.array_equal(np.isfinite(mine), np.isfinite(other))


def is_undone(mistake: Behaviour, both: Behaviour, other: Behaviour, right: Behaviour) -> bool:
    """Return whether another mistake undoes one: in a part that this one alone gets wrong, both together do just what the other
    alone or right code does, and are nearer to right code by it.
    """
    for (mine, is_free), (ours, _), (its, _), (wanted, _) in zip(
        mistake.parts, both.parts, other.parts, right.parts, strict=True
    ):
        is_wrong = not alike(mine, wanted, is_free)
        is_gone = alike(ours, wanted, is_free) or alike(ours, its, is_free)
        if is_wrong and is_gone and distance(ours, wanted, is_free) < distance(mine, wanted, is_free) - CLOSE:
            return True
    return False


def factor(mine: Array, other: Array) -> float:
    """Return the number that other is best multiplied with to give mine."""
    with np.errstate(all="ignore"):
        found = float((mine * other).sum() / (other**2).sum())
    return found if np.isfinite(found) else 0.0


def alike(mine: Array, other: Array, is_free: bool) -> bool:
    """Return whether two tables of numbers agree, or are proportional where a factor is free."""
    scale = factor(mine, other) if is_free else 1.0
    return same(mine, scale * other) if scale else same(mine, other)


def distance(mine: Array, right: Array, is_free: bool) -> float:
    """Return how far numbers are from the right ones: squares, or 1 for none that is explained where a factor is free."""
    with np.errstate(all="ignore"):
        off = float(((mine - factor(mine, right) * right if is_free else mine - right) ** 2).sum())
        found = off / float((mine**2).sum()) if is_free and mine.any() else 1.0 if is_free else off
    return found if np.isfinite(found) else np.inf


def drawn() -> tuple[Array, Array]:
    """Return the weights, (n, 3, 3), and the inputs, (n, 2), that `behaviour` uses."""
    rng = np.random.default_rng(7)
    parameters = rng.uniform(0.3, 2, (COUNT, 3, 3)) * rng.choice([-1, 1], (COUNT, 3, 3))
    parameters[:, 2, 1] = -np.sign(parameters[:, 2, 0]) * abs(parameters[:, 2, 1])
    inputs = rng.uniform(0.4, 1.6, (COUNT, 2)) * rng.choice([-1, 1], (COUNT, 2))
    inputs[2] = 0.0
    return parameters, inputs


def behaviour(text: str) -> Behaviour:
    """Run a text of this module, here, on weights, inputs and errors that are always the same."""
    parameters, inputs = drawn()
    names: dict[str, Any] = {"__name__": "student"}
    with np.errstate(all="ignore"):
        exec(text, names)  # noqa: S102  - our own text
        model, neuron, other = names["Model"](), names["Neuron"](2), names["Neuron"](2)
        answers, steps, single, of_sums = [], [], [], []
        for wanted, x, err in zip(parameters, inputs, ERRORS_PASSED, strict=True):
            put(model, wanted)
            answers.append(model.forward(list(x)))
            model.backward(list(x), err)
            steps.append((taken(model) - present(model, wanted)).ravel())
            set_neuron(neuron, wanted[0])
            out = neuron.forward(list(x))
            returned = np.resize(np.array(neuron.backward(list(x), err), dtype=float), 2)
            single.append([float(out), *(neuron_of(neuron) - present_in(neuron, wanted[0])), *returned])
            set_neuron(other, np.array([1.0, 0.0, 0.0]))
            of_sums.append(float(other.forward([x @ wanted[0, :2] + wanted[0, 2], 0.0])))
        rest = [names["loss"](y, label) for y, label in LOSS_ASKED]
        rest += [names[item](np.float64(value)) for item in ("sigmoid", "sigmoid_derivative") for value in (0.3, 0.8)]
        np.random.seed(1)
        random.seed(1)
        fresh = names["Model"]()
    return Behaviour(
        answers=np.array(answers, dtype=float),
        steps=np.array(steps),
        neuron=np.array(single, dtype=float),
        rest=np.array([*rest, *taken(fresh).ravel()], dtype=float),
        of_sums=np.array(of_sums),
    )


def neurons(model: Any) -> list[Any]:
    """Return the three neurons of a model of either base."""
    return [*model.hidden, model.output] if hasattr(model, "hidden") else [model.n1, model.n2, model.n3]


def neuron_of(neuron: Any) -> Array:
    """Return two weights and the bias, 0 for none."""
    values = [*neuron._weigths, *([neuron.bias] if hasattr(neuron, "bias") else [])]
    return np.array([*values, 0.0][:3], dtype=float)


def present_in(neuron: Any, values: Array) -> Array:
    """Return the values that such a neuron can hold."""
    holds = len(neuron._weigths) + hasattr(neuron, "bias")
    return np.where(np.arange(3) < holds, values, 0.0)


def set_neuron(neuron: Any, values: Array) -> None:
    """Set weights and bias."""
    if isinstance(neuron._weigths, list):
        neuron._weigths = values.tolist()
        return
    neuron._weigths = values[:2].copy()
    if hasattr(neuron, "bias"):
        neuron.bias = float(values[2])


def put(model: Any, parameters: Array) -> None:
    """Set all nine numbers."""
    for neuron, values in zip(neurons(model), parameters, strict=True):
        set_neuron(neuron, values)


def taken(model: Any) -> Array:
    """Return all nine numbers."""
    return np.array([neuron_of(neuron) for neuron in neurons(model)])


def present(model: Any, parameters: Array) -> Array:
    """Return what the model can hold of nine numbers."""
    return np.array([present_in(neuron, values) for neuron, values in zip(neurons(model), parameters, strict=True)])


@cache
def known() -> dict[str, Behaviour]:
    """Return what every mutant does, by its id, and the correct texts by "arrays" and "lists"."""
    seen = {mutant.id: behaviour(mutant.text(0.3)) for mutant in mutants().values()}
    return {"arrays": behaviour(ARRAYS), "lists": behaviour(LISTS), **seen}


@cache
def more() -> dict[str, Behaviour]:
    """Return what the texts of MORE do."""
    return {name: behaviour(edited(ARRAYS, edits)) for name, edits in MORE.items()}


# --- two mistakes at once -----------------------------------------------------------------------

# Of these, one hides the other: the sign of a derivative that only returned errors would show, and inputs that are swapped
# in the step as they are in forward.
HIDING = (
    {"derivative_negated.used", "error_without_derivative"},
    {"forward_inputs_swapped", "step_with_inputs_swapped"},
)


def pairs(rng: np.random.Generator, count: int | None, part: int = 1, parts: int = 1) -> dict[str, Mutant]:
    """Return mutants with two mistakes each, neither of which hides or undoes the other.

    count is how many all parts have together, None for all that there are; part is one of so many. Where the steps are also those of a third single mistake, its names are accepted too.
    """
    some = islice(_pairs(rng, part, parts), None if count is None else count // parts)
    return {mutant.id: mutant for mutant in some}


def _pairs(rng: np.random.Generator, part: int, parts: int) -> Iterator[Mutant]:
    for first, second in rng.permutation(list(combinations(mutants(), 2)))[part - 1 :: parts]:
        pair = paired(mutants()[first], mutants()[second])
        if pair is not None:
            yield pair


def paired(first: Mutant, second: Mutant) -> Mutant | None:
    """Return a mutant with both mistakes; None where they do not fit, cancel, or are as good as one."""
    lines = [{old for old, _ in mutant.edits} for mutant in (first, second)]
    if first.base != second.base or first.names & second.names or lines[0] & lines[1]:
        return None
    if {first.id, second.id} in HIDING:
        return None
    both = Mutant(
        id=f"{first.id}+{second.id}",
        base=first.base,
        edits=first.edits + second.edits,
        names=first.names | second.names,
        is_minor=first.is_minor and second.is_minor,
    )
    try:
        if edited(both.base, both.edits) != edited(both.base, second.edits + first.edits):
            return None
        seen = behaviour(both.text(0.3))
    except (ValueError, TypeError, IndexError, ArithmeticError, AttributeError):
        return None
    if any(seen.equals(single) for single in (*known().values(), *more().values())):
        return None
    right, alone = known()["arrays" if both.base is ARRAYS else "lists"], (known()[first.id], known()[second.id])
    if is_undone(alone[0], seen, alone[1], right) or is_undone(alone[1], seen, alone[0], right):
        return None
    if any(seen.works_as(item) for item in known().values()):  # up to a function that is not called any more
        return None
    if any(seen.equals(behaviour(mutant.text(0.6))) for mutant in (first, second)):  # two factors of 2 are one rate
        return None
    are_activations = [item.is_activated and not same(item.of_sums, right.of_sums) for item in (*alone, seen)]
    if all(are_activations):  # two wrong activations are one
        return None
    are_forward_wrong = [not same(item.answers, right.answers) for item in alone]
    is_thresholded = np.isin(seen.answers, (0.0, 1.0)).all()  # which hides how far answers are off
    if all(are_forward_wrong) and is_thresholded:
        return None
    alike = {name for name, single in known().items() if seen.steps_as(single)}
    if alike & {"arrays", "lists"}:
        return None
    return replace(both, names=both.names.union(*(mutants()[name].names for name in alike)))
