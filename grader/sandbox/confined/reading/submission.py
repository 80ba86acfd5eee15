"""Reads a submission: unpacks, decodes and parses it, without running any of it.

Loaded by path in a confined process, so that a bomb in an archive, in a notebook or for the parser can only end that
process. Standard library only.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from . import newer
from .archives import (
    ARCHIVES,
    DATA,
    DATA_BYTES,
    DATA_FILES,
    DEPTH,
    READ,
    SOURCES,
    Files,
    Unread,
    is_litter,
    kind_of,
    slashed,
    strange,
    too_much_data,
    unpacked,
)
from .definitions import definitions
from .imports import imported
from .program_files import Lab, ParsedFile, ProgramFiles, depth, program_of
from .texts import UNREAD, Refusal

TOTAL_BYTES = 512 * 1024  # of source text in one submission
DROPPED = 2_000
FILES = 50
LEFT_OUT = 20  # limit of each list of files that could not be read


def read(name: str, files: Files, unread: Sequence[str] = (), **lab: Any) -> tuple[dict[str, Any], Files]:
    """Find the program; return it and the other source files with their imports, and the data files that it may read.

    files maps names inside the submission, with "/" between folders, to contents; unread are files that the trusted side
    could not read; lab has the fields of Lab. The first result is
    {"files": [{"name", "text", "cells", "is_unwritten", "encoding"}], "root": folder, "imports": [[file, line, module]],
    "definitions": [[file, name, line]], "dropped": [[file, line, text]], "newer": [[name, Python]], "passed_over": [file],
    "left_out": [[template, arguments]], "unread": [file]}, with the main file first and the files that it imports next. Names are relative to root, those of
    data files to the program's folder. Raises Refusal, with one sentence, if there is no program.
    """
    folder = "" if [*files, *unread] == [name] else f"{slashed(name).replace('/', '_')}/"
    files = {f"{folder}{slashed(file)}": content for file, content in files.items() if not is_litter(slashed(file))}
    refused = {f"{folder}{slashed(file)}": Refusal(UNREAD, file=file) for file in unread}
    found = opened(name, files, refused, Lab(**lab))
    reached = [found.sources[file] for file in found.program.reached]
    others = [source for file, source in found.sources.items() if file not in found.program.reached]
    fitting = [*reached]
    for source in sorted(others, key=lambda source: (source.is_test, source.name)):
        if bytes_in((*fitting, source)) > TOTAL_BYTES:
            refused[found.root + source.name] = too_many_bytes(name)
        else:
            fitting.append(source)
    if bytes_in(reached) > TOTAL_BYTES:
        raise too_many_bytes(name)
    dropped = [[source.name, line, text] for source in reached for line, text in source.dropped]
    if len(dropped) > DROPPED:
        raise Refusal("{name} has more than {limit} lines that are not Python.", name=name, limit=DROPPED)
    data = data_in(found, refused, Lab(**lab))
    return {
        "definitions": definitions((source.name, source.tree) for source in fitting),
        "files": [
            {
                "name": source.name, "text": source.text, "cells": source.cells, "is_unwritten": source.is_unwritten,
                "encoding": source.encoding,
            }
            for source in fitting
        ],
        "root": found.root,
        "imports": [
            [source.name, line, module] for source in fitting for line, module in imported(source.name, source.imports_at, lab["banned"])
        ],
        "dropped": dropped,
        "newer": sorted({needed for source in reached for needed in newer.newer_names(source.nodes)}),
        "passed_over": list(found.program.passed_over),
        "left_out": [[refusal.template, refusal.arguments] for refusal in refused.values() if refusal.template != UNREAD][:LEFT_OUT],
        "unread": [file.removeprefix(found.root) for file in refused if kind_of(file, SOURCES)][:LEFT_OUT],
    }, data  # fmt: skip


class Opened(NamedTuple):
    """An unpacked submission: its sources, named relative to root, the program, and all files by full name."""

    root: str
    sources: dict[str, ParsedFile]
    program: ProgramFiles
    files: Files


def opened(name: str, files: Files, unread: Unread, lab: Lab) -> Opened:
    """Parse a submission and find its program; archives are unpacked only if the files beside them do not define all classes.

    Adds files that cannot be read to `unread`; raises Refusal if there is no program.
    """
    best: Opened | None = None
    problem: Refusal | None = None
    for _ in range(DEPTH):
        packed = {file: content for file, content in files.items() if kind_of(file, ARCHIVES)}
        try:
            best = parsed(name, files, unread, lab) or best
        except Refusal as refusal:
            problem = refusal
        if not packed or (best is not None and best.program.is_whole):
            break
        files = {**{file: content for file, content in files.items() if file not in packed}, **unpacked(packed, unread)}
    if best is not None:
        return best
    of_programs = (refusal for file, refusal in unread.items() if kind_of(file, (*SOURCES, *ARCHIVES)))
    odd = (strange(posixpath.basename(file)) for file in sorted(files))
    nothing = Refusal("{name} has no Python file: put your {wanted} into it.", name=name, wanted=lab.file)
    raise problem or next(of_programs, None) or next(filter(None, odd), None) or nothing


def parsed(name: str, files: Files, unread: Unread, lab: Lab) -> Opened | None:
    """Parse the sources among `files`, and those that notebooks write, and find the program; return None without sources.

    Adds files that cannot be read to `unread`; raises Refusal if there is no program.
    """
    loose = sorted((file for file in files if kind_of(file, SOURCES)), key=depth)
    if not loose:
        return None
    for file in loose[FILES:]:
        unread[file] = Refusal(
            "{name} has {count} Python files, more than {limit}: submit only the lab's file.",
            name=name, count=len(loose), limit=FILES,
        )  # fmt: skip
    root = posixpath.commonpath([posixpath.dirname(file) for file in loose[:FILES]])
    root += "/" if root else ""
    known = {file.removeprefix(root): files[file] for file in loose[:FILES]}
    sources: dict[str, ParsedFile] = {}
    refusals = {
        file.removeprefix(root): refusal for file, refusal in unread.items() if kind_of(file, (*SOURCES, *ARCHIVES))
    }
    queue = sorted(known.items(), key=lambda item: kind_of(item[0], (".py",)) is None)
    data = {}
    for file, content in queue:
        if file in sources:
            continue
        try:
            source = sources[file] = ParsedFile(file, content, known)
        except Refusal as refusal:
            refusals[file] = unread[root + file] = refusal
            continue
        queue += [(written, text.encode()) for written, text in source.written.items() if kind_of(written, SOURCES)]
        data.update({root + written: text.encode() for written, text in source.written.items()})
        if source.broken is not None:
            refusals[file] = source.broken
    program = program_of(name, root, sources, refusals, lab)
    return Opened(root=root, sources=sources, program=program, files={**files, **data})


def bytes_in(sources: Iterable[ParsedFile]) -> int:
    """Return the total size of sources, in bytes."""
    return sum(len(source.text.encode()) for source in sources)


def too_many_bytes(name: str) -> Refusal:
    """Return the refusal of sources that are too large in total."""
    return Refusal(
        "The Python files in {name} are larger than {limit} KiB in total.", name=name, limit=TOTAL_BYTES // 1024
    )


def data_in(found: Opened, unread: Unread, lab: Lab) -> Files:
    """Return the data files that fit the limits, nearest to the top first, named relative to the program's folder.

    Files with the name of a data file of the lab are ignored.
    """
    data: Files = {}
    place = posixpath.dirname(found.root + found.program.main) or "."
    for file in sorted(found.files, key=depth):
        if kind_of(file, READ) not in DATA or posixpath.basename(file) in lab.data:
            continue
        content = found.files[file]
        if len(data) >= DATA_FILES or sum(map(len, data.values())) + len(content) > DATA_BYTES:
            unread[file] = too_much_data(file.removeprefix(found.root))
        else:
            data[posixpath.relpath(file, place)] = content
    return data
