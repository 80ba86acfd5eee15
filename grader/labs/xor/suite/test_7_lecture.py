"""The lecture's formulas beside those of the network: activations, losses, momentum, two graphs of computation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from grader.lab import CaseStopped, RunningCase, Student, side_by_side, unmet

Array = NDArray[np.float64]

RTOL, ATOL = 1e-5, 1e-6  # single precision is enough
SINGLE = "The function must accept a single number as well as an array."
LEAST_LOSS = 5.0  # for a class predicted with probability 0: at least that of e^-5


def is_close(actual: Array, expected: Array) -> bool:
    """Return whether an answer has the expected numbers and shape; a single number may be in an array."""
    has_shape = actual.shape == expected.shape or actual.size == expected.size == 1
    return has_shape and np.allclose(actual.ravel(), expected.ravel(), rtol=RTOL, atol=ATOL)


def called(student: Student, name: str, *arguments: Array | float | list[str]) -> list[Array]:
    """Call a function of the lecture's file; return its result, or each of several results, as an array."""
    if not student.has(name):
        raise unmet("There is no function {name}.", name=name, hint="Keep the names from the template.")
    value = student.run(name, *arguments).value
    are_arrays = isinstance(value, list) and any(isinstance(item, np.ndarray) for item in value)
    return [numbers(item) for item in (value if are_arrays or isinstance(value, tuple) else [value])]


def numbers(value: object) -> Array:
    """Return a result as an array of floats, empty if it has anything but numbers."""
    try:
        array = np.asarray(value)
    except ValueError:  # rows of different lengths
        return np.zeros(0)
    return array.astype(float) if array.dtype.kind in "fiub" else np.zeros(0)


def one_of(parts: Sequence[Array]) -> Array:
    """Return the single array that a function should return, empty if it returned several."""
    return parts[0] if len(parts) == 1 else np.zeros(0)


def check(
    student: Student, evidence: RunningCase, name: str, expected: Array | float, hint: str, **probe: Array | float
) -> None:
    """Call a function with the values of probe, in their order, and compare the result with the expected one."""
    compare(evidence, name, one_of(called(student, name, *probe.values())), np.asarray(expected), hint, **probe)


def compare(
    evidence: RunningCase, name: str, actual: Array, expected: Array, hint: str, **probe: Array | float
) -> None:
    """Stop the case if actual differs from expected."""
    evidence.seen = side_by_side(expected=expected, actual=actual if actual.size == expected.size else None, **probe)
    if is_close(actual, expected):
        return
    if actual.size != expected.size:
        raise unmet(
            "{name} returned {count} numbers instead of {wanted}.",
            name=name, count=actual.size, wanted=expected.size, hint=hint, seen=evidence.seen,
        )  # fmt: skip
    if not np.isfinite(actual).all():
        raise unmet("{name} returned a number that is not finite.", name=name, hint=hint, seen=evidence.seen)
    raise unmet("{name} does not return the numbers that the formula gives.", name=name, hint=hint, seen=evidence.seen)


# --- activation functions -----------------------------------------------------------------------


@pytest.mark.criterion("activations")
def test_elementwise(student: Student, evidence: RunningCase) -> None:
    """tanh and relu, and their derivatives through the output."""
    check_relu(student, evidence)
    d = student.rng("tanh").uniform(-2, 2, 5)
    check(student, evidence, "tanh", np.tanh(d), "tanh(d) = (e^2d - 1) / (e^2d + 1).", d=d)
    check(student, evidence, "tanh", np.tanh(d[0]), SINGLE, d=float(d[0]))
    y = np.tanh(d)
    if is_close(one_of(called(student, "tanh_derivative", y)), 1 - np.tanh(y) ** 2):
        evidence.remark("tanh_derivative takes the sum d, not the output y; call it with d, never with y.")
        return
    check(student, evidence, "tanh_derivative", 1 - y**2, "With y = tanh(d) the derivative is 1 - y^2.", y=y)


