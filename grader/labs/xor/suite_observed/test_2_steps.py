"""Steps of a watched training that continues from weights drawn by the grader: derivative, single neurons, the network.

If all steps are right, so is every part. Wrong steps are analysed, and a part passes if its numbers were recognised as the
lecture's, or as those of a single mistake that explains all of them and loses points in another case. Nothing passes because
something else is wrong; what remains unknown is blocked or not gradable.
"""

from __future__ import annotations

import numpy as np
import pytest
from msgspec.structs import replace
from numpy.typing import NDArray

from grader.lab import CaseStopped, Evidence, RunningCase, blocked, not_gradable, say, show, side_by_side

from .. import oracle
from ..driving.network import Network
from ..mistakes.rules import fit
from ..oracle import Array
from ..shown import NEURONS, NUMBERS, by_neuron
from ..suite.test_3_derivative import HINT, NO_FUNCTION, check_function, has_derivative
from ..verdicts import mistaken, named, remark_momentum, remark_second, unmet
from ..watched.observed import Observed
from ..watched.parts import MISSING, Parts, is_passed_turned
from ..watched.steps import StepRule, labels_of

LARGEST_LABEL = 2.0
BIAS = "The lecture's step for the bias is 2 lambda err y (1 - y): the same as for a weight, with input 1."
CHAIN = "Hidden neuron i gets the error err y (1 - y) w_i, where y and w_i belong to the output neuron, then makes its own step."


def seen_at(rule: StepRule, index: int, expected: Array) -> Evidence:
    """Return one step side by side for the report: its examples as x, their errors as err."""
    corners = np.flatnonzero(rule.steps.weights(rule.way)[index])
    return by_neuron(
        expected=expected[index],
        actual=rule.steps.change[index],
        weights=rule.steps.parameters[index],
        x=oracle.XOR_INPUTS[corners],
        err=rule.steps.err[index, corners],
    )


def worst(rule: StepRule, expected: Array) -> Evidence:
    """Return the step that deviates most."""
    return seen_at(rule, int(np.abs(rule.steps.change - expected).max((1, 2)).argmax()), expected)


def parts(observed: Observed) -> Parts | None:
    """Return the analysis of wrong steps, or None if they are right; stop the case if they cannot be analysed."""
    rule = observed.rule
    if rule.is_right:
        return None
    found = observed.parts
    if found is None or not (found.is_recognised or observed.mistake):
        raise undecided(observed)
    return found


def undecided(observed: Observed) -> CaseStopped:
    """Return the CaseStopped for steps that nothing explains."""
    mistake, seen = observed.forward_mistake, worst(observed.rule, observed.rule.expected)
    if mistake is not None:
        return not_gradable(
            "{mistake} What the steps of your training would have to be with it cannot be told automatically.",
            mistake=say(mistake.rules[0].message), seen=seen,
        )  # fmt: skip
    if observed.network.is_forward_right:
        sentence = "The steps of your training are not gradient descent, and the grader cannot tell what exactly is wrong with them."
    else:
        sentence = "Your forward is not that of the lecture, and the steps of your training are not its gradient: how the two belong together cannot be told automatically."
    return not_gradable(sentence, seen=seen)


def check_own(
    observed: Observed, evidence: RunningCase, flags: NDArray[np.bool_], columns: slice, template: str, hint: str
) -> None:
    """Judge mistakes that all neurons share; the network's cases judge mistakes of only some of them."""
    found = parts(observed)
    assert found is not None
    evidence.seen = worst(observed.rule, found.expected)
    if flags.any():
        return
    off = np.abs(observed.rule.steps.change - found.expected)[:, :, columns]
    index, row, _ = np.unravel_index(int(off.argmax()), off.shape)
    seen = seen_at(observed.rule, int(index), found.expected)
    if observed.mistake is not None:
        seen = worst(observed.rule, fitted_gradient(observed))
    raise named(evidence, observed.mistake, unmet(template, neuron=NEURONS[row], hint=hint, seen=seen))


@pytest.mark.criterion("sigmoid_derivative")
def test_function(network: Network, observed: Observed, evidence: RunningCase) -> None:
    """sigmoid_derivative(y) returns y (1 - y)."""
    # Seen: its values at nine drawn y; without such a function the derivative in the steps, as in `used`.
    if not network.has("sigmoid_derivative"):
        check_used(network, observed, evidence)
        evidence.remark(NO_FUNCTION)
        return
    check_function(network, evidence, is_in_steps=has_other_derivative(observed))


