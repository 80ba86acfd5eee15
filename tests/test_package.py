"""The wheel as a user installs it: `make package` builds it, and grades with it from a clean environment."""

from __future__ import annotations

import functools
import hashlib
import http.server
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import threading
import tomllib
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from grader import __version__
from tests.recipes import environment_of, run_step, workflow_of
from tests.support.command import ENVIRONMENT, NOBODY, ROOT

pytestmark = [pytest.mark.package, pytest.mark.xdist_group("package")]

VERSIONS = ("3.11", "3.12", "3.13", "3.14")
README = (ROOT / "README.md").read_text(encoding="utf-8")
REFERENCE = (ROOT / "reference" / "network.py").read_text(encoding="utf-8")
SHOWN = "from importlib.resources import files; print(files('grader'))"


def run(*command: str | Path, **options: object) -> str:
    """Run a command that must succeed, and return what it printed."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)  # type: ignore[call-overload]
    assert done.returncode == 0, done.stderr
    return str(done.stdout)


@functools.cache
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
        "grader/py.typed", "grader/labs/xor/rubric.toml", "grader/labs/xor/assignment.toml", "grader/labs/xor/suite/test_6_xor.py",
        "grader/template/network.py", "grader/template/README.md", "grader/template/.github/workflows/grade.yml",
        "grader/locale/ru/LC_MESSAGES/grader.mo", "grader/renderers/report.schema.json",
        "grader/renderers/templates/page.html.j2",
    } <= names  # fmt: skip
    (source,) = built.glob("*.tar.gz")
    with tarfile.open(source) as archive:
        texts = [archive.extractfile(item) for item in archive.getmembers() if item.name.endswith(".py")]
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
        needed = [Requirement(item) for item in tomllib.load(file)["project"]["dependencies"]]
    lowest: dict[str, str] = {}  # a later line, for a later Python, asks for more
    for element in needed:
        if element.marker is None or element.marker.evaluate({"python_version": version}):
            (lowest[element.name],) = (part.version for part in element.specifier if part.operator == ">=")
    run(pythons()[version], "-m", "venv", tmp_path)
    python = tmp_path / "bin" / "python"
    pins = [f"{name}=={number}" for name, number in lowest.items()]
    run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wheel, *pins)
    for path, score in (("reference/network.py", 100), ("student_template", 0)):
        shown = run(tmp_path / "bin" / "grade", ROOT / path, "--report", "text=-", cwd=tmp_path, env=ENVIRONMENT)
        assert f"Score: {score} of 100" in shown


# --- from a server on loopback: what the documents and the workflow install --------------------------


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves files and says nothing."""

    def log_message(self, *_: object) -> None:
        """Log no request."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Server:
    """A place with a wheel and a git repository of the grader, and the checkout that was pushed there."""

    url: str
    wheel: Path
    repository: Path
    checkout: Path

    @property
    def addresses(self) -> dict[str, str]:
        """Return the address of each kind of source, pinned, as the documents write it."""
        return {
            "repository": f"git+{self.url}/grader.git@{self.head}",
            "wheel": f"{self.url}/{self.wheel.name}#sha256={sha256(self.wheel)}",
        }

    @property
    def head(self) -> str:
        """Return the newest commit."""
        return run("git", "-C", self.checkout, "rev-parse", "HEAD").strip()

    def push(self) -> None:
        """Commit what is in the checkout and push it."""
        git = ("git", "-C", self.checkout, "-c", "user.name=test", "-c", "user.email=test@host.invalid")
        run(*git, "add", "--all")
        run(*git, "commit", "--quiet", "--allow-empty", "--message", "The grader")
        run(*git, "push", "--quiet", "--force", self.repository, "HEAD:main")
        run("git", "-C", self.repository, "update-server-info")


def sha256(path: Path) -> str:
    """Return the hash of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def server(built: Path, wheel: Path, tmp_path: Path) -> Iterator[Server]:
    """Serve a wheel and a repository of this grader."""
    place = tmp_path / "served"
    (source,) = built.glob("*.tar.gz")
    with tarfile.open(source) as archive:
        archive.extractall(tmp_path, filter="data")
    checkout = tmp_path / source.name.removesuffix(".tar.gz")
    for folder, more in ((checkout, ()), (place / "grader.git", ("--bare",))):
        run("git", "init", "--quiet", "--initial-branch", "main", *more, folder)
    handler = functools.partial(Quiet, directory=str(place))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as serving:
        thread = threading.Thread(target=serving.serve_forever)
        thread.start()
        made = Server(
            url=f"http://127.0.0.1:{serving.server_port}",
            wheel=Path(shutil.copy(wheel, place)),
            repository=place / "grader.git",
            checkout=checkout,
        )
        made.push()
        yield made
        serving.shutdown()
        thread.join()


def environment_with(address: str, folder: Path) -> Path:
    """Install the grader from an address into a new environment; return the folder of its commands."""
    run(sys.executable, "-m", "venv", folder)
    run(folder / "bin" / "python", "-m", "pip", "install", "--quiet", address)
    return folder / "bin"


def record_of(commands: Path) -> dict[str, Any]:
    """Return the record that pip left of where the grader in an environment came from."""
    (found,) = commands.parent.glob("lib/python*/site-packages/xor_lab_grader-*.dist-info/direct_url.json")
    record: dict[str, Any] = json.loads(found.read_text(encoding="utf-8"))
    return record


