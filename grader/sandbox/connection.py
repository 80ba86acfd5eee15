"""Connection to one worker: sends requests, receives replies and printed output, and measures the time it uses."""

from __future__ import annotations

import collections
import io
import selectors
import time
from collections.abc import Callable

import msgspec

from grader.sandbox import protocol
from grader.sandbox.clock import Clock, Used
from grader.sandbox.processes import Sandbox, SandboxError, TemporaryFolder
from grader.sandbox.protocol import Statement

OUTPUT_SHOWN_BYTES = 64 * 1024
MARK_TIME_S = 1.0
STOP_TIME_S = 0.3
SETTLE_TIME_S = 0.5
FLOOD_TIME_S = 0.1
PART_BYTES = 64 * 1024
POLL_S = 0.05  # between two readings of a process's clock
MOST_STATEMENTS = 10_000  # that may begin before one reply
BACKSTOP = 10  # wall time may be this many times the allowance, however busy the machine is


class TimeExceeded(Exception):
    """A worker exceeded its time allowance; is_waiting: by waiting, not by computing."""

    def __init__(self, seconds: float, *, is_waiting: bool) -> None:
        super().__init__(f"{seconds:g} s")
        self.seconds, self.is_waiting = seconds, is_waiting


class TimeAllowance(msgspec.Struct, frozen=True, kw_only=True):
    """Time that a worker has for one reply: seconds of processor time, and seconds of waiting for anything else.

    statement_s, if given, limits both for each top-level statement of the program.
    """

    cpu_s: float
    wait_s: float
    statement_s: float | None = None

    def check(self, used: Used, statement: Used) -> None:
        """Raise TimeExceeded if the reply or the running statement has taken too long."""
        if used.cpu_s > self.cpu_s:
            raise TimeExceeded(self.cpu_s, is_waiting=False)
        if used.waited_s > self.wait_s:
            raise TimeExceeded(self.wait_s, is_waiting=True)
        if self.statement_s is not None and max(statement) > self.statement_s:
            raise TimeExceeded(self.statement_s, is_waiting=statement.waited_s > statement.cpu_s)


