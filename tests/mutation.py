"""Which changes of a module do its tests not notice? `python -m tests.mutation MOST [MODULE...]` names them.

The changes are cosmic-ray's, one at a time, made in memory: nothing on disk changes. Each is tested in a fork of
this process, which has imported what all tests need.
"""

from __future__ import annotations

import ast
import contextlib
import importlib
import importlib.abc
import os
import random
import signal
import sys
import threading
import types
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import NoReturn

import pytest
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names

from tests.support.mutants import known, more

ROOT = Path(__file__).parents[1]
MODULES = {
    "grader.sandbox.protocol": "tests/sandbox/test_protocol.py",
    "grader.pipeline.import_rules": "tests/pipeline/test_import_rules.py",
    "grader.pipeline.scoring": "tests/pipeline/test_scoring.py",
    "grader.labs.xor.mistakes.misconceptions": "tests/labs/xor/test_misconceptions.py",
}
IN_ANNOTATIONS = "core/ReplaceBinaryOperator_BitOr_"  # `int | None`; these modules have no other |
TIME_S = 120


class Changed(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds one module as a text."""

    def __init__(self, name: str, text: str) -> None:
        self._name, self._text = name, text

    def find_spec(self, name: str, *_: object) -> ModuleSpec | None:
        """Find the module that is changed, and no other."""
        return ModuleSpec(name, self) if name == self._name else None

    def exec_module(self, module: types.ModuleType) -> None:
        """Run the text."""
        exec(compile(self._text, f"<{self._name}>", "exec", dont_inherit=True), module.__dict__)  # noqa: S102  - our own, changed


def places(text: str) -> Iterator[tuple[str, int, int]]:
    """Yield where a module can be changed: what is done, which of its places, and the line."""
    nodes = list(ast_nodes(get_ast(text)))
    for name in operator_names():
        kind = get_operator(name)
        if not kind.arguments() and not name.startswith(IN_ANNOTATIONS):
            found = [start for node in nodes for start, _ in kind().mutation_positions(node)]
            yield from ((name, number, line) for number, (line, _) in enumerate(found))


def changed(text: str, name: str, number: int) -> str | None:
    """Return the module with one change; None where it is none."""
    with contextlib.suppress(AttributeError, SyntaxError):  # of `except (a.B, c.D)`, of a lone `*`
        after: str = mutate_code(text, get_operator(name)(), number)
        return after if ast.dump(ast.parse(after)) != ast.dump(ast.parse(text)) else None
    return None


def is_noticed(name: str, text: str) -> bool:
    """Run the tests of a module in a fork, with its text replaced; return whether one fails, or takes too long."""
    pid = os.fork()
    if pid == 0:
        be_tested(name, text)
    timer = threading.Timer(TIME_S, os.kill, (pid, signal.SIGKILL))
    timer.start()
    try:
        return os.waitpid(pid, 0)[1] != 0
    finally:
        timer.cancel()


def be_tested(name: str, text: str) -> NoReturn:
    """Run the tests, and end with their exit code."""
    code = 1
    with contextlib.suppress(BaseException):
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, 1)
        os.dup2(nothing, 2)
        sys.meta_path.insert(0, Changed(name, text))
        code = pytest.main(["-x", "-q", "--assert=plain", "-p", "no:cacheprovider", MODULES[name]])
    os._exit(code)


def main(name: str, most: int) -> None:
    """Print the changes of a module that its tests do not notice; of more than most, a drawn sample is tested."""
    text = Path(ROOT, *name.split(".")).with_suffix(".py").read_text(encoding="utf-8")
    assert not is_noticed(name, text), "the tests fail without a change"
    assert is_noticed(name, ""), "the tests do not use the module that is changed"
    every = list(places(text))
    tested = survivors = 0
    for kind, number, line in random.Random(0).sample(every, min(most, len(every))):
        after = changed(text, kind, number)
        if after is None:
            continue
        tested += 1
        if not is_noticed(name, after):
            survivors += 1
            pairs = zip(text.splitlines(), after.splitlines(), strict=False)
            shown = next((new for old, new in pairs if old != new), "")
            print(f"{name}:{line}: {kind.removeprefix('core/')}: {shown.strip()}", flush=True)
    print(f"{name}: {len(every)} places, {tested} changes tested, {survivors} not noticed", flush=True)


if __name__ == "__main__":
    for needed in ("hypothesis.strategies", "msgspec", "numpy.testing"):
        importlib.import_module(needed)
    known()
    more()
    for wanted in sys.argv[2:] or MODULES:
        main(wanted, most=int(sys.argv[1]))
