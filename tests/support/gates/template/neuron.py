"""One sigmoid neuron with two inputs."""


class Neuron:
    """Two weights in self.weights (2,), a bias in self.bias, and the sigmoid S."""

    def __init__(self, n_inputs, learning_rate=0.5):
        """Start with random weights."""
        raise NotImplementedError

    def forward(self, x):
        """Return y = S(w . x + w0)."""
        raise NotImplementedError

    def backward(self, x, err):
        """Move the weights by rate * err * y (1 - y) * x, and the bias as if its input were 1."""
        raise NotImplementedError
