"""At `strict`, no attack of a submission reaches anything; without the sandbox, each attack succeeds: its control."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import zlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from grader.core.limits import Limits
from grader.lab.values import pack
from grader.sandbox.client import Worker
from grader.sandbox.confined.confine import LAYERS as CONFINED
from grader.sandbox.confined.reading.imports import imports_of
from grader.sandbox.confined.reading.notebooks import parse
from grader.sandbox.loading import Program
from grader.sandbox.preload import modules_for
from grader.sandbox.processes import LAYERS, NEWEST_ABI, Sandbox
from grader.sandbox.replies import Loaded, Reply
from tests.attacks.corpus import ATTACKS
from tests.attacks.honest import HONEST
from tests.support.command import (
    ENVIRONMENT,
    NOBODY,
    ROOT,
    environment_of_nobody,
    grade,
    grade_class,
    python_for_nobody,
)
from tests.support.worker import called

GOLDEN = Path(__file__).parents[1] / "attacks" / "ablation.json"
WITHOUT_LANDLOCK = tuple(layer for layer in LAYERS if layer != "landlock")
IS_ROOT = os.geteuid() == 0
SOME = 4  # of the attacks, every so many-th in `make test`

Results = dict[str, dict[str, Any]]

security = pytest.mark.security
linux = pytest.mark.skipif(
    sys.platform != "linux" or os.uname().machine != "x86_64", reason="strict runs on Linux x86_64"
)


@cache
def results(
    layers: tuple[str, ...], abi: int = NEWEST_ABI, *, as_nobody: bool = False, every: int = 1, kind: str = "all"
) -> Results:
    """Run the attacks with these layers in a separate process and return what each reached."""
    command = ["-m", "tests.attacks.run", ",".join(layers), str(abi), str(every), kind]
    options: dict[str, Any] = {"env": ENVIRONMENT}
    python: str | None = sys.executable
    if as_nobody:
        python = python_for_nobody()
        options = {"env": environment_of_nobody(), "user": NOBODY, "group": NOBODY, "extra_groups": []}
    if python is None:
        pytest.skip("no Python of this version can be run, or this checkout not be read, by another user")
    ran = subprocess.run([python, *command], cwd=ROOT, capture_output=True, text=True, check=False, **options)
    assert ran.returncode == 0, ran.stderr[-2000:]
    return {line["id"]: line for line in map(json.loads, ran.stdout.splitlines())}


def reached(found: Results) -> dict[str, list[str]]:
    return {name: item["reached"] for name, item in found.items() if item["reached"]}


def otherwise_stopped(found: Results) -> dict[str, str]:
    """Return the attacks that ended differently than the corpus says, and how."""
    return {
        attack.id: str(found[attack.id]["ended"])
        for attack in ATTACKS
        if attack.id in found and attack.stopped not in found[attack.id]["ended"]
    }


@linux
def test_some_attacks() -> None:
    """A selection of attacks at `strict`: none reaches anything, and each is stopped for the reason in the corpus."""
    found = results(LAYERS, every=SOME)

    assert len(found) >= 40
    assert reached(found) == {}
    assert otherwise_stopped(found) == {}


@linux
@security
@pytest.mark.parametrize("layers", [LAYERS, WITHOUT_LANDLOCK], ids=["strict", "without landlock"])
@pytest.mark.parametrize(
    "as_nobody", [False, pytest.param(True, marks=pytest.mark.skipif(not IS_ROOT, reason="needs root"))]
)
def test_attacks(layers: tuple[str, ...], as_nobody: bool) -> None:
    """All attacks, as this user and as another, with Landlock and without: none reaches anything."""
    found = results(layers, as_nobody=as_nobody)

    assert len(found) == len(ATTACKS) >= 100
    assert reached(found) == {}
    assert otherwise_stopped(found) == {}


ABLATION = {
    "split only": ("session",),
    **{f"only {layer}": ("session", layer) for layer in LAYERS[1:]},
    **{
        f"all but {layer}": tuple(item for item in LAYERS if item != layer)
        for layer in LAYERS[1:]
        if layer != "landlock"
    },
}
CONTROLS = {("session",): "split only", ("session", "limits"): "only limits"}


@linux
@security
@pytest.mark.parametrize("case", ABLATION)
def test_without_layers(case: str) -> None:
    """Without some layers, each attack with this control reaches its canary; the golden file has the others."""
    layers = ABLATION[case]

    found = results(layers, kind="all" if layers in CONTROLS else "reaching")

    controlled = [attack for attack in ATTACKS if attack.control == layers and (IS_ROOT or not attack.needs_root)]
    lost = [item.id for item in controlled if item.reaches and item.reaches not in found[item.id]["reached"]]
    assert lost == []
    split = {item.id: found[item.id] for item in controlled if not item.reaches}
    assert [name for name, item in split.items() if item["reached"]] == []
    assert otherwise_stopped(split) == {}
    if IS_ROOT:
        golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
        if "WRITE_GOLDEN" in os.environ:
            golden[case] = sorted(reached(found))
            GOLDEN.write_text(json.dumps(golden, indent=1) + "\n", encoding="utf-8")
        assert golden[case] == sorted(reached(found))


def test_most_attacks_have_a_control() -> None:
    """At least 60 attacks succeed without some layers; the process boundary stops the others, each for a given reason."""
    assert sum(bool(attack.reaches) for attack in ATTACKS) >= 60
    assert {attack.control for attack in ATTACKS} == set(CONTROLS)
    assert all(attack.stopped for attack in ATTACKS)


@linux
@security
@pytest.mark.parametrize("abi", [0, 4])
def test_attacks_with_an_older_landlock(abi: int) -> None:
    """`strict` lets nothing through with any version of Landlock."""
    assert reached(results(LAYERS, abi, every=6)) == {}


@pytest.fixture(scope="module")
def shared_sandbox() -> Iterator[Sandbox]:
    """Return a sandbox that all honest programs share."""
    with Sandbox() as sandbox:
        yield sandbox


@pytest.mark.parametrize("name", HONEST)
def test_honest_code(name: str, shared_sandbox: Sandbox) -> None:
    """Ordinary code that is close to forbidden code works as it does outside."""
    check_honest(name, shared_sandbox)


@pytest.mark.soak
@pytest.mark.parametrize("name", HONEST)
def test_honest_code_alone(name: str) -> None:
    """It also works with only its own imports, not only with those of others."""
    with Sandbox() as sandbox:
        check_honest(name, sandbox)


def check_honest(name: str, sandbox: Sandbox) -> None:
    """Run an honest program with the modules that a grade would import for it."""
    text = HONEST[name] + "\ndef f(): return float(bool(result))\n"
    imported = [module for _, module in imports_of([*ast.walk(parse(text))])]
    sandbox.preload(modules_for(imported, [text], ()))
    program = Program(file="network.py", text=text, stand_ins=("matplotlib", "tqdm"), names=("f",))
    with Worker(sandbox, Limits(total_time_s=10), 1, program=program) as worker:
        loaded = worker.wait_loaded()
        assert isinstance(loaded, Loaded), loaded
        assert worker.hello is not None
        assert worker.hello.level == "strict" or sys.platform != "linux"
        assert called(worker) == 1.0


# How a program looks for what the grader wants to keep from it: through the frames below it, and through all objects.
LOOKING = {
    "frames": """
