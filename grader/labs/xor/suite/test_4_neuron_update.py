"""One step of one neuron: weights, bias, and the error it returns for its inputs.

Judged with the derivative that the neuron uses; a wrong one loses points elsewhere. Steps are those of fresh neurons, at
weights and inputs drawn for this run, with three errors.
"""

from __future__ import annotations

import numpy as np
import pytest

from grader.lab import CaseStopped, Evidence, RunningCase, Verdict, blocked, show, side_by_side

from .. import oracle
from ..measurements import Measurements
from ..mistakes.misconceptions import ROUNDED, SKIPPED, STILL, TRUNCATED
from ..mistakes.rules import TOLERANCE, NeuronSteps, fit, misfit
from ..oracle import Array
from ..verdicts import mistaken, named, remark_momentum, unmet

RATE_TOLERANCE = 0.01

pytestmark = pytest.mark.criterion("neuron_update")


def right_steps(measured: Measurements) -> Array:
    """Return the steps, (n, 3), that fit the lecture's rule with the student's own slope."""
    steps = measured.neuron_steps
    return np.asarray(steps.err * measured.neuron_rule.slope[:, None] * steps.inputs)


def seen_at(steps: NeuronSteps, index: int, expected: Array, actual: Array) -> Evidence:
    """Return one probe side by side for the report."""
    return side_by_side(
        expected=expected[index],
        actual=actual[index],
        weights=steps.probes.weights[index],
        x=steps.probes.x[index],
        err=steps.err,
    )


def test_weights(evidence: RunningCase, measured: Measurements) -> None:
    """Each weight moves by rate x error x derivative x its own input."""
    # Seen: both weights show one slope over six probes, in proportion to each of three errors, whatever steps were made
    # before, not cut to few digits; and where Model takes a rate, twice the rate makes twice the step.
    steps, rule = measured.neuron_steps, measured.neuron_rule
    expected, actual = right_steps(measured)[:, :2], steps.change[:, :2]
    index = int(np.abs(np.nan_to_num(actual - expected, nan=np.inf)).max(1).argmax())
    seen = seen_at(steps, index, expected, actual)
    if not np.isfinite(actual).all():
        raise unmet("After backward a weight is not a finite number.", seen=seen)
    check_digits(steps, seen)
    if measured.is_neuron_dead:
        raise blocked("forward.neuron")
    if not actual.any():
        template, hint = "Neuron.backward does not change the weights.", STILL.hint
    elif not rule.are_weights_right:
        template = "The two weights do not change in proportion to their inputs."
        hint = "The step is 2 lambda err y (1 - y) x: multiply by this neuron's inputs, each weight by its own."
    elif not rule.are_weights_linear:
        seen = other_error(measured)
        if not steps.small_change.any():
            sentence = "A small error causes no step at all: with an error of {err} nothing changes."
            raise mistaken(SKIPPED, seen, sentence, err=show(steps.small_err))
        template = "With a different error the step does not change in proportion."
        hint = "The step is proportional to the error, including its sign."
    elif not rule.is_stateless:
        late = int(np.abs(steps.in_a_row - steps.change).max(1).argmax())
        seen = seen_at(steps, late, steps.change, steps.in_a_row)
        template = "The same step gives a different result after other steps."
        hint = "Use the input and the output of the last forward call, and start every step from zero."
    else:
        remark_momentum(evidence, rule.momentum)
        evidence.seen = seen
        check_rate(evidence, measured)
        return
    raise named(evidence, measured.part_of_neuron((0, 1)), unmet(template, hint=hint, seen=seen))


def check_digits(steps: NeuronSteps, seen: Evidence) -> None:
    """Stop the case if steps or weights are rounded to some digits."""
    if steps.is_step_cut:
        sentence = "Every step is rounded to {digits} digits: small ones are lost."
        raise mistaken(ROUNDED, seen, sentence, digits=str(steps.digits))
    if steps.digits == 0:
        raise mistaken(TRUNCATED, seen)
    if steps.digits is not None:
        sentence = "The weights are rounded to {digits} digits after each step: small steps are lost."
        raise mistaken(ROUNDED, seen, sentence, digits=steps.digits)


# Ratio of steps for twice the rate, if the rate is used wrongly.
RATE_RATIOS = {
    1.0: ("rate_ignored", "The learning rate passed to Model does not affect the step."),
    4.0: (
        "rate_squared",
        "The learning rate is applied twice in the step: doubling the rate moves the weights four times as far.",
    ),
    0.5: ("rate_inverse", "The step is divided by the learning rate: doubling the rate moves the weights half as far."),
}


