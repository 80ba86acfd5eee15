"""Finds where classes, functions and methods are defined, inherited methods included, and where they compute their result.

Runs confined. Standard library only.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

DEFINITIONS = 2_000  # listed for one submission
NAME_CHARS = 200
LOCAL = "local "
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)

Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
Place = tuple[str, Definition]  # file and definition


def definitions(trees: Iterable[tuple[str, ast.Module]]) -> list[tuple[str, str, int]]:
    """Return (file, name, line) of each top-level definition and method: "loss", "Model", "Model.backward".

    "loss:return" is the only expression that computes what it returns, "Neuron.backward:bias" that which it assigns to the
    attribute, if there is such a one. If a file defines a name more than once, the last definition counts, as when the file
    is run; if several files define it, the first file's.
    """
    found: dict[str, Place] = {}
    classes: dict[str, tuple[str, ast.ClassDef]] = {}
    for file, tree in trees:
        own: dict[str, Place] = {}
        for node in statements(tree.body):
            own[node.name] = file, node
            if isinstance(node, ast.ClassDef) and node.name not in found:
                classes[node.name] = file, node
        found = {**own, **found}
    for name in classes:
        for method, place in methods(name, classes, set()).items():
            found[f"{name}.{method}"] = place
    listed = [(file, name, node.lineno) for name, (file, node) in found.items()]
    for name, (file, node) in found.items():
        listed += [(file, f"{name}:{part}", line) for part, line in expressions(node).items()]
    return [item for item in listed if len(item[1]) <= NAME_CHARS][:DEFINITIONS]


def expressions(function: Definition) -> dict[str, int]:
    """Return the lines of the expressions of a function's results: "return", and the attributes that it assigns.

    Only those that are computed in one place, and from no other local variable, whose value might be the wrong one.
    """
    if isinstance(function, ast.ClassDef):
        return {}
    nodes = [node for statement in function.body for node in ast.walk(statement)]
    if any(isinstance(node, FUNCTIONS) for node in nodes):
        return {}
    found: dict[str, list[ast.expr | None]] = {}
    for node in nodes:
        if isinstance(node, ast.Return):
            found.setdefault("return", []).append(node.value)
        elif isinstance(node, (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.NamedExpr, ast.For)):
            value = node.iter if isinstance(node, ast.For) else node.value
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                for name in names(target):
                    found.setdefault(name, []).append(value)
    local = {name for name in found if name.startswith(LOCAL)}
    result = (found.get("return") or [None])[0]
    source = next(iter(names(result)), "") if isinstance(result, (ast.Name, ast.Attribute)) else ""
    if source in found and len(found["return"]) == 1:
        found["return"] = found[source]
    return {
        name: values[0].lineno
        for name, values in found.items()
        if name not in local and len(values) == 1 and values[0] is not None and local.isdisjoint(used(values[0]))
    }


def names(target: ast.expr) -> Iterator[str]:
    """Yield what a target assigns: attributes by their names, local variables with LOCAL before theirs."""
    if isinstance(target, ast.Name):
        yield LOCAL + target.id
    elif isinstance(target, ast.Attribute):
        yield target.attr
    elif isinstance(target, (ast.Subscript, ast.Starred)):
        yield from names(target.value)
    elif isinstance(target, (ast.Tuple, ast.List)):
        for item in target.elts:
            yield from names(item)


def used(value: ast.expr) -> set[str]:
    """Return the local variables that an expression reads."""
    return {LOCAL + node.id for node in ast.walk(value) if isinstance(node, ast.Name)}


def statements(body: Iterable[ast.stmt]) -> Iterator[Definition]:
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
    return found | {child.name: (file, child) for child in statements(node.body)}
