"""Forward pass: S(w . x + w0) in each neuron, and through the network."""

from __future__ import annotations

import numpy as np
import pytest

from grader.lab import CaseStopped, Evidence, RunningCase, show, side_by_side

from .. import oracle, probes
from ..driving.network import Network, NetworkAnswers, worst
from ..measurements import Measurements
from ..mistakes.diagnosis import Diagnosis, diagnose_forward
from ..oracle import Array
from ..verdicts import named, unmet

pytestmark = pytest.mark.criterion("forward")

HINT = "The formula is y = 1 / (1 + e^-d) with d = w0 + w1 x1 + w2 x2."


def test_neuron(network: Network, evidence: RunningCase, measured: Measurements) -> None:
    """One neuron returns S(w . x + w0)."""
    # Seen: nine outputs of one neuron with drawn weights, at the corners and at drawn inputs.
    rng = network.rng("forward")
    neuron = network.neuron()
    parameters = rng.uniform(-2, 2, 3) * [1, 1, neuron.has_bias]
    x = probes.points(rng, 9)
    expected, actual = oracle.neuron(parameters, x), neuron.forward(parameters, x)
    evidence.seen = side_by_side(expected=expected, actual=actual, weights=parameters, x=x)
    index = worst(actual, expected)
    if index is not None:
        unnamed = unmet(
            "Neuron.forward gives {got}, but S(d) = {wanted} (d = {d}).",
            got=show(actual[index]),
            wanted=show(expected[index]),
            d=show(parameters[:2] @ x[index] + parameters[2]),
            hint=HINT,
            seen=side_by_side(expected=expected[index], actual=actual[index], weights=parameters, x=x[index]),
            formula="neuron",
        )
        raise named(evidence, neuron_mistake(measured, parameters, x, actual), unnamed)
    check_large_sums(network, evidence)


def neuron_mistake(measured: Measurements, parameters: Array, x: Array, actual: Array) -> Diagnosis | None:
    """Return the mistake that the network's outputs show, in case only some neurons have it; else that of the neuron's outputs."""
    alone = diagnose_forward(parameters, x, actual)
    try:
        found: Diagnosis | None = measured.forward_mistake
    except CaseStopped:
        return alone
    is_neurons = found is not None and len(found.rules) == 1 and not found.rules[0].keeps_hidden
    return found if is_neurons else alone


def check_large_sums(network: Network, evidence: RunningCase) -> None:
    """Remark on a sigmoid that overflows; it costs nothing."""
    try:
        extreme = network.neuron().forward(np.array([400.0, 400.0, 0.0]), np.array([[-1.0, -1.0], [1.0, 1.0]]))
    except CaseStopped as stopped:
        evidence.remark("For a very large negative sum: {problem}", problem=stopped.feedback)
        return
    if not np.allclose(extreme, [0.0, 1.0], atol=1e-6):
        evidence.remark("For sums of -800 and 800 the sigmoid should be 0 and 1.")


def test_model(network: Network, evidence: RunningCase, measured: Measurements) -> None:
    """The network returns the output neuron's answer to both hidden outputs."""
    # Seen: 27 outputs of a model, for parameters drawn three times.
    answers, index = network.answers, network.answers.worst
    evidence.seen = answers_seen(answers, slice(0, 9))
    if index is None:
        return
    template = "Model.forward gives {got}, but the network's answer is {wanted}."
    hint = "Pass x to both hidden neurons and their two outputs to the third; return its answer unrounded."
    seen = answers_seen(answers, slice(index, index + 1))
    raise named(evidence, measured.forward_mistake, wrong_answer(answers, index, template, hint, seen))


def answers_seen(answers: NetworkAnswers, shown: slice | int) -> Evidence:
    """Return one of the outputs, or some for the same weights, side by side for the report."""
    weights = answers.parameters[shown if isinstance(shown, int) else shown.start]
    return side_by_side(
        expected=answers.expected[shown], actual=answers.actual[shown], weights=weights, x=answers.x[shown]
    )


def wrong_answer(answers: NetworkAnswers, index: int, template: str, hint: str, seen: Evidence) -> CaseStopped:
    """Return the CaseStopped for a wrong output of the network."""
    got, wanted = show(answers.actual[index]), show(answers.expected[index])
    return unmet(template, got=got, wanted=wanted, hint=hint, seen=seen, formula="neuron")
