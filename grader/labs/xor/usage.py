"""Whether the program's own training calls its network as the template does."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from grader.lab import CaseStopped

from . import oracle
from .driving.calls import Calls
from .oracle import Array

FITS, HAS_CLASSES, UNSEEN = "fits", "classes", "unseen"  # keys under which suites keep results for hooks.py


def own_usage(calls: Calls) -> bool | None:
    """Watch the first calls of the program's own training, and return whether they fit those of the template.

    Model.forward takes one x and returns a number, and Model.backward takes (x, err). None: the program calls neither often
    enough to tell.
    """
    from .watched.finding import LEAST_CALLS
    from .watched.observing import observing_of

    try:
        discovered, numbers = observing_of(calls).discovered
    except CaseStopped:
        return None
    seen = [(call, row) for call, row in zip(discovered.calls, numbers, strict=True) if call.cls == "Model"]
    forwards = [call for call, _ in seen if call.method == "forward"]
    backwards = [(call, row) for call, row in seen if call.method == "backward"]
    if forwards and not forwards[-1].returned:  # watching may have ended inside it
        forwards.pop()
    if len(forwards) < LEAST_CALLS and len(backwards) < LEAST_CALLS:
        return None
    return (
        all(is_example(call.shapes[:1]) and call.returned == 1 for call in forwards)
        and len(backwards) >= LEAST_CALLS
        and all(is_example(call.shapes[:1]) and is_number(call.shapes[1:2]) for call, _ in backwards)
        and not is_label(np.array([row[:3] for _, row in backwards if len(row) >= 3]))
    )


def is_example(shapes: Sequence[Sequence[int]]) -> bool:
    """Return whether the first of these shapes is that of one x."""
    return bool(shapes) and [extent for extent in shapes[0] if extent != 1] == [2]


def is_number(shapes: Sequence[Sequence[int]]) -> bool:
    """Return whether the first of these shapes is that of a single number."""
    return bool(shapes) and all(extent == 1 for extent in shapes[0])


def is_label(passed: Array) -> bool:
    """Return whether in rows (x1, x2, number), (n, 3), the number depends on x alone and varies: it is a label, not an error."""
    of_x = [passed[(passed[:, :2] == corner).all(1), 2].tolist() for corner in oracle.XOR_INPUTS]
    return all(len(found) > 1 == len(set(found)) for found in of_x) and len(np.unique(passed[:, 2])) > 1
