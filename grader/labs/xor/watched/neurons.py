"""What a single mistake inside the neurons does to one neuron, judged as the steps of single neurons are.

So that it costs the same where single neurons cannot be asked for a step.
"""

from __future__ import annotations

import numpy as np

from .. import oracle, probes
from ..measured_steps import SMALL_ERR
from ..mistakes.diagnosis import Diagnosis
from ..mistakes.misconceptions import NeuronPass
from ..mistakes.rules import TOLERANCE, NeuronRule, NeuronSteps, fit
from ..oracle import Array


def neuron_steps_of(mistake: Diagnosis, seed: int) -> NeuronSteps:
    """Return the steps that a neuron with this mistake makes for a run's probes."""
    drawn, (rule, rate, form) = probes.of_neuron(seed), (mistake.rules[0], mistake.rates[0], mistake.forms[0])
    err = drawn.err / (abs(rate) or 1.0)

    def alone(error: float, x: Array = drawn.x) -> NeuronPass:
        return NeuronPass(drawn.weights[None], x[None], np.full((1, len(x)), error), rate, form)

    first, other, small, zero = (
        rule.neuron_step(item)[0]
        for item in (alone(err), alone(-0.4 * err), alone(SMALL_ERR), alone(err, np.zeros_like(drawn.x)))
    )
    return NeuronSteps(
        probes=drawn, err=err, other_err=-0.4 * err, small_err=SMALL_ERR, output=oracle.neuron(drawn.weights, drawn.x),
        before=drawn.weights, change=first, other_change=other, small_change=small,
        in_a_row=rule.neuron_step(NeuronPass(drawn.weights, drawn.x, np.full(len(drawn.x), err), rate, form)),
        returned=rule.returned(alone(err))[0], has_bias=True, own_slope=None, zero_change=zero[0],
    )  # fmt: skip


def is_returned_right(steps: NeuronSteps, rule: NeuronRule) -> bool:
    """Return whether a neuron returns the errors that its own steps imply: their slope times its weights, or none for no step."""
    own = (steps.err * rule.slope)[:, None] * steps.before[:, :2]
    return steps.is_returned_right or steps.is_left_out or fit(steps.returned, own)[1] < TOLERANCE
