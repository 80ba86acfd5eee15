"""Finds the hand-ins of a class in a folder or in the archive that a learning platform exports.

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
from pathlib import Path
from typing import IO, Any

from grader.classroom.names import condensed, orders, plain, words
from grader.classroom.tables import read_table
from grader.core.errors import GradeError, Rejected, UsageError, cause
from grader.core.messages import Message, say
from grader.core.text import printable
from grader.pipeline.runs import Handed
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
    shown,
    too_large,
    too_many,
)
from grader.sandbox.confined import reading

HANDINS = 10_000
METADATA = "submission_metadata.yml"
METADATA_BYTES = 64 * 2**20
KEY_CHARS = 48
DIGEST_CHARS = 16
NOISE = set("""
__macosx thumbs.db desktop.ini __pycache__ .ds_store .localized .directory .trashes .fseventsd .spotlight-v100 .temporaryitems
.git .gitignore .gitattributes .gitkeep .github .svn .hg .idea .vscode .ipynb_checkpoints .pytest_cache .mypy_cache .ruff_cache
.venv
""".split()) | {"icon\r"}  # fmt: skip
NOISY = ("._", ".~lock.", ".nfs", ".fuse_hidden")
RESERVED = re.compile("con|prn|aux|nul|(com|lpt)[0-9]")  # names of devices on Windows, with any ending

# The platform writes the beginning of a name, a student the end: the shortest beginning is the platform's.
MOODLE = re.compile(r"(?s)(?P<name>.+?)_(?P<id>[0-9]+)_assignsubmission_(?P<plugin>file|onlinetext)(?:_(?P<file>.*))?")
CANVAS = re.compile(r"(?s)(?P<login>.+?)(?P<late>_LATE)?_(?P<id>[0-9]+)_[0-9]+_(?P<file>.+)")
CANVAS_ANONYMOUS = re.compile(r"(?s)(?P<login>anon)(?P<late>_LATE)?_(?P<id>[0-9A-Za-z]+)_[0-9]+_(?P<file>.+)")
CANVAS_TEXT = re.compile(r"(?s)(?P<login>.+?)(?:_LATE)?_[0-9A-Za-z]+_(?:text|link)\.html")
AGAIN = re.compile(r"-[0-9]+(?=\.(?:py|ipynb|zip|tar\.gz|tgz|tar)$)", re.IGNORECASE)
GRADESCOPE = re.compile(r"submission_(?P<id>[0-9]+)")

# What is added to the key of an entry that is no .py file; such an end, or that of a hash, makes a name no key by itself.
MARKS = {"": "folder", ".py": "", ".ipynb": "ipynb", ".zip": "zip", ".tar.gz": "tar-gz", ".tgz": "tgz", ".tar": "tar"}
SAFE = re.compile(f"(?=.{{1,{KEY_CHARS}}}$)[a-z0-9]+(?:[-_][a-z0-9]+)*")
MARKED = re.compile(f".*-(?:{'|'.join(filter(None, MARKS.values()))}|[0-9a-f]{{{DIGEST_CHARS}}})")

TRANSLITERATED = str.maketrans(
    dict(zip("абвгдезийклмнопрстуфыэ", "abvgdeziyklmnoprstufye", strict=True))
    | {"ж": "zh", "х": "kh", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "shch", "ъ": "", "ь": "", "ю": "yu", "я": "ya"}
    | {"ё": "e", "і": "i", "ї": "i", "є": "ye", "ґ": "g"}
)


@dataclass(frozen=True, kw_only=True, slots=True)
class RosterEntry:
    """One line of the list of the class; file is the name of the hand-in where no name tells."""

    id: str
    name: str = ""
    email: str = ""
    file: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """One file of a hand-in, or (in a folder) one folder: its name inside the hand-in, and where it is.

    member is a path below the source, or the index and the name of an archive's member.
    """

    inside: str
    member: str
    index: int = -1


@dataclass(frozen=True, kw_only=True, slots=True)
class HandIn:
    """One student's hand-in, not read yet.

    key is unique in the class, the same in each run and with any neighbours, and a safe file name. student is the id of the roster, or the
    one that the learning platform gave, or the name of the file or folder, or the key; aliases are the platform's other ids. shown is the name of the
    file or folder as it was found.
    """

    key: str
    student: str
    name: str
    email: str
    shown: str
    source: Path
    parts: tuple[Part, ...]
    aliases: tuple[str, ...] = ()

    def handed(self) -> Handed:
        """Read the bytes; Rejected, with one sentence, for what cannot be read, is no regular file, or is too large."""
        with readable(self.shown):
            if self.parts[0].index >= 0:
                with _opened_zip(self.source, self.shown) as archive:
                    return gathered(self.shown, self._members(archive))
            if len(self.parts) == 1 and not self.parts[0].inside:
                return collect(self._path(self.parts[0]))
            return gathered(self.shown, self._files())

    def _path(self, part: Part) -> Path:
        path = self.source / part.member
        if stat.S_ISLNK(path.lstat().st_mode):
            raise not_regular(self.shown)
        return path

    def _files(self) -> Iterator[Found]:
        if len(self.parts) > ENTRIES:
            raise too_many(self.shown)
        for part in self.parts:
            path = self._path(part)
            if not part.inside:
                yield from entries(path, self.shown)
            elif is_wanted(part.inside, self.shown):
                yield part.inside, partial(content_of, path, part.inside)

    def _members(self, archive: zipfile.ZipFile) -> Iterator[Found]:
        if len(self.parts) > ENTRIES:
            raise too_many(self.shown)
        for part in self.parts:
            if part.inside.count("/") <= 1 and is_wanted(part.inside, self.shown):
                yield part.inside, partial(_member, archive, part)


@dataclass(frozen=True, kw_only=True, slots=True)
class HandIns:
    """What was found: the hand-ins, what to tell the teacher, and who of the roster has none."""

    found: tuple[HandIn, ...]
    notes: tuple[Message, ...] = ()
    missing: tuple[RosterEntry, ...] = ()


def find(source: Path, roster: Path | None = None) -> HandIns:
    """Return the hand-ins in a folder or a .zip; UsageError for a source or a roster that cannot be read.

    The naming scheme (Moodle, Canvas, Gradescope, plain names) is recognised and stands in the notes. roster
    is a CSV file with the columns id, name, email and file, of which only id has to be there.
    """
    listed = read_roster(roster) if roster is not None else ()
    with _reading(source):
        notes: list[Message] = []
        tree = _unwrapped(_Archive(source) if not source.is_dir() else _Folder(source), notes)
        scheme = _scheme(tree)
        made = keyed(list(scheme(tree)))
    notes = [*notes, *tree.notes]
    if not made:
        raise UsageError("There are no hand-ins in {source}.", source=_name(source))
    if len(made) > HANDINS:
        raise UsageError("{source} has more than {limit} hand-ins.", source=_name(source), limit=HANDINS)
    return _with_roster(made, listed, notes) if roster is not None else HandIns(found=tuple(made), notes=tuple(notes))


@contextmanager
def _reading(source: Path) -> Iterator[None]:
    """Turn what the file system or an archive refuses into UsageError."""
    try:
        yield
    except OSError as error:
        raise UsageError("{source} cannot be read: {reason}.", source=_name(source), reason=cause(error)) from error
    except Rejected as rejected:
        raise UsageError(rejected.reason.id, **rejected.reason.args) from rejected


def _name(path: Path) -> str:
    return printable(shown(path.name or path.resolve().name), 200)


# --- what lies in a source ----------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class _Item:
    """One entry of a source: its name, and its files (of a folder on disk the folder itself)."""

    name: str
    is_folder: bool
    parts: tuple[Part, ...]

    @property
    def shown(self) -> str:
        """Return the name as text."""
        return shown(self.name)

    @property
    def stem(self) -> str:
        """Return the name without the ending of a hand-in."""
        kind = None if self.is_folder else reading.kind_of(self.name, KINDS)
        return shown(self.name[: -len(kind)] if kind else self.name)

    @property
    def seen(self) -> str:
        """Return the name of a file without the dots that would hide it."""
        kind = reading.kind_of(self.name, KINDS) or ""
        return f"{self.stem.lstrip('.') or 'submission'}{kind}"


class _Tree:
    """What lies in a source, below the folder that everything is in."""

    def __init__(self, source: Path) -> None:
        self.source = source
        self.notes: list[Message] = []
        self.items: list[_Item] = []

    def below(self, folder: _Item) -> _Tree:
        """Return what lies in one of the folders."""
        raise NotImplementedError

    def text(self, item: _Item) -> bytes:
        """Return the bytes of a file that the platform wrote, up to METADATA_BYTES and one."""
        raise NotImplementedError

    def note(self, template: str, **args: str | int) -> None:
        """Keep a note; names in it are shown on one line."""
        self.notes.append(say(template, **{key: printable(one, 200) if isinstance(one, str) else one for key, one in args.items()}))  # fmt: skip

    def hand_in(self, items: Sequence[_Item], parts: Sequence[Part], **who: Any) -> HandIn:
        """Return a hand-in of some entries; who is its key and what is known of the student."""
        values = {"student": "", "name": "", "email": "", "aliases": (), **who}
        return HandIn(shown=items[0].shown, source=self.source, parts=tuple(parts), **values)


class _Folder(_Tree):
    def __init__(self, source: Path, top: Path | None = None) -> None:
        super().__init__(source)
        self.top = top or source
        for entry in sorted(self.top.iterdir()):
            if _is_noise(entry.name):
                continue
            mode = entry.lstat().st_mode
            if stat.S_ISDIR(mode) or stat.S_ISREG(mode):
                inside = "" if stat.S_ISDIR(mode) else shown(entry.name)
                part = Part(inside=inside, member=entry.relative_to(source).as_posix())
                self.items.append(_Item(name=entry.name, is_folder=stat.S_ISDIR(mode), parts=(part,)))
            else:
                is_link = stat.S_ISLNK(mode)
                self.note(
                    "{name} is a link, which is not followed." if is_link else "{name} is no regular file.",
                    name=shown(entry.name),
                )

    def below(self, folder: _Item) -> _Folder:
        return _Folder(self.source, self.top / folder.name)

    def text(self, item: _Item) -> bytes:
        with (self.source / item.parts[0].member).open("rb") as file:
            return file.read(METADATA_BYTES + 1)


class _Archive(_Tree):
    def __init__(self, source: Path, members: Iterable[Part] | None = None) -> None:
        super().__init__(source)
        if members is None:
            members = self._listed()
        groups: dict[str, list[Part]] = defaultdict(list)
        for part in members:
            groups[part.inside.split("/", 1)[0]].append(part)
        for name, parts in sorted(groups.items()):
            self.items += [_Item(name=name, is_folder=False, parts=(part,)) for part in parts if part.inside == name]
            inner = [replace(part, inside=part.inside[len(name) + 1 :]) for part in parts if part.inside != name]
            if inner:
                self.items.append(_Item(name=name, is_folder=True, parts=tuple(inner)))

    def _listed(self) -> list[Part]:
        """Return the files of the archive; inside is the whole name for now."""
        if not self.source.exists() or reading.kind_of(self.source.name, (".zip",)) is None:
            if not self.source.exists():
                raise UsageError("{source} does not exist.", source=_name(self.source))
            raise UsageError("{source} is neither a folder nor a .zip archive of hand-ins.", source=_name(self.source))
        found: list[Part] = []
        with _opened_zip(self.source, _name(self.source)) as archive:
            members = archive.infolist()
        for index, member in enumerate(members):
            name = _member_name(member).removeprefix("./")
            steps = name.split("/")
            if ".." in steps or not steps[0] or re.match("[A-Za-z]:", name):
                self.note("{name} leads out of the archive: left out.", name=name)
            elif name.endswith("/") or "__macosx" in name.casefold().split("/") or _is_noise(steps[0]):
                continue
            elif len(steps) == 1 and _is_link(member):
                self.note("{name} is a link, which is not followed.", name=name)
            else:
                found.append(Part(inside=name, member=member.orig_filename, index=index))
        return found

    def below(self, folder: _Item) -> _Archive:
        return _Archive(self.source, folder.parts)

    def text(self, item: _Item) -> bytes:
        with _opened_zip(self.source, item.shown) as archive:
            return _member(archive, item.parts[0], METADATA_BYTES)


def _is_noise(name: str) -> bool:
    """Say whether an entry is what a desktop, an archiver or an editor leaves: it is not even noted."""
    return name.startswith(NOISY) or name.casefold() in NOISE


@contextmanager
def _opened_zip(path: Path, name: str) -> Iterator[zipfile.ZipFile]:
    """Open a class's archive; Rejected for one that cannot be read."""
    try:
        state = path.stat()
        yield _directory(path, (state.st_ino, state.st_size, state.st_mtime_ns), os.getpid())
    except (GradeError, OSError, MemoryError):
        raise
    except Exception as error:  # zipfile raises half a dozen kinds for what is no archive
        if type(error) is RuntimeError:  # zipfile's word for a password
            raise Rejected("{name} is encrypted: hand it in without a password.", name=name) from error
        raise Rejected("{name} is not an archive that can be read.", name=name) from error


