"""The command `grade`: parses arguments, grades, writes reports and exits with a code."""

from __future__ import annotations

import os
import secrets
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click
from click.shell_completion import CompletionItem

from grader import __version__
from grader.commands import options
from grader.commands.ending import check_signals, errors_in, run
from grader.commands.output import is_terminal, progress, write
from grader.core import exits
from grader.core.language import message_in, word

if TYPE_CHECKING:
    from grader.core.messages import Message
    from grader.core.report import Report
    from grader.pipeline.assignment import Assignment

FORMATS = ("json", "text", "html", "markdown", "github", "junit", "gradescope", "classroom50")

EPILOG = """\b
Exit codes: 0 graded (any score); 1 below --fail-under; 2 wrong usage;
3 rejected or not gradable; 4 the grader, rubric or suite is broken;
130 interrupted.
"""


class ReportPath(click.ParamType):  # type: ignore[type-arg]  # generic only in later versions of click
    """FORMAT=PATH of a report, as (format, path)."""

    name = "FORMAT=PATH"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """Return format and path; raise BadParameter, with one sentence, if they are invalid."""
        kind, _, path = value.partition("=")
        if not path:
            self.fail(f"{value!r} is not FORMAT=PATH, for example json=report.json", param, ctx)
        if kind not in FORMATS:
            self.fail(f"unknown format {kind!r}; choose one of {', '.join(FORMATS)}", param, ctx)
        return kind, path

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG002
        """Return shell completions: first the formats, then files."""
        _, equals, path = incomplete.partition("=")
        if equals:
            return [CompletionItem(path, type="file")]
        return [CompletionItem(f"{known}=") for known in FORMATS if known.startswith(incomplete)]


def new(folder: Path, lab: Path | None, lang: str) -> int:
    """Copy the template of a lab, and print the next steps."""
    from grader.commands.installation import source
    from grader.commands.new import TEMPLATE, copy_template, fill_in
    from grader.pipeline.assignment import read_assignment

    described = read_assignment(lab)
    next_ = f"grade {folder / described.file}"
    data = [(name, described.place / name) for name in described.files]
    for path in copy_template(TEMPLATE if lab is None else lab / "template", folder, data):
        click.echo(path)
    address = source()
    if fill_in(folder, address if isinstance(address, str) else "", lang):
        click.echo(installs(address, lang))
    click.echo(word(lang, "Next: {command}", command=next_ if lab is None else f"{next_} --assignment {lab}"))
    return exits.GRADED


def installs(address: str | Message, lang: str) -> str:
    """Return a sentence about what the workflow of a new lab installs, or why it installs nothing."""
    if isinstance(address, str):
        return word(lang, "The workflow installs the grader from {address}", address=address)
    return word(
        lang,
        "Set the variable GRADER for the workflow to the address that pip installs the grader from. It cannot be filled in here: this grader was installed from {origin}.",
        origin=message_in(address, lang).text,
    )


def doctor(lab: Path | None) -> int:
    """Print the features of this machine, and the packages that a lab lacks."""
    from grader.commands.doctor import examine
    from grader.pipeline.assignment import missing_packages, read_assignment

    for line in examine():
        click.echo(line)
    described = read_assignment(lab)
    missing = missing_packages(described)
    for package in described.packages:
        click.echo(f"package {package}: {'not installed' if package in missing else 'installed'}")
    return exits.BROKEN if missing else exits.GRADED


@click.command(epilog=EPILOG)
@click.argument("submission", type=options.PATH, required=False, metavar="SUBMISSION")
@click.option(
    "reports",
    "--report",
    type=ReportPath(),
    multiple=True,
    help="Write a report; repeatable; PATH - is standard output. Formats: json, text, html, "
    "markdown, github, junit, gradescope, classroom50. Default: json=grade-report.json and a summary on standard output.",
)
@click.option("--seed", type=options.SEED, help="Seed of all probes. Default: random.")
@options.time_limit
@click.option("--fail-under", type=click.IntRange(0), metavar="POINTS", help="Exit with 1 if the score is lower.")
@options.assignment
@click.option("chosen", "--lab-option", metavar="NAME", multiple=True, help="Turn on an option of the lab; repeatable.")
@options.rubric
@options.lang("Language of the report.")
@options.require_sandbox()
@click.option("is_debugged", "--debug", is_flag=True, help="Show what the lab's suite prints, on standard error.")
@click.option("is_watched", "--watch", is_flag=True, help="Grade again after each save, until Ctrl-C.")
@click.option("is_plain", "--no-color", is_flag=True, help="No colours on a terminal; NO_COLOR does the same.")
@click.option(
    "copied",
    "--new",
    type=options.PATH,
    metavar="DIR",
    help="Copy the lab's template into a new folder and exit.",
)
@click.option(
    "is_examined",
    "--doctor",
    is_flag=True,
    help="Show the sandbox and versions of this machine and the lab's packages, and exit.",
)
@click.version_option(__version__, prog_name="grade")
def command(submission: Path | None, copied: Path | None, seed: int | None, is_examined: bool, **given: Any) -> int:
    """Grade SUBMISSION.

    SUBMISSION is a Python file, a notebook, a .zip or .tar.gz archive, or a folder with one of them.
    """
    with errors_in(given["lang"]):
        if is_examined:
            return doctor(given["lab"])
        if copied is not None:
            return new(copied, given["lab"], given["lang"])
        if submission is None:
            raise click.MissingParameter(param_hint="'SUBMISSION'", param_type="argument")
        options = GradeOptions(submission=submission, seed=secrets.randbits(53) if seed is None else seed, **given)
        check_destinations(options)
        if options.is_watched:
            watched(options)
        report = graded(options)
        check_signals()
        return max(options.write(report), exit_code(report, options.fail_under))


