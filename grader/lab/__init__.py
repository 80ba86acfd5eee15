"""What a suite is written with."""

from grader.core.figures import Grid, Mark, Pairs, Series
from grader.core.outcomes import Evidence, Verdict
from grader.lab.answers import Answer
from grader.lab.cases import (
    CaseEvidence,
    CaseStopped,
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
    "CaseEvidence",
    "CaseStopped",
    "Evidence",
    "Grid",
    "Mark",
    "Other",
    "Pairs",
    "Remote",
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
    "measurement",
    "not_gradable",
    "side_by_side",
    "slopes",
    "student_fault",
    "unmet",
]
