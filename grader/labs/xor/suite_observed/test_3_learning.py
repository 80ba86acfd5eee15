"""Learning XOR: the loss behind the steps, and the submission's own training from a set start."""

from __future__ import annotations

import pytest

from grader.lab import RunningCase, Student, blocked, show

from .. import oracle, probes, shown
from ..shown import by_neuron, keep_training, square
from ..starts import RATE
from ..suite.test_6_xor import OWN, judge
from ..verdicts import named, turned, unmet
from ..watched.observed import Observed
from .test_2_steps import fitted_gradient, is_derivative_wrong, parts, worst

pytestmark = pytest.mark.criterion("xor")

EPOCHS = 100


def test_loss(observed: Observed, evidence: RunningCase) -> None:
    """The error used in the steps is linear in label - y, with the sign that reduces the error."""
    # Seen: the factor of the output neuron's steps (or the hidden neurons' gradient, or a mistake that explains all numbers)
    # is linear in label - y, and its rate is above 0.
    check_loss(observed, evidence)


def check_loss(observed: Observed, evidence: RunningCase) -> None:
    """Judge the error behind the steps."""
    rule = observed.rule
    if is_other_loss(observed):
        unnamed = unmet(
            "The error used in your steps is not proportional to label - y.",
            hint="The loop passes the signed error to backward: label - y, or y - label. Squares lose the direction.",
            seen=worst(rule, fitted_gradient(observed)),
        )
        raise named(evidence, observed.loss_mistake, unnamed)
    if not rule.steps.change.any():
        raise unmet("The network does not change, so the loss has no effect.", hint="See the steps above.")
    found = parts(observed)
    if found is None:
        rate = rule.rate
    elif found.is_recognised:
        rate = abs(found.rate) if observed.is_negated else found.rate  # the derivative's case loses the points for it
    else:
        assert observed.mistake is not None  # else parts() would have stopped the case
        rate = observed.mistake.rates[0]
    is_sign_shown = rule.loss != "free" and not (observed.mistake is not None and observed.mistake.rules[0].loses_sign)
    if rate < 0 and is_sign_shown:
        sentence = "Your steps increase the error: the loss has the wrong sign for them."
        raise turned(sentence, worst(rule, -rule.expected))


def is_other_loss(observed: Observed) -> bool:
    """Return whether the steps are the gradient for an error that is not a multiple of label - y."""
    return observed.rule.loss == "free" and not is_derivative_wrong(observed)


def test_convergence(observed: Observed, student: Student, evidence: RunningCase) -> None:
    """From set weights the network learns XOR."""
    # Seen: recognised steps of each neuron, and the answers after the submission's own training from there. If a single
    # mistake explains all steps, or they are right except for their error and too few, the answers after the grader's loop
    # with the same rule.
    check_recognised(observed)
    by_mistake = observed.learned_by_mistake
    if by_mistake is not None:
        judge_observed(evidence, observed, by_mistake, EPOCHS)
        return
    learned = observed.learned
    network = observed.network
    is_whole = network.is_forward_right and bool(network.present.all())
    is_backward_right = observed.is_step_right or is_other_loss(observed)
    if learned.has_learned or not (is_whole and is_backward_right):
        judge_observed(evidence, observed, learned.answers, learned.epochs)
        return
    start = probes.start(student.rng("start"), 0)[None]
    oracle.losses(start, RATE, EPOCHS)
    if observed.is_step_right and observed.rule.rate > 0:
        evidence.remark(
            "Your steps are correct; the grader ran {epochs} epochs of them with its own learning rate.", epochs=EPOCHS
        )
    else:
        evidence.remark(
            "Apart from their error, your steps are correct; the grader ran {epochs} epochs of such steps with label - y.",
            epochs=EPOCHS,
        )
    judge_observed(evidence, observed, oracle.answers(start)[0], EPOCHS)


def test_train(observed: Observed, student: Student, evidence: RunningCase) -> None:
    """Your own training teaches XOR from set weights."""
    # Seen: recognised steps of each neuron, for every example, and the answers at the end of the training, which such steps
    # can reach in as many epochs; right steps that are too few or too small for it were judged above.
    check_recognised(observed)
    check_training(observed, student, evidence)


def check_training(observed: Observed, student: Student, evidence: RunningCase) -> None:
    """Judge the result of the submission's own training from a fixed start."""
    missing = observed.rule.missing
    if missing:
        raise unmet(
            "Your training makes no step for ({x}).",
            x=", ".join(show(number) for number in oracle.XOR_INPUTS[missing[0]]),
            hint="Train with all four examples, in every epoch.",
        )
    learned = observed.learned
    losses = learned.squared[: len(learned.squared) // 4 * 4].reshape(-1, 4).mean(1)  # over four examples each
    outputs = oracle.forward(learned.parameters, square())
    mistake = observed.mistake
    is_constant = mistake is not None and mistake.id == "derivative_missing"  # part of the factor
    is_known = observed.rule.loss != "free" and not is_constant
    rate = observed.rate if mistake is None else mistake.rates[0]
    keep_training(student, "Trained by your own train, from set weights.", losses, outputs, rate if is_known else None)
    if not learned.has_learned and not learned.could and observed.is_step_right:
        evidence.remark(
            "Your training is too short or too slow to be graded here: {epochs} epochs at a rate of {rate}.",
            epochs=round(learned.epochs),
            rate=show(abs(observed.rule.rate)),
        )
        return
    judge_observed(evidence, observed, learned.answers, learned.epochs)
    if (
        learned.could_not
        and observed.network.is_forward_right
        and observed.rule.loss == "squared"
        and not observed.rule.is_decaying
    ):
        sentence = "The final weights solve XOR, but the steps made cannot lead there from the starting weights."
        raise unmet(sentence, hint=OWN, seen=by_neuron(actual=learned.parameters, start=learned.start))


def check_recognised(observed: Observed) -> None:
    """Stop a case about learning if the steps of a neuron are unknown: the network may have learned by luck."""
    found = parts(observed)
    if found is None or observed.mistake is not None or found.are_weights_right.all():
        return
    raise blocked("model_update.hidden_step" if found.are_weights_right[2] else "model_update.output_step")


def judge_observed(evidence: RunningCase, observed: Observed, answers: oracle.Array, epochs: float) -> None:
    """Judge the answers as `judge` does, unless a wrong forward gave them."""
    if not oracle.has_learned(answers) and not observed.network.is_forward_right:
        evidence.seen = shown.answers(answers, epochs=round(epochs))
        raise blocked("forward.model")
    judge(evidence, answers, round(epochs))
