"""Correct submissions in many styles: how numbers are stored, called and joined is the student's to choose.

Some are whole texts, some are edits of another one. Every one must score 100.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from tests.support.mutants import (
    ARRAYS,
    BACK,
    BACKWARD,
    BIAS,
    DELTA,
    END,
    ERRORS,
    FIRST,
    FUNCTION,
    INIT,
    LIST_BACK,
    LIST_LOOP,
    LIST_STEP,
    LISTS,
    LOSS,
    MAKE,
    RATED,
    RETURN,
    SECOND,
    SLOPE,
    START_BIAS,
    START_WEIGHTS,
    SUM,
    WEIGHTS,
    Edit,
    edited,
)

HIDDEN = "        self.h = np.array([self.n1.forward(x), self.n2.forward(x)])\n"
TRAIN = ARRAYS[ARRAYS.index("\n\ndef train") :]
HEAD = ARRAYS[: ARRAYS.index("class Neuron")]
NEURON = ARRAYS[ARRAYS.index("class Neuron") : ARRAYS.index("class Model")]
MODEL = ARRAYS[ARRAYS.index("class Model") : ARRAYS.index("\n\ndef train")]
MAIN = """

XOR = [((0, 0), 0), ((0, 1), 1), ((1, 0), 1), ((1, 1), 0)]
"""
PRINTED = """    for x, label in XOR:
        print(x, "->", model.forward(x), "должно быть", label)
"""


def texts(head: str = HEAD, neuron: str = NEURON, model: str = MODEL, train: str = TRAIN) -> str:
    """Join the parts of a submission."""
    return head + neuron + model + train


def rate(value: str, base: str = ARRAYS) -> str:
    """Return a text with another learning rate."""
    return base.replace("LEARNING_RATE = 0.3", f"LEARNING_RATE = {value}")


def arrays(edits: Edit, value: str = "0.3") -> str:
    """Edit the text with arrays."""
    return rate(value, edited(ARRAYS, edits))


def replaced(text: str, names: Iterable[tuple[str, str]]) -> str:
    """Call things by other names throughout."""
    for old, new in names:
        text = text.replace(old, new)
    return text


COLUMNS = texts(
    neuron="""class Neuron:
    def __init__(self, n_inputs, lr=1.0):
        self._weigths = np.random.randn(n_inputs, 1)
        self.w0 = np.random.randn(1, 1)
        self.lr = lr

    def forward(self, x):
        self.input = np.array(x, dtype=float).reshape(-1, 1)
        self.output = sigmoid(self._weigths.T @ self.input + self.w0)
        return self.output

    def backward(self, x, loss):
        delta = loss * sigmoid_derivative(self.output)
        result = self._weigths @ delta
        self._weigths += self.lr * self.input @ delta
        self.w0 += self.lr * delta
        return result


""",
    model="""class Model:
    def __init__(self, lr=1.0):
        self.neurons = [Neuron(2, lr) for _ in range(3)]

    def forward(self, x):
        a, b, c = self.neurons
        self.hidden = np.vstack([a.forward(x), b.forward(x)])
        return c.forward(self.hidden)

    def backward(self, x, err):
        a, b, c = self.neurons
        back = c.backward(self.hidden, np.reshape(err, (1, 1)))
        a.backward(x, back[0])
        b.backward(x, back[1])
""",
)

ROWS = texts(
    neuron="""class Neuron:
    def __init__(self, n_inputs):
        self.weights = np.random.normal(0, 1, (1, n_inputs))
        self.bias = np.zeros((1,)) + np.random.rand()

    def forward(self, x):
        self.x = np.atleast_2d(x)
        self.y = sigmoid(np.dot(self.x, self.weights.T) + self.bias)
        return self.y

    def backward(self, x, loss):
        grad = loss * sigmoid_derivative(self.y)
        errors = np.dot(grad, self.weights)
        self.weights -= 2 * 0.1 * np.dot(grad.T, self.x)
        self.bias -= 2 * 0.1 * grad[0]
        return errors


