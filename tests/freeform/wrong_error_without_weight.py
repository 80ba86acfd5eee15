# train_step(x, target, lr), но ошибка скрытых нейронов взята без веса выходного.
import numpy as np


class NeuralNetwork:
    def __init__(self):
        self.w_h = np.random.normal(size=(2, 2))
        self.b_h = np.random.normal(size=2)
        self.w_o = np.random.normal(size=2)
        self.b_o = np.random.normal()

    def act(self, z):
        return 1 / (1 + np.exp(-z))

    def predict(self, x):
        self.h = self.act(self.w_h @ x + self.b_h)
        return self.act(self.w_o @ self.h + self.b_o)

    def train_step(self, x, target, lr):
        y = self.predict(x)
        d_o = (y - target) * y * (1 - y)
        d_h = d_o * self.h * (1 - self.h)
        self.w_o = self.w_o - lr * d_o * self.h
        self.b_o = self.b_o - lr * d_o
        self.w_h = self.w_h - lr * np.outer(d_h, x)
        self.b_h = self.b_h - lr * d_h


nn = NeuralNetwork()
data = [(np.array([a, b]), a ^ b) for a in (0, 1) for b in (0, 1)]
for epoch in range(4000):
    for x, t in data:
        nn.train_step(x, t, 1.0)
for x, t in data:
    print(x, nn.predict(x), t)
