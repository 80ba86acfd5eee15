# backward(x, expected, predicted); both hidden neurons get the first error.
import numpy as np


class Neuron:
    def __init__(self, n):
        self._weigths = np.random.randn(n)
        self._bias = np.random.randn()

    def forward(self, x):
        self.output = 1 / (1 + np.exp(-(np.dot(x, self._weigths) + self._bias)))
        return self.output

    def backward(self, x, loss):
        delta = loss * self.output * (1 - self.output)
        errors = delta * self._weigths
        self._weigths = self._weigths + 0.5 * delta * np.array(x)
        self._bias += 0.5 * delta
        return errors


class Model:
    def __init__(self):
        self.n1, self.n2, self.n3 = Neuron(2), Neuron(2), Neuron(2)

    def forward(self, x):
        self.h = [self.n1.forward(x), self.n2.forward(x)]
        return self.n3.forward(self.h)

    def backward(self, x, expected, predicted):
        errors = self.n3.backward(self.h, expected - predicted)
        self.n1.backward(x, errors[0])
        self.n2.backward(x, errors[0])


model = Model()
for epoch in range(5000):
    for x, expected in (((0, 0), 0), ((0, 1), 1), ((1, 0), 1), ((1, 1), 0)):
        model.backward(x, expected, model.forward(x))
for x in ((0, 0), (0, 1), (1, 0), (1, 1)):
    print(x, model.forward(x))
