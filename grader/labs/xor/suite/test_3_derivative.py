"""Derivative of the sigmoid: the function, and the one that Neuron.backward really uses."""

from __future__ import annotations

import numpy as np
import pytest

from grader.lab import CaseStopped, RunningCase, blocked, show, side_by_side

from .. import oracle
from ..driving.network import Network
from ..measurements import Measurements
from ..mistakes.diagnosis import Diagnosis, diagnose_function
from ..mistakes.misconceptions import DERIVATIVE, IN_NEURON, STILL
from ..mistakes.rules import TOLERANCE, misfit
from ..verdicts import named, unmet

pytestmark = pytest.mark.criterion("sigmoid_derivative")

NO_FUNCTION = "Your program has no function sigmoid_derivative outside its classes; the derivative used in the steps was graded instead."
HINT = "With y = S(d) the derivative is S'(d) = y (1 - y): formula (1) of the lecture."


def test_function(network: Network, evidence: RunningCase, measured: Measurements) -> None:
    """sigmoid_derivative(y) returns y (1 - y)."""
    # Seen: its values at nine drawn y; without such a function the derivative in the steps, as in `used`.
    if not network.has("sigmoid_derivative"):
        check_used(evidence, measured)
        evidence.remark(NO_FUNCTION)
        return
    check_function(network, evidence, is_in_steps=is_wrong_in_steps(measured))


def is_wrong_in_steps(measured: Measurements) -> bool:
    """Return whether the steps have a wrong derivative although forward is right."""
    try:
        steps, rule = measured.neuron_steps, measured.neuron_rule
    except CaseStopped:
        return False
    return steps.is_sigmoid and (not rule.is_derivative_right or measured.is_derivative_negated)


def check_function(network: Network, evidence: RunningCase, *, is_in_steps: bool) -> None:
    """Compare the student's sigmoid_derivative with y (1 - y); a function of the sum is accepted too.

    is_in_steps: the steps have another derivative, too, though forward is right: then a known one is named.
    """
    y = network.rng("derivative").uniform(0.05, 0.95, 9)
    actual = network.function("sigmoid_derivative", y[:, None])
    expected = oracle.derivative(y)
    at_sum = oracle.derivative(oracle.sigmoid(y))
    evidence.seen = side_by_side(expected=expected, actual=actual, y=y)
    if misfit(actual, expected) < TOLERANCE:
        return
    if misfit(actual, at_sum) < TOLERANCE:
        evidence.remark("sigmoid_derivative takes the sum d, not the output y; call it with d, never with y.")
        return
    index = int(np.where(np.isfinite(actual), np.abs(actual - expected), np.inf).argmax())
    mistake = diagnose_function(y, actual) if is_in_steps else None
    raise unmet(
        "sigmoid_derivative({y}) gives {got}; it should be {wanted}.",
        y=show(y[index]),
        got=show(actual[index]),
        wanted=show(expected[index]),
        hint=HINT,
        seen=side_by_side(expected=expected[index], actual=actual[index], y=y[index]),
        named=None if mistake is None else mistake.id,
        formula="derivative",
    )


def test_used(evidence: RunningCase, measured: Measurements) -> None:
    """Neuron.backward multiplies the error by y (1 - y)."""
    # Seen: a weight or the bias moves by y (1 - y) over six probes; or a mistake that includes y (1 - y) explains all of the
    # neuron's steps; or the steps show no slope, and the returned errors are err y (1 - y) w; or the neuron's steps have no
    # slope, and the network's steps are the gradient.
    check_used(evidence, measured)


def check_used(evidence: RunningCase, measured: Measurements) -> None:
    """Judge the derivative in the neuron's steps, separately from other mistakes in them."""
    steps, rule = measured.neuron_steps, measured.neuron_rule
    y = oracle.neuron(steps.probes.weights, steps.probes.x)
    expected = oracle.derivative(y)
    if rule.is_derivative_right and not measured.is_derivative_negated:
        evidence.seen = side_by_side(expected=expected, actual=rule.slope / rule.rate, y=y)
        if misfit(rule.slope / rule.rate, expected) >= TOLERANCE:
            evidence.remark(
                "Graded with the derivative of your own activation; the activation itself is graded under the forward pass."
            )
        return
    if rule.is_derivative_right:
        seen = side_by_side(expected=expected, actual=-expected, y=y)
        raise unmet(
            "Neuron.backward uses y (y - 1): the derivative with the wrong sign.", hint=HINT, seen=seen,
            named="derivative_negated", formula="derivative",
        )  # fmt: skip
    if measured.is_neuron_dead:
        raise blocked("forward.neuron")
    if has_derivative(measured.neuron_mistake) or (not rule.are_weights_right and steps.is_returned_right):
        evidence.remark(
            "The steps themselves do not show it; the mistake in them costs points only where it is reported."
        )
        return
    if not np.isfinite(rule.slope).all() or not rule.slope.any():
        raise blocked("neuron_update.weights")  # nothing moves, so no derivative shows
    if rule.is_derivative_constant and is_in_model(measured):
        evidence.remark("Your Neuron.backward takes an error that the model has already multiplied by the derivative.")
        return
    mistake = measured.derivative_mistake
    rate = (rule.slope * expected).sum() / (expected**2).sum()  # the one that fits best, if none is known
    if mistake is not None:
        rate = rule.slope[0] if rule.is_derivative_constant else mistake.rates[0]
    actual = rule.slope / rate
    index = int(np.abs(actual - expected).argmax())
    seen = side_by_side(expected=expected, actual=actual, y=y)
    unnamed = unmet(
        "The steps of Neuron.backward do not follow y (1 - y): scaled to fit it best, the factor at y = {y} is {got} instead of {wanted}.",
        y=show(y[index]),
        got=show(actual[index]),
        wanted=show(expected[index]),
        hint=HINT,
        seen=seen,
        formula="derivative",
    )
    raise named(evidence, mistake, unnamed)


def has_derivative(mistake: Diagnosis | None) -> bool:
    """Return whether a mistake explains the steps and keeps the derivative."""
    return mistake is not None and not any(rule in (*DERIVATIVE, STILL) for rule in mistake.rules)


def is_in_model(measured: Measurements) -> bool:
    """Return whether the model applies the derivative: the network's steps are right, or wrong by a mistake in the model."""
    try:
        rule, mistake = measured.model_rule, measured.network_mistake
    except CaseStopped:
        return False
    is_of_model = mistake is not None and not any(item in IN_NEURON for item in mistake.rules)
    return (rule.is_right and not rule.is_carried) or (is_of_model and has_derivative(mistake))
