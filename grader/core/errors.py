"""The family of expected errors: each has one sentence and an exit code."""

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
    """Return the system's words for an error, as a translatable message if it is a known one."""
    return SYSTEM.get(error.errno or 0) or error.strerror or say("unknown error")


class GradeError(Exception):
    """Base class of expected errors. `reason` is the sentence: what went wrong, where, and what to do."""

    exit_code = exits.BROKEN

    def __init__(self, sentence: str | Message, /, **args: str | int | Message) -> None:
        self.reason: Message = sentence if isinstance(sentence, Message) else say(sentence, **args)
        super().__init__(self.reason)  # which pickle passes on again

    def told(self, lang: str) -> str:
        """Return the sentence in a language."""
        return message_in(self.reason, lang).text


class UsageError(GradeError):
    """Invalid arguments or input files of a command."""

    exit_code = exits.USAGE


class Rejected(GradeError):
    """The submitted files contain nothing to grade."""

    exit_code = exits.REJECTED


class NotGradable(Rejected):
    """The submission cannot be graded here, but may be correct."""


class BrokenGrader(GradeError):
    """The grader, its rubric or its suite is at fault; no score is given."""

    exit_code = exits.BROKEN
