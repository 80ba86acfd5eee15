"""What a suite's measurements and cases rest on: a cached property that keeps its type, how a case ended, what it shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, assert_type

import pytest

from grader.lab import CaseStopped, measurement, side_by_side, unmet

if TYPE_CHECKING:
    from grader.lab import Student
    from grader.labs.xor.driving.calls import FoundValue
    from grader.labs.xor.driving.layout import Layout, Wiring
    from grader.labs.xor.driving.network import Network, NetworkAnswers
    from grader.labs.xor.measurements import Measurements
    from grader.labs.xor.mistakes.diagnosis import Diagnosis
    from grader.labs.xor.mistakes.rules import ModelRule, ModelSteps, NeuronRule, NeuronSteps
    from grader.labs.xor.watched.observed import Observed, TrainingEnd
    from grader.sandbox.replies import Loaded

    def values_keep_their_types(
        measured: Measurements, network: Network, layout: Layout, observed: Observed, student: Student
    ) -> None:
        """Mypy reads this in `make lint`; a decorator that loses a type fails it."""
        assert_type(measured.neuron_steps, NeuronSteps)
        assert_type(measured.neuron_rule, NeuronRule)
        assert_type(measured.model_steps, ModelSteps)
        assert_type(measured.model_rule, ModelRule)
        assert_type(network.answers, NetworkAnswers)
        assert_type(measured.neuron_mistake, Diagnosis | None)
        assert_type(measured.rate_ratio, float | None)
        assert_type(measured.loss_sign, int)
        assert_type(layout.parts, list[FoundValue])
        assert_type(layout.wiring, Wiring)
        assert_type(observed.learned, TrainingEnd)
        assert_type(student.loaded, Loaded)


class Thermometer:
    """Counts how often it is read."""

    def __init__(self) -> None:
        self.readings = 0

    @measurement
    def degrees(self) -> float:
        """The temperature in degrees Celsius."""
        self.readings += 1
        return 21.5

    @measurement
    def pressure(self) -> float:
        """A value that it cannot measure."""
        self.readings += 1
        raise unmet("There is no barometer.")


def test_a_value_is_computed_once() -> None:
    """Each object computes its value at the first access and keeps it."""
    first, second = Thermometer(), Thermometer()

    assert (first.degrees, first.degrees, second.degrees) == (21.5, 21.5, 21.5)
    assert (first.readings, second.readings) == (1, 1)


def test_a_stopped_case_is_raised_again() -> None:
    """A measurement that stopped its case stops the next one with the same CaseStopped, without measuring again."""
    thermometer, stops = Thermometer(), []
    for _ in range(2):
        with pytest.raises(CaseStopped) as stopped:
            _ = thermometer.pressure
        stops.append(stopped.value)

    assert stops[0] is stops[1]
    assert thermometer.readings == 1


def test_the_class_shows_the_documentation() -> None:
    """Accessed on the class, the property is the descriptor with its docstring."""
    assert Thermometer.degrees.__doc__ == "The temperature in degrees Celsius."


@pytest.mark.parametrize(
    ("expected", "actual", "is_shown"),
    [([0.0, 0.0], [0.0, 0.0], False), ([0.1 + 0.2], [0.3], False), ([0.3], [0.3001], True), ("a", "a", False), ([1.0], [1.0, 2.0], True), (1.0, None, True)],
)  # fmt: skip
def test_a_failed_case_does_not_expect_what_came(expected: Any, actual: Any, is_shown: bool) -> None:
    """Expected values are left out if they are the actual ones; else they are shown."""
    (seen,) = unmet("It is wrong.", seen=side_by_side(expected=expected, actual=actual)).outcome.evidence

    assert (seen.expected is not None) == is_shown
