"""Step 2, import rules: checks the imports that sandbox/confined/reading/imports.py found in the syntax tree.

The rubric lists the banned packages. Comments and strings never count. The worker reports imports at run time, and the
same function, `is_banned`, checks them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from grader.core.messages import say
from grader.core.outcomes import BANNED_IMPORT, DROPPED_LINE, ENCODING, LEFT_OUT, PASSED_OVER, Finding
from grader.pipeline.runs import StagedSubmission
from grader.sandbox.confined.reading.imports import is_banned
from grader.sandbox.confined.reading.source_tree import folder_of, imported_files, module_in
from grader.sandbox.source import SourceFile

SHOWN = 20  # findings of each kind


def check_imports(staged: StagedSubmission, banned: Iterable[str]) -> tuple[Finding, ...]:
    """Return a finding for each import of a banned package in the files that the main file reaches.

    There is one finding per line and package: `from torch import nn, optim` is one mistake.
    """
    banned = tuple(banned)
    files = staged.files
    paths = {staged.root + name for name in files}
    own = folder_of(staged.root + staged.main.name)  # a module here shadows an installed package of the same name
    findings: dict[tuple[str, int, str], Finding] = {}
    queue = [staged.main.name]
    seen = set(queue)
    while queue:
        name = queue.pop(0)
        for _, line, module in (item for item in staged.imports if item[0] == name):
            package = module.partition(".")[0]
            reached = [path.removeprefix(staged.root) for path in imported_files(module, staged.root + name, paths)]
            queue += [file for file in reached if file not in seen]
            seen.update(reached)
            if is_banned(module, banned) and not module_in(own, package, paths):
                findings.setdefault((name, line, package), finding(files[name], line, module))
    return tuple(findings.values())[:SHOWN]


def remarks(staged: StagedSubmission) -> Iterator[Finding]:
    """Yield the remarks about the files, which cost no points: encodings, files that were not graded, skipped lines."""
    for file in staged.files.values():
        if file.encoding == "utf-8":
            replaced = "{file} has some characters that are not UTF-8. They were replaced: save it as UTF-8."
            yield Finding(rule=ENCODING, file=file.name, line=None, message=say(replaced, file=file.name))
        elif file.encoding:
            guessed = (
                "{file} is not saved as UTF-8. It was read as {encoding}: save it as UTF-8, or Python may refuse it."
            )
            message = say(guessed, file=file.name, encoding=file.encoding)
            yield Finding(rule=ENCODING, file=file.name, line=None, message=message)
    for name in staged.passed_over[:SHOWN]:
        message = say("{file} also defines the classes. {graded} was graded.", file=name, graded=staged.main.name)
        yield Finding(rule=PASSED_OVER, file=name, line=None, message=message)
    for reason in staged.left_out[:SHOWN]:
        message = say("Left out: {reason}", reason=reason)
        yield Finding(rule=LEFT_OUT, file=staged.name, line=None, message=message)
    for name, line, text in staged.dropped[:SHOWN]:
        place = staged.files[name].place(line)
        message = say("{place}: skipped, this line is not Python: {text}", place=place, text=text)
        yield Finding(rule=DROPPED_LINE, file=name, line=line, message=message)


def finding(file: SourceFile, line: int | None, module: str) -> Finding:
    """Return the finding for one import of a banned module; line is None for an import at run time."""
    template = (
        "{place}: imports {module}, which is forbidden in this lab."
        if line is not None
        else "{place} imported {module} while running, which is forbidden in this lab."
    )
    message = say(template, place=file.place(line), module=module)
    return Finding(rule=BANNED_IMPORT, file=file.name, line=line, message=message)
