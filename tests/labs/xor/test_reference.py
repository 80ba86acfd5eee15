"""The reference solution: its gradient, its errors, and that it equals the oracle and the template."""

from __future__ import annotations

import ast
import importlib.util
import inspect
import math
import re
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from grader.labs.xor import oracle
from grader.pipeline.grading import assignment
from reference import lecture, network
from tests.support.command import ROOT

PARAMETERS = np.array([[0.7, -1.2, 0.4], [-0.9, 0.5, 1.1], [1.3, -0.8, -0.6]])


def model_with(parameters: np.ndarray, learning_rate: float = 0.5) -> network.Model:
    model = network.Model(learning_rate)
    for neuron, row in zip((*model.hidden, model.output), parameters, strict=True):
        neuron._weigths, neuron._bias = row[:2].copy(), float(row[2])
    return model


def parameters_of(model: network.Model) -> np.ndarray:
    neurons = (*model.hidden, model.output)
    return np.array([[*neuron._weigths, neuron._bias] for neuron in neurons])


@pytest.mark.parametrize("x", [(0.6, -1.4), (0.0, 0.0), (1.0, 1.0)])
def test_a_step_follows_the_gradient(x: tuple[float, float]) -> None:
    """The step is minus lambda times the gradient of (label - y)^2, by central differences."""
    label, rate, h = 1.0, 0.3, 1e-6
    gradient = np.zeros((3, 3))
    for index in np.ndindex(3, 3):
        moved = [
            PARAMETERS + sign * h * (np.indices((3, 3)) == np.reshape(index, (2, 1, 1))).all(0) for sign in (1, -1)
        ]
        up, down = ((label - model_with(item).forward(x)) ** 2 for item in moved)
        gradient[index] = (up - down) / (2 * h)

    model = model_with(PARAMETERS, rate)
    model.backward(x, network.loss(model.forward(x), label))

    np.testing.assert_allclose(parameters_of(model) - PARAMETERS, -rate * gradient, atol=1e-9)


def test_reference_equals_the_oracle() -> None:
    """Forward, step and sigmoid of the reference are the oracle's formulas."""
    rng = np.random.default_rng(1)
    for _ in range(20):
        parameters, x, err = rng.normal(size=(3, 3)), rng.normal(size=2), float(rng.normal())
        model = model_with(parameters)
        assert model.forward(x) == pytest.approx(float(oracle.forward(parameters, x)), abs=1e-15)
        model.backward(x, err)
        np.testing.assert_allclose(
            parameters_of(model) - parameters, oracle.step(parameters, x, np.array(err)), atol=1e-12
        )


@pytest.mark.parametrize(("d", "y"), [(0.0, 0.5), (-1000.0, 0.0), (1000.0, 1.0), (np.log(3), 0.75)])
def test_sigmoid(d: float, y: float) -> None:
    """The sigmoid is exact at known points and does not overflow."""
    assert network.sigmoid(d) == pytest.approx(y, abs=1e-12)


def test_sigmoid_derivative_is_the_slope() -> None:
    """y (1 - y) is the slope of S at d, by central differences."""
    for d in (-2.0, 0.3, 1.7):
        slope = (network.sigmoid(d + 1e-6) - network.sigmoid(d - 1e-6)) / 2e-6
        assert network.sigmoid_derivative(network.sigmoid(d)) == pytest.approx(slope, abs=1e-9)


@pytest.mark.parametrize("x", [(1.0,), (1.0, 2.0, 3.0), 1.0, [[1.0, 2.0]]])
def test_wrong_shapes_are_value_errors(x: object) -> None:
    """forward and backward refuse an input of another shape."""
    neuron = network.Neuron(2)
    with pytest.raises(ValueError, match="shape"):
        neuron.forward(x)  # type: ignore[arg-type]
    neuron.forward([0, 1])
    with pytest.raises(ValueError, match="shape"):
        neuron.backward(x, 0.5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="shape"):
        network.Model().forward(x)  # type: ignore[arg-type]


