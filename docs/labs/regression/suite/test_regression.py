"""A line that gradient descent fits: without noise the line itself, with noise the least squares."""

import numpy as np

from grader.lab import Student, case, check, close

DESCENT = {"en": "db = rate * mean(X w + b - y)", "ru": "db = rate * среднее(X w + b - y)"}


@case("fit", points=4, en="fit finds the line where there is no noise", ru="fit находит прямую, если шума нет")
def test_line(student: Student) -> None:
    rng = student.rng("line")
    X, Z, w, b = rng.normal(size=(40, 3)), rng.normal(size=(7, 3)), rng.uniform(-3, 3, 3), rng.uniform(2, 4)
    model = student.new("LinearRegression", rate=0.1)
    model.fit(X, X @ w + b, epochs=2000)
    wrong = {"en": "predict is not X w + b.", "ru": "predict возвращает не X w + b."}
    through_zero = Z @ np.linalg.lstsq(X, X @ w + b, rcond=None)[0]
    close(model.predict(Z), Z @ w + b, wrong, atol=1e-3, hint=DESCENT, mistakes={"no_bias": through_zero})


@case("fit", points=4, en="fit finds the least squares", ru="fit находит наименьшие квадраты")
def test_noise(student: Student) -> None:
    rng = student.rng("noise")
    X = rng.normal(size=(60, 2))
    y = X @ rng.uniform(-3, 3, 2) + rng.uniform(2, 4) + 0.5 * rng.normal(size=60)
    A = np.column_stack([X, np.ones(60)])
    model = student.new("LinearRegression", rate=0.1)
    model.fit(X, y, epochs=2000)
    wrong = {"en": "These are not the least squares.", "ru": "Это не наименьшие квадраты."}
    close(model.predict(X), A @ np.linalg.lstsq(A, y, rcond=None)[0], wrong, atol=1e-3)


@case("fit", points=2, en="fit refuses X and y that do not fit", ru="fit не принимает X и y разной длины")
def test_refuses(student: Student) -> None:
    model = student.new("LinearRegression", rate=0.1)
    model.fit(np.ones((3, 2)), np.ones(3), epochs=1)
    error = student.error_of(lambda: model.fit(np.ones((3, 2)), np.ones(4), epochs=1))
    check(error == "ValueError", {"en": f"fit must raise ValueError, not {error}.", "ru": f"fit: {error}, а не ValueError."})
