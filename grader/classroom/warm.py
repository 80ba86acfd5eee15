"""A process that keeps pytest, the suite and a sandbox loaded, and grades one submission after another.

It is trusted and never runs student code. A submission that it fails to grade is tried again in a fresh process.
`python -m grader.classroom.warm` reads messages from standard input and answers on standard output, each a
little-endian uint32 (length) and msgpack: first a Task, then for each GradingRequest a Report.
"""

from __future__ import annotations

import contextlib
import gc
import os
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING, TypeVar

import msgspec
from msgspec.structs import replace

from grader.core.messages import Message, say
from grader.core.report import Report, Status
from grader.pipeline.assignment import Assignment, content_hash
from grader.pipeline.runs import RawSubmission
from grader.sandbox.preload import EVERY
from grader.sandbox.processes import Sandbox, SandboxError, TemporaryFolder

if TYPE_CHECKING:
    from grader.pipeline.run_suite import CollectedSuite

LENGTH = struct.Struct("<I")
SLACK_S = 60.0  # for the trusted side, in addition to the submission's total time
TRIES = 2
LOOK_S = 0.2

T = TypeVar("T")


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """How all submissions of a class are graded."""

    lab: Assignment
    lang: str = "en"
    required: str = "process"


class GradingRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A submission as bytes, or the reason why it could not be read; is_last: the last try if the grader fails."""

    name: str
    seed: int
    raw: RawSubmission | None = None
    reason: Message | None = None
    is_last: bool = False

    @property
    def content(self) -> str:
        """A key that changes with the content."""
        return self.raw.sha256 if self.raw is not None else str(self.reason)


class Warm:
    """Handle to a warm process, started on first use and restarted after it ends. Not thread-safe."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self._process: subprocess.Popen[bytes] | None = None
        self._folder: TemporaryFolder | None = None  # of its temporary files: it is killed, so it cannot remove them
        self.has_ended = False

    def grade(self, request: GradingRequest) -> Report:
        """Return the report of a submission; its status is grader_error if the process ends in each of TRIES tries."""
        for number in range(1, TRIES + 1):
            if self.has_ended:
                break
            process = self._process if self._process is not None else self._start()
            deadline = threading.Timer(self.task.lab.limits.total_time_s + SLACK_S, process.kill)
            deadline.daemon = True
            deadline.start()
            try:
                send(process.stdin, replace(request, is_last=number == TRIES))
                return receive(process.stdout, Report)
            except (OSError, EOFError, msgspec.MsgspecError):
                self.close()
            finally:
                deadline.cancel()
        return broken(self.task, request, "the process that graded it ended twice")

    def end(self) -> None:
        """Kill the process from another thread, without a restart, and wait until it has ended."""
        self.has_ended = True
        process = self._process
        if process is not None:
            process.kill()
            process.wait()
        self._clear()

    def close(self) -> None:
        """Kill the process; the next submission starts a new one."""
        process, self._process = self._process, None
        if process is not None:
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    with contextlib.suppress(OSError):
                        stream.close()
            process.kill()
            process.wait()
        self._clear()

    def _clear(self) -> None:
        folder, self._folder = self._folder, None
        if folder is not None:
            folder.remove()

    def _start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-P", "-m", "grader.classroom.warm"]
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
        with contextlib.suppress(SandboxError):  # each report has this error
            self._folder = TemporaryFolder()
            environment["TMPDIR"] = self._folder.name
        self._process = subprocess.Popen(  # noqa: S603  - our own module
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, start_new_session=True
        )
        with contextlib.suppress(OSError):
            send(self._process.stdin, self.task)
        return self._process


def send(stream: IO[bytes] | None, message: object) -> None:
    """Write one message."""
    assert stream is not None
    packed = msgspec.msgpack.encode(message)
    stream.write(LENGTH.pack(len(packed)) + packed)
    stream.flush()


