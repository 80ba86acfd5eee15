"""Writes the output of `grade`: reports to files and standard output, progress to a terminal."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from grader.commands.ending import forget_output, shown
from grader.core import exits

if TYPE_CHECKING:
    from grader.core.report import Report

DEFAULT_REPORT = ("json", "grade-report.json")


@contextlib.contextmanager
def progress() -> Iterator[Callable[[str], None]]:
    """Yield a function that shows what is done now, such as the running case, on a terminal; elsewhere it shows nothing."""
    if not is_terminal(sys.stderr):
        yield lambda _: None
        return
    terminal = sys.__stderr__
    assert terminal is not None

    def tell(name: str) -> None:
        terminal.write(f"\r\x1b[K{shown(name)}")
        terminal.flush()

    try:
        yield tell
    finally:
        terminal.write("\r\x1b[K")
        terminal.flush()


def is_terminal(stream: TextIO | None) -> bool:
    """Return whether a stream is a terminal."""
    return stream is not None and stream.isatty()


def painted(text: str, *, is_plain: bool) -> str:
    """Return a text report for standard output, in colour on a terminal unless colours are turned off."""
    if is_plain or not is_terminal(sys.stdout) or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return text
    from grader.renderers.colour import coloured

    return coloured(text)


def write(reports: tuple[tuple[str, str], ...], report: Report, submission: Path, *, is_plain: bool = False) -> int:
    """Write every report, files first; return 0, or the exit code if a requested one could not be written."""
    from grader.core.errors import UsageError, cause

    code = exits.GRADED
    printed = next((kind for kind, path in reports if path == "-"), "text")
    for kind, path in reports or (DEFAULT_REPORT,):
        if path == "-":
            continue
        try:
            if not reports and os.path.lexists(path) and (Path(path).is_symlink() or not Path(path).is_file()):
                raise UsageError("{path} cannot be written: it exists and is not a report.", path=shown(path))
            if is_led_away(path, submission):
                raise UsageError(
                    "{path} cannot be written: the path goes through a link inside the submission.", path=shown(path)
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
        if not isinstance(error, BrokenPipeError):  # a reader that closes the pipe is no error
            problem = UsageError("standard output cannot be written: {reason}.", reason=cause(error))
            click.echo(f"grade: {problem.told(report.lang)}", err=True)
            code = exits.USAGE
    return code


def is_led_away(path: str, submission: Path) -> bool:
    """Return whether the path of a report has a link beside or below the submission, which a student may have put there."""
    folder = submission if submission.is_dir() else submission.parent
    place = Path(os.path.abspath(path))  # noqa: PTH100  - must not resolve links
    if is_special(place):
        return False
    for top in {os.path.abspath(folder), os.path.realpath(folder)}:  # noqa: PTH100
        inside = [parent for parent in (place, *place.parents) if parent.is_relative_to(top) and parent != Path(top)]
        if any(item.is_symlink() for item in inside):
            return True
    return False


def rendered(kind: str, report: Report) -> str:
    """Return the report in a format, which may depend on environment variables."""
    from grader.renderers import RENDERERS
    from grader.renderers.classroom50 import stamped

    text = RENDERERS[kind](report)
    return stamped(text, os.environ, datetime.now(UTC)) if kind == "classroom50" else text


def put(path: Path, text: str) -> None:
    """Write a report; append it if the file is GitHub's step summary, which other commands write to as well."""
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if summary and os.path.realpath(summary) == os.path.realpath(path):
        with path.open("a", encoding="utf-8", newline="\n") as file:
            file.write(text)
    else:
        replace_file(path, text)


def replace_file(path: Path, text: str) -> None:
    """Write a file atomically; write to a device or pipe directly."""
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
    """Return whether an absolute path is one of the system's, such as /dev/stdout."""
    return path.parts[1:2] in (("dev",), ("proc",))
