"""Step 1, staging: reads the bytes of a submission once, and has a confined process parse them.

This module parses nothing of the submission; sandbox/confined/reading/submission.py does, where it can do no harm.
"""

from __future__ import annotations

import hashlib
import os
import posixpath
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import islice
from pathlib import Path

from grader.core.errors import NotGradable, Rejected, cause
from grader.core.faults import Fault, FaultKind
from grader.core.messages import Message, listed, say
from grader.pipeline.assignment import Assignment
from grader.pipeline.runs import RawSubmission, StagedSubmission
from grader.sandbox.client import Worker
from grader.sandbox.confined.reading import archives
from grader.sandbox.confined.reading.texts import CODECS, UNREAD
from grader.sandbox.source import SourceFile

SUBMISSION_BYTES = 40 * 2**20
ENTRIES = 2_000
FOLDERS = 12  # nesting depth
KINDS = archives.KINDS
Found = tuple[str, Callable[[], bytes]]  # a name inside a submission, and how to read it
ACCEPTED = say("a .py file, a notebook, a .zip or .tar.gz archive, or a folder that contains one")


def name_of(path: Path) -> str:
    """Return the last part of a path as text that every report can hold."""
    return shown(path.name or path.resolve().name or ".")


def shown(name: str) -> str:
    """Return a file name as valid Unicode text; bytes that are not UTF-8 are replaced."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def collect(path: Path) -> RawSubmission:
    """Return the bytes of a submission: a file, or the files in a folder and its subfolders.

    Raise Rejected if it cannot be read, is not a regular file, or is too large.
    """
    name = name_of(path)
    with readable(name):
        if path.is_dir():
            return gathered(name, entries(path, name))
        if archives.kind_of(name, KINDS) or not path.exists():
            return gathered(name, [(name, partial(content_of, path, name))])
    raise Rejected("{name} is not a Python file: submit {accepted}.", name=name, accepted=ACCEPTED)


@contextmanager
def readable(name: str) -> Iterator[None]:
    """Convert OSError into Rejected."""
    try:
        yield
    except OSError as error:
        raise Rejected("{name} cannot be read: {reason}.", name=name, reason=cause(error)) from error


def gathered(name: str, found: Iterable[Found]) -> RawSubmission:
    """Read the files found for one submission, programs first; files that are not programs count only if there are no others.

    Skip files that cannot be read or exceed SUBMISSION_BYTES; if none is left, raise Rejected with the first reason.
    """
    files: dict[str, bytes] = {}
    left_out: dict[str, Message] = {}
    size = 0
    for inside, content in sorted(found, key=lambda item: order_of(item[0])):
        try:
            if inside in files or inside in left_out:  # names that are no text may become one
                raise Rejected("{member} in {name} appears twice.", member=inside, name=name)
            bytes_of = read(inside, content, name, SUBMISSION_BYTES - size)
        except Rejected as rejected:
            files.pop(inside, None)
            left_out[inside] = rejected.reason
        else:
            files[inside] = bytes_of
            size += len(bytes_of)
    if left_out and not files:
        raise Rejected(next(iter(left_out.values())))
    files = {file: content for file, content in files.items() if not archives.strange(file)} or files
    digest = hashlib.sha256()
    told = {inside: reason.text.encode() for inside, reason in left_out.items()}
    for inside, bytes_of in sorted({**told, **files}.items()):
        digest.update(f"{len(inside.encode())}:{len(bytes_of)}:".encode())
        digest.update(inside.encode() + bytes_of)
    return RawSubmission(name=name, files=files, sha256=digest.hexdigest(), left_out=left_out)


def order_of(inside: str) -> int:
    """Return the sort key of a file in reading order: sources, archives, files that are not programs, data."""
    kind = archives.kind_of(inside, archives.READ)
    return len(archives.READ) if kind is None else archives.READ.index(kind)


def read(inside: str, content: Callable[[], bytes], name: str, room: int) -> bytes:
    """Return the content of one file; raise Rejected if it cannot be read or is larger than room bytes."""
    problem = None if inside == name else archives.unsafe(archives.slashed(inside))  # a lone file has no other place
    if problem is not None:
        raise Rejected(problem, member=inside[: archives.NAME_CHARS], name=name)
    with readable(inside):
        found = content() if room > 0 else b" "
    if len(found) > room:
        raise Rejected(
            "The files in {name} are larger than {limit} MiB in total.", name=name, limit=SUBMISSION_BYTES // 2**20
        )
    return found


def entries(folder: Path, name: str) -> Iterator[Found]:
    """Yield the files to read in a folder and its subfolders: (name with "/", function that reads it)."""
    places, seen = [folder], 0
    for place in places:
        if place is not folder and (place / archives.ENVIRONMENT).exists():
            continue
        inner = sorted(islice(place.iterdir(), archives.MEMBERS + 1))
        for entry in inner:
            seen += 1
            if seen > ENTRIES or len(inner) > archives.MEMBERS:
                yield name, partial(refusing, too_many(name))
                return
            inside = shown(entry.relative_to(folder).as_posix())
            if archives.is_litter(inside):
                continue
            if stat.S_ISDIR(entry.lstat().st_mode):
                places += [entry] if inside.count("/") < FOLDERS else []  # grows while it is walked
            elif is_readable(inside):
                yield inside, partial(content_of, entry, inside)


def is_readable(inside: str) -> bool:
    """Return whether a file of a submission is read: it may be the program, its data, or a file submitted by mistake."""
    inside = archives.slashed(inside)
    return (
        archives.kind_of(inside, archives.READ) is not None
        and not archives.is_litter(inside)
        and inside.count("/") <= FOLDERS
    )


def too_many(name: str) -> Rejected:
    """Return the Rejected for a submission with more than ENTRIES files."""
    return Rejected("{name} has more than {limit} files: submit only the lab's.", name=name, limit=ENTRIES)


def refusing(error: Rejected) -> bytes:
    """Raise the error; stands in for the function that reads a file."""
    raise error


def not_regular(name: str) -> Rejected:
    """Return the Rejected for a link, a pipe or a device."""
    return Rejected("{name} is not a regular file: submit {accepted}.", name=name, accepted=ACCEPTED)


def too_large(name: str, size: int) -> Rejected:
    """Return the Rejected for a file that is larger than its kind allows."""
    refusal = archives.too_large(name, size)
    return Rejected(refusal.template, **refusal.arguments)


def content_of(path: Path, name: str) -> bytes:
    """Return the content of a regular file, or b"" for a file that is not a program.

    Raise Rejected if it is not a regular file or is larger than its kind allows. Never follow a link or wait for a pipe.
    """
    most = archives.most_bytes(name)
    if not stat.S_ISREG(path.lstat().st_mode):
        raise not_regular(name)
    if archives.strange(name):
        return b""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    with open(os.open(path, flags), "rb") as file:  # noqa: PTH123
        opened = os.fstat(file.fileno())
        if not stat.S_ISREG(opened.st_mode):
            raise not_regular(name)
        content = file.read(most + 1)
        size = max(len(content), opened.st_size)
    if size > most:
        raise too_large(name, size)
    return content


def reading_modules(raw: RawSubmission) -> tuple[str, ...]:
    """Return the modules that the worker needs to read a submission."""
    is_packed = any(archives.kind_of(file, archives.ARCHIVES) for file in raw.files)
    return (*CODECS, *archives.ARCHIVERS) if is_packed else CODECS


def stage(raw: RawSubmission, assignment: Assignment, worker: Worker) -> StagedSubmission:
    """Have the worker parse a submission and find the file that defines the classes; raise Rejected or NotGradable if there is none."""
    rubric = assignment.rubric
    lab = {
        "file": assignment.file, "classes": assignment.classes, "functions": assignment.functions,
        "bonus": rubric.bonus_files, "banned": rubric.imports.banned, "data": assignment.files,
    }  # fmt: skip
    result = worker.read(raw.name, raw.files, lab, tuple(raw.left_out))
    if isinstance(result, Fault):
        raise Rejected(
            "{name} takes too long to read: it is not an ordinary Python file."
            if result.kind is FaultKind.TIMEOUT
            else "{name} needs too much memory to read: it is not an ordinary Python file.",
            name=raw.name,
        )
    answer, data = result
    if answer.source is None:
        reason = raw.left_out.get(str(answer.arguments.get("file"))) if answer.refusal == UNREAD else None
        if reason is not None:
            raise Rejected(reason)
        is_of_classes = "{classes}" in answer.refusal
        classes = {"classes": listed(assignment.classes, "{one} and {other}")} if is_of_classes else {}
        refusal = NotGradable if answer.is_open else Rejected
        raise refusal(answer.refusal, **answer.arguments, **classes)
    newer = tuple(answer.source.newer)
    inside = [say(template, **arguments) for template, arguments in answer.source.left_out]
    own = [reason for file, reason in raw.left_out.items() if posixpath.basename(file) not in assignment.files]
    left_out = {reason.text: reason for reason in (*own, *inside)}
    main, *siblings = (
        SourceFile(
            name=file.name, text=file.text, cells=tuple(file.cells), is_unwritten=file.is_unwritten, encoding=file.encoding,
            newer=newer,
        )
        for file in answer.source.files
    )  # fmt: skip
    return StagedSubmission(
        name=raw.name,
        sha256=raw.sha256,
        main=main,
        siblings=tuple(siblings),
        imports=tuple(answer.source.imports),
        dropped=tuple(answer.source.dropped),
        definitions={name: (file, line) for file, name, line in answer.source.definitions},
        root=answer.source.root,
        passed_over=tuple(answer.source.passed_over),
        data=data,
        left_out=tuple(left_out.values()),
        unread=tuple(answer.source.unread),
    )
