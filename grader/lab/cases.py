"""Cases of a suite: their evidence and remarks, and the ways in which a case ends without passing."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, Self, TypeVar, cast, overload

import msgspec
import numpy as np
import pytest
from msgspec.structs import replace

from grader.core.faults import Fault, FaultKind
from grader.core.language import EACH, LANGUAGES
from grader.core.messages import NOT_INSTALLED, Message, say
from grader.core.numbers import Number, Probe, number, vector
from grader.core.outcomes import Evidence, Outcome, StudentError, Verdict
from grader.lab.values import SuiteMistake
from grader.sandbox.confined.reading.newer import HERE, shown
from grader.sandbox.source import SourceFile

T = TypeVar("T")
S = TypeVar("S")

FAULT_VERDICTS = {
    FaultKind.RAISED: Verdict.ERROR,
    FaultKind.EXITED: Verdict.ERROR,
    FaultKind.UNHANDLED: Verdict.NOT_GRADABLE,
    FaultKind.MISSING: Verdict.NOT_GRADABLE,
    FaultKind.MISFIT: Verdict.NOT_GRADABLE,
    FaultKind.MEMORY: Verdict.MEMORY_LIMIT,
    FaultKind.TIMEOUT: Verdict.TIMEOUT,
    FaultKind.TIME_SPENT: Verdict.TIMEOUT,
    FaultKind.OUTPUT: Verdict.OUTPUT_LIMIT,
    FaultKind.CRASHED: Verdict.ERROR,
    FaultKind.KILLED: Verdict.NOT_GRADABLE,
    FaultKind.WAITED: Verdict.TIMEOUT,
    FaultKind.ABSENT: Verdict.NOT_GRADABLE,
    FaultKind.PROTOCOL: Verdict.ERROR,
    FaultKind.TOO_LARGE: Verdict.FAILED,
    FaultKind.LEVEL: Verdict.ERROR,
}


def flat(value: Any) -> Number | list[Number] | None:
    """Return a number or string, an array as a flat list, or None, in the form of Evidence."""
    if value is None or isinstance(value, str):
        return value
    return vector(np.ravel(value)) if np.ndim(value) else number(value)


def probed(value: Any) -> Probe | None:
    """Return a probe in the form of Evidence: a number, a list, or the rows of a matrix."""
    if isinstance(value, str) or np.ndim(value) < 2:
        return cast("Probe | None", flat(value))
    return [vector(row) for row in np.reshape(value, (-1, np.shape(value)[-1]))]


def side_by_side(*, expected: Any = None, actual: Any = None, **probe: Any) -> Evidence:
    """Return the evidence of expected and actual values (numbers or arrays) and the probe that produced them."""
    shape = np.shape(actual if expected is None else expected)
    made = {name: value for name, item in probe.items() if (value := probed(item)) is not None}
    return Evidence(shape=list(shape), expected=flat(expected), actual=flat(actual), probe=made)


class RunningCase(msgspec.Struct):
    """A case while it runs, with what it tells beside its verdict; code is the definition that it judges, as in Outcome."""

    name: str
    remarks: list[Message] = []
    seen: Evidence | None = None
    code: str = ""

    def remark(self, template: str, **args: str | float | Message) -> None:
        """Add a remark; it costs no points."""
        self.remarks.append(say(template, **args))


class CaseStopped(pytest.fail.Exception):  # type: ignore[name-defined,misc]
    """Raised to end a case that does not pass. Raised again in a later case, it blocks that case.

    It is not an Exception, so a suite that catches Exception cannot pass by accident. It is pytest's own failure class, so
    pytest caches it for a shared fixture and shows no traceback.
    seen_in is the case ("criterion.case") that it ended first.
    """

    def __init__(self, outcome: Outcome, fault: Fault | None = None, seen_in: str | None = None) -> None:
        assert outcome.feedback is not None
        super().__init__(outcome.feedback.text, pytrace=False)
        self.outcome = outcome
        self.feedback = outcome.feedback
        self.fault = fault
        self.seen_in = seen_in


Text = str | Mapping[str, str]  # a suite's sentence: one string, or one per language ({"en": ..., "ru": ...})


def worded(text: Text, args: Mapping[str, str | float | Message]) -> Message:
    """Return a suite's sentence as a message: {name} is replaced by that argument; any other brace is ordinary text."""
    if isinstance(text, str):
        field_ = rf"\{{(?:{'|'.join(map(re.escape, args)) or '(?!)'})(?:[!:][^{{}}]*)?\}}"
        template = re.sub(rf"({field_})|[{{}}]", lambda found: found[0] if found[1] else found[0] * 2, text)
        return say(template, **args)
    known = {lang: item for lang, item in text.items() if lang in LANGUAGES}
    if not known or len(known) < len(text):
        raise SuiteMistake(f"a text has the languages {', '.join(LANGUAGES)}, not {', '.join(text)}")
    first = next(iter(known.values()))
    return say(EACH, **{lang: known.get(lang, first) for lang in LANGUAGES})


