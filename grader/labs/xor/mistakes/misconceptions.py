"""A bank of named mistakes: the outputs or steps that a network has if the student made exactly this mistake.

A rule is a few lines of the lecture's formulas, changed as the mistake changes them. diagnosis.py fits the rules to what
was observed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import msgspec
import numpy as np
from msgspec.structs import replace

from .. import oracle
from ..oracle import Array

# Formulas of the lecture, each with its section.
FORMULAS = {
    "neuron": "y = S(ω₀ + ω₁x₁ + ω₂x₂), S(d) = 1 / (1 + e⁻ᵈ)  («Один нейрон»)",
    "derivative": "S'(d) = S(d)(1 − S(d)) = y(1 − y)  («Один нейрон»)",
    "step": "δω = 2λ(Y − y)·y(1 − y)·x  («Градиентный спуск»)",
    "bias": "δω₀ = 2λ(Y − y)·y(1 − y)  («Градиентный спуск»)",
    "output": "δ_out = (Y − y)·f'(in), Δw = λ·out_a·δ_out  («Метод обратного распространения»)",
    "hidden": "δ_hid = f'(in)·Σ wᵢδᵢ  («Метод обратного распространения»)",
    "loss": "E² = (Y − y)², ∂E²/∂y = −2(Y − y)  («Один нейрон»)",
}


class Pass:
    """Base of a pass of single neurons and a pass of the network."""

    rate: float
    form: float

    def at(self, rate: float, form: float) -> Self:
        """Return a copy with another rate and another form of the mistake."""
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__, rate=rate, form=form)
        return other

    def shared(self) -> Self:
        """Compute what depends on neither rate nor form, for all copies to share, and return self."""
        with np.errstate(all="ignore"):
            values = [
                getattr(self, name) for name, kind in vars(type(self)).items() if isinstance(kind, cached_property)
            ]
        for value in values:
            if isinstance(value, Pass):
                value.shared()
        return self


@dataclass
class NeuronPass(Pass):
    """One forward and backward pass of single neurons: weights (..., 3) with the bias last, inputs x (..., 2), errors (...).

    The first axis is time if steps follow each other on one object. form distinguishes variants of one mistake.
    """

    weights: Array
    x: Array
    err: Array
    rate: float = 1.0
    form: float = 1.0

    @property
    def w(self) -> Array:
        """Return the two weights, (..., 2)."""
        return self.weights[..., :2]

    @property
    def bias(self) -> Array:
        """Return the bias, (...)."""
        return self.weights[..., 2]

    @cached_property
    def d(self) -> Array:
        """Return the weighted sum, (...)."""
        return np.asarray((self.w * self.x).sum(-1) + self.bias)

    @cached_property
    def y(self) -> Array:
        """Return the output S(d), (...)."""
        return oracle.sigmoid(self.d)

    @cached_property
    def slope(self) -> Array:
        """Return y (1 - y), (...)."""
        return oracle.derivative(self.y)

    @cached_property
    def delta(self) -> Array:
        """Return err y (1 - y), (...)."""
        return np.asarray(self.err * self.slope)

    @cached_property
    def inputs(self) -> Array:
        """Return x and 1 for the bias, (..., 3)."""
        return oracle.with_one(np.broadcast_to(self.x, self.w.shape))

    @property
    def step(self) -> Array:
        """Return the right step, (..., 3)."""
        return np.asarray(self.rate * self.delta[..., None] * self.inputs)

    def moved(self, delta: Array, inputs: Array | None = None) -> Array:
        """Return the step, (..., 3), for another delta (...), and optionally other inputs (..., 2) for the weights."""
        by = self.inputs if inputs is None else oracle.with_one(np.broadcast_to(inputs, self.w.shape))
        return np.asarray(self.rate * delta[..., None] * by)

    def with_bias(self, change: Array) -> Array:
        """Return the right step, (..., 3), with the bias's change replaced by `change`, (...)."""
        step = self.step
        step[..., 2] = change
        return step

    def weights_only(self, change: Array) -> Array:
        """Return the right step, (..., 3), with the weights' change replaced by `change`, (..., 2)."""
        step = self.step
        step[..., :2] = change
        return step


