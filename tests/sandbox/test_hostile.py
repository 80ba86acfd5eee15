"""Submissions that lie, break the channel or fake learning: a valid report in time, and no points for it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from grader.core.limits import Limits
from grader.core.report import Status
from grader.pipeline.grading import limits_for
from grader.renderers.json import render_json
from grader.renderers.text import render_text
from tests.support.command import PATIENT, ROOT, grade, graded_as_json, run
from tests.support.command import graded as grade_here

Write = Callable[..., Path]

STOPS_READING = """
import os, sys, time
class Neuron:
    def __init__(self, n): self.w = [0.5] * 64
    def forward(self, x): return 0.5
class Model:
    def __init__(self): self.parts = [Neuron(2) for _ in range(700)]
    def forward(self, x): return sum(self.parts[0].w)
frame = sys._getframe()
while frame:
    if "pipe" in frame.f_locals and hasattr(frame.f_locals["pipe"], "receive"): pipe = frame.f_locals["pipe"]
    frame = frame.f_back
send = pipe.send
def once(header, arrays, count=[0]):
    send(header, arrays)
    count[0] += 1
    while count[0] > 2: time.sleep(1)
pipe.send = once
"""

HOSTILE = {
    "answers_none": "class Neuron: pass\nclass Model:\n    n = 1\n    def __init__(self): self.a = 1.5\n    def forward(self, x): return None\n",
    "non_string_name": "globals()[1] = print\n",
    "deep_folders": "import os\nfor _ in range(2000):\n    os.mkdir('a')\n    os.chdir('a')\n",
    "slow_flush": "import sys, time\nsys.stdout.flush = lambda: time.sleep(3)\n",
    "no_mark": "import sys\nsys.modules['grader_confined.worker'].Pipe.mark = lambda *_: None\n",
    "lying_shape": "import sys\nmain = sys.modules['grader_confined.worker']\nmain.RequestHandler.make = lambda *_: ({'value': None}, {'a': main.np.zeros((2**21, 0))})\n",
    "no_arrays": "import sys\nsys.modules['grader_confined.worker'].RequestHandler.operate = lambda *_: ({'value': {}}, {})\n",
    "early_reply": "import os\nfor n in range(3, 12):\n    try: os.write(n, b'\\0' * 8)\n    except OSError: pass\n",
    "many_objects": "class Small: pass\nclass Model:\n    def __init__(self): self.parts = [Small() for _ in range(6000)]\n    def forward(self, x): return 0.5\n",
    "stops_reading": STOPS_READING,
}


IN_MAKE_TEST = {"answers_none", "lying_shape"}


@pytest.mark.parametrize(
    "name", [name if name in IN_MAKE_TEST else pytest.param(name, marks=pytest.mark.soak) for name in HOSTILE]
)
def test_hostile_code_gets_a_report(name: str, student_code: str, write: Write) -> None:
    """The grade ends, and never as a fault of the grader."""
    limits = limits_for(Limits(), 2)

    report = graded(student_code + HOSTILE[name], write, limits)

    assert report["status"] in ("graded", "not_gradable")


def graded(code: str, write: Write, limits: Limits = PATIENT) -> dict[str, Any]:
    return graded_as_json(write(code), seed=3, limits=limits)


def points(report: dict[str, Any], criterion: str, case: str) -> int:
    (cases,) = [item["cases"] for item in report["criteria"] if item["id"] == criterion]
    (found,) = [item for item in cases if item["id"] == case]
    return int(found["points"])


@pytest.mark.wide
def test_answers_from_a_table_are_no_learning(student_code: str, write: Write) -> None:
    """A network that does not move, and answers the corners from a table after some steps, has not converged."""
    code = student_code.replace(
        "        return self.n3.forward(self.h)\n",
        "        y = self.n3.forward(self.h)\n"
        "        corner = (float(x[0]), float(x[1]))\n"
        "        table = {(0, 0): 0.1, (0, 1): 0.9, (1, 0): 0.9, (1, 1): 0.1}\n"
        "        return table.get(corner, y) if getattr(self, 'steps', 0) > 20 else y\n",
    ).replace(
        "        e1, e2 = self.n3.backward(self.h, err)\n        self.n1.backward(x, e1)\n        self.n2.backward(x, e2)\n",
        "        self.steps = getattr(self, 'steps', 0) + 1\n        self.n3.bias += 1e-3 * err\n",
    )

    report = graded(code, write)

    assert points(report, "xor", "convergence") == 0
    assert points(report, "xor", "train") == 0


def test_memorised_weights_are_no_learning(student_code: str, write: Write) -> None:
    """A train that writes a known solution does not learn its samples."""
    code = student_code + (
        "\n\ndef train(model, samples, epochs):\n"
        "    for neuron, row in zip((model.n1, model.n2, model.n3), [[7, 7, -3], [5, 5, -7.5], [9, -9, -4]]):\n"
        "        neuron._weigths, neuron.bias = np.array(row[:2], dtype=float), float(row[2])\n"
        "    return [1 / (n + 1) for n in range(epochs)]\n"
    )

    report = graded(code, write)

    assert points(report, "xor", "convergence") == 5
    assert points(report, "xor", "train") == 0


def test_addresses_do_not_differ(student_code: str, write: Write) -> None:
    """Memory addresses in output are masked: the same seed gives the same report."""
    path = write(student_code.replace("        self.h = ", "        print(self)\n        self.h = "))
    reports = []
    for _ in range(2):
        report = graded_as_json(path, seed=3)
        del report["timing"]
        reports.append(report)

    assert reports[0] == reports[1]
    assert "0x…" in str(reports[0])


@pytest.mark.parametrize("name", [b"a\xff\xfeb.py", b"\xff"])
def test_names_that_are_not_text(name: bytes, tmp_path: Path) -> None:
    """A file or folder whose name is not UTF-8 is graded under a name that every report can contain."""
    source = (ROOT / "reference" / "network.py").read_bytes()
    path = os.fsencode(tmp_path) + b"/" + name
    if not name.endswith(b".py"):
        os.mkdir(path)  # noqa: PTH102
        path += b"/b\xff.py"
    with open(path, "wb") as file:  # noqa: PTH123
        file.write(source)

    report = graded_as_json(Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)), seed=3)

    assert report["score"] == 100
    assert "\ufffd" in report["submission"]["name"]


def test_a_report_never_replaces_the_submission(student_code: str, write: Write, tmp_path: Path) -> None:
    """It is refused, and so are two spellings of one path."""
    path = write(student_code)

    for arguments in (["json=network.py"], ["json=./a", "text=b/../a"]):
        (tmp_path / "b").mkdir(exist_ok=True)
        ran = grade(path, *[word for argument in arguments for word in ("--report", argument)], cwd=tmp_path)
        assert 2 == ran.code
        assert ran.err.startswith("grade: ")
    assert student_code == path.read_text(encoding="utf-8")


def test_a_device_is_written_not_replaced(tmp_path: Path) -> None:
    """A report to /dev/null leaves the device alone; one through a link keeps the link."""
    (tmp_path / "link.json").symlink_to(tmp_path / "real.json")

    assert 0 == grade(ROOT / "reference", "--report", "json=/dev/null", "--report", "json=link.json", cwd=tmp_path).code

    assert Path("/dev/null").is_char_device()
    assert (tmp_path / "link.json").is_symlink()
    assert (tmp_path / "real.json").read_text(encoding="utf-8").startswith("{")


def test_modules_beside_the_caller_are_not_imported(tmp_path: Path) -> None:
    """`python -m grader` in a student's folder does not import the student's msgspec.py."""
    (tmp_path / "msgspec.py").write_text("raise SystemExit('imported')", encoding="utf-8")

    ran = run([sys.executable, "-m", "grader", str(ROOT / "reference")], cwd=tmp_path)

    assert (0, 100) == (ran.code, ran.report["score"])


def test_denied_actions_are_explained(student_code: str, write: Write) -> None:
    """Code that copes without files, network and threads keeps its points, and the report lists what was denied."""
    tries = """
