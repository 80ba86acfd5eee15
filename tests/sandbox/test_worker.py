"""The worker: everything that student code does comes back as a value, and it leaves nothing behind."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from msgspec import structs

from grader.core.faults import Fault, FaultKind
from grader.core.limits import Limits
from grader.sandbox import processes
from grader.sandbox.client import Worker
from grader.sandbox.loading import Program
from grader.sandbox.preload import BASE
from grader.sandbox.processes import Sandbox
from grader.sandbox.replies import Loaded
from tests.support.command import PATIENT, descendants, wait_until
from tests.support.worker import called

LIMITS = structs.replace(PATIENT, output_bytes=2**20)
HASTY = structs.replace(PATIENT, load_time_s=2)  # for a file that hangs while it is loaded
HANGS_S = 0.2

Load = Callable[..., Worker]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """Return a warm sandbox for all tests of this module."""
    with Sandbox(modules=BASE) as warm:
        yield warm


@pytest.fixture
def load(sandbox: Sandbox) -> Load:
    """Return a function that starts a worker with a program."""

    def start(text: str, limits: Limits = LIMITS, seed: int = 1) -> Worker:
        return Worker(sandbox, limits, seed, program=Program(file="network.py", text=text))

    return start


AROUND = "def f(): return 2.5\n{}\ndef g(): return f() + 1\n"


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        ("while True: pass", FaultKind.TIMEOUT, ""),
        ("import select; select.select([], [], [])", FaultKind.WAITED, ""),
        ("while True:\n try:\n  while True: pass\n except BaseException: pass", FaultKind.TIMEOUT, ""),
        ("import os; os.kill(os.getpid(), 19)", FaultKind.RAISED, "[Errno 1] Operation not permitted"),
        ("import os; os._exit(3)", FaultKind.CRASHED, "exit code 3"),
        ("import ctypes; ctypes.string_at(0)", FaultKind.CRASHED, "SIGSEGV"),
        ("import ctypes; ctypes.CDLL(None).syscall(101, 0, 0, 0, 0)", FaultKind.CRASHED, "SIGSYS"),
        ("import os; os.abort()", FaultKind.CRASHED, "SIGABRT"),
        ("import signal; signal.raise_signal(signal.SIGKILL)", FaultKind.KILLED, "SIGKILL"),
        ("import sys; sys.exit()", FaultKind.EXITED, ""),
        ("quit()", FaultKind.EXITED, ""),
        ("raise KeyboardInterrupt", FaultKind.RAISED, ""),
        ("raise GeneratorExit('x')", FaultKind.RAISED, "x"),
        ("def h(): h()\nh()", FaultKind.RAISED, "maximum recursion depth exceeded"),
        ("x = bytearray(2**33)", FaultKind.MEMORY, ""),
        ("while True: print('x' * 1000)", FaultKind.OUTPUT, ""),
        ("class E(Exception):\n def __str__(self): raise ValueError\nraise E", FaultKind.RAISED, ""),
        ("raise Exception('x' * 10**7)", FaultKind.RAISED, "x" * 2000),
        ("raise Exception('\\ud800')", FaultKind.RAISED, "?"),
        ("while True: input()", FaultKind.RAISED, "EOF when reading a line"),
        ("import os\nfor n in range(64):\n try: os.close(n)\n except OSError: pass", FaultKind.CRASHED, "exit code 1"),
        ("import os\nfor n in range(64):\n try: os.write(n, b'x' * 64)\n except OSError: pass", FaultKind.PROTOCOL, ""),
        ("import not_there", FaultKind.ABSENT, "not_there"),
    ],
)
def test_a_statement_that_fails_costs_itself_only(load: Load, text: str, kind: FaultKind, message: str) -> None:
    """Hangs, crashes, exits and floods are reported by their kind; definitions before and after them work."""
    with load(AROUND.format(text), HASTY if kind in (FaultKind.TIMEOUT, FaultKind.WAITED) else LIMITS) as worker:
        assert isinstance(worker.wait_loaded(), Loaded)
        assert called(worker, "g") == 3.5
        (trouble,) = worker.troubles

    assert trouble.fault.kind is kind
    assert trouble.fault.message.startswith(message)
    assert len(trouble.fault.message) <= 2000
    assert trouble.fault.line is not None


def test_what_is_no_python_is_a_fault(load: Load) -> None:
    """A load that fails as a whole is not repeated."""
    with load("def f(:") as worker:
        first = worker.wait_loaded()
        assert isinstance(first, Fault)
        assert (first.kind, first.line) == (FaultKind.RAISED, 1)
        assert first.message == "invalid syntax (network.py, line 1)"
        assert worker.wait_loaded() is first


def test_a_program_of_hanging_statements_keeps_its_definitions(load: Load) -> None:
    """When the load time is nearly used up, only definitions run; all tries together keep within it."""
    hangs = "while True: pass\n" * 30
    with load(hangs + "def f(): return 2.5\n" + hangs, HASTY) as worker:
        assert isinstance(worker.wait_loaded(), Loaded)
        assert called(worker) == 2.5
        assert worker.loading.is_brief
        assert worker.spent_s < HASTY.load_time_s


@pytest.mark.wide
def test_a_program_of_many_deadly_statements_keeps_its_definitions(load: Load) -> None:
    """When too many statements have ended the process, only definitions run."""
    with load("import os\n" + "os._exit(1)\n" * 60 + "def f(): return 2.5\n") as worker:
        assert isinstance(worker.wait_loaded(), Loaded)
        assert called(worker) == 2.5
        assert len(worker.loading.skipped) == worker.loading.MOST_FULL


@pytest.mark.wide
def test_a_load_that_never_ends_fails(load: Load) -> None:
    """A definition that hangs in each try ends with the time, definitions that crash one after another with their count."""
    with load("class A:\n while True: pass\n" * 60, HASTY) as worker:
        fault = worker.wait_loaded()
        assert isinstance(fault, Fault)
        assert fault.kind is FaultKind.TIMEOUT
        assert worker.wait_loaded() is fault
    with load("import os\n" + "class A:\n os._exit(1)\n" * 60) as worker:
        fault = worker.wait_loaded()
        assert isinstance(fault, Fault)
        assert (fault.kind, len(worker.loading.skipped)) == (FaultKind.CRASHED, worker.loading.MOST_SKIPPED)


def test_a_call_that_hangs_costs_itself_only(load: Load) -> None:
    """After a hang, a new worker is started and answers."""
    with load("def f(): return 2.5\ndef g():\n while True: pass") as worker:
        assert called(worker) == 2.5
        hung = called(worker, "g", time_s=HANGS_S)
        assert isinstance(hung, Fault)
        assert (hung.kind, hung.seconds) == (FaultKind.TIMEOUT, HANGS_S)
        assert called(worker) == 2.5


def test_shared_values_live_as_long_as_the_process(load: Load) -> None:
    """What suites share is gone once a call has ended the process: another one has seen none of it."""
    with load("import os\ndef f(): return 2\ndef g(): os._exit(0)") as worker:
        called(worker, "f")
        worker.shared["seen"] = True
        called(worker, "f")
        kept = dict(worker.shared)
        called(worker, "g")

        assert (kept, worker.shared) == ({"seen": True}, {})


def test_files_that_calls_import_are_freed(sandbox: Sandbox) -> None:
    """A file that each case imports anew takes its memory once."""
    program = Program(
        file="network.py",
        text="def f():\n import table\n return len(table.rows)",
        siblings={"table.py": f"rows = bytearray({LIMITS.memory_bytes // 4})"},
    )
    with Worker(sandbox, LIMITS, 1, program=program) as worker:
        lengths = []
        for number in range(8):
            worker.begin(f"{number}")
            lengths.append(called(worker))

    assert lengths == [LIMITS.memory_bytes // 4] * 8


@pytest.mark.parametrize(
    "line",
    [
        "",
        "sys.modules['other'] = sys.modules.pop('counter')",
        "importlib.reload(counter)",
        "counter.__spec__.loader.exec_module(types.SimpleNamespace(__name__=[]))",
        "counter.__name__ = []",
    ],
)
def test_the_variables_of_a_file_are_restored(line: str, sandbox: Sandbox) -> None:
    """Each case sees another file as it was after loading, whatever the program did with its module."""
    text = f"import counter, importlib, sys, types\ntry: {line or 'pass'}\nexcept TypeError: pass\n"
    text += "def f():\n counter.number += 1\n return counter.number"
    program = Program(file="network.py", text=text, siblings={"counter.py": "number = 0"})
    with Worker(sandbox, LIMITS, 1, program=program) as worker:
        numbers = []
        for case in ("first", "second"):
            worker.begin(case)
            numbers.append(called(worker))

    assert numbers == [1, 1]


def test_the_total_time_is_kept(load: Load) -> None:
    """When the total is used up, nothing more is run."""
    with load("def f():\n while True: pass", structs.replace(LIMITS, total_time_s=1, call_time_s=0.4)) as worker:
        faults = [called(worker) for _ in range(5)]

    kinds = [fault.kind for fault in faults if isinstance(fault, Fault)]
    hung = kinds.count(FaultKind.TIMEOUT)
    assert 1 <= hung <= 3  # fewer where starting a worker again takes long
    assert kinds == [FaultKind.TIMEOUT] * hung + [FaultKind.TIME_SPENT] * (5 - hung)


def test_the_process_is_clean(load: Load) -> None:
    """Two named variables, no inherited descriptor, no path to the grader or to its packages."""
    text = """
