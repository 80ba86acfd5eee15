"""Reading a submission: which file is the program, how notebooks are read, which encoding and Python it needs."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

import pytest

from grader.sandbox.confined.reading import newer
from grader.sandbox.confined.reading.submission import read
from grader.sandbox.confined.reading.texts import CYRILLIC, Refusal, guessed

LAB: dict[str, Any] = {
    "file": "network.py", "classes": ("Neuron", "Model"), "functions": ("sigmoid", "loss", "train"), "bonus": ["lecture.py"], "banned": ["torch"], "data": ["iris.csv"],
}  # fmt: skip
NEURON = "class Neuron: pass\n"
MODEL = "class Model: pass\n"
BOTH = NEURON + MODEL
SPREAD = {"neuron.py": NEURON, "network.py": "from neuron import Neuron\n" + MODEL}


def main_of(files: dict[str, str], **lab: Any) -> str:
    """Return the main file of a submission."""
    return str(answer(files, **lab)["files"][0]["name"])


def answer(files: Mapping[str, str | bytes], **lab: Any) -> dict[str, Any]:
    content = {name: text.encode() if isinstance(text, str) else text for name, text in files.items()}
    return read("work", content, **{**LAB, **lab})[0]


def refusal(files: dict[str, str], **lab: Any) -> str:
    with pytest.raises(Refusal) as caught:
        answer(files, **lab)
    return caught.value.template.format(**{"classes": "the classes", **caught.value.arguments})


def notebook(*cells: str, tags: dict[int, str] | None = None) -> str:
    made = [
        {"cell_type": "code", "source": cell, "metadata": {"tags": [tag]} if (tag := (tags or {}).get(number)) else {}}
        for number, cell in enumerate(cells)
    ]
    return json.dumps({"cells": made})


# --- which file is the program ------------------------------------------------------------------

PROGRAMS: dict[str, tuple[dict[str, str], str]] = {
    "defines both": ({"a.py": BOTH, "b.py": "x = 1"}, "a.py"),
    "its own test": ({**SPREAD, "test_network.py": "from network import Model"}, "network.py"),
    "tests in a folder": ({**SPREAD, "tests/check.py": "import network"}, "network.py"),
    "tests by what they import": ({**SPREAD, "check.py": "import unittest\nfrom network import *\n" + BOTH}, "check.py"),
    "a test that is no program": ({**SPREAD, "check.py": "import pytest, network"}, "network.py"),
    "an empty package file": ({**SPREAD, "__init__.py": ""}, "network.py"),
    "scratch": ({**SPREAD, "scratch.py": "print(2 + 2)"}, "network.py"),
    "scratch with functions": ({**SPREAD, "old.py": "def f(): pass\ndef g(): pass\ndef h(): pass"}, "network.py"),
    "broken scratch": ({**SPREAD, "old.py": "def f(:"}, "network.py"),
    "broken scratch beside other names": ({"net.py": "class Net:\n    pass\ndef run(): pass", "old.py": "def f(:"}, "net.py"),
    "what starts it": ({**SPREAD, "main.py": "from network import *"}, "main.py"),
    "two that only use it": ({**SPREAD, "plot.py": "import network", "demo.py": "import network as n"}, "network.py"),
    "functions beside": ({"main.py": "from helper import sigmoid\ndef step(): pass", "helper.py": "def sigmoid(x): pass"}, "main.py"),
    "a script beside": ({"main.py": "from helper import sigmoid\nprint(1)", "helper.py": "def sigmoid(x): pass"}, "main.py"),
    "a package": ({"main.py": "from nn.model import Model", "nn/__init__.py": "", "nn/model.py": "from .n import *\n" + MODEL, "nn/n.py": NEURON}, "main.py"),
    "a package without a file": ({"main.py": "from nn import model", "nn/model.py": "from . import n\n" + MODEL, "nn/n.py": NEURON}, "main.py"),
    "unused functions beside": ({"xor.py": "class Net:\n" + "    def f(self): return 1 + 2 * 3\n" * 9, "plots.py": "def sigmoid(): pass\ndef plot(): pass"}, "xor.py"),
    "a renamed notebook": ({"lab.py": notebook(BOTH), "x.py": "y = 1"}, "lab.py"),
    "a circle": ({"network.py": "import other\n" + MODEL, "other.py": "import network\n" + NEURON}, "network.py"),
    "its notebook": ({"network.py": BOTH, "lab.ipynb": notebook(BOTH)}, "network.py"),
    "another notebook": ({"my.py": BOTH, "lab.ipynb": notebook(BOTH + "x = 1")}, "my.py"),
    "a notebook that uses it": ({"network.py": BOTH, "lab.ipynb": notebook("from network import *")}, "network.py"),
    "an old copy below": ({"network.py": BOTH, "old/network.py": BOTH + "x = 1"}, "network.py"),
    "copies": ({"network.py": BOTH, "network (1).py": BOTH, "a/b.py": BOTH}, "network.py"),
    "the lab's name": ({"network.py": BOTH, "another.py": BOTH + "x = 1"}, "network.py"),
    "one builds on the other": ({"first.py": BOTH, "second.py": "from first import *\n" + BOTH}, "second.py"),
    "two folders": ({"src/network.py": BOTH, "tests/test_it.py": "import network"}, "src/network.py"),
    "extra points": ({"net.py": "def f(): pass", "lecture.py": "def tanh(x): pass"}, "net.py"),
    "extra points in a folder": ({"src/net.py": "def f(): pass", "src/lecture.py": "def tanh(x): pass\ndef g(): pass"}, "net.py"),
}  # fmt: skip


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_program(name: str) -> None:
    """The program is the file that defines the classes, or else the one that no other file imports; not tests, drafts or empty files."""
    files, main = PROGRAMS[name]

    assert main_of(files) == main


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"a.py": BOTH, "b.py": BOTH + "x = 1"}, "Several files define the classes: a.py, b.py. Leave one of them in the folder."),
        ({"a.py": "def f(): pass", "b.py": "def g(): pass"}, "Several files may be the program: a.py, b.py. Leave one of them in the folder."),
        ({"a.py": "x = 1", "b.py": "y = 1"}, "No file in work defines the classes."),
        ({"network.py": "class Model(:", "helper.py": "def f(): pass"}, "network.py, line 1: this is not valid Python: invalid syntax."),
        ({"my.py": "import helper\nx = = 1", "helper.py": "def f(): pass"}, "my.py, line 2: this is not valid Python: invalid syntax."),
        ({"network.py": MODEL, "n.py": NEURON + "x = = 1"}, "n.py, line 2: this is not valid Python: invalid syntax."),
        ({"network.py": "", "lecture.py": "x = 1"}, "network.py is empty."),
        ({"__init__.py": "", "network.py": " \n"}, "__init__.py is empty."),
    ],
)  # fmt: skip
def test_no_program(files: dict[str, str], said: str) -> None:
    """If there is none, or more than one, a sentence says so."""
    assert refusal(files) == said


def test_files_that_are_not_graded_are_named() -> None:
    """Another file with the classes is named, unless it has the same definitions."""
    assert answer({"network.py": BOTH, "lab.ipynb": notebook(BOTH + "x = 1")})["passed_over"] == []
    assert answer({"network.py": BOTH, "lab.ipynb": notebook(BOTH + "def f(): pass")})["passed_over"] == ["lab.ipynb"]


def test_a_lab_without_classes() -> None:
    """The file with the lab's name is the program, or else the one that starts the others."""
    functions = {"maths.py": "from core import f", "core.py": "def f(): pass"}

    assert main_of({"network.py": "x = 1", "big.py": "def f(): pass"}, classes=()) == "network.py"
    assert main_of(functions, classes=()) == "maths.py"
    assert refusal({"a.py": "x = 1", "b.py": "x = 2"}, classes=()) == "work contains no network.py."


