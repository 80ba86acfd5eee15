"""Learning XOR: the loss, convergence from a set start, and the student's own training loop."""

from __future__ import annotations

import math

import numpy as np
import pytest

from grader.lab import CaseStopped, FaultKind, Message, RunningCase, blocked, say, show, side_by_side

from .. import oracle, probes, shown
from ..driving.network import ModelProxy, Network
from ..measurements import Measurements
from ..mistakes.diagnosis import diagnose_loss
from ..mistakes.rules import TOLERANCE, bounded_rate, fit
from ..oracle import Array
from ..shown import by_neuron, keep_training, square
from ..starts import LEAST_WAY, MOST_EPOCHS, RATE, epochs_for, starts_for, swapped
from ..verdicts import named, turned, unmet

pytestmark = pytest.mark.criterion("xor")

EPOCHS = 100

OWN_WAY = 2000.0  # from a random start, in epochs times rate

# One epoch of train is checked on labels other than XOR's; cosines above these count as the same direction.
TASKS = np.array([[0.0, 0, 0, 1], [0, 1, 1, 1], [1, 0, 0, 0], [1, 1, 1, 0], [0, 0, 1, 1], [1, 0, 1, 1], [0, 0, 1, 0]])
SAME_WAY = 0.7
SAME_PATH = 0.9  # for ten epochs in the same order; a decaying rate changes their length more than their direction
SMOOTH = (0, 1, 3)  # fixed starts from which an epoch at rate 1 has nearly the same direction in any order
ORDERED = 1.0  # above this rate, the direction of an epoch depends on the order of the samples
ALIKE = 0.02
STILL = 1e-9
SAME_END = 1e-4  # of weights that two trainings end with; right steps from other starts end further apart
ALONE = "A step may depend only on the weights, the input and the error, not on earlier steps."
OWN = "The network must learn its weights by its own steps."
TURNING = {"derivative_negated", "hidden_sign"}  # mistakes that differ only in the sign of the error


def test_loss(network: Network, evidence: RunningCase, measured: Measurements) -> None:
    """loss(y, label) is linear in label - y, with the sign that backward expects."""
    # Seen: its values at five drawn outputs are a constant times label - y, or times that over y (1 - y), with the sign that
    # the steps expect, if they show it. Without such a function, or if it raises or is not what the training uses, the same for the errors in the submission's
    # own training.
    if not network.has("loss"):
        check_passed_error(network, evidence, measured)
        return
    labels = np.array([1.0, 1.0, 0.0, 0.0, 1.0])
    y = network.rng("loss").uniform(0.1, 0.9, 5)
    try:
        actual = network.losses(np.column_stack([y, labels]))
    except CaseStopped as stopped:
        if not is_uncallable(stopped):
            raise
        problem = say("The grader called loss(y, label): {problem}", problem=stopped.feedback)
        check_passed_error(network, evidence, measured, (problem, stopped))
        return
    c, residual = fit(actual, labels - y)
    evidence.seen = side_by_side(expected=labels - y, actual=actual, y=y, label=labels)
    slope, off = fit(actual, (labels - y) / oracle.derivative(y))
    if off < TOLERANCE:
        evidence.remark("You minimise the cross-entropy; the lecture teaches it, and the grader took it into account.")
        evidence.seen = side_by_side(expected=(labels - y) / oracle.derivative(y), actual=actual, y=y, label=labels)
        c = slope
    elif residual >= TOLERANCE:
        unnamed = unmet(
            "loss is not proportional to label - y.",
            hint="The loop passes the signed error to backward: label - y, or y - label. Squares lose the direction.",
            seen=evidence.seen,
            formula="loss",
        )
        mistake = diagnose_loss(y, labels, actual)
        if not is_loss_unused(network):
            raise named(evidence, mistake, unnamed)
        problem = say("Your training does not use loss(y, label) as its error.")
        check_passed_error(network, evidence, measured, (problem, unnamed))
        return
    if c * agreed_sign(network, measured) < 0:
        raise turned(
            "loss and backward have opposite signs: a step with err = loss(y, label) increases the error.",
            evidence.seen,
        )


