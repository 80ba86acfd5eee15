"""Finds the rule behind the steps of a watched training: which example caused which change of the parameters.

Every training loop calls the network's forward and then changes its parameters, so a change belongs to the examples that
were passed since the previous change. Corners are the four examples of XOR, in the oracle's order; errors are label - y.
"""

from __future__ import annotations

import functools
import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Literal

import msgspec
import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from .. import oracle, probes
from ..mistakes import misconceptions
from ..mistakes.diagnosis import Diagnosis, diagnose, diagnose_network
from ..mistakes.misconceptions import NetworkPass
from ..mistakes.rules import ModelSteps, fit, is_momentum, misfit, rates_of
from ..oracle import Array
from .examples import TINY, answered_corners, corners_of, likeliest, passed
from .finding import SKIPPED
from .observing import JUDGED, ObservedNetwork, Record

EXACT = 1e-5  # tolerance for right steps, relative; the smallest measured misfit of an order defect was 1.6e-3
NUMERIC = 2e-3  # the same, if the slopes are differences of the student's forward
SINGLE = 1e-4  # the same, for numbers in single precision
ROUNDING = 16.0  # tolerance of a step in units in the last place of a weight
UNDECIDABLE = 0.05
LEAST = 4  # number of steps needed
STILL_CALLS = 100  # of forward, between which nothing moves
MOST_DEPTHS = 4  # the most frequent call depths of forward that are tried
GROWN = 1e3  # a weight of a training that diverges
REACH = 4.0  # the first step may be this many times the largest one
ROUNDS = 8
SLOW_DRIFT = 1e-3
SOFT = 0.25  # tolerance for labels that are used instead of 0 and 1
SAME_LABEL = 1e-3
Way = Literal["online", "batch"]
Slopes = Callable[[Array], tuple[Array, Array]]


class Steps(msgspec.Struct, frozen=True, kw_only=True):
    """Successive steps, n of them: parameters before and change (n, 3, 3), and at the corners outputs y (n, 4) and slopes.

    slopes are (n, 4, 3, 3). seen (n, 4) counts how often each corner was passed since the previous change; last (n,) is the
    corner passed last, -1 for several at once. calls is the number of calls of forward. idle has (parameters, corner) of
    calls from the same sites that were not followed by a change. is_leap: the training did not continue from the weights
    that were set. labels (4,) are those of the training: XOR's, or close to them. is_entropy: the loss is cross-entropy.
    """

    parameters: Array
    change: Array
    y: Array
    slopes: Array
    seen: Array
    last: NDArray[np.int_]
    scalars: Array
    present: Array
    tolerance: float
    calls: int
    idle: tuple[tuple[Array, int], ...]
    is_leap: bool
    labels: Array = msgspec.field(default_factory=lambda: oracle.XOR_LABELS)
    is_entropy: bool = False

    @property
    def off(self) -> Array:
        """The error label - y at the corners, (n, 4)."""
        return self.labels - self.y

    @property
    def err(self) -> Array:
        """The error that the loss gives, at the corners, (n, 4)."""
        return self.off / oracle.derivative(self.y) if self.is_entropy else self.off

    def at_last(self, values: Array) -> Array:
        """Return the values (n, 4, ...) at the corner passed last in each step, (n, ...)."""
        return np.asarray(values[np.arange(len(self.last)), self.last])

    def passes(self, err: Array) -> NetworkPass:
        """Return the pass of the network at each corner, with the weights before each step and these errors (n, 4)."""
        parameters = np.broadcast_to(self.parameters[:, None], self.slopes.shape)
        return NetworkPass(parameters, np.broadcast_to(oracle.XOR_INPUTS, (*err.shape, 2)), err)

    def weights(self, way: Way) -> Array:
        """Return how many times each corner counts in each step, (n, 4)."""
        if way == "batch":
            return self.seen
        return np.array([np.arange(4) == last for last in self.last], dtype=float)

    def gradient(self, way: Way, err: Array | None = None) -> Array:
        """Return the gradient steps at rate 1, (n, 3, 3); err defaults to `self.err`."""
        weighted = self.weights(way) * (self.err if err is None else err)
        return np.asarray(np.einsum("nr,nrij->nij", weighted, self.slopes))

    def rates(self, gradient: Array) -> Array:
        """Return for each step the rate at which it is nearest to the gradient, (n,)."""
        return np.asarray((self.change * gradient).sum((1, 2)) / np.maximum((gradient**2).sum((1, 2)), TINY))

    def factors(self) -> Iterator[tuple[NDArray[np.bool_], Array, Array]]:
        """Yield for each step which corners it belongs to, their slopes (9, k), and the k errors for which it is their sum."""
        for change, slopes, seen in zip(self.change, self.slopes, self.seen > 0, strict=True):
            columns = slopes[seen].reshape(-1, 9).T
            yield seen, columns, np.linalg.lstsq(columns, change.ravel(), rcond=None)[0]

    def predicted(self, rule: misconceptions.Rule, way: Way, rate: float) -> Array:
        """Return the steps, (n, 3, 3), that a mistake makes at a rate."""
        if way == "online":
            made = rule.step(self.parameters, oracle.XOR_INPUTS[self.last], rate * self.at_last(self.err))
        else:
            made = (self.seen[..., None, None] * rule.network_step(self.passes(rate * self.err))).sum(1)
        return np.asarray(made * self.present)


