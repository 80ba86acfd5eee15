"""Every way in which a command ends has its exit code and one sentence."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.support.command import ENVIRONMENT, ROOT

PROGRAM = """
import click
from grader.commands.ending import run

@click.command()
def command():
    raise {error}

run(command, "grade")
"""


@pytest.mark.parametrize(
    ("error", "code", "sentence"),
    [
        ("KeyboardInterrupt", 130, "grade: interrupted"),
        ("click.UsageError('what?')", 2, "grade: what? Try: grade --help"),
        ("OSError(28, 'No space left on device', 'results')", 2, "grade: No space left on device (results)."),
    ],
)
def test_an_ending(error: str, code: int, sentence: str) -> None:
    """What is expected ends with its code and one line."""
    ran = ended(error, tempfile.gettempdir())

    assert (code, sentence) == (ran.returncode, ran.stderr.strip())


def test_our_own_mistake(tmp_path: Path) -> None:
    """Anything else is the grader's fault: exit code 4, one line, and the traceback in a file that it names."""
    ran = ended("ValueError('of ours')", str(tmp_path))

    (log,) = tmp_path.glob("grade-*.log")
    assert (4, f"grade failed: ValueError: of ours. Details: {log}") == (ran.returncode, ran.stderr.strip())
    assert "Traceback" in log.read_text(encoding="utf-8")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not delete a folder that is in use")
def test_a_current_folder_that_is_deleted(tmp_path: Path) -> None:
    """The sentence says that it is the current folder that is missing."""
    (tmp_path / "gone").mkdir()

    ran = ended("__import__('os').rmdir('../gone') or __import__('os').getcwd()", str(tmp_path), tmp_path / "gone")

    assert (2, "grade: No such file or directory (the current folder).") == (ran.returncode, ran.stderr.strip())


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the limit is not kept")
def test_too_little_address_space() -> None:
    """Where numpy could not be loaded, the command says so, and does not end like one that is below --fail-under."""
    limited = "import resource; resource.setrlimit(resource.RLIMIT_AS, (150 << 20, -1))\n"
    program = limited + PROGRAM.format(error="SystemExit(0)")
    environment = {**ENVIRONMENT, "PYTHONPATH": str(ROOT)}

    ran = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)

    assert ran.returncode == 4
    assert ran.stderr.strip() == "grade needs 200 MiB of address space; here the limit is 150 (ulimit -v)."


def ended(error: str, temporary: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run a command that raises, in a folder."""
    program = PROGRAM.format(error=error)
    environment = {**ENVIRONMENT, "PYTHONPATH": str(ROOT), "TMPDIR": temporary}
    command = [sys.executable, "-c", program]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
