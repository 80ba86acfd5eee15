# Everything as in the task, only Neuron.backward(x, loss, lr) must be told the rate: the model has it.
import numpy as np


def sigmoid(d):
    return 1 / (1 + np.exp(-d))


def sigmoid_derivative(y):
    return y * (1 - y)


def loss(y, label):
    return y - label


class Neuron:
    def __init__(self, n_inputs):
        self._weigths = np.random.uniform(-1, 1, n_inputs)
        self.bias = 0.0

    def forward(self, x):
        self.y = sigmoid(np.dot(self._weigths, x) + self.bias)
        return self.y

    def backward(self, x, loss, lr):
        delta = loss * sigmoid_derivative(self.y)
        errors = delta * self._weigths
        self._weigths = self._weigths - lr * delta * np.array(x)
        self.bias = self.bias - lr * delta
        return errors


class Model:
    def __init__(self, lr=0.5):
        self.lr = lr
        self.n1, self.n2, self.n3 = Neuron(2), Neuron(2), Neuron(2)

    def forward(self, x):
        self.h = [self.n1.forward(x), self.n2.forward(x)]
        return self.n3.forward(self.h)

    def backward(self, x, err):
        errors = self.n3.backward(self.h, err, self.lr)
        self.n1.backward(x, errors[0], self.lr)
        self.n2.backward(x, errors[1], self.lr)


samples = [((0, 0), 0), ((0, 1), 1), ((1, 0), 1), ((1, 1), 0)]
model = Model()
for epoch in range(5000):
    for x, label in samples:
        y = model.forward(x)
        err = loss(y, label)
        model.backward(x, err)
for x, label in samples:
    print(x, round(model.forward(x), 3), label)
