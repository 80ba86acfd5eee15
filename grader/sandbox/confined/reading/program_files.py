"""Finds the program in the files of a submission: the file that defines the classes, or else the file that starts the others.

Runs confined. Standard library only.
"""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from . import newer
from .archives import SOURCE_BYTES, SOURCES, kind_of, too_large
from .imports import imports_of
from .notebooks import code_in, code_of, parse, unwrapped
from .source_tree import imported_files
from .texts import Refusal, decoded, place_of

TEMPLATE_MODULES = {"__future__", "numpy", "numpy.typing"}
TEST = re.compile(r"(?:^|/)(?:tests?/.*|test_[^/]*|[^/]*_tests?|tests?|conftest|setup)\.(?:py|ipynb)$", re.IGNORECASE)
DEFINITION = re.compile(r"(?m)^(?:class|def)\s+(\w+)")
STARTERS = ("__main__.py", "main.py", "train.py", "run.py")
BOOK = re.compile(rb"\s*\{\s*\"(?:cells|metadata|nbformat)")  # start of a notebook, which may have another ending
TESTERS = {"unittest", "pytest"}


class Lab(NamedTuple):
    """Settings of a lab that concern files: the program's file name, its classes and functions, bonus files, data files."""

    file: str
    classes: Sequence[str]
    functions: Sequence[str]
    bonus: Sequence[str]
    banned: Sequence[str]
    data: Sequence[str]


class ParsedFile:
    """One parsed file. cells are the first lines of a notebook's code cells, written the files that its cells write."""

    def __init__(self, name: str, content: bytes, known: Collection[str]) -> None:
        self.name = name
        self.content = content
        self.encoding = ""
        is_notebook = kind_of(name, (".ipynb",)) is not None or BOOK.match(content) is not None
        if is_notebook:
            lines = code_of(name, content, known)
        else:
            text, self.encoding = decoded(name, content)
            lines = code_in(name, text, known)
        self.text = "\n".join(lines.text) + ("\n" if is_notebook and lines.text else "")
        self.cells, self.dropped, self.written = lines.cells, lines.dropped, lines.written
        if len(self.text) > SOURCE_BYTES:
            raise too_large(name, len(self.text.encode()), SOURCE_BYTES)
        self.broken: Refusal | None = None
        self.tree = ast.Module(body=[], type_ignores=[])
        try:
            tree = lines.tree or parse(self.text, name, is_notebook=is_notebook)
            self.tree = unwrapped(tree, self.written, posixpath.dirname(name))
        except SyntaxError as error:
            self.broken = self._refusal(error)
        self.nodes = [*ast.walk(self.tree)]
        self.imports_at = [*imports_of(self.nodes)]
        self.imports = tuple(dict.fromkeys(module for _, module in self.imports_at))
        self.defined = {node.name for node in self.tree.body if isinstance(node, (ast.ClassDef, ast.FunctionDef))}

    @property
    def is_empty(self) -> bool:
        """Whether the file is blank."""
        return not self.text.strip()

    @property
    def is_test(self) -> bool:
        """Whether the file has tests, judged by its name and its imports."""
        return TEST.search(self.name) is not None or any(item.partition(".")[0] in TESTERS for item in self.imports)

    @property
    def is_unwritten(self) -> bool:
        """Whether the file has only what a template has: strings, imports for annotations, and stubs."""
        return self.broken is None and all(map(is_of_a_template, self.tree.body))

    def _refusal(self, error: SyntaxError) -> Refusal:
        """Return the refusal of a text that is not valid Python, or that only a newer Python can parse."""
        place: dict[str, Any] = place_of(self.name, self.cells, error.lineno or 1)
        version = newer.needed(self.text)
        if version is not None:
            sentence = "{file}, line {line}: this needs Python {needed} or later; the grader runs Python {python}."
            if "cell" in place:
                sentence = "{file}, cell {cell}, line {line}: this needs Python {needed} or later; the grader runs Python {python}."
            return Refusal(sentence, is_open=True, needed=newer.shown(version), python=newer.shown(newer.HERE), **place)
        sentence = "{file}, line {line}: this is not valid Python: {reason}."
        if "cell" in place:
            sentence = "{file}, cell {cell}, line {line}: this is not valid Python: {reason}."
        return Refusal(sentence, reason=error.msg, **place)


def is_of_a_template(node: ast.stmt) -> bool:
    """Return whether a top-level statement may be part of an unchanged template."""
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