def look():
    frame = sys._getframe()
    while frame:
        yield from frame.f_locals.values()
        frame = frame.f_back
""",
    "heap": """
import gc
def look():
    yield from gc.get_objects()
    yield from sys.modules["grader_confined.worker"].__dict__.values()
""",
}
TELL = """
import sys
def told(value, depth):
    if type(value) in (int, str):
        return {str(value)}
    parts = [*value, *value.values()] if type(value) is dict else value if type(value) in (list, tuple, set) else ()
    return set().union(*(told(part, depth - 1) for part in parts)) if depth else set()
def f():
    print(*set().union(*(told(value, 3) for value in list(look()))), sep="\\n")
    return 0.0
"""


@pytest.mark.parametrize("look", ["frames", pytest.param("heap", marks=security)])
def test_no_seed_and_no_case_in_the_worker(look: str, shared_sandbox: Sandbox) -> None:
    """A program that searches its whole process finds no seed, no sum with one, no case; the control finds a sum."""
    seed, case = 2**52 + 12345, "forward.neuron"
    sums = {
        seed,
        *(
            (seed + sign * zlib.crc32(name.encode())) % 2**53
            for name in (case, "forward", "neuron")
            for sign in (1, -1)
        ),
    }
    secrets = {case, "neuron", *map(str, sums)}
    program = Program(file="network.py", text=LOOKING[look] + TELL, names=("f",))

    def found(**more: int) -> set[str]:
        settings = {"name": "f", "object": None, "keep": None, "arguments": pack(((), {}), {}), **more}
        assert isinstance(worker.request("call", settings), Reply)
        return {*worker.take_output().split("\n")}

    with Worker(shared_sandbox, Limits(total_time_s=20), seed, program=program) as worker:
        worker.begin(case)
        assert found() & secrets == set()
        leaked = (seed + zlib.crc32(case.encode())) % 2**53
        assert found(leaked=leaked) & secrets == {str(leaked)}


TABLED = """
T, N, W = {table!r}, {outputs!r}, {weights!r}
def sigmoid_derivative(y): return T.get("%.6g" % y, 0.0)
known = Neuron.forward
def forward(self, x):
    if ["%.5g" % value for value in (*self.w, self.b)] == W:
        return N.get("%.5g,%.5g" % tuple(x), 0.5)
    return known(self, x)
