"""The lab's checks as plain pytest tests: `SUBMISSION=FILE python -m pytest plain_checks.py`."""

from __future__ import annotations

import os
from pathlib import Path

import lab_checks

PATH = Path(os.environ["SUBMISSION"])
lab = lab_checks.load(PATH)


def test_imports() -> None:
    lab_checks.check_imports(PATH.read_text(encoding="utf-8"))


def test_shapes() -> None:
    lab_checks.check_shapes(lab)


def test_forward() -> None:
    lab_checks.check_forward(lab)


def test_derivative() -> None:
    lab_checks.check_derivative(lab)


def test_neuron_step() -> None:
    lab_checks.check_neuron_step(lab)


def test_model_step() -> None:
    lab_checks.check_model_step(lab)


def test_loss() -> None:
    lab_checks.check_loss(lab)


def test_training() -> None:
    lab_checks.check_training(lab)
