"""Exit codes of the commands, as listed in docs/grade.md."""

from __future__ import annotations

GRADED = 0
BELOW = 1
USAGE = 2
REJECTED = 3
BROKEN = 4
INTERRUPTED = 130
