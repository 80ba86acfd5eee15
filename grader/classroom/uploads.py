"""Lists the folder or archive of a class, and reads the bytes of its submissions.

Nothing is extracted to disk and no link is followed. Archives of students stay packed until a confined process reads
them.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import unicodedata
import zipfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache, partial
from itertools import islice
from pathlib import Path
from typing import IO, Any, NamedTuple

import msgspec
from msgspec.structs import replace

from grader.classroom.roster import RosterEntry
from grader.core.errors import GradeError, Rejected, UsageError
from grader.core.messages import Message, say
from grader.core.text import printable
from grader.pipeline.runs import RawSubmission
from grader.pipeline.staging import (
    ENTRIES,
    KINDS,
    Found,
    collect,
    content_of,
    entries,
    gathered,
    is_readable,
    not_regular,
    readable,
    refusing,
    shown,
    too_large,
    too_many,
)
from grader.renderers.words import marked
from grader.sandbox.confined.reading import archives

LINK, IRREGULAR = marked("{name} is a link, which is not followed."), marked("{name} is not a regular file.")
METADATA_BYTES = 64 * 2**20
NOTES = 200
KEY_CHARS = 48
DIGEST_CHARS = 16
NOISE = set("""
__macosx thumbs.db desktop.ini __pycache__ .ds_store .localized .directory .trashes .fseventsd .spotlight-v100 .temporaryitems
.git .gitignore .gitattributes .gitkeep .github .svn .hg .idea .vscode .ipynb_checkpoints .pytest_cache .mypy_cache .ruff_cache
.venv
""".split()) | {"icon\r"}  # fmt: skip
OUTSIDE = re.compile(r"^[A-Za-z]:|(?:^|/)\.\.(?:/|$)")
MACOSX = re.compile("(?:^|/)__macosx(?:/|$)", re.IGNORECASE)
NOISY = ("._", ".~lock.", "~$", ".nfs", ".fuse_hidden")
RESERVED = re.compile("con|prn|aux|nul|(com|lpt)[0-9]")  # names of devices on Windows, with any ending

# Suffixes of keys by kind of entry. A name that ends with one of them, or like a hash, is not used as a key unchanged.
MARKS = {"": "folder", **{kind: kind[1:].replace(".", "-") for kind in KINDS}, ".py": ""}
SAFE = re.compile(f"(?=.{{1,{KEY_CHARS}}}$)[a-z0-9]+(?:[-_][a-z0-9]+)*")
MARKED = re.compile(f".*-(?:{'|'.join(filter(None, MARKS.values()))}|[0-9a-f]{{{DIGEST_CHARS}}})")

TRANSLITERATED = str.maketrans(
    dict(zip("абвгдезийклмнопрстуфыэ", "abvgdeziyklmnoprstufye", strict=True))
    | {"ж": "zh", "х": "kh", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "shch", "ъ": "", "ь": "", "ю": "yu", "я": "ya"}
    | {"ё": "e", "і": "i", "ї": "i", "є": "ye", "ґ": "g"}
)


class UploadPart(NamedTuple):
    """One file of a submission, or a folder on disk: its name inside the submission, and its location.

    member is a path relative to the source, or the name of an archive's member, with number as its index.
    """

    inside: str
    member: str
    number: int = -1


class Submission(msgspec.Struct, frozen=True, kw_only=True):
    """One student's submission, not read yet.

    key is unique in the class, a safe file name, and the same in each run whatever other submissions there are. student
    is the id on the roster, or the learning platform's id, or the name of the file or folder, or the key; aliases are
    other ids on the platform. shown is the name of the file or folder. problem says why there is nothing to read. Each
    member of a team has a submission; all are graded once, under the key graded_as. earlier are previous attempts, the
    oldest first.
    """

    key: str
    student: str
    name: str
    email: str
    shown: str
    source: Path
    parts: tuple[UploadPart, ...]
    aliases: tuple[str, ...] = ()
    problem: Message | None = None
    group: str = ""
    team: str = ""
    is_late: bool = False
    graded_as: str = ""
    earlier: tuple[Submission, ...] = ()

    def raw(self) -> RawSubmission:
        """Read the bytes; raise Rejected, with one sentence, if it cannot be read, is not a regular file, or is too large."""
        if self.problem is not None:
            raise Rejected(self.problem)
        with readable(self.shown):
            if self.parts[0].number >= 0:
                with _opened_zip(self.source, self.shown) as archive:
                    return gathered(self.shown, self._found(partial(_in_zip, archive)))
            if len(self.parts) == 1 and not self.parts[0].inside:
                return collect(self._path(self.parts[0]))
            return gathered(self.shown, self._found(self._on_disk))

    def _path(self, part: UploadPart) -> Path:
        path = self.source / part.member
        if stat.S_ISLNK(path.lstat().st_mode):
            raise not_regular(self.shown)
        return path

    def _on_disk(self, part: UploadPart) -> Iterator[Found]:
        if not part.inside:
            yield from entries(self._path(part), self.shown)
        elif is_readable(part.inside):
            yield part.inside, partial(content_of, self.source / part.member, part.inside)

    def _found(self, of: Callable[[UploadPart], Iterable[Found]]) -> Iterator[Found]:
        """Yield the files to read, without those of virtual environments."""
        environments = archives.environments_in(part.inside for part in self.parts)
        own = [part for part in self.parts if not archives.is_below(part.inside, environments)]
        for part in own[:ENTRIES]:
            yield from of(part)
        if len(own) > ENTRIES:
            yield self.shown, partial(refusing, too_many(self.shown))


class Submissions(msgspec.Struct, frozen=True, kw_only=True):
    """The submissions of a class, notes for the teacher, and the students of the roster without a submission."""

    found: tuple[Submission, ...]
    notes: tuple[Message, ...] = ()
    missing: tuple[RosterEntry, ...] = ()


def name_of(path: Path) -> str:
    """Return the last part of a path, for use in a sentence."""
    return printable(shown(path.name or path.resolve().name), 200)


# --- listing a source ---------------------------------------------------------------------------


class Item(NamedTuple):
    """One entry of a source: its name and its files (for a folder on disk, the folder itself).

    problem is the template of a sentence that says why it is not read. The names of the files begin with `cut` characters
    of the folder's path; they are removed when a submission is made, which is also when its files are counted.
    """

    name: str
    is_folder: bool
    files: Sequence[UploadPart]
    problem: str | None = None
    cut: int = 0

    def parts(self, name: str | None = None) -> Iterator[UploadPart]:
        """Yield the files with their names inside the folder, or with the given name."""
        for part in self.files:
            yield part._replace(inside=name or part.inside[self.cut :])

    @property
    def shown(self) -> str:
        """The name as printable text."""
        return shown(self.name)

    @property
    def stem(self) -> str:
        """The name without the ending of its kind."""
        kind = None if self.is_folder else archives.kind_of(self.name, KINDS)
        return shown(self.name[: -len(kind)] if kind else self.name)

    @property
    def seen(self) -> str:
        """The name of a file without leading dots, which would hide it."""
        kind = archives.kind_of(self.name, KINDS) or ""
        return f"{self.stem.lstrip('.') or 'submission'}{kind}"


class Tree:
    """Listing of a source, or of a folder in it."""

    def __init__(self, source: Path, place: str) -> None:
        self.source = source
        self.place = place  # the name of the folder, or of the archive without its ending
        self.notes: list[Message] = []
        self.items: list[Item] = []

    def below(self, folder: Item) -> Tree:
        """Return the listing of one of the folders."""
        raise NotImplementedError

    def text(self, item: Item) -> bytes:
        """Return the bytes of a file that the platform wrote, at most METADATA_BYTES + 1."""
        raise NotImplementedError

    def is_clone(self, folder: Item) -> bool:
        """Return whether a folder is a clone of a repository."""
        raise NotImplementedError

    def note(self, template: str, **args: str | int) -> None:
        """Add a note, with names made printable; after NOTES notes, only say that there are more."""
        if len(self.notes) >= NOTES:
            self.notes[NOTES:] = [say("There are more notes: only the first {count} are shown.", count=NOTES)]
            return
        self.notes.append(say(template, **{key: printable(arg, 200) if isinstance(arg, str) else arg for key, arg in args.items()}))  # fmt: skip

    def submission(self, items: Sequence[Item], parts: Iterable[UploadPart], **who: Any) -> Submission:
        """Return a submission made of entries; `who` has its key and the known fields of the student."""
        values = {"student": "", "name": "", "email": "", "aliases": (), **who}
        found = tuple(islice(parts, archives.MEMBERS + 1))
        if len(found) > archives.MEMBERS:
            found, values["problem"] = (), too_many(printable(items[0].shown, 200)).reason
        elif not found and values.get("problem") is None:
            template = next((item.problem for item in items if item.problem is not None), IRREGULAR)
            values["problem"] = say(template, name=printable(items[0].shown, 200))
        return Submission(shown=items[0].shown, source=self.source, parts=found, **values)


class FolderTree(Tree):
    """Listing of a folder on disk."""

    def __init__(self, source: Path, top: Path | None = None) -> None:
        self.top = top or source
        super().__init__(source, shown(self.top.name or self.top.resolve().name))
        for entry in sorted(self.top.iterdir()):
            if _is_noise(entry.name):
                continue
            mode = entry.lstat().st_mode
            if stat.S_ISDIR(mode) or stat.S_ISREG(mode):
                inside = "" if stat.S_ISDIR(mode) else shown(entry.name)
                part = UploadPart(inside=inside, member=entry.relative_to(source).as_posix())
                self.items.append(Item(name=entry.name, is_folder=stat.S_ISDIR(mode), files=(part,)))
            else:
                problem = LINK if stat.S_ISLNK(mode) else IRREGULAR
                self.items.append(Item(name=entry.name, is_folder=False, files=(), problem=problem))

    def below(self, folder: Item) -> FolderTree:
        """Return the listing of one of the folders."""
        return FolderTree(self.source, self.top / folder.name)

    def is_clone(self, folder: Item) -> bool:
        """Return whether a folder is a clone of a repository."""
        return (self.top / folder.name / ".git").exists()

    def text(self, item: Item) -> bytes:
        """Return the bytes of a file that the platform wrote, at most METADATA_BYTES + 1."""
        with (self.source / item.files[0].member).open("rb") as file:
            return file.read(METADATA_BYTES + 1)


class ZipTree(Tree):
    """Listing of a .zip archive, or of a folder in it."""

    def __init__(self, source: Path, folder: Item | None = None) -> None:
        super().__init__(source, folder.shown if folder is not None else source.stem)
        files, cut = (folder.files, folder.cut) if folder is not None else (self._listed(), 0)
        groups: dict[str, list[UploadPart]] = defaultdict(list)
        for part in files:
            name, slash, _ = part.inside[cut:].partition("/")
            groups[name + slash].append(part)
        for name, parts in sorted(groups.items()):
            if name.endswith("/"):
                self.items.append(Item(name=name[:-1], is_folder=True, files=parts, cut=cut + len(name)))
            else:
                self.items += [Item(name=name, is_folder=False, files=(part,), cut=cut) for part in parts]

    def _listed(self) -> list[UploadPart]:
        """Return the files of the archive, with `inside` set to the full name."""
        if not self.source.exists() or archives.kind_of(self.source.name, (".zip",)) is None:
            if not self.source.exists():
                raise UsageError("{source} does not exist.", source=name_of(self.source))
            raise UsageError(
                "{source} is neither a folder nor a .zip archive of submissions.", source=name_of(self.source)
            )
        with _opened_zip(self.source, name_of(self.source)) as archive:
            return [
                UploadPart(name, member.orig_filename, number)
                for number, member in enumerate(archive.infolist())
                if self._is_of_a_student(name := archives.slashed(_member_name(member)).removeprefix("./"), member)
            ]

    def _is_of_a_student(self, name: str, member: zipfile.ZipInfo) -> bool:
        """Return whether a member may be a file of a submission; add links to the items."""
        first, slash, rest = name.partition("/")
        if not first or OUTSIDE.search(name):
            self.note("{name} leads out of the archive: skipped.", name=name)
        elif not slash and _is_link(member):
            self.items.append(Item(name=name, is_folder=False, files=(), problem=LINK))
        else:
            is_in_clone = ".git" in name and ".git" in (steps := rest.split("/")) and steps[-2:] != [".git", "config"]
            return not (name.endswith("/") or MACOSX.search(name) or _is_noise(first) or is_in_clone)
        return False

    def below(self, folder: Item) -> ZipTree:
        """Return the listing of one of the folders."""
        return ZipTree(self.source, folder)

    def is_clone(self, folder: Item) -> bool:
        """Return whether a folder is a clone of a repository."""
        return any(part.inside[folder.cut :] == ".git/config" for part in folder.files)

    def text(self, item: Item) -> bytes:
        """Return the bytes of a file that the platform wrote, at most METADATA_BYTES + 1."""
        with _opened_zip(self.source, item.shown) as archive:
            return _member(archive, item.files[0], METADATA_BYTES)


def _is_noise(name: str) -> bool:
    """Return whether an entry was left by a desktop, an archiver or an editor; such entries are ignored without a note."""
    return name.startswith(NOISY) or name.casefold() in NOISE


@contextmanager
def _opened_zip(path: Path, name: str) -> Iterator[zipfile.ZipFile]:
    """Open the archive of a class; raise Rejected if it cannot be read."""
    with _unzipping(name):
        state = path.stat()
        yield _directory(path, (state.st_ino, state.st_size, state.st_mtime_ns), os.getpid())


@contextmanager
def _unzipping(name: str) -> Iterator[None]:
    """Convert exceptions of zipfile to Rejected."""
    try:
        yield
    except (GradeError, OSError, MemoryError):
        raise
    except Exception as error:  # zipfile raises half a dozen types for an invalid archive
        if type(error) is RuntimeError:  # zipfile needs a password
            raise Rejected("{name} is encrypted: submit it without a password.", name=name) from error
        raise Rejected("{name} is not a readable archive.", name=name) from error


@lru_cache(maxsize=1)
def _directory(path: Path, _state: tuple[int, ...], _process: int) -> zipfile.ZipFile:
    """Return an open archive, cached; a forked process opens it again, because a shared file has a shared position."""
    return zipfile.ZipFile(path)


def _in_zip(archive: zipfile.ZipFile, part: UploadPart) -> Iterator[Found]:
    """Yield a part of a submission in the archive of a class, if it is to be read."""
    if is_readable(part.inside):
        yield part.inside, partial(_member, archive, part)


def _member(archive: zipfile.ZipFile, part: UploadPart, limit: int | None = None) -> bytes:
    """Read a member of the archive of a class; raise Rejected if it exceeds `limit`, or the limit of its kind."""
    members = archive.infolist()
    if part.number >= len(members) or members[part.number].orig_filename != part.member:
        raise Rejected("{name} was changed while it was read.", name=part.inside)
    member = members[part.number]
    if _is_link(member):
        raise not_regular(part.inside)
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise Rejected("{name} is not a readable archive.", name=part.inside)
    if limit is None and archives.strange(part.inside):
        return b""
    most = limit if limit is not None else archives.most_bytes(part.inside)
    if member.file_size > most:
        raise too_large(part.inside, member.file_size)
    file: IO[bytes]
    with _unzipping(part.inside), archive.open(member) as file:
        content = file.read(most + 1)  # check again: the archive may state a wrong size
    if len(content) > most:
        raise too_large(part.inside, len(content))
    return content


def _is_link(member: zipfile.ZipInfo) -> bool:
    """Return whether a member is a link, a pipe or a device."""
    return stat.S_IFMT(member.external_attr >> 16) not in (0, stat.S_IFREG)


def _member_name(member: zipfile.ZipInfo) -> str:
    """Return a member's name, decoded as UTF-8 even if it is not flagged so, or from the code pages of DOS."""
    name = member.orig_filename
    if member.flag_bits & 0x800 or name.isascii():
        return name
    raw = name.encode("cp437", "replace")
    for encoding in ("utf-8", "cp866"):
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        if encoding == "utf-8" or all(char.isascii() or "а" <= char.casefold() <= "ё" for char in text):
            return text
    return name


