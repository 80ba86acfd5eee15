"""Finds where classes, functions and methods are defined, inherited methods included.

Runs confined. Standard library only.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

DEFINITIONS = 2_000  # listed for one submission
NAME_CHARS = 200

Place = tuple[str, int]  # file and line


def definitions(trees: Iterable[tuple[str, ast.Module]]) -> list[tuple[str, str, int]]:
    """Return (file, name, line) of each top-level definition and method: "loss", "Model", "Model.backward".

    If a file defines a name more than once, the last definition counts, as when the file is run; if several files define
    it, the first file's.
    """
    found: dict[str, Place] = {}
    classes: dict[str, tuple[str, ast.ClassDef]] = {}
    for file, tree in trees:
        own: dict[str, Place] = {}
        for node in statements(tree.body):
            own[node.name] = file, node.lineno
            if isinstance(node, ast.ClassDef) and node.name not in found:
                classes[node.name] = file, node
        found = {**own, **found}
    for name in classes:
        for method, place in methods(name, classes, set()).items():
            found[f"{name}.{method}"] = place
    listed = [(file, name, line) for name, (file, line) in found.items() if len(name) <= NAME_CHARS]
    return listed[:DEFINITIONS]


def statements(body: Iterable[ast.stmt]) -> Iterator[ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield the definitions of a block, including those inside if, try and with."""
    for node in body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node
        elif isinstance(node, (ast.If, ast.Try, ast.With)):
            yield from statements(node.body)


def methods(name: str, classes: dict[str, tuple[str, ast.ClassDef]], seen: set[str]) -> dict[str, Place]:
    """Return the methods of a class by name; they override those of its bases."""
    if name not in classes or name in seen:
        return {}
    file, node = classes[name]
    found: dict[str, Place] = {}
    for base in reversed(node.bases):
        if isinstance(base, ast.Name):
            found |= methods(base.id, classes, {*seen, name})
    return found | {child.name: (file, child.lineno) for child in statements(node.body)}
