"""A process that has pytest, the suite and a sandbox ready, and grades one submission after another.

Trusted, and never in touch with student code. Where it fails over a submission, that one is tried again
in a fresh process. `python -m grader.classroom.warm` reads messages from its standard input and answers on its standard
output, both as a little-endian uint32 (length) and msgpack: first a Task, then a GradingRequest for each Graded.
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
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, TypeVar

import msgspec

from grader.core.messages import Message, say
from grader.core.report import Report, Status
from grader.pipeline.assignment import Assignment, content_hash
from grader.pipeline.runs import RawSubmission
from grader.sandbox.preload import EVERY
from grader.sandbox.processes import Sandbox, SandboxError, TemporaryFolder

if TYPE_CHECKING:
    from grader.pipeline.run_suite import CollectedSuite

LENGTH = struct.Struct("<I")
SLACK_S = 60.0  # for the trusted side of a submission, beyond its own time
ATTEMPTS = 2
LOOK_S = 0.2

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """How all submissions of a class are graded."""

    lab: Assignment
    lang: str = "en"
    required: str = "process"


@dataclass(frozen=True, kw_only=True, slots=True)
class GradingRequest:
    """A submission as bytes, or the reason why there is none; is_last: a broken grader is not tried again."""

    name: str
    seed: int
    raw: RawSubmission | None = None
    reason: Message | None = None
    is_last: bool = False


class Warm:
    """A warm process, started when it is first needed, and again after it ended. A context manager; one thread at a time."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self._process: subprocess.Popen[bytes] | None = None
        self._folder: TemporaryFolder | None = None  # of its temporary files: it is killed, and removes nothing itself
        self._has_ended = False

    def __enter__(self) -> Warm:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def grade(self, wanted: GradingRequest) -> Report:
        """Return the report of a submission; where the process dies twice over it, the report says grader_error."""
        for attempt in range(1, ATTEMPTS + 1):
            if self._has_ended:
                break
            process = self._process if self._process is not None else self._start()
            with Deadline(process, self.task.lab.limits.total_time_s + SLACK_S):
                try:
                    send(process.stdin, replace(wanted, is_last=attempt == ATTEMPTS))
                    return receive(process.stdout, Report)
                except (OSError, EOFError, msgspec.MsgspecError):
                    pass
            self.close()
        return broken(self.task, wanted, "the process that graded it ended twice")

    def end(self) -> None:
        """End the process from another thread, for good, and wait until it has gone."""
        self._has_ended = True
        process = self._process
        if process is not None:
            process.kill()
            process.wait()
        self._clear()

    def close(self) -> None:
        """End the process; the next submission starts another."""
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
        with contextlib.suppress(SandboxError):  # each report says it
            self._folder = TemporaryFolder()
            environment["TMPDIR"] = self._folder.name
        self._process = subprocess.Popen(  # noqa: S603  - our own module
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, start_new_session=True
        )
        with contextlib.suppress(OSError):
            send(self._process.stdin, self.task)
        return self._process


class Deadline:
    """Kills a process that takes longer than it may."""

    def __init__(self, process: subprocess.Popen[bytes], seconds: float) -> None:
        self._timer = threading.Timer(seconds, process.kill)
        self._timer.daemon = True

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()


def send(stream: IO[bytes] | None, message: object) -> None:
    """Write one message."""
    assert stream is not None
    packed = msgspec.msgpack.encode(message)
    stream.write(LENGTH.pack(len(packed)) + packed)
    stream.flush()


def receive(stream: IO[bytes] | None, kind: type[T]) -> T:
    """Read one message; EOFError where the other end has gone."""
    assert stream is not None
    (length,) = LENGTH.unpack(exactly(stream, LENGTH.size))
    return msgspec.msgpack.decode(exactly(stream, length), type=kind)


def exactly(stream: IO[bytes], count: int) -> bytes:
    """Read so many bytes."""
    parts = []
    while count:
        part = stream.read(count)
        if not part:
            raise EOFError
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def broken(task: Task, wanted: GradingRequest, problem: str | Message) -> Report:
    """Return the report of a submission that the grader itself failed over."""
    from grader.pipeline.grading import grader_failure
    from grader.pipeline.scoring import without_run

    reason = grader_failure(problem)
    return without_run(
        task.lab, wanted.name, Status.GRADER_ERROR, reason, seed=wanted.seed, lang=task.lang, total_s=0.0
    )


# --- inside the process -------------------------------------------------------------------------


class Server:
    """The warm process itself."""

    def __init__(self, task: Task, requests: IO[bytes], replies: IO[bytes]) -> None:
        self._task = task
        self._requests, self._replies = requests, replies
        self._box: Sandbox

    def serve(self) -> None:
        """Answer until the other end has gone."""
        from grader.pipeline.run_suite import CollectedSuite

        with Sandbox(self._task.required, modules=(*EVERY, *self._task.lab.packages)) as self._box:
            problem: str | Message | None = self._moved()
            if problem is None and self._task.lab.folder:  # its suite may keep something: it is read anew for each
                self._answer_all(None)
            elif problem is None:
                suite = CollectedSuite(self._task.lab)
                found = suite.collect(lambda: self._answer_all(suite))
                problem = None if found is None else found.every_problem
            while problem is not None:
                send(self._replies, broken(self._task, receive(self._requests, GradingRequest), problem))

    def _moved(self) -> Message | None:
        """Return what is wrong with an assignment's folder, which may be another on another machine."""
        lab = self._task.lab
        is_same = not lab.sha256 or content_hash(Path(lab.folder)) == lab.sha256
        if is_same:
            return None
        return say("the assignment {path} is another one on this machine", path=Path(lab.folder).name)

    def _answer_all(self, suite: CollectedSuite | None) -> None:
        with contextlib.suppress(SandboxError):  # each report says it
            self._box.wait()
        gc.collect()
        gc.freeze()  # what stays for the whole class is not looked through again
        is_last_broken = False
        with contextlib.suppress(EOFError):
            while True:
                wanted = receive(self._requests, GradingRequest)
                report = self._report(wanted, suite)
                is_broken = report.status is Status.GRADER_ERROR
                if is_broken and not is_last_broken and not wanted.is_last:
                    os._exit(1)  # a process that may have gone wrong: the submission is tried again in a fresh one
                is_last_broken = is_broken
                send(self._replies, report)

    def _report(self, wanted: GradingRequest, suite: CollectedSuite | None) -> Report:
        from grader.pipeline.grading import grade_raw, rejection

        lab, lang, seed = self._task.lab, self._task.lang, wanted.seed
        if wanted.raw is None:
            assert wanted.reason is not None
            return rejection(lab, wanted.name, wanted.reason, seed=seed, lang=lang, began=time.monotonic())
        return grade_raw(wanted.raw, lab, self._box, seed=seed, lang=lang, collected=suite)


def end_with(parent: int) -> None:
    """End this process, whatever it is doing, when its parent has gone; Windows does not tell."""
    while os.getppid() == parent:
        time.sleep(LOOK_S)
    os._exit(1)


def main() -> None:
    """Be a warm process."""
    requests, replies = os.fdopen(os.dup(0), "rb", buffering=0), os.fdopen(os.dup(1), "wb")
    threading.Thread(target=end_with, args=[os.getppid()], daemon=True).start()
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(2, 1)  # whatever is printed is no message
    with contextlib.suppress(EOFError, BrokenPipeError):
        Server(receive(requests, Task), requests, replies).serve()


if __name__ == "__main__":
    main()