def check_relu(student: Student, evidence: RunningCase) -> None:
    """Judge relu and its derivative, which is the same at the sum and at the output except at 0."""
    d = student.rng("relu").uniform(0.1, 2, 5) * [1, -1, 1, -1, 1]
    check(student, evidence, "relu", np.maximum(0.0, d), "relu(d) = max(0, d) for each number: np.maximum.", d=d)
    check(student, evidence, "relu", max(0.0, float(d[1])), SINGLE, d=float(d[1]))
    hint = "1 where the number is above 0, otherwise 0."
    check(student, evidence, "relu_derivative", np.where(d > 0, 1.0, 0.0), hint, y=d)
    if not is_close(one_of(called(student, "relu_derivative", np.zeros(2))), np.zeros(2)):
        evidence.remark("relu_derivative(0) should be 0: every d up to 0 gives the output 0.")


@pytest.mark.criterion("activations")
def test_softmax(student: Student, evidence: RunningCase) -> None:
    """softmax(d) is e^d_i divided by the sum of all e^d_j."""
    d = student.rng("softmax").uniform(-2, 2, 4)
    check(student, evidence, "softmax", softmax(d), "Divide each e^d_i by the sum of all of them.", d=d)


def softmax(d: Array) -> Array:
    """Return the softmax of d (n,)."""
    powers = np.exp(d - d.max())
    return np.asarray(powers / powers.sum())


@pytest.mark.criterion("activations")
def test_large_values(student: Student, evidence: RunningCase) -> None:
    """tanh and softmax do not overflow."""
    d = student.rng("large").uniform(800, 1000, 3)
    hint = "Subtract max(d) before exponentiating; the factor cancels."
    check(student, evidence, "softmax", softmax(d), hint, d=d)
    check(student, evidence, "softmax", softmax(-d), hint, d=-d)
    hint = "Use np.tanh, or divide numerator and denominator by e^d."
    check(student, evidence, "tanh", np.array([1.0, -1.0]), hint, d=np.array([d[0], -d[0]]))


# --- loss functions -----------------------------------------------------------------------------


@pytest.mark.criterion("losses")
def test_regression(student: Student, evidence: RunningCase) -> None:
    """mae, mse and rmse are means over the vector."""
    rng = student.rng("regression")
    y, pred = rng.uniform(0.5, 3, 5), rng.uniform(0.5, 3, 5)
    off = y - pred
    check(student, evidence, "mae", np.abs(off).mean(), "The mean of |y - pred|.", y=y, pred=pred)
    check(student, evidence, "mse", (off**2).mean(), "The mean of (y - pred)^2.", y=y, pred=pred)
    check(student, evidence, "rmse", np.sqrt((off**2).mean()), "The square root of mse.", y=y, pred=pred)


@pytest.mark.criterion("losses")
def test_percentage(student: Student, evidence: RunningCase) -> None:
    """mape is in percent, and raises ValueError if any y is 0."""
    rng = student.rng("percentage")
    y, pred = rng.uniform(0.5, 3, 5), rng.uniform(0.5, 3, 5)
    expected = 100 * np.abs((y - pred) / y).mean()
    check(student, evidence, "mape", expected, "100 times the mean of |y - pred| / y.", y=y, pred=pred)
    y[2] = 0
    hint = "First check whether y contains a 0; if it does, raise ValueError."
    try:
        returned = called(student, "mape", y, pred)
    except CaseStopped as stopped:
        if stopped.outcome.exception is not None and stopped.outcome.exception.type == "ValueError":
            return
        raise
    seen = side_by_side(actual=one_of(returned).ravel()[:1], y=y, pred=pred)
    raise unmet("mape returned a number although one y is 0; it must raise ValueError.", hint=hint, seen=seen)


