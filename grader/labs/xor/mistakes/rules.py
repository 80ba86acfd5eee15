"""Finds the rule behind observed steps by comparing them with the lecture's formulas.

Steps are compared up to a constant factor, the learning rate including its factor 2 and its sign, which is fitted by least
squares. Residuals are relative: the largest deviation divided by the largest expected change.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable

import msgspec
import numpy as np
from numpy.typing import NDArray

from .. import oracle, probes
from ..oracle import Array
from . import misconceptions

TOLERANCE = 1e-3
LEAST_GRADIENT = 0.01  # of the largest step: without a gradient, any decaying steps would fit momentum
SMALL_TOLERANCE = 0.1  # for steps of a small error, where float32 rounds by several per cent
SMALLEST_STEP = 2e-6  # below this, float32 rounds by more
RATES = (1e-9, 1e9)  # range of plausible rates


def fit(observed: Array, expected: Array) -> tuple[float, float]:
    """Return (c, residual) for observed = c expected: the least-squares factor and the relative misfit.

    The residual is infinite if nothing moved or a number is not finite.
    """
    if not (np.isfinite(observed).all() and np.isfinite(expected).all()) or not expected.any():
        return 0.0, np.inf
    c = float((observed * expected).sum() / (expected**2).sum())
    return c, misfit(observed, c * expected)


def misfit(observed: Array, expected: Array) -> float:
    """Return the largest deviation relative to the largest expected value; infinite if that is 0."""
    scale = float(np.abs(expected).max(initial=0.0))
    if scale == 0.0 or not np.isfinite(observed).all():
        return np.inf
    return float(np.abs(observed - expected).max() / scale)


def fit_momentum(observed: Array, expected: Array) -> tuple[float, float, float]:
    """Return (c, alpha, residual) for observed[p] = c expected[p] + alpha observed[p - 1]."""
    if not (np.isfinite(observed).all() and np.isfinite(expected).all()):
        return 0.0, 0.0, np.inf
    before = oracle.earlier(observed)
    columns = np.column_stack([expected.ravel(), before.ravel()])
    (c, alpha), *_ = np.linalg.lstsq(columns, observed.ravel(), rcond=None)
    return float(c), float(alpha), misfit(observed, c * expected + alpha * before)


def is_momentum(alpha: float, gradient: Array, observed: Array) -> bool:
    """Return whether alpha may be momentum: between 0 and 1 (1 is an accumulated gradient), with a visible gradient."""
    is_seen = bool(np.abs(gradient).max() > LEAST_GRADIENT * np.abs(observed).max())
    return is_seen and TOLERANCE < alpha < 1 - TOLERANCE


# --- the derivative in use ---------------------------------------------------------------------


def sum_of(y: Array) -> Array:
    """Return the sum d with y = S(d)."""
    return np.asarray(np.log(y / (1 - y)))


# Functions of the neuron's output that students use as the derivative.
DERIVATIVES: tuple[Callable[[Array], Array], ...] = (
    oracle.derivative,
    np.ones_like,
    lambda y: y,
    lambda y: 1 - y,
    lambda y: 1 - y**2,
    lambda y: y * (1 + y),
    lambda y: y**2 * (1 - y),
    lambda y: y**2 * (1 - y) ** 2,
    lambda y: oracle.derivative(oracle.sigmoid(y)),
    lambda y: oracle.derivative(sum_of(y)),
    lambda y: (sum_of(y) > 0).astype(float),
    lambda y: 1 - 2 * y,
    lambda y: y**2,
    lambda y: (1 - y) ** 2,
    lambda y: 1 / oracle.derivative(y),
)


# --- one neuron ---------------------------------------------------------------------------------


class NeuronSteps(msgspec.Struct, frozen=True, kw_only=True):
    """Steps of single neurons, a fresh neuron for each of n probes.

    change (n, 3) is for the error err, other_change (n, 3) for other_err, small_change (n, 3) for small_err; in_a_row
    (n, 3) is for err on one neuron whose weights were reset before each probe. returned (n, k) are the numbers that
    backward returned, k = 0 for none. own_slope (n,) is the slope of the student's forward if that is not the sigmoid;
    zero_change (3,) is the step of the first probe with both inputs 0. digits is the number of decimal places that the
    weights, or their steps (is_step_cut), are rounded to; the errors are then so large that it does not matter.
    """

    probes: probes.NeuronProbes
    err: float
    other_err: float
    small_err: float
    output: Array
    before: Array
    change: Array
    other_change: Array
    small_change: Array
    in_a_row: Array
    returned: Array
    has_bias: bool
    own_slope: Array | None
    zero_change: Array
    digits: int | None = None
    is_step_cut: bool = False

    @property
    def is_varying(self) -> bool:
        """Whether steps differ between probes, also on the same neuron, and depend on the error."""
        scale = TOLERANCE * float(np.abs(self.change).max())
        by_probe = [np.ptp(steps, axis=0).max() for steps in (self.change, self.in_a_row)]
        return bool(min(*by_probe, np.abs(self.change - self.other_change).max()) > scale)

    @property
    def is_zero_skipped(self) -> bool:
        """Whether the bias moves, but not where both inputs are 0."""
        return bool(self.change[0, 2] and not self.zero_change[2])

    @property
    def is_left_out(self) -> bool:
        """Whether the error err causes neither a step nor returned errors, although the other error causes steps."""
        return bool(not (self.returned.any() or self.change.any()) and self.other_change.any())

    @property
    def right_returned(self) -> Array:
        """The errors err y (1 - y) w, (n, 2), that backward should return."""
        slope = oracle.derivative(oracle.neuron(self.probes.weights, self.probes.x))
        return np.asarray(self.err * slope[:, None] * self.before[:, :2])

    @property
    def is_returned_right(self) -> bool:
        """Whether backward returned err y (1 - y) w, whatever its steps are."""
        expected = self.right_returned
        return self.returned.shape == expected.shape and misfit(self.returned, expected) < TOLERANCE

    @property
    def is_thresholded(self) -> bool:
        """Whether forward outputs only 0 or 1, where y (1 - y) is 0."""
        return bool(np.isin(self.output, (0.0, 1.0)).all())

    @property
    def is_sigmoid(self) -> bool:
        """Whether the neuron's outputs are those of the sigmoid."""
        return misfit(self.output, oracle.neuron(self.probes.weights, self.probes.x)) < TOLERANCE

    @property
    def inputs(self) -> Array:
        """The three inputs of each probe, (n, 3): x, and 1 for the bias.

        If forward subtracts the bias, -1: the sign is judged with forward, not here.
        """
        subtracted = oracle.neuron(self.probes.weights * [1, 1, -1], self.probes.x)
        is_threshold = misfit(self.output, subtracted) < TOLERANCE
        return np.column_stack([self.probes.x, np.full(len(self.probes.x), -1.0 if is_threshold else 1.0)])


