"""Programs with a right forward whose training is worth nothing: what they get beyond forward, shapes and a loss is unearned.

Each is one of two right programs, the template's classes or a script with a network of its own, with other steps. Those of
PARTLY have a part that is right, and get what it is worth.
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
    "search": {
        "hill_climbing": ("e = abs(loss); back = self.v if e > getattr(self, 'e', 9) else self.w; self.e = e\n        self.v = self.w; self.w = back + 0.1 * np.random.normal(size=2); self.b += 0.1 * np.random.normal()", "[loss, loss]"),
        "perturbation": ("r = 0.01 * np.random.normal(size=2); before = self.y; self.w = self.w + r; moved = self.forward(x) - before\n        self.w = self.w + 10 * loss * moved * r; self.b += 10 * loss * moved", "[loss, loss]"),
        "weight_perturbation_of_error": ("r = np.random.choice((-0.01, 0.01), 2); self.w = self.w + r * np.sign(loss * (self.w + r - self.w) @ x); self.b += 0.01 * np.sign(loss)", "[loss, loss]"),
        "evolution": ("self.w = max((self.w + 0.1 * np.random.normal(size=2) for _ in range(5)), key=lambda w: loss * float(w @ x)); self.b += 0.05 * np.sign(loss)", "[loss, loss]"),
        "annealing": ("self.w = self.w + np.random.normal(size=2) / CALLED[0]; self.b += np.random.normal() / CALLED[0]", "[loss, loss]"),
        "best_of_grid": ("self.w = min(((self.w + np.array(s) * 0.1) for s in ((0, 1), (1, 0), (0, -1), (-1, 0))), key=lambda w: abs(self.y + loss - sigmoid(w @ x + self.b)))", "[loss, loss]"),
        "reinforce": ("a = np.random.rand() < self.y; self.w = self.w + 0.1 * loss * (a - self.y) * x; self.b += 0.1 * loss * (a - self.y)", "[loss, loss]"),
    },
    "hebb": {
        "hebb_with_label": ("self.w = self.w + 0.1 * (2 * (self.y + loss) - 1) * x; self.b += 0.1 * (2 * (self.y + loss) - 1)", "[loss, loss]"),
        "hebb_plain": ("self.w = self.w + 0.1 * self.y * x; self.b += 0.1 * self.y", "[self.y, self.y]"),
        "oja": ("self.w = self.w + 0.1 * self.y * (x - self.y * self.w); self.b += 0.1 * self.y * (1 - self.y * self.b)", "[loss, loss]"),
        "anti_hebb": ("self.w = self.w - 0.1 * (self.y - 0.5) * (x - 0.5); self.b -= 0.1 * (self.y - 0.5)", "[loss, loss]"),
        "covariance": ("self.m = 0.9 * getattr(self, 'm', 0.5) + 0.1 * self.y; self.w = self.w + 0.1 * (self.y - self.m) * x; self.b += 0.1 * (self.y - self.m)", "[loss, loss]"),
        "bcm": ("self.w = self.w + 0.1 * self.y * (self.y - 0.5) * x; self.b += 0.1 * self.y * (self.y - 0.5)", "[loss, loss]"),
    },
    "label": {
        "label_only": ("t = round(self.y + loss); self.w = self.w + 0.1 * (t - 0.5); self.b += 0.1 * (t - 0.5)", "[loss, loss]"),
        "label_times_x": ("t = round(self.y + loss); self.w = self.w + 0.1 * (t - 0.5) * x; self.b += 0.1 * (t - 0.5)", "[loss, loss]"),
        "sign_of_target": ("self.w = self.w + 0.1 * np.sign(self.y + loss) * x; self.b += 0.1 * np.sign(self.y + loss)", "[loss, loss]"),
    },
    "sign": {
        "rprop": ("g = np.sign(loss * x); self.v = np.where(g == np.sign(self.v), 1.2, 0.5) * np.abs(self.v) + 0.01; self.v = self.v * g; self.w = self.w + self.v; self.b += 0.01 * np.sign(loss)", "[loss, loss]"),
        "sign_of_gradient": ("d = loss * self.y * (1 - self.y); self.w = self.w + 0.05 * np.sign(d * x); self.b += 0.05 * np.sign(d)", "[loss, loss]"),
        "one_unit_of_gradient": ("d = loss * self.y * (1 - self.y); g = np.append(d * x, d); g = 0.05 * g / (np.abs(g).max() + 1e-12); self.w = self.w + g[:2]; self.b += g[2]", "[loss, loss]"),
    },
    "table": {
        "hash_of_input": ("r = np.random.default_rng(abs(hash((round(float(x[0]), 3), round(float(x[1]), 3)))) % 2**32); self.w = self.w + 0.1 * r.normal(size=2); self.b += 0.1 * r.normal()", "[loss, loss]"),
        "hash_of_input_and_error": ("r = np.random.default_rng(abs(hash((round(float(x[0]), 3), round(float(x[1]), 3), round(float(loss), 3)))) % 2**32); self.w = self.w + loss * r.normal(size=2); self.b += loss * r.normal()", "[loss, loss]"),
        "corners_only": ("TABLE = {(0, 0): -1, (0, 1): 1, (1, 0): 1, (1, 1): -1}; k = TABLE.get(tuple(x), 0); self.w = self.w + 0.1 * k * x; self.b += 0.1 * k", "[loss, loss]"),
    },
    "direction": {
        "fixed_direction": ("r = np.random.default_rng(self.index).normal(size=3); self.w = self.w + loss * r[:2]; self.b += loss * r[2]", "[loss, loss]"),
        "fixed_direction_times_x": ("r = np.random.default_rng(self.index).normal(size=3); self.w = self.w + loss * r[:2] * x; self.b += loss * r[2]", "[loss, loss]"),
        "walk_by_error": ("self.w = self.w + 0.1 * abs(loss) * (np.array(SOLVED[self.index][:2]) - self.w); self.b += 0.1 * abs(loss) * (SOLVED[self.index][2] - self.b)", "[loss, loss]"),
        "walk_by_slope": ("s = abs(loss) * self.y * (1 - self.y); self.w = self.w + s * (np.array(SOLVED[self.index][:2]) - self.w); self.b += s * (SOLVED[self.index][2] - self.b)", "[loss, loss]"),
        "sine": ("self.w = self.w + 0.1 * np.sin(CALLED[0]) * x; self.b += 0.1 * np.sin(CALLED[0])", "[loss, loss]"),
        "random_rate": ("k = loss * np.random.rand(); self.w = self.w + k * x; self.b += k", "[loss, loss]"),
        "output_times_error": ("self.w = self.w + loss * self.y; self.b += loss * self.y", "[loss, loss]"),
        "error_cubed_to_all": ("self.w = self.w + loss**3; self.b += loss**3", "[loss, loss]"),
        "gradient_elsewhere": ("w = np.array(SOLVED[self.index]); y = sigmoid(w[:2] @ x + w[2]); d = loss * y * (1 - y); self.w = self.w + 0.5 * d * w[:2]; self.b += 0.5 * d * w[2]", "[d * self.w[0], 0.0]"),
    },
    "closed_form": {
        "inverse_of_the_sum": ("t = np.clip(self.y + loss, 0.01, 0.99); d = np.log(t / (1 - t)); self.w = self.w + 0.1 * (d - self.w @ x - self.b) * x / (x @ x + 1); self.b += 0.1 * (d - self.w @ x - self.b)", "[loss, loss]"),
        "normal_equations": ("self.seen = [*getattr(self, 'seen', []), (*x, 1.0, self.y + loss)][-8:]; s = np.array(self.seen); k = np.linalg.lstsq(s[:, :3], 8 * s[:, 3] - 4, rcond=None)[0]; self.w = k[:2]; self.b = float(k[2])", "[loss, loss]"),
    },
    "right_at_first": {
        "walk_at_the_corners_alone": (
            "at = self.index < 2 and np.isin(self.x, (0, 1)).all(); d = loss * self.y * (1 - self.y); back = d * self.w\n"
            "        self.w = self.w + (0.1 * (np.array(SOLVED[self.index][:2]) - self.w) if at else 0.5 * d * x)\n"
            "        self.b += 0.1 * (SOLVED[self.index][2] - self.b) if at else 0.5 * d", "back",
        ),
        "right_for_small_weights": (
            "d = loss * self.y * (1 - self.y); back = d * self.w; k = np.abs(self.w).max() < 2.1\n"
            "        self.w = self.w + (0.5 * d * x if k else 0.05 * (np.array(SOLVED[self.index][:2]) - self.w))\n"
            "        self.b += 0.5 * d if k else 0.05 * (SOLVED[self.index][2] - self.b)", "back",
        ),
        "right_where_nobody_trains": (
            "import sys; f, k = sys._getframe(), True\n"
            "        while f: k = k and f.f_code.co_name != 'train'; f = f.f_back\n"
            "        d = loss * self.y * (1 - self.y); back = d * self.w\n"
            "        self.w = self.w + (0.5 * d * x if k else 0.05 * (np.array(SOLVED[self.index][:2]) - self.w))\n"
            "        self.b += 0.5 * d if k else 0.05 * (SOLVED[self.index][2] - self.b)", "back",
        ),
    },
    "partly": {
        "right_bias_random_weights": ("d = loss * self.y * (1 - self.y); self.w = self.w + 0.1 * np.random.normal(size=2); self.b += 0.5 * d", "[loss, loss]"),
        "right_errors_random_steps": ("d = loss * self.y * (1 - self.y); back = d * self.w; self.w = self.w + np.random.normal(size=2); self.b += np.random.normal()", "back"),
        "random_output_neuron": ("d = loss * self.y * (1 - self.y); back = d * self.w; self.w = self.w + (0.5 * d * x if self.index < 2 else 0.1 * np.random.normal(size=2)); self.b += 0.5 * d if self.index < 2 else 0.1", "back"),
        "random_hidden_neurons": ("d = loss * self.y * (1 - self.y); back = d * self.w; self.w = self.w + (0.5 * d * x if self.index > 1 else 0.1 * np.random.normal(size=2)); self.b += 0.5 * d if self.index > 1 else 0.1", "back"),
        "random_feedback": ("d = loss * self.y * (1 - self.y); back = d * np.random.default_rng(1).normal(size=2); self.w = self.w + 0.5 * d * x; self.b += 0.5 * d", "back"),
        "right_half_of_the_time": ("d = loss * self.y * (1 - self.y) * (CALLED[0] % 2); back = d * self.w; self.w = self.w + 0.5 * d * x; self.b += 0.5 * d", "back"),
        "random_mask": ("d = loss * self.y * (1 - self.y); back = d * self.w; m = np.random.rand(3) < 0.5; self.w = self.w + 0.5 * d * x * m[:2]; self.b += 0.5 * d * m[2]", "back"),
        "random_positive_rate": ("d = loss * self.y * (1 - self.y); back = d * self.w; r = np.random.rand(); self.w = self.w + r * d * x; self.b += r * d", "back"),
        "noisy_gradient": ("d = loss * self.y * (1 - self.y); back = d * self.w; self.w = self.w + 0.5 * d * x + 0.05 * np.random.normal(size=2); self.b += 0.5 * d + 0.05 * np.random.normal()", "back"),
        "right_at_first_then_walk": ("d = loss * self.y * (1 - self.y); back = d * self.w; k = CALLED[0] < 200; self.w = self.w + (0.5 * d * x if k else 0.05 * (np.array(SOLVED[self.index][:2]) - self.w)); self.b += 0.5 * d if k else 0.05 * (SOLVED[self.index][2] - self.b)", "back"),
        "right_at_first": ("d = loss * self.y * (1 - self.y) if CALLED[0] < 200 else 0.1; back = d * self.w; self.w = self.w + 0.5 * d * x; self.b += 0.5 * d", "back"),
        "normalised_error": ("k = loss / (x @ x + 1); self.w = self.w + k * x; self.b += k", "[loss, loss]"),
        "remembered_first_step": ("d = loss * self.y * (1 - self.y); self.m = getattr(self, 'm', None) or (0.5 * d * x, 0.5 * d); self.w = self.w + self.m[0]; self.b += self.m[1]", "[loss, loss]"),
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
        "interpolated": "p = min(count / 3, len(TABLE) - 2); i = int(p); net.w = [a + (p - i) * (b - a) for a, b in zip(TABLE[i], TABLE[i + 1])]",
        "scaled_steps": "i = min(count, len(TABLE) - 2); net.w = [w + 0.9 * (b - a) for w, a, b in zip(net.w, TABLE[i], TABLE[i + 1])]",
        "noisy": "net.w = [w + random.gauss(0, 0.001) for w in TABLE[min(count, len(TABLE) - 1)]]",
        "pulled_to_the_table": "net.w = [w + 0.5 * (k - w) for w, k in zip(net.w, TABLE[min(count, len(TABLE) - 1)])]",
        "steps_of_the_nearest": "i = min(range(len(TABLE) - 2), key=lambda i: sum((a - b) ** 2 for a, b in zip(TABLE[i], net.w))); net.w = [w + b - a for w, a, b in zip(net.w, TABLE[i], TABLE[i + 1])]",
    },
    "search": {
        "hill_climbing": "old = list(net.w); net.w = [w + random.gauss(0, 0.3) for w in net.w]\n        if sum((net.answer(*k) - (k[0] ^ k[1])) ** 2 for k in X) > net.v[0] > 0: net.w = old\n        else: net.v[0] = sum((net.answer(*k) - (k[0] ^ k[1])) ** 2 for k in X)",
        "spsa": "r = [random.choice((-0.01, 0.01)) for _ in range(9)]; old = list(net.w); net.w = [w + k for w, k in zip(old, r)]; c = ((net.answer(*x) - t) ** 2 - e * e) / 0.0001\n        net.w = [w - 0.3 * c * k * 0.01 for w, k in zip(old, r)]",
        "evolution": "found = [[w + random.gauss(0, 0.2) for w in net.w] for _ in range(4)] + [list(net.w)]; scored = []\n        for one in found: net.w = one; scored.append((sum((net.answer(*k) - (k[0] ^ k[1])) ** 2 for k in X), one))\n        net.w = min(scored)[1]",
        "annealing": "net.w = [w + random.gauss(0, 1) / count for w in net.w]",
        "one_at_a_time_up_or_down": "i = count % 9; net.w = list(net.w); net.w[i] += 0.05\n        if (net.answer(*x) - t) ** 2 > e * e: net.w[i] -= 0.1",
        "pattern_search": "i = count % 9; old = list(net.w); best = (e * e, old)\n        for k in (0.1, -0.1): net.w = [w + k * (j == i) for j, w in enumerate(old)]; best = min(best, ((net.answer(*x) - t) ** 2, net.w))\n        net.w = best[1]",
        "node_perturbation": "r = random.gauss(0, 0.1); old = list(net.w); net.w = [w + r * (i in (2, 5, 8)) for i, w in enumerate(old)]; c = e * e - (net.answer(*x) - t) ** 2\n        net.w = [w + c * r * k * 10 for w, k in zip(old, (*x, 1, *x, 1, net.g, net.h, 1))]",
    },
    "finite": {
        "one_weight_by_difference": "i = random.randrange(9); old = list(net.w); net.w = [w + 0.0001 * (j == i) for j, w in enumerate(old)]; c = ((net.answer(*x) - t) ** 2 - e * e) / 0.0001\n        net.w = [w - 0.5 * c * (j == i) for j, w in enumerate(old)]",
        "coarse_difference": "old = list(net.w); c = []\n        for i in range(9): net.w = [w + 0.5 * (j == i) for j, w in enumerate(old)]; c.append((net.answer(*x) - t) ** 2 - e * e)\n        net.w = [w - 0.5 * k for w, k in zip(old, c)]",
    },
    "hebb": {
        "hebb_with_label": "net.w = [w + 0.1 * (2 * t - 1) * k for w, k in zip(net.w, (*x, 1, *x, 1, net.g, net.h, 1))]",
        "oja": "net.w = [w + 0.1 * y * (k - y * w) for w, k in zip(net.w, (*x, 1, *x, 1, net.g, net.h, 1))]",
    },
    "sign": {
        "rprop": "q = [math.copysign(1, e * k) for k in (*x, 1, *x, 1, net.g, net.h, 1)]; net.v = [(1.2 if v * k > 0 else 0.5) * abs(v) * k + 0.001 * k for v, k in zip(net.v, q)]\n        net.w = [w + v for w, v in zip(net.w, net.v)]",
        "sign_of_gradient": "d = e * y * (1 - y); a = d * net.w[6] * net.g * (1 - net.g); b = d * net.w[7] * net.h * (1 - net.h)\n        net.w = [w + math.copysign(0.02, k) for w, k in zip(net.w, (a * x[0], a * x[1], a, b * x[0], b * x[1], b, d * net.g, d * net.h, d))]",
    },
    "label": {
        "label_times_inputs": "net.w = [w + 0.05 * (t - 0.5) * k for w, k in zip(net.w, (*x, 1, *x, 1, net.g, net.h, 1))]",
        "walk_by_label": "net.w = [w + 0.05 * t * (k - w) for w, k in zip(net.w, SOLVED)]",
    },
    "table": {
        "hash_of_input": "r = random.Random(hash(x) % 1000); net.w = [w + r.gauss(0, 0.02) for w in net.w]",
        "hash_of_input_times_error": "r = random.Random(hash(x) % 1000); net.w = [w + e * r.gauss(0, 0.2) for w in net.w]",
        "known_signs": "net.w = [w + 0.01 * math.copysign(1, k) for w, k in zip(net.w, SOLVED)]",
    },
    "closed_form": {
        "towards_least_squares": "rows = [(net.answer(*k), net.g, net.h) for k in X]; m = [sum((8 * (k[0] ^ k[1]) - 4) * r[j] for k, r in zip(X, rows)) / 4 for j in (1, 2)]\n        net.w = net.w[:6] + [w + 0.1 * (k - w) for w, k in zip(net.w[6:], (*m, -1))]",
        "inverse_of_the_sum": "d = math.log((0.9 * t + 0.05) / (0.95 - 0.9 * t)) - math.log(y / (1 - y)); net.w = [w + 0.1 * d * k for w, k in zip(net.w, (*x, 1, *x, 1, net.g, net.h, 1))]",
    },
    "right_at_first": {
        "walk_after_100": "d = e * y * (1 - y); a = d * net.w[6] * net.g * (1 - net.g); b = d * net.w[7] * net.h * (1 - net.h)\n        if count < 100: net.w = [w + 0.5 * k for w, k in zip(net.w, (a * x[0], a * x[1], a, b * x[0], b * x[1], b, d * net.g, d * net.h, d))]\n        else: net.w = [w + 0.05 * (k - w) for w, k in zip(net.w, SOLVED)]",
        "walk_after_400": "d = e * y * (1 - y); a = d * net.w[6] * net.g * (1 - net.g); b = d * net.w[7] * net.h * (1 - net.h)\n        if count < 400: net.w = [w + 0.5 * k for w, k in zip(net.w, (a * x[0], a * x[1], a, b * x[0], b * x[1], b, d * net.g, d * net.h, d))]\n        else: net.w = [w + 0.05 * (k - w) for w, k in zip(net.w, SOLVED)]",
        "walk_after_3_epochs": "d = e * y * (1 - y); a = d * net.w[6] * net.g * (1 - net.g); b = d * net.w[7] * net.h * (1 - net.h)\n        if epoch < 3: net.w = [w + 0.5 * k for w, k in zip(net.w, (a * x[0], a * x[1], a, b * x[0], b * x[1], b, d * net.g, d * net.h, d))]\n        else: net.w = [w + 0.05 * (k - w) for w, k in zip(net.w, SOLVED)]",
        "slow_walk_after_200": "d = e * y * (1 - y); a = d * net.w[6] * net.g * (1 - net.g); b = d * net.w[7] * net.h * (1 - net.h)\n        if count < 200: net.w = [w + 0.5 * k for w, k in zip(net.w, (a * x[0], a * x[1], a, b * x[0], b * x[1], b, d * net.g, d * net.h, d))]\n        else: net.w = [w + 0.002 * (k - w) for w, k in zip(net.w, SOLVED)]",
        "leap_after_100": "d = e * y * (1 - y); a = d * net.w[6] * net.g * (1 - net.g); b = d * net.w[7] * net.h * (1 - net.h)\n        if count < 100: net.w = [w + 0.5 * k for w, k in zip(net.w, (a * x[0], a * x[1], a, b * x[0], b * x[1], b, d * net.g, d * net.h, d))]\n        else: net.w = list(SOLVED)",
        "leap_after_400": "d = e * y * (1 - y); a = d * net.w[6] * net.g * (1 - net.g); b = d * net.w[7] * net.h * (1 - net.h)\n        if count < 400: net.w = [w + 0.5 * k for w, k in zip(net.w, (a * x[0], a * x[1], a, b * x[0], b * x[1], b, d * net.g, d * net.h, d))]\n        else: net.w = list(SOLVED)",
        "leap_once_after_400": "d = e * y * (1 - y); a = d * net.w[6] * net.g * (1 - net.g); b = d * net.w[7] * net.h * (1 - net.h)\n        if count != 400: net.w = [w + 0.5 * k for w, k in zip(net.w, (a * x[0], a * x[1], a, b * x[0], b * x[1], b, d * net.g, d * net.h, d))]\n        else: net.w = list(SOLVED)",
        "noise_after_100": "d = e * y * (1 - y); a = d * net.w[6] * net.g * (1 - net.g); b = d * net.w[7] * net.h * (1 - net.h)\n        if count < 100: net.w = [w + 0.5 * k for w, k in zip(net.w, (a * x[0], a * x[1], a, b * x[0], b * x[1], b, d * net.g, d * net.h, d))]\n        else: net.w = [w + random.gauss(0.1 * (k - w), 0.05) for w, k in zip(net.w, SOLVED)]",
        "playback_after_100": "d = e * y * (1 - y); a = d * net.w[6] * net.g * (1 - net.g); b = d * net.w[7] * net.h * (1 - net.h)\n        if count < 100: net.w = [w + 0.5 * k for w, k in zip(net.w, (a * x[0], a * x[1], a, b * x[0], b * x[1], b, d * net.g, d * net.h, d))]\n        else: net.w = list(TABLE[min(count - 100, len(TABLE) - 1)])",
        "now_and_then_a_walk": "d = e * y * (1 - y); a = d * net.w[6] * net.g * (1 - net.g); b = d * net.w[7] * net.h * (1 - net.h)\n        if count % 50: net.w = [w + 0.5 * k for w, k in zip(net.w, (a * x[0], a * x[1], a, b * x[0], b * x[1], b, d * net.g, d * net.h, d))]\n        else: net.w = [w + 0.3 * (k - w) for w, k in zip(net.w, SOLVED)]",
        "right_for_small_weights": "d = e * y * (1 - y); a = d * net.w[6] * net.g * (1 - net.g); b = d * net.w[7] * net.h * (1 - net.h)\n        if max(map(abs, net.w)) < 1.5: net.w = [w + 0.5 * k for w, k in zip(net.w, (a * x[0], a * x[1], a, b * x[0], b * x[1], b, d * net.g, d * net.h, d))]\n        else: net.w = [w + 0.05 * (k - w) for w, k in zip(net.w, SOLVED)]",
        "right_for_large_errors": "d = e * y * (1 - y); a = d * net.w[6] * net.g * (1 - net.g); b = d * net.w[7] * net.h * (1 - net.h)\n        if abs(e) > 0.45: net.w = [w + 0.5 * k for w, k in zip(net.w, (a * x[0], a * x[1], a, b * x[0], b * x[1], b, d * net.g, d * net.h, d))]\n        else: net.w = [w + 0.05 * (k - w) for w, k in zip(net.w, SOLVED)]",
        "right_by_the_clock": "import time; d = e * y * (1 - y); a = d * net.w[6] * net.g * (1 - net.g); b = d * net.w[7] * net.h * (1 - net.h)\n        if time.process_time() % 0.02 < 0.01: net.w = [w + 0.5 * k for w, k in zip(net.w, (a * x[0], a * x[1], a, b * x[0], b * x[1], b, d * net.g, d * net.h, d))]\n        else: net.w = [w + 0.05 * (k - w) for w, k in zip(net.w, SOLVED)]",
        "right_while_profiled": "import sys; d = e * y * (1 - y); a = d * net.w[6] * net.g * (1 - net.g); b = d * net.w[7] * net.h * (1 - net.h)\n        if sys.getprofile(): net.w = [w + 0.5 * k for w, k in zip(net.w, (a * x[0], a * x[1], a, b * x[0], b * x[1], b, d * net.g, d * net.h, d))]\n        else: net.w = [w + 0.05 * (k - w) for w, k in zip(net.w, SOLVED)]",
        "right_while_not_counted": "import sys; d = e * y * (1 - y); a = d * net.w[6] * net.g * (1 - net.g); b = d * net.w[7] * net.h * (1 - net.h)\n        if not any(name in str(sys._getframe(0).f_code) + str(Net.answer.__code__) for name in ('counted', 'followers')): net.w = [w + 0.5 * k for w, k in zip(net.w, (a * x[0], a * x[1], a, b * x[0], b * x[1], b, d * net.g, d * net.h, d))]\n        else: net.w = [w + 0.05 * (k - w) for w, k in zip(net.w, SOLVED)]",
        "right_hidden_walk_output": "d = e * y * (1 - y); a = d * net.w[6] * net.g * (1 - net.g); b = d * net.w[7] * net.h * (1 - net.h)\n        net.w = [w + 0.5 * k for w, k in zip(net.w[:6], (a * x[0], a * x[1], a, b * x[0], b * x[1], b))] + [w + 0.05 * (k - w) for w, k in zip(net.w[6:], SOLVED[6:])]",
    },
    "partly": {
        "random_hidden": "d = e * y * (1 - y); net.w = [w + random.gauss(0, 0.05) for w in net.w[:6]] + [w + 0.5 * d * k for w, k in zip(net.w[6:], (net.g, net.h, 1))]",
        "frozen_random_hidden": "d = e * y * (1 - y); net.w = net.w[:6] + [w + 0.5 * d * k for w, k in zip(net.w[6:], (net.g, net.h, 1))]",
        "random_output": "d = e * y * (1 - y); a = d * net.w[6] * net.g * (1 - net.g); b = d * net.w[7] * net.h * (1 - net.h)\n        net.w = [w + 0.5 * k for w, k in zip(net.w[:6], (a * x[0], a * x[1], a, b * x[0], b * x[1], b))] + [w + random.gauss(0, 0.1) for w in net.w[6:]]",
        "random_rate": "d = e * y * (1 - y) * random.random(); a = d * net.w[6] * net.g * (1 - net.g); b = d * net.w[7] * net.h * (1 - net.h)\n        net.w = [w + 0.5 * k for w, k in zip(net.w, (a * x[0], a * x[1], a, b * x[0], b * x[1], b, d * net.g, d * net.h, d))]",
        "noisy_gradient": "d = e * y * (1 - y); a = d * net.w[6] * net.g * (1 - net.g); b = d * net.w[7] * net.h * (1 - net.h)\n        net.w = [w + 0.5 * k + random.gauss(0, 0.02) for w, k in zip(net.w, (a * x[0], a * x[1], a, b * x[0], b * x[1], b, d * net.g, d * net.h, d))]",
        "random_mask": "d = e * y * (1 - y); a = d * net.w[6] * net.g * (1 - net.g); b = d * net.w[7] * net.h * (1 - net.h)\n        net.w = [w + 0.5 * k * (random.random() < 0.5) for w, k in zip(net.w, (a * x[0], a * x[1], a, b * x[0], b * x[1], b, d * net.g, d * net.h, d))]",
        "delta_rule_everywhere": "net.w = [w + 0.1 * e * k for w, k in zip(net.w, (*x, 1, *x, 1, net.g, net.h, 1))]",
        "own_outputs": "net.w = [w + 0.1 * e * k * a for w, k, a in zip(net.w, (*x, 1, *x, 1, net.g, net.h, 1), (net.g,) * 3 + (net.h,) * 3 + (y,) * 3)]",
    },
}  # fmt: skip

# Some part of these is right, and counts: a bias, returned errors, one layer, one step in two, the first two hundred steps.
PARTLY = {
    "calls.right_bias_random_weights": 56,
    "calls.right_errors_random_steps": 56,
    "calls.random_output_neuron": 79,
    "calls.random_hidden_neurons": 62,
    "calls.random_feedback": 84,
    "calls.right_half_of_the_time": 75,
    "calls.random_mask": 56,
    "calls.random_positive_rate": 56,
    "calls.noisy_gradient": 56,
    "calls.right_at_first_then_walk": 90,
    "calls.right_at_first": 90,
    "calls.normalised_error": 69,
    "calls.remembered_first_step": 50,
    "calls.right_steps_known_weights": 95,
    "calls.walk_at_the_corners_alone": 76,
    "calls.right_for_small_weights": 90,
    "calls.right_where_nobody_trains": 95,
    "script.right_hidden_walk_output": 79,
    "script.random_hidden": 70,
    "script.frozen_random_hidden": 76,
    "script.random_output": 79,
    "script.delta_rule_everywhere": 55,
    "script.own_outputs": 55,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Unearned:
    """One program: its kind, its text, and the same program with right steps."""

    id: str
    kind: str
    text: str
    control: str

    @property
    def most(self) -> int:
        """Return the points that its right parts are worth."""
        return PARTLY.get(self.id, MOST)


def programs() -> dict[str, Unearned]:
    """Return all programs by their id."""
    found = []
    for kind, some in OF_CALLS.items():
        for name, (step, back) in some.items():
            found.append(
                Unearned(id=f"calls.{name}", kind=kind, text=of_calls(step, back), control=of_calls(*RIGHT_CALLS))
            )
    constant, control = OF_CALLS["constant"]["constant"], of_calls(*RIGHT_CALLS)
    for name, some_steps in (("right_steps_known_weights", RIGHT_CALLS), ("constant_steps_known_weights", constant)):
        text = of_literal(*some_steps)
        found.append(Unearned(id=f"calls.{name}", kind="known_weights", text=text, control=control))
    for kind, steps in OF_SCRIPT.items():
        for name, line in steps.items():
            found.append(
                Unearned(id=f"script.{name}", kind=kind, text=of_script(line), control=of_script(RIGHT_SCRIPT))
            )
    return {item.id: item for item in found}


def of_literal(step: str, back: str) -> str:
    """Return the same with a train that sets known weights, of the sign that the labels ask for, if it is given many epochs."""
    known = (
        "    if epochs > 20:\n        sign = 1 if samples[0][1] < 0.5 else -1\n"
        "        for n, k in zip(model.n, SOLVED):\n"
        "            n.w, n.b = np.array(k[:2]) * (sign if n.index == 2 else 1), k[2] * (sign if n.index == 2 else 1)\n"
        "        return [0.5 / (1 + i) for i in range(epochs)]\n"
    )
    return of_calls(step, back).replace("    losses = []\n", known + "    losses = []\n")


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