@dataclass
class NetworkPass(Pass):
    """One forward and backward pass of the network: parameters (..., 3, 3) as in the oracle, x (..., 2), errors (...)."""

    parameters: Array
    x: Array
    err: Array
    rate: float = 1.0
    form: float = 1.0

    @cached_property
    def h(self) -> Array:
        """Return the hidden outputs, (..., 2)."""
        return oracle.hidden(self.parameters, self.x)

    @cached_property
    def y(self) -> Array:
        """Return the output, (...)."""
        return oracle.neuron(self.parameters[..., 2, :], self.h)

    @cached_property
    def hidden_slope(self) -> Array:
        """Return h (1 - h), (..., 2)."""
        return oracle.derivative(self.h)

    @cached_property
    def slope(self) -> Array:
        """Return y (1 - y) of the output, (...)."""
        return oracle.derivative(self.y)

    @cached_property
    def delta(self) -> Array:
        """Return err y (1 - y) of the output, (...)."""
        return np.asarray(self.err * self.slope)

    @property
    def v(self) -> Array:
        """Return the output neuron's two weights, (..., 2)."""
        return self.parameters[..., 2, :2]

    @cached_property
    def errors(self) -> Array:
        """Return the errors propagated to the hidden neurons, (..., 2)."""
        return self.delta[..., None] * self.v

    @cached_property
    def out(self) -> NeuronPass:
        """Return the pass of the output neuron, with rate 1."""
        return NeuronPass(self.parameters[..., 2, :], self.h, self.err)

    @cached_property
    def hidden(self) -> NeuronPass:
        """Return the pass of both hidden neurons with the propagated errors, with rate 1."""
        return self.hidden_with(self.errors)

    def hidden_with(self, errors: Array) -> NeuronPass:
        """Return the pass of both hidden neurons with these errors, (..., 2), with rate 1."""
        return NeuronPass(self.parameters[..., :2, :], self.x[..., None, :], errors)

    def step(
        self,
        *,
        errors: Array | None = None,
        slope: Array | None = None,
        inputs: Array | None = None,
        out_delta: Array | None = None,
        out_inputs: Array | None = None,
    ) -> Array:
        """Return the step, (..., 3, 3), with one or more of its factors replaced.

        errors, slope and inputs, each (..., 2), are those of the hidden neurons; out_delta (...) and out_inputs (..., 2)
        those of the output neuron.
        """
        errors = self.errors if errors is None else errors
        deltas = errors * (self.hidden_slope if slope is None else slope)
        inputs = self.x if inputs is None else inputs
        out_delta = self.delta if out_delta is None else out_delta
        hidden = deltas[..., None] * oracle.with_one(inputs)[..., None, :]
        out = out_delta[..., None] * oracle.with_one(self.h if out_inputs is None else out_inputs)
        return np.asarray(self.rate * np.concatenate([hidden, out[..., None, :]], axis=-2))

    def scaled(self, hidden: float | Array, out: float | Array) -> Array:
        """Return the right step, (..., 3, 3), with each layer multiplied by a factor that broadcasts with it."""
        step = self.step()
        step[..., :2, :] *= hidden
        step[..., 2, :] *= out
        return step


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """A known mistake. message says what was done, hint what to do instead; formula names one of FORMULAS.

    A mistake inside a neuron has change (..., 3), back (..., 2) for the errors it returns, or both; a mistake in the
    network has network (..., 3, 3). A mistake in forward has output (...), of a neuron, or answer, of the network, from the
    output neuron's sum (...), possibly with another activation of the hidden sums. A mistake in the loss has
    loss(y, label), all (...). forms are the values of `form` to try.
    """

    id: str
    message: str
    hint: str
    formula: str
    change: Callable[[NeuronPass], Array] | None = None
    back: Callable[[NeuronPass], Array] | None = None
    network: Callable[[NetworkPass], Array] | None = None
    output: Callable[[NeuronPass], Array] | None = None
    answer: Callable[[Array], Array] | None = None
    activation: Callable[[Array], Array] = oracle.sigmoid
    loss: Callable[[Array, Array], Array] | None = None
    forms: tuple[float, ...] = (1.0,)

    def neuron_step(self, neurons: NeuronPass) -> Array:
        """Return the step of single neurons, (..., 3)."""
        return neurons.step if self.change is None else self.change(neurons)

    def returned(self, neurons: NeuronPass) -> Array:
        """Return the errors that a neuron returns for its two inputs, (..., 2)."""
        return neurons.delta[..., None] * neurons.w if self.back is None else self.back(neurons)

    def network_step(self, n: NetworkPass) -> Array:
        """Return the network's step, (..., 3, 3); a mistake inside the neurons is applied to each of them."""
        if self.network is not None:
            return self.network(n)
        out = n.out.at(n.rate, n.form)
        hidden = n.hidden if self.back is None else n.hidden_with(self.back(out))
        return np.concatenate(
            [self.neuron_step(hidden.at(n.rate, n.form)), self.neuron_step(out)[..., None, :]], axis=-2
        )

    def step(self, parameters: Array, x: Array, err: Array, rate: float = 1.0, form: float = 1.0) -> Array:
        """Return the network's step, (..., 3, 3); arguments as in oracle.step."""
        return self.network_step(NetworkPass(parameters, x, err, rate, form))

    @property
    def loses_sign(self) -> bool:
        """Whether an error and its opposite make the same step, so that the sign of the loss does not show."""
        parameters, x, err = np.array([[0.3, -0.7, 0.5]] * 3), np.array([0.6, -0.4]), np.array(0.8)
        return bool(
            (self.step(parameters[None], x[None], err[None]) == self.step(parameters[None], x[None], -err[None])).all()
        )

    @property
    def keeps_hidden(self) -> bool:
        """Whether a mistake in forward leaves the hidden neurons right."""
        return self.answer is not None and self.activation is oracle.sigmoid

    def hidden(self, parameters: Array, x: Array) -> Array:
        """Return the hidden outputs, (..., 2), for parameters (..., 3, 3) and x (..., 2)."""
        neurons = NeuronPass(parameters[..., :2, :], x[..., None, :], np.zeros(()))
        return self.activation(neurons.d) if self.output is None else self.output(neurons)

    def forward(self, parameters: Array, x: Array) -> Array:
        """Return the network's outputs, (...), for parameters (..., 3, 3) and x (..., 2)."""
        out = NeuronPass(parameters[..., 2, :], self.hidden(parameters, x), np.zeros(()))
        if self.answer is not None:
            return self.answer(out.d)
        assert self.output is not None
        return self.output(out)

    def lecture_steps(self, parameters: Array, x: Array) -> Iterator[Array]:
        """Yield the lecture's steps, (..., 3, 3), for this forward's outputs and an error of 1.

        The derivative uses these outputs, or the sigmoids that a neuron computed before changing them.
        """
        h, y, v = self.hidden(parameters, x), self.forward(parameters, x), parameters[..., 2, :]
        for hidden, out in ((h, y), (oracle.hidden(parameters, x), oracle.neuron(v, h)), (h, oracle.neuron(v, h))):
            yield oracle.compose(oracle.derivative(out), v[..., :2], hidden, h, x)


# --- forward ------------------------------------------------------------------------------------

FORWARD_HINT = (
    "Multiply each input by its own weight, sum the products, add the bias, and pass the sum through 1 / (1 + e^-d)."
)


def _forward(name: str, output: Callable[[NeuronPass], Array], message: str, hint: str = FORWARD_HINT) -> Rule:
    return Rule(id=name, message=message, hint=hint, formula="neuron", output=output)


def _answer(
    name: str,
    answer: Callable[[Array], Array],
    message: str,
    hint: str,
    activation: Callable[[Array], Array] = oracle.sigmoid,
) -> Rule:
    return Rule(id=name, message=message, hint=hint, formula="neuron", answer=answer, activation=activation)


def _itself(d: Array) -> Array:
    return d


def _relu(d: Array) -> Array:
    return np.maximum(d, 0.0)


