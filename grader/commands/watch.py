"""Grades a submission again after each save: `grade --watch PATH`.

A thread watches the path; the main thread grades its content in a warm process, and prints. A save that
changes no byte is not graded again, so reports written beside the submission start nothing.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from grader.classroom.warm import GradingRequest, Task, Warm
from grader.commands.installation import adding
from grader.commands.new import TEMPLATE
from grader.core.errors import Rejected, UsageError
from grader.core.report import Report, Status
from grader.pipeline.staging import collect, name_of

if TYPE_CHECKING:
    from watchfiles import Change

QUIET_MS = 50  # a save is complete after this time without a further change
GROUPED_MS = 400  # longest series of changes that counts as one save
LOOK_MS = 500  # polling interval for changes that the system does not report: a recreated folder, a network drive
HALF_WRITTEN_S = 0.15  # time that a missing or empty file gets to be written completely
PATIENCE_S = 1.0  # a grade that takes longer is abandoned for a newer save


def look(path: Path, seed: int) -> GradingRequest | None:
    """Return a request with the content of a path, or why it cannot be read; None if nothing is there.

    Read again if the file seems half-written.
    """
    seen = _look(path, seed)
    if seen is None or seen.raw is None or not any(seen.raw.files.values()):
        time.sleep(HALF_WRITTEN_S)
        seen = _look(path, seed)
    return seen


def _look(path: Path, seed: int) -> GradingRequest | None:
    name = name_of(path)
    try:
        return GradingRequest(name=name, seed=seed, raw=collect(path))
    except Rejected as rejected:
        is_there = path.is_symlink() or path.exists()
        return GradingRequest(name=name, seed=seed, reason=rejected.reason) if is_there else None


class FileWatcher:
    """Thread that watches the path. A context manager; `next` waits for the newest content that was not returned yet."""

    def __init__(self, path: Path, seed: int) -> None:
        try:
            import watchfiles
        except ImportError as error:
            raise UsageError(
                "--watch needs watchfiles; install it with: {command}", command=adding("watchfiles")
            ) from error
        self._watch = watchfiles.watch
        self._path = path.absolute()
        self._seed = seed
        self._seen: queue.SimpleQueue[GradingRequest | None] = queue.SimpleQueue()
        self._last = look(self._path, seed)
        self._seen.put(self._last)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._give_up: Callable[[], None] | None = None
        self._since = 0.0

    def __enter__(self) -> FileWatcher:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(1)

    def next(self) -> GradingRequest | None:
        """Wait for the next content and return it, as `look` does."""
        while True:
            with contextlib.suppress(queue.Empty):  # without a timeout, Ctrl-C would not work here on Windows
                seen = self._seen.get(timeout=LOOK_MS / 1000)
                while not self._seen.empty():
                    seen = self._seen.get()
                return seen

    @contextlib.contextmanager
    def grading(self, give_up: Callable[[], None]) -> Iterator[None]:
        """Call give_up if there is newer content and grading already takes long."""
        self._give_up, self._since = give_up, time.monotonic()
        try:
            yield
        finally:
            self._give_up = None

    def _run(self) -> None:
        while not self._stop.is_set():
            is_folder = self._path.is_dir()
            place = self._path if is_folder else self._path.parent
            try:
                mark = place.stat().st_ino
                for _ in self._watch(
                    place,
                    watch_filter=None if is_folder else self._is_of_the_file,
                    debounce=GROUPED_MS,
                    step=QUIET_MS,
                    rust_timeout=LOOK_MS,
                    yield_on_timeout=True,
                    stop_event=self._stop,
                    recursive=is_folder,
                    ignore_permission_denied=True,
                ):
                    self._compare()
                    if self._path.is_dir() != is_folder or place.stat().st_ino != mark:
                        break
            except OSError:  # the folder was deleted: wait for it
                self._compare()
                self._stop.wait(LOOK_MS / 1000)

    def _is_of_the_file(self, _: Change, path: str) -> bool:
        return Path(path).name == self._path.name

    def _compare(self) -> None:
        seen = look(self._path, self._seed)
        if (seen and seen.content) != (self._last and self._last.content):
            self._last = seen
            self._seen.put(seen)
        give_up = self._give_up
        if give_up is not None and not self._seen.empty() and time.monotonic() - self._since > PATIENCE_S:
            give_up()


def watch(
    path: Path, task: Task, seed: int, show: Callable[[Report, Report | None], None], tell: Callable[[str], None]
) -> NoReturn:
    """Grade at each save until interrupted; show gets a report and the previous one, tell a line on the progress."""
    with contextlib.ExitStack() as stack:
        watcher = stack.enter_context(FileWatcher(path, seed))
        warm = Warm(task)
        stack.callback(lambda: warm.close())
        before: Report | None = None
        is_warm = False
        while True:
            request = watcher.next()
            if request is None:
                tell(f"{name_of(path)} is gone; waiting for it.")
                continue
            if warm.has_ended:  # its last grade was given up
                warm.close()
                warm, is_warm = Warm(task), False
            tell(f"grading {name_of(path)} …")
            with watcher.grading(warm.end):
                report = warm.grade(request)
            if warm.has_ended:
                continue
            show(report, before)
            before = report
            if not is_warm:
                is_warm = report.status is Status.GRADED or warm_up(warm, seed)


def warm_up(warm: Warm, seed: int) -> bool:
    """Grade the template to load everything that a grade needs; return whether that worked."""
    template = GradingRequest(name="template", seed=seed, raw=collect(TEMPLATE / "network.py"))
    return warm.grade(template).status is Status.GRADED
