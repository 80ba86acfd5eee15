"""What lies in the folder or archive of a class, and one submission in it, not read yet.

Nothing is extracted to disk, no link is followed, and what a student packed stays bytes until a confined process
reads it.
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
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from itertools import islice
from pathlib import Path
from typing import IO, Any, NamedTuple

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
    is_wanted,
    not_regular,
    readable,
    refusing,
    shown,
    too_large,
    too_many,
)
from grader.renderers.words import marked
from grader.sandbox.confined.reading import archives

LINK, IRREGULAR = marked("{name} is a link, which is not followed."), marked("{name} is no regular file.")
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

# What is added to the key of an entry that is no .py file; such an end, or that of a hash, makes a name no key by itself.
MARKS = {"": "folder", **{kind: kind[1:].replace(".", "-") for kind in KINDS}, ".py": ""}
SAFE = re.compile(f"(?=.{{1,{KEY_CHARS}}}$)[a-z0-9]+(?:[-_][a-z0-9]+)*")
MARKED = re.compile(f".*-(?:{'|'.join(filter(None, MARKS.values()))}|[0-9a-f]{{{DIGEST_CHARS}}})")

TRANSLITERATED = str.maketrans(
    dict(zip("абвгдезийклмнопрстуфыэ", "abvgdeziyklmnoprstufye", strict=True))
    | {"ж": "zh", "х": "kh", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "shch", "ъ": "", "ь": "", "ю": "yu", "я": "ya"}
    | {"ё": "e", "і": "i", "ї": "i", "є": "ye", "ґ": "g"}
)


class UploadPart(NamedTuple):
    """One file of a submission, or (in a folder) one folder: its name inside the submission, and where it is.

    member is a path below the source, or the name of an archive's member, which is the number-th one there.
    """

    inside: str
    member: str
    number: int = -1


@dataclass(frozen=True, kw_only=True, slots=True)
class Submission:
    """One student's submission, not read yet.

    key is unique in the class, the same in each run and with any neighbours, and a safe file name. student is the id of the roster, or the
    one that the learning platform gave, or the name of the file or folder, or the key; aliases are the platform's other ids. shown is the name of the
    file or folder as it was found. problem says why there is nothing to read. Of a team, each member has one, and
    graded_as is the key that they are graded under, once for all. earlier are older attempts, the oldest first.
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
        """Read the bytes; Rejected, with one sentence, for what cannot be read, is no regular file, or is too large."""
        if self.problem is not None:
            raise Rejected(self.problem.id, **self.problem.args)
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
        elif is_wanted(part.inside):
            yield part.inside, partial(content_of, self.source / part.member, part.inside)

    def _found(self, of: Callable[[UploadPart], Iterable[Found]]) -> Iterator[Found]:
        """Yield what is to be read of the parts that are not those of a virtual environment."""
        environments = archives.environments_in(part.inside for part in self.parts)
        own = [part for part in self.parts if not archives.is_below(part.inside, environments)]
        for part in own[:ENTRIES]:
            yield from of(part)
        if len(own) > ENTRIES:
            yield self.shown, partial(refusing, too_many(self.shown))


@dataclass(frozen=True, kw_only=True, slots=True)
class Submissions:
    """What was found: the submissions, what to tell the teacher, and who of the roster has none."""

    found: tuple[Submission, ...]
    notes: tuple[Message, ...] = ()
    missing: tuple[RosterEntry, ...] = ()


def name_of(path: Path) -> str:
    """Return the last part of a path as a sentence can have it."""
    return printable(shown(path.name or path.resolve().name), 200)


# --- what lies in a source ----------------------------------------------------------------------


class Item(NamedTuple):
    """One entry of a source: its name, and its files (of a folder on disk the folder itself).

    problem is the template of a sentence that says why it is not read. The names of files begin with that of the folder,
    `cut` characters of it: whose folder it is, and how many files one student may have, is not known yet.
    """

    name: str
    is_folder: bool
    files: Sequence[UploadPart]
    problem: str | None = None
    cut: int = 0

    def parts(self, name: str | None = None) -> Iterator[UploadPart]:
        """Yield the files by their names inside the folder; those of a single file have the name that is given."""
        for part in self.files:
            yield part._replace(inside=name or part.inside[self.cut :])

    @property
    def shown(self) -> str:
        """Return the name as text."""
        return shown(self.name)

    @property
    def stem(self) -> str:
        """Return the name without the ending of a submission."""
        kind = None if self.is_folder else archives.kind_of(self.name, KINDS)
        return shown(self.name[: -len(kind)] if kind else self.name)

    @property
    def seen(self) -> str:
        """Return the name of a file without the dots that would hide it."""
        kind = archives.kind_of(self.name, KINDS) or ""
        return f"{self.stem.lstrip('.') or 'submission'}{kind}"