# --- keys ---------------------------------------------------------------------------------------


def slug(name: str) -> str:
    """Return a safe file name for any system: a-z, 0-9 and dashes, at most KEY_CHARS long."""
    latin = unicodedata.normalize("NFC", name.casefold()).translate(TRANSLITERATED)
    ascii_only = unicodedata.normalize("NFKD", latin).encode("ascii", "ignore").decode().casefold()
    short = re.sub("[^a-z0-9]+", "-", ascii_only)[:KEY_CHARS].strip("-") or "submission"
    return f"submission-{short}" if RESERVED.fullmatch(short) else short


def digest(text: str) -> str:
    """Return a 64-bit hash that distinguishes similar names; nobody finds a collision by trying names."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:DIGEST_CHARS]


def key_of(name: str, *, is_folder: bool) -> str:
    """Return the key of an entry, which depends only on its own name and which no other name gets.

    A .py file with a name of a-z, 0-9, dashes and underscores keeps that name; other kinds get a suffix, and other names
    (capitals, other letters, spaces) a hash.
    """
    kind = "" if is_folder else archives.kind_of(name, KINDS) or ""
    stem = name[: len(name) - len(kind)]
    is_key = (
        stem + kind == name and SAFE.fullmatch(stem) and not MARKED.fullmatch(stem) and not RESERVED.fullmatch(stem)
    )
    key = stem if is_key else slug(stem)
    key += f"-{MARKS[kind]}" if MARKS[kind] else ""
    return key if is_key else f"{key}-{digest(f'{MARKS[kind]}/{name}')}"


def numbered(name: str, number: str) -> str:
    """Return the key of a student on a platform: the name, then the student's number, which is unique there."""
    key = f"{slug(name)[: KEY_CHARS - len(number)].strip('-')}-{number}"
    return key if number.isdecimal() else f"{slug(key)}-{digest(number)}"


def keyed(found: Sequence[Submission]) -> list[Submission]:
    """Return submissions sorted by key; further entries with the same key get a hash appended."""
    seen: Counter[str] = Counter()
    unique = []
    for element in found:
        key = element.key if not seen[element.key] else f"{element.key}-{digest(f'{element.key}/{seen[element.key]}')}"
        seen[element.key] += 1
        student = element.student or key
        earlier = tuple(replace(attempt, key=key, student=student) for attempt in element.earlier)
        unique.append(replace(element, key=key, student=student, earlier=earlier))
    return sorted(unique, key=lambda item: item.key)