class ProgramFiles(NamedTuple):
    """Files of the program: the main file; the reached ones, which are main and what it imports, directly or indirectly.

    passed_over are other files that define the classes. is_whole: the reached files define all classes of the lab.
    """

    main: str
    reached: tuple[str, ...]
    is_whole: bool
    passed_over: tuple[str, ...] = ()


def program_of(
    name: str, root: str, sources: Mapping[str, ParsedFile], refusals: Mapping[str, Refusal], lab: Lab
) -> ProgramFiles:
    """Return the program among the sources; refusals has the files that could not be read or parsed.

    Names are relative to root. Raises Refusal, with one sentence, if there is no program or more than one.
    """
    choice = Choice(root, sources, lab)
    bonus = choice.bonus_files({*sources, *refusals})
    others = {*sources, *refusals} - bonus
    written = sorted(file for file in others if file in refusals or not sources[file].is_empty)
    if len(written) == 1 and written[0] in refusals:
        raise refusals[written[0]]
    if len(written) == 1:
        return choice.program_with(written[0])
    if not written:
        raise Refusal("{name} is empty.", name=posixpath.basename(min(others)))
    readable = [file for file in written if file not in refusals]
    program = choice.defining(readable) or choice.starting(readable)
    for file in sorted((file for file in written if file in refusals), key=lambda file: kind_of(file, SOURCES) is None):
        if program is None or (not program.is_whole and choice.may_be(file, program)):
            raise refusals[file]
    if program is None and lab.classes:
        raise Refusal("No file in {name} defines {classes}.", name=name)
    if program is None:
        raise Refusal("{name} contains no {wanted}.", name=name, wanted=lab.file)
    for file in program.reached:
        if file in refusals and refusals[file].is_open:
            raise refusals[file]
    return program