# --- notebooks ----------------------------------------------------------------------------------


def text_of(*cells: str, tags: dict[int, str] | None = None, **beside: str) -> str:
    """Return the Python text of a notebook."""
    files = {"lab.ipynb": notebook(*cells, tags=tags), **{f"{name}.py": text for name, text in beside.items()}}
    return next(str(file["text"]) for file in answer(files)["files"] if file["name"] == "lab.ipynb")


@pytest.mark.parametrize(
    ("cell", "left"),
    [
        ("!pip install a \\\n   b \\\n   c\nx = 1", "pass\n\n\nx = 1\n"),
        ("if 1:\n    !pip install a \\\n      b\n    x = 1", "if 1:\n    pass\n\n    x = 1\n"),
        ("%load_ext x\n%%time\ny = 1", "pass\npass\ny = 1\n"),
        ("%%time\n%%capture out\nx = 1", "\n\nx = 1\n"),
        ("%%html\n<b>", "\n\n"),
        ("await f()", "await f()\n"),
        ("    x = 1\n    y = 2", "x = 1\ny = 2\n"),
        ("this is no code", "\n"),
        ("%run", "pass\n"),
        ("%run missing.py", "pass\n"),
    ],
)
def test_a_cell(cell: str, left: str) -> None:
    """Lines of IPython are dropped without shifting others, and a cell that is not valid Python and defines nothing is skipped."""
    assert text_of(BOTH.strip(), cell) == BOTH + left


