"""Measures steps of the student's neuron and network, on weights and inputs drawn for this run.

The errors passed in are scaled by 4 / rate, so that a step is about as large as a weight, whatever rate and float type
the student uses.
"""

from __future__ import annotations

import contextlib

import numpy as np
from msgspec.structs import replace

from grader.lab import CaseStopped, FaultKind, measurement

from . import oracle, probes
from .driving.layout import FORWARD_ATOL, PROBE_W
from .driving.network import ModelProxy, Network, NeuronProxy
from .mistakes.rules import (
    RATES,
    ModelSteps,
    NeuronRule,
    NeuronSteps,
    defect_rule,
    gradient_rule,
    momentum_rule,
    neuron_rule,
)
from .oracle import Array

CALIBRATION_ERR = 0.25
CALIBRATION_ERRORS = (CALIBRATION_ERR, 1e4 * CALIBRATION_ERR, -CALIBRATION_ERR)  # the others, if nothing moves
CALIBRATION_X = np.array([0.9, -0.7])
SMALL_ERR = 0.02  # as late in a training
SMALL_MODEL_ERR = 0.3
LARGE = 1e4  # factor of errors if weights are rounded: with large steps, rounding does not matter
MOST_DIGITS = 4
LARGEST_ERR = 0.9  # the largest in a normal training
UNTOUCHED_ERR = 0.9
TRIED_RATES = (0.2, 0.4)
NUDGE = 5e-3  # of a parameter, for the slope of the student's own forward


def rate_of(change: Array, unit: Array) -> float:
    """Return the rate of the one of two weights that shows it most clearly, or of the bias, or 0; unit (3,) is the step of rate 1."""
    for moved in (change[:2] / unit[:2], change[2:] / unit[2:]):
        if np.isfinite(moved).all() and RATES[0] < np.abs(moved).max() < RATES[1]:
            return float(moved[np.abs(moved).argmax()])
    return 0.0


def digits_of(numbers: Array) -> int | None:
    """Return how many decimal places suffice for all of the numbers, or None if more than MOST_DIGITS."""
    ends = (n for n in range(MOST_DIGITS + 1) if np.allclose(numbers, np.round(numbers, n), rtol=0, atol=1e-12))
    return next(ends, None)


