"""Measurements of a network that several cases judge, each made once per run."""

from __future__ import annotations

import contextlib
from itertools import product
from typing import Literal

import numpy as np
from msgspec.structs import replace

from grader.lab import CaseStopped, blocked, measurement

from . import oracle, probes
from .driving.calls import Calls
from .driving.layout import FORWARD_ATOL, PROBE_W
from .measured_steps import (
    CALIBRATION_ERR,
    CALIBRATION_X,
    NUDGE,
    TRIED_RATES,
    UNTOUCHED_ERR,
    MeasuredSteps,
)
from .mistakes.diagnosis import (
    Diagnosis,
    diagnose_bias,
    diagnose_columns,
    diagnose_error,
    diagnose_forward,
    diagnose_network,
    diagnose_neuron,
    diagnose_ratio,
    diagnose_returned,
    diagnose_rows,
    diagnose_shape,
    is_returned_by,
    neurons_of,
)
from .mistakes.misconceptions import BIAS, DERIVATIVE, IN_NEURON, OUTPUT_DERIVATIVE_MISSING, STILL, WITHOUT_SLOPE
from .mistakes.rules import (
    TOLERANCE,
    ModelRule,
    ModelSteps,
    carried_rule,
    defect_rule,
    fit,
    gradient_rule,
    is_chained,
    misfit,
    momentum_rule,
    own_rule,
    rates_of,
    residuals,
)
from .oracle import Array
from .usage import FITS, own_usage


