"""Watches a submission train itself, and measures its network, its steps, and what it learns."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Literal

import msgspec
import numpy as np
from msgspec.structs import replace

from grader.lab import CaseStopped, FaultKind, Outcome, Student, Verdict, generator, measurement, not_gradable

from .. import oracle, probes
from ..confined.followers import LOOK
from ..driving.calls import Calls
from ..driving.layout import PROBE_W
from ..measured_steps import CALIBRATION_ERRORS, CALIBRATION_X, rate_of
from ..mistakes.diagnosis import Diagnosis, diagnose_forward, diagnose_loss
from ..mistakes.misconceptions import Rule as MistakeRule
from ..mistakes.rules import bounded_rate, neuron_rule
from ..oracle import Array
from ..starts import LEAST_WAY, MOST_EPOCHS, RATE, epochs_for, starts_for
from .finding import are_several, led, led_late, network_of, observed_network
from .neurons import is_returned_right, neuron_steps_of
from .observing import NUDGE, STOPPED, Discovered, ObservedNetwork, Observing, Trained, observing_of
from .parts import Parts, batch_parts_of, errors_of, is_returned, known_parts, parts_of, passed_error
from .recognised import recognised, skipped
from .refusals import grown, name_of
from .steps import STILL_CALLS, UNDECIDABLE, Slopes, StepRule, diagnosed, goes_along, is_still, rule_of

NEAR = 0.2  # a training is over once all errors of an epoch are below this
TRAIN_CALLS = 40_000  # limit for one training from a fixed start
EPOCHS, WAY = 800, 25.0  # expected epochs of a training, or epochs times rate
SLACK = 0.67  # share of the student's epochs in which right code would learn
HEAD_START = 3.0  # factor of the epochs of a training in which right code would not learn
STARTS = 3
LOOP_EPOCHS = 100  # of a training in the grader's own loop
SEEN = "observation"  # name among the values that suites share
LOOP_LOOK = 40  # steps of it between two looks at the answers
Forward = Callable[[Array, Array], Array]
Step = Callable[[Array, Array, Array], Array]


class TrainingEnd(msgspec.Struct, frozen=True, kw_only=True):
    """Result of a training from a fixed start: answers (4,), parameters on its path (n, 3, 3), squared errors, epochs.

    could: right code at this rate would learn XOR in SLACK times as many epochs. could_not: it would not learn XOR in
    HEAD_START times as many.
    """

    start: Array
    answers: Array
    path: Array
    squared: Array
    epochs: float
    could: bool
    could_not: bool

    @property
    def parameters(self) -> Array:
        """Parameters at the end, (3, 3)."""
        return np.asarray(self.path[-1])

    @property
    def has_learned(self) -> bool:
        """Whether the network answers XOR at the end."""
        return oracle.has_learned(self.answers)


class Observed(msgspec.Struct, frozen=True, kw_only=True, eq=False, dict=True):
    """What was seen of one submission's watched training, and measurements of it."""

    observing: Observing
    network: ObservedNetwork
    discovered: Discovered
    rule: StepRule
    slopes: Slopes
    movers: Sequence[tuple[str, str]]
    seed: int

    def code_of_step(self, *, is_own: bool) -> str:
        """Return which function of the submission makes a neuron's own step, or the network's; "" where that differs."""
        found = {mover[0 if is_own else 1] for mover in self.movers}
        return found.pop() if len(found) == 1 else ""

    @property
    def is_step_right(self) -> bool:
        """Whether every step is gradient descent, except for an order defect."""
        is_known = self.rule.loss == "squared" or self.output_error == "entropy"
        return self.rule.is_right and is_known and self.rule.idle is None

    @measurement
    def mistake(self) -> Diagnosis | None:
        """The mistake that explains wrong steps; None if no known one does."""
        if self.rule.is_right or not self.network.is_forward_right:
            return None
        with np.errstate(all="ignore"):
            found = skipped(self.rule) or diagnosed(self.rule) or recognised(self.rule)
        is_skipped = (
            self.skips_small and found is not None and found.id == "hidden_frozen"
        )  # the hidden neurons only seem frozen because their errors are small
        return None if found is None or is_skipped else found.among(self._still_when_idle(found)).settled(1.0)

    @property
    def idle(self) -> tuple[Array, int] | None:
        """Parameters and corner of a call that should have been followed by a step, also by the recognised mistake, or None."""
        idle, found = self.rule.idle, self.mistake
        is_explained = idle is not None and found is not None and found.rules[0] in self._still_when_idle(found)
        return None if is_explained else idle

    def _still_when_idle(self, found: Diagnosis) -> list[MistakeRule]:
        """Return the rules of a diagnosis that make no step either after the call that should have been followed by one."""
        idle = self.rule.idle
        if idle is None:
            return []
        parameters, corner = idle[0][None], [idle[1]]
        x = oracle.XOR_INPUTS[corner]
        err = self.rule.steps.labels[corner] - oracle.forward(parameters, x)
        return [item.rule for item in found.fits if not item.rule.step(parameters, x, err, item.rate, item.form).any()]

    @property
    def skips_small(self) -> bool:
        """Whether exactly the smallest errors of the network cause no step."""
        steps, rule = self.rule.steps, self.rule
        if rule.idle is None:
            return False
        left = [
            abs(steps.labels[corner] - oracle.forward(parameters, oracle.XOR_INPUTS[corner]))
            for parameters, corner in steps.idle
        ]
        stepped = np.abs(steps.off[np.arange(len(steps.last)), steps.last])
        return bool(max(left) < stepped.min())

    @property
    def is_negated(self) -> bool:
        """Whether the derivative has the wrong sign, or the output neuron's step, which gives the same numbers."""
        return self.mistake is not None and self.mistake.id == "derivative_negated"

    @measurement
    def parts(self) -> Parts | None:
        """Analysis of wrong steps by neuron; None if they are right or cannot be analysed."""
        rule = self.rule
        if rule.is_right or not self.network.is_forward_right or rule.steps.tolerance >= UNDECIDABLE:
            return None
        found = parts_of(rule) if rule.way == "online" else batch_parts_of(rule)
        if self.mistake is not None and self.mistake.is_in_neuron:
            return known_parts(rule, self.mistake, found, self.seed)
        return found

    @property
    def rate(self) -> float:
        """Rate of the recognised parts of the steps, or else the one that fits all steps best."""
        return self.rule.rate if self.parts is None or not self.parts.rate else self.parts.rate

    @measurement
    def is_in_returned_error(self) -> bool:
        """Whether the mistake is in the errors that a neuron returns, not in how the network uses them."""
        if self.mistake is not None and self.mistake.is_in_neuron:
            steps = neuron_steps_of(self.mistake, self.seed)
            return not is_returned_right(steps, neuron_rule(steps))
        return is_returned(self.rule, self.mistake)

    @measurement
    def forward_mistake(self) -> Diagnosis | None:
        """The mistake that explains a wrong forward."""
        return forward_mistake_of(self.network)

    @measurement
    def loss_mistake(self) -> Diagnosis | None:
        """The mistake that explains an error which is not a multiple of label - y, if the steps are right for that error."""
        if self.rule.loss != "free":
            return None
        with np.errstate(all="ignore"):
            return diagnose_loss(*errors_of(self.rule.steps))

    @measurement
    def output_error(self) -> Literal["entropy", "linear", "other", "doubt"]:
        """Error that the steps use, if they are not those of the squared error."""
        passed = passed_error(self.rule)
        if passed:
            return passed
        is_plain = self.rule.loss == "entropy" and not self.discovered.logs
        return "linear" if is_plain else "doubt"

    @measurement
    def learned(self) -> TrainingEnd:
        """The submission's own training from a fixed start, which is near enough for its rate and epochs.

        A training that learns is continued from set weights twice: where its weights moved furthest, and at a drawn call.
        If its later steps follow another rule than the first ones, it is not judged: CaseStopped.
        """
        learned = self._trained()
        if learned.has_learned and self.network.is_forward_right:  # slopes of another forward may have kinks there
            rng = generator(self.seed, "late")
            steps = np.abs(np.diff(learned.path, axis=0)).max((1, 2))
            if not all(
                self._goes_on(learned, place, rng) for place in {int(steps.argmax()), int(rng.integers(len(steps)))}
            ):
                raise other_steps()
        return learned

    def _goes_on(self, learned: TrainingEnd, place: int, rng: np.random.Generator) -> bool:
        """Return whether a training continued near a point of its path still follows the rule of its first steps.

        If it ends there, tries earlier points.
        """
        while True:
            at, near = max(1, place * LOOK), learned.path[place]
            network = led_late(self.observing, self.network, learned.start, at, near, rng)
            later = None if network is None else rule_of(network, self.slopes)
            if later is not None and later.steps.is_leap and not is_explained(later):
                later = None
            if later is not None or place == 0:
                return later is not None and self._is_like(later)
            place //= 2

    def _is_like(self, later: StepRule) -> bool:
        """Return whether later steps follow the rule of the first ones, possibly at another rate."""
        if self.rule.is_right:
            return (later.is_right and later.loss == self.rule.loss) or goes_along(later, self.rule)
        other = replace(self, rule=later)
        if self.mistake is not None:  # others may come near it late in a training
            found = other.mistake or diagnosed(later, self.mistake)
            return found is not None and not {*self.mistake.rules}.isdisjoint(found.rules)
        return other.parts is not None and bool(other.parts.are_weights_right.all())

    def _trained(self) -> TrainingEnd:
        rng = generator(self.seed, "train")
        rate = bounded_rate(self.rate / (1 - self.rule.momentum))  # the effective one
        wanted = max(EPOCHS, math.ceil(WAY / rate))
        starts = starts_for(rng, rate, wanted)[:STARTS]
        learned = self._learn(starts[0], rate)
        for start in starts[1:]:
            if learned.has_learned:
                return learned
            learned = self._learn(start, rate)
        if not learned.has_learned and not learned.could and rate * learned.epochs * SLACK > LEAST_WAY:
            epochs = min(MOST_EPOCHS, int(learned.epochs * SLACK))
            learned = self._learn(starts_for(rng, rate, epochs)[0], rate)
        return learned

    def _most(self, rate: float) -> int:
        """Return the limit of calls; with wrong steps, a training gets as many epochs as a train function would get."""
        if self.is_step_right:
            return TRAIN_CALLS
        steps = self.rule.steps
        examples = float((steps.weights(self.rule.way) > 0).sum())
        return min(TRAIN_CALLS, math.ceil(epochs_for(rate) * 4 / max(examples, 1.0) * steps.calls))

    @measurement
    def learned_by_mistake(self) -> Array | None:
        """The four answers after LOOP_EPOCHS in the grader's loop, or when it has learned, with the recognised mistake; else None."""
        if self.mistake is None:
            return None
        known, rate, form = self.mistake.rules[0], self.mistake.rates[0], self.mistake.forms[0]

        def step(parameters: Array, x: Array, err: Array) -> Array:
            return np.asarray(known.step(parameters, x, err, rate, form) * self.network.present)

        start = probes.start(generator(self.seed, "start"), 0)
        return trained(start, step, is_alone=is_timeless(known))

    def _learn(self, start: Array, rate: float) -> TrainingEnd:
        try:
            trained, path, squared = self.observing.train(self.network, start, NEAR, self._most(rate))
        except CaseStopped as stopped:
            if stopped.fault is None or stopped.fault.kind is not FaultKind.TIMEOUT:
                raise
            trained, path, squared = Trained(count=0), start[None], np.zeros(0)  # the program does not end
        steps = self.rule.steps
        examples = float((steps.weights(self.rule.way) > 0).sum())
        epochs = trained.count / steps.calls * examples / 4
        answers = self.network_answers(path[-1])
        return TrainingEnd(
            start=start,
            answers=answers,
            path=np.concatenate([start[None], path]),
            squared=squared,
            epochs=epochs,
            could=learns(start, SLACK * rate * epochs),
            could_not=trained.count > 0
            and not self.network.root.is_inline
            and not learns(start, HEAD_START * rate * (epochs + 1)),
        )

    def network_answers(self, parameters: Array) -> Array:
        """Return the four answers of the network with these parameters, computed with its own forward if that is wrong."""
        if self.network.is_forward_right:
            return oracle.answers(parameters)
        return np.asarray(own_outputs(self.observing, self.network, parameters[None])[0])