""",
    model="""class Model:
    def __init__(self):
        self.h1, self.h2, self.o = Neuron(2), Neuron(2), Neuron(2)

    def forward(self, x):
        x = np.atleast_2d(x)
        self.h = np.hstack([self.h1.forward(x), self.h2.forward(x)])
        return self.o.forward(self.h)[0]

    def backward(self, x, err):
        errors = self.o.backward(self.h, np.array(err).reshape(1, 1))
        self.h1.backward(x, errors[:, [0]])
        self.h2.backward(x, errors[:, [1]])
""",
    head=HEAD.replace("return label - y", "return y - label"),
)

BIAS_FIRST = texts(
    neuron="""class Neuron:
    def __init__(self, n_inputs):
        self._weigths = np.random.uniform(-1, 1, n_inputs + 1)  # w0 - bias

    def forward(self, x):
        self.x = np.concatenate(([1.0], np.ravel(x)))
        self.out = sigmoid(self.x.dot(self._weigths))
        return self.out

    def backward(self, x, loss):
        delta = loss * sigmoid_derivative(self.out)
        back = delta * self._weigths
        self._weigths += 2 * LEARNING_RATE * delta * self.x
        return back[1:]


"""
)

DELTAS_IN_MODEL = texts(
    neuron="""class Neuron:
    def __init__(self, n_inputs):
        self._weigths = np.random.uniform(-0.5, 0.5, n_inputs)
        self.bias = np.random.uniform(-0.5, 0.5)
        self.out = None

    def activate(self, x):
        return sigmoid(sum(self._weigths * x) + self.bias)

    def forward(self, x):
        self.out = self.activate(np.array(x))
        return self.out

    def backward(self, x, loss):
        self.delta = loss * sigmoid_derivative(self.out)
        self._update(np.array(x))

    def _update(self, x):
        self._weigths += LEARNING_RATE * self.delta * x
        self.bias += LEARNING_RATE * self.delta


""",
    model="""class Model:
    def __init__(self):
        self.hidden_layer = [Neuron(2), Neuron(2)]
        self.output_neuron = Neuron(2)

    def forward(self, x):
        self.hidden_out = [n.forward(x) for n in self.hidden_layer]
        return self.output_neuron.forward(self.hidden_out)

    def backward(self, x, err):
        w = self.output_neuron._weigths.copy()
        self.output_neuron.backward(self.hidden_out, err)
        for i in range(2):
            self.hidden_layer[i].backward(x, self.output_neuron.delta * w[i])
""",
)

TYPED = '''"""Лабораторная работа 12."""
from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

rng = np.random.default_rng()


def sigmoid(d: float) -> float:
    return 0.5 * (1 + np.tanh(d / 2))


def sigmoid_derivative(y: float) -> float:
    return y - y**2


def loss(y: float, label: float) -> float:
    return 2 * (label - y)


@dataclass
class Neuron:
    n_inputs: int
    rate: float = 1.0
    w0: float = field(default_factory=lambda: float(rng.normal()))
    y: float = 0.0

    def __post_init__(self) -> None:
        self._weigths = rng.normal(size=self.n_inputs)

    def forward(self, x) -> float:
        self.y = float(sigmoid(np.dot(self._weigths, x) + self.w0))
        return self.y

    def backward(self, x, loss: float) -> np.ndarray:
        step = loss * sigmoid_derivative(self.y)
        back = self._weigths * step
        self._weigths = self._weigths + np.asarray(x, float) * step * self.rate
        self.w0 += step * self.rate
        return back


@dataclass
class Model:
    left: Neuron = field(default_factory=lambda: Neuron(2))
    right: Neuron = field(default_factory=lambda: Neuron(2))
    top: Neuron = field(default_factory=lambda: Neuron(2))

    def forward(self, x) -> float:
        self.middle = (self.left.forward(x), self.right.forward(x))
        return self.top.forward(self.middle)

    def backward(self, x, err: float) -> None:
        to_left, to_right = self.top.backward(self.middle, err)
        self.left.backward(x, to_left)
        self.right.backward(x, to_right)


def train(model: Model, samples, epochs: int) -> list[float]:
    losses = []
    for _ in range(epochs):
        order = rng.permutation(len(samples))
        errors = []
        for k in order:
            x, label = samples[k]
            err = loss(model.forward(x), label)
            model.backward(x, err)
            errors.append((err / 2) ** 2)
        losses.append(sum(errors) / len(errors))
    return losses
'''

CLOSURES = """from math import exp
from random import gauss


