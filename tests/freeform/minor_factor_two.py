# Layers; the 2 of the squared error stands in every layer, so the hidden layer gets it twice.
import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


class Layer:
    def __init__(self, n_in, n_out):
        self.W = np.random.randn(n_in, n_out)
        self.b = np.random.randn(n_out)

    def forward(self, x):
        self.x = x
        self.a = sigmoid(x @ self.W + self.b)
        return self.a

    def backward(self, err, lr):
        delta = 2 * err * self.a * (1 - self.a)
        passed = delta @ self.W.T
        self.W = self.W + lr * self.x.T @ delta
        self.b = self.b + lr * delta.sum(axis=0)
        return passed


class Network:
    def __init__(self):
        self.hidden, self.output = Layer(2, 2), Layer(2, 1)

    def forward(self, X):
        return self.output.forward(self.hidden.forward(X))

    def backward(self, err, lr):
        self.hidden.backward(self.output.backward(err, lr), lr)


X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
T = np.array([[0.0], [1.0], [1.0], [0.0]])
net = Network()
for epoch in range(6000):
    net.backward(T - net.forward(X), 0.3)
print(net.forward(X).ravel())
