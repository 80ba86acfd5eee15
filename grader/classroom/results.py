"""A whole class: which hand-ins need a grade, who grades them, and what is kept of it.

The reports on disk, one a hand-in and each written at once, are the truth; tables and pages are made
from them. A run that was ended anywhere goes on where it stopped.
"""

from __future__ import annotations

import atexit
import codecs
import contextlib
import errno
import functools
import hashlib
import importlib.metadata
import io
import itertools
import math
import os
import statistics
import tempfile
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from queue import SimpleQueue
from typing import IO, Annotated, Any

import msgspec

from grader import __version__
from grader.classroom.locking import only_run_in
from grader.classroom.tables import Entry, Row, cases, gradebook, write
from grader.classroom.uploads import HandIn
from grader.classroom.warm import Task, Wanted, Warm, broken
from grader.core import seeds
from grader.core.decisions import decided, exact, points_of
from grader.core.errors import Rejected, UsageError, cause
from grader.core.language import LANGUAGES, from_locale, titles_in
from grader.core.messages import say
from grader.core.outcomes import Verdict
from grader.core.report import Overridden, Report, Score, Status
from grader.core.rubric import Rubric
from grader.renderers.json import parse_json, render_json

REPORTS, CLASS, PAGE = "reports", "class.json", "index.html"
CHANGES = "changes.csv"
TABLES = (CLASS, "gradebook.csv", "cases.csv", CHANGES)
SCORE = "score"
WAITING = 2  # hand-ins read in advance for each one that is being graded

# --- one hand-in, in whatever process or machine -------------------------------------------------

_local = threading.local()
_open: list[Warm] = []


def graded(task: Task, wanted: Wanted) -> Report:
    """Grade a hand-in in the warm process of this thread; what an executor calls, here or on another machine."""
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


# --- what is kept --------------------------------------------------------------------------------


def fingerprint(task: Task, seed: int, sha256: str) -> str:
    """Return the hash of all that a grade depends on: submission, assignment, seed, limits, level, versions."""
    digest = hashlib.sha256(msgspec.json.encode([sha256, seed, __version__, importlib.metadata.version("numpy")]))
    digest.update(
        msgspec.json.encode(replace(task, lab=replace(task.lab, folder="")))
    )  # its content counts, not its place
    digest.update(_code().encode())
    return digest.hexdigest()


@functools.cache
def _code() -> str:
    """Return the hash of the grader's own files: two checkouts of one version are not the same grader."""
    digest = hashlib.sha256()
    for path in sorted(one for kind in ("*.py", "*.mo") for one in Path(__file__).parents[1].rglob(kind)):
        digest.update(path.read_bytes())
    return digest.hexdigest()


