"""The command line of a class: grade-class SUBMISSIONS --out DIR."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from grader import __version__
from grader.commands import options
from grader.commands.grade import FORMATS, run, shown
from grader.core import exits
from grader.core.language import from_locale, message_in, word

if TYPE_CHECKING:
    from grader.classroom.results import Book, Change, Decisions, Line
    from grader.classroom.tables import Entry
    from grader.classroom.uploads import HandIns
    from grader.classroom.warm import Task
    from grader.core.report import Overridden
    from grader.pipeline.assignment import Assignment

EPILOG = """\b
Exit codes: 0 all hand-ins have a report; 2 wrong usage; 4 the grader broke on
at least one, or is broken itself; 130 interrupted (what is done is kept).
"""
BAR = 20
MOST_SHOWN = 10
REDRAW_S = 0.1
ENDINGS = {
    "text": "txt",
    "markdown": "md",
    "github": "github.txt",
    "junit": "xml",
    "gradescope": "gradescope.json",
    "classroom50": "classroom50.json",
}


@click.command(epilog=EPILOG)
@click.argument("submissions", callback=options.a_path)
@click.option("--out", required=True, callback=options.a_path, help="Folder for reports, tables and index.html.")
@click.option("--jobs", type=click.IntRange(1, 256), help="Hand-ins graded at a time. Default: one a processor.")
@click.option("--regrade", is_flag=True, help="Grade all again.")
@click.option("--resume", is_flag=True, help="Grade only what is new or changed: the default.")
@click.option(
    "--seed",
    type=options.SEED,
    help="Make the key of the class from this number: keep it secret. Default: drawn once, then kept.",
)
@options.time_limit
@click.option("reports", "--report", type=click.Choice(FORMATS), multiple=True, help="Further reports; JSON always is.")
@click.option(
    "--roster", type=click.Path(path_type=Path), help="CSV with id, name, email, file to match hand-ins with."
)
@options.assignment
@options.rubric
@click.option(
    "--lang",
    type=options.LANG,
    help="Language of the reports: at first from the locale, then as before.",
)
@click.option("--fill", type=click.Path(path_type=Path), help="Canvas or Moodle sheet: write a copy with the grades.")
@click.option("--fill-column", metavar="TITLE", help="The assignment's column in a Canvas sheet: its title or id.")
@click.option(
    "--scale",
    callback=options.points,
    metavar="POINTS",
    help="Convert the scores to a gradebook of so many points, such as 10.",
)
@click.option(
    "--rejected",
    type=click.Choice(["blank", "zero"]),
    default="blank",
    show_default=True,
    help="Score of a submission with nothing to grade in it.",
)
@click.option("--dry-run", is_flag=True, help="With --fill: only say what would be filled in.")
@click.option("--cluster", metavar="tcp://HOST:PORT", help="Grade on the workers of this Dask scheduler.")
@options.require_sandbox()
@click.version_option(__version__, prog_name="grade-class")
def command(
    submissions: Path,
    out: Path,
    jobs: int | None,
    regrade: bool,
    resume: bool,
    seed: int | None,
    time_limit: float | None,
    reports: tuple[str, ...],
    roster: Path | None,
    lab: Path | None,
    rubric: Path | None,
    lang: str | None,
    fill: Path | None,
    fill_column: str | None,
    scale: Decimal | None,
    rejected: str,
    dry_run: bool,
    cluster: str | None,
    required: str,
) -> int:
    """Grade the hand-ins in SUBMISSIONS, a folder or the archive that Moodle, Canvas or Gradescope exports.

    Files, folders, archives and notebooks, one a student. An overrides.csv in the folder of the results
    (student, criterion, points, reason) is yours: its points count in place of the measured ones.
    """
    from grader.core.errors import GradeError

    if regrade and resume:
        raise click.UsageError("--regrade and --resume exclude each other.")
    said = lang or from_locale()  # the class may have another
    try:
        from grader.classroom.results import Book
        from grader.classroom.uploads import find
        from grader.classroom.warm import Task
        from grader.core.messages import say
        from grader.pipeline.grading import assignment

        if not os.path.lexists(submissions):
            raise click.UsageError(word(said, "{path} does not exist.", path=shown(submissions.name)))
        if out.resolve() == submissions.resolve() or submissions.resolve() in out.resolve().parents:
            raise click.UsageError(word(said, "the folder for the results is inside the one with the hand-ins."))
        hand_ins = find(submissions, roster)
        with Book.opened(out) as book:
            said = book.begin(seed, lang)
            if seed is not None:
                note = say(
                    "--seed replaces the secret key of the class: whoever knows the number can work out every seed."
                )
                hand_ins = replace(hand_ins, notes=(*hand_ins.notes, note))
            task = Task(lab=assignment(lab, rubric=rubric, time_limit=time_limit), lang=said, required=required)
            given = Given(is_rejected_zero=rejected == "zero", scale=scale)
            is_broken = grade_all(
                book, hand_ins, task, jobs or processors(), cluster, given, regrade=regrade, reports=reports
            )
            if fill is not None:
                fill_in(fill, book, hand_ins, task, given, fill_column, is_dry=dry_run)
    except GradeError as error:
        click.echo(f"grade-class: {shown(error.told(said))}", err=True)
        return error.exit_code
    return exits.BROKEN if is_broken else exits.GRADED


def grade_all(
    book: Book,
    hand_ins: HandIns,
    task: Task,
    jobs: int,
    cluster: str | None,
    given: Given,
    *,
    regrade: bool,
    reports: tuple[str, ...],
) -> bool:
    """Grade what has to be graded, write what is made of it, however that ends, and say whether the grader broke."""
    from grader.classroom.results import grade_class
    from grader.sandbox.processes import remove_left_folders

    remove_left_folders()
    overrides(book, hand_ins, task.lab)  # a mistake in it is told before anything is graded
    told = Told(len(hand_ins.found), task.lang)
    is_broken = False
    try:
        with executor(jobs, cluster) as (pool, count):
            grade_class(
                hand_ins.found, task, book, pool, count, regrade=regrade, done=told.line, changed=told.changes.append
            )
    finally:
        told.end()
        is_broken = finish(book, hand_ins, task, told, given, reports)
    return is_broken


def main() -> None:
    """Run the command and exit."""
    run(command, "grade-class")


def processors() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextlib.contextmanager
def executor(jobs: int, cluster: str | None) -> Iterator[tuple[Executor, int]]:
    """Return who grades, and how many at a time: threads with a warm process each, or a cluster's workers."""
    from grader.classroom.results import close_all
    from grader.commands.installation import adding
    from grader.core.errors import UsageError

    if cluster is None:
        pool = ThreadPoolExecutor(jobs)
        try:
            yield pool, jobs
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            close_all()
        return
    try:
        from distributed import Client
    except ImportError as error:
        raise UsageError(
            "--cluster needs distributed; install it with: {command}", command=adding("distributed")
        ) from error
    try:
        client = Client(cluster, timeout="20s")  # type: ignore[no-untyped-call]
    except (OSError, ValueError, TimeoutError) as error:
        raise UsageError("No Dask scheduler answers at {address}.", address=cluster) from error
    with client:
        client.wait_for_workers(1, timeout=60)
        threads = sum(one["nthreads"] for one in client.scheduler_info(n_workers=-1)["workers"].values())
        yield client.get_executor(pure=False, retries=2), threads  # type: ignore[no-untyped-call]


