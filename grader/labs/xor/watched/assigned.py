"""Finds which number is which parameter of a network whose neurons do not add up their weighted inputs: by the known wrong forwards."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np

from .. import probes
from ..driving.layout import FORWARD_ATOL, INFLUENCE_X, PATTERNS
from ..mistakes.misconceptions import FORWARD
from ..oracle import Array

DRAWS = 3  # of weights, with nine inputs each
Replay = Callable[[Array, Array], Array]


def assigned(replay: Replay, count: int, rng: np.random.Generator) -> tuple[list[int | None], Array] | None:
    """Return the number of each of the nine parameters, and their signs, as `roles` does.

    None if the network does not answer as a known wrong one does.
    """
    if count != 9:
        return None
    drawn = rng.uniform(0.3, 2, (DRAWS, 9)) * rng.choice([-1.0, 1.0], (DRAWS, 9))
    x = probes.points(rng, 9)
    firsts, seconds, others = kinds(replay, drawn[0])
    if (len(firsts), len(seconds), len(others)) != (2, 2, 5):
        return None
    orders = [
        [firsts[0], pair[0], rest[0], firsts[1], pair[1], *rest[1:]]
        for pair in itertools.permutations(seconds)
        for rest in itertools.permutations(others)
    ]
    parameters = drawn[:, np.array(orders)].reshape(DRAWS, len(orders), 1, 3, 3)
    actual = replay(drawn, x)[:, None]
    with np.errstate(all="ignore"):
        for rule in FORWARD:
            off = np.abs(np.nan_to_num(rule.forward(parameters, x) - actual, nan=np.inf)).max((0, 2))
            if off.min() < FORWARD_ATOL:
                return [*orders[int(off.argmin())]], np.ones((3, 3))
    return None


def kinds(replay: Replay, base: Array) -> list[list[int]]:
    """Return the numbers that move the output only with the first input, only with the second one, and always."""
    moved = np.abs(replay(base + np.eye(9), INFLUENCE_X[:, :2]) - replay(base[None], INFLUENCE_X[:, :2])) > 0
    return [[index for index in range(9) if tuple(moved[index]) == pattern] for pattern in PATTERNS]
