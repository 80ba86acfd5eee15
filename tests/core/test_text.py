"""Text that any terminal can show."""

from __future__ import annotations

import pytest

from grader.core.text import PLAIN


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [
        ("utf-8", "✓ ✗ ? 1 − S(d) … ёж 火"),
        ("cp1251", "+ x ? 1 - S(d) … ёж ?"),
        ("cp866", "+ x ? 1 - S(d) ... ёж ?"),
        ("ascii", "+ x ? 1 - S(d) ... ?? ?"),
    ],
)
def test_marks_where_the_encoding_has_none(encoding: str, shown: str) -> None:
    """Passed, failed and not gradable differ, and a minus stays one."""
    assert "✓ ✗ ? 1 − S(d) … ёж 火".encode(encoding, PLAIN).decode(encoding) == shown
