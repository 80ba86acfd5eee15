"""Answers that no program gives, forged from inside the worker: what the trusted side must end as the submission's own fault.

Each is a tail of a submission, the class named in its comment; the submission without the tail is its control.
"""

from __future__ import annotations

# A program of its own form: it is graded by watching it train.
SCRIPT = """\
import math
import random
import sys


class Net:
    def __init__(self):
        self.w = [0.5, -0.4, 0.1, 0.3, 0.7, -0.2, -0.6, 0.8, 0.05]

    def answer(self, x1, x2):
        w = self.w
        self.h = [1 / (1 + math.exp(-(w[n] * x1 + w[n + 1] * x2 + w[n + 2]))) for n in (0, 3)]
        return 1 / (1 + math.exp(-(w[6] * self.h[0] + w[7] * self.h[1] + w[8])))


RATE = 0.5
net = Net()
for epoch in range(1500):
    for x in ((0, 0), (0, 1), (1, 0), (1, 1)):
        y = net.answer(*x)
        d = (float(x[0] != x[1]) - y) * y * (1 - y)
        w, (h, g) = net.w, net.h
        a, b = d * w[6] * h * (1 - h), d * w[7] * g * (1 - g)
        for i, v in enumerate((a * x[0], a * x[1], a, b * x[0], b * x[1], b, d * h, d * g, d)):
            w[i] += RATE * v
"""

WORKER = "\nW = __import__('sys').modules['grader_confined.worker']\n"
# The lab's operations, as attributes that give and take (words, arrays).
OPERATIONS = (
    WORKER
    + """
import numpy as np
class Operations:
    def __init__(self, **names):
        lab = [lab for lab in W.operations.values() if lab][0]
        self.__dict__.update(names=names, lab=lab)
    def __getattr__(self, name):
        known = self.lab[self.names.get(name, name)]
        def parted(*given, **named):
            answer = known(*given, **named)
            arrays = {key: value for key, value in answer.items() if type(value) is np.ndarray}
            return {key: value for key, value in answer.items() if key not in arrays}, arrays
        return parted
    def __setattr__(self, name, forged):
        def joined(*given, **named):
            words, arrays = forged(*given, **named)
            return {**words, **{key: np.array(value, float) for key, value in arrays.items()}}
        self.lab[self.names.get(name, name)] = joined
"""
)
OBSERVER = OPERATIONS + "O = Operations(train='retrain')\n"
RECORD = (
    OBSERVER
    + """
record = O.record
def forged(*given, **named):
    words, arrays = record(*given, **named)
    if words["sites"]:
        rows = np.arange(ROWS) % len(words["sites"])
        arrays = {name: np.array(array, float)[rows] for name, array in arrays.items()}
        words.update(sites=[0] * ROWS, depths=[DEPTH(n) for n in range(ROWS)])
        arrays["before"] = arrays["after"] = arrays["before"] + np.random.default_rng(0).normal(size=arrays["before"].shape)
    return words, arrays
O.record = forged
"""
)
CALL = '{"class": "A", "method": "f", "object": 0, "depth": 1, "shapes": [[2]], "passed": 2, "returned": 1, "inside": -1, "answers": -1}'
CALLS = (
    OBSERVER
    + f'O.discover = lambda *_, **__: ({{"calls": [{{**{CALL}, **FORGED}}] * 8, "layouts": [], "problem": "", "logs": False, "classes": True}}, {{"numbers": [0, 0, .5, 0, 1, .5, 1, 0, .5, 1, 1, .5] * 2}})\n'
)


def call(forged: str) -> str:
    """Return the forgery of the first calls of a run."""
    return f"FORGED = {forged}\n{CALLS}"


def recorded(rows: int, depth: str) -> str:
    """Return the forgery of so many rows of a recorded training, with a depth for each."""
    return f"import numpy as np\nROWS, DEPTH = {rows}, lambda n: {depth}\n{RECORD}"


def answered(change: str) -> str:
    """Return the forgery of every recorded training, by a statement about words and arrays."""
    return OBSERVER + (
        "record = O.record\ndef forged(*given, **named):\n"
        f"    words, arrays = record(*given, **named)\n    {change}\n    return words, arrays\nO.record = forged\n"
    )


