"""Grades the submissions that need it, stores each report at once, and records changes of points."""

from __future__ import annotations

import atexit
import itertools
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError, Executor, Future
from datetime import UTC, datetime
from queue import Empty, SimpleQueue
from typing import Any

import msgspec
from msgspec.structs import replace

from grader.classroom.results_folder import CHANGES, ResultsFolder, Unwritable
from grader.classroom.statistics import is_of
from grader.classroom.uploads import Submission
from grader.classroom.warm import GradingRequest, Task, Warm, broken
from grader.core.errors import BrokenGrader
from grader.core.report import Report, Status

SCORE = "score"
WATCH_S = 1.0
WAITING = 2  # submissions read in advance for each one that is being graded

_local = threading.local()
_open: list[Warm] = []


def graded(task: Task, request: GradingRequest) -> Report:
    """Grade a submission in the warm process of this thread. Executors call this, here or on another machine."""
    warm: Warm | None = getattr(_local, "warm", None)
    if warm is None or warm.task != task:
        if warm is not None:
            warm.close()
        warm = _local.warm = Warm(task)
        _open.append(warm)
    return warm.grade(request)


def connection_lost() -> BrokenGrader:
    """Return the error for a scheduler that cannot be reached any more."""
    return BrokenGrader(
        "The connection to the Dask scheduler was lost. Finished grades are kept: run the command again to continue."
    )


@atexit.register
def close_all() -> None:
    """End all warm processes of this process, even while they are grading."""
    while _open:
        _open.pop().end()


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """Summary of one submission for the terminal: measured points, and if the grader failed, why.

    is_kept: the grader failed, and an earlier result remains.
    """

    key: str
    status: Status
    score: int | None
    misconceptions: tuple[str, ...]
    broken: str = ""
    is_new: bool = False
    is_kept: bool = False


def line_of(key: str, report: Report, **more: Any) -> Line:
    """Return the summary of a report."""
    return Line(key=key, status=report.status, score=report.score, misconceptions=tuple(report.mistakes), **more)


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A change of measured points since an earlier run.

    criterion is "score" for the score. is_resubmitted: the student submitted different files.
    """

    key: str
    criterion: str
    before: int | None
    after: int | None
    is_resubmitted: bool
    why: str = ""


def changes_of(key: str, before: Report | None, after: Report) -> Iterator[Change]:
    """Yield a change for the score and for each criterion whose points changed."""
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
            feedback = part.feedback or (old.feedback if old is not None else None)
            yield Change(
                key=key, criterion=part.id, before=was, after=now, is_resubmitted=is_resubmitted,
                why=feedback.text if feedback else "",
            )  # fmt: skip


class Unit(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt that is graded once: of one student, or of all members of a team."""

    members: tuple[Submission, ...]
    is_last: bool


def units(submissions: Iterable[Submission], *, is_best: bool) -> Iterator[Unit]:
    """Yield the attempts to grade: the last one of each student or team, preceded by earlier ones if the best counts."""
    teams: dict[str, list[Submission]] = defaultdict(list)
    for submission in submissions:
        teams[submission.graded_as or submission.key].append(submission)
    for members in teams.values():
        for place in range(len(members[0].earlier) if is_best else 0):
            yield Unit(members=tuple(member.earlier[place] for member in members), is_last=False)
        yield Unit(members=tuple(members), is_last=True)


class Run(msgspec.Struct):
    """One run over a class: grades submissions and stores the reports.

    done is called with the line of each submission, including those that are up to date; changed with each change. watch
    is called while no report is ready, and raises if none will be. decide adds the teacher's decisions to a report.
    """

    task: Task
    results_folder: ResultsFolder
    done: Callable[[Line], None]
    changed: Callable[[Change], None]
    watch: Callable[[], None] = lambda: None
    decide: Callable[[str, Report], Report] = lambda _, report: report

    def grade(self, submissions: Iterable[Submission], executor: Executor, jobs: int, *, regrade: bool) -> None:
        """Grade the submissions without an up-to-date report (with regrade, all), jobs at a time; store reports at once."""
        waiting: dict[Future[Report], tuple[Unit, GradingRequest, str]] = {}
        # Not futures.wait: interrupted while it takes the locks of futures, it leaves some locked, and threads never end.
        ready: SimpleQueue[Future[Report]] = SimpleQueue()
        todo = self._todo(submissions, regrade=regrade)
        while True:
            for unit, request, mark in itertools.islice(todo, max(0, jobs * WAITING - len(waiting))):
                future = executor.submit(graded, self.task, request)
                waiting[future] = (unit, request, mark)
                future.add_done_callback(ready.put)
            if not waiting:
                return
            unit, request, mark = waiting.pop(future := self._next(ready))
            self._keep(unit, self._result(future, request), mark)

    def _todo(self, submissions: Iterable[Submission], *, regrade: bool) -> Iterator[tuple[Unit, GradingRequest, str]]:
        """Yield the attempts that need a grade, each with its request and fingerprint, and settle the others."""
        for unit in units(submissions, is_best=self.results_folder.is_best):
            request, mark = self.results_folder.request_for(unit.members[0], self.task)
            if regrade or not all(self.results_folder.has(member.key, mark) for member in unit.members):
                yield unit, request, mark
            else:
                self._settle(unit, mark)

    def _next(self, ready: SimpleQueue[Future[Report]]) -> Future[Report]:
        while True:
            try:
                return ready.get(timeout=WATCH_S)
            except Empty:
                self.watch()

    def _result(self, future: Future[Report], request: GradingRequest) -> Report:
        try:
            return future.result()
        except CancelledError as error:  # only a lost scheduler cancels futures
            raise connection_lost() from error
        except Exception as error:  # a worker of the cluster is lost for good
            self.watch()
            return broken(self.task, request, f"{type(error).__name__}: {error}")

    def _settle(self, unit: Unit, mark: str) -> None:
        """Put the counting attempt in place for a unit that needs no grade, if it is the last attempt."""
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
        """Store a new report and record changes; if the grader failed, an earlier result remains."""
        before, reason = self.results_folder.report(submission.key), ""
        if report.status is Status.GRADER_ERROR:
            reason = report.reason.text if report.reason is not None else ""
            if before is not None and before.status is not Status.GRADER_ERROR:
                return line_of(submission.key, before, broken=reason, is_kept=True)
            mark = ""  # so that the next run grades it again
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
        """Put the counting attempt in place: the last one, or the best one graded with this rubric."""
        others = self.results_folder.attempts(submission.key, before)
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
        """Record the changes from an earlier report, then store the new one in its place."""
        changes = list(changes_of(key, before, report))
        if changes:
            write_changes(self.results_folder, changes)
        for change in changes:
            self.changed(change)
        self.results_folder.keep(key, self.decide(key, report))


def points_in(report: Report) -> tuple[int, int]:
    """Return the sort key of the best attempt: its score, then its extra points."""
    return -1 if report.score is None or report.status is Status.REJECTED else report.score, report.extra_score


def _differ(report: Report, other: Report) -> bool:
    return report.submission.sha256 != other.submission.sha256


def write_changes(results_folder: ResultsFolder, changes: Iterable[Change]) -> None:
    """Append changes to changes.csv, with the time."""
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")
    titles = ("time_utc", "key", "criterion", "before", "after", "submission", "why")
    rows = ((now, c.key, c.criterion, c.before, c.after, "new" if c.is_resubmitted else "same", c.why) for c in changes)
    results_folder.append(CHANGES, titles, rows)
