# Персептроны; дельта - это просто ошибка, без производной.
import numpy as np

lr = 0.1


def sigma(z):
    return 1 / (1 + np.exp(-z))


class Perceptron:
    def __init__(self, n):
        self.weights = np.random.randn(n)
        self.bias = np.random.randn()

    def activate(self, x):
        self.x = np.array(x)
        self.out = sigma(np.dot(self.weights, self.x) + self.bias)
        return self.out

    def train_step(self, error):
        back = error * self.weights
        self.weights = self.weights + lr * error * self.x
        self.bias += lr * error
        return back


class Net:
    def __init__(self):
        self.p1 = Perceptron(2)
        self.p2 = Perceptron(2)
        self.p3 = Perceptron(2)

    def activate(self, x):
        return self.p3.activate([self.p1.activate(x), self.p2.activate(x)])

    def train_step(self, x, error):
        b = self.p3.train_step(error)
        self.p1.train_step(b[0])
        self.p2.train_step(b[1])


net = Net()
for epoch in range(4000):
    for x, y in (([0, 0], 0), ([0, 1], 1), ([1, 0], 1), ([1, 1], 0)):
        net.train_step(x, y - net.activate(x))

for x in ([0, 0], [0, 1], [1, 0], [1, 1]):
    print(x, net.activate(x))
