"""Diagnoses the mistake behind observed numbers: fits each rule of the bank, and names one only if no other fits.

A rule fits if, with one rate for all numbers, every number is within rules.TOLERANCE, relative to the largest value
that the rule predicts for that neuron. It is named if every rule with a different prediction misses by at least MARGIN;
rules with the same prediction are named together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import msgspec
import numpy as np
from msgspec.structs import replace

from .. import oracle
from ..oracle import Array
from .misconceptions import (
    BACK,
    BIAS,
    DERIVATIVE,
    ERRORS,
    ERRORS_ALONE,
    FORWARD,
    IN_NETWORK,
    IN_NEURON,
    LOSS,
    ORDER_DEFECTS,
    STILL,
    UNFITTED,
    NetworkPass,
    NeuronPass,
    Rule,
)
from .rules import TOLERANCE, ModelSteps, NeuronSteps, fit, misfit, sum_of

MARGIN = 10 * TOLERANCE
FORWARD_TOLERANCE = 1e-5
REFINEMENTS = 10  # Gauss-Newton steps for the rate of a rule that is not linear in it
NOTHING = 1e-9
ALIKE = 1e-4  # relative difference below which two initial rates count as the same

# The right step competes with the mistakes: if it fits, there is no mistake to name.
RIGHT = Rule(id="right", message="", hint="", formula="step")

Predict = Callable[[Rule, float, float], Array]  # rule, rate, form -> numbers (n, neurons, 3)


class Fitted(msgspec.Struct, frozen=True):
    """A rule with the rate and the form that fit best, its prediction, and the relative misfit."""

    rule: Rule
    rate: float
    predicted: Array
    residual: float
    form: float = 1.0


class Diagnosis(msgspec.Struct, frozen=True, kw_only=True):
    """A recognised mistake: the rules that fit, in the bank's order; several have the same prediction here.

    margin is the relative misfit of the nearest rule with a different prediction.
    """

    fits: tuple[Fitted, ...]
    margin: float = np.inf

    @classmethod
    def of(cls, rules: Sequence[Rule], rate: float = 1.0, form: float = 1.0) -> Diagnosis:
        """Return the diagnosis of rules that were recognised without fitting a rate."""
        return cls(fits=tuple(Fitted(rule, rate, np.zeros(0), 0.0, form) for rule in rules))

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules."""
        return tuple(item.rule for item in self.fits)

    @property
    def rates(self) -> tuple[float, ...]:
        """Their rates."""
        return tuple(item.rate for item in self.fits)

    @property
    def forms(self) -> tuple[float, ...]:
        """Their forms."""
        return tuple(item.form for item in self.fits)

    @property
    def residual(self) -> float:
        """The least relative misfit of the rules."""
        return min(item.residual for item in self.fits)

    @property
    def id(self) -> str:
        """Ids of the rules, joined with "|"."""
        return "|".join(dict.fromkeys(rule.id for rule in self.rules))

    @property
    def is_in_neuron(self) -> bool:
        """Whether it is a mistake inside the neurons."""
        return all(rule in (*IN_NEURON, *ERRORS_ALONE, *UNFITTED) for rule in self.rules)

    def settled(self, sign: float) -> Diagnosis:
        """Return the diagnosis with only the rules under which the output neuron descends.

        sign is the sign of label - y in the error.
        """
        return self.among([item.rule for item in self.fits if item.rate * sign > 0])

    def among(self, rules: Sequence[Rule]) -> Diagnosis:
        """Return the diagnosis with only the rules that are in `rules`, or unchanged if none is."""
        kept = tuple(item for item in self.fits if item.rule in rules)
        return replace(self, fits=kept) if kept else self


def diagnose_network(
    steps: ModelSteps, rates: Sequence[float], rows: Sequence[int] = (0, 1, 2), rules: Iterable[Rule] = IN_NETWORK
) -> Diagnosis | None:
    """Return the mistake in the steps of a network, or of some of its neurons, or None.

    rates are initial values for rules that are not linear in the rate; rules are the mistakes that are considered.
    """
    network = NetworkPass(steps.probes.parameters, steps.probes.x, steps.err).shared()

    def predict(rule: Rule, rate: float, form: float) -> Array:
        return np.asarray(rule.network_step(network.at(rate, form)) * steps.present)[:, rows]

    return diagnose(rules, steps.change[:, rows], predict, rates)


