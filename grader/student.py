"""The student's objects as the suite sees them: proxies that read like ordinary numpy code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from grader import oracle, probes
from grader.asking import Asking, Reference, Step
from grader.cases import CaseStopped, unmet
from grader.layout import Layout, Wiring
from grader.models import SourceFile, Training
from grader.oracle import Array
from grader.sandbox.client import FaultKind, Limits, Worker


class NeuronProxy:
    """A fresh neuron of the student, with parameters (3,): first weight, second weight, bias."""

    def __init__(
        self, asking: Asking, handle: int, form: str, slots: Sequence[int], references: Sequence[Reference | None]
    ) -> None:
        self._asking = asking
        self._handle = handle
        self._form = form
        self._slots = slots
        self.references = references

    @property
    def has_bias(self) -> bool:
        """Say whether the neuron has a bias at all; without one its third parameter reads 0."""
        return self.references[2] is not None

    def _arguments(self, x: Array) -> Array:
        """Return x (n, 2) as the rows that this neuron receives, constant one included."""
        padded = np.column_stack([x, np.ones(len(x))])
        return padded[:, list(self._slots)]

    def forward(self, parameters: Array, x: Array) -> Array:
        """Set the parameters, (3,), and return the outputs for x (n, 2)."""
        present = [reference for reference in self.references if reference is not None]
        values = parameters[[reference is not None for reference in self.references]]
        answer = self._asking.ask(
            "forward",
            "Neuron.forward",
            {"object": self._handle, "form": self._form, "references": present},
            {"x": self._arguments(x), "values": values},
            {"outputs": (len(x), None)},
        )
        return self._asking.single(answer, "Neuron.forward")

    @staticmethod
    def steps(neurons: Sequence[NeuronProxy], parameters: Array, x: Array, err: Array | float) -> list[Step]:
        """Set the parameters, (n, 3), then forward(x) and backward(x, err), each on a neuron, alike or the same; x is (n, 2)."""
        one = neurons[0]
        errors = np.broadcast_to(np.asarray(err, dtype=float), len(neurons))
        handles = [neuron._handle for neuron in neurons]
        steps = one._asking.steps("Neuron", handles, one._form, one.references, parameters, one._arguments(x), errors)
        places = [reference for reference in one.references if reference is not None]
        if len(places) == 3 and len({str(path) for path, _ in places}) == 1:  # the bias is inside the vector
            order = np.argsort([index for _, index in places]).argsort()[:2]
            return [replace(step, returned=step.returned[order]) if len(step.returned) == 3 else step for step in steps]
        return steps

    def step(self, parameters: Array, x: Array, err: float) -> Step:
        """Make one step; parameters have shape (3,), x (2,)."""
        return self.steps([self], parameters[None], x[None], err)[0]


class ModelProxy:
    """A fresh model of the student, with parameters (3, 3) as in the oracle."""

    def __init__(self, asking: Asking, handle: int, wiring: Wiring, references: Sequence[Reference | None]) -> None:
        self._asking = asking
        self._handle = handle
        self._form = wiring.form
        self._mask = wiring.mask
        self.references = references
        self._settings = {"object": handle, "form": wiring.form}

    @property
    def present(self) -> NDArray[np.bool_]:
        """Say which of the nine parameters there are, (3, 3): False for a missing bias."""
        return np.array([reference is not None for reference in self.references]).reshape(3, 3)

    @property
    def handle(self) -> int:
        """Return the number under which the worker keeps the model."""
        return self._handle

    @property
    def parameters(self) -> Array:
        """Read the nine parameters, (3, 3); a missing bias reads 0."""
        present = [reference for reference in self.references if reference is not None]
        answer = self._asking.ask(
            "read", "Model", {"object": self._handle, "references": present}, {}, {"values": (len(present),)}
        )
        return self._asking.spread(self.references, answer.arrays["values"]).reshape(3, 3) * self._mask

    @parameters.setter
    def parameters(self, values: Array) -> None:
        mask = [reference is not None for reference in self.references]
        present = [reference for reference in self.references if reference is not None]
        self._asking.ask(
            "write",
            "Model",
            {"object": self._handle, "references": present},
            {"values": (values * self._mask).ravel()[mask]},
        )

    def forward(self, x: Array) -> Array:
        """Return the outputs for x (n, 2), shape (n,)."""
        return self.forward_watched(x)[0]

    def forward_watched(self, x: Array, form: str | None = None) -> tuple[Array, Array]:
        """Return the outputs for x (n, 2), and what x was after the call, (n, 2); form: as in Wiring."""
        settings = self._settings if form is None else {**self._settings, "form": form}
        answer = self._asking.ask(
            "forward", "Model.forward", settings, {"x": x}, {"outputs": (len(x), None), "x": (len(x), 2)}
        )
        return self._asking.single(answer, "Model.forward"), answer.arrays["x"]

    @staticmethod
    def steps(models: Sequence[ModelProxy], parameters: Array, x: Array, err: Array) -> list[Step]:
        """Set the parameters, (n, 3, 3), then forward(x) and backward(x, err), each on a model, which may be the same; x is (n, 2)."""
        one = models[0]
        handles = [model._handle for model in models]
        steps = one._asking.steps("Model", handles, one._form, one.references, parameters * one._mask, x, err)
        return [replace(step, before=step.before * one._mask, after=step.after * one._mask) for step in steps]

    def step(self, parameters: Array, x: Array, err: float) -> Step:
        """Make one step; parameters have shape (3, 3), x (2,)."""
        return self.steps([self], parameters[None], x[None], np.array([err]))[0]

    def step_untouched(self, x: Array, err: float) -> None:
        """Make a step with the weights that the model started with; x has shape (2,)."""
        self._asking.steps("Model", [self._handle], self._form, [], np.zeros((1, 0)), x[None], np.array([err]))

    def epochs(self, scale: float | None, count: int, labels: Array = oracle.XOR_LABELS) -> tuple[Array, Array, Array]:
        """Train on XOR's inputs with err = scale (label - y); the losses (count,), the four answers, the parameters (3, 3).

        Without a scale, err is what the student's own loss gives.
        """
        present = [reference for reference in self.references if reference is not None]
        answer = self._asking.ask(
            "epochs",
            "Model.backward",
            {**self._settings, "scale": scale, "epochs": count, "references": present},
            {"x": oracle.XOR_INPUTS, "labels": labels},
            {"losses": (count,), "outputs": (4, None), "values": (len(present),)},
        )
        parameters = self._asking.spread(self.references, answer.arrays["values"]).reshape(3, 3) * self._mask
        return answer.arrays["losses"], self._asking.single(answer, "Model.forward"), parameters

    def train(self, epochs: int, labels: Array = oracle.XOR_LABELS) -> tuple[Array, Array]:
        """Run the student's own train() on XOR's inputs; the losses it returns and the four answers after."""
        answer = self._asking.ask(
            "train",
            "train",
            {**self._settings, "epochs": epochs},
            {"x": oracle.XOR_INPUTS, "labels": labels},
            {"losses": (None,), "outputs": (4, None)},
            self._asking.limits.train_time_s,
        )
        return answer.arrays["losses"], self._asking.single(answer, "Model.forward")


class Student:
    """The submission of one run, loaded in its worker."""

    def __init__(self, worker: Worker, file: SourceFile, limits: Limits, seed: int) -> None:
        self.seed = seed
        self.training = Training()
        self.is_run_asked = False
        self.is_forward_right = False  # set by the case about it, before anything is trained
        self._asking = Asking(worker, file, limits)
        self.layout = Layout(self._asking)
        self._is_traced = False

    def rng(self, name: str) -> np.random.Generator:
        """Return the generator of this run for one purpose: same seed, same numbers."""
        return probes.generator(self.seed, name)

    def begin(self, case: str) -> None:
        """Start a case: fresh objects, reseeded generators."""
        self._is_traced = False
        self._asking.begin(case)

    def has(self, name: str) -> bool:
        """Say whether the module has a callable of that name."""
        return name in self._asking.loaded.callables

    def function(self, name: str, arguments: Array, model: ModelProxy | None = None) -> Array:
        """Call a function of the module for each row of arguments (n, k); one number each, (n,).

        With a model, the first argument comes in the form that its outputs have.
        """
        settings = {"name": name, "object": None if model is None else model.handle}
        shapes = {"values": (None,)}
        values = self._asking.ask("call", name, settings, {"arguments": arguments}, shapes).arrays["values"]
        if len(values) != len(arguments):
            raise unmet("{name} must return one number.", name=name)
        return values

    def call(self, name: str, *arguments: Array | float | list[str]) -> list[Array]:
        """Call a function of the module; return its result, or of a tuple or a list of arrays each, as arrays.

        A result that holds no numbers is an empty array.
        """
        plain = [one.tolist() if isinstance(one, np.ndarray) else one for one in arguments]
        answer = self._asking.ask("apply", name, {"name": name, "arguments": plain}, {})
        return [answer.arrays[key] for key in sorted(answer.arrays)]

    def model(self, **named: float) -> ModelProxy:
        """Return a fresh model, made with these keyword arguments."""
        return ModelProxy(self._asking, self._asking.new("Model", **named), self.layout.wiring, self.layout.references)

    @property
    def model_or_none(self) -> ModelProxy | None:
        """Return a fresh model, or None where the student has none that works yet."""
        try:
            return self.model()
        except CaseStopped:
            return None

    def neuron(self) -> NeuronProxy:
        """Return a fresh neuron: a hidden one of a fresh model, or Neuron(2) while Model is unwritten."""
        layout = self.layout
        try:
            wiring, references = layout.wiring, layout.references
        except CaseStopped as stopped:
            if stopped.fault is not None and stopped.fault.kind is FaultKind.TIME_SPENT:
                raise
            form, alone = layout.alone
            return NeuronProxy(self._asking, self._asking.new("Neuron", 2), form, (0, 1), alone)
        path = wiring.paths[0]
        if not self._is_traced:  # on a model of its own: a fresh neuron has seen no forward yet
            layout.trace(self._asking.new("Model"), wiring.form)
            self._is_traced = True
        handle = self._asking.new("Model")
        local: list[Reference | None] = [
            None if one is None else (one[0][len(path) :], one[1]) for one in references[:3]
        ]
        number = [one.path for one in layout.parts].index(path)
        return NeuronProxy(self._asking, self._asking.part(handle, path), f"seen:{number}", wiring.slots[0], local)
