"""One neuron: what it returns, one step, and what many steps teach it."""

import numpy as np
import pytest

from grader.cases import Case, Seen, unmet
from grader.student import Student

INPUTS = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
EPOCHS, RATE = 60, 8.0


def right_output(weights, x):
    """Return S(w . x + w0) for weights (3,), the bias last, and x (2,)."""
    return 1 / (1 + np.exp(-(weights[:2] @ x + weights[2])))


def right_step(weights, x):
    """Return the step for an error of 1 and a rate of 1, (3,)."""
    y = right_output(weights, x)
    return y * (1 - y) * np.append(x, 1.0)


@pytest.mark.criterion("forward")
def test_value(student: Student, case: Case) -> None:
    """forward returns S(w . x + w0)."""
    rng = student.rng("value")
    weights, x = rng.uniform(-2, 2, 3), rng.uniform(-2, 2, (5, 2))
    expected = np.array([right_output(weights, row) for row in x])
    actual = student.neuron().forward(weights, x)
    case.seen = Seen(expected=expected, actual=actual, weights=weights, x=x)
    if not np.allclose(actual, expected, atol=1e-5):
        raise unmet("forward does not return S(w . x + w0).", hint="S(d) = 1 / (1 + e^-d).", seen=case.seen)


@pytest.mark.criterion("step")
def test_gradient(student: Student, case: Case) -> None:
    """backward moves each weight in proportion to err, y (1 - y) and its input."""
    rate = measured_rate(student)
    rng = student.rng("gradient")
    for _ in range(3):
        weights, x, err = rng.uniform(-2, 2, 3), rng.uniform(0.5, 2, 2), rng.uniform(0.2, 0.8)
        expected = rate * err * right_step(weights, x)
        actual = student.neuron().step(weights, x, err).change
        case.seen = Seen(expected=expected, actual=actual, weights=weights, x=x, err=err)
        if not np.allclose(actual, expected, rtol=1e-3):
            hint = "Multiply the error with y (1 - y), then with x; for the bias with 1."
            raise unmet("The step is not rate x err x y (1 - y) x input.", hint=hint, seen=case.seen)


def measured_rate(student):
    """Return what the student multiplies the step with, whatever its sign: both signs of err are in use."""
    weights, x = np.array([0.5, -0.5, 0.25]), np.array([1.0, 0.5])
    change = student.neuron().step(weights, x, 0.5).change
    rate = change[0] / (0.5 * right_step(weights, x)[0])
    if not rate:
        raise unmet("backward leaves the weights as they were.", hint="Change self.weights in place.")
    return rate


@pytest.mark.criterion("gates")
def test_learns_and(student: Student, case: Case) -> None:
    """It learns AND."""
    check_learns(student, case, np.array([0, 0, 0, 1]))


@pytest.mark.criterion("gates")
def test_learns_or(student: Student, case: Case) -> None:
    """It learns OR."""
    check_learns(student, case, np.array([0, 1, 1, 1]))


def check_learns(student, case, labels):
    """Train a neuron from a set start: a start of its own would make the grade a matter of luck."""
    scale, weights, neuron = RATE / measured_rate(student), np.array([0.1, -0.1, 0.0]), student.neuron()
    for _ in range(EPOCHS):
        for x, label in zip(INPUTS, labels, strict=True):
            weights = neuron.step(weights, x, scale * (label - right_output(weights, x))).after
    actual = neuron.forward(weights, INPUTS)
    case.seen = Seen(expected=labels, actual=actual, start=weights)
    if not (np.abs(actual - labels) < 0.3).all():
        raise unmet("After {epochs} epochs the answers are not those of the gate.", epochs=EPOCHS, seen=case.seen)
