"""The trusted end of the worker: start it, ask it, time it out, kill its group, start another.

Whatever the student's code does comes back as a value: an Answer or a Fault. Exceptions are for our
own mistakes only (SandboxError).
"""

from __future__ import annotations

import contextlib
import enum
import importlib.util
import os
import queue
import re
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from grader.sandbox import protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WORKER = Path(__file__).with_name("worker.py")
OUTPUT_SHOWN_BYTES = 64 * 1024
START_TIME_S = 60.0
MARK_TIME_S = 1.0
STOP_TIME_S = 0.3
SETTLE_TIME_S = 0.5
PIPE_BYTES = 32 * 1024  # less than any pipe holds
NO_MARK = b"\x1e no mark: all there is \x1e"

ADDRESS = re.compile(r"0x[0-9a-f]{6,}")  # differs from run to run, and says nothing

T = TypeVar("T")


class SandboxError(Exception):
    """The worker could not be started or asked: our fault or the machine's, not the student's."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """What a submission may use. Times are wall-clock seconds of student code."""

    total_time_s: float = 60.0
    load_time_s: float = 30.0
    call_time_s: float = 5.0
    train_time_s: float = 20.0
    memory_bytes: int = 2**30
    output_bytes: int = 64 * 2**20


class FaultKind(enum.Enum):
    """How a call can end other than with an answer."""

    RAISED = "raised"
    EXITED = "exited"
    UNHANDLED = "unhandled"
    MISSING = "missing"
    MISFIT = "misfit"
    MEMORY = "memory"
    TIMEOUT = "timeout"
    TIME_SPENT = "time_spent"
    OUTPUT = "output"
    CRASHED = "crashed"
    PROTOCOL = "protocol"


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """What went wrong in the student's code; `type` and `message` are the student's own words.

    line is the line of their file, None where there is none; seconds is how long a call that ran
    into its time limit was given.
    """

    kind: FaultKind
    type: str = ""
    message: str = ""
    line: int | None = None
    seconds: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What a call gave: the words of the answer, still undecoded, and its arrays."""

    data: msgspec.Raw
    arrays: protocol.Arrays

    def words(self, kind: type[T]) -> T:
        """Decode the words as kind; ProtocolError when the worker sent something else."""
        return protocol.decode_data(self.data, kind)


class Hello(msgspec.Struct, frozen=True):
    """What the worker observed about itself before student code ran."""

    level: str
    python: str
    numpy: str


