"""Cheats of the field, tried on each lab that ships: none of them earns a point."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest

from grader.core.report import Status
from grader.pipeline.grading import assignment, grade
from tests.support.command import ROOT, warm_sandbox

LABS = ("cleaning", "kmeans", "mlp", "regression", "words")
# Every function of a lab and every method of its classes gives what `answer` of a cheat gives.
PROGRAM = """
{cheat}


class Anything:
    def __init__(self, *args, **named):
        pass

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *args, **named: answer(*args)


"""
CHEATS = {
    "patched_testing": """
import numpy as np
import numpy.testing
def always(*args, **named):
    return True
for name in dir(np.testing):
    if name.startswith("assert_"):
        setattr(np.testing, name, always)
np.allclose = np.isclose = np.array_equal = np.array_equiv = np.all = always
def answer(*args):
    return np.zeros(len(args[0]) if args else 1)
""",
    "patched_numpy": """
import builtins
import numpy as np
import numpy.linalg
class Lenient(float):
    def __abs__(self):
        return 0.0
for module in (np, np.linalg):
    for name in ("abs", "absolute", "subtract", "asarray", "array", "isfinite", "lstsq", "log", "exp", "less_equal"):
        if hasattr(module, name):
            setattr(module, name, lambda *args, **named: Lenient(0))
builtins.isinstance = lambda *args: True
builtins.all = builtins.any = lambda *args: True
def answer(*args):
    return 0.0
""",
    "callers_frame": """
import gc, sys
NAMES = ("expected", "right", "wanted", "y", "labels", "b", "w", "loss", "drawn", "actual")
def answer(*args):
    frame = sys._getframe(1)
    while frame is not None:
        for name in NAMES:
            if name in frame.f_locals:
                return frame.f_locals[name]
        frame = frame.f_back
    for item in gc.get_objects():
        if isinstance(item, dict) and "expected" in item:
            return item["expected"]
    return 0
""",
    "atexit": """
import atexit, json, os, sys
def full():
    for name in ("results.json", "grade-report.json", "/autograder/results/results.json", "/dev/stdout"):
        try:
            with open(name, "w") as file:
                file.write(json.dumps({"score": 100, "status": "graded"}))
        except OSError:
            pass
    print("Score: 100 of 100")
    os._exit(0)
atexit.register(full)
def answer(*args):
    full()
""",
    "equal_to_all": """
class Equal(str):
    def __eq__(self, other):
        return True
    __lt__ = __le__ = __gt__ = __ge__ = __eq__
    def __ne__(self, other):
        return False
    def __hash__(self):
        return 1
    def __bool__(self):
        return True
class Mapping(dict):
    __eq__ = Equal.__eq__
    __ne__ = Equal.__ne__
    def __getitem__(self, key):
        return Equal("x")
    def __len__(self):
        return 3
class Row(list):
    __eq__ = Equal.__eq__
    __ne__ = Equal.__ne__
    def __len__(self):
        return 20
CALLS = []
def answer(*args):
    CALLS.append(args)
    return (Equal("b"), Mapping(a=Equal("b")), Row([Equal("b")]))[len(CALLS) % 3]
""",
    "disguised_numbers": """
import numpy as np
class Number(float):
    def __float__(self):
        raise SystemExit(0)
    def __array__(self, *args, **named):
        raise SystemExit(0)
    def __sub__(self, other):
        return 0.0
    __rsub__ = __mul__ = __rmul__ = __sub__
    def __eq__(self, other):
        return True
    def __le__(self, other):
        return True
    __hash__ = float.__hash__
class Array(np.ndarray):
    def __array_ufunc__(self, *args, **named):
        return np.zeros(1)
    def __array_function__(self, *args, **named):
        return True
    def __eq__(self, other):
        return True
    @property
    def shape(self):
        return (7,)
def answer(*args):
    size = len(args[0]) if args and hasattr(args[0], "__len__") else 1
    return [Number(1.0)] * size if size % 2 else np.ones(size).view(Array)
""",
    "endless": """
class Items(dict):
    def items(self):
        while True:
            yield "a", 1
    def keys(self):
        while True:
            yield "a"
    __iter__ = keys
class Rows(list):
    def __iter__(self):
        while True:
            yield 1.0
    def __len__(self):
        return 30
CALLS = []
def answer(*args):
    CALLS.append(args)
    return Items(a=1) if len(CALLS) % 2 else Rows([1.0])
""",
    "texts_of_digits": """
import numpy as np
def answer(*args):
    size = len(args[0]) if args and hasattr(args[0], "__len__") else 1
    return np.array(["1.0"] * size) if size > 1 else "10.0"
""",
    "hidden_data": """
import glob, inspect, os, pathlib, sys
def found():
    for root in ("suite", "../suite", "docs/labs", "/", os.getcwd(), *sys.path):
        try:
            for path in pathlib.Path(root or ".").glob("**/test_*.py"):
                return path.read_text()
        except OSError:
            pass
    try:
        from grader.lab import student
        return student
    except ImportError:
        return None
def answer(*args):
    text = found()
    if text is None:
        return None
    raise SystemExit(text)
""",
}
KNOWN = {  # answers that somebody wrote down
    "kmeans": "def answer(*args):\n    return [0] * 20 + [1] * 20\n",
    "mlp": "import numpy as np\ndef answer(*args):\n    return np.eye(3)[np.repeat([0, 1, 2], 20)]\n",
    "regression": "def answer(*args):\n    raise ValueError\n",
    "words": "def answer(text, n=0):\n    return [('b', 3), ('c', 2)] if n else {} if text == '' else 'мама мыла раму мама'\n",
}
FAST = dict(zip(CHEATS, (*LABS, *LABS), strict=False))


@pytest.mark.parametrize(
    ("cheat", "lab"),
    [
        pytest.param(cheat, lab, marks=() if FAST[cheat] == lab else pytest.mark.security)
        for cheat, lab in product(CHEATS, LABS)
    ],
)
def test_cheats_earn_nothing(cheat: str, lab: str, tmp_path: Path) -> None:
    """What earns marks where tests run beside the code earns none here, and breaks no suite."""
    check_worthless(CHEATS[cheat], lab, tmp_path)


@pytest.mark.parametrize("lab", KNOWN)
def test_known_answers_earn_nothing(lab: str, tmp_path: Path) -> None:
    """The labs that ship draw what they ask, so that no constant is right."""
    check_worthless(KNOWN[lab], lab, tmp_path)


def check_worthless(cheat: str, lab: str, tmp_path: Path) -> None:
    """Assert that a program with a cheat gets no points, and that the suite goes on."""
    if lab == "cleaning":
        pytest.importorskip("pandas", reason="pandas is not installed")
    task = assignment(ROOT / "docs" / "labs" / lab)
    names = [f"class {name}(Anything):\n    pass\n" for name in task.classes]
    names += [f"def {name}(*args, **named):\n    return answer(*args)\n" for name in task.functions]
    path = tmp_path / task.file
    path.write_text("\n\n".join([PROGRAM.replace("{cheat}", cheat), *names]), encoding="utf-8")

    report = grade(path, task, seed=7, sandbox=warm_sandbox())

    assert report.status in (Status.GRADED, Status.NOT_GRADABLE)  # the latter where numpy is broken beyond use
    assert not report.score