OF_SCRIPTS = {
    # integers out of the range of what they count
    "extent_0_beside_others": call('{"shapes": [[0, 2], [2]]}'),
    "extent_0_last": call('{"shapes": [[2], [2, 0]]}'),
    "extent_huge": call('{"shapes": [[2**62, 2**62]]}'),
    "passed_negative": call('{"passed": -10**30, "returned": 10**30}'),
    "object_huge": call('{"object": 10**30}'),
    "depth_huge": call('{"depth": -10**30}'),
    "index_huge": answered("words['places'] = [(path, 10**30) for path, _ in words['places']]"),
    "key_huge": answered("words['places'] = [([10**30], index) for _, index in words['places']]"),
    "site_huge": answered("words['sites'] = [2**63 for _ in words['sites']]"),
    "count_huge": OBSERVER + "train = O.train\nO.train = lambda *_, **__: ({'count': 10**18}, train(*_, **__)[1])\n",
    "count_large": OBSERVER + "train = O.train\nO.train = lambda *_, **__: ({'count': 10**9}, train(*_, **__)[1])\n",
    # more than a run can have
    "rows": recorded(22_000, "n // 9"),
    "rows_many_depths": recorded(640, "n // 9"),
    "long_name": call('{"class": "N" * 500_000, "method": "m" * 500_000}'),
    "long_path": answered("words['places'] = [(['p' * 20_000], index) for _, index in words['places']]"),
    "deep_path": answered("words['places'] = [(['w'] * 5_000, index) for _, index in words['places']]"),
    # numbers that break arithmetic
    "numbers_huge": answered("arrays['after'] = arrays['before'] = [[1e308] * len(row) for row in arrays['before']]"),
    "numbers_nan": answered("arrays['after'] = arrays['before'] = [[float('nan')] * len(row) for row in arrays['before']]"),
    "squared_huge": OBSERVER + "train = O.train\ndef f(*g, **n):\n    words, arrays = train(*g, **n)\n    arrays['squared'] = [1e308, float('nan')] * 4\n    return words, arrays\nO.train = f\n",
}  # fmt: skip

# A learning rate, or steps, that are next to nothing or endless: the whole program, no forgery in it.
RATES = {
    "rate_tiny": SCRIPT.replace("RATE = 0.5", "RATE = 1e-309").replace(", 0.1, ", ", 0.0, "),
    "rate_tiny_with_zeros": SCRIPT.replace("RATE = 0.5", "RATE = 1e-312").replace("[0.5, -0.4, 0.1, 0.3, 0.7, -0.2, -0.6, 0.8, 0.05]", "[.5, -.4, 0.0, .3, .7, 0.0, -.6, .8, 0.0]"),
    "rate_huge": SCRIPT.replace("RATE = 0.5", "RATE = 1e300"),
    "rate_overflows": SCRIPT.replace("w[i] += RATE * v", "w[i] = min(1e8, max(-1e8, w[i] + 1e200 * v))"),
    "constant_tiny": SCRIPT.replace("w[i] += RATE * v", "w[i] += 1e-309 * (1 + i) * (y - 0.5)").replace("[0.5, -0.4, 0.1, 0.3, 0.7, -0.2, -0.6, 0.8, 0.05]", "[.5, -.4, 0.0, .3, .7, 0.0, -.6, .8, 0.0]"),
}  # fmt: skip

