"""The command `grade`: arguments in, reports out, an exit code. Only this file prints and exits."""

from __future__ import annotations

import contextlib
import math
import os
import secrets
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from grader import __version__

if TYPE_CHECKING:
    from grader.models import Assignment, Report
    from grader.sandbox.processes import Sandbox

FORMATS = ("json", "text", "html")
ENDING = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
DEFAULT_REPORT = ("json", "grade-report.json")

EPILOG = """\b
Exit codes: 0 graded (any score); 1 below --fail-under; 2 wrong usage;
3 rejected or not gradable; 4 the grader, rubric or suite is broken;
130 interrupted.
"""


class ReportOption(click.ParamType[tuple[str, str]]):
    """FORMAT=PATH, with `-` for standard output."""

    name = "FORMAT=PATH"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """Return (format, path) or refuse in one sentence."""
        kind, equals, path = value.partition("=")
        if not equals or not path:
            self.fail(f"{value!r} is not FORMAT=PATH, for example json=report.json", param, ctx)
        if kind not in FORMATS:
            self.fail(f"unknown format {kind!r}; known are {', '.join(FORMATS)}", param, ctx)
        return kind, path


def finite(context: click.Context, parameter: click.Parameter, value: float) -> float:
    """Refuse what is a float but no number."""
    if not math.isfinite(value):
        raise click.BadParameter(f"{value} is not a number of seconds.", context, parameter)
    return value


def a_path(context: click.Context, parameter: click.Parameter, value: str) -> Path:
    """Refuse what Path would take for the current folder."""
    if not value:
        raise click.BadParameter("it is empty.", context, parameter)
    return Path(value)


def doctor(context: click.Context, _: click.Parameter, value: bool) -> None:
    """Print what this machine offers, and end."""
    if value and not context.resilient_parsing:
        from grader.doctor import examine

        for line in examine():
            click.echo(line)
        context.exit()


@click.command(epilog=EPILOG)
@click.argument("submission", callback=a_path)
@click.option(
    "reports",
    "--report",
    type=ReportOption(),
    multiple=True,
    help="Write a report; repeatable, PATH - is standard output. Formats: json, text, html. "
    "Default: json=grade-report.json and a summary on standard output.",
)
@click.option("--seed", type=click.IntRange(0, 2**53 - 1), help="Seed of all probes. Default: drawn fresh.")
@click.option(
    "--time-limit",
    type=click.FloatRange(1, 3600),
    default=60,
    show_default=True,
    callback=finite,
    help="Seconds that the submission's code may run in all.",
)
@click.option("--fail-under", type=click.IntRange(0), metavar="POINTS", help="Exit with 1 when the score is lower.")
@click.option("--training-run", is_flag=True, help="Also run train once from the submission's own start, as a remark.")
@click.option("--rubric", type=click.Path(path_type=Path), help="A rubric.toml to use instead of the built-in one.")
@click.option("--lang", type=click.Choice(["en"]), default="en", show_default=True, help="Language of the report.")
@click.option(
    "required",
    "--require-sandbox",
    type=click.Choice(["strict", "process"]),
    default="process",
    show_default=True,
    help="Run nothing below this level of the sandbox.",
)
@click.option(
    "--doctor",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=doctor,
    help="Show what this machine offers and exit.",
)
@click.version_option(__version__, prog_name="grade")
def command(
    submission: Path,
    reports: tuple[tuple[str, str], ...],
    seed: int | None,
    time_limit: float,
    fail_under: int | None,
    training_run: bool,
    rubric: Path | None,
    lang: str,
    required: str,
) -> int:
    """Grade SUBMISSION: three sigmoid neurons that learn XOR.

    SUBMISSION is a Python file, a notebook, a .zip or .tar.gz archive, or a folder with one of them.
    """
    from grader.sandbox.processes import Sandbox

    check_destinations(reports, submission)
    with Sandbox(required) as sandbox:  # started first: it warms up while the rest is imported
        from grader.errors import GradeError, UsageError
        from grader.pipeline import assignment, limits_for

        try:
            if not os.path.lexists(submission):
                raise UsageError("{path} does not exist.", path=submission.name)
            limits = limits_for(time_limit)
            task = assignment(rubric, limits) if rubric else assignment(limits=limits)
            task = replace(task, is_run_asked=training_run)
        except GradeError as error:
            click.echo(f"grade: {shown(str(error))}", err=True)
            return error.exit_code
        report = graded(submission, task, secrets.randbits(53) if seed is None else seed, lang, sandbox)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # interrupted, whatever came of it
        raise KeyboardInterrupt
    return max(write(reports, report), exit_code(report, fail_under))


def main() -> None:
    """Run the command and exit."""
    run(command, "grade")


