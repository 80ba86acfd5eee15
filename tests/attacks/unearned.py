"""Programs with a right forward whose training is worth nothing: what they get beyond forward, shapes and a loss is unearned.

Each is one of two right programs, the template's classes or a script with a network of its own, with other steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

MOST = 35  # points: shapes, forward and a right loss

CALLS = '''"""The template's calls."""
import numpy as np

SOLVED = [[7.0, 7.0, -3.2], [5.2, 5.2, -7.9], [10.4, -11.1, -4.8]]
CALLED = [0]


def sigmoid(d):
    return 1 / (1 + np.exp(-d))


def loss(y, label):
    return label - y


class Neuron:
    def __init__(self, n):
        self.w = np.random.uniform(-1, 1, n)
        self.b = float(np.random.uniform(-1, 1))
        self.v = np.zeros(n)
        self.index = 0

    def forward(self, x):
        self.x = np.array(x, dtype=float)
        self.y = float(sigmoid(self.w @ self.x + self.b))
        return self.y

    def backward(self, x, loss):
        CALLED[0] += 1
        x = np.array(x, dtype=float)
        STEP
        return BACK


class Model:
    def __init__(self):
        self.n = [Neuron(2), Neuron(2), Neuron(2)]
        for index, neuron in enumerate(self.n):
            neuron.index = index

    def forward(self, x):
        self.h = [self.n[0].forward(x), self.n[1].forward(x)]
        return self.n[2].forward(self.h)

    def backward(self, x, err):
        back = self.n[2].backward(self.h, err)
        self.n[0].backward(x, back[0])
        self.n[1].backward(x, back[1])


def train(model, samples, epochs):
    losses = []
    for _ in range(epochs):
        errors = []
        for x, label in samples:
            errors.append(loss(model.forward(x), label))
            model.backward(x, errors[-1])
        losses.append(float(np.mean(np.square(errors))))
    return losses
'''

SCRIPT = '''"""A script."""
import math
import random

SOLVED = [7.0, 7.0, -3.2, 5.2, 5.2, -7.9, 10.4, -11.1, -4.8]
X = [(0, 0), (0, 1), (1, 0), (1, 1)]


def s(d):
    return 1 / (1 + math.exp(-d))


class Net:
    def __init__(self):
        self.w = [random.uniform(-1, 1) for _ in range(9)]
        self.v = [0.0] * 9

    def answer(self, x1, x2):
        w = self.w
        self.g = s(w[0] * x1 + w[1] * x2 + w[2])
        self.h = s(w[3] * x1 + w[4] * x2 + w[5])
        return s(w[6] * self.g + w[7] * self.h + w[8])


net = Net()
START = list(net.w)
count = 0
for epoch in range(2000):
    for x in X:
        t = x[0] ^ x[1]
        y = net.answer(*x)
        e = t - y
        count += 1
        STEP
for x in X:
    print(x, net.answer(*x))
