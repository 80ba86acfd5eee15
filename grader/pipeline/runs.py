"""Values that the steps of one grade pass to each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from grader.core.figures import AnyFigure
from grader.core.messages import Message, listed
from grader.core.outcomes import Finding, Outcome
from grader.pipeline.budget import Budget
from grader.sandbox.source import SourceFile

if TYPE_CHECKING:
    from grader.pipeline.assignment import Assignment
    from grader.pipeline.run_suite import CollectedSuite

Progress = Callable[[str], None]
MAIN_SUITE = "suite"  # the folder of the suite that every lab has


class RawSubmission(msgspec.Struct, frozen=True, kw_only=True):
    """Submission as bytes, by name inside the submission (with "/"); sha256 covers all of it.

    left_out holds the reasons, by name, of files that could not be read.
    """

    name: str
    files: dict[str, bytes]
    sha256: str
    left_out: dict[str, Message] = {}


class StagedSubmission(msgspec.Struct, frozen=True, kw_only=True):
    """Parsed submission. `main` defines the classes.

    Files are named below root. imports and dropped are (file, line, module or text): what is imported for certain, and the
    lines of a notebook that are not Python. definitions has file and line of each class, function and method by name. passed_over are files that define the classes, too. data are the files that
    the program may read, named below its folder; left_out says why others could not be read, and unread names the sources
    among those.
    """

    name: str
    sha256: str
    main: SourceFile
    siblings: tuple[SourceFile, ...] = ()
    imports: tuple[tuple[str, int, str], ...] = ()
    dropped: tuple[tuple[str, int, str], ...] = ()
    definitions: Mapping[str, tuple[str, int]] = {}
    root: str = ""
    passed_over: tuple[str, ...] = ()
    data: Mapping[str, bytes] = {}
    left_out: tuple[Message, ...] = ()
    unread: tuple[str, ...] = ()

    @property
    def files(self) -> dict[str, SourceFile]:
        """Return the files by name, the main file first."""
        return {file.name: file for file in (self.main, *self.siblings)}


def silent(_: str) -> None:
    """Show no progress."""


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """Values that all runs of one grade share: the lab, the seed of its probes, and progress, which gets the name of each case before it runs.

    budget is the trusted side's time for the submission; collected is the lab's suite if it is already collected. test_files
    are the files of the lab's suite, by the submission's file whose criteria have cases there; the first run notes them.
    """

    assignment: Assignment
    seed: int
    budget: Budget
    progress: Progress = silent
    collected: CollectedSuite | None = None
    test_files: dict[str, set[Path]] = {}


class SuiteRun(msgspec.Struct, frozen=True, kw_only=True):
    """Result of one suite for one submission: the outcomes of its cases."""

    outcomes: tuple[Outcome, ...] = ()
    missing_modules: tuple[str, ...] = ()  # stand-ins and banned packages that the code used at run time
    kept: dict[str, Any] = {}  # for the lab's hooks
    notes: list[Message] = []
    figures: list[AnyFigure] = []
    words: Mapping[str, dict[str, str]] = {}  # titles of cases, as in Assignment
    cases_s: dict[str, float] = {}
    level: str = "none"
    python: str = ""
    numpy: str = ""
    student_time_s: float = 0.0
    suite: str = MAIN_SUITE

    @property
    def route(self) -> Literal["contract", "observed"]:
        """Return the route by which the submission was graded: through its calls, or by watching its training."""
        return "contract" if self.suite == MAIN_SUITE else "observed"


class Broken(Exception):
    """Failure of a suite. every_problem joins its problems, with file and line if known, into an argument of a sentence."""

    def __init__(self, problems: tuple[Message, ...]) -> None:
        self.every_problem = listed(problems, "{one}; {other}")
        super().__init__(str(self.every_problem))


class BonusRun(msgspec.Struct, frozen=True, kw_only=True):
    """Run of one file of bonus criteria: the banned imports that it reaches, and the outcomes of its cases."""

    file: SourceFile
    findings: tuple[Finding, ...]
    run: SuiteRun
