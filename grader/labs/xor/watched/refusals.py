"""Messages about a call that takes the examples, but whose network the grader cannot judge."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from grader.lab import Message, say

from .. import oracle
from ..driving.calls import Reference
from ..driving.layout import PATTERNS
from .observing import MODULE, Flags, Observing, Record, Root

FIRST, EARLY = 3, 6  # the first recorded call used to find the network, and how many are used
WIDTHS, ALIVE = 3, (0.85, 1.15)  # draws to count hidden neurons, and weights at which no ReLU is dead
LEAST_NUMBERS, DIGITS = 6, 3
DRAWS = 16  # of weights, for answers that are thresholded or rounded


def distinct_parameters(moved: Flags, changed: Flags) -> list[int]:
    """Return the indices of numbers that move an output, counting a number that is stored in two places once."""
    found: list[int] = []
    for index in np.flatnonzero(moved.any(1)):
        if not any(changed[item, index] or changed[index, item] for item in found):
            found.append(int(index))
    return found


def grown(record: Record, root: Root) -> Message | None:
    """Return a message if numbers of the first calls are not finite, or too large, at the end of the record; else None."""
    are_known = np.isfinite(record.before)
    is_lost = are_known[:FIRST].any(0) & ~are_known[-1]
    if is_lost.sum() < LEAST_NUMBERS:
        return None
    return say(
        "After {count} calls of {what} the weights behind it are infinite, undefined (nan) or larger than a billion, so the grader cannot judge the steps. Look for a division in the steps, or a rate that is too large.",
        what=name_of(root),
        count=FIRST + int((~are_known[FIRST:, is_lost]).all(1).argmax()),
    )


def name_of(root: Root) -> str:
    """Return the name of a call as in the student's code."""
    return root.method if root.cls == MODULE else f"{root.cls}.{root.method}"


def steps_of_answers(
    observing: Observing, root: Root, places: Sequence[Reference], rng: np.random.Generator
) -> Message | None:
    """Return a message if a network's outputs are thresholded or rounded, which hides its weights, else None."""
    drawn = rng.uniform(0.5, 1.3, (DRAWS, len(places))) * rng.choice([-1.0, 1.0], (DRAWS, len(places)))
    found = observing.replay(root, places, drawn, oracle.XOR_INPUTS)
    if len(np.unique(found)) > 1 and np.isin(found, (0.0, 1.0)).all():
        return say(
            "{what} answers with 0 or 1 only, so the grader cannot see which numbers are its weights. Return the output neuron's number between 0 and 1.",
            what=name_of(root),
        )
    if len(np.unique(found)) > DRAWS and (found == np.round(found, DIGITS)).all():
        return say(
            "{what} rounds its answers, so the grader cannot see which numbers are its weights. Return the number as it is; round only when you print.",
            what=name_of(root),
        )
    return None


def width_of(observing: Observing, root: Root, places: Sequence[Reference], rng: np.random.Generator) -> Message | None:
    """Return a message about a network that is not 2-2-1, with its number of hidden neurons or of parameters, or None.

    The hidden neurons are the numbers that move the output only with the first input.
    """
    moved, changed = observing.influence(root, places, rng.uniform(*ALIVE, len(places)))
    for _ in range(WIDTHS):
        again, linked = observing.influence(
            root, places, rng.uniform(0.3, 1.2, len(places)) * rng.choice([-1, 1], len(places))
        )
        moved, changed = moved | again, changed | linked
    own = distinct_parameters(moved, changed)
    firsts, seconds, others = ([item for item in own if tuple(moved[item]) == pattern] for pattern in PATTERNS)
    count = len(firsts)
    if not count or len(firsts) + len(seconds) + len(others) < len(own) or count != len(seconds):
        return None
    if count == 1 and len(others) < 3:  # a single neuron
        return None
    if count != 2 and len(others) in (count, count + 1, 2 * count, 2 * count + 1):
        return say("Your network has {count} hidden neurons; the lab requires 2.", count=count)
    return say(
        "{count} numbers affect your network's answer; three neurons with two weights and a bias each have 9.",
        count=len(own),
    )
