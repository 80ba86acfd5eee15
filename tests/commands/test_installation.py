"""Where this grader was installed from, and what the workflow of a new lab makes of it."""

from __future__ import annotations

import importlib.util
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.commands.installation import adding, recorded
from grader.commands.new import PLACEHOLDER
from grader.core.messages import say
from tests.recipes import environment_of, run_step, workflow_of
from tests.support.command import ENVIRONMENT, ROOT, Ran, grade, run

COMMIT = "0123456789abcdef0123456789abcdef01234567"
DIGEST = "ab" * 32
REPOSITORY = "https://host.example/owner/grader.git"
WHEEL = "https://host.example/dist/xor_lab_grader-0.1.0+local-py3-none-any.whl"
PINNED = f"git+{REPOSITORY}@{COMMIT}"

PATH = "a path on this machine"
NAME_ALONE = "a package index, by name only"
SECRET = "an address with a user name or password"  # noqa: S105
LOOSE = "an address without a commit or a hash"
ODD = "an address that no workflow can use"


def repository(url: str = REPOSITORY, commit: str = COMMIT, **more: Any) -> dict[str, Any]:
    """Return the record of an installation from a git repository."""
    return {"url": url, "vcs_info": {"vcs": "git", "commit_id": commit, "requested_revision": "main"}, **more}


def archive(url: str = WHEEL, **info: Any) -> dict[str, Any]:
    """Return the record of an installation from a wheel or another archive."""
    return {"url": url, "archive_info": info}


@pytest.mark.parametrize(
    ("record", "address"),
    [
        (repository(), PINNED),
        (repository(commit="ab" * 32), f"git+{REPOSITORY}@{'ab' * 32}"),
        (repository(subdirectory="tools/grader"), f"{PINNED}#subdirectory=tools/grader"),
        (repository("ssh://git@host.example/o/grader"), f"git+ssh://git@host.example/o/grader@{COMMIT}"),
        (repository("git://127.0.0.1:9418/grader"), f"git+git://127.0.0.1:9418/grader@{COMMIT}"),
        (archive(hashes={"sha256": DIGEST}), f"{WHEEL}#sha256={DIGEST}"),
        (archive(hash=f"sha256={DIGEST}"), f"{WHEEL}#sha256={DIGEST}"),
        (archive(hashes={"md5": "ab" * 16, "sha512": "ab" * 64}), f"{WHEEL}#sha512={'ab' * 64}"),
        (archive(hashes={"sha256": DIGEST}) | {"subdirectory": "lab"}, f"{WHEEL}#sha256={DIGEST}&subdirectory=lab"),
    ],
)
def test_a_pinned_source(record: dict[str, Any], address: str) -> None:
    """A repository counts with its commit, an archive with its hash, as pip takes them."""
    assert recorded(json.dumps(record)) == address


@pytest.mark.parametrize(
    ("record", "instead"),
    [
        ({"url": "file:///home/me/grader", "dir_info": {"editable": True}}, PATH),
        (repository("file:///srv/grader.git"), PATH),
        (archive("file:///tmp/xor_lab_grader-0.1.0-py3-none-any.whl", hashes={"sha256": DIGEST}), PATH),
        (repository("https://me:token@host.example/grader"), SECRET),
        (repository("https://token@host.example/grader"), SECRET),
        (repository("https://${TOKEN}@host.example/grader"), SECRET),
        (repository("ssh://git:token@host.example/grader"), SECRET),
        (archive("https://me:a/b@c@host.example/grader.whl", hashes={"sha256": DIGEST}), ODD),
        (archive(f"{WHEEL}?private_token=secret", hashes={"sha256": DIGEST}), ODD),
        (archive(), LOOSE),
        (archive(hashes={"md5": "ab" * 16}), LOOSE),
        (archive(hashes={"sha256": f"{DIGEST}' }}"}), LOOSE),
        (repository(commit="main"), LOOSE),
        (repository(commit=f"{COMMIT}\n"), LOOSE),
        ({"url": REPOSITORY}, LOOSE),
        ({"url": REPOSITORY, "vcs_info": {"vcs": "hg", "commit_id": COMMIT}}, LOOSE),
        (repository("git@host.example:owner/grader"), ODD),
        (repository("https://host.example/$(id)"), ODD),
        (repository("https://host.example/a'b"), ODD),
        (repository("https://host.example/a b"), ODD),
        (repository("https://host.example/a\n    - run: id"), ODD),
        (repository("https://host.example/${{ secrets.X }}"), ODD),
        (repository("https://host.example/проверка"), ODD),
        (repository(subdirectory="a&b=c"), ODD),
        ({"url": 1}, ODD),
        ([], ODD),
    ],
)
def test_no_source(record: object, instead: str) -> None:
    """A path, a credential, what is not pinned, and what could break out of the workflow are never written."""
    assert recorded(json.dumps(record)) == say(instead)


