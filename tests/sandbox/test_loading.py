"""Loading a program: it cannot gain points, keep anything for the next try, or exceed its limits."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from msgspec import structs

from grader.commands import doctor
from grader.core.faults import Fault, FaultKind
from grader.sandbox.client import Worker
from grader.sandbox.clock import Clock
from grader.sandbox.loading import Program
from grader.sandbox.preload import BASE, EVERY, modules_for
from grader.sandbox.processes import Sandbox
from grader.sandbox.replies import Loaded
from tests.support.command import PATIENT, ROOT, graded
from tests.support.mutants import ARRAYS
from tests.support.worker import called

Write = Callable[..., Path]
HASTY = structs.replace(PATIENT, total_time_s=6, load_time_s=2, call_time_s=1, output_bytes=2**20)
RIGHT = "def f(): return 2.5\n"
WATCHED = (ROOT / "tests" / "freeform" / "right_train_method.py").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """Return a warm sandbox for all tests of this module."""
    with Sandbox(modules=EVERY) as warm:
        yield warm


@pytest.fixture(scope="module")
def bare() -> Iterator[Sandbox]:
    """Return a warm sandbox without layers: only processes separate its workers."""
    with Sandbox(layers=(), modules=BASE) as warm:
        yield warm


@pytest.fixture
def load(sandbox: Sandbox) -> Callable[..., Worker]:
    """Return a function that starts a worker with a program."""
    return lambda text, limits=HASTY: Worker(
        sandbox,
        limits,
        1,
        program=Program(file="network.py", text=text, stand_ins=("tqdm",), banned=("sklearn.svm",)),
    )


# Finds the request that is worked on and the pipe for replies, and says things there.
TELLING = """
import gc, json, os, struct
pipe = [one for one in gc.get_objects() if type(one).__name__ == "Pipe"][0]
def number():
    import sys
    frame = sys._getframe()
    while frame:
        if "request" in frame.f_locals and isinstance(frame.f_locals["request"], dict):
            return frame.f_locals["request"]["id"]
        frame = frame.f_back
def tell(**header):
    text = json.dumps({"id": number(), "arrays": [], **header}).encode()
    os.write(pipe._replies, struct.pack("<II", len(text), 0) + text)
"""
FORGERIES = {
    "statements": "while True: tell(statement=[0, 1, 0])",
    "statements one by one": "n = 0\nwhile True:\n    n += 1\n    tell(statement=[0, n % 9999 + 1, 0])\n    x = sum(range(9999))",
    "no place": "tell(statement=[10**18, -1, 0])",
    "another file": "tell(statement=[7, 1, 0])\nos._exit(1)",
    "another request": "tell(id=1, statement=[0, 1, 0])\nos._exit(1)",
    "many notes": "tell(data={'callables': ['f'], 'troubles': [{'place': [0, 1, 0], 'kind': 'raised', 'type': '', 'message': '', 'line': 1, 'names': [], 'kept': []}] * 9999})",
    "notes on no file": "tell(data={'callables': ['f'], 'troubles': [{'place': [99, 1, 0], 'kind': 'raised', 'type': '', 'message': '', 'line': 1, 'names': [], 'kept': []}]})",
    "long notes": "tell(data={'callables': ['f'], 'troubles': [{'place': [0, 1, 0], 'kind': 'x', 'type': '', 'message': 'm' * 10**6, 'line': 1, 'names': ['n' * 10**6], 'kept': ['k' * 10**6]}]})",
    "waits": "import select\nwhile True: select.select([], [], [], 0.01)",
    "waits after each": "import select\nclass A:\n    select.select([], [], [], 60)\n" * 30,
    "closes its end": "class A:\n    os.close(pipe._replies)\n    while True: pass\n" * 30,
    "definitions": "class A:\n    while True: pass\n" * 60,
    "crashes": "os._exit(1)\n" * 60,
    "kills": "import signal\n" + "signal.raise_signal(9)\n" * 60,
    "opened notes": "tell(data={'callables': ['f'], 'troubles': [{'place': [0, n, 0], 'kind': 'opened', 'type': '', 'message': '', 'line': 1, 'names': [], 'kept': []} for n in range(1, 80)]})",
    "blocks in blocks": "".join(f"{'    ' * n}if True:\n{'    ' * n}    def f(): return 2.5\n" for n in range(60))
    + "    " * 60
    + "os._exit(1)",
    "floods": "while True: os.write(1, b'x' * 65536)\n" * 60,
    "many statements": "x = 1\n" * 60_000 + "while True: pass\n",
}


@pytest.mark.parametrize("name", [
    name if name in ("statements", "another file", "notes on no file") else pytest.param(name, marks=pytest.mark.security)
    for name in FORGERIES
])  # fmt: skip
def test_a_load_ends(name: str, load: Callable[..., Worker]) -> None:
    """Whatever is reported about statements, all tries together are few and keep within the submission's time.

    A submission costs a machine at most its total time, 42 starts of a process, and 8 s of the grader.
    """
    with load(TELLING + RIGHT + FORGERIES[name]) as worker:
        starts = count_starts(worker)
        loaded = worker.wait_loaded()
        result = called(worker)

        assert isinstance(loaded, (Loaded, Fault))
        assert result == 2.5 or isinstance(result, Fault)
        assert worker.spent_s < HASTY.total_time_s + 1
        assert len(starts) <= worker.loading.MOST_SKIPPED + 2
        assert all(len(trouble.fault.message) <= 2000 for trouble in worker.troubles)
        assert all(len(word) <= 200 for trouble in worker.troubles for word in (*trouble.names, *trouble.kept))


def count_starts(worker: Worker) -> list[None]:
    """Return a list that grows by one with each process that the worker starts."""
    starts: list[None] = []
    start = worker._start

    def counted(*given: object) -> None:
        starts.append(None)
        start(*given)  # type: ignore[arg-type]

    worker._start = counted  # type: ignore[method-assign,assignment]
    return starts


STATEFUL = """
import os
def is_open(n):
    try:
        return bool(os.fstat(n))
    except OSError:
        return False