def has_other_derivative(observed: Observed) -> bool:
    """Return whether the steps of a right forward do not have y (1 - y)."""
    rule, found = observed.rule, observed.parts
    if rule.is_right or not observed.network.is_forward_right:
        return False
    return found is None or observed.is_negated or not (found.derivative == 0 or found.is_hidden_gradient)


@pytest.mark.criterion("sigmoid_derivative")
def test_used(network: Network, observed: Observed, evidence: RunningCase) -> None:
    """The steps multiply the error by y (1 - y)."""
    # Seen: right steps; or the output neuron's steps are err y (1 - y) times its inputs, or its bias moves by err y (1 - y);
    # or the hidden neurons' steps are the gradient; or a mistake that includes y (1 - y) explains all of the numbers.
    check_used(network, observed, evidence)


def check_used(network: Network, observed: Observed, evidence: RunningCase) -> None:
    """Judge the derivative behind the steps."""
    rule = observed.rule
    if rule.loss == "free" and is_derivative_wrong(observed):
        unnamed = unmet(
            "The output neuron's steps do not follow y (1 - y).",
            hint=HINT,
            seen=worst(rule, fitted_gradient(observed)),
        )
        raise named(evidence, observed.mistake, unnamed)
    found = parts(observed)
    evidence.seen = worst(rule, rule.expected)
    if found is None:
        return
    if is_sign_of_output(network, observed):
        evidence.remark("Your sigmoid_derivative has the right sign, so the output neuron's step has the wrong one.")
        return
    if observed.is_negated:
        template = "Your steps use y (y - 1): the derivative with the wrong sign."
    elif found.derivative == 0 or found.is_hidden_gradient or has_derivative(observed.mistake):
        return
    elif found.derivative == MISSING:
        template = "The steps do not use the derivative: they are the same for every output between 0 and 1."
    elif found.derivative is None and not found.are_weights_alike[2] and observed.mistake is None:
        raise blocked("neuron_update.weights")
    else:
        template = "The output neuron's steps do not follow y (1 - y)."
    seen = evidence.seen if observed.mistake is None else worst(rule, fitted_gradient(observed))
    raise named(evidence, observed.mistake, unmet(template, hint=HINT, seen=seen, formula="derivative"))


def is_sign_of_output(network: Network, observed: Observed) -> bool:
    """Return whether the output neuron's step has the wrong sign, not the derivative y (y - 1), which gives the same numbers.

    That is so if the submission's own sigmoid_derivative is right, and the errors passed to the hidden neurons are not turned.
    """
    if not (observed.is_negated and network.has("sigmoid_derivative")) or is_passed_turned(observed.rule):
        return False
    try:
        check_function(network, RunningCase(""), is_in_steps=False)
    except CaseStopped:
        return False
    return True


def is_derivative_wrong(observed: Observed) -> bool:
    """Return whether a factor other than that of the squared error is due to the derivative, not the loss.

    Raises CaseStopped if that cannot be decided.
    """
    labels, mistake = labels_of(observed.rule.steps, observed.rule.way), observed.loss_mistake
    is_loss = mistake is not None and mistake.rates[0] > 0  # else the steps descend for these labels
    if not is_loss and labels is not None and np.abs(labels).max() < LARGEST_LABEL:
        raise not_gradable(
            "Your steps are correct for the labels {labels} of (0, 0), (0, 1), (1, 0), (1, 1); XOR has 0, 1, 1, 0.",
            labels=", ".join(show(round(label, 6)) for label in labels),
        )
    if observed.output_error in ("linear", "other"):
        return observed.output_error == "linear"
    if mistake is None:
        raise not_gradable(
            "The output neuron's steps are proportional neither to label - y nor to the error of cross-entropy; the grader cannot tell whether the loss or the derivative is wrong."
        )
    return False


@pytest.mark.criterion("neuron_update")
def test_weights(observed: Observed, evidence: RunningCase) -> None:
    """Each weight moves by rate x error x derivative x its own input."""
    # Seen: right steps; or in one neuron both weights move by a factor times their inputs, and that factor is err times a
    # known derivative (output neuron), or the one that the chain rule gives (hidden neurons).
    found = parts(observed)
    remark_momentum(evidence, observed.rule.momentum)
    low, high = observed.rule.steps.labels[:2]
    if (low, high) != (0.0, 1.0):
        evidence.remark(
            "Your labels are {low} and {high}; the grader took that into account.", low=show(low), high=show(high)
        )
    if found is not None:
        hint = "The step is 2 lambda err y (1 - y) x: multiply by this neuron's inputs, each weight by its own."
        template = "The two weights of {neuron} do not change in proportion to their inputs."
        check_own(observed, evidence, found.are_weights_right, slice(0, 2), template, hint)


