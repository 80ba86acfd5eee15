"""Step 2, the import ban: reads the syntax tree of the submission, runs nothing.

The rule is the course's: no deep-learning framework. Comments and strings never count. What only
shows at run time is reported by the worker and judged by the same function, `is_banned`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from grader.models import Finding, SourceFile, StagedSubmission, say
from grader.staging import parse

BANNED = "banned_import"
IMPORTERS = {"__import__", "import_module"}
RUNNERS = {"exec", "eval"}


def check_imports(staged: StagedSubmission, banned: Iterable[str]) -> tuple[Finding, ...]:
    """Return a finding for each import of a banned package in the files that the main file reaches."""
    banned = tuple(banned)
    siblings = {file.name.removesuffix(".py"): file for file in staged.siblings}
    findings: list[Finding] = []
    queue, seen = [staged.main], {staged.main.name}
    while queue:
        file = queue.pop(0)
        for line, module in imported_modules(file):
            own = siblings.get(module.partition(".")[0])
            if own is not None:
                if own.name not in seen:
                    seen.add(own.name)
                    queue.append(own)
            elif is_banned(module, banned):
                findings.append(finding(file.name, line, module))
    return tuple(_unique(findings))


def _unique(findings: list[Finding]) -> list[Finding]:
    """Keep one finding for a line and package: `from torch import nn, optim` is one mistake."""
    kept: dict[tuple[str, int | None, str], Finding] = {}
    for one in findings:
        kept.setdefault((one.file, one.line, str(one.message.args["module"]).partition(".")[0]), one)
    return list(kept.values())


def finding(file: str, line: int | None, module: str) -> Finding:
    """Return the finding for one import of a banned module; line None: it was asked for at run time."""
    template = (
        "{file}, line {line}: imports {module}; deep-learning frameworks are forbidden in this lab."
        if line is not None
        else "{file} asked for {module} while it ran; deep-learning frameworks are forbidden in this lab."
    )
    return Finding(rule=BANNED, file=file, line=line, message=say(template, file=file, line=line or 0, module=module))


def is_banned(module: str, banned: Iterable[str]) -> bool:
    """Say whether module is one of banned or inside one: "torch.nn" is, "torchlight" is not."""
    return any(module == name or module.startswith(name + ".") for name in banned)


def imported_modules(file: SourceFile) -> list[tuple[int, str]]:
    """Return (line, dotted name) of every import that the text makes for certain.

    `from a import b` gives "a.b": b may be a module. A file that does not parse gives nothing.
    """
    try:
        return list(_imports(parse(file.text)))
    except SyntaxError:
        return []


def _imports(tree: ast.AST, line: int | None = None) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        at: int = line if line is not None else getattr(node, "lineno", 1)
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield at, alias.name
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            for alias in node.names:
                yield at, f"{node.module}.{alias.name}"
        elif isinstance(node, ast.Call) and node.args:
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            try:
                text = constant_text(node.args[0])
            except RecursionError:  # no import of a person's
                continue
            if text is None:
                continue
            if called in IMPORTERS:
                yield at, text
            elif called in RUNNERS:
                try:
                    yield from _imports(parse(text), at)
                except (SyntaxError, RecursionError):
                    continue


def constant_text(node: ast.AST) -> str | None:
    """Return the text of an expression that is constant: a literal, a sum, a join or an f-string."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _joined("", [node.left, node.right])
    if isinstance(node, ast.JoinedStr):
        return _joined("", node.values)
    if isinstance(node, ast.FormattedValue) and node.format_spec is None:
        return constant_text(node.value)
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "join"
        and len(node.args) == 1
        and isinstance(node.args[0], (ast.List, ast.Tuple))
    ):
        separator = constant_text(node.func.value)
        return None if separator is None else _joined(separator, node.args[0].elts)
    return None


def _joined(separator: str, nodes: Iterable[ast.AST]) -> str | None:
    parts = [constant_text(node) for node in nodes]
    return None if None in parts else separator.join(part for part in parts if part is not None)