import platform, socket, subprocess, threading
for attempt in (
    platform.freedesktop_os_release, lambda: open("/proc/1/cmdline"), lambda: open("weights.txt"), lambda: open("log.txt", "w"), lambda: socket.socket(),
    lambda: subprocess.run(["ls"]), lambda: threading.Thread(target=print).start(), lambda: os.listdir("."),
):
    try: attempt()
    except (OSError, RuntimeError): pass
"""
    code = student_code.replace("import numpy as np\n", "import os\nimport numpy as np\n") + tries

    report = grade_here(write(code), seed=3)

    remarks = [remark.text for criterion in report.criteria for remark in criterion.remarks]
    told = [text for text in remarks if text.startswith("Your code tried to ")]
    assert report.score == 100
    for part in (
        "use the file weights.txt",
        "use the network",
        "start a program ls",
        "use the file .",
        "use the file /proc/1/cmdline",
    ):
        assert any(part in text for text in told), (part, told)
    assert not any("os-release" in text for text in told)  # a package looks there by itself
    assert "note: Your code tried to use the file weights.txt" in render_text(report)


def test_a_submission_with_a_file_named_like_a_module(student_code: str, tmp_path: Path) -> None:
    """`import random` finds a student's random.py, which does not disturb numpy."""
    (tmp_path / "work").mkdir()
    for name in ("random", "copy", "token"):
        (tmp_path / "work" / f"{name}.py").write_text("OWN = 0.5\n", encoding="utf-8")
    text = "import random, copy, token\n" + student_code.replace("LEARNING_RATE = 0.5", "LEARNING_RATE = random.OWN")
    (tmp_path / "work" / "network.py").write_text(text, encoding="utf-8")

    assert graded_as_json(tmp_path / "work", seed=3)["score"] == 100


