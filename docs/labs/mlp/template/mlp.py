"""A network of layers: tanh in the hidden ones, softmax at the end."""


class MLP:
    """Layers of the sizes given, [inputs, hidden, ..., classes]."""

    def __init__(self, sizes):
        """Draw the parameters: a list [W1, b1, W2, b2, ...], W of shape (inputs, outputs)."""
        raise NotImplementedError

    def set_params(self, params):
        """Replace the parameters."""
        raise NotImplementedError

    def forward(self, X):
        """Return the probabilities, a row for each sample."""
        raise NotImplementedError

    def loss(self, X, y):
        """Return the mean of -log p over the right classes; y are whole numbers."""
        raise NotImplementedError

    def gradients(self, X, y):
        """Return the gradients of the loss, in the order of the parameters."""
        raise NotImplementedError

    def train(self, X, y, rate=0.1, epochs=100):
        """Go down the gradient, epochs times."""
        raise NotImplementedError
