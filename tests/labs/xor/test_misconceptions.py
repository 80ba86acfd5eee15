"""The bank of mistakes: each rule differs from all the others and from the right step."""

from __future__ import annotations

import numpy as np
import pytest

from grader.labs.xor import oracle, probes
from grader.labs.xor.mistakes.diagnosis import RIGHT, diagnose_forward, diagnose_loss, diagnose_network
from grader.labs.xor.mistakes.misconceptions import (
    BANK,
    FORMULAS,
    FORWARD,
    IN_NETWORK,
    IN_NEURON,
    LOSS,
    ORDER_DEFECTS,
    NetworkPass,
    NeuronPass,
    Rule,
)
from grader.labs.xor.mistakes.rules import ModelSteps
from tests.support.mutants import ERRORS_PASSED, LOSS_ASKED, Behaviour, drawn, known, more, mutants, same

RATE = 0.3  # of the texts in mutants.py
# Submissions whose numbers are not their rule's: another rate or error, or the same in the network only.
ANOTHER_WAY = {
    "output_sign", "forward_inputs_swapped", "only_positive_errors", "factor_two_compounded",
    "factor_two_compounded.lists",
}  # fmt: skip
# The very same numbers from two mistakes: turned round once more by the sign of the error, or at this rate.
SAME = {
    "derivative_negated": {"derivative_negated|hidden_sign", "hidden_sign|derivative_negated"},
    "hidden_sign": {"derivative_negated|hidden_sign", "hidden_sign|derivative_negated"},
}


def steps_of(rule: Rule, form: float, rate: float, seed: int) -> ModelSteps:
    """Return the steps of a network that makes this mistake."""
    drawn = probes.network_probes(np.random.default_rng(seed))
    err = drawn.err / abs(rate)
    change = rule.network_step(NetworkPass(drawn.parameters, drawn.x, err, rate, form))
    present = np.ones((3, 3), dtype=bool)
    return ModelSteps(
        probes=drawn, err=err, change=change, small_err=err, small_change=change, present=present, rate=rate
    )


def test_bank_is_complete() -> None:
    """At least 80 rules, each with a unique id, two sentences and a formula of the lecture."""
    assert len(BANK) >= 80
    assert len({rule.id for rule in BANK}) == len(BANK)
    for rule in BANK:
        assert rule.message.endswith(".")
        assert rule.hint.endswith(".")
        assert rule.formula in FORMULAS


def made_by(rule: Rule, seen: Behaviour) -> set[float]:
    """Return the forms in which a rule gives the numbers of a submission."""
    if rule.loss is not None:
        values, returned = rule.loss(*np.array(LOSS_ASKED).T), seen.rest[: len(LOSS_ASKED)]
        return {1.0} if same(values * np.dot(values, returned) / np.dot(values, values), returned) else set()
    parameters, x, err = (array[:, None] for array in (*drawn(), ERRORS_PASSED))  # axes: time, and another
    rate = RATE * np.sign(seen.rest[1])
    network, neuron = NetworkPass(parameters, x, err, rate), NeuronPass(parameters[..., 0, :], x, err, rate)
    if rule in FORWARD:
        outputs = seen.neuron[:, 0] if rule.output is None else rule.output(neuron)[:, 0]
        is_same = same(rule.forward(parameters, x)[:, 0], seen.answers) and same(outputs, seen.neuron[:, 0])
        return {1.0} if is_same else set()
    forms = set()
    for form in rule.forms:
        made = rule.network_step(network.at(rate, form))[:, 0].reshape(-1, 9)
        one = neuron.at(rate, form)
        alone = np.concatenate([rule.neuron_step(one), rule.returned(one)], axis=-1)[:, 0]
        if same(made, seen.steps) and (rule not in IN_NEURON or same(alone, seen.neuron[:, 1:])):
            forms.add(form)
    return forms


def test_rules_make_the_numbers_of_submissions() -> None:
    """A submission with a mistake gives the numbers of its rule in one form, and each form has a submission."""
    seen = {name: (mutant.names, known()[name]) for name, mutant in mutants().items()}
    seen |= {f"more {name}": (frozenset({name.partition(".")[0]}), item) for name, item in more().items()}
    with np.errstate(all="ignore"):  # inputs of 0
        found = {
            (rule.id, name): made_by(rule, item)
            for name, (names, item) in seen.items()
            for rule in BANK
            if rule.id in names
        }

    assert {name for (_, name), forms in found.items() if not forms} == ANOTHER_WAY
    assert max(len(forms) for forms in found.values()) == 1
    made = {rule.id: set().union(*(forms for (name, _), forms in found.items() if name == rule.id)) for rule in BANK}
    assert made == {rule.id: set(rule.forms) for rule in BANK}


