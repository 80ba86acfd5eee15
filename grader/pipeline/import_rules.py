"""Step 2, the import ban: judges the imports that sandbox/reading.py found in the syntax tree.

The rule is the rubric's: here no deep-learning framework. Comments and strings never count. What only
shows at run time is reported by the worker and judged by the same function, `is_banned`.
"""

from __future__ import annotations

from collections.abc import Iterable

from grader.core.messages import say
from grader.core.outcomes import BANNED_IMPORT, DROPPED_LINE, Finding
from grader.lab.source import SourceFile
from grader.pipeline.runs import StagedSubmission
from grader.sandbox.confined.reading import is_banned

SHOWN = 20  # findings of a kind


def check_imports(staged: StagedSubmission, banned: Iterable[str]) -> tuple[Finding, ...]:
    """Return a finding for each import of a banned package in the files that the main file reaches.

    One finding for a line and package: `from torch import nn, optim` is one mistake.
    """
    banned = tuple(banned)
    files = {file.name: file for file in (staged.main, *staged.siblings)}
    own = {file.name.removesuffix(".py"): file.name for file in staged.siblings}
    findings: dict[tuple[str, int, str], Finding] = {}
    queue = [staged.main.name]
    seen = set(queue)
    while queue:
        name = queue.pop(0)
        for _, line, module in (one for one in staged.imports if one[0] == name):
            package = module.partition(".")[0]
            if package in own:
                if own[package] not in seen:
                    seen.add(own[package])
                    queue.append(own[package])
            elif is_banned(module, banned):
                findings.setdefault((name, line, package), finding(files[name], line, module))
    return tuple(findings.values())[:SHOWN]


def dropped_lines(staged: StagedSubmission) -> tuple[Finding, ...]:
    """Return a finding for each line of a notebook that is IPython's, not Python; it costs nothing."""
    files = {file.name: file for file in (staged.main, *staged.siblings)}
    return tuple(
        Finding(
            rule=DROPPED_LINE,
            file=name,
            line=line,
            message=say("{place}: left out, it is not Python: {text}", place=files[name].place(line), text=text),
        )
        for name, line, text in staged.dropped[:SHOWN]
    )


def finding(file: SourceFile, line: int | None, module: str) -> Finding:
    """Return the finding for one import of a banned module; line None: it was asked for at run time."""
    template = (
        "{place}: imports {module}, which is forbidden in this lab."
        if line is not None
        else "{place} asked for {module} while it ran, which is forbidden in this lab."
    )
    message = say(template, place=file.place(line), module=module)
    return Finding(rule=BANNED_IMPORT, file=file.name, line=line, message=message)
