"""Shapes: three neurons joined 2-2-1, two weights and a bias each, a fair start."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import numpy as np
import pytest

from grader.lab import CaseStopped, RunningCase, is_close, listed, show, side_by_side

from .. import oracle, probes
from ..driving.network import Network
from ..oracle import Array
from ..shown import NEURONS, by_neuron
from ..verdicts import unmet

pytestmark = pytest.mark.criterion("shapes")

FORMS = {
    "list": "Your network takes x as a list; the grader passed it that way.",
    "tuple": "Your network takes x as a tuple; the grader passed it that way.",
    "row": "Your network takes x as a row; the grader passed it that way.",
    "column": "Your network takes x as a column; the grader passed it that way.",
}


def test_three_neurons(network: Network, evidence: RunningCase) -> None:
    """The model has three separate neurons, each with its own weights."""
    # Seen: three objects in a fresh model whose forward can be called, and no list of weights shared by two of them.
    evidence.seen = side_by_side(expected=3, actual=len(network.layout.parts))
    try:
        shared = network.layout.shared_weights
    except CaseStopped:
        return  # the next cases judge where the weights are
    if shared:
        raise unmet(
            "Two of the neurons share one list of weights: a step of one changes the other.",
            hint="Create the weights inside __init__, with self._weigths = ..., not in the class body or a default value.",
            named="one_weight_list",
        )


def test_wiring(network: Network, evidence: RunningCase) -> None:
    """Two hidden neurons read both inputs, the third reads their outputs."""
    # Seen: the numbers that each neuron got and returned, at two inputs.
    if network.layout.wiring.form in FORMS:
        evidence.remark(FORMS[network.layout.wiring.form])


def test_bias(network: Network, evidence: RunningCase) -> None:
    """Each neuron has two weights and a bias."""
    # Seen: a number inside each that moves its output at every input.
    try:
        biases = [network.layout.references[index] is not None for index in (2, 5, 8)]
    except CaseStopped as stopped:  # wrong connections or shared weights: a neuron may still have its bias
        try:
            biases = [network.neuron().has_bias] * 3
        except CaseStopped:
            raise stopped from None
    check_bias(evidence, biases)


def check_bias(evidence: RunningCase, biases: Sequence[bool]) -> None:
    """Pass when each of the three neurons has a bias."""
    missing = [name for name, has_bias in zip(NEURONS, biases, strict=True) if not has_bias]
    evidence.seen = side_by_side(expected=3, actual=sum(biases))
    if missing:
        raise unmet(
            "There is no bias in: {neurons}. The output depends only on the inputs.",
            neurons=listed(missing),
            hint="Add the bias (the lecture's w0) to the sum: d = w0 + w1 x1 + w2 x2. Without it XOR cannot be learned.",
            named="bias_missing",
            formula="neuron",
        )


def test_purity(network: Network, evidence: RunningCase) -> None:
    """forward returns one number and changes neither its input nor the weights."""
    # Seen: the nine parameters, set and read back after six calls at three inputs; these inputs; the outputs of both rounds.
    rng = network.rng("purity")
    model = network.model()
    wanted = probes.start(rng, 0)
    model.parameters = wanted
    before = model.parameters
    off = np.abs(before - wanted * model.present)
    if not off.max() < 1e-5:
        worst = np.unravel_index(int(off.argmax()), off.shape)
        raise unmet(
            "A weight was set to {wanted} but reads as {got} afterwards.",
            wanted=show(wanted[worst]),
            got=show(before[worst]),
            seen=by_neuron(expected=wanted, actual=before),
            hint="Keep the weights as floating-point numbers: np.array([...], dtype=float).",
        )
    x = rng.uniform(-1.5, 1.5, (3, 2))
    first, seen = model.forward_watched(x)
    again = model.forward(x)
    after = model.parameters
    with contextlib.suppress(CaseStopped):  # code may change an array in place and not a list
        seen = np.vstack([seen, network.model().forward_watched(x, "vector")[1]])
    if not np.allclose(seen, np.tile(x, (len(seen) // 3, 1)), atol=1e-6):
        raise unmet(
            "forward changes its input.",
            seen=side_by_side(expected=x, actual=seen), hint="Work on a copy: write x * w into a new variable instead of x *= w.",
        )  # fmt: skip
    if not np.allclose(after, before, atol=1e-9):
        raise unmet(
            "forward changes the weights.",
            seen=by_neuron(expected=before, actual=after), hint="Only backward may change weights.",
        )  # fmt: skip
    if not all(is_close(a, b, 1e-9) for a, b in zip(first, again, strict=True)):
        raise unmet(
            "forward returns a different answer for the same input when called again.",
            seen=side_by_side(expected=first, actual=again), hint="The answer may depend on x and the weights only.",
        )  # fmt: skip


def test_start(network: Network, evidence: RunningCase) -> None:
    """A new model starts with random weights, neither all equal nor already trained."""
    # Seen: the parameters of three fresh models, and their four answers.
    models = [network.model() for _ in range(3)]
    starts = np.array([model.parameters for model in models])
    answers = np.array([model.forward(oracle.XOR_INPUTS) for model in models])
    weights = starts[:, :, :2].reshape(3, 6)
    check_start(evidence, starts, is_trained=all(oracle.has_learned(answer) for answer in answers))
    if np.ptp(weights, axis=1).max() < 1e-12:
        evidence.remark(
            "All starting weights are equal and only the biases differ; draw each weight separately instead."
        )
    remark_twins(evidence, starts)
    if np.abs(weights).max() < 0.05:
        evidence.remark("All starting weights are tiny, so learning may never start. Values up to about 1 work well.")
    if np.abs(starts - starts[0]).max() < 1e-12:
        evidence.remark(
            "Every model starts with the same weights; when a training run gets stuck, a new model will not help."
        )


def check_start(evidence: RunningCase, starts: Array, *, is_trained: bool) -> None:
    """Stop the case if a network is trained before its first step, or if its neurons start alike; starts are (n, 3, 3)."""
    evidence.seen = by_neuron(actual=starts[0])
    if is_trained:
        raise unmet(
            "A new model already solves XOR: its weights were not learned.",
            hint="Start from random weights and let train find the solution.",
            named="pretrained",
            seen=evidence.seen,
        )
    if np.ptp(starts, axis=1).max() < 1e-12:
        raise unmet(
            "All neurons of a new model are equal ({value}): they stay equal, and XOR is never learned.",
            value=", ".join(show(number) for number in starts[0, 0]),
            hint="Start from different random numbers, for example rng.uniform(-1, 1, n_inputs).",
            named="start_constant" if starts[0].any() else "start_zeros",
            seen=evidence.seen,
        )


def remark_twins(evidence: RunningCase, starts: Array) -> None:
    """Add a remark if both hidden neurons start with the same weights."""
    if np.abs(starts[:, 0] - starts[:, 1]).max() < 1e-12:
        evidence.remark("Both hidden neurons start with the same weights; draw each weight separately instead.")
