"""What run_autograder of a Gradescope zip calls: `python run_tests.py` beside network.py writes results.json."""

from __future__ import annotations

import unittest
from pathlib import Path

import lab_checks
from gradescope_utils.autograder_utils.decorators import weight
from gradescope_utils.autograder_utils.json_test_runner import JSONTestRunner

PATH = Path("network.py")
lab = lab_checks.load(PATH)


class Lab(unittest.TestCase):
    """The lab's checks, a point each."""

    @weight(1)
    def test_imports(self) -> None:
        lab_checks.check_imports(PATH.read_text(encoding="utf-8"))

    @weight(1)
    def test_shapes(self) -> None:
        lab_checks.check_shapes(lab)

    @weight(1)
    def test_forward(self) -> None:
        lab_checks.check_forward(lab)

    @weight(1)
    def test_derivative(self) -> None:
        lab_checks.check_derivative(lab)

    @weight(1)
    def test_neuron_step(self) -> None:
        lab_checks.check_neuron_step(lab)

    @weight(1)
    def test_model_step(self) -> None:
        lab_checks.check_model_step(lab)

    @weight(1)
    def test_loss(self) -> None:
        lab_checks.check_loss(lab)

    @weight(1)
    def test_training(self) -> None:
        lab_checks.check_training(lab)


if __name__ == "__main__":
    suite = unittest.defaultTestLoader.loadTestsFromTestCase(Lab)
    with Path("results.json").open("w", encoding="utf-8") as results:
        JSONTestRunner(visibility="visible", stream=results).run(suite)
