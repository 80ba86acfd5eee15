"""The command `grade-class`: grades a class, as in grade-class SUBMISSIONS --out DIR."""

from __future__ import annotations

import os
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from grader import __version__
from grader.commands import options
from grader.commands.ending import errors_in, run, shown
from grader.commands.grade import FORMATS
from grader.core import exits
from grader.core.language import from_locale, word

if TYPE_CHECKING:
    from grader.classroom.results import Decisions
    from grader.classroom.results_folder import Attempt, ResultsFolder
    from grader.classroom.uploads import Submissions
    from grader.classroom.warm import Task

EPILOG = """\b
Exit codes: 0 all submissions have a report; 2 wrong usage; 4 the grader failed on
at least one, or is broken itself; 130 interrupted (finished grades are kept).
"""


@click.command(epilog=EPILOG)
@click.argument("submissions", type=options.PATH)
@click.option("--out", required=True, type=options.PATH, help="Folder for reports, tables and index.html.")
@click.option("--jobs", type=click.IntRange(1, 256), help="Submissions graded at a time. Default: one per processor.")
@click.option("--regrade", is_flag=True, help="Grade every submission again.")
@click.option("--resume", is_flag=True, help="Grade only new and changed submissions (the default).")
@click.option(
    "--seed",
    type=options.SEED,
    help="Derive the key of the class from this number; keep it secret. Default: drawn once, then kept.",
)
@options.time_limit
@click.option(
    "reports",
    "--report",
    type=click.Choice(FORMATS),
    multiple=True,
    help="Also write this format for each submission (JSON is always written).",
)
@click.option(
    "--roster",
    type=click.Path(path_type=Path),
    help="CSV of the students: id, name, email, login, group, team, file.",
)
@options.assignment
@options.rubric
@click.option(
    "--lang",
    type=options.LANG,
    help="Report language. Default: the one used last time, else from the locale.",
)
@click.option("--fill", type=click.Path(path_type=Path), help="Canvas or Moodle sheet: write a copy with the grades.")
@click.option("--fill-column", metavar="TITLE", help="The assignment's column in a Canvas sheet: its title or id.")
@click.option(
    "--scale",
    callback=options.points,
    metavar="POINTS",
    help="Convert the scores to a gradebook with this maximum, such as 10.",
)
@click.option(
    "--rejected",
    type=click.Choice(["blank", "zero"]),
    default="blank",
    show_default=True,
    help="Score of a submission with nothing to grade in it.",
)
@click.option(
    "--attempt",
    type=click.Choice(["last", "best"]),
    help="Which attempt counts, including those of earlier runs. Default: the choice of last time, else last.",
)
@click.option("--dry-run", is_flag=True, help="With --fill: only report what would be filled in.")
@click.option("--cluster", metavar="tcp://HOST:PORT", help="Grade on the workers of this Dask scheduler.")
@options.require_sandbox()
@click.version_option(__version__, prog_name="grade-class")
def command(regrade: bool, resume: bool, lang: str | None, **decided: Any) -> int:
    """Grade the submissions in SUBMISSIONS, a folder or the archive that a learning platform exports.

    Each file, folder, archive or notebook is one student's. Write an overrides.csv into the results folder
    (student, criterion, points, reason) to replace measured points with yours.
    """
    if regrade and resume:
        raise click.UsageError("--regrade and --resume cannot be combined.")
    return grade_class(ClassOptions(regrade=regrade, lang=lang, **decided), lang or from_locale())


@dataclass(frozen=True, kw_only=True, slots=True)
class ClassOptions:
    """Arguments and options of grade-class."""

    submissions: Path
    out: Path
    jobs: int | None
    regrade: bool
    seed: int | None
    time_limit: float | None
    reports: tuple[str, ...]
    roster: Path | None
    lab: Path | None
    rubric: Path | None
    lang: str | None
    fill: Path | None
    fill_column: str | None
    scale: Decimal | None
    rejected: str
    attempt: Attempt | None
    dry_run: bool
    cluster: str | None
    required: str


def grade_class(options: ClassOptions, lang: str) -> int:
    """Grade a class and, with --fill, fill in a sheet; lang is used until the class's language is known."""
    from grader.classroom.finding import find
    from grader.classroom.results_folder import ResultsFolder

    with errors_in(lang):
        check_folders(options.submissions, options.out, lang)
        submissions = find(options.submissions, options.roster)
        with ResultsFolder.opened(options.out) as results_folder:
            lang = results_folder.begin(options.seed, options.lang, options.attempt)
            with errors_in(lang):  # the class may have its own
                return grade_in(results_folder, submissions, options, lang)


def grade_in(results_folder: ResultsFolder, submissions: Submissions, options: ClassOptions, lang: str) -> int:
    """Grade the submissions of a class into a results folder, and fill in a sheet."""
    from msgspec.structs import replace

    from grader.classroom.warm import Task
    from grader.commands.class_results import fill_in, read_decisions
    from grader.core.messages import say
    from grader.pipeline.grading import assignment

    if options.seed is not None:
        note = say("--seed replaces the secret key of the class: anyone who knows the number can compute every seed.")
        submissions = replace(submissions, notes=(*submissions.notes, note))
    lab = assignment(options.lab, rubric=options.rubric, time_limit=options.time_limit)
    task = Task(lab=lab, lang=lang, required=options.required)
    decisions = read_decisions(
        results_folder, submissions, task, is_rejected_zero=options.rejected == "zero", scale=options.scale
    )  # before grading, so that a mistake in overrides.csv is reported at once
    is_broken = grade_all(results_folder, submissions, task, decisions, options)
    if (sheet := options.fill) is not None:
        fill_in(sheet, results_folder, submissions, task, decisions, options.fill_column, is_dry=options.dry_run)
    return exits.BROKEN if is_broken else exits.GRADED


def check_folders(submissions: Path, out: Path, lang: str) -> None:
    """Raise click.UsageError if the submissions do not exist, or the results folder is among them."""
    if not os.path.lexists(submissions):
        raise click.UsageError(word(lang, "{path} does not exist.", path=shown(submissions.name)))
    if out.resolve() == submissions.resolve() or submissions.resolve() in out.resolve().parents:
        raise click.UsageError(word(lang, "the results folder is inside the submissions folder."))


def grade_all(
    results_folder: ResultsFolder, submissions: Submissions, task: Task, decisions: Decisions, options: ClassOptions
) -> bool:
    """Grade the submissions that need it and write the results, even if interrupted; return whether the grader failed."""
    from grader.classroom import pool
    from grader.classroom.grading import Run
    from grader.commands.class_results import finish
    from grader.commands.class_summary import ProgressPrinter
    from grader.commands.installation import adding
    from grader.sandbox.processes import remove_left_folders

    remove_left_folders()
    printer = ProgressPrinter(len(submissions.found), task.lang)
    has_begun = is_broken = False
    try:
        with (
            pool.cluster(options.cluster, adding("distributed"), printer.waits)
            if options.cluster
            else pool.local(options.jobs or processors())
        ) as graders:
            has_begun = True
            run = Run(task, results_folder, printer.line, printer.changes.append, graders.watch, decisions.of)
            run.grade(submissions.found, graders.executor, graders.size, regrade=options.regrade)
    finally:
        if has_begun:
            printer.end()
            is_broken = finish(results_folder, submissions, task, printer, decisions, options.reports)
    return is_broken


def main() -> None:
    """Run the command and exit."""
    run(command, "grade-class")


def processors() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
