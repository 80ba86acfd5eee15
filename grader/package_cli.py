"""The command line that packs the grader for a platform: grade-package gradescope OUT.zip."""

from __future__ import annotations

from pathlib import Path

import click

from grader import __version__, exits
from grader.cli import a_path, finite, run, shown
from grader.cli import command as grade

LANG = next(parameter for parameter in grade.params if parameter.name == "lang").type


@click.group()
@click.version_option(__version__, prog_name="grade-package")
def command() -> None:
    """Pack the grader for a platform that runs it itself. The solution is never inside."""


@command.command(epilog="Exit codes: 0 written; 2 wrong usage; 4 the rubric is broken.")
@click.argument("out", metavar="OUT.zip", callback=a_path)
@click.option("--rubric", type=click.Path(path_type=Path), help="A rubric.toml to use instead of the built-in one.")
@click.option("--lang", type=LANG, default="en", show_default=True, help="Language of the reports.")
@click.option(
    "--time-limit",
    type=click.FloatRange(1, 3600),
    default=60,
    show_default=True,
    callback=finite,
    help="Seconds that the code of one submission may run in all.",
)
@click.option(
    "required",
    "--require-sandbox",
    type=click.Choice(["strict", "process"]),
    default="strict",
    show_default=True,
    help="Run nothing below this level of the sandbox.",
)
def gradescope(out: Path, rubric: Path | None, lang: str, time_limit: float, required: str) -> int:
    """Write a Gradescope autograder: the zip to upload as it is."""
    from grader.errors import GradeError
    from grader.package import gradescope as packed
    from grader.rubric import DEFAULT, read_rubric

    if out.is_dir():
        raise click.UsageError(f"{str(out)!r} is a folder.")
    try:
        points = sum(criterion.points for criterion in read_rubric(rubric or DEFAULT).criteria)
    except GradeError as error:
        click.echo(f"grade-package: {shown(str(error))}", err=True)
        return error.exit_code
    options = ["--lang", lang, "--time-limit", f"{time_limit:g}", "--require-sandbox", required]
    content = packed(options, rubric)
    temporary = out.with_name(out.name + ".part")
    temporary.write_bytes(content)
    temporary.replace(out)
    click.echo(f"{shown(str(out))}: upload it as the autograder of an assignment with {points} points.")
    return exits.GRADED


def main() -> None:
    """Run the command and exit."""
    run(command, "grade-package")
