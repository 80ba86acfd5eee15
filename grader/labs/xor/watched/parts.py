"""Analyses wrong steps of a watched training: which parts of each neuron's step are right, and which error it used."""

from __future__ import annotations

from typing import Literal

import msgspec
import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from .. import oracle
from ..mistakes.diagnosis import Diagnosis
from ..mistakes.misconceptions import ROUNDED, TRUNCATED
from ..mistakes.rules import DERIVATIVES, TOLERANCE, fit, misfit, neuron_rule
from ..oracle import Array
from .neurons import neuron_steps_of
from .steps import StepRule, Steps

SATURATED = 1e-6  # slope of an output; below it 1 - y has lost digits
MISSING = 1  # the place of "none at all" among them


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """Analysis of wrong steps, by neuron, (3,).

    expected (n, 3, 3) are the steps that each neuron's factor implies. derivative is the index of the output neuron's in
    DERIVATIVES, None for any other. is_chain_right: the hidden neurons get the right errors for the derivative in use, or
    the same with the opposite sign, like the output neuron. is_hidden_gradient: the hidden neurons' steps are the gradient,
    whatever the output neuron does.
    Weights or a bias are right where they fit together, and the factor that they fit with was recognised;
    are_weights_alike: they fit together. rate is that of the recognised part, 0 if there is none.
    """

    expected: Array
    are_weights_right: NDArray[np.bool_]
    is_bias_right: NDArray[np.bool_]
    derivative: int | None
    are_weights_alike: NDArray[np.bool_]
    is_chain_right: bool
    is_hidden_gradient: bool
    rate: float

    @property
    def is_recognised(self) -> bool:
        """Whether any part of the steps was recognised."""
        return self.derivative is not None or self.is_hidden_gradient


def parts_of(rule: StepRule) -> Parts:
    """Analyse steps of one example each."""
    steps = rule.steps
    x = oracle.XOR_INPUTS[steps.last]
    h = oracle.hidden(steps.parameters, x)
    inputs = np.stack([oracle.with_one(x), oracle.with_one(x), oracle.with_one(h)], axis=1) * steps.present
    lengths = (inputs[..., :2] ** 2).sum(2)
    weights = (steps.change[..., :2] * inputs[..., :2]).sum(2) / np.maximum(lengths, 1e-12)
    factor = np.where(lengths > 0, weights, steps.change[..., 2])
    is_by_bias = np.zeros(3, dtype=bool)
    for row in range(3):
        are_right = misfit(steps.change[:, row, :2], factor[:, row, None] * inputs[:, row, :2]) < steps.tolerance
        if not are_right and steps.present[row, 2]:
            factor[:, row], is_by_bias[row] = steps.change[:, row, 2], True
    expected = factor[..., None] * inputs
    err, y = steps.at_last(steps.err), steps.at_last(steps.y)

    def is_fit(observed: Array, wanted: Array) -> bool:
        return misfit(observed, wanted) < steps.tolerance

    fitting = [
        n for n, derivative in enumerate(DERIVATIVES) if fit(factor[:, 2], err * derivative(y))[1] < steps.tolerance
    ]
    slope = DERIVATIVES[fitting[0]] if fitting else oracle.derivative
    chain = factor[:, 2:] * steps.parameters[:, 2, :2] * slope(h)
    is_bias_right = np.array(
        [not steps.present[n, 2] or is_fit(steps.change[:, n, 2], expected[:, n, 2]) for n in range(3)]
    )
    is_shown = (lengths[:, :2] > 0) | (is_bias_right & (steps.present[:, 2] > 0))[:2]  # x = (0, 0) moves the bias only
    observed, chain = factor[:, :2] * is_shown, chain * is_shown
    is_chain_right = is_fit(observed, chain) or (is_fit(observed, -chain) and rule.rate < 0)
    hidden_rate, residual = fit(steps.change[:, :2], steps.gradient(rule.way)[:, :2])
    is_hidden_gradient = residual < steps.tolerance and hidden_rate != 0
    is_output_known = bool(fitting) and (fitting[0] == 0 or not is_hidden_gradient)  # else it is wrong alone
    is_known = np.array([*[is_hidden_gradient or (bool(fitting) and is_chain_right)] * 2, is_output_known])
    are_weights_alike = np.array([is_fit(steps.change[:, n, :2], expected[:, n, :2]) for n in range(3)])
    return Parts(
        expected=expected,
        are_weights_right=are_weights_alike & is_known,
        # a bias that the factor was taken from fits it anyway: it is right where the factor is the lecture's
        is_bias_right=is_bias_right & is_known & (~is_by_bias | (fitting[:1] == [0]) | is_hidden_gradient),
        derivative=fitting[0] if fitting else None,
        are_weights_alike=are_weights_alike,
        is_chain_right=is_chain_right,
        is_hidden_gradient=is_hidden_gradient,
        rate=fit(factor[:, 2], err * slope(y))[0] if fitting else hidden_rate if is_hidden_gradient else 0.0,
    )


