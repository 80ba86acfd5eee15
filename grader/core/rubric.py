"""The rubric: what is graded and for how many points."""

from __future__ import annotations

import msgspec

Text = str | dict[str, str]  # one string, or one per language


class CaseRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Points of one case, and the cases ("criterion.case") that must pass before it is graded.

    code names the part of the program that it checks, such as "Model.backward"; reports show its line. "loss:return" or
    "Neuron.backward:bias" adds the line of the expression that it returns or assigns to an attribute, if that is sure.
    """

    id: str
    points: int
    requires: tuple[str, ...] = ()
    code: str = ""


class WrittenCriterion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Criterion as written in rubric.toml; its points may be given by its cases, and its cases by the suite.

    A gate has no points: if it is violated, the score is 0. bonus: its points are extra points, given only if file was
    submitted beside the lab's file.
    """

    id: str
    title: Text
    points: int | None = None
    is_gate: bool = False
    bonus: bool = False
    file: str = ""
    cases: tuple[CaseRule, ...] = ()


class Criterion(WrittenCriterion, frozen=True, kw_only=True):
    """Criterion of the rubric with its title in English and its points."""

    title: str
    points: int


class Imports(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Import rules: banned frameworks, and modules that get a stand-in."""

    banned: tuple[str, ...] = ()
    stand_ins: tuple[str, ...] = ()


class Rubric(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All criteria with their points, and the import rules."""

    criteria: tuple[Criterion, ...]
    imports: Imports = Imports()

    @property
    def max_score(self) -> int:
        """Return the sum of all points that count for the score."""
        return sum(criterion.points for criterion in self.criteria if not criterion.bonus)

    def of_file(self, file: str) -> list[Criterion]:
        """Return the criteria graded from an extra file, or from the lab's own file for ""."""
        return [criterion for criterion in self.criteria if criterion.file == file]

    @property
    def bonus_files(self) -> list[str]:
        """Return the distinct files of the bonus criteria."""
        return list(dict.fromkeys(criterion.file for criterion in self.criteria if criterion.bonus))
