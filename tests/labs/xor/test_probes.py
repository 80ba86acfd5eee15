"""The probes of every run distinguish right from wrong, for any seed."""

from __future__ import annotations

import numpy as np
import pytest

from grader.labs.xor import oracle, probes
from grader.labs.xor.mistakes import misconceptions

SEEDS = range(100)


def deviation(observed: np.ndarray, expected: np.ndarray) -> float:
    """Return the largest relative deviation of a neuron, (n, 3, 3) against (n, 3, 3)."""
    return float((np.abs(observed - expected).max((0, 2)) / np.abs(expected).max((0, 2))).max())


def test_order_defects_show() -> None:
    """The smallest known mistakes deviate by at least 50 times the tolerance."""
    for seed in SEEDS:
        drawn = probes.network_probes(np.random.default_rng(seed))
        right = oracle.step(drawn.parameters, drawn.x, drawn.err)
        for rule in misconceptions.ORDER_DEFECTS:
            assert deviation(rule.step(drawn.parameters, drawn.x, drawn.err), right) >= 0.05, rule.id


def test_network_probes_keep_their_conditions() -> None:
    """Weights of both signs, errors of both signs, x = 0 third, nothing saturated."""
    for seed in SEEDS:
        drawn = probes.network_probes(np.random.default_rng(seed))
        assert (drawn.parameters[:, 2, 0] * drawn.parameters[:, 2, 1] < 0).all()
        assert drawn.err.min() < 0 < drawn.err.max()
        assert not drawn.x[2].any()
        assert oracle.derivative(oracle.hidden(drawn.parameters, drawn.x)).min() >= 0.05


def test_neuron_probes_cover_the_sigmoid() -> None:
    """The sums cover at least -2 to 2, and a constant derivative is far from y (1 - y)."""
    for seed in SEEDS:
        drawn = probes.neuron_probes(np.random.default_rng(seed))
        sums = (drawn.weights[:, :2] * drawn.x).sum(1) + drawn.weights[:, 2]
        slopes = oracle.derivative(oracle.sigmoid(sums))
        assert sums.min() < -2 < 2 < sums.max()
        assert slopes.max() > 2 * slopes.min()


@pytest.mark.parametrize("index", range(4))
def test_starts_are_learned_from(index: int) -> None:
    """Every fixed start learns XOR within 100 epochs (400 at rate 1 for the small one) in any order."""
    rate, epochs = (1.0, 400) if index == 3 else (2.0, 100)
    starts = np.array([probes.start(np.random.default_rng(seed), index) for seed in SEEDS])
    assert not any(oracle.has_learned(answer) for answer in oracle.answers(starts))
    for order in [(0, 1, 2, 3), (3, 2, 1, 0), (1, 3, 0, 2), (2, 0, 3, 1)]:
        trained = starts.copy()
        oracle.losses(trained, rate, epochs, order)
        assert all(oracle.has_learned(answer) for answer in oracle.answers(trained))


def test_same_seed_same_probes() -> None:
    """A probe is a function of the seed."""
    first, second = (probes.network_probes(np.random.default_rng(4)) for _ in range(2))

    np.testing.assert_array_equal(first.parameters, second.parameters)
    assert (probes.network_probes(np.random.default_rng(5)).parameters != first.parameters).any()
