import math
import random


def sigmoid(d):
    return 1 / (1 + math.exp(-d))


def sigmoid_derivative(y):
    return y * (1 - y)


def loss(y, label):
    return y - label


class Neuron:
    """Списки вместо массивов, ошибка y - label."""

    def __init__(self, n_inputs, lr=0.1):
        self._weigths = [random.uniform(-1, 1) for _ in range(n_inputs)]
        self.b = random.uniform(-1, 1)
        self.lr = lr

    def forward(self, x):
        d = self.b
        for i in range(len(x)):
            d += x[i] * self._weigths[i]
        self.out = sigmoid(d)
        return self.out

    def backward(self, x, loss):
        delta = loss * sigmoid_derivative(self.out)
        errors = [delta * w for w in self._weigths]
        for i in range(len(x)):
            self._weigths[i] -= self.lr * delta * x[i]
        self.b -= self.lr * delta
        return errors


class Model:
    def __init__(self):
        self.layers = [[Neuron(2), Neuron(2)], [Neuron(2)]]

    def forward(self, x):
        self.hidden = [n.forward(x) for n in self.layers[0]]
        return self.layers[1][0].forward(self.hidden)

    def backward(self, x, err):
        errors = self.layers[1][0].backward(self.hidden, err)
        for n, e in zip(self.layers[0], errors):
            n.backward(x, e)


def train(model, samples, epochs):
    result = []
    for epoch in range(epochs):
        s = 0
        for x, label in samples:
            y = model.forward(x)
            err = loss(y, label)
            model.backward(x, err)
            s += err * err
        result.append(s / 4)
    return result
