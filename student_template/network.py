"""Laboratory work 12: three sigmoid neurons in two layers learn XOR, with numpy only."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

Sample = tuple[Sequence[float], float]

XOR: list[Sample] = [((0, 0), 0), ((0, 1), 1), ((1, 0), 1), ((1, 1), 0)]


def sigmoid(d: float) -> float:
    """Return S(d) = 1 / (1 + e^-d), the neuron's activation.

    d is the weighted sum of the inputs plus the bias, any finite number; the result lies in
    [0, 1]. Large negative d must not overflow.
    """
    raise NotImplementedError


def sigmoid_derivative(y: float) -> float:
    """Return S'(d) = y (1 - y), written through the neuron's output y = S(d).

    y is a number in (0, 1). Formula (1) of the lecture.
    """
    raise NotImplementedError


def loss(y: float, label: float) -> float:
    """Return the signed error of one prediction, which the training loop passes to backward.

    y is the model's output in (0, 1) and label the wanted answer, 0 or 1. The result is linear in
    their difference; its sign is yours to choose, as long as Neuron.backward agrees with it.
    """
    raise NotImplementedError


class Neuron:
    """One neuron: a weight for each input, a bias (the lecture's w0) and the sigmoid."""

    def __init__(self, n_inputs: int, learning_rate: float = 0.5, rng: np.random.Generator | None = None) -> None:
        """Start with n_inputs random weights, no two equal, in self._weigths, and a random bias.

        learning_rate is the lecture's lambda, a positive number; rng is where the randomness comes
        from (None: a fresh np.random.default_rng()).
        """
        raise NotImplementedError

    def forward(self, x: ArrayLike) -> float:
        """Return y = S(w . x + w0), one number in (0, 1).

        x has shape (n_inputs,); another shape is a ValueError. x and the weights stay as they are.
        """
        raise NotImplementedError

    def backward(self, x: ArrayLike, loss: float) -> NDArray[np.float64]:
        """Make one step of gradient descent and return the error of each input.

        x is what the last forward saw, shape (n_inputs,); loss is this neuron's signed error. The
        step is w += 2 lambda loss y (1 - y) x, and the same without x for the bias. The result,
        shape (n_inputs,), is loss y (1 - y) w with the weights from before the step.
        """
        raise NotImplementedError


class Model:
    """The network of the article: two hidden neurons read x, the third reads their outputs."""

    def __init__(self, learning_rate: float = 0.5, rng: np.random.Generator | None = None) -> None:
        """Join three Neurons, each with two inputs, and keep them in attributes.

        learning_rate and rng are passed on to each Neuron.
        """
        raise NotImplementedError

    def forward(self, x: ArrayLike) -> float:
        """Return the network's answer to x, one number in (0, 1).

        x has shape (2,); another shape is a ValueError.
        """
        raise NotImplementedError

    def backward(self, x: ArrayLike, err: float) -> None:
        """Make one step of gradient descent in all three neurons.

        x, shape (2,), is what the last forward saw and err the error of its answer, as loss gives
        it. The errors of the hidden neurons come from the output weights before their update.
        """
        raise NotImplementedError


def train(model: Model, samples: Sequence[Sample], epochs: int) -> list[float]:
    """Run the lab's loop over all samples, epochs times, and return the loss of each epoch.

    samples are pairs (x, label) with x of two numbers and label 0 or 1. The loss of an epoch is the
    mean of its squared errors, one number an epoch.
    """
    raise NotImplementedError


if __name__ == "__main__":
    network = Model()
    train(network, XOR, epochs=5000)
    for point, answer in XOR:
        print(f"{point}: {network.forward(point):.3f} (wanted {answer})")
