"""Finds out how a student's network is stored and called, by changing numbers and watching the output.

Conventions never cost points: which attribute is the bias, whether x is a list or a column, which neuron comes first.
Nothing depends on the names of attributes.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from grader.lab import CaseStopped, FaultKind, Remote, blocked, is_close, measurement, not_gradable, side_by_side, unmet

from .. import oracle
from ..oracle import Array
from .calls import Calls, FoundValue, ObjectDescription, Path, Reference

FORMS = ("vector", "list", "tuple", "row", "column")
PROBE_X = np.array([[0.6, -1.4], [-0.35, 0.8]])
PROBE_W = np.array([[0.7, -1.2, 0.4], [-0.9, 0.5, 1.1], [1.3, -0.8, -0.6]])
TRACED_ERRORS = (0.25, 0.35)
FORWARD_ATOL = 1e-5
STEP_RTOL = 0.1
HOLDER_SIZE = 64
TEMPERINGS = (1 / 20, -1.0)  # large weights hide each other's influence; a dead neuron may revive with the other sign

# Inputs (first, second, constant one) that show the role of a number: the pattern of rows at which it moves the output is
# that of weight 1, weight 2 or the bias.
INFLUENCE_X = np.array([[0.8, 0.0, 1.0], [0.0, -0.7, 1.0], [0.0, 0.0, 1.0], [0.8, -0.7, 1.0]])
PATTERNS = ((True, False, False, True), (False, True, False, True), (True, True, True, True))


class Wiring(msgspec.Struct, frozen=True, kw_only=True):
    """Connections of the three neurons: their paths (hidden 1, hidden 2, output) and input slots.

    slots[n] has for each number that neuron n receives 0 or 1, for its first or second input, or -1 for a constant one.
    mask (3, 3) has the signs that convert between the student's parameters and the oracle's: -1 for a bias that is
    subtracted, because the neuron's constant is minus one. form is the container in which the model takes x.
    """

    form: str
    mask: Array
    paths: list[Path]
    slots: list[list[int]]


def is_same(array: Array, other: Array | float) -> NDArray[np.bool_]:
    """Return for each number whether it equals the other one, up to 24 bits of precision."""
    return np.asarray(np.isclose(array, other, rtol=1e-6, atol=0))


def holders_of(described: ObjectDescription) -> list[FoundValue]:
    """Return the holders inside an object that have at most HOLDER_SIZE numbers."""
    return [item for item in described.found if item.kind and item.size <= HOLDER_SIZE]


class Layout:
    """Layout of one submission's network: where it keeps its neurons and parameters."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._places: dict[str, list[Reference | None]] = {}  # places of the nine parameters, by the form of x

    @measurement
    def parts(self) -> list[FoundValue]:
        """The three separate Neuron objects inside a fresh model; CaseStopped if there are not three."""
        model = self._calls.student.new_later("Model")
        described = self._calls.described(model)
        neurons = [
            item
            for item in described.found
            if item.path and (item.cls == "Neuron" or "Neuron" in described.classes.get(item.cls, ()))
        ]
        if len(neurons) == 3:
            return neurons
        holders = holders_of(described)
        are_layers = not neurons or any(holder.size > 3 for holder in holders)
        if len(neurons) in (0, 2) and are_layers and self._moving(model, holders) in (6, 9):
            raise not_gradable(
                "Your model has {count} Neuron objects and stores its numbers elsewhere; the grader needs three Neurons in the model's attributes.",
                count=len(neurons),
            )
        raise unmet(
            "Your model has {count} separate Neuron objects; the lab requires three.",
            count=len(neurons),
            hint="Create two hidden neurons and one output neuron, each with its own Neuron(...) call, and store them in attributes of the model.",
            seen=side_by_side(expected=3, actual=len(neurons)),
        )

    def _moving(self, model: Remote, holders: Sequence[FoundValue]) -> int:
        """Return how many numbers inside a model affect its forward."""
        references = [(holder.path, index) for holder in holders for index in range(holder.size)]
        try:
            numbers = self._calls.ask(
                "influence", "Model.forward", [model], {"outputs": (2, None), "moved": (len(references), 2)},
                form="vector", references=references, x=PROBE_X,
            )  # fmt: skip
        except CaseStopped:
            return 0
        if not references or numbers["outputs"].shape[1] != 1:
            return 0
        return int((np.abs(numbers["moved"] - numbers["outputs"][:, 0]).max(1) > 0).sum())

    @measurement
    def wiring(self) -> Wiring:
        """Connections of the neurons, with the container for x in which the network works best."""
        _ = self.parts
        fallback: Wiring | None = None
        stops: list[CaseStopped] = []
        for form in FORMS:
            try:
                wiring = self._wiring(form)
                fallback = fallback or wiring
                if self._works(wiring):
                    return wiring
            except CaseStopped as stop:
                stops.append(stop)
                if stop.fault is not None and stop.fault.kind is not FaultKind.RAISED:
                    break
        if fallback is None:
            raise stops[0]
        return fallback

    def _wiring(self, form: str) -> Wiring:
        paths = [part.path for part in self.parts]
        calls = [self.trace(self._calls.student.new_later("Model"), form, x) for x in PROBE_X]
        received = [{int(row[0]): row for row in rows} for rows in calls]
        missing = [part for part in range(3) if not all(part in rows for rows in received)]
        if missing:
            raise self._uncalled([paths[part] for part in missing], form)
        slots = [self._slots([rows[part] for rows in received], received) for part in range(3)]
        readers = [part for part in range(3) if sorted(k for n, k in slots[part] if n == "x") == [0, 1]]
        last = [part for part in range(3) if any(n == "h" for n, _ in slots[part])]
        if len(readers) == 2 and len(last) == 1 and last[0] not in readers:
            fed = [k for n, k in slots[last[0]] if n == "h"]
            if sorted(fed) == sorted(readers):
                order = (fed[0], fed[1], last[0])
                signs = [next((k for n, k in slots[part] if n == "one"), 1) for part in order]
                numbered = [
                    [-1 if n == "one" else fed.index(k) if n == "h" else k for n, k in slots[part]] for part in order
                ]
                mask = np.array([[1.0, 1.0, sign] for sign in signs])
                return Wiring(form=form, mask=mask, paths=[paths[part] for part in order], slots=numbered)
        raise unmet(
            "The neurons are not connected 2-2-1: {readers} of the three read both inputs, and {fed} hidden outputs reach the last one.",
            readers=len(readers),
            fed=len({k for part in last for n, k in slots[part] if n == "h"}),
            hint="Two neurons receive x; the third receives the outputs of these two, each once.",
        )

    def trace(self, model: Remote, form: str, x: Array = PROBE_X[0]) -> Array:
        """Run a model's forward and return the calls of its neurons' forward; rows as in confined/calls.py, `trace`.

        Until the next case, the worker remembers how each neuron takes its inputs.
        """
        paths = [part.path for part in self.parts]
        shapes = {"outputs": (1, None), "calls": (None, 11)}
        numbers = self._calls.ask("trace", "Model.forward", [model], shapes, form=form, parts=paths, x=x[None, :])
        calls = numbers["calls"]
        if not (np.isfinite(calls[:, (0, 2)]).all() and (calls[:, 2] <= 8).all()):
            raise numbers.answer.broken()
        return calls

    @measurement
    def way_back(self) -> list[tuple[int, int]] | None:
        """Roles of the numbers that the model passes to backward of its first hidden neuron: (place, role) pairs.

        Roles are 0 and 1 for the inputs and -1 for the error. None if the call is backward(x, err), or was not seen.
        """
        wiring = self.wiring
        seen: list[Array] = []
        try:
            for err in TRACED_ERRORS:
                seen += [row for row in self.trace_backward(err) if self.parts[int(row[0])].path == wiring.paths[0]]
        except CaseStopped:
            return None
        if len(seen) != len(TRACED_ERRORS) or seen[0][1] != seen[1][1]:
            return None
        left, right = (row[2 : 2 + int(row[1])] for row in seen)
        inputs = [
            (place, int(column)) for column in (0, 1) for place in np.flatnonzero(is_same(left, PROBE_X[0, column]))
        ]
        errors = np.flatnonzero(~is_same(left, right))
        if not inputs and is_same(left[:2], oracle.hidden(PROBE_W, PROBE_X[0])).all():
            return None  # hidden outputs in the place of x
        if len(errors) != 1 or len(inputs) not in (0, 2) or (inputs and {column for _, column in inputs} != {0, 1}):
            return None
        places = [(int(place), column) for place, column in (*inputs, (errors[0], -1))]
        slots = wiring.slots[0]  # x as forward gets it, possibly with a constant one, then the error
        plain = [(place, column) for place, column in enumerate(slots) if column >= 0] + [(len(slots), -1)]
        return None if len(left) == len(slots) + 1 and sorted(places) == plain else places

    def trace_backward(self, err: float = TRACED_ERRORS[0]) -> Array:
        """Run one step of a fresh model with known parameters and return the calls of its neurons' backward.

        Rows as in confined/calls.py, `trace_backward`.
        """
        wiring, model = self.wiring, self._calls.student.new_later("Model")
        present = [reference for reference in self.references if reference is not None]
        values = (PROBE_W * wiring.mask).ravel()[[reference is not None for reference in self.references]]
        numbers = self._calls.ask(
            "trace_backward", "Model.backward", [model], {"calls": (None, 10)}, form=wiring.form,
            parts=[part.path for part in self.parts], x=PROBE_X[0], err=err, references=present, parameters=values,
        )  # fmt: skip
        calls = numbers["calls"]
        if not (np.isin(calls[:, 0], range(3)).all() and (calls[:, 1] >= 0).all()):
            raise numbers.answer.broken()
        return calls[calls[:, 1] <= 8]

    def _uncalled(self, missing: Sequence[Path], form: str) -> CaseStopped:
        """Return the CaseStopped for neurons whose forward was not called."""
        model = self._calls.student.new_later("Model")
        numbers = self._calls.ask("forward", "Model.forward", [model], {"outputs": (2, None)}, form=form, x=PROBE_X)
        self._calls.single(numbers, "Model.forward")
        holders = holders_of(self._calls.described(model))
        if self._moving(model, holders) == 0:
            return unmet(
                "Model.forward gives the same answer for all weights.",
                hint="The answer must be computed by the three neurons from their weights.",
            )
        inside = [holder for holder in holders if any(holder.path[: len(path)] == path for path in missing)]
        if self._moving(model, inside):
            return not_gradable(
                "Model.forward uses {count} of its neurons without calling their forward, so the grader cannot watch them.",
                count=len(missing),
            )
        return unmet(
            "Model.forward does not call Neuron.forward of {count} of the three neurons.",
            count=len(missing),
            hint="Pass x through both hidden neurons and their outputs through the third.",
        )

    def _slots(self, rows: Sequence[Array], received: Sequence[dict[int, Array]]) -> list[tuple[str, int]]:
        """Return the source of each number that a neuron received in both probes."""
        found: list[tuple[str, int]] = []
        for column in range(3, 3 + int(min(row[2] for row in rows))):
            values = np.array([row[column] for row in rows])
            origin: tuple[str, int] = ("other", 0)
            for component in range(2):
                if np.allclose(values, PROBE_X[:, component], atol=1e-6):
                    origin = ("x", component)
            sources = [
                ("h", part)
                for part in range(3)
                if rows[0][0] != part
                and np.allclose(values, [observed[part][1] for observed in received], atol=1e-9, rtol=1e-6)
            ]
            if sources:  # neurons with equal initial weights cannot be distinguished: take them in order
                origin = next((source for source in sources if source not in found), sources[0])
            has_room = not sources or rows[0][2] > 2  # beside two outputs that are always 1
            if has_room and values[0] == values[1] and abs(values[0]) == 1.0:
                origin = ("one", int(values[0]))
            found.append(origin)
        return found

    def _works(self, wiring: Wiring) -> bool:
        """Return whether, with x in this form, forward is right and a step follows the gradient."""
        references = self._find(wiring)
        present = np.array([reference is not None for reference in references]).reshape(3, 3)
        model = self._calls.student.new_later("Model")
        weights = np.broadcast_to(PROBE_W * wiring.mask, (len(PROBE_X), 3, 3))
        errors = np.full(len(PROBE_X), 0.25)
        steps = self._calls.steps("Model", [model] * len(PROBE_X), wiring.form, references, weights, PROBE_X, errors)
        for x, step in zip(PROBE_X, steps, strict=True):
            before, change = step.before * wiring.mask, step.change * wiring.mask
            expected = np.where(present, oracle.step(before, x, np.array(0.25)), 0.0)
            rate = float((change * expected).sum() / (expected**2).sum())
            off = np.abs(change - rate * expected).max()
            if not is_close(step.output, float(oracle.forward(before, x)), FORWARD_ATOL):
                return False
            if not off <= STEP_RTOL * abs(rate) * np.abs(expected).max():
                return False
        return True

    def _find(self, wiring: Wiring) -> list[Reference | None]:
        """Return the nine parameters inside a fresh model: numbers that affect the output and change in a step."""
        if wiring.form not in self._places:
            self._places[wiring.form] = self._look_for(wiring)
        return self._places[wiring.form]

    def _look_for(self, wiring: Wiring) -> list[Reference | None]:
        model = self._calls.student.new_later("Model")
        self.trace(model, wiring.form)
        holders = holders_of(self._calls.described(model))
        roles = [role for some in self._candidates(wiring, model, holders) for role in some]
        if any(len(candidates) > 1 for candidates in roles):
            every = [candidate for candidates in roles for candidate in candidates]
            learning = self._learning(wiring, every)
            roles = [
                [candidate for candidate in candidates if learning[str(candidate)]] or candidates
                for candidates in roles
            ]
        return [candidates[0] if candidates else None for candidates in roles]

    def _learning(self, wiring: Wiring, references: list[Reference]) -> dict[str, bool]:
        """Return for each number whether a step of a fresh model changes it."""
        model = self._calls.student.new_later("Model")
        shapes = {"values": (len(references),)}
        before = self._calls.ask("read", "Model", [model], shapes, references=references)["values"]
        try:
            self._calls.steps("Model", [model], wiring.form, [], np.zeros((1, 0)), PROBE_X[:1], np.array([0.25]))
        except CaseStopped as stopped:
            if stopped.fault is not None and stopped.fault.kind is not FaultKind.RAISED:
                raise
            return dict.fromkeys(map(str, references), False)
        after = self._calls.ask("read", "Model", [model], shapes, references=references)["values"]
        return {str(reference): bool(moved) for reference, moved in zip(references, before != after, strict=True)}

    def _candidates(self, wiring: Wiring, model: Remote, holders: Sequence[FoundValue]) -> list[list[list[Reference]]]:
        """Return the candidates for weight 1, weight 2 and bias of each neuron, as paths in the model."""
        local = [self._places_in(part, wiring, model, holders) for part in range(3)]
        known = next((places for places in local if places is not None), None)
        if known is None:
            raise blocked("forward.neuron")
        return [
            [[([*path, *place], index) for place, index in candidates] for candidates in places or known]
            for path, places in zip(wiring.paths, local, strict=True)
        ]

    def _places_in(
        self, part: int, wiring: Wiring, model: Remote, holders: Sequence[FoundValue]
    ) -> list[list[Reference]] | None:
        """Return the candidates inside one neuron, or None if its output never changes; it then stores them as others do."""
        path = wiring.paths[part]
        inside = [holder for holder in holders if holder.path[: len(path)] == path]
        local = [(item.path[len(path) :], index) for item in inside for index in range(item.size)]
        number = [item.path for item in self.parts].index(path)
        return self._roles(model.part(path), f"seen:{number}", wiring.slots[part], local)

    def _roles(
        self, neuron: Remote, form: str, slots: Sequence[int], references: list[Reference]
    ) -> list[list[Reference]] | None:
        """Return the candidates for weight 1, weight 2 and bias by their influence on the output.

        The list for a missing bias is empty; without two weights, returns None.
        """
        rows = self._influence(neuron, form, slots, references)
        for factor in TEMPERINGS:
            if set(PATTERNS) <= set(rows):
                break
            self._temper(neuron, references, factor)
            again = self._influence(neuron, form, slots, references)
            rows = [tuple(a or b for a, b in zip(*pair, strict=True)) for pair in zip(rows, again, strict=True)]
        found = [
            [reference for reference, row in zip(references, rows, strict=True) if row == pattern]
            for pattern in PATTERNS
        ]
        if not (found[0] and found[1]):  # forward is wrong: take the numbers that affect it, in stored order
            moving = [reference for reference, row in zip(references, rows, strict=True) if any(row)]
            if len(moving) < 2:
                return None
            found = [moving[0:1], moving[1:2], moving[2:3]]
        return found

    def _influence(
        self, neuron: Remote, form: str, slots: Sequence[int], references: list[tuple[Path, int]]
    ) -> list[tuple[bool, ...]]:
        """Return for each number whether it affects the output at each of the four inputs of INFLUENCE_X."""
        numbers = self._calls.ask(
            "influence", "Neuron.forward", [neuron], {"outputs": (4, None), "moved": (len(references), 4)},
            form=form, references=references, x=INFLUENCE_X[:, list(slots)],
        )  # fmt: skip
        outputs = self._calls.single(numbers, "Neuron.forward")
        return [tuple(bool(moved) for moved in np.abs(row - outputs) > 0) for row in numbers["moved"]]

    def _temper(self, neuron: Remote, references: list[tuple[Path, int]], factor: float) -> None:
        """Multiply the fractional numbers inside a neuron by a factor; whole numbers may be sizes."""
        shapes = {"values": (len(references),)}
        values = self._calls.ask("read", "Neuron", [neuron], shapes, references=references)["values"]
        tempered = np.where(values == np.round(values), values, values * factor)
        self._calls.ask("write", "Neuron", [neuron], references=references, values=tempered)

    @measurement
    def _found(self) -> list[Reference | None]:
        return self._find(self.wiring)

    @measurement
    def references(self) -> list[Reference | None]:
        """Places of the nine parameters, in the oracle's order; None for a missing bias."""
        if self.shared_weights:
            raise blocked("shapes.three_neurons")
        found: list[Reference | None] = self._found
        return found

    @measurement
    def alone(self) -> tuple[str, list[Reference | None]]:
        """Container for x and places of the parameters, for a Neuron(2) created on its own."""
        stops: list[CaseStopped] = []
        for form in FORMS:
            try:
                model = self._calls.student.new_later("Neuron", 2)
                holders = holders_of(self._calls.described(model))
                local = [(holder.path, index) for holder in holders for index in range(holder.size)]
                found = self._roles(model, form, (0, 1), local)
                if found is None:
                    raise unmet(
                        "A neuron's output must depend on two weights, one for each input; here it does not.",
                        hint="Multiply each input by its own weight from self._weigths, sum the products, and add the bias.",
                    )
                return form, [candidates[-1] if candidates else None for candidates in found]
            except CaseStopped as stop:
                stops.append(stop)
                if stop.fault is None or stop.fault.kind is not FaultKind.RAISED:
                    break
        raise stops[0]

    @measurement
    def shared_weights(self) -> bool:
        """Whether two neurons keep their weights in the same list or array object."""
        references = self._found
        found = self._calls.described(self._calls.student.new_later("Model")).found
        same = {str(item.path): item.same for item in found if item.kind in ("list", "array")}
        identities = [
            {same.get(str(reference[0])) for reference in references[row : row + 3] if reference is not None} - {None}
            for row in (0, 3, 6)
        ]
        return any(identities[a] & identities[b] for a, b in ((0, 1), (0, 2), (1, 2)))
