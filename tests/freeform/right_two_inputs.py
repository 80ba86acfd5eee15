# forward(x1, x2) with two numbers, the output of the model is kept in self.result.
import math
import random

LR = 1.0


def sigmoid(value):
    return 1.0 / (1.0 + math.exp(-value))


class Neuron:
    def __init__(self):
        self.weight1 = random.uniform(-1, 1)
        self.weight2 = random.uniform(-1, 1)
        self.bias = random.uniform(-1, 1)

    def forward(self, x1, x2):
        self.x1, self.x2 = x1, x2
        self.result = sigmoid(self.weight1 * x1 + self.weight2 * x2 + self.bias)
        return self.result

    def backward(self, loss):
        delta = loss * self.result * (1 - self.result)
        e1, e2 = delta * self.weight1, delta * self.weight2
        self.weight1 += LR * delta * self.x1
        self.weight2 += LR * delta * self.x2
        self.bias += LR * delta
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


random.seed(12)
model = Model()
print("start training")
for epoch in range(6000):
    for x1, x2, label in ((0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 0)):
        model.forward(x1, x2)
        model.backward(label - model.result)
for x1, x2 in ((0, 0), (0, 1), (1, 0), (1, 1)):
    print(x1, x2, round(model.forward(x1, x2), 3))