def make_activation():
    def f(d):
        if d < -700:
            return 0.0
        return 1 / (1 + exp(-d))

    def df(y):
        return y * (1 - y)

    return f, df


sigmoid, sigmoid_derivative = make_activation()


def loss(y, label):
    return y - label


class Neuron:
    def __init__(self, n_inputs, activation=make_activation, eta=0.05):
        self.f, self.df = activation()
        self._weigths = [gauss(0, 1) for i in range(n_inputs)]
        self._bias = gauss(0, 1)
        self.eta = eta

    def forward(self, x):
        net = self._bias
        for w, value in zip(self._weigths, x):
            net += w * value
        self._state = self.f(net)
        return self._state

    def backward(self, x, loss):
        gradient = loss * self.df(self._state)
        to_inputs = tuple(gradient * w for w in self._weigths)
        self._weigths = [w - self.eta * gradient * value for w, value in zip(self._weigths, x)]
        self._bias = self._bias - self.eta * gradient
        return to_inputs


class Model:
    def __init__(self):
        self._net = ((Neuron(2), Neuron(2)), (Neuron(2),))

    def forward(self, x):
        self._signals = [x]
        for layer in self._net:
            x = [neuron.forward(x) for neuron in layer]
            self._signals.append(x)
        return x[0]

    def backward(self, x, err):
        errors = [err]
        for layer, signal in zip(reversed(self._net), reversed(self._signals[:-1])):
            passed = [0] * len(signal)
            for neuron, error in zip(layer, errors):
                for i, value in enumerate(neuron.backward(signal, error)):
                    passed[i] += value
            errors = passed


def train(model, samples, epochs):
    out = []
    for e in range(epochs):
        total = 0.0
        for x, t in samples:
            d = loss(model.forward(x), t)
            model.backward(x, d)
            total += d**2 / 2
        out.append(total)
    return out
"""


LAYERS = texts(
    neuron=NEURON
    + """class Layer:
    def __init__(self, size, n_inputs):
        self.neurons = [Neuron(n_inputs) for _ in range(size)]

    def forward(self, x):
        self.x = x
        return np.array([neuron.forward(x) for neuron in self.neurons])

    def backward(self, errors):
        return sum(neuron.backward(self.x, error) for neuron, error in zip(self.neurons, errors))


""",
    model="""class Model:
    def __init__(self):
        self.layers = [Layer(2, 2), Layer(1, 2)]

    def forward(self, x):
        for layer in self.layers:
            x = layer.forward(x)
        return x[0]

    def backward(self, x, err):
        errors = [err]
        for layer in self.layers[::-1]:
            errors = layer.backward(errors)
