"""Finds the submissions of a class: which platform wrote the names, and whose each submission is."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from grader.classroom.platforms import blackboard, brightspace, canvas, gradescope, moodle, plain, repositories, teams
from grader.classroom.roster import read_roster
from grader.classroom.uploads import FolderTree, Item, Submission, Submissions, Tree, ZipTree, keyed, name_of
from grader.classroom.whose import with_roster
from grader.core.errors import Rejected, UsageError, cause
from grader.core.messages import Message, say
from grader.core.text import printable

HANDINS = 10_000
LOOKED_AT = 30_000  # of the entries, to see which platform wrote them
LEVELS = 4  # of folders around a class
DRIVE = re.compile(r"(?P<name>.+?)-[0-9]{8}T[0-9]{6}Z(?:-[0-9]+)*")  # as Google Drive names what it packs

Scheme = Callable[[Tree], Iterator[Submission]]

BY_NAME: tuple[tuple[Callable[[Item], int | None], Scheme], ...] = tuple(
    (element.beginning, element.read) for element in (moodle, canvas, gradescope, blackboard, brightspace)
)
WHOLE: tuple[tuple[Callable[[Tree], bool], Scheme], ...] = tuple(
    (team.fits, team.read) for team in (teams, repositories)
)


def find(source: Path, roster: Path | None = None) -> Submissions:
    """Return the submissions in a folder or a .zip; UsageError for a source or a roster that cannot be read.

    The platform is recognised by its names and stands in the notes. roster is a CSV file: see `roster.py`.
    """
    listed = read_roster(roster) if roster is not None else None
    with _reading(source):
        notes: list[Message] = []
        tree = _unwrapped(FolderTree(source) if source.is_dir() else ZipTree(source), notes)
        made = keyed(list(_scheme(tree)(tree)))
    notes += tree.notes
    if not made:
        raise UsageError("There are no submissions in {source}.", source=name_of(source))
    if len(made) > HANDINS:
        raise UsageError("{source} has more than {limit} submissions.", source=name_of(source), limit=HANDINS)
    found = Submissions(found=tuple(made), notes=tuple(notes))
    if listed is not None:
        found = with_roster(replace(found, notes=(*found.notes, *listed.notes)), listed.entries)
    return replace(found, notes=(*found.notes, *_late(found.found)))


def _late(found: tuple[Submission, ...]) -> list[Message]:
    late = [printable(item.name or item.student, 80) for item in found if item.is_late]
    return [say("Late: {names}.", names=", ".join(late))] if late else []


@contextmanager
def _reading(source: Path) -> Iterator[None]:
    """Turn what the file system or an archive refuses into UsageError."""
    try:
        yield
    except OSError as error:
        raise UsageError("{source} cannot be read: {reason}.", source=name_of(source), reason=cause(error)) from error
    except Rejected as rejected:
        raise UsageError(rejected.reason.id, **rejected.reason.args) from rejected


def _unwrapped(tree: Tree, notes: list[Message]) -> Tree:
    """Step into the folders that hold all, where what is in them shows that they are no submission."""
    for _ in range(LEVELS):
        if len(tree.items) != 1 or not tree.items[0].is_folder or _scheme(tree) is not plain.read:
            break
        folder = tree.items[0]
        inner = tree.below(folder)
        if not _is_around(tree, folder) and not any(_is_known(item) for item in _below(inner)):
            break
        notes += [*tree.notes, say("Everything is in the folder {name}.", name=printable(folder.shown, 200))]
        tree = inner
    return tree


def _is_around(tree: Tree, folder: Item) -> bool:
    """Return whether a folder has the name of the archive that it is in, or of what Google Drive packed."""
    drive = DRIVE.fullmatch(tree.place)
    if drive is not None:
        return True
    return isinstance(tree, ZipTree) and folder.name.casefold() == tree.place.casefold()


def _below(tree: Tree) -> Iterator[Tree]:
    """Yield a tree, and those inside the one folder that holds all."""
    for _ in range(LEVELS):
        yield tree
        if len(tree.items) != 1 or not tree.items[0].is_folder:
            return
        tree = tree.below(tree.items[0])


def _is_known(tree: Tree) -> bool:
    return _scheme(tree) is not plain.read


def _scheme(tree: Tree) -> Scheme:
    """Return how a source names its submissions: as a platform does that fits it whole, or more than half of its entries."""
    for fits, read in WHOLE:
        if fits(tree):
            return read
    looked_at = tree.items[:: 1 + len(tree.items) // LOOKED_AT]  # one student may have a million entries
    counts = Counter(map(_platform_of, looked_at))
    found = [item for item, count in counts.items() if item is not None and 2 * count > len(looked_at)]
    return (found or [plain.read])[0]


def _platform_of(item: Item) -> Scheme | None:
    """Return whose pattern a name has; of several the one whose beginning is the shortest: what follows is the student's."""
    found = [(length, place) for place, (of, _) in enumerate(BY_NAME) if (length := of(item)) is not None]
    return BY_NAME[min(found)[1]][1] if found else None
