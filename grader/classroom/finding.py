"""Finds the submissions of a class: recognises the platform by the names, and assigns submissions to students."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from msgspec.structs import replace

from grader.classroom.platforms import blackboard, brightspace, canvas, gradescope, moodle, plain, repositories, teams
from grader.classroom.roster import read_roster
from grader.classroom.uploads import FolderTree, Item, Submission, Submissions, Tree, ZipTree, keyed, name_of
from grader.classroom.whose import with_roster
from grader.core.errors import Rejected, UsageError, cause
from grader.core.messages import Message, say
from grader.core.text import printable

SUBMISSIONS = 10_000
LOOKED_AT = 30_000  # entries whose names are examined to recognise the platform
LEVELS = 4  # of folders around a class
DRIVE = re.compile(r"(?P<name>.+?)-[0-9]{8}T[0-9]{6}Z(?:-[0-9]+)*")  # name of an archive that Google Drive makes

Scheme = Callable[[Tree], Iterator[Submission]]

BY_NAME: tuple[tuple[Callable[[Item], re.Match[str] | None], Scheme], ...] = tuple(
    (platform.match, platform.read) for platform in (moodle, canvas, gradescope, blackboard, brightspace)
)
WHOLE: tuple[tuple[Callable[[Tree], bool], Scheme], ...] = tuple(
    (team.fits, team.read) for team in (teams, repositories)
)


def find(source: Path, roster: Path | None = None) -> Submissions:
    """Return the submissions in a folder or a .zip; raise UsageError if the source or the roster cannot be read.

    The platform is recognised by the names of entries, and a note says which it is. roster is a CSV file: see `roster.py`.
    """
    students, table_notes = read_roster(roster) if roster is not None else (None, ())
    notes: list[Message] = []
    try:
        tree = _unwrapped(FolderTree(source) if source.is_dir() else ZipTree(source), notes)
        submissions = keyed(list(_scheme(tree)(tree)))
    except OSError as error:
        raise UsageError("{source} cannot be read: {reason}.", source=name_of(source), reason=cause(error)) from error
    except Rejected as rejected:
        raise UsageError(rejected.reason) from rejected
    notes += tree.notes
    if not submissions:
        raise UsageError("There are no submissions in {source}.", source=name_of(source))
    if len(submissions) > SUBMISSIONS:
        raise UsageError("{source} has more than {limit} submissions.", source=name_of(source), limit=SUBMISSIONS)
    found = Submissions(found=tuple(submissions), notes=(*notes, *table_notes))
    if students is not None:
        found = with_roster(found, students)
    return replace(found, notes=(*found.notes, *_late(found.found)))


def _late(found: tuple[Submission, ...]) -> list[Message]:
    late = [printable(item.name or item.student, 80) for item in found if item.is_late]
    return [say("Late: {names}.", names=", ".join(late))] if late else []


def _unwrapped(tree: Tree, notes: list[Message]) -> Tree:
    """Descend into a folder that contains everything, as long as its name or content shows that it is not a submission."""
    for _ in range(LEVELS):
        if len(tree.items) != 1 or not tree.items[0].is_folder or _scheme(tree) is not plain.read:
            break
        folder = tree.items[0]
        inner = tree.below(folder)
        if not _is_around(tree, folder) and all(_scheme(item) is plain.read for item in _below(inner)):
            break
        notes += [*tree.notes, say("Everything is in the folder {name}.", name=printable(folder.shown, 200))]
        tree = inner
    return tree


def _is_around(tree: Tree, folder: Item) -> bool:
    """Return whether a folder wraps the class: it is named like its archive, or Google Drive made the archive."""
    is_archive = isinstance(tree, ZipTree) and folder.name.casefold() == tree.place.casefold()
    return is_archive or DRIVE.fullmatch(tree.place) is not None


def _below(tree: Tree) -> Iterator[Tree]:
    """Yield a tree, and the trees inside it as long as a single folder contains everything."""
    for _ in range(LEVELS):
        yield tree
        if len(tree.items) != 1 or not tree.items[0].is_folder:
            return
        tree = tree.below(tree.items[0])


def _scheme(tree: Tree) -> Scheme:
    """Return the reader of the platform that fits the whole source, or the names of more than half of its entries."""
    for fits, read in WHOLE:
        if fits(tree):
            return read
    looked_at = tree.items[:: 1 + len(tree.items) // LOOKED_AT]  # a single student may have a million entries
    counts = Counter(map(_platform_of, looked_at))
    found = [item for item, count in counts.items() if item is not None and 2 * count > len(looked_at)]
    return (found or [plain.read])[0]


def _platform_of(item: Item) -> Scheme | None:
    """Return the platform whose pattern a name matches, or None; of several, the one with the shortest beginning.

    What follows the beginning is the student's own file name, which may look like another platform's.
    """
    found = [(match.end("ours"), place) for place, (of, _) in enumerate(BY_NAME) if (match := of(item)) is not None]
    return BY_NAME[min(found)[1]][1] if found else None
