"""The graders that are measured: where each lives, how it is called, and what it says in the end."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.measure import Job
from tests.support.command import ENVIRONMENT, GRADE, ROOT

PEERS = ROOT / "tests" / "peers"
HOMES = ROOT / ".bench"  # a virtual environment for each peer, and what it is set up with
COURSE = HOMES / "nbgrader-course"
AUTOGRADER = HOMES / "otter-autograder.zip"
GRADE_CLASS = GRADE.with_name("grade-class")

CHECKS = 8
TRAINING_EPOCHS = 3000
SHORT_EPOCHS = 300
IN_THE_TEST = f"{TRAINING_EPOCHS} epochs, in a test"


@dataclass(frozen=True, kw_only=True, slots=True)
class Tool:
    """One row of the table.

    home is its folder in .bench, None for ours; jobs tells how submissions are graded in a folder that
    write_submissions and lay_out made; full_marks counts those that it then says are right. needs is
    a command of this checkout that it cannot be measured without.
    """

    name: str
    home: str | None
    sizes: tuple[int, ...]
    training: str
    isolation: Callable[[Path], str]
    jobs: Callable[[Path], list[Job]]
    full_marks: Callable[[Path], int]
    lay_out: Callable[[Path], None] | None = None
    needs: Path | None = None
    at_a_time: int = 1
    epochs: int = TRAINING_EPOCHS
    is_slow: bool = False

    def python(self) -> str:
        """Return the interpreter of its environment."""
        return str(HOMES / self.home / "bin" / "python") if self.home else sys.executable

    def environment(self) -> dict[str, str]:
        """Return the environment variables of its runs: the same for all but for the path and the epochs."""
        kept = {name: value for name, value in ENVIRONMENT.items() if not name.startswith("PYTHON")}
        return {
            **kept,
            "PATH": f"{Path(self.python()).parent}:{ENVIRONMENT['PATH']}",
            "HOME": str(HOMES / "home"),
            "OPENBLAS_NUM_THREADS": "1",
            "PYTHONPATH": str(PEERS / "shared"),
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "SUBMISSION": "network.py",
            "EPOCHS": str(self.epochs),
        }


def requirements(home: str) -> list[str]:
    """Return the packages of a peer, its own first."""
    return (PEERS / home / "requirements.txt").read_text(encoding="utf-8").split()


def install(home: str) -> str | None:
    """Create a peer's environment where it is not there as wanted; return why that cannot be."""
    place, wanted = HOMES / home, "\n".join(requirements(home))
    ready = place / ".ready"
    if ready.exists() and ready.read_text(encoding="utf-8").split() == wanted.split():
        return None
    pip = [
        str(place / "bin" / "python"),
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        *wanted.split(),
    ]
    for command in ([sys.executable, "-m", "venv", "--clear", str(place)], pip):
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode:
            sys.stderr.write(done.stderr[-2_000:])
            return "pip did not install it"
    ready.write_text(wanted, encoding="utf-8")
    return None


def set_up(tool: Tool) -> str | None:
    """Make a tool ready; return why that cannot be."""
    if tool.needs is not None and not tool.needs.exists():
        return f"this checkout has no command {tool.needs.name}"
    if tool.home is None:
        return None
    (HOMES / "home").mkdir(parents=True, exist_ok=True)
    reason = install(tool.home)
    once = {"nbgrader": prepare_course, "otter": prepare_autograder}.get(tool.home)
    if reason is None and once is not None:
        done = once(tool)
        if done.returncode:
            sys.stderr.write(done.stderr[-2_000:])
            return "its assignment could not be generated"
    return reason


def versions(tool: Tool) -> str:
    """Return the versions of a tool's packages, without what it only needs."""
    names = requirements(tool.home) if tool.home else ["xor-lab-grader"]
    names = [name for name in names if name not in ("numpy", "ipykernel")]
    code = "import sys; from importlib.metadata import version; print(*map(version, sys.argv[1:]))"
    done = subprocess.run([tool.python(), "-c", code, *names], check=True, capture_output=True, text=True)
    return " + ".join(done.stdout.split())