@pytest.mark.parametrize("tag", ["raises-exception", "skip-execution"])
def test_a_cell_that_is_tagged_to_fail(tag: str) -> None:
    """It need not be valid Python."""
    assert text_of(BOTH, "def f(:\n  pass", tags={1: tag}) == BOTH + "\n\n\n"


def test_a_cell_that_defines_something_has_to_be_python() -> None:
    """Otherwise a definition would be missing without notice."""
    assert "cell 2, line 1" in refusal({"lab.ipynb": notebook(BOTH, "def f(:")})


@pytest.mark.parametrize(
    "magic",
    ["%%writefile network.py", "%%writefile ./network.py", "%%file network.py", "%%writefile /content/network.py"],
)
def test_a_cell_that_is_a_file(magic: str) -> None:
    """The file is added to the submission under its name, and may be the program."""
    found = answer({"lab.ipynb": notebook(f"{magic}\n{BOTH}", "from network import Model")})

    assert [file["name"] for file in found["files"]] == ["network.py", "lab.ipynb"]
    assert found["files"][0]["text"].startswith(BOTH)
    assert found["dropped"] == []


def test_cells_that_are_one_file() -> None:
    """A second cell appends to the file if it says so, else replaces it."""
    added = answer({"lab.ipynb": notebook(f"%%writefile a.py\n{NEURON}", f"%%writefile -a a.py\n{MODEL}")})
    replaced = answer({"lab.ipynb": notebook("%%writefile a.py\nx = = 1", f"%%writefile a.py\n{BOTH}")})

    assert added["files"][0]["text"].split() == BOTH.split()
    assert replaced["files"][0]["text"].split() == BOTH.split()


@pytest.mark.parametrize("line", ["%run helper.py", "%run -i ./helper", "%run 'helper.py'"])
def test_a_file_that_is_run(line: str) -> None:
    """The notebook gets its names, and counts as importing it."""
    found = answer({"lab.ipynb": notebook(f"{line}\n{MODEL}"), "helper.py": NEURON})

    assert found["files"][0]["name"] == "lab.ipynb"
    assert ["lab.ipynb", 1, "helper"] in found["imports"]
    assert found["dropped"] == []


def test_outputs_do_not_count() -> None:
    """A notebook may be large because of its images; its code may not."""
    large = json.loads(notebook(BOTH))
    large["cells"][0]["outputs"] = [{"data": {"image/png": "A" * 6_000_000}}]

    assert main_of({"lab.ipynb": json.dumps(large)}) == "lab.ipynb"
    assert refusal({"lab.ipynb": notebook(BOTH + "#" * 300_000)}).startswith("lab.ipynb has 293 KiB")


@pytest.mark.parametrize(
    ("line", "left"),
    [
        ("!pip install numpy", "pass"),
        ("%matplotlib inline", "pass"),
        ("files = !ls", "files = []"),
        ("%%time", "pass"),
        ("!a \\\n  b", "pass\n"),
    ],
)
def test_what_an_export_leaves_in_a_file(line: str, left: str) -> None:
    """Raw lines of Colab are left out of a .py file, with a remark."""
    found = answer({"lab.py": f"import os\n{line}\n{BOTH}"})

    assert found["files"][0]["text"] == f"import os\n{left}\n{BOTH}"
    assert found["dropped"][0] == ["lab.py", 2, line.split("\n", maxsplit=1)[0]]


def test_cells_that_an_export_has_put_into_strings() -> None:
    """Their definitions and imports count, and so do the files that they write."""
    timed = f"get_ipython().run_cell_magic('time', '', {'import torch' + chr(10) + BOTH!r})\n"
    written = f"get_ipython().run_cell_magic('writefile', 'network.py', {BOTH!r})\nfrom network import *\n"

    assert main_of({"lab.py": "x = 1\n" + timed, "b.py": "def f(): pass"}) == "lab.py"
    assert ["lab.py", 1, "torch"] in answer({"lab.py": timed})["imports"]
    assert main_of({"lab.py": written}) == "network.py"
    assert ["lab.py", 1, "helper"] in answer(
        {"lab.py": f"get_ipython().run_line_magic('run', 'helper.py')\n{BOTH}", "helper.py": "x = 1"}
    )["imports"]


