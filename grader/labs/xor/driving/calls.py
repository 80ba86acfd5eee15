"""Asks for the operations of confined.py, and ends the case where an answer has not the shapes that it promises."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeAlias

import msgspec
import numpy as np
from msgspec import Meta

from grader.lab import Answer, Count, Extent, Key, Message, Remote, Student, not_gradable, say, unmet

from ..oracle import Array

FOUND = 800  # objects and holders of numbers inside one object, as in confined.py
KEY_CHARS, PATH_KEYS = 200, 16
WORD_CHARS = 80

NO_SHAPES: Mapping[str, tuple[int | None, ...]] = {}

Path: TypeAlias = Annotated[list[Annotated[str, Meta(max_length=KEY_CHARS)] | Key], Meta(max_length=PATH_KEYS)]
Reference: TypeAlias = tuple[Path, Count]  # a number inside an object: the path to its holder, and a flat index there

# What a call needs to work: after one of these hung, what needs it is not tried again.
NEEDS = {
    "Neuron.forward": ("Neuron.forward",),
    "Neuron.backward": ("Neuron.forward", "Neuron.backward"),
    "Model.forward": ("Model", "Neuron.forward", "Model.forward"),
    "Model.backward": ("Model", "Neuron.forward", "Neuron.backward", "Model.forward", "Model.backward"),
    "Your program": (),  # it is tried again without the statement that hung
    "train": ("Model", "Neuron.forward", "Neuron.backward", "Model.forward", "Model.backward", "train"),
}


def fits(array: Array, shape: tuple[int | None, ...]) -> bool:
    """Return whether an array has this shape; None stands for any extent."""
    return array.ndim == len(shape) and all(
        wanted in (None, extent) for wanted, extent in zip(shape, array.shape, strict=True)
    )


class Form(msgspec.Struct, frozen=True):
    """The container of a value: kind, shape, and the dtype or type name."""

    kind: str
    shape: list[Extent]
    dtype: str


class FoundValue(msgspec.Struct, frozen=True):
    """An object (cls) or a holder of numbers (kind, size) inside another; `same` is its identity."""

    path: Path
    same: Count
    cls: str = msgspec.field(name="class", default="")
    kind: str = ""
    size: Extent = 0


class ObjectDescription(msgspec.Struct, frozen=True):
    """What is inside an object, and the base classes of each class of the module, itself first.

    is_cut: there is more inside it than FOUND.
    """

    found: Annotated[list[FoundValue], Meta(max_length=FOUND)]
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


@dataclass(frozen=True, slots=True)
class Numbers:
    """The answer of an operation: its arrays by name, and what else it says."""

    answer: Answer
    values: Mapping[str, Any]

    def __getitem__(self, name: str) -> Array:
        return np.asarray(self.values[name])

    def has(self, name: str, shape: tuple[int | None, ...]) -> bool:
        """Return whether there is an array of numbers of this name and shape."""
        value = self.values.get(name)
        return isinstance(value, np.ndarray) and value.dtype.kind == "f" and fits(value, shape)

    @property
    def form(self) -> Form:
        """Return the container of the last output."""
        return Answer(self.answer.student, self.answer.what, self.values.get("form")).words(Form)


TRAINING_CALLS = 4  # as long as so many calls a training may take


class Calls:
    """The operations of this lab, on the objects of one submission."""

    def __init__(self, student: Student) -> None:
        self.student = student
        limits = student.limits
        self.training_s = min(TRAINING_CALLS * limits.call_time_s, limits.total_time_s / 2)

    def ask(
        self,
        operation: str,
        what: str | Message,
        remotes: Sequence[Remote] = (),
        shapes: Mapping[str, tuple[int | None, ...]] = NO_SHAPES,
        time_s: float | None = None,
        **values: Any,
    ) -> Numbers:
        """Ask for an operation; CaseStopped when the student's code does not answer.

        what names the call for the student; shapes are the arrays that the answer must hold (None:
        any extent). The worker may say anything: an answer of other shapes is a broken one.
        """
        needs = NEEDS.get(str(what), (str(what),))
        answer = self.student.operate(operation, *remotes, named=what, time_s=time_s, needs=needs, **values)
        if not isinstance(answer.value, dict):
            raise answer.broken()
        numbers = Numbers(answer, answer.value)
        if not all(numbers.has(name, shape) for name, shape in shapes.items()):
            raise answer.broken()
        return numbers

    def single(self, numbers: Numbers, what: str) -> Array:
        """Return one number a row from the outputs of an answer, or stop the case."""
        outputs = numbers["outputs"]
        if outputs.shape[1:] == (1,):
            if not np.isfinite(outputs).all():
                raise unmet(
                    "{what} returned {value}, which is not a finite number.",
                    what=what,
                    value=str(outputs[~np.isfinite(outputs)][0]),
                    hint="Look for a logarithm of a negative number, a division by zero, or weights that grew without end.",
                )
            return outputs[:, 0]
        form = numbers.form
        given = say("{kind} of shape {shape}", kind=form.kind[:WORD_CHARS], shape=str(tuple(form.shape[:8])))
        raise unmet(
            "{what} must return one number; it returned {given}.",
            what=what,
            given={"none": "None", "other": form.dtype[:WORD_CHARS]}.get(form.kind, given),
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
        remotes: Sequence[Remote],
        form: str,
        references: Sequence[Reference | None],
        parameters: Array,
        x: Array,
        err: Array,
        way: Mapping[str, Any] | None = None,
    ) -> list[Step]:
        """Set parameters, forward(x), backward(x, err) on objects of class cls, one a row of parameters, x and err.

        parameters has shape (n, ...), x (n, k), err (n,); remotes are n, and may repeat. way is how backward is called
        where that is not (x, err).
        """
        present = [reference for reference in references if reference is not None]
        mask = [reference is not None for reference in references]
        count = len(remotes)
        each = (count, len(present))
        numbers = self.ask(
            "steps", f"{cls}.backward", remotes,
            {"before": each, "after": each, "outputs": (count, None), "sizes": (count,), "returned": (None,)},
            form=form, references=present, parameters=parameters.reshape(count, -1)[:, mask], x=x, err=err,
            way=way,
        )  # fmt: skip
        outputs = self.single(numbers, f"{cls}.forward")
        ends = np.cumsum(numbers["sizes"])
        if not (numbers["sizes"] >= 0).all() or ends[-1] != len(numbers["returned"]):
            raise numbers.answer.broken()
        returned = np.split(numbers["returned"], ends[:-1].astype(int))
        before, after = (self.spread(references, numbers[name]) for name in ("before", "after"))
        return [
            Step(
                before=before[row].reshape(parameters.shape[1:]),
                after=after[row].reshape(parameters.shape[1:]),
                output=float(outputs[row]),
                returned=returned[row],
            )
            for row in range(count)
        ]

    def described(self, remote: Remote) -> ObjectDescription:
        """Return what is inside an object."""
        described = self.student.operate("describe", remote, named="Model", needs=NEEDS.get("Model", ("Model",))).words(
            ObjectDescription
        )
        if described.is_cut:
            raise not_gradable("Your model holds more than {limit} objects and lists of numbers.", limit=FOUND)
        return described