def trained(start: Array, step: Step, *, is_alone: bool) -> Array | None:
    """Return the four answers after LOOP_EPOCHS in the grader's loop from a start, or when they are right; None if nothing moves.

    is_alone: a step depends on the weights, the input and the error, not on earlier steps.
    """
    units = [(PROBE_W[None], CALIBRATION_X[None], np.array([err])) for err in CALIBRATION_ERRORS]
    path, inputs = [start], np.tile(oracle.XOR_INPUTS, (LOOP_EPOCHS, 1))
    errors: list[float] = []
    with np.errstate(all="ignore"):
        paces = (rate_of(step(*unit)[0, 2], oracle.step(*unit)[0, 2]) for unit in units)
        pace = next(filter(None, paces), 0.0)
        if not pace:
            return None
        for index, label in enumerate(np.tile(oracle.XOR_LABELS, LOOP_EPOCHS)):
            errors.append(RATE / pace * (label - float(oracle.forward(path[-1], inputs[index]))))
            since = index if is_alone else 0
            path.append(
                path[-1] + step(np.array(path[since:]), inputs[since : index + 1], np.array(errors[since:]))[-1]
            )
            if (index + 1) % LOOP_LOOK == 0 and oracle.has_learned(oracle.answers(path[-1])):
                break
        return oracle.answers(path[-1])