class StepRule(msgspec.Struct, frozen=True, dict=True):
    """A rule for the steps, with a way and a loss; expected (n, 3, 3) are the steps that it predicts.

    loss: "squared"; "entropy", or squared without the output's derivative; "free" if the steps are the gradient of some
    other loss. is_decaying: the rate changes over time.
    """

    steps: Steps
    way: Way
    expected: Array
    rate: float
    loss: Literal["squared", "entropy", "free"] = "squared"
    momentum: float = 0.0
    is_decaying: bool = False
    defect: misconceptions.Rule | None = None

    @property
    def residuals(self) -> Array:
        """Relative misfit of each neuron, (3,)."""
        return np.array([misfit(self.steps.change[:, row], self.expected[:, row]) for row in range(3)])

    @functools.cached_property
    def is_right(self) -> bool:
        """Whether the steps of each neuron are as expected."""
        is_known = self.rate != 0 and self.steps.tolerance < UNDECIDABLE
        return is_known and bool(self.residuals.max() < self.steps.tolerance)

    @property
    def idle(self) -> tuple[Array, int] | None:
        """Parameters and corner of a call that should have been followed by a step and was not, or None."""
        scale = float(np.abs(self.steps.change).max())
        is_due = self.way == "online" and self.loss == "squared"
        for parameters, corner in self.steps.idle if is_due else ():
            x = oracle.XOR_INPUTS[corner]
            err = self.steps.labels[corner] - oracle.forward(parameters, x)
            if np.abs(self.rate * oracle.step(parameters, x, err)).max() > self.steps.tolerance * scale:
                return parameters, corner
        return None

    @property
    def missing(self) -> list[int]:
        """Corners without a step."""
        return [corner for corner in range(4) if not self.steps.weights(self.way)[:, corner].any()]


# --- from calls to steps ------------------------------------------------------------------------


def steps_of(network: ObservedNetwork, slopes: Slopes, depth: int | None) -> Steps | None:
    """Return the steps between the calls that bound them, at one call depth if given, or None if there are too few."""
    record = at_depth(network.record, depth)
    parameters, corners = network.parameters(record.before), corners_of(record.x)
    is_inline = network.root.is_inline
    tally = passed(record.x).sum(1) + is_inline
    ends: list[int] = np.flatnonzero((parameters[:-1] != parameters[1:]).any((1, 2))).tolist()
    are_finite = np.asarray(np.isfinite(parameters).all((1, 2)))
    begins = ends if is_inline else [0, *(end + 1 for end in ends[:-1])]
    chosen = [
        (begin, end)
        for begin, end in zip(begins, ends, strict=bool(ends))
        if are_finite[[begin, end, end + 1]].all() and tally[begin : end + 1].any()
    ][0 if record.is_led else SKIPPED :][:JUDGED]
    grown = [bool(np.abs(parameters[end + 1]).max() > GROWN) for _, end in chosen]
    chosen = chosen[: max(LEAST, grown.index(True))] if any(grown) else chosen  # rules for large weights are much alike
    if len(chosen) < (1 if record.is_late else LEAST):
        return None
    before = parameters[[end for _, end in chosen]]
    change = parameters[[end + 1 for _, end in chosen]] - before
    y, rates = slopes(before)
    if not (np.isfinite(y).all() and np.isfinite(rates).all()):
        return None
    rates = rates * network.present
    last = np.array([corners[end][0] if len(corners[end]) == 1 else -1 for _, end in chosen])
    if is_inline:
        answered = answered_corners(record, ends, [end for _, end in chosen], y)
        last = np.where(answered < 0, likeliest(change, rates), answered)
    return Steps(
        parameters=before,
        change=change,
        y=y,
        slopes=rates,
        seen=np.array([tally[begin : end + 1].sum(0) for begin, end in chosen], dtype=float),
        last=last,
        scalars=record.scalars[[end for _, end in chosen]],
        present=network.present,
        tolerance=tolerance_of(before, change, is_numeric=not network.is_forward_right),
        calls=chosen[-1][1] + 1 - chosen[0][0],
        idle=() if is_inline else idle_calls(record, parameters, corners, chosen),
        is_leap=record.is_led and not is_near(parameters, before + change),
    )


