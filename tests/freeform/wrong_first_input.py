# forward(x1, x2); copy and paste: the second weight moves with the first input.
import math
import random


class Neuron:
    def __init__(self):
        self.weight1 = random.uniform(-1, 1)
        self.weight2 = random.uniform(-1, 1)
        self.bias = random.uniform(-1, 1)

    def forward(self, x1, x2):
        self.x1, self.x2 = x1, x2
        self.result = 1 / (1 + math.exp(-(self.weight1 * x1 + self.weight2 * x2 + self.bias)))
        return self.result

    def backward(self, loss):
        delta = loss * self.result * (1 - self.result)
        e1, e2 = delta * self.weight1, delta * self.weight2
        self.weight1 += 0.5 * delta * self.x1
        self.weight2 += 0.5 * delta * self.x1
        self.bias += 0.5 * delta
        return e1, e2


class Model:
    def __init__(self):
        self.top, self.bottom, self.exit = Neuron(), Neuron(), Neuron()

    def forward(self, x1, x2):
        self.result = self.exit.forward(self.top.forward(x1, x2), self.bottom.forward(x1, x2))
        return self.result

    def backward(self, loss):
        e1, e2 = self.exit.backward(loss)
        self.top.backward(e1)
        self.bottom.backward(e2)


model = Model()
for epoch in range(5000):
    for x1, x2, label in ((0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 0)):
        model.forward(x1, x2)
        model.backward(label - model.result)
for x1, x2 in ((0, 0), (0, 1), (1, 0), (1, 1)):
    print(x1, x2, model.forward(x1, x2))