def diagnose_rows(steps: ModelSteps, rates: Sequence[float], rows: Sequence[int]) -> Diagnosis | None:
    """Return the mistake in the steps of some neurons of a network whose other neurons have another one, or None.

    Of several, those that are seen in the others as well.
    """
    found = diagnose_network(steps, rates, rows)
    if found is None:
        return diagnose_later_outputs(steps) if tuple(rows) == (2,) else None
    others = [row for row in range(3) if row not in rows]
    network = NetworkPass(steps.probes.parameters, steps.probes.x, steps.err)

    are_moving = steps.change[:, others].any((0, 2)).all()

    def is_seen(item: Fitted) -> bool:
        made = item.rule.network_step(network.at(item.rate, item.form)) * steps.present
        off = np.abs(made - steps.change)[:, others]
        is_as_made = off < TOLERANCE * np.abs(steps.change).max()
        return bool(are_moving and (is_as_made[..., :2].all() or is_as_made[..., 2].all()))

    return found.among([item.rule for item in found.fits if is_seen(item)])


def diagnose_later_outputs(steps: ModelSteps) -> Diagnosis | None:
    """Return the order defect of an output neuron that uses hidden outputs from after the hidden neurons' steps, or None.

    These may have another mistake.
    """
    later = steps.probes.parameters.copy()
    later[:, :2] += steps.change[:, :2]
    network = NetworkPass(steps.probes.parameters, steps.probes.x, steps.err)
    h = oracle.hidden(later, steps.probes.x)
    made = network.step(out_inputs=h)[:, 2] * steps.present[2]
    rate, residual = fit(steps.change[:, 2], made)
    is_seen = misfit(network.h, h) >= MARGIN
    if residual >= TOLERANCE or not is_seen:
        return None
    (rule,) = (rule for rule in ORDER_DEFECTS if rule.id == "hidden_outputs_recomputed")
    return Diagnosis.of([rule], rate)


def diagnose_neuron(steps: NeuronSteps, rate: float, columns: Sequence[int] = (0, 1, 2)) -> Diagnosis | None:
    """Return the mistake in the steps of a neuron, or of some of its numbers, or None.

    Uses successive steps of one neuron, and steps of fresh neurons with the other error.
    """
    biased = np.array([1.0, 1.0, float(steps.has_bias)])
    row = neurons_of(steps)
    alone = NeuronPass(row.weights[None], row.x[None], np.full((1, len(row.x)), steps.other_err)).shared()

    def predict(rule: Rule, rate: float, form: float) -> Array:
        both = [rule.neuron_step(row.at(rate, form)), rule.neuron_step(alone.at(rate, form))[0]]
        return np.asarray(np.concatenate(both)[:, None, :] * biased)[..., columns]

    observed = np.concatenate([steps.in_a_row, steps.other_change])[:, None, :]
    return _returning(diagnose(IN_NEURON, observed[..., columns], predict, [rate]), steps)


def _returning(found: Diagnosis | None, steps: NeuronSteps) -> Diagnosis | None:
    """Return a diagnosis of several rules with only those that explain the returned errors as well, if any does."""
    if found is None or len(found.rules) == 1:
        return found
    return found.among([rule for rule in found.rules if is_returned_by(rule, steps)])


def is_returned_by(rule: Rule, steps: NeuronSteps) -> bool:
    """Return whether neurons with this mistake return these errors, up to a constant."""
    expected = rule.returned(neurons_of(steps))
    return steps.returned.shape == expected.shape and fit(steps.returned, expected)[1] < TOLERANCE


def diagnose_columns(
    steps: NeuronSteps, rate: float, columns: Sequence[int], *, is_shape_right: bool
) -> Diagnosis | None:
    """Return the mistake in some numbers of a neuron's steps whose other numbers have another one, or None.

    is_shape_right: for one error, these numbers are as the others imply.
    """
    if not any(change[:, columns].any() for change in (steps.change, steps.in_a_row)):
        rules = frozen(columns) if steps.change.any() else ()
        return Diagnosis.of(rules, rate) if rules else None
    shape = None if is_shape_right else diagnose_shape(steps, rate, columns)
    error = diagnose_error(steps, columns)
    return diagnose_neuron(steps, rate, columns) or (error or shape if 2 in columns else shape or error)


def frozen(columns: Sequence[int]) -> tuple[Rule, ...]:
    """Return the rule with which just these numbers of a neuron do not move."""
    rng = np.random.default_rng(0)
    neurons = NeuronPass(rng.uniform(0.5, 1, (2, 3)), rng.uniform(0.5, 1, (2, 2)), rng.uniform(0.5, 1, 2))
    still = np.isin(np.arange(3), columns)
    return tuple(rule for rule in IN_NEURON if ((rule.neuron_step(neurons) == 0) == still).all())


