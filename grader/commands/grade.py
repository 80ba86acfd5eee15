"""The command `grade`: arguments in, reports out, an exit code. Only this file prints and exits."""

from __future__ import annotations

import _thread
import contextlib
import os
import secrets
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, TextIO

import click
from click.shell_completion import CompletionItem

from grader import __version__
from grader.commands import options
from grader.core import exits
from grader.core.language import from_locale, message_in, word

if TYPE_CHECKING:
    from grader.commands.installation import Source
    from grader.core.errors import GradeError
    from grader.core.report import Report
    from grader.pipeline.assignment import Assignment
    from grader.sandbox.processes import Sandbox

FORMATS = ("json", "text", "html", "markdown", "github", "junit", "gradescope", "classroom50")
ENDING = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
AGAIN_S = 0.01
RECEIVED: list[int] = []  # the signals that interrupted this process
DEFAULT_REPORT = ("json", "grade-report.json")

EPILOG = """\b
Exit codes: 0 graded (any score); 1 below --fail-under; 2 wrong usage;
3 rejected or not gradable; 4 the grader, rubric or suite is broken;
130 interrupted.
"""


def a_format_and_path(
    context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> tuple[tuple[str, str], ...]:
    """Return each FORMAT=PATH as (format, path), or refuse in one sentence."""
    pairs = []
    for value in values:
        kind, equals, path = value.partition("=")
        if not equals or not path:
            problem = f"{value!r} is not FORMAT=PATH, for example json=report.json"
            raise click.BadParameter(problem, context, parameter)
        if kind not in FORMATS:
            problem = f"unknown format {kind!r}; known are {', '.join(FORMATS)}"
            raise click.BadParameter(problem, context, parameter)
        pairs.append((kind, path))
    return tuple(pairs)


def format_or_file(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG001
    """Complete FORMAT=PATH, with `-` for standard output: the formats, then files."""
    _, equals, path = incomplete.partition("=")
    if equals:
        return [CompletionItem(path, type="file")]
    return [CompletionItem(f"{known}=") for known in FORMATS if known.startswith(incomplete)]


def paths(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Let the shell complete files."""
    return [CompletionItem(incomplete, type="file")]


def new(folder: Path, lab: Path | None, lang: str) -> int:
    """Copy the template of a lab, and say what comes next."""
    from grader.commands.installation import source
    from grader.commands.new import TEMPLATE, copy_template, fill_in
    from grader.core.errors import GradeError
    from grader.pipeline.grading import assignment

    try:
        next_ = f"grade {folder / assignment(lab).file}"
        names = copy_template(TEMPLATE if lab is None else lab / "template", folder)
    except GradeError as error:
        return refused(error, lang)
    except FileExistsError as error:
        raise click.UsageError(f"{str(folder)!r} {error.strerror}.") from error
    for name in names:
        click.echo(folder / name)
    found = source()
    if fill_in(folder, found.address, lang):
        click.echo(installs(found, lang))
    click.echo(f"Next: {next_}" if lab is None else f"Next: {next_} --assignment {lab}")
    return exits.GRADED


def installs(source: Source, lang: str) -> str:
    """Return what the workflow of a new lab installs, or why it names nothing."""
    if source.instead is None:
        return word(lang, "The workflow installs the grader from {address}", address=source.address)
    return word(
        lang,
        "The workflow needs the variable GRADER, the address that pip installs the grader from: this one was installed from {origin}.",
        origin=message_in(source.instead, lang).text,
    )


def doctor(context: click.Context, _: click.Parameter, value: bool) -> None:
    """Print what this machine offers, and end."""
    if value and not context.resilient_parsing:
        from grader.commands.doctor import examine

        for line in examine():
            click.echo(line)
        context.exit()


@click.command(epilog=EPILOG)
@click.argument("submission", callback=options.a_folder, shell_complete=paths, required=False, metavar="SUBMISSION")
@click.option(
    "reports",
    "--report",
    metavar="FORMAT=PATH",
    callback=a_format_and_path,
    shell_complete=format_or_file,
    multiple=True,
    help="Write a report; repeatable, PATH - is standard output. Formats: json, text, html, "
    "markdown, github, junit, gradescope, classroom50. Default: json=grade-report.json and a summary on standard output.",
)
@click.option("--seed", type=options.SEED, help="Seed of all probes. Default: drawn fresh.")
@options.time_limit
@click.option("--fail-under", type=click.IntRange(0), metavar="POINTS", help="Exit with 1 when the score is lower.")
@click.option("--training-run", is_flag=True, help="Also run train once from the submission's own start, as a remark.")
@options.assignment
@options.rubric
@click.option(
    "--lang",
    type=options.LANG,
    default=from_locale,
    show_default="from the locale, else en",
    help="Language of the report.",
)
@options.require_sandbox()
@click.option("is_watched", "--watch", is_flag=True, help="Grade again at each save, until Ctrl-C.")
@click.option("is_plain", "--no-color", is_flag=True, help="No colours on a terminal; NO_COLOR does the same.")
@click.option(
    "copied",
    "--new",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Copy the lab's template into a new folder and exit.",
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
    submission: Path | None,
    reports: tuple[tuple[str, str], ...],
    seed: int | None,
    time_limit: float | None,
    fail_under: int | None,
    training_run: bool,
    lab: Path | None,
    rubric: Path | None,
    lang: str,
    required: str,
    is_watched: bool,
    is_plain: bool,
    copied: Path | None,
) -> int:
    """Grade SUBMISSION: three sigmoid neurons that learn XOR.

    SUBMISSION is a Python file, a notebook, a .zip or .tar.gz archive, or a folder with one of them.
    """
    if copied is not None:
        return new(copied, lab, lang)
    if submission is None:
        raise click.MissingParameter(param_hint="'SUBMISSION'", param_type="argument")
    check_destinations(reports, submission, lang)
    seed = secrets.randbits(53) if seed is None else seed
    if is_watched:
        if fail_under is not None or training_run:
            raise click.UsageError("--watch goes without --fail-under and --training-run.")
        return watched(submission, reports, lab, rubric, time_limit, seed, lang, required, is_plain=is_plain)
    from grader.sandbox.processes import Sandbox

    with Sandbox(required) as sandbox:  # started first: it warms up while the rest is imported
        from grader.core.errors import GradeError
        from grader.pipeline.grading import assignment

        try:
            check_there(submission)
            task = assignment(lab, rubric=rubric, time_limit=time_limit)
        except GradeError as error:
            return refused(error, lang)
        report = graded(submission, replace(task, is_run_asked=training_run), seed, lang, sandbox)
    check_signals()
    return max(write(reports, report, submission, is_plain=is_plain), exit_code(report, fail_under))


def refused(error: GradeError, lang: str) -> int:
    """Print the sentence of an expected error; return its exit code."""
    click.echo(f"grade: {shown(error.told(lang))}", err=True)
    return error.exit_code


def check_there(submission: Path) -> None:
    """Refuse a path with nothing at it."""
    from grader.core.errors import UsageError

    if not os.path.lexists(submission):
        raise UsageError("{path} does not exist.", path=submission.name)


def watched(
    submission: Path,
    reports: tuple[tuple[str, str], ...],
    lab: Path | None,
    rubric: Path | None,
    time_limit: float | None,
    seed: int,
    lang: str,
    required: str,
    *,
    is_plain: bool,
) -> int:
    """Grade at each save until interrupted; return only where it cannot begin."""
    from grader.core.errors import GradeError

    def show(report: Report, before: Report | None) -> None:
        tell("")
        if is_terminal(sys.stdout):
            click.clear()
        else:
            click.echo(f"--- {time.strftime('%H:%M:%S')} ---")
        write(reports, report, submission, is_plain=is_plain)
        if before is not None and before.score != report.score:
            click.echo(word(lang, "Before this save: {score}", score="-" if before.score is None else before.score))
        sys.stdout.flush()
        tell(word(lang, "watching {name}; Ctrl-C ends", name=submission.absolute().name))

    def tell(line: str) -> None:
        if is_terminal(sys.stderr):
            click.echo(f"\r\x1b[K{shown(line)}", nl=False, err=True)

    try:
        from grader.classroom.warm import Task
        from grader.commands.watch import watch
        from grader.pipeline.grading import assignment

        check_there(submission)
        task = assignment(lab, rubric=rubric, time_limit=time_limit)
        watch(submission, Task(lab=task, lang=lang, required=required), seed, show, tell)
    except GradeError as error:
        return refused(error, lang)


def main() -> None:
    """Run the command and exit."""
    run(command, "grade")


def run(command: click.Command, name: str) -> None:
    """Run a command and exit; interruption is 130, by a signal that ends a terminal's work or a job."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # for 3 x 3 numbers a second thread is start-up time only
    answer_signals(interrupt)
    sys.unraisablehook = interrupt_again
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError):
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    try:
        code = command.main(prog_name=name, standalone_mode=False)
        answer_signals(signal.SIG_IGN)
        check_signals()
    except SystemExit:  # click's own end, when the reader of --help has seen enough
        code = exits.GRADED
    except click.ClickException as error:
        click.echo(f"{name}: {shown(error.format_message())} Try: {name} --help", err=True)
        code = exits.USAGE
    except (KeyboardInterrupt, click.Abort):
        click.echo(f"{name}: interrupted", err=True)
        code = exits.INTERRUPTED
    except OSError as error:  # of the place the command was started in: a folder that is gone, a full device
        forget_output()
        place = f" ({shown(str(error.filename))})" if error.filename else ""
        click.echo(f"{name}: {error.strerror}{place}.", err=True)
        code = exits.USAGE
    sys.exit(code)


def answer_signals(handler: Callable[..., None] | signal.Handlers) -> None:
    """Answer every signal that ends a terminal's work or a job in one way."""
    for number in ENDING:
        signal.signal(number, handler)


def interrupt(number: int, frame: FrameType | None) -> None:
    """End the work; a second signal would only end the tidying up."""
    answer_signals(signal.SIG_IGN)
    RECEIVED.append(number)
    while frame is not None and frame.f_code is not interrupt_again.__code__:
        frame = frame.f_back
    if frame is None:
        raise KeyboardInterrupt
    signal_again()  # Python would drop an exception here and call nobody


def check_signals() -> None:
    """Raise KeyboardInterrupt if a signal arrived, whatever became of the exception that it raised."""
    if RECEIVED:
        raise KeyboardInterrupt


def interrupt_again(dropped: sys.UnraisableHookArgs) -> None:
    """Repeat a signal whose exception Python dropped, as it does in a __del__ or an import lock's callback."""
    if isinstance(dropped.exc_value, KeyboardInterrupt):
        signal_again()
    else:
        sys.__unraisablehook__(dropped)


def signal_again() -> None:
    """Send the main thread a signal shortly, without waiting for the thread that sends it."""
    answer_signals(interrupt)
    main = threading.main_thread().ident
    wake = getattr(signal, "pthread_kill", lambda _, number: _thread.interrupt_main(number))  # Windows has none

    def send() -> None:
        time.sleep(AGAIN_S)
        wake(main, signal.SIGINT)

    _thread.start_new_thread(send, ())


def forget_output() -> None:
    """Drop what is still buffered for a standard output that takes no more."""
    with contextlib.suppress(OSError, AttributeError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def check_destinations(reports: tuple[tuple[str, str], ...], submission: Path, lang: str) -> None:
    """Refuse two reports for one place, and a report in place of the submission."""
    places = [path if path == "-" else os.path.realpath(path) for _, path in reports]
    handed_in = Path(os.path.realpath(submission))
    for place in places:
        if places.count(place) > 1:
            raise click.UsageError(word(lang, "two reports would go to {place}.", place=repr(place)))
        if Path(place) == handed_in or (Path(place).parent == handed_in and place.endswith(".py")):
            raise click.UsageError(word(lang, "the report would replace the submission {place}.", place=repr(place)))


def shown(text: str) -> str:
    """Return text fit for a terminal, whatever names it holds."""
    from grader.core.text import printable

    return printable(text, 2_000)


def graded(submission: Path, task: Assignment, seed: int, lang: str, sandbox: Sandbox) -> Report:
    """Grade, with a line of progress where a person watches."""
    from grader.pipeline.grading import grade

    with progress() as tell:
        return grade(submission, task, seed=seed, lang=lang, sandbox=sandbox, progress=tell)


@contextlib.contextmanager
def progress() -> Iterator[Callable[[str], None]]:
    """Show the running case on a terminal, nothing elsewhere."""
    if not is_terminal(sys.stderr):
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


def is_terminal(stream: TextIO | None) -> bool:
    """Say whether a person watches a stream."""
    return stream is not None and stream.isatty()


def painted(text: str, *, is_plain: bool) -> str:
    """Return a text report for standard output: in colours on a terminal, unless they are not wanted."""
    if is_plain or not is_terminal(sys.stdout) or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return text
    from grader.renderers.colour import coloured

    return coloured(text)


def write(reports: tuple[tuple[str, str], ...], report: Report, submission: Path, *, is_plain: bool = False) -> int:
    """Write every report, files first; 0, or the exit code for one asked for that could not be written."""
    from grader.core.errors import UsageError, cause

    code = exits.GRADED
    printed = next((kind for kind, path in reports if path == "-"), "text")
    for kind, path in reports or (DEFAULT_REPORT,):
        if path == "-":
            continue
        try:
            if not reports and os.path.lexists(path) and (Path(path).is_symlink() or not Path(path).is_file()):
                raise UsageError(
                    "{path} cannot be written: something that is no report stands there.", path=shown(path)
                )
            if is_led_away(path, submission):
                raise UsageError(
                    "{path} cannot be written: a link inside the submission leads there.", path=shown(path)
                )
            try:
                put(Path(path), rendered(kind, report))
            except OSError as error:
                raise UsageError(
                    "{path} cannot be written: {reason}.", path=shown(path), reason=cause(error)
                ) from error
        except UsageError as error:
            click.echo(f"grade: {error.told(report.lang)}", err=True)
            code = exits.USAGE if reports else exits.GRADED
    try:
        text = rendered(printed, report)
        click.echo(painted(text, is_plain=is_plain) if printed == "text" else text, nl=False)
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError as error:
        forget_output()
        if not isinstance(error, BrokenPipeError):  # a reader that has seen enough is no failure
            problem = UsageError("standard output cannot be written: {reason}.", reason=cause(error))
            click.echo(f"grade: {problem.told(report.lang)}", err=True)
            code = exits.USAGE
    return code


def is_led_away(path: str, submission: Path) -> bool:
    """Say whether the way to a report goes through a link beside or below the submission, which a student may have put there."""
    folder = submission if submission.is_dir() else submission.parent
    place = Path(os.path.abspath(path))  # noqa: PTH100  - with its links
    if is_special(place):
        return False
    for top in {os.path.abspath(folder), os.path.realpath(folder)}:  # noqa: PTH100
        inside = [one for one in (place, *place.parents) if one.is_relative_to(top) and one != Path(top)]
        if any(one.is_symlink() for one in inside):
            return True
    return False


def rendered(kind: str, report: Report) -> str:
    """Return the report in a format, with what only the environment knows."""
    from grader.renderers import RENDERERS
    from grader.renderers.classroom50 import stamped

    text = RENDERERS[kind](report)
    return stamped(text, os.environ, datetime.now(UTC)) if kind == "classroom50" else text


def put(path: Path, text: str) -> None:
    """Write a report; the summary of a GitHub Actions step, which other commands write to, grows."""
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if summary and os.path.realpath(summary) == os.path.realpath(path):
        with path.open("a", encoding="utf-8", newline="\n") as file:
            file.write(text)
    else:
        replace_file(path, text)


def replace_file(path: Path, text: str) -> None:
    """Write a file so that it is there whole or not at all; a device or pipe is written as it is."""
    if is_special(path.absolute()) or (path.exists() and not path.is_file() and not path.is_dir()):
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


def is_special(path: Path) -> bool:
    """Say whether an absolute path is one that the system makes, such as /dev/stdout."""
    return path.parts[1:2] in (("dev",), ("proc",))


def exit_code(report: Report, fail_under: int | None) -> int:
    """Return what the command ends with."""
    from grader.core.report import Status

    codes = {
        Status.GRADED: exits.GRADED,
        Status.REJECTED: exits.REJECTED,
        Status.NOT_GRADABLE: exits.REJECTED,
        Status.GRADER_ERROR: exits.BROKEN,
    }
    code = codes[report.status]
    if code == exits.GRADED and fail_under is not None and (report.score or 0) < fail_under:
        return exits.BELOW
    return code