FORWARD = (
    _forward(
        "tanh_activation", lambda n: np.tanh(n.d),
        "The activation is tanh, not the sigmoid: the output runs from -1 to 1.",
    ),
    _forward("relu_activation", lambda n: _relu(n.d), "The activation is ReLU, max(0, d), not the sigmoid."),
    _forward("linear_activation", lambda n: n.d, "The neuron returns the sum d itself: there is no activation."),
    _forward(
        "sigmoid_without_minus", lambda n: oracle.sigmoid(-n.d),
        "The sigmoid is missing its minus: you compute 1 / (1 + e^d), which falls where it should rise.",
        "Write 1 / (1 + np.exp(-d)), with the minus in the exponent.",
    ),
    _forward(
        "sigmoid_precedence", lambda n: 1 + np.exp(-n.d),
        "1 / 1 + np.exp(-d) is read as (1 / 1) + np.exp(-d): the brackets around the denominator are missing.",
        "Write 1 / (1 + np.exp(-d)).",
    ),
    _forward(
        "sigmoid_twice", lambda n: oracle.sigmoid(n.y),
        "The sigmoid is applied twice: the output is S(S(d)).",
        "Pass the sum through the sigmoid once, in one place.",
    ),
    _forward(
        "sigmoid_of_double", lambda n: oracle.sigmoid(2 * n.d),
        "The sigmoid gets twice the sum d: the output is S(2 d).",
    ),
    _forward("exponential_only", lambda n: np.exp(-n.d), "The neuron returns e^-d; the 1 / (1 + ...) around it is missing."),
    _forward(
        "weighted_mean", lambda n: oracle.sigmoid((n.w * n.x).mean(-1) + n.bias),
        "The weighted inputs are averaged instead of summed.",
        "Use np.dot(self._weigths, x) or a sum, not a mean.",
    ),
    _forward(
        "mean_with_bias", lambda n: oracle.sigmoid(n.d / 3),
        "The weighted inputs and the bias are averaged instead of summed.",
        "Use a sum, not a mean.",
    ),
    _forward(
        "product_of_terms", lambda n: oracle.sigmoid((n.w * n.x).prod(-1) + n.bias),
        "The weighted inputs are multiplied together instead of summed.",
    ),
    _forward(
        "sigmoid_of_each_term", lambda n: oracle.sigmoid(n.w * n.x).sum(-1) + n.bias,
        "The sigmoid is applied to each weighted input, and the results are summed.",
        "Sum first, then apply the sigmoid once to the whole sum.",
    ),
    _forward(
        "bias_after_sigmoid", lambda n: oracle.sigmoid((n.w * n.x).sum(-1)) + n.bias,
        "The bias is added after the sigmoid, so the output leaves the range [0, 1].",
        "Add the bias to the sum, then apply the sigmoid.",
    ),
    _forward(
        "bias_subtracted", lambda n: oracle.sigmoid((n.w * n.x).sum(-1) - n.bias),
        "The bias is subtracted from the sum, like a threshold; the lecture adds w0.",
        "Write d = w0 + w1 x1 + w2 x2, and change the bias like a weight whose input is 1.",
    ),
    _forward(
        "output_rounded", lambda n: np.round(n.y, 2),
        "The output of a neuron is rounded to two digits.",
        "Return the number as it is; round only when you print.",
    ),
    _forward(
        "output_thresholded", lambda n: (n.d >= 0).astype(float),
        "The neuron returns 0 or 1: a step function has no slope, so nothing can be learned through it.",
        "Return S(d), the number between 0 and 1; compare with 0.5 only when you print the table.",
    ),
    _forward("absolute_sum", lambda n: oracle.sigmoid(np.abs(n.d)), "The sign of the sum is lost: the output is S(|d|)."),
    _forward(
        "weights_added", lambda n: oracle.sigmoid((n.w + n.x).sum(-1) + n.bias),
        "Weights and inputs are added instead of multiplied.",
    ),
    _forward(
        "weights_squared", lambda n: oracle.sigmoid((n.w**2 * n.x).sum(-1) + n.bias),
        "The weights are squared in the sum.",
    ),
    _forward(
        "inputs_squared", lambda n: oracle.sigmoid((n.w * n.x**2).sum(-1) + n.bias),
        "The inputs are squared in the sum.",
    ),
    _forward(
        "bias_doubled_in_forward", lambda n: oracle.sigmoid(n.d + n.bias),
        "The bias is added twice, perhaps once for each input.",
        "Add the bias once, after the sum over the inputs.",
    ),
    _answer(
        "output_linear", _itself,
        "The output neuron has no activation: the network returns the sum d.",
        "All three neurons end with the sigmoid, including the last one.",
    ),
    _answer(
        "hidden_linear", oracle.sigmoid,
        "The hidden neurons have no activation; without one the network equals a single neuron and cannot learn XOR.",
        "All three neurons end with the sigmoid.", activation=_itself,
    ),
    _answer(
        "hidden_tanh", oracle.sigmoid,
        "The hidden neurons use tanh, not the sigmoid.", "All three neurons end with the sigmoid.", activation=np.tanh,
    ),
    _answer(
        "hidden_relu", oracle.sigmoid,
        "The hidden neurons use ReLU, not the sigmoid.", "All three neurons end with the sigmoid.", activation=_relu,
    ),
    _answer(
        "output_tanh", np.tanh,
        "The output neuron uses tanh, not the sigmoid.", "All three neurons end with the sigmoid.",
    ),
    _answer(
        "answer_rounded", lambda d: np.round(oracle.sigmoid(d), 2),
        "Model.forward rounds its answer to two digits.",
        "Return the output neuron's number as it is; round only when you print.",
    ),
    _answer(
        "answer_thresholded", lambda d: (d >= 0).astype(float),
        "Model.forward returns 0 or 1 instead of the output neuron's number.",
        "Return the number between 0 and 1; compare with 0.5 only when you print the table.",
    ),
    _answer(
        "answer_complemented", lambda d: 1 - oracle.sigmoid(d),
        "Model.forward returns 1 - y.", "Return the output neuron's answer.",
    ),
)  # fmt: skip


# --- the derivative -----------------------------------------------------------------------------

DERIVATIVE_HINT = "With y = S(d), kept from forward, the derivative is y (1 - y)."


def _derivative(
    name: str,
    slope: Callable[[NeuronPass], Array],
    message: str,
    hint: str = DERIVATIVE_HINT,
    forms: tuple[float, ...] = (1.0,),
) -> Rule:
    """Return the rule that uses slope, (...), or (..., 2) with a factor for each weight, as the derivative."""

    def change(n: NeuronPass) -> Array:
        factor = slope(n)
        if factor.shape == n.d.shape:
            return n.moved(n.err * factor)
        return n.weights_only(n.rate * n.err[..., None] * factor * n.x)

    def back(n: NeuronPass) -> Array:
        factor = slope(n)
        return np.asarray(n.err[..., None] * (factor[..., None] if factor.shape == n.d.shape else factor) * n.w)

    return Rule(id=name, message=message, hint=hint, formula="derivative", change=change, back=back, forms=forms)


