"""One mistake in four forms: the template's, under other names, with whole batches, and with functions.

`python -m tests.forms [NAME ...] [--part 1/8]` grades mistakes of the bank in each form and prints those whose points or
names differ.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from grader.labs.xor.mistakes.misconceptions import FORWARD
from tests.support.command import graded
from tests.support.mutants import ARRAYS, MORE, SUM, Mutant, mutants, names_of
from tests.validity import names_in

RATE = 0.3
# A batch adds up four steps, which are too large for these at that rate: their weights are no numbers soon.
DIVERGING = ("linear_activation", "exponential_only", "derivative_at_sum")
NAMES = {
    "Neuron": "Unit", "Model": "Net", "forward": "fire", "backward": "learn", "loss": "gap", "train": "fit", "_weigths": "w",
}  # fmt: skip
XOR = "XOR = [((0, 0), 0), ((0, 1), 1), ((1, 0), 1), ((1, 1), 0)]\n"
LOOP = """for _ in range(4000):
    for x, label in XOR:
        y = CALLfire(x)
        CALLlearn(x, gap(y, label))
"""
BATCH_LOOP = """X, T = np.array([[0.0, 0, 1, 1], [0, 1, 0, 1]]), np.array([0, 1, 1, 0])
net = Net()
for _ in range(4000):
    y = net.fire(X)
    net.learn(X, gap(y, T))
"""
TOTAL = """def total(new, old):
    return old + (new - old).sum(-1, keepdims=np.ndim(new) == 2) if np.size(new) > np.size(old) else new


"""
HIDDEN = "its answers do not show which number is which weight: not gradable, and the report says what was seen"
LOST = "the weights are no numbers after a few steps: not gradable, and the report says so"
STILL = "no weight moves, nothing to watch: not gradable, and the report says so"
LEFT_OUT = {
    "pretrained": "its edit is of a loop that the other forms do not have",
    "rate_ignored": "a rate that nobody passes does not show",
    "rate_squared": "a rate that nobody passes does not show",
    "rate_inverse": "a rate that nobody passes does not show",
    "step_with_absolute_input": "the inputs of XOR have no sign",
    **dict.fromkeys(("weights_not_updated", "derivative_of_relu"), STILL),
    **dict.fromkeys(("derivative_divided", "sigmoid_precedence"), LOST),
    **dict.fromkeys(("output_rounded", "output_thresholded", "answer_rounded", "answer_thresholded"), HIDDEN),
    **dict.fromkeys(("weights_added", "product_of_terms"), HIDDEN),
    "relu_activation": "a neuron whose sum is below 0 answers 0 and hides its weights: the training cannot be led",
}
NOT_IN = {
    (
        "derivative_negated.used",
        "batch",
    ): "single numbers that are passed show whether backward or the model turns the sign",
    (
        "output_of_first_forward",
        "batch",
    ): "a batch keeps a slope for each example: not gradable, and the report says so",
}
# What a training leads to depends on its start, and with a wrong forward also on its own rate.
TRAIN, CONVERGENCE = "xor.train", "xor.convergence"
Table = dict[str, tuple[int | None, frozenset[str]]]


def renamed(text: str) -> str:
    """Return a text with other names, and without its train."""
    text = text[: text.index("\n\ndef train")]
    for old, new in NAMES.items():
        text = re.sub(rf"\b{old}\b", new, text)
    return text


def other_names(text: str) -> str:
    """Return a submission with other names that trains at the top level."""
    return f"{renamed(text)}\n\n{XOR}net = Net()\n{LOOP.replace('CALL', 'net.')}"


def functions(text: str) -> str:
    """Return a submission whose network is functions."""
    classes, _, net = renamed(text).partition("class Net:\n")
    names = sorted(set(re.findall(r"self\.(\w+)(?:, self\.\w+)* = ", net)) | set(re.findall(r", self\.(\w+) = ", net)))
    start, *rest = re.split(r"(?=    def (?:fire|learn)\()", net)
    body = "".join(re.sub(r"^    ", "", line, flags=re.MULTILINE) for line in rest)
    body = re.sub(r"def (\w+)\(self, (.*)\):\n", rf"def \1(\2):\n    global {', '.join(names)}\n", body)
    made = "".join(line.strip() + "\n" for line in start.splitlines()[1:])
    return f"{classes}{(made + body).replace('self.', '')}\n\n{XOR}{LOOP.replace('CALL', '')}"


def batch(text: str) -> str:
    """Return a submission that passes all four examples at once, as columns, and adds up their steps."""
    text = text.replace("np.random.uniform(-1, 1, n_inputs)", "np.random.uniform(-1, 1, (n_inputs, 1))")
    text = text.replace("np.zeros(n_inputs)\n", "np.zeros((n_inputs, 1))\n").replace(
        "np.full(n_inputs, ", "np.full((n_inputs, 1), "
    )
    text = text.replace(SUM, "        self.d = np.dot(self._weigths.T, x)[0] + self.bias\n")
    neuron, _, model = text.partition("class Model")
    head, _, backward = neuron.partition("    def backward")
    backward = re.sub(r"^(        self\.(_weigths|bias) .*\n)", r"        old = self.\2\n\1        self.\2 = total(self.\2, old)\n", backward, flags=re.MULTILINE)  # fmt: skip
    head = head.replace("class Neuron", f"{TOTAL}class Neuron")
    return f"{renamed(f'{head}    def backward{backward}class Model{model}')}\n\n{BATCH_LOOP}"


def is_same_in_batch(text: str) -> bool:
    """Return whether the batch form makes the sum of the steps that the template's form makes one by one."""
    rng = np.random.default_rng(1)
    x, labels = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0.0, 1, 1, 0])
    names: dict[str, Any] = {"__name__": "student"}
    try:
        with np.errstate(all="ignore"):
            exec(batch(text).partition("X, T = ")[0], names)  # noqa: S102  - our own text
            for _ in range(2):
                parameters = rng.uniform(-1, 1, (3, 3))
                net = names["Net"]()
                for neuron, row in zip((net.n1, net.n2, net.n3), parameters, strict=True):
                    neuron.w, neuron.bias = row[:2, None].copy(), row[2]
                net.learn(x.T, names["gap"](net.fire(x.T), labels))
                summed = sum(step_of(text, parameters, item, label) for item, label in zip(x, labels, strict=True))
                made = np.array([[*neuron.w.ravel(), neuron.bias] for neuron in (net.n1, net.n2, net.n3)], dtype=float)
                if not np.allclose(made - parameters, summed, atol=1e-9):
                    return False
    except Exception:
        return False
    return True


