"""Reads a lab from its folder: assignment.toml and rubric.toml, whose names, sums and references have to hold."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection, Iterable, Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from grader.errors import BrokenGrader
from grader.lab_package import LabPackage, unknown_hooks
from grader.models import DEFAULT_LAB, Assignment, CaseRule, Criterion, Imports, Rubric
from grader.sandbox.client import Limits

EXTRA = "extra"  # a folder inside: an assignment for points apart from the score
TOML_BYTES = 256 * 1024
SAID = ("title", "file", "classes", "functions", "limits")  # what assignment.toml says of an Assignment
BESIDE = ("template", "solutions", "__pycache__")  # no grade depends on them, even where they are packages

T = TypeVar("T")


def read_assignment(folder: Path | None = None, rubric: Path | None = None) -> Assignment:
    """Return the lab in a folder (None: this one), with the rubric at another path where one is given.

    BrokenGrader, with one sentence, for a folder that holds no lab.
    """
    place = DEFAULT_LAB if folder is None else folder
    if not place.is_dir():
        raise BrokenGrader("The assignment {path} is not a folder.", path=place.name)
    path = place / "assignment.toml"
    raw = read_toml(path)
    rules = read_rubric(rubric or place / "rubric.toml")
    lab = converted(raw, Assignment, path, rubric=msgspec.to_builtins(rules))
    limits = raw.get("limits", {})
    refuse(path, [*unknown("the assignment", raw, SAID), *unknown("[limits]", limits, names_of(Limits))])
    refuse(path, contradictions(lab))
    if not any((place / "suite").glob("test_*.py")):
        raise BrokenGrader("The assignment {path} has no suite: put test_*.py into its folder suite.", path=place.name)
    lab = replace(lab, operations=operations_of(place))
    if (place / EXTRA).is_dir():
        extra = read_assignment(place / EXTRA)
        lab = replace(lab, extra=replace(extra, folder=EXTRA, sha256="") if folder is None else extra)
        refuse(path, both_named(lab, extra))
    return lab if folder is None else replace(lab, folder=str(place.resolve()), sha256=content_hash(place))


def both_named(lab: Assignment, extra: Assignment) -> Iterator[str]:
    """Yield one sentence for each thing that a lab and its extra cannot both have."""
    if extra.file == lab.file:
        yield f"the lab and its {EXTRA} both are {lab.file}"
    if extra.rubric.imports != Imports():
        yield f"{EXTRA}/rubric.toml has [imports]: the lab's hold for both files"
    for criterion in extra.rubric.criteria:
        if criterion.id in {one.id for one in lab.rubric.criteria}:
            yield f"the lab and its {EXTRA} both have the criterion {criterion.id}"


def contradictions(lab: Assignment) -> Iterator[str]:
    """Yield one sentence for each thing that an assignment cannot be."""
    if not lab.file.endswith(".py") or "/" in lab.file:
        yield f"file is {lab.file!r}, which is no name of a Python file"
    for name in (*lab.classes, *lab.functions):
        if not name.isidentifier():
            yield f"{name!r} is no name of a class or function"
    for field in fields(lab.limits):
        value = getattr(lab.limits, field.name)
        if not (math.isfinite(value) and value > 0):
            yield f"limits.{field.name} is {value}, which is no limit"


def operations_of(place: Path) -> tuple[str, ...]:
    """Return the names of the operations that a lab brings; BrokenGrader where its confined.py or hooks.py is no such file."""
    hooks, confined = place / "hooks.py", place / "confined.py"
    try:
        unknown_names = unknown_hooks(hooks) if hooks.is_file() else []
    except (SyntaxError, ValueError, OSError) as error:
        raise BrokenGrader("{path} is not valid: {reason}.", path=hooks.name, reason=str(error)) from error
    refuse(hooks, [f"{name} is no hook" for name in unknown_names])
    try:
        module = LabPackage(place).optional("confined")
    except Exception as error:
        raise BrokenGrader("{path} is not valid: {reason}.", path=confined.name, reason=str(error)) from error
    if module is None:
        return ()
    offered = getattr(module, "OPERATIONS", None)
    if not isinstance(offered, tuple) or not all(callable(operation) for operation in offered):
        refuse(confined, ["it has no OPERATIONS, a tuple of functions"])
        return ()
    return tuple(operation.__name__ for operation in offered)


def files_of(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield the files that an assignment consists of, as (name in the folder, place): what a grade may depend on.

    These are its TOML files and modules, its suites, catalogues and packages (folders with an __init__.py).
    A link counts as what it leads to. BrokenGrader for a name that is no text.
    """
    for part in sorted(folder.iterdir()):
        if not belongs(part):
            continue
        top = part.resolve()
        for path in sorted(top.rglob("*")) if top.is_dir() else [top]:
            name = (Path(part.name) / path.relative_to(top)).as_posix()
            if not name.isprintable():
                raise BrokenGrader("{path} is not valid: {reason}.", path=folder.name, reason=f"{name!a} is no name")
            if path.is_file() and not {*BESIDE} & set(path.relative_to(top).parts):
                yield name, path


