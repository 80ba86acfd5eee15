"""What grade-class writes of a class that was graded: tables, pages, further reports, a filled sheet."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import click

from grader.classroom.names import plain
from grader.classroom.overrides import overrides_of, read_overrides, without_submission
from grader.classroom.page import render_class
from grader.classroom.results import Decisions, entries, keep_decisions, write_page, write_tables
from grader.classroom.results_folder import ResultsFolder, Unwritable
from grader.classroom.sheets import fill
from grader.classroom.statistics import statistics_of
from grader.classroom.tables import Entry
from grader.classroom.uploads import Submissions
from grader.classroom.warm import Task
from grader.commands.class_summary import ProgressPrinter, summary
from grader.commands.ending import shown
from grader.commands.grade import FORMATS
from grader.core.errors import UsageError, cause
from grader.core.language import message_in, titles_in, word
from grader.core.report import Overridden
from grader.pipeline.assignment import Assignment
from grader.renderers import RENDERERS

ENDINGS = {
    "text": "txt",
    "markdown": "md",
    "github": "github.txt",
    "junit": "xml",
    "gradescope": "gradescope.json",
    "classroom50": "classroom50.json",
}


class TeacherOptions(NamedTuple):
    """What a teacher decides by options: whether rejected is 0, and the points of the gradebook."""

    is_rejected_zero: bool
    scale: Decimal | None


def decisions(results_folder: ResultsFolder, submissions: Submissions, task: Task, given: TeacherOptions) -> Decisions:
    """Return all that the teacher decided, with titles in the language of the class."""
    titles = titles_in(task.lab.rubric, task.lab.place, task.lang)
    by_key = {
        key: tuple(replace(item, title=titles[item.criterion]) for item in several)
        for key, several in overrides(results_folder, submissions, task.lab).by_key.items()
    }
    return Decisions(overrides=by_key, **given._asdict())


def overrides(results_folder: ResultsFolder, submissions: Submissions, lab: Assignment) -> TeacherDecisions:
    """Return what the teacher decided, by the key of the submission, and for whom there is none.

    A student who had a report, or is on the roster, may withdraw or rename a submission; any other name is a mistake.
    """
    path = results_folder.folder / "overrides.csv"
    if not path.exists():
        return TeacherDecisions({}, ())
    given = read_overrides(path, lab.rubric)
    known = {
        plain(name) for submission in submissions.missing for name in (submission.id, submission.email, submission.name)
    }
    for key in results_folder.reported():
        known |= {key, *key.rsplit("-", 1)}  # a platform's id ends a key, the mark of a folder or archive too

    def is_elsewhere(student: str) -> bool:
        return plain(student) in known

    absent = without_submission(submissions.found, given, is_elsewhere)
    return TeacherDecisions(overrides_of(submissions.found, given, is_elsewhere), absent)


class TeacherDecisions(NamedTuple):
    """What a teacher decided: by the key of each submission, and for whom there is none now."""

    by_key: dict[str, tuple[Overridden, ...]]
    absent: tuple[str, ...]


def finish(
    results_folder: ResultsFolder, submissions: Submissions, task: Task, told: ProgressPrinter, given: TeacherOptions, reports: tuple[str, ...]
) -> bool:  # fmt: skip
    """Write what is made of the reports, and print the summary; return whether the grader broke on any."""
    made = decisions(results_folder, submissions, task, given)
    absent = overrides(results_folder, submissions, task.lab).absent

    def every() -> Iterator[Entry]:
        return entries(submissions.found, task, results_folder, made)

    keep_decisions(results_folder, every())
    write_tables(results_folder, every, task.lab.rubric)
    numbers = statistics_of(every(), task, [person.shown for person in submissions.missing])
    results_folder.close(numbers)
    write_reports(results_folder, every(), told, reports)
    names = {submission.key: submission.name or submission.key for submission in submissions.found}
    linked = "html" if "html" in reports else "json"
    write_page(
        results_folder,
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
    summary(numbers, submissions, told)
    for student in absent:
        said = word(
            task.lang,
            "There are overrides for {student}, who has no submission now: they are not used.",
            student=student,
        )
        click.echo(f"{word(task.lang, 'note')}: {shown(said)}")
    for entry in (item for item in every() if item.report.overrides):
        before, after = ("-" if item is None else item for item in (entry.report.score, entry.report.final_score))
        if before != after:
            click.echo(f"{word(task.lang, 'set by the teacher')}: {entry.key} {before} -> {after}")
    return bool(told.broken) or any(line.broken for line in told.lines)


def write_reports(
    results_folder: ResultsFolder, entries: Iterable[Entry], told: ProgressPrinter, kinds: tuple[str, ...]
) -> None:
    """Write the further reports that are asked for, and remove those of earlier grades."""
    for entry in entries:
        for kind in set(kinds) - {"json"}:
            try:
                results_folder.write(
                    results_folder.path(entry.key, ENDINGS.get(kind, kind)), RENDERERS[kind](entry.report)
                )
            except Unwritable as error:
                if not error.is_taken:
                    raise
                told.broken.append(error.told(told.lang))
    for kind in set(FORMATS) - {"json", *kinds}:
        for line in told.lines:
            if line.is_new:
                with contextlib.suppress(OSError):
                    results_folder.path(line.key, ENDINGS.get(kind, kind)).unlink()


def fill_in(
    sheet: Path, results_folder: ResultsFolder, submissions: Submissions, task: Task, given: TeacherOptions, column: str | None, *, is_dry: bool
) -> None:  # fmt: skip
    """Write a copy of a learning platform's sheet with the grades in it, or say what it would be."""
    try:
        data = sheet.read_bytes()
    except OSError as error:
        raise UsageError("{path} cannot be read: {reason}.", path=sheet.name, reason=cause(error)) from error
    every = list(entries(submissions.found, task, results_folder, decisions(results_folder, submissions, task, given)))
    filled = fill(data, every, feedback=True, assignment=column)
    target = results_folder.folder / f"filled-{sheet.name}"
    if not is_dry:
        results_folder.write(target, filled.data)
    lang, column_shown, file = task.lang, shown(filled.column), shown(target.name)
    if is_dry:
        click.echo(word(lang, "Grades for the column {column}: {count}", count=filled.filled, column=column_shown))
    else:
        click.echo(
            word(lang, "Grades for the column {column}, in {file}: {count}", count=filled.filled, column=column_shown, file=file)
        )  # fmt: skip
    for row in filled.unmatched_rows:
        click.echo(f"{word(lang, 'no submission for the row')}: {shown(row)}")
    for entry in filled.unmatched_entries:
        click.echo(f"{word(lang, 'no row for the submission')}: {shown(entry.key)} {shown(entry.name)}")
    for note in filled.notes:
        click.echo(f"{word(lang, 'note')}: {shown(message_in(note, lang).text)}")