# --- text ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", CYRILLIC)
@pytest.mark.parametrize("words", ["Нейрон", "вес", "обратное распространение ошибки", "Обучение ЗАВЕРШЕНО, эпоха № 5"])
def test_russian_without_a_coding_line(encoding: str, words: str) -> None:
    """The encoding is recognised by letters frequent in Russian; if two give the same text, either is right."""
    text = f"import numpy  # {words}\n"
    content = text.encode(encoding, "replace")

    assert guessed(content)[0] == content.decode(encoding)


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        ("# Нейрон\n".encode("cp1251"), "cp1251"),
        ("# coding: utf-8\n# Нейрон\n".encode("cp1251"), "cp1251"),
        ("# Нейрон\n".encode("koi8-r"), "koi8-r"),
        ("# réseau\n".encode("latin-1"), "latin-1"),
        ("# Нейрон\n".encode("utf-16"), "utf-16"),
        ("# Нейрон\n".encode("utf-32"), "utf-32"),
        (b"x = 1\n".decode().encode("utf-16-le"), "utf-16-le"),
        ("# Обратное распространение\n".encode()[:-2] + b"\n", "utf-8"),
        ("# Нейрон\n".encode(), ""),
        ("# Нейрон\n".encode("utf-8-sig"), ""),
        ("# coding: cp1251\n# Нейрон\n".encode("cp1251"), ""),
    ],
)
def test_the_encoding_is_reported(content: bytes, encoding: str) -> None:
    """Text that is not UTF-8 and declares nothing is read, and its encoding is reported."""
    text = BOTH.encode({"utf-16": "utf-16-le", "utf-32": "utf-32-le"}.get(encoding, encoding or "utf-8"))

    assert answer({"network.py": content + text})["files"][0]["encoding"] == encoding


# --- Python -------------------------------------------------------------------------------------

NEWER_SYNTAX = {
    (3, 12): [
        "print(f'{d['a']}')",
        'x = f"{", ".join(f"{y["a"]:>{w["b"]}}" for y in z)!r}"',
        "f'{'\\n'}'",
        "f'''{\n1 # one\n}'''\nprint(f'{\n2}')",
        "type Pair[T] = tuple[T, T]",
        "def first[T](x: list[T]) -> T: return x[0]",
        "class Stack[T: (int, str)](list):\n    pass",
    ],
    (3, 13): ["class Box[T = int]: pass"],
    (3, 14): ["x = t'{y}'", "try: pass\nexcept ValueError, TypeError: pass"],
    (3, 15): ["lazy import numpy", "x = [*y for y in z]"],
}
NO_SYNTAX = [
    "print(f'{d['a'}')",
    "x = = 1",
    "f'{}'",
    "f'{a b}'",
    "f'a } b'",
    "print 'x'",
    "type = = 1",
    "def f[T: pass",
    "t'",
    "lazy imports",
]


@pytest.mark.parametrize(
    ("version", "text"), [(version, text) for version, texts in NEWER_SYNTAX.items() for text in texts]
)
def test_syntax_of_a_newer_python(version: tuple[int, int], text: str) -> None:
    """The report names the Python that can read it, if this one cannot."""
    if version > sys.version_info:
        assert newer.needed(f"x = 0\n{text}\n") == version
    else:
        compile(text, "", "exec")


@pytest.mark.parametrize("text", NO_SYNTAX)
def test_syntax_of_no_python(text: str) -> None:
    """A syntax error is not mistaken for newer syntax."""
    assert newer.needed(f"x = 0\n{text}\n") is None


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="this Python reads it")
def test_a_newer_python_leaves_the_grade_open() -> None:
    """The submission is not gradable, not rejected."""
    with pytest.raises(Refusal) as caught:
        answer({"network.py": f"{BOTH}x = t'{{y}}'\n"})

    assert caught.value.is_open
    assert caught.value.arguments["needed"] == "3.14"


def test_names_of_a_newer_python(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are found under the program's own names for modules."""
    monkeypatch.setattr(newer, "SINCE", {"itertools.batched": (3, 12), "math.fma": (3, 13), "compression": (3, 14)})
    text = f"import math as m, itertools\nfrom itertools import chain, batched as b\nimport compression.zstd\nx = m.fma(1, 2, 3)\n{BOTH}"

    assert answer({"network.py": text})["newer"] == [
        ("compression", "3.14"),
        ("itertools.batched", "3.12"),
        ("math.fma", "3.13"),
    ]
    assert answer({"network.py": f"import math\nx = math.sin(1)\n{BOTH}"})["newer"] == []
