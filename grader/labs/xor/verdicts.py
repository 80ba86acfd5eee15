"""How a case of this lab ends: with a formula of the lecture to reread, and with the name of a known mistake."""

from __future__ import annotations

from typing import Any

from grader import lab
from grader.lab import CaseEvidence, CaseStopped, say, show

from .mistakes.diagnosis import Diagnosis
from .mistakes.misconceptions import FORMULAS


def unmet(template: str, *, formula: str | None = None, **more: Any) -> CaseStopped:
    """Return the end of a case as `grader.lab.unmet` does; formula is the lecture's, by its name in FORMULAS."""
    return lab.unmet(template, formula=None if formula is None else FORMULAS[formula], **more)


def named(evidence: CaseEvidence, diagnosis: Diagnosis | None, unnamed: CaseStopped) -> CaseStopped:
    """Return the end of a case with the words of the mistake that was recognised, what was seen kept."""
    if diagnosis is None:
        evidence.remark("No mistake that the grader knows makes these numbers.")
        return unnamed
    rule, *others = diagnosis.rules
    for other in others:
        evidence.remark("Another mistake makes the very same numbers: {mistake}", mistake=say(other.message))
    return unmet(
        rule.message,
        hint=rule.hint,
        seen=next(iter(unnamed.outcome.evidence), None),
        verdict=unnamed.outcome.verdict,
        named=diagnosis.id,
        formula=rule.formula,
    )


def remark_momentum(evidence: CaseEvidence, alpha: float) -> None:
    """Say that momentum was seen; 0 is none."""
    if alpha:
        evidence.remark(
            "You use momentum {alpha}; the lecture teaches it, and it was taken into account.", alpha=show(alpha)
        )