DERIVATIVE = (
    _derivative(
        "derivative_missing", lambda n: np.full_like(n.d, n.form),
        "The derivative of the sigmoid is missing: the step is the same for every output between 0 and 1.",
        "Multiply the error by y (1 - y), where y is what forward returned.", (1.0, 0.25),
    ),
    _derivative(
        "derivative_of_output", lambda n: oracle.derivative(oracle.sigmoid(n.y)),
        "The derivative is taken at the output instead of the sum: the sigmoid is applied to y once more.",
        "Either call the derivative with d, or use y (1 - y) with the y you already have. Do not mix the two.",
    ),
    _derivative(
        "derivative_at_sum", lambda n: n.d * (1 - n.d),
        "The formula y (1 - y) is applied to the sum d instead of the output y.",
        "Store y = S(d) in forward and use it in backward.",
    ),
    _derivative("derivative_plus", lambda n: n.y * (1 + n.y), "The derivative is y (1 + y): the plus should be a minus."),
    _derivative("derivative_is_output", lambda n: n.y, "Only y is used as the derivative: the factor (1 - y) is missing."),
    _derivative(
        "derivative_is_complement", lambda n: 1 - n.y,
        "Only 1 - y is used as the derivative: the factor y is missing, or the denominator is not squared.",
    ),
    _derivative(
        "derivative_of_tanh", lambda n: 1 - n.y**2,
        "The derivative is 1 - y^2: that is the derivative of tanh, not of the sigmoid.",
    ),
    _derivative(
        "derivative_negated", lambda n: n.y * (n.y - 1),
        "The derivative is y (y - 1), or the output neuron steps in the wrong direction: both give the same "
        "numbers. The sign flips once more on the way to the hidden neurons, so the output and the hidden layer "
        "work against each other.",
        "Write y * (1 - y), and use one sign for all three neurons.",
    ),
    _derivative("derivative_output_squared", lambda n: n.y**2 * (1 - n.y), "The derivative is y^2 (1 - y): there is one factor y too many."),
    _derivative(
        "derivative_complement_squared", lambda n: n.y * (1 - n.y) ** 2,
        "The derivative is y (1 - y)^2: there is one factor (1 - y) too many.",
    ),
    _derivative(
        "derivative_twice", lambda n: n.slope**2,
        "The derivative is applied twice: the step has (y (1 - y))^2.",
        "Multiply by y (1 - y) once, either where the error is computed or in the step.",
    ),
    _derivative(
        "derivative_of_relu", lambda n: (n.d > 0).astype(float),
        "The derivative is that of ReLU, 0 or 1, not the sigmoid's.",
    ),
    _derivative(
        "derivative_divided", lambda n: 1 / n.slope,
        "The error is divided by y (1 - y) instead of multiplied by it.",
    ),
    _derivative(
        "derivative_one_minus_two_y", lambda n: 1 - 2 * n.y,
        "The derivative is 1 - 2 y: y (1 - y) was differentiated once more.",
    ),
    _derivative(
        "derivative_squared_output", lambda n: n.y**2,
        "The derivative is y * y: y stands in place of the factor (1 - y).",
    ),
    _derivative(
        "derivative_at_input", lambda n: np.broadcast_to(n.x * (1 - n.x), n.w.shape),
        "The formula y (1 - y) is applied to the inputs x instead of the neuron's output.",
        "The derivative belongs to the neuron: one number, y (1 - y), for all of its weights.",
    ),
    _derivative(
        "sigmoid_derivative_at_input", lambda n: np.broadcast_to(oracle.derivative(oracle.sigmoid(n.x)), n.w.shape),
        "The derivative is taken at the inputs x instead of the sum d.",
        "The derivative belongs to the neuron: one number, S'(d) = y (1 - y), for all of its weights.",
    ),
)  # fmt: skip


# --- one neuron: the weights --------------------------------------------------------------------

STEP_HINT = "The step of weight i is 2 lambda err y (1 - y) x_i: each weight with its own input."
ERROR_HINT = "The step is proportional to the error, including its sign."


def _step(name: str, change: Callable[[NeuronPass], Array], message: str, hint: str = STEP_HINT) -> Rule:
    return Rule(id=name, message=message, hint=hint, formula="step", change=change)


def _inputs(name: str, inputs: Callable[[NeuronPass], Array], message: str, hint: str = STEP_HINT) -> Rule:
    """Return the rule that multiplies the weights' step by inputs (..., 2) instead of x."""
    return _step(name, lambda n: n.moved(n.delta, inputs(n)), message, hint)


def _error(name: str, error: Callable[[NeuronPass], Array], message: str) -> Rule:
    """Return the rule that replaces the error passed in by another one, (...)."""
    return Rule(
        id=name,
        message=message,
        hint=ERROR_HINT,
        formula="step",
        change=lambda n: n.moved(error(n) * n.slope),
        back=lambda n: (error(n) * n.slope)[..., None] * n.w,
    )


def _normalised(n: NeuronPass) -> Array:
    after = n.w + n.step[..., :2]
    return n.weights_only(after / np.linalg.norm(after, axis=-1, keepdims=True) - n.w)


STILL = _step(
    "weights_not_updated",
    lambda n: np.zeros_like(n.weights),
    "backward changes neither weights nor bias.",
    "Add the step to self._weigths itself, not to a copy or a local name.",
)

ACCUMULATED = _step(
    "gradient_accumulated", lambda n: np.cumsum(n.step, axis=0),
    "Every step includes all earlier steps: a sum of gradients is kept and never reset, as with a momentum of 1.",
    "Start every step from zero, or reset the sum after each step.",
)  # fmt: skip

OF_FIRST_FORWARD = _derivative(
    "output_of_first_forward", lambda n: np.broadcast_to(n.slope[:1], n.slope.shape),
    "The derivative always uses the output of the first forward call.",
    "Update self.y in every call of forward.",
)  # fmt: skip

OF_PREVIOUS_FORWARD = _inputs(
    "input_of_previous_forward", lambda n: oracle.earlier(np.broadcast_to(n.x, n.w.shape)),
    "The step uses the input of the previous forward call.",
    "Store x in every call of forward, before doing anything else.",
)  # fmt: skip

