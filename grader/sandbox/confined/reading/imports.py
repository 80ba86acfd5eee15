"""Finds the imports that source text certainly makes: import statements, and constant strings that are imported or executed.

Runs confined; the trusted process uses only is_banned. Standard library only.
"""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Iterable, Iterator, Sequence

from .notebooks import parse
from .texts import Refusal

IMPORTS = 2_000  # different imports in a file
FOLDED_CHARS = 256 * 1024  # of a string that constant parts are joined to
IMPORTERS = {"__import__", "import_module"}
RUNNERS = {"exec", "eval"}


def imported(name: str, imports: Iterable[tuple[int, str]], banned: Sequence[str]) -> list[tuple[int, str]]:
    """Return (line, dotted name) of each different one of a file's imports, with the first line that has it.

    With more than IMPORTS of them, returns only the banned ones; raises Refusal if none is banned.
    """
    first: dict[str, int] = {}
    for line, module in imports:
        first[module] = min(line, first.get(module, line))
    found = [(line, module) for module, line in first.items()]
    if len(found) > IMPORTS:
        found = [item for item in found if is_banned(item[1], banned)][:IMPORTS]
        if not found:
            raise Refusal("{name} has more than {limit} different imports.", name=name, limit=IMPORTS)
    return found


def is_banned(module: str, banned: Iterable[str]) -> bool:
    """Return whether a module is banned or inside a banned one: with "torch", "torch.nn" is and "torchlight" is not."""
    return any(module == name or module.startswith(name + ".") for name in banned)


def imports_of(nodes: Sequence[ast.AST], line: int | None = None) -> Iterator[tuple[int, str]]:
    """Yield (line, dotted name) of every import that a text, given by the nodes of its tree, certainly makes.

    `from a import b` gives "a.b", since b may be a module; relative imports begin with their dots. line replaces the
    line numbers of a string that is executed.
    """
    importers, runners = called_names(nodes)
    for node in nodes:
        at: int = line if line is not None else getattr(node, "lineno", 1)
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield at, alias.name
        elif isinstance(node, ast.ImportFrom):
            package = "." * node.level + (f"{node.module}." if node.module else "")
            for alias in node.names:
                yield at, f"{package}{alias.name}"
        elif isinstance(node, ast.Call) and node.args:
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            text = folded(node.args[0])
            if text is not None and called in importers:
                yield at, text
            elif text is not None and called in runners:
                with contextlib.suppress(SyntaxError, RecursionError):
                    yield from imports_of([*ast.walk(parse(text))], at)


def bound_by(node: ast.Import | ast.ImportFrom) -> list[tuple[str, str]]:
    """Return each name that an import binds, with the dotted name of what it refers to."""
    if isinstance(node, ast.Import):
        return [(name.asname, name.name) if name.asname else (name.name.partition(".")[0],) * 2 for name in node.names]
    start = "." * node.level + (node.module or "")
    return [(name.asname or name.name, f"{start}.{name.name}") for name in node.names if name.name != "*"]


def called_names(nodes: Iterable[ast.AST]) -> tuple[set[str], set[str]]:
    """Return the names, including aliases, under which import functions and exec or eval are called."""
    importers, runners = set(IMPORTERS), set(RUNNERS)
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and node.module in ("importlib", "builtins"):
            for alias in node.names:
                importers |= {alias.asname or alias.name} if alias.name in IMPORTERS else set()
                runners |= {alias.asname or alias.name} if alias.name in RUNNERS else set()
        elif isinstance(node, ast.Assign) and isinstance(node.value, (ast.Name, ast.Attribute)):
            source = node.value.id if isinstance(node.value, ast.Name) else node.value.attr
            names = {target.id for target in node.targets if isinstance(target, ast.Name)}
            importers |= names if source in IMPORTERS else set()
            runners |= names if source in RUNNERS else set()
    return importers, runners


def folded(node: ast.AST) -> str | None:
    """Return the value of a constant string expression (literal, sum, join, slice or f-string), else None."""
    try:
        return constant(node)
    except (RecursionError, ValueError, TypeError):  # nobody writes an import like this
        return None


def constant(node: ast.AST) -> str | None:
    """Return the value of a constant string expression, else None."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return joined("", [node.left, node.right])
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
        pattern, value = constant(node.left), constant(node.right)
        return None if pattern is None or value is None else pattern.replace("%s", value, 1)
    if isinstance(node, ast.JoinedStr):
        return joined("", node.values)
    if isinstance(node, ast.FormattedValue) and node.format_spec is None:
        return constant(node.value)
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice):
        text, bounds = constant(node.value), [node.slice.lower, node.slice.upper, node.slice.step]
        values = [None if bound is None else ast.literal_eval(bound) for bound in bounds]
        return None if text is None else text[slice(*values)]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return called(node.func, node.args)
    return None


def called(function: ast.Attribute, arguments: list[ast.expr]) -> str | None:
    """Return the result of a string method on constants (join, lower, casefold, strip, replace), else None."""
    text = constant(function.value)
    if text is None or len(text) > FOLDED_CHARS:
        return None
    if function.attr == "join" and len(arguments) == 1 and isinstance(arguments[0], (ast.List, ast.Tuple)):
        return joined(text, arguments[0].elts)
    values = [constant(argument) for argument in arguments]
    if function.attr in ("lower", "strip", "replace", "casefold") and None not in values:
        return str(getattr(text, function.attr)(*values))
    return None


def joined(separator: str, nodes: Iterable[ast.AST]) -> str | None:
    """Return constant strings joined, or None if one is not constant or the result is too long."""
    parts = [constant(node) for node in nodes]
    texts = [part for part in parts if part is not None]
    is_short = sum(map(len, texts)) + len(separator) * len(texts) <= FOLDED_CHARS
    return separator.join(texts) if len(texts) == len(parts) and is_short else None