'''

RIGHT_CALLS = (
    "d = loss * self.y * (1 - self.y); back = d * self.w; self.w = self.w + 0.5 * d * x; self.b += 0.5 * d",
    "back",
)
RIGHT_SCRIPT = (
    "d = e * y * (1 - y); a = d * net.w[6] * net.g * (1 - net.g); b = d * net.w[7] * net.h * (1 - net.h); "
    "net.w = [w + 0.5 * k for w, k in zip(net.w, (a * x[0], a * x[1], a, b * x[0], b * x[1], b, d * net.g, d * net.h, d))]"
)

# Kind of steps: name: (what backward does, what it returns).
OF_CALLS: dict[str, dict[str, tuple[str, str]]] = {
    "noise": {
        "random": ("self.w = self.w + 0.1 * np.random.normal(size=2); self.b += 0.1 * np.random.normal()", "[loss, loss]"),
        "random_of_the_error": ("self.w = self.w + loss * np.random.rand(2); self.b += loss * np.random.rand()", "[loss, loss]"),
        "random_of_its_sign": ("self.w = self.w + np.sign(loss) * np.random.rand() * x; self.b += np.sign(loss) * np.random.rand()", "[loss, loss]"),
        "random_weights_constant_bias": ("self.w = self.w + np.random.normal(size=2); self.b += 0.1", "[loss, loss]"),
        "random_weights_and_errors": ("self.w = self.w + np.random.normal(size=2); self.b += 0.1", "np.random.normal(size=2)"),
        "random_in_one_neuron": ("self.w = self.w + (self.index == 2) * np.random.normal(size=2)", "[0.0, 0.0]"),
        "hebb": ("self.w = self.w + 0.1 * (self.y - 0.5) * np.random.rand(2); self.b += 0.1 * (self.y - 0.5)", "[loss, loss]"),
    },
    "constant": {
        "constant": ("self.w = self.w + 0.01; self.b += 0.01", "[loss, loss]"),
        "constant_back": ("self.w = self.w + 0.01; self.b += 0.01", "[0.01, 0.01]"),
        "constant_times_x": ("self.w = self.w + 0.01 * x; self.b += 0.01", "[loss, loss]"),
        "bias_only": ("self.b += 0.01", "[loss, loss]"),
        "of_the_call": ("self.w = self.w + 0.001 * (CALLED[0] % 7); self.b += 0.001 * (CALLED[0] % 7)", "[loss, loss]"),
        "output": ("self.w = self.w + 0.1 * (self.y - 0.5); self.b += 0.1 * (self.y - 0.5)", "[loss, loss]"),
        "output_times_x": ("self.w = self.w + 0.1 * self.y * x; self.b += 0.1 * self.y", "[loss, loss]"),
        "sum_of_x": ("self.w = self.w + 0.01 * x.sum(); self.b += 0.01", "[loss, loss]"),
    },
    "walk": {
        "walk": ("self.w = self.w + 0.1 * (np.array(SOLVED[self.index][:2]) - self.w); self.b += 0.1 * (SOLVED[self.index][2] - self.b)", "[loss, loss]"),
        "walk_at_corners": (
            "at = np.isin(self.x, (0, 1)).all() or self.index == 2\n"
            "        self.w = self.w + (0.1 * (np.array(SOLVED[self.index][:2]) - self.w) if at else loss)\n"
            "        self.b += 0.1 * (SOLVED[self.index][2] - self.b) if at else 0.0", "[loss, loss]",
        ),
        "leap": ("self.w = np.array(SOLVED[self.index][:2]); self.b = SOLVED[self.index][2]", "[loss, loss]"),
        "leap_later": ("self.w = np.array(SOLVED[self.index][:2]) if CALLED[0] > 100 else self.w + 0.01; self.b = SOLVED[self.index][2]", "[loss, loss]"),
        "decay": ("self.w = 0.99 * self.w; self.b *= 0.99", "[loss, loss]"),
        "growth": ("self.w = 1.01 * self.w; self.b *= 1.01", "[loss, loss]"),
    },
    "walk_of_the_network": {
        "walk_of_model": (
            "return None", "None\n\n    def walk(self):\n"
            "        self.w = self.w + 0.1 * (np.array(SOLVED[self.index][:2]) - self.w)\n"
            "        self.b += 0.1 * (SOLVED[self.index][2] - self.b)",
        ),
    },
    "error_alone": {
        "error_to_all": ("self.w = self.w + 0.1 * loss; self.b += 0.1 * loss", "[loss, loss]"),
        "error_sign_to_all": ("self.w = self.w + 0.1 * np.sign(loss); self.b += 0.1 * np.sign(loss)", "[loss, loss]"),
        "sign_of_the_step": ("self.w = self.w + 0.01 * np.sign(loss * x); self.b += 0.01 * np.sign(loss)", "[loss, loss]"),
        "error_turned_round": ("self.w = self.w[::-1] + 0.1 * loss; self.b = -self.b", "[loss, loss]"),
    },
}  # fmt: skip

OF_SCRIPT: dict[str, dict[str, str]] = {
    "noise": {
        "random": "net.w = [w + random.gauss(0, 0.1) for w in net.w]",
        "random_of_the_error": "net.w = [w + 0.1 * e * random.random() for w in net.w]",
        "random_of_its_sign": "net.w = [w + math.copysign(random.random() / 10, e) * k for w, k in zip(net.w, (*x, 1, *x, 1, net.g, net.h, 1))]",
        "hebb": "net.w = [w + 0.1 * (y - 0.5) * random.random() for w in net.w]",
        "momentum_of_noise": "net.v = [0.9 * v + random.gauss(0, 0.01) for v in net.v]; net.w = [w + v for w, v in zip(net.w, net.v)]",
        "noise_of_rounding": "net.w = [w + random.gauss(0, 1e-15) for w in net.w]",
        "noise_near_rounding": "net.w = [w + random.gauss(0, 1e-13) for w in net.w]",
        "one_weight": "net.w = list(net.w); net.w[random.randrange(9)] += random.choice((-0.3, 0.3))",
        "random_output_neuron": "net.w = net.w[:6] + [w + random.gauss(0, 0.1) for w in net.w[6:]]",
        "random_hidden_bias_output": "net.w = [w + random.gauss(0, 0.1) for w in net.w[:8]] + [net.w[8] + 0.01]",
    },
    "coordinate": {
        "coordinate": (
            "net.w, i = list(net.w), random.randrange(9)\n        net.w[i] += 0.3\n"
            "        if (net.answer(*x) - t) ** 2 > e * e: net.w[i] -= 0.6"
        ),
        "in_turn": "net.w = list(net.w); net.w[count % 9] += 0.1 * e",
    },
    "constant": {
        "constant": "net.w = [w + 0.001 for w in net.w]",
        "constant_times_inputs": "net.w = [w + 0.001 * k for w, k in zip(net.w, (*x, 1, *x, 1, net.g, net.h, 1))]",
        "to_and_fro": "net.w = [w + (-1) ** count * 0.01 for w in net.w]",
        "sign": "net.w = [w + math.copysign(0.01, e) for w in net.w]",
        "sign_times_inputs": "net.w = [w + math.copysign(0.01, e) * k for w, k in zip(net.w, (*x, 1, *x, 1, net.g, net.h, 1))]",
        "biases": "net.w = [w + 0.01 * (i % 3 == 2) for i, w in enumerate(net.w)]",
        "label": "net.w = [w + 0.01 * (t - 0.5) for w in net.w]",
    },
    "walk": {
        "walk": "net.w = [w + 0.05 * (k - w) for w, k in zip(net.w, SOLVED)]",
        "even_walk": "net.w = [w + (k - b) / 4000 for w, b, k in zip(net.w, START, SOLVED)]",
        "walk_by_the_error": "net.w = [w + 0.05 * abs(e) * (k - w) for w, k in zip(net.w, SOLVED)]",
        "leap_later": "net.w = list(SOLVED) if count > 40 else [w + 0.001 for w in net.w]",
        "decay": "net.w = [0.999 * w for w in net.w]",
        "path": "p = min(1, count / 900); net.w = [b + p * (k - b) for b, k in zip(START, SOLVED)]",
    },
    "error_alone": {
        "error_to_all": "net.w = [w + 0.1 * e for w in net.w]",
        "error_times_weight": "net.w = [w + 0.1 * e * abs(w) ** 0.5 for w in net.w]",
    },
    "playback": {
        "playback": "net.w = list(TABLE[min(count, len(TABLE) - 1)])",
        "playback_in_place": "net.w[:] = TABLE[count] if count < 60 else TABLE[-1]",
        "played_steps": "net.w = [w + a - b for w, a, b in zip(net.w, TABLE[min(count, len(TABLE) - 1)], TABLE[min(count, len(TABLE)) - 1])]",
    },
}  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Unearned:
    """One program: its kind, its text, and the same program with right steps."""

    id: str
    kind: str
    text: str
    control: str


def programs() -> dict[str, Unearned]:
    """Return all programs by their id."""
    found = []
    for kind, some in OF_CALLS.items():
        for name, (step, back) in some.items():
            found.append(
                Unearned(id=f"calls.{name}", kind=kind, text=of_calls(step, back), control=of_calls(*RIGHT_CALLS))
            )
    for kind, steps in OF_SCRIPT.items():
        for name, line in steps.items():
            found.append(
                Unearned(id=f"script.{name}", kind=kind, text=of_script(line), control=of_script(RIGHT_SCRIPT))
            )
    return {one.id: one for one in found}


def of_calls(step: str, back: str) -> str:
    """Return the template's classes with these steps; where the model walks, it does not ask its neurons to."""
    text = CALLS.replace("STEP", step).replace("BACK", back)
    if "def walk" in back:
        start, end = text.index("        back = self.n[2]"), text.index("\n\ndef train")
        text = text[:start] + "        for neuron in self.n:\n            neuron.walk()\n" + text[end:]
    return text


def of_script(step: str) -> str:
    """Return the script with these steps; where they are played back, with the weights of a run of the right one."""
    text = SCRIPT.replace("STEP", step)
    return (
        text.replace("net = Net()", f"TABLE = {played()!r}\nnet = Net()\nnet.w = list(TABLE[0])")
        if "TABLE" in step
        else text
    )


@cache
def played() -> list[list[float]]:
    """Return the weights of the right script before and after each of its first steps, and those at its end."""
    seen: list[list[float]] = []
    names = {"__name__": "mate", "seen": seen, "print": lambda *_: None}
    exec("import random\nrandom.seed(3)\n" + SCRIPT.replace("STEP", f"seen.append(list(net.w)); {RIGHT_SCRIPT}"), names)  # noqa: S102
    return [*seen[:160], seen[-1]]