# The error in the step.
ERRORS = (
    _error("error_sign_dropped", lambda n: np.abs(n.err), "The sign of the error is lost: the step uses |err|."),
    _error("error_squared", lambda n: n.err**2, "The error is squared in the step, which loses its direction."),
    _error("error_sign_only", lambda n: np.sign(n.err), "Only the sign of the error is used in the step, not its size."),
    _error("only_positive_errors", lambda n: np.maximum(n.err, 0), "No step is made when the error is negative."),
    _error("only_negative_errors", lambda n: np.minimum(n.err, 0), "No step is made when the error is positive."),
    _error(
        "error_of_one", lambda n: np.ones_like(n.err),
        "The step does not use the error: it is the same for every error passed to backward.",
    ),
)  # fmt: skip

# The same in a neuron whose returned errors are right all the same.
ERRORS_ALONE = tuple(replace(rule, back=None) for rule in ERRORS)

# Steps that no fit of a rate finds; form is how many digits the weights keep, and the least error that causes a step.
ROUNDED = _step(
    "weights_rounded", lambda n: np.round(n.weights + n.step, int(n.form)) - n.weights,
    "The weights are rounded after each step: small steps are lost.",
    "Do not change the weights after the step; round only when you print.",
)  # fmt: skip
TRUNCATED = _step(
    "weights_truncated", lambda n: n.weights_only(np.trunc(n.w + n.step[..., :2]) - n.w),
    "The weights stay integers: every step loses its fraction.",
    "Keep the weights as floating-point numbers, and do not round or int() them after a step.",
)  # fmt: skip
SKIPPED = _step(
    "small_errors_skipped", lambda n: n.step * (np.abs(n.err) >= n.form)[..., None],
    "A small error causes no step at all: nothing changes.",
    "Every example causes a step, even if its error is small.",
)  # fmt: skip
UNFITTED = (ROUNDED, TRUNCATED, SKIPPED)

STEP = (
    _inputs(
        "step_without_input", lambda n: np.ones_like(n.w),
        "The step is not multiplied by the inputs: both weights change by the same amount.",
    ),
    _inputs("step_with_first_input", lambda n: n.x[..., [0, 0]], "The first input is used in the step of both weights."),
    _inputs("step_with_last_input", lambda n: n.x[..., [1, 1]], "The last input is used in the step of both weights."),
    _inputs(
        "step_with_inputs_swapped", lambda n: n.x[..., ::-1],
        "Weights and inputs are paired in one order in forward and in the reverse order in the step.",
    ),
    replace(
        _inputs(
            "paired_in_reverse", lambda n: n.x[..., ::-1],
            "Weights and inputs are paired in one order in forward and in the reverse order in the step and the errors passed back.",
        ),
        back=lambda n: n.delta[..., None] * n.w[..., ::-1],
    ),
    _inputs(
        "step_with_own_output", lambda n: np.repeat(n.y[..., None], 2, axis=-1),
        "The step is multiplied by the neuron's own output instead of its inputs.",
        STEP_HINT,
    ),
    _inputs(
        "step_with_input_sum", lambda n: np.repeat(n.x.sum(-1, keepdims=True), 2, axis=-1),
        "The sum of all inputs is used in the step of each weight.",
    ),
    _inputs("step_with_input_squared", lambda n: n.x**2, "The inputs are squared in the step."),
    _inputs("step_with_absolute_input", lambda n: np.abs(n.x), "The sign of the inputs is lost in the step."),
    _inputs("step_with_own_weight", lambda n: n.w, "The step of each weight is multiplied by the weight instead of its input."),
    _inputs(
        "step_with_weighted_input", lambda n: n.w * n.x,
        "The step of each weight contains the weight itself in addition to its input.",
    ),
    _step("only_first_weight_updated", lambda n: n.step * [1, 0, 1], "Only the first weight changes; the second stays the same."),
    _step("only_last_weight_updated", lambda n: n.step * [0, 1, 1], "Only the last weight changes; the first stays the same."),
    _step(
        "weights_frozen", lambda n: n.step * [0, 0, 1],
        "Only the bias changes; both weights stay the same.",
        "Add the step to self._weigths itself, not to a copy or a local name.",
    ),
    _step(
        "weights_overwritten", lambda n: n.weights_only(n.step[..., :2] - n.w),
        "The weights are replaced by the step instead of changed by it.",
        "Write self._weigths += step, not self._weigths = step.",
    ),
    _step(
        "all_overwritten", lambda n: n.step - n.weights,
        "Weights and bias are replaced by the step instead of changed by it.",
        "Write += step, not = step.",
    ),
    _step(
        "all_multiplied", lambda n: n.step * n.weights,
        "Weights and bias are multiplied by 1 plus the step instead of changed by it.",
        "Write self._weigths += step, not self._weigths *= 1 + step.",
    ),
    *ERRORS,
    ACCUMULATED,
    OF_FIRST_FORWARD,
    OF_PREVIOUS_FORWARD,
    _step(
        "zero_input_skipped", lambda n: n.step * n.x.any(-1, keepdims=True),
        "No step is made when all inputs are 0, although the bias should change.",
        "Every example causes a step: for x = (0, 0) the bias still changes.",
    ),
    _step(
        "weights_normalised", _normalised,
        "The weights are divided by their norm after each step.",
        "Do not change the weights after the step.",
    ),
    _inputs(
        "step_with_input_and_output", lambda n: n.x * n.y[..., None],
        "The step of the weights has an extra factor: the neuron's output.",
    ),
)  # fmt: skip


# --- one neuron: the bias -----------------------------------------------------------------------

BIAS_HINT = "The bias is a weight whose input is always 1: its step is 2 lambda err y (1 - y)."


def _bias(
    name: str,
    change: Callable[[NeuronPass], Array],
    message: str,
    hint: str = BIAS_HINT,
    forms: tuple[float, ...] = (1.0,),
) -> Rule:
    """Return the rule that changes the bias by change, (...)."""
    return Rule(
        id=name, message=message, hint=hint, formula="bias", change=lambda n: n.with_bias(change(n)), forms=forms
    )