class Tree:
    """What lies in a source, below the folder that everything is in."""

    def __init__(self, source: Path, place: str) -> None:
        self.source = source
        self.place = place  # the name of the folder, or of the archive without its ending
        self.notes: list[Message] = []
        self.items: list[Item] = []

    def below(self, folder: Item) -> Tree:
        """Return what lies in one of the folders."""
        raise NotImplementedError

    def text(self, item: Item) -> bytes:
        """Return the bytes of a file that the platform wrote, up to METADATA_BYTES and one."""
        raise NotImplementedError

    def is_clone(self, folder: Item) -> bool:
        """Return whether a folder is a clone of a repository."""
        raise NotImplementedError

    def note(self, template: str, **args: str | int) -> None:
        """Keep a note; names in it are shown on one line. Nobody reads more than NOTES of them."""
        if len(self.notes) >= NOTES:
            self.notes[NOTES:] = [say("There are more notes: only the first {count} are shown.", count=NOTES)]
            return
        self.notes.append(say(template, **{key: printable(arg, 200) if isinstance(arg, str) else arg for key, arg in args.items()}))  # fmt: skip

    def submission(self, items: Sequence[Item], parts: Iterable[UploadPart], **who: Any) -> Submission:
        """Return a submission of some entries; who is its key and what is known of the student."""
        values = {"student": "", "name": "", "email": "", "aliases": (), **who}
        found = tuple(islice(parts, archives.MEMBERS + 1))
        if len(found) > archives.MEMBERS:
            found, values["problem"] = (), too_many(printable(items[0].shown, 200)).reason
        elif not found and values.get("problem") is None:
            template = next((item.problem for item in items if item.problem is not None), IRREGULAR)
            values["problem"] = say(template, name=printable(items[0].shown, 200))
        return Submission(shown=items[0].shown, source=self.source, parts=found, **values)


class FolderTree(Tree):
    """What lies in a folder on disk."""

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
        """Return what lies in one of the folders."""
        return FolderTree(self.source, self.top / folder.name)

    def is_clone(self, folder: Item) -> bool:
        """Return whether a folder is a clone of a repository."""
        return (self.top / folder.name / ".git").exists()

    def text(self, item: Item) -> bytes:
        """Return the bytes of a file that the platform wrote, up to METADATA_BYTES and one."""
        with (self.source / item.files[0].member).open("rb") as file:
            return file.read(METADATA_BYTES + 1)


class ZipTree(Tree):
    """What lies in a .zip."""

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
        """Return the files of the archive; inside is the whole name for now."""
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
        """Say whether a member is a file that somebody may have handed in; a link is listed at once."""
        first, slash, rest = name.partition("/")
        if not first or OUTSIDE.search(name):
            self.note("{name} leads out of the archive: left out.", name=name)
        elif not slash and _is_link(member):
            self.items.append(Item(name=name, is_folder=False, files=(), problem=LINK))
        else:
            is_in_clone = ".git" in name and ".git" in (steps := rest.split("/")) and steps[-2:] != [".git", "config"]
            return not (name.endswith("/") or MACOSX.search(name) or _is_noise(first) or is_in_clone)
        return False

    def below(self, folder: Item) -> ZipTree:
        """Return what lies in one of the folders."""
        return ZipTree(self.source, folder)

    def is_clone(self, folder: Item) -> bool:
        """Return whether a folder is a clone of a repository."""
        return any(part.inside[folder.cut :] == ".git/config" for part in folder.files)

    def text(self, item: Item) -> bytes:
        """Return the bytes of a file that the platform wrote, up to METADATA_BYTES and one."""
        with _opened_zip(self.source, item.shown) as archive:
            return _member(archive, item.files[0], METADATA_BYTES)


def _is_noise(name: str) -> bool:
    """Return whether an entry is what a desktop, an archiver or an editor leaves: it is not even noted."""
    return name.startswith(NOISY) or name.casefold() in NOISE