import os, sys
def variables(): return float(len(set(os.environ) - {"PYTHONHASHSEED", "OPENBLAS_NUM_THREADS", "LC_CTYPE"}))
def descriptors(): return float(len([n for n in range(256) if is_open(n)]))
def is_open(n):
    try: os.get_inheritable(n)
    except OSError: return False
    return True
def packages():
    try: import click
    except ImportError: return 0.0
    return 1.0
def grader():
    try: import grader
    except ImportError: return 0.0
    return 1.0
"""
    secret = os.open("/dev/null", os.O_RDONLY)
    os.set_inheritable(secret, True)
    try:
        with load(text) as worker:
            values = [called(worker, name) for name in ("variables", "descriptors", "packages", "grader")]
    finally:
        os.close(secret)

    assert values == [0.0, 5.0, 0.0, 0.0]  # 0-2 and the two of the conversation


def test_output_is_captured_for_each_case(load: Load) -> None:
    """Output is captured, also from descriptors, decoded with replacement, and truncated at 64 KiB."""
    text = "import os\ndef f():\n print('привет')\n os.write(1, b'\\xff\\n')\n return 1.0\ndef g():\n print('y' * 10**5)\n return 1.0"
    with load("print('loaded')\n" + text) as worker:
        worker.wait_loaded()
        assert worker.take_output() == "loaded\n"
        called(worker)
        assert worker.take_output() == "привет\n\ufffd\n"
        called(worker, "g")
        assert worker.take_output() == "y" * 2**16
        assert worker.take_output() == ""


def test_a_forged_mark_loses_the_output_only(load: Load) -> None:
    """Writing a mark does no harm."""
    with load("import os\ndef f():\n os.write(2, b'\\x1e' * 50)\n return 1.0") as worker:
        assert called(worker) == 1.0
        assert "\x1e" in worker.take_output()
        assert called(worker) == 1.0


@pytest.mark.parametrize(
    "expression",
    [
        "random.random()",
        "np.random.rand()",
        "np.random.default_rng().random()",
        "np.random.RandomState().rand()",
        "np.random.Generator(np.random.PCG64()).random()",
        "float(np.random.SeedSequence().entropy % 10**9)",
        "float(hash('text') % 10**6)",
    ],
)
def test_randomness_comes_from_the_seed(load: Load, expression: str) -> None:
    """The same seed gives the same numbers, for every generator that the program does not seed."""
    text = f"import random\nimport numpy as np\ndef f(): return {expression}"

    values = []
    for seed in (5, 5, 6):
        with load(text) as worker:
            worker.begin(f"case {seed}")
            values.append(called(worker))

    assert values[0] == values[1]
    if "hash" not in expression:
        assert values[0] != values[2]


def test_plotting_packages_are_inert(sandbox: Sandbox) -> None:
    """matplotlib and tqdm can be imported, and do nothing."""
    text = """
