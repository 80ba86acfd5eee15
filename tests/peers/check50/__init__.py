"""The lab's checks for `check50 --dev FOLDER`; each imports the submission in the process that it gets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import check50
import lab_checks


def lab() -> Any:
    return lab_checks.load(Path("network.py"))


@check50.check()
def imports() -> None:
    """only numpy is imported"""
    lab_checks.check_imports(Path("network.py").read_text(encoding="utf-8"))


@check50.check()
def shapes() -> None:
    """there are three neurons"""
    lab_checks.check_shapes(lab())


@check50.check()
def forward() -> None:
    """forward answers as the weights say"""
    lab_checks.check_forward(lab())


@check50.check()
def derivative() -> None:
    """the derivative is y (1 - y)"""
    lab_checks.check_derivative(lab())


@check50.check()
def neuron_step() -> None:
    """one step of one neuron"""
    lab_checks.check_neuron_step(lab())


@check50.check()
def model_step() -> None:
    """one step of the whole network"""
    lab_checks.check_model_step(lab())


@check50.check()
def loss() -> None:
    """the error is label - y"""
    lab_checks.check_loss(lab())


@check50.check()
def training() -> None:
    """XOR is learned"""
    lab_checks.check_training(lab())
