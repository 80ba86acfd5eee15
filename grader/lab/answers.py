"""Answers: values returned by the student's program, which a case takes in the form that it needs.

A value of a different form ends the case with a sentence, so a suite never breaks on a student's return value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from grader.core.faults import Fault, FaultKind
from grader.core.messages import Message, say
from grader.lab.cases import CaseStopped, unmet
from grader.lab.values import ITEMS, Other, Sendable, SuiteMistake, Table, pack

if TYPE_CHECKING:
    from grader.lab.student import Student

T = TypeVar("T")


def _unformed(*_: object) -> NoReturn:
    raise SuiteMistake("an Answer is not a value: use .array(...), .number(), .text(), .list(), .dict() or .table()")


class Answer(Sendable):
    """Value returned by one call; `what` names the call. Operators on it raise SuiteMistake: an Answer would be always true and never equal."""

    def __init__(self, student: Student, what: str | Message, value: Any) -> None:
        self.student, self.what = student, what
        self._value = value

    __bool__ = __eq__ = __len__ = __iter__ = __getitem__ = __contains__ = __float__ = __int__ = __array__ = _unformed
    __lt__ = __le__ = __gt__ = __ge__ = __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = _unformed
    __truediv__ = __rtruediv__ = __matmul__ = __rmatmul__ = __neg__ = __abs__ = __format__ = _unformed
    __hash__ = None  # type: ignore[assignment]
    __array_ufunc__ = None

    @property
    def value(self) -> Any:
        """The value as it was returned, unchecked."""
        self.student.taken = self
        return self._value

    def array(self, *shape: int | None) -> NDArray[Any]:
        """Return an array of numbers of the given shape (None: any extent); accept a number or lists of numbers as well."""
        return self._numbers(shape, "fiub")

    def complexes(self, *shape: int | None) -> NDArray[Any]:
        """Return numbers as `array`, complex ones, too."""
        return self._numbers(shape, "fiubc")

    def _numbers(self, shape: tuple[int | None, ...], kinds: str) -> NDArray[Any]:
        wanted = say("numbers of shape {shape}", shape=_shape(shape)) if shape else say("one number")
        try:
            array = np.asarray(self.value)
        except ValueError:  # rows of different lengths
            raise self._other(wanted) from None
        is_numeric = array.dtype.kind in kinds and not isinstance(self.value, (str, bytes))
        fits = array.ndim == len(shape) and all(
            extent in (None, found) for extent, found in zip(shape, array.shape, strict=True)
        )
        if not is_numeric or not fits:
            raise self._other(wanted)
        return array

    def number(self) -> float:
        """Return one number as a float; accept an array with one element as well."""
        value = self.value
        if isinstance(value, np.ndarray) and value.size == 1 and value.dtype.kind in "fiub":
            value = value.item()
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise self._other(say("one number"))
        return float(value)

    def text(self) -> str:
        """Return a string."""
        return self._as(str, say("a text"))

    def list(self, size: int | None = None) -> list[Answer]:
        """Return the items of a list, a tuple or an array, each as an Answer."""
        value = self.value
        is_row = isinstance(value, (list, tuple)) or (isinstance(value, np.ndarray) and value.ndim > 0)
        if not is_row or size not in (None, len(value)):
            raise self._other(say("a list") if size is None else say("a list of {size}", size=size))
        if len(value) > ITEMS:
            raise self.student.stopped(Fault(kind=FaultKind.TOO_LARGE), self.what)
        items = value.tolist() if isinstance(value, np.ndarray) and value.ndim == 1 else value
        return [Answer(self.student, f"{self.what}[{place}]", item) for place, item in enumerate(items)]

    def dict(self) -> dict[Any, Any]:
        """Return a dict."""
        return self._as(dict, say("a dict"))

    def table(self) -> Table:
        """Return a table: a pandas DataFrame or Series."""
        return self._as(Table, say("a table (a pandas DataFrame)"))

    def none(self) -> None:
        """Raise CaseStopped unless None was returned."""
        if self.value is not None:
            raise self._other(say("nothing (None)"))

    def packed(self, blocks: Any) -> Any:
        """Return the value as an argument of another call."""
        if isinstance(self.value, Other):
            raise unmet(
                "{what} returned {given}, which cannot be passed to your code again.",
                what=self.what,
                given=form_of(self.value),
            )
        return pack(self.value, blocks)

    def words(self, kind: type[T]) -> T:
        """Return the answer of one of the lab's operations, converted to kind; a different form is a broken answer."""
        try:
            return msgspec.convert(self.value, kind)
        except (msgspec.ValidationError, ValueError, TypeError, OverflowError):
            raise self.broken() from None

    def broken(self) -> CaseStopped:
        """Return the CaseStopped for an operation whose answer is malformed."""
        return self.student.stopped(Fault(kind=FaultKind.PROTOCOL), self.what)

    def _as(self, kind: type[T], wanted: Message) -> T:
        if not isinstance(self.value, kind):
            raise self._other(wanted)
        return self.value

    def _other(self, wanted: Message) -> CaseStopped:
        return unmet(
            "{what} must return {wanted}; it returned {given}.",
            what=self.what,
            wanted=wanted,
            given=form_of(self.value),
        )


def form_of(value: Any) -> str | Message:
    """Return a short description of a value's type and size."""
    if isinstance(value, np.ndarray):
        words = "an array of texts of shape {shape}" if value.dtype.kind == "U" else "an array of shape {shape}"
        return say(words, shape=_shape(value.shape))
    if isinstance(value, Other):
        return value.type
    if isinstance(value, (list, tuple)):
        return say("a {kind} of {size}", kind=type(value).__name__, size=len(value))
    return "None" if value is None else say("a table") if isinstance(value, Table) else type(value).__name__


def _shape(shape: tuple[int | None, ...]) -> str:
    extents = ", ".join("?" if extent is None else str(extent) for extent in shape)
    return f"({extents},)" if len(shape) == 1 else f"({extents})"
