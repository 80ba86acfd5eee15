"""Where the code of a case is written."""

from __future__ import annotations

import pytest

from grader.lab.source import SourceFile
from grader.pipeline.places import line_of, place_of

PROGRAM = """\
def backward(x):
    pass

class Neuron:
    '''A neuron.
A class of neurons.
    '''
    def forward(self, x):
        def inner():
            pass

    async def backward(self, x):
        pass

class Model(Neuron):
\tdef backward(self):
\t\tpass
def loss(y, label): return 0
"""


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("backward", 1), ("Neuron", 4), ("Neuron.forward", 8), ("Neuron.backward", 12), ("loss", 18), ("train", None),
        ("Model.forward", None), ("Nothing.forward", None), ("back", None),
    ],
)  # fmt: skip
def test_lines(name: str, line: int | None) -> None:
    """The first definition of that name, that of a method inside its class only."""
    assert line_of(PROGRAM, name) == line


def test_places() -> None:
    """The file that has it; none for a name that no file has, or for no name."""
    files = [
        SourceFile(name="main.py", text="x = 1"),
        SourceFile(name="nn.py", text="class Model:\n  def forward(self): 0"),
    ]

    assert place_of(files, "Model.forward") == ("nn.py", 2)
    assert place_of(files, "Model.backward") == ("", None)
    assert place_of(files, "") == ("", None)
