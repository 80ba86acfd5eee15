"""Chooses between this lab's two suites, the calls of the contract and the watched training, and draws figures."""

from __future__ import annotations

from collections.abc import Sequence

from grader.lab import Grid, Series, Verdict
from grader.lab.hooks import Ran

from . import shown
from .usage import FITS, HAS_CLASSES, UNSEEN

WIRED = ("shapes.three_neurons", "shapes.wiring")
STEPS = ("model_update.output_step", "model_update.hidden_step")
NEURON = ("neuron_update.weights", "neuron_update.bias")
STUCK = (Verdict.TIMEOUT, Verdict.MEMORY_LIMIT, Verdict.OUTPUT_LIMIT)
RIGHT = (
    "forward.model", "sigmoid_derivative.used", *NEURON, *STEPS,
)  # fmt: skip


def other_suite(run: Ran) -> str | None:
    """Return the suite that watches the training, if the contract's calls do not fit or give steps that no mistake explains.

    Its backward may take a label instead of the template's error.
    """
    outcomes = run.outcomes.values()
    is_unwritten = any(outcome.exception and outcome.exception.type == "NotImplementedError" for outcome in outcomes)
    is_stuck = any(outcome.verdict in STUCK for outcome in outcomes)
    steps, neuron = ([run.outcomes[name] for name in names if name in run.outcomes] for names in (STEPS, NEURON))
    is_understood = run.score is not None and (
        all(step.verdict is Verdict.PASSED for step in steps)
        or (any(case.misconception for case in (*steps, *neuron)) and run.kept.get(FITS) is not False)
    )
    return None if is_unwritten or is_stuck or is_understood else "suite_observed"


def better(first: Ran, other: Ran) -> Ran:
    """Return the watched run if a network was seen that the calls do not fit, or whose steps are right; else the first.

    If neither run gives a grade, the watched one has the reason, unless nothing was seen and the program has a class of
    the template.
    """
    is_seen = other.has_passed("shapes.three_neurons")
    if first.score is None:
        has_reason = other.score is None and not (other.kept.get(UNSEEN) and first.kept.get(HAS_CLASSES))
        return other if is_seen or has_reason else first
    if not is_seen:
        return first
    is_fitting = first.kept.get(FITS) is not False and first.has_passed(*WIRED)
    if not is_fitting and other.score is not None:
        return other
    if not other.has_passed(*RIGHT):
        return first
    return first if first.score > (other.score or 0) else other


def figures(run: Ran) -> Sequence[Grid | Series]:
    """Return those of the last training that was judged."""
    training = run.kept.get(shown.TRAINING)
    return () if training is None else shown.figures(*training)
