"""A lab of one's own: points and titles in the suite, two languages, data files, packages, and whose an error is."""

from __future__ import annotations

import io
import threading
import zipfile
from pathlib import Path

import pytest

from grader.commands.packing import gradescope
from grader.core.errors import BrokenGrader
from grader.core.report import Status
from grader.pipeline import run_suite
from grader.pipeline.assignment import content_hash, files_of, read_assignment
from grader.pipeline.budget import alarm
from grader.pipeline.grading import assignment
from tests.support.command import grade
from tests.support.labs import graded, verdicts

HEAD = """
import numpy as np
import pytest
from grader.lab import Student, case, check, close, equal, unmet
"""


def lab_of(folder: Path, suite: str, *, assignment: str = "", rubric: str = "", **files: str) -> Path:
    """Write a lab whose points stand in its suite; files are data."""
    texts = {
        "assignment.toml": f'title = "Lab"\nfile = "work.py"\n{assignment}\n[limits]\ncall_time_s = 2\nload_time_s = 5\n',
        "rubric.toml": rubric,
        "suite/test_work.py": HEAD + suite,
        **{name.replace("__", "."): text for name, text in files.items()},
    }
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


SUITE = '''
@case("sum", points=2, en="The sum of two numbers", ru="Сумма двух чисел")
def test_sum(student: Student) -> None:
    close(student.run("add", 1, 2), 3, {"en": "add({1, 2}) is not 3.", "ru": "add({1, 2}) не равно 3."}, hint="x + {y}")


@case("sum", points=1)
@pytest.mark.parametrize("x", [0, 5])
def test_zero(student: Student, x: int) -> None:
    """add(x, 0) is x."""
    if student.run("add", x, 0).number() != x:
        raise unmet("add({x}, 0) is not {x}: {set}.", x=x)
'''


def test_points_and_languages_in_the_suite(tmp_path: Path) -> None:
    """A case has its points, its titles and its sentences in the suite; braces in them are text."""
    folder = lab_of(tmp_path / "lab", SUITE, rubric='[[criteria]]\nid = "sum"\ntitle = { en = "Sums", ru = "Суммы" }\n')
    right, wrong = graded(folder, "def add(x, y): return x + y", "def add(x, y): return x - y", lang="ru")

    assert (right.score, right.max_score, wrong.score) == (4, 4, 2)
    (sums,) = wrong.criteria
    case = sums.cases[0]
    assert case.feedback is not None
    assert case.hint is not None
    assert ("Суммы", "Сумма двух чисел") == (sums.title, case.title)
    assert ("add({1, 2}) не равно 3.", "x + {y}") == (case.feedback.text, case.hint.text)
    assert [item.id for item in sums.cases] == ["sum", "zero[0]", "zero[5]"]


@pytest.mark.parametrize(
    ("suite", "rubric", "sentence"),
    [
        (SUITE, '[[criteria]]\nid = "sum"\ntitle = "S"\ncases = [{ id = "sum", points = 3 }]\n', "sum.sum has 3 points here and 2 in test_work.py, line 7"),
        (SUITE, '[[criteria]]\nid = "sum"\ntitle = "S"\npoints = 3\n', "the cases of sum sum to 4 points, not to 3"),
        (SUITE.replace("[0, 5]", "range(2)"), "", "test_work.py, line 13: give parametrize ids=[...]"),
        (SUITE.replace("points=1", "points=ONE"), "", "line 13: write @case"),
        (SUITE.replace("test_zero", "check_zero"), "", "line 13: the name of a case begins with test_"),
    ],
    ids=["cases_differ", "sums_differ", "ids_unknown", "points_unknown", "no_test"],
)  # fmt: skip
def test_points_that_do_not_agree(suite: str, rubric: str, sentence: str, tmp_path: Path) -> None:
    """Rubric and suite give the same points, which can be read without running the suite."""
    with pytest.raises(BrokenGrader, match=r"^(rubric\.toml|suite) is not valid") as refused:
        read_assignment(lab_of(tmp_path / "lab", suite, rubric=rubric))

    assert sentence in str(refused.value)


WHOSE = '''
def middle(values):
    return values[1]


@case("c", points=1)
def test_index(student: Student) -> None:
    """An item that is not there."""
    check(middle(student.run("f").list()[0:]).number() == 2, "f(1) is not 2.")


@case("c", points=1)
def test_shapes(student: Student) -> None:
    """Arrays of different shapes."""
    found = student.run("f").value
    total = np.zeros(3) + np.asarray(found)
    check(bool(total.sum() == 6), "The sum is not 6.")
'''


