"""What a suite is written with."""

from grader.lab.answers import Answer
from grader.lab.cases import (
    Case,
    CaseStopped,
    Seen,
    blocked,
    is_close,
    measurement,
    not_gradable,
    student_fault,
    unmet,
)
from grader.lab.student import Remote, Student, generator
from grader.lab.values import Other, Table
from grader.models import Verdict

__all__ = [
    "Answer",
    "Case",
    "CaseStopped",
    "Other",
    "Remote",
    "Seen",
    "Student",
    "Table",
    "Verdict",
    "blocked",
    "generator",
    "is_close",
    "measurement",
    "not_gradable",
    "student_fault",
    "unmet",
]