@lru_cache(maxsize=1)
def _directory(path: Path, _state: tuple[int, ...], _process: int) -> zipfile.ZipFile:
    """Read the directory of an archive once; a forked process opens it for itself: a shared file has one position."""
    return zipfile.ZipFile(path)


def _member(archive: zipfile.ZipFile, part: Part, limit: int | None = None) -> bytes:
    """Read a member of a class's archive that is no larger than its kind (or limit) allows."""
    members = archive.infolist()
    if part.index >= len(members) or members[part.index].orig_filename != part.member:
        raise Rejected("{name} was changed while it was read.", name=part.inside)
    member = members[part.index]
    if _is_link(member):
        raise not_regular(part.inside)
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise Rejected("{name} is not an archive that can be read.", name=part.inside)
    most = limit if limit is not None else reading.most_bytes(part.inside)
    if member.file_size > most:
        raise too_large(part.inside, member.file_size)
    file: IO[bytes]
    with archive.open(member) as file:
        content = file.read(most + 1)  # the size is the archive's word
    if len(content) > most:
        raise too_large(part.inside, len(content))
    return content


def _is_link(member: zipfile.ZipInfo) -> bool:
    """Say whether a member is a link, a pipe or a device."""
    return stat.S_IFMT(member.external_attr >> 16) not in (0, stat.S_IFREG)


