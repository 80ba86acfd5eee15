"""The seam between harness and lab: what a lab's folder may bring, and whose fault it is when a part of it fails."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from grader.core.errors import BrokenGrader
from grader.core.report import Status
from grader.pipeline import grading
from grader.pipeline.assignment import DEFAULT_LAB
from grader.pipeline.budget import Budget
from grader.pipeline.grading import assignment
from grader.pipeline.grading import grade as grade_here
from tests.support.command import ROOT, grade, warm_sandbox
from tests.support.labs import graded, lab, verdicts

RIGHT = """
class Line:
    def __init__(self, slope):
        self.slope = slope

    def at(self, x):
        return self.slope * x

def double(x):
    return 2 * x
"""
SUITE = """
    import pytest
    from grader.lab import Student, unmet
    from ..formulas import twice

    @pytest.mark.criterion("work")
    def test_double(student: Student, doubled):
        '''double returns 2 x.'''
        if doubled != twice(3):
            raise unmet("double does not return 2 x.")

    @pytest.mark.criterion("work")
    def test_again(doubled):
        '''It still does.'''
        if doubled != 6:
            raise unmet("double does not return 2 x.")

    @pytest.mark.criterion("work")
    def test_line(student: Student):
        '''A line goes through many points.'''
        line = student.new("Line", 3)
        answer = student.operate("points", line, named="Line.at", xs=[1, 2, 5]).array(3)
        if answer.tolist() != [3, 6, 15]:
            raise unmet("at is not slope x.")
"""
CONFTEST = """
    import pytest

    @pytest.fixture(scope="session")
    def doubled(student):
        return student.run("double", 3).value
"""
CASES = {"work.double": 2, "work.again": 1, "work.line": 3}


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """Return a lab with a fixture, a module and an operation of its own, in a folder named like a module of Python."""
    return lab(
        tmp_path / "statistics",
        SUITE,
        CASES,
        suite__conftest=CONFTEST,
        formulas="def twice(x):\n    return 2 * x\n",
        confined="def points(objects, line, *, xs):\n    return [line.at(x) for x in xs]\n\nOPERATIONS = (points,)\n",
    )


def test_a_lab_brings_fixtures_modules_and_operations(small: Path) -> None:
    """They are found by the lab's folder, and a session fixture is made anew for each submission."""
    reports = graded(small, RIGHT, RIGHT.replace("2 * x", "x + x + 1"), RIGHT)

    assert [report.score for report in reports] == [6, 3, 6]
    assert verdicts(reports[1]) == {"work.double": "failed", "work.again": "failed", "work.line": "passed"}


@pytest.mark.parametrize(
    ("body", "verdict"),
    [("raise ValueError('no')", "error"), ("while True: pass", "timeout")],
    ids=["raises", "hangs"],
)
def test_a_fault_in_a_fixture(body: str, verdict: str, small: Path) -> None:
    """It costs the case that asked first, and blocks the later ones that need the same fixture."""
    (report,) = graded(small, RIGHT.replace("return 2 * x", body))

    assert (report.status, report.score) == (Status.GRADED, 3)
    assert verdicts(report) == {"work.double": verdict, "work.again": "blocked", "work.line": "passed"}


def test_a_fault_in_an_operation(small: Path) -> None:
    """What the student's code raises inside one is the student's; what the operation itself raises is not gradable."""
    theirs, ours = graded(
        small,
        RIGHT.replace("return self.slope * x", "return [][1]"),
        RIGHT.replace("def at(self, x):", "at = 5\n    def other(self, x):"),
    )

    assert verdicts(theirs)["work.line"] == "error"
    assert verdicts(ours)["work.line"] == "not_gradable"
    assert ours.status is Status.NOT_GRADABLE


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('operate("points"', 'operate("point"', "line 22 broke: LookupError"),
        (
            "from ..formulas import twice",
            "from ..formulas import thrice",
            "line 4: it cannot be collected: ImportError",
        ),
    ],
    ids=["no_such_operation", "no_such_name"],
)
def test_a_mistake_in_a_suite(old: str, new: str, sentence: str, small: Path) -> None:
    """It is the lecturer's: no score, with file and line."""
    suite = small / "suite" / "test_work.py"
    suite.write_text(suite.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")

    (report,) = graded(small, RIGHT)

    assert (report.status, report.score) == (Status.GRADER_ERROR, None)
    assert report.reason is not None
    assert "test_work.py" in report.reason.text
    assert sentence in report.reason.text


@pytest.mark.parametrize("place", ["suite/conftest.py", "suite/test_work.py"])
def test_the_grader_s_fixtures_are_its_own(place: str, small: Path) -> None:
    """A lab that redefines `student` is broken, wherever it does so."""
    path = small / place
    fixture = "\n\n@pytest.fixture(scope='session')\ndef student():\n    return 7\n"
    text = path.read_text(encoding="utf-8")
    path.write_text(text + fixture, encoding="utf-8")

    (report,) = graded(small, RIGHT)

    assert report.status is Status.GRADER_ERROR
    assert report.reason is not None
    line = text.count("\n") + 3
    assert f"{path.name}, line {line}: the lab redefines the fixture student" in report.reason.text


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("hooks.py", "def beter(first, other):\n    return first\n", "hooks.py is not valid: beter is not a hook."),
        ("hooks.py", "def better(\n", "hooks.py is not valid: "),
        ("confined.py", "x = 1\n", "confined.py is not valid: it has no OPERATIONS, a tuple of functions."),
        ("confined.py", "import no_such_module\n", "confined.py is not valid: No module named 'no_such_module'."),
    ],
)
def test_a_broken_part_of_a_lab(name: str, text: str, sentence: str, small: Path) -> None:
    """It is refused when the lab is read, before any submission."""
    (small / name).write_text(text, encoding="utf-8")

    with pytest.raises(BrokenGrader) as broken:
        assignment(small)

    assert sentence in str(broken.value)


