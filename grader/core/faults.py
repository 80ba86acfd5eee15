"""Faults: the ways in which a call into student code ends without an answer."""

from __future__ import annotations

import enum
from typing import TypeAlias

import msgspec

Statement: TypeAlias = tuple[int, int, int]  # a top-level statement: number of its file, line, column


class FaultKind(enum.Enum):
    """Kind of fault."""

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


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """Fault in the student's code; `type` and `message` come from the student's exception.

    line is the line in the student's file, or None; seconds is the time limit that a call exceeded.
    is_in_making: the fault happened while the object was created, before the operation.
    statement is the top-level statement that was running when the process ended, if known.
    """

    kind: FaultKind
    type: str = ""
    message: str = ""
    line: int | None = None
    seconds: float = 0.0
    is_in_making: bool = False
    statement: Statement | None = None
