"""Proxies of the student's network for the suite, which read like ordinary numpy code."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from grader.lab import CaseStopped, FaultKind, Remote, Student, measurement, unmet

from .. import oracle, probes
from ..oracle import Array
from .calls import Calls, Reference, Step
from .layout import FORWARD_ATOL, Layout, Wiring


class NeuronProxy:
    """Proxy of a fresh neuron of the student, with parameters (3,): first weight, second weight, bias."""

    def __init__(
        self,
        calls: Calls,
        remote: Remote,
        form: str,
        slots: Sequence[int],
        references: Sequence[Reference | None],
        way: Callable[[], Mapping[str, Any] | None] = lambda: None,
    ) -> None:
        self._way = way
        self._calls = calls
        self.remote = remote
        self._form = form
        self._slots = slots
        self.references = references
        self._places = [reference for reference in references if reference is not None]

    @property
    def has_bias(self) -> bool:
        """Whether the neuron has a bias; without one, its third parameter reads 0."""
        return self.references[2] is not None

    def _arguments(self, x: Array) -> Array:
        """Return x (n, 2) as the rows that this neuron receives, possibly with a constant one."""
        padded = np.column_stack([x, np.ones(len(x))])
        return padded[:, list(self._slots)]

    def forward(self, parameters: Array, x: Array) -> Array:
        """Set the parameters, (3,), and return the outputs, (n,), for x (n, 2)."""
        values = parameters[[reference is not None for reference in self.references]]
        numbers = self._calls.ask(
            "forward", "Neuron.forward", [self.remote], {"outputs": (len(x), None)},
            form=self._form, references=self._places, x=self._arguments(x), values=values,
        )  # fmt: skip
        return self._calls.single(numbers, "Neuron.forward")

    @staticmethod
    def steps(neurons: Sequence[NeuronProxy], parameters: Array, x: Array, err: Array | float) -> list[Step]:
        """Set parameters (n, 3) and call forward(x) and backward(x, err), one row per neuron; x is (n, 2).

        The neurons are stored alike, and may repeat.
        """
        first = neurons[0]
        errors = np.broadcast_to(np.asarray(err, dtype=float), len(neurons))
        remotes = [neuron.remote for neuron in neurons]
        steps = first._calls.steps(
            "Neuron", remotes, first._form, first.references, parameters, first._arguments(x), errors, first._way()
        )
        if len(first._places) < 3 or len({str(path) for path, _ in first._places}) > 1:
            return steps
        order = np.argsort([index for _, index in first._places]).argsort()[:2]  # the bias is inside the vector
        return [replace(step, returned=step.returned[order]) if len(step.returned) == 3 else step for step in steps]

    def step(self, parameters: Array, x: Array, err: float) -> Step:
        """Make one step; parameters have shape (3,), x (2,)."""
        return self.steps([self], parameters[None], x[None], err)[0]


class ModelProxy:
    """Proxy of a fresh model of the student, with parameters (3, 3) as in the oracle."""

    def __init__(self, calls: Calls, remote: Remote, wiring: Wiring, references: Sequence[Reference | None]) -> None:
        self._calls = calls
        self.remote = remote
        self._form = wiring.form
        self._mask = wiring.mask
        self.references = references
        self._places = [reference for reference in references if reference is not None]

    @property
    def present(self) -> NDArray[np.bool_]:
        """Which of the nine parameters exist, (3, 3): False for a missing bias."""
        return np.array([reference is not None for reference in self.references]).reshape(3, 3)

    @property
    def parameters(self) -> Array:
        """The nine parameters, (3, 3), read from the model; a missing bias reads 0."""
        shapes = {"values": (len(self._places),)}
        numbers = self._calls.ask("read", "Model", [self.remote], shapes, references=self._places)
        return self._calls.spread(self.references, numbers["values"]).reshape(3, 3) * self._mask

    @parameters.setter
    def parameters(self, values: Array) -> None:
        written = (values * self._mask)[self.present]
        self._calls.ask("write", "Model", [self.remote], references=self._places, values=written)

    def forward(self, x: Array) -> Array:
        """Return the outputs for x (n, 2), shape (n,)."""
        return self.forward_watched(x)[0]

    def forward_watched(self, x: Array, form: str | None = None) -> tuple[Array, Array]:
        """Return the outputs for x (n, 2), and the values of x after the calls, (n, 2); form as in Wiring."""
        shapes = {"outputs": (len(x), None), "x": (len(x), 2)}
        numbers = self._calls.ask("forward", "Model.forward", [self.remote], shapes, form=form or self._form, x=x)
        return self._calls.single(numbers, "Model.forward"), numbers["x"]

    @staticmethod
    def steps(models: Sequence[ModelProxy], parameters: Array, x: Array, err: Array) -> list[Step]:
        """Set parameters (n, 3, 3) and call forward(x) and backward(x, err), one row per model; x is (n, 2).

        The models may repeat.
        """
        first = models[0]
        remotes = [model.remote for model in models]
        steps = first._calls.steps("Model", remotes, first._form, first.references, parameters * first._mask, x, err)
        return [replace(step, before=step.before * first._mask, after=step.after * first._mask) for step in steps]

    def step(self, parameters: Array, x: Array, err: float) -> Step:
        """Make one step; parameters have shape (3, 3), x (2,)."""
        return self.steps([self], parameters[None], x[None], np.array([err]))[0]

    def step_untouched(self, x: Array, err: float) -> None:
        """Make a step with the model's own initial weights; x has shape (2,)."""
        self._calls.steps("Model", [self.remote], self._form, [], np.zeros((1, 0)), x[None], np.array([err]))

    def epochs(self, scale: float | None, count: int, labels: Array = oracle.XOR_LABELS) -> tuple[Array, Array, Array]:
        """Train on XOR's inputs with err = scale (label - y); return losses (count,), four answers, parameters (3, 3).

        Without a scale, err is the value of the student's own loss.
        """
        numbers = self._calls.ask(
            "epochs", "Model.backward", [self.remote],
            {"losses": (count,), "outputs": (4, None), "values": (len(self._places),)},
            form=self._form, scale=scale, epochs=count, references=self._places, x=oracle.XOR_INPUTS, labels=labels,
        )  # fmt: skip
        parameters = self._calls.spread(self.references, numbers["values"]).reshape(3, 3) * self._mask
        return numbers["losses"], self._calls.single(numbers, "Model.forward"), parameters

    def train(self, epochs: int, labels: Array = oracle.XOR_LABELS) -> tuple[Array, Array]:
        """Run the student's own train() on XOR's inputs; return the losses that it returns and the four answers after it."""
        numbers = self._calls.ask(
            "train", "train", [self.remote], {"losses": (None,), "outputs": (4, None)},
            self._calls.training_s, form=self._form, epochs=epochs, x=oracle.XOR_INPUTS, labels=labels,
        )  # fmt: skip
        return numbers["losses"], self._calls.single(numbers, "Model.forward")