class NeuronRule(msgspec.Struct, frozen=True, kw_only=True):
    """The rule that a neuron follows: change = err * slope * (x, 1).

    slope (n,) is rate times the derivative in use; rate is the constant if that is the sigmoid's derivative, else 0.
    bias_ratio is the bias's change relative to the one that the weights imply. A bias from which the slope was computed
    always fits it; it counts as right only if that slope is the sigmoid's.
    """

    slope: Array
    rate: float
    is_derivative_constant: bool
    are_weights_right: bool
    are_weights_linear: bool
    is_stateless: bool
    momentum: float
    is_bias_right: bool
    is_bias_proportional: bool
    bias_ratio: float

    @property
    def is_recognised(self) -> bool:
        """Whether the weights move by error times input with any derivative, or by y (1 - y)."""
        return self.are_weights_linear and (self.is_derivative_right or self.are_weights_right)

    @property
    def is_derivative_right(self) -> bool:
        """Whether the derivative in use is the sigmoid's."""
        return self.rate != 0

    @property
    def is_right(self) -> bool:
        """Whether steps with one error are right."""
        return self.is_derivative_right and self.are_weights_right and self.is_bias_right

    @property
    def is_right_throughout(self) -> bool:
        """Whether steps are right for every error and do not depend on earlier calls, except by momentum."""
        return self.is_right and self.are_weights_linear and self.is_stateless