def write_submissions(folder: Path, texts: Sequence[str]) -> None:
    """Write each text as submissions/sNNNN/network.py."""
    for number, text in enumerate(texts, 1):
        submission = folder / "submissions" / f"s{number:04}"
        submission.mkdir(parents=True)
        (submission / "network.py").write_text(text, encoding="utf-8")


def submissions(folder: Path) -> list[Path]:
    """Return the folders of the submissions."""
    return sorted((folder / "submissions").iterdir())


def loop(*argv: str | Path) -> Callable[[Path], list[Job]]:
    """Return how to call a command for each submission, in its folder."""
    return lambda folder: [Job(argv=tuple(map(str, argv)), cwd=submission) for submission in submissions(folder)]


def always(text: str) -> Callable[[Path], str]:
    """Return text whatever a run left behind."""
    return lambda _: text


def reading(name: str, is_full: Callable[[Any], bool]) -> Callable[[Path], int]:
    """Return how to count the submissions whose JSON file of that name says that all is right."""

    def count(folder: Path) -> int:
        files = [submission / name for submission in submissions(folder)]
        return sum(is_full(json.loads(file.read_text(encoding="utf-8"))) for file in files if file.exists())

    return count


def plain(name: str, sizes: tuple[int, ...], **others: Any) -> Tool:
    """Return plain pytest with pytest-json-report, without other plugins."""
    checks = PEERS / "plain"
    return Tool(
        name=name,
        home="plain",
        sizes=sizes,
        isolation=always("none"),
        jobs=loop(
            *(HOMES / "plain" / "bin" / "python", "-m", "pytest", "-q", "-p", "no:cacheprovider"),
            *("-p", "pytest_jsonreport.plugin", "-p", "pytest_metadata.plugin"),
            *("--json-report", "--json-report-file=results.json"),
            *("-c", os.devnull, "--rootdir", checks, "--confcutdir", checks, checks / "plain_checks.py"),
        ),
        full_marks=reading("results.json", lambda found: found["summary"].get("passed") == CHECKS),
        **{"training": IN_THE_TEST, **others},
    )


def prepare_course(tool: Tool) -> subprocess.CompletedProcess[str]:
    """Make nbgrader's course folder with its gradebook."""
    shutil.rmtree(COURSE, ignore_errors=True)
    shutil.copytree(PEERS / "nbgrader", COURSE)
    command = [str(HOMES / "nbgrader" / "bin" / "nbgrader"), "generate_assignment", "xor"]
    return subprocess.run(command, cwd=COURSE, env=tool.environment(), check=False, capture_output=True, text=True)


def lay_out_course(folder: Path) -> None:
    """Copy the course and hand in a notebook for each submission: its text in the first cell."""
    shutil.copytree(COURSE, folder / "course")
    notebook = json.loads((COURSE / "release" / "xor" / "lab.ipynb").read_text(encoding="utf-8"))
    for submission in submissions(folder):
        notebook["cells"][0]["source"] = (submission / "network.py").read_text(encoding="utf-8")
        place = folder / "course" / "submitted" / submission.name / "xor"
        place.mkdir(parents=True)
        (place / "lab.ipynb").write_text(json.dumps(notebook), encoding="utf-8")


def course_marks(folder: Path) -> int:
    """Count the notebooks that have all points in the gradebook."""
    query = "select sum(auto_score) from grade group by notebook_id"
    with closing(sqlite3.connect(folder / "course" / "gradebook.db")) as gradebook:
        return sum(points == CHECKS for (points,) in gradebook.execute(query))


def prepare_autograder(tool: Tool) -> subprocess.CompletedProcess[str]:
    """Make otter's zip."""
    otter = str(HOMES / "otter" / "bin" / "otter")
    alone = ("--no-config", "--no-requirements", "--no-environment")
    command = [otter, "generate", "--tests-dir", "tests", "--output-path", str(AUTOGRADER), *alone]
    cwd = PEERS / "otter"
    return subprocess.run(command, cwd=cwd, env=tool.environment(), check=False, capture_output=True, text=True)


def level(pattern: str) -> Callable[[Path], str]:
    """Return how to read the level of the sandbox from our reports."""

    def read(folder: Path) -> str:
        levels = {report["sandbox"]["level"] for report in our_reports(folder, pattern)}
        return f"sandbox: {', '.join(sorted(levels))}"

    return read


