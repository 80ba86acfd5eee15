import numpy as np


def sigmoid(d):
    return 1.0 / (1.0 + np.exp(-d))


def sigmoid_derivative(y):
    return y * (1.0 - y)


def loss(y, label):
    return label - y


class Neuron:
    def __init__(self, n_inputs, learning_rate=1.0):
        self._weigths = np.random.normal(size=(n_inputs, 1))
        self.bias = np.random.normal(size=(1, 1))
        self.learning_rate = learning_rate

    def forward(self, x):
        self.out = sigmoid(self._weigths.T @ x + self.bias)
        return self.out

    def backward(self, x, loss):
        delta = loss * sigmoid_derivative(self.out)
        back = self._weigths @ delta
        self._weigths += self.learning_rate * x @ delta
        self.bias += self.learning_rate * delta
        return back


class Model:
    def __init__(self, learning_rate=1.0):
        self.first, self.second, self.last = (Neuron(2, learning_rate) for _ in range(3))

    def forward(self, x):
        x = np.reshape(x, (2, 1))
        self.hidden = np.vstack([self.first.forward(x), self.second.forward(x)])
        return self.last.forward(self.hidden)

    def backward(self, x, err):
        x = np.reshape(x, (2, 1))
        back = self.last.backward(self.hidden, np.reshape(err, (1, 1)))
        self.first.backward(x, back[[0]])
        self.second.backward(x, back[[1]])


def train(model, samples, epochs):
    losses = []
    for _ in range(epochs):
        errors = []
        for x, label in samples:
            err = loss(model.forward(x), label)
            model.backward(x, err)
            errors.append((err**2).item())
        losses.append(np.mean(errors))
    return losses