def unmet(
    template: Text,
    *,
    hint: Text | None = None,
    seen: Evidence | None = None,
    verdict: Verdict = Verdict.FAILED,
    named: str | None = None,
    probe: Mapping[str, Any] | None = None,
    formula: str | None = None,
    **args: str | float | Message,
) -> CaseStopped:
    """Return the CaseStopped for a failed expectation; template and hint are sentences.

    Braces in them are ordinary text, except around the names of args. named is the id of the mistake; probe holds inputs by
    name and is shown if seen is None; formula is the one to reread. Expected values that are the actual ones, as where
    nothing changes and no rate is known, are not shown: they would contradict the sentence.
    """
    if seen is None and probe:
        seen = side_by_side(**probe)
    return CaseStopped(
        Outcome(
            verdict=verdict,
            feedback=worded(template, args),
            hint=None if hint is None else worded(hint, args),
            evidence=[] if seen is None else [differing(seen)],
            misconception=named,
            formula=formula,
        )
    )


def differing(seen: Evidence) -> Evidence:
    """Return evidence without its expected values if they are the actual ones, to six digits."""
    try:
        expected, actual = np.array(seen.expected, dtype=float), np.array(seen.actual, dtype=float)
        is_same = np.allclose(actual, expected, rtol=1e-6, atol=0.0)
    except ValueError:  # texts, or other shapes
        is_same = seen.expected == seen.actual
    return replace(seen, expected=None) if is_same else seen


def blocked(by: str) -> CaseStopped:
    """Return the CaseStopped for a case that is not graded until the case `by` ("criterion.case") passes."""
    criterion = by.partition(".")[0]
    feedback = say("Not graded yet: fix the problem under {criterion} first.", criterion=criterion)
    return CaseStopped(Outcome(verdict=Verdict.BLOCKED, feedback=feedback, blocked_by=criterion), seen_in=by)


def not_gradable(template: str, *, seen: Evidence | None = None, **args: str | float | Message) -> CaseStopped:
    """Return the CaseStopped for a case that cannot be decided automatically."""
    evidence = [] if seen is None else [seen]
    return CaseStopped(Outcome(verdict=Verdict.NOT_GRADABLE, feedback=say(template, **args), evidence=evidence))