class MeasuredSteps:
    """Steps of single neurons and of the network, and the rule behind a neuron's steps, measured once per run."""

    def __init__(self, network: Network) -> None:
        self._network = network

    @measurement
    def neuron_steps(self) -> NeuronSteps:
        """Steps of single neurons for this run's probes.

        If the steps are wrong for scaled errors but right for errors of a normal training (clipping), the latter.
        """
        drawn = probes.of_neuron(self._network.seed)
        try:
            scaled = self._neuron_steps(drawn, drawn.err / (abs(self._neuron_rate()) or 1.0))
        except CaseStopped as stopped:
            if stopped.fault is None or stopped.fault.kind is not FaultKind.RAISED:
                raise
            return self._neuron_steps(drawn, LARGEST_ERR)  # code that refuses an error above 1
        if not neuron_rule(scaled).is_right_throughout:
            plain = self._neuron_steps(drawn, LARGEST_ERR)
            if neuron_rule(plain).is_right_throughout:
                return plain
            return self._uncut(scaled)
        return scaled

    def _uncut(self, steps: NeuronSteps) -> NeuronSteps:
        """Return the steps unchanged, or if weights or steps are rounded to some digits, the steps for far larger errors."""
        after, change = (steps.before + steps.change)[:, :2], steps.change[:, :2]
        digits = [digits_of(item) for item in (after, change)]
        if digits == [None, None] or not change.any():
            return steps
        cut = replace(steps, digits=digits[0])
        try:
            err = LARGE * steps.err
            found = replace(self._neuron_steps(steps.probes, err, 0.01 * err), digits=digits[0])
        except CaseStopped:
            return cut
        if digits[0] is None:  # steps of few digits need not be rounded: they may be multiples of a constant
            is_cut = neuron_rule(found).are_weights_right
            return replace(found, digits=digits[1], is_step_cut=True) if is_cut else steps
        low = self._neuron_steps(steps.probes, SMALL_MODEL_ERR).change  # small errors that are skipped, and not cut off
        is_due = np.abs(found.change).max() * SMALL_MODEL_ERR / abs(err) > 2 / 10 ** digits[0]
        bias = steps.change[:, 2:]
        is_due = is_due or bool(bias.any() and digits_of(steps.before[:, 2:] + bias) is None)
        if is_due and not low.any():
            return replace(found, small_err=SMALL_MODEL_ERR, small_change=low)
        return found

    def _neuron_steps(self, drawn: probes.NeuronProbes, err: float, small_err: float = SMALL_ERR) -> NeuronSteps:
        count, errors = len(drawn.x), (err, -0.4 * err, small_err)
        fresh = [self._network.neuron() for _ in range(3 * count + 1)]
        same = self._network.neuron()
        weights, x = np.tile(drawn.weights, (4, 1)), np.tile(drawn.x, (4, 1))
        steps = NeuronProxy.steps(
            [*fresh, *[same] * count],
            np.vstack([drawn.weights[:1], weights]),
            np.vstack([np.zeros((1, 2)), x]),
            np.array([err, *np.repeat([*errors, err], count)]),
        )
        zero, *rest = steps
        first, other, small, row = (rest[start : start + count] for start in range(0, 4 * count, count))
        sizes = {len(step.returned) for step in first}
        output = np.array([step.output for step in first])
        return NeuronSteps(
            probes=drawn,
            err=err,
            other_err=-0.4 * err,
            small_err=small_err,
            output=output,
            before=np.array([step.before for step in first]),
            change=np.array([step.change for step in first]),
            other_change=np.array([step.change for step in other]),
            small_change=np.array([step.change for step in small]),
            in_a_row=np.array([step.change for step in row]),
            returned=np.array([step.returned for step in first]) if len(sizes) == 1 else np.zeros((count, 0)),
            has_bias=same.has_bias,
            own_slope=self._own_slope(drawn, output) if same.has_bias else None,
            zero_change=zero.change,
        )

    def _own_slope(self, drawn: probes.NeuronProbes, output: Array) -> Array | None:
        """Return the slope (n,) of the student's own activation function, or None if that is the sigmoid or flat."""
        if np.abs(output - oracle.neuron(drawn.weights, drawn.x)).max() < FORWARD_ATOL:
            return None
        neuron, ends = self._network.neuron(), []
        for shift in (NUDGE, -NUDGE):
            moved = drawn.weights + np.array([0.0, 0.0, shift])
            ends.append([neuron.forward(w, x[None, :])[0] for w, x in zip(moved, drawn.x, strict=True)])
        slope = (np.array(ends[0]) - ends[1]) / (2 * NUDGE)
        return slope if slope.any() else None

    def _neuron_rate(self) -> float:
        """Return the approximate rate of a neuron, from one step; 0: it does not move."""
        weights = PROBE_W[0]
        slope = float(oracle.derivative(oracle.neuron(weights, CALIBRATION_X)))
        for err in CALIBRATION_ERRORS:
            step = self._network.neuron().step(weights, CALIBRATION_X, err)
            rate = rate_of(step.change, err * slope * oracle.with_one(CALIBRATION_X))
            if rate:
                return rate
        return 0.0

    @measurement
    def neuron_rule(self) -> NeuronRule:
        """The rule behind the neuron's steps."""
        return neuron_rule(self.neuron_steps)

    @measurement
    def model_steps(self) -> ModelSteps:
        """Steps of a model for this run's probes, and steps with errors of SMALL_MODEL_ERR."""
        drawn = probes.of_network(self._network.seed)
        rate = self._model_rate()
        plain_err = LARGEST_ERR * drawn.err / np.abs(drawn.err).max()
        try:
            scaled = self._model_steps(drawn, drawn.err / (abs(rate) or 1.0), rate)
        except CaseStopped as stopped:
            if stopped.fault is None or stopped.fault.kind is not FaultKind.RAISED:
                raise
            return self._model_steps(drawn, plain_err, rate, is_plain=True)  # code that refuses an error above 1
        if gradient_rule(scaled).is_right or momentum_rule(scaled) or defect_rule(scaled):
            return scaled
        with contextlib.suppress(CaseStopped):
            if self.neuron_steps.digits is not None:
                large = LARGE * scaled.err
                found = self._model_steps(drawn, large, rate)
                return replace(found, small_err=found.err, small_change=found.change)
        plain = self._model_steps(drawn, plain_err, rate, is_plain=True)
        return plain if gradient_rule(plain).is_right else scaled

    def _model_steps(
        self, drawn: probes.NetworkProbes, err: Array, rate: float, *, is_plain: bool = False
    ) -> ModelSteps:
        model, small = self._network.model(), self._network.model()
        small_err = np.where(err > 0, SMALL_MODEL_ERR, -SMALL_MODEL_ERR)
        return ModelSteps(
            probes=drawn,
            err=err,
            change=self._changes(drawn, err, [model] * len(err)),
            small_err=small_err,
            small_change=self._changes(drawn, small_err, [small] * len(err)),
            present=model.present,
            rate=rate,
            is_plain=is_plain,
        )

    def _changes(self, drawn: probes.NetworkProbes, errors: Array, models: list[ModelProxy]) -> Array:
        return np.array([step.change for step in ModelProxy.steps(models, drawn.parameters, drawn.x, errors)])

    def _model_rate(self) -> float:
        """Return the approximate rate of the output neuron, from one step; 0: it does not move."""
        for err in CALIBRATION_ERRORS:
            step = self._network.model().step(PROBE_W, CALIBRATION_X, err)
            rate = rate_of(step.change[2], oracle.step(PROBE_W, CALIBRATION_X, np.array(err))[2])
            if rate:
                return rate
        return 0.0
