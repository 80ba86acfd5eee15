# backward(x, expected, predicted): ошибка считается внутри.
import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def sigmoid_derivative(y):
    return y * (1 - y)


class Neuron:
    def __init__(self, n, lr):
        self._weigths = np.random.randn(n, 1)
        self._bias = 0.1
        self._lr = lr

    def forward(self, x):
        self.output = sigmoid(np.dot(x, self._weigths) + self._bias)
        return self.output

    def backward(self, x, loss):
        delta = loss * sigmoid_derivative(self.output)
        errors = self._weigths.flatten() * delta
        self._weigths = self._weigths + self._lr * delta * np.array(x).reshape(-1, 1)
        self._bias = self._bias + self._lr * delta
        return errors


class Model:
    def __init__(self):
        self.n1 = Neuron(2, 0.3)
        self.n2 = Neuron(2, 0.3)
        self.n3 = Neuron(2, 0.3)

    def forward(self, x):
        self.h = [self.n1.forward(x)[0], self.n2.forward(x)[0]]
        return self.n3.forward(self.h)[0]

    def backward(self, x, expected, predicted):
        errors = self.n3.backward(self.h, expected - predicted)
        self.n1.backward(x, errors[0])
        self.n2.backward(x, errors[1])
        # дальше в forward смещение должно быть числом
        for n in (self.n1, self.n2, self.n3):
            n._bias = np.ravel(n._bias)[0]


x_train = [(0, 0), (0, 1), (1, 0), (1, 1)]
y_train = [0, 1, 1, 0]
model = Model()
for epoch in range(5000):
    for x, expected in zip(x_train, y_train):
        predicted = model.forward(x)
        model.backward(x, expected, predicted)
    if epoch % 250 == 0:
        print(epoch, expected - predicted)
print([float(model.forward(x)) for x in x_train])