def is_timeless(rule: MistakeRule) -> bool:
    """Return whether a rule's steps do not depend on earlier steps."""
    rng = np.random.default_rng(0)
    parameters, x, err = rng.uniform(-1, 1, (2, 3, 3)), rng.uniform(-1, 1, (2, 2)), np.array([0.5, -0.3])
    with np.errstate(all="ignore"):
        both = rule.step(parameters, x, err)
        alone = [rule.step(parameters[n : n + 1], x[n : n + 1], err[n : n + 1])[0] for n in range(2)]
    return bool(np.allclose(both, alone, equal_nan=True))


def learns(start: Array, way: float) -> bool:
    """Return whether right code learns XOR from a start; way is the number of epochs times the rate."""
    network = start[None].copy()
    for _ in range(min(2_000, math.ceil(way / RATE))):
        oracle.losses(network, RATE, 1)
        if oracle.has_learned(oracle.answers(network)[0]):
            return True
    return oracle.has_learned(oracle.answers(network)[0])


def is_explained(rule: StepRule) -> bool:
    """Return whether all steps, including the first, are right or match a single known mistake."""
    if rule.is_right:
        return not rule.momentum
    with np.errstate(all="ignore"):
        return diagnosed(rule) is not None


def forward_mistake_of(network: ObservedNetwork) -> Diagnosis | None:
    """Return the mistake that explains a wrong forward, or None."""
    if network.is_forward_right:
        return None
    return diagnose_forward(network.answers.parameters, network.answers.x, network.answers.actual)


