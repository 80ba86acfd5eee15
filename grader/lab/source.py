"""One file of a submission, as text."""

from __future__ import annotations

from dataclasses import dataclass

from grader.core.messages import Message, say
from grader.sandbox.confined.reading.texts import place_of


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceFile:
    """One file of a submission: its name with the folders of the submission, and its text; cells: the first lines of a notebook's.

    is_unwritten: there is nothing in it but a template's stubs. encoding is what the file was found to be where it is not
    UTF-8 and does not say so. newer are the names of a newer Python that the program uses, each with that Python.
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
        """Return where a line is, as a person finds it."""
        if line is None:
            return self.name
        place = place_of(self.name, self.cells, line)
        return say("{file}, cell {cell}, line {line}" if "cell" in place else "{file}, line {line}", **place)
