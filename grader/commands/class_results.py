"""Writes the results of a graded class: tables, pages, additional reports, a filled sheet."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from decimal import Decimal
from pathlib import Path

import click
from msgspec.structs import replace

from grader.classroom.names import plain
from grader.classroom.overrides import assigned, read_overrides
from grader.classroom.page import render_class
from grader.classroom.results import Decisions, entries, keep_decisions, write_tables
from grader.classroom.results_folder import PAGE, ResultsFolder, Unwritable
from grader.classroom.sheets import fill
from grader.classroom.statistics import statistics_of
from grader.classroom.tables import Entry
from grader.classroom.uploads import Submission, Submissions
from grader.classroom.warm import Task
from grader.commands.class_summary import ProgressPrinter, summary
from grader.commands.ending import shown
from grader.commands.grade import FORMATS
from grader.core.errors import UsageError, cause
from grader.core.language import message_in, word
from grader.renderers import RENDERERS

ENDINGS = {
    "text": "txt",
    "markdown": "md",
    "github": "github.txt",
    "junit": "xml",
    "gradescope": "gradescope.json",
    "classroom50": "classroom50.json",
}


def read_decisions(
    results_folder: ResultsFolder, submissions: Submissions, task: Task, *, is_rejected_zero: bool, scale: Decimal | None
) -> Decisions:  # fmt: skip
    """Read overrides.csv, with titles in the language of the class, and return all decisions of the teacher.

    A student who had a report, or is on the roster, may withdraw or rename a submission. Raises UsageError for any other
    name without a submission, and if the table is not valid.
    """
    path = results_folder.folder / "overrides.csv"
    given = read_overrides(path, task.lab.rubric) if path.exists() else {}
    known = {plain(name) for person in submissions.missing for name in (person.id, person.email, person.name)}
    for key in {*results_folder.reported()} - {submission.key for submission in submissions.found}:
        known |= {key, *key.rsplit("-", 1)}  # a platform's id ends a key, and so does the suffix of a folder or archive

    def is_known(student: str) -> bool:
        return plain(student) in known

    titles = task.lab.titles(task.lang)
    found, absent = assigned(submissions.found, given, is_known)
    by_key = {
        key: tuple(replace(override, title=titles[override.criterion]) for override in overrides)
        for key, overrides in found.items()
    }
    return Decisions(overrides=by_key, absent=absent, is_rejected_zero=is_rejected_zero, scale=scale)


def finish(
    results_folder: ResultsFolder, submissions: Submissions, task: Task, printer: ProgressPrinter, decisions: Decisions, reports: tuple[str, ...]
) -> bool:  # fmt: skip
    """Write tables, reports and pages, and print the summary; return whether the grader failed on any submission."""

    def every(chosen: Iterable[Submission] = submissions.found) -> Iterator[Entry]:
        return entries(chosen, task, results_folder, decisions)

    keep_decisions(submissions.found, results_folder, decisions)
    write_tables(results_folder, every, task.lab.rubric)
    numbers = statistics_of(every(), task, [person.shown for person in submissions.missing])
    results_folder.close(numbers)
    write_reports(results_folder, every(), printer, reports)
    names = {submission.key: submission.name or submission.key for submission in submissions.found}
    page = render_class(every(), numbers, task, names, ending="html" if "html" in reports else "json")
    with results_folder.writing(results_folder.folder / PAGE) as file:
        file.writelines(part.encode("utf-8") for part in page)
    summary(numbers, submissions, printer)
    for student in decisions.absent:
        said = word(
            task.lang,
            "There are overrides for {student}, who has no submission now: they are ignored.",
            student=student,
        )
        click.echo(f"{word(task.lang, 'note')}: {shown(said)}")
    for entry in every(item for item in submissions.found if decisions.overrides.get(item.key)):
        before, after = ("-" if item is None else item for item in (entry.report.score, entry.report.final_score))
        if before != after:
            click.echo(f"{word(task.lang, 'set by the teacher')}: {entry.key} {before} -> {after}")
    return bool(printer.broken) or any(line.broken for line in printer.lines)


def write_reports(
    results_folder: ResultsFolder, entries: Iterable[Entry], printer: ProgressPrinter, kinds: tuple[str, ...]
) -> None:
    """Write the additional reports of these kinds, and remove outdated ones of the other kinds."""
    others = set(kinds) - {"json"}
    for entry in entries if others else ():
        for kind in others:
            try:
                results_folder.write(
                    results_folder.path(entry.key, ENDINGS.get(kind, kind)), RENDERERS[kind](entry.report)
                )
            except Unwritable as error:
                if not error.is_taken:
                    raise
                printer.broken.append(error.told(printer.lang))
    for kind in set(FORMATS) - {"json", *kinds}:
        for line in printer.lines:
            if line.is_new:
                with contextlib.suppress(OSError):
                    results_folder.path(line.key, ENDINGS.get(kind, kind)).unlink()


def fill_in(
    sheet: Path, results_folder: ResultsFolder, submissions: Submissions, task: Task, decisions: Decisions, column: str | None, *, is_dry: bool
) -> None:  # fmt: skip
    """Write a copy of a learning platform's sheet with the grades filled in, and print what it contains.

    is_dry: only print.
    """
    try:
        data = sheet.read_bytes()
    except OSError as error:
        raise UsageError("{path} cannot be read: {reason}.", path=sheet.name, reason=cause(error)) from error
    every = list(entries(submissions.found, task, results_folder, decisions))
    filled = fill(data, every, column)
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
