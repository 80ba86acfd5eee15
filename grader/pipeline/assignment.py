"""Reads a lab from its folder, and checks the names, sums and references in assignment.toml and rubric.toml."""

from __future__ import annotations

import hashlib
import importlib.machinery
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import TypeVar

import msgspec
from msgspec import structs
from msgspec.structs import replace

from grader.core.errors import BrokenGrader, UsageError, cause
from grader.core.language import LAB_DOMAIN, LANGUAGES, catalogue_of
from grader.core.limits import Limits
from grader.core.messages import Message, say
from grader.core.rubric import CaseRule, Criterion, Imports, Rubric, Text, WrittenCriterion
from grader.pipeline.declared import Declared, Undeclared, declared
from grader.pipeline.lab_package import LabPackage, unknown_hooks
from grader.sandbox.processes import packages

LABS = Path(__file__).parents[1] / "labs"
DEFAULT_LAB = LABS / "xor"
TOML_BYTES = 256 * 1024
DATA_BYTES = 16 * 2**20  # of all data files together
BESIDE = ("template", "solutions", "__pycache__")  # grades never depend on them, even if they are packages

OPTION = re.compile("[a-z0-9-]+")

T = TypeVar("T")


class BonusFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """File of bonus criteria: the functions that it defines, and the limits of its worker."""

    file: str
    functions: tuple[str, ...] = ()
    limits: Limits = Limits()