class Book:
    """The folder of a class: its reports, and the key that their seeds are made of."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = ""
        self.unkept: dict[str, Report] = {}  # reports whose place is taken by something else
        self._marks: dict[str, str] = {}

    @classmethod
    @contextlib.contextmanager
    def opened(cls, folder: Path) -> Iterator[Book]:
        """Open a results folder for one run, without what a killed run left there; UsageError if it cannot be used."""
        with contextlib.ExitStack() as stack:
            try:
                (folder / REPORTS).mkdir(parents=True, exist_ok=True)
                stack.enter_context(only_run_in(folder))
                for left in (*folder.glob(".*.part"), *(folder / REPORTS).glob(".*.part")):
                    left.unlink()
            except OSError as error:
                raise UsageError("{path} cannot be used: {reason}.", path=folder.name, reason=cause(error)) from error
            for name in (*TABLES, PAGE):
                if (folder / name).is_dir():
                    raise UsageError("{path} cannot be used: {reason}.", path=name, reason=say("Is a directory"))
            yield cls(folder)

    def path(self, key: str, ending: str = "json") -> Path:
        """Return where the report of a hand-in is."""
        return self.folder / REPORTS / f"{key}.{ending}"

    def reported(self) -> Iterator[str]:
        """Yield the key of each report, those of earlier runs included."""
        return (path.stem for path in (self.folder / REPORTS).glob("*.json"))

    def report(self, key: str) -> Report | None:
        """Return the report of a submission, None if there is none that can be read."""
        if key in self.unkept:
            return self.unkept[key]
        try:
            path = self.path(key)
            return parse_json(path.read_text(encoding="utf-8")) if path.is_file() else None
        except (OSError, UnicodeDecodeError, msgspec.MsgspecError, RecursionError):
            return None

    def keep(self, key: str, report: Report) -> None:
        """Write the report of a submission, all of it or nothing."""
        self.write(self.path(key), render_json(report))

    def mark(self, one: HandIn, task: Task) -> str:
        """Return the fingerprint of the grade that a submission needs now."""
        if one.key not in self._marks:
            self.wanted(one, task)
        return self._marks[one.key]

    def wanted(self, one: HandIn, task: Task) -> Wanted:
        """Read a submission: what to grade, under its own seed."""
        handed, reason = None, None
        try:
            handed = one.handed()
            content = handed.sha256
        except Rejected as rejected:
            reason = rejected.reason
            content = reason.text
        seed = seeds.of_submission(self.key, one.key, content)
        self._marks[one.key] = fingerprint(task, seed, content)
        return Wanted(name=one.key, seed=seed, handed=handed, reason=reason)

    def begin(self, seed: int | None, lang: str | None) -> str:
        """Take the key and the language of the class: those given, or kept, or drawn and of the locale. Return the language."""
        kept = self._kept()
        wanted = Settings(
            key=kept.key if kept and seed is None else seeds.class_key(seed),
            lang=lang or (kept.lang if kept else from_locale()),
        )
        self.key = wanted.key
        if wanted != kept:
            self.close({"lang": wanted.lang})
        return wanted.lang

    def _kept(self) -> Settings | None:
        """Return what an earlier run kept; UsageError for a class.json that no run wrote: its key may not be lost unnoticed."""
        try:
            kept = msgspec.json.decode((self.folder / CLASS).read_bytes(), type=Settings)
            if kept.lang in LANGUAGES:
                return kept
        except FileNotFoundError:
            return None
        except OSError as error:
            raise UsageError("{path} cannot be read: {reason}.", path=CLASS, reason=cause(error)) from error
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            pass
        raise UsageError(
            "{path} has no key and language of a class: restore it, or remove it to start with a new key.", path=CLASS
        )

    def close(self, numbers: dict[str, Any]) -> None:
        """Write class.json, which is the instructor's alone: it has the key."""
        content = msgspec.json.format(msgspec.json.encode({"key": self.key, **numbers}), indent=2) + b"\n"
        with self.writing(self.folder / CLASS, mode=0o600) as file:
            file.write(content)

    def table(self, name: str, rows: Iterable[Row]) -> None:
        """Write a table, row by row; with the mark that spreadsheets expect of UTF-8."""
        with self.writing(self.folder / name) as file, io.TextIOWrapper(file, "utf-8-sig", newline="") as text:
            write(text, rows)

    def write(self, path: Path, content: str | bytes) -> None:
        """Write a file."""
        with self.writing(path) as file:
            file.write(content.encode("utf-8") if isinstance(content, str) else content)

    def append(self, name: str, titles: Row, rows: Iterable[Row]) -> None:
        """Add rows to a table at once, so that a killed run leaves whole rows."""
        text = io.StringIO(newline="")
        path = self.folder / name
        is_new = not path.exists() or not path.stat().st_size
        write(text, [titles, *rows] if is_new else rows)
        with failing(path), path.open("ab", buffering=0) as file:
            file.write((codecs.BOM_UTF8 if is_new else b"") + text.getvalue().encode())

    @staticmethod
    @contextlib.contextmanager
    def writing(path: Path, mode: int = 0o644) -> Iterator[IO[bytes]]:
        """Open a file beside its place, and put it there when it is complete; UsageError if the system refuses."""
        with failing(path):
            number, temporary = tempfile.mkstemp(prefix=f".{path.name[:40]}", suffix=".part", dir=path.parent)
            try:
                with os.fdopen(number, "wb") as file:
                    yield file
                Path(temporary).chmod(mode)
                Path(temporary).replace(path)
            except BaseException:
                with contextlib.suppress(OSError):
                    Path(temporary).unlink()
                raise