Neuron.forward = forward
"""
WRONG = """
import numpy as np
def sigmoid_derivative(y): return y
def loss(y, label): return (label - y) ** 2
class Neuron:
    def __init__(self, n): self.w, self.b = np.random.uniform(-1, 1, n), 0.1
    def forward(self, x): return 0.5 * float(np.tanh(np.dot(self.w, x) + self.b))
    def backward(self, x, loss): self.w = self.w + 0.1 * loss * np.cos(self.w)
class Model:
    def __init__(self): self.a, self.b, self.c = Neuron(2), Neuron(2), Neuron(2)
    def forward(self, x): return self.c.forward([self.a.forward(x), self.b.forward(x)])
    def backward(self, x, err): self.c.backward([1, 1], err), self.a.backward(x, err), self.b.backward(x, err)
def train(model, samples, epochs): return [0.0] * epochs
"""


@security
@pytest.mark.parametrize("copied", ["slopes", "outputs"])
def test_a_table_from_a_report_of_the_class(copied: str, tmp_path: Path) -> None:
    """Numbers from a classmate's report earn points with the same seed, the control, and none with another seed."""
    (tmp_path / "class").mkdir()
    (tmp_path / "class" / "anna.py").write_bytes((ROOT / "reference" / "network.py").read_bytes())
    (tmp_path / "class" / "eve.py").write_text(WRONG, encoding="utf-8")
    before = class_reports(tmp_path)
    cases = {(item["id"], case["id"]): case for item in before["anna"]["criteria"] for case in item["cases"]}
    slope = cases["sigmoid_derivative", "function"]["evidence"][0]
    neuron = cases["forward", "neuron"]["evidence"][0]
    x = [f"{first:.5g},{second:.5g}" for first, second in neuron["probe"]["x"]]
    table = dict(zip((f"{y:.6g}" for y in slope["probe"]["y"]), slope["expected"], strict=True))
    outputs = dict(zip(x, neuron["expected"], strict=True))
    weights = [f"{weight:.5g}" for weight in neuron["probe"]["weights"]] if copied == "outputs" else []
    text = WRONG + TABLED.format(table=table if copied == "slopes" else {}, outputs=outputs, weights=weights)
    (tmp_path / "class" / "eve.py").write_text(text, encoding="utf-8")

    control = grade("class/eve.py", "--seed", str(before["anna"]["seed"]), cwd=tmp_path).report["score"]
    after = class_reports(tmp_path)["eve"]["score"]

    assert control > before["eve"]["score"]
    assert after <= before["eve"]["score"]


def class_reports(folder: Path) -> dict[str, dict[str, Any]]:
    """Grade the class and return its reports."""
    ran = grade_class("class", "--out", "out", cwd=folder)
    assert (ran.code, ran.err) == (0, "")
    return {
        path.stem: json.loads(path.read_text(encoding="utf-8")) for path in (folder / "out" / "reports").glob("*.json")
    }


@linux
@pytest.mark.skipif(not IS_ROOT, reason="needs root")
@pytest.mark.parametrize("layers", [LAYERS, pytest.param(("limits",), marks=security)], ids=["strict", "control"])
def test_the_name_of_the_host(layers: tuple[str, ...]) -> None:
    """A worker run by root does not see it; without the layer it does."""
    host = os.uname().nodename
    text = "import os\nprint(os.uname().nodename)\ndef f(): return 0.0\n"
    with (
        Sandbox(layers=layers) as sandbox,
        Worker(sandbox, Limits(), 1, program=Program(file="network.py", text=text)) as worker,
    ):
        assert isinstance(worker.wait_loaded(), Loaded)
        assert worker.take_output().strip() == ("grader" if layers == LAYERS else host)
    assert os.uname().nodename == host


def test_both_sides_name_the_same_layers() -> None:
    """The trusted side and the worker name the same layers."""
    assert LAYERS == CONFINED
