"""Numbers as JSON can carry them, and as a sentence shows them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

Number = float | str  # a non-finite number is the string "nan", "inf" or "-inf"
Probe = Number | list[Number | list[Number]]


def number(value: float | str) -> Number:
    """Return value as a number that JSON can carry: rounded to 12 digits, non-finite as a string."""
    value = float(value)
    return float(f"{value:.12g}") if math.isfinite(value) else str(value)


def vector(values: Iterable[Any]) -> list[Number]:
    """Return an array's values, in reading order, as numbers that JSON can carry."""
    return [number(value) for value in values]


def show(value: float) -> str:
    """Return value for a sentence: four significant digits."""
    return f"{float(value) + 0.0:.4g}"
