"""The two steps of k-means, and what they come to."""

import numpy as np

from grader.lab import Student, case, close, equal


def distances(X, centres):
    return ((X[:, None, :] - centres[None]) ** 2).sum(2)


@case("kmeans", points=3, en="assign returns the nearest centre of each point", ru="assign возвращает ближайший центр")
def test_assign(student: Student) -> None:
    rng = student.rng("assign")
    X, centres = rng.normal(size=(30, 2)), rng.normal(size=(4, 2))
    labels = student.run("assign", X, centres).array(30)
    wrong = {"en": "These are not the nearest centres.", "ru": "Это не ближайшие центры."}
    farthest = distances(X, centres).argmax(1)
    close(labels, distances(X, centres).argmin(1), wrong, mistakes={"farthest": farthest}, hint="argmin(axis=1)")


@case("kmeans", points=3, en="move returns the means; an empty cluster keeps its centre", ru="move возвращает средние")
def test_move(student: Student) -> None:
    X, labels = student.rng("move").normal(size=(12, 2)), np.array([0, 0, 1, 1, 1, 3, 3, 3, 3, 3, 0, 1])
    old = np.full((4, 2), 7.0)
    right = np.array([X[labels == k].mean(0) if k != 2 else old[2] for k in range(4)])
    sums = np.array([X[labels == k].sum(0) if k != 2 else old[2] for k in range(4)])
    wrong = {"en": "These are not the means.", "ru": "Это не средние."}
    close(student.run("move", X, labels, old), right, wrong, mistakes={"sums": sums})


@case("kmeans", points=2, en="kmeans finds two clouds", ru="kmeans находит два облака")
def test_clouds(student: Student) -> None:
    rng = student.rng("clouds")
    X = np.concatenate([rng.normal(size=(20, 2)), rng.normal(size=(20, 2)) + 9])
    order = rng.permutation(40)
    labels = student.run("kmeans", X[order], X[[0, 20]], time_s=1).array(40)
    wrong = {"en": "The clouds are not apart.", "ru": "Облака не разделены."}
    equal(labels.tolist(), (order >= 20).astype(int).tolist(), wrong)
