"""The command `grade-lab` for lecturers who write a lab: grade-lab new DIR, grade-lab check DIR."""

from __future__ import annotations

from pathlib import Path

import click

from grader import __version__
from grader.commands import options
from grader.commands.ending import errors_in, run, shown
from grader.core import exits
from grader.core.language import message_in, word
from grader.core.messages import Message, say

EXAMPLE = Path(__file__).with_name("example")


@click.group()
@click.version_option(__version__, prog_name="grade-lab")
def command() -> None:
    """Write a lab, and check that it grades as it should."""


lang_of_output = options.lang("Language of the output.")


@command.command(epilog="Exit codes: 0 written; 2 wrong usage.")
@click.argument("folder", metavar="DIR", type=options.PATH)
@lang_of_output
def new(folder: Path, lang: str) -> int:
    """Write a small complete lab into a new folder as a starting point."""
    from grader.commands.new import copy_template

    with errors_in(lang):
        for path in copy_template(EXAMPLE, folder):
            click.echo(shown(str(path)))
    click.echo(word(lang, "Next: {command}", command=f"grade-lab check {shown(str(folder))}"))
    return exits.GRADED


@command.command(
    epilog="Exit codes: 0 no problems; 1 problems found; 2 wrong usage; 4 the folder contains no valid lab."
)
@click.argument("folder", metavar="DIR", type=options.PATH)
@click.option("--seeds", type=click.IntRange(1, 1000), default=20, show_default=True, help="Seeds for each solution.")
@lang_of_output
def check(folder: Path, seeds: int, lang: str) -> int:
    """Check a lab before a class uses it.

    The solutions in DIR/solutions must get the points in their names (right*.py all, wrong_x@7.py 7) with every seed;
    the suite must not break on any return value; a wrong solution must fail each case.
    """
    from grader.commands.lab_check import Check

    def tell(line: Message) -> None:
        click.echo(shown(message_in(line, lang).text))

    made = Check(folder, seeds=seeds, tell=tell)
    with errors_in(lang):
        made.run()
    for note in made.notes:
        tell(say("note: {note}", note=note))
    for problem in made.problems:
        tell(say("problem: {problem}", problem=problem))
    count = len(made.problems)
    tell(say("problems found: {count}", count=count) if count else say("no problems found"))
    return exits.BELOW if count else exits.GRADED


def main() -> None:
    """Run the command and exit."""
    run(command, "grade-lab")
