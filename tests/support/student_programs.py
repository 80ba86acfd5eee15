"""Programs as students write them: scripts, matrices, functions, neurons; right ones and ones with the mistakes that real students made."""

from __future__ import annotations

from tests.support.mutants import edited

SCRIPT = """import numpy as np
np.random.seed(1)
X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
T = np.array([[0], [1], [1], [0]])
w1 = np.random.uniform(size=(2, 2))
b1 = np.random.uniform(size=(1, 2))
w2 = np.random.uniform(size=(2, 1))
b2 = np.random.uniform(size=(1, 1))
for epoch in range(5000):
    h = 1 / (1 + np.exp(-(X @ w1 + b1)))
    y = 1 / (1 + np.exp(-(h @ w2 + b2)))
    d2 = (T - y) * y * (1 - y)
    d1 = d2 @ w2.T * h * (1 - h)
    w2 += 0.5 * h.T @ d2
    b2 += 0.5 * d2.sum(0, keepdims=True)
    w1 += 0.5 * X.T @ d1
    b1 += 0.5 * d1.sum(0, keepdims=True)
print("Result:", y)
"""

MATRICES = """import numpy as np


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def sigmoid_derivative(a):
    return a * (1 - a)


class NeuralNetwork:
    def __init__(self, hidden=2, lr=0.4):
        self.W1 = np.random.randn(2, hidden)
        self.b1 = np.zeros((1, hidden)) + 0.1
        self.W2 = np.random.randn(hidden, 1)
        self.b2 = np.zeros((1, 1)) + 0.1
        self.lr = lr

    def feedforward(self, X):
        self.a1 = sigmoid(X @ self.W1 + self.b1)
        self.a2 = sigmoid(self.a1 @ self.W2 + self.b2)
        return self.a2

    def backprop(self, X, y):
        delta2 = (y - self.a2) * sigmoid_derivative(self.a2)
        delta1 = delta2 @ self.W2.T * sigmoid_derivative(self.a1)
        self.W2 += self.lr * self.a1.T @ delta2
        self.b2 += self.lr * delta2.sum(axis=0, keepdims=True)
        self.W1 += self.lr * X.T @ delta1
        self.b1 += self.lr * delta1.sum(axis=0, keepdims=True)

    def fit(self, X, y, epochs):
        for i in range(epochs):
            self.feedforward(X)
            self.backprop(X, y)
            if i % 1000 == 0:
                print("epoch", i, "loss", np.mean((y - self.a2) ** 2))


X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=float)
y = np.array([[0], [1], [1], [0]], dtype=float)
nn = NeuralNetwork()
nn.fit(X, y, 4000)
print(nn.feedforward(X))
"""

GLOBALS = """import math
import random

w = [random.uniform(-1, 1) for _ in range(6)]
b = [random.uniform(-1, 1) for _ in range(3)]


def sig(x):
    return 1 / (1 + math.exp(-x))


def predict(x1, x2):
    h1 = sig(w[0] * x1 + w[1] * x2 + b[0])
    h2 = sig(w[2] * x1 + w[3] * x2 + b[1])
    return h1, h2, sig(w[4] * h1 + w[5] * h2 + b[2])


def teach(x1, x2, target, speed=0.5):
    h1, h2, o = predict(x1, x2)
    d = (target - o) * o * (1 - o)
    d1 = d * w[4] * h1 * (1 - h1)
    d2 = d * w[5] * h2 * (1 - h2)
    w[4] += speed * d * h1
    w[5] += speed * d * h2
    b[2] += speed * d
    w[0] += speed * d1 * x1
    w[1] += speed * d1 * x2
    b[0] += speed * d1
    w[2] += speed * d2 * x1
    w[3] += speed * d2 * x2
    b[1] += speed * d2


for _ in range(6000):
    for x1, x2, t in [(0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 0)]:
        teach(x1, x2, t)
for x1 in (0, 1):
    for x2 in (0, 1):
        print(x1, x2, round(predict(x1, x2)[2], 3))
"""

NEURONS = """import numpy as np

lr = 0.1


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def sigmoid_derivative(x):
    return x * (1 - x)


class Neuron:
    def __init__(self, n):
        self._weigths = np.random.randn(n)
        self.bias = np.random.randn()

    def forward(self, x):
        self.x = np.array(x)
        self.y = sigmoid(np.dot(self._weigths, self.x) + self.bias)
        return self.y

    def backward(self, x, loss):
        delta = loss * sigmoid_derivative(self.y)
        back = delta * self._weigths
        self._weigths = self._weigths - lr * delta * np.array(x)
        self.bias -= lr * delta
        return back


class Model:
    def __init__(self):
        self.h1 = Neuron(2)
        self.h2 = Neuron(2)
        self.out = Neuron(2)

    def forward(self, x):
        self.hidden = [self.h1.forward(x), self.h2.forward(x)]
        return self.out.forward(self.hidden)

    def backward(self, x, loss):
        back = self.out.backward(self.hidden, loss)
        self.h1.backward(x, back[0])
        self.h2.backward(x, back[1])


model = Model()
data = [([0, 0], 0), ([0, 1], 1), ([1, 0], 1), ([1, 1], 0)]
for epoch in range(10000):
    for x, label in data:
        y = model.forward(x)
        model.backward(x, y - label)
for x, label in data:
    print(x, model.forward(x))
"""
BACK = "        back = self.out.backward(self.hidden, loss)\n"
STEPS = "        self._weigths = self._weigths - lr * delta * np.array(x)\n        self.bias -= lr * delta\n"
KEPT = "        back = delta * self._weigths\n"


