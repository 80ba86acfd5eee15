"""Escaping of student-controlled text for display."""

from __future__ import annotations

import codecs
import re

TEXT_CHARS = 500
COMMAND = re.compile(r"^\s*:(?=:)|#(?=#\[)")


def printable(text: str, limit: int = TEXT_CHARS) -> str:
    """Return student-controlled text on one line, with control, bidi and surrogate characters escaped.

    The result contains no command for a CI runner that reads the log ("::" at the start of a line, "##[" anywhere).
    """
    shown = text[:limit]
    if not shown.isprintable():
        shown = "".join(character if character.isprintable() else repr(character)[1:-1] for character in shown)
    return COMMAND.sub(lambda found: f"{found[0]} ", shown) + ("…" if len(text) > limit else "")


PLAIN = "grader.plain"  # error handler of a stream whose encoding lacks a character
PLAINER = str.maketrans(
    {"✓": "+", "✗": "x", "−": "-", "–": "-", "—": "-", "…": "...", "·": "*", "→": "->", "≠": "!=", "₁": "1", "₂": "2"}
)


def plainer(error: UnicodeError) -> tuple[str, int]:
    """Return replacements for characters that an encoding lacks: an ASCII equivalent, or "?" if there is none."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    found = lacking.translate(PLAINER)
    return "".join(char if char.isascii() else "?" for char in found), error.end


codecs.register_error(PLAIN, plainer)
