"""Sentences for people: an English template, its arguments, and both joined."""

from __future__ import annotations

import functools
from collections.abc import Iterable

import msgspec

from grader.core.numbers import show

LARGEST_INT = 2**53  # that every reader of JSON takes


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """Sentence for the student: its English template, its arguments, and the resulting text.

    The template is the message's id in the catalogues; only the text is in the report's language.
    """

    id: str
    args: dict[str, str | int | Message] = {}
    text: str

    def __str__(self) -> str:
        """Return the text."""
        return self.text


def say(template: str, **args: str | float | Message) -> Message:
    """Return the message of a str.format template filled with args, which may be messages; lone surrogates are replaced.

    A float is shown with four significant digits.
    """
    clean = {name: argument(value) for name, value in args.items()}
    return Message(id=template, args=clean, text=template.format(**clean))


def listed(words: Iterable[str | Message], template: str = "{one}, {other}") -> str | Message:
    """Return several words joined into one argument of a sentence; template joins two of them."""
    return functools.reduce(lambda item, other: say(template, one=item, other=other), words)


def argument(value: str | float | Message) -> str | int | Message:
    """Return an argument of a sentence in a form that a report can hold."""
    if isinstance(value, str):
        return carried(value)
    is_whole = isinstance(value, int) and abs(value) < LARGEST_INT
    return value if is_whole or isinstance(value, Message) else show(value)  # type: ignore[return-value]


def carried(text: str) -> str:
    """Return text without lone surrogates, which neither JSON nor a terminal can represent."""
    return text.encode("utf-8", "replace").decode("utf-8")


# The remark about a missing package, which grade-class reports to the teacher once; `error` is the package's name.
NOT_INSTALLED = say(
    "{place}: {error} is not installed here and was not submitted. Only code that uses it is not graded.",
    place="",
    error="",
).id