ODD = ("{'a': 1}", "None", "[]", "'text'", "float('nan')", "[[1], [2, 3]]", "np.ones((2, 5))")


@pytest.mark.parametrize(
    "answer", [ODD[0], ODD[-1], *(pytest.param(item, marks=pytest.mark.soak) for item in ODD[1:-1])]
)
def test_a_suite_goes_on_whatever_is_answered(answer: str, tmp_path: Path) -> None:
    """An error of Python or numpy over a value of the submission ends the case with a sentence, not the suite."""
    (report,) = graded(lab_of(tmp_path / "lab", WHOSE), f"import numpy as np\ndef f(): return {answer}\n")

    assert (Status.GRADED, 0) == (report.status, report.score)
    assert set(verdicts(report).values()) == {"failed"}


@pytest.mark.parametrize(
    ("mistake", "reason"),
    [
        ("answer = student.run('f').array(3)\n    np.ones((2, 2)) @ np.ones(3)\n", "ValueError: matmul"),
        ("answer = student.run('f').array(3)\n    anwser.sum()\n", "NameError: name 'anwser'"),
        ("answer = student.run('f')\n    check(answer > 1, 'small')\n", "SuiteMistake: an Answer is not a value"),
        ("student.run('f', lambda: 1)\n", "SuiteMistake: a suite passes numbers"),
        ("np.zeros(3).summ()\n", "AttributeError: "),
    ],
    ids=["shapes", "name", "form", "argument", "attribute"],
)
def test_mistakes_of_the_suite_are_the_lecturer_s(mistake: str, reason: str, tmp_path: Path) -> None:
    """All of them are named at once, each with its line, and there is no score."""
    case = '@case("c", points=1)\ndef test_{name}(student: Student) -> None:\n    """It works."""\n    {mistake}'
    suite = "\n\n".join(case.format(name=name, mistake=mistake) for name in "ab")
    (report,) = graded(lab_of(tmp_path / "lab", suite), "import numpy as np\ndef f(*_): return np.ones(3)\n")

    assert (Status.GRADER_ERROR, None) == (report.status, report.score)
    assert report.reason is not None
    assert [report.reason.text.count(item) for item in (reason, "test_a, line ", "test_b, line ")] == [2, 1, 1]
    assert report.sandbox.level != "none"


DATA = '''
@case("c", points=1)
def test_mean(student: Student) -> None:
    """The mean of the first column."""
    rows = np.loadtxt(student.files["train.csv"], delimiter=",")
    close(student.run("mean"), rows[:, 0].mean(), "It is not the mean.")
'''
READ = {
    "open": "rows = [line.split(',') for line in open('train.csv')]\ndef mean(): return sum(float(a) for a, _ in rows) / 2",
    "loadtxt": "import numpy as np\ndef mean(): return np.loadtxt('./train.csv', delimiter=',')[:, 0].mean()",
    "path": "import csv\nfrom pathlib import Path\nDATA = Path(__file__).parent / 'train.csv'\n"
    "def mean():\n    assert DATA.exists()\n    return sum(float(a) for a, _ in csv.reader(DATA.read_text().splitlines())) / 2",
    "genfromtxt": "import numpy as np, os\ndef mean():\n    assert os.path.isfile('train.csv')\n"
    "    return np.genfromtxt('train.csv', delimiter=',')[:, 0].mean()",
}  # fmt: skip


def test_data_files_are_read_from_memory(tmp_path: Path) -> None:
    """A submission reads a data file of the lab under its name, and the report accuses nobody of it."""
    folder = lab_of(tmp_path / "lab", DATA, assignment='files = ["train.csv"]', train__csv="1,2\n3,4\n")
    reports = graded(folder, *READ.values())

    assert dict.fromkeys(READ, 1) == dict(zip(READ, [report.score for report in reports], strict=True))
    assert [report.criteria[0].remarks for report in reports] == [[]] * len(READ)
    assert "train.csv" in dict(files_of(folder))


def test_a_data_file_counts_and_is_copied(tmp_path: Path) -> None:
    """The hash of a lab is over its data, `--new` gives it to students, and one that is not there is said."""
    folder = lab_of(tmp_path / "lab", DATA, assignment='files = ["train.csv"]', train__csv="1,2\n3,4\n")
    (folder / "template").mkdir()
    (folder / "template" / "work.py").write_text("def mean():\n    raise NotImplementedError\n", encoding="utf-8")
    before = content_hash(folder)
    made = grade("--new", "mine", "--assignment", folder, cwd=tmp_path)
    (folder / "train.csv").write_text("1,2\n3,5\n", encoding="utf-8")

    assert (0, "1,2\n3,4\n") == (made.code, (tmp_path / "mine" / "train.csv").read_text(encoding="utf-8"))
    assert content_hash(folder) != before

    (folder / "train.csv").unlink()
    with pytest.raises(BrokenGrader, match=r"the data file train\.csv does not exist"):
        read_assignment(folder)


