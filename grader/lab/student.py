"""The student's program as a suite sees it: functions to call, objects to create, and the lab's own operations.

If the program gives no usable answer, the case ends: CaseStopped, with a sentence for the student.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from msgspec.structs import replace

from grader.core import seeds
from grader.core.faults import Fault, FaultKind
from grader.core.limits import Limits
from grader.core.messages import Message, say
from grader.lab.answers import Answer
from grader.lab.cases import CaseStopped, measurement, student_fault, trouble
from grader.lab.values import Sendable, SuiteMistake, pack, unpack
from grader.sandbox.client import Worker
from grader.sandbox.protocol import ProtocolError, Statement
from grader.sandbox.replies import Loaded, Reply, Trouble
from grader.sandbox.source import SourceFile

SHOWN = 10  # failed statements that the report lists


class _Payload(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    value: Any


def generator(seed: int, purpose: str) -> np.random.Generator:
    """Return the random generator for one purpose; the same seed and purpose give the same numbers."""
    return np.random.default_rng([seed, zlib.crc32(purpose.encode())])


class Remote(Sendable):
    """Object in the worker. Its methods run there: `model.fit(X, y)` returns an Answer.

    Use `call("name", ...)` for names that begin with an underscore and for methods called get, set, call, packed or part.
    """

    def __init__(self, student: Student, number: int, name: str) -> None:
        self._student, self._number, self._name = student, number, name

    def __getattr__(self, method: str) -> Callable[..., Answer]:
        if method.startswith("_"):
            raise AttributeError(method)
        return lambda *arguments, **named: self.call(method, *arguments, **named)

    def packed(self, blocks: dict[str, Any]) -> Any:  # noqa: ARG002  - it has none
        """Return a reference to the object by its number in the worker."""
        return ["o", self._number]

    def call(self, method: str, /, *arguments: Any, time_s: float | None = None, **named: Any) -> Answer:
        """Call a method with a limit of time_s seconds (default: the lab's limit for one call)."""
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
        """Return an object inside this one; path holds attributes and indices, and is resolved at the first use."""
        return self._student.later({"of": self._number, "path": path}, self._name)


class Student:
    """The submission of one run, loaded in the worker."""

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
        self.files = files or {}  # the lab's data files, by the name under which the program reads them
        self.limits = limits
        self.options: frozenset[str] = frozenset()  # the lab's options chosen for this run
        self.kept: dict[str, Any] = {}
        self._notes: dict[str, Message] = {}
        self.taken: Answer | None = None  # the last answer that the running case read
        self.case = ""  # "criterion.case" of the running case
        self._worker = worker
        self._operations = frozenset(operations)
        self._hung: dict[str, CaseStopped] = {}
        self._unmade: dict[int, dict[str, Any]] = {}
        self._objects = self._oldest = 0
        self._known_classes: set[str] = set()

    @property
    def worker_seed(self) -> int:
        """Return the seed for the program's generators: a hash, which reveals nothing about this run's numbers."""
        return seeds.of_worker(self.seed, "load")

    def rng(self, purpose: str) -> np.random.Generator:
        """Return this run's random generator for one purpose; the same seed gives the same numbers."""
        return generator(self.seed, purpose)

    def keep(self, name: str, value: object) -> None:
        """Store a value for the lab's hooks; a later value with the same name replaces it."""
        self.kept[name] = value

    def note(self, template: str, **args: str | float | Message) -> None:
        """Add a note about the whole submission; a repeated template replaces the earlier note."""
        self._notes[template] = say(template, **args)

    @property
    def notes(self) -> list[Message]:
        """The notes about the whole submission, and remarks about the program's failed statements."""
        return [*self._notes.values(), *self._troubles()]

    def _troubles(self) -> Iterator[Message]:
        """Yield a remark for each statement that failed or was skipped, at most SHOWN and then their number."""
        found = self._worker.troubles
        skipped = len(self._worker.loading.skipped)
        if skipped >= self._worker.loading.MOST_FULL:
            yield say(
                "Of your program, {count} statements had to be skipped; after that only definitions were run.",
                count=skipped,
            )
        elif self._worker.loading.is_brief:
            seconds = f"{self.limits.load_time_s * self._worker.loading.FULL:g}"
            yield say(
                "Your program needs more than {seconds} s of processor time before grading can start: only its definitions were run.",
                seconds=seconds,
            )
        shown: list[Message] = []
        for item in found[:SHOWN]:
            remark = trouble(item.fault, self._place(item), self.limits.memory_bytes, item.kept)
            if remark not in shown:  # two statements may stop in the same line of one function
                shown.append(remark)
        yield from shown
        if len(found) > SHOWN:
            yield say("Other statements of your program that failed: {count}.", count=len(found) - SHOWN)

    def _place(self, trouble: Trouble) -> str | Message:
        """Return the place of a statement for display."""
        return self._file(trouble).place(trouble.fault.line)

    def _file(self, trouble: Trouble) -> SourceFile:
        return self.file if trouble.file == self.file.name else SourceFile(name=trouble.file, text="")

    def begin(self, case: str, *, is_fresh: bool = False) -> None:
        """Start a case with new objects and reseeded generators; if is_fresh, reload the program."""
        self.case, self.taken = case, None
        if is_fresh and self._worker.loaded is not None:
            self._worker.stop()  # the next request loads it again
        self._unmade, self._oldest = {}, self._objects
        self._worker.begin(case)

    @property
    def shared(self) -> dict[str, Any]:
        """Values that all suites of this submission share, as long as the worker's process lives."""
        return self._worker.shared

    @property
    def skipped(self) -> Mapping[Statement, Fault]:
        """The skipped top-level statements, each with its fault: it did not finish, or it ended the process."""
        return self._worker.loading.skipped

    @measurement
    def loaded(self) -> Loaded:
        """The worker's reply after running the program; raises CaseStopped if loading failed."""
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
        """Call a function of the program with a limit of time_s seconds (default: the lab's limit for one call)."""
        settings = {"name": name, "object": None, "keep": None}
        return self.answer("call", name, settings, (arguments, named), _remotes(arguments, named), time_s)

    def new(self, name: str, /, *arguments: Any, **named: Any) -> Remote:
        """Create an object of one of the program's classes."""
        self._objects += 1
        settings = {"name": name, "object": None, "keep": self._objects}
        self.answer("call", name, settings, (arguments, named), _remotes(arguments, named))
        return Remote(self, self._objects, name)

    def new_later(self, name: str, /, *arguments: Any, **named: Any) -> Remote:
        """Return an object of one of the program's classes, created at its first use; arguments must not contain arrays.

        The first object of a class is created at once, so that the report blames the class if its creation never ends.
        """
        made = self.later({"name": name, "arguments": pack((arguments, named), {})}, name)
        if name not in self._known_classes:
            self._known_classes.add(name)
            self.answer("make", name, {"object": made._number}, None, [made])
        return made

    def later(self, recipe: Mapping[str, Any], name: str) -> Remote:
        """Return an object that the worker creates from a recipe at its first use."""
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
        """Run one of the operations of the lab's confined.py on some objects; reports call it `named`.

        needs are calls that it depends on: once one of them has hung, it is not tried again. Raise LookupError if the lab
        has no such operation.
        """
        if operation not in self._operations:
            raise LookupError(f"confined.py has no operation {operation!r}")
        settings = {"name": operation}
        return self.answer("operate", named, settings, (remotes, values), remotes, time_s, needs)

    def error_of(self, call: Callable[[], object]) -> str | None:
        """Return the type name of the exception that a call raises, or None if it raises none."""
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
        """Send a request to the worker; raise CaseStopped if the student's code gives no answer. what names the call."""
        _ = self.loaded  # a fault while loading is reported for the file, not for this call
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
        """Return the CaseStopped for a call that gave no answer; what names the call."""
        why = next((trouble for trouble in self._worker.troubles if fault.message in trouble.names), None)
        if fault.kind is not FaultKind.MISSING or why is None:
            return student_fault(fault, what, self.file, self.limits.memory_bytes)
        stopped = student_fault(why.fault, say("Your program"), self._file(why), self.limits.memory_bytes)
        reason = say("{name} is not defined. {reason}", name=fault.message, reason=stopped.feedback)
        return CaseStopped(replace(stopped.outcome, feedback=reason), fault)

    def _recipes(self, number: int) -> list[dict[str, Any]]:
        """Return the recipes for an object that is not created yet, its containing objects first."""
        if number not in self._unmade:
            return []
        recipe = self._unmade.pop(number)
        return [*(self._recipes(recipe["of"]) if "of" in recipe else []), recipe]


def _remotes(arguments: Iterable[Any], named: Mapping[str, Any]) -> list[Remote]:
    return [argument for argument in (*arguments, *named.values()) if isinstance(argument, Remote)]
