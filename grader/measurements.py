"""Measures steps of the student's neuron and network, on weights and inputs drawn for this run.

Errors passed in are scaled by 4 / rate, so that the student's choice of rate and float type does not
matter: a step is then about as large as a weight.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import numpy as np

from grader import oracle, probes
from grader.asking import Step
from grader.cases import CaseStopped, once
from grader.oracle import Array
from grader.rules import (
    TOLERANCE,
    ModelRule,
    ModelSteps,
    NeuronRule,
    NeuronSteps,
    carried_rule,
    defect_rule,
    gradient_rule,
    misfit,
    momentum_rule,
    neuron_rule,
)
from grader.sandbox.client import FaultKind
from grader.student import ModelProxy, NeuronProxy, Student

CALIBRATION_ERR = 0.25
CALIBRATION_W = np.array([[0.7, -1.2, 0.4], [-0.9, 0.5, 1.1], [1.3, -0.8, -0.6]])
CALIBRATION_X = np.array([0.9, -0.7])
SMALL_ERR = 0.02  # as late in a training
SMALL_MODEL_ERR = 0.3
LARGEST_ERR = 0.9  # of a training
UNTOUCHED_ERR = 0.9
RATES = (1e-9, 1e9)  # beyond these a rate is not one


def rate_of(change: Array, unit: Array) -> float:
    """Return the rate that two weights (2,) show most clearly, from the changes of rate 1; 0: none."""
    moved = change[:2] / unit[:2]
    if np.isfinite(moved).all() and RATES[0] < np.abs(moved).max() < RATES[1]:
        return float(moved[np.abs(moved).argmax()])
    return 0.0


class Measurements:
    """What is measured once a run and judged by several cases."""

    def __init__(self, student: Student) -> None:
        self.known: dict[str, Any] = {}
        self._student = student

    @once
    def neuron_steps(self) -> NeuronSteps:
        """Steps of single neurons for this run's probes.

        A rule that does not hold for the scaled errors may hold for those of a training (clipping).
        """
        drawn = probes.neuron_probes(self._student.rng("neuron"))
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
        return scaled

    def _neuron_steps(self, drawn: probes.NeuronProbes, err: float) -> NeuronSteps:
        count = len(drawn.x)

        def steps(one_err: float, neurons: list[NeuronProxy]) -> list[Step]:
            return [
                neuron.step(weights, x, one_err)
                for neuron, weights, x in zip(neurons, drawn.weights, drawn.x, strict=True)
            ]

        def fresh() -> list[NeuronProxy]:
            return [self._student.neuron() for _ in range(count)]

        first, other, small = (steps(one, fresh()) for one in (err, -0.4 * err, SMALL_ERR))
        same = self._student.neuron()
        row = steps(err, [same] * count)
        sizes = {len(step.returned) for step in first}
        return NeuronSteps(
            probes=drawn,
            err=err,
            other_err=-0.4 * err,
            small_err=SMALL_ERR,
            output=np.array([step.output for step in first]),
            before=np.array([step.before for step in first]),
            change=np.array([step.change for step in first]),
            other_change=np.array([step.change for step in other]),
            small_change=np.array([step.change for step in small]),
            in_a_row=np.array([step.change for step in row]),
            returned=np.array([step.returned for step in first]) if len(sizes) == 1 else np.zeros((count, 0)),
            has_bias=same.has_bias,
        )

    def _neuron_rate(self) -> float:
        """Return the rough rate of a neuron, from one step with a small error; 0: it does not move."""
        weights = CALIBRATION_W[0]
        slope = float(oracle.derivative(oracle.neuron(weights, CALIBRATION_X)))
        for err in (CALIBRATION_ERR, 1e4 * CALIBRATION_ERR):
            step = self._student.neuron().step(weights, CALIBRATION_X, err)
            rate = rate_of(step.change, err * slope * CALIBRATION_X)
            if rate:
                return rate
        return 0.0

    @once
    def neuron_rule(self) -> NeuronRule:
        """The rule behind the neuron's steps."""
        return neuron_rule(self.neuron_steps)

    @once
    def model_steps(self) -> ModelSteps:
        """Steps of one model for this run's probes, and the same with an error of SMALL_MODEL_ERR."""
        drawn = probes.network_probes(self._student.rng("network"))
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
        plain = self._model_steps(drawn, plain_err, rate, is_plain=True)
        return plain if gradient_rule(plain).is_right else scaled

    def _model_steps(
        self, drawn: probes.NetworkProbes, err: Array, rate: float, *, is_plain: bool = False
    ) -> ModelSteps:
        model, small = self._student.model(), self._student.model()
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
        return np.array(
            [
                model.step(parameters, x, float(err)).change
                for model, parameters, x, err in zip(models, drawn.parameters, drawn.x, errors, strict=True)
            ]
        )

    def _model_rate(self) -> float:
        """Return the rough rate of the output neuron, from one step; 0: it does not move."""
        for err in (CALIBRATION_ERR, 1e4 * CALIBRATION_ERR):
            step = self._student.model().step(CALIBRATION_W, CALIBRATION_X, err)
            rate = rate_of(step.change[2], oracle.step(CALIBRATION_W, CALIBRATION_X, np.array(err))[2])
            if rate:
                return rate
        return 0.0

    @once
    def is_derivative_negated(self) -> bool:
        """Whether the student's own sigmoid_derivative is -y (1 - y): one slip that shows in whatever uses it."""
        if not self._student.has("sigmoid_derivative"):
            return False
        y = np.linspace(0.1, 0.9, 5)
        try:
            actual = self._student.function("sigmoid_derivative", y[:, None])
        except CaseStopped:
            return False
        return misfit(actual, -oracle.derivative(y)) < TOLERANCE

    @once
    def is_cut_off(self) -> bool:
        """Whether a model with its own starting weights keeps them whole numbers through a step."""
        model = self._student.model()
        before = model.parameters[:, :2]
        model.step_untouched(CALIBRATION_X, UNTOUCHED_ERR)
        after = model.parameters[:, :2]
        return bool((before == np.round(before)).all() and (after == np.round(after)).all())

    @once
    def model_rule(self) -> ModelRule:
        """How the network's steps compare with the gradient; a neuron's own mistakes are carried forward."""
        steps = self.model_steps
        gradient = gradient_rule(steps)
        if gradient.is_right or not steps.change.any():
            return gradient
        return momentum_rule(steps) or self._carried(steps) or defect_rule(steps) or gradient

    def _carried(self, steps: ModelSteps) -> ModelRule | None:
        """Compare with steps composed of the student's own neuron steps.

        The hidden errors are what the output neuron returned; or err * slope * weight with the slope
        that it was seen to use, where its derivative, weights or bias are wrong.
        """
        try:
            neuron = self.neuron_rule
            if not neuron.is_stateless:  # judged there; here every step gets a model of its own
                models = [self._student.model() for _ in steps.err]
                steps = replace(steps, change=self._changes(steps.probes, steps.err, models))
                gradient = gradient_rule(steps)
                if gradient.is_right:
                    return replace(gradient, is_carried=True)
            rule = self._compared(steps, "returned", neuron.rate)
            if rule is None and not (neuron.is_right and neuron.are_weights_linear):
                rule = self._compared(steps, "slope", neuron.rate)
        except CaseStopped:
            return None
        return rule

    def _compared(self, steps: ModelSteps, errors: Literal["returned", "slope"], rate: float) -> ModelRule | None:
        drawn = steps.probes
        composed = [
            self._composed(parameters, x, float(err), errors, rate)
            for parameters, x, err in zip(drawn.parameters, drawn.x, steps.err, strict=True)
        ]
        found = [one for one in composed if one is not None]
        if len(found) < len(composed):
            return None
        return carried_rule(steps, np.array(found), errors == "returned" or rate != 0)

    def _composed(
        self, parameters: Array, x: Array, err: float, errors: Literal["returned", "slope"], rate: float
    ) -> Array | None:
        """Return a network's step (3, 3) made by three single neurons; None where none came back."""
        neuron = self._student.neuron
        h = np.array([neuron().forward(parameters[row], x[None, :])[0] for row in (0, 1)])
        out = neuron().step(parameters[2], h, err)
        if errors == "returned":
            if len(out.returned) != 2:
                return None
            back = out.returned
        else:
            channels = out.change / (err * np.append(h, 1.0))
            back = err * (channels[2] or channels[0]) / (rate or 1.0) * parameters[2, :2]
        hidden = [neuron().step(parameters[row], x, float(back[row])).change for row in (0, 1)]
        return np.array([*hidden, out.change])
