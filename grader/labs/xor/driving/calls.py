"""Requests this lab's operations in the worker, and ends the case if an answer does not have the promised shapes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypeAlias

import msgspec
import numpy as np
from msgspec import Meta

from grader.lab import Answer, Count, Extent, Key, Message, Remote, Student, not_gradable, say, unmet

from ..confined.calls import FOUND
from ..oracle import Array

KEY_CHARS, PATH_KEYS = 200, 16
WORD_CHARS = 80

Path: TypeAlias = Annotated[list[Annotated[str, Meta(max_length=KEY_CHARS)] | Key], Meta(max_length=PATH_KEYS)]
Reference: TypeAlias = tuple[Path, Count]  # a number inside an object: the path to its holder, and a flat index there

# Calls that each call depends on, if not on itself only: after one of them has hung, calls that depend on it are not tried again.
NEEDS = {
    "Neuron.backward": ("Neuron.forward", "Neuron.backward"),
    "Model.forward": ("Model", "Neuron.forward", "Model.forward"),
    "Model.backward": ("Model", "Neuron.forward", "Neuron.backward", "Model.forward", "Model.backward"),
    "Your program": (),  # run again without the statement that hung
    "train": ("Model", "Neuron.forward", "Neuron.backward", "Model.forward", "Model.backward", "train"),
}


class Form(msgspec.Struct, frozen=True):
    """Description of a value's container: kind, shape, and the dtype or type name."""

    kind: str
    shape: list[Extent]
    dtype: str


class FoundValue(msgspec.Struct, frozen=True):
    """An object (cls) or a holder of numbers (kind, size) inside another object; `same` numbers its identity."""

    path: Path
    same: Count
    cls: str = msgspec.field(name="class", default="")
    kind: str = ""
    size: Extent = 0


class ObjectDescription(msgspec.Struct, frozen=True):
    """The objects and holders inside an object, and for each class of the module its bases, itself first.

    is_cut: there are more than FOUND.
    """

    found: Annotated[list[FoundValue], Meta(max_length=FOUND)]
    classes: Annotated[dict[str, list[str]], Meta(max_length=FOUND)]
    is_cut: bool


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One step seen from outside: parameters before and after, output, and what backward returned."""

    before: Array
    after: Array
    output: float
    returned: Array

    @property
    def change(self) -> Array:
        """Change of the parameters, in their shape."""
        return self.after - self.before


class Numbers(msgspec.Struct, frozen=True):
    """Answer of an operation: arrays and other values by name."""

    answer: Answer
    values: Mapping[str, Any]

    def __getitem__(self, name: str) -> Array:
        return np.asarray(self.values[name])

    def has(self, name: str, shape: tuple[int | None, ...]) -> bool:
        """Return whether there is a float array of this name and shape; None stands for any extent."""
        value = self.values.get(name)
        if not isinstance(value, np.ndarray) or value.dtype.kind != "f" or value.ndim != len(shape):
            return False
        return all(extent in (None, found) for extent, found in zip(shape, value.shape, strict=True))

    @property
    def form(self) -> Form:
        """Container of the last output."""
        return Answer(self.answer.student, self.answer.what, self.values.get("form")).words(Form)


TRAINING_CALLS = 4  # a training may take as long as this many calls


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
        shapes: Mapping[str, tuple[int | None, ...]] | None = None,
        time_s: float | None = None,
        **values: Any,
    ) -> Numbers:
        """Run an operation in the worker; raise CaseStopped if the student's code fails or the answer is invalid.

        what names the call for the student; shapes are those of arrays that the answer must have (None: any extent).
        The student's code may forge an answer, so other shapes count as a broken answer.
        """
        needs = NEEDS.get(str(what), (str(what),))
        answer = self.student.operate(operation, *remotes, named=what, time_s=time_s, needs=needs, **values)
        if not isinstance(answer.value, dict):
            raise answer.broken()
        numbers = Numbers(answer, answer.value)
        if not all(numbers.has(name, shape) for name, shape in (shapes or {}).items()):
            raise answer.broken()
        return numbers

    def single(self, numbers: Numbers, what: str) -> Array:
        """Return outputs that are one number per row, (n,); raise CaseStopped if they are not or are not finite."""
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
        """Return values (..., k) of the present parameters, with 0 inserted for each missing one."""
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
        """Set parameters, then call forward(x) and backward(x, err), on one object of class cls per row.

        parameters has shape (n, ...), x (n, k), err (n,); the n remotes may repeat. way describes how backward is called
        if that is not (x, err).
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
        """Return the description of an object; raise CaseStopped if it has more than FOUND members."""
        described = self.student.operate("describe", remote, named="Model", needs=("Model",)).words(ObjectDescription)
        if described.is_cut:
            raise not_gradable("Your model has more than {limit} objects and lists of numbers.", limit=FOUND)
        return described