class Unwritable(UsageError):
    """A file of the results cannot be written; is_taken: something else has its place, and other files are fine."""

    is_taken = False


@contextlib.contextmanager
def failing(path: Path) -> Iterator[None]:
    """Turn what the system says against writing a file of the results into Unwritable, which names the folder."""
    try:
        yield
    except OSError as error:
        shown = f"{path.parent.resolve().name}/{path.name}"
        refused = Unwritable("{path} cannot be written: {reason}.", path=shown, reason=cause(error))
        refused.is_taken = error.errno in (errno.EISDIR, errno.ENOTEMPTY, errno.EEXIST)
        raise refused from error


class Settings(msgspec.Struct):
    """What a later run must know of a class."""

    key: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    lang: str


# --- grading -------------------------------------------------------------------------------------


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


def mistakes_in(report: Report) -> tuple[str, ...]:
    """Return the named mistakes in a report, each once."""
    found = (case.misconception for criterion in report.criteria for case in criterion.cases)
    return tuple(dict.fromkeys(one for one in found if one))


def messages_in(report: Report) -> dict[str, str]:
    """Return what is said about each named mistake in a report."""
    cases = [case for criterion in report.criteria for case in criterion.cases if case.misconception]
    return {case.misconception: case.feedback.text if case.feedback else "" for case in cases if case.misconception}


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
    earlier = {one.id: one for one in before.criteria}
    for one in after.criteria:
        old = earlier.get(one.id)
        was = None if old is None or before.score is None else old.points
        now = None if after.score is None else one.points
        if was != now:
            told = one.feedback or (old.feedback if old is not None else None)
            yield Change(
                key=key, criterion=one.id, before=was, after=now, is_resubmitted=is_resubmitted,
                why=told.text if told else "",
            )  # fmt: skip


def grade_class(
    hand_ins: Sequence[HandIn],
    task: Task,
    book: Book,
    executor: Executor,
    jobs: int,
    *,
    regrade: bool,
    done: Callable[[Line], None],
    changed: Callable[[Change], None],
) -> None:
    """Grade what has no report of this very kind yet, jobs at a time, and keep each report as it comes.

    done is called with the line of each submission, including those that need no grade.
    """
    waiting: dict[Future[Report], tuple[HandIn, Wanted]] = {}
    # Not futures.wait: interrupted while it takes the futures' locks, it keeps some, and the threads never end.
    ready: SimpleQueue[Future[Report]] = SimpleQueue()
    todo = iter(hand_ins)
    while True:
        for one in itertools.islice(todo, max(0, jobs * WAITING - len(waiting))):
            wanted = book.wanted(one, task)
            before = book.report(one.key)
            if before is not None and before.environment.fingerprint == book.mark(one, task) and not regrade:
                done(line_of(one.key, before))
            else:
                future = executor.submit(graded, task, wanted)
                waiting[future] = (one, wanted)
                future.add_done_callback(ready.put)
        if not waiting:
            if (one_more := next(todo, None)) is None:
                return
            todo = itertools.chain([one_more], todo)
            continue
        future = ready.get()
        one, wanted = waiting.pop(future)
        try:
            report = future.result()
        except Exception as error:  # a worker of a cluster that is lost for good
            report = broken(task, wanted, f"{type(error).__name__}: {error}")
        done(_kept(one, report, book, book.mark(one, task), changed))