import matplotlib.pyplot as plt
from tqdm import tqdm, trange
import seaborn as sns
def f():
    fig, (a, b) = plt.subplots(1, 2)
    a.plot([1], label="x").set_title("t")
    plt.figure(figsize=(3, 3)); plt.show()
    with plt.style.context("x"):
        sns.set()
    return float(sum(tqdm([1, 2])) + sum(trange(3)))
"""
    program = Program(file="network.py", text=text, stand_ins=("matplotlib", "tqdm", "seaborn"))
    with Worker(sandbox, LIMITS, 1, program=program) as worker:
        assert isinstance(worker.wait_loaded(), Loaded)
        assert called(worker) == 6.0


@pytest.mark.parametrize("way", ["forked", pytest.param("alone", marks=pytest.mark.wide), "alone, pipes pumped"])
def test_no_process_and_no_descriptor_is_left(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers, including those that hang or crash, leave nothing behind, forked or not."""
    is_alone = way != "forked"
    monkeypatch.setattr(processes, "ARE_PIPES_SELECTABLE", way != "alone, pipes pumped")
    texts = ["x = 1", "while True: pass", "import os; os._exit(1)", "import os; os.fork(); x = 1"]
    before, known, seen = open_descriptors(), descendants(os.getpid()), set()
    with Sandbox(is_alone=is_alone, modules=BASE) as sandbox:
        for text in texts:
            limits = HASTY if "while" in text else LIMITS
            with Worker(sandbox, limits, 1, program=Program(file="network.py", text=text)) as worker:
                worker.wait_loaded()
                seen |= descendants(os.getpid())

    assert len(seen - known) >= 2  # those that had not ended by themselves when they were counted
    assert [pid for pid in seen - known if Path(f"/proc/{pid}").exists()] == []
    wait_until(lambda: open_descriptors() == before)  # the threads of pumped pipes close theirs by themselves


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize("are_selectable", [True, False])
def test_without_fork_a_worker_is_a_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, are_selectable: bool
) -> None:
    """Without a zygote, a worker still answers, with files and processes within reach."""
    written = tmp_path / "written"
    text = f"import os\nif os.fork() == 0: os._exit(0)\nopen({str(written)!r}, 'w').close()\ndef f(): return 2.5"
    text += f"\n# {'x' * 300_000}"  # more than a pipe holds
    monkeypatch.setattr(processes, "ARE_PIPES_SELECTABLE", are_selectable)
    layers = ("session", "limits")
    program = Program(file="network.py", text=text)
    with (
        Sandbox(is_alone=True, layers=layers, modules=BASE) as sandbox,
        Worker(sandbox, LIMITS, 1, program=program) as worker,
    ):
        assert called(worker) == 2.5
        assert worker.hello is not None
        assert worker.hello.level == "process"
    assert written.exists()
