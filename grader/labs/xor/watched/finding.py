"""Finds the network in a watched training: which call is its forward, and which numbers are its parameters.

For submissions that do not fit the contract's calls. The worker runs and replays the program and reports numbers; their
meaning is found here, from drawn weights and inputs. Nothing depends on names.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from grader.lab import CaseStopped, FaultKind, Message, Outcome, Verdict, say, show

from .. import oracle
from ..driving.calls import Path
from ..driving.layout import INFLUENCE_X, PATTERNS
from ..driving.network import NetworkAnswers
from ..oracle import Array
from .assigned import assigned
from .observing import (
    MOST_NUMBERS,
    NO_ANSWER,
    NO_CLASSES,
    NO_FORWARD,
    NO_WEIGHTS,
    STOPPED,
    Call,
    Discovered,
    ObservedNetwork,
    Observing,
    Record,
    Root,
    places_of,
)
from .refusals import (
    ALIVE,
    EARLY,
    FIRST,
    LEAST_NUMBERS,
    distinct_parameters,
    grown,
    name_of,
    steps_of_answers,
    width_of,
)

LEAST_CALLS = 4
OBJECTS = 2  # objects whose other methods are tried, because they are passed examples
TRIED = 10  # candidates for the network's forward
LEAST_SHARE = 0.75  # of the calls of a forward that pass examples of XOR
DELTA = 0.02
ALIKE = 0.02
LEAST_SLOPE = 1e-7  # of an output; below it, a number has no influence
SKIPPED = 3  # steps at the start that are ignored, because weights may be created or replaced there
STARTS = 16  # drawn weights to continue a training from; those furthest from its own weights are used
JOLT = (0.8, 1.25)  # factors of the weights that a training has later, to continue it from
CALMER = 0.98  # factor of its loss there
STAYS = 1e-5  # tolerance when weights that were set are read back
ROLE_TRIES = (False, False, True, True)  # is_alive of each try to find the roles: at any weights, or at those


# --- which call is the network's forward --------------------------------------------------------


def input_rows(indices: NDArray[np.int_], values: Array) -> NDArray[np.int_]:
    """Return the rows of indices, two of two or three, of x1 and x2, without a leading constant one."""
    first = values[:, indices[0].ravel()]
    is_constant = len(indices) == 3 and bool((np.abs(first) == 1).all() and np.ptp(first) == 0)
    return indices[1:] if is_constant else indices[:2]


def readings(shapes: Sequence[Sequence[int]], values: Array) -> Iterator[list[list[int]]]:
    """Yield the ways to read examples (rows, 2) from arguments of these shapes, as indices; values are (n, numbers)."""
    if sum(map(math.prod, shapes)) != values.shape[1]:
        return
    arguments = places_of(shapes)
    for shape, places in zip(shapes, arguments, strict=True):
        extents = [extent for extent in shape if extent != 1]
        if len(extents) == 1 and len(places) in (2, 3):
            yield input_rows(np.array(places)[:, None], values).T.tolist()
        elif len(extents) == 2 and len(places) <= MOST_NUMBERS:
            table = np.array(places).reshape(extents)
            yield from (input_rows(item, values).T.tolist() for item in (table.T, table) if len(item) in (2, 3))
    for argument, other in itertools.pairwise(arguments):
        if len(argument) == len(other) == 1:
            yield [[argument.start, other.start]]


def roots(discovered: Discovered, numbers: Sequence[Array], *, are_bounds: bool = False) -> list[Root]:
    """Return candidates for the network's forward, outermost first; with are_bounds, all calls that pass examples of XOR."""
    found: list[Root] = []
    for members in groups_of(discovered).values():
        calls = [discovered.calls[index] for index in members]
        middle = calls[len(calls) // 2]  # the first ones may create attributes
        alike = [index for index, call in zip(members, calls, strict=True) if is_like(call, middle, are_bounds)]
        if len(alike) >= (1 if are_bounds else LEAST_CALLS) and len(alike) >= LEAST_SHARE * len(members) - 1:
            middle = replace(middle, depth=min(call.depth for call in calls))
            found += candidates_in(discovered, middle, [numbers[index] for index in alike], are_bounds)
    return sorted(found, key=lambda root: (root.depth, -root.calls))


def groups_of(discovered: Discovered) -> dict[tuple[str, str, int], list[int]]:
    """Return the indices of the calls, by class, method and object."""
    groups: dict[tuple[str, str, int], list[int]] = {}
    for index, call in enumerate(discovered.calls):
        groups.setdefault((call.cls, call.method, call.object), []).append(index)
    return groups


def is_like(call: Call, first: Call, is_bound: bool) -> bool:
    """Return whether two calls have the same argument shapes and return equally many numbers, for a forward at least one."""
    is_answered = is_bound or first.returned == call.returned > 0
    are_same = call.inside == first.inside and (is_bound or call.answers == first.answers)
    return call.shapes == first.shapes and call.passed == first.passed and is_answered and are_same


def candidates_in(discovered: Discovered, first: Call, numbers: Sequence[Array], is_bound: bool) -> Iterator[Root]:
    """Yield the ways in which calls like `first`, with these numbers, may be the network's forward."""
    values = np.array([row[: first.passed] for row in numbers])
    for slots in readings(first.shapes, values):
        rows = values[:, np.array(slots)]
        are_corners = ((rows == 0) | (rows == 1)).all((1, 2))
        if are_corners.mean() < LEAST_SHARE or len(np.unique(rows[are_corners].reshape(-1, 2), axis=0)) < 3:
            continue
        for answer, out in [([], [])] if is_bound else outputs_of(discovered, first, numbers, len(slots)):
            root = Root(
                cls=first.cls, method=first.method, object=first.object, depth=first.depth, calls=len(values),
                shapes=first.shapes, numbers=values[0].tolist(), slots=slots, outputs=out, answer=answer,
            )  # fmt: skip
            holders = [path for path, _ in discovered.layout(first.inside)]
            if len(holders) in (0, len(first.shapes)):
                yield root.within(holders) if holders else root


def outputs_of(
    discovered: Discovered, first: Call, numbers: Sequence[Array], count: int
) -> Iterator[tuple[Path, list[int]]]:
    """Yield where the outputs for `count` examples may be: a holder in the object, or [] for the result, and indices there."""
    if first.answers < 0:
        ends = {tuple(range(count)), tuple(range(first.returned - count, first.returned))}
        yield from (([], list(item)) for item in sorted(ends) if first.returned >= count)
        return
    layout = discovered.layout(first.answers)
    stops = np.cumsum([size for _, size in layout])
    after = np.array([row[first.passed :] for row in numbers])
    for (path, size), end in sorted(zip(layout, stops.tolist(), strict=True), key=lambda pair: len(pair[0][0])):
        held = after[:, end - size : end]
        if size == count and held.shape[1] == count and ((held > 0) & (held < 1)).all() and np.ptp(held, axis=0).any():
            yield path, list(range(count))


# --- which number is which parameter ------------------------------------------------------------


Replay = Callable[[Array, Array], Array]


def slopes(replay: Replay, base: Array, x: Array) -> Array:
    """Return the derivatives of the outputs, (k, q), by central differences at parameters (k,)."""
    shifts = DELTA * np.eye(len(base))
    outputs = replay(np.vstack([base + shifts, base - shifts]), x)
    return np.asarray((outputs[: len(base)] - outputs[len(base) :]) / (2 * DELTA))


def is_alike(array: Array, other: Array) -> bool:
    """Return whether two sets of slopes agree."""
    return bool(np.abs(array - other).max() < ALIKE * max(np.abs(array).max(), LEAST_SLOPE))


def roles(
    replay: Replay, count: int, rng: np.random.Generator, is_alive: bool
) -> tuple[list[int | None], Array] | None:
    """Return the number of each of the nine parameters, and the mask of signs, or None if the network is not 2-2-1.

    is_alive: use weights at which no ReLU is dead.
    """
    base = rng.uniform(*ALIVE, count) if is_alive else rng.uniform(0.5, 1.3, count) * rng.choice([-1.0, 1.0], count)
    x = rng.uniform(0.5, 1.4, (6, 2)) * rng.choice([-1.0, 1.0], (6, 2))
    special = np.abs(slopes(replay, base, INFLUENCE_X[:, :2])) > LEAST_SLOPE
    kinds = [[index for index in range(count) if tuple(special[index]) == pattern] for pattern in PATTERNS]
    firsts, seconds, others = kinds
    if len(firsts) != 2 or len(seconds) != 2 or len(others) + 4 != count:
        return None
    rates = slopes(replay, base, x)
    through = [rates[first] / x[:, 0] for first in firsts]  # derivative of the output by each hidden sum
    order: list[int | None] = []
    signs = np.ones((3, 3))
    left = list(others)
    for neuron, rate in enumerate(through):
        mates = [second for second in seconds if is_alike(rate, rates[second] / x[:, 1])]
        biases = [(item, sign) for item in left for sign in (1, -1) if is_alike(rate, sign * rates[item])]
        if len(mates) != 1 or len(biases) > 1:
            return None
        order += [firsts[neuron], mates[0], biases[0][0] if biases else None]
        if biases:
            left.remove(biases[0][0])
            signs[neuron, 2] = biases[0][1]
    silenced = {item: silenced_neurons(replay, base, item, firsts, x) for item in left}
    weights = [
        [item for item, neurons in silenced.items() if neurons == pattern] for pattern in ((True, False), (False, True))
    ]
    rest = [item for item, neurons in silenced.items() if neurons == (False, False)]
    if [len(weight) for weight in weights] != [1, 1] or len(rest) > 1:
        return None
    if rest:
        signs[2, 2] = 1 if (rates[rest[0]] * rates[weights[0][0]]).sum() > 0 else -1
    return [*order, weights[0][0], weights[1][0], rest[0] if rest else None], signs


def silenced_neurons(replay: Replay, base: Array, number: int, firsts: Sequence[int], x: Array) -> tuple[bool, ...]:
    """Return for each hidden neuron whether its weight stops mattering while a number is 0."""
    without = base.copy()
    without[number] = 0.0
    return tuple(bool(np.abs(slopes(replay, without, x)[first]).max() < LEAST_SLOPE) for first in firsts)


# --- the network --------------------------------------------------------------------------------


def network_of(observing: Observing, root: Root, rng: np.random.Generator) -> ObservedNetwork | Message | None:
    """Return the network whose forward is this call, a message if it is a different network, or None if it is none."""
    record = observing.record(root)
    if record is None or len(record.before) <= FIRST:
        return None
    early = slice(FIRST, FIRST + EARLY)  # lazily created weights exist, and wrong steps have not diverged yet
    before, after = record.before[early], record.after[early]
    known = [index for index in range(len(record.references)) if np.isfinite(before[:, index]).all()]
    if not known:
        return grown(record, root)
    places = [record.references[index] for index in known]
    moved, changed = observing.influence(root, places, before[0, known])
    if moved.any(1).sum() < 9:
        again, linked = observing.influence(root, places, rng.uniform(*ALIVE, len(places)))
        moved, changed = moved | again, changed | linked
    own = [known[index] for index in distinct_parameters(moved, changed)]
    is_pure = root.bound is not None or bool((before[:, own] == after[:, own]).all())
    if not is_pure:
        return None
    if not LEAST_NUMBERS <= len(own) <= 9:
        odd = width_of(observing, root, places, rng) or steps_of_answers(observing, root, places, rng)
        return odd or (grown(record, root) if len(own) < LEAST_NUMBERS else None)
    references = [record.references[index] for index in own]

    def replay(parameters: Array, x: Array) -> Array:
        return observing.replay(root, references, parameters, x)

    found = next(filter(None, (roles(replay, len(own), rng, is_alive) for is_alive in ROLE_TRIES)), None)
    found = found or assigned(replay, len(own), rng)
    if found is None:
        is_odd = say(
            "{count} numbers move the answer of {what}, but not as the weights of three neurons do that each add up their weighted inputs and a bias.",
            what=name_of(root),
            count=len(own),
        )
        return steps_of_answers(observing, root, places, rng) or is_odd
    order, mask = found
    network = ObservedNetwork(
        root=root,
        record=record,
        references=[None if item is None else references[item] for item in order],
        mask=mask,
        answers=answers_of(replay, order, mask, rng),
    )
    if not network.is_forward_right and (mask < 0).any():  # the sign of a bias shows in a right forward only
        mask = np.ones((3, 3))
        return replace(network, mask=mask, answers=answers_of(replay, order, mask, rng))
    return network


def led(observing: Observing, network: ObservedNetwork, rng: np.random.Generator) -> ObservedNetwork | None:
    """Return the network with a record of its training continued from drawn weights, or None if these are overwritten."""
    record, parameters = network.record, network.parameters(network.record.before)
    with np.errstate(invalid="ignore"):
        moves = np.flatnonzero((np.abs(np.diff(parameters, axis=0)) > 0).any((1, 2)))
    at = int(moves[SKIPPED - 1]) + 1 if len(moves) > SKIPPED else 0
    if network.root.is_inline:  # weights are set before a forward, not in the middle of a step
        site, depth = whole(record, at)
        at += int(np.flatnonzero(record.sites[at:] == site if depth is None else record.depths[at:] == depth)[0])
    drawn = rng.uniform(0.3, 1.2, (STARTS, 3, 3)) * rng.choice([-1.0, 1.0], (STARTS, 3, 3)) * network.present
    drawn[:, 2, 1] = -np.sign(drawn[:, 2, 0]) * np.abs(drawn[:, 2, 1])  # otherwise a lost sign would not show
    if not network.is_forward_right:  # a ReLU would be dead at some of the drawn weights
        drawn[:, :2] = np.abs(drawn[:, :2])
    start = drawn[np.nan_to_num(np.abs(drawn - parameters[at])).sum((1, 2)).argmax()]
    return led_on(observing, network, start, at)


def are_several(network: ObservedNetwork) -> bool:
    """Return whether an inline record has several steps, of all parameters that change, between two calls of forward."""
    record = network.record
    parameters = network.parameters(record.before)
    changed = np.abs(np.diff(parameters.reshape(-1, 9), axis=0)) > 0  # False where they are no numbers
    moved = np.asarray(changed[:, changed.any(0)].all(1) & changed.any(1))
    is_forward = record.sites[1:] == 1
    return bool(np.bincount(np.cumsum(is_forward) - is_forward, moved).max(initial=0) > 1)


def whole(record: Record, at: int) -> tuple[int | None, int | None]:
    """Return the site, or the depth, of calls of an inline record that are not in the middle of a step."""
    return (1, None) if (record.sites[at:] == 1).any() else (None, int(record.depths[at:].min()))


def led_late(
    observing: Observing, network: ObservedNetwork, begin: Array, at: int, near: Array, rng: np.random.Generator
) -> ObservedNetwork | None:
    """Return the network with a record of its training continued later: from weights near those after `at` calls, `near`.

    The training begins with the weights `begin`. Of the drawn weights, those with a slightly lower loss are used, so that
    a training that stops when its loss rises continues.
    """
    drawn = near * rng.uniform(*JOLT, (STARTS, 3, 3))
    better = CALMER * float(np.square(oracle.XOR_LABELS - oracle.answers(near)).sum())
    losses = np.array([np.square(oracle.XOR_LABELS - oracle.answers(item)).sum() for item in drawn])
    site, depth = whole(network.record, 0) if network.root.is_inline else (None, None)
    start = drawn[np.abs(losses - better).argmin()]
    return led_on(observing, network, start, at, begin=begin, site=site, depth=depth)


def led_on(
    observing: Observing,
    network: ObservedNetwork,
    start: Array,
    at: int,
    begin: Array | None = None,
    site: int | None = None,
    depth: int | None = None,
) -> ObservedNetwork | None:
    """Return the network with a record of its training continued from `start`, set at call number `at`.

    None if the weights are overwritten.
    """
    references = [reference for reference in network.references if reference is not None]
    begun = None if begin is None else network.stored(begin)
    followed = observing.record(
        network.root, network.stored(start), begun, at=at, references=references, site=site, depth=depth
    )
    if followed is None or any(reference not in followed.references for reference in references):
        return None
    found = replace(network, record=followed)
    return found if np.abs(found.parameters(followed.before[:1])[0] - start).max() < STAYS else None


def answers_of(replay: Replay, order: list[int | None], mask: Array, rng: np.random.Generator) -> NetworkAnswers:
    """Return the outputs of a network with these numbers of the nine parameters, and this mask, beside the oracle's."""
    numbers = [number for number in order if number is not None]
    present = np.array([number is not None for number in order]).reshape(3, 3)

    def forward(drawn: Array, x: Array) -> Array:
        values = np.zeros((len(drawn), len(numbers)))
        values[:, numbers] = (drawn * mask)[:, present]
        return replay(values, x)

    return NetworkAnswers.drawn(rng, present, forward)


def observed_network(observing: Observing, rng: np.random.Generator) -> tuple[ObservedNetwork, Discovered]:
    """Run the submission's training twice and return the network that it trains; raise CaseStopped if none is found."""
    discovered, numbers = observing.discovered
    found, why = first_network(observing, roots(discovered, numbers)[:TRIED], rng)
    if found is None:  # forward may only be called after the training
        bounds = roots(discovered, numbers, are_bounds=True)
        found, other = first_network(observing, uncalled(observing, bounds), rng)
        why = why or other
    if found is None:
        reason = why or why_unseen(discovered, numbers)
        raise CaseStopped(Outcome(verdict=Verdict.NOT_GRADABLE, feedback=reason))
    return found, discovered


def why_unseen(discovered: Discovered, numbers: Sequence[Array]) -> Message:
    """Return the reason why no call can be the network's forward."""
    inputs = other_inputs(discovered, numbers)
    if inputs is not None:
        return say(
            "Your inputs are {low} and {high}; the grader watches a training on the inputs 0 and 1.",
            low=show(inputs[0]),
            high=show(inputs[1]),
        )
    answering, taking = roots(discovered, numbers), roots(discovered, numbers, are_bounds=True)
    is_soon = not answering or answering[0].calls <= FIRST + EARLY
    if discovered.problem and is_soon:
        return say(STOPPED, type=discovered.problem)
    if answering:
        return say(NO_WEIGHTS, what=name_of(answering[0]))
    if taking:
        return say(NO_ANSWER, what=name_of(taking[0]))
    return NO_FORWARD if discovered.classes else NO_CLASSES


def other_inputs(discovered: Discovered, numbers: Sequence[Array]) -> tuple[float, float] | None:
    """Return the two numbers that the program passes as inputs instead of 0 and 1, or None."""
    for members in groups_of(discovered).values():
        first = discovered.calls[members[0]]
        alike = [index for index in members if is_like(discovered.calls[index], first, is_bound=True)]
        passed = np.array([numbers[index][: first.passed] for index in alike])
        for slots in readings(first.shapes, passed):
            rows = passed[:, np.array(slots)].reshape(-1, 2)
            values = np.unique(rows)
            if len(values) == 2 and set(values) != {0.0, 1.0} and len(np.unique(rows, axis=0)) >= 3:
                return float(values[0]), float(values[1])
    return None


def uncalled(observing: Observing, bounds: Sequence[Root]) -> Iterator[Root]:
    """Yield candidates for a forward that the training does not call: other methods of objects that are passed examples."""
    objects: set[tuple[str, int]] = set()
    for bound in bounds:
        if (bound.cls, bound.object) in objects or len(objects) >= OBJECTS:
            continue
        objects.add((bound.cls, bound.object))
        is_called_often = bound.calls >= LEAST_CALLS
        if observing.record(bound if is_called_often else bound.inline()) is None:
            continue
        is_batch = sum(map(len, bound.slots)) > 2
        alone = replace(bound, shapes=[[2]], numbers=[0.0, 0.0], slots=[[0, 1]])
        ways = [argument_of(bound)] if len(bound.slots) == 1 else [argument_of(bound), alone]
        for way, name in itertools.product(ways, observing.methods(1 if is_batch else len(ways[0].shapes))):
            if name != bound.method:
                root = replace(way, method=name, outputs=list(range(len(way.slots))), bound=bound)
                yield from (root, root.inline()) if is_called_often else (root.inline(),)


def argument_of(root: Root) -> Root:
    """Return a call with only the arguments that hold examples."""
    places = places_of(root.shapes)
    numbers = [root.numbers[place] for n in root.used for place in places[n]]
    slots = (np.array(root.slots) - places[root.used[0]].start).tolist()
    return replace(root, shapes=[root.shapes[n] for n in root.used], numbers=numbers, slots=slots)


def first_network(
    observing: Observing, found: Iterable[Root], rng: np.random.Generator
) -> tuple[ObservedNetwork | None, Message | None]:
    """Return the first network whose forward is one of these calls, or None and the reason if a call was nearly one."""
    why = None
    for root in itertools.chain.from_iterable((item, *item.taking()) for item in found):
        try:
            network = network_of(observing, root, rng)
        except CaseStopped as stopped:
            if stopped.fault is not None and stopped.fault.kind not in (FaultKind.RAISED, FaultKind.UNHANDLED):
                raise
            continue
        if isinstance(network, ObservedNetwork):
            return network, None
        why = why or network
    return None, why
