"""Forged answers count as the submission's fault: nothing is truncated silently, no number breaks the grader, and all ends soon."""

from __future__ import annotations

import contextlib
import json
import os
import py_compile
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.core.faults import Fault, FaultKind
from grader.core.limits import Limits
from grader.core.messages import say
from grader.core.report import Status
from grader.lab import CaseStopped, Student, student_fault
from grader.lab.values import pack
from grader.labs.xor.driving import calls
from grader.labs.xor.driving.calls import ObjectDescription
from grader.labs.xor.driving.network import Network
from grader.labs.xor.measurements import Measurements
from grader.labs.xor.mistakes.rules import bounded_rate
from grader.labs.xor.watched.observed import observe
from grader.labs.xor.watched.observing import Discovered, Methods, Recorded, Trained
from grader.pipeline import grading
from grader.pipeline.assignment import read_assignment
from grader.pipeline.budget import Budget, OutOfTime
from grader.sandbox import protocol, replies
from grader.sandbox.confined import values
from grader.sandbox.loading import Loading
from grader.sandbox.processes import Sandbox
from grader.sandbox.protocol import ProtocolError, WorkerFault, decode_data
from grader.sandbox.replies import Loaded, Marked, Reply, Trouble
from grader.sandbox.source import SourceFile
from tests.attacks import forged
from tests.support.command import ROOT, grade_class, graded, graded_as_json

Write = Callable[..., Path]
LARGEST_REPORT = 200_000
EXAMPLES = int(os.environ.get("EXAMPLES", "1"))  # times as many, not always the same: `make fuzz`


def marked(names: Mapping[str, object], *fast: str) -> list[Any]:
    """Return all names as parameters; slow ones are marked for `make security`."""
    return [name if name in fast else pytest.param(name, marks=pytest.mark.security) for name in names]


def check(path: Path, control: int) -> None:
    """Check that a submission is graded or not gradable, with at most its control's score, and that every report renders it."""
    report = graded(path, seed=1)

    assert report.status in (Status.GRADED, Status.NOT_GRADABLE)
    assert (report.score or 0) <= control
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(report), type=type(report)) == report
    assert len(msgspec.json.encode(report)) < LARGEST_REPORT


@pytest.mark.parametrize("name", marked(forged.OF_SCRIPTS, "extent_0_beside_others", "rows"))
def test_forged_answers_of_a_watched_program(name: str, write: Write) -> None:
    """Its control has full marks, and it has no more."""
    check(write(forged.SCRIPT + forged.OF_SCRIPTS[name]), 100)


@pytest.mark.parametrize("name", marked(forged.OF_TEMPLATES, "line_huge", "loss_tiny"))
def test_forged_answers_of_a_template(name: str, student_code: str, write: Write) -> None:
    """Its control has full marks, and it has no more."""
    check(write(student_code + forged.OF_TEMPLATES[name]), 100)


@pytest.mark.parametrize("name", marked(forged.RATES, "rate_tiny_with_zeros"))
def test_tiny_and_infinite_rates(name: str, write: Write) -> None:
    """A rate that nothing can be divided by is graded like any other."""
    check(write(forged.RATES[name]), 99)


@pytest.mark.wide
def test_the_controls(student_code: str, write: Write) -> None:
    """Submissions have full marks without the forgery."""
    assert 100 == graded(write(forged.SCRIPT, "script.py"), seed=1).score
    assert 100 == graded(write(student_code), seed=1).score


