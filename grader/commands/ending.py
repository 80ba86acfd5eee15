"""Runs a command and converts every ending, including signals, to its exit code."""

from __future__ import annotations

import _thread
import contextlib
import os
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

import click

from grader.core import exits
from grader.core.text import PLAIN, printable

ENDING = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
AGAIN_S = 0.01
LEAST_MIB = 200  # of address space: with less, OpenBLAS ends the process that imports numpy, with exit code 1
RECEIVED: list[int] = []  # the signals that interrupted this process


def run(command: click.Command, name: str) -> None:
    """Run a command and exit; signals that end a terminal session or a job exit with 130."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # with 3 x 3 matrices a second thread only costs start-up time
    answer_signals(interrupt)
    sys.unraisablehook = interrupt_again
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError):
            stream.reconfigure(errors=PLAIN)  # type: ignore[union-attr]
    allowed = address_space_mib()
    if allowed is not None and allowed < LEAST_MIB:
        click.echo(f"{name} needs {LEAST_MIB} MiB of address space; here the limit is {allowed} (ulimit -v).", err=True)
        sys.exit(exits.BROKEN)
    try:
        code = command.main(prog_name=name, standalone_mode=False)
        answer_signals(signal.SIG_IGN)
        check_signals()
    except SystemExit:  # raised by click if the reader of --help closes the pipe
        code = exits.GRADED
    except click.ClickException as error:
        click.echo(f"{name}: {shown(error.format_message())} Try: {name} --help", err=True)
        code = exits.USAGE
    except (KeyboardInterrupt, click.Abort):
        click.echo(f"{name}: interrupted", err=True)
        code = exits.INTERRUPTED
    except OSError as error:  # from the environment: the current folder is deleted, or the device is full
        forget_output()
        place = error.filename or missing_folder()
        click.echo(f"{name}: {error.strerror}{f' ({shown(str(place))})' if place else ''}.", err=True)
        code = exits.USAGE
    except Exception as error:  # a bug of ours
        click.echo(f"{name} failed: {type(error).__name__}: {shown(str(error))}. Details: {log(name)}", err=True)
        code = exits.BROKEN
    sys.exit(code)


@contextlib.contextmanager
def errors_in(lang: str) -> Iterator[None]:
    """End the running command at an expected error: print its sentence in a language, and exit with its code."""
    from grader.core.errors import GradeError  # not needed for `--help`

    try:
        yield
    except GradeError as error:
        context = click.get_current_context()
        click.echo(f"{context.find_root().info_name}: {shown(error.told(lang))}", err=True)
        context.exit(error.exit_code)


def address_space_mib() -> int | None:
    """Return the limit of this process's address space, or None if there is none."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    return None if limit == resource.RLIM_INFINITY else limit // 2**20


def log(name: str) -> str:
    """Write the traceback of the current exception to a file; return its path."""
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", prefix=f"{name}-", suffix=".log", delete=False) as file:
        file.write(traceback.format_exc())
    return file.name


def answer_signals(handler: Callable[..., None] | signal.Handlers) -> None:
    """Install the same handler for every signal that ends a terminal session or a job."""
    for number in ENDING:
        signal.signal(number, handler)


def interrupt(number: int, frame: FrameType | None) -> None:
    """Raise KeyboardInterrupt; ignore further signals, which would only interrupt the cleanup."""
    answer_signals(signal.SIG_IGN)
    RECEIVED.append(number)
    while frame is not None and frame.f_code is not interrupt_again.__code__:
        frame = frame.f_back
    if frame is None:
        raise KeyboardInterrupt
    signal_again()  # Python would silently drop an exception raised here


def check_signals() -> None:
    """Raise KeyboardInterrupt if a signal arrived, even if its exception was dropped."""
    if RECEIVED:
        raise KeyboardInterrupt


def interrupt_again(dropped: sys.UnraisableHookArgs) -> None:
    """Re-deliver a KeyboardInterrupt that Python dropped in a __del__ or an import lock's callback."""
    if isinstance(dropped.exc_value, KeyboardInterrupt):
        signal_again()
    else:
        sys.__unraisablehook__(dropped)


def signal_again() -> None:
    """Send the main thread a signal after a short time, from a thread that is not waited for."""
    answer_signals(interrupt)
    main = threading.main_thread().ident
    wake = getattr(signal, "pthread_kill", lambda _, number: _thread.interrupt_main(number))  # Windows has none

    def send() -> None:
        time.sleep(AGAIN_S)
        wake(main, signal.SIGINT)

    _thread.start_new_thread(send, ())


def forget_output() -> None:
    """Discard buffered output for a standard output that is closed."""
    with contextlib.suppress(OSError, AttributeError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def missing_folder() -> str:
    """Return words for a current folder that is deleted, or ""."""
    try:
        Path.cwd()
    except OSError:
        return "the current folder"
    return ""


def shown(text: str) -> str:
    """Return text that is safe to print on a terminal, even with hostile names in it."""
    return printable(text, 2_000)