def _kept(one: HandIn, report: Report, book: Book, mark: str, changed: Callable[[Change], None]) -> Line:
    """Keep a new report and record what it changes; if the grader broke, an earlier result stays."""
    before = book.report(one.key)
    if report.status is Status.GRADER_ERROR:
        reason = report.reason.text if report.reason is not None else ""
        if before is not None and before.status is not Status.GRADER_ERROR:
            return line_of(one.key, before, broken=reason, is_kept=True)
        mark = ""  # it is graded again the next time
    else:
        reason = ""
    report = replace(report, environment=replace(report.environment, fingerprint=mark))
    changes = list(changes_of(one.key, before, report))
    if changes:
        write_changes(book, changes)
    for change in changes:
        changed(change)
    try:
        book.keep(one.key, report)
    except Unwritable as error:
        if not error.is_taken:
            raise
        book.unkept[one.key] = report
        reason = error.reason.text
    return line_of(one.key, report, broken=reason, is_new=True)


# --- what comes of it ----------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Decisions:
    """What a teacher decided for the class: overrides by key, whether rejected is 0, and the points of the gradebook."""

    overrides: Mapping[str, tuple[Overridden, ...]] = field(default_factory=dict)
    is_rejected_zero: bool = False
    scale: Decimal | None = None

    def of(self, key: str, report: Report) -> Report:
        """Return a report with these decisions."""
        return decided(
            report, self.overrides.get(key, ()), is_rejected_zero=self.is_rejected_zero, scale=self.scale
        )  # fmt: skip


def entries(hand_ins: Iterable[HandIn], task: Task, book: Book, decisions: Decisions) -> Iterator[Entry]:
    """Yield each submission with its report and the teacher's decisions, one at a time."""
    for one in hand_ins:
        report = book.report(one.key)
        if report is not None:
            mark = report.environment.fingerprint
            yield Entry(
                key=one.key, student=one.student, name=one.name, email=one.email,
                report=decisions.of(one.key, report), aliases=one.aliases,
                is_outdated=bool(mark) and mark != book.mark(one, task),
            )  # fmt: skip


def write_tables(book: Book, entries: Callable[[], Iterable[Entry]], rubric: Rubric) -> None:
    """Write gradebook.csv and cases.csv."""
    book.table("gradebook.csv", gradebook(entries(), rubric))
    book.table("cases.csv", cases(entries()))


def keep_decisions(book: Book, entries: Iterable[Entry]) -> None:
    """Write the reports again whose decisions are other ones than when they were written."""
    for entry in entries:
        if entry.key not in book.unkept and book.report(entry.key) != entry.report:
            book.keep(entry.key, entry.report)


def write_page(book: Book, parts: Iterable[str]) -> None:
    """Write index.html, piece by piece."""
    with book.writing(book.folder / PAGE) as file:
        file.writelines(part.encode("utf-8") for part in parts)


def write_changes(book: Book, changes: Iterable[Change]) -> None:
    """Add to changes.csv whose points changed, when and why."""
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")
    titles = ("time_utc", "key", "criterion", "before", "after", "submission", "why")
    rows = ((now, c.key, c.criterion, c.before, c.after, "new" if c.is_resubmitted else "same", c.why) for c in changes)
    book.append(CHANGES, titles, rows)