class Choice:
    """Choice of the program among the sources of a submission, by what each imports and defines."""

    def __init__(self, root: str, sources: Mapping[str, ParsedFile], lab: Lab) -> None:
        self._root = root
        self._sources = sources
        self._lab = lab
        files = {root + file for file in sources}
        self._imported = {
            file: {found.removeprefix(root) for module in source.imports for found in imported_files(module, root + file, files)} - {file}
            for file, source in sources.items()
        }  # fmt: skip

    def bonus_files(self, files: Collection[str]) -> set[str]:
        """Return the bonus files: for each bonus name the file nearest to the top, unless it defines all classes.

        Returns none if there are no other files.
        """
        named = [
            next((file for file in sorted(files, key=depth) if posixpath.basename(file) == bonus), None)
            for bonus in self._lab.bonus
        ]
        found = {file for file in named if file is not None and not self._defines_all(file)}
        return found if set(files) - found else set()

    def may_be(self, broken: str, program: ProgramFiles) -> bool:
        """Return whether a file that could not be read or parsed may be the program or a part of it."""
        is_named = posixpath.basename(broken) == self._lab.file or broken in program.reached
        if is_named or broken not in self._sources:
            return is_named or self._is_imported(broken, program)
        text = self._sources[broken].text
        names = set(DEFINITION.findall(text))
        missing = {*self._lab.classes, *self._lab.functions} - self._names(program.reached)
        module = re.escape(posixpath.splitext(posixpath.basename(program.main))[0])
        is_importing = re.search(rf"(?m)^\s*(?:from|import)\s+[\w.]*\b{module}\b", text) is not None
        return is_importing or bool(names & missing) or len(names) > len(self._names(program.reached))

    def _is_imported(self, unread: str, program: ProgramFiles) -> bool:
        """Return whether the program imports this file, which could not be read."""
        files = {self._root + file for file in (*self._sources, unread)}
        found = (
            imported_files(module, self._root + file, files) for file in program.reached for module in self._sources[file].imports
        )  # fmt: skip
        return any(self._root + unread in names for names in found)

    def program_with(self, main: str, passed_over: Iterable[str] = ()) -> ProgramFiles:
        """Return the program with this main file."""
        reached = tuple(self._reached(main))
        is_whole = set(self._lab.classes) <= self._names(reached)
        return ProgramFiles(main=main, reached=reached, is_whole=is_whole, passed_over=tuple(passed_over))

    def defining(self, files: Sequence[str]) -> ProgramFiles | None:
        """Return the program whose file defines all classes, or None; raise Refusal if several files are equally preferred.

        Copies count once. Preferred, in this order: a file that is no test, nearest to the top, not imported by another
        candidate, a .py file rather than a notebook, with the lab's file name.
        """
        if not self._lab.classes:
            named = (file for file in sorted(files, key=depth) if posixpath.basename(file) == self._lab.file)
            return next(map(self.program_with, named), None)
        candidates = self._distinct([file for file in files if self._defines_all(file)])

        def rank(file: str) -> tuple[bool, int, bool, bool, bool]:
            is_imported = any(file in self._imported[candidate] for candidate in candidates)
            is_notebook, is_other = kind_of(file, (".py",)) is None, posixpath.basename(file) != self._lab.file
            return self._sources[file].is_test, depth(file)[0], is_imported, is_notebook, is_other

        preferred = [file for file in candidates if rank(file) == min(map(rank, candidates))]
        if len(preferred) > 1:
            raise Refusal(
                "Several files define {classes}: {files}. Leave one of them in the folder.",
                files=", ".join(sorted(preferred)),
            )
        if not preferred:
            return None
        main = preferred[0]
        others = [
            file
            for file in candidates
            if file not in self._reached(main) and definitions(self._sources[file]) != definitions(self._sources[main])
        ]
        return self.program_with(main, others)

    def starting(self, files: Sequence[str]) -> ProgramFiles | None:
        """Return the program that no other file imports, or None; of several, the one that reaches most classes, then most code.

        Test files are ignored, and so are their imports.
        """
        programs = [file for file in self._distinct(files) if not self._sources[file].is_test]
        roots = [
            file for file in programs if not any(file in self._imported[program] for program in programs)
        ] or programs
        classes = max(map(self._classes, roots), default=0)
        best = [file for file in roots if self._classes(file) == classes]
        # drop files with at most half as much code
        best = [file for file in best if 2 * self._size(file) > max(map(self._size, best))]
        best = [file for file in best if self._wanted(file) == max(map(self._wanted, best))]
        for names in ((self._lab.file,), STARTERS):
            best = [file for file in best if posixpath.basename(file) in names] or best
        if len(best) > 1 and classes:  # all only use the classes: take the file that they all import
            shared = set(self._reached(best[0])).intersection(*map(self._reached, best))
            best = sorted((file for file in shared if self._classes(file) == classes), key=self._size)[-1:] or best
        if len(best) > 1 and any(self._names(self._reached(file)) for file in best):
            raise Refusal(
                "Several files may be the program: {files}. Leave one of them in the folder.",
                files=", ".join(sorted(best)),
            )
        return self.program_with(best[0]) if len(best) == 1 else None

    def _classes(self, file: str) -> int:
        """Return how many of the lab's classes a file and its imports define."""
        return len(self._names(self._reached(file)) & set(self._lab.classes))

    def _wanted(self, file: str) -> int:
        """Return how many of the lab's names a file and its imports define."""
        return len(self._names(self._reached(file)) & {*self._lab.classes, *self._lab.functions})

    def _size(self, file: str) -> int:
        """Return how much code a file and its imports have."""
        return sum(len(self._sources[item].nodes) for item in self._reached(file))

    def _defines_all(self, file: str) -> bool:
        classes = set(self._lab.classes)
        return bool(classes) and file in self._sources and classes <= self._sources[file].defined

    def _distinct(self, files: Sequence[str]) -> list[str]:
        """Return files without copies; of equal files, keep the one nearest to the top, then with the lab's name, then shortest."""
        kept: dict[bytes, str] = {}
        for file in sorted(
            files, key=lambda file: (depth(file)[0], posixpath.basename(file) != self._lab.file, len(file), file)
        ):
            kept.setdefault(self._sources[file].content.strip(), file)
        return [file for file in files if file in kept.values()]

    def _reached(self, main: str) -> list[str]:
        """Return a file and the files that it imports, directly or indirectly."""
        reached = [main]
        for file in reached:
            reached += sorted(self._imported.get(file, set()) - set(reached))
        return reached

    def _names(self, files: Iterable[str]) -> set[str]:
        return {name for file in files for name in self._sources[file].defined}


def definitions(source: ParsedFile) -> set[str]:
    """Return the functions and classes of a file as comparable dumps."""
    return {ast.dump(node) for node in source.tree.body if isinstance(node, (ast.ClassDef, ast.FunctionDef))}


def depth(file: str) -> tuple[int, str]:
    """Return a sort key: how many folders a file is in, then its name."""
    return file.count("/"), file