@dataclass
class Told:
    """What is told while the class is graded: a bar, and the lines of the hand-ins at the end."""

    total: int
    lang: str = "en"
    lines: list[Line] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._began = self._drawn = time.monotonic()
        self._graded = 0

    def line(self, line: Line) -> None:
        """Count a hand-in, and draw the bar."""
        self.lines.append(line)
        self._graded += line.is_new
        now = time.monotonic()
        if sys.stderr.isatty() and now - self._drawn > REDRAW_S:
            self._drawn = now
            click.echo(f"\r{self._bar(now - self._began)}", nl=False, err=True)

    def _bar(self, seconds: float) -> str:
        full = BAR * len(self.lines) // self.total
        rate = self._graded / seconds if seconds else 0.0
        left = (self.total - len(self.lines)) / rate if rate else 0.0
        said = word(
            self.lang, "{done} of {all}, {rate} a second, {left} s left",
            done=len(self.lines), all=self.total, rate=f"{rate:.1f}", left=f"{left:.0f}",
        )  # fmt: skip
        return f"[{'#' * full}{'-' * (BAR - full)}] {said}   "

    def end(self) -> None:
        """Clear the bar, and print a line for each hand-in."""
        if sys.stderr.isatty():
            click.echo("\r" + " " * 70 + "\r", nl=False, err=True)
        for line in sorted(self.lines, key=lambda one: one.key):
            points = "-" if line.score is None else str(line.score)
            status = "" if line.status.value == "graded" else f"  {status_word(self.lang, line.status.value)}"
            mark = (
                "" if line.is_new else f"  ({word(self.lang, 'kept: the grader failed' if line.is_kept else 'kept')})"
            )
            click.echo(f"{line.key:<30} {points:>4}{status}  {', '.join(line.misconceptions)}{mark}".rstrip())


def status_word(lang: str, status: str) -> str:
    """Return a status in a language."""
    from grader.renderers.words import STATUSES

    return word(lang, STATUSES.get(status, status))


