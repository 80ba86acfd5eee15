# Сначала шаг скрытых нейронов, потом их выходы считаются заново и идут в шаг выходного.
import math
import random


class Neuron:
    def __init__(self):
        self.w = [random.gauss(0, 1), random.gauss(0, 1)]
        self.b = random.gauss(0, 1)

    def activate(self, x):
        return 1 / (1 + math.exp(-(self.w[0] * x[0] + self.w[1] * x[1] + self.b)))

    def step(self, x, delta):
        self.w = [self.w[0] + delta * x[0], self.w[1] + delta * x[1]]
        self.b += delta


class Model:
    def __init__(self):
        self.n1, self.n2, self.n3 = Neuron(), Neuron(), Neuron()

    def hidden(self, x):
        return [self.n1.activate(x), self.n2.activate(x)]

    def predict(self, x):
        return self.n3.activate(self.hidden(x))

    def train_step(self, x, target, lr):
        h = self.hidden(x)
        y = self.n3.activate(h)
        d = lr * (target - y) * y * (1 - y)
        self.n1.step(x, d * self.n3.w[0] * h[0] * (1 - h[0]))
        self.n2.step(x, d * self.n3.w[1] * h[1] * (1 - h[1]))
        self.n3.step(self.hidden(x), d)


model = Model()
for epoch in range(6000):
    for x, target in (((0, 0), 0), ((0, 1), 1), ((1, 0), 1), ((1, 1), 0)):
        model.train_step(x, target, 1.0)
for x in ((0, 0), (0, 1), (1, 0), (1, 1)):
    print(x, model.predict(x))
