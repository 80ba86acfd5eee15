"""Other code in a file with a right network costs nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec import structs
from msgspec.structs import replace

from grader.core.language import report_in
from grader.pipeline.assignment import DEFAULT_LAB
from tests.support.command import PATIENT, graded
from tests.support.mutants import ARRAYS, LISTS, mutants
from tests.support.programs import AFTER, DEMO, crowd, in_block, joined, programs

Write = Callable[..., Path]
LIMITS = structs.replace(PATIENT, load_time_s=20)  # a statement has two seconds


def test_a_program_of_all_kinds(write: Write) -> None:
    """A program with everything that fails, is missing or ends it has full marks; failures are reported with their line."""
    text = crowd()
    report = graded(write(text), seed=1, limits=LIMITS)

    line = text.splitlines().index("data = np.genfromtxt('xor.csv', delimiter=',')") + 1
    told = [note.text for note in report.notes]
    assert report.score == 100
    assert (
        f"network.py, line {line}: your program stopped here: FileNotFoundError: xor.csv not found. The run continued after it."
        in told
    )
    assert any(note.startswith("Other statements of your program that failed: ") for note in told)


RENAMING = ("objects_for_classes", "loops_over_names", "numbers_for_functions", "trace", "profile")


@pytest.mark.parametrize("base", [ARRAYS, pytest.param(LISTS, marks=pytest.mark.wide)])
def test_names_that_a_demo_rebinds(base: str, write: Write) -> None:
    """What functions call is what it was before a demo made a number or an object of its name; what they only read stays."""
    kept = "limit = max\nlimit = 3\nclass Other:\n    def below(self, n): return n < limit\n"
    told = "if not Other().below(2): raise SystemExit"
    text = joined(base, "", "\n".join([kept, DEMO, *(AFTER[name] for name in RENAMING), told]))

    report = graded(write(text), seed=1, limits=LIMITS)

    assert (report.score, [note.text for note in report.notes if "SystemExit" in note.text]) == (100, [])


def test_a_block_that_holds_the_program(write: Write) -> None:
    """If a statement in it ends the process, only that one is skipped and reported."""
    text = in_block("if")
    line = text.splitlines().index("    import os") + 2

    report = graded(write(text), seed=1, limits=LIMITS)

    assert report.score == 100
    assert [note.text for note in report.notes if "skipped" in note.text] == [
        f"network.py, line {line}: this ended the Python process (exit code 1) and was skipped. The run continued after it."
    ]


@pytest.mark.wide
@pytest.mark.parametrize("name", programs())
def test_a_right_network_beside(name: str, write: Write) -> None:
    """Each program has full marks."""
    assert graded(write(programs()[name]), seed=2, limits=LIMITS).score == 100


def test_a_watched_program(write: Write) -> None:
    """Where a training is watched, a statement that ends the process or never ends is left out of it, and costs nothing."""
    assert graded(write(programs()["watched: crash_before"]), seed=3, limits=LIMITS).score == 100


@pytest.mark.parametrize(("name", "sentence"), [
    ("exit", "network.py, line {line}: your program exits here. The run continued after it."),
    ("os_exit", "network.py, line {line}: this ended the Python process (exit code 0) and was skipped. The run continued after it."),
    ("endless", "network.py, line {line}: this had not finished after 0.5 s of processor time (a long computation or an endless loop) and was skipped. The run continued after it."),
    ("pandas", "network.py, line {line}: pandas is not installed here and was not submitted. Only code that uses it is not graded."),
    ("forbidden_call", "network.py, line {line}: this made a system call that is not allowed during grading and was skipped. The run continued after it."),
])  # fmt: skip
def test_remarks_about_statements(name: str, sentence: str, write: Write) -> None:
    """The remark has file, line and problem, in both languages."""
    text = joined(LISTS, "", DEMO + AFTER[name])
    last = (
        len(text.splitlines())
        - AFTER[name].count("\n")
        + ("import ctypes\n" in AFTER[name] or "import os\n" in AFTER[name])
    )
    report = graded(write(text), seed=1, limits=structs.replace(LIMITS, load_time_s=5))

    assert [note.text for note in report.notes][-1] == sentence.format(line=last)
    assert "network.py, строка" in report_in(report, "ru", DEFAULT_LAB, {}).notes[-1].text


def test_what_uses_a_missing_package_is_not_graded(write: Write) -> None:
    """A graded call that needs one is not gradable, with the package's name; a class that needs one is reported too."""
    needs = ARRAYS.replace("np.exp(", "scipy.special.exp(", 1)
    called = graded(write("import scipy.special\n" + needs), seed=1)
    defined = graded(
        write("import pandas as pd\n" + ARRAYS.replace("class Neuron:", "class Neuron(pd.Series):")), seed=1
    )

    assert (called.status.value, called.score) == ("not_gradable", None)
    assert "scipy" in str(called.reason)
    assert (defined.status.value, defined.score) == ("not_gradable", None)
    assert "pandas" in str(defined.reason)


def test_a_class_that_fails_is_explained(write: Write) -> None:
    """If a class is missing because its statement failed, the report says that, not that its name is wrong."""
    report = graded(write(ARRAYS.replace("class Model:", "class Model:\n    size = UNKNOWN")), seed=1)

    told = [
        case.feedback.text for criterion in report.criteria for case in criterion.cases if case.feedback is not None
    ]
    assert any(text.startswith("Model is not defined. Your program raised NameError: name 'UNKNOWN'") for text in told)
    assert not any("has no Model" in text for text in told)


@pytest.mark.soak
def test_printed_warnings_name_no_file_of_the_grader(write: Write) -> None:
    """If the numbers of a training overflow, the output of a case has warnings about lines of the submission only."""
    report = graded(write(mutants()["linear_activation"].text(0.3)), seed=5)

    printed = [case.stdout for criterion in report.criteria for case in criterion.cases]
    assert any("network.py:33: RuntimeWarning: overflow" in text for text in printed)
    assert not any("calls.py" in text for text in printed)


@pytest.mark.wide
def test_a_watched_training_stops_by_counted_work(write: Write) -> None:
    """The same seed gives the same report, except for times: no clock decides what is seen."""
    path = write(programs()["watched: hangs_after"])
    first, second = (graded(path, seed=5, limits=LIMITS) for _ in range(2))

    assert first.submission.route == "observed"
    assert replace(first, timing=second.timing) == second
