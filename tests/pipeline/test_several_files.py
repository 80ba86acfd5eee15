"""Submissions of several files, exports and odd encodings, graded from end to end: what is beside the work costs nothing."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from grader.core.report import Report, Status
from tests.pipeline.test_staging import written
from tests.support.command import ROOT, graded
from tests.support.packed import notebook, zipped

SOURCE = (
    (ROOT / "reference" / "network.py").read_text(encoding="utf-8").replace("from __future__ import annotations\n", "")
)
NEURON, MODEL, TRAIN = (SOURCE.index(word) for word in ("class Neuron", "class Model", "def train"))
HEAD = "import numpy as np\nfrom numpy.typing import *\nfrom collections.abc import *\n"
FUNCTIONS, NEURONS, MODELS = SOURCE[:NEURON], SOURCE[NEURON:MODEL], SOURCE[MODEL:TRAIN]
TRAINING = SOURCE[TRAIN:]
PARTS: dict[str, str | bytes] = {
    "network.py": f"{HEAD}from neuron import *\n{MODELS}{TRAINING}",
    "neuron.py": f"{HEAD}from funcs import *\n{NEURONS}",
    "funcs.py": FUNCTIONS,
}


def relative(text: str | bytes) -> str:
    return str(text).replace("from neuron", "from .neuron").replace("from funcs", "from .funcs")


def cells(*texts: str) -> str:
    return notebook(*texts).decode()


FULL: dict[str, dict[str, str | bytes]] = {
    "beside": PARTS,
    "functions that nothing imports": {
        "network.py": f"{HEAD}from neuron import *\n{MODELS}", "neuron.py": FUNCTIONS + NEURONS,
        "training.py": f"{HEAD}from network import *\n{TRAINING}",
    },
    "relative imports": {"__init__.py": "", **{name: relative(text) for name, text in PARTS.items()}},
    "a package that brings the program": {
        "__init__.py": "from .network import Model\n", **{name: relative(text) for name, text in PARTS.items()},
    },
    "names of the package file": {"__init__.py": FUNCTIONS, "network.py": f"{HEAD}from . import *\n{NEURONS}{MODELS}{TRAINING}"},
    "run from its text": {"network.py": f"exec(open('funcs.py').read())\n{NEURONS}{MODELS}{TRAINING}", "funcs.py": FUNCTIONS},
    "a package": {
        "main.py": f"{HEAD}from nn.neuron import *\n{MODELS}{TRAINING}", "nn/__init__.py": "",
        "nn/neuron.py": relative(PARTS["neuron.py"]), "nn/funcs.py": FUNCTIONS,
    },
    "a folder above": {"src/network.py": str(PARTS["network.py"]).replace("from neuron", "from lib.neuron"), "lib/neuron.py": PARTS["neuron.py"], "funcs.py": FUNCTIONS},
    "tests beside": {**PARTS, "test_network.py": "import unittest\nfrom network import Model\nunittest.main()\n", "tests/check.py": "import network"},
    "drafts beside": {**PARTS, "draft.py": "def f(:", "empty.py": "", "try.py": "print(1/0)"},
    "a module of Python's name": {"network.py": "import random\nfrom types import *\n" + SOURCE, "types.py": "Any = None", "numpy/readme.py": "x = 1"},
    "its notebook": {"network.py": SOURCE, "lab.ipynb": cells(SOURCE, "1 / 0")},
    "a notebook that writes the file": {"lab.ipynb": cells(f"%%writefile network.py\n{SOURCE}", "from network import *\nModel()")},
    "a notebook that runs a file": {"lab.ipynb": cells("%run funcs.py\n", NEURONS + MODELS + TRAINING), "funcs.py": FUNCTIONS},
    "a notebook that runs a notebook": {"lab.ipynb": cells("%run ./other.ipynb", MODELS + TRAINING), "other.ipynb": cells(FUNCTIONS + NEURONS)},
    "cells that are no code": {"lab.ipynb": cells("Отчёт о работе", SOURCE, "x = = 1", "!pip install a \\\n  b")},
    "an export": {"lab.py": f"get_ipython().system('ls')\n{SOURCE}\nget_ipython().run_line_magic('matplotlib', 'inline')\ndisplay(1)\n"},
    "an export with timed cells": {"lab.py": f"x = 1\nget_ipython().run_cell_magic('time', '', {SOURCE!r})\n"},
    "an export of Colab": {"lab.py": f"!pip install numpy\n%matplotlib inline\n{SOURCE}"},
    "cp1251": {"network.py": f"# Нейронная сеть\n{SOURCE}".encode("cp1251")},
    "koi8-r declared as UTF-8": {"network.py": f"# coding: utf-8\n# Нейронная сеть\n{SOURCE}".encode("koi8-r")},
}  # fmt: skip
QUICK = (
    "beside",
    "a package that brings the program",
    "a package",
    "a notebook that runs a file",
    "an export with timed cells",
    "cp1251",
)


@pytest.mark.parametrize("name", [pytest.param(name, marks=() if name in QUICK else pytest.mark.wide) for name in FULL])
def test_right_work_in_any_files(name: str, tmp_path: Path) -> None:
    """The solved lab has full marks, however it is spread over files."""
    for file, text in FULL[name].items():
        written(tmp_path / "Работа 12" / file, text.encode() if isinstance(text, str) else text)

    report = graded(tmp_path / "Работа 12", seed=1)

    assert (report.status, report.score) == (Status.GRADED, 100)


def test_packed_folders_are_packages_too(tmp_path: Path) -> None:
    """An archive is graded as the folder that it was made of."""
    files = {f"proj\\{name}".replace("/", "\\"): str(text).encode() for name, text in FULL["a package"].items()}

    assert graded(written(tmp_path / "w.zip", zipped({"inner.zip": zipped(files)})), seed=1).score == 100


def findings(report: Report) -> list[str]:
    return [finding.message.text for finding in report.findings]


def test_what_was_read_otherwise_is_remarked(tmp_path: Path) -> None:
    """Remarks tell of encodings, and of files that were not graded; what is left out of those is not told."""
    written(tmp_path / "w" / "network.py", f"# Сеть из трёх нейронов\n{SOURCE}".encode("cp1251"))
    written(tmp_path / "w" / "lab.ipynb", notebook(SOURCE + "\ndef other(): pass", "%time"))

    assert findings(graded(tmp_path / "w", seed=1)) == [
        "network.py is not saved as UTF-8. It was read as cp1251: save it as UTF-8, or Python may refuse it.",
        "lab.ipynb also defines the classes. network.py was graded.",
    ]


BANNED: dict[str, dict[str, str]] = {
    "in a package": {
        "main.py": "from nn.a import *\n" + SOURCE,
        "nn/a.py": "from . import b",
        "nn/b.py": "import torch",
    },
    "under its own name in a folder": {"network.py": "import torch\n" + SOURCE, "torch/readme.py": "x = 1"},
    "in a timed cell": {"lab.py": f"get_ipython().run_cell_magic('time', '', 'import torch')\n{SOURCE}"},
    "in a file that a cell writes": {
        "lab.ipynb": cells("%%writefile helper.py\nimport torch", "import helper\n" + SOURCE)
    },
}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name == "in a package" else pytest.mark.wide) for name in BANNED]
)
def test_a_framework_in_another_file(name: str, tmp_path: Path) -> None:
    """The gate follows the imports of the program, wherever they lead."""
    for file, text in BANNED[name].items():
        written(tmp_path / "w" / file, text.encode())

    report = graded(tmp_path / "w", seed=1)

    assert report.score == 0
    assert any("torch, which is forbidden" in text for text in findings(report))


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="this Python reads it")
@pytest.mark.parametrize("wrap", [lambda text: ("n.py", text), lambda text: ("n.ipynb", cells(SOURCE, text))])
def test_syntax_of_a_newer_python_is_not_gradable(wrap: Callable[[str], tuple[str, str]], tmp_path: Path) -> None:
    """The sentence names both Pythons."""
    name, text = wrap(f"{SOURCE}\ndef f(y): return t'{{y}}'\n")
    report = graded(written(tmp_path / name, text.encode()), seed=1)

    assert (report.status, report.score) == (Status.NOT_GRADABLE, None)
    assert report.reason is not None
    assert "this needs Python 3.14 or later" in report.reason.text
    assert f"the grader runs Python {sys.version_info[0]}.{sys.version_info[1]}." in report.reason.text


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="this Python has them")
@pytest.mark.parametrize("line", ["import heapq\n", "from heapq import heapify_max\n"])
def test_a_name_of_a_newer_python_is_not_gradable_where_it_is_used(line: str, tmp_path: Path) -> None:
    """It costs nothing where no graded code uses it."""
    call = "heapify_max([1])" if "from" in line else "heapq.heapify_max([1])"
    used = line + SOURCE.replace(
        "def forward(self, x",
        f"def forward(self, x, _=0):\n        {call}\n        return self.forward_(x)\n\n    def forward_(self, x",
        1,
    )
    report = graded(written(tmp_path / "n.py", used.encode()), seed=1)
    unused = graded(
        written(
            tmp_path / "m.py",
            f"{line if 'from' not in line else 'import heapq'}\n{SOURCE}\ndef f(): heapq.heapify_max([1])\n".encode(),
        ),
        seed=1,
    )

    assert report.status is Status.NOT_GRADABLE
    assert report.reason is not None
    assert "3.14" in report.reason.text
    assert unused.score == 100


def test_the_size_of_a_notebook_is_that_of_its_code(tmp_path: Path) -> None:
    """Pictures in outputs do not count."""
    book = json.loads(notebook(SOURCE))
    book["cells"][1]["outputs"] = [{"output_type": "display_data", "data": {"image/png": "A" * 9_000_000}}]

    assert graded(written(tmp_path / "n.ipynb", json.dumps(book).encode()), seed=1).score == 100