@pytest.mark.parametrize("part", [0, *(pytest.param(part, marks=pytest.mark.soak) for part in range(1, 16))])
def test_each_step_has_one_name(part: int) -> None:
    """Steps of a rule, at an unknown rate, are diagnosed as that rule."""
    for rule in IN_NETWORK[part::16]:
        for form in rule.forms:
            diagnosis = diagnose_network(steps_of(rule, form, 0.3, part), [0.27])

            assert diagnosis is not None, rule.id
            assert diagnosis.id in SAME.get(rule.id, {rule.id})
            assert diagnosis.residual < 1e-6
            assert diagnosis.margin > 0.01


def test_right_steps_have_no_name() -> None:
    """The gradient is no mistake, and neither are steps that no rule gives."""
    right = steps_of(RIGHT, 1.0, 0.3, 1)
    changed = ModelSteps(
        probes=right.probes, err=right.err, change=right.change + 0.05, small_err=right.err,
        small_change=right.change, present=right.present, rate=0.3,
    )  # fmt: skip

    assert diagnose_network(right, [0.3]) is None
    assert diagnose_network(changed, [0.3]) is None


def test_two_mistakes_at_once_have_no_wrong_name() -> None:
    """The sum of two mistakes is not diagnosed as a third one, unless that gives the same numbers."""
    rng = np.random.default_rng(5)
    right = steps_of(RIGHT, 1.0, 0.3, 2)
    for _ in range(10):
        first, second = (IN_NETWORK[index] for index in rng.choice(len(IN_NETWORK), 2, replace=False))
        both = sum(steps_of(item, item.forms[0], 0.3, 2).change for item in (first, second)) - right.change
        steps = ModelSteps(
            probes=right.probes, err=right.err, change=both, small_err=right.err, small_change=both,
            present=right.present, rate=0.3,
        )  # fmt: skip

        diagnosis = diagnose_network(steps, [0.3])

        for rule, rate in zip(diagnosis.rules, diagnosis.rates, strict=True) if diagnosis else ():
            made = [
                rule.network_step(NetworkPass(right.probes.parameters, right.probes.x, right.err, rate, form))
                for form in rule.forms
            ]
            assert min(np.abs(item - both).max() for item in made) < 1e-3 * np.abs(both).max(), (first.id, second.id)


def test_forward_and_loss_have_names() -> None:
    """Outputs of a wrong forward and values of a wrong loss are diagnosed as their rule; right ones are not."""
    rng = np.random.default_rng(0)
    parameters, x = rng.uniform(-2, 2, (200, 3, 3)), rng.uniform(-1.5, 1.5, (200, 2))
    y, label = rng.uniform(0.1, 0.9, 6), np.array([1.0, 1, 0, 0, 1, 0])

    assert diagnose_forward(parameters, x, oracle.forward(parameters, x)) is None
    for rule in FORWARD:
        found = diagnose_forward(parameters, x, rule.forward(parameters, x))
        assert found is not None
        assert found.id == rule.id
    assert diagnose_loss(y, label, label - y) is None
    for rule in LOSS:
        assert rule.loss is not None
        found = diagnose_loss(y, label, 0.5 * rule.loss(y, label))
        assert found is not None
        assert found.id == rule.id


def test_minor_defects_are_in_the_bank() -> None:
    """The order defects are rules like the others."""
    assert set(ORDER_DEFECTS) < set(IN_NETWORK)


def test_the_step_of_a_rule_has_the_oracle_s_arguments() -> None:
    """Without a mistake it is the oracle's step, which has the rate in the error."""
    parameters, x = drawn()

    np.testing.assert_allclose(RIGHT.step(parameters, x, ERRORS_PASSED), oracle.step(parameters, x, ERRORS_PASSED))


def test_a_threshold_is_at_zero() -> None:
    """The neuron that outputs 0 or 1 outputs 1 from the sum 0 on."""
    (rule,) = (rule for rule in FORWARD if rule.id == "output_thresholded")
    weights, x = np.array([[0.0, 0.0, bias] for bias in (-0.5, -1e-9, 0.0, 0.5)]), np.zeros((4, 2))

    assert rule.output is not None
    assert rule.output(NeuronPass(weights, x, np.zeros(4))).tolist() == [0, 0, 1, 1]
