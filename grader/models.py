"""The nouns of a grade: values that the steps of the pipeline hand on, frozen."""

from __future__ import annotations

import enum
import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from grader.sandbox.client import Limits
from grader.sandbox.reading import place_of

LABS = Path(__file__).with_name("labs")
DEFAULT_LAB = LABS / "xor"
SCHEMA = "xor-lab-grader/report/v1"

BANNED_IMPORT = "banned_import"  # rules that findings name
DROPPED_LINE = "notebook_line"

LARGEST_INT = 2**53  # that every reader of JSON takes
Number = float | str  # a non-finite number is the string "nan", "inf" or "-inf"


class Verdict(enum.Enum):
    """How one case or criterion ended."""

    PASSED = "passed"
    PARTIAL = "partial"
    FAILED = "failed"
    ERROR = "error"
    TIMEOUT = "timeout"
    MEMORY_LIMIT = "memory_limit"
    OUTPUT_LIMIT = "output_limit"
    BLOCKED = "blocked"
    NOT_GRADABLE = "not_gradable"
    NOT_RUN = "not_run"


class Status(enum.Enum):
    """How the whole submission ended; the score is null in the last two."""

    GRADED = "graded"
    REJECTED = "rejected"
    NOT_GRADABLE = "not_gradable"
    GRADER_ERROR = "grader_error"


def number(value: float) -> Number:
    """Return value as a number that JSON can carry: rounded to 12 digits, non-finite as a string."""
    value = float(value)
    return float(f"{value:.12g}") if math.isfinite(value) else str(value)


def vector(values: Iterable[Any]) -> list[Number]:
    """Return an array's values, in reading order, as numbers that JSON can carry."""
    return [number(value) for value in values]