@pytest.mark.parametrize(("text", "instead"), [(None, NAME_ALONE), ("", ODD), ("{", ODD)])
def test_no_record(text: str | None, instead: str) -> None:
    """An index leaves no record; a broken one is no source."""
    assert recorded(text) == say(instead)


TEXTS = st.text("aZ09/.-_%+~:@#&=?'\"\\ \n\t$`{}()!;|<>é", max_size=12)


@given(st.sampled_from(["", "https://", "https://host.example/", "ssh://git@"]), TEXTS, TEXTS, TEXTS)
def test_an_address_is_one_harmless_word(start: str, url: str, commit: str, subdirectory: str) -> None:
    """Whatever a record says, an address has no character that YAML, a shell or an expression would read."""
    records = [
        repository(start + url, subdirectory=subdirectory),
        repository(commit=COMMIT + commit, subdirectory=subdirectory),
        archive(start + url, hash=f"sha256={DIGEST}{commit}"),
    ]

    found = [recorded(json.dumps(record)) for record in records]

    assert [
        item for item in found if isinstance(item, str) and not re.fullmatch(r"[\w:/.~%+@#=&-]*", item, re.ASCII)
    ] == []


# --- what `grade --new` writes -------------------------------------------------------------------


def new(record: object, folder: Path, *options: str) -> Ran:
    """Run `grade --new lab` of a grader whose installation left this record."""
    place = folder / "installed"
    known = place / "xor_lab_grader-0.1.0.dist-info"
    known.mkdir(parents=True)
    for name in ("grader", "student_template"):
        (place / name).symlink_to(ROOT / name)
    (known / "METADATA").write_text("Metadata-Version: 2.1\nName: xor-lab-grader\nVersion: 0.1.0\n", encoding="utf-8")
    (known / "direct_url.json").write_text(json.dumps(record), encoding="utf-8")
    return run([sys.executable, "-m", "grader", "--new", "lab", *options], cwd=folder, PYTHONPATH=str(place))


def installed(lab: Path, folder: Path, **variables: str) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    """Run the workflow's first step, with a Python that only notes its arguments; return the step's end and the notes."""
    tools = folder / "tools"
    tools.mkdir()
    fake = tools / "python3"
    fake.write_text(
        '#!/bin/sh\necho "$@" >> "$NOTES"\nmkdir -p "$3/bin" && cp "$0" "$3/bin/python"\n', encoding="utf-8"
    )
    fake.chmod(0o755)
    job = workflow_of(lab)["jobs"]["grade"]
    notes = folder / "notes"
    environment = {
        **environment_of(job, variables),
        "PATH": f"{tools}:{ENVIRONMENT['PATH']}",
        "RUNNER_TEMP": str(folder),
        "NOTES": str(notes),
    }
    done = run_step(job["steps"][1]["run"], lab, environment)
    return done, notes.read_text(encoding="utf-8").splitlines() if notes.exists() else []


def test_a_new_lab_installs_what_wrote_it(tmp_path: Path) -> None:
    """Workflow and handout have the address; the step installs it, or what the variable GRADER says."""
    ran = new(repository(), tmp_path, "--lang", "ru")
    lab = tmp_path / "lab"

    environment = environment_of(workflow_of(lab)["jobs"]["grade"], {})
    done, notes = installed(lab, tmp_path)

    assert (ran.code, ran.err) == (0, "")
    assert f"Workflow устанавливает программу проверки отсюда: {PINNED}\n" in ran.out
    assert environment == {"GRADER": PINNED, "REPORT_LANG": "ru", "FAIL_UNDER": "100"}
    handout = (lab / "README.md").read_text(encoding="utf-8")
    assert (handout.count(PINNED), handout.count(PLACEHOLDER)) == (6, 0)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert notes == [f"-m venv {tmp_path}/grader", f"-m pip install --quiet {PINNED}"]