def slopes_of(observing: Observing, network: ObservedNetwork) -> list[Slopes]:
    """Return functions that compute the possible steps for an error of 1.

    For a right forward, the gradient. For a wrong one, the slopes of that forward, and if its mistake is known, the lecture's
    steps for its outputs.
    """
    if network.is_forward_right:
        return [lambda parameters: at_corners(oracle.forward, oracle.step, parameters)]
    found = forward_mistake_of(network)
    forms = range(3) if found is not None else ()
    return [
        lambda parameters: own_slopes(observing, network, parameters),
        *(functools.partial(lecture_slopes, found.rules[0], form) for form in forms if found is not None),
    ]


def at_corners(forward: Forward, step: Step, parameters: Array) -> tuple[Array, Array]:
    """Return outputs (n, 4) and steps for an error of 1 (n, 4, 3, 3) at the corners, for parameters (n, 3, 3)."""
    wide = np.broadcast_to(parameters[:, None], (len(parameters), 4, 3, 3))
    corners = np.broadcast_to(oracle.XOR_INPUTS, (len(parameters), 4, 2))
    return forward(wide, corners), step(wide, corners, np.ones((len(parameters), 4)))


def lecture_slopes(rule: MistakeRule, form: int, parameters: Array) -> tuple[Array, Array]:
    """Return the outputs of a wrong forward, and the lecture's steps for them; form as in Rule.lecture_steps."""
    return at_corners(rule.forward, lambda wide, x, _: list(rule.lecture_steps(wide, x))[form], parameters)


