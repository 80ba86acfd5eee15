# The whole batch at once; the biases are drawn at the start and never change.
import numpy as np

X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
Y = np.array([[0], [1], [1], [0]])


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def der(x):
    return x * (1 - x)


class Model:
    def __init__(self):
        self.w1 = np.random.uniform(-1, 1, (2, 2))
        self.b1 = np.random.uniform(-1, 1, (1, 2))
        self.w2 = np.random.uniform(-1, 1, (2, 1))
        self.b2 = np.random.uniform(-1, 1, (1, 1))

    def forward(self, X):
        self.h = sigmoid(np.dot(X, self.w1) + self.b1)
        self.out = sigmoid(np.dot(self.h, self.w2) + self.b2)
        return self.out

    def backward(self, X, err, lr=0.5):
        d2 = err * der(self.out)
        d1 = np.dot(d2, self.w2.T) * der(self.h)
        self.w2 += lr * np.dot(self.h.T, d2)
        self.w1 += lr * np.dot(X.T, d1)


model = Model()
for epoch in range(8000):
    model.backward(X, Y - model.forward(X))
print(model.forward(X))
