"""Asks the worker, and turns whatever is no usable answer into the end of a case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeAlias, TypeVar

import msgspec
import numpy as np
from msgspec import Meta

from grader.cases import CaseStopped, not_gradable, once, student_fault, unmet
from grader.models import SourceFile
from grader.oracle import Array
from grader.sandbox.client import Answer, Fault, FaultKind, Limits, Loaded, Worker
from grader.sandbox.protocol import Count, Extent, Key, ProtocolError

FOUND = 800  # objects and holders of numbers inside one object, as in worker.py
KEY_CHARS, PATH_KEYS = 200, 16
WORD_CHARS = 80

NO_SHAPES: Mapping[str, tuple[int | None, ...]] = {}

Path: TypeAlias = Annotated[list[Annotated[str, Meta(max_length=KEY_CHARS)] | Key], Meta(max_length=PATH_KEYS)]
Reference: TypeAlias = tuple[Path, Count]  # a number inside an object: the path to its holder, and a flat index there

T = TypeVar("T")

# What a call needs to work: after one of these hung, what needs it is not tried again.
NEEDS = {
    "Neuron.forward": ("Neuron.forward",),
    "Neuron.backward": ("Neuron.forward", "Neuron.backward"),
    "Model.forward": ("Model", "Neuron.forward", "Model.forward"),
    "Model.backward": ("Model", "Neuron.forward", "Neuron.backward", "Model.forward", "Model.backward"),
    "train": ("Model", "Neuron.forward", "Neuron.backward", "Model.forward", "Model.backward", "train"),
}


def fits(array: Array, shape: tuple[int | None, ...]) -> bool:
    """Say whether an array has this shape; None stands for any extent."""
    return array.ndim == len(shape) and all(
        wanted in (None, extent) for wanted, extent in zip(shape, array.shape, strict=True)
    )


class Form(msgspec.Struct, frozen=True):
    """The container of a value: kind, shape, and the dtype or type name."""

    kind: str
    shape: list[Extent]
    dtype: str


class Found(msgspec.Struct, frozen=True):
    """An object (cls) or a holder of numbers (kind, size) inside another; `same` is its identity."""

    path: Path
    same: Count
    cls: str = msgspec.field(name="class", default="")
    kind: str = ""
    size: Extent = 0


class Described(msgspec.Struct, frozen=True):
    """What is inside an object, and the base classes of each class of the module, itself first.

    is_cut: there is more inside it than FOUND.
    """

    found: Annotated[list[Found], Meta(max_length=FOUND)]
    classes: Annotated[dict[str, list[str]], Meta(max_length=FOUND)]
    is_cut: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One step seen from outside: parameters before and after, output, and what backward returned."""

    before: Array
    after: Array
    output: float
    returned: Array

    @property
    def change(self) -> Array:
        """Return how the parameters moved, in the shape that they have."""
        return self.after - self.before


