"""Numbers in the form that JSON can hold, and in the form shown in a sentence."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

Number = float | str  # a non-finite number is the string "nan", "inf" or "-inf"
Probe = Number | list[Number | list[Number]]


def number(value: float | str) -> Number:
    """Return value as a JSON number rounded to 12 significant digits; a non-finite value becomes a string."""
    value = float(value)
    return float(f"{value:.12g}") if math.isfinite(value) else str(value)


def vector(values: Iterable[Any]) -> list[Number]:
    """Return a flat list of values as JSON numbers, in the same order."""
    return [number(value) for value in values]


def show(value: float) -> str:
    """Return value as text with four significant digits."""
    return f"{float(value) + 0.0:.4g}"