def own_slopes(observing: Observing, network: ObservedNetwork, parameters: Array) -> tuple[Array, Array]:
    """Return the outputs of the submission's own forward at the corners, (n, 4), and its slopes there, (n, 4, 3, 3)."""
    shifts = NUDGE * np.eye(9).reshape(9, 3, 3)
    moved = np.concatenate([parameters[:, None] + shifts, parameters[:, None] - shifts], axis=1)
    outputs = own_outputs(observing, network, moved.reshape(-1, 3, 3))
    outputs = outputs.reshape(len(parameters), 2, 9, 4)
    rates = ((outputs[:, 0] - outputs[:, 1]) / (2 * NUDGE)).transpose(0, 2, 1)
    return own_outputs(observing, network, parameters), rates.reshape(-1, 4, 3, 3)


def rule_with(network: ObservedNetwork, ways: Sequence[Slopes]) -> tuple[StepRule | None, Slopes]:
    """Return the first right rule of the steps that descends, with its slopes; else the first right one, or that for the first slopes."""
    found: list[tuple[StepRule | None, Slopes]] = []
    for slopes in ways:
        found.append((rule := rule_of(network, slopes), slopes))
        if rule is not None and rule.is_right and rule.rate > 0:
            return found[-1]
    return next((pair for pair in found if pair[0] is not None and pair[0].is_right), found[0])


def own_outputs(observing: Observing, network: ObservedNetwork, parameters: Array) -> Array:
    """Return the outputs of the student's forward at the corners, (m, 4), for parameters (m, 3, 3)."""
    present = [reference for reference in network.references if reference is not None]
    return observing.replay(network.root, present, network.stored(parameters), oracle.XOR_INPUTS)


def other_steps() -> CaseStopped:
    """Return the CaseStopped for a training that cannot be continued from set weights."""
    return not_gradable(
        "Starting from weights set by the grader, your training did not make the same steps as from its own weights."
    )


def observe(student: Student) -> Observed:
    """Watch a submission train itself; raise CaseStopped, with the reason, if it cannot be graded by that.

    Later calls get what the first one saw and measured, while the worker's process lives.
    """
    shared = student.shared
    seen: Observed | CaseStopped | None = shared.get(SEEN)
    if isinstance(seen, CaseStopped):
        raise CaseStopped(seen.outcome, seen.fault)
    if seen is None:
        try:
            with np.errstate(all="ignore"):
                seen = student.shared[SEEN] = _observe(observing_of(Calls(student)), student.seed)
        except CaseStopped as stopped:
            shared[SEEN] = stopped  # unless the process ended meanwhile: then this is not what the next one shares
            raise
    seen.observing.calls = Calls(student)
    return seen


def _observe(observing: Observing, seed: int) -> Observed:
    rng = generator(seed, "observed")
    try:
        network, discovered = observed_network(observing, rng)
    except CaseStopped as stopped:
        raise observing.killed or stopped from None

    rule, slopes = rule_with(network, slopes_of(observing, network))
    is_other_way = not (network.root.is_inline or network.root.taken)
    if (rule is None or not rule.is_right) and is_other_way:
        inline = network_of(observing, network.root.inline(), rng)  # forward may be called only occasionally
        if isinstance(inline, ObservedNetwork):
            other, others = rule_with(inline, slopes_of(observing, inline))
            if other is not None and (other.is_right or are_several(inline)):
                network, rule, slopes = inline, other, others
    is_stuck = rule is None and is_still(network)  # at least from its own start
    if rule is None and not is_stuck:
        too_large = grown(network.record, network.root)
        if too_large is not None:
            raise CaseStopped(Outcome(verdict=Verdict.NOT_GRADABLE, feedback=too_large))
        if discovered.problem:
            raise observing.killed or not_gradable(STOPPED, type=discovered.problem)
        raise observing.killed or not_gradable(
            "Your program ran, but its network made no steps that the grader could watch."
        )
    followed = led(observing, network, rng)
    again = None if followed is None else rule_of(followed, slopes)
    if is_stuck and again is None:
        raise not_gradable(
            "Your program calls {what} {count} times and more, and no weight moves: there are no steps to judge. Add each step to the weights themselves, not to a copy or a local name.",
            what=name_of(network.root), count=STILL_CALLS,
        )  # fmt: skip
    if followed is None or again is None or (again.steps.is_leap and not is_explained(again)):
        raise not_gradable("The grader set weights in your network, but could not follow your training from there.")
    if rule is not None and rule.is_right and not (again.is_right and again.loss == rule.loss):
        raise other_steps()
    return Observed(
        observing=observing, network=network, discovered=discovered, rule=again, slopes=slopes,
        movers=followed.record.movers, seed=seed,
    )  # fmt: skip
