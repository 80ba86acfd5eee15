"""Records actions of student code that the sandbox denies.

Runs beside student code: the standard library only.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from . import objects

TARGET_CHARS = 200

# Actions by the first word of their audit event (PEP 578).
ACTIONS = {
    "open": "use the file", "os": "use the file", "shutil": "use the file", "tempfile": "use the file", "glob": "use the file",
    "pathlib": "use the file", "socket": "use the network", "urllib": "use the network", "http": "use the network",
    "ftplib": "use the network", "smtplib": "use the network", "subprocess": "start a program", "pty": "start a program",
    "webbrowser": "start a program", "_thread": "start a thread", "mmap": "use shared memory", "fcntl": "use the system",
}  # fmt: skip
PROGRAMS = {"os.system", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.startfile"}
DENIED_KEPT = 10
HERE = os.path.dirname(__file__)
# Where packages look by themselves, as for the number of processors.
SYSTEM = ("/sys/", "/proc/", "/dev/", "/etc/", "/usr/", "/lib")


class DeniedActions:
    """Record of denied actions, made from Python's audit events. It explains failures; it does not prevent anything."""

    def __init__(self) -> None:
        self._denied: list[tuple[str, str]] = []
        self._ignored: set[str] = set()
        self._places: tuple[str, ...] = ()

    def ignore(self, files: set[str]) -> None:
        """Ignore the submission's own files, which tracebacks look for."""
        self._ignored = {*files, os.devnull}
        self._places = (
            sys.prefix,
            sys.base_prefix,
            *(path for path in sys.path if path),
        )  # where libraries look for files

    def take(self) -> list[tuple[str, str]]:
        """Return and clear the recorded (action, target) pairs."""
        denied, self._denied = self._denied, []
        return denied

    def forget(self, target: str) -> None:
        """Drop the actions on a file that is now kept in memory."""
        self._denied = [item for item in self._denied if item[1] != target]

    def record(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Record an audit event, passed on by the audit hook, if it is of an action that the sandbox denies."""
        family = event.partition(".")[0]
        if family not in ACTIONS or len(self._denied) >= DENIED_KEPT or event in ("os.putenv", "os.unsetenv"):
            return
        try:
            frame = sys._getframe(1)
            while frame.f_back is not None and frame.f_code.co_filename.startswith(HERE):  # open is the grader's own
                frame = frame.f_back
            caller = frame.f_code.co_filename
            if caller.startswith("<frozen"):  # the import system looking for files
                return
            action = "start a program" if event in PROGRAMS else ACTIONS[family]
            target = arguments[0] if arguments and type(arguments[0]) in (str, bytes) else ""
            text = objects.plain(target.decode("utf-8", "replace") if type(target) is bytes else str(target))
            text = text[:TARGET_CHARS]
            is_python = text.startswith(self._places) or text.endswith(".pyc")
            is_library = text.startswith(SYSTEM) and caller not in self._ignored
            is_own = not (is_python or is_library or text in self._ignored)
            if is_own and (action, text) not in self._denied:
                self._denied.append((action, text))
        except BaseException:
            return
