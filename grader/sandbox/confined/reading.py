"""Reads what was handed in: unpacks, decodes and parses it, and runs nothing of it.

Loaded by path in a confined process of its own, so that a bomb in an archive, a notebook or the
parser costs that process only. Standard library only.
"""

from __future__ import annotations

import ast
import codecs
import io
import json
import posixpath
import re
import unicodedata
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any

SOURCE_BYTES = 256 * 1024
NOTEBOOK_BYTES = 4 * 2**20
ARCHIVE_BYTES = 8 * 2**20
TOTAL_BYTES = 512 * 1024  # of source text in one submission
MEMBERS = 2_000
IMPORTS = 2_000  # different ones of a file
DROPPED = 2_000
FILES = 50
RATIO = 200  # of unpacked to packed bytes, above RATIO_FROM
RATIO_FROM = 64 * 1024
NAME_CHARS = 200
LINE_CHARS = 100
FOLDED_CHARS = SOURCE_BYTES  # of a text that is put together

ARCHIVES = (".zip", ".tar.gz", ".tgz", ".tar")
SOURCES = (".py", ".ipynb")
LITTER = {"__MACOSX", "__pycache__", "venv", "env", "node_modules"}

# PEP 263 names that are read, by what they are; a transforming codec is never among them.
ENCODINGS = {
    "utf-8": "utf-8", "cp1251": "cp1251", "koi8-r": "koi8-r", "iso8859-1": "latin-1", "utf-16": "utf-16", "ascii": "utf-8",
}  # fmt: skip
COOKIE = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")
BLANK = re.compile(rb"^[ \t\f]*(?:#.*)?$")

# What IPython understands, and Python does not: a magic or shell line, its answer kept in a name, a call for help.
MAGIC = re.compile(r"^(\s*)(?:(\w[\w.]*\s*=)\s*[%!]|[%!?]|[\w.]+\?{1,2}\s*$)")
TIMED = re.compile(r"^(\s*)%time\s+(?=\S)")
FUTURE = re.compile(r"^(from __future__ import [\w, ]+?)\s*(?:#.*)?$")
CELL_MAGICS_WITH_CODE = {"time", "timeit", "capture", "prun"}

IMPORTERS = {"__import__", "import_module"}
RUNNERS = {"exec", "eval"}
TEMPLATE_MODULES = {"__future__", "numpy", "numpy.typing"}


# What Python loads only when it is used: codecs, and the readers of archives.
CODECS = tuple(f"encodings.{name}" for name in "utf_8_sig ascii cp1251 koi8_r latin_1 iso8859_1 utf_16 cp437".split())
ARCHIVERS = ("zipfile", "tarfile", "zlib", "gzip", "bz2", "lzma")


class Refusal(Exception):
    """What was handed in cannot be graded; a sentence as a template and its arguments, but for {classes}, the lab's."""

    def __init__(self, template: str, **arguments: str | int) -> None:
        super().__init__(template)
        self.template = template
        self.arguments = arguments


