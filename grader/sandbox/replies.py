"""What a worker replies, decoded, and the program that it is sent.

Every word of a reply may be the student's: lengths are bounded here, and nothing that is told decides.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta

from grader.core.faults import Fault, FaultKind
from grader.core.integers import Extent, Key, Line
from grader.sandbox import protocol
from grader.sandbox.protocol import Statement

ATTEMPTS_KEPT = 10
LEFT_OUT = 20  # as in submission.py
TROUBLES, TROUBLE_NAMES = 90, 20  # as in program.py
TEXT_CHARS = 200
MESSAGE_CHARS = 2_000
ADDRESS = re.compile(r"0x[0-9a-f]{6,}|0x[0-9a-f]*$")  # differs from run to run, and says nothing
KINDS = {kind.value: kind for kind in FaultKind}

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """What the worker replied: its words, still undecoded, and its arrays."""

    data: msgspec.Raw
    arrays: protocol.Arrays

    def words(self, kind: type[T]) -> T:
        """Decode the words as kind; ProtocolError when the worker sent something else."""
        return protocol.decode_data(self.data, kind)


class Hello(msgspec.Struct, frozen=True):
    """What the worker observed about itself before student code ran; missing: why a layer is not in force."""

    level: str
    python: str
    numpy: str
    missing: dict[str, str]
    landlock_abi: Key


class TroubleReply(protocol.WorkerFault, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A top-level statement that failed, or was left out, as the worker tells it."""

    place: Statement
    names: Annotated[list[str], Meta(max_length=TROUBLE_NAMES)]
    kept: Annotated[list[str], Meta(max_length=1)]


@dataclass(frozen=True, kw_only=True, slots=True)
class Trouble:
    """A top-level statement that failed, or was left out: its file, how it ended, and the names that it would have bound.

    kept are those that have an earlier value.
    """

    file: str
    fault: Fault
    names: Sequence[str] = ()
    kept: Sequence[str] = ()


class Loaded(msgspec.Struct, frozen=True):
    """Which of the contract's names the program has something callable for, and which of its statements failed."""

    callables: list[str]
    troubles: Annotated[list[TroubleReply], Meta(max_length=TROUBLES)] = []


class ReadFile(msgspec.Struct, frozen=True):
    """One source file as text; cells are the first lines of a notebook's code cells."""

    name: str
    text: str
    cells: list[Line]
    is_unwritten: bool
    encoding: str


class SourceReply(msgspec.Struct, frozen=True):
    """What was handed in, read: files (the main one first), imports and dropped lines as (file, line, words).

    Names are below root. newer has names of a newer Python, passed_over files that define the classes, too. left_out are
    the sentences on files that could not be read, as templates and arguments, unread the names of those that are sources.
    """

    files: list[ReadFile]
    root: str
    imports: list[tuple[str, Line, str]]
    dropped: list[tuple[str, Line, str]]
    newer: list[tuple[str, str]]
    passed_over: list[str]
    left_out: Annotated[list[tuple[str, dict[str, str | Extent]]], Meta(max_length=LEFT_OUT)]
    unread: Annotated[list[str], Meta(max_length=LEFT_OUT)]


class ReadAnswer(msgspec.Struct, frozen=True):
    """The source, or the sentence that says why there is none: a template and its arguments, as in texts.Refusal."""

    source: SourceReply | None = None
    refusal: str = ""
    arguments: dict[str, str | Extent] = {}
    is_open: bool = False


class Marked(msgspec.Struct, frozen=True):
    """Since the last mark: what the code tried that is not there for it, (action, on what), and absent modules."""

    attempts: Annotated[list[tuple[str, str]], Meta(max_length=ATTEMPTS_KEPT)]
    asked: list[str]


def fault_of(told: protocol.WorkerFault) -> Fault:
    """Return a fault as the worker tells it."""
    return Fault(
        kind=KINDS.get(told.kind, FaultKind.RAISED),
        type=told.type[:TEXT_CHARS],
        message=ADDRESS.sub("0x…", told.message[:MESSAGE_CHARS]),
        line=told.line,
        is_in_making=told.is_in_making,
    )
