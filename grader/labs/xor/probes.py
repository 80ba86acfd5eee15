"""Draws the inputs, weights and errors of a run, so that every mistake shows and no answer can be memorised.

Draws are repeated until their conditions hold: outputs away from 0 and 1, derivatives that differ between probes, output
weights of both signs, and a visible effect of every order defect.
"""

from __future__ import annotations

import functools

import msgspec
import numpy as np

from grader.lab import generator

from . import oracle
from .mistakes import misconceptions
from .oracle import Array

ERR_SCALE = 4.0  # errors below 1 are multiplied by this and divided by the rate: steps are then about 0.5
DRAWS = 10_000
NEURON_PROBES, NETWORK_PROBES = 6, 4


class NeuronProbes(msgspec.Struct, frozen=True, kw_only=True):
    """n single-neuron probes: weights (n, 3) with the bias last, x (n, 2); one err times the rate."""

    weights: Array
    x: Array
    err: float


class NetworkProbes(msgspec.Struct, frozen=True, kw_only=True):
    """n network probes: parameters (n, 3, 3), x (n, 2), err (n,) times the rate."""

    parameters: Array
    x: Array
    err: Array


@functools.lru_cache
def of_neuron(seed: int) -> NeuronProbes:
    """Return the neuron probes of a run, the same in each case."""
    return neuron_probes(generator(seed, "neuron"))


@functools.lru_cache
def of_network(seed: int) -> NetworkProbes:
    """Return the network probes of a run, the same in each case."""
    return network_probes(generator(seed, "network"))


def _signed(rng: np.random.Generator, low: float, high: float, shape: tuple[int, ...]) -> Array:
    return np.asarray(rng.uniform(low, high, shape) * rng.choice([-1.0, 1.0], shape))


def _errors(rng: np.random.Generator, count: int) -> Array:
    """Return errors of alternating sign and different size, times ERR_SCALE."""
    positive, negative = rng.uniform(0.55, 0.95, count), -rng.uniform(0.1, 0.45, count)
    return ERR_SCALE * np.where(np.arange(count) % 2 == 0, positive, negative)


def neuron_probes(rng: np.random.Generator) -> NeuronProbes:
    """Draw probes of one neuron whose sums d cover [-2.5, 2.5]."""
    sums = rng.permutation(np.linspace(-2.5, 2.5, NEURON_PROBES) + rng.uniform(-0.2, 0.2, NEURON_PROBES))
    weights, x = np.zeros((NEURON_PROBES, 3)), np.zeros((NEURON_PROBES, 2))
    for probe, total in enumerate(sums):
        weights[probe], x[probe] = _neuron_probe(rng, total)
    return NeuronProbes(weights=weights, x=x, err=ERR_SCALE * float(rng.uniform(0.55, 0.95)))


def _neuron_probe(rng: np.random.Generator, total: float) -> tuple[Array, Array]:
    """Draw weights (3,) and x (2,) with w . x + bias = total; the inputs differ in size."""
    for _ in range(DRAWS):
        weights, x = _signed(rng, 0.3, 2.0, (2,)), _signed(rng, 0.4, 1.6, (2,))
        bias = total - float(weights @ x)
        sizes = np.sort([*np.abs(x), 1.0])  # the bias's input is 1
        if 0.1 < abs(bias) < 2.5 and np.diff(sizes).min() > 0.1:
            return np.append(weights, bias), x
    raise RuntimeError("no neuron probe found")


def network_probes(rng: np.random.Generator) -> NetworkProbes:
    """Draw probes of the whole network; the third has x = (0, 0)."""
    for _ in range(DRAWS):
        parameters = _signed(rng, 0.3, 2.0, (NETWORK_PROBES, 3, 3))
        parameters[:, 2, 1] = -np.sign(parameters[:, 2, 0]) * np.abs(parameters[:, 2, 1])
        x = _signed(rng, 0.4, 1.6, (NETWORK_PROBES, 2))
        x[2] = 0.0
        probes = NetworkProbes(parameters=parameters, x=x, err=_errors(rng, NETWORK_PROBES))
        if _show_mistakes(probes):
            return probes
    raise RuntimeError("no network probes found that show every order defect")


def _show_mistakes(probes: NetworkProbes) -> bool:
    h = oracle.hidden(probes.parameters, probes.x)
    slopes = oracle.derivative(oracle.forward(probes.parameters, probes.x))
    if min(slopes.min(), oracle.derivative(h).min()) < 0.05 or slopes.max() < 1.3 * slopes.min():
        return False
    if np.abs(np.diff(np.delete(probes.x, 2, axis=0))).min() < 0.2:
        return False
    expected = oracle.step(probes.parameters, probes.x, probes.err)
    for rule in misconceptions.ORDER_DEFECTS:
        observed = rule.step(probes.parameters, probes.x, probes.err)
        deviation = np.abs(observed - expected).max((0, 2)) / np.abs(expected).max((0, 2))
        if deviation.max() < 0.05:
            return False
    return True


def points(rng: np.random.Generator, count: int) -> Array:
    """Draw inputs (count, 2): the four corners of the unit square, then points within 2 of zero."""
    return np.vstack([oracle.XOR_INPUTS, rng.uniform(-2, 2, (count - 4, 2))])


def start(rng: np.random.Generator, index: int) -> Array:
    """Return one of the fixed starts, (3, 3), with each parameter moved by at most 0.02."""
    return np.asarray(oracle.STARTS[index] + rng.uniform(-0.02, 0.02, (3, 3)))