def test_a_lab_chooses_between_two_suites(tmp_path: Path) -> None:
    """hooks.py names another suite where the first does not fit, and says which of the two counts."""
    folder = lab(
        tmp_path / "Lab 3",
        """
        import pytest

        @pytest.mark.criterion("work")
        def test_double(student):
            assert student.run("double", 3).number() == 6
        """,
        {"work.double": 1},
        hooks="def other_suite(run):\n    return None if run.has_passed('work.double') else 'suite_twice'\n",
        suite_twice__test_work="""
        import pytest
        from grader.lab import unmet

        @pytest.mark.criterion("work")
        def test_double(student):
            if student.run("twice", 3).number() != 6:
                raise unmet("Neither double nor twice returns 2 x.")
        """,
    )

    first, other = graded(folder, RIGHT, "def twice(x):\n    return x + x\n")

    assert (first.score, first.submission.route) == (1, "contract")
    assert (other.score, other.submission.route) == (1, "observed")


def test_a_second_suite_that_breaks(tmp_path: Path) -> None:
    """The first suite's grade stays, and a note names the suite that broke, and where."""
    folder = lab(
        tmp_path / "Lab 4",
        """
        from grader.lab import case, unmet

        @case("work")
        def test_double(student):
            if student.run("double", 3).number() != 6:
                raise unmet("double does not double.")
        """,
        {"work.double": 1},
        hooks="def other_suite(run):\n    return 'suite_twice'\n",
        suite_twice__test_work="""
        from grader.lab import case

        @case("work")
        def test_double(student):
            1 / 0
        """,
    )

    (report,) = graded(folder, "def double(x):\n    return 3 * x\n")

    assert (report.status, report.score) == (Status.GRADED, 0)
    assert any("suite_twice failed" in note.text and "ZeroDivisionError" in note.text for note in report.notes)


