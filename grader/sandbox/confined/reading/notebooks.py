"""Converts notebooks, and Python files exported from them, to plain Python: magics, shell lines, cells that write files.

Runs confined. Standard library only.
"""

from __future__ import annotations

import ast
import json
import posixpath
import re
import warnings
from collections.abc import Collection, Iterable

from .archives import DATA, kind_of, unsafe
from .texts import Refusal

LINE_CHARS = 100

# Lines that only IPython understands: a magic or shell line, one whose result is assigned, a request for help.
MAGIC = r"^(\s*)(?:(\w[\w.]*\s*=)\s*[%!]|[%!?]|[\w.]+\?{1,2}\s*$)"
TIMED = r"^(\s*)%time\s+(?=\S)"
RUN = r"""^(\s*)(?:%run\s+(.+?)|get_ipython\(\)\.(?:run_line_magic\(u?['"]run['"],\s*u?['"]|magic\(u?['"]run\s+)(.+?)['"]\))\s*;?\s*$"""
OPTION = r"^(?:-\w+\s+)*"
FUTURE = r"^(from __future__ import [\w, ]+?)\s*(?:#.*)?$"
DEFINES = r"(?m)^\s*(?:async\s+def|def|class)\s"
CODE_MAGICS = ("time", "timeit", "capture", "prun", "debug", "memit")  # cell magics that run the cell's code
FILE_MAGICS = ("writefile", "file")
FAILING = {"raises-exception", "skip-execution"}  # tags of cells that are expected to fail or not meant to run
# Equivalent of %run: binds the names of another file here.
RUNNING = 'globals().update({{k: v for k, v in vars(__import__("importlib").import_module("{module}")).items() if k[:2] != "__"}})'

Row = tuple[str, str | None]  # a line as Python, and what was dropped from it


class Lines:
    """Source text as lines of Python.

    cells are the first lines of cells, dropped has (line, text) of what was removed, written the files that cells write.
    tree is the syntax tree, if it is known.
    """

    def __init__(self, text: Iterable[str] = (), tree: ast.Module | None = None) -> None:
        self.text, self.tree = list(text), tree
        self.cells: list[int] = []
        self.dropped: list[tuple[int, str]] = []
        self.written: dict[str, str] = {}

    def add(self, text: str, dropped: str | None) -> None:
        """Add one line."""
        self.text.append(text)
        if dropped is not None:
            self.dropped.append((len(self.text), dropped[:LINE_CHARS]))


def parse(text: str, name: str = "", *, is_notebook: bool = False) -> ast.Module:
    """Parse source text and check that it compiles; raise SyntaxError if either fails for any reason."""
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT if is_notebook else 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # no warnings about a student's "\\d"
        try:
            tree = ast.parse(text)
            compile(text, name, "exec", flags, dont_inherit=True)
        except (ValueError, RecursionError) as error:
            raise SyntaxError(str(error) or type(error).__name__) from error
    return tree


def parses(text: str, *, is_notebook: bool = True) -> bool:
    """Return whether text is valid Python."""
    return tree_of(text, is_notebook=is_notebook) is not None


def tree_of(text: str, *, is_notebook: bool) -> ast.Module | None:
    """Return the syntax tree of a text, or None if it is not valid Python."""
    try:
        return parse(text, is_notebook=is_notebook)
    except SyntaxError:
        return None


def code_of(name: str, content: bytes, known: Collection[str]) -> Lines:
    """Return the code of a notebook as Lines; known are the files that it may run."""
    lines, folder = Lines(), posixpath.dirname(name)
    cells = [
        (rows_of(text, folder, known, lines.written), is_expected) for text, is_expected in code_cells(name, content)
    ]
    is_whole = parses("\n".join(line for rows, _ in cells for line, _ in rows))
    futures = ""
    for rows, is_expected in cells:
        lines.cells.append(len(lines.text) + 1)
        for line, dropped in rows if is_whole else mended(rows, is_expected=is_expected):
            future = re.match(FUTURE, line)
            if future:  # allowed at the top of each cell, but in a file only at the top
                futures += f"{future[1]}; "
            lines.add("" if future else line, dropped)
    if lines.text:
        lines.text[0] = futures + lines.text[0]
    return lines