def read(
    name: str,
    files: dict[str, bytes],
    file: str,
    classes: Sequence[str],
    bonus: Sequence[str] = (),
    banned: Sequence[str] = (),
) -> dict[str, Any]:
    """Find the file that defines the classes and return its text, its neighbours and their imports.

    files maps names inside the submission, with "/" between folders, to their bytes. file is what the lab calls
    its file, which counts where the lab has no classes, and bonus what it calls those for extra points, which
    are never taken for the lab's; banned are the packages that no file may import. The answer is {"files": [{"name", "text", "cells", "is_unwritten"}],
    "imports": [[file, line, module]], "dropped": [[file, line, text]]}, the file that defines the classes
    first. Refusal, with one sentence, for whatever holds no such file.
    """
    sources = unpacked(name, files)
    if not sources:
        raise Refusal("{name} has no Python file: put your {wanted} into it.", name=name, wanted=file)
    if len(sources) > FILES:
        raise Refusal(
            "{name} has {count} Python files, more than {limit}: hand in only the lab's file.",
            name=name, count=len(sources), limit=FILES,
        )  # fmt: skip
    texts: dict[str, Source] = {}
    refusals: dict[str, Refusal] = {}
    for member, content in sources.items():
        try:
            texts[member] = Source(member, content)
            broken = texts[member].broken
            if broken is not None:
                raise broken
        except Refusal as refusal:
            refusals[member] = refusal
    beside = {member for member in bonus if not (member in texts and is_lab(texts[member], classes))}
    beside = beside if sources.keys() - beside else set()
    for member in beside:
        refusals.pop(member, None)  # its own mistakes are told where it is graded
    is_alone = len(sources.keys() - beside) == 1
    if is_alone and refusals:
        raise refusals.popitem()[1]
    candidates = {member: source for member, source in texts.items() if member not in beside}
    main = chosen(name, candidates, refusals, file, classes, is_alone=is_alone)
    if sum(len(source.text.encode()) for source in texts.values()) > TOTAL_BYTES:
        raise Refusal("The Python files in {name} are larger than {limit} KiB together.", name=name, limit=TOTAL_BYTES // 1024)  # fmt: skip
    ordered = [texts.pop(main), *(texts[member] for member in sorted(texts))]
    own = {source.name.removesuffix(".py") for source in ordered}
    forbidden = [module for module in banned if module not in own]
    imports = [[source.name, line, module] for source in ordered for line, module in imported(source, forbidden)]
    dropped = [[source.name, line, text] for source in ordered for line, text in source.dropped]
    if len(dropped) > DROPPED:
        raise Refusal("{name} has more than {limit} lines that are no Python.", name=name, limit=DROPPED)
    return {
        "files": [
            {"name": source.name, "text": source.text, "cells": source.cells, "is_unwritten": is_unwritten(source)}
            for source in ordered
        ],
        "imports": imports,
        "dropped": dropped,
    }


# --- archives -----------------------------------------------------------------------------------


def is_litter(name: str) -> bool:
    """Say whether a file lies where no hand-in lies: hidden folders, caches, environments."""
    return any(part in LITTER or (part.startswith(".") and part not in (".", "..")) for part in name.split("/"))


def kind_of(name: str, kinds: Iterable[str]) -> str | None:
    """Return the ending of a name if it is one of kinds."""
    return next((kind for kind in kinds if name.lower().endswith(kind)), None)


def unsafe(name: str) -> str | None:
    """Return the sentence on a name inside a submission that is not taken, None where it is."""
    if not name or len(name) > NAME_CHARS:
        return "{member} in {name} is empty or too long."
    if any(unicodedata.category(character) in {"Cc", "Cf", "Zl", "Zp"} for character in name):
        return "{member} in {name} has control characters."
    if name.startswith(("/", "~")) or re.match(r"^[A-Za-z]:", name):
        return "{member} in {name} is absolute."
    if "\\" in name:
        return "{member} in {name} has backslashes."
    if ".." in name.split("/"):
        return "{member} in {name} leads out of its folder."
    return None


def unpacked(name: str, files: dict[str, bytes]) -> dict[str, bytes]:
    """Return the sources of a submission by their base names, from an archive if there is nothing else."""
    sources = {file: content for file, content in files.items() if kind_of(file, SOURCES)}
    archives = [file for file in files if kind_of(file, ARCHIVES)]
    if not sources and len(archives) == 1:
        sources = from_archive(archives[0], files[archives[0]])
    elif not sources and archives:
        raise Refusal("{name} holds several archives: {files}. Hand in one.", name=name, files=", ".join(archives))
    depths = {file.count("/") for file in sources}
    shallow = {file: content for file, content in sources.items() if file.count("/") == min(depths, default=0)}
    if min(depths, default=0) > 1:
        raise Refusal("{name} has its Python files more than one folder deep.", name=name)
    folders = {posixpath.dirname(file) for file in shallow}
    if len(folders) > 1:
        raise Refusal(
            "{name} holds several folders with Python files: {folders}. Hand in one.",
            name=name, folders=", ".join(sorted(folders)),
        )  # fmt: skip
    return {posixpath.basename(file): content for file, content in shallow.items()}


def from_archive(name: str, content: bytes) -> dict[str, bytes]:
    """Return the sources in an archive; Refusal for one that is broken, encrypted, hostile or too large."""
    reader = zip_members if kind_of(name, (".zip",)) else tar_members
    found: dict[str, bytes] = {}
    try:
        for count, (member, is_file, size, opened) in enumerate(reader(content)):
            if count >= MEMBERS:
                raise Refusal("{name} has more than {limit} entries.", name=name, limit=MEMBERS)
            if not kind_of(member, SOURCES) or is_litter(member.replace("\\", "/")):
                continue
            problem = unsafe(member) or (None if is_file else "{member} in {name} is not a regular file.")
            problem = problem or ("{member} in {name} appears twice." if posixpath.normpath(member) in found else None)
            if problem is not None:
                raise Refusal(problem, member=member[:NAME_CHARS], name=name)
            most = most_bytes(member)
            if size > most:
                raise too_large(member, size)
            member = posixpath.normpath(member)  # "./lab/network.py" is not two folders deep
            found[member] = opened().read(most + 1)  # counted while it is read: the size is the archive's word
            if len(found[member]) > most:
                raise too_large(member, len(found[member]))
            if sum(map(len, found.values())) > RATIO_FROM + RATIO * len(content):
                raise Refusal("{name} grows more than {ratio} times when it is unpacked.", name=name, ratio=RATIO)
    except (Refusal, MemoryError):
        raise
    except Exception as error:
        if type(error) is RuntimeError:  # zipfile's word for a password
            raise Refusal("{name} is encrypted: hand it in without a password.", name=name) from error
        raise Refusal("{name} is not an archive that can be read.", name=name) from error
    return found


Member = tuple[str, bool, int, Callable[[], Any]]  # name, whether it is a regular file, size, how to open it


def zip_members(content: bytes) -> Iterator[Member]:
    """Yield the members of a zip archive."""
    import stat
    import zipfile

    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for entry in archive.infolist():
            kind = stat.S_IFMT(entry.external_attr >> 16)
            is_file = not entry.is_dir() and kind in (0, stat.S_IFREG)
            yield entry.orig_filename, is_file, entry.file_size, partial(archive.open, entry)


def tar_members(content: bytes) -> Iterator[Member]:
    """Yield the members of a tar archive, packed or not."""
    import tarfile

    with tarfile.open(fileobj=io.BytesIO(content), mode="r|*") as archive:
        for entry in archive:
            yield entry.name, entry.isreg(), entry.size, partial(archive.extractfile, entry)


def most_bytes(name: str) -> int:
    """Return how large a file of this kind may be."""
    return {".py": SOURCE_BYTES, ".ipynb": NOTEBOOK_BYTES}.get(kind_of(name, SOURCES) or "", ARCHIVE_BYTES)


def too_large(name: str, size: int) -> Refusal:
    """Return the refusal of a file that is larger than a solution may be."""
    return Refusal(
        "{name} has {size} KiB, more than the {limit} KiB that a solution may have.",
        name=name, size=size // 1024, limit=most_bytes(name) // 1024,
    )  # fmt: skip


# --- text ---------------------------------------------------------------------------------------


def place_of(name: str, cells: Sequence[int], line: int) -> dict[str, str | int]:
    """Return file and line of a line as a person finds it, and its cell; cells are the first lines of a notebook's."""
    cell = sum(first <= line for first in cells)
    if cell:
        return {"file": name, "cell": cell, "line": line - cells[cell - 1] + 1}
    return {"file": name, "line": line}


class Source:
    """The text of one file, parsed; cells are the first lines of a notebook's code cells."""

    def __init__(self, name: str, content: bytes) -> None:
        self.name = name
        self.cells: list[int] = []
        self.dropped: list[tuple[int, str]] = []
        if name.lower().endswith(".ipynb"):
            self.text = self._from_notebook(content)
        else:
            self.text = decoded(name, content)
        if not self.text.strip():
            raise Refusal("{name} is empty.", name=name)
        self.broken: Refusal | None = None
        try:
            self.tree = parse(self.text, name)
        except SyntaxError as error:
            self.tree = ast.Module(body=[], type_ignores=[])
            place = place_of(name, self.cells, error.lineno or 1)
            sentence = "{file}, line {line}: this is not valid Python: {reason}."
            if "cell" in place:
                sentence = "{file}, cell {cell}, line {line}: this is not valid Python: {reason}."
            self.broken = Refusal(sentence, reason=error.msg, **place)

    def _from_notebook(self, content: bytes) -> str:
        """Return the code cells as one text; what only IPython understands is dropped and listed."""
        lines: list[str] = []
        futures = ""
        for cell in code_cells(self.name, content):
            self.cells.append(len(lines) + 1)
            for text, dropped in plain_lines(cell):
                future = FUTURE.match(text)
                if future:  # allowed at the top of any cell, but of one file only
                    futures, text = f"{futures}{future[1]}; ", ""
                lines.append(text)
                if dropped is not None:
                    self.dropped.append((len(lines), dropped[:LINE_CHARS]))
        return futures + "\n".join(lines) + "\n" if lines else ""


def decoded(name: str, content: bytes) -> str:
    """Return the text of a file: UTF-8, or what its byte order mark or its coding line declares."""
    if not content.strip():
        raise Refusal("{name} is empty.", name=name)
    encoding = "utf-8"
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    elif content.startswith(codecs.BOM_UTF8):
        encoding = "utf-8-sig"
    else:
        declared = cookie(content)
        if declared is not None:
            encoding = known_encoding(declared) or refuse_encoding(name, declared)
    if encoding != "utf-16" and b"\0" in content:
        raise Refusal("{name} is a binary file, not Python source.", name=name)
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise Refusal("{name} is not UTF-8 text (line {line}): save it as UTF-8.", name=name, line=line) from error
    return text.removeprefix("\ufeff")


def cookie(content: bytes) -> str | None:
    """Return the encoding that one of the first two lines declares (PEP 263)."""
    for line in content.splitlines()[:2]:
        found = COOKIE.match(line)
        if found:
            return found[1].decode("ascii", "replace")
        if not BLANK.match(line):
            return None
    return None


def known_encoding(declared: str) -> str | None:
    """Return the encoding that a declaration means, None where it is not one of the short list."""
    declared = re.sub(r"-(unix|dos|mac)$", "", declared.lower())
    try:
        return ENCODINGS.get(codecs.lookup(declared).name)
    except (LookupError, ValueError):
        return None


def refuse_encoding(name: str, declared: str) -> str:
    """Refuse an encoding that is not read."""
    raise Refusal("{name} declares the encoding {declared}: save it as UTF-8.", name=name, declared=declared[:40])


def code_cells(name: str, content: bytes) -> list[str]:
    """Return the code cells of a notebook (nbformat 3 or 4)."""
    try:
        book = json.loads(content.decode("utf-8-sig"), parse_int=lambda text: int(text[:18]))
        cells = book["cells"] if "cells" in book else [one for sheet in book["worksheets"] for one in sheet["cells"]]
        found = [cell.get("source", cell.get("input", "")) for cell in cells if cell["cell_type"] == "code"]
        texts = ["".join(source) if isinstance(source, list) else source for source in found]
        if not all(isinstance(text, str) for text in texts):
            raise TypeError
    except MemoryError:
        raise
    except Exception as error:
        raise Refusal("{name} is not a notebook that can be read.", name=name) from error
    return [text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "") for text in texts]