LOOPS = """
def work_on():
    for number in iter(int, 1):
        hash(number)
"""
# Which part of a lab computes without end: its files, and what the report says.
ENDLESS = {
    "case": ({"suite": "work_on()"}, "not_gradable"),
    "fixture": ({"fixture": "work_on()"}, "not_gradable"),
    "the end of a fixture": ({"fixture": "yield\n        work_on()"}, "graded"),
    "other_suite": ({"hooks": "def other_suite(run):\n    work_on()\n"}, "not_gradable"),
    "figures": ({"hooks": "def figures(run):\n    work_on()\n"}, "graded"),
}


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(
    "part", ["case", "figures", *(pytest.param(item, marks=pytest.mark.soak) for item in ENDLESS if item not in ("case", "figures"))]
)  # fmt: skip
def test_a_lab_that_computes_without_end(part: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cases, fixtures and hooks of any lab share the processor time of one submission."""
    monkeypatch.setattr(grading, "Budget", lambda: Budget(0.3))
    places, status = ENDLESS[part]
    folder = lab(
        tmp_path / "lab",
        f"""
        import pytest
        from ..loops import work_on

        @pytest.mark.criterion("work")
        def test_double(student, doubled):
            {places.get("suite", "pass")}
        """,
        {"work.double": 1},
        loops=LOOPS,
        hooks=f"from .loops import work_on\n\n{places.get('hooks', '')}",
        suite__conftest=f"import pytest\nfrom ..loops import work_on\n\n@pytest.fixture\ndef doubled():\n        {places.get('fixture', 'pass')}\n",
    )

    (report,) = graded(folder, RIGHT)

    assert report.status.value == status
    said = [*(note.text for note in report.notes), report.reason.text if report.reason else ""]
    assert any("too long" in item for item in said) or part == "the end of a fixture"


def test_a_case_that_the_second_suite_has_not(tmp_path: Path) -> None:
    """A new case of one function and one line of rubric: by the first route it is graded, by the second not gradable."""
    copied = shutil.copytree(DEFAULT_LAB, tmp_path / "xor", ignore=shutil.ignore_patterns("__pycache__"))
    suite, rubric = copied / "suite" / "test_2_forward.py", copied / "rubric.toml"
    bounded = '''

def test_bounded(network: Network) -> None:
    """The network answers between 0 and 1."""
    if not (0 < network.answers.actual).all():
        raise unmet("An answer is not above 0.")
'''
    suite.write_text(suite.read_text(encoding="utf-8") + bounded, encoding="utf-8")
    text = rubric.read_text(encoding="utf-8")
    old = '{ id = "model", points = 8,'
    assert old in text
    rubric.write_text(
        text.replace(old, '{ id = "bounded", points = 2 },\n    { id = "model", points = 6,'), encoding="utf-8"
    )
    lab_read = assignment(copied)

    template = grade_here(ROOT / "tests" / "submissions" / "style_columns", lab_read, seed=1, sandbox=warm_sandbox())
    free = grade_here(ROOT / "tests" / "freeform" / "right_layers_rows.py", lab_read, seed=1, sandbox=warm_sandbox())

    assert (template.status, template.score) == (Status.GRADED, 100)
    assert free.status is Status.NOT_GRADABLE
    assert free.reason is not None
    assert free.reason.text.startswith("This case can only be checked through the template's calls")


def test_a_copy_of_a_lab_grades_by_the_copy(tmp_path: Path) -> None:
    """No module of the installed lab takes part in it."""
    copied = shutil.copytree(DEFAULT_LAB, tmp_path / "xor", ignore=shutil.ignore_patterns("__pycache__"))
    oracle = copied / "oracle.py"
    text = oracle.read_text(encoding="utf-8")
    assert "XOR_LABELS = np.array([0.0, 1.0, 1.0, 0.0])" in text
    oracle.write_text(
        text.replace("np.array([0.0, 1.0, 1.0, 0.0])", "np.array([0.0, 1.0, 1.0, 1.0])"), encoding="utf-8"
    )
    (tmp_path / "work").mkdir()
    shutil.copy(ROOT / "reference" / "network.py", tmp_path / "work")

    ran = grade("work", "--assignment", copied, "--seed", "1", cwd=tmp_path)

    (xor,) = (item for item in ran.report["criteria"] if item["id"] == "xor")
    shown = [case for case in xor["cases"] if case["id"] == "convergence"]
    assert "1.0, 1.0, 1.0" in json.dumps(shown)


LOADED = """
import json, os, sys
from pathlib import Path
from grader.pipeline.grading import assignment, grade
report = grade(Path(sys.argv[1]), assignment(Path(sys.argv[2])), seed=1)
print(json.dumps([report.score, [str(getattr(one, "__file__", "")) for one in list(sys.modules.values())]]))
"""


def test_another_lab_loads_nothing_of_xor(tmp_path: Path) -> None:
    """A process that grades tests/support/gates has no module of grader/labs."""
    source = tmp_path / "neuron.py"
    source.write_text(
        textwrap.dedent(
            """
            import numpy as np

            class Neuron:
                def __init__(self, n_inputs):
                    self.weights, self.bias = np.zeros(n_inputs), 0.0

                def forward(self, x):
                    self.y = 1 / (1 + np.exp(-(self.weights @ x + self.bias)))
                    return self.y

                def backward(self, x, err):
                    delta = err * self.y * (1 - self.y)
                    self.weights, self.bias = self.weights + delta * x, self.bias + delta
            """
        ),
        encoding="utf-8",
    )
    command = [sys.executable, "-c", LOADED, str(source), str(ROOT / "tests" / "support" / "gates")]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    score, files = json.loads(ran.stdout)

    assert score == 10
    assert [name for name in files if f"{os.sep}grader{os.sep}labs{os.sep}" in name] == []


def imported(path: Path) -> set[str]:
    """Return the modules that a file imports, relative ones with their dots."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            found |= {base, *(f"{base}.{alias.name}" for alias in node.names)}
    return found


def test_the_harness_imports_no_lab() -> None:
    """No module of grader outside grader/labs imports one of it."""
    files = [path for path in (ROOT / "grader").rglob("*.py") if "labs" not in path.relative_to(ROOT / "grader").parts]
    wrong = [path.name for path in files if any(name.startswith("grader.labs") for name in imported(path))]

    assert len(files) > 50
    assert wrong == []


def test_a_lab_imports_its_own_modules_relatively() -> None:
    """XOR never names itself, or a copy of it would run the installed one; of the harness it knows grader.lab alone."""
    files = list(DEFAULT_LAB.rglob("*.py"))
    wrong = {
        path.name: name
        for path in files
        for name in imported(path)
        if name.startswith("grader.") and name.split(".")[1] != "lab"
    }

    assert len(files) > 20
    assert wrong == {}


def test_what_runs_beside_the_student_s_code() -> None:
    """It imports the standard library, and numpy where a student's code has it anyway."""
    confined = [*(DEFAULT_LAB / "confined").glob("*.py"), *(ROOT / "grader" / "sandbox" / "confined").rglob("*.py")]
    for path in confined:
        tops = {name.partition(".")[0] for name in imported(path)} - {""}
        assert tops - {*sys.stdlib_module_names, "numpy"} == set(), path.name
