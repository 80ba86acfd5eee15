"""Grades what needs a grade, keeps each report as it comes, and records what changes."""

from __future__ import annotations

import atexit
import itertools
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError, Executor, Future
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from queue import Empty, SimpleQueue
from typing import Any

from grader.classroom.results_folder import CHANGES, ResultsFolder, Unwritable
from grader.classroom.statistics import is_of, mistakes_in
from grader.classroom.uploads import Submission
from grader.classroom.warm import GradingRequest, Task, Warm, broken
from grader.core.errors import BrokenGrader
from grader.core.report import Report, Status

SCORE = "score"
WATCH_S = 1.0
WAITING = 2  # submissions read in advance for each one that is being graded

_local = threading.local()
_open: list[Warm] = []


def graded(task: Task, wanted: GradingRequest) -> Report:
    """Grade a submission in the warm process of this thread; what an executor calls, here or on another machine."""
    warm: Warm | None = getattr(_local, "warm", None)
    if warm is None or warm.task != task:
        if warm is not None:
            warm.close()
        warm = _local.warm = Warm(task)
        _open.append(warm)
    return warm.grade(wanted)


@atexit.register
def close_all() -> None:
    """End the warm processes of this process, and whatever they are grading."""
    while _open:
        _open.pop().end()


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """What the run says about one submission: measured points, and why the grader broke, if it did.

    is_kept: the grader broke, and an earlier result stays.
    """

    key: str
    status: Status
    score: int | None
    misconceptions: tuple[str, ...]
    broken: str = ""
    is_new: bool = False
    is_kept: bool = False


def line_of(key: str, report: Report, **more: Any) -> Line:
    """Return the short form of a report."""
    return Line(key=key, status=report.status, score=report.score, misconceptions=mistakes_in(report), **more)


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """Another score or other points than an earlier run measured: of which submission, where and why.

    The criterion is "score" for the score. is_resubmitted: the student handed in something else.
    """

    key: str
    criterion: str
    before: int | None
    after: int | None
    is_resubmitted: bool
    why: str = ""


def changes_of(key: str, before: Report | None, after: Report) -> Iterator[Change]:
    """Yield the score, if it changed, and each criterion whose points changed."""
    if before is None or before.status is Status.GRADER_ERROR:
        return
    is_resubmitted = before.submission.sha256 != after.submission.sha256
    if before.score != after.score:
        why = after.reason.text if after.reason is not None else ""
        yield Change(
            key=key, criterion=SCORE, before=before.score, after=after.score, is_resubmitted=is_resubmitted, why=why
        )
    earlier = {criterion.id: criterion for criterion in before.criteria}
    for part in after.criteria:
        old = earlier.get(part.id)
        was = None if old is None or before.score is None else old.points
        now = None if after.score is None else part.points
        if was != now:
            told = part.feedback or (old.feedback if old is not None else None)
            yield Change(
                key=key, criterion=part.id, before=was, after=now, is_resubmitted=is_resubmitted,
                why=told.text if told else "",
            )  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Unit:
    """What is graded once: one attempt of a student, or of all members of a team."""

    members: tuple[Submission, ...]
    is_last: bool


def units(submissions: Iterable[Submission], *, is_best: bool) -> Iterator[Unit]:
    """Yield what is to be graded: the last attempts, and before each the earlier ones if the best counts."""
    teams: dict[str, list[Submission]] = defaultdict(list)
    for submission in submissions:
        teams[submission.graded_as or submission.key].append(submission)
    for members in teams.values():
        for place in range(len(members[0].earlier) if is_best else 0):
            yield Unit(members=tuple(member.earlier[place] for member in members), is_last=False)
        yield Unit(members=tuple(members), is_last=True)


