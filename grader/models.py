"""The nouns of a grade: values that the steps of the pipeline hand on, frozen."""

from __future__ import annotations

import enum
import functools
import math
from collections.abc import Iterable
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal

import msgspec

from grader.sandbox.client import Limits
from grader.sandbox.reading import place_of

LABS = Path(__file__).with_name("labs")
DEFAULT_LAB = LABS / "xor"
SCHEMA = "grader/report/v2"

BANNED_IMPORT = "banned_import"  # rules that findings name
DROPPED_LINE = "notebook_line"

LARGEST_INT = 2**53  # that every reader of JSON takes
FIGURE_VALUES = 5_000

Number = float | str  # a non-finite number is the string "nan", "inf" or "-inf"
Probe = Number | list[Number | list[Number]]


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


def number(value: float | str) -> Number:
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

    def __str__(self) -> str:
        """Return the text."""
        return self.text


def say(template: str, **args: str | float | Message) -> Message:
    """Return template, a str.format pattern, filled with args, which may be messages; what no text can carry is replaced.

    A number that is no int is said with four significant digits.
    """
    clean = {name: argument(value) for name, value in args.items()}
    return Message(id=template, args=clean, text=template.format(**clean))


def listed(words: Iterable[str | Message], template: str = "{one}, {other}") -> str | Message:
    """Return some words joined as an argument of a sentence; template joins two."""
    return functools.reduce(lambda one, other: say(template, one=one, other=other), words)


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
class Evidence:
    """Numbers side by side: what is right, and what the submission gave.

    expected and actual are flat, in reading order, or one number or text; shape is that of the arrays, [] for one number.
    rows and columns name their rows and columns, and are empty where nothing names them. probe is what it was tried on,
    by name: a number, a list, or a list of rows.
    """

    label: str = ""
    shape: list[int] = field(default_factory=list)
    rows: list[str] = field(default_factory=list)
    columns: list[str] = field(default_factory=list)
    expected: Number | list[Number] | None = None
    actual: Number | list[Number] | None = None
    probe: dict[str, Probe] = field(default_factory=dict)

    def labelled(self, rows: Iterable[str], columns: Iterable[str] = (), label: str = "") -> Evidence:
        """Return this evidence with names for its rows and columns."""
        return replace(self, rows=list(rows), columns=list(columns), label=label)


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """How one case of the suite ended, and what it observed. Travels as JSON in the pytest-json-report metadata.

    misconception is the id of the mistake in the bank ("a|b" where two make the same numbers); formula what to reread.
    """

    criterion: str = ""
    id: str = ""
    title: str = ""
    verdict: Verdict
    feedback: Message | None = None
    hint: Message | None = None
    misconception: str | None = None
    formula: str | None = None
    remarks: list[Message] = field(default_factory=list)
    evidence: list[Evidence] = field(default_factory=list)
    exception: StudentError | None = None
    stdout: str = ""
    blocked_by: str | None = None

    @property
    def name(self) -> str:
        """Return "criterion.case"."""
        return f"{self.criterion}.{self.id}"


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

    def place(self, line: int | None) -> str | Message:
        """Return where a line is, as a person finds it."""
        if line is None:
            return self.name
        place = place_of(self.name, self.cells, line)
        return say("{file}, cell {cell}, line {line}" if "cell" in place else "{file}, line {line}", **place)


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


class CaseRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The points of one case, and the cases ("criterion.case") without which it means nothing."""

    id: str
    points: int
    requires: tuple[str, ...] = ()


class Criterion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One criterion of the rubric. A gate has no points of its own: violated, it zeroes the score.

    bonus: its points count apart from the score, where file was handed in beside the lab's.
    """

    id: str
    title: str
    points: int
    is_gate: bool = False
    bonus: bool = False
    file: str = ""
    cases: tuple[CaseRule, ...] = ()