def statistics_of(entries: Iterable[Entry], task: Task, left_out: Sequence[str]) -> dict[str, Any]:
    """Return class.json but for its key: the language, scores, pass rates, each case's discrimination, mistakes, and times.

    Scores, criteria and cases are all of the same submissions, whose number is "counted": those of this rubric with a
    final score. Criteria have the points that count, cases the measured ones. Discrimination is the correlation of a
    case's points with those of all other cases, -1 to 1; null if one of both does not vary.
    """
    words = titles_in(task.lab.rubric, task.lab.place, task.lang)
    scores: list[Score] = []
    statuses: Counter[str] = Counter()
    levels: Counter[str] = Counter()
    points: dict[str, list[int]] = defaultdict(list)
    passed: Counter[str] = Counter()
    made: dict[str, list[Score]] = defaultdict(list)
    titles: dict[str, str] = {}
    students: dict[str, list[str]] = {}
    messages: dict[str, str] = {}
    times: list[float] = []
    extras: list[Score] = []
    outdated: list[str] = []
    for entry in entries:
        report = entry.report
        statuses[report.status.value] += 1
        outdated += [entry.key] if entry.is_outdated else []
        levels[report.sandbox.level] += 1
        times.append(report.timing.total_s)
        extras += [report.final_extra_score] if report.final_extra_score is not None else []
        for name in mistakes_in(report):
            students.setdefault(name, []).append(entry.key)
        messages = messages_in(report) | messages
        if report.final_score is None or not is_of(report, task.lab.rubric):
            continue
        scores.append(report.final_score)
        for criterion in report.counted:
            made[criterion.id].append(points_of(report, criterion.id) or 0)
            for case in criterion.cases:
                name = f"{criterion.id}.{case.id}"
                points[name].append(case.points)
                passed[name] += case.verdict is Verdict.PASSED and case.points == case.max_points
                titles[name] = titles.get(name, case.title) if case.verdict is Verdict.NOT_RUN else case.title
    totals = [sum(row) for row in zip(*points.values(), strict=True)]
    mistakes = sorted(students.items(), key=lambda one: (-len(one[1]), one[0]))
    return {
        "assignment": task.lab.title,
        "lang": task.lang,
        "hand_ins": sum(statuses.values()),
        "statuses": dict(sorted(statuses.items())),
        "levels": dict(sorted(levels.items())),
        "counted": len(scores),
        "max_score": task.lab.rubric.max_score,
        "scores": {
            "mean": round(statistics.fmean(scores), 2) if scores else None,
            "median": statistics.median(scores) if scores else None,
            "least": min(scores, default=None),
            "most": max(scores, default=None),
            "tenths": tenths(scores, task.lab.rubric.max_score),
        },
        "extra": {
            "hand_ins": len(extras),
            "mean": round(statistics.fmean(extras), 2) if extras else None,
            "max_score": task.lab.rubric.max_extra,
        },
        "criteria": {
            one.id: {
                "title": words[one.id],
                "full_rate": round(sum(points == one.points for points in made[one.id]) / len(scores), 4),
                "mean_points": round(statistics.fmean(made[one.id]), 3),
            }
            for one in task.lab.rubric.criteria
            if made[one.id] and not one.is_gate
        },
        "cases": {
            name: {
                "title": titles[name],
                "pass_rate": round(passed[name] / len(scores), 4),
                "mean_points": round(statistics.fmean(one), 3),
                "discrimination": correlation(one, [all_ - own for all_, own in zip(totals, one, strict=True)]),
            }
            for name, one in points.items()
        },
        "misconceptions": [
            {"id": name, "message": messages[name], "hand_ins": len(keys), "keys": keys} for name, keys in mistakes
        ],
        "not_in_the_class": list(left_out),
        "outdated": outdated,
        "timing": {
            "median_s": round(statistics.median(times), 3) if times else None,
            "longest_s": round(max(times, default=0.0), 3),
            "total_s": round(sum(times), 3),
        },
    }


def is_of(report: Report, rubric: Rubric) -> bool:
    """Say whether a report has the cases and points of this rubric: another one's cannot be counted with them."""
    made = [(one.id, case.id, case.max_points) for one in report.counted for case in one.cases]
    return made == [(one.id, case.id, case.points) for one in rubric.criteria if not one.bonus for case in one.cases]


def tenths(scores: Sequence[Score], most: int) -> list[int]:
    """Return how many scores are in each tenth of the range; full marks count to the last."""
    counts = [0] * 10
    for score in scores:
        counts[max(0, min(9, int(10 * exact(score) / most)))] += 1
    return counts


def correlation(one: Sequence[float], other: Sequence[float]) -> float | None:
    """Return Pearson's correlation, None where there is none."""
    try:
        value = statistics.correlation(one, other)
    except statistics.StatisticsError:
        return None
    return round(value, 3) if math.isfinite(value) else None