def _member_name(member: zipfile.ZipInfo) -> str:
    """Return a member's name: UTF-8, also where the archiver forgot to say so, or the code pages of DOS."""
    name = member.orig_filename
    if member.flag_bits & 0x800:
        return name
    raw = name.encode("cp437", "replace")
    for encoding in ("utf-8", "cp866"):
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        if encoding == "utf-8" or all(one.isascii() or "а" <= one.casefold() <= "ё" for one in text):
            return text
    return name


# --- schemes ------------------------------------------------------------------------------------


def _unwrapped(tree: _Tree, notes: list[Message]) -> _Tree:
    """Step into the one folder that holds all, where what is in it shows that it is no hand-in."""
    if len(tree.items) != 1 or not tree.items[0].is_folder:
        return tree
    folder = tree.items[0]
    inner = tree.below(folder)
    is_named_alike = isinstance(tree, _Archive) and folder.name.casefold() == tree.source.stem.casefold()
    if _scheme(tree) is _plain and (is_named_alike or _scheme(inner) is not _plain):
        notes += [*tree.notes, say("Everything is in the folder {name}.", name=printable(folder.shown, 200))]
        return inner
    return tree


Scheme = Callable[[_Tree], Iterator[HandIn]]


def _scheme(tree: _Tree) -> Scheme:
    """Return how a source names its hand-ins: by a platform's pattern that more than half of the entries have."""
    counts = Counter(map(_scheme_of, tree.items))
    return next((scheme for scheme, count in counts.items() if 2 * count > len(tree.items)), _plain)