@pytest.mark.criterion("losses")
def test_cross_entropies(student: Student, evidence: RunningCase) -> None:
    """binary_cross_entropy and cross_entropy are means over the examples."""
    cat = student.rng("entropy").uniform(0.1, 0.9, 4)
    y, expected = np.array([0.0, 1.0, 1.0, 0.0]), -np.log([1 - cat[0], cat[1], cat[2], 1 - cat[3]]).mean()
    rows, wide = np.column_stack([y, 1 - y]), np.column_stack([cat, 1 - cat])
    hint = "The mean of -y log(pred) - (1 - y) log(1 - pred), with the natural logarithm."
    check_entropy(student, evidence, "binary_cross_entropy", expected, hint, wide, y=y, pred=cat)
    hint = "Sum -y log(pred) over each row, then take the mean over the rows."
    check_entropy(student, evidence, "cross_entropy", expected, hint, wide, y=rows, pred=wide)


def check_entropy(
    student: Student, evidence: RunningCase, name: str, expected: float, hint: str, wide: Array, y: Array, pred: Array
) -> None:
    """Judge a cross entropy with numbers as labels, or if it takes only those, with class names as in the lecture's code."""
    try:
        check(student, evidence, name, expected, hint, y=y, pred=pred)
    except CaseStopped as stopped:
        if stopped.outcome.exception is None or stopped.outcome.exception.type == "NotImplementedError":
            raise
        names = ["Dog", "Cat", "Cat", "Dog"]
        try:
            actual = one_of(called(student, name, names, wide))
        except CaseStopped:
            raise stopped from None
        compare(evidence, name, actual, np.asarray(expected), hint, pred=wide)
        evidence.remark("{name} takes the names Cat and Dog, as the lecture's code does, not numbers.", name=name)


@pytest.mark.criterion("losses")
def test_zeros(student: Student, evidence: RunningCase) -> None:
    """Probabilities of 0 and 1 give a finite cross entropy."""
    certain, y = np.array([0.0, 1.0, 0.5]), np.array([0.0, 1.0, 1.0])
    hint = "0 log 0 counts as 0. Keep pred away from 0 and 1 before the logarithm: np.clip(pred, 1e-12, 1 - 1e-12)."
    expected = np.log(2) / 3
    check(student, evidence, "binary_cross_entropy", expected, hint, y=y, pred=certain)
    rows, wide = np.column_stack([y, 1 - y]), np.column_stack([certain, 1 - certain])
    check(student, evidence, "cross_entropy", expected, hint, y=rows, pred=wide)
    for name, wrong, pred in (
        ("binary_cross_entropy", np.array([1.0]), np.array([0.0])),
        ("binary_cross_entropy", np.array([0.0]), np.array([1.0])),
        ("cross_entropy", np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])),
    ):
        actual = one_of(called(student, name, wrong, pred))
        evidence.seen = side_by_side(actual=actual.ravel()[:1], y=wrong, pred=pred)
        if actual.size != 1 or not np.isfinite(actual).all() or actual.ravel()[0] < LEAST_LOSS:
            template = "{name} must be large but finite for a class with probability 0."
            raise unmet(template, name=name, hint=hint, seen=evidence.seen)


# --- momentum and graphs of computation ---------------------------------------------------------


@pytest.mark.criterion("gradients")
def test_momentum(student: Student, evidence: RunningCase) -> None:
    """momentum_step goes downhill and keeps a part of the previous step."""
    rng = student.rng("momentum")
    start, gradients = rng.uniform(-1, 1, 3), rng.uniform(0.2, 1, (3, 3)) * [1, -1, 1]
    rate, momentum = float(rng.uniform(0.1, 0.5)), float(rng.uniform(0.4, 0.9))
    w, velocity, path = start, np.zeros(3), []
    for gradient in gradients:
        w, velocity = stepped(student, w, gradient, velocity, rate, momentum)
        path.append(w)
    right, changes = trajectory(start, gradients, rate, momentum)
    actual = np.array(path)
    worst = int(np.abs(np.nan_to_num(actual - right, nan=np.inf)).max(1).argmax())
    evidence.seen = side_by_side(
        expected=right[worst], actual=actual[worst], w=start, grad=gradients[worst], learning_rate=rate, momentum=momentum
    )  # fmt: skip
    if is_close(actual, right):
        return
    if is_close(actual, start + np.cumsum(changes, axis=0)):
        raise unmet(
            "momentum_step goes uphill: the weights move to where the error grows.",
            hint="The lecture's dw = E grad + alpha dw is subtracted: w = w - dw.", seen=evidence.seen,
        )  # fmt: skip
    if is_close(actual[:1], right[:1]):
        template = "From step {step} on the weights are wrong: the previous step is multiplied by a factor other than the momentum."
        raise unmet(template, step=worst + 1, hint="dw_t = E grad + alpha dw_(t-1), then w - dw_t.", seen=evidence.seen)
    raise unmet("The weights after step {step} are wrong.", step=worst + 1, hint="The first step is w - E grad.", seen=evidence.seen)  # fmt: skip


