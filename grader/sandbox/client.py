"""Client of the worker, on the trusted side: starts it, sends requests, enforces limits, kills and restarts it.

Everything that the student's code does is returned as a value, a Reply or a Fault. SandboxError is raised only
when the sandbox itself fails.
"""

from __future__ import annotations

import base64
import contextlib
import secrets
import signal
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

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
OPENED = "opened"  # reported for those of them whose blocks were run, statement by statement
SKIPPED = "skipped"  # reported for the statements in Loading.skipped, which has their faults


def blocks_of(data: Mapping[str, bytes]) -> dict[str, NDArray[Any]]:
    """Return file contents as uint8 arrays, the form in which a frame carries them."""
    if not data:
        return {}
    import numpy as np  # late: most programs have no data

    return {name: np.frombuffer(content, np.uint8) for name, content in data.items()}


class Worker:
    """Handle to the confined process that reads and runs a submission; restarts it after fatal faults.

    A context manager. The process starts at once and imports `modules` in addition to those that its sandbox preloads.
    After a fault that ends it, the next request starts a new process, which loads the program again.
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
        self._denied: list[tuple[str, str]] = []
        self._load_fault: Fault | None = None
        self.loading = Loading(limits.load_time_s)
        self._waited_s = 0.0
        self._waiting_since: float | None = None
        self.was_killed = False  # during a request, by the system or by itself, not by us for exceeding a limit
        self._begin: dict[str, int] = {}
        self._is_silent = False
        self.hello: Hello | None = None
        self.loaded: Loaded | None = None
        self.missing_modules: dict[str, None] = {}  # stand-ins and banned packages that the code used, in order
        self.spent_s = 0.0
        self.shared: dict[str, Any] = {}  # by those who ask, while the process lives
        self._start(modules)

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def read(
        self, name: str, files: Mapping[str, bytes], lab: Mapping[str, Any], unread: Sequence[str] = ()
    ) -> tuple[ReadAnswer, Mapping[str, bytes]] | Fault:
        """Return submission `name` parsed, and its data files; a Fault if the reader fails or exceeds a limit.

        Arguments as in `reading.submission.read`; lab has the keyword arguments.
        """
        packed = {file: base64.b64encode(content).decode() for file, content in files.items()}
        self._send("read_source", {"name": name, "files": packed, "unread": list(unread), "lab": lab}, {})
        self._check_hello(self._receive(allowing(START_TIME_S)))
        result = self._counted(allowing(READ_TIME_S))
        try:
            if isinstance(result, Fault):
                return result
            return result.words(ReadAnswer), {file: array.tobytes() for file, array in result.arrays.items()}
        except protocol.ProtocolError:
            return self._broken()

    def send_program(self, program: Program, sandbox: Sandbox | None = None) -> None:
        """Start loading a program: in the process that read it, or in a new process of `sandbox` if one is given."""
        self._program = program
        if sandbox is not None:
            self.stop()
            self._sandbox = sandbox
        if self._connection is None:
            self._start()
        else:
            self._request_load(program)

    def wait_loaded(self) -> Loaded | Fault:
        """Wait until the program has been loaded; a failed load is not repeated.

        A statement that does not end, or that ends the process, is skipped in a new process.
        """
        if self._load_fault is not None:
            return self._load_fault
        loaded = self._load_once()
        while isinstance(loaded, Fault) and self._connection is None and self.loading.goes_on(loaded):
            loaded = self._load_once()
        if isinstance(loaded, Fault) and loaded.kind is not FaultKind.TIME_SPENT:
            self._load_fault = loaded
        return loaded

    def _load_once(self) -> Loaded | Fault:
        """Load the program in one process, within the time that is left."""
        left_s = self.limits.total_time_s - self.spent_s
        if left_s <= 0:
            return Fault(kind=FaultKind.TIME_SPENT, seconds=self.limits.total_time_s)
        if self._connection is None:
            self._start()
        if not self._expected:
            assert self.loaded is not None
            return self.loaded
        if len(self._expected) > 1:  # the process has not answered hello yet
            self._check_hello(self._receive(allowing(START_TIME_S)))
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
        """Statements of the program that failed during loading or were skipped, in source order."""
        reported = {} if self.loaded is None else {trouble.place: trouble for trouble in self.loaded.troubles}
        own = {place: fault_of(trouble) for place, trouble in reported.items() if trouble.kind != SKIPPED}
        opened = {place for place, trouble in reported.items() if trouble.kind == OPENED}
        faults = {place: fault for place, fault in (own | self.loading.skipped).items() if place not in opened}
        files = [] if self._program is None else [self._program.file, *self._program.siblings]
        return [
            Trouble(
                file=files[place[0]],
                fault=replace(fault, line=fault.line or place[1]),
                names=[name[:TEXT_CHARS] for name in reported[place].names] if place in reported else (),
                kept=[name[:TEXT_CHARS] for name in reported[place].kept] if place in reported else (),
            )
            for place, fault in sorted(faults.items())
            if place[0] < len(files)
        ]

    def begin(self, case: str) -> None:
        """Start a case with the next request: the worker drops its objects and seeds all generators.

        It gets a hash as the seed, so it cannot tell which case it is.
        """
        self._begin = {"begin": seeds.of_worker(self._seed, f"case {case}")}

    def request(
        self,
        op: str,
        settings: Mapping[str, Any],
        arrays: Mapping[str, NDArray[Any]] | None = None,
        time_s: float | None = None,
    ) -> Reply | Fault:
        """Run one operation in the worker; time_s caps it in seconds (default: the limit of a call)."""
        loaded = self.wait_loaded()
        if isinstance(loaded, Fault):
            return loaded
        self._send(op, {**settings, **self._begin}, arrays or {})
        self._begin, self._is_silent = {}, False
        result = self._timed(self.limits.call_time_s if time_s is None else time_s)
        self.was_killed |= isinstance(result, Fault) and result.kind is FaultKind.KILLED
        return result

    def take_output(self) -> str:
        """Return what the student's code printed since the last call, truncated, with memory addresses masked."""
        if self._connection is not None and not self._expected and not self._is_silent:
            self._is_silent = True
            mark = f"\x1e{secrets.token_hex(16)}\x1e"
            connection = self._connection
            self._send("mark", {"mark": mark}, {})
            marked = self._timed(self.limits.call_time_s)
            if isinstance(marked, Reply):
                start_s = time.monotonic()  # the student's code can delay it
                self._printed += connection.take_output(mark.encode())
                self.spent_s += time.monotonic() - start_s
                try:
                    self._record(marked.words(Marked))
                except protocol.ProtocolError:
                    self._broken()
        text, self._printed = self._printed, ""
        return ADDRESS.sub("0x…", text[:OUTPUT_SHOWN_BYTES])

    def _record(self, marked: Marked) -> None:
        """Record the denied actions of the code and the missing modules that it used."""
        self._denied += marked.denied
        absent = () if self._program is None else (*self._program.stand_ins, *self._program.banned)
        self.missing_modules.update(dict.fromkeys(name for name in marked.missing_modules if name in absent))

    def take_denied(self) -> list[tuple[str, str]]:
        """Return and clear the denied actions that were recorded up to the last take_output: (action, target)."""
        denied, self._denied = self._denied, []
        return [(action[:TEXT_CHARS], target[:TEXT_CHARS]) for action, target in denied]

    def _start(self, modules: Sequence[str] = ()) -> None:
        self._connection = Connection(self._sandbox, self.limits.output_bytes)
        cpu_s = int(self.limits.total_time_s + READ_TIME_S) + CPU_SLACK_S
        settings = self._sandbox.settings(self._connection.folder.name, self.limits.memory_bytes, cpu_s)
        self._send("hello", {**settings, "modules": list(modules)}, {})
        if self._program is not None:
            self._request_load(self._program)

    def _request_load(self, program: Program) -> None:
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
        """Kill the worker, keep its output for take_output, and return its exit code."""
        connection, self._connection, self._expected = self._connection, None, []
        self.shared = {}
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

    def _check_hello(self, hello: Reply | Fault) -> None:
        """Store the worker's description of itself; raise SandboxError if the worker did not give one."""
        if isinstance(hello, Reply):
            with contextlib.suppress(protocol.ProtocolError):
                self.hello = hello.words(Hello)
                return
        self.stop()
        if isinstance(hello, Fault) and hello.kind is FaultKind.LEVEL:
            raise SandboxError(f"the sandbox level {self._sandbox.required} was required, and {hello.message}")
        reason = hello.message or hello.kind.value if isinstance(hello, Fault) else "it sent no greeting"
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
            return self._fault_of_exit(connection, request_id)
        header, arrays = reply
        is_unasked = connection.has_more and not (self._expected or connection.is_flooded)
        if header.id != request_id or is_unasked:
            return self._fault(Fault(kind=FaultKind.PROTOCOL), request_id)
        if header.fault is None:
            return Reply(data=header.data, arrays=arrays)
        return fault_of(header.fault)

    def _fault_of_exit(self, connection: Connection, request_id: int) -> Fault:
        """Stop a worker that sent no reply, and return why."""
        if connection.is_flooded:
            return self._fault(Fault(kind=FaultKind.OUTPUT), request_id)
        if connection.is_broken:
            return self._fault(Fault(kind=FaultKind.PROTOCOL), request_id)
        start_s = time.monotonic()  # a worker that only closed its pipe may still be running
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
        """Stop the worker after a fatal fault; request_id is the request that it was working on."""
        connection = self._connection
        self.stop()
        if connection is None or request_id is None:
            return fault
        return self._blaming(fault, connection, request_id)

    def _blaming(self, fault: Fault, connection: Connection, request_id: int) -> Fault:
        """Return a fault with the top-level statement that was running, if the worker announced one for this request."""
        running = connection.running
        files = 0 if self._program is None else 1 + len(self._program.siblings)
        is_known = running is not None and running[0] == request_id and running[1][0] < files
        return replace(fault, statement=running[1]) if running is not None and is_known else fault

    def _timed(self, time_s: float) -> Reply | Fault:
        """Receive a reply within time_s seconds or the rest of the submission's total, whichever is less."""
        return self._counted(allowing(max(0.0, min(time_s, self.limits.total_time_s - self.spent_s))))

    def _counted(self, allowed: TimeAllowance) -> Reply | Fault:
        """Receive a reply, and count the time used as time of the student's code."""
        connection = self._connection
        assert connection is not None
        self._waiting_since = time.monotonic()
        try:
            result = self._receive(allowed)
        finally:
            self._waited_s, self._waiting_since = self.waited_s, None
        self.spent_s += sum(connection.used)
        return result

    @property
    def waited_s(self) -> float:
        """Return how long this process has waited for the worker, a busy machine included."""
        return self._waited_s + (0 if self._waiting_since is None else time.monotonic() - self._waiting_since)


def allowing(seconds: float) -> TimeAllowance:
    """Return an allowance of this many seconds of processor time, and as many of waiting."""
    return TimeAllowance(cpu_s=seconds, wait_s=seconds)