def neuron_rule(steps: NeuronSteps) -> NeuronRule:
    """Return the rule behind a neuron's steps; derivative, weights and bias are judged separately."""
    with np.errstate(all="ignore"):
        channels = steps.change / (steps.err * steps.inputs)  # (n, 3): the slope that each number shows
    slope, rate = _slope(steps, channels)
    expected = steps.err * slope[:, None] * steps.inputs
    weights_ratio, weights_residual = fit(steps.change[:, :2], expected[:, :2])
    bias_ratio, bias_residual = fit(steps.change[:, 2], expected[:, 2])
    are_weights_right = weights_residual < TOLERANCE
    are_weights_linear = _is_linear(steps, slice(0, 2))
    if are_weights_right:
        bias_ratio /= weights_ratio
    is_bias_proportional = bias_residual < TOLERANCE and _is_linear(steps, slice(2, 3))
    c, alpha, residual = fit_momentum(steps.in_a_row, steps.change)
    is_plain = misfit(steps.in_a_row, steps.change) < TOLERANCE
    is_fit = residual < TOLERANCE and abs(c - 1) < TOLERANCE
    is_accelerated = not is_plain and is_fit and is_momentum(alpha, steps.change, steps.in_a_row)
    return NeuronRule(
        slope=slope,
        rate=rate,
        is_derivative_constant=fit(slope, np.ones(len(slope)))[1] < TOLERANCE,
        are_weights_right=are_weights_right,
        are_weights_linear=are_weights_linear,
        is_stateless=is_plain or is_accelerated,
        momentum=alpha if is_accelerated else 0.0,
        is_bias_right=is_bias_proportional
        and (rate != 0 or are_weights_right)
        and (not (are_weights_right and are_weights_linear) or abs(bias_ratio - 1) < TOLERANCE),
        is_bias_proportional=is_bias_proportional,
        bias_ratio=bias_ratio,
    )


def _slope(steps: NeuronSteps, channels: Array) -> tuple[Array, float]:
    """Return the slope (n,) and its rate, from the first channel proportional to y (1 - y); rate 0 if none is.

    y is the neuron's output, or S(d), if they differ; the slope of the student's own activation is accepted too.
    """
    usable = (0, 1, 2) if steps.has_bias else (0, 1)
    at_sum = oracle.neuron(steps.probes.weights, steps.probes.x)
    targets = [oracle.derivative(steps.output), oracle.derivative(at_sum)]
    if steps.own_slope is not None:
        targets.append(steps.own_slope)
    for channel in usable:
        for target in targets:
            rate, residual = fit(channels[:, channel], target)
            if residual < TOLERANCE and rate != 0:
                return rate * target, rate
    agree = fit(channels[:, 0], channels[:, 1])[1] < TOLERANCE
    return channels[:, 0 if agree or not steps.has_bias else 2], 0.0


def _is_linear(steps: NeuronSteps, columns: slice) -> bool:
    """Return whether steps are proportional to the error, for other_err and small_err."""
    per_error = steps.change[:, columns] / steps.err
    other = misfit(steps.other_change[:, columns], per_error * steps.other_err)
    small = per_error * steps.small_err
    is_visible = np.abs(small).max(initial=0.0) > SMALLEST_STEP
    return other < TOLERANCE and (not is_visible or misfit(steps.small_change[:, columns], small) < SMALL_TOLERANCE)


