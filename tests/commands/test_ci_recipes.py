"""The recipes for CI and platforms: checked, and run with stand-ins for what only the platform has."""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement

from grader.commands.new import TEMPLATE
from grader.commands.packing import gradescope
from tests import recipes
from tests.pipeline.test_assignment import LAB, RIGHT
from tests.support.command import ENVIRONMENT, ROOT, SUBMISSIONS, Ran, ran, run

WORKFLOW = yaml.safe_load(recipes.TEMPLATE.read_text(encoding="utf-8"))
ACTION = yaml.safe_load(recipes.ACTION.read_text(encoding="utf-8"))
AUTOGRADER = recipes.recipes()["autograder.py"]
ADDRESS = "git+https://host.example/owner/grader@" + "0" * 40
TEXTS = {
    "template": recipes.TEMPLATE.read_text(encoding="utf-8"),
    "own": recipes.OWN.read_text(encoding="utf-8"),
    **recipes.recipes(),
}
PACKAGE = Path(sys.executable).with_name("grade-package")


def installed_in(folder: Path) -> None:
    """Stand in for the environment that a recipe installs: the grader and the Python that run these tests."""
    (folder / "bin").mkdir(parents=True)
    python = f"exec {shlex.quote(sys.executable)}"
    for name, command in (("grade", f"{python} -m grader"), ("python", python)):
        (folder / "bin" / name).write_text(f'#!/bin/sh\n{command} "$@"\n', encoding="utf-8")
        (folder / "bin" / name).chmod(0o755)


def step(steps: list[dict[str, Any]], name: str) -> dict[str, Any]:
    """Return the step of this name."""
    return next(step for step in steps if step["name"] == name)