class Measurements(MeasuredSteps):
    """Measurements of one submission, each made once per run."""

    @measurement
    def forward_mistake(self) -> Diagnosis | None:
        """The mistake that explains the network's outputs."""
        answers = self._network.answers
        found = diagnose_forward(answers.parameters, answers.x, answers.actual)
        with contextlib.suppress(CaseStopped):  # thresholded outputs fit several rules: the neuron's outputs decide
            if found is not None:
                is_sigmoid = self.neuron_steps.is_sigmoid
                kept = [rule for rule in found.rules if rule.keeps_hidden == is_sigmoid]
                return found.among(kept) if kept or not is_sigmoid else None
        return found

    @measurement
    def is_other_activation(self) -> bool:
        """Whether forward is wrong only in its activation function, of all three neurons or of the hidden ones."""
        answers, neuron = self._network.answers, self._network.neuron()

        def activation(d: Array) -> Array:
            return neuron.forward(np.array([1.0, 0.0, 0.0]), np.column_stack([d, np.zeros(len(d))]))

        hidden = np.concatenate([oracle.sums(answers.parameters[:, row], answers.x) for row in (0, 1)])
        sums = oracle.sums(answers.parameters[:, 2], activation(hidden).reshape(2, -1).T)
        possible = (activation(sums), oracle.sigmoid(sums))
        return any(np.allclose(answers.actual, item, rtol=FORWARD_ATOL, atol=FORWARD_ATOL) for item in possible)

    @measurement
    def neuron_mistake(self) -> Diagnosis | None:
        """The mistake that explains a neuron's steps; None if they are right or match no known mistake."""
        rule, steps = self.neuron_rule, self.neuron_steps
        if rule.is_right_throughout:
            return None
        found = diagnose_neuron(steps, rule.rate or self._neuron_rate())
        is_known = steps.is_sigmoid or (found is not None and STILL not in found.rules)
        return self._confirmed(found) if is_known else None

    def part_of_neuron(self, columns: tuple[int, ...]) -> Diagnosis | None:
        """Return the mistake that explains a neuron's steps, or if none explains all, the steps of these columns."""
        found: Diagnosis | None = self.neuron_mistake
        steps, rule = self.neuron_steps, self.neuron_rule
        if found is not None or not steps.is_sigmoid:
            return found
        known, rate = self.weights_mistake, rule.rate or self._neuron_rate()
        is_shape_right = rule.are_weights_right and (2 not in columns or abs(rule.bias_ratio - 1) < TOLERANCE)
        if 2 in columns and rule.are_weights_right and rule.is_bias_proportional:
            shown = diagnose_shape(steps, rate, (0, 1))
            return diagnose_ratio(rule.bias_ratio, shown.rates[0] if shown is not None else rate)
        found = diagnose_bias(steps, known.rates[0]) if 2 in columns and known is not None else None
        found = found or diagnose_columns(steps, rate, columns, is_shape_right=is_shape_right)
        if found is None or 2 not in columns:
            return found
        both = (
            diagnose_columns(steps, rate, (0, 1), is_shape_right=rule.are_weights_right),
            diagnose_error(steps, (0, 1)),
        )
        shared = {item for weights in both if weights is not None for item in weights.rules}
        return found.among([item for item in found.rules if item in shared] or BIAS)

    @measurement
    def derivative_mistake(self) -> Diagnosis | None:
        """The mistake that explains a neuron's steps, or if none does, the wrong derivative in some of them."""
        steps, rule = self.neuron_steps, self.neuron_rule
        if self.neuron_mistake is not None or not steps.is_sigmoid:
            return self.neuron_mistake
        found = [diagnose_shape(steps, rule.rate or self._neuron_rate(), columns) for columns in ((0, 1), (2,))]
        return next((item for item in found if item is not None and item.rules[0] in DERIVATIVE), None)

    @measurement
    def bias_ratio(self) -> float:
        """The bias's step relative to the one that the weights imply, also where these have a mistake of their own.

        1 if they show no rate.
        """
        steps, rule = self.neuron_steps, self.neuron_rule
        known = self.weights_mistake
        if known is None:
            return rule.bias_ratio
        expected = known.rules[0].neuron_step(neurons_of(steps).at(known.rates[0], known.forms[0]))[:, 2]
        return fit(steps.change[:, 2], expected)[0]

    @measurement
    def weights_mistake(self) -> Diagnosis | None:
        """The mistake in a neuron's weights, if no mistake explains the bias as well and they show a rate; else None."""
        steps, rule = self.neuron_steps, self.neuron_rule
        if rule.are_weights_right or self.neuron_mistake is not None or not (steps.is_sigmoid and steps.has_bias):
            return None
        found = diagnose_neuron(steps, rule.rate or self._neuron_rate(), (0, 1))
        return None if found is None or not found.rates[0] else found

    def part_of_network(self, rows: tuple[int, ...]) -> Diagnosis | None:
        """Return the mistake that explains the network's steps, or if none explains all, the steps of these neurons."""
        found: Diagnosis | None = self.network_mistake
        steps = self.model_steps
        if found is None and self._network.is_forward_right and steps.change[:, rows].any():
            found = diagnose_rows(steps, [*rates_of(steps)[:2], steps.rate], rows)
            neuron = self.neuron_mistake if self.model_rule.is_carried else None
            if found is not None and neuron is not None and set(found.rules) <= set(neuron.rules):
                return None  # it is in the expected steps as well
        return found

    def _confirmed(self, found: Diagnosis | None) -> Diagnosis | None:
        """Reduce several fitting rules to those that also fit steps at other rates, if Model takes a rate."""
        for name, rate in product(("learning_rate", "lr"), TRIED_RATES if found and len(found.rules) > 1 else ()):
            with contextlib.suppress(CaseStopped):
                drawn = probes.of_network(self._network.seed)
                models = [self._network.model(**{name: rate})] * len(drawn.err)
                change = self._changes(drawn, drawn.err, models)
                again = diagnose_network(replace(self.model_steps, err=drawn.err, change=change), [rate, 2 * rate])
                if found is not None and again is not None:
                    found = found.among(again.rules)
        return found

    @measurement
    def returned_mistake(self) -> Diagnosis | None:
        """The mistake that explains the errors that a neuron returns."""
        rule, steps = self.neuron_rule, self.neuron_steps
        if not rule.is_right or steps.returned.shape[1] != 2:
            found = self.neuron_mistake
            return found if found is not None and is_returned_by(found.rules[0], steps) else None
        found = None
        if self.is_derivative_negated:
            found = diagnose_returned(replace(steps, returned=-steps.returned), rule.rate)
        found = found or diagnose_returned(steps, rule.rate)
        with contextlib.suppress(CaseStopped):  # a flipped sign: the network and the loss show where it is
            if found is not None and found.id == "hidden_sign":
                return self.network_mistake or found
        return found

    @measurement
    def network_mistake(self) -> Diagnosis | None:
        """The mistake that explains the network's steps; if two differ only in the sign of the error, the loss decides."""
        steps, rule = self.model_steps, self.model_rule
        if rule.is_right and not rule.is_carried:
            return None
        found = diagnose_network(steps, [*rates_of(steps)[:2], steps.rate])
        if found is not None and STILL in found.rules and not self._network.is_forward_right:
            return None  # nothing moves, but because forward is wrong
        found = None if found is None else found.settled(self.loss_sign)
        if found is None and self.second_defect is not None:
            return Diagnosis.of([OUTPUT_DERIVATIVE_MISSING], self.second_defect.rate)
        return self._confirmed(found)

    @measurement
    def second_defect(self) -> ModelRule | None:
        """The rule with an order defect behind network's steps that no single mistake explains, if they also have no output derivative."""
        steps, rule = self.model_steps, self.model_rule
        if rule.is_right or rule.is_output_right or not self._network.is_forward_right:
            return None
        slope = oracle.derivative(oracle.forward(steps.probes.parameters, steps.probes.x))
        return defect_rule(replace(steps, err=steps.err / slope))

    @measurement
    def loss_sign(self) -> int:
        """Sign of the student's loss: 1 for label - y, -1 for y - label, 0 if it is neither or cannot be called."""
        if not self._network.has("loss"):
            return 0
        try:
            above, below = self._network.function("loss", np.array([[0.8, 0.0], [0.3, 1.0]]))
        except CaseStopped:
            return 0
        return int(np.sign(below)) if above * below < 0 else 0

    @measurement
    def rate_ratio(self) -> float | None:
        """Ratio of the steps of two models, the second with twice the rate: 2 is right; None if Model takes no rate."""
        for name in ("learning_rate", "lr"):
            with contextlib.suppress(CaseStopped):
                models = [self._network.model(**{name: rate}) for rate in TRIED_RATES]
                steps = [model.step(PROBE_W, CALIBRATION_X, CALIBRATION_ERR).change[2] for model in models]
                ratio, residual = fit(steps[1], steps[0])
                is_plain = residual < TOLERANCE and not (ratio == 1 and self._is_rate_in_train(name))
                return ratio if is_plain else None
        return None

    def _is_rate_in_train(self, name: str) -> bool:
        """Return whether one epoch of train() depends on the rate: then train() uses it instead of backward()."""
        ends = []
        for rate in TRIED_RATES:
            model = self._network.model(**{name: rate})
            model.parameters = PROBE_W
            model.train(1)
            ends.append(model.parameters)
        return bool(np.abs(ends[0] - ends[1]).max() > 0)

    @measurement
    def is_derivative_negated(self) -> bool:
        """Whether a neuron uses -y (1 - y): its sigmoid_derivative is that, or its steps and the errors that it returns are turned.

        Then both have the sign that the loss does not expect.
        """
        steps, rule = self.neuron_steps, self.neuron_rule
        if rule.rate * self.loss_sign < 0 and steps.returned.shape[1] == 2 and not steps.is_returned_right:
            found = diagnose_returned(replace(steps, returned=-steps.returned), rule.rate)
            if misfit(steps.returned, -steps.right_returned) < TOLERANCE or found is not None:
                return True
            shown = diagnose_returned(steps, rule.rate)
            if shown is None or not set(shown.rules) <= set(WITHOUT_SLOPE):
                return False
        return self._is_function_negated

    @property
    def _is_function_negated(self) -> bool:
        if not self._network.has("sigmoid_derivative"):
            return False
        y = np.linspace(0.1, 0.9, 5)
        try:
            actual = self._network.function("sigmoid_derivative", y[:, None])
        except CaseStopped:
            return False
        return misfit(actual, -oracle.derivative(y)) < TOLERANCE

    @measurement
    def is_cut_off(self) -> bool:
        """Whether the weights of a model are whole numbers initially and stay so after a step that moves other ones."""
        model, other = self._network.model(), self._network.model()
        before = model.parameters
        model.step_untouched(CALIBRATION_X, UNTOUCHED_ERR)
        after = model.parameters[:, :2]
        if (before[:, :2] != np.round(before[:, :2])).any() or (after != np.round(after)).any():
            return False
        moved = other.step(before, CALIBRATION_X, UNTOUCHED_ERR).after[:, :2]
        return bool((moved != np.round(moved)).any())

    @property
    def _is_neuron_known(self) -> bool:
        """Whether a neuron's steps vary with error and probe, and are partly right or match a known mistake."""
        rule = self.neuron_rule
        is_known = rule.is_recognised or rule.is_bias_right
        return self.neuron_steps.is_varying and (is_known or self.neuron_mistake is not None)

    def _is_one_mistake(self, steps: ModelSteps) -> bool:
        """Return whether a single mistake inside the neurons explains all steps of the network."""
        neuron = self.neuron_mistake
        found = None if neuron is None else diagnose_network(steps, [*rates_of(steps)[:2], steps.rate])
        return found is not None and neuron is not None and any(rule in found.rules for rule in neuron.rules)

    @measurement
    def unknown(self) -> str | None:
        """The case to blame if it cannot be predicted what the network learns, else None.

        That is so if both forward and steps are wrong, or one of them is in a way that no known mistake explains.
        """
        if self.is_dead:
            return "forward.model"
        rule, is_forward_right = self.model_rule, self._network.is_forward_right
        is_right = rule.is_right and (not rule.is_carried or (not is_forward_right and self._is_neuron_right))
        is_forward_known = is_forward_right or self.forward_mistake is not None or self.is_other_activation
        if not is_forward_known or not (is_right or is_forward_right):
            return "forward.model"
        if not is_right and self.network_mistake is None:
            if rule.is_right:  # composed of a neuron's own wrong steps
                neuron = self.neuron_rule
                is_slope_wrong = neuron.are_weights_right and not neuron.is_derivative_right
                return "sigmoid_derivative.used" if is_slope_wrong else "neuron_update.weights"
            return "model_update.hidden_step" if rule.is_output_right else "model_update.output_step"
        is_rate_right = self.rate_ratio is None or abs(self.rate_ratio - 2) < TOLERANCE
        return None if is_rate_right or (is_right and is_forward_right) else "neuron_update.weights"

    @property
    def _is_neuron_right(self) -> bool:
        """Whether all of a neuron's steps are right, and the errors that it returns, if it returns any."""
        steps, rule = self.neuron_steps, self.neuron_rule
        if not rule.is_right_throughout or steps.returned.shape[1] != 2:
            return rule.is_right_throughout
        expected = steps.err * (rule.slope / rule.rate)[:, None] * steps.before[:, :2]
        return misfit(steps.returned, expected) < TOLERANCE

    @property
    def is_plain(self) -> bool:
        """Whether forward is right and the steps are the gradient times one rate: then the training can be predicted."""
        rule, present = self.model_rule, self.model_steps.present
        is_gradient = rule.is_right and not (rule.is_carried or rule.momentum or rule.defect)
        return is_gradient and self._network.is_forward_right and bool(present.all())

    @measurement
    def is_neuron_dead(self) -> bool:
        """Whether a neuron outputs only 0 or 1 and its steps do not show y before thresholding: then no step can be judged."""
        return self.neuron_steps.is_thresholded and not self.neuron_rule.is_derivative_right

    @measurement
    def is_dead(self) -> bool:
        """Whether all neurons are dead, or the network outputs only 0 or 1 and none of its steps changes anything."""
        with contextlib.suppress(CaseStopped):
            if self.is_neuron_dead:
                return True
        is_thresholded = bool(np.isin(self._network.answers.actual, (0.0, 1.0)).all())
        return is_thresholded and not self.model_steps.change.any()

    @measurement
    def is_charged_to_neuron(self) -> bool:
        """Whether a single mistake inside the neurons explains the network's steps; then neuron_update loses the points."""
        network, neuron = self.network_mistake, self.neuron_mistake
        if neuron is None or network is None:
            return False
        return any(rule in IN_NEURON and rule in network.rules for rule in neuron.rules)

    @measurement
    def is_hidden_chained(self) -> bool:
        """Whether a known mistake in the output neuron's delta explains the network's steps, and the hidden ones follow from it.

        They may have an order defect besides.
        """
        is_known = self.network_mistake is not None and not self.model_rule.is_output_right
        return is_known and (is_chained(self.model_steps) or self.second_defect is not None)

    @property
    def order_defect(self) -> str | None:
        """The id of the order defect in the network's steps, or None if there is no known one."""
        try:
            defect = self.model_rule.defect
        except CaseStopped:
            return None
        return None if defect is None else defect.id

    @measurement
    def model_rule(self) -> ModelRule:
        """The rule behind the network's steps, compared with the gradient; a neuron's own mistakes are carried forward."""
        steps = self.model_steps
        gradient = gradient_rule(steps, self._neuron_sign)
        if gradient.is_right or not steps.change.any():
            return gradient
        accelerated = momentum_rule(steps)
        if accelerated is not None:
            return accelerated
        defect = defect_rule(steps)
        if defect is not None:
            return defect
        carried = self._carried(steps)
        is_known = carried is not None and (self._is_neuron_known or self._is_one_mistake(steps))
        if carried is not None and carried.is_right:
            if not is_known:  # if nothing explains a neuron's steps, the network's show nothing
                raise blocked("neuron_update.weights")
            return carried
        own = self._own(steps)
        if own is None and carried is not None and is_known and not gradient.is_output_right:
            return carried  # the hidden neurons' steps are wrong in another way than the neuron's
        return own or self._at_neuron_rate(steps, gradient)

    def _at_neuron_rate(self, steps: ModelSteps, gradient: ModelRule) -> ModelRule:
        """Compare wrong steps with the gradient at the rate of single neurons, if their steps are right and it fits as well."""
        try:
            neuron = self.neuron_rule
        except CaseStopped:
            return gradient
        if not neuron.is_right_throughout:
            return gradient
        expected = neuron.rate * steps.gradient
        rule = ModelRule(expected=expected, residuals=residuals(steps, expected), rate=neuron.rate)
        is_as_good = (
            rule.is_output_right >= gradient.is_output_right and rule.is_hidden_right >= gradient.is_hidden_right
        )
        return rule if is_as_good else gradient

    def keep_usage(self) -> None:
        """Keep for hooks.py whether the program calls its network as the template does."""
        if FITS not in self._network.student.kept:
            self._network.student.keep(FITS, own_usage(Calls(self._network.student)))

    @property
    def _neuron_sign(self) -> float:
        """A number with the sign of a single neuron's rate, or 0 if its weights do not show it."""
        with contextlib.suppress(CaseStopped):
            return self.neuron_rule.rate if self.neuron_rule.are_weights_right else 0.0
        return 0.0

    def _own(self, steps: ModelSteps) -> ModelRule | None:
        """Compare with the slopes of the student's own forward if that is wrong; None if the steps do not match them."""
        if self._network.is_forward_right:
            return None
        model, slopes = self._network.model(), np.zeros(steps.change.shape)
        try:
            for probe, row, column in np.argwhere(np.broadcast_to(steps.present, slopes.shape)):
                ends = []
                for shift in (NUDGE, -NUDGE):
                    moved = steps.probes.parameters[probe].copy()
                    moved[row, column] += shift
                    model.parameters = moved
                    ends.append(model.forward(steps.probes.x[probe][None, :])[0])
                slopes[probe, row, column] = (ends[0] - ends[1]) / (2 * NUDGE)
        except CaseStopped:
            return None
        return own_rule(steps, slopes)

    def _carried(self, steps: ModelSteps) -> ModelRule | None:
        """Compare with steps composed of steps of the student's single neurons; None if they do not match.

        The hidden errors are those that the output neuron returns, or if its derivative, weights or bias are wrong,
        err * slope * weight with the slope that it uses.
        """
        try:
            neuron = self.neuron_rule
            if not neuron.is_stateless:  # judged with the neuron; here, make each step on a separate model
                models = [self._network.model() for _ in steps.err]
                steps = replace(steps, change=self._changes(steps.probes, steps.err, models))
                gradient = gradient_rule(steps)
                if gradient.is_right:
                    return replace(gradient, is_carried=True)
            known = self.neuron_mistake
            rate = neuron.rate if known is None else neuron.rate or known.rates[0]
            rule = self._compared(steps, "returned", rate)
            if (rule is None or not rule.is_right) and not (neuron.is_right and neuron.are_weights_linear):
                rule = self._compared(steps, "slope", rate)
        except CaseStopped:
            return None
        return rule

    def _compared(self, steps: ModelSteps, errors: Literal["returned", "slope"], rate: float) -> ModelRule | None:
        drawn = steps.probes
        composed = [
            self._composed(parameters, x, float(err), errors, rate)
            for parameters, x, err in zip(drawn.parameters, drawn.x, steps.err, strict=True)
        ]
        found = [item for item in composed if item is not None]
        if len(found) < len(composed):
            return None
        return carried_rule(steps, np.array(found), errors == "returned" or rate != 0)

    def _composed(
        self, parameters: Array, x: Array, err: float, errors: Literal["returned", "slope"], rate: float
    ) -> Array | None:
        """Return a network's step (3, 3) composed of steps of three neurons, or None if no errors were returned."""
        neuron = self._network.neuron
        h = np.array([neuron().forward(parameters[row], x[None, :])[0] for row in (0, 1)])
        out = neuron().step(parameters[2], h, err)
        if errors == "returned":
            if len(out.returned) != 2:
                return None
            back = out.returned
        else:
            channels = out.change / (err * np.append(h, 1.0))
            slope = channels[0] if self.neuron_rule.are_weights_right else channels[2] or channels[0]
            back = err * slope / (rate or 1.0) * parameters[2, :2]
        hidden = [neuron().step(parameters[row], x, float(back[row])).change for row in (0, 1)]
        return np.array([*hidden, out.change])
