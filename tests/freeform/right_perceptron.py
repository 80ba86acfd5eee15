# Сеть из трёх персептронов, всё верно, только классы названы по-другому.
import numpy as np

np.random.seed(3)
lr = 0.5


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
        delta = error * self.out * (1 - self.out)
        back = delta * self.weights
        self.weights = self.weights + lr * delta * self.x
        self.bias += lr * delta
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


X = [[0, 0], [0, 1], [1, 0], [1, 1]]
Y = [0, 1, 1, 0]

net = Net()
for epoch in range(5000):
    for x, y in zip(X, Y):
        net.train_step(x, y - net.activate(x))

for x in X:
    print(x, net.activate(x))