def _scheme_of(item: _Item) -> Scheme:
    """Return whose pattern a name has; of several the one whose beginning is the shortest: what follows is the student's."""
    if item.name == METADATA or (item.is_folder and GRADESCOPE.fullmatch(item.name)):
        return _gradescope
    beginnings: list[tuple[int, Scheme]] = []
    if moodle := MOODLE.fullmatch(item.shown):
        beginnings.append((moodle.end("plugin"), _moodle))
    if not item.is_folder and (canvas := _canvas_name(item)):
        beginnings.append((canvas.start("file"), _canvas))
    if not item.is_folder and CANVAS_TEXT.fullmatch(item.shown):
        beginnings.append((len(item.shown), _canvas))
    return min(beginnings, key=lambda one: one[0])[1] if beginnings else _plain


def _canvas_name(item: _Item) -> re.Match[str] | None:
    return CANVAS_ANONYMOUS.fullmatch(item.shown) or CANVAS.fullmatch(item.shown)


def _plain(tree: _Tree) -> Iterator[HandIn]:
    """Each file of a known kind and each folder is a hand-in, and its name the student's."""
    tree.note("Names: plain, each file or folder is a student's.")
    for item in tree.items:
        yield from _plain_item(tree, item, key_of(item.name, is_folder=item.is_folder))