# --- the network --------------------------------------------------------------------------------


class ModelSteps(msgspec.Struct, frozen=True, kw_only=True):
    """Steps of a model whose weights were set before each of n probes.

    change (n, 3, 3) is as in the oracle, for err (n,), and small_change for small_err (n,); present (3, 3) is False for a
    missing bias; rate is an estimate; is_plain: the errors are not scaled, but as in a normal training.
    """

    probes: probes.NetworkProbes
    err: Array
    change: Array
    small_err: Array
    small_change: Array
    present: NDArray[np.bool_]
    rate: float
    is_plain: bool = False

    @property
    def gradient(self) -> Array:
        """The gradient steps at rate 1, (n, 3, 3)."""
        return oracle.step(self.probes.parameters, self.probes.x, self.err) * self.present


class ModelRule(msgspec.Struct, frozen=True, kw_only=True):
    """The rule that the network's steps are compared with: expected steps (n, 3, 3), residuals (3,) by neuron.

    is_carried: the expected steps take over a mistake of the student's neuron or forward, which is judged elsewhere.
    """

    expected: Array
    residuals: Array
    rate: float
    momentum: float = 0.0
    defect: misconceptions.Rule | None = None
    is_carried: bool = False

    @property
    def is_output_right(self) -> bool:
        """Whether the output neuron's steps are right."""
        return bool(self.residuals[2] < TOLERANCE)

    @property
    def is_hidden_right(self) -> bool:
        """Whether the steps of both hidden neurons are right."""
        return bool(self.residuals[:2].max() < TOLERANCE)

    @property
    def is_right(self) -> bool:
        """Whether all steps are as expected."""
        return self.is_output_right and self.is_hidden_right


def misfit_apart(observed: Array, expected: Array) -> float:
    """Return the misfit of a neuron's steps, (n, 3), with weights and bias each relative to their own scale."""
    if not expected.any():
        return np.inf
    parts = [(observed[:, columns], expected[:, columns]) for columns in (slice(0, 2), slice(2, 3))]
    return max(misfit(mine, its) for mine, its in parts if mine.any() or its.any())


def residuals(steps: ModelSteps, expected: Array) -> Array:
    """Return the relative misfit of each neuron, (3,); 0 for a hidden neuron that rightly stays while the other moves."""
    found = np.array([misfit_apart(steps.change[:, row], expected[:, row]) for row in range(3)])
    is_still: NDArray[np.bool_] = np.abs(expected).max((0, 2)) + np.abs(steps.change).max((0, 2)) == 0
    found[:2][is_still[:2] & expected[:, :2].any()] = 0.0
    return found


def is_chained(steps: ModelSteps) -> bool:
    """Return whether the network's steps are right for the delta that the output neuron's own step shows, whatever that is."""
    drawn = steps.probes
    h = oracle.hidden(drawn.parameters, drawn.x)
    inputs = oracle.with_one(h) * steps.present[2]
    delta = (steps.change[:, 2] * inputs).sum(1) / (inputs**2).sum(1)
    expected = oracle.compose(delta, drawn.parameters[:, 2, :2], h, h, drawn.x) * steps.present
    return bool(residuals(steps, expected).max() < TOLERANCE)


def is_small_step_right(steps: ModelSteps, rule: ModelRule) -> bool:
    """Return whether the first step, which has no momentum yet, also follows the rule for a small error."""
    drawn = steps.probes
    step = rule.defect.step if rule.defect is not None else oracle.step
    expected = step(drawn.parameters[:1], drawn.x[:1], rule.rate * steps.small_err[:1]) * steps.present
    is_visible = np.abs(expected).max() > SMALLEST_STEP
    return not is_visible or misfit(steps.small_change[:1], expected) < SMALL_TOLERANCE


