"""Reads what was handed in: unpacks, decodes and parses it, and runs nothing of it.

Loaded by path in a confined process, so that a bomb in an archive, a notebook or the
parser costs that process only. Standard library only.
"""

from __future__ import annotations

import posixpath
from typing import Any

from . import newer
from .archives import ARCHIVES, DEPTH, SOURCES, Files, is_litter, kind_of, slashed, strange, unpacked
from .imports import imported
from .program_files import Lab, ParsedFile, ProgramFiles, program_of
from .texts import Refusal

TOTAL_BYTES = 512 * 1024  # of source text in one submission
DROPPED = 2_000
FILES = 50


def read(name: str, files: Files, **lab: Any) -> dict[str, Any]:
    """Find the program and return its text, its neighbours and their imports.

    files maps names inside the submission, with "/" between folders, to their bytes; lab has the fields of Lab. The answer is
    {"files": [{"name", "text", "cells", "is_unwritten", "encoding"}], "root": folder, "imports": [[file, line, module]],
    "dropped": [[file, line, text]], "newer": [[name, Python]], "passed_over": [file]}, the main file first and those that it
    imports next. Names are below root. Refusal, with one sentence, for whatever holds no program.
    """
    folder = "" if list(files) == [name] else f"{slashed(name).replace('/', '_')}/"
    files = {f"{folder}{slashed(file)}": content for file, content in files.items() if not is_litter(slashed(file))}
    root, sources, program = opened(name, files, Lab(**lab))
    others = sorted(sources.keys() - set(program.reached), key=lambda file: (sources[file].is_test, file))
    found = [sources[file] for file in (*program.reached, *others)]
    if sum(len(source.text.encode()) for source in found) > TOTAL_BYTES:
        raise Refusal(
            "The Python files in {name} are larger than {limit} KiB together.", name=name, limit=TOTAL_BYTES // 1024
        )
    dropped = [[file, line, text] for file in program.reached for line, text in sources[file].dropped]
    if len(dropped) > DROPPED:
        raise Refusal("{name} has more than {limit} lines that are no Python.", name=name, limit=DROPPED)
    return {
        "files": [
            {
                "name": source.name, "text": source.text, "cells": source.cells, "is_unwritten": source.is_unwritten,
                "encoding": source.encoding,
            }
            for source in found
        ],
        "root": root,
        "imports": [
            [source.name, line, module] for source in found for line, module in imported(source.name, source.tree, lab["banned"])
        ],
        "dropped": dropped,
        "newer": sorted({source for file in program.reached for source in newer.newer_names(sources[file].tree)}),
        "passed_over": list(program.passed_over),
    }  # fmt: skip


Opened = tuple[
    str, dict[str, ParsedFile], ProgramFiles
]  # the folder that the sources are named from, those, and the program


def opened(name: str, files: Files, lab: Lab) -> Opened:
    """Return the sources of a submission and its program; archives are opened where the files beside them define too little."""
    best: Opened | None = None
    problem: Refusal | None = None
    for _ in range(DEPTH):
        loose = {file: content for file, content in files.items() if kind_of(file, SOURCES)}
        packed = {file: content for file, content in files.items() if kind_of(file, ARCHIVES)}
        try:
            best = parsed(name, loose, lab) if loose else None
        except Refusal as refusal:
            problem = problem or refusal
        if not packed or (best is not None and best[2].is_whole):
            break
        try:
            files = {**{file: content for file, content in files.items() if file not in packed}, **unpacked(packed)}
        except Refusal as refusal:
            problem = problem or refusal
            break
    if best is not None:
        return best
    told = (strange(posixpath.basename(file)) for file in sorted(files))
    raise problem or next(filter(None, told), None) or nothing(name, lab)


def nothing(name: str, lab: Lab) -> Refusal:
    """Return the refusal of a submission in which there is nothing to read."""
    return Refusal("{name} has no Python file: put your {wanted} into it.", name=name, wanted=lab.file)


def parsed(name: str, files: Files, lab: Lab) -> Opened:
    """Return the sources among some files, with those that notebooks write, and the program; Refusal where there is none."""
    if len(files) > FILES:
        raise Refusal(
            "{name} has {count} Python files, more than {limit}: hand in only the lab's file.",
            name=name, count=len(files), limit=FILES,
        )  # fmt: skip
    root = posixpath.commonpath([posixpath.dirname(file) for file in files])
    root += "/" if root else ""
    known = {file.removeprefix(root): content for file, content in files.items()}
    sources: dict[str, ParsedFile] = {}
    refusals: dict[str, Refusal] = {}
    queue = sorted(known.items(), key=lambda item: kind_of(item[0], (".py",)) is None)
    for file, content in queue:
        if file in sources:
            continue
        try:
            source = sources[file] = ParsedFile(file, content, known)
        except Refusal as refusal:
            refusals[file] = refusal
            continue
        queue += [(written, text.encode()) for written, text in source.written.items()]
        if source.broken is not None:
            refusals[file] = source.broken
    return root, sources, program_of(name, root, sources, refusals, lab)
