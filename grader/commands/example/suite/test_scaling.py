"""The mean of numbers, and a scaler that learns mean and deviation."""

import numpy as np

from grader.lab import Student, case, check, close


@case("mean", points=2, en="mean returns the mean", ru="mean возвращает среднее")
def test_mean(student: Student) -> None:
    x = student.rng("mean").uniform(-5, 5, 7)
    close(student.run("mean", x), x.mean(), mistakes={"sum": x.sum()}, hint="sum(x) / len(x)")


@case("mean", points=1, en="mean([]) raises ValueError", ru="mean([]) вызывает ValueError")
def test_empty(student: Student) -> None:
    error = student.error_of(lambda: student.run("mean", []))
    check(error == "ValueError", {"en": f"mean([]) gave {error}.", "ru": f"mean([]): {error}."})


@case(
    "scaling",
    points=3,
    en="transform scales to mean 0 and deviation 1",
    ru="transform приводит к среднему 0 и отклонению 1",
)
def test_transform(student: Student) -> None:
    rng = student.rng("transform")
    X, Z = rng.normal(3, 2, (20, 4)), rng.normal(3, 2, (5, 4))
    scaler = student.new("Scaler")
    scaler.fit(X)
    close(
        scaler.transform(Z),
        (Z - X.mean(0)) / X.std(0),
        {"en": "The columns are not scaled.", "ru": "Столбцы не приведены."},
        mistakes={"own_mean": (Z - Z.mean(0)) / Z.std(0), "one_mean": (Z - X.mean()) / X.std()},
    )
