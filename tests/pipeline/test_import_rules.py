"""The import ban: what counts as importing a framework, and what only looks like it."""

from __future__ import annotations

import ast

import pytest

from grader.pipeline.assignment import read_assignment
from grader.pipeline.import_rules import check_imports, finding, remarks
from grader.pipeline.runs import StagedSubmission
from grader.sandbox.confined.reading.imports import imports_of, is_banned
from grader.sandbox.confined.reading.notebooks import parse
from grader.sandbox.source import SourceFile

BANNED = read_assignment().rubric.imports.banned


def found(text: str, **siblings: str) -> list[tuple[str, int | None]]:
    texts = {"network.py": text, **{f"{name}.py": source for name, source in siblings.items()}}
    main, *others = (SourceFile(name=name, text=source) for name, source in texts.items())
    imports = tuple(  # names of files come from another process: equal, not the same
        (name[:-3] + ".py", line, module)
        for name, source in texts.items()
        for line, module in imports_of([*ast.walk(parse(source))])
    )
    staged = StagedSubmission(name="submission", main=main, siblings=tuple(others), sha256="", imports=imports)
    return [(item.file, item.line) for item in check_imports(staged, BANNED)]


@pytest.mark.parametrize(
    "text",
    [
        "import torch",
        "import numpy, torch",
        "import torch.nn as nn",
        "from torch import nn",
        "from torch.nn import functional as F",
        "import tensorflow as tf",
        "from tensorflow.keras import layers",
        "from sklearn import neural_network",
        "from sklearn.neural_network import MLPClassifier",
        "import sklearn.neural_network",
        "__import__('torch')",
        "__import__('to' + 'rch')",
        "import importlib; importlib.import_module('jax.numpy')",
        "from importlib import import_module as m, import_module; import_module('keras')",
        "import builtins; builtins.__import__('theano')",
        "__import__(''.join(['to', 'rch']))",
        "__import__(f'{\"tor\"}ch')",
        "exec('import torch')",
        "eval('__import__(\"caffe2\")')",
        "if False:\n    import torch",
        "def f():\n    from mxnet import nd",
        "try:\n    import paddle\nexcept ImportError:\n    pass",
        "class A:\n    import flax",
        "ｉｍｐｏｒｔ torch".replace("ｉｍｐｏｒｔ", "import"),
        "import ｔｏｒｃｈ",
        "import torch as np",
        "import os, sys, torchvision.models as m",
        "from tensorflow import *",
        "import caffe2.python",
        "import pytorch_lightning as pl",
        "from transformers import pipeline",
        "import onnxruntime",
        "async def f():\n    import chainer",
        "lambda: __import__('tinygrad')",
        "[__import__('autograd') for _ in ()]",
        "with open('x'):\n    import dynet",
        "importlib = __import__('importlib'); importlib.import_module('torch')",
        "load = __import__; load('torch')",
        "from importlib import import_module as m; m('keras')",
        "from builtins import exec as run; run('import jax')",
        "__import__('%s' % 'torch')",
        "__import__('hcrot'[::-1])",
        "__import__('TORCH'.lower())",
        "__import__(' torch '.strip())",
        "__import__('t0rch'.replace('0', 'o'))",
        "exec('if True:\\n    import cntk')",
        "exec(compile('x', '', 'exec')); exec('from flax import linen')",
        "try:\n    pass\nfinally:\n    import mindspore",
        "match 1:\n    case 1:\n        import paddle",
    ],
)
def test_is_an_import(text: str) -> None:
    """Each of these imports a framework for certain."""
    assert len(found(text)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "# import torch",
        "'import torch'",
        "TEXT = '''\nimport tensorflow as tf\n'''",
        "import torchlight",
        "import kerastuner_like",
        "from . import torch",
        "from .torch import nn",
        "import sklearn.metrics",
        "from sklearn.metrics import log_loss",
        "import scipy, pandas, matplotlib.pyplot",
        "torch = 3",
        "def torch(): pass",
        "from numpy import random as torch",
        "import numpy as torch",
        "print('import torch')",
        "name = input(); __import__(name)",
        "exec('x = \"import torch\"')",
        "open('torch.py')",
        "import sklearn",
        "from sklearn import metrics",
        "import numpy.random",
        "import autograder",
        "import jaxtyping_like",
        "import my.torch",
        "from my import torch",
        "from my.torch import nn",
        "from ..torch import nn",
        "class torch: pass",
        "x.torch = 1",
        "x = {'torch': 1}",
        "f(torch=1)",
        "import statistics as keras",
        "print(f'{1} import torch')",
        "__import__(name + 'torch')",
        "__import__('os').path",
        "import importlib; importlib.reload(torch)",
        "exec(source)",
        "eval('torch + 1')",
        "exec('# import torch')",
        '"""import tensorflow"""',
        "# -*- coding: utf-8 -*-\n# PyTorch, TensorFlow, Caffe, Theano",
        "assert 'keras' not in dir()",
        "from numpy import (\n    array,\n    # torch,\n    zeros,\n)",
    ],
)
def test_only_looks_like_an_import(text: str) -> None:
    """None of these imports a framework."""
    assert found(text) == []


def test_there_are_forty_of_each() -> None:
    """Both tables are long enough to mean something."""
    tables = [test.pytestmark[0].args[1] for test in (test_is_an_import, test_only_looks_like_an_import)]  # type: ignore[attr-defined]

    assert min(len(set(table)) for table in tables) >= 40


def test_lines_and_files_are_named() -> None:
    """A finding names the file and the line; one statement is one mistake."""
    text = "import numpy\n\nfrom torch import nn, optim\nimport torch\n"

    assert found(text) == [("network.py", 3), ("network.py", 4)]


def test_a_file_of_the_student_is_no_framework() -> None:
    """A student's own keras.py shadows the framework, and is itself looked at when it is imported."""
    assert found("import keras", keras="x = 1") == []
    assert found("import helper", helper="\nimport torch") == [("helper.py", 2)]
    assert found("import numpy", unused="import torch") == []
    assert found("import b, a", a="import jax", b="import flax") == [("b.py", 1), ("a.py", 1)]


def test_what_findings_say() -> None:
    """A finding has the file, the line where it has one, and the module."""
    file = SourceFile(name="network.py", text="")

    assert finding(file, 3, "torch.nn").message.text == (
        "network.py, line 3: imports torch.nn, which is forbidden in this lab."
    )
    assert finding(file, None, "torch").message.text == (
        "network.py imported torch while running, which is forbidden in this lab."
    )


def test_twenty_findings_are_shown() -> None:
    """Of many findings of a kind, the first twenty are shown."""
    main = SourceFile(name="network.ipynb", text="")
    dropped = tuple(("network.ipynb", line, "%pip install torch") for line in range(1, 31))
    staged = StagedSubmission(name="submission", main=main, siblings=(), sha256="", dropped=dropped)

    assert [remark.line for remark in remarks(staged)] == list(range(1, 21))
    assert [line for _, line in found("import torch\n" * 30)] == list(range(1, 21))


def test_a_monstrous_expression_hides_nothing() -> None:
    """What cannot be folded is passed over; the imports around it still count."""
    assert found("import torch\n__import__(" + "+".join(["'a'"] * 2000) + ")") == [("network.py", 1)]


def test_a_name_matches_whole_parts_only() -> None:
    """Prefixes count at the dots."""
    assert is_banned("torch.nn", ["torch"])
    assert not is_banned("torchlight", ["torch"])
    assert not is_banned("sklearn", ["sklearn.neural_network"])
