"""Step 1, staging: reads a submission once and finds the file that defines the network."""

from __future__ import annotations

import ast
import hashlib
import stat
from pathlib import Path

from grader.errors import Rejected
from grader.models import SourceFile, StagedSubmission

SOURCE_BYTES = 256 * 1024
TOTAL_BYTES = 2**20
FILES = 50


def name_of(path: Path) -> str:
    """Return the last part of a path as text that every report can carry."""
    name = path.name or path.resolve().name or "."
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def stage(path: Path, classes: tuple[str, ...]) -> StagedSubmission:
    """Read the submission at path, a Python file or a folder with one that defines classes.

    Rejected, with one sentence, for whatever holds no such file.
    """
    try:
        files = _read_folder(path) if path.is_dir() else {name_of(path): _read_file(path)}
    except OSError as error:
        raise Rejected(
            "{name} cannot be read: {reason}.", name=name_of(path), reason=error.strerror or "unknown error"
        ) from error
    digest = hashlib.sha256()
    for name, content in sorted(files.items()):
        digest.update(f"{len(name.encode())}:{len(content)}:".encode())
        digest.update(name.encode() + content)
    main = _choose(files, classes, name_of(path))
    siblings = tuple(
        SourceFile(name=name, text=content.decode("utf-8-sig"))
        for name, content in sorted(files.items())
        if name != main.name and _decodes(content)
    )
    return StagedSubmission(name=name_of(path), main=main, siblings=siblings, sha256=digest.hexdigest())


def _read_file(path: Path) -> bytes:
    information = path.lstat()
    if not stat.S_ISREG(information.st_mode):
        raise Rejected("{name} is not a regular file: hand in a .py file or a folder.", name=name_of(path))
    if path.suffix.lower() != ".py":
        raise Rejected("{name} is not a Python file: hand in a .py file or a folder with one.", name=name_of(path))
    if information.st_size > SOURCE_BYTES:
        raise Rejected(
            "{name} has {size} KiB, more than the {limit} KiB that a solution may have.",
            name=name_of(path),
            size=information.st_size // 1024,
            limit=SOURCE_BYTES // 1024,
        )
    with path.open("rb") as file:
        return file.read(SOURCE_BYTES + 1)[:SOURCE_BYTES]


def _read_folder(folder: Path) -> dict[str, bytes]:
    paths = sorted(
        entry
        for entry in folder.iterdir()
        if entry.suffix.lower() == ".py" and not entry.name.startswith(".") and not entry.is_dir()
    )
    if not paths:
        raise Rejected("{name} has no Python file: put your network.py into it.", name=name_of(folder))
    if len(paths) > FILES:
        raise Rejected(
            "{name} has {count} Python files, more than {limit}: hand in only the lab's file.",
            name=name_of(folder),
            count=len(paths),
            limit=FILES,
        )
    files = {name_of(path): _read_file(path) for path in paths}
    if sum(map(len, files.values())) > TOTAL_BYTES:
        raise Rejected("The Python files in {name} are larger than 1 MiB together.", name=name_of(folder))
    return files


def _decodes(content: bytes) -> bool:
    try:
        content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return False
    return True


def _choose(files: dict[str, bytes], classes: tuple[str, ...], name: str) -> SourceFile:
    """Return the only file, or the only one of several that defines the classes."""
    if len(files) == 1:
        ((file, content),) = files.items()
        return SourceFile(name=file, text=_text(file, content))
    candidates = [file for file, content in files.items() if _defines(content, classes)]
    wanted = " and ".join(classes)
    if not candidates:
        raise Rejected("No file in {name} defines both {classes}.", name=name, classes=wanted)
    if len(candidates) > 1:
        raise Rejected(
            "Several files define both {classes}: {files}. Leave one of them in the folder.",
            classes=wanted,
            files=", ".join(candidates),
        )
    return SourceFile(name=candidates[0], text=_text(candidates[0], files[candidates[0]]))


def _text(name: str, content: bytes) -> str:
    """Return the decoded text of a file that Python can parse, or say why it cannot."""
    if not content.strip():
        raise Rejected("{name} is empty.", name=name)
    if b"\0" in content:
        raise Rejected("{name} is a binary file, not Python source.", name=name)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise Rejected("{name} is not UTF-8 text (line {line}): save it as UTF-8.", name=name, line=line) from error
    try:
        compile(parse(text), name, "exec", dont_inherit=True)
    except SyntaxError as error:
        raise Rejected(
            "{name} is not valid Python: line {line}: {reason}.",
            name=name,
            line=error.lineno or 1,
            reason=error.msg,
        ) from error
    return text


def parse(text: str) -> ast.Module:
    """Parse source text; whatever Python cannot parse is a SyntaxError."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a student's "\\d" is not ours to print about
        try:
            return ast.parse(text)
        except (ValueError, RecursionError, MemoryError) as error:
            raise SyntaxError(str(error) or "too deeply nested") from error


def _defines(content: bytes, classes: tuple[str, ...]) -> bool:
    try:
        tree = parse(content.decode("utf-8-sig"))
    except (SyntaxError, UnicodeDecodeError):
        return False
    return {node.name for node in tree.body if isinstance(node, ast.ClassDef)}.issuperset(classes)