def test_backward_needs_a_forward() -> None:
    """Without an output there is nothing to take the derivative of."""
    with pytest.raises(ValueError, match="forward"):
        network.Neuron(2).backward([0, 1], 0.5)


def test_training_learns_xor() -> None:
    """The loop teaches XOR, and its losses fall."""
    model = model_with(oracle.STARTS[0], learning_rate=1.0)

    losses = network.train(model, network.XOR, 200)

    assert 200 == len(losses)
    assert losses[-1] < 0.05 < losses[0]
    assert oracle.has_learned(np.array([model.forward(x) for x, _ in network.XOR]))


def load(path: Path) -> types.ModuleType:
    spec = importlib.util.spec_from_file_location("lab", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def public_interface(path: Path) -> list[str]:
    """Return signature and docstring of everything public in a file."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ClassDef):
            found.append(f"{node.name}: {ast.get_docstring(node)}")
        if isinstance(node, ast.FunctionDef) and (node.name == "__init__" or not node.name.startswith("_")):
            returns = ast.unparse(node.returns) if node.returns else ""
            found.append(f"{node.name}({ast.unparse(node.args)}) -> {returns}: {ast.get_docstring(node)}")
    return found


@pytest.mark.parametrize("file", ["network.py", "lecture.py"])
def test_template_and_reference_have_one_interface(file: str) -> None:
    """The template pins the names, signatures and docstrings of the reference."""
    assert public_interface(ROOT / "reference" / file) == public_interface(ROOT / "student_template" / file)


def test_template_of_the_lecture_is_a_stub() -> None:
    """Every function of the extra raises NotImplementedError, and the assignment requires each of them."""
    template = load(ROOT / "student_template" / "lecture.py")
    functions = {name: var for name, var in vars(template).items() if inspect.isfunction(var)}

    assert set(functions) == set(assignment().bonus_file("lecture.py").functions)
    for function in functions.values():
        with pytest.raises(NotImplementedError):
            function(*[1.0] * len(inspect.signature(function).parameters))


# --- the lecture's formulas ----------------------------------------------------------------------

Y, PRED = np.array([1.1, 2, 1.7]), np.array([1, 1.7, 1.5])  # the lecture's vectors
DOG_CAT = [[0.1, 0.9], [0.9, 0.1], [0.8, 0.2], [0.35, 0.65]]  # columns Cat, Dog


@pytest.mark.parametrize(
    ("value", "printed"),
    [
        (lecture.mae(Y, PRED), 0.20000000000000004),
        (lecture.mse(Y, PRED), 0.04666666666666667),
        (lecture.rmse(Y, PRED), 0.21602468994692867),
        (lecture.cross_entropy([[0, 1], [1, 0], [1, 0], [0, 1]], DOG_CAT), 0.21616187468057912),
        (lecture.binary_cross_entropy([0, 1, 1, 0], [cat for cat, _ in DOG_CAT]), 0.21616187468057912),
    ],
)
def test_losses_are_those_that_the_lecture_prints(value: float, printed: float) -> None:
    """The course text shows these numbers for its examples."""
    assert value == pytest.approx(printed, abs=1e-15)


def test_graphs_of_the_lecture() -> None:
    """e^b = e^3, which the lecture rounds to 20, and the gradients that follow; the gradient of the half norm."""
    f, dx, dw1, dw0 = lecture.exponential_example(1, 2, 1)
    assert (f, dx, dw1, dw0) == pytest.approx((1 + math.e**3, 2 * math.e**3, math.e**3, math.e**3))
    assert (round(dw0), round(dx)) == (20, 40)

    rng = np.random.default_rng(1)
    inputs, weights, h = rng.normal(size=(4, 3)), rng.normal(size=(3, 2)), 1e-6
    value, gradient = lecture.half_norm_example(inputs, weights)
    assert value == pytest.approx(0.5 * np.linalg.norm(inputs @ weights) ** 2)
    for index in np.ndindex(3, 2):
        moved = weights.copy()
        moved[index] += h
        assert gradient[index] == pytest.approx((lecture.half_norm_example(inputs, moved)[0] - value) / h, rel=1e-4)


def test_activations_are_stable_and_their_derivatives_slopes() -> None:
    """Through the output, as S'(d) = y (1 - y); large sums give no NaN."""
    d, h = np.array([-2.0, -0.4, 0.3, 1.7]), 1e-6
    for function, derivative in ((lecture.tanh, lecture.tanh_derivative), (lecture.relu, lecture.relu_derivative)):
        slope = (function(d + h) - function(d - h)) / (2 * h)
        np.testing.assert_allclose(derivative(function(d)), slope, atol=1e-8)
    np.testing.assert_allclose(lecture.tanh(d), (np.exp(2 * d) - 1) / (np.exp(2 * d) + 1))
    np.testing.assert_array_equal(lecture.tanh([-1000, 1000]), [-1, 1])
    np.testing.assert_allclose(lecture.softmax([1000, 1000 + np.log(3)]), [0.25, 0.75])
    np.testing.assert_allclose(lecture.softmax([-1000, -1000]), [0.5, 0.5])


def test_mape_and_entropies_at_their_edges() -> None:
    """A true value of 0 is refused; certain predictions give a finite loss, 0 or very large."""
    assert lecture.mape([2, 4], [1, 5]) == pytest.approx(37.5)
    with pytest.raises(ValueError, match="0"):
        lecture.mape([1, 0], [1, 1])
    assert lecture.binary_cross_entropy([0, 1], [0, 1]) == pytest.approx(0, abs=1e-11)
    assert 20 < lecture.binary_cross_entropy([1], [0]) < 40
    assert 20 < lecture.cross_entropy([[1, 0]], [[0, 1]]) < 40


def test_momentum_descends() -> None:
    """On w^2 the steps lead to 0; without momentum they are plain gradient descent."""
    w, velocity = np.array([1.0, -2.0]), np.zeros(2)
    for _ in range(200):
        w, velocity = lecture.momentum_step(w, 2 * w, velocity, 0.05, 0.5)
    assert np.abs(w).max() < 1e-6
    moved, _ = lecture.momentum_step([1.0], [3.0], [0.0], 0.1, 0.9)
    assert moved == pytest.approx([0.7])


def test_template_is_a_stub() -> None:
    """Every body of the template raises NotImplementedError."""
    template = load(ROOT / "student_template" / "network.py")
    stubs: list[tuple[Callable[..., object], tuple[object, ...]]] = [
        (template.sigmoid, (0.0,)),
        (template.sigmoid_derivative, (0.5,)),
        (template.loss, (0.5, 1)),
        (template.Neuron, (2,)),
        (template.Model, ()),
        (template.train, (None, [], 1)),
    ]
    for function, arguments in stubs:
        with pytest.raises(NotImplementedError):
            function(*arguments)


def test_run_as_a_script() -> None:
    """It trains a network from a random start and prints its answers (some starts do not learn XOR)."""
    run = subprocess.run(
        [sys.executable, ROOT / "reference" / "network.py"], capture_output=True, text=True, check=True
    )

    line = re.compile(r"\((\d), (\d)\): ([01]\.\d{3}) \(wanted (\d)\)")
    found = [match.groups() for match in map(line.fullmatch, run.stdout.splitlines()) if match is not None]
    assert [(x, y, wanted) for x, y, _, wanted in found] == [
        ("0", "0", "0"),
        ("0", "1", "1"),
        ("1", "0", "1"),
        ("1", "1", "0"),
    ]
    assert any(abs(float(answer) - float(wanted)) < 0.1 for _, _, answer, wanted in found)
