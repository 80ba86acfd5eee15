"""Prints the progress bar of grade-class and the summary of the class."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field
from typing import Any

import click

from grader.classroom.grading import SCORE, Change, Line
from grader.classroom.results_folder import CHANGES
from grader.classroom.uploads import Submissions
from grader.commands.ending import shown
from grader.core.language import message_in, word
from grader.core.messages import Message
from grader.core.report import Status
from grader.renderers.words import STATUSES

BAR = 20
MOST_SHOWN = 10
REDRAW_S = 0.1


@dataclass
class ProgressPrinter:
    """Printer of a progress bar while the class is graded, and of a line for each submission at the end."""

    total: int
    lang: str = "en"
    lines: list[Line] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._began = self._drawn = time.monotonic()
        self._graded = 0

    def line(self, line: Line) -> None:
        """Count a submission, and update the bar."""
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
            self.lang, "{done} of {all}, {rate} per second, {left} s left",
            done=len(self.lines), all=self.total, rate=f"{rate:.1f}", left=f"{left:.0f}",
        )  # fmt: skip
        return f"[{'#' * full}{'-' * (BAR - full)}] {said}   "

    def waits(self, message: Message) -> None:
        """Print what the cluster is waiting for."""
        click.echo(f"grade-class: {shown(message_in(message, self.lang).text)}", err=True)

    def end(self) -> None:
        """Clear the bar and print a line for each submission."""
        if sys.stderr.isatty():
            click.echo("\r" + " " * 70 + "\r", nl=False, err=True)
        for line in sorted(self.lines, key=lambda item: item.key):
            points = "-" if line.score is None or line.status is Status.REJECTED else str(line.score)
            status = "" if line.status.value == "graded" else f"  {status_word(self.lang, line.status.value)}"
            mark = (
                "" if line.is_new else f"  ({word(self.lang, 'kept: the grader failed' if line.is_kept else 'kept')})"
            )
            click.echo(f"{line.key:<30} {points:>4}{status}  {', '.join(line.misconceptions)}{mark}".rstrip())


def status_word(lang: str, status: str) -> str:
    """Return the name of a status in a language."""
    return word(lang, STATUSES.get(status, status))


def summary(numbers: dict[str, Any], submissions: Submissions, printer: ProgressPrinter) -> None:
    """Print the results of the class."""
    lang, graded = printer.lang, sum(line.is_new for line in printer.lines)
    statuses = ", ".join(f"{status_word(lang, status)}: {count}" for status, count in numbers["statuses"].items())
    click.echo()
    click.echo(
        word(
            lang, "Submissions: {count} ({graded} graded now); {statuses}",
            count=numbers["submissions"], graded=graded, statuses=statuses,
        )
    )  # fmt: skip
    scores = numbers["scores"]
    if scores["mean"] is not None:
        shares = {name: scores[name] for name in ("mean", "median")}
        click.echo(word(lang, "Scores of {most}: mean {mean}, median {median}", most=numbers["max_score"], **shares))
        most = max(count for _, count in scores["ranges"])
        for points, count in scores["ranges"]:
            click.echo(f"  {points:>9} {count:>5}  {'#' * -(-40 * count // most)}".rstrip())
    for mistake in numbers["misconceptions"][:MOST_SHOWN]:
        click.echo(f"  {mistake['submissions']:>5} x {mistake['id']}: {shown(mistake['message'])}".rstrip(": "))
    print_problems(numbers, printer)
    print_changes(printer)
    for note in submissions.notes:
        click.echo(f"{word(lang, 'note')}: {shown(message_in(note, lang).text)}")
    for missing in submissions.missing:
        click.echo(f"{word(lang, 'no submission')}: {shown(missing.shown)}")


def print_problems(numbers: dict[str, Any], printer: ProgressPrinter) -> None:
    """Print failures of the grader, missing packages, and the number of outdated results."""
    lang = printer.lang
    broken = [line.broken for line in printer.lines if line.broken]
    for reason in dict.fromkeys([*broken, *printer.broken]):
        click.echo(f"{status_word(lang, 'grader_error')}: {shown(reason)}")
    kept = sum(line.is_kept for line in printer.lines)
    if kept:
        click.echo(word(lang, "The grader failed; earlier results were kept: {count}.", count=kept))
    if numbers["not_installed"]:
        packages = ", ".join(f"{name} ({count})" for name, count in [*numbers["not_installed"].items()][:MOST_SHOWN])
        said = word(lang, "Submissions import packages that are not installed here: {packages}.", packages=packages)
        click.echo(shown(said))
    if numbers["outdated"]:
        said = word(
            lang, "Results of an earlier lab, version or submission: {count}; see the column outdated in gradebook.csv. Run the command again.",
            count=len(numbers["outdated"]),
        )  # fmt: skip
        click.echo(said)


def print_changes(printer: ProgressPrinter) -> None:
    """Print a line for each submission whose points changed, largest losses first; at most MOST_SHOWN lines."""
    lang = printer.lang
    by_key: dict[str, list[Change]] = {}
    for change in printer.changes:
        by_key.setdefault(change.key, []).append(change)

    def gained(changes: list[Change]) -> int:
        return sum((change.after or 0) - (change.before or 0) for change in changes if change.criterion == SCORE)

    for key, changes in sorted(by_key.items(), key=lambda item: (gained(item[1]), item[0]))[:MOST_SHOWN]:
        what = word(lang, "new submission") if changes[0].is_resubmitted else word(lang, "graded again")
        moves = ", ".join(
            f"{word(lang, 'score') if element.criterion == SCORE else element.criterion} {_points(element.before)} -> {_points(element.after)}"
            for element in changes
        )
        click.echo(f"{word(lang, 'changed')}: {key} ({what}): {moves}")
    if by_key:
        click.echo(word(lang, "Changed: {count}. {file} has all of them.", count=len(by_key), file=CHANGES))


def _points(points: int | None) -> str:
    return "-" if points is None else str(points)
