"""Recognises mistakes in watched steps that no fit of a rate finds.

Weights that are cut to few digits, small errors without a step, a derivative kept from the first forward, and inputs kept
from the previous one.
"""

from __future__ import annotations

import numpy as np

from .. import oracle
from ..measured_steps import digits_of
from ..mistakes.diagnosis import Diagnosis
from ..mistakes.misconceptions import OF_FIRST_FORWARD, OF_PREVIOUS_FORWARD, ROUNDED, SKIPPED, TRUNCATED
from ..mistakes.rules import TOLERANCE, fit, misfit
from ..oracle import Array
from .steps import StepRule

STEEPEST = 0.25  # slope of the sigmoid


def recognised(rule: StepRule) -> Diagnosis | None:
    """Return such a mistake in wrong steps, or None."""
    return cut(rule) or first_forward(rule) or previous_forward(rule)


def cut(rule: StepRule) -> Diagnosis | None:
    """Return the mistake of steps that are right but for weights, and biases perhaps, of few digits after them, or None."""
    steps, gradient = rule.steps, rule.steps.gradient(rule.way)
    after = steps.parameters + steps.change
    digits = digits_of(after[..., :2])
    if digits is None:
        return None
    rates = [cut_rate(steps.parameters[..., :2], after[..., :2], gradient[..., :2], digits)]
    if digits_of(after[..., 2]) is None:
        rate, residual = fit(steps.change[..., 2], gradient[..., 2])
        rates.append((rate, rate) if residual < steps.tolerance else (np.inf, -np.inf))
    else:
        rates.append(cut_rate(steps.parameters[..., 2:], after[..., 2:], gradient[..., 2:], digits))
    low, high = max(low for low, _ in rates), min(high for _, high in rates)
    if not low <= high or low <= 0 <= high:
        return None
    return Diagnosis.of([ROUNDED if digits else TRUNCATED], (low + high) / 2, float(digits))


def cut_rate(before: Array, after: Array, gradient: Array, digits: int) -> tuple[float, float]:
    """Return the lowest and highest rate at which right steps end in these numbers when they are cut to so many digits.

    Without digits, they are truncated or rounded.
    """
    unit = 0.1**digits
    room = 0.5 * unit * (1 + 1e-6) if digits else unit
    moves = gradient != 0
    if (np.abs(after - before)[~moves] > room).any():
        return np.inf, -np.inf
    ends = np.sort((np.stack([after - room, after + room]) - before)[:, moves] / gradient[moves], axis=0)
    return float(ends[0].max(initial=-np.inf)), float(ends[1].min(initial=np.inf))


def first_forward(rule: StepRule) -> Diagnosis | None:
    """Return the mistake of steps with one slope for each neuron, whatever it answers, or None."""
    steps = rule.steps
    if rule.way != "online":
        return None
    x, err = oracle.XOR_INPUTS[steps.last], steps.at_last(steps.err)
    h = oracle.hidden(steps.parameters, x)
    inputs = np.stack([oracle.with_one(x), oracle.with_one(x), oracle.with_one(h)], axis=1)
    deltas = err[:, None] * np.column_stack([steps.parameters[:, 2, :2], np.ones(len(err))])
    made = deltas[..., None] * inputs * steps.present
    found = [fit(steps.change[:, row], made[:, row]) for row in range(3)]
    if max(residual for _, residual in found) >= steps.tolerance or not found[2][0]:
        return None
    slopes = [found[row][0] / found[2][0] for row in (0, 1)]
    are_apart = abs(slopes[0] - slopes[1]) > TOLERANCE * max(slopes)  # else the slope is that of a layer
    is_kept = all(0 < slope <= STEEPEST for slope in slopes) and are_apart
    return Diagnosis.of([OF_FIRST_FORWARD], found[2][0] / STEEPEST) if is_kept else None


def previous_forward(rule: StepRule) -> Diagnosis | None:
    """Return the mistake of steps that use the inputs of the step before, or None; what comes before the first is not known."""
    steps = rule.steps
    made = steps.predicted(OF_PREVIOUS_FORWARD, rule.way, 1.0)[1:]
    rate, _ = fit(steps.change[1:], made)
    residual = max(misfit(steps.change[1:, row], rate * made[:, row]) for row in range(3))
    return Diagnosis.of([OF_PREVIOUS_FORWARD], rate) if residual < steps.tolerance else None


def skipped(rule: StepRule) -> Diagnosis | None:
    """Return the mistake of steps that are right for errors of some size and missing for smaller ones, or None.

    Also those of a hidden neuron, whose error comes through the output weights.
    """
    steps = rule.steps
    if rule.way != "online" or not steps.idle:
        return None
    x, err = oracle.XOR_INPUTS[steps.last], steps.at_last(steps.err)
    idle = [
        steps.labels[corner] - oracle.forward(parameters, oracle.XOR_INPUTS[corner])
        for parameters, corner in steps.idle
    ]
    passed = (err * oracle.derivative(steps.at_last(steps.y)))[:, None] * steps.parameters[:, 2, :2]
    moved = steps.change[:, :2].any(2)
    least = max(np.abs(idle).max(), np.abs(passed[~moved]).max(initial=0.0))
    most = min(np.abs(err).min(), np.abs(passed[moved]).min(initial=np.inf))
    if least >= most:
        return None
    expected = oracle.step(steps.parameters, x, err) * steps.present
    expected[:, :2][~moved] = 0.0
    rate, residual = fit(steps.change, expected)
    is_right = residual < steps.tolerance and all(
        misfit(steps.change[:, row], rate * expected[:, row]) < steps.tolerance
        for row in range(3)
        if expected[:, row].any()
    )
    return Diagnosis.of([SKIPPED], rate, float(least + most) / 2) if is_right and not moved.all() else None