def run(command: click.Command, name: str) -> None:
    """Run a command and exit; interruption is 130, by a signal that ends a terminal's work or a job."""
    from grader.errors import EXIT_GRADED, EXIT_INTERRUPTED, EXIT_USAGE

    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # for 3 x 3 numbers a second thread is start-up time only
    for number in ENDING:
        signal.signal(number, interrupt)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError):
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    try:
        code = command.main(prog_name=name, standalone_mode=False)
    except SystemExit:  # click's own end, when the reader of --help has seen enough
        code = EXIT_GRADED
    except click.ClickException as error:
        click.echo(f"{name}: {shown(error.format_message())} Try: {name} --help", err=True)
        code = EXIT_USAGE
    except (KeyboardInterrupt, click.Abort):
        click.echo(f"{name}: interrupted", err=True)
        code = EXIT_INTERRUPTED
    except OSError as error:  # of the place the command was started in: a folder that is gone, a full device
        forget_output()
        place = f" ({shown(str(error.filename))})" if error.filename else ""
        click.echo(f"{name}: {error.strerror}{place}.", err=True)
        code = EXIT_USAGE
    sys.exit(code)


def interrupt(*_: object) -> None:
    """End the work; a second signal would only end the tidying up."""
    for number in ENDING:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def forget_output() -> None:
    """Drop what is still buffered for a standard output that takes no more."""
    with contextlib.suppress(OSError, AttributeError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def check_destinations(reports: tuple[tuple[str, str], ...], submission: Path) -> None:
    """Refuse two reports for one place, and a report in place of the submission."""
    places = [path if path == "-" else os.path.realpath(path) for _, path in reports]
    handed_in = Path(os.path.realpath(submission))
    for place in places:
        if places.count(place) > 1:
            raise click.UsageError(f"two reports would go to {place!r}.")
        if Path(place) == handed_in or (Path(place).parent == handed_in and place.endswith(".py")):
            raise click.UsageError(f"the report would replace the submission {place!r}.")


def shown(text: str) -> str:
    """Return text fit for a terminal, whatever names it holds."""
    from grader.renderers.text import printable

    return printable(text, 2_000)


def graded(submission: Path, task: Assignment, seed: int, lang: str, sandbox: Sandbox) -> Report:
    """Grade, with a line of progress where a person watches."""
    from grader.pipeline import grade

    with progress() as tell:
        return grade(submission, task, seed=seed, lang=lang, sandbox=sandbox, progress=tell)


@contextlib.contextmanager
def progress() -> Iterator[Callable[[str], None]]:
    """Show the running case on a terminal, nothing elsewhere."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield lambda _: None
        return
    terminal = sys.__stderr__
    assert terminal is not None

    def tell(name: str) -> None:
        terminal.write(f"\r\x1b[K{name}")
        terminal.flush()

    try:
        yield tell
    finally:
        terminal.write("\r\x1b[K")
        terminal.flush()


def write(reports: tuple[tuple[str, str], ...], report: Report) -> int:
    """Write every report, files first; 0, or the exit code for one asked for that could not be written."""
    from grader.errors import EXIT_GRADED, EXIT_USAGE
    from grader.renderers import RENDERERS

    code = EXIT_GRADED
    printed = next((kind for kind, path in reports if path == "-"), "text")
    for kind, path in reports or (DEFAULT_REPORT,):
        if path == "-":
            continue
        try:
            if not reports and Path(path).exists() and (Path(path).is_symlink() or not Path(path).is_file()):
                raise FileExistsError(0, "something that is no report stands there", path)
            replace_file(Path(path), RENDERERS[kind](report))
        except OSError as error:
            click.echo(f"grade: {shown(path)} cannot be written: {error.strerror}.", err=True)
            code = EXIT_USAGE if reports else EXIT_GRADED
    try:
        click.echo(RENDERERS[printed](report), nl=False)
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError as error:
        forget_output()
        if not isinstance(error, BrokenPipeError):  # a reader that has seen enough is no failure
            click.echo(f"grade: standard output cannot be written: {error.strerror}.", err=True)
            code = EXIT_USAGE
    return code


def replace_file(path: Path, text: str) -> None:
    """Write a file so that it is there whole or not at all; a device or pipe is written as it is."""
    is_special = path.exists() and not path.is_file() and not path.is_dir()
    if is_special or path.absolute().parts[1:2] in (("dev",), ("proc",)):
        path.write_text(text, encoding="utf-8")
        return
    path = Path(os.path.realpath(path))
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        temporary = Path(file.name)
    try:
        temporary.write_text(text, encoding="utf-8", newline="\n")
        mask = os.umask(0)
        os.umask(mask)
        temporary.chmod(0o666 & ~mask)
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def exit_code(report: Report, fail_under: int | None) -> int:
    """Return what the command ends with."""
    from grader.errors import EXIT_BELOW, EXIT_BROKEN, EXIT_GRADED, EXIT_REJECTED
    from grader.models import Status

    codes = {
        Status.GRADED: EXIT_GRADED,
        Status.REJECTED: EXIT_REJECTED,
        Status.NOT_GRADABLE: EXIT_REJECTED,
        Status.GRADER_ERROR: EXIT_BROKEN,
    }
    code = codes[report.status]
    if code == EXIT_GRADED and fail_under is not None and (report.score or 0) < fail_under:
        return EXIT_BELOW
    return code