class Imports(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The import rules: frameworks that are banned, packages that are preloaded, stand-ins."""

    banned: tuple[str, ...] = ()
    allowed: tuple[str, ...] = ()
    stand_ins: tuple[str, ...] = ()


class Rubric(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is judged and for how many points; the denominator of every score."""

    criteria: tuple[Criterion, ...]
    imports: Imports = Imports()

    @property
    def max_score(self) -> int:
        """Return the sum of all points that count for the score."""
        return sum(criterion.points for criterion in self.criteria if not criterion.bonus)

    @property
    def max_extra(self) -> int:
        """Return the sum of all points apart from the score."""
        return sum(criterion.points for criterion in self.criteria if criterion.bonus)

    def of_file(self, file: str) -> list[Criterion]:
        """Return the criteria that are judged by a file handed in beside the lab's, or by that itself ("")."""
        return [criterion for criterion in self.criteria if criterion.file == file]

    @property
    def bonus_files(self) -> list[str]:
        """Return the files that bonus criteria name, each once."""
        return list(dict.fromkeys(criterion.file for criterion in self.criteria if criterion.bonus))


class BonusFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file of bonus criteria: the functions that its text defines, and the limits of its own worker."""

    file: str
    functions: tuple[str, ...] = ()
    limits: Limits = Limits()


@dataclass(frozen=True, kw_only=True, slots=True)
class Assignment:
    """A lab as the harness needs it: a folder with a rubric, suites and a template, limits, and the contract's names.

    file is what is handed in, classes what its text defines, functions what else is asked for, operations the names
    of what its confined.py does. folder is where it is, absolute or inside the default lab ("": that itself); sha256 is over all that is in it
    but the template ("" for this lab, which is the grader's own code). bonus has what is to know about files of bonus criteria.
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
    bonus: tuple[BonusFile, ...] = ()
    is_run_asked: bool = False  # one run of train from the student's own start, as a remark

    @property
    def place(self) -> Path:
        """Return the folder of the lab."""
        return DEFAULT_LAB / self.folder

    @property
    def confined(self) -> Path | None:
        """Return the file with the operations that the lab brings into the worker, None where there are none."""
        return self.place / "confined.py" if self.operations else None

    def bonus_file(self, file: str) -> BonusFile:
        """Return what is to know about a file of bonus criteria."""
        return next((one for one in self.bonus if one.file == file), BonusFile(file=file))


class Figure(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", forbid_unknown_fields=True):
    """What every figure has: a title, a sentence below it, and names and units of its axes."""

    title: str
    caption: str = ""
    x_label: str = ""
    y_label: str = ""
    x_unit: str = ""
    y_unit: str = ""


class Points(Figure, frozen=True, kw_only=True):
    """values[i] at x[i], each any sequence of numbers."""

    x: list[Number]
    values: list[Number]

    def __post_init__(self) -> None:
        """Take the numbers as JSON can carry them; ValueError where they do not go together."""
        for name in ("x", "values"):
            msgspec.structs.force_setattr(self, name, figure_values(getattr(self, name)))
        if len(self.x) != len(self.values):
            raise ValueError("a figure has as many x as values")


class Series(Points, tag="series", frozen=True, kw_only=True):
    """Points joined by a line, in their order; on a logarithmic scale there is a gap where a value is not positive."""

    is_logarithmic: bool = False


class Pairs(Points, tag="pairs", frozen=True, kw_only=True):
    """Points that nothing joins."""


class Mark(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A point of a Grid that is marked with a shape: the value there, and what the shape says."""

    x: float
    y: float
    value: Number
    label: str
    shape: Literal["circle", "square"] = "circle"

    def __post_init__(self) -> None:
        """Take the value as JSON can carry it; ValueError for a place that is none."""
        msgspec.structs.force_setattr(self, "value", number(self.value))
        if not (math.isfinite(self.x) and math.isfinite(self.y)):
            raise ValueError(f"a Mark cannot be at ({self.x}, {self.y})")


class Grid(Figure, tag="grid", frozen=True, kw_only=True):
    """Values over a rectangle, as colours: values[i][j] at the i-th x and the j-th y.

    x_extent and y_extent are the first and last place of each; scale is what the first and the last colour mean; where
    the values cross level, a line is drawn.
    """

    values: list[list[Number]]
    x_extent: tuple[float, float]
    y_extent: tuple[float, float]
    scale: tuple[float, float]
    value_label: str = ""
    unit: str = ""
    level: float | None = None
    marks: list[Mark] = []

    def __post_init__(self) -> None:
        """Take the numbers as JSON can carry them; ValueError for what is no grid over a rectangle."""
        msgspec.structs.force_setattr(self, "values", [figure_values(row) for row in self.values])
        if len(self.values) < 2 or len({len(row) for row in self.values}) != 1 or len(self.values[0]) < 2:
            raise ValueError("a Grid has two rows or more, of the same length, which is two or more")
        for low, high in (self.x_extent, self.y_extent, self.scale):
            if not (math.isfinite(low) and math.isfinite(high) and low < high):
                raise ValueError(f"a Grid cannot go from {low} to {high}")


def figure_values(values: Iterable[Any]) -> list[Number]:
    """Return the values of a figure as JSON can carry them; ValueError for more than a report should hold."""
    kept = vector(values)
    if len(kept) > FIGURE_VALUES:
        raise ValueError(f"a figure has at most {FIGURE_VALUES} values")
    return kept


AnyFigure = Series | Grid | Pairs


@dataclass(frozen=True, kw_only=True, slots=True)
class SuiteRun:
    """What the pytest run gave: outcomes by case, or the reason why the suite itself broke."""

    outcomes: tuple[Outcome, ...] = ()
    asked: tuple[str, ...] = ()  # modules the code asked for at run time and got a stand-in for
    kept: dict[str, Any] = field(default_factory=dict)  # for the lab's hooks
    notes: list[Message] = field(default_factory=list)
    figures: list[AnyFigure] = field(default_factory=list)
    cases_s: dict[str, float] = field(default_factory=dict)
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
class BonusRun:
    """One file of bonus criteria that was run: the imports found from it on, and what its cases gave."""

    file: SourceFile
    findings: tuple[Finding, ...]
    run: SuiteRun


@dataclass(frozen=True, kw_only=True, slots=True)
class CaseResult(Outcome):
    """One case of the report: an outcome and its points."""

    points: int
    max_points: int

    @classmethod
    def of(cls, outcome: Outcome, points: int, max_points: int) -> CaseResult:
        """Return an outcome with its points."""
        given = {one.name: getattr(outcome, one.name) for one in fields(Outcome)}
        return cls(points=points, max_points=max_points, **given)


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
    bonus: bool
    cases: list[CaseResult]


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

    Bonus criteria stand last, where their file was handed in; extra_score is the sum of their points, and no part of score.
    """

    schema: str
    assignment: str
    status: Status
    reason: Message | None
    score: int | None
    max_score: int
    criteria: list[CriterionResult]
    extra_score: int
    findings: list[Finding]
    sandbox: SandboxUsed
    submission: SubmissionShown
    figures: list[AnyFigure]
    notes: list[Message]
    lang: str
    seed: int
    environment: Environment
    timing: Timing

    @property
    def counted(self) -> list[CriterionResult]:
        """Return the criteria that count for the score."""
        return [one for one in self.criteria if not one.bonus]

    @property
    def bonus(self) -> list[CriterionResult]:
        """Return the criteria apart from the score."""
        return [one for one in self.criteria if one.bonus]

    @property
    def max_extra(self) -> int:
        """Return the sum of the points that the bonus criteria could give."""
        return sum(one.max_points for one in self.bonus)