def step(lab: Path, name: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a step of a lab's workflow, for a repository without variables."""
    job = workflow_of(lab)["jobs"]["grade"]
    (wanted,) = (item for item in job["steps"] if item["name"] == name)
    environment = {
        **environment_of(job, {}),
        "RUNNER_TEMP": str(folder),
        "GITHUB_STEP_SUMMARY": str(folder / "summary"),
        "REPORT": str(folder / "grade-report"),
        "PATH": f"{tools(folder)}:{ENVIRONMENT['PATH']}",
    }
    return run_step(wanted["run"], lab, environment)


def tools(folder: Path) -> Path:
    """Return a folder with a python3 that can make environments: this one."""
    place = folder / "tools"
    place.mkdir(exist_ok=True)
    (place / "python3").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n', encoding="utf-8")
    (place / "python3").chmod(0o755)
    return place


@pytest.mark.parametrize("kind", ["repository", "wheel"])
def test_the_workflow_of_a_new_lab(kind: str, server: Server, tmp_path: Path) -> None:
    """Its steps install what wrote it, and grade: the same commit after a push, nothing in place of another file."""
    unpinned = re.split("@|#", server.addresses[kind])[0]
    commands = environment_with(unpinned, tmp_path / "teacher")
    lab = tmp_path / "lab"
    told = run(commands / "grade", "--new", lab, cwd=tmp_path, env=ENVIRONMENT)
    expected = server.addresses[kind]
    (server.checkout / "grader" / "cli.py").write_text("raise SystemExit('another version')", encoding="utf-8")
    server.push()

    installed = step(lab, "Install the grader", tmp_path)
    empty = step(lab, "Grade", tmp_path)
    (lab / "network.py").write_text(REFERENCE, encoding="utf-8")
    solved = step(lab, "Grade", tmp_path)

    assert f"The workflow installs the grader from {expected}\n" in told
    assert (installed.returncode, installed.stdout) == (0, "")
    found, wrote = (record_of(place) for place in (tmp_path / "grader" / "bin", commands))
    assert found["url"] == wrote["url"]
    if kind == "repository":
        assert found["vcs_info"]["commit_id"] == wrote["vcs_info"]["commit_id"] != server.head
    else:
        assert found["archive_info"] == wrote["archive_info"]
    assert (empty.returncode, solved.returncode) == (1, 0)
    assert "Score: 0 of 100" in empty.stdout
    assert "Score: 100 of 100" in solved.stdout
    assert {path.name for path in (tmp_path / "grade-report").iterdir()} == {
        "grade-report.html", "grade-report.json", "grade-report.md",
    }  # fmt: skip


def test_another_file_at_the_address(server: Server, tmp_path: Path) -> None:
    """Where another wheel stands at the address that was written, the step fails and installs nothing."""
    commands = environment_with(server.addresses["wheel"], tmp_path / "teacher")
    run(commands / "grade", "--new", tmp_path / "lab", cwd=tmp_path, env=ENVIRONMENT)
    with zipfile.ZipFile(server.wheel, "a") as archive:
        archive.writestr("grader/more.py", "")

    installed = step(tmp_path / "lab", "Install the grader", tmp_path)

    assert installed.returncode == 1
    assert "DO NOT MATCH THE HASHES" in installed.stderr
    assert not (tmp_path / "grader" / "bin" / "grade").exists()


@pytest.fixture(scope="module")
def installers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install pipx and uv; return the folder of their commands."""
    folder = Path(tmp_path_factory.mktemp("installers"))
    run(sys.executable, "-m", "venv", folder)
    run(folder / "bin" / "python", "-m", "pip", "install", "--quiet", "pipx", "uv")
    return folder / "bin"


@pytest.mark.parametrize("kind", ["checkout", "repository", "wheel"])
def test_the_commands_of_the_readme(kind: str, server: Server, installers: Path, tmp_path: Path) -> None:
    """Each command of the install block works from each source, and the advice of --watch fits what it made."""
    source = {"checkout": ".", **server.addresses}[kind]
    block = README.partition("## Install")[2].partition("```\n")[2].partition("```")[0]
    home = tmp_path / "home"
    home.mkdir()
    environment = {
        **{name: value for name, value in ENVIRONMENT.items() if not name.startswith(("PIPX_", "UV_TOOL", "XDG_"))},
        "HOME": str(home),
        "XDG_CACHE_HOME": str(installers.parent / "cache"),
        "PATH": f"{tools(tmp_path)}:{installers}:{ENVIRONMENT['PATH']}",
        "UV_PYTHON": sys.executable,
    }
    (server.checkout / "network.py").write_text(REFERENCE, encoding="utf-8")

    def shell(command: str) -> str:
        return run("bash", "-c", command, cwd=server.checkout, env=environment)

    *_, uvx = commands = [re.split(" {3,}#", line.replace("SOURCE", source))[0] for line in block.splitlines()]
    for command in commands:
        shell(command)
    for grade in ("~/grader/bin/grade", "~/.local/bin/grade", uvx.removesuffix(" network.py")):
        assert "Score: 100 of 100" in shell(f"{grade} network.py")
        shell(told(f"{grade} --watch network.py", server.checkout, environment))
        assert watched(f"{grade} --watch network.py", server.checkout, environment) == "Score: 100 of 100\n"


def told(command: str, cwd: Path, environment: dict[str, str]) -> str:
    """Return the command that `grade --watch` tells to run where watchfiles is missing."""
    done = subprocess.run(
        ["/bin/bash", "-c", command], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    return done.stderr.rpartition("install it with: ")[2]


def watched(command: str, cwd: Path, environment: dict[str, str]) -> str:
    """Return the first score that `grade --watch` prints, and end it."""
    with subprocess.Popen(
        ["/bin/bash", "-c", f"exec {command}"], cwd=cwd, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:  # fmt: skip
        assert process.stdout is not None
        score = next(line for line in process.stdout if line.startswith("Score"))
        os.killpg(process.pid, signal.SIGINT)
    return score