def diagnose_shape(steps: NeuronSteps, rate: float, columns: Sequence[int]) -> Diagnosis | None:
    """Return the mistake in some numbers of the steps that fresh neurons make with one error, or None.

    Of several, those that explain the returned errors as well.
    """
    row = neurons_of(steps)
    neurons = NeuronPass(row.weights[None], row.x[None], row.err[None])

    def predict(rule: Rule, rate: float, form: float) -> Array:
        return np.asarray(rule.neuron_step(neurons.at(rate, form))[0][:, None, columns])

    observed = steps.change[:, None, columns]
    return _returning(diagnose(IN_NEURON, observed, predict, [rate]), steps) if observed.any() else None


def diagnose_error(steps: NeuronSteps, columns: Sequence[int]) -> Diagnosis | None:
    """Return the mistake in how some numbers of a neuron's steps depend on the error, whatever else is wrong, or None."""
    change = steps.change[:, columns]
    errors = np.array([steps.err, steps.other_err, steps.small_err])
    for rule in ERRORS:
        first, *others = rule.neuron_step(NeuronPass(np.zeros((3, 3)), np.zeros((3, 2)), errors))[:, 2]
        seen = zip(others, (steps.other_change, steps.small_change), strict=True)
        if first and all(
            np.abs(other[:, columns] - made / first * change).max() < TOLERANCE * np.abs(change).max()
            for made, other in seen
        ):
            return Diagnosis.of([rule])
    return None


def diagnose_bias(steps: NeuronSteps, rate: float) -> Diagnosis | None:
    """Return the mistake in the steps of a bias beside weights that show this rate, or None."""
    return _known((RIGHT, *BIAS), neurons_of(steps), rate, steps.change[:, 2])


def diagnose_ratio(ratio: float, rate: float) -> Diagnosis | None:
    """Return the mistake of a bias that moves `ratio` times as far as weights with this rate imply, or None."""
    rng = np.random.default_rng(0)
    neurons = NeuronPass(rng.uniform(0.5, 1, (4, 3)), rng.uniform(0.5, 1, (4, 2)), rng.uniform(0.5, 1, 4), rate)
    return _known(BIAS, neurons, rate, ratio * neurons.step[:, 2])


def diagnose_function(y: Array, values: Array) -> Diagnosis | None:
    """Return the mistake in values (n,) of a sigmoid_derivative(y), or None."""
    neurons = NeuronPass(np.column_stack([np.zeros((len(y), 2)), sum_of(y)]), np.zeros((len(y), 2)), np.ones(len(y)))
    return _known(DERIVATIVE, neurons, 1.0, values)


def _known(rules: Iterable[Rule], neurons: NeuronPass, rate: float, observed: Array) -> Diagnosis | None:
    """Return the only rule by which the bias of neurons changes as observed, (n,), at a known rate, or None."""
    found = []
    with np.errstate(all="ignore"):
        for rule in rules:
            made = [(form, rule.neuron_step(neurons.at(rate, form))[:, 2]) for form in rule.forms]
            fitted = [Fitted(rule, rate, bias, misfit(observed, bias), form) for form, bias in made]
            found.append(min(fitted, key=lambda item: item.residual))
    return _alone(found, TOLERANCE, MARGIN)


def diagnose_returned(steps: NeuronSteps, rate: float) -> Diagnosis | None:
    """Return the mistake in the errors that single neurons return, (n, 2), or None; their steps are right."""
    neurons = neurons_of(steps)

    def predict(rule: Rule, _: float, form: float) -> Array:
        return np.asarray(rule.returned(neurons.at(rate, form))[:, None, :])

    return diagnose(BACK, steps.returned[:, None, :], predict, [1.0])


def neurons_of(steps: NeuronSteps) -> NeuronPass:
    """Return the inputs of the steps as a NeuronPass."""
    weights = steps.probes.weights * np.array([1.0, 1.0, float(steps.has_bias)])
    return NeuronPass(weights, steps.probes.x, np.full(len(weights), steps.err)).shared()


def diagnose_forward(parameters: Array, x: Array, observed: Array) -> Diagnosis | None:
    """Return the mistake in outputs (n,) of a neuron, for parameters (..., 3), or of a network, for (..., 3, 3), or None."""
    is_network = parameters.ndim > 1 and parameters.shape[-2:] == (3, 3)
    found = []
    with np.errstate(all="ignore"):
        for rule in FORWARD:
            if is_network:
                predicted = rule.forward(parameters, x)
            elif rule.output is not None:
                predicted = rule.output(NeuronPass(parameters, x, np.zeros(())))
            else:
                continue
            off = float(np.abs(np.nan_to_num(predicted - observed, nan=np.inf)).max())
            found.append(Fitted(rule, 1.0, predicted, off))
    return _alone(found, FORWARD_TOLERANCE, 10 * FORWARD_TOLERANCE)


