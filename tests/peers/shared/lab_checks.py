"""The checks that every peer of `make bench` runs: plain functions of a loaded submission, numpy and nothing else.

EPOCHS in the environment says how long the training check trains: an ordinary grader trains for
thousands of epochs in its own loop.
"""

from __future__ import annotations

import ast
import importlib.util
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

EPOCHS = int(os.environ.get("EPOCHS", "3000"))
START = np.array([[2.8, -1.9, -0.3], [2.6, -1.8, -0.3], [2.4, -2.3, 1.0]])
BANNED = {"torch", "tensorflow", "keras", "jax"}
RNG = np.random.default_rng(1)


def load(path: Path) -> Any:
    """Import a submission from its file."""
    spec = importlib.util.spec_from_file_location("submission", path)
    assert spec is not None
    assert spec.loader is not None
    lab = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(lab)
    return lab


def sigmoid(d: Any) -> Array:
    """Return S(d)."""
    return np.asarray(1 / (1 + np.exp(-d)))


def model_with(lab: Any, parameters: Array) -> Any:
    """Return a Model with these weights, a row a neuron and the bias last."""
    model = lab.Model()
    for neuron, row in zip((*model.hidden, model.output), parameters, strict=True):
        neuron._weigths, neuron._bias = row[:2].copy(), float(row[2])
    return model


def parameters_of(model: Any) -> Array:
    """Return the weights of a Model, a row a neuron."""
    return np.array([[*neuron._weigths, neuron._bias] for neuron in (*model.hidden, model.output)])


def answer(parameters: Array, x: Array) -> tuple[Array, float]:
    """Return what the hidden neurons and the network answer."""
    h = sigmoid(parameters[:2, :2] @ x + parameters[:2, 2])
    return h, float(sigmoid(parameters[2, :2] @ h + parameters[2, 2]))


def step(parameters: Array, x: Array, err: float) -> Array:
    """Return how one step changes the weights."""
    h, y = answer(parameters, x)
    delta = err * y * (1 - y)
    hidden = delta * parameters[2, :2] * h * (1 - h)
    return np.vstack([np.outer(hidden, [*x, 1]), delta * np.array([*h, 1])])


def check_imports(source: str) -> None:
    """Only numpy: no deep-learning framework."""
    for node in ast.walk(ast.parse(source)):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        assert not {name.partition(".")[0] for name in names} & BANNED


def check_shapes(lab: Any) -> None:
    """Three neurons with two weights and a bias each."""
    for _ in range(3):
        parameters = parameters_of(lab.Model())
        assert parameters.shape == (3, 3)
        assert np.ptp(parameters) > 0


def check_forward(lab: Any) -> None:
    """The network answers as its weights say."""
    for _ in range(27):
        parameters, x = RNG.normal(size=(3, 3)), RNG.normal(size=2)
        assert abs(model_with(lab, parameters).forward(x) - answer(parameters, x)[1]) < 1e-5


def check_derivative(lab: Any) -> None:
    """The derivative is y (1 - y)."""
    for y in RNG.uniform(0.05, 0.95, 9):
        assert np.isclose(lab.sigmoid_derivative(y), y * (1 - y), rtol=1e-3)


def check_neuron_step(lab: Any) -> None:
    """One step of one neuron."""
    for _ in range(18):
        neuron, weights, x, err = lab.Neuron(2), RNG.normal(size=3), RNG.normal(size=2), float(RNG.normal())
        neuron._weigths, neuron._bias = weights[:2].copy(), float(weights[2])
        y = neuron.forward(x)
        returned = neuron.backward(x, err)
        assert np.allclose(neuron._weigths - weights[:2], err * y * (1 - y) * x, rtol=1e-3)
        assert np.allclose(returned, err * y * (1 - y) * weights[:2], rtol=1e-3)


def check_model_step(lab: Any) -> None:
    """One step of the whole network."""
    for _ in range(4):
        parameters, x, err = RNG.normal(size=(3, 3)), RNG.normal(size=2), float(RNG.normal())
        model = model_with(lab, parameters)
        model.forward(x)
        model.backward(x, err)
        assert np.allclose(parameters_of(model) - parameters, step(parameters, x, err), rtol=1e-3, atol=1e-9)


def check_loss(lab: Any) -> None:
    """The error is label - y."""
    assert np.isclose(lab.loss(0.2, 1), 0.8)


def check_training(lab: Any) -> None:
    """XOR is learned in EPOCHS epochs."""
    model = model_with(lab, START)
    lab.train(model, lab.XOR, EPOCHS)
    for x, label in lab.XOR:
        assert abs(model.forward(x) - label) < 0.25