def test_packages_are_checked_once_for_the_lecturer(tmp_path: Path) -> None:
    """What the lab needs is installed, or no submission is graded; then submissions import it."""
    suite = '@case("c", points=1)\ndef test_a(student: Student) -> None:\n    """f is 1."""\n    close(student.run("f"), 1)\n'
    folder = lab_of(tmp_path / "lab", suite, assignment='packages = ["msgspec"]')
    (report,) = graded(folder, "import msgspec\ndef f(): return msgspec.json.decode(b'1')\n")
    assert report.score == 1

    lab_of(tmp_path / "lab", suite, assignment='packages = ["msgspec", "nowhere_to_be_found"]')
    with pytest.raises(BrokenGrader, match=r"not installed here: nowhere_to_be_found\.$"):
        assignment(folder)


OPTION = '''
@case("c", points=1)
def test_a(student: Student) -> None:
    """f is 1, and on request not 2."""
    close(student.run("f"), 2 if "hard" in student.options else 1)
'''


def test_an_option_of_the_lab(tmp_path: Path) -> None:
    """A suite does more on request; an option that the lab does not have is wrong usage."""
    folder = lab_of(tmp_path / "lab", OPTION, assignment='options = ["hard"]')
    (tmp_path / "work.py").write_text("def f(): return 1\n", encoding="utf-8")
    plain, hard, soft = (
        grade("work.py", "--assignment", folder, *more, cwd=tmp_path)
        for more in ([], ["--lab-option", "hard"], ["--lab-option", "soft", "--lang", "en"])
    )

    assert [plain.report["score"], hard.report["score"]] == [1, 0]
    assert (2, "grade: The lab has no option soft.\n") == (soft.code, soft.err)


def test_what_is_said_of_packages_and_packed(tmp_path: Path) -> None:
    """`--doctor` lists the packages of a lab, with exit code 4 where one is missing; an autograder installs them."""
    suite = '@case("c", points=1)\ndef test_a(student: Student) -> None:\n    """f is 1."""\n    close(student.run("f"), 1)\n'
    folder = lab_of(tmp_path / "lab", suite, assignment='packages = ["msgspec", "no_such_package", "yaml.nodes"]')
    missing = grade("--doctor", "--assignment", folder, cwd=tmp_path)
    lab_of(tmp_path / "lab", suite, assignment='packages = ["msgspec"]')
    there = grade("--doctor", "--assignment", folder, cwd=tmp_path)
    packed = gradescope([], lab=folder, packages=["msgspec", "pytest_jsonreport.plugin"])

    assert (missing.code, there.code) == (4, 0)
    assert missing.out.splitlines()[-3:-1] == ["package msgspec: installed", "package no_such_package: not installed"]
    assert there.out.splitlines()[-1] == "package msgspec: installed"
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        required = archive.read("requirements.txt").decode().splitlines()
    assert required[-2:] == ["msgspec", "pytest-json-report"]


FRESH = '''
@case("c", points=1)
def test_a(student: Student) -> None:
    """The first call counts 1."""
    check(student.run("count").number() == 1, "not 1")


@case("c", points=1, fresh=True)
def test_b(student: Student) -> None:
    """A fresh program counts from 1 again."""
    check(student.run("count").number() == 1, "not 1")
'''


def test_a_fresh_case_loads_the_program_anew(tmp_path: Path) -> None:
    """What an earlier case left in the program is not there, whatever holds it."""
    (report,) = graded(
        lab_of(tmp_path / "lab", FRESH), "def count(state=[0]):\n    state[0] += 1\n    return state[0]\n"
    )

    assert report.score == 2


STATE = '''
@case("c", points=1)
def test_a(student: Student) -> None:
    """The first calls count."""
    equal([one.number() for one in student.run("count").list(5)], [1.0] * 5)
    equal([one.number() for one in student.run("count").list(5)], [2.0] * 5)


@case("c", points=1)
def test_b(student: Student) -> None:
    """They count from 1 again."""
    equal([one.number() for one in student.run("count").list(5)], [1.0] * 5)
'''
COUNTS = """
import numpy as np
n, xs, seen, array = 0, [0], {"n": [0]}, np.zeros(1)
alias = xs
more = set()
def count():
    global n, new
    n, new = n + 1, 1
    xs[0] += 1; seen["n"][0] += 1; array[0] += 1; more.add(len(more))
    assert alias is xs
    return [n, alias[0], seen["n"][0], array[0], len(more)]
"""


