# Neuron.backward(loss): вход нейрон запоминает в forward; Model.backward(x, err) как в задании.
import numpy as np

learning_rate = 0.1


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def loss(y, label):
    return label - y


class Neuron:
    def __init__(self, n):
        self._weights = np.random.randn(n)
        self._bias = np.random.randn()

    def forward(self, x):
        self._x = np.array(x, dtype=float)
        self._y = sigmoid(self._x @ self._weights + self._bias)
        return self._y

    def backward(self, loss):
        delta = loss * self._y * (1 - self._y)
        errors = delta * self._weights
        self._weights = self._weights + 2 * learning_rate * delta * self._x
        self._bias += 2 * learning_rate * delta
        return errors


class Model:
    def __init__(self):
        self.n1 = Neuron(2)
        self.n2 = Neuron(2)
        self.n3 = Neuron(2)

    def forward(self, x):
        return self.n3.forward([self.n1.forward(x), self.n2.forward(x)])

    def backward(self, x, err):
        e1, e2 = self.n3.backward(err)
        self.n1.backward(e1)
        self.n2.backward(e2)


def train(model, samples, epochs):
    losses = []
    for _ in range(epochs):
        total = 0
        for x, label in samples:
            y = model.forward(x)
            err = loss(y, label)
            model.backward(x, err)
            total += err**2
        losses.append(total / 4)
    return losses


if __name__ == "__main__":
    XOR = [((0, 0), 0), ((0, 1), 1), ((1, 0), 1), ((1, 1), 0)]
    model = Model()
    train(model, XOR, 6000)
    for x, label in XOR:
        print(x, model.forward(x), label)
