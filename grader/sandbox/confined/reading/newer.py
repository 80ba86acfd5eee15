"""Finds syntax and names that need a newer Python than the running one.

Syntax is found by rewriting it into syntax that this Python can parse. Runs confined. Standard library only.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterator, Sequence

from .imports import bound_by
from .notebooks import parses

Version = tuple[int, int]

HERE: Version = (sys.version_info[0], sys.version_info[1])

# Few submissions need these patterns: each is compiled at its first use.
GENERIC = r"(?m)^(\s*(?:async\s+)?(?:def|class)\s+\w+)\s*\[((?:[^\[\]]|\[[^\[\]]*\])*)\](?=\s*[(:])"
TYPE = r"(?m)^(\s*)type\s+(\w+)\s*(?:\[[^\]\n]*\])?\s*="
TEMPLATE = r"(?i)(?<![\w'\"])(?:rt|tr|t)(?=['\"])"
EXCEPT = r"(?m)^(\s*except\*?\s+)((?:\w+\.)*[A-Z]\w*(?:\s*,\s*(?:\w+\.)*[A-Z]\w*)+)\s*:"
SPREAD = r"([\[({])\s*\*{1,2}(\w[^,\[\](){}]*?)\s+for\s"
LAZY = r"(?m)^(\s*)lazy\s+(?=import\s|from\s)"
STRING = r"""(?i)(?<!\w)([a-z]{0,2})('''|\"\"\"|'|")|#[^\n]*"""

# Names that students may use, by the Python version that introduced them.
NAMES: dict[Version, str] = {
    (3, 12): """
itertools.batched math.sumprod random.binomialvariate typing.override typing.TypeAliasType collections.abc.Buffer calendar.Month calendar.Day
types.get_original_bases os.path.splitroot os.path.isjunction inspect.markcoroutinefunction sys.monitoring asyncio.eager_task_factory
threading.settrace_all_threads threading.setprofile_all_threads
""",
    (3, 13): """
copy.replace math.fma typing.TypeIs typing.ReadOnly typing.NoDefault typing.get_protocol_members typing.is_protocol warnings.deprecated
statistics.kde statistics.kde_random queue.ShutDown re.PatternError glob.translate os.process_cpu_count enum.EnumDict
mimetypes.guess_file_type base64.z85encode base64.z85decode
""",
    (3, 14): """
annotationlib compression string.templatelib concurrent.interpreters functools.Placeholder typing.evaluate_forward_ref operator.is_none
operator.is_not_none heapq.heapify_max heapq.heappush_max heapq.heappop_max heapq.heapreplace_max heapq.heappushpop_max os.reload_environ
""",
}
SINCE = {name: version for version, names in NAMES.items() for name in names.split() if version > HERE}


class Unreadable(Exception):
    """The text is not a valid f-string or string."""


def needed(text: str) -> Version | None:
    """Return the oldest newer Python that parses a text which this one cannot, or None if none is known to."""
    for version, rewritten in FEATURES:
        if version > HERE:
            text = rewritten(text)
            if parses(text):
                return version
    return None


def newer_names(nodes: Sequence[ast.AST]) -> Iterator[tuple[str, str]]:
    """Yield (dotted name, version) for each name in the nodes of a tree that needs a newer Python."""
    modules: dict[str, str] = {}
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
            modules.update(bound_by(node))
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
            modules.update(bound_by(node))
    found |= {dotted for node in nodes if isinstance(node, ast.Attribute) and (dotted := dotted_name(node, modules))}
    for name, version in SINCE.items():
        if any(item == name or item.startswith(f"{name}.") for item in found):
            yield name, shown(version)


def dotted_name(node: ast.expr, modules: dict[str, str]) -> str:
    """Return the dotted name of an attribute of an imported module, "" for any other expression.

    modules maps names in the file to the modules that they refer to.
    """
    if isinstance(node, ast.Name):
        return modules.get(node.id, "")
    around = dotted_name(node.value, modules) if isinstance(node, ast.Attribute) else ""
    return f"{around}.{node.attr}" if around and isinstance(node, ast.Attribute) else ""


def shown(version: Version) -> str:
    """Return a version as text, like "3.12"."""
    return ".".join(map(str, version))


def without_generics(text: str, *, takes_defaults: bool) -> str:
    """Return a text without the type parameters of functions and classes.

    takes_defaults: also remove those with defaults.
    """
    return re.sub(GENERIC, lambda found: found[0] if "=" in found[2] and not takes_defaults else found[1], text)


def without_fstrings(text: str) -> str:
    """Return a text in which each f-string is replaced by a tuple of its expressions."""
    try:
        return "".join(_parts(text))
    except (Unreadable, RecursionError):
        return text


def _parts(text: str) -> Iterator[str]:
    at, strings = 0, re.compile(STRING)
    while (found := strings.search(text, at)) is not None:
        yield text[at : found.start()]
        at, inside = _literal(text, found)
        yield text[found.start() : at] if inside is None else f"({''.join(f'{item}, ' for item in inside)})"
    yield text[at:]


def _literal(text: str, found: re.Match[str]) -> tuple[int, list[str] | None]:
    """Return the end of a string or comment that begins here, and of an f-string its expressions, else None."""
    at, quote = found.end(), found[2]
    if quote is None:  # a comment
        return at, None
    if "f" in found[1].lower():
        return _fstring(text, at, quote)
    while not text.startswith(quote, at):
        if at >= len(text):
            raise Unreadable
        at += 2 if text[at] == "\\" else 1
    return at + len(quote), None


def _fstring(text: str, at: int, quote: str) -> tuple[int, list[str]]:
    """Return the end of an f-string, and its expressions."""
    expressions: list[str] = []
    while not text.startswith(quote, at):
        if at >= len(text) or (text[at] == "\n" and len(quote) == 1):
            raise Unreadable
        if text[at : at + 2] in ("{{", "}}"):
            at += 2
        elif text[at] == "{":
            at, more = _field(text, at + 1, quote)
            expressions += more
        elif text[at] == "}":
            raise Unreadable
        else:
            at += 2 if text[at] == "\\" else 1
    return at + len(quote), expressions


def _field(text: str, at: int, quote: str) -> tuple[int, list[str]]:
    """Return the end of a replacement field, and its expressions, including those of its format."""
    begin, depth, strings = at, 0, re.compile(STRING)
    while depth or (text[at : at + 1] not in ("}", ":") and not re.match(r"![rsa]\s*[:}]", text[at : at + 40])):
        if at >= len(text):
            raise Unreadable
        if (string := strings.match(text, at)) is not None:
            at, _ = _literal(text, string)
            continue
        depth += (text[at] in "([{") - (text[at] in ")]}")
        at += 1
    expression = without_fstrings(text[begin:at]).strip().removesuffix("=").strip()
    if not expression:
        raise Unreadable
    at += 2 if text[at] == "!" else 0
    found = [f"({expression}\n)"]
    if text[at : at + 1] == ":":
        at, more = _format(text, at + 1, quote)
        found += more
    if text[at : at + 1] != "}":
        raise Unreadable
    return at + 1, found


def _format(text: str, at: int, quote: str) -> tuple[int, list[str]]:
    """Return the end of a format, and its expressions."""
    expressions: list[str] = []
    while text[at : at + 1] != "}":
        if at >= len(text) or text.startswith(quote, at):
            raise Unreadable
        if text[at] == "{":
            at, more = _field(text, at + 1, quote)
            expressions += more
        else:
            at += 1
    return at, expressions


FEATURES: tuple[tuple[Version, Callable[[str], str]], ...] = (
    ((3, 12), without_fstrings),
    ((3, 12), lambda text: without_generics(re.sub(TYPE, r"\1\2 =", text), takes_defaults=False)),
    ((3, 13), lambda text: without_generics(text, takes_defaults=True)),
    ((3, 14), lambda text: without_fstrings(re.sub(TEMPLATE, "f", text))),
    ((3, 14), lambda text: re.sub(EXCEPT, r"\1(\2):", text)),
    ((3, 15), lambda text: re.sub(LAZY, r"\1", re.sub(SPREAD, r"\1\2 for ", text))),
)
