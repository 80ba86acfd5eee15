"""What is judged and for how many points."""

from __future__ import annotations

import msgspec


class CaseRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The points of one case, and the cases ("criterion.case") without which it means nothing.

    code is what of the program it judges, such as "Model.backward", for the line that a report names.
    """

    id: str
    points: int
    requires: tuple[str, ...] = ()
    code: str = ""


class Criterion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One criterion of the rubric. A gate has no points of its own: violated, it zeroes the score.

    bonus: its points count apart from the score, where file was handed in beside the lab's.
    """

    id: str
    title: str
    points: int
    is_gate: bool = False
    bonus: bool = False
    file: str = ""
    cases: tuple[CaseRule, ...] = ()


class Imports(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The import rules: frameworks that are banned, and stand-ins."""

    banned: tuple[str, ...] = ()
    stand_ins: tuple[str, ...] = ()


class Rubric(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is judged and for how many points; the denominator of every score."""

    criteria: tuple[Criterion, ...]
    imports: Imports = Imports()

    @property
    def max_score(self) -> int:
        """Return the sum of all points that count for the score."""
        return sum(criterion.points for criterion in self.criteria if not criterion.bonus)

    @property
    def max_extra(self) -> int:
        """Return the sum of all points apart from the score."""
        return sum(criterion.points for criterion in self.criteria if criterion.bonus)

    def of_file(self, file: str) -> list[Criterion]:
        """Return the criteria that are judged by a file handed in beside the lab's, or by that itself ("")."""
        return [criterion for criterion in self.criteria if criterion.file == file]

    @property
    def bonus_files(self) -> list[str]:
        """Return the files that bonus criteria name, each once."""
        return list(dict.fromkeys(criterion.file for criterion in self.criteria if criterion.bonus))
