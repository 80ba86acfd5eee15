"""What the runner of GitHub Actions makes of a step's log: the commands that it obeys.

By its rules: a command starts a line after spaces, `::name key=value,...::data`, or stands anywhere in the older form
`##[name key=value;...]data`; its name is one that the runner knows; between `::stop-commands::token` and `::token::`
only the token is one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

KNOWN = {
    "add-mask", "add-matcher", "add-path", "debug", "echo", "endgroup", "error", "group", "notice", "remove-matcher",
    "save-state", "set-env", "set-output", "stop-commands", "warning",
}  # fmt: skip
LINES = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True, kw_only=True)
class Command:
    """A command as the runner has it after it took the escapes away."""

    name: str
    properties: dict[str, str]
    data: str


def obeyed(log: str) -> Iterator[Command]:
    """Yield the commands in a log that are obeyed, and fail where its commands stay stopped."""
    token = None
    for line in LINES.split(log):
        command = parsed(line, KNOWN | ({token} if token else set()))
        if command is None or (token and command.name != token):
            continue
        if token:
            token = None
        elif command.name == "stop-commands":
            token = command.data.lower()
        else:
            yield command
    assert token is None


def parsed(line: str, known: set[str]) -> Command | None:
    """Return the command in a line, None for none."""
    found = re.match(r"\s*::(.*?)::(.*)", line) or re.search(r"##\[([^\]]*)\](.*)", line)
    if found is None:
        return None
    name, _, rest = found[1].partition(" ")
    if name.lower() not in known:
        return None
    pairs = [pair.partition("=") for pair in re.split("[,;]" if line.lstrip()[:2] != "::" else ",", rest.strip())]
    properties = {key: unescaped(value, ":,") for key, _, value in pairs if key and value}
    return Command(name=name.lower(), properties=properties, data=unescaped(found[2]))


def unescaped(text: str, more: str = "") -> str:
    """Return text without the escapes of a command, the percent sign last."""
    for character in f"\r\n{more}%":
        text = text.replace(f"%{ord(character):02X}", character)
    return text
