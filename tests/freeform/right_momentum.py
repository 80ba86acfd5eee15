# Обычный градиентный спуск с моментом 0.9, backprop(x, target).
import numpy as np


def f(x):
    return 1 / (1 + np.exp(-x))


class Neuron:
    def __init__(self):
        self.w = np.random.uniform(-1, 1, 3)  # w1, w2, смещение
        self.v = np.zeros(3)

    def feed(self, x):
        self.x = np.array([x[0], x[1], 1.0])
        self.o = f(self.w.dot(self.x))
        return self.o

    def move(self, delta):
        self.v = 0.9 * self.v + 0.1 * delta * self.x
        self.w = self.w + self.v


class Model:
    def __init__(self):
        self.n = [Neuron(), Neuron(), Neuron()]

    def feed(self, x):
        a, b, c = self.n
        return c.feed([a.feed(x), b.feed(x)])

    def backprop(self, x, target):
        a, b, c = self.n
        y = self.feed(x)
        dc = (target - y) * y * (1 - y)
        da = dc * c.w[0] * a.o * (1 - a.o)
        db = dc * c.w[1] * b.o * (1 - b.o)
        c.move(dc)
        a.move(da)
        b.move(db)


net = Model()
for epoch in range(4000):
    for p, q in ((0, 0), (0, 1), (1, 0), (1, 1)):
        net.backprop((p, q), p ^ q)
for p, q in ((0, 0), (0, 1), (1, 0), (1, 1)):
    print(p, q, net.feed((p, q)))