@contextmanager
def _opened_zip(path: Path, name: str) -> Iterator[zipfile.ZipFile]:
    """Open a class's archive; Rejected for one that cannot be read."""
    with _unzipping(name):
        state = path.stat()
        yield _directory(path, (state.st_ino, state.st_size, state.st_mtime_ns), os.getpid())


@contextmanager
def _unzipping(name: str) -> Iterator[None]:
    """Turn what zipfile raises into Rejected."""
    try:
        yield
    except (GradeError, OSError, MemoryError):
        raise
    except Exception as error:  # half a dozen kinds for what is no archive
        if type(error) is RuntimeError:  # zipfile's word for a password
            raise Rejected("{name} is encrypted: hand it in without a password.", name=name) from error
        raise Rejected("{name} is not an archive that can be read.", name=name) from error


@lru_cache(maxsize=1)
def _directory(path: Path, _state: tuple[int, ...], _process: int) -> zipfile.ZipFile:
    """Read the directory of an archive once; a forked process opens it for itself: a shared file has one position."""
    return zipfile.ZipFile(path)


def _in_zip(archive: zipfile.ZipFile, part: UploadPart) -> Iterator[Found]:
    """Yield what is to be read of a part of a submission in a class's archive."""
    if is_wanted(part.inside):
        yield part.inside, partial(_member, archive, part)


def _member(archive: zipfile.ZipFile, part: UploadPart, limit: int | None = None) -> bytes:
    """Read a member of a class's archive that is no larger than its kind (or limit) allows."""
    members = archive.infolist()
    if part.number >= len(members) or members[part.number].orig_filename != part.member:
        raise Rejected("{name} was changed while it was read.", name=part.inside)
    member = members[part.number]
    if _is_link(member):
        raise not_regular(part.inside)
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise Rejected("{name} is not an archive that can be read.", name=part.inside)
    if limit is None and archives.strange(part.inside):
        return b""
    most = limit if limit is not None else archives.most_bytes(part.inside)
    if member.file_size > most:
        raise too_large(part.inside, member.file_size)
    file: IO[bytes]
    with _unzipping(part.inside), archive.open(member) as file:
        content = file.read(most + 1)  # the size is the archive's word
    if len(content) > most:
        raise too_large(part.inside, len(content))
    return content


def _is_link(member: zipfile.ZipInfo) -> bool:
    """Return whether a member is a link, a pipe or a device."""
    return stat.S_IFMT(member.external_attr >> 16) not in (0, stat.S_IFREG)


def _member_name(member: zipfile.ZipInfo) -> str:
    """Return a member's name: UTF-8, also where the archiver forgot to say so, or the code pages of DOS."""
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
    """Return a name as a file may be called everywhere: a-z, 0-9 and dashes, no longer than KEY_CHARS."""
    latin = unicodedata.normalize("NFC", name.casefold()).translate(TRANSLITERATED)
    ascii_only = unicodedata.normalize("NFKD", latin).encode("ascii", "ignore").decode().casefold()
    short = re.sub("[^a-z0-9]+", "-", ascii_only)[:KEY_CHARS].strip("-") or "submission"
    return f"submission-{short}" if RESERVED.fullmatch(short) else short


def digest(text: str) -> str:
    """Return what tells names apart that are alike: 64 bits, which nobody meets by trying names."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:DIGEST_CHARS]


def key_of(name: str, *, is_folder: bool) -> str:
    """Return the key of an entry, whatever its neighbours are called: no other name leads to the same one.

    A .py file with a name of a-z, 0-9, dashes and underscores has that name; other kinds get a mark, and other names
    (capitals, other letters, blanks) a hash.
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
    """Return the key of a platform's student: its number, which is nobody else's, after the name."""
    key = f"{slug(name)[: KEY_CHARS - len(number)].strip('-')}-{number}"
    return key if number.isdecimal() else f"{slug(key)}-{digest(number)}"


def keyed(found: Sequence[Submission]) -> list[Submission]:
    """Return submissions in the order of their keys; the second entry of the very same name gets a hash."""
    seen: Counter[str] = Counter()
    made = []
    for element in found:
        key = element.key if not seen[element.key] else f"{element.key}-{digest(f'{element.key}/{seen[element.key]}')}"
        seen[element.key] += 1
        student = element.student or key
        earlier = tuple(replace(attempt, key=key, student=student) for attempt in element.earlier)
        made.append(replace(element, key=key, student=student, earlier=earlier))
    return sorted(made, key=lambda item: item.key)
