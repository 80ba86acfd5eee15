# No classes for the network itself: a list of three Perceptron objects, forward and backward are functions.
import numpy as np


class Perceptron:
    def __init__(self):
        self.w = np.random.randn(2)
        self.b = np.random.randn()


net = [Perceptron(), Perceptron(), Perceptron()]


def out(p, x):
    return 1 / (1 + np.exp(-(p.w @ x + p.b)))


def forward(x):
    h = np.array([out(net[0], x), out(net[1], x)])
    return h, out(net[2], h)


def backward(x, t, lr=0.5):
    h, y = forward(x)
    d = (t - y) * y * (1 - y)
    dh = d * net[2].w * h * (1 - h)
    net[2].w = net[2].w + lr * d * h
    net[2].b += lr * d
    for i in (0, 1):
        net[i].w = net[i].w + lr * dh[i] * x
        net[i].b += lr * dh[i]


for epoch in range(5000):
    for x, t in (([0, 0], 0), ([0, 1], 1), ([1, 0], 1), ([1, 1], 0)):
        backward(np.array(x), t)

for x in ([0, 0], [0, 1], [1, 0], [1, 1]):
    print(x, forward(np.array(x))[1])