def receive(stream: IO[bytes] | None, kind: type[T]) -> T:
    """Read one message; raise EOFError if the other end is closed."""
    assert stream is not None
    (length,) = LENGTH.unpack(exactly(stream, LENGTH.size))
    return msgspec.msgpack.decode(exactly(stream, length), type=kind)


def exactly(stream: IO[bytes], count: int) -> bytes:
    """Read exactly this many bytes from a buffered stream; raise EOFError if the other end is closed."""
    data = stream.read(count)
    if len(data) < count:
        raise EOFError
    return data


def broken(task: Task, request: GradingRequest, problem: str | Message) -> Report:
    """Return the report of a submission that the grader failed to grade."""
    from grader.pipeline.grading import grader_failure
    from grader.pipeline.scoring import without_run

    reason = grader_failure(problem)
    return without_run(
        task.lab, request.name, Status.GRADER_ERROR, reason, seed=request.seed, lang=task.lang, total_s=0.0
    )


# --- inside the process -------------------------------------------------------------------------


class Server:
    """The side of the warm process."""

    def __init__(self, task: Task, requests: IO[bytes], replies: IO[bytes]) -> None:
        self._task = task
        self._requests, self._replies = requests, replies
        self._box: Sandbox

    def serve(self) -> None:
        """Answer requests until the other end is closed."""
        from grader.pipeline.run_suite import CollectedSuite

        with Sandbox(self._task.required, modules=(*EVERY, *self._task.lab.packages)) as self._box:
            problem: str | Message | None = self._moved()
            if (
                problem is None and self._task.lab.folder
            ):  # its suite may keep state: collect it anew for each submission
                self._answer_all(None)
            elif problem is None:
                suite = CollectedSuite(self._task.lab)
                found = suite.collect(lambda: self._answer_all(suite))
                problem = None if found is None else found.every_problem
            while problem is not None:
                send(self._replies, broken(self._task, receive(self._requests, GradingRequest), problem))

    def _moved(self) -> Message | None:
        """Return the problem if the assignment's folder has other content here, perhaps on another machine, else None."""
        lab = self._task.lab
        is_same = not lab.sha256 or content_hash(Path(lab.folder)) == lab.sha256
        if is_same:
            return None
        return say("the assignment {path} is another one on this machine", path=Path(lab.folder).name)

    def _answer_all(self, suite: CollectedSuite | None) -> None:
        with contextlib.suppress(SandboxError):  # each report has this error
            self._box.wait()
        gc.collect()
        gc.freeze()  # objects that live as long as the process need no further collection
        is_last_broken = False
        with contextlib.suppress(EOFError):
            while True:
                request = receive(self._requests, GradingRequest)
                report = self._report(request, suite)
                is_broken = report.status is Status.GRADER_ERROR
                if is_broken and not is_last_broken and not request.is_last:
                    os._exit(1)  # this process may be in a bad state: try the submission again in a fresh one
                is_last_broken = is_broken
                send(self._replies, report)

    def _report(self, request: GradingRequest, suite: CollectedSuite | None) -> Report:
        from grader.pipeline.grading import grade_raw
        from grader.pipeline.scoring import without_run

        lab, lang, seed = self._task.lab, self._task.lang, request.seed
        if request.raw is None:
            assert request.reason is not None
            return without_run(lab, request.name, Status.REJECTED, request.reason, seed=seed, lang=lang, total_s=0.0)
        return grade_raw(request.raw, lab, self._box, seed=seed, lang=lang, collected=suite)


def end_with(parent: int) -> None:
    """End this process, whatever it is doing, once its parent has ended. Windows does not show that."""
    while os.getppid() == parent:
        time.sleep(LOOK_S)
    os._exit(1)


def main() -> None:
    """Run as a warm process."""
    requests, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    threading.Thread(target=end_with, args=[os.getppid()], daemon=True).start()
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(2, 1)  # so that printed text does not mix with messages
    with contextlib.suppress(EOFError, BrokenPipeError):
        Server(receive(requests, Task), requests, replies).serve()


if __name__ == "__main__":
    main()
