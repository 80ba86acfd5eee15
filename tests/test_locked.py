"""The lock: one version of everything for each Python, and nothing about the machine that wrote it."""

from __future__ import annotations

import re
import tomllib

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.command import ROOT
from tests.support.locked import LOCK, locked

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PYTHONS = ("3.11", "3.12", "3.13", "3.14")


def wanted() -> list[Requirement]:
    """Return all that pyproject.toml asks for."""
    project = PROJECT["project"]
    lists = [PROJECT["build-system"]["requires"], project["dependencies"], *project["optional-dependencies"].values()]
    return [Requirement(one) for some in lists for one in some]


def test_lines_of_the_lock() -> None:
    """Each is an exact version, perhaps for some Pythons or systems only: no address, path or option."""
    lines = [line for line in LOCK.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]

    assert [line for line in lines if not re.fullmatch(r"[a-z0-9-]+==[\w.]+( ; [\w .<>=!'()]+)?", line)] == []


def test_the_lock_has_what_the_project_asks_for() -> None:
    """On every Python each requirement has one version, which is in its range; `make lock` mends what is not."""
    for python in PYTHONS:
        here = {"python_version": python, "python_full_version": f"{python}.0"}
        pins = [one for one in locked() if one.marker is None or one.marker.evaluate(here)]
        versions = {one.name: str(one.specifier).removeprefix("==") for one in pins}
        needed = [one for one in wanted() if one.marker is None or one.marker.evaluate(here)]

        assert len(pins) == len(versions)
        assert [str(one) for one in needed if versions.get(canonicalize_name(one.name), "") not in one.specifier] == []


def test_what_grading_needs_has_a_ceiling() -> None:
    """The next major version of what a grade comes from waits until somebody has tried it."""
    needed = [Requirement(one) for one in PROJECT["project"]["dependencies"]]
    with_ceiling = {one.name for one in needed if any(part.operator == "<" for part in one.specifier)}

    assert {one.name for one in needed} == with_ceiling
