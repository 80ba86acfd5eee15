"""Figures that a lab shows, as data; renderers draw the kinds."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, Literal

import msgspec

from grader.core.numbers import Number, number, vector

FIGURE_VALUES = 5_000


class Figure(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", forbid_unknown_fields=True):
    """What every figure has: a title, a sentence below it, and names and units of its axes."""

    title: str
    caption: str = ""
    x_label: str = ""
    y_label: str = ""
    x_unit: str = ""
    y_unit: str = ""


class Points(Figure, frozen=True, kw_only=True):
    """values[i] at x[i], each any sequence of numbers."""

    x: list[Number]
    values: list[Number]

    def __post_init__(self) -> None:
        """Take the numbers as JSON can carry them; ValueError where they do not go together."""
        for name in ("x", "values"):
            msgspec.structs.force_setattr(self, name, figure_values(getattr(self, name)))
        if len(self.x) != len(self.values):
            raise ValueError("a figure has as many x as values")


class Series(Points, tag="series", frozen=True, kw_only=True):
    """Points joined by a line, in their order; on a logarithmic scale there is a gap where a value is not positive."""

    is_logarithmic: bool = False


class Pairs(Points, tag="pairs", frozen=True, kw_only=True):
    """Points that nothing joins."""


class Mark(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A point of a Grid that is marked with a shape: the value there, and what the shape says."""

    x: float
    y: float
    value: Number
    label: str
    shape: Literal["circle", "square"] = "circle"

    def __post_init__(self) -> None:
        """Take the value as JSON can carry it; ValueError for a place that is none."""
        msgspec.structs.force_setattr(self, "value", number(self.value))
        if not (math.isfinite(self.x) and math.isfinite(self.y)):
            raise ValueError(f"a Mark cannot be at ({self.x}, {self.y})")


class Grid(Figure, tag="grid", frozen=True, kw_only=True):
    """Values over a rectangle, as colours: values[i][j] at the i-th x and the j-th y.

    x_extent and y_extent are the first and last place of each; scale is what the first and the last colour mean; where
    the values cross level, a line is drawn.
    """

    values: list[list[Number]]
    x_extent: tuple[float, float]
    y_extent: tuple[float, float]
    scale: tuple[float, float]
    value_label: str = ""
    unit: str = ""
    level: float | None = None
    marks: list[Mark] = []

    def __post_init__(self) -> None:
        """Take the numbers as JSON can carry them; ValueError for what is no grid over a rectangle."""
        msgspec.structs.force_setattr(self, "values", [figure_values(row) for row in self.values])
        if len(self.values) < 2 or len({len(row) for row in self.values}) != 1 or len(self.values[0]) < 2:
            raise ValueError("a Grid has two rows or more, of the same length, which is two or more")
        for low, high in (self.x_extent, self.y_extent, self.scale):
            if not (math.isfinite(low) and math.isfinite(high) and low < high):
                raise ValueError(f"a Grid cannot go from {low} to {high}")


def figure_values(values: Iterable[Any]) -> list[Number]:
    """Return the values of a figure as JSON can carry them; ValueError for more than a report should hold."""
    kept = vector(values)
    if len(kept) > FIGURE_VALUES:
        raise ValueError(f"a figure has at most {FIGURE_VALUES} values")
    return kept


AnyFigure = Series | Grid | Pairs
