# Слои как объекты, весь батч, градиент усредняется; ошибка mse и её производная отдельно.
import numpy as np


class Sigmoid:
    def __call__(self, z):
        self.a = 1 / (1 + np.exp(-z))
        return self.a

    def grad(self):
        return self.a * (1 - self.a)


class Dense:
    def __init__(self, n, m):
        self.weights = np.random.randn(n, m)
        self.bias = np.random.randn(m)
        self.activation = Sigmoid()

    def forward(self, X):
        self.X = X
        return self.activation(X.dot(self.weights) + self.bias)

    def backward(self, up, lr):
        delta = up * self.activation.grad()
        down = delta.dot(self.weights.T)
        self.weights = self.weights - lr * self.X.T.dot(delta) / len(self.X)
        self.bias = self.bias - lr * delta.mean(axis=0)
        return down


class Model:
    def __init__(self):
        self.first = Dense(2, 2)
        self.second = Dense(2, 1)

    def forward(self, X):
        return self.second.forward(self.first.forward(X))

    def backward(self, X, pred, target, lr):
        grad = 2 * (pred - target)
        self.first.backward(self.second.backward(grad, lr), lr)


X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
T = np.array([[0.0], [1.0], [1.0], [0.0]])
np.random.seed(7)
model = Model()
for epoch in range(6000):
    pred = model.forward(X)
    model.backward(X, pred, T, 2.0)
print(np.round(model.forward(X), 2).ravel())