def check_rate(evidence: RunningCase, measured: Measurements) -> None:
    """Stop the case if Model takes a learning rate and the step is not proportional to it."""
    try:
        ratio = measured.rate_ratio
    except CaseStopped:
        return
    for known, (name, sentence) in RATE_RATIOS.items():
        if ratio is not None and abs(ratio - known) < RATE_TOLERANCE * known:
            raise unmet(
                sentence, hint="Store the learning rate in the neuron, and multiply the step by it once.",
                verdict=Verdict.PARTIAL, named=name, formula="step", seen=side_by_side(expected=2.0, actual=ratio),
            )  # fmt: skip


def other_error(measured: Measurements, columns: slice = slice(0, 2)) -> Evidence:
    """Return the probe whose step deviates most from proportionality, for another error or a small one."""
    steps = measured.neuron_steps
    variants = [(steps.other_err, steps.other_change[:, columns]), (steps.small_err, steps.small_change[:, columns])]
    found = []
    for err, actual in variants:
        expected = steps.change[:, columns] * err / steps.err
        off = np.abs(actual - expected).max(1) / (np.abs(expected).max() or 1.0)
        index = int(off.argmax())
        shown = {"weights": steps.probes.weights[index], "x": steps.probes.x[index], "err": err}
        found.append((float(off[index]), side_by_side(expected=expected[index], actual=actual[index], **shown)))
    return max(found, key=lambda item: item[0])[1]


def test_bias(evidence: RunningCase, measured: Measurements) -> None:
    """The bias changes like a weight whose input is 1."""
    # Seen: the bias moves by the slope that the weights show, or by y (1 - y), in proportion to each of three errors;
    # with inputs of 0 too.
    steps, rule = measured.neuron_steps, measured.neuron_rule
    if not steps.has_bias:
        raise blocked("shapes.bias")
    expected, actual = right_steps(measured)[:, 2], steps.change[:, 2]
    evidence.seen = side_by_side(expected=expected, actual=actual, err=steps.err)
    if measured.is_neuron_dead:
        raise blocked("forward.neuron")
    is_repeated = misfit(steps.in_a_row[:, 2], steps.change[:, 2]) < TOLERANCE
    if not (rule.is_stateless or is_repeated) and measured.neuron_mistake is None:
        raise blocked("neuron_update.weights")  # steps that depend on earlier ones show no rule
    is_consistent = rule.are_weights_right or abs(measured.bias_ratio - 1) < TOLERANCE
    if rule.is_bias_right and is_consistent:
        check_zero_input(measured)
        return
    is_alone = rule.is_bias_proportional and not (rule.is_derivative_right or rule.are_weights_right)
    if is_alone and measured.neuron_mistake is None and measured.weights_mistake is None:
        raise blocked("neuron_update.weights")  # there are no weights to compare with
    if not actual.any():
        template = "The bias never changes."
    elif rule.is_bias_proportional:
        template = "The bias moves {ratio} times as far as it should."
    else:
        template = "The bias does not change by rate x error x derivative."
        if misfit(actual, expected) < TOLERANCE:  # right for this error, wrong for another one
            evidence.seen = other_error(measured, slice(2, 3))
    if rule.is_bias_proportional and misfit(actual, expected) < TOLERANCE:
        evidence.seen = side_by_side(expected=right_bias(measured), actual=actual, err=steps.err)
    unnamed = unmet(
        template,
        hint="The lecture's step for the bias is 2 lambda err y (1 - y): the same as for a weight, with input 1.",
        seen=evidence.seen,
        formula="bias",
        ratio=show(measured.bias_ratio),
    )
    raise named(evidence, measured.part_of_neuron((2,)), unnamed)


def right_bias(measured: Measurements) -> Array:
    """Return the steps of the bias, (n,), that belong to wrong weights; the bias itself does not show their rate."""
    steps, found = measured.neuron_steps, measured.neuron_mistake
    if found is None:
        return np.asarray(steps.change[:, 2] / measured.bias_ratio)
    return np.asarray(
        found.rates[0] * steps.err * oracle.derivative(oracle.neuron(steps.probes.weights, steps.probes.x))
    )


def check_zero_input(measured: Measurements) -> None:
    """Stop the case if the bias does not move because all inputs are 0."""
    steps = measured.neuron_steps
    is_judged = measured.neuron_rule.is_derivative_right and steps.own_slope is None
    if is_judged and steps.is_zero_skipped:
        raise unmet(
            "No step is made when all inputs are 0, although the bias should change.",
            hint="Every example causes a step: for x = (0, 0) the bias still changes.",
            seen=side_by_side(actual=steps.zero_change, weights=steps.probes.weights[0], x=[0.0, 0.0], err=steps.err),
            named="zero_input_skipped",
            formula="bias",
        )