def code_in(name: str, text: str, known: Collection[str]) -> Lines:
    """Return the code of a .py file; an export may have left lines of a notebook in it."""
    folder, lines = posixpath.dirname(name), text.split("\n")
    if "get_ipython" in text:
        lines = [ran(line, folder, known) or line for line in lines]
    tree = tree_of("\n".join(lines), is_notebook=False)
    if tree is not None:
        return Lines(text=lines, tree=tree)
    plain, found = text.replace("\r\n", "\n").split("\n"), Lines()
    for line, dropped in python_rows(plain, folder, known):
        found.add(line, dropped)
    return found if parses("\n".join(found.text), is_notebook=False) else Lines(text=lines)


def code_cells(name: str, content: bytes) -> list[tuple[str, bool]]:
    """Return (text, whether it is tagged as failing) of each code cell of a notebook (nbformat 3 or 4)."""
    try:
        book = json.loads(content.decode("utf-8-sig"), parse_int=lambda text: int(text[:18]))
        cells = book["cells"] if "cells" in book else [item for sheet in book["worksheets"] for item in sheet["cells"]]
        found = [cell for cell in cells if cell["cell_type"] == "code"]
        sources = [cell.get("source", cell.get("input", "")) for cell in found]
        texts = ["".join(source) if isinstance(source, list) else source for source in sources]
        if not all(isinstance(text, str) for text in texts):
            raise TypeError
        tags = [cell.get("metadata", {}).get("tags") or () for cell in found]
        expected = [any(tag in FAILING for tag in some) for some in tags]
    except MemoryError:
        raise
    except Exception as error:
        raise Refusal("{name} is not a readable notebook.", name=name) from error
    plain = (text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "") for text in texts)
    return list(zip(plain, expected, strict=True))


def rows_of(cell: str, folder: str, known: Collection[str], written: dict[str, str]) -> list[Row]:
    """Return the lines of a cell as Python. Files that the cell writes are added to `written`."""
    lines = cell.split("\n")
    rows: list[Row] = []
    while lines[first := next((index for index, line in enumerate(lines) if line.strip()), 0)].startswith("%%"):
        kind, *words = lines[first][2:].split() or [""]
        rows += [("", line.strip() or None) for line in lines[: first + 1]]
        lines = lines[first + 1 :] or [""]
        if kind in FILE_MAGICS and words:
            rows[-1] = ("", None)
            keep(words, "\n".join(lines) + "\n", folder, written)
        if kind not in CODE_MAGICS:
            return [*rows, *[("", None)] * len(lines)]
    return [*rows, *python_rows(lines, folder, known)]


def keep(words: list[str], text: str, folder: str, written: dict[str, str]) -> None:
    """Add the text of a cell that writes a Python or data file to `written`; words are the arguments of its magic."""
    name = words[-1].strip("'\"")
    name = posixpath.basename(name) if unsafe(name) else name
    if kind_of(name, (".py", *DATA)):
        file = posixpath.normpath(posixpath.join(folder, name))
        is_more = bool({"-a", "--append"} & set(words))
        written[file] = (written.get(file, "") if is_more else "") + text


def python_rows(lines: list[str], folder: str, known: Collection[str]) -> list[Row]:
    """Return lines as Python, each with what was dropped from it: a magic, a shell line, a request for help."""
    if parses("\n".join(lines)):
        return [(line, None) for line in lines]
    replaced = magics_of(lines, folder, known)
    return [
        (replaced.get(number, line), line.strip() if number in replaced and not ran(line, folder, known) and line.strip() else None)
        for number, line in enumerate(lines)
    ]  # fmt: skip


