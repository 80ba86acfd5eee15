"""What this lab does beside the student's code: many calls in one request, and watching a training of their own.

Nothing here judges, and what it answers is believed no more than any answer. Students can read this file: it holds no
expected value, threshold, seed or rule. The standard library only; numpy comes with the object finder.
"""

from __future__ import annotations

from .calls import call, describe, epochs, forward, influence, read, steps, trace, trace_backward, train, write
from .watching import discover, methods, perturb, record, replay, retrain

OPERATIONS = (
    describe, read, write, forward, call, trace, trace_backward, influence, steps, epochs, train,
    discover, record, methods, replay, perturb, retrain,
)  # fmt: skip
