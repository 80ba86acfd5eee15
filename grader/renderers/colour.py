"""Colours for the text report on a terminal. Symbols and words stay the same; colour is only an addition."""

from __future__ import annotations

import re

import click

from grader.core.outcomes import Verdict
from grader.renderers.text import SYMBOLS

FAILED = "✗"
COLOURS = {
    SYMBOLS[Verdict.PASSED]: "green",
    SYMBOLS[Verdict.PARTIAL]: "yellow",
    SYMBOLS[Verdict.NOT_GRADABLE]: "yellow",
    FAILED: "red",
}
CRITERION = re.compile(rf" ([{re.escape(''.join({*SYMBOLS.values(), FAILED}))}]) ")


def coloured(text: str) -> str:
    """Return a text report with ANSI colours; the text itself is unchanged."""
    lines = text.splitlines(keepends=True)
    return "".join(_coloured(line, is_last=number == len(lines)) for number, line in enumerate(lines, 1))


def _coloured(line: str, *, is_last: bool) -> str:
    body, end = line.rstrip("\n"), line[len(line.rstrip("\n")) :]
    criterion = CRITERION.match(body)
    if criterion:
        colour = COLOURS.get(criterion[1])
        return click.style(body, fg=colour, dim=True if colour is None else None) + end
    if body.startswith("! "):
        return click.style(body, fg="yellow") + end
    if is_last:
        return click.style(body, bold=True) + end
    return line
