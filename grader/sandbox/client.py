"""The trusted end of the worker: start it, ask it, time it out, kill its group, start another.

Whatever the student's code does comes back as a value: a Reply or a Fault. Exceptions are for our
own mistakes only (SandboxError).
"""

from __future__ import annotations

import base64
import collections
import contextlib
import io
import re
import secrets
import selectors
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from grader.core import seeds
from grader.core.faults import Fault, FaultKind
from grader.core.limits import Limits
from grader.sandbox import protocol
from grader.sandbox.processes import Folder, Sandbox, SandboxError

if TYPE_CHECKING:
    from numpy.typing import NDArray

OUTPUT_SHOWN_BYTES = 64 * 1024
START_TIME_S = 60.0
READ_TIME_S = 10.0
CPU_SLACK_S = 5
MARK_TIME_S = 1.0
STOP_TIME_S = 0.3
SETTLE_TIME_S = 0.5
FLOOD_TIME_S = 0.1
PART_BYTES = 64 * 1024
ATTEMPTS_KEPT = 10
TEXT_CHARS = 200
MESSAGE_CHARS = 2_000

ADDRESS = re.compile(r"0x[0-9a-f]{6,}|0x[0-9a-f]*$")  # differs from run to run, and says nothing

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """What the worker replied: its words, still undecoded, and its arrays."""

    data: msgspec.Raw
    arrays: protocol.Arrays

    def words(self, kind: type[T]) -> T:
        """Decode the words as kind; ProtocolError when the worker sent something else."""
        return protocol.decode_data(self.data, kind)


class Hello(msgspec.Struct, frozen=True):
    """What the worker observed about itself before student code ran; missing: why a layer is not in force."""

    level: str
    python: str
    numpy: str
    missing: dict[str, str]
    landlock_abi: protocol.Key


class Loaded(msgspec.Struct, frozen=True):
    """Which of the contract's names the student's module has something callable for."""

    callables: list[str]


class ReadFile(msgspec.Struct, frozen=True):
    """One source file as text; cells are the first lines of a notebook's code cells."""

    name: str
    text: str
    cells: list[protocol.Line]
    is_unwritten: bool


class Source(msgspec.Struct, frozen=True):
    """What was handed in, read: files (the main one first), imports and dropped lines as (file, line, words)."""

    files: list[ReadFile]
    imports: list[tuple[str, protocol.Line, str]]
    dropped: list[tuple[str, protocol.Line, str]]


class ReadAnswer(msgspec.Struct, frozen=True):
    """The source, or the sentence that says why there is none: a template and its arguments, as in reading.Refusal."""

    source: Source | None = None
    refusal: str = ""
    arguments: dict[str, str | protocol.Extent] = {}