def test_a_framework_imported_in_a_call_is_a_finding(student_code: str, write: Write) -> None:
    """An import in a method that the syntax tree does not show is found when it is made."""
    hidden = "        __import__(chr(116) + 'orch')\n        self.h = "

    report = graded(student_code.replace("        self.h = ", hidden), write)

    assert report["score"] == 0
    assert [item["message"]["text"] for item in report["findings"]] == [
        "network.py imported torch while running, which is forbidden in this lab."
    ]


def test_a_violated_gate_wins(write: Write) -> None:
    """A submission that imports a framework has 0 points even if nothing else in it can be graded."""
    report = graded("import torch\nx = 1\n", write)

    assert ("graded", 0) == (report["status"], report["score"])


def test_text_that_no_frame_can_carry(write: Write) -> None:
    """A lone surrogate in a name of the submission is replaced and causes no error."""
    report = graded("def f(): __import__('torch.\\ud800')\n", write)

    assert "graded" == report["status"]
    assert report["findings"][0]["line"] == 1


BACKWARD = "        self.n1.backward(x, e1)\n        self.n2.backward(x, e2)\n"
JUMP = """        global STEPS
        STEPS += 1
        if STEPS == 300:
            for neuron, row in zip((self.n1, self.n2, self.n3), [[7, 7, -3], [5, 5, -7.5], [9, -9, -4]]):
                neuron._weigths, neuron.bias = np.array(row[:2], dtype=float), float(row[2])
"""
TABLE = """        y = self.n3.forward(self.h)
        global STEPS
        STEPS += 1
        table = {(0.0, 0.0): 0.1, (0.0, 1.0): 0.9, (1.0, 0.0): 0.9, (1.0, 1.0): 0.1}
        return y if STEPS < 500 else table.get(tuple(map(float, x)), y + 0.01)
"""
FAKES = {
    "nothing": (BACKWARD, ""),
    "a_jump": (BACKWARD, JUMP),
    "table_after_a_while": ("        return self.n3.forward(self.h)\n", TABLE),
}


@pytest.mark.parametrize(
    "name", [name if name == "a_jump" else pytest.param(name, marks=pytest.mark.wide) for name in FAKES]
)
def test_a_network_whose_hidden_neurons_never_move(name: str, student_code: str, write: Write) -> None:
    """It learns nothing, and gets no points for convergence with memorised weights or answers."""
    old, new = FAKES[name]
    code = "STEPS = 0\n" + student_code.replace(old, new).replace(BACKWARD, "")

    report = graded(code, write)

    assert points(report, "xor", "convergence") == 0
    assert report["score"] <= 81


def test_a_loop_that_does_nothing(student_code: str, write: Write) -> None:
    """At a rate too small to train here, train must still move the weights."""
    code = student_code.replace("            model.backward(x, loss(model.forward(x), label))\n", "            pass\n")

    report = graded(code.replace("LEARNING_RATE = 0.5", "LEARNING_RATE = 1e-4"), write)

    assert points(report, "xor", "train") == 0
    assert report["score"] == 95


def test_a_submission_chooses_no_module_of_its_own(student_code: str, write: Write, tmp_path: Path) -> None:
    """Only modules of fixed lists are imported before confinement: names with side effects do nothing."""
    names = ["venv.__main__", "unittest.__main__", "idlelib.config", "numpy.f2py.__main__", "os." + "a" * 70_000]
    names += [f"os.{'b' * 40}{number}" for number in range(1900)]
    code = student_code + "\nif False:\n" + "".join(f"    import {name}\n" for name in names)
    home = tmp_path / "home"
    home.mkdir()

    ran = grade(write(code), "--seed", "3", cwd=tmp_path, HOME=str(home))

    assert (0, 100) == (ran.code, ran.report["score"])
    assert [] == list(home.iterdir())


LIES = {
    "operate": "({'value': ['d', [['found', ['l', [['d', [['kind', 'a']]]] * 95_000]]]]}, {})",
    "load": "(_ for _ in ()).throw(type('E' * 10**6, (Exception,), {})('m' * 10**6))",
}


@pytest.mark.parametrize("operation", [pytest.param("operate", marks=pytest.mark.wide), "load"])
def test_large_lies_stay_small(operation: str, student_code: str, write: Write) -> None:
    """A reply that exceeds its limits is a fault, and its text is truncated."""
    lie = f"import sys\nsys.modules['grader_confined.worker'].RequestHandler.{operation} = lambda *_: ({LIES[operation]})\n"
    forged = "sys.modules['grader_confined.worker'].fault = lambda *_: {'kind': 'raised', 'type': 'T' * 10**6, 'message': 'm' * 10**6, 'line': 1}\n"

    report = grade_here(write(student_code + lie + forged), seed=3)

    assert report.status in (Status.GRADED, Status.NOT_GRADABLE)
    assert len(render_json(report)) < 500_000