# Sentence and hint for a call that returned no answer, by the fault's kind
# (or by the type of the raised exception).
FAULT_SENTENCES: dict[FaultKind | str, tuple[str, str | None]] = {
    "NotImplementedError": ("{what} is not written yet ({place}).", None),
    "ModuleNotFoundError": (
        "{file} cannot run here: {error} ({place}).",
        "Import only what the lab allows, and submit every file that your program imports.",
    ),
    FaultKind.RAISED: ("{what} raised {type}: {error} ({place}).", None),
    FaultKind.EXITED: (
        "{what} calls exit() ({place}).",
        "Use return instead; the program ends by itself.",
    ),
    FaultKind.UNHANDLED: ("The grader cannot read or use the values in {what} ({type}: {error}).", None),
    FaultKind.MISSING: ("{file} has no {error}.", "Keep the names from the template: the grader calls them."),
    FaultKind.MISFIT: (
        "{error} cannot be called the way the template calls {what}.",
        "Keep the parameters from the template; give any extra ones default values.",
    ),
    FaultKind.MEMORY: ("{what} requested more than the {limit} MiB of memory that it may use.", None),
    FaultKind.TIMEOUT: (
        "{what} did not finish within {seconds} s.",
        "Look for an endless loop or for repeated work.",
    ),
    FaultKind.WAITED: (
        "{what} waited {seconds} s for something that never happens during grading.",
        "Remove code that waits for a key press, another thread, another program or the network.",
    ),
    FaultKind.KILLED: (
        "The system terminated {what} twice, probably because the grading machine ran out of memory.",
        None,
    ),
    FaultKind.ABSENT: ("{what} uses {error} ({place}), which is not installed here and was not submitted.", None),
    FaultKind.TIME_SPENT: ("The time limit of {seconds} s ran out before {what}.", None),
    FaultKind.OUTPUT: ("{what} printed endlessly and was stopped.", "Print occasionally, not in every step."),
    FaultKind.CRASHED: ("{what} ended the Python process ({error}).", None),
    "SIGSYS": (
        "{what} made a system call that is not allowed during grading and was terminated.",
        "The lab needs only computation: no other processes and no direct system calls.",
    ),
    FaultKind.LEVEL: ("{what} was not run: {error}.", None),
    FaultKind.TOO_LARGE: (
        "{what} returned too much: at most 50000 values in lists and dicts nested up to 12 deep, texts of 100000 "
        "characters, integers of 4200 digits, and 1000 arrays of 16 MiB in total.",
        "Return numpy arrays for many numbers.",
    ),
    FaultKind.PROTOCOL: (
        "{what} returned an answer that the grader cannot read.",
        "Return less data at once, and do not touch the process's open files.",
    ),
}
EXCEPTIONS = {FaultKind.RAISED, FaultKind.EXITED, FaultKind.MEMORY}


def student_fault(fault: Fault, what: str | Message, file: SourceFile, memory_bytes: int) -> CaseStopped:
    """Return the CaseStopped for a fault in the student's code; what names the call."""
    known = fault.kind is FaultKind.RAISED and fault.type in FAULT_SENTENCES
    is_forbidden = fault.kind is FaultKind.CRASHED and fault.message == "SIGSYS"
    template, hint = FAULT_SENTENCES["SIGSYS" if is_forbidden else fault.type if known else fault.kind]
    words: dict[str, str | int | Message] = {
        "what": what,
        "place": file.place(fault.line),
        "file": file.name,
        "type": fault.type,
        "error": fault.message,
        "limit": memory_bytes // 2**20,
        "seconds": f"{fault.seconds:g}",
    }
    newer = next((version for name, version in file.newer if is_about(fault, name)), None)
    if newer is not None:
        return not_gradable(
            "{what} uses a name that only Python {needed} and later has ({place}); the grader runs Python {python}: {error}.",
            what=what, needed=newer, place=words["place"], python=shown(HERE), error=fault.message.rstrip("."),
        )  # fmt: skip
    verdict = FAULT_VERDICTS[fault.kind]
    if known:
        verdict = Verdict.FAILED if fault.type == "NotImplementedError" else Verdict.NOT_GRADABLE
    error = StudentError(type=fault.type, message=fault.message, file=file.name, line=fault.line)
    outcome = Outcome(
        verdict=verdict,
        feedback=say(template, **{name: word for name, word in words.items() if f"{{{name}}}" in template}),
        hint=None if hint is None else say(hint),
        exception=error if fault.kind in EXCEPTIONS else None,
    )
    return CaseStopped(outcome, fault)


