"""Where in a submission a function, a class or a method is defined, and its expression, as the confined reading found it."""

from __future__ import annotations

from msgspec.structs import replace

from grader.core.report import CaseResult
from grader.pipeline.runs import StagedSubmission
from grader.sandbox.confined.reading.texts import place_of


def placed(case: CaseResult, code: str, staged: StagedSubmission) -> CaseResult:
    """Return a case with file, cell and line of the definition that it judged, named as in CaseRule.code."""
    found = staged.definitions.get(code.partition(":")[0])
    if found is None:
        return case
    file, line = found
    source = staged.files.get(file)
    place = place_of(file, () if source is None else source.cells, line)
    _, further = staged.definitions.get(code, found)
    return replace(
        case, file=file, line=int(place["line"]), cell=int(place["cell"]) if "cell" in place else None,
        expression=None if further == line else int(place["line"]) + further - line,
    )  # fmt: skip