def plain_lines(cell: str) -> Iterator[tuple[str, str | None]]:
    """Yield the lines of a cell as Python, and what was dropped from each: a magic, a shell line, a call for help."""
    lines = cell.split("\n")
    first = next((index for index, line in enumerate(lines) if line.strip()), 0)
    if lines[first].startswith("%%"):
        yield from (("", line.strip() or None) for line in lines[: first + 1])
        is_code = (lines[first][2:].split() or [""])[0] in CELL_MAGICS_WITH_CODE
        lines = lines[first + 1 :] if is_code else [""] * (len(lines) - first - 1)
    left: list[str] = []
    magics = {} if parses("\n".join(lines)) else magics_of(lines)
    for number, line in enumerate(lines):
        left.append(in_python(line, magics[number]) if number in magics else line)
    yield from ((text, lines[number].strip() if number in magics else None) for number, text in enumerate(left))


def magics_of(lines: list[str]) -> dict[int, re.Match[str]]:
    """Return the lines that look like IPython's and start a statement; all that look so, if that leaves no Python."""
    found = {number: magic for number, line in enumerate(lines) if (magic := MAGIC.match(line))}
    starting: dict[int, re.Match[str]] = {}
    before: list[str] = []
    for number, line in enumerate(lines):
        if number in found and parses("\n".join([*before, found[number][1] + "pass"])):
            starting[number] = found[number]
        before.append(in_python(line, starting[number]) if number in starting else line)
    return starting if parses("\n".join(before)) else found