def bounded_rate(rate: float) -> float:
    """Return the absolute value of a rate, limited to RATES; 1 if the rate is 0 or not finite."""
    size = abs(rate)
    return min(max(size, RATES[0]), RATES[1]) if np.isfinite(size) and size else 1.0


def rates_of(steps: ModelSteps) -> list[float]:
    """Return the rate fitted to the output neuron, to the hidden neurons, to all three, and its median over probes."""
    rates = [fit(steps.change[:, rows], steps.gradient[:, rows])[0] for rows in ([2], [0, 1], [0, 1, 2])]
    probed = [fit(change[2], gradient[2])[0] for change, gradient in zip(steps.change, steps.gradient, strict=True)]
    return [*rates, statistics.median(probed)]


def gradient_rule(steps: ModelSteps, sign: float = 0.0) -> ModelRule:
    """Compare steps with the gradient, at the rate of the output neuron if that follows it.

    Otherwise, prefer a rate with this sign, that of a single neuron's rate (0: unknown), and then the best fit.
    """
    found = []
    for rate in rates_of(steps):
        expected = rate * steps.gradient
        found.append(ModelRule(expected=expected, residuals=residuals(steps, expected), rate=rate))
    if found[0].is_output_right:
        return found[0]
    return min(found, key=lambda rule: (rule.rate * sign < 0, _off(steps, rule.expected), rule.residuals.max()))


def _off(steps: ModelSteps, expected: Array) -> int:
    """Count the steps of neurons, over all probes, that differ from the expected ones."""
    off = np.abs(np.nan_to_num(steps.change - expected, nan=np.inf)).max(2)
    return int((off >= TOLERANCE * np.abs(expected).max((0, 2))).sum())


def own_rule(steps: ModelSteps, slopes: Array) -> ModelRule | None:
    """Compare steps with the slopes (n, 3, 3) of the student's own forward; return None if they do not match."""
    gradient = steps.err[:, None, None] * slopes
    rate, _ = fit(steps.change, gradient)
    expected = rate * gradient
    rule = ModelRule(expected=expected, residuals=residuals(steps, expected), rate=rate, is_carried=True)
    return rule if rule.is_right else None


def momentum_rule(steps: ModelSteps) -> ModelRule | None:
    """Compare steps with momentum: change = rate * gradient + alpha * previous change; return None if they do not match."""
    c, alpha, residual = fit_momentum(steps.change, steps.gradient)
    if residual >= TOLERANCE or not is_momentum(alpha, c * steps.gradient, steps.change):
        return None
    expected = c * steps.gradient + alpha * oracle.earlier(steps.change)
    rule = ModelRule(expected=expected, residuals=residuals(steps, expected), rate=c, momentum=alpha)
    return rule if rule.is_right else None


def defect_rule(steps: ModelSteps) -> ModelRule | None:
    """Compare steps with the known order defects; return None if none matches."""
    drawn = steps.probes
    for defect in misconceptions.ORDER_DEFECTS:
        for rate in rates_of(steps):
            expected = defect.step(drawn.parameters, drawn.x, steps.err, rate) * steps.present
            rule = ModelRule(expected=expected, residuals=residuals(steps, expected), rate=rate, defect=defect)
            if rule.is_right:
                return rule
    return None


def carried_rule(steps: ModelSteps, composed: Array, is_scale_known: bool) -> ModelRule | None:
    """Compare steps with steps (n, 3, 3) composed of those of single neurons; return None if the output neuron's do not match.

    If the rate inside the hidden errors is unknown, their scale is fitted; it must have the rate's sign.
    """
    expected = composed * steps.present
    if not np.isfinite(expected).all():
        return None
    if not is_scale_known:
        scale, _ = fit(steps.change[:, :2], expected[:, :2])
        if scale * steps.rate <= 0:
            return None
        expected[:, :2] *= scale
    rule = ModelRule(expected=expected, residuals=residuals(steps, expected), rate=steps.rate, is_carried=True)
    return rule if rule.is_output_right else None
