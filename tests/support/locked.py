"""The versions that `make` installs, .ci/constraints.txt, and what may look different with others."""

from __future__ import annotations

import re
from importlib.metadata import version

from packaging.requirements import Requirement

from tests.support.command import ROOT

LOCK = ROOT / ".ci" / "constraints.txt"
DRAWN = re.compile(r"-?\d+\.\d+(e[+-]\d+)?|[0-9a-f]{64}")  # numbers, and hashes of texts with numbers


def locked() -> list[Requirement]:
    """Return every line of the lock."""
    lines = LOCK.read_text(encoding="utf-8").splitlines()
    return [Requirement(line) for line in lines if not line.lstrip().startswith("#")]


def comparable(text: str) -> str:
    """Return a report to compare with a committed one: numpy does not promise that its next version draws the same."""
    known = {str(item.specifier) for item in locked() if item.name == "numpy"}
    return text if f"=={version('numpy')}" in known else DRAWN.sub("#", text)
