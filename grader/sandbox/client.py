"""The trusted end of the worker: start it, ask it, time it out, kill its group, start another.

Whatever the student's code does comes back as a value: a Reply or a Fault. Exceptions are for our
own mistakes only (SandboxError).
"""

from __future__ import annotations

import base64
import contextlib
import secrets
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from grader.core import seeds
from grader.core.faults import Fault, FaultKind
from grader.core.limits import Limits
from grader.sandbox import protocol
from grader.sandbox.connection import OUTPUT_SHOWN_BYTES, Connection, TimeAllowance, TimeExceeded
from grader.sandbox.loading import Loading, Program
from grader.sandbox.processes import Sandbox, SandboxError
from grader.sandbox.replies import ADDRESS, TEXT_CHARS, Hello, Loaded, Marked, ReadAnswer, Reply, Trouble, fault_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

START_TIME_S = 60.0
READ_TIME_S = 10.0
CPU_SLACK_S = 5
SKIPPED = "skipped"  # the kind of a trouble that this side knows


def blocks_of(data: Mapping[str, bytes]) -> dict[str, NDArray[Any]]:
    """Return bytes as a frame carries them."""
    if not data:
        return {}
    import numpy as np  # late: most programs have no data

    return {name: np.frombuffer(content, np.uint8) for name, content in data.items()}


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
        self.loading = Loading(limits.load_time_s)
        self.was_killed = False  # in a request, by the system or by itself: not for what it took
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

    def read(
        self, name: str, files: Mapping[str, bytes], lab: Mapping[str, Any], unread: Sequence[str] = ()
    ) -> tuple[ReadAnswer, Mapping[str, bytes]] | Fault:
        """Return what is in the files, and the data that the program may read; a Fault where they are too much for the reader.

        Arguments as in submission.read.
        """
        packed = {file: base64.b64encode(content).decode() for file, content in files.items()}
        self._send("read_source", {"name": name, "files": packed, "unread": list(unread), "lab": lab}, {})
        self._greeted(self._receive(allowing(START_TIME_S)))
        result = self._counted(allowing(READ_TIME_S))
        try:
            if isinstance(result, Fault):
                return result
            return result.words(ReadAnswer), {file: array.tobytes() for file, array in result.arrays.items()}
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
        """Wait until the student's file has run; a load that failed once has failed for good.

        A statement that does not end, or ends the process, is left out by another process.
        """
        if self._load_fault is not None:
            return self._load_fault
        loaded = self._loaded()
        while isinstance(loaded, Fault) and self._connection is None and self.loading.goes_on(loaded):
            loaded = self._loaded()
        if isinstance(loaded, Fault) and loaded.kind is not FaultKind.TIME_SPENT:
            self._load_fault = loaded
        return loaded

    def _loaded(self) -> Loaded | Fault:
        """Try to load."""
        left_s = self.limits.total_time_s - self.spent_s
        if left_s <= 0:
            return Fault(kind=FaultKind.TIME_SPENT, seconds=self.limits.total_time_s)
        if self._connection is None:
            self._start()
        if not self._expected:
            assert self.loaded is not None
            return self.loaded
        if len(self._expected) > 1:  # a process that has not said hello yet
            self._greeted(self._receive(allowing(START_TIME_S)))
        before_s = self.spent_s
        result = self._counted(self.loading.allowed(left_s))
        self.loading.spent_s += self.spent_s - before_s
        try:
            if isinstance(result, Fault):
                return result
            self.loaded = result.words(Loaded)
            return self.loaded
        except protocol.ProtocolError:
            return self._broken()

    @property
    def troubles(self) -> list[Trouble]:
        """The statements of the program that failed when it was loaded, or were left out, in their order."""
        told = {} if self.loaded is None else {trouble.place: trouble for trouble in self.loaded.troubles}
        faults = {place: fault_of(item) for place, item in told.items() if item.kind != SKIPPED} | self.loading.skipped
        files = [] if self._program is None else [self._program.file, *self._program.siblings]
        return [
            Trouble(
                file=files[place[0]],
                fault=replace(fault, line=fault.line or place[1]),
                names=[name[:TEXT_CHARS] for name in told[place].names] if place in told else (),
                kept=[name[:TEXT_CHARS] for name in told[place].kept] if place in told else (),
            )
            for place, fault in sorted(faults.items())
            if place[0] < len(files)
        ]

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
        result = self._timed(self.limits.call_time_s if time_s is None else time_s)
        self.was_killed |= isinstance(result, Fault) and result.kind is FaultKind.KILLED
        return result

    def take_output(self) -> str:
        """Return what the student's code printed since the last time, capped."""
        if self._connection is not None and not self._expected and not self._is_silent:
            self._is_silent = True
            mark = f"\x1e{secrets.token_hex(16)}\x1e"
            connection = self._connection
            self._send("mark", {"mark": mark}, {})
            marked = self._timed(self.limits.call_time_s)
            if isinstance(marked, Reply):
                start_s = time.monotonic()  # the student's code can draw it out
                self._printed += connection.take_output(mark.encode())
                self.spent_s += time.monotonic() - start_s
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

    def _start(self, modules: Sequence[str] = ()) -> None:
        self._connection = Connection(self._sandbox, self.limits.output_bytes)
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
            "unread": list(program.unread),
            "operations": program.operations,
            "seed": seeds.of_worker(self._seed, "load"),
            "skipped": [*self.loading.skipped],
            "is_brief": self.loading.is_brief,
        }
        self._send("load", settings, blocks_of(program.data))

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

    def _receive(self, allowed: TimeAllowance) -> Reply | Fault:
        connection = self._connection
        assert connection is not None
        request_id = self._expected.pop(0)
        try:
            reply = connection.reply(allowed)
        except TimeExceeded as exceeded:
            kind = FaultKind.WAITED if exceeded.is_waiting else FaultKind.TIMEOUT
            return self._fault(Fault(kind=kind, seconds=round(exceeded.seconds, 1)), request_id)
        if reply is None:
            return self._gone(connection, request_id)
        header, arrays = reply
        is_unasked = connection.has_more and not (self._expected or connection.is_flooded)
        if header.id != request_id or is_unasked:
            return self._fault(Fault(kind=FaultKind.PROTOCOL), request_id)
        if header.fault is None:
            return Reply(data=header.data, arrays=arrays)
        return fault_of(header.fault)

    def _gone(self, connection: Connection, request_id: int) -> Fault:
        if connection.is_flooded:
            return self._fault(Fault(kind=FaultKind.OUTPUT), request_id)
        if connection.is_broken:
            return self._fault(Fault(kind=FaultKind.PROTOCOL), request_id)
        start_s = time.monotonic()  # one that closed its end may live on
        connection.settle()
        self.spent_s += time.monotonic() - start_s
        code = self.stop()
        message = f"exit code {code}"
        if code < 0:
            with contextlib.suppress(ValueError):
                message = signal.Signals(-code).name
        kind = FaultKind.KILLED if message == "SIGKILL" else FaultKind.CRASHED
        return self._blaming(Fault(kind=kind, message=message), connection, request_id)

    def _broken(self) -> Fault:
        return self._fault(Fault(kind=FaultKind.PROTOCOL))

    def _fault(self, fault: Fault, request_id: int | None = None) -> Fault:
        """End the worker after a fault that it does not survive, which came while it worked on a request."""
        connection = self._connection
        self.stop()
        if connection is None or request_id is None:
            return fault
        return self._blaming(fault, connection, request_id)

    def _blaming(self, fault: Fault, connection: Connection, request_id: int) -> Fault:
        """Return a fault with the statement that was running, where one of the program's was."""
        told = connection.told
        files = 0 if self._program is None else 1 + len(self._program.siblings)
        is_known = told is not None and told[0] == request_id and told[1][0] < files
        return replace(fault, statement=told[1]) if told is not None and is_known else fault

    def _timed(self, time_s: float) -> Reply | Fault:
        """Receive under the smaller of time_s and what is left of the submission's total."""
        return self._counted(allowing(max(0.0, min(time_s, self.limits.total_time_s - self.spent_s))))

    def _counted(self, allowed: TimeAllowance) -> Reply | Fault:
        """Receive, and count what it took as time of the student's code."""
        connection = self._connection
        assert connection is not None
        result = self._receive(allowed)
        self.spent_s += sum(connection.used)
        return result


def allowing(seconds: float) -> TimeAllowance:
    """Return what a worker may take that has so many seconds on a processor, and to wait."""
    return TimeAllowance(cpu_s=seconds, wait_s=seconds)