def is_still(network: ObservedNetwork) -> bool:
    """Return whether no parameter changes although forward is called often with every example."""
    parameters, corners = network.parameters(network.record.before), corners_of(network.record.x)
    is_moved = not np.isfinite(parameters).all() or bool(np.ptp(parameters, axis=0).any())
    return len(parameters) >= STILL_CALLS and not is_moved and len({corner for some in corners for corner in some}) == 4


def is_near(parameters: Array, after: Array) -> bool:
    """Return whether a training continues from the weights that were set: its first step is not a leap."""
    if len(after) < LEAST:
        return True  # a leap is no right step, either
    largest = np.abs(np.diff(after, axis=0)).max()
    return bool(np.abs(after[0] - parameters[0]).max() <= REACH * largest)


def idle_calls(
    record: Record, parameters: Array, corners: list[list[int]], chosen: list[tuple[int, int]]
) -> tuple[tuple[Array, int], ...]:
    """Return parameters and corner of each call that comes from the site of a call before a step, but has no step."""
    sites = {int(record.sites[end]) for _, end in chosen}
    return tuple(
        (parameters[index], corners[index][0])
        for begin, end in chosen
        for index in range(begin, end)
        if int(record.sites[index]) in sites and len(corners[index]) == 1
    )


def at_depth(record: Record, depth: int | None) -> Record:
    """Return the calls made at one call depth, or all for None."""
    if depth is None:
        return record
    arrays = ("before", "after", "x", "scalars", "sites", "depths")
    return replace(record, **{name: getattr(record, name)[record.depths == depth] for name in arrays})


def tolerance_of(parameters: Array, change: Array, *, is_numeric: bool) -> float:
    """Return the tolerance for right steps, given the precision of their numbers."""
    is_single = bool((parameters == parameters.astype(np.float32)).all() and (change != np.round(change)).any())
    unit = np.finfo(np.float32 if is_single else np.float64).eps
    scale = min(float(np.abs(change[:, row]).max()) or 1.0 for row in range(3))
    rounding = ROUNDING * float(unit) * float(np.abs(parameters).max()) / scale
    return max(rounding, NUMERIC if is_numeric else SINGLE if is_single else EXACT)


# --- from steps to a rule -----------------------------------------------------------------------


def right(steps: Steps, way: Way) -> Iterator[StepRule]:
    """Yield the rules that are gradient descent on the squared error or the cross-entropy, the simplest first."""
    gradient = steps.gradient(way)
    rate, _ = fit(steps.change, gradient)
    yield StepRule(steps, way, rate * gradient, rate)
    before = np.concatenate([steps.change[:1], steps.change[:-1]])
    columns = np.column_stack([gradient[1:].ravel(), before[1:].ravel()])
    (c, alpha), *_ = np.linalg.lstsq(columns, steps.change[1:].ravel(), rcond=None)
    if is_momentum(alpha, c * gradient, steps.change):  # `is_right` checks the fit, as for the other rules
        expected = c * gradient + alpha * before
        expected[0] = steps.change[0]  # the step before it is unknown
        yield StepRule(steps, way, expected, float(c), momentum=float(alpha))
    with np.errstate(all="ignore"):
        entropy = steps.gradient(way, steps.off / oracle.derivative(steps.y))
    if np.isfinite(entropy).all():
        c, _ = fit(steps.change, entropy)
        yield StepRule(steps, way, c * entropy, c, loss="entropy")
    rates = steps.rates(gradient)
    if drifts(rates):
        yield StepRule(steps, way, rates[:, None, None] * gradient, float(np.median(rates)), is_decaying=True)


def drifts(rates: Array) -> bool:
    """Return whether rates, one per step, change slowly and smoothly: by a schedule, not depending on the example."""
    if not (np.isfinite(rates).all() and ((rates > 0).all() or (rates < 0).all())):
        return False
    ticks, logs = np.arange(len(rates)), np.log(np.abs(rates))
    return bool(np.abs(logs - np.polyval(np.polyfit(ticks, logs, 2), ticks)).max() < SLOW_DRIFT)


