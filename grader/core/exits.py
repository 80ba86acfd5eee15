"""How a command can end: its exit codes, as docs/grade.md has them."""

from __future__ import annotations

GRADED = 0
BELOW = 1
USAGE = 2
REJECTED = 3
BROKEN = 4
INTERRUPTED = 130
