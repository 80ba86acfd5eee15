"""Operations of this lab that run beside the student's code: many calls in one request, and watching a training.

Nothing is judged here, and the answers are as untrusted as any other. Students can read these files: they contain no
expected value, threshold, seed or rule. They import only the standard library; numpy comes with the object finder.
"""

from __future__ import annotations

from . import watching
from .calls import call, describe, epochs, forward, influence, read, steps, trace, trace_backward, train, write

OPERATIONS = (
    describe, read, write, forward, call, trace, trace_backward, influence, steps, epochs, train, *watching.OPERATIONS,
)  # fmt: skip