class Marked(msgspec.Struct, frozen=True):
    """Since the last mark: what the code tried that is not there for it, (action, on what), and absent modules."""

    attempts: Annotated[list[tuple[str, str]], Meta(max_length=ATTEMPTS_KEPT)]
    asked: list[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Program:
    """The source text a worker runs: main file, files beside it, the names that are asked for, the lab's confined.py.

    Files are named by their paths below root, a folder. names are functions. stand_ins are packages for which there is an inert module where they are not installed; banned ones have one always.
    """

    file: str
    text: str
    siblings: Mapping[str, str] = field(default_factory=dict)
    root: str = ""
    stand_ins: Sequence[str] = ()
    banned: Sequence[str] = ()
    names: Sequence[str] = ()
    classes: Sequence[str] = ()
    is_notebook: bool = False
    operations: str = ""


class Connection:
    """One worker: what it is asked, what it replies, and whatever the student prints.

    In one thread: it is listened to while something is waited for. What a worker says meanwhile stays in
    its pipes, and a worker that says more than they hold waits.
    """

    def __init__(self, sandbox: Sandbox, limits: Limits) -> None:
        self._limits = limits
        self.folder = Folder()
        try:
            self._process = sandbox.start()
        except SandboxError:
            self.folder.remove()
            raise
        self.is_broken = False
        self.is_flooded = False
        self._unsent = bytearray()
        self._inbox = protocol.Inbox()
        self._replies: collections.deque[tuple[protocol.ReplyHeader, protocol.Arrays]] = collections.deque()
        self._output = bytearray()
        self._printed_bytes = 0
        self._is_mark_lost = False
        self._selector = selectors.DefaultSelector()
        self._open: set[object] = set()
        for pipe, read in ((self._process.replies, self._read_replies), (self._process.output, self._read_output)):
            self._selector.register(pipe, selectors.EVENT_READ, read)
            self._open.add(pipe)

    def send(self, frame: bytes) -> None:
        """Send one request; a worker that is gone or does not read is noticed when its reply is awaited.

        What does not fit into the pipe follows while the reply is awaited.
        """
        is_waiting = bool(self._unsent)
        self._unsent += frame
        if not is_waiting and not self._write():
            self._selector.register(self._process.requests, selectors.EVENT_WRITE, self._write_more)

    def reply(self, time_s: float) -> tuple[protocol.ReplyHeader, protocol.Arrays] | None:
        """Return the next reply, None where the worker will give none; TimeoutError after time_s."""
        deadline = time.monotonic() + time_s
        while not self._replies and not self.is_flooded and self._process.replies in self._open:
            left_s = deadline - time.monotonic()
            self._listen(left_s)
            if left_s <= 0 and not self._replies:
                raise TimeoutError
        if self.is_flooded:  # what was answered before may arrive after the flood
            self._listen_until(lambda: bool(self._replies) or self._process.replies not in self._open, FLOOD_TIME_S)
        return self._replies.popleft() if self._replies else None

    @property
    def has_more(self) -> bool:
        """Say whether more has come than was asked for so far."""
        return bool(self._replies) or not self._inbox.is_empty

    def take_output(self, mark: bytes) -> str:
        """Return what was printed up to the mark, waiting for it."""
        wait_s = 0 if self._is_mark_lost else MARK_TIME_S
        self._listen_until(lambda: mark in self._output or self._process.output not in self._open, wait_s)
        self._is_mark_lost = mark not in self._output and self._process.output in self._open
        text, _, rest = bytes(self._output).partition(mark)
        self._output = bytearray(rest)
        return text[:OUTPUT_SHOWN_BYTES].decode("utf-8", "replace")

    def last_output(self) -> str:
        """Return what a worker that has been stopped had printed."""
        return bytes(self._output[:OUTPUT_SHOWN_BYTES]).decode("utf-8", "replace")

    def stop(self) -> int:
        """Kill the worker's process group, reap it, and return the code it ended with.

        A worker that had already ended keeps its own code: the signal finds a zombie. A pipe that is
        held open by something that left the group is given up after STOP_TIME_S.
        """
        try:
            self._process.kill()
            code = self._process.reap()
        finally:
            self._listen_until(lambda: not self._open, STOP_TIME_S)
            self._selector.close()
            for pipe in (self._process.requests, self._process.replies, self._process.output):
                pipe.close()
            self.folder.remove()
        return code

    def settle(self) -> None:
        """Give a worker that closed its end a moment to end by itself."""
        self._process.settle(SETTLE_TIME_S)

    def _listen_until(self, is_over: Callable[[], bool], time_s: float) -> None:
        """Listen until something is there, time_s seconds at most."""
        deadline = time.monotonic() + time_s
        while not is_over() and (left_s := deadline - time.monotonic()) >= 0:
            self._listen(left_s)

    def _listen(self, time_s: float) -> None:
        """Wait until the worker says something, or takes what is not sent yet, time_s seconds at most."""
        for key, _ in self._selector.select(max(0.0, time_s)):
            key.data()

    def _write(self) -> bool:
        """Write what the pipe takes, and say whether that was all; what nobody will read counts as written."""
        try:
            while self._unsent:
                written = self._process.requests.write(self._unsent)
                if not written:
                    return False
                del self._unsent[:written]
        except OSError:
            self._unsent.clear()
        return True

    def _write_more(self) -> None:
        if self._write():
            self._selector.unregister(self._process.requests)

    def _read(self, pipe: io.RawIOBase) -> bytes:
        """Read what is there; nothing more is expected of a pipe that has ended."""
        try:
            part = pipe.read(PART_BYTES)
        except OSError:
            part = b""
        if part == b"":
            self._close(pipe)
        return part or b""

    def _close(self, pipe: io.RawIOBase) -> None:
        self._open.discard(pipe)
        self._selector.unregister(pipe)

    def _read_replies(self) -> None:
        part = self._read(self._process.replies)
        try:
            self._replies.extend(self._inbox.feed(part))
        except protocol.ProtocolError:
            self.is_broken = True
            self._close(self._process.replies)

    def _read_output(self) -> None:
        part = self._read(self._process.output)
        self._printed_bytes += len(part)
        self._output += part
        if len(self._output) > 4 * OUTPUT_SHOWN_BYTES:  # keep the head, and room for a mark
            del self._output[OUTPUT_SHOWN_BYTES:-4096]
        if self._printed_bytes > self._limits.output_bytes:
            self.is_flooded = True
            self._close(self._process.output)


class Worker:
    """A confined process that reads what was handed in and then runs it, as something to ask. A context manager.

    The process is there from the start, with modules beside those that its sandbox preloaded; after a fault that it
    does not survive another takes its place, with the program loaded again.
    """

    def __init__(
        self,
        sandbox: Sandbox,
        limits: Limits,
        seed: int,
        *,
        program: Program | None = None,
        modules: Sequence[str] = (),
    ) -> None:
        self._sandbox = sandbox
        self.limits = limits
        self._seed = seed
        self._program = program
        self._connection: Connection | None = None
        self._expected: list[int] = []
        self._printed = ""
        self._attempts: list[tuple[str, str]] = []
        self._load_fault: Fault | None = None
        self._begin: dict[str, int] = {}
        self._is_silent = False
        self.hello: Hello | None = None
        self.loaded: Loaded | None = None
        self.asked: dict[str, None] = {}  # stand-ins and banned packages that the code asked for, in order
        self.spent_s = 0.0
        self._start(modules)

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def read(self, name: str, files: Mapping[str, bytes], lab: Mapping[str, Any]) -> ReadAnswer | Fault:
        """Return what is in the files, by name; a Fault where they are too much for the reader. lab: see reading.read."""
        packed = {file: base64.b64encode(content).decode() for file, content in files.items()}
        self._send("read_source", {"name": name, "files": packed, "lab": lab}, {})
        self._greeted(self._receive(START_TIME_S))
        result = self._receive(READ_TIME_S)
        try:
            return result.words(ReadAnswer) if isinstance(result, Reply) else result
        except protocol.ProtocolError:
            return self._broken()

    def run(self, program: Program, sandbox: Sandbox | None = None) -> None:
        """Load a program: into the process that read it, or, where a sandbox is given, into a fresh one of that."""
        self._program = program
        if sandbox is not None:
            self.stop()
            self._sandbox = sandbox
        if self._connection is None:
            self._start()
        else:
            self._send_program(program)

    def load(self) -> Loaded | Fault:
        """Wait until the student's file has run; a load that failed once has failed for good."""
        if self._load_fault is not None:
            return self._load_fault
        if self.spent_s >= self.limits.total_time_s:
            return Fault(kind=FaultKind.TIME_SPENT, seconds=self.limits.total_time_s)
        is_again = self._connection is None
        if is_again:
            self._start()
        if not self._expected:
            assert self.loaded is not None
            return self.loaded
        if len(self._expected) > 1:  # a process that has not said hello yet
            hello = self._timed(START_TIME_S) if is_again else self._receive(START_TIME_S)
            if is_again and isinstance(hello, Fault) and hello.kind is FaultKind.TIMEOUT:
                return hello
            self._greeted(hello)
        loaded = self._timed(self.limits.load_time_s)
        try:
            if isinstance(loaded, Reply):
                self.loaded = loaded.words(Loaded)
                return self.loaded
        except protocol.ProtocolError:
            loaded = self._broken()
        self._load_fault = loaded
        return loaded

    def begin(self, case: str) -> None:
        """Start a case with the next request: the worker forgets its objects and seeds every generator, and is not told which case."""
        self._begin = {"begin": seeds.of_worker(self._seed, f"case {case}")}

    def request(
        self,
        op: str,
        settings: Mapping[str, Any],
        arrays: Mapping[str, NDArray[Any]] | None = None,
        time_s: float | None = None,
    ) -> Reply | Fault:
        """Ask for one operation; time_s caps it in seconds (default: the limit of a call)."""
        loaded = self.load()
        if isinstance(loaded, Fault):
            return loaded
        self._send(op, {**settings, **self._begin}, arrays or {})
        self._begin, self._is_silent = {}, False
        return self._timed(self.limits.call_time_s if time_s is None else time_s)

    def take_output(self) -> str:
        """Return what the student's code printed since the last time, capped."""
        if self._connection is not None and not self._expected and not self._is_silent:
            self._is_silent = True
            mark = f"\x1e{secrets.token_hex(16)}\x1e"
            connection = self._connection
            self._send("mark", {"mark": mark}, {})
            marked = self._timed(self.limits.call_time_s)
            if isinstance(marked, Reply):
                self._printed += self._spending(lambda: connection.take_output(mark.encode()))
                try:
                    self._hear(marked.words(Marked))
                except protocol.ProtocolError:
                    self._broken()
        text, self._printed = self._printed, ""
        return ADDRESS.sub("0x…", text[:OUTPUT_SHOWN_BYTES])

    def _hear(self, marked: Marked) -> None:
        """Keep what the code tried, and which of the modules that are not there for it it asked for."""
        self._attempts += marked.attempts
        absent = () if self._program is None else (*self._program.stand_ins, *self._program.banned)
        self.asked.update(dict.fromkeys(name for name in marked.asked if name in absent))

    def take_attempts(self) -> list[tuple[str, str]]:
        """Return what the code was heard to try up to the last take_output: (action, on what)."""
        attempts, self._attempts = self._attempts, []
        return [(action[:TEXT_CHARS], what[:TEXT_CHARS]) for action, what in attempts]

    def _spending(self, action: Callable[[], T]) -> T:
        """Count the time of an action as time of the student's code, which can draw it out."""
        start = time.monotonic()
        try:
            return action()
        finally:
            self.spent_s += time.monotonic() - start

    def _start(self, modules: Sequence[str] = ()) -> None:
        self._connection = Connection(self._sandbox, self.limits)
        cpu_s = int(self.limits.total_time_s + READ_TIME_S) + CPU_SLACK_S
        settings = self._sandbox.settings(self._connection.folder.name, self.limits.memory_bytes, cpu_s)
        self._send("hello", {**settings, "modules": list(modules)}, {})
        if self._program is not None:
            self._send_program(self._program)

    def _send_program(self, program: Program) -> None:
        settings = {
            "file": program.file,
            "text": program.text,
            "siblings": dict(program.siblings),
            "root": program.root,
            "stand_ins": list(program.stand_ins),
            "banned": list(program.banned),
            "names": list(program.names),
            "classes": list(program.classes),
            "is_notebook": program.is_notebook,
            "operations": program.operations,
            "seed": seeds.of_worker(self._seed, "load"),
        }
        self._send("load", settings, {})

    def stop(self) -> int:
        """End the worker, keep what it printed, and return the code it ended with."""
        connection, self._connection, self._expected = self._connection, None, []
        if connection is None:
            return 0
        code = connection.stop()
        self._printed += connection.last_output()
        return code

    def _send(self, op: str, settings: Mapping[str, Any], arrays: Mapping[str, Any]) -> None:
        assert self._connection is not None
        request_id = secrets.randbits(53)
        self._expected.append(request_id)
        self._connection.send(protocol.encode(request_id, op, settings, arrays))

    def _greeted(self, hello: Reply | Fault) -> None:
        """Keep what the worker said of itself; without a greeting there is no sandbox."""
        if isinstance(hello, Reply):
            with contextlib.suppress(protocol.ProtocolError):
                self.hello = hello.words(Hello)
                return
        self.stop()
        if isinstance(hello, Fault) and hello.kind is FaultKind.LEVEL:
            raise SandboxError(f"the sandbox level {self._sandbox.required} was required, and {hello.message}")
        reason = hello.message or hello.kind.value if isinstance(hello, Fault) else "it gave no greeting"
        raise SandboxError(f"the worker did not start: {reason}")

    def _receive(self, time_s: float) -> Reply | Fault:
        connection = self._connection
        assert connection is not None
        request_id = self._expected.pop(0)
        try:
            reply = connection.reply(time_s)
        except TimeoutError:
            return self._fault(Fault(kind=FaultKind.TIMEOUT, seconds=round(time_s, 1)))
        if reply is None:
            return self._gone(connection)
        header, arrays = reply
        is_unasked = connection.has_more and not (self._expected or connection.is_flooded)
        if header.id != request_id or is_unasked:
            return self._broken()
        if header.fault is None:
            return Reply(data=header.data, arrays=arrays)
        kinds = {kind.value: kind for kind in FaultKind}
        fault = header.fault
        return Fault(
            kind=kinds.get(fault.kind, FaultKind.RAISED),
            type=fault.type[:TEXT_CHARS],
            message=ADDRESS.sub("0x…", fault.message[:MESSAGE_CHARS]),
            line=fault.line,
            is_in_making=fault.is_in_making,
        )

    def _gone(self, connection: Connection) -> Fault:
        if connection.is_flooded:
            return self._fault(Fault(kind=FaultKind.OUTPUT))
        if connection.is_broken:
            return self._broken()
        connection.settle()
        code = self.stop()
        message = f"exit code {code}"
        if code < 0:
            with contextlib.suppress(ValueError):
                message = signal.Signals(-code).name
        return Fault(kind=FaultKind.CRASHED, message=message)

    def _broken(self) -> Fault:
        return self._fault(Fault(kind=FaultKind.PROTOCOL))

    def _fault(self, fault: Fault) -> Fault:
        """End the worker after a fault that it does not survive."""
        self.stop()
        return fault

    def _timed(self, time_s: float) -> Reply | Fault:
        """Receive under the smaller of time_s and what is left of the submission's total."""
        allowed = max(0.0, min(time_s, self.limits.total_time_s - self.spent_s))
        return self._spending(lambda: self._receive(allowed))