def minor(steps: Steps, way: Way) -> Iterator[StepRule]:
    """Yield the rules with an order defect, each at the rate that fits best."""
    if way == "batch":
        rate, expected = fitted_batch(steps)
        yield StepRule(steps, way, expected, rate, defect=misconceptions.ORDER_DEFECTS[0])
    for defect in misconceptions.ORDER_DEFECTS:
        rate, expected = fit_nonlinear(functools.partial(steps.predicted, defect, way), steps.change)
        rule = StepRule(steps, way, expected, rate, defect=defect)
        if way == "batch" or rule.residuals.max() < EXACT:
            yield rule


def diagnosed(rule: StepRule, known: Diagnosis | None = None) -> Diagnosis | None:
    """Return the mistake in wrong steps, of one example each or of batches, or None; of a known one, whether it is still that."""
    rules, rates = (
        ((*misconceptions.IN_NETWORK, *misconceptions.ERRORS_ALONE), ())
        if known is None
        else (known.rules, known.rates)
    )
    steps = rule.steps
    if rule.way == "online":
        model = model_steps(steps)
        if (heaped := accumulated(steps)) is not None:
            return heaped
        return diagnose_network(model, [*rates, model.rate, *rates_of(model)[:2]], rules=rules)
    network = steps.passes(steps.err).shared()

    def predict(rule: misconceptions.Rule, rate: float, form: float) -> Array:
        every = rule.network_step(network.at(rate, form))
        return np.asarray((steps.seen[..., None, None] * every).sum(1) * steps.present)

    return diagnose(rules, steps.change, predict, [*rates, rule.rate or 1.0])


def accumulated(steps: Steps) -> Diagnosis | None:
    """Return the mistake of steps that each include all earlier ones, so that their differences are the gradient, or None."""
    new, gradient = np.diff(steps.change, axis=0), steps.gradient("online")[1:]
    rate, residual = fit(new, gradient)
    return Diagnosis.of([misconceptions.ACCUMULATED], rate) if residual < steps.tolerance and rate else None


def model_steps(steps: Steps) -> ModelSteps:
    """Return steps of one example each as ModelSteps, like those that the grader drives."""
    err = steps.at_last(steps.err)
    drawn = probes.NetworkProbes(parameters=steps.parameters, x=oracle.XOR_INPUTS[steps.last], err=err)
    rate, _ = fit(steps.change, steps.gradient("online"))
    return ModelSteps(
        probes=drawn, err=err, change=steps.change, small_err=err, small_change=steps.change,
        present=steps.present > 0, rate=rate, is_plain=True,
    )  # fmt: skip


def fitted_batch(steps: Steps) -> tuple[float, Array]:
    """Return the rate and the steps of batches whose hidden errors are propagated through updated output weights."""

    def batch(rate: float) -> Array:
        plain = rate * steps.gradient("batch")
        network = steps.passes(rate * steps.seen * steps.err)
        later = (steps.parameters + plain)[:, None, 2, :2]
        moved = network.step(errors=network.delta[..., None] * later).sum(1) * steps.present
        return np.concatenate([moved[:, :2], plain[:, 2:]], axis=1)

    return fit_nonlinear(batch, steps.change)


def fit_nonlinear(steps_at: Callable[[float], Array], change: Array) -> tuple[float, Array]:
    """Return the rate at which a rule fits the change, and its steps there; the rule is nearly linear in the rate."""
    rate = 1.0
    for scale in (1e-3, *([1.0] * ROUNDS)):
        expected = steps_at(rate * scale)
        c, _ = fit(change, expected)
        rate *= scale * c
        if not np.isfinite(rate) or rate == 0:
            return 0.0, np.zeros_like(change)
    return rate, steps_at(rate)


def free(steps: Steps) -> StepRule | None:
    """Return the rule with a free factor per example if it fits, that is, if the steps are the gradient of some loss."""
    expected = np.array([(columns @ factors).reshape(3, 3) for _, columns, factors in steps.factors()])
    rule = StepRule(steps, likely_way(steps), expected, 1.0, loss="free")
    return rule if rule.is_right else None