class NetworkAnswers(msgspec.Struct, frozen=True, kw_only=True):
    """Outputs of the network, expected and actual (n,), for parameters (n, 3, 3) and x (n, 2)."""

    parameters: Array
    x: Array
    expected: Array
    actual: Array

    @classmethod
    def drawn(
        cls, rng: np.random.Generator, present: NDArray[np.bool_], forward: Callable[[Array, Array], Array]
    ) -> NetworkAnswers:
        """Return the outputs, (3, 9), of forward(parameters, x) for drawn parameters (3, 3, 3) and x (9, 2).

        A bias that is not present, (3, 3), is 0.
        """
        parameters = rng.uniform(0.3, 2, (3, 3, 3)) * rng.choice([-1.0, 1.0], (3, 3, 3)) * present
        x = probes.points(rng, 9)
        actual = forward(parameters, x).ravel()
        parameters, x = np.repeat(parameters, len(x), axis=0), np.tile(x, (len(parameters), 1))
        return cls(parameters=parameters, x=x, expected=oracle.forward(parameters, x), actual=actual)

    @property
    def worst(self) -> int | None:
        """The index of the output that is furthest from the expected one, or None if all are right."""
        return worst(self.actual, self.expected)


def worst(actual: Array, expected: Array) -> int | None:
    """Return the index where actual is furthest from expected, or None if all values are close."""
    off = np.where(np.isfinite(actual), np.abs(actual - expected), np.inf)
    return int(off.argmax()) if off.max() > FORWARD_ATOL else None


