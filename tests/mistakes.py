"""Shows how the report speaks of ten common mistakes: `python -m tests.mistakes` writes docs/mistakes.md."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path

from grader.core.outcomes import Verdict
from grader.renderers.text import render_text
from tests.support.command import ROOT, graded
from tests.support.mutants import mutants

PAGE = ROOT / "docs" / "mistakes.md"
SEED = 1

COMMON = {
    "derivative_missing": "The derivative is forgotten",
    "derivative_of_output": "The derivative is taken twice over: S'(S(d))",
    "error_without_derivative": "err * w goes back, without the output's derivative",
    "error_without_weight": "The hidden error has no weight",
    "updated_output_weights": "The output neuron changes its weights too early",
    "bias_frozen": "The bias never learns",
    "step_without_input": "The step is not multiplied by the inputs",
    "output_step_with_x": "The output neuron learns from x",
    "loss_squared": "The squared error is passed to backward",
    "start_zeros": "All weights start at zero",
}

HEAD = """# Ten common mistakes, as the report tells them

Written by `python -m tests.mistakes`; do not edit. Each is a network that is right but for one line. What did
not pass is shown as `grade` prints it with `--seed 1`; all else passed, or could not be learned because of it.
"""


def sections(names: Iterable[str]) -> dict[str, str]:
    """Return the sections of the page about these mistakes."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            path = Path(folder, "network.py")
            path.write_text(mutants()[name].text(0.3), encoding="utf-8")
            report = graded(path, seed=SEED)
            told = [part for part in report.criteria if any(case.misconception for case in part.cases)]
            lines = render_text(report).splitlines()
            kept: list[str] = []
            for criterion in told:
                start = next(number for number, line in enumerate(lines) if line[3:].startswith(criterion.title))
                end = next(number for number in range(start + 1, len(lines)) if not lines[number].startswith("    "))
                kept += lines[start:end]
            others = [item.title for item in report.criteria if item.verdict is not Verdict.PASSED and item not in told]
            kept += [f"(also below full marks: {', '.join(others)})"] if others else []
            told_text = "\n".join([*kept, lines[-1]])
            found[name] = f"## {COMMON[name]}\n\n`{name}`\n\n```text\n{told_text}\n```\n"
    return found


if __name__ == "__main__":
    PAGE.write_text("\n".join([HEAD, *sections(COMMON).values()]), encoding="utf-8")
