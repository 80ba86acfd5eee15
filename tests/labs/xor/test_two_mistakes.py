"""Two mistakes at once: each has its own name, in the case that shows it, and no name is false."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.command import graded
from tests.support.mutants import mutants, paired
from tests.validity import names_in

Write = Callable[..., Path]

# points of the pair at seed 0, and its names
PAIRS: dict[str, tuple[int | None, set[str]]] = {
    "step_with_first_input+bias_without_rate": (76, {"step_with_first_input", "bias_without_rate"}),
    "derivative_missing.constant+error_sign_only": (48, {"derivative_missing", "error_sign_only"}),
    "derivative_of_output+step_with_weighted_input": (48, {"derivative_of_output"}),
    "derivative_is_output.lists+bias_frozen.lists": (76, {"derivative_is_output", "bias_frozen"}),
    "derivative_is_output+bias_without_rate": (76, {"derivative_is_output", "bias_without_rate"}),
    "derivative_negated.used+hidden_outputs_recomputed": (82, {"derivative_negated", "hidden_outputs_recomputed"}),
    "derivative_negated.used+output_weight_shifted": (76, {"derivative_negated", "output_weight_shifted"}),
    "derivative_missing.function+all_multiplied": (35, {"derivative_missing"}),
    "hidden_linear+start_zeros": (72, {"hidden_linear", "start_zeros"}),
    "bias_frozen+forward_repeated": (64, {"bias_frozen"}),
    "only_last_weight_updated+error_squared": (50, {"only_last_weight_updated", "error_squared"}),
    "output_rounded+answer_thresholded": (85, {"output_rounded", "answer_thresholded"}),
    "hidden_frozen+output_bias_frozen": (70, {"bias_frozen|output_bias_frozen"}),
}
CHEAP = "step_with_first_input+bias_without_rate"


@pytest.mark.parametrize(
    "name", [CHEAP, *(pytest.param(name, marks=pytest.mark.soak) for name in PAIRS if name != CHEAP)]
)
def test_each_mistake_has_its_name(name: str, write: Write) -> None:
    """Both mistakes of a pair are named, or the one that the numbers show."""
    pair = paired(*(mutants()[part] for part in name.split("+")))
    assert pair is not None

    report = graded(write(pair.text(0.3)), seed=0)

    assert PAIRS[name] == (report.score, set(names_in(report)))