def run_step(script: str, sample: Path, folder: Path, **environment: str) -> Ran:
    """Run the script of a step as a runner does, in a checkout with this submission."""
    checkout = folder / "checkout"
    checkout.mkdir()
    (checkout / "network.py").write_bytes((sample / "network.py").read_bytes())
    installed_in(folder / "grader")
    files = {name: str(folder / name) for name in ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT")}
    runner = {**files, "RUNNER_TEMP": str(folder), "PYTHONPATH": str(ROOT)}
    done = recipes.run_step(script, checkout, {**runner, **environment})
    return ran(done.returncode, done.stdout, done.stderr, checkout)


@pytest.mark.parametrize("name", TEXTS)
def test_everything_is_pinned(name: str) -> None:
    """Actions are taken by a full hash with what it stands for beside it."""
    text = TEXTS[name]

    used = re.findall(r"uses: (.*)", text)
    assert [item for item in used if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # .+", item)] == []


def test_one_hash_an_action() -> None:
    """An action has the same hash wherever it is used."""
    pins = set(re.findall(r"uses: (actions/.*)", "\n".join(TEXTS.values())))

    assert len(pins) == len({pin.partition("@")[0] for pin in pins}) == 2


def test_the_template_has_no_tests() -> None:
    """What a student gets is the handout, the stubs and the workflow."""
    files = {path.relative_to(TEMPLATE).as_posix() for path in TEMPLATE.rglob("*") if path.is_file()}

    assert {name for name in files if ".pyc" not in name} == {
        "README.md",
        "network.py",
        "lecture.py",
        ".github/workflows/grade.yml",
    }


def test_the_workflow_of_the_template(tmp_path: Path) -> None:
    """A push is graded, red below the mark: the report is in the log, in the summary, and in the folder that is uploaded."""
    steps = WORKFLOW["jobs"]["grade"]["steps"]
    report = tmp_path / "grade-report"
    environment = recipes.environment_of(WORKFLOW["jobs"]["grade"], {})

    done = run_step(step(steps, "Grade")["run"], SUBMISSIONS / "no_train", tmp_path, REPORT=str(report), **environment)

    assert (done.code, done.err) == (1, "")
    assert "95" in done.out
    assert "95" in (tmp_path / "GITHUB_STEP_SUMMARY").read_text(encoding="utf-8")
    assert json.loads((report / "grade-report.json").read_text(encoding="utf-8"))["score"] == 95
    assert (report / "grade-report.html").is_file()
    assert step(steps, "Keep the report")["with"]["path"] == step(steps, "Grade")["env"]["REPORT"]


@pytest.mark.parametrize(("submission", "code", "score"), [("network.py", 1, "95"), ("missing.py", 2, None)])
def test_the_action(submission: str, code: int, score: str | None, tmp_path: Path) -> None:
    """The action gives score and report, and fails under the points that were asked for or without a submission."""
    script = step(ACTION["runs"]["steps"], "Grade")["run"]
    inputs = {"SUBMISSION": submission, "FAIL_UNDER": "96", "REPORT_LANG": "en"}

    done = run_step(script, SUBMISSIONS / "no_train", tmp_path, **inputs)

    written = tmp_path / "GITHUB_OUTPUT"
    outputs = dict(line.split("=", 1) for line in written.read_text().splitlines()) if written.exists() else {}
    assert (done.code, outputs.get("score")) == (code, score)
    assert not score or json.loads(Path(outputs["report"]).read_text(encoding="utf-8"))["score"] == 95


def test_the_action_has_its_defaults() -> None:
    """Every input has a default, and reaches the script through the environment, never inside of it."""
    given = step(ACTION["runs"]["steps"], "Grade")["env"].values()

    assert set(given) == {f"${{{{ inputs.{name} }}}}" for name in ACTION["inputs"]}
    assert all("default" in item for item in ACTION["inputs"].values())
    assert not any("${{" in item["run"] for item in ACTION["runs"]["steps"])


@pytest.mark.parametrize(("code", "ended"), [(0, 0), (3, 0), (4, 4)])
def test_classroom_50(code: int, ended: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The autograder asks for result.json and ends with 0 unless the grader broke."""
    commands = []

    def note(command: list[Any], *, check: bool) -> subprocess.CompletedProcess[bytes]:
        commands.append([str(part) for part in command])
        return subprocess.CompletedProcess(command, code)

    monkeypatch.setattr(subprocess, "run", note)
    with pytest.raises(SystemExit) as left:
        exec(compile(AUTOGRADER.replace('""  #', f"{ADDRESS!r}  #"), "autograder.py", "exec"), {})  # noqa: S102

    assert left.value.code == ended
    assert commands[0][1:3] == ["-m", "venv"]
    assert commands[1][-2:] == ["--quiet", ADDRESS]
    assert {"classroom50=result.json", "."} <= set(commands[2])


def test_classroom_50_without_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """Until its GRADER is filled in, the autograder runs nothing and says what is missing."""
    monkeypatch.delattr(subprocess, "run")
    with pytest.raises(SystemExit, match=r"^Set GRADER in autograder\.py to the address .* of the grader\.$"):
        exec(compile(AUTOGRADER, "autograder.py", "exec"), {})  # noqa: S102


def test_the_job_of_gitlab(tmp_path: Path) -> None:
    """The job's script leaves the reports that it names as artifacts."""
    job = yaml.safe_load(TEXTS[".gitlab-ci.yml"])["grade"]
    script = "\n".join(['PATH="$RUNNER_TEMP/grader/bin:$PATH"', 'pip() { test "$3" = "$GRADER"; }', *job["script"]])

    done = run_step(script, SUBMISSIONS / "fails_imports", tmp_path, GRADER=ADDRESS)

    artifacts = {*job["artifacts"]["paths"], *job["artifacts"]["reports"].values()}
    assert (done.code, done.err) == (0, "")
    assert {path.name for path in (tmp_path / "checkout").iterdir()} == {"network.py", *artifacts}


@pytest.mark.parametrize("address", ["", "xor-lab-grader"])
def test_the_job_of_gitlab_without_an_address(address: str, tmp_path: Path) -> None:
    """Without GRADER, or with a bare name, the job installs nothing, says what is missing, and fails."""
    job = yaml.safe_load(TEXTS[".gitlab-ci.yml"])["grade"]

    done = run_step("\n".join(job["script"]), SUBMISSIONS / "fails_imports", tmp_path, GRADER=address, PATH="")

    assert (done.code, done.err) == (1, "")
    assert done.out == "Set the CI/CD variable GRADER to the address (https://...) of the grader.\n"


def test_the_hook_of_pre_commit(tmp_path: Path) -> None:
    """The hook's command with the recipe's arguments grades network.py, and leaves no file."""
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    (wanted,) = yaml.safe_load(TEXTS[".pre-commit-config.yaml"])["repos"][0]["hooks"]
    command = " ".join([hook["entry"], *wanted["args"]])

    done = run_step(f'PATH="$RUNNER_TEMP/grader/bin:$PATH"; {command}', SUBMISSIONS / "fails_imports", tmp_path)

    assert (wanted["id"], done.code) == (hook["id"], 1)
    assert "Score: 0 of 100" in done.out
    assert [path.name for path in (tmp_path / "checkout").iterdir()] == ["network.py"]
    assert re.search(hook["files"], "network.py")


# --- Gradescope ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the package that the command writes."""
    folder = tmp_path_factory.mktemp("package")
    written = run([PACKAGE, "gradescope", "out.zip", "--time-limit", "30"], cwd=folder)
    assert (written.code, written.err) == (0, "")
    assert written.out == "out.zip: upload it as the autograder of an assignment with 100 points.\n"
    return folder / "out.zip"


@pytest.fixture
def platform(package: Path, tmp_path: Path) -> Path:
    """Lay out Gradescope's folders with that package."""
    return laid_out(package, tmp_path / "autograder")


def laid_out(package: Path, root: Path) -> Path:
    """Unpack a package into Gradescope's folders, as the platform does; return their root."""
    for name in ("source", "submission"):
        (root / name).mkdir(parents=True)
    with zipfile.ZipFile(package) as archive:
        for entry in archive.infolist():
            Path(archive.extract(entry, root / "source")).chmod(entry.external_attr >> 16)
    return root


def run_autograder(root: Path) -> subprocess.CompletedProcess[str]:
    """Run it as the platform does."""
    return subprocess.run(
        [root / "source" / "run_autograder"],
        cwd="/",
        env={**ENVIRONMENT, "AUTOGRADER_ROOT": str(root)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_gradescope(platform: Path) -> None:
    """The unpacked package grades with its own grader, and writes results.json."""
    installed_in(platform / "venv")
    rubric = platform / "source" / "grader" / "labs" / "xor" / "rubric.toml"
    rubric.write_text(rubric.read_text(encoding="utf-8").replace("Forward pass", "Forward, unpacked"), encoding="utf-8")
    (platform / "submission" / "network.py").write_bytes((SUBMISSIONS / "no_train" / "network.py").read_bytes())

    done = run_autograder(platform)

    written = (platform / "results" / "results.json").read_text(encoding="utf-8")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Forward, unpacked" in done.stdout
    result = json.loads(written)
    assert sum(test["score"] for test in result["tests"]) == 95
    assert sum(test["max_score"] for test in result["tests"]) == 100


@pytest.mark.wide
def test_gradescope_of_another_lab(tmp_path: Path) -> None:
    """A package of another lab holds that lab, not its template, and grades with it."""
    packed = run([PACKAGE, "gradescope", "out.zip", "--assignment", LAB], cwd=tmp_path)
    root = laid_out(tmp_path / "out.zip", tmp_path / "autograder")
    installed_in(root / "venv")
    (root / "submission" / "neuron.py").write_text(RIGHT, encoding="utf-8")

    done = run_autograder(root)

    result = json.loads((root / "results" / "results.json").read_text(encoding="utf-8"))
    assert packed.out == "out.zip: upload it as the autograder of an assignment with 10 points.\n"
    assert (done.returncode, done.stderr) == (0, "")
    assert sum(test["score"] for test in result["tests"]) == 10
    assert not (root / "source" / "assignment" / "template").exists()


@pytest.mark.parametrize("options", ["--nonsense\n", None])
def test_gradescope_without_a_result(options: str | None, platform: Path) -> None:
    """Where the grader cannot run, no result of an earlier submission is left, and the script fails."""
    installed_in(platform / "venv")
    (platform / "results").mkdir()
    (platform / "results" / "results.json").write_text("{}", encoding="utf-8")
    path = platform / "source" / "options"
    path.unlink() if options is None else path.write_text(options, encoding="utf-8")

    done = run_autograder(platform)

    assert done.returncode not in (0, None)
    assert not (platform / "results" / "results.json").exists()


def test_setup_of_gradescope(platform: Path) -> None:
    """setup.sh takes a Python that is new enough, makes an environment, and installs what the grader needs."""
    tools = platform / "tools"
    tools.mkdir()
    fake = '#!/bin/sh\nif [ "$1" = -c ]; then exit {old}; fi\nmkdir -p "$3/bin"; cp "$0" "$3/bin/python"; echo "$@" >> {log}\n'
    for name, old in (("python3", 1), ("python3.14", 0)):
        (tools / name).write_text(fake.format(old=old, log=shlex.quote(str(platform / "log"))), encoding="utf-8")
        (tools / name).chmod(0o755)

    path = f"{tools}{os.pathsep}{os.environ['PATH']}"
    run(["bash", platform / "source" / "setup.sh"], cwd=platform, AUTOGRADER_ROOT=str(platform), PATH=path)

    made, installed = (platform / "log").read_text(encoding="utf-8").splitlines()
    assert made == f"-m venv {platform / 'venv'}"
    assert installed.endswith(f"--requirement {platform / 'source' / 'requirements.txt'}")
    needed = (platform / "source" / "requirements.txt").read_text(encoding="utf-8")
    assert {Requirement(line).name for line in needed.splitlines()} == {
        "click",
        "jinja2",
        "msgspec",
        "numpy",
        "pytest",
        "pytest-json-report",
    }


def test_what_a_package_holds(tmp_path: Path) -> None:
    """The scripts stand at its root and can be run, the solution is not inside, and it is the same each time."""
    rubric = ROOT / "grader" / "labs" / "xor" / "rubric.toml"

    packed = gradescope(["--lang", "en"], rubric=rubric)

    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        modes = {entry.filename: entry.external_attr >> 16 for entry in archive.infolist()}
        texts = [archive.read(name) for name in modes]
        options = archive.read("options").decode()
    assert packed == gradescope(["--lang", "en"], rubric=rubric)
    assert {name for name in modes if "/" not in name} == {
        "setup.sh",
        "run_autograder",
        "options",
        "requirements.txt",
        "rubric.toml",
    }
    assert {name for name, mode in modes.items() if mode & 0o111} == {"setup.sh", "run_autograder"}
    assert options == "--lang\nen\n--rubric\nrubric.toml\n"
    assert (ROOT / "reference" / "network.py").read_bytes() not in texts


@pytest.mark.parametrize(
    ("arguments", "code", "part"),
    [
        (["gradescope"], 2, "OUT.zip"),
        (["gradescope", "."], 2, "'.' is a folder."),
        (["gradescope", "no/such/folder.zip"], 2, "No such file"),
        (["gradescope", "out.zip", "--rubric", "none.toml"], 4, "none.toml"),
        (["gradescope", "out.zip", "--assignment", "none"], 2, "none is not the folder of an assignment"),
        (["moodle", "out.zip"], 2, "moodle"),
    ],
)
def test_usage_of_the_packer(arguments: list[str], code: int, part: str, tmp_path: Path) -> None:
    """What cannot be packed gets one sentence, and nothing is written."""
    done = run([PACKAGE, *arguments], cwd=tmp_path)

    assert done.code == code
    assert done.err.startswith("grade-package: ")
    assert part in done.err
    assert done.err.count("\n") == 1
    assert [*tmp_path.iterdir()] == []