@pytest.mark.criterion("neuron_update")
def test_bias(observed: Observed, evidence: RunningCase) -> None:
    """The bias changes like a weight whose input is 1."""
    # Seen: a bias, and right steps; or in one neuron the bias moves by that same factor, or by err y (1 - y) if the weights
    # show no factor.
    if not observed.network.present[:, 2].any():
        raise blocked("shapes.bias")
    found = parts(observed)
    if found is not None:
        template = "The bias of {neuron} does not change consistently with its weights."
        check_own(observed, evidence, found.is_bias_right, slice(2, 3), template, BIAS)


@pytest.mark.criterion("neuron_update")
def test_returned_error(observed: Observed, evidence: RunningCase) -> None:
    """The error of each input is err x derivative x weight, computed with the weights from before the step."""
    # Seen: the hidden neurons' steps are right, or the output neuron's factor times its weights and their derivative; or a
    # mistake that loses points in another case explains all of the numbers.
    found = parts(observed)
    if found is not None:
        if not (found.is_chain_right or found.is_hidden_gradient or observed.mistake):
            raise blocked("model_update.hidden_step")
        if observed.is_in_returned_error:
            evidence.seen = worst(observed.rule, observed.rule.expected)
            unnamed = unmet("The returned errors are not err x derivative x weight.", hint=CHAIN, seen=evidence.seen)
            raise named(evidence, observed.mistake, unnamed)
        evidence.remark("The error passed back is checked in the hidden neurons' steps.")


@pytest.mark.criterion("model_update")
def test_output_step(observed: Observed, evidence: RunningCase) -> None:
    """The output neuron's step is rate x err x y (1 - y) x (its inputs, the hidden outputs)."""
    # Seen: right steps, for each example; or its weights and bias are right except for mistakes that all neurons share.
    rule = observed.rule
    if rule.loss == "entropy":
        check_entropy(observed, evidence)
    idle = observed.idle
    if idle is not None:
        raise unmet(
            "After forward({x}) nothing changes, although the answer is wrong.",
            x=", ".join(show(number) for number in oracle.XOR_INPUTS[idle[1]]),
            hint="Every example causes a step, even if its error is small; the step is proportional to the error.",
            seen=side_by_side(weights=idle[0], x=oracle.XOR_INPUTS[idle[1]]),
            named="small_errors_skipped" if observed.skips_small else None,
        )
    check_rows(observed, evidence, [2], "The output neuron's inputs are the two hidden outputs, not x.")


def check_entropy(observed: Observed, evidence: RunningCase) -> None:
    """Accept the gradient of cross-entropy; stop the case if instead the output's derivative is missing, or in doubt."""
    rule = observed.rule
    if observed.output_error == "entropy":
        evidence.remark("You minimise the cross-entropy; the lecture teaches it, and the grader took it into account.")
        return
    if observed.output_error == "doubt":
        raise not_gradable(
            "The output neuron's step has no factor y (1 - y): that is correct for cross-entropy and wrong for the squared error. The grader cannot tell which one you meant."
        )
    remark_second(evidence, rule.defect)
    raise unmet(
        "The output neuron's step is missing the derivative: it uses err, not err y (1 - y).",
        hint=HINT,
        seen=worst(replace(rule, steps=replace(rule.steps, is_entropy=False)), fitted_gradient(observed)),
        named="output_derivative_missing",
        formula="output",
    )


def fitted_gradient(observed: Observed) -> Array:
    """Return the steps of the squared error's gradient, at the rate of the mistake, or else that of the output neuron."""
    rule, mistake = observed.rule, observed.mistake or observed.loss_mistake
    gradient = replace(rule.steps, is_entropy=False).gradient(rule.way)
    if mistake is not None or rule.loss == "entropy":
        return np.asarray((rule.rate if mistake is None else mistake.rates[0]) * gradient)
    rate = (rule.steps.change[:, 2] * gradient[:, 2]).sum() / (gradient[:, 2] ** 2).sum()
    return np.asarray(rate * gradient)