class Given(NamedTuple):
    """What a teacher decides by options: whether rejected is 0, and the points of the gradebook."""

    is_rejected_zero: bool
    scale: Decimal | None


def decisions(book: Book, hand_ins: HandIns, task: Task, given: Given) -> Decisions:
    """Return all that the teacher decided, with titles in the language of the class."""
    from grader.classroom.results import Decisions
    from grader.core.language import titles_in

    titles = titles_in(task.lab.rubric, task.lab.place, task.lang)
    by_key = {
        key: tuple(replace(one, title=titles[one.criterion]) for one in several)
        for key, several in overrides(book, hand_ins, task.lab).by_key.items()
    }
    return Decisions(overrides=by_key, **given._asdict())


def overrides(book: Book, hand_ins: HandIns, lab: Assignment) -> Decided:
    """Return what the teacher decided, by the key of the submission, and for whom there is none.

    A student who had a report, or is on the roster, may withdraw or rename a submission; any other name is a mistake.
    """
    from grader.classroom.names import plain
    from grader.classroom.tables import overrides_of, read_overrides, without_submission

    path = book.folder / "overrides.csv"
    if not path.exists():
        return Decided({}, ())
    given = read_overrides(path, lab)
    known = {plain(one.id) for one in hand_ins.missing}
    for key in book.reported():
        known |= {key, *key.rsplit("-", 1)}  # a platform's id ends a key, the mark of a folder or archive too
    absent = without_submission(hand_ins.found, given, lambda student: plain(student) in known)
    return Decided(overrides_of(hand_ins.found, given), absent)


class Decided(NamedTuple):
    """What a teacher decided: by the key of each submission, and for whom there is none now."""

    by_key: dict[str, tuple[Overridden, ...]]
    absent: tuple[str, ...]


def finish(
    book: Book, hand_ins: HandIns, task: Task, told: Told, given: Given, reports: tuple[str, ...]
) -> bool:  # fmt: skip
    """Write what is made of the reports, and print the summary; say whether the grader broke on any."""
    from grader.classroom.page import render_class
    from grader.classroom.results import entries, keep_decisions, statistics_of, write_page, write_tables
    from grader.core.language import titles_in

    made = decisions(book, hand_ins, task, given)
    absent = overrides(book, hand_ins, task.lab).absent

    def every() -> Iterator[Entry]:
        return entries(hand_ins.found, task, book, made)

    keep_decisions(book, every())
    write_tables(book, every, task.lab.rubric)
    numbers = statistics_of(every(), task, [one.id for one in hand_ins.missing])
    book.close(numbers)
    write_reports(book, every(), told, reports)
    names = {one.key: one.name or one.key for one in hand_ins.found}
    linked = "html" if "html" in reports else "json"
    write_page(
        book,
        render_class(
            every(),
            numbers,
            task.lab.rubric,
            names,
            titles_in(task.lab.rubric, task.lab.place, task.lang),
            lang=task.lang,
            ending=linked,
        ),
    )
    summary(numbers, hand_ins, told)
    for student in absent:
        said = word(
            task.lang,
            "There are overrides for {student}, who has no submission now: they are not used.",
            student=student,
        )
        click.echo(f"{word(task.lang, 'note')}: {shown(said)}")
    for entry in (one for one in every() if one.report.overrides):
        before, after = ("-" if one is None else one for one in (entry.report.score, entry.report.final_score))
        if before != after:
            click.echo(f"{word(task.lang, 'set by the teacher')}: {entry.key} {before} -> {after}")
    return bool(told.broken) or any(line.broken for line in told.lines)


def write_reports(book: Book, entries: Iterable[Entry], told: Told, kinds: tuple[str, ...]) -> None:
    """Write the further reports that are asked for, and remove those of earlier grades."""
    from grader.classroom.results import Unwritable
    from grader.renderers import RENDERERS

    for entry in entries:
        for kind in set(kinds) - {"json"}:
            try:
                book.write(book.path(entry.key, ENDINGS.get(kind, kind)), RENDERERS[kind](entry.report))
            except Unwritable as error:
                if not error.is_taken:
                    raise
                told.broken.append(error.told(told.lang))
    for kind in set(FORMATS) - {"json", *kinds}:
        for line in told.lines:
            if line.is_new:
                with contextlib.suppress(OSError):
                    book.path(line.key, ENDINGS.get(kind, kind)).unlink()


