# Пять аргументов; у скрытых нейронов перепутан знак шага.
import numpy as np
from math import exp


def S(d):
    return 1 / (1 + exp(-d))


class Neuron:
    def __init__(self):
        self.w = [np.random.uniform(-1, 1), np.random.uniform(-1, 1)]
        self.w0 = np.random.uniform(-1, 1)

    def forward(self, x1, x2):
        self.y = S(self.w[0] * x1 + self.w[1] * x2 + self.w0)
        return self.y

    def update(self, x1, x2, delta):
        self.w[0] += delta * x1
        self.w[1] += delta * x2
        self.w0 += delta


class Model:
    def __init__(self):
        self.first, self.second, self.last = Neuron(), Neuron(), Neuron()

    def forward(self, x1, x2):
        return self.last.forward(self.first.forward(x1, x2), self.second.forward(x1, x2))

    def backward(self, x1, x2, answer, label, rate):
        delta = (label - answer) * answer * (1 - answer)
        h1, h2 = self.first.y, self.second.y
        delta1 = delta * self.last.w[0] * h1 * (1 - h1)
        delta2 = delta * self.last.w[1] * h2 * (1 - h2)
        self.last.update(h1, h2, rate * delta)
        self.first.update(x1, x2, -rate * delta1)
        self.second.update(x1, x2, -rate * delta2)


model = Model()
for i in range(5000):
    for x1 in (0, 1):
        for x2 in (0, 1):
            model.backward(x1, x2, model.forward(x1, x2), x1 ^ x2, 0.5)
print(model.forward(0, 0), model.forward(0, 1), model.forward(1, 0), model.forward(1, 1))