def batch_parts_of(rule: StepRule) -> Parts | None:
    """Analyse steps of batches, assuming a single derivative; return None if none fits the output neuron, nor the gradient the hidden ones."""
    steps = rule.steps
    network = steps.passes(steps.err)
    found: list[Parts] = []
    for number, slope in enumerate(DERIVATIVES):
        delta = steps.seen * steps.err * slope(steps.y)
        hidden = delta[..., None] * network.v * slope(network.h)
        deltas = np.concatenate([hidden, delta[..., None]], axis=-1)
        inputs = np.stack([oracle.with_one(item) for item in (network.x, network.x, network.h)], axis=-2)
        expected = (deltas[..., None] * inputs).sum(1) * steps.present
        for columns in (slice(0, 2), slice(2, 3)):
            rate, residual = fit(steps.change[:, 2, columns], expected[:, 2, columns])
            if residual < steps.tolerance and rate:
                found.append(batch_parts(steps, expected, rate, number))
    gradient = steps.gradient(rule.way)
    rate, residual = fit(steps.change[:, :2], gradient[:, :2])
    is_output_right = bool(found) and (found[0].derivative == 0 or found[0].is_chain_right)
    if residual < steps.tolerance and rate and not is_output_right:
        return batch_parts(steps, gradient, rate, None)  # the output neuron is wrong alone
    return found[0] if found else None


def batch_parts(steps: Steps, gradient: Array, rate: float, derivative: int | None) -> Parts:
    """Compare steps of batches with expected ones, weights and bias separately; derivative is that of the output neuron."""
    expected = rate * gradient
    flags = np.array(
        [
            [misfit(steps.change[:, n, columns], expected[:, n, columns]) < steps.tolerance for n in range(3)]
            for columns in (slice(0, 2), slice(2, 3))
        ]
    )
    flags[1] |= steps.present[:, 2] == 0
    is_hidden_right = bool((flags[0] | flags[1])[:2].all())
    if not is_hidden_right:
        flags[:, :2] = False  # it is unknown which part of the hidden steps is wrong
    return Parts(
        expected=expected, are_weights_right=flags[0], is_bias_right=flags[1], derivative=derivative,
        are_weights_alike=flags[0], is_chain_right=is_hidden_right and derivative is not None,
        is_hidden_gradient=is_hidden_right and derivative in (0, None), rate=rate,
    )  # fmt: skip


def errors_of(steps: Steps) -> tuple[Array, Array, Array]:
    """Return outputs, labels and errors, each (k,), for which the steps are the gradient."""
    every = zip(steps.factors(), steps.y, strict=True)
    found = [(y[seen], steps.labels[seen], factors) for (seen, _, factors), y in every]
    y, labels, errors = (np.concatenate(column) for column in zip(*found, strict=True))
    return y, labels, errors


def known_parts(rule: StepRule, mistake: Diagnosis, found: Parts | None, seed: int) -> Parts:
    """Return the analysis of steps that a single mistake inside the neurons explains: a neuron's parts as that makes them."""
    steps = neuron_steps_of(mistake, seed)
    made = neuron_rule(steps)
    is_cut = mistake.rules[0] in (ROUNDED, TRUNCATED)  # a large error hides it in the bias, which alone may be right
    is_bias_right = made.is_bias_right and not (made.is_derivative_right and steps.is_zero_skipped)
    weights = np.full(3, made.are_weights_right and made.are_weights_linear and made.is_stateless)
    bias = np.full(3, is_cut or is_bias_right)
    if found is not None and found.is_recognised:
        return replace(found, are_weights_right=weights, is_bias_right=bias, is_chain_right=True)
    rate = mistake.rates[0]
    return Parts(
        expected=rate * rule.steps.gradient(rule.way), are_weights_right=weights, is_bias_right=bias, derivative=None,
        are_weights_alike=np.ones(3, dtype=bool), is_chain_right=True, is_hidden_gradient=False, rate=rate,
    )  # fmt: skip


