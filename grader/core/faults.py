"""How student code ends other than with an answer."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TypeAlias

Statement: TypeAlias = tuple[int, int, int]  # a top-level one: the number of its file, its line and column


class FaultKind(enum.Enum):
    """How a call can end other than with an answer."""

    RAISED = "raised"
    EXITED = "exited"
    UNHANDLED = "unhandled"
    MISSING = "missing"
    MISFIT = "misfit"
    MEMORY = "memory"
    TIMEOUT = "timeout"
    TIME_SPENT = "time_spent"
    OUTPUT = "output"
    CRASHED = "crashed"
    KILLED = "killed"
    WAITED = "waited"
    ABSENT = "absent"
    PROTOCOL = "protocol"
    TOO_LARGE = "too_large"
    LEVEL = "level"


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """What went wrong in the student's code; `type` and `message` are the student's own words.

    line is the line of their file, None where there is none; seconds is how long a call that ran
    into its time limit was given. is_in_making: it was not the operation, but the making of its object.
    statement is the top-level one that was running, as far as is known, where the process has ended.
    """

    kind: FaultKind
    type: str = ""
    message: str = ""
    line: int | None = None
    seconds: float = 0.0
    is_in_making: bool = False
    statement: Statement | None = None