def belongs(part: Path) -> bool:
    """Say whether a file or folder at the top of an assignment is a part of it."""
    if part.name in BESIDE or part.name.startswith("."):
        return False
    if part.is_dir():
        is_suite = part.name == "suite" or part.name.startswith("suite_")
        return is_suite or part.name in ("locale", EXTRA) or (part / "__init__.py").is_file()
    return part.suffix in (".toml", ".py")


def content_hash(folder: Path) -> str:
    """Return the SHA-256 of the files of an assignment, names included."""
    digest = hashlib.sha256()
    for name, path in files_of(folder):
        content = path.read_bytes()
        digest.update(f"{len(name.encode())}:{len(content)}:{name}".encode() + content)
    return digest.hexdigest()


def read_rubric(path: Path = DEFAULT_LAB / "rubric.toml") -> Rubric:
    """Return the rubric in the TOML file at path; BrokenGrader with one sentence if it is not one."""
    raw = read_toml(path)
    rubric = converted(raw, Rubric, path)
    refuse(path, [*unknown_keys(raw), *problems(rubric)])
    return rubric


def read_toml(path: Path) -> dict[str, Any]:
    """Return what a TOML file holds; BrokenGrader with one sentence if that cannot be read."""
    try:
        if path.exists() and not path.is_file():
            raise BrokenGrader("{path} is not a regular file.", path=path.name)
        with path.open("rb") as file:
            text = file.read(TOML_BYTES + 1)
        if len(text) > TOML_BYTES:
            raise BrokenGrader("{path} is larger than {limit} KiB.", path=path.name, limit=TOML_BYTES // 1024)
        return msgspec.toml.decode(text, type=dict[str, Any])
    except OSError as error:
        reason = error.strerror or str(error)
        raise BrokenGrader("{path} cannot be read: {reason}.", path=told(path), reason=reason) from error
    except (msgspec.MsgspecError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise BrokenGrader("{path} is not valid: {reason}.", path=told(path), reason=str(error)) from error


def told(path: Path) -> str:
    """Return how a file of an assignment is called: by its name, with its folder where it is the extra's."""
    return f"{EXTRA}/{path.name}" if path.parent.name == EXTRA else path.name


def converted(raw: dict[str, Any], kind: type[T], path: Path, **more: Any) -> T:
    """Return raw, read from path, as kind; BrokenGrader with one sentence where it has another shape."""
    try:
        return msgspec.convert({**raw, **more}, kind)
    except (msgspec.MsgspecError, ValueError) as error:
        raise BrokenGrader("{path} is not valid: {reason}.", path=told(path), reason=str(error)) from error


def refuse(path: Path, found: Iterable[str]) -> None:
    """Raise BrokenGrader for the first of the problems found in a file."""
    for problem in found:
        raise BrokenGrader("{path} is not valid: {reason}.", path=told(path), reason=problem)


def names_of(kind: type) -> set[str]:
    """Return the names of the fields of a dataclass."""
    return {one.name for one in fields(kind)}


def unknown(name: str, part: dict[str, Any], known: Collection[str]) -> list[str]:
    """Return one sentence for each key that a part of a file must not have: a misspelt one would be passed over."""
    return [f"{name} has the unknown key {key}" for key in sorted(set(part) - set(known))]


def unknown_keys(raw: dict[str, Any]) -> Iterator[str]:
    """Yield one sentence for each key that a rubric does not have."""
    yield from unknown("the rubric", raw, names_of(Rubric))
    yield from unknown("[imports]", raw.get("imports", {}), names_of(Imports))
    for criterion in raw["criteria"]:
        yield from unknown(criterion["id"], criterion, names_of(Criterion))
        for case in criterion.get("cases", ()):
            yield from unknown(f"{criterion['id']}.{case['id']}", case, names_of(CaseRule))


def problems(rubric: Rubric) -> list[str]:
    """Return one sentence for each contradiction inside the rubric."""
    found = []
    names = [criterion.id for criterion in rubric.criteria]
    cases = [f"{criterion.id}.{case.id}" for criterion in rubric.criteria for case in criterion.cases]
    found += [f"{name} appears twice" for name in dict.fromkeys([*names, *cases]) if (names + cases).count(name) > 1]
    for criterion in rubric.criteria:
        case_points = [case.points for case in criterion.cases]
        if min([criterion.points, *case_points]) < 0:
            found.append(f"{criterion.id} has negative points")
        elif criterion.is_gate and (criterion.points or criterion.cases):
            found.append(f"{criterion.id} is a gate and has points or cases of its own")
        elif sum(case_points) != criterion.points:
            found.append(f"the cases of {criterion.id} sum to {sum(case_points)} points, not to {criterion.points}")
        for case in criterion.cases:
            earlier = cases[: cases.index(f"{criterion.id}.{case.id}")]
            unmet = sorted(set(case.requires) - set(earlier))
            found += [f"{criterion.id}.{case.id} requires {name}, which is no case before it" for name in unmet]
    if rubric.max_score == 0:
        found.append("it gives no points at all")
    return found