def _plain_item(tree: _Tree, item: _Item, key: str = "") -> Iterator[HandIn]:
    """Yield an entry as a submission; without a key it is one beside those of a platform, whose keys it cannot have."""
    if not item.is_folder and not reading.kind_of(item.name, KINDS):
        tree.note("{name} is no hand-in: left out.", name=item.shown)
        return
    key = key or f"{slug(item.stem)}-{digest(item.name)}"
    parts = item.parts if item.is_folder else [replace(item.parts[0], inside=item.seen)]
    student = item.stem if item.stem == key_of(f"{item.stem}.py", is_folder=False) else ""
    yield tree.hand_in([item], parts, key=key, student=student, name=item.stem)


def _moodle(tree: _Tree) -> Iterator[HandIn]:
    """Moodle: Full Name_1234567_assignsubmission_file_ is a folder, or goes before the name of each file."""
    tree.note("Names: Moodle's.")
    groups: dict[tuple[str, str], list[tuple[_Item, str]]] = {}
    texts: dict[tuple[str, str], str] = {}
    for item in tree.items:
        found = MOODLE.fullmatch(item.shown)
        if found is None:
            yield from _plain_item(tree, item)
        elif found["plugin"] == "onlinetext":
            texts[found["name"], found["id"]] = found["name"]
        else:
            groups.setdefault((found["name"], found["id"]), []).append((item, found["file"] or item.shown))
    if texts:
        tree.note("Online texts are not graded: {count} left out.", count=len(texts))
    for who, name in texts.items():
        if who not in groups:
            tree.note("{name} handed in an online text and no file.", name=name)
    for (name, number), files in groups.items():
        is_blind = plain(name) in ("participant", "участник")
        yield tree.hand_in(
            [item for item, _ in files], _joined(files), key=numbered(name, number), student=number,
            name="" if is_blind else name, aliases=(number,),
        )  # fmt: skip


def _canvas(tree: _Tree) -> Iterator[HandIn]:
    """Canvas: lastfirst_LATE_12345_678901_network-1.py, several files a student."""
    tree.note("Names: Canvas'.")
    groups: dict[tuple[str, str], list[tuple[_Item, str]]] = {}
    late: set[tuple[str, str]] = set()
    for item in tree.items:
        found = None if item.is_folder else _canvas_name(item)
        text = None if item.is_folder or found else CANVAS_TEXT.fullmatch(item.shown)
        if text is not None:
            tree.note("{name} handed in an online text or a link, which is not graded.", name=text["login"])
        elif found is None:
            yield from _plain_item(tree, item)
        else:
            who = (found["login"], found["id"])
            groups.setdefault(who, []).append((item, found["file"]))
            late |= {who} if found["late"] else set()
    if late:
        tree.note("Canvas marks as late: {count}.", count=len(late))
    for (login, number), files in groups.items():
        first = Counter(AGAIN.sub("", name) for _, name in files)
        named = [(item, name if first[AGAIN.sub("", name)] > 1 else AGAIN.sub("", name)) for item, name in files]
        name = "" if login == "anon" else login
        yield tree.hand_in(
            [item for item, _ in files], _joined(named), key=numbered(login, number), student=number, name=name,
            aliases=tuple(filter(None, (number, name))),
        )  # fmt: skip


def _gradescope(tree: _Tree) -> Iterator[HandIn]:
    """Gradescope: submission_123 is a folder; submission_metadata.yml says whose."""
    tree.note("Names: Gradescope's.")
    metadata = next((item for item in tree.items if item.name == METADATA and not item.is_folder), None)
    people = _submitters(tree, metadata) if metadata is not None else {}
    if metadata is None:
        tree.note("There is no {file}: students are shown by the number of the submission.", file=METADATA)
    for item in tree.items:
        found = GRADESCOPE.fullmatch(item.name)
        if item is metadata:
            continue
        if found is None or not item.is_folder:
            yield from _plain_item(tree, item)
            continue
        several = people.get(item.name) or [RosterEntry(id="")]
        if len(several) > 1:
            tree.note("{name} is of {count} students, and graded for each.", name=item.name, count=len(several))
        for number, person in enumerate(several, 1):
            yield tree.hand_in(
                [item], item.parts, key=slug(item.name if len(several) == 1 else f"{item.name} {number}"),
                student=person.id or (found["id"] if len(several) == 1 else ""), name=person.name,
                email=person.email, aliases=(found["id"],) if len(several) == 1 else (),
            )  # fmt: skip


