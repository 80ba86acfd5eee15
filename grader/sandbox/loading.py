"""The program that a worker runs, and its repeated loading without the statements that do not end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from grader.core.faults import Fault, FaultKind
from grader.sandbox.connection import TimeAllowance
from grader.sandbox.protocol import Statement


class Program(msgspec.Struct, frozen=True, kw_only=True):
    """Source text that a worker runs, and what it needs to run it.

    Files are named by their paths relative to root, a folder. names and classes are the functions and classes of the
    contract. stand_ins are packages that get an inert module if they are not installed; banned packages always get
    one. operations is the path of the lab's confined module. data maps names, relative to the main file's folder, to
    files that the program may read. unread are files of the submission that could not be read.
    """

    file: str
    text: str
    siblings: Mapping[str, str] = {}
    root: str = ""
    stand_ins: Sequence[str] = ()
    banned: Sequence[str] = ()
    names: Sequence[str] = ()
    classes: Sequence[str] = ()
    is_notebook: bool = False
    operations: str = ""
    data: Mapping[str, bytes] = {}
    unread: Sequence[str] = ()


class Loading:
    """State of loading one program, over several tries.

    A statement that ends its process, or takes too long, is skipped in the next try. The student's code can forge
    which statement that was, so the total time and the number of tries are bounded whatever the worker reports.
    """

    # Shares of the load time: for one statement; for all tries before only definitions run; for one statement then.
    STATEMENT, FULL, BRIEF = 0.1, 0.4, 0.01
    MOST_SKIPPED, MOST_FULL = 40, 36  # statements, in all and before only definitions run

    def __init__(self, whole_s: float) -> None:
        self._whole_s = whole_s
        self._was_killed = False
        self.spent_s = 0.0
        self.is_brief = False
        self.skipped: dict[Statement, Fault] = {}

    def allowed(self, left_s: float) -> TimeAllowance:
        """Return the time allowance of the next try; left_s is the rest of the submission's total, in seconds."""
        try_s = max(0.0, min(left_s, self._left_s))
        statement_s = self._whole_s * (self.BRIEF if self.is_brief else self.STATEMENT)
        return TimeAllowance(cpu_s=try_s, wait_s=try_s, statement_s=statement_s)

    @property
    def _left_s(self) -> float:
        return self._whole_s * (1.0 if self.is_brief else self.FULL) - self.spent_s

    def goes_on(self, fault: Fault) -> bool:
        """Record how a try ended; return whether another try may get further."""
        statement = fault.statement
        if statement is None:
            return False
        if fault.kind is FaultKind.KILLED and not self._was_killed:  # perhaps by the system, out of memory: try again
            self._was_killed = True
            return True
        if not self.is_brief and (self._left_s <= 0 or len(self.skipped) >= self.MOST_FULL):
            self.is_brief = True
            return True
        if statement in self.skipped or len(self.skipped) >= self.MOST_SKIPPED or self._left_s <= 0:
            return False
        self.skipped[statement] = fault
        return True
