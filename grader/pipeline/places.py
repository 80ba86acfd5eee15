"""Where in a submission a function or a class is written: by its lines.

Nothing here parses what was handed in, so a line of a docstring that looks like a definition may be taken for one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from grader.lab.source import SourceFile


def place_of(files: Iterable[SourceFile], name: str) -> tuple[str, int | None]:
    """Return the file and line of a name such as "Model.backward"; ("", None) if no file has it."""
    if not name:
        return "", None
    for file in files:
        line = line_of(file.text, name)
        if line is not None:
            return file.name, line
    return "", None


def line_of(text: str, name: str) -> int | None:
    """Return the line on which a function, a class or a method is defined; of several the first."""
    holder, _, member = name.rpartition(".")
    around, start = -1, 0
    lines = text.splitlines()
    if holder:
        found = _definition(lines, 0, holder, -1)
        if found is None:
            return None
        start = found
        around = _indent(lines[found - 1])
    return _definition(lines, start, member, around)


def _definition(lines: list[str], start: int, name: str, around: int) -> int | None:
    """Return the line of a definition that is further in than around, before that block ends."""
    pattern = re.compile(rf"\s*(?:async\s+)?(?:def|class)\s+{re.escape(name)}\b")
    for number, line in enumerate(lines[start:], start + 1):
        if around >= 0 and _indent(line) <= around and re.match(r"\s*(?:async\s+)?(?:def|class)\s", line):
            return None
        if pattern.match(line) and _indent(line) > around:
            return number
    return None


def _indent(line: str) -> int:
    return len(line.expandtabs()) - len(line.expandtabs().lstrip())
