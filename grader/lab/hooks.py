"""Decisions that a lab may take before a submission is scored: functions of its hooks.py, with the defaults."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import Any

import msgspec

from grader.core.figures import AnyFigure
from grader.core.outcomes import Outcome, Verdict


class Ran(msgspec.Struct, frozen=True, kw_only=True):
    """Result of one suite for one submission: outcomes by "criterion.case", and the score, None if it is not gradable.

    kept are the values that its cases stored with `student.keep`.
    """

    suite: str
    outcomes: Mapping[str, Outcome]
    score: int | None
    kept: Mapping[str, Any] = {}

    def has_passed(self, *cases: str) -> bool:
        """Return whether all of these cases have passed."""
        return all(case in self.outcomes and self.outcomes[case].verdict is Verdict.PASSED for case in cases)


class Hooks:
    """The hooks of one lab, or their defaults."""

    def __init__(self, module: ModuleType | None) -> None:
        self._module = module

    def other_suite(self, run: Ran) -> str | None:
        """Return the folder of another suite to run if the first one does not fit the submission. Default: None."""
        found = getattr(self._module, "other_suite", None)
        return None if found is None else found(run)

    def better(self, first: Ran, other: Ran) -> Ran:
        """Return the run that counts. Default: the first, or the other if the first is not gradable."""
        found = getattr(self._module, "better", None)
        if found is not None:
            chosen: Ran = found(first, other)
            return chosen
        return other if first.score is None else first

    def figures(self, run: Ran) -> list[AnyFigure]:
        """Return the figures for the report. Default: none. Raise TypeError or ValueError if the hook returns anything else."""
        found = getattr(self._module, "figures", None)
        made = () if found is None else tuple(found(run))
        for element in made:
            if not isinstance(element, AnyFigure):
                raise TypeError(f"figures returned {type(element).__name__}, not a Series, Grid or Pairs")
        return [msgspec.convert(msgspec.to_builtins(item), type(item)) for item in made]