def magics_of(lines: list[str], folder: str, known: Collection[str]) -> dict[int, str]:
    """Return replacements, by line number, for lines of IPython.

    These are lines that look like IPython and start a statement, or if the result is not valid Python, all that look so.
    """
    found = {
        number: in_python(line, magic, folder, known)
        for number, line in enumerate(lines)
        if (magic := re.match(MAGIC, line))
    }
    starting: dict[int, str] = {}
    before: list[str] = []
    for number, line in enumerate(lines):
        indent = line[: len(line) - len(line.lstrip())]
        if number - 1 in starting and lines[number - 1].rstrip().endswith("\\"):
            starting[number] = ""  # it continues that line of IPython
        elif number in found and parses("\n".join([*before, f"{indent}pass"])):
            starting[number] = found[number]
        before.append(starting.get(number, line))
    return starting if parses("\n".join(before)) else found


def in_python(line: str, magic: re.Match[str], folder: str, known: Collection[str]) -> str:
    """Return Python for a line of IPython: the file that it runs, the statement that it times, an empty result, or `pass`."""
    if re.match(TIMED, line):
        return re.sub(TIMED, r"\1", line)
    return ran(line, folder, known) or (f"{magic[1]}{magic[2]} []" if magic[2] else f"{magic[1]}pass")


def ran(line: str, folder: str, known: Collection[str]) -> str:
    """Return Python that imports everything from another file of the submission, for a line that runs it, else ""."""
    found = re.match(RUN, line)
    if found is None:
        return ""
    target = posixpath.normpath(posixpath.join(folder, re.sub(OPTION, "", found[2] or found[3]).strip().strip("'\"")))
    file = next((item for item in (target, f"{target}.py", f"{target}.ipynb") if item in known), None)
    if file is None or not file.endswith((".py", ".ipynb")):
        return ""
    module = posixpath.relpath(file, folder or ".").removesuffix(".py").removesuffix(".ipynb").replace("/", ".")
    return f"{found[1]}{RUNNING.format(module=module)}"


def mended(rows: list[Row], *, is_expected: bool) -> list[Row]:
    """Return the rows of a cell: unchanged, without their common indentation, or dropped if they are not valid Python.

    A cell is dropped only if it defines nothing or is tagged as failing.
    """
    text = "\n".join(line for line, _ in rows)
    if parses(text):
        return rows
    first = next((line for line, _ in rows if line.strip()), "")
    indent = first[: len(first) - len(first.lstrip())]
    flush = [(line.removeprefix(indent), dropped) for line, dropped in rows]
    if indent and parses("\n".join(line for line, _ in flush)):
        return flush
    if not is_expected and re.search(DEFINES, text):
        return rows
    return [("", first.strip() if line is first else dropped) for line, dropped in rows]


def unwrapped(tree: ast.Module, written: dict[str, str], folder: str) -> ast.Module:
    """Return a tree with the statements of cells that an export wrote as strings; add the files they write to `written`.

    The statements get the line of the call: get_ipython().run_cell_magic('time', '', 'x = 1').
    """
    body: list[ast.stmt] = []
    for node in tree.body:
        kind, words, cell = cell_of(node)
        if kind in FILE_MAGICS and words:
            keep(words.split(), cell, folder, written)
        if kind not in CODE_MAGICS:
            body.append(node)
            continue
        try:
            inner = parse(cell, is_notebook=True).body
        except SyntaxError:
            continue
        for part in (part for child in inner for part in ast.walk(child)):
            if hasattr(part, "lineno"):
                part.lineno = part.end_lineno = node.lineno  # type: ignore[attr-defined]
        body += inner
    return ast.Module(body=body, type_ignores=[])


def cell_of(node: ast.stmt) -> tuple[str, str, str]:
    """Return the magic, its arguments and the text of the cell that a statement runs; empty strings if it runs none."""
    call = node.value if isinstance(node, ast.Expr) else None
    if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "run_cell_magic":
        values = [
            child.value for child in call.args if isinstance(child, ast.Constant) and isinstance(child.value, str)
        ]
        if len(values) == len(call.args) == 3:
            return values[0], values[1], values[2]
    return "", "", ""
