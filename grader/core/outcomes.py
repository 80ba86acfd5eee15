"""Outcome of one case (verdict, evidence, the student's exception) and findings of the rules in the source."""

from __future__ import annotations

import enum
from collections.abc import Iterable

import msgspec
from msgspec.structs import replace

from grader.core.messages import Message
from grader.core.numbers import Number, Probe

BANNED_IMPORT = "banned_import"  # rules that findings name
DROPPED_LINE = "notebook_line"
ENCODING = "encoding"
PASSED_OVER = "passed_over"
LEFT_OUT = "left_out"


class Verdict(enum.Enum):
    """Verdict on one case or criterion."""

    PASSED = "passed"
    PARTIAL = "partial"
    FAILED = "failed"
    ERROR = "error"
    TIMEOUT = "timeout"
    MEMORY_LIMIT = "memory_limit"
    OUTPUT_LIMIT = "output_limit"
    BLOCKED = "blocked"
    NOT_GRADABLE = "not_gradable"
    NOT_RUN = "not_run"


class StudentError(msgspec.Struct, frozen=True, kw_only=True):
    """Exception raised by the student's code: its type and message, and the file and line in the submission."""

    type: str
    message: str
    file: str
    line: int | None


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """Expected and actual values side by side.

    expected and actual are flat lists in row-major order, or one number or text; shape is the shape of the array, [] for
    one number. rows and columns name its rows and columns, or are empty. probe holds the inputs by name: each is a number,
    a list, or a list of rows.
    """

    label: str = ""
    shape: list[int] = []
    rows: list[str] = []
    columns: list[str] = []
    expected: Number | list[Number] | None = None
    actual: Number | list[Number] | None = None
    probe: dict[str, Probe] = {}

    def labelled(self, rows: Iterable[str], columns: Iterable[str] = (), label: str = "") -> Evidence:
        """Return this evidence with names for its rows and columns."""
        return replace(self, rows=list(rows), columns=list(columns), label=label)


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """Result of one case: its verdict and its evidence. Travels as JSON in the pytest-json-report metadata.

    misconception is the id of the mistake in the bank ("a|b" where two make the same numbers); formula what to reread; code the
    definition that was judged, such as "Model.backward", where the suite knows better than the rubric.
    """

    criterion: str = ""
    id: str = ""
    title: str = ""
    verdict: Verdict
    feedback: Message | None = None
    hint: Message | None = None
    misconception: str | None = None
    formula: str | None = None
    remarks: list[Message] = []
    evidence: list[Evidence] = []
    exception: StudentError | None = None
    stdout: str = ""
    code: str = ""
    blocked_by: str | None = None

    @property
    def name(self) -> str:
        """Return "criterion.case"."""
        return f"{self.criterion}.{self.id}"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """Message of a rule about a place in the submission. line is None if it concerns no single line."""

    rule: str
    file: str
    line: int | None
    message: Message