class Try:
    {leaves}
    {ends}
def f():
    return float({finds})
"""
LEFT = {
    "a file": ("open('tried', 'w').write('1')", "os.path.exists('tried')"),
    "a descriptor": ("os.dup2(1, 60)", "is_open(60)"),
    "descriptors that it inherits": ("[os.set_inheritable(os.dup(n), True) for n in (1, 2)]", "sum(map(is_open, range(3, 64))) > 2"),
    "the environment": ("os.environ['TRIED'] = '1'", "'TRIED' in os.environ"),
    "a name of Python's": ("import builtins; builtins.tried = True", "hasattr(__import__('builtins'), 'tried')"),
    "a module": ("import sys; sys.modules['tried'] = sys", "'tried' in __import__('sys').modules"),
}  # fmt: skip


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name == "a descriptor" else pytest.mark.security) for name in LEFT]
)
def test_nothing_is_left_to_the_next_try(name: str, bare: Sandbox) -> None:
    """A try ends with its process: the next one finds no file, descriptor or name of it. The control finds them."""
    leaves, finds = LEFT[name]
    texts = [STATEFUL.format(leaves=leaves, finds=finds, ends=ends) for ends in ("pass", "os._exit(1)")]
    for text, found in zip(texts, (1.0, 0.0), strict=True):
        with Worker(bare, HASTY, 1, program=Program(file="network.py", text=text)) as worker:
            assert called(worker) == found
            assert len(worker.troubles) == 1 - found


TELLS = """
if True:
    import os, sys
    is_alone = '_exit' not in sys._getframe().f_code.co_names
    def f(): pass
    os._exit(1)
if is_alone:
    Model.forward = {forward}