def stepped(student: Student, w: Array, gradient: Array, velocity: Array, rate: float, momentum: float) -> list[Array]:
    """Make a step; return the new weights and the velocity that the student keeps, both (3,)."""
    parts = called(student, "momentum_step", w, gradient, velocity, rate, momentum)
    if len(parts) == 1 and parts[0].shape == (2, 3):
        parts = list(parts[0])
    if len(parts) != 2 or any(part.shape != (3,) for part in parts):
        raise unmet(
            "momentum_step must return two arrays of the shape of w: the weights and the velocity.",
            hint="Return a tuple: the new w, the new velocity.",
        )
    if not np.isfinite(parts).all():
        raise unmet("momentum_step returned a number that is not finite.", hint="The first step is w - E grad.")
    return parts


def trajectory(start: Array, gradients: Array, rate: float, momentum: float) -> tuple[Array, Array]:
    """Return the weights after each step, (n, 3), and the changes that are subtracted."""
    changes, change = [], np.zeros(3)
    for gradient in gradients:
        change = rate * gradient + momentum * change
        changes.append(change)
    return start - np.cumsum(changes, axis=0), np.array(changes)


@pytest.mark.criterion("gradients")
def test_exponential(student: Student, evidence: RunningCase) -> None:
    """f = 1 + e^(w1 x + w0): its value and three gradients, back through the graph."""
    x, w1, w0 = (float(number) for number in student.rng("exponential").uniform(0.3, 1.2, 3))
    power = np.exp(w1 * x + w0)
    expected = np.array([1 + power, w1 * power, x * power, power])
    parts = called(student, "exponential_example", x, w1, w0)
    actual = np.concatenate([np.ravel(part) for part in parts]) if parts else np.zeros(0)
    hint = "With b = w1 x + w0: f = 1 + e^b, df/dx = w1 e^b, df/dw1 = x e^b, df/dw0 = e^b, in this order, not rounded."
    compare(evidence, "exponential_example", actual, expected, hint, x=x, w1=w1, w0=w0)


@pytest.mark.criterion("gradients")
def test_half_norm(student: Student, evidence: RunningCase) -> None:
    """f = 1/2 ||X W||^2 and its gradient X^T (X W)."""
    rng = student.rng("half_norm")
    inputs, weights = rng.uniform(-1, 1, (4, 3)), rng.uniform(-1, 1, (3, 2))
    product = inputs @ weights
    parts = called(student, "half_norm_example", inputs, weights)
    if len(parts) != 2:
        raise unmet(
            "half_norm_example must return two values: f and its gradient with respect to W.",
            hint="Return a tuple: f, gradient.",
        )
    hint = "f is half the sum of the squares of X W."
    compare(evidence, "half_norm_example", parts[0], np.asarray(0.5 * (product**2).sum()), hint, X=inputs, W=weights)
    hint = "With a = X W the gradient with respect to a is a, and the gradient with respect to W is X^T a, in the shape of W."
    compare(evidence, "half_norm_example", parts[1], inputs.T @ product, hint, X=inputs, W=weights)
