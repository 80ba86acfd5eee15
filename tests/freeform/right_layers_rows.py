# Two layer objects with a matrix each, one example at a time as a row (1, 2).
import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


class Layer:
    def __init__(self, n_in, n_out):
        self.W = np.random.randn(n_in, n_out)
        self.b = np.zeros((1, n_out))

    def forward(self, x):
        self.x = x
        self.a = sigmoid(x @ self.W + self.b)
        return self.a

    def backward(self, grad, lr):
        dz = grad * self.a * (1 - self.a)
        dx = dz @ self.W.T
        self.W -= lr * self.x.T @ dz
        self.b -= lr * dz
        return dx


class Network:
    def __init__(self):
        self.layers = [Layer(2, 2), Layer(2, 1)]

    def forward(self, x):
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def backward(self, grad, lr=0.5):
        for layer in reversed(self.layers):
            grad = layer.backward(grad, lr)


data = [([0, 0], 0), ([0, 1], 1), ([1, 0], 1), ([1, 1], 0)]

if __name__ == "__main__":
    np.random.seed(2)
    net = Network()
    for epoch in range(6000):
        for x, t in data:
            x = np.array([x])
            out = net.forward(x)
            net.backward(2 * (out - t))
    for x, t in data:
        print(x, net.forward(np.array([x])).item(), t)