def diagnose_loss(y: Array, label: Array, observed: Array) -> Diagnosis | None:
    """Return the mistake in a loss from its values for outputs y and labels, all (n,), or None; its scale is free."""
    found = []
    for rule in LOSS:
        assert rule.loss is not None
        predicted = rule.loss(y, label)
        scale, residual = fit(observed, predicted)
        found.append(Fitted(rule, scale, scale * predicted, residual))
    return _alone(found, TOLERANCE, MARGIN)


def diagnose(rules: Iterable[Rule], observed: Array, predict: Predict, rates: Sequence[float]) -> Diagnosis | None:
    """Return the only rule that predicts the observed numbers, (n, neurons, 3), or None if none or the right one does."""
    if not np.isfinite(observed).all():
        return None
    if not observed.any():
        return Diagnosis.of([STILL], 0.0)
    with np.errstate(all="ignore"):
        found = [best for rule in (RIGHT, *rules) if (best := _best(rule, observed, predict, rates)) is not None]
    return _alone(found, TOLERANCE, MARGIN)


def _alone(found: list[Fitted], tolerance: float, margin: float) -> Diagnosis | None:
    """Return the best fit as a Diagnosis if no different prediction comes near, else None."""
    first = min(found, key=lambda rule: rule.residual, default=None)
    if first is None or first.residual >= tolerance:
        return None
    scale = float(np.abs(first.predicted).max()) or 1.0
    same = [item for item in found if np.abs(item.predicted - first.predicted).max() <= 3 * tolerance * scale]
    others = [item.residual for item in found if item not in same]
    nearest = min(others, default=np.inf)
    if nearest < margin or any(item.rule is RIGHT for item in same):
        return None
    return Diagnosis(fits=tuple(same), margin=float(nearest))


def _best(rule: Rule, observed: Array, predict: Predict, rates: Sequence[float]) -> Fitted | None:
    fitted = []
    for form in rule.forms:
        tried: list[float] = []
        for start in rates:
            if any(abs(start - item) <= ALIKE * abs(item) for item in tried):
                continue
            tried.append(start)
            fit_found, is_linear = _fitted(rule, form, start or 1.0, observed, predict)
            fitted += [fit_found] if fit_found is not None else []
            if is_linear:
                break
    return min(fitted, key=lambda rule: rule.residual, default=None)


def _fitted(rule: Rule, form: float, rate: float, observed: Array, predict: Predict) -> tuple[Fitted | None, bool]:
    """Fit the rate of a rule, by Gauss-Newton from an initial rate; return the fit and whether the rule is linear in it.

    For a linear rule, one iteration suffices.
    """
    once, twice = predict(rule, rate, form), predict(rule, 2 * rate, form)
    slope = (twice - once) / rate
    is_linear = _is_same(twice, 2 * once) or _is_same(predict(rule, 3 * rate, form), 2 * twice - once)
    for _ in range(REFINEMENTS):
        size = float((slope**2).sum())
        if not np.isfinite(size):
            return None, is_linear
        moved = float(((observed - once) * slope).sum()) / size if size else 0.0
        rate += moved
        if is_linear:
            once = once + moved * slope
            break
        once = predict(rule, rate, form)
        if abs(moved) <= 1e-9 * abs(rate) or rate == 0.0:
            break
        slope = (predict(rule, rate * (1 + 1e-6), form) - once) / (1e-6 * rate)
    return Fitted(rule, rate, once, _misfit(observed, once), form), is_linear


def _is_same(array: Array, other: Array) -> bool:
    return bool((np.abs(array - other) <= 1e-9 * np.abs(other).max(initial=0.0)).all())


def _misfit(observed: Array, predicted: Array) -> float:
    """Return the largest misfit of any neuron's weights or bias, relative to the prediction.

    Numbers that are predicted not to move must not move.
    """
    off, scale = (
        np.concatenate([numbers[:, :, :2].max((0, 2)), numbers[:, :, 2:].max((0, 2), initial=0.0)])
        for numbers in (np.abs(observed - predicted), np.abs(predicted))
    )
    largest = scale.max(initial=0.0) or float(np.abs(observed).max(initial=0.0)) or 1.0
    is_still = scale <= NOTHING * largest
    relative = np.where(is_still, np.where(off <= NOTHING * largest, 0.0, np.inf), off / np.where(is_still, 1, scale))
    return float(np.nan_to_num(relative, nan=np.inf).max())
