"""Ends cases of this lab with a formula of the lecture, or with a known mistake."""

from __future__ import annotations

from typing import Any

from grader import lab
from grader.lab import CaseStopped, Evidence, RunningCase, say, show

from .mistakes.diagnosis import Diagnosis
from .mistakes.misconceptions import FORMULAS, Rule


def unmet(template: str, *, formula: str | None = None, **more: Any) -> CaseStopped:
    """Return a CaseStopped as `grader.lab.unmet` does, with a formula of the lecture, given by its name in FORMULAS."""
    return lab.unmet(template, formula=None if formula is None else FORMULAS[formula], **more)


def mistaken(rule: Rule, seen: Evidence, sentence: str = "", **more: Any) -> CaseStopped:
    """Return a CaseStopped with a known mistake: its sentence, or a more exact one with arguments in `more`, and its hint."""
    return unmet(sentence or rule.message, hint=rule.hint, seen=seen, named=rule.id, formula=rule.formula, **more)


def turned(sentence: str, seen: Evidence | None = None) -> CaseStopped:
    """Return a CaseStopped for an error whose sign is not the one that the steps expect."""
    hint = "With w += ... the error is label - y; with w -= ... it is y - label."
    return unmet(sentence, hint=hint, seen=seen, named="loss_sign", formula="step")


def named(evidence: RunningCase, diagnosis: Diagnosis | None, unnamed: CaseStopped) -> CaseStopped:
    """Return a CaseStopped with the recognised mistake and the evidence of `unnamed`; without a mistake, `unnamed` itself."""
    if diagnosis is None:
        evidence.remark("These numbers match no known mistake.")
        return unnamed
    rule, *others = diagnosis.rules
    for other in others:
        evidence.remark("Another mistake gives exactly the same numbers. {mistake}", mistake=say(other.message))
    return unmet(
        rule.message,
        hint=rule.hint,
        seen=next(iter(unnamed.outcome.evidence), None),
        verdict=unnamed.outcome.verdict,
        named=diagnosis.id,
        formula=rule.formula,
    )


def remark_momentum(evidence: RunningCase, alpha: float) -> None:
    """Add a remark about momentum, unless it is 0."""
    if alpha:
        evidence.remark(
            "You use momentum {alpha}; the lecture teaches it, and the grader took it into account.", alpha=show(alpha)
        )


def remark_second(evidence: RunningCase, defect: Rule | None) -> None:
    """Add a remark about an order defect in steps that have another mistake as well, if there is one."""
    if defect is not None:
        evidence.remark("There is a second mistake in these steps. {mistake}", mistake=say(defect.message))
