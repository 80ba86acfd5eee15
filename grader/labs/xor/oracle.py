"""Formulas of the network over its nine parameters; every expected value is computed here.

Parameters are an array (3, 3): rows hidden neuron 1, hidden neuron 2, output neuron; columns first
weight, second weight, bias. A step is the change of that array. All functions also take a leading
axis of n networks or examples. Formulas: the lecture's section on gradient descent and
backpropagation, with the factor 2 and the rate in one number: change = rate * err * y(1-y) * input.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

XOR_INPUTS = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
XOR_LABELS = np.array([0.0, 1.0, 1.0, 0.0])

# Starting parameters whose hidden outputs do not separate XOR, and from which training succeeds with every correct order
# and batch size and every rate up to about 2 (the last: 1); found by search.
STARTS = np.array(
    [
        [[2.8, -1.9, -0.3], [2.6, -1.8, -0.3], [2.4, -2.3, 1.0]],
        [[-1.5, 3.1, 0.9], [-3.6, 3.8, 0.5], [-2.9, 3.4, 3.3]],
        [[-1.6, 1.8, 0.6], [-1.1, 0.4, -1.7], [-1.8, 1.9, 0.8]],
        [[1.0, -0.7, 0.4], [0.8, -0.9, -0.4], [-0.9, 0.7, 0.0]],
    ]
)


def sigmoid(d: ArrayLike) -> Array:
    """Return S(d) = 1 / (1 + e^-d), elementwise, without overflow."""
    return np.asarray(np.exp(-np.logaddexp(0.0, -np.asarray(d, dtype=float))))


def derivative(y: ArrayLike) -> Array:
    """Return S'(d) = y (1 - y) for y = S(d), elementwise: formula (1) of the lecture."""
    y = np.asarray(y, dtype=float)
    return np.asarray(y * (1 - y))


def sums(weights: Array, inputs: Array) -> Array:
    """Return the sum d of one neuron, (...,): weights (..., 3) with the bias last, inputs (..., 2)."""
    return np.asarray((weights[..., :2] * inputs).sum(-1) + weights[..., 2])


def neuron(weights: Array, inputs: Array) -> Array:
    """Return the output of one neuron, (...,), for weights (..., 3) and inputs (..., 2)."""
    return sigmoid(sums(weights, inputs))


def hidden(parameters: Array, x: Array) -> Array:
    """Return both hidden outputs, (..., 2), for parameters (..., 3, 3) and x (..., 2)."""
    return neuron(parameters[..., :2, :], x[..., None, :])


def forward(parameters: Array, x: Array) -> Array:
    """Return the network's output, (...,), for parameters (..., 3, 3) and x (..., 2)."""
    return neuron(parameters[..., 2, :], hidden(parameters, x))


def with_one(inputs: Array) -> Array:
    """Return inputs (..., 2) with the bias's constant input appended, (..., 3)."""
    return np.concatenate([inputs, np.ones((*inputs.shape[:-1], 1))], axis=-1)


def earlier(rows: Array) -> Array:
    """Return for each of n rows the one before it, and zeros for the first, (n, ...)."""
    return np.concatenate([np.zeros_like(rows[:1]), rows[:-1]])


def compose(out_delta: Array, out_weights: Array, h: Array, out_inputs: Array, x: Array) -> Array:
    """Return a step, (..., 3, 3), from the output's delta (...,) and the weights it is propagated through.

    out_weights (..., 2) propagate the delta to the hidden neurons, whose outputs are h (..., 2); out_inputs (..., 2)
    are the inputs that the output neuron's step is multiplied by.
    """
    change = np.ones((*np.broadcast_shapes(out_delta.shape, x.shape[:-1]), 3, 3))
    change[..., :2, :2], change[..., 2, :2] = x[..., None, :], out_inputs
    change[..., :2, :] *= (out_delta[..., None] * out_weights * derivative(h))[..., None]
    change[..., 2, :] *= out_delta[..., None]
    return change


def step(parameters: Array, x: Array, err: Array) -> Array:
    """Return the gradient step, (..., 3, 3), for err (...,), the signed error times the rate."""
    h = hidden(parameters, x)
    delta = err * derivative(neuron(parameters[..., 2, :], h))
    return compose(delta, parameters[..., 2, :2], h, h, x)


def losses(
    parameters: Array, rate: float, epochs: int, order: ArrayLike = (0, 1, 2, 3), labels: Array = XOR_LABELS
) -> Array:
    """Train (n, 3, 3) networks on XOR's inputs in place, example by example; return mean squared errors (epochs, n).

    order (4,) holds the indices of the examples, or (4, n) those of each network.
    """
    orders = np.broadcast_to(np.transpose(order), (len(parameters), len(XOR_INPUTS)))
    history = np.empty((epochs, len(parameters)))
    for row, places in enumerate(orders):
        examples = np.column_stack([XOR_INPUTS, labels])[places].tolist()
        parameters[row], history[:, row] = trained(parameters[row].tolist(), rate, epochs, examples)
    return history


def trained(
    network: list[list[float]], rate: float, epochs: int, examples: list[list[float]]
) -> tuple[list[list[float]], list[float]]:
    """Train one network, (3, 3), on examples (x1, x2, label); return its parameters and mean squared errors (epochs,).

    In Python numbers: numpy takes about twenty times as long for a single network.
    """
    (a1, a2, a0), (b1, b2, b0), (c1, c2, c0) = network
    history = []
    for _ in range(epochs):
        squared = 0.0
        for x1, x2, label in examples:
            h1, h2 = logistic(a1 * x1 + a2 * x2 + a0), logistic(b1 * x1 + b2 * x2 + b0)
            y = logistic(c1 * h1 + c2 * h2 + c0)
            err = label - y
            squared += err * err
            delta = rate * err * y * (1 - y)
            first, second = delta * c1 * h1 * (1 - h1), delta * c2 * h2 * (1 - h2)
            a1, a2, a0 = a1 + first * x1, a2 + first * x2, a0 + first
            b1, b2, b0 = b1 + second * x1, b2 + second * x2, b0 + second
            c1, c2, c0 = c1 + delta * h1, c2 + delta * h2, c0 + delta
        history.append(squared / len(examples))
    return [[a1, a2, a0], [b1, b2, b0], [c1, c2, c0]], history


def logistic(d: float) -> float:
    """Return S(d) of one number, without overflow."""
    return 0.5 + 0.5 * math.tanh(0.5 * d)


def answers(parameters: Array) -> Array:
    """Return the outputs for the four XOR examples, (..., 4), of networks (..., 3, 3)."""
    return forward(parameters[..., None, :, :], XOR_INPUTS)


def has_learned(outputs: Array, labels: Array = XOR_LABELS) -> bool:
    """Return whether all four outputs are within 0.25 of their labels, (4,)."""
    return bool(np.all(np.abs(np.asarray(outputs) - labels) < 0.25))
