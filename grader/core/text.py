"""Student-controlled text, made harmless to show."""

from __future__ import annotations

import re

TEXT_CHARS = 500
COMMAND = re.compile(r"^\s*:(?=:)|#(?=#\[)")


def printable(text: str, limit: int = TEXT_CHARS) -> str:
    """Return student-controlled text on one line: control, bidi and unpaired characters made visible.

    Nothing in it is a command to a CI runner that reads the log: "::" at the start of a line, "##[" anywhere.
    """
    shown = "".join(character if character.isprintable() else repr(character)[1:-1] for character in text[:limit])
    return COMMAND.sub(r"\g<0> ", shown) + ("…" if len(text) > limit else "")