class Loaded(msgspec.Struct, frozen=True):
    """What the student's module holds, and which absent modules it was given stand-ins for."""

    callables: list[str]
    asked: list[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Program:
    """The source text a worker runs: main file, files beside it, and the modules around it."""

    file: str
    text: str
    siblings: Mapping[str, str] = field(default_factory=dict)
    preload: Sequence[str] = ()
    stand_ins: Sequence[str] = ()


class _Process:
    """One worker process with two reading threads: replies, and whatever the student prints."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._directory = tempfile.TemporaryDirectory(prefix="grade-", ignore_cleanup_errors=True)
        environment = {"PYTHONHASHSEED": "0", "OPENBLAS_NUM_THREADS": "1"}
        if sys.platform == "win32":
            environment["SYSTEMROOT"] = os.environ.get("SYSTEMROOT", "")
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-s", "-S", "-B", str(WORKER)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                cwd=self._directory.name,
                env=environment,
                start_new_session=True,
            )
        except OSError as error:
            self._directory.cleanup()
            raise SandboxError(f"the worker process did not start: {error}") from error
        self.replies: queue.Queue[tuple[protocol.ReplyHeader, protocol.Arrays] | None] = queue.Queue(2)
        self.broken = False
        self.flooded = False
        self._output = bytearray()
        self._printed_bytes = 0
        self._output_changed = threading.Condition()
        self._output_ended = False
        self._is_mark_lost = False
        self._readers = [
            threading.Thread(target=reader, daemon=True) for reader in (self._read_replies, self._read_output)
        ]
        for reader_thread in self._readers:
            reader_thread.start()

    def send(self, frame: bytes) -> None:
        """Send one request; a worker that is gone or does not read is noticed when its reply is awaited.

        What fits into the pipe is written at once; a larger frame may have to wait for the worker.
        """
        if len(frame) <= PIPE_BYTES:
            self._write(frame)
        else:
            threading.Thread(target=self._write, args=(frame,), daemon=True).start()

    def _write(self, frame: bytes) -> None:
        assert self._process.stdin is not None
        view = memoryview(frame)
        with contextlib.suppress(OSError, ValueError):  # ValueError: closed meanwhile
            while view:
                view = view[self._process.stdin.write(view) :]

    def take_output(self, mark: bytes) -> str:
        """Return what was printed up to the mark (or up to the end of a dead worker)."""
        with self._output_changed:
            wait_s = 0 if self._is_mark_lost else MARK_TIME_S
            found = self._output_changed.wait_for(lambda: mark in self._output or self._output_ended, wait_s)
            self._is_mark_lost = not found
            text, _, rest = bytes(self._output).partition(mark)
            self._output = bytearray(rest)
        return text[:OUTPUT_SHOWN_BYTES].decode("utf-8", "replace")

    def stop(self) -> int:
        """Kill the worker's process group, reap it, and return the code it ended with.

        A worker that had already ended keeps its own code: the signal finds a zombie. A reader whose
        pipe is held open by something that left the group is given up after STOP_TIME_S.
        """
        self.kill()
        code = self._process.wait()
        deadline = time.monotonic() + STOP_TIME_S
        while any(reader.is_alive() for reader in self._readers) and time.monotonic() < deadline:
            with contextlib.suppress(queue.Empty):
                self.replies.get_nowait()  # a reader that waits for room can go on to the end
            for reader in self._readers:
                reader.join(0.01)
        assert self._process.stdin is not None
        self._process.stdin.close()
        for stream, reader in zip((self._process.stdout, self._process.stderr), self._readers, strict=True):
            if stream is not None and not reader.is_alive():
                stream.close()
        self._remove_directory()
        return code

    def _remove_directory(self) -> None:
        try:
            self._directory.cleanup()
        except RecursionError:  # deeper than Python can follow before 3.12
            subprocess.run(["rm", "-rf", "--", self._directory.name], check=False, stderr=subprocess.DEVNULL)

    def settle(self) -> None:
        """Give a worker that closed its end a moment to end by itself, without reaping it."""
        if not hasattr(os, "waitid"):
            return
        deadline = time.monotonic() + SETTLE_TIME_S
        while time.monotonic() < deadline:
            if os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
                return
            time.sleep(0.002)

    def kill(self) -> None:
        """Kill the whole process group. The group outlives its leader while the leader is unreaped."""
        if sys.platform == "win32":
            self._process.kill()
        elif self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def _read_replies(self) -> None:
        assert self._process.stdout is not None
        descriptor = self._process.stdout.fileno()

        def exactly(count: int) -> bytes:
            parts = []
            while count:
                part = os.read(descriptor, min(count, 1 << 16))
                if not part:
                    raise EOFError
                parts.append(part)
                count -= len(part)
            return b"".join(parts)

        try:
            while True:
                self.replies.put(protocol.receive(exactly))
        except protocol.ProtocolError:
            self.broken = True
        except (EOFError, OSError, ValueError):
            pass
        self.replies.put(None)

    def _read_output(self) -> None:
        assert self._process.stderr is not None
        descriptor = self._process.stderr.fileno()
        while True:
            try:
                part = os.read(descriptor, 1 << 16)
            except OSError:
                part = b""
            with self._output_changed:
                self._printed_bytes += len(part)
                self._output += part
                if len(self._output) > 4 * OUTPUT_SHOWN_BYTES:  # keep the head, and room for a mark
                    del self._output[OUTPUT_SHOWN_BYTES:-4096]
                self._output_ended = not part
                self._output_changed.notify_all()
            if not part:
                break
            if self._printed_bytes > self._limits.output_bytes:
                self.flooded = True
                self.kill()


class Worker:
    """The student's code as something to ask. Starts at once, and again after a fault."""

    def __init__(self, program: Program, limits: Limits, seed: int) -> None:
        self._program = program
        self._limits = limits
        self._seed = seed
        self._process: _Process | None = None
        self._expected: list[int] = []
        self._printed = ""
        self._load_fault: Fault | None = None
        self.hello: Hello | None = None
        self.loaded: Loaded | None = None
        self.spent_s = 0.0
        self._start()

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def load(self) -> Loaded | Fault:
        """Wait until the student's file has run; a load that failed once has failed for good."""
        if self._load_fault is not None:
            return self._load_fault
        if self.spent_s >= self._limits.total_time_s:
            return Fault(kind=FaultKind.TIME_SPENT, seconds=self._limits.total_time_s)
        is_again = self._process is None
        if is_again:
            self._start()
        if not self._expected:
            assert self.loaded is not None
            return self.loaded
        hello = self._timed(START_TIME_S) if is_again else self._receive(START_TIME_S)
        if is_again and isinstance(hello, Fault) and hello.kind is FaultKind.TIMEOUT:
            return hello
        if isinstance(hello, Fault):
            self._stop()
            raise SandboxError(f"the worker did not start: {hello.message or hello.kind.value}")
        loaded = self._timed(self._limits.load_time_s)
        try:
            self.hello = hello.words(Hello)
            if isinstance(loaded, Answer):
                self.loaded = loaded.words(Loaded)
                return self.loaded
        except protocol.ProtocolError:
            loaded = self._broken()
        self._load_fault = loaded
        return loaded

    def begin(self, seed: int) -> None:
        """Start a case: the worker forgets its objects and seeds every generator with seed."""
        if isinstance(self.load(), Loaded):
            self.request("begin", {"seed": seed})

    def request(
        self,
        op: str,
        settings: Mapping[str, Any],
        arrays: Mapping[str, NDArray[np.float64]] | None = None,
        time_s: float | None = None,
    ) -> Answer | Fault:
        """Ask for one operation; time_s caps it in seconds (default: the limit of a call)."""
        loaded = self.load()
        if isinstance(loaded, Fault):
            return loaded
        self._send(op, settings, arrays or {})
        return self._timed(self._limits.call_time_s if time_s is None else time_s)

    def take_output(self) -> str:
        """Return what the student's code printed since the last time, capped."""
        if self._process is not None and not self._expected:
            mark = f"\x1e{secrets.token_hex(16)}\x1e"
            process = self._process
            self._send("mark", {"mark": mark}, {})
            if isinstance(self._timed(self._limits.call_time_s), Answer):
                self._printed += self._spending(lambda: process.take_output(mark.encode()))
        text, self._printed = self._printed, ""
        return ADDRESS.sub("0x…", text[:OUTPUT_SHOWN_BYTES])

    def _spending(self, action: Callable[[], T]) -> T:
        """Count the time of an action as time of the student's code, which can draw it out."""
        start = time.monotonic()
        try:
            return action()
        finally:
            self.spent_s += time.monotonic() - start

    def _start(self) -> None:
        package = importlib.util.find_spec("numpy")
        if package is None or package.origin is None:
            raise SandboxError("numpy is not installed where the grader runs")
        program = self._program
        self._process = _Process(self._limits)
        settings = {
            "packages": str(Path(package.origin).parent.parent),
            "preload": list(program.preload),
            "siblings": dict(program.siblings),
            "stand_ins": list(program.stand_ins),
            "memory_bytes": self._limits.memory_bytes,
            "cpu_s": int(self._limits.total_time_s) + 5,
        }
        self._send("hello", settings, {})
        self._send("load", {"file": program.file, "text": program.text, "seed": self._seed}, {})

    def _stop(self) -> int:
        """End the worker, keep what it printed, and return the code it ended with."""
        process, self._process, self._expected = self._process, None, []
        if process is None:
            return 0
        code = process.stop()
        self._printed += process.take_output(NO_MARK)
        return code

    def _send(self, op: str, settings: Mapping[str, Any], arrays: Mapping[str, Any]) -> None:
        assert self._process is not None
        request_id = secrets.randbits(53)
        self._expected.append(request_id)
        self._process.send(protocol.encode(request_id, op, settings, arrays))

    def _timed(self, time_s: float) -> Answer | Fault:
        """Receive under the smaller of time_s and what is left of the submission's total."""
        allowed = max(0.0, min(time_s, self._limits.total_time_s - self.spent_s))
        return self._spending(lambda: self._receive(allowed))

    def _receive(self, time_s: float) -> Answer | Fault:
        process = self._process
        assert process is not None
        request_id = self._expected.pop(0)
        try:
            reply = process.replies.get(timeout=time_s)
        except queue.Empty:
            return self._fault(Fault(kind=FaultKind.TIMEOUT, seconds=round(time_s, 1)))
        if reply is None:
            return self._gone(process)
        header, arrays = reply
        if header.id != request_id or not (self._expected or process.replies.empty()):
            return self._broken()
        if header.fault is None:
            return Answer(data=header.data, arrays=arrays)
        kinds = {kind.value: kind for kind in FaultKind}
        fault = header.fault
        return Fault(
            kind=kinds.get(fault.kind, FaultKind.RAISED),
            type=fault.type,
            message=ADDRESS.sub("0x…", fault.message),
            line=fault.line,
        )

    def _gone(self, process: _Process) -> Fault:
        if process.flooded:
            return self._fault(Fault(kind=FaultKind.OUTPUT))
        if process.broken:
            return self._broken()
        process.settle()
        code = self._stop()
        message = f"exit code {code}"
        if code < 0:
            with contextlib.suppress(ValueError):
                message = signal.Signals(-code).name
        return Fault(kind=FaultKind.CRASHED, message=message)

    def _broken(self) -> Fault:
        return self._fault(Fault(kind=FaultKind.PROTOCOL))

    def _fault(self, fault: Fault) -> Fault:
        """End the worker after a fault that it does not survive."""
        self._stop()
        return fault
