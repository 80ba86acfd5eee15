"""What an ordinary in-process grader runs: the lab's checks as plain pytest tests, for `make bench`.

SUBMISSION names the file, EPOCHS how long its own loop trains (an ordinary grader trains from the
student's random start; ours from a set one, so its epochs are fewer).
"""

from __future__ import annotations

import ast
import importlib.util
import os
from pathlib import Path

import numpy as np
import pytest

PATH = Path(os.environ["SUBMISSION"])
EPOCHS = int(os.environ["EPOCHS"])
SPEC = importlib.util.spec_from_file_location("submission", PATH)
assert SPEC is not None
assert SPEC.loader is not None
lab = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(lab)
RNG = np.random.default_rng(1)


def sigmoid(d: np.ndarray) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-d)))


def model_with(parameters: np.ndarray) -> object:
    model = lab.Model()
    for neuron, row in zip((*model.hidden, model.output), parameters, strict=True):
        neuron._weigths, neuron._bias = row[:2].copy(), float(row[2])
    return model


def parameters_of(model: object) -> np.ndarray:
    neurons = (*model.hidden, model.output)  # type: ignore[attr-defined]
    return np.array([[*neuron._weigths, neuron._bias] for neuron in neurons])


def answer(parameters: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, float]:
    h = sigmoid(parameters[:2, :2] @ x + parameters[:2, 2])
    return h, float(sigmoid(parameters[2, :2] @ h + parameters[2, 2]))


def step(parameters: np.ndarray, x: np.ndarray, err: float) -> np.ndarray:
    h, y = answer(parameters, x)
    delta = err * y * (1 - y)
    hidden = delta * parameters[2, :2] * h * (1 - h)
    return np.vstack([np.outer(hidden, [*x, 1]), delta * np.array([*h, 1])])


def test_imports() -> None:
    for node in ast.walk(ast.parse(PATH.read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        assert not {name.partition(".")[0] for name in names} & {"torch", "tensorflow", "keras", "jax"}


def test_shapes() -> None:
    for _ in range(3):
        model = lab.Model()
        assert parameters_of(model).shape == (3, 3)
        assert np.ptp(parameters_of(model)) > 0


def test_forward() -> None:
    for _ in range(27):
        parameters, x = RNG.normal(size=(3, 3)), RNG.normal(size=2)
        assert model_with(parameters).forward(x) == pytest.approx(answer(parameters, x)[1], abs=1e-5)  # type: ignore[attr-defined]


def test_sigmoid_derivative() -> None:
    for y in RNG.uniform(0.05, 0.95, 9):
        assert lab.sigmoid_derivative(y) == pytest.approx(y * (1 - y), rel=1e-3)


def test_neuron_update() -> None:
    for _ in range(18):
        neuron, weights, x, err = lab.Neuron(2), RNG.normal(size=3), RNG.normal(size=2), float(RNG.normal())
        neuron._weigths, neuron._bias = weights[:2].copy(), float(weights[2])
        y = neuron.forward(x)
        returned = neuron.backward(x, err)
        np.testing.assert_allclose(neuron._weigths - weights[:2], err * y * (1 - y) * x, rtol=1e-3)
        np.testing.assert_allclose(returned, err * y * (1 - y) * weights[:2], rtol=1e-3)


def test_model_update() -> None:
    for _ in range(4):
        parameters, x, err = RNG.normal(size=(3, 3)), RNG.normal(size=2), float(RNG.normal())
        model = model_with(parameters)
        model.forward(x)  # type: ignore[attr-defined]
        model.backward(x, err)  # type: ignore[attr-defined]
        np.testing.assert_allclose(parameters_of(model) - parameters, step(parameters, x, err), rtol=1e-3, atol=1e-9)


def test_loss() -> None:
    assert lab.loss(0.2, 1) == pytest.approx(0.8)


def test_xor() -> None:
    start = np.array([[2.8, -1.9, -0.3], [2.6, -1.8, -0.3], [2.4, -2.3, 1.0]])
    model = model_with(start)
    lab.train(model, lab.XOR, EPOCHS)
    for x, label in lab.XOR:
        assert abs(model.forward(x) - label) < 0.25  # type: ignore[attr-defined]
