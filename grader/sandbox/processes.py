"""Starts, kills and reaps the confined processes: the zygote and the workers.

Light to import: the first process is started before anything else is loaded.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import json
import os
import select
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, cast

from grader.sandbox.preload import BASE

ZYGOTE = Path(__file__).parent / "confined" / "zygote.py"
COMMAND = (sys.executable, "-P", "-s", "-S", "-B", str(ZYGOTE))
LAYERS = ("session", "limits", "capabilities", "landlock", "seccomp")  # confine.py has the same
NEWEST_ABI = 99
ANSWER_TIME_S = 60.0
MESSAGE_BYTES = 64 * 1024
CRASH_BYTES = 2_000
PART_BYTES = 64 * 1024
ARE_PIPES_SELECTABLE = sys.platform != "win32"
POLL_S = 0.002
REMOVE_TIME_S = 1.0
FOLDERS = "grade-"
YOUNG_S = 60.0
REMOVING: list[subprocess.Popen[bytes]] = []  # processes that remove folders, until they are reaped


class SandboxError(Exception):
    """The worker could not be started, confined or reached: a fault of the grader or the machine, not the student's."""


class Process(Protocol):
    """A worker process and its pipes: requests are written, replies and output are read.

    The pipes do not block and work with `selectors`.
    """

    requests: io.RawIOBase
    replies: io.RawIOBase
    output: io.RawIOBase

    @property
    def pid(self) -> int:
        """The process id."""

    def kill(self) -> None:
        """Kill the process and its group. The group outlives its leader while the leader is unreaped."""

    def settle(self, wait_s: float) -> None:
        """Give the process wait_s seconds to end by itself, without reaping it."""

    def reap(self) -> int:
        """Wait for the killed process and return its exit code; a negative code is the signal that ended it."""


class Sandbox:
    """Factory of workers: forks of one warm zygote on Linux, separate processes elsewhere. A context manager.

    required is the lowest accepted level; workers below it do not run. modules are the modules that every worker has;
    without them, workers have the common ones, and more once `preload` is called. layers and landlock_abi select
    what to confine with (tests omit layers). is_alone starts workers without a zygote.
    """

    def __init__(
        self,
        required: str = "process",
        *,
        layers: Sequence[str] = LAYERS,
        landlock_abi: int = NEWEST_ABI,
        is_alone: bool = sys.platform != "linux",
        modules: Sequence[str] | None = None,
    ) -> None:
        self.required = required
        self.is_growing = modules is None
        self._modules = tuple(BASE if modules is None else modules)
        self.layers = tuple(layers)
        self.landlock_abi = landlock_abi
        self._preload: tuple[str, ...] | None = None
        self.operations: Path | None = None
        self._zygote: Zygote | None = None
        self._failure: SandboxError | None = None
        try:
            self._zygote = None if is_alone else Zygote()
            if self._zygote is not None or not self.is_growing:  # without a zygote each process imports for itself
                self.preload(self._modules)
        except SandboxError as failure:  # raised when a worker is started: only then is there a report to put it in
            self._failure = failure

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._zygote is not None:
            self._zygote.close()

    def preload(self, names: Sequence[str]) -> None:
        """Import numpy and these modules for workers started from now on; does not wait for the import."""
        self._preload = tuple(names)
        if self._zygote is not None:
            self._zygote.preload(packages(), self._preload)

    def load_operations(self, operations: Path | None) -> None:
        """Load the operations of a lab, from the path of its confined module, for workers started from now on."""
        if operations != self.operations:
            self.operations = operations
            if self._zygote is not None:
                self._zygote.load_operations(operations)

    def offers(self, names: Sequence[str]) -> bool:
        """Return whether new workers have all these modules."""
        return set(names) <= set(self._preload or ())

    def wait(self) -> None:
        """Wait until the modules are imported; raise SandboxError if they start threads."""
        if self._failure is not None:
            raise self._failure
        if self._zygote is not None:
            self._zygote.check_threads()

    def start(self) -> Process:
        """Start a worker that is not confined yet; its first request must be `hello` with `settings`."""
        if self._failure is not None:
            raise self._failure
        if self._zygote is not None and self._zygote.is_spoiled:  # by the imports of an earlier submission
            self._zygote.close()
            self._zygote = Zygote()
            self._zygote.load_operations(self.operations)
            self.preload(self._modules)
        return SpawnedProcess() if self._zygote is None else ForkedProcess(self._zygote)

    def settings(self, folder: str, memory_bytes: int, cpu_s: int) -> dict[str, Any]:
        """Return the settings of `hello`, a worker's first request: how to confine itself."""
        has_to_import = self._zygote is None and self._preload is not None
        return {
            "packages": packages() if has_to_import else "",
            "preload": self._preload or (),
            "operations": path_of(self.operations),
            "folder": folder,
            "layers": self.layers,
            "landlock_abi": self.landlock_abi,
            "required": self.required,
            "memory_bytes": memory_bytes,
            "cpu_s": cpu_s,
        }