def is_uncallable(stopped: CaseStopped) -> bool:
    """Return whether a function did not take the template's arguments."""
    return stopped.fault is not None and stopped.fault.kind in (FaultKind.RAISED, FaultKind.MISFIT)


def is_loss_unused(network: Network) -> bool:
    """Return whether the steps of the training are made with the error label - y, though its loss returns another."""
    from ..watched.observed import observe  # most submissions do without

    try:
        observed = observe(network.student)
    except CaseStopped:
        return False
    is_known = observed.is_step_right or observed.mistake is not None
    return is_known and observed.rule.loss == "squared"


def check_passed_error(
    network: Network,
    evidence: RunningCase,
    measured: Measurements,
    failed: tuple[Message, CaseStopped] | None = None,
) -> None:
    """Judge the error in the submission's own training, by the numbers that are passed or by its steps.

    failed: why its loss does not count, if it has one, and how the case ends if its training does not, either.
    """
    from ..suite_observed.test_3_learning import check_loss
    from ..watched.observed import observe
    from ..watched.parts import passed_signs

    try:
        observed = observe(network.student)
        signs = passed_signs(observed.rule)
        if not signs:
            check_loss(observed, evidence)
    except CaseStopped as stopped:
        missing = unmet(
            "There is no function loss(y, label) outside your classes, and the error in your own training cannot be graded instead: {reason}",
            reason=stopped.feedback,
            hint="Write loss(y, label) and call it in the loop: err = loss(y, label).",
        )
        raise (failed[1] if failed else missing) from None
    if failed is None:
        evidence.remark(
            "There is no function loss(y, label) outside your classes; the error in your own training was graded instead."
        )
    else:
        evidence.remark("{problem} The error in your own training was graded instead.", problem=failed[0])
    sign = agreed_sign(network, measured)
    if sign and signs and np.sign(sign) not in signs:
        raise turned(
            "Your training passes an error with the opposite sign to the one backward expects: its steps increase the error."
        )


def agreed_sign(network: Network, measured: Measurements) -> float:
    """Return the sign of label - y that backward expects; 0 if a mistake reported elsewhere may have flipped it."""
    try:
        neuron, rule, mistake = measured.neuron_rule, measured.model_rule, measured.network_mistake
    except CaseStopped:
        return 0.0
    is_plain = neuron.is_derivative_right and neuron.are_weights_right and neuron.are_weights_linear
    is_turned = measured.is_derivative_negated or (
        mistake is not None and {rule.id for rule in mistake.rules} <= TURNING
    )
    is_known = rule.is_right or (mistake is not None and rule.is_output_right)
    return rule.rate if is_plain and network.is_forward_right and is_known and not is_turned else 0.0