def _joined(files: Sequence[tuple[_Item, str]]) -> list[Part]:
    """Return the files of a student under their own names; a folder's are in it already."""
    return [
        part if item.is_folder else replace(part, inside=name) for item, name in files for part in item.parts
    ]  # fmt: skip


def _submitters(tree: _Tree, metadata: _Item) -> dict[str, list[RosterEntry]]:
    """Return who handed in each of Gradescope's submissions; {} and a note where that cannot be read."""
    try:
        import yaml
    except ModuleNotFoundError:
        tree.note("{file} is read with PyYAML, which is not installed: students are shown by the number of the submission.", file=METADATA)  # fmt: skip
        return {}
    try:
        content = tree.text(metadata)
        if len(content) > METADATA_BYTES:
            raise ValueError("it is too large")
        loaded = yaml.load(content, Loader=_loader(yaml))  # noqa: S506
        return {
            str(name): [
                RosterEntry(**{field: _field(person, f":{key}") for field, key in (("id", "sid"), ("name", "name"), ("email", "email"))})
                for person in entry.get(":submitters") or []
            ]
            for name, entry in loaded.items()
        }  # fmt: skip
    except (
        yaml.YAMLError,
        ValueError,
        TypeError,
        AttributeError,
        ArithmeticError,
        LookupError,
        RecursionError,
        Rejected,
    ) as error:
        tree.note("{file} cannot be read ({reason}): students are shown by the number of the submission.", file=METADATA, reason=type(error).__name__)  # fmt: skip
        return {}


def _loader(yaml: Any) -> Any:
    """Return the safe loader that also passes over the Ruby objects in Gradescope's results, as None."""
    loader = type("Loader", (getattr(yaml, "CSafeLoader", yaml.SafeLoader),), {})
    loader.add_constructor(None, lambda *_: None)  # type: ignore[attr-defined]
    return loader


def _field(person: dict[Any, Any], name: str) -> str:
    value = person.get(name)
    return "" if value is None else str(value)


# --- keys ---------------------------------------------------------------------------------------


def slug(name: str) -> str:
    """Return a name as a file may be called everywhere: a-z, 0-9 and dashes, no longer than KEY_CHARS."""
    latin = unicodedata.normalize("NFC", name.casefold()).translate(TRANSLITERATED)
    ascii_only = unicodedata.normalize("NFKD", latin).encode("ascii", "ignore").decode().casefold()
    short = re.sub("[^a-z0-9]+", "-", ascii_only)[:KEY_CHARS].strip("-") or "hand-in"
    return f"hand-in-{short}" if RESERVED.fullmatch(short) else short


