# Цикл обучения - метод класса, рядом predict; печатает каждую сотую эпоху.
import numpy as np


class Neuron:
    def __init__(self, inputs):
        self.weights = np.random.randn(inputs)
        self.bias = np.random.randn()
        self.last = 0

    def predict(self, x):
        self.last = 1 / (1 + np.exp(-np.dot(x, self.weights) - self.bias))
        return self.last


class XorNet:
    def __init__(self, lr=1):
        self.lr = lr
        self.h1 = Neuron(2)
        self.h2 = Neuron(2)
        self.o = Neuron(2)

    def predict(self, x):
        return self.o.predict([self.h1.predict(x), self.h2.predict(x)])

    def train(self, X, Y, epochs):
        for epoch in range(epochs):
            errors = []
            for x, y in zip(X, Y):
                out = self.predict(x)
                error = y - out
                errors.append(error**2)
                d = error * out * (1 - out)
                h = np.array([self.h1.last, self.h2.last])
                dh = d * self.o.weights * h * (1 - h)
                self.o.weights = self.o.weights + self.lr * d * h
                self.o.bias = self.o.bias + self.lr * d
                for n, g in ((self.h1, dh[0]), (self.h2, dh[1])):
                    n.weights = n.weights + self.lr * g * x
                    n.bias = n.bias + self.lr * g
            if epoch % 100 == 0:
                print("Эпоха", epoch, "MSE", np.mean(errors))


X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
Y = np.array([0, 1, 1, 0])
net = XorNet()
net.train(X, Y, 4000)
for x in X:
    print(x, net.predict(x))
