"""The program that a worker runs, and the tries to load it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from grader.core.faults import Fault, FaultKind
from grader.sandbox.connection import TimeAllowance
from grader.sandbox.protocol import Statement


@dataclass(frozen=True, kw_only=True, slots=True)
class Program:
    """The source text a worker runs: main file, files beside it, the names that are asked for, the lab's confined.py.

    Files are named by their paths below root, a folder. names are functions. stand_ins are packages for which there is an inert module where they are not installed; banned ones have one always.
    data are the files that the text may read, named below its folder. unread are files that were handed in and could not be read.
    """

    file: str
    text: str
    siblings: Mapping[str, str] = field(default_factory=dict)
    root: str = ""
    stand_ins: Sequence[str] = ()
    banned: Sequence[str] = ()
    names: Sequence[str] = ()
    classes: Sequence[str] = ()
    is_notebook: bool = False
    operations: str = ""
    data: Mapping[str, bytes] = field(default_factory=dict)
    unread: Sequence[str] = ()


class Loading:
    """The tries to load one program.

    A statement that ends its process, or is ended, is left out by the next process. What this decides by is the
    student's to forge; whatever is told, all tries together end.
    """

    STATEMENT, FULL, BRIEF = (
        0.1,
        0.4,
        0.01,
    )  # shares of the time: of a statement; until definitions only run, and one then
    MOST_SKIPPED = 40

    def __init__(self, whole_s: float) -> None:
        self._whole_s = whole_s
        self._was_killed = False
        self.spent_s = 0.0
        self.is_brief = False
        self.skipped: dict[Statement, Fault] = {}

    def allowed(self, left_s: float) -> TimeAllowance:
        """Return what the next try may take, of left_s seconds for all."""
        try_s = max(0.0, min(left_s, self._left_s))
        statement_s = self._whole_s * (self.BRIEF if self.is_brief else self.STATEMENT)
        return TimeAllowance(cpu_s=try_s, wait_s=try_s, statement_s=statement_s)

    @property
    def _left_s(self) -> float:
        return self._whole_s * (1.0 if self.is_brief else self.FULL) - self.spent_s

    def goes_on(self, fault: Fault) -> bool:
        """Take note of how a try ended; return whether another one may get further."""
        statement = fault.statement
        if statement is None:
            return False
        if fault.kind is FaultKind.KILLED and not self._was_killed:  # perhaps by the system, for lack of memory
            self._was_killed = True
            return True
        if not self.is_brief and self._left_s <= 0:
            self.is_brief = True
            return True
        if statement in self.skipped or len(self.skipped) >= self.MOST_SKIPPED or self._left_s <= 0:
            return False
        self.skipped[statement] = fault
        return True
