"""Types of the worker's replies.

The student's code may have written any part of a reply: lengths are bounded here, and no grade depends on the words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta

from grader.core.faults import Fault, FaultKind
from grader.core.integers import Extent, Key, Line
from grader.sandbox import protocol
from grader.sandbox.protocol import Statement

DENIED_KEPT = 10
LEFT_OUT = 20  # as in submission.py
DEFINITIONS = 2_000  # as in definitions.py
TROUBLES, TROUBLE_NAMES = 90, 20  # as in program.py
TEXT_CHARS = 200
MESSAGE_CHARS = 2_000
ADDRESS = re.compile(r"0x[0-9a-f]{6,}|0x[0-9a-f]*$")  # memory addresses differ from run to run
KINDS = {kind.value: kind for kind in FaultKind}

T = TypeVar("T")


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """A reply of the worker: its JSON data, not decoded yet, and its arrays."""

    data: msgspec.Raw
    arrays: protocol.Arrays

    def words(self, kind: type[T]) -> T:
        """Decode the data as `kind`; raise ProtocolError if it has another form."""
        return protocol.decode_data(self.data, kind)


class Hello(msgspec.Struct, frozen=True):
    """Properties of a worker, read before student code ran; missing maps each layer not in force to the reason."""

    level: str
    python: str
    numpy: str
    missing: dict[str, str]
    landlock_abi: Key


class TroubleReply(protocol.WorkerFault, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A top-level statement that failed or was skipped, as the worker reports it."""

    place: Statement
    names: Annotated[list[str], Meta(max_length=TROUBLE_NAMES)]
    kept: Annotated[list[str], Meta(max_length=1)]


class Trouble(msgspec.Struct, frozen=True, kw_only=True):
    """A top-level statement that failed or was skipped: its file, its fault, and the names that it would have bound.

    kept are those of the names that still have an earlier value.
    """

    file: str
    fault: Fault
    names: Sequence[str] = ()
    kept: Sequence[str] = ()


class Loaded(msgspec.Struct, frozen=True):
    """Result of loading a program: which of the contract's names are callable, and which statements failed."""

    callables: list[str]
    troubles: Annotated[list[TroubleReply], Meta(max_length=TROUBLES)] = []


class ReadFile(msgspec.Struct, frozen=True):
    """One source file as text; cells are the first line numbers of a notebook's code cells."""

    name: str
    text: str
    cells: list[Line]
    is_unwritten: bool
    encoding: str


class SourceReply(msgspec.Struct, frozen=True):
    """A parsed submission: files (the main file first), imports and dropped lines as (file, line, text), definitions as (file, name, line).

    Names are relative to root. newer lists (name, Python version) for what needs a newer Python; passed_over lists
    files that define the classes too but are not used. left_out has templates and arguments of the sentences on files
    that could not be read; unread has the names of those that are source files.
    """

    files: list[ReadFile]
    definitions: Annotated[list[tuple[str, str, Line]], Meta(max_length=DEFINITIONS)]
    root: str
    imports: list[tuple[str, Line, str]]
    dropped: list[tuple[str, Line, str]]
    newer: list[tuple[str, str]]
    passed_over: list[str]
    left_out: Annotated[list[tuple[str, dict[str, str | Extent]]], Meta(max_length=LEFT_OUT)]
    unread: Annotated[list[str], Meta(max_length=LEFT_OUT)]


class ReadAnswer(msgspec.Struct, frozen=True):
    """A parsed submission, or the reason why it is refused: a template and its arguments, as in texts.Refusal."""

    source: SourceReply | None = None
    refusal: str = ""
    arguments: dict[str, str | Extent] = {}
    is_open: bool = False


class Marked(msgspec.Struct, frozen=True):
    """Since the last mark: actions of the code that were denied, as (action, target), and missing modules it used."""

    denied: Annotated[list[tuple[str, str]], Meta(max_length=DENIED_KEPT)]
    missing_modules: list[str]


def fault_of(reported: protocol.WorkerFault) -> Fault:
    """Return a reported fault with its texts shortened and memory addresses masked."""
    return Fault(
        kind=KINDS.get(reported.kind, FaultKind.RAISED),
        type=reported.type[:TEXT_CHARS],
        message=ADDRESS.sub("0x…", reported.message[:MESSAGE_CHARS]),
        line=reported.line,
        is_in_making=reported.is_in_making,
    )