@pytest.mark.parametrize("variables", [{}, {"GRADER": "xor-lab-grader"}], ids=["without a variable", "a bare name"])
def test_a_new_lab_without_a_source(variables: dict[str, str], tmp_path: Path) -> None:
    """Where the source is a path, the step installs nothing, fails, and names the variable in one sentence."""
    ran = new({"url": "file:///home/me/grader", "dir_info": {}}, tmp_path)

    done, notes = installed(tmp_path / "lab", tmp_path, **variables)

    assert "Set the variable GRADER for the workflow to the address" in ran.out
    assert f"this grader was installed from {PATH}.\n" in ran.out
    assert PLACEHOLDER in (tmp_path / "lab" / "README.md").read_text(encoding="utf-8")
    assert (done.returncode, done.stderr, notes) == (1, "", [])
    assert done.stdout == (
        "::error::Set the variable GRADER of this repository or its organisation"
        " to the address (https://...) of the grader.\n"
    )


def test_the_variable_of_the_repository(tmp_path: Path) -> None:
    """The variable GRADER replaces the address that was written."""
    new(repository(), tmp_path)

    done, notes = installed(tmp_path / "lab", tmp_path, GRADER="https://elsewhere.example/grader.whl")

    assert (done.returncode, notes[-1]) == (0, "-m pip install --quiet https://elsewhere.example/grader.whl")


def test_a_checkout_is_no_source(tmp_path: Path) -> None:
    """The editable installation that runs these tests has a record, and it is a path."""
    ran = grade("--new", "lab", cwd=tmp_path)

    assert f"this grader was installed from {PATH}.\n" in ran.out


# --- what it says about packages -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("made_by", "command"),
    [
        ("pip", f"{shlex.quote(sys.executable)} -m pip install watchfiles"),
        ("pipx", "pipx inject 'my grader' watchfiles"),
        ("uv", f"uv pip install --python {shlex.quote(sys.executable)} watchfiles"),
    ],
)
def test_a_package_for_this_installation(
    made_by: str, command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The advice adds the package to the environment that this grader runs in, whoever made it."""
    if made_by == "pipx":
        prefix = tmp_path / "my grader"
        prefix.mkdir()
        (prefix / "pipx_metadata.json").write_text("{}", encoding="utf-8")
        monkeypatch.setattr(sys, "prefix", str(prefix))
    if made_by == "uv":
        monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)

    assert adding("watchfiles") == command


BY_NAME = re.compile(r"\b(?:pip|pipx|uv|uvx)\b.*xor[-_.]lab[-_.]grader|xor-lab-grader(?:\[|[=~<>!]=)|GRADER\W+xor-lab", re.IGNORECASE)  # fmt: skip
SHIPPED = ("grader", "student_template", "docs", ".ci", ".github", "README.md", "CONTRIBUTING.md", "Makefile", "action.yml", ".pre-commit-hooks.yaml")  # fmt: skip


def test_nothing_installs_by_name() -> None:
    """No recipe, document, message or script has the grader installed by its name: whoever takes it would run code."""
    old = ["pip install 'xor-lab-grader[watch]'", "GRADER: xor-lab-grader", "uvx --from xor-lab-grader grade"]
    paths = [
        path for name in SHIPPED for path in ((ROOT / name).rglob("*") if (ROOT / name).is_dir() else [ROOT / name])
    ]
    texts = {
        path: path.read_text(encoding="utf-8", errors="replace")
        for path in paths
        if path.is_file() and path.suffix != ".pyc"
    }

    found = [(path, line) for path, text in texts.items() for line in text.splitlines() if BY_NAME.search(line)]

    assert [line for line in old if not BY_NAME.search(line)] == []
    assert found == []
