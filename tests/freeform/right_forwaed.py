# Лаба 12, вариант с опечаткой в названии метода (forwaed), работает.
import numpy as np

learning_rate = 0.1


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def sigmoid_derivative(x):
    return x * (1 - x)


class Neuron:
    def __init__(self, weights, bias):
        self._weigths = weights
        self._bias = bias

    def forwaed(self, x):
        self._x = x
        self._out = sigmoid(np.dot(x, self._weigths) + self._bias)
        return self._out

    def backward(self, x, loss):
        d = loss * sigmoid_derivative(self._out)
        self._weigths = self._weigths + learning_rate * d * x
        self._bias = self._bias + learning_rate * d
        return d


class Model:
    def __init__(self):
        self._h1 = Neuron(np.random.uniform(-1, 1, 2), np.random.uniform(-1, 1))
        self._h2 = Neuron(np.random.uniform(-1, 1, 2), np.random.uniform(-1, 1))
        self._o = Neuron(np.random.uniform(-1, 1, 2), np.random.uniform(-1, 1))

    def forwaed(self, x):
        self._hidden = np.array([self._h1.forwaed(x), self._h2.forwaed(x)])
        return self._o.forwaed(self._hidden)

    def backward(self, x, loss):
        w = self._o._weigths
        d = self._o.backward(self._hidden, loss)
        self._h1.backward(x, d * w[0])
        self._h2.backward(x, d * w[1])


inputs = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
labels = np.array([0, 1, 1, 0])
model = Model()
for i in range(10000):
    for x, label in zip(inputs, labels):
        y = model.forwaed(x)
        err = label - y
        model.backward(x, err)
    if i % 1000 == 0:
        print("эпоха", i, "ошибка", abs(err))

for x, label in zip(inputs, labels):
    print(x, round(float(model.forwaed(x)), 3), label)