@dataclass(frozen=True, kw_only=True, slots=True)
class GradeOptions:
    """Arguments and options of `grade`."""

    submission: Path
    reports: tuple[tuple[str, str], ...]
    seed: int
    time_limit: float | None
    fail_under: int | None
    chosen: tuple[str, ...]
    lab: Path | None
    rubric: Path | None
    lang: str
    required: str
    is_debugged: bool
    is_watched: bool
    is_plain: bool

    def assignment(self) -> Assignment:
        """Read the lab; raise UsageError if the submission does not exist or the lab cannot be read."""
        from grader.core.errors import UsageError
        from grader.pipeline.grading import assignment

        if not os.path.lexists(self.submission):
            raise UsageError("{path} does not exist.", path=self.submission.name)
        return assignment(
            self.lab, rubric=self.rubric, time_limit=self.time_limit, chosen=self.chosen, is_debugged=self.is_debugged
        )

    def write(self, report: Report) -> int:
        """Write the reports; return an exit code."""
        return write(self.reports, report, self.submission, is_plain=self.is_plain)


def watched(options: GradeOptions) -> NoReturn:
    """Grade at each save until interrupted."""
    if options.fail_under is not None or options.chosen:
        raise click.UsageError("--watch cannot be combined with --fail-under or --lab-option.")
    from grader.classroom.warm import Task
    from grader.commands.watch import watch

    def show(report: Report, before: Report | None) -> None:
        tell("")
        if is_terminal(sys.stdout):
            click.clear()
        else:
            click.echo(f"--- {time.strftime('%H:%M:%S')} ---")
        options.write(report)
        if before is not None and before.score != report.score:
            click.echo(
                word(options.lang, "Before this save: {score}", score="-" if before.score is None else before.score)
            )
        sys.stdout.flush()
        tell(word(options.lang, "watching {name}; press Ctrl-C to stop", name=options.submission.absolute().name))

    task = Task(lab=options.assignment(), lang=options.lang, required=options.required)
    with progress() as tell:
        watch(options.submission, task, options.seed, show, tell)


def main() -> None:
    """Run the command and exit."""
    run(command, "grade")


def check_destinations(options: GradeOptions) -> None:
    """Raise click.UsageError for two reports with one path, and for a report that would replace the submission."""
    places = [path if path == "-" else os.path.realpath(path) for _, path in options.reports]
    submission = Path(os.path.realpath(options.submission))
    for place in places:
        if places.count(place) > 1:
            raise click.UsageError(word(options.lang, "two reports would be written to {place}.", place=repr(place)))
        if Path(place) == submission or (Path(place).parent == submission and place.endswith(".py")):
            raise click.UsageError(
                word(options.lang, "the report would replace the submission {place}.", place=repr(place))
            )


def graded(options: GradeOptions) -> Report:
    """Grade, with a line of progress on a terminal."""
    from grader.sandbox.processes import Sandbox

    with Sandbox(options.required) as sandbox:  # start it first: it warms up during the other imports
        from grader.pipeline.grading import grade

        task, lang = options.assignment(), options.lang
        with progress() as tell:
            return grade(options.submission, task, seed=options.seed, lang=lang, sandbox=sandbox, progress=tell)


def exit_code(report: Report, fail_under: int | None) -> int:
    """Return the exit code of a report."""
    from grader.core.report import Status

    if report.status is not Status.GRADED:
        return exits.BROKEN if report.status is Status.GRADER_ERROR else exits.REJECTED
    return exits.BELOW if fail_under is not None and (report.score or 0) < fail_under else exits.GRADED