class LabDescription(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Content of assignment.toml.

    file is the file to submit, classes and functions are the names that it must define. files are data files that students
    get and their code reads by name; packages must be installed, optional_packages may be. options are checks that the
    suite makes only on request. bonus describes the files of bonus criteria.
    """

    title: Text
    file: str
    classes: tuple[str, ...] = ()
    functions: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    optional_packages: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    limits: Limits = Limits()
    bonus: tuple[BonusFile, ...] = ()


class Assignment(LabDescription, frozen=True, kw_only=True):
    """Lab: a folder with a rubric, suites and a template, and its description, with the title in English.

    operations are the names of the functions in confined.py, chosen those of the options that are turned on. folder is
    absolute, or relative to the default lab ("" for the default lab itself); sha256 covers everything in it that a grade
    depends on ("" for the default lab, which is part of the grader). words holds the lab's translations by language and
    English text.
    """

    rubric: Rubric
    title: str
    operations: tuple[str, ...] = ()
    folder: str = ""
    sha256: str = ""
    words: Mapping[str, dict[str, str]] = {}
    chosen: frozenset[str] = frozenset()
    is_debugged: bool = False  # show what the suite prints

    @property
    def place(self) -> Path:
        """Return the folder of the lab."""
        return DEFAULT_LAB / self.folder

    @property
    def confined(self) -> Path | None:
        """Return the file with the operations that the lab runs in the worker, or None if it has none."""
        return LabPackage(self.place).file("confined") if self.operations else None

    def titles(self, lang: str) -> dict[str, str]:
        """Return the titles of the criteria in a language, by criterion id."""
        known = catalogue_of(self.place, lang)
        return {item.id: known.gettext(item.title) if item.title else "" for item in self.rubric.criteria}

    def bonus_file(self, file: str) -> BonusFile:
        """Return the description of a file of bonus criteria, or the default one."""
        return next((item for item in self.bonus if item.file == file), BonusFile(file=file))


class WrittenRubric(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Content of rubric.toml."""

    criteria: tuple[WrittenCriterion, ...] = ()
    imports: Imports = Imports()


def read_assignment(folder: Path | None = None, rubric: Path | None = None) -> Assignment:
    """Return the lab in a folder (None: the default lab), with the rubric at another path if one is given.

    Raise UsageError if the folder does not exist, and BrokenGrader if it contains no valid lab.
    """
    place = DEFAULT_LAB if folder is None else folder
    if not place.is_dir():
        raise UsageError("{path} is not the folder of an assignment.", path=place.name)
    path = place / "assignment.toml"
    said = read_toml(path, LabDescription)
    suite_has = suite_points(place / "suite") if rubric is None else []
    words: dict[str, dict[str, str]] = {lang: {} for lang in LANGUAGES[1:]}
    rules = read_rubric(rubric or place / "rubric.toml", suite_has, words)
    refuse(path, contradictions(said, rules))
    refuse(path, unusable(said.files, place))
    if rubric is None:  # a different rubric may omit a file
        unnamed = [item.file for item in said.bonus if item.file not in rules.bonus_files]
        refuse(path, [say("no bonus criterion is graded from {file}", file=file) for file in unnamed])
    if not any((place / "suite").glob("test_*.py")):
        raise BrokenGrader(
            "The assignment {path} has no suite: put test_*.py files into its suite folder.", path=place.name
        )
    about = {**structs.asdict(said), "title": in_english(said.title, words)}
    lab = Assignment(rubric=rules, operations=operations_of(place), words=words, **about)
    if folder is None:
        return lab
    check_catalogues(place)
    return replace(lab, folder=str(place.resolve()), sha256=content_hash(place))


def in_english(text: Text, words: Mapping[str, dict[str, str]]) -> str:
    """Return a text in English, or else in the first language that it has; add its translations to words."""
    if isinstance(text, str):
        return text
    main = text.get("en") or next(iter(text.values()), "")
    for lang, known in words.items():
        if lang in text:
            known[main] = text[lang]
    return main


def suite_points(suite: Path) -> list[Declared]:
    """Return the cases whose points are given in a suite; raise BrokenGrader if they cannot be read."""
    try:
        return list(declared(suite))
    except Undeclared as error:
        raise invalid(suite.name, error.reason) from error
    except (OSError, UnicodeDecodeError) as error:
        raise invalid(suite.name, str(error)) from error


def check_packages(lab: Assignment) -> None:
    """Raise BrokenGrader if a package that a lab needs is not installed where submissions find it (beside numpy)."""
    if missing := missing_packages(lab):
        names = ", ".join(missing)
        raise BrokenGrader("The assignment imports packages that are not installed here: {names}.", names=names)


def missing_packages(lab: Assignment) -> list[str]:
    """Return the packages that a lab needs and that are not installed where submissions find them."""
    find = importlib.machinery.PathFinder.find_spec
    return [package for package in lab.packages if find(package.partition(".")[0], [packages()]) is None]


def unusable(files: Iterable[str], place: Path) -> Iterator[Message]:
    """Yield one sentence for each invalid data file of a lab."""
    size = 0
    for name in files:
        path = PurePosixPath(name)
        if not name.isprintable() or path.is_absolute() or {"..", "."} & {*name.split("/")} or str(path) != name:
            yield say("{name} is not a valid name of a data file", name=ascii(name))
        elif not (place / path).is_file():
            yield say("the data file {name} does not exist", name=name)
        else:
            size += (place / path).stat().st_size
    if size > DATA_BYTES:
        yield say("the data files are larger than {limit} MiB in total", limit=DATA_BYTES // 2**20)


def check_catalogues(place: Path) -> None:
    """Raise BrokenGrader if one of a lab's translation catalogues cannot be read."""
    for lang in LANGUAGES[1:]:
        try:
            catalogue_of(place, lang)
        except Exception as error:
            raise invalid(f"{LAB_DOMAIN}.mo", str(error)) from error


def contradictions(said: LabDescription, rubric: Rubric) -> Iterator[Message]:
    """Yield one sentence for each contradiction in an assignment."""
    files = [said.file, *(item.file for item in said.bonus)]
    for file in files:
        if not file.endswith(".py") or "/" in file:
            yield say("file is {file}, which is not a valid name of a Python file", file=repr(file))
        if files.count(file) > 1:
            yield say("{name} appears twice", name=file)
    if said.file in rubric.bonus_files:
        yield say("a bonus criterion is graded from {file}, which is the lab's own file", file=said.file)
    yield from misnamed(said)
    for limits in (said.limits, *(item.limits for item in said.bonus)):
        for name, value in structs.asdict(limits).items():
            if not (math.isfinite(value) and value > 0):
                yield say("limits.{name} is {value}; a limit must be positive and finite", name=name, value=str(value))


def misnamed(said: LabDescription) -> Iterator[Message]:
    """Yield one sentence for each invalid name in an assignment."""
    for name in (*said.classes, *said.functions, *(name for item in said.bonus for name in item.functions)):
        if not name.isidentifier():
            yield say("{name} is not a valid name of a class or function", name=repr(name))
    for name in (*said.packages, *said.optional_packages):
        if not all(part.isidentifier() for part in name.split(".")):
            yield say("{name} is not a package name that can be imported", name=repr(name))
    for name in said.options:
        if not OPTION.fullmatch(name):
            yield say(
                "{name} is not a valid name of an option: use lower-case letters, digits and hyphens", name=ascii(name)
            )


def operations_of(place: Path) -> tuple[str, ...]:
    """Return the names of a lab's operations; raise BrokenGrader if its confined.py or hooks.py is invalid."""
    package, hooks = LabPackage(place), place / "hooks.py"
    try:
        unknown_names = unknown_hooks(hooks) if hooks.is_file() else []
    except (SyntaxError, ValueError, OSError) as error:
        raise invalid(hooks.name, str(error)) from error
    refuse(hooks, [say("{name} is not a hook", name=name) for name in unknown_names])
    if (confined := package.file("confined")) is None:
        return ()
    try:
        module = package.module(confined)
    except Exception as error:
        raise invalid(confined.relative_to(package.folder).as_posix(), str(error)) from error
    offered = getattr(module, "OPERATIONS", None)
    if not isinstance(offered, tuple) or not all(callable(operation) for operation in offered):
        refuse(confined, [say("it has no OPERATIONS, a tuple of functions")])
        return ()
    return tuple(operation.__name__ for operation in offered)


def files_of(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield the files of an assignment that a grade may depend on, as (name in the folder, path).

    These are its TOML files and modules, its data files, its suites, catalogues and packages (folders with an __init__.py).
    Links are followed. Raise BrokenGrader for a name that is not printable.
    """
    for name in read_toml(folder / "assignment.toml", LabDescription).files:
        yield name, folder / name
    for part in sorted(folder.iterdir()):
        if not belongs(part):
            continue
        top = part.resolve()
        for path in sorted(top.rglob("*")) if top.is_dir() else [top]:
            name = (Path(part.name) / path.relative_to(top)).as_posix()
            if not name.isprintable():
                raise invalid(folder.name, say("{name} is not a valid name", name=ascii(name)))
            if path.is_file() and not {*BESIDE} & set(path.relative_to(top).parts):
                yield name, path


def belongs(part: Path) -> bool:
    """Return whether grades depend on a file or folder at the top of an assignment."""
    if part.name in BESIDE or part.name.startswith("."):
        return False
    if part.is_dir():
        is_suite = part.name == "suite" or part.name.startswith("suite_")
        return is_suite or part.name == "locale" or (part / "__init__.py").is_file()
    return part.suffix in (".toml", ".py")


def content_hash(folder: Path) -> str:
    """Return the SHA-256 of an assignment's files and their names."""
    digest = hashlib.sha256()
    for name, path in files_of(folder):
        content = path.read_bytes()
        digest.update(f"{len(name.encode())}:{len(content)}:{name}".encode() + content)
    return digest.hexdigest()


def read_rubric(path: Path, suite_has: Iterable[Declared], words: Mapping[str, dict[str, str]]) -> Rubric:
    """Return the rubric in a TOML file, completed with the cases whose points are given in the suite.

    Raise BrokenGrader if it is invalid; add its translations to words.
    """
    written = read_toml(path, WrittenRubric)
    cases = {criterion.id: [*criterion.cases] for criterion in written.criteria}
    for part in suite_has:
        known = cases.setdefault(part.criterion, [])
        rule = next((rule for rule in known if rule.id == part.id), None)
        if rule is None:
            known.append(CaseRule(id=part.id, points=part.points))
        elif rule.points != part.points:
            differing = say(
                "{name} has {points} points here and {other} in {place}",
                name=f"{part.criterion}.{part.id}",
                points=rule.points,
                other=part.points,
                place=part.place,
            )
            refuse(path, [differing])
    named = {criterion.id for criterion in written.criteria}
    unnamed = [WrittenCriterion(id=name, title=name.replace("_", " ")) for name in cases if name not in named]
    rubric = Rubric(
        criteria=tuple(
            criterion_of(criterion, tuple(cases[criterion.id]), in_english(criterion.title, words))
            for criterion in (*written.criteria, *unnamed)
        ),
        imports=written.imports,
    )
    refuse(path, problems(rubric))
    return rubric


def criterion_of(written: WrittenCriterion, cases: tuple[CaseRule, ...], title: str) -> Criterion:
    """Return a criterion with all of its cases; its points default to the sum of theirs."""
    points = sum(case.points for case in cases) if written.points is None else written.points
    return Criterion(**{**structs.asdict(written), "title": title, "points": points, "cases": cases})


def read_toml(path: Path, kind: type[T]) -> T:
    """Return the content of a TOML file, converted to kind; raise BrokenGrader if it cannot be read or converted."""
    try:
        if path.exists() and not path.is_file():
            raise BrokenGrader("{path} is not a regular file.", path=path.name)
        with path.open("rb") as file:
            text = file.read(TOML_BYTES + 1)
        if len(text) > TOML_BYTES:
            raise BrokenGrader("{path} is larger than {limit} KiB.", path=path.name, limit=TOML_BYTES // 1024)
        return msgspec.toml.decode(text, type=kind)
    except OSError as error:
        raise BrokenGrader("{path} cannot be read: {reason}.", path=path.name, reason=cause(error)) from error
    except (msgspec.MsgspecError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise invalid(path.name, str(error)) from error


def invalid(name: str, reason: str | Message) -> BrokenGrader:
    """Return the error for a file or folder of a lab that is not valid."""
    return BrokenGrader("{path} is not valid: {reason}.", path=name, reason=reason)


def refuse(path: Path, found: Iterable[Message]) -> None:
    """Raise BrokenGrader for the first of the problems found in a file."""
    for problem in found:
        raise invalid(path.name, problem)


def problems(rubric: Rubric) -> Iterator[Message]:
    """Yield one sentence for each contradiction inside the rubric."""
    names = [criterion.id for criterion in rubric.criteria]
    every = [*names, *(f"{criterion.id}.{case.id}" for criterion in rubric.criteria for case in criterion.cases)]
    for name in every:
        if every.count(name) > 1:
            yield say("{name} appears twice", name=name)
    for criterion in rubric.criteria:
        case_points, name = [case.points for case in criterion.cases], criterion.id
        if min([criterion.points, *case_points]) < 0:
            yield say("{name} has negative points", name=name)
        elif criterion.is_gate and (criterion.points or criterion.cases):
            yield say("{name} is a gate, and a gate has neither points nor cases", name=name)
        elif criterion.bonus != bool(criterion.file) or (criterion.bonus and criterion.is_gate):
            yield say("{name} needs both bonus and file or neither, and a gate can have neither", name=name)
        elif (total := sum(case_points)) != criterion.points:
            yield say(
                "the cases of {name} sum to {sum} points, not to {points}",
                name=name, sum=total, points=criterion.points,
            )  # fmt: skip
        beside = [f"{part.id}.{case.id}" for part in rubric.of_file(criterion.file) for case in part.cases]
        for case in criterion.cases:
            own = f"{criterion.id}.{case.id}"
            for other in sorted(set(case.requires) - set(beside[: beside.index(own)])):
                yield say("{name} requires {other}, which is not an earlier case", name=own, other=other)
    if rubric.max_score == 0:
        yield say("it gives no points")
