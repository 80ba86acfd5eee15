"""The command `grade-package`: packs the grader for a platform, as in grade-package gradescope OUT.zip."""

from __future__ import annotations

from pathlib import Path

import click

from grader import __version__
from grader.commands import options
from grader.commands.ending import errors_in, run, shown
from grader.core import exits


@click.group()
@click.version_option(__version__, prog_name="grade-package")
def command() -> None:
    """Pack the grader for a platform that runs it. The package never contains the solution."""


@command.command(epilog="Exit codes: 0 written; 2 wrong usage; 4 the assignment or rubric is broken.")
@click.argument("out", metavar="OUT.zip", type=options.PATH)
@options.assignment
@options.rubric
@click.option("--lang", type=options.LANG, default="en", show_default=True, help="Language of the reports.")
@options.time_limit
@options.require_sandbox("strict")
def gradescope(
    out: Path, lab: Path | None, rubric: Path | None, lang: str, time_limit: float | None, required: str
) -> int:
    """Write a Gradescope autograder: a zip that is ready to upload."""
    from grader.commands.packing import gradescope as packed
    from grader.pipeline.assignment import read_assignment

    if out.is_dir():
        raise click.UsageError(f"{str(out)!r} is a folder.")
    with errors_in("en"):
        described = read_assignment(lab, rubric)
    words = ["--lang", lang, "--require-sandbox", required]
    if time_limit is not None:
        words += ["--time-limit", f"{time_limit:g}"]
    content = packed(words, lab, rubric, described.packages)
    temporary = out.with_name(out.name + ".part")
    temporary.write_bytes(content)
    temporary.replace(out)
    click.echo(
        f"{shown(str(out))}: upload it as the autograder of an assignment with {described.rubric.max_score} points."
    )
    return exits.GRADED


def main() -> None:
    """Run the command and exit."""
    run(command, "grade-package")
