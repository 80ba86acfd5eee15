"""One file of a submission, as text."""

from __future__ import annotations

import msgspec

from grader.core.messages import Message, say
from grader.sandbox.confined.reading.texts import place_of


class SourceFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file of a submission. name includes the folders; cells are the first lines of a notebook's cells.

    is_unwritten: the file contains only a template's stubs. encoding is the detected encoding if the file is not UTF-8 and
    does not declare one. newer are the names from a newer Python that the program uses, each with that Python's version.
    """

    name: str
    text: str
    cells: tuple[int, ...] = ()
    is_unwritten: bool = False
    encoding: str = ""
    newer: tuple[tuple[str, str], ...] = ()

    @property
    def base(self) -> str:
        """Return the name without folders."""
        return self.name.rpartition("/")[2]

    def place(self, line: int | None) -> str | Message:
        """Return the place of a line for display: file, cell of a notebook, and line."""
        if line is None:
            return self.name
        place = place_of(self.name, self.cells, line)
        return say("{file}, cell {cell}, line {line}" if "cell" in place else "{file}, line {line}", **place)