def test_variables_are_those_after_loading(tmp_path: Path) -> None:
    """A case changes numbers, lists, dicts, sets and arrays of the program; the next case finds them as they were."""
    (report,) = graded(lab_of(tmp_path / "lab", STATE), COUNTS)

    assert report.score == 2


BESIDE = """
seen = []
def add():
    seen.append(1)
    return len(seen)
"""


def test_variables_of_files_beside_the_program(tmp_path: Path) -> None:
    """They are those after loading, too, whether the file was imported then or by a call."""
    suite = "".join(
        f'@case("c", points=1)\ndef test_{name}(student: Student) -> None:\n    """Counts from 1."""\n'
        f'    equal([item.number() for item in student.run("count").list()], [1.0, 1.0])\n\n\n'
        for name in "ab"
    )
    folder = lab_of(tmp_path / "lab", suite)
    work = tmp_path / "work"
    work.mkdir()
    texts = {
        "work.py": "import early\ndef count():\n    import late\n    return [early.add(), late.add()]\n",
        "early.py": BESIDE,
        "late.py": BESIDE,
    }
    for name, text in texts.items():
        (work / name).write_text(text, encoding="utf-8")

    assert grade("work", "--assignment", folder, cwd=tmp_path).report["score"] == 2


def test_a_timer_goes_on_while_time_is_left() -> None:
    """What is left is asked for again when it rings: a suite does not pay for what it waits for."""
    left = [0.01, 0.02, 0.02, 0.0]
    ended = threading.Event()

    with pytest.raises(TimeoutError), alarm("ITIMER_REAL", "SIGALRM", lambda: left.pop(0), TimeoutError()):
        ended.wait(60)

    assert left == []


@pytest.mark.soak
def test_a_suite_does_not_pay_for_the_submission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that takes longer than the suite itself may breaks nothing."""
    monkeypatch.setattr(run_suite, "SUITE_TIME_S", 5.0)
    suite = '@case("c", points=1)\ndef test_a(student: Student) -> None:\n    """f is 1."""\n    close(student.run("f", time_s=30), 1)\n'
    busy = "import time\ndef f():\n    end = time.process_time() + 6\n    while time.process_time() < end: pass\n    return 1\n"
    (report,) = graded(lab_of(tmp_path / "lab", suite), busy)

    assert report.score == 1


LARGE = '''
@case("c", points=1)
def test_a(student: Student) -> None:
    """A square array comes back."""
    x = student.rng("x").normal(size=(1000, 1000))
    close(student.run("f", x), x * 2, "It is not doubled.")


@case("c", points=1)
def test_b(student: Student) -> None:
    """So do many arrays."""
    check(len(student.run("g").list()) == 200, "They are not 200.")
'''


def test_large_answers(tmp_path: Path) -> None:
    """Arrays travel as blocks, up to a limit that a sentence names."""
    source = "import numpy as np\ndef f(x): return x * {0}\ndef g(): return [np.ones(2)] * {1}\n"
    folder = lab_of(tmp_path / "lab", LARGE)
    right, large = graded(folder, source.format("2", "200"), source.format("np.ones((3, 1000, 1000))", "2000"))

    assert (right.score, large.score) == (2, 0)
    assert {case.feedback.text.partition(": ")[0] for case in large.criteria[0].cases if case.feedback} == {
        "f returned too much",
        "g returned too much",
    }


def test_debug_shows_what_the_suite_prints(tmp_path: Path) -> None:
    """`--debug` shows it by case, with the traceback of what broke."""
    suite = '@case("c", points=1)\ndef test_a(student: Student) -> None:\n    """f is 1."""\n    print("seen", 6 * 7)\n    1 / 0\n'
    folder = lab_of(tmp_path / "lab", suite)
    (tmp_path / "work.py").write_text("def f(): return 1\n", encoding="utf-8")
    shown, silent = (grade("work.py", "--assignment", folder, *more, cwd=tmp_path) for more in (["--debug"], []))

    assert shown.err.startswith("--- c.a\nseen 42\nTraceback (most recent call last):\n")
    assert "ZeroDivisionError" in shown.err
    assert (4, "") == (silent.code, silent.err)
