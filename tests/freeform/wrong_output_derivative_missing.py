# Squared error, train is a method; the output neuron's derivative is forgotten, the hidden ones have theirs.
import numpy as np


class Neuron:
    def __init__(self, inputs):
        self.weights = np.random.randn(inputs)
        self.bias = np.random.randn()

    def predict(self, x):
        self.last = 1 / (1 + np.exp(-np.dot(x, self.weights) - self.bias))
        return self.last


class XorNet:
    def __init__(self):
        self.h1, self.h2, self.o = Neuron(2), Neuron(2), Neuron(2)

    def predict(self, x):
        return self.o.predict([self.h1.predict(x), self.h2.predict(x)])

    def backward(self, x, error):
        h = np.array([self.h1.last, self.h2.last])
        dh = error * self.o.weights * h * (1 - h)
        self.o.weights = self.o.weights + 0.2 * error * h
        self.o.bias = self.o.bias + 0.2 * error
        for n, g in ((self.h1, dh[0]), (self.h2, dh[1])):
            n.weights = n.weights + 0.2 * g * x
            n.bias = n.bias + 0.2 * g

    def train(self, X, Y, epochs):
        for epoch in range(epochs):
            mse = 0
            for x, y in zip(X, Y):
                error = y - self.predict(x)
                mse += error**2 / 4
                self.backward(x, error)
            if epoch % 500 == 0:
                print("MSE", mse)


X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
Y = np.array([0, 1, 1, 0])
net = XorNet()
net.train(X, Y, 4000)
print([net.predict(x) for x in X])