"""


@pytest.mark.parametrize(
    "forward", ["lambda self, x: 0.5", pytest.param("lambda self, x: float(x[0] != x[1])", marks=pytest.mark.security)]
)
def test_detecting_a_block_that_is_run_by_statements_gains_nothing(forward: str, write: Write) -> None:
    """A program can detect that a block is run by its statements; it is judged by what it then defines."""
    told = graded(write(ARRAYS + TELLS.format(forward=forward)), seed=1)
    control = graded(write(f"{ARRAYS}\nModel.forward = {forward}\n"), seed=1)

    assert told.score == control.score != 100


def test_detecting_a_second_run_gains_nothing(write: Write) -> None:
    """A program that acts differently when a statement is skipped is judged by what it then defines."""
    wrong = ARRAYS.replace("self.b + ", "self.b - ", 1) if "self.b + " in ARRAYS else ARRAYS.replace("err", "-err", 1)
    text = (
        wrong
        + "\nstate = 1\nimport os\nos._exit(0)\nstate = 2\nif state == 2:\n    Model.forward = lambda self, x: 0.5\n"
    )
    control = wrong + "\nModel.forward = lambda self, x: 0.5\n"

    assert graded(write(text), seed=1).score == graded(write(control), seed=1).score


READ_BACK = {
    "text": "with open('a.txt', 'w') as f: f.write('one\\ntwo')\nassert open('a.txt').read().split() == ['one', 'two']",
    "append": "open('a.txt', 'a').write('1')\nopen('a.txt', 'a').write('2')\nassert open('a.txt').read() == '12'",
    "update": "open('a', 'wb').write(b'abc')\nwith open('a', 'r+b') as f: f.seek(1); f.write(b'X')\nassert open('a', 'rb').read() == b'aXc'",
    "exclusive": "open('a', 'x').close()\ntry: open('a', 'x')\nexcept FileExistsError: pass\nelse: raise SystemExit",
    "np_save": "np.save('a.npy', np.eye(2))\nassert np.load('a.npy').sum() == 2",
    "np_savez": "np.savez('a.npz', w=np.eye(2))\nassert np.load('a.npz')['w'].sum() == 2",
    "np_savetxt": "np.savetxt('a.txt', np.eye(2))\nassert np.loadtxt('a.txt').sum() == 2",
    "pickle": "import pickle\npickle.dump({1: 2}, open('a', 'wb'))\nassert pickle.load(open('a', 'rb')) == {1: 2}",
    "json": "import json\njson.dump([1], open('a', 'w'))\nassert json.load(open('a')) == [1]",
    "csv": "import csv\ncsv.writer(open('a', 'w')).writerow([1, 2])\nassert next(csv.reader(open('a'))) == ['1', '2']",
    "path": "from pathlib import Path\nPath('a').write_text('b')\nassert Path('a').read_text() == 'b' and Path('a').exists() and not Path('c').exists()",
    "folders": "import os\nos.makedirs('a/b', exist_ok=True)\nopen('a/b/c', 'w').write('1')\nassert os.path.isdir('a/b') and os.path.getsize('a/b/c') == 1",
    "rename": "import os\nopen('a', 'w').close()\nos.rename('a', 'b')\nassert os.path.exists('b') and not os.path.exists('a')\nos.remove('b')\nassert not os.path.exists('b')",
    "null": "import os\nopen(os.devnull, 'w').write('x' * 2 * 10**7)",
    "full": "try:\n    f = open('a', 'wb')\n    while True: f.write(bytes(2**20))\nexcept OSError as e: assert e.errno == 28",
}


@pytest.mark.parametrize("name", READ_BACK)
def test_what_is_written_can_be_read_back(name: str, load: Callable[..., Worker]) -> None:
    """Files are kept in memory, as in a file system, up to a limit."""
    with load(f"import numpy as np\n{RIGHT}{READ_BACK[name]}\n", PATIENT) as worker:
        assert isinstance(worker.wait_loaded(), Loaded)
        assert [(trouble.fault.type, trouble.fault.message) for trouble in worker.troubles] == []


@pytest.mark.parametrize("function", ["fromregex", "genfromtxt", "loadtxt", "savetxt"])
def test_modules_that_numpy_loads_for_text_files_are_there(function: str) -> None:
    """A program that reads or writes a text file with numpy gets the modules that numpy imports only then."""
    assert "urllib.parse" in modules_for(["numpy"], [f"import numpy as np\nnp.{function}('data.csv')\n"], ())


PROGRESS = {
    "plain": "sum(tqdm.tqdm([1, 2])) == 3",
    "with": "total([tqdm.tqdm(range(3))]) == 3",
    "range": "sum(tqdm.trange(3)) + sum(tqdm.tnrange(3)) == 6",
    "notebook": "sum(__import__('tqdm.notebook').notebook.tqdm([1, 2])) == 3",
    "length": "len(tqdm.tqdm([1, 2])) == 2 and len(tqdm.tqdm(total=9)) == 9",
    "manual": "manual(tqdm.tqdm(total=10)) == 4",
    "enumerate": "list(tenumerate('ab', start=1)) == [(1, 'a'), (2, 'b')]",
    "zip": "list(tzip('ab', 'cd')) == [('a', 'c'), ('b', 'd')]",
    "named": "list(tqdm.tqdm(iterable=[1], desc='x', leave=False)) == [1]",
    "reversed": "list(reversed(tqdm.tqdm([1, 2]))) == [2, 1]",
}


def test_progress_bars_in_every_form(load: Callable[..., Worker]) -> None:
    """Iterating over one iterates over its items, however it was created."""
    text = """
import tqdm
from tqdm.contrib import tenumerate, tzip
def total(bars):
    with bars[0] as bar:
        bar.set_description('x'); bar.set_postfix(loss=1)
        return sum(bar)
def manual(bar):
    bar.update(); bar.update(3); bar.refresh(); bar.close(); tqdm.tqdm.write('x')
    return bar.n
