"""The student's program as a suite sees it: functions to call, objects to make, and operations of the lab's own.

Whatever the program does that is no usable answer ends the case: CaseStopped, with a sentence for the student.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from grader.core import seeds
from grader.core.faults import Fault, FaultKind
from grader.core.limits import Limits
from grader.core.messages import Message, say
from grader.lab.answers import Answer
from grader.lab.cases import CaseStopped, measurement, student_fault, trouble
from grader.lab.source import SourceFile
from grader.lab.values import Sendable, SuiteMistake, pack, unpack
from grader.sandbox.client import Worker
from grader.sandbox.protocol import ProtocolError, Statement
from grader.sandbox.replies import Loaded, Reply, Trouble

SHOWN = 10  # statements that failed


class _Payload(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    value: Any


def generator(seed: int, purpose: str) -> np.random.Generator:
    """Return the generator of a run for one purpose: same seed and purpose, same numbers."""
    return np.random.default_rng([seed, zlib.crc32(purpose.encode())])


class Remote(Sendable):
    """An object in the worker. Its methods are called there: `model.fit(X, y)` gives an Answer.

    Names that begin with an underscore, and methods called get, set or call, are reached by `call("name", ...)`.
    """

    def __init__(self, student: Student, number: int, name: str) -> None:
        self._student, self._number, self._name = student, number, name

    def __getattr__(self, method: str) -> Callable[..., Answer]:
        if method.startswith("_"):
            raise AttributeError(method)
        return lambda *arguments, **named: self.call(method, *arguments, **named)

    def packed(self, blocks: dict[str, Any]) -> Any:  # noqa: ARG002  - it has none
        """Return the number under which the worker keeps it."""
        return ["o", self._number]

    def call(self, method: str, /, *arguments: Any, time_s: float | None = None, **named: Any) -> Answer:
        """Call a method, with time_s seconds for it (default: the lab's limit of a call)."""
        what, settings = f"{self._name}.{method}", {"name": method, "object": self._number, "keep": None}
        return self._student.answer("call", what, settings, (arguments, named), [self], time_s)

    def get(self, attribute: str) -> Answer:
        """Read an attribute."""
        settings = {"name": attribute, "object": self._number}
        return self._student.answer("get", f"{self._name}.{attribute}", settings, None, [self])

    def set(self, attribute: str, value: Any) -> None:
        """Write an attribute."""
        settings = {"name": attribute, "object": self._number}
        self._student.answer("set", f"{self._name}.{attribute}", settings, ((value,), {}), [self])

    def part(self, path: list[str | int]) -> Remote:
        """Return an object inside this one, found when it is first used: attributes and places in containers."""
        return self._student.later({"of": self._number, "path": path}, self._name)


class Student:
    """The submission of one run, loaded in its worker."""

    def __init__(
        self,
        worker: Worker,
        file: SourceFile,
        limits: Limits,
        seed: int,
        operations: Iterable[str] = (),
        files: Mapping[str, Path] | None = None,
    ) -> None:
        self.seed = seed
        self.file = file
        self.files = files or {}  # the data files of the lab, by the name under which the program reads them
        self.limits = limits
        self.options: frozenset[str] = frozenset()  # of the lab's options those that were chosen for this run
        self.kept: dict[str, Any] = {}
        self._notes: dict[str, Message] = {}
        self.taken: Answer | None = None  # the last answer that the running case looked at
        self.case = ""  # "criterion.case" of the one that is running
        self._worker = worker
        self._operations = frozenset(operations)
        self._hung: dict[str, CaseStopped] = {}
        self._unmade: dict[int, dict[str, Any]] = {}
        self._objects = self._oldest = 0
        self._known_classes: set[str] = set()

    @property
    def worker_seed(self) -> int:
        """Return what the worker seeds the program with: a hash, which reveals nothing of this run's numbers."""
        return seeds.of_worker(self.seed, "load")

    def rng(self, purpose: str) -> np.random.Generator:
        """Return the generator of this run for one purpose: same seed, same numbers."""
        return generator(self.seed, purpose)

    def keep(self, name: str, value: object) -> None:
        """Keep what a case measured for the lab's hooks; a later value of the same name replaces it."""
        self.kept[name] = value

    def note(self, template: str, **args: str | float | Message) -> None:
        """Say something about the whole submission; the same sentence is said once, with what it was last filled with."""
        self._notes[template] = say(template, **args)

    @property
    def notes(self) -> list[Message]:
        """What was said about the whole submission, and the statements of the program that failed."""
        return [*self._notes.values(), *self._troubles()]

    def _troubles(self) -> Iterator[Message]:
        """Yield a remark for each statement that failed or was left out; for many one in place of the last."""
        found = self._worker.troubles
        if self._worker.loading.is_brief:
            seconds = f"{self.limits.load_time_s * self._worker.loading.FULL:g}"
            yield say(
                "Your program takes more than {seconds} s of processor time before it can be graded: only its definitions were run and graded.",
                seconds=seconds,
            )
        for item in found[:SHOWN]:
            yield trouble(item.fault, self._place(item), self.limits.memory_bytes, item.kept)
        if len(found) > SHOWN:
            yield say("Statements of your program that failed beside these: {count}.", count=len(found) - SHOWN)

    def _place(self, trouble: Trouble) -> str | Message:
        """Return where a statement is."""
        return self._file(trouble).place(trouble.fault.line)

    def _file(self, trouble: Trouble) -> SourceFile:
        return self.file if trouble.file == self.file.name else SourceFile(name=trouble.file, text="")

    def begin(self, case: str, *, is_fresh: bool = False) -> None:
        """Start a case: fresh objects, reseeded generators; where it is to be fresh, the program loaded anew."""
        self.case, self.taken = case, None
        if is_fresh and self._worker.loaded is not None:
            self._worker.stop()  # the next request loads it again
        self._unmade, self._oldest = {}, self._objects
        self._worker.begin(case)

    @property
    def skipped(self) -> Mapping[Statement, Fault]:
        """The top-level statements that were left out, because they did not end or ended the process, and how."""
        return self._worker.loading.skipped

    @measurement
    def loaded(self) -> Loaded:
        """What the worker said when the program had run; CaseStopped where loading it failed."""
        result = self._worker.wait_loaded()
        if isinstance(result, Fault):
            raise self.stopped(result, say("Loading {file}", file=self.file.name))
        return result

    def has(self, name: str) -> bool:
        """Return whether the program defines a callable of that name."""
        if name in self.loaded.callables:
            return True
        return self.answer("has", name, {"name": name}).value is True

    def run(self, name: str, /, *arguments: Any, time_s: float | None = None, **named: Any) -> Answer:
        """Call a function of the program, with time_s seconds for it (default: the lab's limit of a call)."""
        settings = {"name": name, "object": None, "keep": None}
        return self.answer("call", name, settings, (arguments, named), _remotes(arguments, named), time_s)

    def new(self, name: str, /, *arguments: Any, **named: Any) -> Remote:
        """Make an object of a class of the program."""
        self._objects += 1
        settings = {"name": name, "object": None, "keep": self._objects}
        self.answer("call", name, settings, (arguments, named), _remotes(arguments, named))
        return Remote(self, self._objects, name)

    def new_later(self, name: str, /, *arguments: Any, **named: Any) -> Remote:
        """Return an object of a class of the program that is made when it is first used; arguments hold no arrays.

        The first of a class is made at once: if that never ends, the class is what did not.
        """
        made = self.later({"name": name, "arguments": pack((arguments, named), {})}, name)
        if name not in self._known_classes:
            self._known_classes.add(name)
            self.answer("make", name, {"object": made._number}, None, [made])
        return made

    def later(self, recipe: Mapping[str, Any], name: str) -> Remote:
        """Return an object that the worker makes by a recipe when it is first used."""
        self._objects += 1
        self._unmade[self._objects] = {"object": self._objects, **recipe}
        return Remote(self, self._objects, name)

    def operate(
        self,
        operation: str,
        *remotes: Remote,
        named: str | Message,
        time_s: float | None = None,
        needs: Iterable[str] = (),
        **values: Any,
    ) -> Answer:
        """Do one of the operations of the lab's confined.py on some objects; named is what the student reads it as.

        needs are calls without which it cannot work: after one of them hung, it is not tried again. LookupError for an
        operation that the lab does not have.
        """
        if operation not in self._operations:
            raise LookupError(f"confined.py has no operation {operation!r}")
        settings = {"name": operation}
        return self.answer("operate", named, settings, (remotes, values), remotes, time_s, needs)

    def error_of(self, call: Callable[[], object]) -> str | None:
        """Return the name of the exception that a call raises, None where it raises none."""
        try:
            call()
        except CaseStopped as stopped:
            if stopped.fault is None or stopped.fault.kind is not FaultKind.RAISED:
                raise
            return stopped.fault.type
        return None

    def answer(
        self,
        op: str,
        what: str | Message,
        settings: Mapping[str, Any],
        arguments: tuple[Iterable[Any], Mapping[str, Any]] | None = None,
        remotes: Sequence[Remote] = (),
        time_s: float | None = None,
        needs: Iterable[str] = (),
    ) -> Answer:
        """Ask the worker; CaseStopped where the student's code does not answer. what names the call for the student."""
        _ = self.loaded  # what stops there is told of the file, not of what is asked
        if any(remote._number <= self._oldest for remote in remotes):
            raise SuiteMistake(f"{what}: this object was made in an earlier case")
        recipes = [recipe for remote in remotes for recipe in self._recipes(remote._number)]
        made = [str(recipe["name"]) for recipe in recipes if "name" in recipe]
        needs = (*made, *needs)
        for needed in needs:
            if needed in self._hung:
                raise self._hung[needed]
        blocks: dict[str, Any] = {}
        sent = dict(settings)
        if recipes:
            sent["make"] = recipes
        if arguments is not None:
            by_place, by_name = arguments
            sent["arguments"] = pack((list(by_place), by_name), blocks)
        result = self._worker.request(op, sent, blocks, time_s)
        if isinstance(result, Reply):
            try:
                return Answer(self, what, unpack(result.words(_Payload).value, result.arrays))
            except ProtocolError:
                result = Fault(kind=FaultKind.PROTOCOL)
        what = made[0] if result.is_in_making and made else what
        stopped = self.stopped(result, what)
        if needs and result.kind in (FaultKind.TIMEOUT, FaultKind.OUTPUT):
            self._hung[str(what)] = stopped
        raise stopped

    def stopped(self, fault: Fault, what: str | Message) -> CaseStopped:
        """Return the end of the case in which what did not answer."""
        why = next((trouble for trouble in self._worker.troubles if fault.message in trouble.names), None)
        if fault.kind is not FaultKind.MISSING or why is None:
            return student_fault(fault, what, self.file, self.limits.memory_bytes)
        stopped = student_fault(why.fault, say("Your program"), self._file(why), self.limits.memory_bytes)
        reason = say("{name} is not defined. {reason}", name=fault.message, reason=stopped.feedback)
        return CaseStopped(replace(stopped.outcome, feedback=reason), fault)

    def _recipes(self, number: int) -> list[dict[str, Any]]:
        """Return how to make an object that is not made yet, and what it is inside of, which comes first."""
        if number not in self._unmade:
            return []
        recipe = self._unmade.pop(number)
        return [*(self._recipes(recipe["of"]) if "of" in recipe else []), recipe]


def _remotes(arguments: Iterable[Any], named: Mapping[str, Any]) -> list[Remote]:
    return [argument for argument in (*arguments, *named.values()) if isinstance(argument, Remote)]