def step_of(text: str, parameters: np.ndarray[Any, Any], x: np.ndarray[Any, Any], label: float) -> Any:
    """Return the step (3, 3) that the template's form makes for one example."""
    names: dict[str, Any] = {"__name__": "student"}
    exec(text, names)  # noqa: S102  - our own text
    model = names["Model"]()
    for neuron, row in zip((model.n1, model.n2, model.n3), parameters, strict=True):
        neuron._weigths, neuron.bias = row[:2].copy(), row[2]
    model.backward(x, names["loss"](model.forward(x), label))
    after = [[*neuron._weigths, neuron.bias] for neuron in (model.n1, model.n2, model.n3)]
    return np.array(after, dtype=float) - parameters


def forms(mutant: Mutant) -> Iterator[tuple[str, str]]:
    """Yield the forms of a mistake by name; those written with lists have the first two."""
    text = mutant.text(RATE)
    yield "template", text
    yield "names", other_names(text)
    if mutant.base != ARRAYS:
        return
    yield "functions", functions(text)
    if is_same_in_batch(text) and (mutant.id, "batch") not in NOT_IN:
        yield "batch", batch(mutant.text(RATE / 4 if mutant.id in DIVERGING else RATE))


def bank() -> dict[str, Mutant]:
    """Return every mistake by name, those that `make validity` does not grade included."""
    others = {name: Mutant(id=name, base=ARRAYS, edits=edits, names=names_of(name)) for name, edits in MORE.items()}
    return mutants() | others


def comparable() -> list[str]:
    """Return the mistakes that can be compared."""
    return [name for name in bank() if name.partition(".")[0] not in LEFT_OUT]


def compared(name: str, folder: Path, seed: int = 3) -> Table:
    """Return points and names of a mistake in each form, without those for what a training leads to."""
    is_of_forward = name.partition(".")[0] in {rule.id for rule in FORWARD}
    left_out = {TRAIN, CONVERGENCE} if is_of_forward else {TRAIN}
    found: Table = {}
    for form, text in forms(bank()[name]):
        path = folder / f"{re.sub(r'[^a-z0-9]+', '_', name)}_{form}.py"
        path.write_text(text, encoding="utf-8")
        report = graded(path, seed=seed)
        left = sum(case.points for item in report.criteria for case in item.cases if f"{item.id}.{case.id}" in left_out)
        found[form] = None if report.score is None else report.score - left, names_in(report)
    return found


def main() -> int:
    """Compare and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--part", default="1/1")
    wanted = parser.parse_args()
    part, parts = map(int, wanted.part.split("/"))
    names = wanted.names or comparable()[part - 1 :: parts]
    equal = 0
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            table = compared(name, Path(folder))
            equal += len(set(table.values())) == 1
            if len(set(table.values())) > 1:
                print(name, *(f"{form}: {score} {'/'.join(sorted(named))}" for form, (score, named) in table.items()), sep=" | ", flush=True)  # fmt: skip
    print(f"{equal} of {len(names)} cost the same, by the same name, in every form")
    return equal < len(names)


if __name__ == "__main__":
    sys.exit(main())
