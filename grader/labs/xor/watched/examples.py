"""Finds out which examples of XOR each call, or each step, of a watched training belongs to.

Corners are the four examples, in the oracle's order.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .. import oracle
from ..oracle import Array
from .observing import Record

ALIKE = 1e-12  # of an output that was returned
TINY = 1e-300


def passed(x: Array) -> NDArray[np.bool_]:
    """Return which corners each call's examples (n, rows, 2) are, (n, rows, 4); examples may be others."""
    return np.asarray((x[:, :, None] == oracle.XOR_INPUTS).all(-1))


def corners_of(x: Array) -> list[list[int]]:
    """Return the corners that are passed in each call's examples (n, rows, 2); other examples are ignored."""
    return [np.nonzero(rows)[1].tolist() for rows in passed(x)]


def answered_corners(record: Record, ends: list[int], chosen: list[int], y: Array) -> NDArray[np.int_]:
    """Return for each step the corner whose output was returned last before it, since the change before; -1 for none or several."""
    found = []
    for end, outputs in zip(chosen, y, strict=True):
        begin = max((other + 1 for other in ends if other < end), default=0)
        is_output = np.abs(record.scalars[begin : end + 1].reshape(-1, 1) - outputs) < ALIKE
        places = np.flatnonzero(is_output.any(1))
        is_single = len(places) > 0 and places[-1] - 1 not in places and is_output[places[-1]].sum() == 1
        found.append(int(is_output[places[-1]].argmax()) if is_single else -1)
    return np.array(found)


def likeliest(change: Array, rates: Array) -> NDArray[np.int_]:
    """Return for each step the corner whose slopes are most similar, (n,)."""
    along = np.abs(np.einsum("nij,nrij->nr", change, rates)) / np.maximum(np.sqrt((rates**2).sum((2, 3))), TINY)
    return np.asarray(along.argmax(1))
