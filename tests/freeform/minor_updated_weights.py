# forwaed с опечаткой; выходной нейрон меняет веса раньше, чем по ним считается ошибка скрытых.
import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


class Neuron:
    def __init__(self):
        self._weigths = np.random.uniform(-1, 1, 2)
        self._bias = np.random.uniform(-1, 1)

    def forwaed(self, x):
        self._out = sigmoid(np.dot(x, self._weigths) + self._bias)
        return self._out

    def backward(self, x, loss):
        self._delta = loss * self._out * (1 - self._out)
        self._weigths = self._weigths + 0.5 * self._delta * x
        self._bias = self._bias + 0.5 * self._delta


class Model:
    def __init__(self):
        self._h1, self._h2, self._o = Neuron(), Neuron(), Neuron()

    def forwaed(self, x):
        self._hidden = np.array([self._h1.forwaed(x), self._h2.forwaed(x)])
        return self._o.forwaed(self._hidden)

    def backward(self, x, loss):
        self._o.backward(self._hidden, loss)
        self._h1.backward(x, self._o._delta * self._o._weigths[0])
        self._h2.backward(x, self._o._delta * self._o._weigths[1])


inputs = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
labels = np.array([0, 1, 1, 0])
model = Model()
for i in range(5000):
    for x, label in zip(inputs, labels):
        model.backward(x, label - model.forwaed(x))
for x in inputs:
    print(x, model.forwaed(x))
