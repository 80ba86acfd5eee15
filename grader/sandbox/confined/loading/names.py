"""Tracks the names of a module while its statements run, to restore functions whose names a demo rebinds.

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
    """Record of the functions, classes and modules that a module's names referred to while its statements ran."""

    def __init__(self, namespace: dict[str, Any]) -> None:
        self.namespace = namespace
        self._meant: dict[str, Any] = {}
        self._first = set(namespace)  # names that every module has, like __loader__

    def look(self) -> None:
        """Record what the names refer to now."""
        for name, value in [*self.namespace.items()]:
            if callable(value) or isinstance(value, types.ModuleType):
                self._meant[name] = value

    def give_back(self, contract: set[str], statements: Iterable[ast.stmt]) -> None:
        """Restore the names that functions call and that a demo rebound: `sum = 0`, `loss = loss(y, 1)`."""
        lost = {
            name for name, value in self.namespace.items()
            if name not in self._first and not (callable(value) or isinstance(value, types.ModuleType))
            and (name in self._meant or callable(vars(builtins).get(name)))
        }  # fmt: skip
        if not lost:
            return
        called, attributes = used_in_functions(statements)
        called |= {name for name, attribute in attributes if not hasattr(self.namespace.get(name), attribute)}
        for name in lost & (contract | called):
            if name in self._meant:
                self.namespace[name] = self._meant[name]
            elif name not in contract:
                del self.namespace[name]


def used_in_functions(statements: Iterable[ast.stmt]) -> tuple[set[str], set[tuple[str, str]]]:
    """Return the names that functions call, and the (name, attribute) pairs that they use."""
    functions = (node for top in statements for node in ast.walk(top) if isinstance(node, FUNCTIONS))
    inside = [node for function in functions for node in ast.walk(function)]
    called = {node.func.id for node in inside if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    attributes = {
        (node.value.id, node.attr)
        for node in inside
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    }
    return called, attributes
