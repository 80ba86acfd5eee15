"""Linear regression by gradient descent."""


class LinearRegression:
    """The line X w + b: weights self.w (n,), a bias self.b."""

    def __init__(self, rate=0.1):
        """Keep the learning rate."""
        raise NotImplementedError

    def fit(self, X, y, epochs=1000):
        """Move w and b against the gradient of the mean squared error, epochs times; ValueError where the lengths differ."""
        raise NotImplementedError

    def predict(self, X):
        """Return X w + b."""
        raise NotImplementedError