@dataclass(slots=True)
class Run:
    """One run over a class: what is graded how, where it is kept, and who is told.

    done is called with the line of each submission, including those that need no grade, changed with each change. watch
    is called while nothing is ready, and raises when nothing will be. decide adds what the teacher decided about a key.
    """

    task: Task
    results_folder: ResultsFolder
    done: Callable[[Line], None]
    changed: Callable[[Change], None]
    watch: Callable[[], None] = lambda: None
    decide: Callable[[str, Report], Report] = lambda _, report: report

    def grade(self, submissions: Iterable[Submission], executor: Executor, jobs: int, *, regrade: bool) -> None:
        """Grade what has no report of this very kind yet, jobs at a time, and keep each report as it comes."""
        waiting: dict[Future[Report], tuple[Unit, GradingRequest, str]] = {}
        # Not futures.wait: interrupted while it takes the futures' locks, it keeps some, and the threads never end.
        ready: SimpleQueue[Future[Report]] = SimpleQueue()
        todo = units(submissions, is_best=self.results_folder.is_best)
        while True:
            for unit in itertools.islice(todo, max(0, jobs * WAITING - len(waiting))):
                wanted, mark = self.results_folder.wanted(unit.members[0], self.task)
                if not regrade and all(self.results_folder.has(member.key, mark) for member in unit.members):
                    self._settle(unit, mark)
                    continue
                future = executor.submit(graded, self.task, wanted)
                waiting[future] = (unit, wanted, mark)
                future.add_done_callback(ready.put)
            if not waiting:
                if (one_more := next(todo, None)) is None:
                    return
                todo = itertools.chain([one_more], todo)
                continue
            unit, wanted, mark = waiting.pop(future := self._next(ready))
            self._keep(unit, self._result(future, wanted), mark)

    def _next(self, ready: SimpleQueue[Future[Report]]) -> Future[Report]:
        while True:
            try:
                return ready.get(timeout=WATCH_S)
            except Empty:
                self.watch()

    def _result(self, future: Future[Report], wanted: GradingRequest) -> Report:
        try:
            return future.result()
        except CancelledError as error:  # nothing here cancels: a scheduler that was lost does
            raise BrokenGrader(
                "The Dask scheduler was lost. What is graded is kept: run the command again to go on."
            ) from error
        except Exception as error:  # a worker of a cluster that is lost for good
            self.watch()
            return broken(self.task, wanted, f"{type(error).__name__}: {error}")

    def _settle(self, unit: Unit, mark: str) -> None:
        """Have the attempt that counts in its place, where all of them have been graded."""
        for member in unit.members if unit.is_last else ():
            before = self.results_folder.report(member.key)
            self._choose(member, before, mark)
            counting = self.results_folder.report(member.key)
            assert counting is not None
            self.done(line_of(member.key, counting))

    def _keep(self, unit: Unit, report: Report, mark: str) -> None:
        for member in unit.members:
            named = replace(report, submission=replace(report.submission, name=member.key))
            line = self._kept(member, named, mark, is_last=unit.is_last)
            if unit.is_last or line.broken:
                self.done(line)

    def _kept(self, submission: Submission, report: Report, mark: str, *, is_last: bool) -> Line:
        """Keep a new report and record what it changes; if the grader broke, an earlier result stays."""
        before, reason = self.results_folder.report(submission.key), ""
        if report.status is Status.GRADER_ERROR:
            reason = report.reason.text if report.reason is not None else ""
            if before is not None and before.status is not Status.GRADER_ERROR:
                return line_of(submission.key, before, broken=reason, is_kept=True)
            mark = ""  # it is graded again the next time
        report = replace(report, environment=replace(report.environment, fingerprint=mark))
        is_other = before is not None and before.status is not Status.GRADER_ERROR and _differ(before, report)
        try:
            if is_other:
                self.results_folder.keep_attempt(submission.key, report)
            else:
                self._replace(submission.key, before, report)
            if is_last:
                self._choose(submission, self.results_folder.report(submission.key), mark)
        except Unwritable as error:
            if not error.is_taken:
                raise
            self.results_folder.unkept[submission.key] = report
            reason = error.reason.text
        return line_of(submission.key, self.results_folder.report(submission.key) or report, broken=reason, is_new=True)

    def _choose(self, submission: Submission, before: Report | None, mark: str) -> None:
        """Put the attempt that counts into its place: the last one, or the best of this rubric."""
        others = self.results_folder.attempts(submission.key)
        if before is None or not others:
            return
        every = sorted([before, *others], key=lambda report: report.environment.fingerprint != mark)
        chosen = every[0]
        if self.results_folder.is_best:
            chosen = max(
                (report for report in every if is_of(report, self.task.lab.rubric)), key=points_in, default=every[0]
            )
        if _differ(before, chosen):
            self.results_folder.keep_attempt(submission.key, before)
            self._replace(submission.key, before, chosen)

    def _replace(self, key: str, before: Report | None, report: Report) -> None:
        """Keep a report in the place of another one, and first record what that changes."""
        changes = list(changes_of(key, before, report))
        if changes:
            write_changes(self.results_folder, changes)
        for change in changes:
            self.changed(change)
        self.results_folder.keep(key, self.decide(key, report))


def points_in(report: Report) -> tuple[int, int]:
    """Return what the best of several attempts has most of: a score, then extra points."""
    return -1 if report.score is None or report.status is Status.REJECTED else report.score, report.extra_score


def _differ(report: Report, other: Report) -> bool:
    return report.submission.sha256 != other.submission.sha256


def write_changes(results_folder: ResultsFolder, changes: Iterable[Change]) -> None:
    """Add to changes.csv whose points changed, when and why."""
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")
    titles = ("time_utc", "key", "criterion", "before", "after", "submission", "why")
    rows = ((now, c.key, c.criterion, c.before, c.after, "new" if c.is_resubmitted else "same", c.why) for c in changes)
    results_folder.append(CHANGES, titles, rows)
