"""One grade from a path to a report: staging, import ban, suite, scoring."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from grader.errors import Rejected
from grader.imports import check_imports, imported_modules
from grader.models import Assignment, Report, StagedSubmission, Status, say
from grader.rubric import DEFAULT, read_rubric
from grader.sandbox.client import Limits, Program, SandboxError, Worker
from grader.scoring import score, without_run
from grader.staging import name_of, stage

SUITE = Path(__file__).parent / "suite"

Progress = Callable[[str], None]


def silent(_: str) -> None:
    """Show no progress."""


def assignment(rubric: Path = DEFAULT, limits: Limits | None = None) -> Assignment:
    """Return the XOR laboratory work with a rubric and limits; BrokenGrader for an invalid rubric."""
    return Assignment(rubric=read_rubric(rubric), suite=SUITE, limits=limits or Limits())


def grade(
    submission: Path, assignment: Assignment, *, seed: int, lang: str = "en", progress: Progress = silent
) -> Report:
    """Grade the submission at a path. Whatever was handed in, this returns a report.

    seed, in [0, 2**53), is where every probe of the run comes from; progress is called with the name
    of each case before it runs.
    """
    began = time.monotonic()
    try:
        staged = stage(submission, assignment.classes)
        with Worker(program(staged, assignment), assignment.limits, seed) as worker:
            findings = check_imports(staged, assignment.rubric.imports.banned)
            from grader.suite_run import run_suite  # pytest loads while the worker starts

            run = run_suite(staged, assignment, worker, seed, progress)
        return score(assignment, staged, findings, run, seed=seed, lang=lang, total_s=time.monotonic() - began)
    except Rejected as rejected:
        status, reason = Status.REJECTED, rejected.reason
    except SandboxError as error:
        status, reason = Status.GRADER_ERROR, say("The grader itself failed: {problem}.", problem=str(error))
    return without_run(
        assignment, name_of(submission), status, reason, seed=seed, lang=lang, total_s=time.monotonic() - began
    )


def program(staged: StagedSubmission, assignment: Assignment) -> Program:
    """Return what the worker is to run: the submission's text, and the modules around it."""
    imports = assignment.rubric.imports
    named = {
        module.partition(".")[0] for file in (staged.main, *staged.siblings) for _, module in imported_modules(file)
    }
    return Program(
        file=staged.main.name,
        text=staged.main.text,
        siblings={file.name.removesuffix(".py"): file.text for file in staged.siblings},
        preload=[name for name in imports.allowed if name in named],
        stand_ins=[*imports.stand_ins, *imports.banned],
    )
