"""Starting parameters of a training and its number of epochs, such that right code learns XOR."""

from __future__ import annotations

import math

import numpy as np

from . import oracle, probes
from .oracle import Array

RATE = 2.0  # of the gradient step, in trainings that the grader drives

# Epochs times rate that learning XOR takes: from the second fixed start, from a later start, and at least.
# The outputs of a start never have errors below UNLEARNED.
WAY, SHORT_WAY, LEAST_WAY = 90.0, 40.0, 20.0
MARGIN = 1.5
LEAST_EPOCHS = 100
UNLEARNED = 0.28
SLOW = 0.03
MOST_EPOCHS = 20_000
ORDERS = ((0, 1, 2, 3), (3, 2, 1, 0), (1, 3, 0, 2))  # of the examples, in the trainings that rank starts
AGAIN = 3  # draws of each fixed start, for a fast rate


def epochs_for(rate: float) -> int:
    """Return the number of epochs for a network with this rate."""
    way = WAY if abs(rate) > SLOW else SHORT_WAY
    return min(MOST_EPOCHS, max(LEAST_EPOCHS, math.ceil(way / (abs(rate) or 1.0))))


def swapped(start: Array, rng: np.random.Generator) -> Array:
    """Return a start (3, 3) with its hidden neurons, its inputs, both or neither swapped, as drawn: XOR stays XOR.

    Right steps lead from there to weights that are swapped in the same way.
    """
    other = start.copy()
    if rng.integers(2):
        other[:2, :2] = other[:2, 1::-1]
    if rng.integers(2):
        other[:2] = other[1::-1]
        other[2, :2] = other[2, 1::-1]
    return other


def starts_for(rng: np.random.Generator, rate: float, epochs: int) -> list[Array]:
    """Return starts, (3, 3), from which training at this rate learns XOR in these epochs, the likeliest first.

    A normal rate gets one start, a slow rate one that is already partly trained. At a fast rate, training sometimes gets
    stuck from any start, if the order of samples is random: it gets several starts, ranked with the oracle.
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
    networks = np.tile(starts, (len(ORDERS), 1, 1))
    oracle.losses(networks, rate, epochs, np.repeat(ORDERS, len(starts), axis=0).T)
    furthest = np.abs(oracle.answers(networks) - oracle.XOR_LABELS).max(1).reshape(len(ORDERS), -1).max(0)
    return list(starts[furthest.argsort()])
