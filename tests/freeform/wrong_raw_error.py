# Каждому нейрону, и скрытым тоже, передаётся одна и та же ошибка сети.
import numpy as np


class Neuron:
    def __init__(self, n):
        self._weights = np.random.uniform(-1, 1, n)
        self._bias = np.random.uniform(-1, 1)

    def forward(self, x):
        self._in = np.array(x, dtype=float)
        self._y = 1 / (1 + np.exp(-(self._in @ self._weights + self._bias)))
        return self._y

    def step(self, err):
        g = err * self._y * (1 - self._y)
        self._weights += 0.5 * g * self._in
        self._bias += 0.5 * g


class Model:
    def __init__(self):
        self.a, self.b, self.c = Neuron(2), Neuron(2), Neuron(2)

    def forward(self, x):
        self.y = self.c.forward([self.a.forward(x), self.b.forward(x)])
        return self.y

    def backward(self, x, label):
        for neuron in (self.c, self.a, self.b):
            neuron.step(label - self.y)


if __name__ == "__main__":
    model = Model()
    samples = {(0, 0): 0, (0, 1): 1, (1, 0): 1, (1, 1): 0}
    for _ in range(5000):
        for x, label in samples.items():
            model.forward(x)
            model.backward(x, label)
    print({x: model.forward(x) for x in samples})