def student_programs() -> dict[str, str]:
    """Return the programs by name."""
    return {
        "script": SCRIPT,
        "script_four_hidden": SCRIPT.replace("(2, 2)", "(2, 4)").replace("(1, 2)", "(1, 4)").replace("(2, 1)", "(4, 1)"),
        "matrices": MATRICES,
        "matrices_four_hidden": edited(MATRICES, (("hidden=2", "hidden=4"),)),
        "matrices_minus_one": edited(MATRICES, (("[[0, 0], [0, 1], [1, 0], [1, 1]]", "[[-1, -1], [-1, 1], [1, -1], [1, 1]]"),)),
        "matrices_soft_labels": edited(MATRICES, (("[[0], [1], [1], [0]]", "[[0.1], [0.9], [0.9], [0.1]]"),)),
        "matrices_or_labels": edited(MATRICES, (("[[0], [1], [1], [0]]", "[[0], [1], [1], [1]]"),)),
        "matrices_relu": edited(MATRICES, (("self.a1 = sigmoid(X @ self.W1 + self.b1)", "self.a1 = np.maximum(0, X @ self.W1 + self.b1)"), ("sigmoid_derivative(self.a1)", "(self.a1 > 0)"))),
        "matrices_tanh": edited(MATRICES, (("self.a1 = sigmoid(X @ self.W1 + self.b1)", "self.a1 = np.tanh(X @ self.W1 + self.b1)"), ("sigmoid_derivative(self.a1)", "(1 - self.a1**2)"))),
        "matrices_no_output_derivative": edited(MATRICES, (("(y - self.a2) * sigmoid_derivative(self.a2)", "y - self.a2"),)),
        "matrices_bias_without_rate": edited(MATRICES, (("self.b1 += self.lr * delta1", "self.b1 += delta1"),)),
        "matrices_updated_weights": edited(MATRICES, (("        delta1 = delta2 @ self.W2.T * sigmoid_derivative(self.a1)\n", ""), ("        self.b2 +=", "        delta1 = delta2 @ self.W2.T * sigmoid_derivative(self.a1)\n        self.b2 +="))),
        "matrices_derivative_of_derivative": edited(MATRICES, (("    return a * (1 - a)\n", "    s = sigmoid(a)\n    return s * (1 - s)\n"),)),
        "matrices_unused_pandas": f"import pandas as pd\n{MATRICES}",
        "matrices_saved": f"{MATRICES}np.savetxt('w.txt', nn.W1)\n",
        "matrices_biases_frozen": edited(MATRICES, (("        self.b2 += self.lr * delta2.sum(axis=0, keepdims=True)\n", ""), ("        self.b1 += self.lr * delta1.sum(axis=0, keepdims=True)\n", ""))),
        "matrices_division": edited(MATRICES, (("(y - self.a2) * sigmoid_derivative(self.a2)", "(y - self.a2) / sigmoid_derivative(self.a2)"),)),
        "globals": GLOBALS,
        "globals_hidden_derivative_in_output": edited(GLOBALS, (("d * w[4] * h1 * (1 - h1)", "(target - o) * h1 * (1 - h1) * w[4] * h1 * (1 - h1)"),)),
        "globals_same_weight": edited(GLOBALS, (("d * w[5]", "d * w[4]"),)),
        "globals_division": edited(GLOBALS, (("d = (target - o) * o * (1 - o)", "d = (target - o) / (o * (1 - o))"),)),
        "globals_raises": edited(GLOBALS, (("    b[1] += speed * d2\n", "    b[3] += speed * d2\n"),)),
        "neurons": NEURONS,
        "neurons_first_input_bias_without_rate": edited(NEURONS, (("delta * np.array(x)", "delta * x[0]"), ("self.bias -= lr * delta", "self.bias -= delta"))),
        "neurons_output_derivative_missing_recomputed": edited(NEURONS, ((BACK, "        back = loss * self.out._weigths\n        self.out._weigths = self.out._weigths - lr * loss * np.array(self.hidden)\n        self.out.bias -= lr * loss\n        self.forward(x)\n"),)),
        "neurons_error_ignored": edited(NEURONS, (("delta = loss * sigmoid_derivative(self.y)", "delta = sigmoid_derivative(np.array(x).sum())"),)),
        "neurons_returns_nothing": edited(NEURONS, (("        return back\n", ""),)),
        "neurons_forward_prints": edited(NEURONS, (("        return self.out.forward(self.hidden)\n", "        print(self.out.forward(self.hidden))\n"),)),
        "neurons_climb": edited(NEURONS, (("model.backward(x, y - label)", "model.backward(x, label - y)"),)),
        "neurons_four_hidden": edited(NEURONS, (("        self.out = Neuron(2)\n", "        self.h3 = Neuron(2)\n        self.h4 = Neuron(2)\n        self.out = Neuron(4)\n"), ("self.h2.forward(x)]", "self.h2.forward(x), self.h3.forward(x), self.h4.forward(x)]"))),
        "neurons_updated_weights": edited(NEURONS, ((KEPT, ""), (STEPS, STEPS + KEPT))),
        "neurons_other_arguments": edited(NEURONS, (("def backward(self, x, loss):\n        delta", "def backward(self, loss):\n        x = self.x\n        delta"), ("self.out.backward(self.hidden, loss)", "self.out.backward(loss)"), ("self.h1.backward(x, back[0])", "self.h1.backward(back[0])"), ("self.h2.backward(x, back[1])", "self.h2.backward(back[1])"))),
    }  # fmt: skip
