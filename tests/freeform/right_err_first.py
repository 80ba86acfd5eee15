# backward(err, x): the error comes first here.
import numpy as np

RATE = 0.1


class Neuron:
    def __init__(self):
        self.weights = np.random.rand(2)
        self.bias = np.random.rand()

    def forward(self, x):
        self.y = 1 / (1 + np.exp(-(np.sum(self.weights * x) + self.bias)))
        return self.y

    def backward(self, err, x):
        grad = err * self.y * (1 - self.y)
        out = grad * self.weights
        self.weights = self.weights - RATE * grad * x
        self.bias = self.bias - RATE * grad
        return out


class Model:
    def __init__(self):
        self.neurons = [Neuron() for _ in range(3)]

    def forward(self, x):
        self.hidden = np.array([self.neurons[0].forward(x), self.neurons[1].forward(x)])
        return self.neurons[2].forward(self.hidden)

    def backward(self, err, x):
        errors = self.neurons[2].backward(err, self.hidden)
        for neuron, e in zip(self.neurons[:2], errors):
            neuron.backward(e, x)


def main():
    xs = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    ts = [0, 1, 1, 0]
    model = Model()
    for _ in range(6000):
        for x, t in zip(xs, ts):
            model.backward(2 * (model.forward(x) - t), x)
    for x in xs:
        print(x, "->", float(model.forward(x)))


if __name__ == "__main__":
    main()
