"""The one family of expected errors: one sentence each, and the exit code it ends with."""

from __future__ import annotations

from grader import exits
from grader.language import message_in
from grader.models import Message, say


class GradeError(Exception):
    """Base of the family. `reason` is the sentence: what, where, and what to do."""

    exit_code = exits.BROKEN

    def __init__(self, template: str, **args: str | int | Message) -> None:
        self.reason: Message = say(template, **args)
        super().__init__(self.reason.text)

    def told(self, lang: str) -> str:
        """Return the sentence in a language."""
        return message_in(self.reason, lang).text


class UsageError(GradeError):
    """The command was called with something it cannot take."""

    exit_code = exits.USAGE


class Rejected(GradeError):
    """There is no submission to grade in what was handed in."""

    exit_code = exits.REJECTED


class BrokenGrader(GradeError):
    """The grader, its rubric or its suite is at fault; no score is given."""

    exit_code = exits.BROKEN
