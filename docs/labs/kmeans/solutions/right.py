import numpy as np


def assign(X, centres):
    return np.linalg.norm(X[:, None] - centres, axis=2).argmin(axis=1)


def move(X, labels, centres):
    return np.array([X[labels == k].mean(axis=0) if (labels == k).any() else old for k, old in enumerate(centres)])


def kmeans(X, centres):
    while True:
        labels = assign(X, centres)
        moved = move(X, labels, centres)
        if (moved == centres).all():
            return labels
        centres = moved
