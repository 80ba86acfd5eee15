"""Evidence and figures in this lab's reports: the numbers of the three neurons, and how a network learned."""

from __future__ import annotations

from typing import Any

import numpy as np

from grader.lab import Evidence, Grid, Mark, Series, Student, say, side_by_side

from . import oracle
from .oracle import Array

NEURONS = (say("hidden neuron 1"), say("hidden neuron 2"), say("the output neuron"))
NUMBERS = (say("first weight"), say("second weight"), say("bias"))
POINTS = 11  # along each side of the unit square
MOST_LOSSES = 500
TRAINING = "training"  # key under which suites keep the last training that was judged, for hooks.py


def by_neuron(*, actual: Any, expected: Any = None, **probe: Any) -> Evidence:
    """Return numbers (3, 3) side by side, labelled by neuron and weight."""
    return side_by_side(expected=expected, actual=actual, **probe).labelled(
        rows=("hidden 1", "hidden 2", "output"), columns=("weight 1", "weight 2", "bias")
    )


def answers(actual: Array, labels: Array = oracle.XOR_LABELS, **probe: Any) -> Evidence:
    """Return the four answers of a network beside the expected ones."""
    return side_by_side(expected=labels, actual=actual, **probe).labelled(
        rows=[f"({first:g}, {second:g})" for first, second in oracle.XOR_INPUTS]
    )


def keep_training(student: Student, caption: str, losses: Array, network: Array, rate: float | None) -> None:
    """Keep a training for `figures`, and note the rate of its steps if it is known; network are the outputs at `square()`."""
    student.keep(TRAINING, (caption, losses, network))
    if rate is not None:
        student.note("Measured learning rate (2 lambda): {rate}", rate=abs(rate))


def figures(caption: str, losses: Array, network: Array) -> tuple[Grid, Series]:
    """Return the figures of a training."""
    return surface(np.round(network, 4).reshape(POINTS, POINTS)), curve(caption, np.asarray(losses))


def square() -> Array:
    """Return the points of the unit square at which outputs are shown, (POINTS * POINTS, 2)."""
    ticks = np.linspace(0, 1, POINTS)
    return np.array([(first, second) for first in ticks for second in ticks])


def surface(outputs: Array) -> Grid:
    """Return the figure of a network's outputs on the unit square, (POINTS, POINTS)."""
    marks = [
        Mark(
            x=float(first), y=float(second), value=float(outputs[-int(first), -int(second)]),
            shape="square" if label else "circle", label="should be 1" if label else "should be 0",
        )
        for (first, second), label in zip(oracle.XOR_INPUTS, oracle.XOR_LABELS, strict=True)
    ]  # fmt: skip
    return Grid(
        title="What it returns",
        caption="Line: output 0.5. Circle: should be 0. Square: should be 1.",
        x_label="x₁",
        y_label="x₂",
        value_label="output of the network",
        values=outputs.tolist(),
        x_extent=(0.0, 1.0),
        y_extent=(0.0, 1.0),
        scale=(0.0, 1.0),
        level=0.5,
        marks=marks,
    )


def curve(caption: str, losses: Array) -> Series:
    """Return the figure of the loss after each epoch of a training, (n,), or after some of them."""
    each = max(1, -(-len(losses) // MOST_LOSSES))
    return Series(
        title="How it learned",
        caption=caption,
        x_label="epoch",
        y_label="mean squared error",
        x=np.arange(1.0, len(losses) + 1)[::each].tolist(),
        values=[float(f"{loss:.12g}") for loss in losses[::each]],  # the same on other machines
        is_logarithmic=True,
    )
