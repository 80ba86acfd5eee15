"""Shapes and forward pass of a network that was found in its own training."""

from __future__ import annotations

import numpy as np
import pytest

from grader.lab import RunningCase, blocked, not_gradable, side_by_side

from .. import oracle
from ..oracle import Array
from ..suite.test_1_shapes import check_bias, check_start, remark_twins
from ..suite.test_2_forward import answers_seen, wrong_answer
from ..verdicts import named, unmet
from ..watched.observed import Observed
from ..watched.refusals import name_of


def first_parameters(observed: Observed) -> Array:
    """Return the parameters (3, 3) before the first step."""
    network = observed.network
    numbers = np.stack([network.parameters(network.record.before), network.parameters(network.record.after)], axis=1)
    every: Array = numbers.reshape(-1, 3, 3)
    there = every[np.isfinite(every).all((1, 2))]
    if not len(there):
        raise not_gradable("The weights before the first step could not be read.")
    return np.asarray(there[0])


@pytest.mark.criterion("shapes")
def test_three_neurons(observed: Observed, evidence: RunningCase) -> None:
    """The network has three neurons, each with its own weights."""
    # Seen: the influence of each of 6 to 9 numbers on the output, at drawn weights and inputs, is that of a 2-2-1 network.
    evidence.remark(
        "The grader watched your program train and took {what} as the network's forward pass.",
        what=name_of(observed.network.root),
    )
    holders = {str(reference[0]) for reference in observed.network.references if reference is not None}
    places = [
        {str(reference[0]) for reference in observed.network.references[row : row + 3] if reference is not None}
        for row in (0, 3)
    ]
    if places[0] & places[1]:
        evidence.remark(
            "Your hidden neurons keep their weights in one array or list; the lab asks for a separate Neuron for each. This costs no points."
        )
    evidence.seen = side_by_side(expected=3, actual=3, holders=len(holders))


@pytest.mark.criterion("shapes")
def test_wiring(observed: Observed, evidence: RunningCase) -> None:
    """Two hidden neurons read both inputs, the third reads their outputs."""
    # Seen: the same; a hidden neuron's weights stop mattering while its output weight is 0.
    rows = len(observed.network.root.slots)
    if rows > 1:
        evidence.remark("Your network takes {rows} examples at once; the grader passed them like that.", rows=rows)


@pytest.mark.criterion("shapes")
def test_bias(observed: Observed, evidence: RunningCase) -> None:
    """Each neuron has two weights and a bias."""
    # Seen: three numbers that move the output as a sum's constant does.
    check_bias(evidence, [there > 0 for there in observed.network.present[:, 2].tolist()])


@pytest.mark.criterion("shapes")
def test_purity(observed: Observed, evidence: RunningCase) -> None:
    """forward does not change the weights."""
    # Seen: the weights before and after each recorded call; if the training does not call forward, nine successive outputs
    # at the same weights, which are right.
    if observed.network.root.bound is not None and not observed.network.is_forward_right:
        raise blocked("forward.model")
    evidence.seen = side_by_side(calls=len(observed.network.record.before))


@pytest.mark.criterion("shapes")
def test_start(observed: Observed, evidence: RunningCase) -> None:
    """The network starts with random weights, neither all equal nor already trained."""
    # Seen: the weights before the first step, and their four answers.
    start = first_parameters(observed)
    check_start(evidence, start[None], is_trained=oracle.has_learned(observed.network_answers(start)))
    remark_twins(evidence, start[None])


def check_forward(observed: Observed, evidence: RunningCase, template: str) -> None:
    """Compare the network's answers at drawn weights and inputs with the oracle's."""
    answers, index = observed.network.answers, observed.network.answers.worst
    evidence.seen = answers_seen(answers, slice(0, 9))
    if index is None:
        return
    hint = "Each neuron returns 1 / (1 + e^-d) with d = w0 + w1 x1 + w2 x2; return the third one's answer, unrounded."
    unnamed = wrong_answer(answers, index, template, hint, answers_seen(answers, index))
    raise named(evidence, observed.forward_mistake, unnamed)


def check_bias_is_added(observed: Observed) -> None:
    """Stop the case if a bias has the sign of a threshold and is not the weight of an input -1."""
    network = observed.network
    if (network.mask < 0).any() and -1.0 not in network.root.numbers:
        raise unmet(
            "The bias is subtracted from the sum: d = w1 x1 + w2 x2 - w0.",
            hint="The lecture's formula adds it: d = w0 + w1 x1 + w2 x2.",
            seen=side_by_side(expected=np.abs(network.mask[:, 2]), actual=network.mask[:, 2]),
            named="bias_subtracted",
            formula="neuron",
        )


@pytest.mark.criterion("forward")
def test_neuron(observed: Observed, evidence: RunningCase) -> None:
    """Each neuron returns S(w . x + w0)."""
    # Seen: 27 outputs of the network at drawn weights and inputs, which only three sigmoids of such sums give; or all of them
    # are those of two such neurons and a mistake after them.
    check_bias_is_added(observed)
    mistake = observed.forward_mistake
    if mistake is not None and all(rule.keeps_hidden for rule in mistake.rules):
        evidence.remark(
            "The mistake in the answer comes after the hidden neurons; it costs points only under the network's answer."
        )
        return
    check_forward(
        observed, evidence, "The neurons do not return S(d): with these weights the network gives {got}, not {wanted}."
    )


@pytest.mark.criterion("forward")
def test_model(observed: Observed, evidence: RunningCase) -> None:
    """The network returns the output neuron's answer to both hidden outputs."""
    # Seen: the same 27 outputs.
    check_bias_is_added(observed)
    check_forward(observed, evidence, "Your forward gives {got}, but the network's answer is {wanted}.")