def rule_of(network: ObservedNetwork, slopes: Slopes) -> StepRule | None:
    """Return the rule that explains the steps; if none does, the simplest one, which is not right; None without steps."""
    often = Counter(network.record.depths.tolist()).most_common(MOST_DEPTHS)
    depths: list[int | None] = [None, *(sorted(depth for depth, _ in often) if len(often) > 1 else ())]
    every = [steps for depth in depths if (steps := steps_of(network, slopes, depth)) is not None]
    plainest: list[StepRule] = []
    for steps in every:
        found = [rule for way in ways_of(steps) for rule in right(steps, way)]
        if any(rule.is_right for rule in found):
            return next(rule for rule in found if rule.is_right)
        plainest += found
    others = itertools.chain(
        (rule for steps in every for rule in lesser(network, steps)),
        (rule for steps in every for rule in with_labels(network, steps)),
        (rule for steps in every if (rule := free(steps)) is not None),
    )
    found_right = next((rule for rule in others if rule.is_right), None)
    return found_right or next((rule for rule in plainest if rule.way == likely_way(rule.steps)), None)


def goes_along(later: StepRule, rule: StepRule) -> bool:
    """Return whether later steps follow the gradient of an earlier rule, each with any rate of the same sign."""
    steps = later.steps
    with np.errstate(all="ignore"):
        off = (rule.steps.labels - steps.y) / (oracle.derivative(steps.y) if rule.loss == "entropy" else 1.0)
        gradient = steps.gradient(rule.way, off)
        rates = steps.rates(gradient)
    is_along = bool(np.isfinite(rates).all() and (rates * rule.rate > 0).all())
    return is_along and StepRule(steps, rule.way, rates[:, None, None] * gradient, rule.rate).is_right


def ways_of(steps: Steps) -> list[Way]:
    """Return the possible ways of steps."""
    return ["online", "batch"] if (steps.last >= 0).all() else ["batch"]


def lesser(network: ObservedNetwork, steps: Steps) -> Iterator[StepRule]:
    """Yield the rules with an order defect, for the squared error and for cross-entropy."""
    if not network.is_forward_right:
        return
    for way in ways_of(steps):
        yield from minor(steps, way)
    with np.errstate(all="ignore"):
        entropy = replace(steps, is_entropy=True)
        if np.isfinite(entropy.err).all():
            yield from (replace(rule, loss="entropy") for way in ways_of(steps) for rule in minor(entropy, way))


def with_labels(network: ObservedNetwork, steps: Steps) -> Iterator[StepRule]:
    """Yield the rules for the labels that fit the steps best, if they are close to XOR's."""
    for way in ways_of(steps):
        for is_entropy in (False, True):
            labels = labels_of(replace(steps, is_entropy=is_entropy), way)
            if labels is not None and np.abs(labels - oracle.XOR_LABELS).max() < SOFT:
                soft = replace(steps, labels=labels)
                yield from right(soft, way)
                yield from lesser(network, soft)


def labels_of(steps: Steps, way: Way) -> Array | None:
    """Return the label of each corner, (4,), for which the steps are the gradient, or None."""
    with np.errstate(all="ignore"):
        rates = steps.slopes / oracle.derivative(steps.y)[..., None, None] if steps.is_entropy else steps.slopes
    weighted = steps.weights(way)[..., None, None] * rates  # (n, 4, 3, 3)
    if not np.isfinite(weighted).all() or not weighted.any((0, 2, 3)).all():
        return None
    columns = [*np.moveaxis(weighted, 1, 0), (weighted * steps.y[..., None, None]).sum(1)]
    before = oracle.earlier(steps.change)
    for some, first in ((columns, 0), ([*columns, before], 1)):
        table = np.stack([item[first:].ravel() for item in some], axis=1)
        factors, *_ = np.linalg.lstsq(table, steps.change[first:].ravel(), rcond=None)
        is_fit = misfit(table @ factors, steps.change[first:].ravel()) < steps.tolerance
        if is_fit and factors[4]:
            return pooled(np.asarray(-factors[:4] / factors[4]))
    return None


def pooled(labels: Array) -> Array:
    """Return labels (4,) averaged over the examples with the same label in XOR, if they agree, else unchanged."""
    means = np.array([labels[label == oracle.XOR_LABELS].mean() for label in oracle.XOR_LABELS])
    return means if np.abs(labels - means).max() < SAME_LABEL else labels


def likely_way(steps: Steps) -> Way:
    """Return the likely way of steps that follow no rule: one example each, or batches."""
    is_single = bool((steps.last >= 0).all()) and len(steps.idle) <= len(steps.last)
    return "online" if is_single else "batch"