def digest(text: str) -> str:
    """Return what tells names apart that are alike: 64 bits, which nobody meets by trying names."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:DIGEST_CHARS]


def key_of(name: str, *, is_folder: bool) -> str:
    """Return the key of an entry, whatever its neighbours are called: no other name leads to the same one.

    A .py file with a name of a-z, 0-9, dashes and underscores has that name; other kinds get a mark, and other names
    (capitals, other letters, blanks) a hash.
    """
    kind = "" if is_folder else reading.kind_of(name, KINDS) or ""
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


def keyed(found: Sequence[HandIn]) -> list[HandIn]:
    """Return submissions in the order of their keys; the second entry of the very same name gets a hash."""
    seen: Counter[str] = Counter()
    made = []
    for one in found:
        key = one.key if not seen[one.key] else f"{one.key}-{digest(f'{one.key}/{seen[one.key]}')}"
        seen[one.key] += 1
        made.append(replace(one, key=key, student=one.student or key))
    return sorted(made, key=lambda one: one.key)


# --- the list of the class ----------------------------------------------------------------------


def read_roster(path: Path) -> tuple[RosterEntry, ...]:
    """Return the list of the class; UsageError, with the line, for an id that is missing or stands twice."""
    found: dict[str, RosterEntry] = {}
    for line, row in read_table(path, ("id",), ("name", "email", "file")):
        entry = RosterEntry(**row)
        if not entry.id:
            raise UsageError("{table}, line {line}: there is no id.", table=path.name, line=line)
        if plain(entry.id) in found:
            raise UsageError("{table}, line {line}: {id} stands twice.", table=path.name, line=line, id=entry.id)
        found[plain(entry.id)] = entry
    return tuple(found.values())


def _with_roster(found: Sequence[HandIn], roster: Sequence[RosterEntry], notes: list[Message]) -> HandIns:
    """Give the hand-ins the ids, names and addresses of the roster, and note what is left on both sides."""
    made: list[HandIn] = []
    whose: dict[str, list[HandIn]] = defaultdict(list)
    search = _finder(roster)
    for one in found:
        entry, is_contradicted = search(one)
        if entry is None:
            notes.append(
                say(
                    "{name} is one student of the roster by id and another by name."
                    if is_contradicted
                    else "{name} is not on the roster.",
                    name=printable(one.shown, 200),
                )
            )
            made.append(one)
            continue
        aliases = dict.fromkeys([*one.aliases, *([one.student] if one.student not in (one.key, entry.id) else [])])
        made.append(
            replace(one, student=entry.id, name=entry.name or one.name, email=entry.email or one.email, aliases=tuple(aliases))
        )  # fmt: skip
        whose[entry.id].append(made[-1])
    for several in (group for group in whose.values() if len(group) > 1):
        keys = ", ".join(one.key for one in several)
        name = printable(several[0].name or several[0].student, 200)
        notes.append(say("{name} has several hand-ins: {keys}.", name=name, keys=keys))
    missing = tuple(entry for entry in roster if entry.id not in whose)
    return HandIns(found=tuple(made), notes=tuple(notes), missing=missing)


def _finder(roster: Sequence[RosterEntry]) -> Callable[[HandIn], tuple[RosterEntry | None, bool]]:
    """Return a function from a hand-in to its line of the roster, and whether its name speaks against that.

    File, id, email, login and name are tried in this order; what leads to several lines decides nothing.
    """
    ways: list[tuple[Callable[[RosterEntry], Iterable[str]], Callable[[HandIn], Iterable[str]]]] = [
        (lambda entry: [plain(entry.file)], lambda one: [plain(one.shown), plain(_stem(one)), one.key]),
        (lambda entry: [plain(entry.id)], lambda one: [plain(one.student), *map(plain, one.aliases), plain(_stem(one))]),
        (lambda entry: [plain(entry.email)], lambda one: [plain(one.email), plain(_stem(one))]),
        (lambda entry: [plain(entry.email).partition("@")[0]], lambda one: [plain(one.name), plain(_stem(one))]),
        (lambda entry: [words(entry.name)], lambda one: [words(one.name)]),
        (lambda entry: orders(entry.name), lambda one: [condensed(one.name)]),
    ]  # fmt: skip
    indexes = [(_index(roster, of_entry), of_hand_in) for of_entry, of_hand_in in ways]

    def search(one: HandIn) -> tuple[RosterEntry | None, bool]:
        matches = [_only(index, ways_of(one)) for index, ways_of in indexes]
        entry = next((match for match in matches if match is not None), None)
        named = matches[4] or matches[5]
        if matches[0] is None and named is not None and named is not entry:
            return None, True
        return entry, False

    return search


def _stem(one: HandIn) -> str:
    kind = reading.kind_of(one.shown, KINDS)
    return one.shown[: -len(kind)] if kind else one.shown


def _index(roster: Sequence[RosterEntry], keys: Callable[[RosterEntry], Iterable[str]]) -> dict[str, RosterEntry]:
    """Return entries by what leads to one of them only."""
    found: dict[str, list[RosterEntry]] = defaultdict(list)
    for entry in roster:
        for key in {one for one in keys(entry) if one}:
            found[key].append(entry)
    return {key: several[0] for key, several in found.items() if len(several) == 1}


def _only(index: dict[str, RosterEntry], keys: Iterable[str]) -> RosterEntry | None:
    """Return the one entry that keys lead to."""
    found = {id(entry): entry for key in keys if (entry := index.get(key)) is not None}
    return next(iter(found.values())) if len(found) == 1 else None
