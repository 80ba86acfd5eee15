"""The names of a module while its statements run: a demo that rebinds a name takes no function from the program.

Runs beside student code: the standard library only.
"""

from __future__ import annotations

import ast
import builtins
import types
from collections.abc import Iterable
from typing import Any

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


class Names:
    """The functions, classes and modules that the names of a module stood for while its statements ran."""

    def __init__(self, namespace: dict[str, Any]) -> None:
        self.namespace = namespace
        self._meant: dict[str, Any] = {}

    def look(self) -> None:
        """Remember what the names stand for now."""
        for name, value in [*self.namespace.items()]:
            if callable(value) or isinstance(value, types.ModuleType):
                self._meant[name] = value

    def give_back(self, contract: set[str], statements: Iterable[ast.stmt]) -> None:
        """Restore the names that functions call and that a demo rebound: `sum = 0`, `loss = loss(y, 1)`."""
        lost = {
            name for name, value in self.namespace.items()
            if not (callable(value) or isinstance(value, types.ModuleType))
            and (name in self._meant or callable(vars(builtins).get(name)))
        }  # fmt: skip
        if not lost:
            return
        called, asked = used_in_functions(statements)
        called |= {name for name, attribute in asked if not hasattr(self.namespace.get(name), attribute)}
        for name in lost & (contract | called):
            if name in self._meant:
                self.namespace[name] = self._meant[name]
            elif name not in contract:
                del self.namespace[name]


def used_in_functions(statements: Iterable[ast.stmt]) -> tuple[set[str], set[tuple[str, str]]]:
    """Return the names that functions call, and the names of which they ask for an attribute, with it."""
    functions = (node for top in statements for node in ast.walk(top) if isinstance(node, FUNCTIONS))
    inside = [node for function in functions for node in ast.walk(function)]
    called = {node.func.id for node in inside if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    asked = {
        (node.value.id, node.attr)
        for node in inside
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    }
    return called, asked
