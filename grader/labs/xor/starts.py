"""Where a training starts, and how long it is given: set starts from which right code learns XOR."""

from __future__ import annotations

import math

import numpy as np

from . import oracle, probes
from .oracle import Array

RATE = 2.0  # of the gradient step, in the training that the grader drives

# The way to XOR, in epochs times rate: from the second set start, from part of the way, and the least
# that is still a way. A start is never nearer to the labels than UNLEARNED.
WAY, SHORT_WAY, LEAST_WAY = 90.0, 40.0, 20.0
MARGIN = 1.5
LEAST_EPOCHS = 100
UNLEARNED = 0.28
SLOW = 0.03
MOST_EPOCHS = 20_000
AGAIN = 3  # times each set start, for a fast rate


def epochs_for(rate: float) -> int:
    """Return how many epochs a network with this rate is given."""
    way = WAY if abs(rate) > SLOW else SHORT_WAY
    return min(MOST_EPOCHS, max(LEAST_EPOCHS, math.ceil(way / (abs(rate) or 1.0))))


def starts_for(rng: np.random.Generator, rate: float, epochs: int) -> list[Array]:
    """Return starts, (3, 3), from which this rate learns XOR in these epochs, the likeliest first.

    An ordinary rate needs one, a slow one that has already gone part of the way. A fast rate gets
    stuck from any start now and then, if the order of the samples is drawn: it has several, ranked
    with the oracle.
    """
    parameters = probes.start(rng, 1)[None]
    behind = (WAY - rate * epochs) / MARGIN
    if behind > 0:
        further = parameters.copy()
        while behind > 0 and np.abs(oracle.answers(further) - oracle.XOR_LABELS).max() > UNLEARNED:
            parameters = further.copy()
            oracle.losses(further, RATE, 1)
            behind -= RATE
        return [parameters[0]]
    if rate <= RATE:
        return [parameters[0]]
    starts = np.array([probes.start(rng, index) for index in range(len(oracle.STARTS)) for _ in range(AGAIN)])
    furthest = np.zeros(len(starts))
    for order in ((0, 1, 2, 3), (3, 2, 1, 0), (1, 3, 0, 2)):
        network = starts.copy()
        oracle.losses(network, rate, epochs, order)
        furthest = np.maximum(furthest, np.abs(oracle.answers(network) - oracle.XOR_LABELS).max(1))
    return list(starts[furthest.argsort()])
