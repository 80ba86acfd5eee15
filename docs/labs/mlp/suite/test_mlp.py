"""A network of any size: its outputs, its loss, its gradients beside central differences, and what it learns."""

import numpy as np
import pytest

from grader.lab import Student, case, check, close, slopes


def outputs(params, X):
    for i in range(0, len(params), 2):
        X = X @ params[i] + params[i + 1]
        X = np.tanh(X) if i < len(params) - 2 else np.exp(X - X.max(1, keepdims=True))
    return X / X.sum(1, keepdims=True)


@case("network", points=3, en="forward, loss and gradients agree with central differences", ru="forward, loss и градиенты")
@pytest.mark.parametrize("sizes", [[2, 3, 3], [4, 5, 3, 2]], ids=["one_hidden", "two_hidden"])
def test_gradient(student: Student, sizes: list[int]) -> None:
    rng = student.rng(str(sizes))
    X, y = rng.normal(size=(6, sizes[0])), rng.integers(0, sizes[-1], 6)
    params = [rng.normal(size=s) for n, m in zip(sizes, sizes[1:]) for s in ((n, m), (m,))]
    loss = lambda: -np.log(outputs(params, X)[np.arange(6), y]).mean()
    (model := student.new("MLP", sizes)).set_params(params)
    close(model.forward(X), outputs(params, X), {"en": "This is not softmax.", "ru": "Это не softmax."})
    close(model.loss(X, y), loss(), {"en": "This is not the mean of -log p.", "ru": "Это не среднее -log p."})
    for k, (own, p) in enumerate(zip(model.gradients(X, y).list(len(params)), params)):
        name, right = f"{'Wb'[k % 2]}{k // 2 + 1}", slopes(loss, p)
        wrong = {"en": f"The gradient of {name} is wrong.", "ru": f"Градиент {name} неверен."}
        close(own, right, wrong, rtol=1e-4, atol=1e-6, mistakes={"summed": 6 * right, "sign": -right})


@case("network", points=4, en="train separates three clouds", ru="train разделяет три облака")
def test_training(student: Student) -> None:
    rng = student.rng("train")
    y = rng.integers(0, 3, 120)
    X = 0.3 * rng.normal(size=(120, 2)) + np.array([[0, 2], [2, -1], [-2, -1]])[y]
    model = student.new("MLP", [2, 8, 3])
    model.train(X[:60], y[:60], rate=0.5, epochs=300)
    right = (model.forward(X[60:]).array(60, 3).argmax(1) == y[60:]).mean()
    check(right > 0.95, {"en": f"{right:.0%} right after 300 epochs.", "ru": f"После 300 эпох верно {right:.0%}."})