class Connection:
    """Pipes to one worker process: requests, replies, and the output of student code.

    Single-threaded: pipes are read only while a call here waits. Until then data stays in the pipes, and a worker
    that fills them blocks.
    """

    def __init__(self, sandbox: Sandbox, output_bytes: int) -> None:
        self._output_bytes = output_bytes
        self.folder = TemporaryFolder()
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
        self.running: tuple[int, Statement] | None = None  # the request and the statement that began last
        self._statements = 0
        self._clock: Clock | None = None
        self.used = Used(0.0, 0.0)  # up to the last reply
        self._selector = selectors.DefaultSelector()
        self._open: set[object] = set()
        for pipe, read in ((self._process.replies, self._read_replies), (self._process.output, self._read_output)):
            self._selector.register(pipe, selectors.EVENT_READ, read)
            self._open.add(pipe)

    def send(self, frame: bytes) -> None:
        """Send one request without blocking; `reply` sends what did not fit into the pipe.

        `reply` is also where a worker that has ended or does not read is noticed.
        """
        is_waiting = bool(self._unsent)
        self._unsent += frame
        if not is_waiting and not self._write():
            self._selector.register(self._process.requests, selectors.EVENT_WRITE, self._write_more)

    def reply(self, allowed: TimeAllowance) -> tuple[protocol.ReplyHeader, protocol.Arrays] | None:
        """Return the next reply, or None if the worker will send none; raise TimeExceeded if it takes too long."""
        if self._clock is None:
            self._clock = Clock(self._process.pid)
        self._clock.begin()
        statement, statement_began, self._statements = self.running, Used(0.0, 0.0), 0
        backstop_s = time.monotonic() + BACKSTOP * (allowed.cpu_s + allowed.wait_s)
        try:
            while not self._replies and not self.is_flooded and self._process.replies in self._open:
                self._listen(POLL_S)
                if self._replies:
                    break
                used = self._clock.read()
                if self.running != statement:
                    statement, statement_began = self.running, used
                allowed.check(used, since(statement_began, used))
                if time.monotonic() > backstop_s:
                    raise TimeExceeded(allowed.wait_s, is_waiting=True)
        finally:
            self.used = self._clock.read()
        if self.is_flooded:  # a reply sent before the flood may arrive after it
            self._listen_until(lambda: bool(self._replies) or self._process.replies not in self._open, FLOOD_TIME_S)
        return self._replies.popleft() if self._replies else None

    @property
    def has_more(self) -> bool:
        """Whether the worker sent more than the replies taken so far."""
        return bool(self._replies) or not self._inbox.is_empty

    def take_output(self, mark: bytes) -> str:
        """Wait for the mark and return the output before it, truncated."""
        wait_s = 0 if self._is_mark_lost else MARK_TIME_S
        self._listen_until(lambda: mark in self._output or self._process.output not in self._open, wait_s)
        self._is_mark_lost = mark not in self._output and self._process.output in self._open
        text, _, rest = bytes(self._output).partition(mark)
        self._output = bytearray(rest)
        return text[:OUTPUT_SHOWN_BYTES].decode("utf-8", "replace")

    def last_output(self) -> str:
        """Return the rest of the output of a stopped worker, truncated."""
        return bytes(self._output[:OUTPUT_SHOWN_BYTES]).decode("utf-8", "replace")

    def stop(self) -> int:
        """Kill the worker's process group, reap the worker, and return its exit code.

        A worker that had already ended keeps its own exit code: the signal reaches a zombie. If a process that left
        the group holds a pipe open, the pipe is abandoned after STOP_TIME_S.
        """
        try:
            self._process.kill()
            code = self._process.reap()
        finally:
            self._listen_until(lambda: not self._open, STOP_TIME_S)
            self._selector.close()
            if self._clock is not None:
                self._clock.close()
            for pipe in (self._process.requests, self._process.replies, self._process.output):
                pipe.close()
            self.folder.remove()
        return code

    def settle(self) -> None:
        """Give a worker that closed its pipe a moment to end by itself."""
        self._process.settle(SETTLE_TIME_S)

    def _listen_until(self, is_over: Callable[[], bool], time_s: float) -> None:
        """Read and write pipes until is_over() is true, for at most time_s seconds."""
        deadline = time.monotonic() + time_s
        while not is_over() and (left_s := deadline - time.monotonic()) >= 0:
            self._listen(left_s)

    def _listen(self, time_s: float) -> None:
        """Wait at most time_s seconds for a pipe to become ready, and read or write it."""
        for key, _ in self._selector.select(max(0.0, time_s)):
            key.data()

    def _write(self) -> bool:
        """Write as much as the pipe takes; return whether that was all. With no reader left, the rest is discarded."""
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
        """Read available bytes; stop watching a pipe that has ended."""
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
            for header, arrays in self._inbox.feed(part):
                if header.statement is None:
                    self._replies.append((header, arrays))
                else:
                    self._begin(header.id, header.statement)
        except protocol.ProtocolError:
            self.is_broken = True
            self._close(self._process.replies)

    def _begin(self, request: int, statement: Statement) -> None:
        """Record the statement that begins, and restart the count of printed bytes."""
        self._statements += 1
        if self._statements > MOST_STATEMENTS:
            raise protocol.ProtocolError("more statements than a program has")
        self.running = request, statement
        self._printed_bytes = 0

    def _read_output(self) -> None:
        part = self._read(self._process.output)
        self._printed_bytes += len(part)
        self._output += part
        if len(self._output) > 4 * OUTPUT_SHOWN_BYTES:  # keep the start, and enough of the end to hold a mark
            del self._output[OUTPUT_SHOWN_BYTES:-4096]
        if self._printed_bytes > self._output_bytes:
            self.is_flooded = True
            self._close(self._process.output)


def since(began: Used, now: Used) -> Used:
    """Return the time used between two readings of a clock."""
    return Used(now.cpu_s - began.cpu_s, now.waited_s - began.waited_s)
