"""Figures of a lab as data; renderers draw each kind."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, Literal

import msgspec

from grader.core.numbers import Number, number, vector

FIGURE_VALUES = 5_000


class Figure(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", forbid_unknown_fields=True):
    """Base class of figures: title, caption, and names and units of the axes."""

    title: str
    caption: str = ""
    x_label: str = ""
    y_label: str = ""
    x_unit: str = ""
    y_unit: str = ""


class Points(Figure, frozen=True, kw_only=True):
    """Points with values[i] at x[i]; each is a sequence of numbers."""

    x: list[Number]
    values: list[Number]

    def __post_init__(self) -> None:
        """Convert the numbers to JSON numbers; raise ValueError if the lengths differ."""
        for name in ("x", "values"):
            msgspec.structs.force_setattr(self, name, figure_values(getattr(self, name)))
        if len(self.x) != len(self.values):
            raise ValueError("a figure has as many x as values")


class Series(Points, tag="series", frozen=True, kw_only=True):
    """Points joined by a line in their order; on a logarithmic scale a value that is not positive leaves a gap."""

    is_logarithmic: bool = False


class Pairs(Points, tag="pairs", frozen=True, kw_only=True):
    """Points without a line."""


class Mark(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Marked point of a Grid: its value, its shape, and a label that explains the shape."""

    x: float
    y: float
    value: Number
    label: str
    shape: Literal["circle", "square"] = "circle"

    def __post_init__(self) -> None:
        """Convert the value to a JSON number; raise ValueError if x or y is not finite."""
        msgspec.structs.force_setattr(self, "value", number(self.value))
        if not (math.isfinite(self.x) and math.isfinite(self.y)):
            raise ValueError(f"a Mark cannot be at ({self.x}, {self.y})")


class Grid(Figure, tag="grid", frozen=True, kw_only=True):
    """Values over a rectangle, drawn as colours: values[i][j] belongs to the i-th x and the j-th y.

    x_extent and y_extent are the first and last coordinate of each axis; scale holds the values of the first and the last
    colour; a line is drawn where the values cross level.
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
        """Convert the numbers to JSON numbers; raise ValueError if the rows or extents do not form a grid."""
        msgspec.structs.force_setattr(self, "values", [figure_values(row) for row in self.values])
        if len(self.values) < 2 or len({len(row) for row in self.values}) != 1 or len(self.values[0]) < 2:
            raise ValueError("a Grid has two rows or more, of the same length, which is two or more")
        for low, high in (self.x_extent, self.y_extent, self.scale):
            if not (math.isfinite(low) and math.isfinite(high) and low < high):
                raise ValueError(f"a Grid cannot go from {low} to {high}")


def figure_values(values: Iterable[Any]) -> list[Number]:
    """Return the values of a figure as JSON numbers; raise ValueError if there are more than FIGURE_VALUES."""
    kept = list(values)
    if len(kept) > FIGURE_VALUES:
        raise ValueError(f"a figure has at most {FIGURE_VALUES} values")
    is_finite = {*map(type, kept)} <= {float} and math.isfinite(sum(kept))  # as in a report that is read again
    return kept if is_finite else vector(kept)


AnyFigure = Series | Grid | Pairs
