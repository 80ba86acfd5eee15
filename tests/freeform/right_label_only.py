# backward(label): вход и выход нейроны помнят сами.
import math
import random


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


class Neuron:
    def __init__(self, count):
        self.weights = [random.random() * 2 - 1 for _ in range(count)]
        self.bias = random.random() * 2 - 1
        self.inputs = []
        self.result = 0

    def forward(self, inputs):
        self.inputs = inputs
        s = self.bias
        for w, i in zip(self.weights, inputs):
            s += w * i
        self.result = sigmoid(s)
        return self.result

    def correct(self, error):
        d = error * self.result * (1 - self.result)
        for i in range(len(self.weights)):
            self.weights[i] += 0.5 * d * self.inputs[i]
        self.bias += 0.5 * d
        return d


class Model:
    def __init__(self):
        self.hidden = [Neuron(2), Neuron(2)]
        self.out = Neuron(2)

    def forward(self, x):
        h = []
        for n in self.hidden:
            h.append(n.forward(x))
        return self.out.forward(h)

    def backward(self, label):
        old = list(self.out.weights)
        d = self.out.correct(label - self.out.result)
        for n, w in zip(self.hidden, old):
            n.correct(d * w)


model = Model()
table = [([0, 0], 0), ([0, 1], 1), ([1, 0], 1), ([1, 1], 0)]
for epoch in range(10000):
    for x, label in table:
        model.forward(x)
        model.backward(label)
for x, label in table:
    print(x, model.forward(x), label)