def summary(numbers: dict[str, Any], hand_ins: HandIns, told: Told) -> None:
    """Print how the class did."""
    lang, graded = told.lang, sum(line.is_new for line in told.lines)
    statuses = ", ".join(f"{count} {status_word(lang, status)}" for status, count in numbers["statuses"].items())
    click.echo()
    click.echo(
        word(
            lang, "{count} hand-ins ({graded} graded now): {statuses}",
            count=numbers["hand_ins"], graded=graded, statuses=statuses,
        )
    )  # fmt: skip
    scores = numbers["scores"]
    if scores["mean"] is not None:
        shares = {name: scores[name] for name in ("mean", "median")}
        click.echo(word(lang, "Scores of {most}: mean {mean}, median {median}", most=numbers["max_score"], **shares))
        most = max(scores["tenths"])
        for tenth, count in enumerate(scores["tenths"]):
            low = -(-numbers["max_score"] * tenth // 10)
            click.echo(
                f"  {word(lang, '{points} and more', points=f'{low:>4}')} {count:>5}  {'#' * -(-40 * count // most)}"
            )
    for mistake in numbers["misconceptions"][:MOST_SHOWN]:
        click.echo(f"  {mistake['hand_ins']:>5} x {mistake['id']}")
    tell_problems(numbers, told)
    tell_changes(told)
    for note in hand_ins.notes:
        click.echo(f"{word(lang, 'note')}: {shown(message_in(note, lang).text)}")
    for missing in hand_ins.missing:
        click.echo(f"{word(lang, 'no hand-in')}: {shown(missing.id)} {shown(missing.name)}")


def tell_problems(numbers: dict[str, Any], told: Told) -> None:
    """Print over what the grader broke, and which results are not up to date."""
    lang = told.lang
    broken = [line.broken for line in told.lines if line.broken]
    for reason in dict.fromkeys([*broken, *told.broken]):
        click.echo(f"{status_word(lang, 'grader_error')}: {shown(reason)}")
    kept = sum(line.is_kept for line in told.lines)
    if kept:
        click.echo(word(lang, "Earlier results are kept where the grader failed: {count}.", count=kept))
    if numbers["outdated"]:
        said = word(
            lang, "Results of an earlier lab, version or submission: {count}; the column outdated of gradebook.csv marks them. Run again.",
            count=len(numbers["outdated"]),
        )  # fmt: skip
        click.echo(said)


def tell_changes(told: Told) -> None:
    """Print a line for each submission whose points changed, those that lost most first."""
    from grader.classroom.results import CHANGES, SCORE

    lang = told.lang
    by_key: dict[str, list[Change]] = {}
    for change in told.changes:
        by_key.setdefault(change.key, []).append(change)

    def gained(changes: list[Change]) -> int:
        return sum((one.after or 0) - (one.before or 0) for one in changes if one.criterion == SCORE)

    for key, changes in sorted(by_key.items(), key=lambda item: (gained(item[1]), item[0]))[:MOST_SHOWN]:
        what = word(lang, "new submission") if changes[0].is_resubmitted else word(lang, "graded again")
        moves = ", ".join(
            f"{word(lang, 'score') if one.criterion == SCORE else one.criterion} {_points(one.before)} -> {_points(one.after)}"
            for one in changes
        )
        click.echo(f"{word(lang, 'changed')}: {key} ({what}): {moves}")
    if by_key:
        click.echo(word(lang, "Changed: {count}. {file} has all of them.", count=len(by_key), file=CHANGES))


def _points(points: int | None) -> str:
    return "-" if points is None else str(points)


def fill_in(
    sheet: Path, book: Book, hand_ins: HandIns, task: Task, given: Given, column: str | None, *, is_dry: bool
) -> None:  # fmt: skip
    """Write a copy of a learning platform's sheet with the grades in it, or say what it would be."""
    from grader.classroom.results import entries
    from grader.classroom.sheets import fill
    from grader.core.errors import UsageError, cause

    try:
        data = sheet.read_bytes()
    except OSError as error:
        raise UsageError("{path} cannot be read: {reason}.", path=sheet.name, reason=cause(error)) from error
    every = list(entries(hand_ins.found, task, book, decisions(book, hand_ins, task, given)))
    filled = fill(data, every, feedback=True, assignment=column)
    target = book.folder / f"filled-{sheet.name}"
    if not is_dry:
        book.write(target, filled.data)
    lang, column_shown, file = task.lang, shown(filled.column), shown(target.name)
    if is_dry:
        click.echo(word(lang, "{count} grades for the column {column}", count=filled.filled, column=column_shown))
    else:
        click.echo(
            word(lang, "{count} grades for the column {column} in {file}", count=filled.filled, column=column_shown, file=file)
        )  # fmt: skip
    for row in filled.unmatched_rows:
        click.echo(f"{word(lang, 'no hand-in for the row')}: {shown(row)}")
    for entry in filled.unmatched_entries:
        click.echo(f"{word(lang, 'no row for the hand-in')}: {shown(entry.key)} {shown(entry.name)}")
    for note in filled.notes:
        click.echo(f"{word(lang, 'note')}: {shown(message_in(note, lang).text)}")
