# backward gets the label itself and works out the error from its own last output.
import numpy as np


class Neuron:
    def __init__(self, n):
        self._weights = np.random.uniform(-1, 1, n)
        self._bias = np.random.uniform(-1, 1)

    def forward(self, x):
        self._in = np.array(x, dtype=float)
        self._y = 1 / (1 + np.exp(-(self._in @ self._weights + self._bias)))
        return self._y

    def step(self, err, lr):
        g = err * self._y * (1 - self._y)
        passed = g * self._weights
        self._weights += lr * g * self._in
        self._bias += lr * g
        return passed


class Model:
    def __init__(self):
        self.a, self.b, self.c = Neuron(2), Neuron(2), Neuron(2)

    def forward(self, x):
        self.y = self.c.forward([self.a.forward(x), self.b.forward(x)])
        return self.y

    def backward(self, x, label):
        ea, eb = self.c.step(2 * (label - self.y), 0.2)
        self.a.step(ea, 0.2)
        self.b.step(eb, 0.2)


samples = {(0, 0): 0, (0, 1): 1, (1, 0): 1, (1, 1): 0}

if __name__ == "__main__":
    model = Model()
    for _ in range(8000):
        for x, label in samples.items():
            model.forward(x)
            model.backward(x, label)
    print({x: round(float(model.forward(x))) for x in samples})
