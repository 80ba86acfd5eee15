"""Imports between the files of a submission, found as Python finds them in folders."""

from __future__ import annotations

import pytest

from grader.sandbox.confined.reading.source_tree import above, imported_files, search_path

FILES = {
    "lab/main.py",
    "lab/neuron.py",
    "lab/nn/__init__.py",
    "lab/nn/layer.py",
    "lab/tools/plot.py",
    "shared/maths.py",
}


@pytest.mark.parametrize(
    ("module", "importer", "found"),
    [
        ("neuron", "lab/main.py", ["lab/neuron.py"]),
        ("neuron.Neuron", "lab/main.py", ["lab/neuron.py"]),
        ("nn", "lab/main.py", ["lab/nn/__init__.py"]),
        ("nn.layer.Layer", "lab/main.py", ["lab/nn/__init__.py", "lab/nn/layer.py"]),
        ("tools.plot", "lab/main.py", ["lab/tools/plot.py"]),
        ("lab.neuron", "lab/main.py", ["lab/neuron.py"]),
        ("shared.maths", "lab/main.py", ["shared/maths.py"]),
        ("maths", "lab/main.py", ["shared/maths.py"]),
        (".neuron.Neuron", "lab/main.py", ["lab/neuron.py"]),
        (".layer.*", "lab/nn/__init__.py", ["lab/nn/__init__.py", "lab/nn/layer.py"]),
        ("..neuron", "lab/nn/layer.py", ["lab/neuron.py"]),
        ("..neuron", "lab/main.py", []),
        ("....neuron", "lab/main.py", []),
        (".", "lab/nn/layer.py", ["lab/nn/__init__.py"]),
        ("numpy", "lab/main.py", []),
    ],
)
def test_the_files_of_an_import(module: str, importer: str, found: list[str]) -> None:
    """An import runs the package's __init__.py, if it has one, and the module."""
    assert imported_files(module, importer, FILES) == found


def test_where_a_program_looks() -> None:
    """The folder of the importing file comes first, then its parents, then all others."""
    assert search_path("lab/main.py", FILES) == ["lab/", "", "shared/", "lab/nn/", "lab/tools/"]
    assert above("a/b/") == ["a/b/", "a/", ""]