def is_about(fault: Fault, name: str) -> bool:
    """Return whether a fault says that a dotted name does not exist."""
    last = name.rpartition(".")[2]
    is_missing = fault.type in ("ImportError", "ModuleNotFoundError", "AttributeError", "NameError")
    return name in fault.message or (is_missing and f"'{last}'" in fault.message)


# Remarks about a top-level statement that failed or was skipped; they cost no points.
TROUBLE_SENTENCES: dict[FaultKind | str, str] = {
    FaultKind.RAISED: "{place}: your program stopped here: {error}. The run continued after it.",
    FaultKind.EXITED: "{place}: your program exits here. The run continued after it.",
    FaultKind.MEMORY: "{place}: your program requested more than the {limit} MiB of memory that it may use. The run continued after it.",
    FaultKind.TIMEOUT: "{place}: this had not finished after {seconds} s of processor time (a long computation or an endless loop) and was skipped. The run continued after it.",
    FaultKind.WAITED: "{place}: this waited {seconds} s for something that never happens during grading and was skipped. The run continued after it.",
    FaultKind.OUTPUT: "{place}: this printed endlessly and was skipped. The run continued after it.",
    FaultKind.CRASHED: "{place}: this ended the Python process ({error}) and was skipped. The run continued after it.",
    "SIGSYS": "{place}: this made a system call that is not allowed during grading and was skipped. The run continued after it.",
    FaultKind.KILLED: "{place}: the system terminated this twice, probably because the grading machine ran out of memory, and it was skipped. The run continued after it.",
    FaultKind.PROTOCOL: "{place}: this interfered with the grader's connection and was skipped. The run continued after it.",
    FaultKind.ABSENT: NOT_INSTALLED,
}  # fmt: skip


def trouble(fault: Fault, place: str | Message, memory_bytes: int, kept: Sequence[str] = ()) -> Message:
    """Return the remark about a top-level statement that failed or was skipped; kept are the names that keep an earlier value."""
    is_forbidden = fault.kind is FaultKind.CRASHED and fault.message == "SIGSYS"
    raised = TROUBLE_SENTENCES[FaultKind.RAISED]
    template = TROUBLE_SENTENCES["SIGSYS"] if is_forbidden else TROUBLE_SENTENCES.get(fault.kind, raised)
    words: dict[str, str | int | Message] = {
        "place": place,
        "error": ": ".join(
            part for part in (fault.type if template is raised else "", fault.message.rstrip(".")) if part
        ),
        "limit": memory_bytes // 2**20,
        "seconds": f"{fault.seconds:g}",
    }
    said = say(template, **{name: word for name, word in words.items() if f"{{{name}}}" in template})
    return say("{remark} {name} keeps its earlier value.", remark=said, name=kept[0]) if kept else said


class measurement(Generic[S, T]):  # noqa: N801 - used as a decorator, like property
    """Cached property that also caches and re-raises CaseStopped.

    A non-data descriptor: it stores the value in the object's __dict__, where Python finds it first.
    """

    def __init__(self, function: Callable[[S], T]) -> None:
        self.__doc__ = function.__doc__
        self._function = function
        self._name = function.__name__
        self._stopped = f"{self._name}: stopped"

    @overload
    def __get__(self, instance: None, owner: type[S]) -> Self: ...

    @overload
    def __get__(self, instance: S, owner: type[S]) -> T: ...

    def __get__(self, instance: S | None, owner: type[S]) -> Self | T:
        """Return the value for an object; the descriptor itself for its class."""
        if instance is None:
            return self
        kept = vars(instance)
        if self._stopped in kept:
            raise kept[self._stopped]
        try:
            value = kept[self._name] = self._function(instance)
        except CaseStopped as stopped:
            kept[self._stopped] = stopped
            raise
        return value


def is_close(observed: float, expected: float, tolerance: float) -> bool:
    """Return whether observed is finite and within tolerance of expected."""
    return math.isfinite(observed) and abs(observed - expected) <= tolerance
