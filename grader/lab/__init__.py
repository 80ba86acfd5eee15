"""The interface for writing suites."""

from grader.core.faults import FaultKind
from grader.core.figures import Grid, Mark, Pairs, Series
from grader.core.integers import Count, Extent, Key
from grader.core.messages import Message, listed, say
from grader.core.numbers import show
from grader.core.outcomes import Evidence, Outcome, Verdict
from grader.lab.answers import Answer
from grader.lab.cases import (
    CaseStopped,
    RunningCase,
    blocked,
    is_close,
    measurement,
    not_gradable,
    side_by_side,
    student_fault,
    unmet,
)
from grader.lab.checks import case, check, close, equal, slopes
from grader.lab.student import Remote, Student, generator
from grader.lab.values import Other, Table

__all__ = [
    "Answer",
    "CaseStopped",
    "Count",
    "Evidence",
    "Extent",
    "FaultKind",
    "Grid",
    "Key",
    "Mark",
    "Message",
    "Other",
    "Outcome",
    "Pairs",
    "Remote",
    "RunningCase",
    "Series",
    "Student",
    "Table",
    "Verdict",
    "blocked",
    "case",
    "check",
    "close",
    "equal",
    "generator",
    "is_close",
    "listed",
    "measurement",
    "not_gradable",
    "say",
    "show",
    "side_by_side",
    "slopes",
    "student_fault",
    "unmet",
]
