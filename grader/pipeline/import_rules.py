"""Step 2, import rules: checks the imports that sandbox/confined/reading/imports.py found in the syntax tree.

The rubric lists the banned packages. Comments and strings never count. The worker reports imports at run time, and the
same function, `is_banned`, checks them.
"""

from __future__ import annotations

from collections.abc import Iterable

from grader.core.messages import Message, say
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
    files = {file.name: file for file in (staged.main, *staged.siblings)}
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


def remarks(staged: StagedSubmission) -> tuple[Finding, ...]:
    """Return the remarks about the files, which cost no points: encodings, skipped lines, files that were not graded."""
    files = {file.name: file for file in (staged.main, *staged.siblings)}
    encoded = [
        Finding(rule=ENCODING, file=file.name, line=None, message=encoding_of(file)) for file in files.values() if file.encoding
    ]  # fmt: skip
    passed_over = [
        Finding(
            rule=PASSED_OVER,
            file=name,
            line=None,
            message=say("{file} also defines the classes. {graded} was graded.", file=name, graded=staged.main.name),
        )
        for name in staged.passed_over
    ]
    left_out = [
        Finding(rule=LEFT_OUT, file=staged.name, line=None, message=say("Left out: {reason}", reason=reason))
        for reason in staged.left_out
    ]
    return (*encoded, *passed_over[:SHOWN], *left_out[:SHOWN], *dropped_lines(staged))


def encoding_of(file: SourceFile) -> Message:
    """Return the message about a file that is not saved as UTF-8."""
    if file.encoding == "utf-8":
        return say(
            "{file} has some characters that are not UTF-8. They were replaced: save it as UTF-8.", file=file.name
        )
    return say(
        "{file} is not saved as UTF-8. It was read as {encoding}: save it as UTF-8, or Python may refuse it.",
        file=file.name, encoding=file.encoding,
    )  # fmt: skip


def dropped_lines(staged: StagedSubmission) -> tuple[Finding, ...]:
    """Return a finding for each line of a notebook that is IPython syntax, not Python."""
    files = {file.name: file for file in (staged.main, *staged.siblings)}
    return tuple(
        Finding(
            rule=DROPPED_LINE,
            file=name,
            line=line,
            message=say("{place}: skipped, this line is not Python: {text}", place=files[name].place(line), text=text),
        )
        for name, line, text in staged.dropped[:SHOWN]
    )


def finding(file: SourceFile, line: int | None, module: str) -> Finding:
    """Return the finding for one import of a banned module; line is None for an import at run time."""
    template = (
        "{place}: imports {module}, which is forbidden in this lab."
        if line is not None
        else "{place} imported {module} while running, which is forbidden in this lab."
    )
    message = say(template, place=file.place(line), module=module)
    return Finding(rule=BANNED_IMPORT, file=file.name, line=line, message=message)
