"""The benchmark's arithmetic and page, fed with numbers, and how it measures."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.bench.__main__ import RIGHT, right_submission
from tests.bench.measure import FailedError, Job, Run, measure, tail
from tests.bench.page import Goal, Row, goals, goals_table, page, tools_table
from tests.bench.tools import PEERS, ROLES, TOOLS, requirements, write_submissions
from tests.support.command import ENVIRONMENT, ROOT

SIZES = (1, 20, 200, 2000)


def row(name: str, walls: dict[int, float], mib: dict[int, float] | None = None) -> Row:
    """Return a row whose runs took these times, a little less and much more, and this memory."""
    timed = {
        size: [Run(wall_s=wall + shift, cpu_s=2 * wall, largest_mib=30) for shift in (-0.1, 0, 3)]
        for size, wall in walls.items()
    }
    sampled = {size: Run(wall_s=0, cpu_s=0, largest_mib=50, tree_mib=peak) for size, peak in (mib or {}).items()}
    return Row(name=name, version="1.0", training="none", isolation="none", timed=timed, sampled=sampled)


def rows(class_s: dict[int, float] | None = None) -> dict[str, Row]:
    """Return a row for each tool with a role in the goals."""
    walls = {
        "plain": {1: 0.5, 20: 10.0},
        "plain_two": {20: 5.0},
        "nbgrader": {1: 3.0, 20: 41.0},
        "otter": {1: 4.0, 20: 80.0},
        "one": {1: 0.4, 20: 8.0},
        "many": class_s or {1: 0.5, 20: 0.9, 200: 4.5, 2000: 41.4},
    }
    memories = {"many": {200: 300.0, 2000: 324.0}}
    return {ROLES[role]: row(ROLES[role], walls[role], memories.get(role)) for role in ROLES}


def verdicts(found: list[Goal]) -> list[bool | None]:
    """Return which goals are met."""
    return [goal.is_met for goal in found]


def test_median_and_further() -> None:
    """A time is the median of its runs; a further submission is the difference of two of them."""
    plain = rows()[ROLES["plain"]]

    assert (plain.wall_s(1), plain.cpu_s(20), plain.wall_s(200)) == (0.5, 20.0, None)
    assert plain.further_s(1, 20) == pytest.approx(0.5)
    assert plain.scaled_s(200) == pytest.approx(100)


def test_scaled_without_a_single_run() -> None:
    """Where one submission was not measured, each of twenty costs a twentieth."""
    assert rows()[ROLES["plain_two"]].scaled_s(200) == pytest.approx(50)


def test_scaled_spares_the_start() -> None:
    """What a tool needs once is not multiplied."""
    assert rows()[ROLES["nbgrader"]].scaled_s(200) == pytest.approx(41 + 180 * 2)


def test_memory() -> None:
    """All processes are sampled once, the largest one is that of all runs."""
    many = rows()[ROLES["many"]]

    assert (many.tree_mib(200), many.largest_mib(200), many.largest_mib(20)) == (300, 50, 30)


def test_goals() -> None:
    """Goals are met or not as the numbers say."""
    found = goals(rows(), ROLES)

    assert [goal.measured for goal in found] == ["0.80", "22.2", "11.1", "89.1", "177.8", "1.02", "1.08"]
    assert verdicts(found) == [True] * 7


def test_goals_that_are_missed() -> None:
    """A slow class that grows with its size meets none of its goals."""
    assert verdicts(goals(rows({20: 3.0, 200: 30.0, 2000: 600.0}), ROLES)) == [True, *[False] * 5, True]


def test_goals_that_are_not_measured() -> None:
    """Without a class nothing is said of its goals."""
    found = rows()
    found[ROLES["many"]] = Row(name=ROLES["many"], reason="no such command")

    assert verdicts(goals(found, ROLES)) == [True, *[None] * 6]
    assert goals_table(goals(found, ROLES)).count("| - | not measured |") == 6


def test_a_tool_that_is_not_shown() -> None:
    """A tool that does not run stands in the table with the reason, in as many cells as the others."""
    found = [*rows().values(), Row(name="another", reason="pip did not install it")]
    lines = tools_table(found, ROLES["plain"]).splitlines()

    assert lines[-1].startswith("| another | - | not shown: pip did not install it | - |")
    assert {line.count("|") for line in lines} == {12}
    assert f"| {ROLES['plain']} | 1.0 | 0.500 | 1.00 | 10.00 | 1.00 | 500 | 20.00 | - / 30 |" in "\n".join(lines)


def test_ratios_without_plain_pytest() -> None:
    """Where plain pytest does not run, there are no ratios."""
    found = rows()
    found[ROLES["plain"]] = replace(found[ROLES["plain"]], reason="it ended with exit code 1", timed={})

    assert f"| {ROLES['one']} | 1.0 | 0.400 | - | 8.00 | - |" in tools_table([*found.values()], ROLES["plain"])


def test_page() -> None:
    """The page has a line for each size of a class, and what it was told of the machine."""
    text = page([*rows().values()], ROLES, SIZES, machine=["2 cores"], sandbox=["a call: 0.1 ms"])

    assert "\n- 2 cores\n" in text
    assert "| 200 | 4.50 | 4.40 to 7.50 | 20.0 | 9.00 | 300 | 50 |" in text
    assert "| 2,000 | 41.40 | 41.30 to 44.40 | 20.5 | 82.80 | 324 | 50 |" in text
    assert text.endswith("- a call: 0.1 ms\n")


def test_measure(tmp_path: Path) -> None:
    """Jobs run where they should, their output is kept, and their processor time and memory are counted."""
    code = "import os; b = bytearray(64 * 2**20); n = sum(range(2 * 10**6)); print(os.getcwd())"
    run = measure(
        [Job(argv=(sys.executable, "-c", code), cwd=tmp_path)] * 2, ENVIRONMENT, tmp_path / "log", at_a_time=2
    )

    assert tail(tmp_path / "log").split() == [str(tmp_path)] * 2
    assert run.largest_mib > 64
    assert run.cpu_s > 0.02
    assert run.tree_mib is None


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a process adopt orphans")
def test_orphans_count(tmp_path: Path) -> None:
    """The processor time and memory of a process that a job left behind are counted."""
    orphan = "import time; b = bytearray(64 * 2**20); n = sum(range(2 * 10**6)); time.sleep(0.1)"
    job = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {orphan!r}], start_new_session=True)"
    code = f"""if True:
        import os, sys; from pathlib import Path; from tests.bench.measure import Job, adopt_orphans, measure
        adopt_orphans()
        print(measure([Job(argv=(sys.executable, "-c", {job!r}), cwd=Path.cwd())], os.environ, Path("log")).largest_mib)
    """
    environment = {**ENVIRONMENT, "PYTHONPATH": str(ROOT)}
    ran = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, check=True, capture_output=True)

    assert float(ran.stdout) > 64


def test_measure_refuses_a_failure(tmp_path: Path) -> None:
    """A command that fails is no measurement."""
    with pytest.raises(FailedError, match="exit code 3"):
        measure([Job(argv=(sys.executable, "-c", "exit(3)"), cwd=tmp_path)], ENVIRONMENT, tmp_path / "log")


def test_tools() -> None:
    """Names are unique, those with a role exist, and each peer says what pip installs."""
    names = [tool.name for tool in TOOLS]

    assert len(set(names)) == len(names)
    assert set(ROLES.values()) <= set(names)
    assert all(requirements(tool.home) for tool in TOOLS if tool.home)
    assert {path.name for path in PEERS.iterdir()} - {"__pycache__"} == {"shared"} | {
        tool.home for tool in TOOLS if tool.home
    }


def test_environments_are_alike() -> None:
    """All tools run with the same variables but for the path and the epochs."""
    environments = [tool.environment() for tool in TOOLS]
    alike = [{name: text for name, text in found.items() if name not in ("PATH", "EPOCHS")} for found in environments]

    assert all(found == alike[0] for found in alike)
    assert "PYTHONDONTWRITEBYTECODE" not in alike[0]


def test_submission(tmp_path: Path) -> None:
    """The submission is the reference without what it runs as a script."""
    write_submissions(tmp_path, [right_submission()] * 2)

    assert "__main__" not in right_submission()
    assert right_submission().count(RIGHT) == 1
    assert len(list(tmp_path.glob("submissions/*/network.py"))) == 2
