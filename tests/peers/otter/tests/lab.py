"""The lab's checks in otter's exception-based format; env is what running the submission left behind."""

from types import SimpleNamespace
from typing import Any

import lab_checks
from otter.test_files import test_case

OK_FORMAT = False

name = "lab"
points = 8


@test_case()
def test_imports(env: dict[str, Any]) -> None:
    for cell in env["In"]:
        lab_checks.check_imports(cell)


@test_case()
def test_shapes(env: dict[str, Any]) -> None:
    lab_checks.check_shapes(SimpleNamespace(**env))


@test_case()
def test_forward(env: dict[str, Any]) -> None:
    lab_checks.check_forward(SimpleNamespace(**env))


@test_case()
def test_derivative(env: dict[str, Any]) -> None:
    lab_checks.check_derivative(SimpleNamespace(**env))


@test_case()
def test_neuron_step(env: dict[str, Any]) -> None:
    lab_checks.check_neuron_step(SimpleNamespace(**env))


@test_case()
def test_model_step(env: dict[str, Any]) -> None:
    lab_checks.check_model_step(SimpleNamespace(**env))


@test_case()
def test_loss(env: dict[str, Any]) -> None:
    lab_checks.check_loss(SimpleNamespace(**env))


@test_case()
def test_training(env: dict[str, Any]) -> None:
    lab_checks.check_training(SimpleNamespace(**env))