def check_rows(observed: Observed, evidence: RunningCase, rows: list[int], hint: str) -> None:
    """Judge mistakes of only the output neuron, or only the hidden ones; neuron_update judges those that all share."""
    rule, found = observed.rule, parts(observed)
    if found is None:
        evidence.seen = worst(rule, rule.expected)
        return
    if observed.mistake is None and not found.are_weights_right.any():
        raise blocked("neuron_update.weights")
    if observed.is_in_returned_error or is_in_neurons(observed, found):
        evidence.seen = worst(rule, rule.expected)
        evidence.remark(
            "The mistake inside your neurons explains all of these steps; it costs points only where it is reported."
        )
        return
    if is_right_in(rule, found, rows):
        is_charged_elsewhere = found.derivative != 0 or observed.is_negated or not found.are_weights_right.any()
        is_charged_elsewhere = is_charged_elsewhere or not found.is_bias_right.any()
        if not is_charged_elsewhere and is_right_in(rule, found, [2]) and is_right_in(rule, found, [0, 1]):
            raise undecided(observed)  # the steps are wrong, but each part of them is right
        if is_charged_elsewhere:
            evidence.remark("A mistake in the neuron's own step costs points only where it is reported.")
        return
    expected = found.rate * rule.steps.gradient(rule.way) if found.rate else fitted_gradient(observed)
    off = np.abs(rule.steps.change - expected)[:, rows]
    index, which, column = np.unravel_index(int(off.argmax()), off.shape)
    neuron = rows[int(which)]
    hint = BIAS if found.are_weights_right[neuron] and int(column) == 2 else hint
    unnamed = unmet(
        "In {neuron} the {number} changes by {change}; it should change by {wanted}.",
        neuron=NEURONS[neuron], number=NUMBERS[int(column)], change=show(rule.steps.change[index, neuron, column]),
        wanted=show(expected[index, neuron, column]), hint=hint, seen=seen_at(rule, int(index), expected),
    )  # fmt: skip
    raise named(evidence, observed.mistake, unnamed)


def is_in_neurons(observed: Observed, found: Parts) -> bool:
    """Return whether a single mistake inside the neurons explains all steps, and loses points in a neuron's own cases."""
    if observed.mistake is None or not observed.mistake.is_in_neuron:
        return False
    is_derivative_charged = not has_derivative(observed.mistake) and not (
        found.derivative == 0 or found.is_hidden_gradient
    )
    return is_derivative_charged or not found.are_weights_right.any() or not found.is_bias_right.any()


def is_right_in(rule: StepRule, found: Parts, rows: list[int]) -> bool:
    """Return whether the steps of these neurons are right, except for mistakes that all share, which lose points elsewhere."""
    are_weights_charged, is_bias_charged = not found.are_weights_right.any(), not found.is_bias_right.any()
    own = (found.are_weights_right | are_weights_charged) & (found.is_bias_right | is_bias_charged)
    if rows == [2] or not own[rows].all():
        return bool(own[rows].all())
    c, residual = fit(rule.steps.change[:, :2], rule.steps.gradient(rule.way)[:, :2])
    is_gradient = not own[2] and residual < rule.steps.tolerance and c * rule.rate > 0
    return found.is_chain_right or is_gradient or are_weights_charged


@pytest.mark.criterion("model_update")
def test_hidden_step(network: Network, observed: Observed, evidence: RunningCase) -> None:
    """The errors of the hidden neurons come through the output weights: err x y (1 - y) x w_i."""
    # Seen: right steps; or both neurons' weights and biases are right except for mistakes that all neurons share, and move by
    # the output neuron's factor times its weights and their derivative, or by the gradient.
    if is_sign_of_output(network, observed):
        assert observed.mistake is not None
        raise named(evidence, observed.mistake, unmet(CHAIN, seen=worst(observed.rule, fitted_gradient(observed))))
    check_rows(observed, evidence, [0, 1], CHAIN)


@pytest.mark.criterion("model_update")
def test_order(observed: Observed) -> None:
    """All parts of one step use the weights and outputs from before the step."""
    # Seen: the two cases before have passed, with weights and outputs from before each step.
    defect = observed.rule.defect
    if defect is not None:
        gradient = observed.rule.rate * observed.rule.steps.gradient(observed.rule.way)
        raise mistaken(defect, worst(observed.rule, gradient))
