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
        self._weigths = np.random.randn(n_inputs)
        self.bias = np.random.randn()
        self.y = 0.0

    def forward(self, x):
        self.y = sigmoid(np.dot(self._weigths, x) + self.bias)
        return self.y

    def backward(self, x, loss):
        delta = loss * sigmoid_derivative(self.y)
        errors = delta * self._weigths
        self._weigths = self._weigths + LEARNING_RATE * delta * np.array(x)
        self.bias = self.bias + LEARNING_RATE * delta
        return errors


class Network:
    def __init__(self):
        self.n1 = Neuron(2)
        self.n2 = Neuron(2)
        self.n3 = Neuron(2)

    def forward(self, x):
        self.h = np.array([self.n1.forward(x), self.n2.forward(x)])
        return self.n3.forward(self.h)

    def backward(self, x, err):
        e1, e2 = self.n3.backward(self.h, err)
        self.n1.backward(x, e1)
        self.n2.backward(x, e2)
