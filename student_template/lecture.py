"""Extra credit: formulas of the lecture beside those of the network, with numpy only."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def tanh(d: ArrayLike) -> NDArray[np.float64]:
    """Return tanh(d) = (e^2d - 1) / (e^2d + 1) of each number.

    d is a number or an array, the result has its shape and lies in [-1, 1]. Large |d| must not overflow.
    """
    raise NotImplementedError


def tanh_derivative(y: ArrayLike) -> NDArray[np.float64]:
    """Return tanh'(d) = 1 - y^2, written through the output y = tanh(d), as the lecture writes S'(d) = y (1 - y).

    y is what tanh returned, a number or an array in (-1, 1); the result has its shape.
    """
    raise NotImplementedError


def relu(d: ArrayLike) -> NDArray[np.float64]:
    """Return max(0, d) of each number.

    d is a number or an array; the result has its shape.
    """
    raise NotImplementedError


def relu_derivative(y: ArrayLike) -> NDArray[np.float64]:
    """Return the derivative of relu, written through the output y = relu(d): 1 where y > 0, else 0.

    y is what relu returned, a number or an array; the result has its shape. An output of 0 stands for every d <= 0.
    """
    raise NotImplementedError


def softmax(d: ArrayLike) -> NDArray[np.float64]:
    """Return e^d_i / sum_j e^d_j for each i: numbers in [0, 1] whose sum is 1.

    d has shape (n,), and so has the result. Large |d| must not overflow.
    """
    raise NotImplementedError


def mae(y: ArrayLike, pred: ArrayLike) -> float:
    """Return the mean absolute error: (1/n) sum |y_i - pred_i|.

    y holds the true values and pred the predicted ones, both of shape (n,).
    """
    raise NotImplementedError


def mse(y: ArrayLike, pred: ArrayLike) -> float:
    """Return the mean squared error: (1/n) sum (y_i - pred_i)^2.

    y holds the true values and pred the predicted ones, both of shape (n,).
    """
    raise NotImplementedError


def rmse(y: ArrayLike, pred: ArrayLike) -> float:
    """Return the root of the mean squared error.

    y holds the true values and pred the predicted ones, both of shape (n,).
    """
    raise NotImplementedError


def mape(y: ArrayLike, pred: ArrayLike) -> float:
    """Return the mean absolute percentage error: (100 / n) sum |y_i - pred_i| / y_i, in per cent.

    y holds the true values, positive numbers, and pred the predicted ones, both of shape (n,). A y of 0 is a ValueError.
    """
    raise NotImplementedError


def binary_cross_entropy(y: ArrayLike, pred: ArrayLike) -> float:
    """Return the mean of -y_i log(pred_i) - (1 - y_i) log(1 - pred_i), with the natural logarithm.

    y holds the true classes, 0 or 1, and pred the predicted probabilities of class 1, both of shape (n,). The result
    is finite: keep pred a little away from 0 and 1 (1e-12) before you take the logarithm.
    """
    raise NotImplementedError


def cross_entropy(y: ArrayLike, pred: ArrayLike) -> float:
    """Return the mean over the rows of -sum_j y_ij log(pred_ij), with the natural logarithm.

    y holds the true classes as rows like [1, 0] (the lecture's Cat) or [0, 1] (Dog), and pred the predicted
    probabilities in the same order of columns, both of shape (n, C). The result is finite: keep pred a little away
    from 0 (1e-12) before you take the logarithm.
    """
    raise NotImplementedError


def momentum_step(
    w: ArrayLike, grad: ArrayLike, velocity: ArrayLike, learning_rate: float, momentum: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Make one step of gradient descent with momentum; return the new weights and the new velocity.

    The lecture's dw_t = E grad + alpha dw_(t-1) is the velocity, E the learning rate and alpha the momentum; it is
    subtracted, w - dw_t, since grad points to where the error grows. w, grad and velocity (0 before the first step)
    have one shape, and so have both results. What is passed in stays as it is.
    """
    raise NotImplementedError


def exponential_example(x: float, w1: float, w0: float) -> tuple[float, float, float, float]:
    """Return the value of f = 1 + e^(w1 x + w0) and its gradients, in the order f, df/dx, df/dw1, df/dw0.

    The lecture's example is x = 1, w1 = 2, w0 = 1, where it rounds e^3 to 20; do not round.
    """
    raise NotImplementedError


def half_norm_example(X: ArrayLike, W: ArrayLike) -> tuple[float, NDArray[np.float64]]:
    """Return the value of f = 1/2 ||X W||^2, the half sum of the squares of X W, and its gradient X^T (X W) by W.

    X has shape (n, m) and W shape (m, k), as has the gradient.
    """
    raise NotImplementedError
