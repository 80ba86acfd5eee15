"""Files in memory: the submission's files, data files, and files that the program writes, which the sandbox denies on disk.

Runs beside student code: the standard library only. This is not a protection: confine.py keeps the machine's files
out of reach.
"""

from __future__ import annotations

import builtins
import errno
import io
import os
import stat
import sys
from collections.abc import Callable
from typing import Any

MOST_BYTES = 16 * 2**20  # of all files together
MOST_FILES = 200

held: dict[str, bytearray | None] = {}  # by path; None is a folder
data: dict[str, bytes] = {}  # files that the program may read, by path


def provide(files: dict[str, bytes], folder: str) -> None:
    """Provide data files in both places where a program looks for them: the working folder and the folder of its file."""
    for name, content in files.items():
        data.update({path_of(os.path.join(place, name)): content for place in ("", folder)})


def hold(program: dict[str, Any]) -> None:
    """Reset the files in memory to the data files and the source files, which may be run with exec(open(...).read())."""
    texts = {program["file"]: program["text"], **program["siblings"]}
    held.clear()
    held.update((path_of(name), bytearray(text.encode("utf-8", "replace"))) for name, text in texts.items())
    held.update((path, bytearray(content)) for path, content in data.items())


def path_of(file: Any) -> str:
    """Return the key of a file: its absolute path."""
    return os.path.abspath(os.fsdecode(file))


def os_error(number: int, path: Any) -> OSError:
    """Return the OSError with this errno for a path."""
    return OSError(number, os.strerror(number), path)


class MemoryFile(io.RawIOBase):
    """An open file in memory."""

    def __init__(self, name: Any, content: bytearray, mode: str) -> None:
        self.name, self.mode = name, mode
        self._content = content
        self._at = len(content) if "a" in mode else 0
        self._is_null = path_of(name) == os.devnull

    def readable(self) -> bool:
        return "r" in self.mode or "+" in self.mode

    def writable(self) -> bool:
        return self.mode[0] != "r" or "+" in self.mode

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self.readable():
            raise io.UnsupportedOperation("not readable")
        part = self._content[self._at : self._at + len(buffer)]
        buffer[: len(part)] = part
        self._at += len(part)
        return len(part)

    def write(self, data: Any) -> int:
        if not self.writable():
            raise io.UnsupportedOperation("not writable")
        size = memoryview(data).nbytes
        if self._is_null:
            return size
        if "a" in self.mode:
            self._at = len(self._content)
        end = self._at + size
        if end - len(self._content) + sum(len(item or b"") for item in held.values()) > MOST_BYTES:
            raise os_error(errno.ENOSPC, self.name)
        self._content.extend(bytes(max(0, self._at - len(self._content))))
        self._content[self._at : end] = bytes(data)
        self._at = end
        return size

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = max(0, offset + (0, self._at, len(self._content))[whence])
        return self._at

    def truncate(self, size: int | None = None) -> int:
        size = self._at if size is None else size
        del self._content[size:]
        return size


def opening(real: Callable[..., Any], forget: Callable[[str], None]) -> Callable[..., Any]:
    """Return a replacement for `open` that opens files in memory, and writes to memory if the sandbox denies the write.

    forget is called with the path when a denied write goes to memory.
    """

    def open(  # noqa: A001
        file: Any, mode: str = "r", buffering: int = -1, encoding: Any = None, errors: Any = None, newline: Any = None,
        closefd: bool = True, opener: Any = None,
    ) -> Any:  # fmt: skip
        rest = (buffering, encoding, errors, newline, closefd, opener)
        if isinstance(file, int) or opener is not None or not isinstance(mode, str):
            return real(file, mode, *rest)
        path = path_of(file)
        if held.get(path) is None:
            try:
                return real(file, mode, *rest)
            except OSError as error:
                if error.errno != errno.EROFS or not {*mode} & {*"wax"}:
                    raise
                forget(os.fsdecode(file))
                if path in held:
                    raise os_error(errno.EISDIR, file) from None
                if len(held) >= MOST_FILES:
                    raise os_error(errno.ENOSPC, file) from None
        elif "x" in mode:
            raise os_error(errno.EEXIST, file)
        content = held.setdefault(path, bytearray())
        assert content is not None
        if "w" in mode:
            content.clear()
        raw = MemoryFile(file, content, mode.replace("b", "").replace("t", ""))
        return wrapped(raw, mode, buffering, encoding, errors, newline)

    return open


def wrapped(raw: MemoryFile, mode: str, buffering: int, encoding: Any, errors: Any, newline: Any) -> Any:
    """Wrap a raw file in the buffer and text layers that open() would add."""
    if "b" in mode and buffering == 0:
        return raw
    if "+" in mode:
        buffer: Any = io.BufferedRandom(raw)
    else:
        buffer = io.BufferedWriter(raw) if raw.writable() else io.BufferedReader(raw)
    if "b" in mode:
        return buffer
    text = io.TextIOWrapper(buffer, encoding or "utf-8", errors, newline, line_buffering=buffering == 1)
    text.mode = mode  # type: ignore[misc]
    return text


def stat_of(path: str) -> os.stat_result:
    """Return the os.stat result of a file or folder in memory."""
    content = held[path]
    kind = stat.S_IFDIR | 0o755 if content is None else stat.S_IFREG | 0o644
    return os.stat_result((kind, 1, 1, 1, 0, 0, len(content or b""), 0, 0, 0))


def remove(path: str, *_: Any, **__: Any) -> None:
    """Remove a file or folder in memory."""
    del held[path]


def move(path: str, target: Any, **_: Any) -> None:
    """Rename a file in memory."""
    held[path_of(target)] = held.pop(path)


def first_in_memory(real: Callable[..., Any], inner: Callable[..., Any]) -> Callable[..., Any]:
    """Return a replacement for a function of os: `inner` for paths in memory, `real` for all others."""

    def function(path: Any = ".", *arguments: Any, **named: Any) -> Any:
        if held and isinstance(path, (str, bytes, os.PathLike)) and path_of(path) in held:
            return inner(path_of(path), *arguments, **named)
        return real(path, *arguments, **named)

    return function


def otherwise_in_memory(real: Callable[..., Any]) -> Callable[..., Any]:
    """Return a replacement for os.mkdir that creates the folder in memory if the sandbox denies the real call."""

    def mkdir(path: Any, *arguments: Any, **named: Any) -> None:
        try:
            real(path, *arguments, **named)
        except OSError as error:
            if error.errno != errno.EROFS:
                raise
            if path_of(path) in held:
                raise os_error(errno.EEXIST, path) from None
            held[path_of(path)] = None

    return mkdir


def install(forget: Callable[[str], None]) -> None:
    """Replace `open` and functions of os, so that denied writes go to memory and files in memory are found."""
    builtins.open = io.open = opening(io.open, forget)
    os.stat = first_in_memory(os.stat, lambda path, *_, **__: stat_of(path))
    os.lstat = first_in_memory(os.lstat, lambda path, *_, **__: stat_of(path))
    os.rename, os.replace = first_in_memory(os.rename, move), first_in_memory(os.replace, move)
    for name in ("remove", "unlink", "rmdir"):
        setattr(os, name, first_in_memory(getattr(os, name), remove))
    os.mkdir = otherwise_in_memory(os.mkdir)
    source = sys.modules.get("numpy.lib._datasource")  # keeps the `open` that there was when it was imported
    if source is not None:
        source._file_openers._file_openers[None] = builtins.open