def our_reports(folder: Path, pattern: str) -> list[Any]:
    """Return our JSON reports in a folder."""
    read = [json.loads(file.read_text(encoding="utf-8")) for file in folder.glob(pattern)]
    return [found for found in read if isinstance(found, dict) and "sandbox" in found and "max_score" in found]


def our_marks(pattern: str) -> Callable[[Path], int]:
    """Return how to count our reports with all points."""
    return lambda folder: sum(report["score"] == report["max_score"] for report in our_reports(folder, pattern))


PLAIN = "plain pytest + pytest-json-report"
PLAIN_TWO = "the same, two processes at a time"
NBGRADER = "nbgrader autograde"
OTTER = "otter run"
OURS = "grade"
OURS_CLASS = "grade-class --jobs 2"
SET_START = "some 300 epochs from a set start, in the worker"
IN_LOOP, IN_CLASS = "submissions/*/grade-report.json", "out/**/*.json"

TOOLS = (
    plain(PLAIN, (1, 20)),
    plain(PLAIN_TWO, (20,), at_a_time=2),
    plain("the same, a tenth of the training", (1, 20), epochs=SHORT_EPOCHS, training=f"{SHORT_EPOCHS} epochs, in a test"),
    Tool(
        name="gradescope-utils",
        home="gradescope",
        sizes=(1, 20),
        training=IN_THE_TEST,
        isolation=always("none"),
        jobs=loop(HOMES / "gradescope" / "bin" / "python", PEERS / "gradescope" / "run_tests.py"),
        full_marks=reading(
            "results.json", lambda found: [test["status"] for test in found["tests"]] == ["passed"] * CHECKS
        ),
    ),
    Tool(
        name="check50 --dev",
        home="check50",
        sizes=(1, 20),
        training=IN_THE_TEST,
        isolation=always("a pool of processes, each shared by the checks and the submission"),
        jobs=loop(
            HOMES / "check50" / "bin" / "check50", "--dev", PEERS / "check50", "-o", "json", "--output-file", "results.json"
        ),
        full_marks=reading(
            "results.json", lambda found: [check["passed"] for check in found["results"]] == [True] * CHECKS
        ),
    ),
    Tool(
        name=NBGRADER,
        home="nbgrader",
        sizes=(1, 20),
        training=IN_THE_TEST,
        isolation=always("a kernel shared by the tests and the submission"),
        jobs=lambda folder: [
            Job(argv=(str(HOMES / "nbgrader" / "bin" / "nbgrader"), "autograde", "xor"), cwd=folder / "course")
        ],
        full_marks=course_marks,
        lay_out=lay_out_course,
        is_slow=True,
    ),
    Tool(
        name=OTTER,
        home="otter",
        sizes=(1, 20),
        training=IN_THE_TEST,
        isolation=always("none without Docker: the submission's kernel pickles the results"),
        jobs=loop(HOMES / "otter" / "bin" / "otter", "run", "network.py", "-a", AUTOGRADER, "-o", ".", "--no-logo"),
        full_marks=reading(
            "results.json", lambda found: any(test.get("score") == CHECKS for test in found["tests"])
        ),
        is_slow=True,
    ),
    Tool(
        name=OURS,
        home=None,
        sizes=(1, 20),
        training=SET_START,
        isolation=level(IN_LOOP),
        jobs=loop(GRADE, "network.py"),
        full_marks=our_marks(IN_LOOP),
    ),
    Tool(
        name=OURS_CLASS,
        home=None,
        sizes=(1, 20, 200, 2000),
        training=SET_START,
        isolation=level(IN_CLASS),
        jobs=lambda folder: [Job(argv=(str(GRADE_CLASS), "submissions", "--out", "out", "--jobs", "2"), cwd=folder)],
        full_marks=our_marks(IN_CLASS),
        needs=GRADE_CLASS,
    ),
)  # fmt: skip

ROLES = {  # in the goals
    "plain": PLAIN,
    "plain_two": PLAIN_TWO,
    "nbgrader": NBGRADER,
    "otter": OTTER,
    "one": OURS,
    "many": OURS_CLASS,
}
