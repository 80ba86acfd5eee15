"""The command `grade-lab` for lecturers who write a lab: grade-lab new DIR, grade-lab check DIR."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import click

from grader import __version__
from grader.commands import options
from grader.commands.ending import run, shown
from grader.core import exits
from grader.core.language import from_locale, message_in, word
from grader.core.messages import Message, say

EXAMPLE = Path(__file__).with_name("example")


@click.group()
@click.version_option(__version__, prog_name="grade-lab")
def command() -> None:
    """Write a lab, and check that it grades as it should."""


lang_of_output = click.option(
    "--lang",
    type=options.LANG,
    default=from_locale,
    show_default="from the locale, else en",
    help="Language of the output.",
)


@command.command(epilog="Exit codes: 0 written; 2 wrong usage.")
@click.argument("folder", metavar="DIR", callback=options.a_path)
@lang_of_output
def new(folder: Path, lang: str) -> int:
    """Write a small complete lab into a new folder as a starting point."""
    if os.path.lexists(folder) and (not folder.is_dir() or any(folder.iterdir())):
        raise click.UsageError(word(lang, "{path} is not an empty folder.", path=repr(str(folder))))
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(EXAMPLE, folder, dirs_exist_ok=True, copy_function=shutil.copyfile, ignore=ignored)
    for path in sorted(item for item in folder.rglob("*") if item.is_file()):
        click.echo(shown(str(path)))
    click.echo(word(lang, "Next: {command}", command=f"grade-lab check {shown(str(folder))}"))
    return exits.GRADED


@command.command(
    epilog="Exit codes: 0 no problems; 1 problems found; 2 wrong usage; 4 the folder contains no valid lab."
)
@click.argument("folder", metavar="DIR", callback=options.a_path)
@click.option("--seeds", type=click.IntRange(1, 1000), default=20, show_default=True, help="Seeds for each solution.")
@lang_of_output
def check(folder: Path, seeds: int, lang: str) -> int:
    """Check a lab before a class uses it.

    The solutions in DIR/solutions must get the points in their names (right*.py all, wrong_x@7.py 7) with every seed;
    the suite must not break on any return value; a wrong solution must fail each case.
    """
    from grader.commands.lab_check import check as checked
    from grader.core.errors import GradeError

    def tell(line: Message) -> None:
        click.echo(shown(message_in(line, lang).text))

    try:
        problems, notes = checked(folder, seeds=seeds, tell=tell)
    except GradeError as error:
        click.echo(f"grade-lab: {shown(error.told(lang))}", err=True)
        return error.exit_code
    for note in notes:
        tell(say("note: {note}", note=note))
    for problem in problems:
        tell(say("problem: {problem}", problem=problem))
    tell(say("problems found: {count}", count=len(problems)) if problems else say("no problems found"))
    return exits.BELOW if problems else exits.GRADED


def main() -> None:
    """Run the command and exit."""
    run(command, "grade-lab")
