"""A lock on a folder; the system releases it when the process ends, even after kill -9."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from grader.core.errors import UsageError

LOCK = ".lock"
TAKEN = (errno.EACCES, errno.EAGAIN, errno.EDEADLK)


@contextlib.contextmanager
def only_run_in(folder: Path) -> Iterator[None]:
    """Lock a results folder against other runs; raise UsageError if another run holds the lock."""
    number = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _lock(number)
    except OSError as error:
        if error.errno in TAKEN:
            os.close(number)
            raise UsageError("Another grade-class is using {path}: wait until it ends.", path=folder.name) from error
    try:
        yield
    finally:
        os.close(number)


def _lock(number: int) -> None:
    """Lock an open file; raise OSError, with an errno in TAKEN if another process holds the lock, else with another errno."""
    try:
        import fcntl
    except ImportError:
        import msvcrt

        msvcrt.locking(number, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
    else:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
