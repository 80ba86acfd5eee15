# Binary cross-entropy instead of squares: its gradient at the output is y - t, the derivative cancels.
import numpy as np


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def binary_cross_entropy(t, y):
    return -(t * np.log(y) + (1 - t) * np.log(1 - y))


class Network:
    def __init__(self, rng):
        self.W1 = rng.normal(size=(2, 2))
        self.b1 = rng.normal(size=2)
        self.W2 = rng.normal(size=2)
        self.b2 = float(rng.normal())

    def forward(self, x):
        self.x = np.array(x, dtype=float)
        self.h = sigmoid(self.W1 @ self.x + self.b1)
        self.y = sigmoid(self.W2 @ self.h + self.b2)
        return self.y

    def backward(self, t, lr=0.2):
        dz2 = self.y - t  # d(bce)/dz
        dz1 = dz2 * self.W2 * self.h * (1 - self.h)
        self.W2 = self.W2 - lr * dz2 * self.h
        self.b2 = self.b2 - lr * dz2
        self.W1 = self.W1 - lr * np.outer(dz1, self.x)
        self.b1 = self.b1 - lr * dz1


if __name__ == "__main__":
    net = Network(np.random.default_rng(5))
    pairs = [((0, 0), 0), ((0, 1), 1), ((1, 0), 1), ((1, 1), 0)]
    for epoch in range(4000):
        total = 0
        for x, t in pairs:
            total += binary_cross_entropy(t, net.forward(x))
            net.backward(t)
        if epoch % 500 == 0:
            print(epoch, total / 4)
    for x, t in pairs:
        print(x, net.forward(x), t)
