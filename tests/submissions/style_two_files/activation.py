import numpy as np


def sigmoid(d):
    return np.exp(d) / (1 + np.exp(d)) if d < 0 else 1 / (1 + np.exp(-d))


def sigmoid_derivative(y):
    return y * (1 - y)