def in_python(line: str, magic: re.Match[str]) -> str:
    """Return what is left of a line of IPython: the timed statement, an empty answer, or nothing."""
    if TIMED.match(line):
        return TIMED.sub(r"\1", line)
    return f"{magic[1]}{magic[2]} []" if magic[2] else f"{magic[1]}pass"


def parses(text: str) -> bool:
    """Say whether text is Python."""
    try:
        parse(text)
    except SyntaxError:
        return False
    return True


def parse(text: str, name: str = "") -> ast.Module:
    """Parse and compile source text; whatever Python cannot take is a SyntaxError."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a student's "\\d" is not ours to print about
        try:
            tree = ast.parse(text)
            compile(text, name, "exec", dont_inherit=True)
        except (ValueError, RecursionError) as error:
            raise SyntaxError(str(error) or type(error).__name__) from error
    return tree


def chosen(
    name: str,
    texts: dict[str, Source],
    refusals: dict[str, Refusal],
    wanted: str,
    classes: Sequence[str],
    *,
    is_alone: bool,
) -> str:
    """Return the only file, the only one of several that defines the classes, or else the one that starts the others."""
    if is_alone:
        return next(iter(texts))
    if classes:
        candidates = sorted(file for file, source in texts.items() if is_lab(source, classes))
    else:
        candidates = [file for file in texts if file == wanted]
    programs = [] if candidates or refusals else started(texts)
    if len(programs) == 1:
        return programs[0]
    if len(candidates) > 1:
        raise Refusal(
            "Several files define {classes}: {files}. Leave one of them in the folder.", files=", ".join(candidates)
        )
    if not candidates:
        for file in sorted(refusals):  # the one that would have been it may be broken
            raise refusals[file]
        if not classes:
            raise Refusal("There is no {wanted} in {name}.", name=name, wanted=wanted)
        raise Refusal("No file in {name} defines {classes}.", name=name)
    return candidates[0]


def started(texts: dict[str, Source]) -> list[str]:
    """Return the files that no other imports, where any defines a class: one of them is the program."""
    if not any(defined(source.tree) for source in texts.values()):
        return []
    imported = {module.partition(".")[0] for source in texts.values() for _, module in imports_of(source.tree)}
    return [file for file in texts if file.removesuffix(".py") not in imported]


def is_lab(source: Source, classes: Sequence[str]) -> bool:
    """Say whether a file defines the lab's classes; without classes none can be told by them."""
    return bool(classes) and defined(source.tree).issuperset(classes)


