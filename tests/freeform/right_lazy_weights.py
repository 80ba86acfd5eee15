# Weights are made at the first forward, when the number of inputs is known.
import numpy as np


class Neuron:
    _weights = None

    def forward(self, x):
        x = np.append(x, 1)
        if self._weights is None:
            self._weights = np.random.uniform(-1, 1, len(x))
        self.x = x
        self.y = 1 / (1 + np.exp(-self._weights @ x))
        return self.y

    def backward(self, loss):
        delta = loss * self.y * (1 - self.y)
        back = delta * self._weights[:-1]
        self._weights = self._weights + 0.5 * delta * self.x
        return back


class Model:
    def __init__(self):
        self.hidden = [Neuron(), Neuron()]
        self.output = Neuron()

    def forward(self, x):
        return self.output.forward([n.forward(x) for n in self.hidden])

    def backward(self, loss):
        for n, e in zip(self.hidden, self.output.backward(loss)):
            n.backward(e)


model = Model()
for i in range(5000):
    for x in ([0, 0], [0, 1], [1, 0], [1, 1]):
        label = x[0] ^ x[1]
        model.backward(label - model.forward(x))

for x in ([0, 0], [0, 1], [1, 0], [1, 1]):
    print(x, model.forward(x))