FAULT = WORKER + (
    "W.fault = lambda *_, **__: {'kind': 'raised', 'type': 'E', 'message': 'm', 'line': LINE}\n"
    "def forward(*_): raise ValueError('x')\nNeuron.forward = forward\n"
)
DESK = OPERATIONS + "D = Operations()\n"
# Tails of a submission in the template's form.
OF_TEMPLATES = {
    "line_huge": f"\nLINE = 10**30\n{FAULT}",
    "line_negative": f"\nLINE = -1\n{FAULT}",
    "line_raised": "\ndef forward(*_): raise SyntaxError('x', ('f', 10**30, 1, 'x'))\nNeuron.forward = forward\n",
    "line_of_text": "\ndef forward(*_): raise SyntaxError('x', ('f', 'line', 1, 'x'))\nNeuron.forward = forward\n",
    "loss_tiny": "\ndef loss(y, label): return 1e-310 * (label - y)\n",
    "loss_denormal": "\ndef loss(y, label): return 5e-324 * (label - y)\n",
    "loss_huge": "\ndef loss(y, label): return 1e308 * (label - y)\n",
    "loss_nan": "\ndef loss(y, label): return float('nan') if y == 0.2 else label - y\n",
    "size_huge": DESK + "D.describe = lambda *_, **__: ({'found': [{'path': [], 'same': 10**30, 'kind': 'array', 'size': 10**30}], 'classes': {}, 'is_cut': False}, {})\n",
    "path_huge": DESK + "D.describe = lambda *_, **__: ({'found': [{'path': [10**30], 'same': 0, 'class': 'Neuron'}] * 3, 'classes': {}, 'is_cut': False}, {})\n",
    "key_of_a_dict": "\n__init__ = Model.__init__\ndef init(self, *given):\n    __init__(self, *given)\n    self.more = {10**30: 1.0, 2: 2.0, 'k' * 5000: 3.0}\nModel.__init__ = init\n",
    "many_arrays": DESK + "D.read = lambda *_, **__: ({}, {str(n): np.zeros(1) for n in range(9_999)})\n",
    "asked_of_numbers": WORKER + "W.Modules.missing = [1, 2]\n",
    "attempts_many": WORKER + "W.DeniedActions.take = lambda *_, **__: [('use', 'x' * 99)] * 9_999\n",
    "tracing_nan": DESK + "trace = D.trace\ndef f(*g, **n):\n    words, arrays = trace(*g, **n)\n    arrays['calls'][:, 1:] = np.nan\n    return words, arrays\nD.trace = f\n",
    "steps_huge": DESK + "steps = D.steps\ndef f(*g, **n):\n    words, arrays = steps(*g, **n)\n    arrays['after'][:] = 1e308\n    arrays['sizes'][:] = 0.5\n    return words, arrays\nD.steps = f\n",
    "losses_nan": DESK + "epochs = D.epochs\ndef f(*g, **n):\n    words, arrays = epochs(*g, **n)\n    arrays['losses'][:] = np.nan\n    arrays['values'][:] = np.inf\n    return words, arrays\nD.epochs = f\n",
}  # fmt: skip

# Appended to any submission: now and then a number, a string or a list of a reply becomes an extreme one. SEED draws them.
BENDING = """
def bending():
    import random, sys
    W = sys.modules["grader_confined.worker"]
    np, draw, send, extreme = W.np, random.Random(SEED), W.Pipe.send, [
        0, -1, 1, 2**31, 2**53, 2**63, -2**63, 10**18, 10**30, 0.5, 5e-324, 1e-310, 1e308, -1e308, float("nan"), float("inf"), -float("inf"),
        "", "x" * 100_000, "\\ud800", "\\0", None, True, [], [[]], {}, [0] * 5000,
    ]
    numbers = [one for one in extreme if isinstance(one, float)] + [0.0, 1.0, -1.0, 1e-9, 1e9, 2.0**53]

    def bent(value):
        inner = list(value.items()) if isinstance(value, dict) else list(enumerate(value)) if isinstance(value, (list, tuple)) else []
        if not inner or draw.random() < 0.1:
            return draw.choice(extreme)
        key, item = draw.choice(inner)
        copied = dict(value) if isinstance(value, dict) else list(value)
        if draw.random() < 0.1 and isinstance(copied, list):
            return draw.choice([copied * 2, copied[:-1], copied * (1 + 5000 // len(copied))])
        copied[key] = bent(item)
        return copied

    def forged(self, header, arrays):
        if draw.random() < PART and "data" in header:
            if draw.random() < 0.4 or not arrays:
                header = {**header, "data": bent(header["data"])} if draw.random() < 0.9 else bent(header)
            else:
                name = draw.choice(list(arrays))
                array = np.array(arrays[name], dtype=float)
                if array.size and draw.random() < 0.8:
                    some = array.ravel()
                    places = slice(None) if draw.random() < 0.3 else draw.randrange(array.size)
                    some[places] = draw.choice(numbers)
                    array = some.reshape(array.shape)
                else:
                    array = draw.choice([array[:-1] if array.ndim else array, np.zeros((0, 3)), np.zeros((2, 2, 2)), np.array(draw.choice(numbers)), array[None]])
                arrays = {**arrays, name: array}
        send(self, header, arrays)

    W.Pipe.send = forged
SEED, PART = %d, %r
bending()
"""


def bending(seed: int, part: float) -> str:
    """Return the tail that bends this part of a submission's replies."""
    return BENDING % (seed, part)