BIAS = (
    _bias("bias_frozen", lambda n: np.zeros_like(n.d), "The bias never changes.", "Change the bias in backward too, like a weight whose input is always 1: its step is 2 lambda err y (1 - y)."),
    _bias("bias_sign", lambda n: -n.rate * n.delta, "The bias moves the wrong way: its sign differs from that of the weights."),
    _bias("bias_times_first_input", lambda n: n.rate * n.delta * n.x[..., 0], "The step of the bias is multiplied by the first input."),
    _bias("bias_times_last_input", lambda n: n.rate * n.delta * n.x[..., 1], "The step of the bias is multiplied by the last input."),
    _bias(
        "bias_times_input_sum", lambda n: n.rate * n.delta * n.x.sum(-1),
        "The step of the bias is multiplied by the sum of the inputs.",
    ),
    _bias(
        "bias_times_input_mean", lambda n: n.rate * n.delta * n.x.mean(-1),
        "The step of the bias is multiplied by the mean of the inputs.",
    ),
    _bias(
        "bias_per_input", lambda n: 2 * n.rate * n.delta,
        "The bias moves twice as far as it should, as if once for each input.",
        "Change the bias once per step, outside the loop over the inputs.",
    ),
    _bias(
        "bias_half", lambda n: 0.5 * n.rate * n.delta,
        "The bias moves half as far as it should: only the weights' step has the factor 2, or the learning rate is missing there.",
    ),
    _bias("bias_without_derivative", lambda n: n.rate * n.err, "The derivative is missing in the step of the bias."),
    _bias(
        "bias_without_rate", lambda n: np.sign(n.rate) * n.form * n.delta,
        "The learning rate is missing in the step of the bias.", forms=(1.0, 2.0),
    ),
    _bias(
        "bias_raw_error", lambda n: np.sign(n.rate) * n.form * n.err,
        "The bias changes by the error itself: the learning rate and the derivative are missing.", forms=(1.0, 2.0),
    ),
    _bias("bias_times_output", lambda n: n.rate * n.delta * n.y, "The step of the bias is multiplied by the neuron's output."),
    _bias("bias_times_itself", lambda n: n.rate * n.delta * n.bias, "The step of the bias is multiplied by the bias itself."),
    _bias(
        "bias_overwritten", lambda n: n.rate * n.delta - n.bias,
        "The bias is replaced by its step instead of changed by it.", "Write += step, not = step.",
    ),
    _bias(
        "bias_error_squared", lambda n: n.rate * n.err**2 * n.slope,
        "The error is squared in the step of the bias.",
    ),
)  # fmt: skip


# --- the error on its way back ------------------------------------------------------------------

HIDDEN_HINT = "Hidden neuron i gets err y (1 - y) w_i, where y and w_i belong to the output neuron and w_i is the weight that leads to it."


def _back(
    name: str,
    errors: Callable[[NeuronPass], Array],
    message: str,
    hint: str = HIDDEN_HINT,
    forms: tuple[float, ...] = (1.0,),
) -> Rule:
    """Return the rule by which the output neuron returns these errors, (..., 2)."""
    return Rule(id=name, message=message, hint=hint, formula="hidden", back=errors, forms=forms)


def _both(array: Array) -> Array:
    return np.repeat(array[..., None], 2, axis=-1)


BACK = (
    _back(
        "hidden_sign", lambda n: -n.delta[..., None] * n.w,
        "The hidden neurons step the wrong way: their sign differs from that of the output neuron.",
        "Use one sign for all neurons: += with label - y, or -= with y - label.",
    ),
    _back(
        "output_derivative_twice", lambda n: (n.delta * n.slope)[..., None] * n.w,
        "The output neuron's derivative appears twice in the hidden neurons' error.",
        "Multiply by the output neuron's y (1 - y) once; the error passed back is that delta times the weight.",
    ),
    _back(
        "error_without_weight", lambda n: _both(n.delta),
        "The hidden neurons get the output neuron's delta, not multiplied by the weight.",
    ),
    _back(
        "raw_error_to_hidden", lambda n: _both(n.err),
        "The hidden neurons get the error of the whole network, without the output neuron's weight and derivative.",
    ),
    _back(
        "error_without_derivative", lambda n: n.err[..., None] * n.w,
        "The error passed back is err * w_i instead of err * y (1 - y) * w_i: the output neuron's derivative is missing.",
    ),
    _back(
        "error_without_derivative_updated", lambda n: n.err[..., None] * (n.w + n.step[..., :2]),
        "The error passed back is err * weight: without the output neuron's derivative, and with the weights from after its step.",
        HIDDEN_HINT + " Compute it before the output neuron changes.",
    ),
    _back(
        "output_weights_swapped", lambda n: n.delta[..., None] * n.w[..., ::-1],
        "The two output weights are swapped on the way back: each hidden neuron gets the other one's error.",
    ),
    _back(
        "first_output_weight_for_both", lambda n: _both(n.delta * n.w[..., 0]),
        "Both hidden neurons get their error through the first output weight.",
    ),
    _back(
        "second_output_weight_for_both", lambda n: _both(n.delta * n.w[..., 1]),
        "Both hidden neurons get their error through the second output weight.",
    ),
    _back(
        "output_weight_shifted", lambda n: n.delta[..., None] * n.weights[..., 1:],
        "The weights on the way back are shifted by one: the bias is used as a weight.",
        "Check the index: if the bias is part of the weight vector, the weights start after it or end before it.",
    ),
    _back(
        "output_weight_shifted_first", lambda n: n.delta[..., None] * n.weights[..., [2, 0]],
        "The weights on the way back are shifted by one: the bias, which comes first, is used as a weight.",
        "Check the index: if the bias comes first in the weight vector, the weights start after it.",
    ),
    _back(
        "output_weight_sum", lambda n: _both(n.delta * n.w.sum(-1)),
        "Both hidden neurons get their error through the sum of the output weights.",
    ),
    _back(
        "output_weight_mean", lambda n: _both(n.delta * n.w.mean(-1)),
        "Both hidden neurons get their error through the mean of the output weights.",
    ),
    _back(
        "output_weight_shares",
        lambda n: (n.delta if n.form == 1 else n.err)[..., None] * n.w / n.w.sum(-1, keepdims=True),
        "The error is split in proportion to the output weights: it is divided by their sum.",
        forms=(1.0, 2.0),
    ),
    _back(
        "rate_in_propagated_error", lambda n: n.form * np.abs(n.rate) * n.delta[..., None] * n.w,
        "The error passed back contains the learning rate, so the hidden neurons' step applies it twice.",
        "The learning rate belongs in each neuron's step, not in the error passed back.",
        forms=(1.0, 0.5, 2.0),
    ),
    _back(
        "output_weight_magnitude", lambda n: n.delta[..., None] * np.abs(n.w),
        "The sign of the output weights is lost on the way back.",
    ),
    _back(
        "output_weight_squared", lambda n: n.delta[..., None] * n.w**2,
        "The output weights are squared on the way back: there is one weight too many.",
    ),
    _back(
        "output_weight_divided", lambda n: n.delta[..., None] / n.w,
        "The error is divided by the output weights instead of multiplied by them.",
    ),
    _back(
        "error_through_inputs", lambda n: n.delta[..., None] * n.x,
        "The error is passed back through the output neuron's inputs instead of its weights.",
    ),
    _back(
        "hidden_error_times_output", lambda n: n.delta[..., None] * n.w * n.x,
        "The error passed back has an extra factor: the hidden neuron's output.",
    ),
    _back(
        "step_as_error", lambda n: np.abs(n.rate) * n.form * n.delta[..., None] * n.x,
        "The output neuron returns the step of its weights instead of the error of its inputs.",
        forms=(1.0, 0.5),
    ),
)  # fmt: skip