def path_of(operations: Path | None) -> str:
    """Return a path as it is sent to the worker; "" for a lab without operations."""
    return "" if operations is None else str(operations)


def packages() -> str:
    """Return the folder that numpy is installed in."""
    package = importlib.util.find_spec("numpy")
    if package is None or package.origin is None:
        raise SandboxError("numpy is not installed where the grader runs")
    return str(Path(package.origin).parent.parent)


def environment() -> dict[str, str]:
    """Return the environment of every confined process: two variables, and a third that Windows needs."""
    named = {"PYTHONHASHSEED": "0", "OPENBLAS_NUM_THREADS": "1"}
    if sys.platform == "win32":
        named["SYSTEMROOT"] = os.environ.get("SYSTEMROOT", "")
    return named


def popen(mode: str, **streams: Any) -> subprocess.Popen[bytes]:
    """Start zygote.py in a new session, with no file descriptors but its standard streams."""
    try:
        return subprocess.Popen(
            [*COMMAND, mode], bufsize=0, env=environment(), start_new_session=True, cwd=Path(sys.executable).anchor, **streams
        )  # fmt: skip
    except OSError as error:
        raise SandboxError(f"a process of the sandbox did not start: {error}") from error


class Zygote:
    """The process that workers are forked from. It answers messages in order; answers can be collected later."""

    def __init__(self) -> None:
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            try:
                self._process = popen("fork", stdin=theirs, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            except SandboxError:
                self._channel.close()
                raise
        self._channel.settimeout(ANSWER_TIME_S)
        self._sent = 0
        self._answers: dict[int, dict[str, Any]] = {}
        self._answered = 0
        self._preloading: int | None = None
        self._crash = b""
        self.is_spoiled = False

    def ask(self, message: dict[str, Any], descriptors: Sequence[int] = ()) -> int:
        """Send a message and return its number."""
        try:
            socket.send_fds(self._channel, [json.dumps(message).encode()], list(descriptors))
        except OSError as error:
            raise self._ended() from error
        self._sent += 1
        return self._sent

    def answer(self, number: int) -> dict[str, Any]:
        """Wait for the answer to a message and return it; each answer can be taken once."""
        while number not in self._answers:
            try:
                text = self._channel.recv(MESSAGE_BYTES)
            except OSError as error:
                raise self._ended() from error
            if not text:
                raise self._ended()
            self._answered += 1
            self._answers[self._answered] = json.loads(text)
        return self._answers.pop(number)

    def preload(self, folder: str, names: Sequence[str]) -> None:
        """Import numpy and these modules before the next fork."""
        self._preloading = self.ask({"preload": list(names), "packages": folder})

    def load_operations(self, operations: Path | None) -> None:
        """Load a lab's operations before the next fork; the answer is empty and not waited for."""
        self.ask({"operations": path_of(operations)})

    def fork(self, descriptors: Sequence[int]) -> int:
        """Fork a worker on the descriptors for requests, replies and output; the answer has its process id."""
        return self.ask({"fork": True}, descriptors)

    def check_threads(self) -> None:
        """Raise SandboxError if a preloaded module started threads: they would not be confined."""
        if self._preloading is not None:
            threads = self.answer(self._preloading)["threads"]
            self._preloading = None
            if threads != 1:
                self.is_spoiled = True
                raise SandboxError(f"what the submission imports starts {threads - 1} threads of its own")

    def close(self) -> None:
        """Kill the process; its workers end with it."""
        self._channel.close()
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        self._process.wait()
        assert self._process.stderr is not None
        self._process.stderr.close()

    def _ended(self) -> SandboxError:
        self.is_spoiled = True
        assert self._process.stderr is not None
        if not self._crash and select.select([self._process.stderr], [], [], 0.5)[0]:
            self._crash = os.read(self._process.stderr.fileno(), CRASH_BYTES)
        lines = self._crash.decode("utf-8", "replace").strip().splitlines() or ["no reason given"]
        return SandboxError(f"the process that workers are forked from has ended: {lines[-1]}")


class ForkedProcess:
    """A worker forked from the zygote."""

    def __init__(self, zygote: Zygote) -> None:
        self._zygote = zygote
        pipes = [os.pipe() for _ in range(3)]
        (theirs_in, ours_in), (ours_out, theirs_out), (ours_err, theirs_err) = pipes
        self.requests: io.RawIOBase = FileIO(ours_in, "w")
        self.replies: io.RawIOBase = FileIO(ours_out)
        self.output: io.RawIOBase = FileIO(ours_err)
        for descriptor in (ours_in, ours_out, ours_err):
            os.set_blocking(descriptor, False)
        try:
            self._number = zygote.fork((theirs_in, theirs_out, theirs_err))
        except SandboxError:
            for pipe in (self.requests, self.replies, self.output):
                pipe.close()
            raise
        finally:
            for descriptor in (theirs_in, theirs_out, theirs_err):
                os.close(descriptor)
        self._pid = 0

    @property
    def pid(self) -> int:
        """The process id, known once the zygote has answered."""
        if self._pid == 0:
            self._zygote.check_threads()
            self._pid = int(self._zygote.answer(self._number)["pid"])
        return self._pid

    def kill(self) -> None:
        """Kill the process and its group; it may not have created the group yet."""
        for kill in (os.killpg, os.kill):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                kill(self.pid, signal.SIGKILL)

    def settle(self, wait_s: float) -> None:
        """Let the zygote wait for the process to end; without a zygote it has ended."""
        with contextlib.suppress(SandboxError):
            self._zygote.answer(self._zygote.ask({"watch": self.pid, "wait_s": wait_s}))

    def reap(self) -> int:
        """Let the zygote reap the process."""
        return int(self._zygote.answer(self._zygote.ask({"reap": self.pid}))["code"])


class SpawnedProcess:
    """A worker started as a separate process, for systems without fork."""

    def __init__(self) -> None:
        streams = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        self._process = popen("alone", **streams)
        unbuffered = (
            cast("FileIO", pipe) for pipe in (self._process.stdin, self._process.stdout, self._process.stderr)
        )
        self.requests, self.replies, self.output = map(selectable, unbuffered)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def kill(self) -> None:
        """Kill the process group, or on Windows, which has none, the process."""
        if self._process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if sys.platform == "win32":
                self._process.kill()
            else:
                os.killpg(self._process.pid, signal.SIGKILL)

    def settle(self, wait_s: float) -> None:
        """Wait at most wait_s seconds for the process to end, without reaping it."""
        if sys.platform == "win32":
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(wait_s)
            return
        deadline = time.monotonic() + wait_s
        watched = os.WEXITED | os.WNOHANG | os.WNOWAIT
        while os.waitid(os.P_PID, self._process.pid, watched) is None and time.monotonic() < deadline:
            time.sleep(POLL_S)

    def reap(self) -> int:
        """Reap the process."""
        return self._process.wait()


def selectable(pipe: FileIO) -> io.RawIOBase:
    """Return a non-blocking stream for the pipe that works with selectors; on Windows only sockets do."""
    if ARE_PIPES_SELECTABLE:
        os.set_blocking(pipe.fileno(), False)
        return pipe
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    threading.Thread(target=pump, args=(pipe, theirs), daemon=True).start()
    with ours:
        return ours.makefile("rwb", buffering=0)


def pump(pipe: FileIO, theirs: socket.socket) -> None:
    """Move bytes between a pipe and a socket until one of them ends."""
    with contextlib.suppress(OSError, ValueError), theirs, pipe:
        while part := theirs.recv(PART_BYTES) if pipe.writable() else pipe.read(PART_BYTES):
            if not pipe.writable():
                theirs.sendall(part)
            while pipe.writable() and part:
                part = part[pipe.write(part) :]


class TemporaryFolder:
    """A temporary folder for one worker, removed with its content.

    This process locks it, so that `remove_left_folders` can recognise folders of processes that were killed.
    """

    def __init__(self) -> None:
        try:
            self.name = tempfile.mkdtemp(prefix=FOLDERS)
        except OSError as error:
            raise SandboxError(f"no temporary folder could be created: {error.strerror}") from error
        self._lock = _locked(self.name)

    def remove(self) -> None:
        """Remove the folder; a separate process finishes what takes long."""
        try:
            self._remove()
        finally:
            if self._lock is not None:
                os.close(self._lock)
                self._lock = None

    def _remove(self) -> None:
        with contextlib.suppress(OSError):
            os.rmdir(self.name)  # noqa: PTH106
            return
        if sys.platform == "win32":
            shutil.rmtree(self.name, ignore_errors=True)
            return
        command = ["rm", "-rf", "--", self.name]
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            process = subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True)
            REMOVING[:] = [process, *(item for item in REMOVING if item.poll() is None)]
            process.wait(REMOVE_TIME_S)


def remove_left_folders() -> None:
    """Remove temporary folders of this user's processes that were killed."""
    for path in Path(tempfile.gettempdir()).glob(f"{FOLDERS}*"):
        with contextlib.suppress(OSError):
            state = path.lstat()
            is_young = time.time() - state.st_mtime < YOUNG_S  # its process may not have locked it yet
            if sys.platform == "win32" or is_young or state.st_uid != os.geteuid() or not stat.S_ISDIR(state.st_mode):
                continue
            lock = _locked(str(path))
            if lock is not None:
                shutil.rmtree(path, ignore_errors=True)
                os.close(lock)


def _locked(folder: str) -> int | None:
    """Lock a folder until this process ends; return None if another process holds it or it cannot be locked."""
    if sys.platform == "win32":
        return None
    import fcntl

    try:
        number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(number)
        return None
    return number