def show(value: float) -> str:
    """Return value for a sentence: four significant digits."""
    return f"{float(value) + 0.0:.4g}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """A sentence for the student: its English template, its arguments, and both joined.

    The template is the message's id in the translation catalogues; only the text is in the report's language.
    """

    id: str
    args: dict[str, str | int | Message] = field(default_factory=dict)
    text: str


def say(template: str, **args: str | float | Message) -> Message:
    """Return template, a str.format pattern, filled with args, which may be messages; what no text can carry is replaced.

    A number that is no int is said with four significant digits.
    """
    clean = {name: argument(value) for name, value in args.items()}
    shown = {name: value.text if isinstance(value, Message) else value for name, value in clean.items()}
    return Message(id=template, args=clean, text=template.format(**shown))


def argument(value: str | float | Message) -> str | int | Message:
    """Return an argument of a sentence as a report can carry it."""
    if isinstance(value, str):
        return carried(value)
    is_whole = isinstance(value, int) and abs(value) < LARGEST_INT
    return value if is_whole or isinstance(value, Message) else show(value)  # type: ignore[return-value]


def carried(text: str) -> str:
    """Return text without lone surrogates, which neither JSON nor a terminal can carry."""
    return text.encode("utf-8", "replace").decode("utf-8")


@dataclass(frozen=True, kw_only=True, slots=True)
class StudentError:
    """An exception of the student's code, in its own words, with file and line of theirs."""

    type: str
    message: str
    file: str
    line: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What one case of the suite observed. Travels as JSON in the pytest-json-report metadata.

    expected, actual and probe are shown side by side; a list of nine parameters is in the order
    hidden 1, hidden 2, output, each first weight, second weight, bias.
    """

    criterion: str
    case: str
    verdict: Verdict
    title: str
    feedback: Message | None = None
    hint: Message | None = None
    expected: Number | list[Number] | None = None
    actual: Number | list[Number] | None = None
    probe: dict[str, Number | list[Number]] = field(default_factory=dict)
    exception: StudentError | None = None
    stdout: str = ""
    remarks: list[Message] = field(default_factory=list)
    misconception: str | None = None
    formula: str | None = None
    blocked_by: str | None = None
    duration_s: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """Something in the source text that a rule speaks about. line is None for what ran."""

    rule: str
    file: str
    line: int | None
    message: Message


@dataclass(frozen=True, kw_only=True, slots=True)
class Handed:
    """What was handed in, as bytes by the name inside the submission, folders with "/"; sha256 is over all of it."""

    name: str
    files: dict[str, bytes]
    sha256: str


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceFile:
    """One file of a submission: its name, without folders, and its text; cells: the first lines of a notebook's.

    is_unwritten: there is nothing in it but a template's stubs.
    """

    name: str
    text: str
    cells: tuple[int, ...] = ()
    is_unwritten: bool = False

    def place(self, line: int | None) -> str:
        """Return where a line is, as a person finds it."""
        return self.name if line is None else place_of(self.name, self.cells, line)


@dataclass(frozen=True, kw_only=True, slots=True)
class StagedSubmission:
    """A submission read once. `main` defines the classes.

    imports and dropped are (file, line, module or text): what is imported for certain, and the lines
    of a notebook that are not Python.
    """

    name: str
    sha256: str
    main: SourceFile
    siblings: tuple[SourceFile, ...] = ()
    imports: tuple[tuple[str, int, str], ...] = ()
    dropped: tuple[tuple[str, int, str], ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class CaseRule:
    """The points of one case, and the cases ("criterion.case") without which it means nothing."""

    id: str
    points: int
    requires: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Criterion:
    """One criterion of the rubric. A gate has no points of its own: violated, it zeroes the score."""

    id: str
    title: str
    points: int
    is_gate: bool = False
    cases: tuple[CaseRule, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Imports:
    """The import rules: frameworks that are banned, packages that are preloaded, stand-ins."""

    banned: tuple[str, ...] = ()
    allowed: tuple[str, ...] = ()
    stand_ins: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Rubric:
    """What is judged and for how many points; the denominator of every score."""

    criteria: tuple[Criterion, ...]
    imports: Imports = Imports()

    @property
    def max_score(self) -> int:
        """Return the sum of all points."""
        return sum(criterion.points for criterion in self.criteria)


@dataclass(frozen=True, kw_only=True, slots=True)
class Assignment:
    """A lab as the harness needs it: a folder with a rubric, suites and a template, limits, and the contract's names.

    file is what is handed in, classes what its text defines, functions what else is asked for, operations the names
    of what its confined.py does. folder is where it is, absolute or inside the default lab ("": that itself); sha256 is over all that is in it
    but the template ("" for this lab, which is the grader's own code). extra is what earns points apart
    from the score, an assignment in itself: its file lies beside the lab's, whose import rules hold for both.
    """

    rubric: Rubric
    title: str
    file: str
    classes: tuple[str, ...] = ()
    functions: tuple[str, ...] = ()
    operations: tuple[str, ...] = ()
    limits: Limits = field(default_factory=Limits)
    folder: str = ""
    sha256: str = ""
    extra: Assignment | None = None
    is_run_asked: bool = False  # one run of train from the student's own start, as a remark

    @property
    def place(self) -> Path:
        """Return the folder of the lab."""
        return DEFAULT_LAB / self.folder

    @property
    def confined(self) -> Path | None:
        """Return the file with the operations that the lab brings into the worker, None where there are none."""
        return self.place / "confined.py" if self.operations else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Training:
    """The observed training of the student's network from a set start: `source` says by which loop.

    rate is what the student's rate was measured to be, the factor 2 in it; losses is one mean squared error
    an epoch; grid the outputs on grid_size x grid_size points of
    the unit square, rows by x1, columns by x2, both from 0 to 1.
    """

    source: str = ""
    rate: Number | None = None
    losses: list[Number] = field(default_factory=list)
    grid_size: int = 0
    grid: list[Number] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True, slots=True)
class SuiteRun:
    """What the pytest run gave: outcomes by case, or the reason why the suite itself broke."""

    outcomes: tuple[Outcome, ...] = ()
    asked: tuple[str, ...] = ()  # modules the code asked for at run time and got a stand-in for
    training: Training = field(default_factory=Training)
    level: str = "none"
    python: str = ""
    numpy: str = ""
    student_time_s: float = 0.0
    broken: str | None = None
    suite: str = "suite"

    @property
    def route(self) -> Literal["contract", "observed"]:
        """Return how the submission was judged."""
        return "contract" if self.suite == "suite" else "observed"


@dataclass(frozen=True, kw_only=True, slots=True)
class CaseResult:
    """One case of the report: an outcome and its points.

    misconception is the id of the mistake in the bank ("a|b" where two make the same numbers);
    formula the lecture's, to reread.
    """

    id: str
    title: str
    points: int
    max_points: int
    verdict: Verdict
    feedback: Message | None
    hint: Message | None
    expected: Number | list[Number] | None
    actual: Number | list[Number] | None
    probe: dict[str, Number | list[Number]]
    exception: StudentError | None
    stdout: str
    remarks: list[Message]
    misconception: str | None
    formula: str | None
    blocked_by: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class CriterionResult:
    """One criterion of the report. A violated gate keeps the points that it took elsewhere."""

    id: str
    title: str
    points: int
    max_points: int
    points_without_gate: int
    verdict: Verdict
    feedback: Message | None
    hint: Message | None
    misconception: str | None
    blocked_by: str | None
    remarks: list[Message]
    cases: list[CaseResult]


@dataclass(frozen=True, kw_only=True, slots=True)
class Extra:
    """What was handed in for extra points: its title, the most that it can earn, and its criteria."""

    title: str
    max_score: int
    criteria: list[CriterionResult]


@dataclass(frozen=True, kw_only=True, slots=True)
class SandboxUsed:
    """How the student's code was confined, as the worker observed it before running it."""

    level: str


@dataclass(frozen=True, kw_only=True, slots=True)
class SubmissionShown:
    """What was graded: its name, the hash of its bytes, its files, and the route it was graded by."""

    name: str
    sha256: str
    files: list[str]
    route: Literal["contract", "observed", "none"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Environment:
    """The versions that made the report; in a class, the hash of all that the grade depends on."""

    python: str
    numpy: str
    grader: str
    fingerprint: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Timing:
    """Everything about time, in seconds: the whole grade, the student's code, each case."""

    total_s: float
    student_s: float
    cases_s: dict[str, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """One graded submission: all that a renderer sees. assignment is the lab's title.

    extra_score is no part of score; extra is null where nothing was handed in for it.
    """

    schema: str
    assignment: str
    status: Status
    reason: Message | None
    score: int | None
    max_score: int
    criteria: list[CriterionResult]
    extra_score: int
    extra: Extra | None
    findings: list[Finding]
    sandbox: SandboxUsed
    submission: SubmissionShown
    training: Training
    lang: str
    seed: int
    environment: Environment
    timing: Timing

    @property
    def every_criterion(self) -> list[CriterionResult]:
        """Return all criteria, those for extra points last."""
        return [*self.criteria, *(self.extra.criteria if self.extra is not None else ())]
