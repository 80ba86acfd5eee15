"""One neuron: what it returns, one step, and what many steps teach it."""

import numpy as np
import pytest

from grader.lab import RunningCase, side_by_side, unmet

INPUTS = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
EPOCHS, RATE = 60, 8.0


def right_output(weights, x):
    """Return S(w . x + w0) for weights (3,), the bias last, and x (2,)."""
    return 1 / (1 + np.exp(-(weights[:2] @ x + weights[2])))


def right_step(weights, x):
    """Return the step for an error of 1 and a rate of 1, (3,)."""
    y = right_output(weights, x)
    return y * (1 - y) * np.append(x, 1.0)


def neuron_with(student, weights):
    """Return a fresh neuron of the student with these weights (3,), the bias last."""
    neuron = student.new("Neuron", 2)
    neuron.set("weights", weights[:2])
    neuron.set("bias", float(weights[2]))
    return neuron


def change(student, weights, x, err):
    """Return how one step of a fresh neuron changes its weights, (3,)."""
    neuron = neuron_with(student, weights)
    neuron.forward(x)
    neuron.backward(x, float(err))
    return np.append(neuron.get("weights").array(2), neuron.get("bias").number()) - weights


@pytest.mark.criterion("forward")
def test_value(student, evidence: RunningCase):
    """forward returns S(w . x + w0)."""
    rng = student.rng("value")
    weights, x = rng.uniform(-2, 2, 3), rng.uniform(-2, 2, (5, 2))
    neuron = neuron_with(student, weights)
    expected = np.array([right_output(weights, row) for row in x])
    actual = np.array([neuron.forward(row).number() for row in x])
    evidence.seen = side_by_side(expected=expected, actual=actual, weights=weights, x=x)
    if not np.allclose(actual, expected, atol=1e-5):
        raise unmet("forward does not return S(w . x + w0).", hint="S(d) = 1 / (1 + e^-d).", seen=evidence.seen)


@pytest.mark.criterion("step")
def test_gradient(student, evidence: RunningCase, rate):
    """backward moves each weight in proportion to err, y (1 - y) and its input."""
    rng = student.rng("gradient")
    for _ in range(3):
        weights, x, err = rng.uniform(-2, 2, 3), rng.uniform(0.5, 2, 2), rng.uniform(0.2, 0.8)
        expected, actual = rate * err * right_step(weights, x), change(student, weights, x, err)
        evidence.seen = side_by_side(expected=expected, actual=actual, weights=weights, x=x, err=err)
        if not np.allclose(actual, expected, rtol=1e-3):
            hint = "Multiply the error by y (1 - y), then by x; for the bias by 1."
            raise unmet("The step is not rate x err x y (1 - y) x input.", hint=hint, seen=evidence.seen)


@pytest.fixture(scope="session")
def rate(student):
    """Return the factor in the student's step, whatever its sign: both signs of err are in use."""
    weights, x = np.array([0.5, -0.5, 0.25]), np.array([1.0, 0.5])
    measured = change(student, weights, x, 0.5)[0] / (0.5 * right_step(weights, x)[0])
    if not measured:
        raise unmet("backward leaves the weights as they were.", hint="Change self.weights in place.")
    return measured


@pytest.mark.criterion("gates")
def test_learns_and(student, evidence: RunningCase, rate):
    """It learns AND."""
    check_learns(student, evidence, rate, np.array([0, 0, 0, 1]))


@pytest.mark.criterion("gates")
def test_learns_or(student, evidence: RunningCase, rate):
    """It learns OR."""
    check_learns(student, evidence, rate, np.array([0, 1, 1, 1]))


def check_learns(student, evidence, rate, labels):
    """Train a neuron from a set start: with random weights the grade would be a matter of luck."""
    neuron = neuron_with(student, np.array([0.1, -0.1, 0.0]))
    for _ in range(EPOCHS):
        for x, label in zip(INPUTS, labels, strict=True):
            neuron.backward(x, RATE / rate * (label - neuron.forward(x).number()))
    actual = np.array([neuron.forward(x).number() for x in INPUTS])
    evidence.seen = side_by_side(expected=labels, actual=actual)
    if not (np.abs(actual - labels) < 0.3).all():
        raise unmet("After {epochs} epochs the answers are not those of the gate.", epochs=EPOCHS, seen=evidence.seen)