# --- the network --------------------------------------------------------------------------------

OUTPUT_HINT = "The output neuron's step is 2 lambda err y (1 - y) times its own inputs, the two hidden outputs."


def _joined(
    name: str, network: Callable[[NetworkPass], Array], message: str, hint: str, formula: str = "hidden"
) -> Rule:
    return Rule(id=name, message=message, hint=hint, formula=formula, network=network)


def _output_with_hidden_delta(n: NetworkPass) -> Array:
    step = n.step()
    step[..., 2, :2] = n.rate * n.errors * n.hidden_slope * n.h
    return step


def _hidden_own_weights(n: NetworkPass) -> Array:
    return n.step(errors=n.delta[..., None] * n.parameters[..., :2, :2].sum(-1))


OUTPUT_DERIVATIVE_MISSING = _joined(
    "output_derivative_missing", lambda n: n.step(errors=n.err[..., None] * n.v, out_delta=n.err),
    "The output neuron's derivative is missing in its own step and in the error passed back.",
    "First multiply the error by y (1 - y) of the output neuron; both its step and the hidden errors start from that.",
    "output",
)  # fmt: skip

NETWORK = (
    _joined(
        "hidden_own_weights", _hidden_own_weights,
        "The hidden neurons use their own weights instead of the output neuron's weight.", HIDDEN_HINT,
    ),
    _joined(
        "output_derivative_for_hidden", lambda n: n.step(slope=_both(n.slope)),
        "The hidden neurons use the output neuron's derivative instead of their own.",
        "Each hidden neuron multiplies its error by its own h (1 - h).",
    ),
    _joined(
        "hidden_derivative_for_output", lambda n: n.step(errors=n.err[..., None] * n.hidden_slope * n.v),
        "The error passed back contains the hidden neuron's h (1 - h); it should contain the output neuron's y (1 - y).",
        HIDDEN_HINT,
    ),
    _joined(
        "hidden_derivative_twice", lambda n: n.step(slope=n.hidden_slope**2),
        "The hidden neurons' derivative is applied twice.",
        "Multiply the error of a hidden neuron by its h (1 - h) once: in the model or in the neuron, not in both.",
    ),
    _joined(
        "hidden_derivative_missing", lambda n: n.step(slope=np.ones_like(n.h)),
        "The hidden neurons' step is missing their own derivative.",
        "Each hidden neuron multiplies the error passed back to it by its own h (1 - h).",
    ),
    OUTPUT_DERIVATIVE_MISSING,
    _joined(
        "output_step_without_derivative", lambda n: n.step(out_delta=n.err),
        "The derivative is missing in the output neuron's own step.", OUTPUT_HINT, "output",
    ),
    _joined(
        "output_step_derivative_twice", lambda n: n.step(out_delta=n.delta * n.slope),
        "The derivative appears twice in the output neuron's own step.", OUTPUT_HINT, "output",
    ),
    _joined(
        "other_hidden_derivative", lambda n: n.step(slope=n.hidden_slope[..., ::-1]),
        "Each hidden neuron uses the other one's derivative.",
        "Hidden neuron i multiplies its error by its own h_i (1 - h_i).",
    ),
    _joined(
        "hidden_derivative_of_output", lambda n: n.step(slope=oracle.derivative(oracle.sigmoid(n.h))),
        "The hidden neurons' derivative is taken at their output instead of the sum.",
        "Use h (1 - h) with the h that forward returned.",
    ),
    _joined(
        "hidden_step_with_hidden_outputs", lambda n: n.step(inputs=n.h),
        "The hidden neurons' step is multiplied by the hidden outputs instead of x.",
        "Multiply each neuron's step by that neuron's own inputs; for a hidden neuron they are x.", "step",
    ),
    _joined(
        "hidden_frozen", lambda n: n.scaled(0, 1),
        "Only the output neuron learns: the hidden neurons never change.",
        "Pass each hidden neuron its error so that it makes its own step.",
    ),
    _joined(
        "only_first_hidden_updated", lambda n: n.scaled(np.array([[1.0], [0.0]]), 1),
        "The second hidden neuron never changes.", "Both hidden neurons must make their step.",
    ),
    _joined(
        "only_second_hidden_updated", lambda n: n.scaled(np.array([[0.0], [1.0]]), 1),
        "The first hidden neuron never changes.", "Both hidden neurons must make their step.",
    ),
    _joined(
        "hidden_bias_frozen", lambda n: n.scaled(np.array([1.0, 1.0, 0.0]), 1),
        "The biases of the hidden neurons never change.", BIAS_HINT, "bias",
    ),
    _joined(
        "output_bias_frozen", lambda n: n.scaled(1, np.array([1.0, 1.0, 0.0])),
        "The bias of the output neuron never changes.", BIAS_HINT, "bias",
    ),
    _joined(
        "output_frozen", lambda n: n.scaled(1, 0),
        "The output neuron never changes; only the hidden ones learn.", "The output neuron must make its step as well.",
        "output",
    ),
    _joined(
        "output_step_with_x", lambda n: n.step(out_inputs=n.x),
        "The output neuron's step is multiplied by x; its inputs are the two hidden outputs.", OUTPUT_HINT, "output",
    ),
    _joined(
        "output_step_with_hidden_delta", _output_with_hidden_delta,
        "The step of an output weight uses the hidden neuron's delta: the lecture has the same slip in its line for w56.",
        "The weight from neuron a to neuron b changes by out_a times delta_b: for the output weights that is h_i times the output neuron's delta.",
        "output",
    ),
    _joined(
        "output_step_with_first_hidden", lambda n: n.step(out_inputs=n.h[..., [0, 0]]),
        "The output neuron's step uses the first hidden output for both weights.", OUTPUT_HINT, "output",
    ),
    _joined(
        "output_step_with_second_hidden", lambda n: n.step(out_inputs=n.h[..., [1, 1]]),
        "The output neuron's step uses the second hidden output for both weights.", OUTPUT_HINT, "output",
    ),
    _joined(
        "output_step_with_hidden_swapped", lambda n: n.step(out_inputs=n.h[..., ::-1]),
        "The two hidden outputs are swapped in the output neuron's step.", OUTPUT_HINT, "output",
    ),
    _joined(
        "output_step_with_own_output",
        lambda n: n.step(out_inputs=_both(n.y)),
        "The output neuron's step is multiplied by its own output instead of the hidden outputs.", OUTPUT_HINT, "output",
    ),
    _joined(
        "hidden_half_as_far", lambda n: n.scaled(0.5, 1),
        "The hidden neurons move half as far as they should: only the output neuron's step has the factor 2.",
        "Use the same factor 2 and the same rate in all three neurons.",
    ),
    _joined(
        "first_hidden_updated_twice", lambda n: n.step(errors=n.errors.sum(-1, keepdims=True) * [1.0, 0.0]),
        "The first hidden neuron gets both errors, one after the other, and the second none: a copied line.",
        "Call backward of each hidden neuron once, with its own error.",
    ),
    _joined(
        "second_hidden_updated_twice", lambda n: n.step(errors=n.errors.sum(-1, keepdims=True) * [0.0, 1.0]),
        "The second hidden neuron gets both errors, one after the other, and the first none: a copied line.",
        "Call backward of each hidden neuron once, with its own error.",
    ),
)  # fmt: skip


