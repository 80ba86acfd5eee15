"""Named wrong rules: what the update would be if the student had made this very mistake."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from grader import oracle
from grader.oracle import Array


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """One wrong rule. step(parameters, x, err) is its update, arguments as in oracle.step.

    message says what was done, hint what to do instead; both are templates without arguments.
    """

    id: str
    message: str
    hint: str
    step: Callable[[Array, Array, Array], Array]


def _updated_output_weights(parameters: Array, x: Array, err: Array) -> Array:
    h = oracle.hidden(parameters, x)
    delta = err * oracle.derivative(oracle.forward(parameters, x))
    return oracle.compose(delta, parameters[..., 2, :2] + delta[..., None] * h, h, h, x)


def _hidden_outputs_recomputed(parameters: Array, x: Array, err: Array) -> Array:
    change = oracle.step(parameters, x, err)
    later = parameters.copy()
    later[..., :2, :] += change[..., :2, :]
    h = oracle.hidden(parameters, x)
    delta = err * oracle.derivative(oracle.forward(parameters, x))
    return oracle.compose(delta, parameters[..., 2, :2], h, oracle.hidden(later, x), x)


def _forward_repeated(parameters: Array, x: Array, err: Array) -> Array:
    change = oracle.step(parameters, x, err)
    later = parameters.copy()
    later[..., 2, :] += change[..., 2, :]
    h = oracle.hidden(parameters, x)
    delta = err * oracle.derivative(oracle.forward(later, x))
    hidden_part = oracle.compose(delta, later[..., 2, :2], h, h, x)
    change[..., :2, :] = hidden_part[..., :2, :]
    return change


def _hidden_first_forward_repeated(parameters: Array, x: Array, err: Array) -> Array:
    change = oracle.step(parameters, x, err)
    later = parameters.copy()
    later[..., :2, :] += change[..., :2, :]
    delta = err * oracle.derivative(oracle.forward(later, x))
    change[..., 2, :] = delta[..., None] * oracle.with_one(oracle.hidden(later, x))
    return change


def _factor_two_compounded(parameters: Array, x: Array, err: Array) -> Array:
    change = oracle.step(parameters, x, err)
    change[..., :2, :] *= 2
    return change


# Minor: such networks learn as well, but the step is not the gradient. They cost the order case only.
ORDER_DEFECTS = (
    Rule(
        id="updated_output_weights",
        message="The hidden neurons get their error through output weights that were already updated.",
        hint="Work out the error of each hidden neuron first, then let the output neuron change its weights.",
        step=_updated_output_weights,
    ),
    Rule(
        id="hidden_outputs_recomputed",
        message="The output neuron's step uses hidden outputs that were computed again after the hidden neurons moved.",
        hint="Keep the hidden outputs of the forward pass and use them in the output neuron's step.",
        step=_hidden_outputs_recomputed,
    ),
    Rule(
        id="forward_repeated",
        message="The hidden neurons' step uses an output that was computed again after the output neuron moved.",
        hint="Run forward once before backward; all deltas of one step come from that one pass.",
        step=_forward_repeated,
    ),
    Rule(
        id="hidden_first_forward_repeated",
        message="The output neuron's step uses a forward pass that was repeated after the hidden neurons moved.",
        hint="Run forward once before backward; all deltas of one step come from that one pass.",
        step=_hidden_first_forward_repeated,
    ),
    Rule(
        id="factor_two_compounded",
        message="The factor 2 of the squared error is applied twice on the way to the hidden neurons: they move twice as far.",
        hint="Use the factor 2 once, either in the error or in the step, but do not pass it back in the error as well.",
        step=_factor_two_compounded,
    ),
)
