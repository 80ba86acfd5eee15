"""Who grades: threads with a warm process each on this machine, or the workers of a Dask cluster."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from grader.classroom.grading import close_all
from grader.core.errors import BrokenGrader, UsageError
from grader.core.messages import Message, say

WORKERS_S = 60.0  # how long a cluster may have no worker
LOST_S = 60.0  # how long a scheduler may be away


@dataclass(frozen=True, slots=True)
class Pool:
    """An executor, how many submissions it grades at a time, and what raises BrokenGrader when it grades no more."""

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
    """Grade on the workers of a Dask scheduler; tell says what is waited for, install how distributed is installed."""
    try:
        from distributed import Client
    except ImportError as error:
        raise UsageError("--cluster needs distributed; install it with: {command}", command=install) from error
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what it has to say, the watcher says in a sentence
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
        with contextlib.suppress(Exception):  # a scheduler that is lost does not say goodbye
            client.close(timeout=2)  # type: ignore[no-untyped-call]


class ClusterWatcher:
    """Notices that a cluster grades no more: its scheduler is away, or it has no worker, for longer than it may be."""

    def __init__(self, client: Any, address: str, tell: Callable[[Message], None]) -> None:
        self._client, self._address, self._tell = client, address, tell
        self._since: float | None = None  # when it stopped grading

    def threads(self) -> list[int]:
        """Return the number of threads of each worker, as far as is known."""
        info: dict[str, Any] = self._client.scheduler_info(n_workers=-1)
        return [item["nthreads"] for item in info["workers"].values()]

    def wait_for_workers(self) -> None:
        """Return when there is a worker."""
        while not self.threads():
            self()
            time.sleep(0.2)

    def __call__(self) -> None:
        """Raise BrokenGrader when the cluster has graded nothing for too long."""
        if self._client.status == "closed":
            raise self._lost()
        if self._client.status != "running":
            self._waiting(say("The Dask scheduler at {address} is away: waiting for it.", address=self._address), LOST_S, self._lost)  # fmt: skip
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

    def _lost(self) -> BrokenGrader:
        return BrokenGrader("The Dask scheduler was lost. What is graded is kept: run the command again to go on.")

    def _idle(self) -> BrokenGrader:
        return BrokenGrader(
            "The cluster at {address} had no workers for {seconds} s. What is graded is kept: run the command again to go on.",
            address=self._address, seconds=round(WORKERS_S),
        )  # fmt: skip
