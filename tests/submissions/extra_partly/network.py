import numpy as np

LEARNING_RATE = 0.5


def sigmoid(d):
    return 1 / (1 + np.exp(-d))


def sigmoid_derivative(y):
    return y * (1 - y)


def loss(y, label):
    return label - y


class Neuron:
    def __init__(self, n_inputs):
        self._weigths = np.random.uniform(-1, 1, n_inputs + 1)
        self.y = 0.0

    def forward(self, x):
        self.y = sigmoid(np.dot(self._weigths, [*x, 1]))
        return self.y

    def backward(self, x, loss):
        delta = loss * sigmoid_derivative(self.y)
        errors = delta * self._weigths
        self._weigths = self._weigths + 2 * LEARNING_RATE * delta * np.append(x, 1)
        return errors


class Model:
    def __init__(self):
        self.n1 = Neuron(2)
        self.n2 = Neuron(2)
        self.n3 = Neuron(2)

    def forward(self, x):
        self.h = np.array([self.n1.forward(x), self.n2.forward(x)])
        return self.n3.forward(self.h)

    def backward(self, x, err):
        e1, e2, _ = self.n3.backward(self.h, err)
        self.n1.backward(x, e1)
        self.n2.backward(x, e2)


def train(model, samples, epochs):
    history = []
    for _ in range(epochs):
        total = 0
        for x, label in samples:
            y = model.forward(x)
            err = loss(y, label)
            model.backward(x, err)
            total += (label - y) ** 2
        history.append(total / len(samples))
    return history
