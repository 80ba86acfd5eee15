"""The one family of expected errors: one sentence each, and the exit code it ends with."""

from __future__ import annotations

import errno

from grader.core import exits
from grader.core.language import message_in
from grader.core.messages import Message, say

SYSTEM = {
    errno.EACCES: say("Permission denied"),
    errno.ENOENT: say("No such file or directory"),
    errno.EISDIR: say("Is a directory"),
    errno.ENOTDIR: say("Not a directory"),
    errno.EEXIST: say("File exists"),
    errno.ENAMETOOLONG: say("File name too long"),
    errno.ELOOP: say("Too many levels of symbolic links"),
    errno.EIO: say("Input/output error"),
    errno.ENOSPC: say("No space left on device"),
    errno.EROFS: say("Read-only file system"),
}


def cause(error: OSError) -> str | Message:
    """Return what the system says of an error, in words that are translated where they are known."""
    return SYSTEM.get(error.errno or 0) or error.strerror or say("unknown error")


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


class NotGradable(Rejected):
    """What was handed in cannot be graded here, and may be right."""


class BrokenGrader(GradeError):
    """The grader, its rubric or its suite is at fault; no score is given."""

    exit_code = exits.BROKEN
