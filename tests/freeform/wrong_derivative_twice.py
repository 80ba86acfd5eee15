# Ошибка умножается на производную и в цикле, и ещё раз внутри нейрона.
import math
import random


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


class Neuron:
    def __init__(self, count):
        self.weights = [random.random() * 2 - 1 for _ in range(count)]
        self.bias = random.random() * 2 - 1

    def forward(self, inputs):
        self.inputs = inputs
        self.result = sigmoid(self.bias + sum(w * i for w, i in zip(self.weights, inputs)))
        return self.result

    def correct(self, error):
        d = error * self.result * (1 - self.result)
        d = d * self.result * (1 - self.result)
        old = list(self.weights)
        for i in range(len(self.weights)):
            self.weights[i] += 3 * d * self.inputs[i]
        self.bias += 3 * d
        return [d * w for w in old]


class Model:
    def __init__(self):
        self.hidden = [Neuron(2), Neuron(2)]
        self.out = Neuron(2)

    def forward(self, x):
        return self.out.forward([n.forward(x) for n in self.hidden])

    def backward(self, label):
        for n, e in zip(self.hidden, self.out.correct(label - self.out.result)):
            n.correct(e)


model = Model()
table = [([0, 0], 0), ([0, 1], 1), ([1, 0], 1), ([1, 1], 0)]
for epoch in range(8000):
    for x, label in table:
        model.forward(x)
        model.backward(label)
for x, label in table:
    print(x, model.forward(x), label)
