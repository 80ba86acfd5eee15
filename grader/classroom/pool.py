"""Executors that grade: threads with one warm process each on this machine, or the workers of a Dask cluster."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Any

import msgspec

from grader.classroom.grading import close_all, connection_lost
from grader.core.errors import BrokenGrader, UsageError
from grader.core.messages import Message, say

WORKERS_S = 60.0  # time that a cluster may be without workers
LOST_S = 60.0  # time that a scheduler may be unreachable


class Pool(msgspec.Struct, frozen=True):
    """An executor; size is how many submissions it grades at a time, watch raises BrokenGrader once it has stopped."""

    executor: Executor
    size: int
    watch: Callable[[], None]


@contextlib.contextmanager
def local(jobs: int) -> Iterator[Pool]:
    """Grade on this machine."""
    executor = ThreadPoolExecutor(jobs)
    try:
        yield Pool(executor, jobs, lambda: None)
    finally:
        executor.shutdown(wait=False, cancel_futures=True)
        close_all()


@contextlib.contextmanager
def cluster(address: str, install: str, tell: Callable[[Message], None]) -> Iterator[Pool]:
    """Grade on the workers of a Dask scheduler.

    tell reports what the command is waiting for; install is the command that installs distributed.
    """
    try:
        from distributed import Client
    except ImportError as error:
        raise UsageError("--cluster needs distributed; install it with: {command}", command=install) from error
    logging.disable(logging.ERROR)  # the watcher reports problems in one sentence
    try:
        client = Client(address, timeout="20s")  # type: ignore[no-untyped-call]
    except (OSError, ValueError, TimeoutError) as error:
        raise UsageError("No Dask scheduler answers at {address}.", address=address) from error
    try:
        watcher = ClusterWatcher(client, address, tell)
        watcher.wait_for_workers()
        executor = client.get_executor(pure=False, retries=2)  # type: ignore[no-untyped-call]
        yield Pool(executor, max(1, sum(watcher.threads())), watcher)
    finally:
        with contextlib.suppress(Exception):  # closing fails if the scheduler is lost
            client.close(timeout=2)  # type: ignore[no-untyped-call]


class ClusterWatcher:
    """Detector of a stopped cluster: its scheduler is unreachable, or it has no workers, for too long."""

    def __init__(self, client: Any, address: str, tell: Callable[[Message], None]) -> None:
        self._client, self._address, self._tell = client, address, tell
        self._since: float | None = None  # when it stopped grading

    def threads(self) -> list[int]:
        """Return the number of threads of each known worker."""
        info: dict[str, Any] = self._client.scheduler_info(n_workers=-1)
        return [item["nthreads"] for item in info["workers"].values()]

    def wait_for_workers(self) -> None:
        """Wait until there is a worker."""
        while not self.threads():
            self()
            time.sleep(0.2)

    def __call__(self) -> None:
        """Raise BrokenGrader if the cluster has been unable to grade for too long."""
        if self._client.status == "closed":
            raise connection_lost()
        if self._client.status != "running":
            self._waiting(say("The Dask scheduler at {address} does not answer: waiting for it.", address=self._address), LOST_S, connection_lost)  # fmt: skip
        elif not self.threads():
            self._waiting(say("The cluster has no workers: waiting for one."), WORKERS_S, self._idle)
        else:
            self._since = None

    def _waiting(self, message: Message, most_s: float, end: Callable[[], BrokenGrader]) -> None:
        if self._since is None:
            self._since = time.monotonic()
            self._tell(message)
        elif time.monotonic() - self._since > most_s:
            raise end()

    def _idle(self) -> BrokenGrader:
        return BrokenGrader(
            "The cluster at {address} had no workers for {seconds} s. Finished grades are kept: run the command again to continue.",
            address=self._address, seconds=round(WORKERS_S),
        )  # fmt: skip
