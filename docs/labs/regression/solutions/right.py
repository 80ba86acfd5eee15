import numpy as np


class LinearRegression:
    def __init__(self, rate=0.1):
        self.rate = rate

    def fit(self, X, y, epochs=1000):
        if len(X) != len(y):
            raise ValueError("X and y differ in length")
        self.w, self.b = np.zeros(X.shape[1]), 0.0
        for _ in range(epochs):
            error = X @ self.w + self.b - y
            self.w -= self.rate * X.T @ error / len(y)
            self.b -= self.rate * error.mean()

    def predict(self, X):
        return X @ self.w + self.b
