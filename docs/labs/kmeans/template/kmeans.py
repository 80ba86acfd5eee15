"""k-means: points X (n, 2), centres (k, 2), labels (n,) of whole numbers."""


def assign(X, centres):
    """Return the number of the nearest centre for each point."""
    raise NotImplementedError


def move(X, labels, centres):
    """Return the mean of the points of each centre; a centre without points stays where it is."""
    raise NotImplementedError


def kmeans(X, centres):
    """Assign and move until nothing changes; return the labels."""
    raise NotImplementedError