""",
)


def adds(item: str, *, is_first: bool) -> str:
    """Let the model hand a constant input to each neuron."""
    vector = f"np.array([{item}, *{{}}])" if is_first else f"np.append({{}}, {item})"
    values = HIDDEN.partition("= ")[2].strip()
    return arrays(
        (
            (START_BIAS, ""),
            (SUM, SUM.replace(" + self.bias", "")),
            (BIAS, ""),
            *((line, line.replace("(2)", "(3)")) for line in MAKE),
            (HIDDEN, f"        self.x = {vector.format('x')}\n        h = {values.replace('(x)', '(self.x)')}\n        self.h = {vector.format('h')}\n"),
            (FIRST, FIRST.replace("(x, errors[0]", f"(self.x, errors[{int(is_first)}]")),
            (SECOND, SECOND.replace("(x, errors[1]", f"(self.x, errors[{1 + is_first}]")),
        )
    )  # fmt: skip


SINGLE: Edit = (
    (START_WEIGHTS, "        self._weigths = np.random.uniform(-1, 1, n_inputs).astype(np.float32)\n"),
    (START_BIAS, "        self.bias = np.float32(np.random.uniform(-1, 1))\n"),
    (DELTA, "        delta = np.float32(loss) * slope\n"),
    (SUM, "        x = x.astype(np.float32)\n" + SUM),
    (WEIGHTS, WEIGHTS.replace("delta * x", "delta * x.astype(np.float32)")),
)
DESCENT: Edit = (
    (LOSS, "    return y - label\n"),
    (WEIGHTS, "        self._weigths -= LEARNING_RATE * delta * x\n"),
    (BIAS, "        self.bias -= LEARNING_RATE * delta\n"),
)
TWICE: Edit = (
    (WEIGHTS, WEIGHTS.replace("LEARNING_RATE", "2 * LEARNING_RATE")),
    (BIAS, BIAS.replace("LEARNING_RATE", "2 * LEARNING_RATE")),
)
MOMENTUM: Edit = (
    (START_BIAS, START_BIAS + "        self.dw = np.zeros(n_inputs)\n        self.db = 0.0\n"),
    (WEIGHTS, "        self.dw = LEARNING_RATE * delta * x + 0.9 * self.dw\n        self._weigths = self._weigths + self.dw\n"),
    (BIAS, "        self.db = LEARNING_RATE * delta + 0.9 * self.db\n        self.bias = self.bias + self.db\n"),
)  # fmt: skip
DELTA_RETURNED: Edit = (
    (ERRORS, ""),
    (END, "        return delta\n"),
    (BACK, "        w = self.n3._weigths\n        errors = self.n3.backward(self.h, err) * w\n"),
)
NOTHING_RETURNED: Edit = (
    (ERRORS, ""),
    (END, ""),
    (BACK, "        errors = err * sigmoid_derivative(self.n3.y) * self.n3._weigths\n        self.n3.backward(self.h, err)\n"),
)  # fmt: skip
AT_SUM: Edit = ((FUNCTION, "    return sigmoid(y) * (1 - sigmoid(y))\n"), (SLOPE, "        slope = sigmoid_derivative(self.d)\n"))  # fmt: skip
ARGUMENT: Edit = (
    (BACKWARD, "    def backward(self, x, loss, lr=LEARNING_RATE):\n"),
    (WEIGHTS, WEIGHTS.replace("LEARNING_RATE", "lr")),
    (BIAS, BIAS.replace("LEARNING_RATE", "lr")),
    (MAKE[2], MAKE[2] + "        self.lr = 2\n"),
    *((line, line.replace(")\n", ", self.lr)\n")) for line in (BACK, FIRST, SECOND)),
)
ON_MODEL: Edit = (
    (WEIGHTS, WEIGHTS.replace("LEARNING_RATE", "self.lr")),
    (BIAS, BIAS.replace("LEARNING_RATE", "self.lr")),
    (INIT, INIT + "        self.lr = 0.1\n"),
    (MAKE[2], MAKE[2] + "        self.lr = 0.5\n        for n in (self.n1, self.n2, self.n3):\n            n.lr = self.lr\n"),
)  # fmt: skip
STORED: Edit = (
    (SUM, "        self.x = x\n" + SUM),
    (WEIGHTS, "        self.grad = delta * self.x\n" + WEIGHTS.replace("delta * x", "self.grad")),
)
KEYWORDS: Edit = (
    (HIDDEN, HIDDEN.replace("(x)", "(x=x)")),
    (RETURN, RETURN.replace("(self.h)", "(x=self.h)")),
    (BACK, BACK.replace("(self.h, err)", "(x=self.h, loss=err)")),
    (FIRST, FIRST.replace("(x, errors", "(x=x, loss=errors")),
    (SECOND, SECOND.replace("(x, errors", "(loss=errors").replace("[1])", "[1], x=x)")),
)
COMMENTED: Edit = (
    (SLOPE, "        # производная сигмоиды через выход нейрона\n" + SLOPE),
    (ERRORS, "        # ошибка, которая пойдёт на предыдущий слой (до изменения весов!)\n" + ERRORS),
    (BIAS, BIAS + '        """Готово: веса обновлены"""\n'),
)
BIAS_ARRAY: Edit = ((START_BIAS, "        self.bias = np.random.uniform(-1, 1, 1)\n"), ("        return self.y\n", "        return self.y[0]\n"))  # fmt: skip
GIVEN_DELTA: Edit = (
    (SLOPE, ""),
    (DELTA, "        delta = loss\n"),
    (BACK, BACK.replace("err)", "err * sigmoid_derivative(self.n3.y))")),
    (FIRST, FIRST.replace("])", "] * sigmoid_derivative(self.h[0]))")),
    (SECOND, SECOND.replace("])", "] * sigmoid_derivative(self.h[1]))")),
)
THREE_NUMBERS: Edit = (
    ("        self._weigths = [random.uniform(-1, 1) for _ in range(n_inputs + 1)]\n", "        self.w1, self.w2, self.w0 = random.random(), random.random(), random.random()\n"),
    ("sum(w * i for w, i in zip(self._weigths, self.inputs))", "self.w1 * x[0] + self.w2 * x[1] + self.w0"),
    (LIST_BACK, "        back = [grad * self.w1, grad * self.w2]\n"),
    (LIST_LOOP, ""),
    (LIST_STEP, "".join(f"        self.{w} -= LEARNING_RATE * grad * self.inputs[{i}]\n" for i, w in enumerate(("w1", "w2", "w0")))),
)  # fmt: skip
IN_A_DICT = (("self.n1", 'self.net["a"]'), ("self.n2", 'self.net["b"]'), ("self.n3", 'self.net["out"]'))


@cache
def styles() -> dict[str, str]:
    """Return every style's text by name."""
    return {
        "arrays": ARRAYS,
        "lists": LISTS,
        "columns": COLUMNS,
        "rows": ROWS,
        "bias_first": BIAS_FIRST,
        "bias_first_rate_05": rate("0.05", BIAS_FIRST),
        "dataclass": TYPED,
        "closures": CLOSURES,
        "layers_of_neurons": LAYERS,
        "model_keeps_deltas": DELTAS_IN_MODEL,
        "model_prepends_one": adds("1.0", is_first=True),
        "model_appends_one": adds("1", is_first=False),
        "model_appends_minus_one": adds("-1", is_first=False),
        "float32": arrays(SINGLE, "np.float32(0.01)"),
        "rate_01_lists": rate("0.1", LISTS),
        "rate_2": rate("2"),
        "rate_5_lists": rate("5", LISTS),
        "rate_10": rate("10"),
        "factor_2": arrays(TWICE, "0.1"),
        "descent": arrays(DESCENT, "1"),
        "momentum": arrays(MOMENTUM, "0.1"),
        "delta_returned": arrays(DELTA_RETURNED),
        "nothing_returned": arrays(NOTHING_RETURNED),
        "derivative_at_sum": arrays(AT_SUM),
        "rate_as_argument": arrays(ARGUMENT),
        "rate_on_model": arrays(ON_MODEL),
        "rate_in_constructor": arrays(RATED, "0.5"),
        "gradient_kept": arrays(STORED),
        "keyword_calls": arrays(KEYWORDS),
        "russian_comments": arrays(COMMENTED),
        "crlf": arrays(COMMENTED).replace("\n", "\r\n"),
        "bias_array": arrays(BIAS_ARRAY),
        "delta_given": arrays(GIVEN_DELTA),
        "three_numbers": edited(LISTS, THREE_NUMBERS),
        "dict_of_neurons": replaced(ARRAYS.replace(MAKE[0], "        self.net = {}\n" + MAKE[0]), IN_A_DICT),
        "trains_on_import": ARRAYS
        + MAIN
        + "\nnp.random.seed(42)\nmodel = Model()\nfor epoch in range(300):\n    for x, label in XOR:\n        model.backward(x, loss(model.forward(x), label))\n"
        + PRINTED.replace("\n    ", "\n").removeprefix("    "),
        "trains_as_main": ARRAYS
        + MAIN
        + '\nif __name__ == "__main__":\n    model = Model()\n    print(train(model, XOR, 5000)[-1])\n'
        + PRINTED,
    }
