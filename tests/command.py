"""Runs the installed command the way a user does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
SUBMISSIONS = ROOT / "tests" / "submissions"
# As a user has it: compiled modules are kept.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
GRADE = Path(sys.executable).with_name("grade")


@dataclass(frozen=True, kw_only=True, slots=True)
class Ran:
    """How a command ended, and what it wrote."""

    code: int
    out: str
    err: str
    report: dict[str, Any]


def grade(*arguments: str | Path, cwd: Path, **environment: str) -> Ran:
    """Run `grade` in cwd; report is the JSON file it left there, {} for none."""
    return run([GRADE, *arguments], cwd=cwd, **environment)


def run(command: list[str | Path], cwd: Path, **environment: str) -> Ran:
    """Run a command that may leave grade-report.json in cwd."""
    ran = subprocess.run(
        command,
        cwd=cwd,
        env={**ENVIRONMENT, **environment},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    written = cwd / "grade-report.json"
    report = json.loads(written.read_text(encoding="utf-8")) if written.is_file() else {}
    return Ran(code=ran.returncode, out=ran.stdout, err=ran.stderr, report=report)
