"""Bounded integer types for messages: JSON allows integers of any size, requests and reports do not."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from msgspec import Meta

MOST_COUNT = 10**9
MOST_LINES = 10**6
MOST_EXTENT = 2**53

Count: TypeAlias = Annotated[int, Meta(ge=0, le=MOST_COUNT)]
Line: TypeAlias = Annotated[int, Meta(ge=1, le=MOST_LINES)]
Extent: TypeAlias = Annotated[int, Meta(ge=0, le=MOST_EXTENT)]
Key: TypeAlias = Annotated[int, Meta(ge=-MOST_EXTENT, le=MOST_EXTENT)]  # of a student's dict, or an index