def test_returned_error(evidence: RunningCase, measured: Measurements) -> None:
    """backward returns the error of each input: err x derivative x weight, with the weights from before the step."""
    # Seen: for each of six probes, two numbers: err times y (1 - y), or the slope of its own steps, times the weights before
    # the step; or one number, that delta; or none, if the network's steps are the gradient.
    steps, rule = measured.neuron_steps, measured.neuron_rule
    count = steps.returned.shape[1]
    sign = -1 if measured.is_derivative_negated else 1  # the derivative's case loses the points for it
    delta = sign * steps.err * (rule.slope / rule.rate if rule.is_derivative_right else rule.slope)
    before = steps.before[:, :2]
    expected = delta[:, None] * before
    if count in (0, 1):
        check_unreturned(evidence, measured, count, delta)
        return
    if count != 2:
        raise unmet(
            "backward returns {count} numbers; there are two inputs.", count=count,
            hint="Return one error for each input: err * y * (1 - y) * self._weigths.",
        )  # fmt: skip
    if measured.is_neuron_dead:
        raise blocked("forward.neuron")
    if steps.is_returned_right:
        evidence.seen = side_by_side(expected=steps.returned, actual=steps.returned, weights=before, err=steps.err)
        return
    ratio, residual = fit(steps.returned, expected)
    is_descending = ratio > 0 or ratio * measured.loss_sign > 0
    free = not rule.is_derivative_right and is_descending  # rate and derivative cannot be separated
    evidence.seen = side_by_side(expected=expected, actual=steps.returned, weights=before, err=steps.err)
    if residual < TOLERANCE and (free or abs(ratio - 1) < TOLERANCE):
        return
    if has_order_defect(evidence, measured, delta, expected):
        return
    if (residual < TOLERANCE or steps.is_left_out) and is_charged_to_neuron(measured):
        evidence.remark("These errors contain the mistake in the neuron's own step; it costs points only there.")
        return
    right = expected if rule.is_derivative_right else steps.right_returned
    worst = int(np.abs(steps.returned - right).max(1).argmax())
    mistake, seen = measured.returned_mistake, seen_at(steps, worst, right, steps.returned)
    if residual < TOLERANCE and rule.is_derivative_right:
        hint = "The returned error is err y (1 - y) w, without the learning rate and with the same sign."
        sentence, more = "The returned errors are {ratio} times what they should be.", {"ratio": show(ratio)}
    else:
        hint = "The error of input i is err y (1 - y) w_i: it goes back through the weight that the input came through."
        sentence, more = "The returned errors are not err x derivative x weight.", {}
    raise named(evidence, mistake, unmet(sentence, hint=hint, seen=seen, formula="hidden", **more))


def has_order_defect(evidence: RunningCase, measured: Measurements, delta: Array, expected: Array) -> bool:
    """Return whether an order defect of the network's step explains the returned errors.

    Raises CaseStopped if the returned errors themselves have one.
    """
    steps = measured.neuron_steps
    after = delta[:, None] * (steps.before[:, :2] + steps.change[:, :2])
    seen = seen_at(steps, 0, expected, steps.returned)
    defect = {"updated_output_weights": after, "factor_two_compounded": 2 * expected}.get(measured.order_defect or "")
    if defect is not None and misfit(steps.returned, defect) < TOLERANCE:
        evidence.remark("These errors contain the mistake in the network's step; it costs points only there.")
        return True
    if misfit(steps.returned, after) < TOLERANCE:
        raise unmet(
            "backward returns errors computed with the weights from after the step.",
            hint="Compute the returned errors before you change self._weigths.",
            verdict=Verdict.PARTIAL, named="updated_output_weights", formula="hidden", seen=seen,
        )  # fmt: skip
    ratio, residual = fit(steps.returned, expected)
    if residual < TOLERANCE and abs(ratio - 2) < TOLERANCE:
        raise unmet(
            "The returned errors are twice as large as they should be: every neuron applies the factor 2 again.",
            hint="Keep the factor 2 in the step; the returned error is err y (1 - y) w.",
            verdict=Verdict.PARTIAL, named="factor_two_compounded", formula="hidden", seen=seen,
        )  # fmt: skip
    return False


def is_charged_to_neuron(measured: Measurements) -> bool:
    """Return whether a single mistake inside the neurons explains the network's steps."""
    try:
        return measured.is_charged_to_neuron
    except CaseStopped:
        return False


def check_unreturned(evidence: RunningCase, measured: Measurements, count: int, delta: Array) -> None:
    """Accept a neuron that returns its delta, or nothing, if the model computes the errors right; else stop the case."""
    returned = measured.neuron_steps.returned
    if count == 1 and fit(returned[:, 0], delta)[1] < TOLERANCE:
        evidence.remark("backward returns its delta; the model multiplies it by the weights.")
        return
    try:
        is_right = measured.model_rule.is_right or measured.is_charged_to_neuron
    except CaseStopped:
        is_right = False
    if is_right:
        evidence.remark("backward does not return the errors of its inputs; the model computes them itself.")
        return
    raise unmet(
        "backward does not return the error of each input.",
        hint="Return err * y * (1 - y) * self._weigths, with the weights from before the step.",
        seen=side_by_side(expected=measured.neuron_steps.before[0, :2] * delta[0], actual=returned[0]),
    )
