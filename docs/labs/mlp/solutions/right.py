import numpy as np


class MLP:
    def __init__(self, sizes):
        rng = np.random.default_rng(0)
        self.params = [0.5 * rng.normal(size=s) for n, m in zip(sizes, sizes[1:]) for s in ((n, m), (m,))]

    def set_params(self, params):
        self.params = params

    def layers(self, X):
        found = [X]
        for i in range(0, len(self.params), 2):
            X = X @ self.params[i] + self.params[i + 1]
            X = np.tanh(X) if i < len(self.params) - 2 else np.exp(X - X.max(1, keepdims=True))
            found.append(X)
        found[-1] = found[-1] / found[-1].sum(axis=1, keepdims=True)
        return found

    def forward(self, X):
        return self.layers(X)[-1]

    def loss(self, X, y):
        return -np.log(self.forward(X)[np.arange(len(y)), y]).mean()

    def gradients(self, X, y):
        layers = self.layers(X)
        delta = (layers[-1] - np.eye(layers[-1].shape[1])[y]) / len(y)
        found = []
        for i in range(len(self.params) - 2, -1, -2):
            hidden = layers[i // 2]
            found = [hidden.T @ delta, delta.sum(axis=0), *found]
            delta = delta @ self.params[i].T * (1 - hidden**2)
        return found

    def train(self, X, y, rate=0.1, epochs=100):
        for _ in range(epochs):
            for parameter, gradient in zip(self.params, self.gradients(X, y)):
                parameter -= rate * gradient