def test_convergence(network: Network, evidence: RunningCase, measured: Measurements) -> None:
    """From set weights the network learns XOR within 100 epochs."""
    # Seen: forward and steps that are right or have a single known mistake, the answers of the weights after 100 epochs of such
    # steps, and the last ten epochs repeated on another model.
    rate = measured.model_steps.rate
    if rate == 0:
        raise unmet("The output neuron does not change, so the network cannot learn.", hint="See the steps above.")
    if measured.unknown is not None:
        raise blocked(measured.unknown)
    scale, epochs, start = RATE / rate, EPOCHS, probes.start(network.rng("start"), 0)
    if measured.model_steps.is_plain:  # code that takes no error above 1 trains at its own rate
        scale, epochs = math.copysign(1.0, rate), epochs_for(rate)
        (start, *_) = starts_for(network.rng("start"), abs(rate), epochs)
    model = network.model()
    model.parameters = start
    losses: list[float] = []
    answers = np.zeros(4)
    path = [start]
    for _ in range(0, epochs, EPOCHS // 10):
        some, answers, after = model.epochs(scale, EPOCHS // 10)
        losses += some.tolist()
        path.append(after)
        if oracle.has_learned(answers):
            answers = answers_of_weights(network, after, answers)
            break
    caption = "Trained by the grader's loop with your steps, from set weights."
    outputs = outputs_of(network, model, path[-1])
    keep_training(network.student, caption, np.array(losses), outputs, shown_rate(network, measured))
    judge(evidence, answers, len(losses))
    check_path(measured, np.array(path), scale * rate)
    check_repeatable(network, measured, path[-2], path[-1], scale)


def check_path(measured: Measurements, path: Array, rate: float) -> None:
    """Stop the case if any ten epochs of a training, from path[n] to path[n + 1], differ from the steps judged above."""
    if not measured.is_plain:
        return
    reached = path[:-1].copy()
    oracle.losses(reached, rate, EPOCHS // 10)
    for before, actual, expected in zip(path[:-1], path[1:], reached, strict=True):
        if not same_way(actual - before, expected - before) > SAME_PATH:
            sentence = "Your steps later in the training differ from the first ones."
            raise unmet(sentence, hint=ALONE, seen=by_neuron(expected=expected, actual=actual, weights=before))


def same_way(array: Array, other: Array) -> float:
    """Return the cosine of the angle between two changes of the weights, or 0 if one of them is 0."""
    length = float(np.linalg.norm(array) * np.linalg.norm(other))
    return float((array * other).sum()) / length if length else 0.0


def check_repeatable(network: Network, measured: Measurements, before: Array, after: Array, scale: float) -> None:
    """Repeat the last ten epochs on another model, and stop the case if they end with other weights."""
    try:
        if measured.model_rule.momentum or not measured.neuron_rule.is_stateless:
            return  # such steps may depend on earlier ones
    except CaseStopped:
        return
    model = network.model()
    model.parameters = before
    _, _, again = model.epochs(scale, EPOCHS // 10)
    if not np.abs(again - after).max() < ALIKE * np.abs(after).max():  # a decaying rate is allowed
        sentence = "The same ten epochs from the same weights give different weights in another model."
        raise unmet(sentence, hint=ALONE, seen=by_neuron(expected=again, actual=after, weights=before))


def test_train(network: Network, evidence: RunningCase, measured: Measurements) -> None:
    """Your own train(model, samples, epochs) teaches XOR from set weights."""
    # Seen: the same; one epoch of train on drawn labels, which moves the weights as four steps do; the answers of the weights
    # after train from a fixed start, swapped as drawn, from which right steps lead to the same weights, and the opposite ones
    # for the opposite labels. Without such a function, or if it raises, the answers after the submission's own training from a
    # fixed start.
    if measured.unknown is not None:
        raise blocked(measured.unknown)
    if not network.has("train"):
        check_loop(network, evidence)
        return
    rate = pace(network, measured)
    try:
        check_one_epoch(network, measured, rate)
    except CaseStopped as stopped:
        if not is_uncallable(stopped):
            raise
        check_loop(network, evidence, stopped)
        return
    epochs = epochs_for(rate)
    if rate * epochs < LEAST_WAY:
        evidence.remark(
            "Your learning rate is too small for a full training here: {rate} per step. Only one epoch was run.",
            rate=show(rate),
        )
        return
    rng = network.rng("train")
    starts = starts_for(rng, rate, epochs)
    if measured.is_plain:
        starts = [swapped(start, rng) for start in starts]
    model, reached, losses, answers = trained(network, starts, epochs, oracle.XOR_LABELS)
    if len(losses) == epochs:
        caption, outputs = "Trained by your own train, from set weights.", outputs_of(network, model, reached)
        keep_training(network.student, caption, losses, outputs, shown_rate(network, measured))
    else:
        evidence.remark(
            "train should return the loss of each epoch: {epochs} numbers. It returned: {count}.",
            epochs=epochs,
            count=len(losses),
        )
    judge(evidence, answers, epochs)
    if measured.is_plain and rate <= ORDERED:
        check_end(starts[0], reached, rate * epochs)
    check_samples_are_used(network, rate, epochs, reached)
    if "training-run" in network.student.options:
        remark_run(network, evidence, rate)


def check_loop(network: Network, evidence: RunningCase, failed: CaseStopped | None = None) -> None:
    """Judge the training of a program without a function train, or whose train cannot be called; failed: how a call ended."""
    from ..suite_observed.test_3_learning import check_training
    from ..watched.observed import observe

    try:
        observed = observe(network.student)
    except CaseStopped as stopped:
        missing = unmet(
            "There is no function train(model, samples, epochs) outside your classes, and no other training was seen: {reason}",
            reason=stopped.feedback,
            hint="Put the training loop into a function with that name, next to the classes.",
        )
        raise (failed or missing) from None
    if failed is None:
        evidence.remark(
            "There is no function train(model, samples, epochs) outside your classes; the training that your program runs was graded instead."
        )
    else:
        evidence.remark(
            "The grader called train(model, samples, epochs): {problem} The training that your program runs was graded instead.",
            problem=failed.feedback,
        )
    check_training(observed, network.student, evidence)


def pace(network: Network, measured: Measurements) -> float:
    """Return the rate of train: that of the steps, times the factor of the student's loss."""
    rate = abs(measured.model_steps.rate) or 1.0
    factor, _ = network.loss_factors
    return rate if factor is None else bounded_rate(rate * factor)


def shown_rate(network: Network, measured: Measurements) -> float | None:
    """Return the rate of recognised steps, including the factor of the student's loss, or None if it is unknown."""
    rule, (factor, other) = measured.model_rule, network.loss_factors
    is_linear = factor is None or other is None or abs(factor - other) < TOLERANCE * factor
    is_known = rule.is_output_right and is_linear and not rule.is_carried
    return rule.rate * (factor or 1.0) if is_known else None


def remark_run(network: Network, evidence: RunningCase, rate: float) -> None:
    """Add a remark about one run of train from the student's own random start, which depends on luck and costs nothing."""
    epochs = min(MOST_EPOCHS, math.ceil(OWN_WAY / rate))
    try:
        _, answers = network.model().train(epochs)
    except CaseStopped as stopped:
        evidence.remark("One run of train from your own starting weights: {problem}", problem=stopped.feedback)
        return
    values: dict[str, str | int] = {"epochs": epochs, "answers": ", ".join(show(answer) for answer in answers)}
    if oracle.has_learned(answers):
        evidence.remark(
            "One run of train from your own starting weights learned XOR in {epochs} epochs: {answers}.", **values
        )
    else:
        evidence.remark(
            "One run of train from your own starting weights did not learn XOR in {epochs} epochs: {answers}. "
            "Correct code gets stuck in about one run of four; run it again or use other random weights.",
            **values,
        )


def trained(
    network: Network, starts: list[Array], epochs: int, labels: Array
) -> tuple[ModelProxy, Array, Array, Array]:
    """Run train from one start after another until it has learned; return model, parameters, losses and four answers."""
    for start in starts:
        model = network.model()
        model.parameters = start
        losses, answers = model.train(epochs, labels)
        reached = model.parameters
        answers = answers_of_weights(network, reached, answers)
        if oracle.has_learned(answers, labels):
            break
    return model, reached, losses, answers


def check_one_epoch(network: Network, measured: Measurements, rate: float) -> None:
    """Compare one epoch of train, on labels drawn for this run, with four steps of the student's backward.

    The student may choose order and batches, so only the direction must agree.
    """
    rng = network.rng("one epoch")
    labels = TASKS[int(rng.integers(len(TASKS)))]
    start = probes.start(rng, int(rng.choice(SMOOTH)))
    own = network.model()
    own.parameters = start
    begun = own.parameters
    try:
        _, _, reached = own.epochs(None, 1, labels)
    except CaseStopped:
        return  # the cases for the loss and the steps report it
    right = begun[None].copy()
    oracle.losses(right, rate, 1, labels=labels)
    if measured.is_plain and rate <= ORDERED and abs(same_way(reached - begun, right[0] - begun)) < SAME_WAY:
        reached = right[0]  # the student's steps have changed since they were judged
    model = network.model()
    model.parameters = start
    model.train(1, labels)
    trained, expected = model.parameters - begun, reached - begun
    length = float(np.linalg.norm(trained) * np.linalg.norm(expected))
    if np.linalg.norm(expected) < STILL or not np.isfinite(length):
        return  # the network does not move, which is reported above
    is_other_way = rate <= ORDERED and length > 0 and same_way(trained, expected) < SAME_WAY
    if is_other_way:  # train may not use loss
        own.parameters = start
        _, _, plain = own.epochs(math.copysign(1.0, measured.model_steps.rate), 1, labels)
        is_other_way = same_way(trained, plain - begun) < SAME_WAY
    if length == 0.0 or is_other_way:
        raise unmet(
            "One epoch of train changes the weights differently from your own steps.",
            hint="For each sample: y = model.forward(x), err = loss(y, label), model.backward(x, err).",
            seen=by_neuron(expected=expected, actual=trained, weights=begun, label=labels),
        )


def check_end(start: Array, end: Array, way: float) -> None:
    """Stop the case unless the weights have moved from the start to where right steps lead; way is epochs times rate."""
    expected = start[None].copy()
    oracle.losses(expected, RATE, math.ceil(way / RATE))
    if same_way(end - start, expected[0] - start) < SAME_WAY:
        sentence = "train does not end where your own steps lead from its start."
        raise unmet(sentence, hint=OWN, seen=by_neuron(expected=expected[0], actual=end, weights=start))


def answers_of_weights(network: Network, parameters: Array, answers: Array) -> Array:
    """Return the four answers that trained parameters give with a right forward, so that a table of answers does not pass.

    If forward is wrong, which loses points elsewhere, its own answers count.
    """
    return oracle.answers(parameters) if network.is_forward_right else answers


def check_samples_are_used(network: Network, rate: float, epochs: int, reached: Array) -> None:
    """Train on the opposite labels from a mirrored start: the same task, unless train ignores the samples.

    Half of the epochs show it, except at a fast rate. The start is another one than that of the first training, so right
    steps do not lead to the mirrored weights of that one.
    """
    epochs = epochs if rate > RATE else epochs // 2
    starts = starts_for(network.rng("samples"), rate, epochs)
    mirror = np.array([[1.0], [1.0], [-1.0]])
    mirrored = [start * mirror for start in starts]
    opposite = 1 - oracle.XOR_LABELS
    _, ended, _, answers = trained(network, mirrored, epochs, opposite)
    if not oracle.has_learned(answers, opposite):
        raise unmet(
            "train teaches XOR, but does not teach the opposite labels when the samples have them.",
            hint="Train the model that is passed in, with the samples that are passed in.",
            seen=shown.answers(answers, opposite, epochs=epochs),
        )
    again = ended * mirror
    if np.abs(again - reached).max() < SAME_END:
        sentence = "From two different starts train ends with the same weights: its steps do not lead there."
        raise unmet(sentence, hint=OWN, seen=by_neuron(actual=again))


def outputs_of(network: Network, model: ModelProxy, parameters: Array) -> Array:
    """Return a trained model's outputs on the unit square, computed from its parameters if forward is right."""
    return oracle.forward(parameters, square()) if network.is_forward_right else model.forward(square())


def judge(evidence: RunningCase, answers: Array, epochs: int) -> None:
    """Pass when all four answers are within 0.25 of their labels."""
    evidence.seen = shown.answers(answers, epochs=epochs)
    if not oracle.has_learned(answers):
        raise unmet(
            "After {epochs} epochs the answers to (0,0), (0,1), (1,0), (1,1) are {answers}.",
            epochs=epochs,
            answers=", ".join(show(answer) for answer in answers),
            hint="They should be near 0, 1, 1, 0. First fix what lost points above; if nothing did, check your learning rate and the number of epochs.",
            seen=evidence.seen,
        )
