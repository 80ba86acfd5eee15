"""Evidence and figures in this lab's reports: the numbers of the three neurons, and how a network learned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from grader.lab import Evidence, Grid, Mark, Series, Student, say, side_by_side

from . import oracle
from .oracle import Array

NEURONS = (say("hidden neuron 1"), say("hidden neuron 2"), say("the output neuron"))
NUMBERS = (say("first weight"), say("second weight"), say("bias"))
POINTS = 11  # along each side of the unit square
MOST_LOSSES = 500
TRAINING = "training"  # key under which suites keep a Training for hooks.figures


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


@dataclass(frozen=True, kw_only=True, slots=True)
class Training:
    """A training from a fixed start: the loss after each of these epochs, and the final outputs (POINTS, POINTS)."""

    caption: str
    epochs: Array
    losses: Array
    outputs: Array


def keep_training(student: Student, caption: str, losses: Array, network: Array, rate: float | None) -> None:
    """Keep a training for the figures, and note the rate of its steps if it is known; network are the outputs at `square()`."""
    each = max(1, -(-len(losses) // MOST_LOSSES))
    outputs = np.round(network, 4).reshape(POINTS, POINTS)
    student.keep(
        TRAINING,
        Training(
            caption=caption,
            epochs=np.arange(1.0, len(losses) + 1)[::each],
            losses=np.asarray(losses)[::each],
            outputs=outputs,
        ),
    )
    if rate is not None:
        student.note("Measured learning rate (2 lambda): {rate}", rate=abs(rate))


def square() -> Array:
    """Return the points of the unit square at which outputs are shown, (POINTS * POINTS, 2)."""
    ticks = np.linspace(0, 1, POINTS)
    return np.array([(first, second) for first in ticks for second in ticks])


def figures(training: Training) -> tuple[Grid, Series]:
    """Return figures of a network's outputs on the unit square and of its loss."""
    marks = [
        Mark(
            x=float(first), y=float(second), value=float(training.outputs[-int(first), -int(second)]),
            shape="square" if label else "circle", label="should be 1" if label else "should be 0",
        )
        for (first, second), label in zip(oracle.XOR_INPUTS, oracle.XOR_LABELS, strict=True)
    ]  # fmt: skip
    surface = Grid(
        title="What it returns",
        caption="Line: output 0.5. Circle: should be 0. Square: should be 1.",
        x_label="x₁",
        y_label="x₂",
        value_label="output of the network",
        values=training.outputs.tolist(),
        x_extent=(0.0, 1.0),
        y_extent=(0.0, 1.0),
        scale=(0.0, 1.0),
        level=0.5,
        marks=marks,
    )
    curve = Series(
        title="How it learned",
        caption=training.caption,
        x_label="epoch",
        y_label="mean squared error",
        x=training.epochs.tolist(),
        values=training.losses.tolist(),
        is_logarithmic=True,
    )
    return surface, curve
