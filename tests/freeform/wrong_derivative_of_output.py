# Layers with matrices; the derivative is called with the activation although it wants the sum.
import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def sigmoid_prime(x):
    return sigmoid(x) * (1 - sigmoid(x))


class Layer:
    def __init__(self, n_in, n_out):
        self.W = np.random.randn(n_in, n_out)
        self.b = np.zeros(n_out)

    def forward(self, x):
        self.x = x
        self.a = sigmoid(x @ self.W + self.b)
        return self.a

    def backward(self, grad, lr):
        dz = grad * sigmoid_prime(self.a)
        dx = dz @ self.W.T
        self.W = self.W - lr * np.outer(self.x, dz)
        self.b = self.b - lr * dz
        return dx


class Network:
    def __init__(self):
        self.l1, self.l2 = Layer(2, 2), Layer(2, 1)

    def forward(self, x):
        return self.l2.forward(self.l1.forward(np.array(x, dtype=float)))

    def backward(self, y, t, lr=0.5):
        self.l1.backward(self.l2.backward(y - t, lr), lr)


net = Network()
for epoch in range(5000):
    for x, t in (((0, 0), 0), ((0, 1), 1), ((1, 0), 1), ((1, 1), 0)):
        net.backward(net.forward(x), t)
for x in ((0, 0), (0, 1), (1, 0), (1, 1)):
    print(x, net.forward(x))
