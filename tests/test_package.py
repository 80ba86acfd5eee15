"""The wheel as a user installs it: `make package` builds it, and grades with it from a clean environment."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile
from functools import cache
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from grader import __version__
from tests.command import ENVIRONMENT, NOBODY, ROOT

pytestmark = [pytest.mark.package, pytest.mark.xdist_group("package")]

VERSIONS = ("3.11", "3.12", "3.13", "3.14")
REFERENCE = (ROOT / "reference" / "network.py").read_text(encoding="utf-8")
SHOWN = "from importlib.resources import files; print(files('grader'))"


def run(*command: str | Path, **options: object) -> str:
    """Run a command that must succeed, and return what it printed."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)  # type: ignore[call-overload]
    assert done.returncode == 0, done.stderr
    return str(done.stdout)


@cache
def pythons() -> dict[str, Path]:
    """Return the interpreters of this machine by their version."""
    kept = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found: dict[str, Path] = {}
    for version in VERSIONS:
        named = [Path(path)] if (path := shutil.which(f"python{version}", path="/usr/bin:/usr/local/bin")) else []
        for python in (*named, *kept.glob(f"{version}.*/bin/python")):
            if (
                subprocess.run([python, "-c", "import venv, ensurepip"], check=False, capture_output=True).returncode
                == 0
            ):
                found.setdefault(version, python)
    running = f"{sys.version_info.major}.{sys.version_info.minor}"
    return {running: Path(sys.executable)} | found


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build sdist and wheel from the checkout."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "hatchling", "build", "-d", folder, cwd=ROOT)
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    """Return the wheel."""
    (found,) = built.glob("*.whl")
    return found


def names_in(wheel: Path) -> set[str]:
    """Return the names of a wheel's files."""
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_what_is_inside(built: Path, wheel: Path) -> None:
    """The wheel holds the grader and all it reads, nothing else; the solution is in neither archive."""
    names = names_in(wheel)
    assert {name.split("/")[0] for name in names} == {"grader", f"xor_lab_grader-{__version__}.dist-info"}
    assert {
        "grader/py.typed", "grader/rubric.toml", "grader/assignment.toml", "grader/suite/test_6_xor.py",
        "grader/template/network.py", "grader/template/README.md", "grader/template/.github/workflows/grade.yml",
        "grader/locale/ru/LC_MESSAGES/grader.mo", "grader/renderers/report.schema.json",
    } <= names  # fmt: skip
    (source,) = built.glob("*.tar.gz")
    with tarfile.open(source) as archive:
        texts = [archive.extractfile(one) for one in archive.getmembers() if one.name.endswith(".py")]
        assert all(text is not None and text.read().decode() != REFERENCE for text in texts)
    with zipfile.ZipFile(wheel) as archive:
        assert all(archive.read(name).decode() != REFERENCE for name in names if name.endswith(".py"))


def test_the_wheel_of_the_sdist_is_the_same(built: Path, wheel: Path, tmp_path: Path) -> None:
    """Who builds from the sdist gets the same files."""
    (source,) = built.glob("*.tar.gz")
    with tarfile.open(source) as archive:
        archive.extractall(tmp_path, filter="data")
    (unpacked,) = tmp_path.iterdir()
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path / "again", cwd=unpacked)
    (again,) = (tmp_path / "again").glob("*.whl")
    assert names_in(again) == names_in(wheel)


@pytest.fixture(scope="module", params=VERSIONS)
def environment(request: pytest.FixtureRequest, wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel into a clean environment of one Python; return the folder of its commands."""
    if request.param not in pythons():
        pytest.skip(f"no Python {request.param} on this machine")
    folder = Path(tmp_path_factory.mktemp("environment"))
    readable(folder)
    run(pythons()[request.param], "-m", "venv", folder)
    run(folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wheel)
    return folder / "bin"


def readable(folder: Path) -> None:
    """Let other users reach a temporary folder."""
    for place in (folder, *folder.parents):
        if Path(tempfile.gettempdir()) in place.parents:
            place.chmod(0o755)


def notebook(text: str) -> str:
    """Return a notebook with one code cell."""
    cell: dict[str, object] = {
        "cell_type": "code",
        "source": text,
        "metadata": {},
        "outputs": [],
        "execution_count": None,
    }
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [cell]})


@pytest.mark.parametrize("user", ["this user", "another user"])
def test_grades_from_a_clean_environment(environment: Path, tmp_path: Path, user: str) -> None:
    """Template, a copy of the reference, a notebook and a zip, from a folder in which nothing can be written."""
    options: dict[str, object] = {}
    if user == "another user":
        if os.getuid() != 0:
            pytest.skip("needs root")
        options = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        try:
            subprocess.run([environment / "python", "-c", ""], check=True, **options)  # type: ignore[call-overload]
        except (OSError, subprocess.CalledProcessError):
            pytest.skip("no Python of this version can be run, or this checkout not be read, by another user")
    place = tmp_path / "place"
    place.mkdir()
    (place / "network.py").write_text(REFERENCE, encoding="utf-8")
    (place / "network.ipynb").write_text(notebook(REFERENCE.partition("\n\nif __name__")[0]), encoding="utf-8")
    with zipfile.ZipFile(place / "network.zip", "w") as archive:
        archive.writestr("work/network.py", REFERENCE)
    run(environment / "grade", "--new", place / "template", cwd=place)
    readable(place)
    place.chmod(0o555)
    assert "site-packages" in run(environment / "python", "-I", "-c", SHOWN)
    wanted = {"network.py": 100, "network.ipynb": 100, "network.zip": 100, "template": 0}
    for command in ([environment / "grade"], [environment / "python", "-m", "grader"]):
        for name, score in wanted.items():
            text = run(*command, name, "--seed", "1", "--report", "text=-", cwd=place, env=ENVIRONMENT, **options)
            assert f"Score: {score} of 100" in text


@pytest.mark.parametrize("version", VERSIONS)
def test_lowest_versions(version: str, wheel: Path, tmp_path: Path) -> None:
    """With the lowest version of everything that it depends on, the reference has all points and the template none."""
    if version not in pythons():
        pytest.skip(f"no Python {version} on this machine")
    with (ROOT / "pyproject.toml").open("rb") as file:
        needed = [Requirement(one) for one in tomllib.load(file)["project"]["dependencies"]]
    lowest: dict[str, str] = {}  # a later line, for a later Python, asks for more
    for one in needed:
        if one.marker is None or one.marker.evaluate({"python_version": version}):
            (lowest[one.name],) = (part.version for part in one.specifier if part.operator == ">=")
    run(pythons()[version], "-m", "venv", tmp_path)
    python = tmp_path / "bin" / "python"
    pins = [f"{name}=={number}" for name, number in lowest.items()]
    run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wheel, *pins)
    for path, score in (("reference/network.py", 100), ("student_template", 0)):
        shown = run(tmp_path / "bin" / "grade", ROOT / path, "--report", "text=-", cwd=tmp_path, env=ENVIRONMENT)
        assert f"Score: {score} of 100" in shown