class Asking:
    """The submission's worker, and what is known not to come back from a call."""

    def __init__(self, worker: Worker, file: SourceFile, limits: Limits) -> None:
        self.file = file
        self.limits = limits
        self._worker = worker
        self._hung: dict[str, CaseStopped] = {}
        self._unmade: dict[int, dict[str, Any]] = {}
        self._objects = 0
        self._known_classes: set[str] = set()

    def begin(self, case: str) -> None:
        """Start a case: fresh objects, reseeded generators."""
        self._unmade, self._objects = {}, 0
        self._worker.begin(case)

    @once
    def loaded(self) -> Loaded:
        """The names of the student's module."""
        result = self._worker.load()
        if isinstance(result, Fault):
            raise self.stopped(result, f"Loading {self.file.name}")
        return result

    def ask(
        self,
        op: str,
        what: str,
        settings: dict[str, Any],
        arrays: dict[str, Array],
        shapes: Mapping[str, tuple[int | None, ...]] = NO_SHAPES,
        time_s: float | None = None,
    ) -> Answer:
        """Ask the worker; CaseStopped when the student's code does not answer.

        what names the call for the student; shapes are the arrays that the answer must hold (None:
        any extent). The worker may say anything: an answer of other shapes is a broken one.
        """
        _ = self.loaded  # what stops there is told of the file, not of what is asked
        numbers = settings["objects"] if "objects" in settings else [settings.get("object")]
        recipes = [recipe for number in numbers for recipe in self._recipes(number)]
        names = [str(recipe.get("name", "Model")) for recipe in recipes]
        for needed in (*names, *NEEDS.get(what, (what,))):
            if needed in self._hung:
                raise self._hung[needed]
        result = self._worker.request(op, {**settings, "make": recipes} if recipes else settings, arrays, time_s)
        if isinstance(result, Answer):
            if all(name in result.arrays and fits(result.arrays[name], shape) for name, shape in shapes.items()):
                return result
            result = Fault(kind=FaultKind.PROTOCOL)
        what = names[0] if result.is_in_making and names else what
        stopped = self.stopped(result, what)
        if result.kind in (FaultKind.TIMEOUT, FaultKind.OUTPUT):
            self._hung[what] = stopped
        raise stopped

    def stopped(self, fault: Fault, what: str) -> CaseStopped:
        """Return the end of the case in which what did not answer."""
        return student_fault(fault, what, self.file, self.limits.memory_bytes)

    def words(self, answer: Answer, kind: type[T]) -> T:
        """Return the words of an answer as kind, or stop the case."""
        try:
            return answer.words(kind)
        except ProtocolError:
            raise self.stopped(Fault(kind=FaultKind.PROTOCOL), self.file.name) from None

    def single(self, answer: Answer, what: str) -> Array:
        """Return one number a row from the outputs of an answer, or stop the case."""
        outputs = answer.arrays["outputs"]
        if outputs.shape[1:] == (1,):
            if not np.isfinite(outputs).all():
                raise unmet(
                    "{what} returned {value}, which is not a finite number.",
                    what=what,
                    value=str(outputs[~np.isfinite(outputs)][0]),
                    hint="Look for a logarithm of a negative number, a division by zero, or weights that grew without end.",
                )
            return outputs[:, 0]
        form = self.words(answer, Form)
        given = {"none": "None", "other": form.dtype}.get(form.kind, f"{form.kind} of shape {tuple(form.shape[:8])}")
        raise unmet(
            "{what} must return one number; it returned {given}.",
            what=what,
            given=given[:WORD_CHARS],
            hint="The output is one number between 0 and 1; an array with one element is fine too.",
        )

    @staticmethod
    def spread(references: Sequence[Reference | None], values: Array) -> Array:
        """Return values (..., k) with a 0 for each parameter that the student's network does not have."""
        full = np.zeros((*values.shape[:-1], len(references)))
        full[..., [reference is not None for reference in references]] = values
        return full

    def steps(
        self,
        cls: str,
        handles: Sequence[int],
        form: str,
        references: Sequence[Reference | None],
        parameters: Array,
        x: Array,
        err: Array,
    ) -> list[Step]:
        """Set parameters, forward(x), backward(x, err) on objects of class cls, one a row of parameters, x and err.

        parameters has shape (n, ...), x (n, k), err (n,); handles are n, and may repeat.
        """
        present = [reference for reference in references if reference is not None]
        mask = [reference is not None for reference in references]
        count = len(handles)
        numbers = (count, len(present))
        answer = self.ask(
            "steps",
            f"{cls}.backward",
            {"objects": handles, "form": form, "references": present},
            {"parameters": parameters.reshape(count, -1)[:, mask], "x": x, "err": err},
            {
                "before": numbers, "after": numbers, "outputs": (count, None), "sizes": (count,), "returned": (None,),
            },
        )  # fmt: skip
        outputs = self.single(answer, f"{cls}.forward")
        ends = np.cumsum(answer.arrays["sizes"])
        if not (answer.arrays["sizes"] >= 0).all() or ends[-1] != len(answer.arrays["returned"]):
            raise self.stopped(Fault(kind=FaultKind.PROTOCOL), f"{cls}.backward")
        returned = np.split(answer.arrays["returned"], ends[:-1].astype(int))
        before, after = (self.spread(references, answer.arrays[name]) for name in ("before", "after"))
        return [
            Step(
                before=before[row].reshape(parameters.shape[1:]),
                after=after[row].reshape(parameters.shape[1:]),
                output=float(outputs[row]),
                returned=returned[row],
            )
            for row in range(count)
        ]

    def _recipes(self, number: int | None) -> list[dict[str, Any]]:
        """Return how to make an object that is not made yet, and what it is inside of, which comes first."""
        if number is None or number not in self._unmade:
            return []
        recipe = self._unmade.pop(number)
        return [*self._recipes(recipe.get("of")), recipe]

    def new(self, name: str, *arguments: int, **named: float) -> int:
        """Return the number of an object of the named class; it is made when it is first asked.

        The first of a class is made at once: if that never ends, the class is what did not.
        """
        number = self._promise({"name": name, "args": arguments, "named": named})
        if name not in self._known_classes:
            self._known_classes.add(name)
            self.ask("make", name, {"object": number}, {})
        return number

    def part(self, handle: int, path: Path) -> int:
        """Return the number of an object inside another."""
        return self._promise({"of": handle, "path": path})

    def _promise(self, recipe: dict[str, Any]) -> int:
        self._objects += 1
        self._unmade[self._objects] = {"object": self._objects, **recipe}
        return self._objects

    def described(self, handle: int) -> Described:
        """Return what is inside an object."""
        described = self.words(self.ask("describe", "Model", {"object": handle}, {}), Described)
        if described.is_cut:
            raise not_gradable("Your model holds more than {limit} objects and lists of numbers.", limit=FOUND)
        return described
