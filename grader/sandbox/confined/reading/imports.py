"""Finds the imports that a text makes for certain: statements, constant strings that are imported or executed. Comments never count.

Runs confined; the trusted process compares names. Standard library only.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence

from .notebooks import parse
from .texts import Refusal

IMPORTS = 2_000  # different ones of a file
FOLDED_CHARS = 256 * 1024  # of a text that is put together
IMPORTERS = {"__import__", "import_module"}
RUNNERS = {"exec", "eval"}


def imported(name: str, tree: ast.AST, banned: Sequence[str]) -> list[tuple[int, str]]:
    """Return (line, dotted name) of the different imports of a file, each where it stands first.

    Of more than IMPORTS the banned ones, which decide by themselves; Refusal where there are none.
    """
    first: dict[str, int] = {}
    for line, module in imports_of(tree):
        first[module] = min(line, first.get(module, line))
    found = [(line, module) for module, line in first.items()]
    if len(found) > IMPORTS:
        found = [item for item in found if is_banned(item[1], banned)][:IMPORTS]
        if not found:
            raise Refusal("{name} has more than {limit} different imports.", name=name, limit=IMPORTS)
    return found


def is_banned(module: str, banned: Iterable[str]) -> bool:
    """Return whether module is one of banned or inside one: "torch.nn" is, "torchlight" is not."""
    return any(module == name or module.startswith(name + ".") for name in banned)


def imports_of(tree: ast.AST, line: int | None = None) -> Iterator[tuple[int, str]]:
    """Yield (line, dotted name) of every import that the text makes for certain; comments never count.

    `from a import b` gives "a.b": b may be a module; a relative import begins with its dots. line is that of the text's own place, where it
    is a string that is executed.
    """
    nodes = list(ast.walk(tree))
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
                yield from imports_in(text, at)


def called_names(nodes: Iterable[ast.AST]) -> tuple[set[str], set[str]]:
    """Return the names under which import functions and exec are called: their own, and aliases."""
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


def imports_in(text: str, line: int) -> Iterator[tuple[int, str]]:
    """Yield the imports of a text that is executed on a line."""
    try:
        yield from imports_of(parse(text), line)
    except (SyntaxError, RecursionError):
        return


def folded(node: ast.AST) -> str | None:
    """Return the text of an expression that is constant: a literal, a sum, a join, a slice or an f-string."""
    try:
        return constant(node)
    except (RecursionError, ValueError, TypeError):  # no import of a person's
        return None


def constant(node: ast.AST) -> str | None:
    """Return the text of a constant expression, None for any other."""
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
    """Return the text of a string method on constants: join, lower, strip, replace."""
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
    """Return constant texts joined, None where one is not constant."""
    parts = [constant(node) for node in nodes]
    texts = [part for part in parts if part is not None]
    is_short = sum(map(len, texts)) + len(separator) * len(texts) <= FOLDED_CHARS
    return separator.join(texts) if len(texts) == len(parts) and is_short else None