@pytest.mark.parametrize(
    "seed", [pytest.param(seed, marks=[pytest.mark.security] if seed else []) for seed in range(12)]
)
def test_replies_bent_at_random(seed: int, student_code: str, write: Write) -> None:
    """Extreme numbers, texts and shapes in any reply of a run."""
    base = (forged.SCRIPT, student_code)[seed % 2]

    check(write(base + forged.bending(seed, (0.05, 0.3)[seed // 2 % 2])), 100)


@pytest.mark.wide
@pytest.mark.parametrize("count", [3, pytest.param(100, marks=pytest.mark.security)])
def test_a_class_goes_on(count: int, student_code: str, tmp_path: Path) -> None:
    """A class with such submissions is graded, with exit code 0, and other submissions get the same report as alone."""
    scripts = {name: forged.SCRIPT + tail for name, tail in forged.OF_SCRIPTS.items()}
    templates = {name: student_code + tail for name, tail in forged.OF_TEMPLATES.items()}
    for handed in ("class", "alone"):
        (tmp_path / handed).mkdir()
        (tmp_path / handed / "neighbour.py").write_text(student_code, encoding="utf-8")
    for every in (scripts, templates, forged.RATES):
        for name in [*every][: -(-count // 3)]:
            (tmp_path / "class" / f"{name}.py").write_text(every[name], encoding="utf-8")
    found = []
    for handed in ("class", "alone"):
        ran = grade_class(
            handed, "--out", f"out-{handed}", "--seed", "3", "--time-limit", "10", "--jobs", "1", cwd=tmp_path
        )
        assert (ran.code, ran.err) == (0, "")
        reports = {
            path.stem: json.loads(path.read_text(encoding="utf-8"))
            for path in (tmp_path / f"out-{handed}" / "reports").glob("*.json")
        }
        assert len(reports) == len(list((tmp_path / handed).iterdir()))
        assert {report["status"] for report in reports.values()} <= {"graded", "not_gradable"}
        neighbour = reports["neighbour"]
        del neighbour["timing"]
        found.append(neighbour)
    assert found[0] == found[1]


# --- the import ban -----------------------------------------------------------------------------

GUARDED = '\nif __name__ == "__main__":\n    import torch\n'


@pytest.mark.parametrize("before", ["import os\n" * 2_500, "".join(f"import os.a{n}\n" for n in range(2_500))])
def test_imports_hide_no_import(before: str, student_code: str, write: Write) -> None:
    """A framework's import is found after any number of other imports."""
    report = graded_as_json(write(student_code + "\nif False:\n    pass\n" + guarded(before) + GUARDED), seed=1)

    assert (report["status"], report["score"]) == ("graded", 0)
    assert ["torch" in item["message"]["text"] for item in report["findings"]] == [True]


def guarded(text: str) -> str:
    """Return imports that are never executed."""
    return "if False:\n" + "".join(f"    {line}\n" for line in text.splitlines())


def test_more_imports_than_are_looked_through(student_code: str, write: Write) -> None:
    """More than 2,000 different imports are refused; the same import may be repeated."""
    few, many, same = (
        guarded("".join(f"import os.a{n if n < most else 0}\n" for n in range(2_100))) for most in (1_900, 2_100, 1)
    )

    assert 100 == graded(write(student_code + few), seed=1).score
    assert 100 == graded(write(student_code + same), seed=1).score
    report = graded(write(student_code + many), seed=1)
    assert (report.status, report.score) == (Status.REJECTED, 0)
    assert report.reason is not None
    assert report.reason.text == "network.py has more than 2000 different imports."


def test_a_long_text_hides_no_import(student_code: str, write: Write) -> None:
    """A string that is executed is searched whatever its length."""
    text = "x = 1\n" * 1_000 + "import torch\n"

    report = graded_as_json(write(f'{student_code}\nif __name__ == "__main__":\n    exec({text!r})\n'), seed=1)

    assert (report["score"], len(report["findings"])) == (0, 1)


NAMES = "\nNeuron, Model, train, loss, sigmoid_derivative = t.Neuron, t.Model, t.train, t.loss, t.sigmoid_derivative\n"
NAMED = "t = importlib.import_module('tor' + chr(99) + 'h')"
WITHOUT_FINDER = "sys.meta_path[:] = [one for one in sys.meta_path if 'grader' not in type(one).__module__]; "
ON_DISK = {
    "path": f"sys.path.insert(0, FOLDER); {NAMED}",
    "without_finder": f"sys.path.insert(0, FOLDER); {WITHOUT_FINDER}{NAMED}",
    "compiled": f"sys.path.insert(0, FOLDER + '/compiled'); {WITHOUT_FINDER}{NAMED}",
    "by_its_file": "s = importlib.util.spec_from_file_location('other', FOLDER + '/torch.py'); t = importlib.util.module_from_spec(s); s.loader.exec_module(t)",
    "text": "import types; names = {}; exec(open(FOLDER + '/torch.py').read(), names); t = types.SimpleNamespace(**names)",
    "bytes": "import os, types; names = {}; exec(os.read(os.open(FOLDER.encode() + b'/torch.py', os.O_RDONLY), 10**6), names); t = types.SimpleNamespace(**names)",
    "copied": "import shutil; shutil.copy(FOLDER + '/torch.py', FOLDER + '/other.py'); sys.path.insert(0, FOLDER); t = importlib.import_module('other')",
    "run": "import runpy, types; t = types.SimpleNamespace(**runpy.run_path(FOLDER + '/torch.py'))",
}  # fmt: skip


@pytest.fixture(scope="module")
def open_sandbox() -> Any:
    """Return a sandbox like that of a system without Landlock and seccomp."""
    with Sandbox(layers=("session", "limits")) as sandbox:
        yield sandbox


@pytest.mark.parametrize("way", marked(ON_DISK, "path", "text"))
def test_a_framework_on_the_disk_is_found(way: str, open_sandbox: Sandbox, write: Write, tmp_path: Path) -> None:
    """At level `process` it could be loaded: it is not, and a finding says that the code uses it."""
    disk = tmp_path / "disk"
    (disk / "compiled").mkdir(parents=True)
    (disk / "torch.py").write_bytes((ROOT / "reference" / "network.py").read_bytes())
    py_compile.compile(str(disk / "torch.py"), str(disk / "compiled" / "torch.pyc"))
    path = write(f"import importlib.util, sys\nFOLDER = {str(disk)!r}\n{ON_DISK[way]}{NAMES}")

    report = grading.grade(path, grading.assignment(), seed=1, sandbox=open_sandbox)

    assert (report.sandbox.level, report.score) == ("process", 0)
    assert [finding.message.text for finding in report.findings] == [
        "network.py imported torch while running, which is forbidden in this lab."
    ]


def test_other_modules_on_the_disk_are_not(open_sandbox: Sandbox, write: Write, tmp_path: Path) -> None:
    """The control: the same code under another name, in a folder named like a framework, is loaded."""
    disk = tmp_path / "torch"
    disk.mkdir()
    (disk / "lecture.py").write_bytes((ROOT / "reference" / "network.py").read_bytes())
    text = f"import importlib, sys\nsys.path.insert(0, {str(disk)!r})\nt = importlib.import_module('lecture'){NAMES}"

    report = grading.grade(write(text), grading.assignment(), seed=1, sandbox=open_sandbox)

    assert (report.sandbox.level, list(report.findings)) == ("process", [])
    assert report.score is None or report.score > 0


# --- time ---------------------------------------------------------------------------------------


def test_a_budget_ends() -> None:
    """It is used up in parts; after that, no more work starts."""
    budget = Budget(0.2)
    with budget.spending():
        pass
    assert not budget.is_spent

    with pytest.raises(OutOfTime):
        work_in(budget)

    assert budget.is_spent
    began = time.process_time()
    with pytest.raises(OutOfTime):
        work_in(budget)
    assert time.process_time() - began < 0.1


def work_in(budget: Budget) -> None:
    """Work forever."""
    with budget.spending():
        while True:
            pass


def test_waiting_costs_nothing() -> None:
    """Time of a slow machine or of the student's code is not counted."""
    budget = Budget(0.1)

    with budget.spending():
        time.sleep(0.3)

    assert not budget.is_spent


# Hypothesis has a callback of the garbage collector, in which Python drops the error; the alarm then repeats it.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(("base", "status"), [("template", "not_gradable"), ("script", "not_gradable")])
def test_a_submission_that_takes_too_long_to_judge(
    base: str, status: str, student_code: str, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not gradable, and the grader is not at fault."""
    path = write(student_code if base == "template" else forged.SCRIPT)
    monkeypatch.setattr(grading, "Budget", lambda: Budget(0.02))

    report = graded(path, seed=1)

    assert (report.status.value, report.score) == (status, None)


# --- the messages themselves --------------------------------------------------------------------

INTEGERS = st.sampled_from([0, 1, 2, 575, 576, 577, 640, -1, 10**6, 10**9, 2**31, 2**53, 2**63, -(2**63), 10**30])
TEXTS = st.sampled_from(["", "Model", "w", "x" * 300, "\ud800", "\0", "{what}", "é" * 900])
FLOATS = st.sampled_from([0.0, -0.0, 1.0, 0.5, 5e-324, 1e-310, 1e-9, 1e308, -1e308, np.nan, np.inf, -np.inf])


def built(kind: msgspec.inspect.Type, most: int = 700) -> st.SearchStrategy[Any]:
    """Return a strategy for JSON of a type, ignoring its bounds; most: how often items of an outer list may repeat."""
    match kind:
        case msgspec.inspect.IntType():
            return st.integers(0, 4) | INTEGERS
        case msgspec.inspect.StrType() | msgspec.inspect.AnyType():
            return TEXTS
        case msgspec.inspect.BoolType():
            return st.booleans()
        case msgspec.inspect.NoneType():
            return st.none()
        case msgspec.inspect.ListType():
            lists = st.lists(built(kind.item_type, 1), max_size=4)
            return lists | lists.map(lambda some: some * most)
        case msgspec.inspect.TupleType():
            return st.tuples(*(built(type_, most) for type_ in kind.item_types)).map(list)
        case msgspec.inspect.DictType():
            return st.dictionaries(TEXTS, built(kind.value_type, most), max_size=3)
        case msgspec.inspect.UnionType():
            return st.one_of(*(built(type_, most) for type_ in kind.types))
        case msgspec.inspect.StructType():
            return st.fixed_dictionaries({field.encode_name: built(field.type, most) for field in kind.fields})
    raise TypeError(kind)


def words_of(kind: type) -> st.SearchStrategy[bytes]:
    """Return a strategy for the data of an answer as a worker may write it."""
    return built(msgspec.inspect.type_info(kind)).map(lambda value: json.dumps(value).encode("utf-8", "surrogatepass"))


ANSWERS = (
    Loaded,
    Marked,
    replies.SourceReply,
    calls.Form,
    ObjectDescription,
    Discovered,
    Recorded,
    Methods,
    Trained,
    WorkerFault,
)


@settings(derandomize=EXAMPLES == 1, max_examples=40 * EXAMPLES)
@given(st.sampled_from(ANSWERS).flatmap(lambda kind: st.tuples(st.just(kind), words_of(kind))))
def test_an_answer_is_bounded(answer: tuple[type, bytes]) -> None:
    """Decoded data can be sent back in a request and stored in a report; all other data raises ProtocolError."""
    kind, text = answer
    try:
        value: Any = decode_data(text, kind)
    except ProtocolError:
        return
    assert protocol.encode(1, "op", {"value": msgspec.to_builtins(value)}, {})
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(value), type=kind) == value


@settings(derandomize=EXAMPLES == 1, max_examples=40 * EXAMPLES)
@given(words_of(WorkerFault), st.sampled_from(FaultKind))
def test_a_fault_ends_a_case(text: bytes, kind: FaultKind) -> None:
    """Every decoded fault becomes a sentence that every report can contain."""
    try:
        fault = decode_data(text, WorkerFault)
    except ProtocolError:
        return
    known = Fault(kind=kind, type=fault.type, message=fault.message, line=fault.line)
    stopped = student_fault(known, "Neuron.forward", SourceFile(name="network.py", text=""), 2**30)

    assert stopped.feedback.text
    msgspec.msgpack.encode((stopped.feedback, stopped.outcome.exception))


ARRAYS = "before after outputs sizes returned numbers passed scalars base moved changed values squared x calls losses 0".split()


def reply(value: Any) -> Reply:
    """Return a value as the worker sends it."""
    blocks: dict[str, Any] = {}
    packed = json.dumps({"value": pack(value, blocks)}).encode()
    return Reply(data=msgspec.Raw(packed), arrays=blocks)


@dataclass
class Script:
    """Replacement for a worker: draws one decoded answer after another."""

    draw: Callable[[st.SearchStrategy[Any]], Any]
    asked: list[str] = field(default_factory=list)
    loading: Loading = field(default_factory=lambda: Loading(30.0))
    troubles: tuple[Trouble, ...] = ()
    shared: dict[str, Any] = field(default_factory=dict)

    def wait_loaded(self) -> Loaded:
        """Return names."""
        return Loaded(callables=["Model", "Neuron", "loss", "train"])

    def begin(self, _: int) -> None:
        """Do nothing."""

    def request(self, op: str, settings: Mapping[str, Any], arrays: Mapping[str, Any], _: object = None) -> Reply:
        """Return an answer for the operation, of a plausible form or not."""
        self.asked.append(op)
        if len(self.asked) > 60:
            return reply(None)
        operation = settings.get("name", op) if op == "operate" else op
        kind = {
            "discover": Discovered, "record": Recorded, "methods": Methods, "retrain": Trained, "describe": ObjectDescription,
        }.get(operation, calls.Form)  # fmt: skip
        data = self.draw(words_of(kind) if self.draw(st.booleans()) else PLAUSIBLE.get(kind, words_of(kind)))
        named = (
            values.unpack(settings["arguments"], dict(arrays), defaultdict(object))[1]
            if "arguments" in settings
            else {}
        )
        rows = len(named.get("references") or ()) or 8
        count = {"parameters", "x"} & set(named)
        shape = (
            len(named[min(count)]) if count else rows,
            *self.draw(st.sampled_from([(), (1,), (2,), (4,), (rows,)])),
        )
        found = {
            name: self.draw(FLOATS) * np.ones(self.draw(st.sampled_from([shape, (24,), (8, 9), (8, 2)])))
            for name in ARRAYS
        }
        if kind is Recorded:
            found |= {
                "before": self.table((8, 9)),
                "after": self.table((8, 9)),
                "passed": np.tile([[0, 0], [0, 1], [1, 0], [1, 1]], (2, 1)).astype(float),
            }
        if kind is Discovered:
            found["numbers"] = np.tile([0, 0, 0.5, 0, 1, 0.5, 1, 0, 0.5, 1, 1, 0.5], 2)
        try:
            words = json.loads(data)
        except ValueError:
            return Reply(data=msgspec.Raw(data), arrays={})
        return reply({**words, **found} if isinstance(words, dict) else words)

    def table(self, shape: tuple[int, ...]) -> Any:
        """Return numbers, one of them extreme."""
        found = np.random.default_rng(self.draw(st.integers(0, 9))).normal(size=shape)
        found[self.draw(st.integers(0, shape[0] - 1)), self.draw(st.integers(0, shape[1] - 1))] = self.draw(FLOATS)
        return found


CALL = {"class": "A", "method": "f", "object": 0, "depth": 1, "passed": 2, "returned": 1, "inside": -1, "answers": -1}
SHAPES = st.sampled_from([[[2]], [[1, 2]], [[2, 1]], [[], []], [[0], [2]], [[0, 2], [2]], [[2], [2, 0]], [[2, 0]]])
PLAUSIBLE = {
    Discovered: SHAPES.map(lambda some: {"calls": [{**CALL, "shapes": some}] * 8, "layouts": [], "problem": "", "logs": False, "classes": True}),
    Recorded: INTEGERS.map(lambda depth: {"places": [[["w"], n] for n in range(9)], "sites": [0] * 8, "depths": [1] * 7 + [depth]}),
    Trained: INTEGERS.map(lambda count: {"count": count}),
    ObjectDescription: INTEGERS.map(lambda size: {"found": [{"path": [f"n{n}"], "same": n, "class": "Neuron"} for n in range(3)] + [{"path": [f"n{n}", "w"], "same": 3 + n, "kind": "list", "size": 3 if n else size} for n in range(3)], "classes": {}, "is_cut": False}),
}  # fmt: skip
PLAUSIBLE = {kind: strategy.map(lambda value: json.dumps(value).encode()) for kind, strategy in PLAUSIBLE.items()}
FILE = SourceFile(name="network.py", text="")


def scripted(data: st.DataObject) -> Student:
    """Return a submission whose worker gives drawn answers."""
    operations = read_assignment().operations
    return Student(Script(data.draw), FILE, Limits(), 1, operations)  # type: ignore[arg-type]


@settings(derandomize=EXAMPLES == 1, max_examples=20 * EXAMPLES)
@given(st.data())
@pytest.mark.wide
def test_a_watched_training_ends(data: st.DataObject) -> None:
    """For any answers, there is something to grade by, or a reason why not."""
    with contextlib.suppress(CaseStopped):
        observed = observe(scripted(data))
        assert 0 <= observed.learned.epochs < 10**10
        assert observed.mistake is None or observed.mistake.rules


@settings(derandomize=EXAMPLES == 1, max_examples=8 * EXAMPLES)
@given(st.data())
def test_a_layout_is_found_or_not(data: st.DataObject) -> None:
    """For any answers about the model, its parameters are found, or the case ends."""
    network = Network(scripted(data))
    measured = Measurements(network)
    for owner, name in (
        (network.layout, "references"), (network.layout, "alone"), (network.layout, "shared_weights"),
        (measured, "neuron_rule"), (measured, "model_rule"), (measured, "network_mistake"),
    ):  # fmt: skip
        with np.errstate(all="ignore"), contextlib.suppress(CaseStopped):
            getattr(owner, name)
        assert {name, f"{name}: stopped"} & {*vars(owner)}


@given(FLOATS)
def test_a_bounded_rate(rate: float) -> None:
    """Any number gives a rate between 1e-9 and 1e9."""
    assert 1e-9 <= bounded_rate(rate) <= 1e9


@given(INTEGERS)
def test_a_number_in_a_sentence(number: int) -> None:
    """A report can contain a number of any size."""
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(say("{n}", n=number).args))