def is_unwritten(source: Source) -> bool:
    """Say whether a file has nothing but what a template has: texts, imports for annotations, and stubs."""
    return source.broken is None and all(map(is_of_a_template, source.tree.body))


def is_of_a_template(node: ast.stmt) -> bool:
    """Say whether a statement of a module does nothing but stand in a template."""
    if isinstance(node, ast.FunctionDef):
        *before, last = node.body
        raised = last.exc if isinstance(last, ast.Raise) else None
        name = raised.func if isinstance(raised, ast.Call) else raised
        is_stub = isinstance(name, ast.Name) and name.id == "NotImplementedError" and not node.decorator_list
        return is_stub and all(map(is_of_a_template, before))
    if isinstance(node, ast.Import):
        return all(alias.name in TEMPLATE_MODULES for alias in node.names)
    if isinstance(node, ast.ImportFrom):
        return node.module in TEMPLATE_MODULES
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def defined(tree: ast.Module) -> set[str]:
    """Return the names of the classes of a module."""
    return {node.name for node in tree.body if isinstance(node, ast.ClassDef)}


# --- imports ------------------------------------------------------------------------------------


def imported(source: Source, banned: Sequence[str]) -> list[tuple[int, str]]:
    """Return (line, dotted name) of the different imports of a file, each where it stands first.

    Of more than IMPORTS the banned ones, which decide by themselves; Refusal where there are none.
    """
    first: dict[str, int] = {}
    for line, module in imports_of(source.tree):
        first[module] = min(line, first.get(module, line))
    found = [(line, module) for module, line in first.items()]
    if len(found) > IMPORTS:
        found = [one for one in found if is_banned(one[1], banned)][:IMPORTS]
        if not found:
            raise Refusal("{name} has more than {limit} different imports.", name=source.name, limit=IMPORTS)
    return found


def is_banned(module: str, banned: Iterable[str]) -> bool:
    """Say whether module is one of banned or inside one: "torch.nn" is, "torchlight" is not."""
    return any(module == name or module.startswith(name + ".") for name in banned)


def imports_of(tree: ast.AST, line: int | None = None) -> Iterator[tuple[int, str]]:
    """Yield (line, dotted name) of every import that the text makes for certain; comments never count.

    `from a import b` gives "a.b": b may be a module. line is that of the text's own place, where it
    is a string that is executed.
    """
    nodes = list(ast.walk(tree))
    importers, runners = called_names(nodes)
    for node in nodes:
        at: int = line if line is not None else getattr(node, "lineno", 1)
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield at, alias.name
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            for alias in node.names:
                yield at, f"{node.module}.{alias.name}"
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
