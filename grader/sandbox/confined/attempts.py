"""Hears what student code tries that is not there for it.

Runs beside student code: the standard library only.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from . import objects

PATH_CHARS = 200

# What student code may try that is not there for it: audit events by their first word (PEP 578).
ATTEMPTS = {
    "open": "use the file", "os": "use the file", "shutil": "use the file", "tempfile": "use the file", "glob": "use the file",
    "pathlib": "use the file", "socket": "use the network", "urllib": "use the network", "http": "use the network",
    "ftplib": "use the network", "smtplib": "use the network", "subprocess": "start a program", "pty": "start a program",
    "webbrowser": "start a program", "_thread": "start a thread", "mmap": "use shared memory", "fcntl": "use the system",
}  # fmt: skip
PROGRAMS = {"os.system", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.startfile"}
ATTEMPTS_KEPT = 10


class Attempts:
    """What student code tried that is not there for it, as Python's audit events tell it: an explanation, no guard."""

    def __init__(self) -> None:
        self._told: list[tuple[str, str]] = []
        self._ignored: set[str] = set()
        self._places: tuple[str, ...] = ()

    def watch(self, files: set[str]) -> None:
        """Start to listen; the submission's own files are no attempt (a traceback looks for them)."""
        self._ignored = {*files, os.devnull}
        self._places = (
            sys.prefix,
            sys.base_prefix,
            *(path for path in sys.path if path),
        )  # where libraries look around
        sys.addaudithook(self._hear)

    def take(self) -> list[tuple[str, str]]:
        """Return (what was tried, on what) since the last time."""
        told, self._told = self._told, []
        return told

    def forget(self, what: str) -> None:
        """Let go of what was tried on a file that is in memory now."""
        self._told = [item for item in self._told if item[1] != what]

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        family = event.partition(".")[0]
        if family not in ATTEMPTS or len(self._told) >= ATTEMPTS_KEPT or event in ("os.putenv", "os.unsetenv"):
            return
        try:
            if sys._getframe(1).f_code.co_filename.startswith("<frozen"):  # the import system looks around
                return
            action = "start a program" if event in PROGRAMS else ATTEMPTS[family]
            what = arguments[0] if arguments and type(arguments[0]) in (str, bytes) else ""
            text = objects.plain(what.decode("utf-8", "replace") if type(what) is bytes else str(what))[:PATH_CHARS]
            is_python = text.startswith(self._places) or text.endswith(".pyc")
            if text not in self._ignored and not is_python and (action, text) not in self._told:
                self._told.append((action, text))
        except BaseException:
            return