def passed_signs(rule: StepRule) -> set[int]:
    """Return the signs with which label - y was passed or returned in every step, for steps of one example each."""
    return {int(np.sign(factor)) for factor in passed_factors(rule)} if (rule.steps.last >= 0).all() else set()


def passed_factors(rule: StepRule) -> list[float]:
    """Return the factors with which label - y was passed or returned in every step, for batches that of all examples at once."""
    steps = rule.steps
    if rule.way == "batch":
        return factors_among(steps.off, steps.scalars, steps.tolerance)
    return factors_among(steps.at_last(steps.off)[:, None], steps.scalars, steps.tolerance)


def is_passed_turned(rule: StepRule) -> bool:
    """Return whether hidden neurons were passed their errors with the opposite sign to the loss, and none with the same."""
    steps = rule.steps
    if not (steps.last >= 0).all():
        return False
    off = steps.at_last(steps.off)[:, None]
    deltas = off * oracle.derivative(steps.at_last(steps.y))[:, None] * steps.parameters[:, 2, :2]
    signs, first, second = (
        [np.sign(c) for c in factors_among(numbers, steps.scalars, steps.tolerance)]
        for numbers in (off, deltas[:, :1], deltas[:, 1:])
    )
    return bool(signs) and {*first, *second} == {-signs[0]}


def is_returned(rule: StepRule, mistake: Diagnosis | None) -> bool:
    """Return whether the wrong errors of a mistake in backpropagation were returned by a call, as a neuron returns them.

    Errors that differ from the right ones by a factor only are wrong if label - y was not passed with that factor.
    """
    found = None if mistake is None else mistake.rules[0]
    if mistake is None or found is None or found.back is None or found.change is not None:
        return False
    steps, scales = rule.steps, passed_factors(rule) or [1.0]
    for form in found.forms:
        out = steps.passes(steps.err).out.at(mistake.rates[0], form)
        errors = found.returned(out)  # (n, 4, 2)
        ratio, residual = fit(errors, out.delta[..., None] * out.w)
        if rule.way == "online":
            expected = [steps.at_last(errors)]
        else:
            expected = [errors.reshape(len(errors), 8), errors.transpose(0, 2, 1).reshape(len(errors), 8)]
        factors = [c for item in expected for c in factors_among(item, steps.scalars, steps.tolerance)]
        if residual < steps.tolerance:
            factors = [c for c in factors if not np.isclose(c * ratio, scales, rtol=TOLERANCE, atol=0).any()]
        if any(c * scale > 0 for c in factors for scale in scales):
            return True
    return False


def factors_among(numbers: Array, columns: Array, tolerance: float) -> list[float]:
    """Return the factors with which numbers (n, k) are adjacent among columns (n, m)."""
    width = numbers.shape[1]
    blocks = (columns[:, start : start + width] for start in range(columns.shape[1] - width + 1))
    return [c for c, residual in (fit(block, numbers) for block in blocks) if residual < tolerance]


def passed_error(rule: StepRule) -> Literal["entropy", "linear", "other", ""]:
    """Return which error the submission's functions passed or returned in every step, "" for none.

    entropy: (t - y) / (y (1 - y)), or the value of the cross-entropy; other: an error to which the steps of a free loss are
    proportional; linear: t - y, which in batches counts only where the steps do not show which loss they belong to.
    """
    steps, is_single = rule.steps, bool((rule.steps.last >= 0).all())
    off, y = (steps.at_last(values)[:, None] if is_single else values for values in (steps.off, steps.y))
    exact = (oracle.derivative(y) > SATURATED).all(1) | is_single

    def is_passed(numbers: Array) -> bool:
        return bool(factors_among(numbers[exact], steps.scalars[exact], steps.tolerance))

    if rule.loss == "entropy":
        logs = np.log(np.where(off > 0, y, 1 - y))
        if any(map(is_passed, (off / oracle.derivative(y), logs, logs.mean(1, keepdims=True)))):
            return "entropy"
    if rule.loss == "free" and is_single and is_passed(steps.rates(steps.at_last(steps.slopes))[:, None]):
        return "other"
    return "linear" if (is_single or rule.loss == "free") and is_passed(off) else ""