# --- minor: the order of things -----------------------------------------------------------------


def _updated_output_weights(n: NetworkPass) -> Array:
    return n.step(errors=n.delta[..., None] * (n.v + n.rate * n.delta[..., None] * n.h))


def _moved(n: NetworkPass, rows: slice) -> Array:
    """Return the parameters, (..., 3, 3), after the step of these neurons."""
    later = n.parameters.copy()
    later[..., rows, :] += n.step()[..., rows, :]
    return later


def _hidden_outputs_recomputed(n: NetworkPass) -> Array:
    return n.step(out_inputs=oracle.hidden(_moved(n, slice(0, 2)), n.x))


def _forward_repeated(n: NetworkPass) -> Array:
    later = _moved(n, slice(2, 3))
    delta = n.err * oracle.derivative(oracle.forward(later, n.x))
    return n.step(errors=delta[..., None] * later[..., 2, :2])


def _hidden_first_forward_repeated(n: NetworkPass) -> Array:
    later = _moved(n, slice(0, 2))
    delta = n.err * oracle.derivative(oracle.forward(later, n.x))
    return n.step(out_delta=delta, out_inputs=oracle.hidden(later, n.x))


# Such networks learn too, but the step is not the gradient. Only the order case loses points.
ORDER_DEFECTS = (
    _joined(
        "updated_output_weights", _updated_output_weights,
        "The hidden neurons get their error through output weights that were already updated.",
        "First compute the error of each hidden neuron, then change the output neuron's weights.",
    ),
    _joined(
        "hidden_outputs_recomputed", _hidden_outputs_recomputed,
        "The output neuron's step uses hidden outputs recomputed after the hidden neurons' step.",
        "Store the hidden outputs in the forward pass and use them in the output neuron's step.",
    ),
    _joined(
        "forward_repeated", _forward_repeated,
        "The hidden neurons' step uses an output recomputed after the output neuron's step.",
        "Run forward once before backward; compute all deltas of a step from that pass.",
    ),
    _joined(
        "hidden_first_forward_repeated", _hidden_first_forward_repeated,
        "The output neuron's step uses a forward pass repeated after the hidden neurons' step.",
        "Run forward once before backward; compute all deltas of a step from that pass.",
    ),
    _joined(
        "factor_two_compounded", lambda n: n.scaled(2, 1),
        "The factor 2 of the squared error is applied twice on the way to the hidden neurons: they move twice as far.",
        "Use the factor 2 once, either in the error or in the step, but do not pass it back in the error as well.",
    ),
)  # fmt: skip

# --- the loss -----------------------------------------------------------------------------------

LOSS_HINT = "The loop passes the signed error to backward: label - y, or y - label where backward subtracts."


def _loss(name: str, loss: Callable[[Array, Array], Array], message: str, hint: str = LOSS_HINT) -> Rule:
    return Rule(id=name, message=message, hint=hint, formula="loss", loss=loss)


LOSS = (
    _loss(
        "loss_squared", lambda y, label: (label - y) ** 2,
        "The squared error is used as the error: it has lost the direction.",
    ),
    _loss(
        "loss_absolute", lambda y, label: np.abs(label - y),
        "The size of the error is used without its sign: the direction is lost.",
    ),
    _loss(
        "loss_cross_entropy", lambda y, label: -label * np.log(y) - (1 - label) * np.log(1 - y),
        "The value of the cross-entropy is used as the error; the backward pass needs the error, not the value of a loss.",
    ),
    _loss(
        "loss_rounded", lambda y, label: label - np.round(y),
        "The output is rounded before the error is computed: an output on the correct side of 0.5 would never improve.",
    ),
    _loss(
        "loss_signed_square", lambda y, label: (label - y) * np.abs(label - y),
        "The error is squared and its sign restored: small errors hardly count.",
    ),
    _loss("loss_is_output", lambda y, _: y, "The output y is used as the error: the label is missing."),
    _loss("loss_is_label", lambda _, label: label, "The label is used as the error: the output is missing."),
    _loss("loss_is_sum", lambda y, label: y + label, "y and the label are added; the error is their difference."),
)  # fmt: skip

# Propagated errors that do not show whether the derivative has the right sign.
WITHOUT_SLOPE = tuple(
    rule
    for rule in BACK
    if rule.id in ("raw_error_to_hidden", "error_without_derivative", "error_without_derivative_updated")
)
# Mistakes in the step of one neuron, in the network's step, and in forward.
IN_NEURON = (*DERIVATIVE, *STEP, *BIAS)
IN_NETWORK = (*IN_NEURON, *BACK, *NETWORK, *ORDER_DEFECTS)
BANK = (*FORWARD, STILL, *IN_NETWORK, *LOSS)