"""
    names = [f"def p{n}(): return float({code})" for n, code in enumerate(PROGRESS.values())]
    with load(text + "\n".join(names)) as worker:
        found = {name: called(worker, f"p{n}") for n, name in enumerate(PROGRESS)}

    assert found == dict.fromkeys(PROGRESS, 1.0)


ABSENT = {
    "named": "import zzz\nx = zzz.a.b",
    "annotated": "import zzz\ndef g(x: zzz.Frame | None, y: 'zzz.X' = None) -> zzz.Y: ...",
    "asked": "import zzz\nassert not isinstance(1, zzz.Frame) and not isinstance(1, (zzz.A, zzz.B))",
    "decorator": "from zzz import jit\n@jit\ndef g(): return 1\n@jit(cache=True)\ndef h(): return 2\nassert (g(), h()) == (1, 2)",
    "error": "import zzz\ntry: 1 / 1\nexcept zzz.errors.ParserError: pass",
    "renamed": "import zzz.sub.part as part\nfrom zzz.sub import Thing as Other\nx = part.x, Other",
    "star": "from zzz import *\ndef g(): return something(1)",
    "several": "import zzz, json\nassert json.dumps(1) == '1'",
    "in a block": "if True:\n    import zzz\nx = zzz.a",
    "guarded": "try:\n    import zzz\nexcept ImportError:\n    zzz = None\nassert zzz is None",
    "looked for": "import importlib.util\nassert importlib.util.find_spec('zzz') is None",
}


@pytest.mark.parametrize("name", ABSENT)
def test_a_package_that_is_not_installed(name: str, load: Callable[..., Worker]) -> None:
    """Its import fails as elsewhere; the names that it would bind can be used, and one remark names the package."""
    with load(RIGHT + ABSENT[name]) as worker:
        assert called(worker) == 2.5
        is_told = name not in ("guarded", "looked for")
        assert [(trouble.fault.kind, trouble.fault.message) for trouble in worker.troubles] == [
            (FaultKind.ABSENT, "zzz")
        ] * is_told
        if name == "star":
            fault = called(worker, "g")
            assert isinstance(fault, Fault)
            assert (fault.kind, fault.message) == (FaultKind.ABSENT, "zzz.something")


def test_a_banned_part_of_a_missing_package_is_found(load: Callable[..., Worker]) -> None:
    """It violates the gate however it is named."""
    with load("import sklearn\ndef f():\n    part = getattr(sklearn, 's' + 'vm')\n    return 1.0\n") as worker:
        assert called(worker) == 1.0
        worker.take_output()
        assert [*worker.missing_modules] == ["sklearn.svm"]


def test_a_call_that_is_killed_is_tried_again(write: Write) -> None:
    """After a second SIGKILL in a graded call, perhaps for lack of memory, the submission is not gradable rather than 0."""
    text = ARRAYS + "\nimport signal\nModel.forward = lambda self, x: signal.raise_signal(signal.SIGKILL)\n"

    report = graded(write(text), seed=1)

    assert (report.status.value, report.score) == ("not_gradable", None)
    assert "twice, probably because the grading machine ran out of memory" in str(report.reason)


@pytest.mark.wide
@pytest.mark.parametrize("place", [
    "error = y - out", "def train(self, X, Y, epochs):",
])  # fmt: skip
def test_a_watched_training_that_is_killed_is_tried_again(place: str, write: Write) -> None:
    """The same holds for a watched program; what is killed apart from its training costs nothing."""
    indent = " " * (16 if place.startswith("error") else 8)
    ends = f"{place}\n{indent}import signal; signal.raise_signal(signal.SIGKILL)"

    report = graded(write(WATCHED.replace(place, ends)), seed=1)

    assert (report.status.value, report.score) == ("not_gradable", None)
    assert "twice, probably because the grading machine ran out of memory" in str(report.reason)


@pytest.mark.wide
@pytest.mark.parametrize("is_before", [True, False])
def test_what_is_killed_beside_a_watched_training_costs_nothing(is_before: bool, write: Write) -> None:
    """The statement is skipped, as in any other load."""
    kill = "import signal\nsignal.raise_signal(signal.SIGKILL)\n"

    report = graded(write(kill + WATCHED if is_before else WATCHED + kill), seed=1)

    assert (report.status.value, report.score) == ("graded", 100)


def test_the_doctor_compares_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lowest limit of the control groups around it counts."""
    (tmp_path / "memory.max").write_text(f"{160 * 2**20}\n", encoding="ascii")
    monkeypatch.setattr(doctor, "GROUPS", tmp_path)

    assert doctor.memory_bytes() == 160 * 2**20
    assert (
        doctor.memory()
        == "memory: 160 MiB, too little: a submission may use 1024 MiB, and the system ends one that does"
    )
    (tmp_path / "memory.max").write_text("max\n", encoding="ascii")
    assert (doctor.memory_bytes() or 0) > 160 * 2**20


def test_a_clock_of_a_process() -> None:
    """It runs while the process works; without it, a share of wall time counts, and no waiting."""
    clock = Clock(os.getpid())
    json.dumps([*range(100_000)])
    used = clock.read()
    clock.close()
    other = Clock(2**22 + 1)
    share = other.read()

    assert used.cpu_s > 0
    assert 0 <= share.cpu_s < 1
    assert share.waited_s == 0
    assert struct.calcsize("P") > 0
