"""Data that was handed in beside a program: read under its name, wherever the program is, and no more of it than is stated."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest

from grader.core.report import Report
from tests.pipeline.test_staging import written
from tests.support.command import graded
from tests.support.mutants import ARRAYS
from tests.support.packed import notebook, zipped

RATE = "LEARNING_RATE = 0.3\n"


def saved(value: float) -> bytes:
    """Return what np.save writes."""
    buffer = io.BytesIO()
    np.save(buffer, value)
    return buffer.getvalue()


def reading(expression: str) -> str:
    """Return the right network with a rate that it reads: without it no neuron makes a step."""
    return ARRAYS.replace(RATE, f"LEARNING_RATE = float({expression})\n")


# What stands in a submission, and how its program reads it.
READ: dict[str, tuple[dict[str, bytes], str, str]] = {
    "open": ({"rate.txt": b"0.3\n"}, "network.py", "open('rate.txt').read()"),
    "loadtxt": ({"data.csv": b"0,0,0\n0.3,1,1\n"}, "network.py", "np.loadtxt('data.csv', delimiter=',')[1, 0]"),
    "genfromtxt": ({"data.csv": b"a,b\n0.3,1\n"}, "network.py", "np.genfromtxt('data.csv', delimiter=',', names=True)['a']"),
    "load": ({"rate.npy": saved(0.3)}, "network.py", "np.load('rate.npy')"),
    "json": ({"rate.json": json.dumps({"rate": 0.3}).encode()}, "network.py", "__import__('json').load(open('rate.json'))['rate']"),
    "csv": ({"rate.csv": b"rate\n0.3\n"}, "network.py", "[*__import__('csv').DictReader(open('rate.csv'))][0]['rate']"),
    "path": ({"rate.txt": b"0.3"}, "network.py", "__import__('pathlib').Path(__file__).resolve().parent.joinpath('rate.txt').read_text()"),
    "exists": ({"rate.txt": b"0.3"}, "network.py", "0.3 if __import__('os').path.exists('rate.txt') else 'no file'"),
    "a folder below": ({"data/rate.txt": b"0.3"}, "network.py", "open('data/rate.txt').read()"),
    "a folder beside": ({"data/rate.txt": b"0.3"}, "src/network.py", "open('../data/rate.txt').read()"),
    "its own folder": ({"src/rate.txt": b"0.3", "other.py": b"x = 1"}, "src/network.py", "open('rate.txt').read()"),
    "from the top": ({"src/rate.txt": b"0.3", "other.py": b"x = 1"}, "src/network.py", "open('src/rate.txt').read()"),
}  # fmt: skip
QUICK = ("loadtxt", "a folder beside")


def marked(names: object, quick: object) -> list[object]:
    return [pytest.param(name, marks=() if name in quick else pytest.mark.wide) for name in names]  # type: ignore[attr-defined,operator]


@pytest.mark.parametrize("name", marked(READ, QUICK))
def test_a_data_file_is_read_under_its_name(name: str, tmp_path: Path) -> None:
    """With it the network is right; without it no neuron makes a step."""
    data, program, expression = READ[name]
    for file, content in ({program: reading(expression).encode()} | data).items():
        written(tmp_path / "work" / file, content)

    report = graded(tmp_path / "work", seed=1)

    assert (report.score, said(report)) == (100, [])


def test_a_data_file_that_is_not_there(tmp_path: Path) -> None:
    """The control: what only it gives is missed."""
    assert (
        graded(written(tmp_path / "network.py", reading("open('rate.txt').read()").encode()), seed=1).score or 0
    ) < 50


PACKED: dict[str, tuple[str, bytes]] = {
    "archive": ("w.zip", zipped({"lab/network.py": reading("open('rate.txt').read()").encode(), "lab/rate.txt": b"0.3"})),
    "notebook": (
        "w.zip", zipped({"lab.ipynb": notebook(reading("open('rate.txt').read()")), "rate.txt": b"0.3"})
    ),
    "written by a cell": ("lab.ipynb", notebook("%%writefile rate.txt\n0.3", reading("open('rate.txt').read()"))),
}  # fmt: skip


@pytest.mark.parametrize("name", marked(PACKED, ("archive",)))
def test_a_data_file_in_an_archive_or_a_notebook(name: str, tmp_path: Path) -> None:
    """Packing changes nothing."""
    file, content = PACKED[name]

    assert graded(written(tmp_path / file, content), seed=1).score == 100


def test_data_beyond_the_limit_is_left_out(tmp_path: Path) -> None:
    """A data file for which there is no room costs nothing, is named, and leaves room for the others."""
    written(tmp_path / "w" / "network.py", reading("open('rate.txt').read()").encode())
    written(tmp_path / "w" / "a.csv", bytes(5 * 2**20))
    written(tmp_path / "w" / "rate.txt", b"0.3")

    report = graded(tmp_path / "w", seed=1)

    assert report.score == 100
    assert said(report) == ["Left out: a.csv is too large: a program reads 4 MiB and 100 files of data at most."]


def said(report: Report) -> list[str]:
    return [finding.message.text for finding in report.findings]
