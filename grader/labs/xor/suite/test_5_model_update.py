"""One step of the whole network, compared with the gradient at the student's rate.

A neuron with a wrong rule loses points in neuron_update; here the network is compared with steps composed of that neuron's,
so that only the composition is judged.
"""

from __future__ import annotations

import numpy as np
import pytest

from grader.lab import CaseStopped, Evidence, RunningCase, blocked, show

from ..measurements import Measurements
from ..mistakes.rules import TOLERANCE, ModelSteps, is_small_step_right
from ..oracle import Array
from ..shown import NEURONS, NUMBERS, by_neuron
from ..verdicts import mistaken, named, remark_momentum, remark_second, unmet

pytestmark = pytest.mark.criterion("model_update")

DULL = 1e-3  # factor for a probe with x = (0, 0), which is only shown if no other deviates


def check_rows(evidence: RunningCase, measured: Measurements, rows: tuple[int, ...], hint: str) -> None:
    """Compare the steps of these neurons (rows of the oracle) with the expected ones."""
    if measured.is_dead:
        raise blocked("forward.model")
    try:
        steps, rule = measured.model_steps, measured.model_rule
    except CaseStopped:
        measured.keep_usage()
        raise
    worst = max(rows, key=lambda row: rule.residuals[row])
    off = np.abs(np.nan_to_num(steps.change - rule.expected, nan=np.inf))[:, worst]
    off[~steps.probes.x.any(axis=1)] *= DULL
    probe, column = np.unravel_index(int(off.argmax()), off.shape)
    seen = evidence.seen = seen_at(steps, int(probe), rule.expected)
    if rule.is_carried:
        evidence.remark("Graded using your own neuron's step; a mistake in it costs points only where it is reported.")
    remark_momentum(evidence, rule.momentum)
    if not rule.is_right and measured.is_charged_to_neuron:
        evidence.remark(
            "The mistake inside your neurons explains all of these steps; it costs points only where it is reported."
        )
        return
    if rule.residuals[list(rows)].max() < TOLERANCE:
        is_judged_here = 2 in rows and rule.is_right and not rule.is_carried and is_linear(measured)
        if is_judged_here and not is_small_step_right(steps, rule):
            raise unmet(
                "With an error of {err} the network does not change in proportion.",
                err=show(steps.small_err[0]),
                hint="Every example causes a step, even if its error is small; the step is proportional to the error.",
                named=None if steps.small_change.any() else "small_errors_skipped",
            )
        return
    if 2 not in rows and measured.is_hidden_chained:
        evidence.remark("A mistake in the neuron's own step costs points only where it is reported.")
        return
    if measured.second_defect is not None:
        remark_second(evidence, measured.second_defect.defect)
    measured.keep_usage()
    check_is_written(measured, int(probe))
    change, wanted = steps.change[probe, worst, column], rule.expected[probe, worst, column]
    unnamed = unmet(
        "In {neuron} the {number} changes by {change}; it should change by {wanted}.",
        neuron=NEURONS[worst], number=NUMBERS[column], change=show(change), wanted=show(wanted), hint=hint, seen=seen,
        formula="output" if worst == 2 else "hidden",
    )  # fmt: skip
    if not steps.change[:, list(rows)].any():
        unnamed = unmet("Model.backward does not change {neuron}.", neuron=NEURONS[worst], hint=hint, seen=seen)
    raise named(evidence, measured.part_of_network(rows), unnamed)


def check_is_written(measured: Measurements, probe: int) -> None:
    """Stop the case if the whole network stays as it is, although a single neuron makes right steps."""
    steps = measured.model_steps
    try:
        neuron = measured.neuron_rule
    except CaseStopped:
        return  # neuron_update reports it
    if steps.change.any() or not neuron.is_right:
        return
    raise unmet(
        "Model.backward changes none of the three neurons.",
        hint="Call backward of the output neuron with its inputs and err, then that of each hidden neuron with x and its own error.",
        seen=seen_at(steps, probe, neuron.rate * steps.gradient),
    )


def is_linear(measured: Measurements) -> bool:
    """Return whether steps of single neurons are proportional to the error; if not, neuron_update reports it."""
    try:
        return bool(measured.neuron_rule.are_weights_linear)
    except CaseStopped:
        return True


def seen_at(steps: ModelSteps, index: int, expected: Array) -> Evidence:
    """Return one probe side by side for the report."""
    drawn = steps.probes
    return by_neuron(
        expected=expected[index],
        actual=steps.change[index],
        weights=drawn.parameters[index],
        x=drawn.x[index],
        err=steps.err[index],
    )


def test_output_step(evidence: RunningCase, measured: Measurements) -> None:
    """The output neuron's step is rate x err x y (1 - y) x (its inputs, the hidden outputs)."""
    # Seen: its steps at four probes are the gradient with one rate, for small errors too (allowing for momentum, an order
    # defect, and the slope of the student's own forward); or those of its own neuron, which depend on error and probe; or a
    # single mistake inside the neuron, named in neuron_update, explains all steps of the network.
    if measured.is_cut_off and measured.model_steps.change.any():
        raise unmet(
            "A new model stores its weights as integers: every step loses its fraction.",
            hint="Start with floating-point weights: np.array([...], dtype=float), or rng.uniform.",
            named="weights_truncated",
        )
    check_rows(evidence, measured, (2,), "The output neuron's inputs are the two hidden outputs, not x.")


def test_hidden_step(evidence: RunningCase, measured: Measurements) -> None:
    """The errors of the hidden neurons come through the output weights: err x y (1 - y) x w_i."""
    # Seen: the same of both hidden neurons; or a known mistake in the output neuron's step explains all steps, and the hidden
    # neurons' follow from it.
    check_rows(
        evidence,
        measured,
        (0, 1),
        "Hidden neuron i gets the error err y (1 - y) w_i, where y and w_i belong to the output neuron, then makes its own step.",
    )


def test_order(evidence: RunningCase, measured: Measurements) -> None:
    """All parts of one step use the weights and outputs from before the step."""
    # Seen: the two cases before have passed, and not as the steps of an order defect.
    steps, rule = measured.model_steps, measured.model_rule
    if rule.defect is not None:
        gradient = rule.rate * steps.gradient
        index = int(np.abs(gradient - steps.change).max((1, 2)).argmax())  # where it shows most
        raise mistaken(rule.defect, seen_at(steps, index, gradient))
