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
    return [Requirement(item) for some in lists for item in some]


def test_lines_of_the_lock() -> None:
    """Each is an exact version, perhaps for some Pythons or systems only: no address, path or option."""
    lines = [line for line in LOCK.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]

    assert [line for line in lines if not re.fullmatch(r"[a-z0-9-]+==[\w.]+( ; [\w .<>=!'()]+)?", line)] == []


def test_the_lock_has_what_the_project_asks_for() -> None:
    """On every Python each requirement has one version, which is in its range; `make lock` mends what is not."""
    for python in PYTHONS:
        here = {"python_version": python, "python_full_version": f"{python}.0"}
        pins = [item for item in locked() if item.marker is None or item.marker.evaluate(here)]
        versions = {pin.name: str(pin.specifier).removeprefix("==") for pin in pins}
        needed = [item for item in wanted() if item.marker is None or item.marker.evaluate(here)]

        assert len(pins) == len(versions)
        assert [
            str(item) for item in needed if versions.get(canonicalize_name(item.name), "") not in item.specifier
        ] == []


def test_what_grading_needs_has_a_ceiling() -> None:
    """The next major version of what a grade comes from waits until somebody has tried it."""
    needed = [Requirement(item) for item in PROJECT["project"]["dependencies"]]
    with_ceiling = {item.name for item in needed if any(part.operator == "<" for part in item.specifier)}

    assert {item.name for item in needed} == with_ceiling