class Network:
    """The network of one submission: gives access to its neurons, models and functions."""

    def __init__(self, student: Student) -> None:
        self.student = student
        self.seed = student.seed
        self._calls = Calls(student)
        self.layout = Layout(self._calls)
        self._traced_in = self._traced_back_in = ""

    def rng(self, purpose: str) -> np.random.Generator:
        """Return this run's random generator for one purpose; the same seed gives the same numbers."""
        return self.student.rng(purpose)

    def has(self, name: str) -> bool:
        """Return whether the module has a callable of this name."""
        return self.student.has(name)

    def function(self, name: str, arguments: Array, model: ModelProxy | None = None) -> Array:
        """Call a function of the module for each row of arguments (n, k); return one number per row, (n,).

        With a model, the first argument has the form of the model's outputs. Raises CaseStopped for other results.
        """
        output_of = None if model is None else model.remote
        numbers = self._calls.ask(
            "call", name, [], {"values": (None,)}, name=name, arguments=arguments, output_of=output_of
        )
        if len(numbers["values"]) != len(arguments):
            raise unmet("{name} must return one number.", name=name)
        return numbers["values"]

    def losses(self, arguments: Array) -> Array:
        """Call loss(y, label) for each row of arguments (n, 2): with numbers, or if that fails, with y as the model returns it."""
        try:
            return self.function("loss", arguments)
        except CaseStopped as stopped:
            model = self.model_or_none
            if model is None or stopped.fault is None or stopped.fault.kind is not FaultKind.RAISED:
                raise
        model.forward(oracle.XOR_INPUTS[:1])
        return self.function("loss", arguments, model)

    @measurement
    def loss_factors(self) -> tuple[float | None, float | None]:
        """Factors by which the student's loss multiplies label - y, at a label of 1 and of 0; None where it cannot be called."""
        return self._loss_factor(0.2, 1.0), self._loss_factor(0.7, 0.0)

    def _loss_factor(self, y: float, label: float) -> float | None:
        try:
            factor = abs(float(self.losses(np.array([[y, label]]))[0]) / (label - y))
        except CaseStopped:
            return None  # the loss's case reports it
        return factor if np.isfinite(factor) and factor > 0 else None

    def model(self, **named: float) -> ModelProxy:
        """Return a fresh model, created with these keyword arguments."""
        return ModelProxy(
            self._calls, self.student.new_later("Model", **named), self.layout.wiring, self.layout.references
        )

    @measurement
    def answers(self) -> NetworkAnswers:
        """Outputs of the network for weights and inputs drawn for this run, beside the expected ones."""
        model = self.model()

        def forward(drawn: Array, x: Array) -> Array:
            outputs = []
            for parameters in drawn:
                model.parameters = parameters
                outputs.append(model.forward(x))
            return np.array(outputs)

        return NetworkAnswers.drawn(self.rng("forward of the model"), model.present, forward)

    @measurement
    def is_forward_right(self) -> bool:
        """Whether all of these outputs are right; False if the network cannot be called."""
        try:
            return self.answers.worst is None
        except CaseStopped:
            return False

    @property
    def model_or_none(self) -> ModelProxy | None:
        """A fresh model, or None if the student has none that works yet."""
        try:
            return self.model()
        except CaseStopped:
            return None

    def neuron(self) -> NeuronProxy:
        """Return a fresh neuron: a hidden neuron of a fresh model, or Neuron(2) if Model does not work."""
        layout = self.layout
        try:
            wiring, references = layout.wiring, layout.references
        except CaseStopped as stopped:
            if stopped.fault is not None and stopped.fault.kind is FaultKind.TIME_SPENT:
                raise
            form, alone = layout.alone
            return NeuronProxy(self._calls, self.student.new_later("Neuron", 2), form, (0, 1), alone)
        path = wiring.paths[0]
        if (
            self._traced_in != self.student.case
        ):  # on a separate model, so that the fresh neuron has not been called yet
            layout.trace(self.student.new_later("Model"), wiring.form)
            self._traced_in = self.student.case
        local: list[Reference | None] = [
            None if reference is None else (reference[0][len(path) :], reference[1]) for reference in references[:3]
        ]
        number = [part.path for part in layout.parts].index(path)
        neuron = self.student.new_later("Model").part(path)
        return NeuronProxy(self._calls, neuron, f"seen:{number}", wiring.slots[0], local, self._way_back)

    def _way_back(self) -> Mapping[str, Any] | None:
        """Return how the first hidden neuron's backward is called, or None for (x, err); see confined/calls.py, given_back."""
        layout = self.layout
        wiring, is_known = layout.wiring, "way_back" in vars(layout)
        places = layout.way_back
        if not is_known:  # finding it out may have ended the process, which forgets the trace
            layout.trace(self.student.new_later("Model"), wiring.form)
        if places is None:
            return None
        if self._traced_back_in != self.student.case:
            layout.trace_backward()
            self._traced_back_in = self.student.case
        columns = [(place, column if column < 0 else wiring.slots[0].index(column)) for place, column in places]
        part = [part.path for part in layout.parts].index(wiring.paths[0])
        return {
            "part": part,
            "places": columns,
            "leads": sorted(place for place, _ in columns) == [0, 1, 2] and columns[-1][0] == 2,
        }
