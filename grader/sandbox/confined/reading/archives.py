"""Kinds of files in a submission, and unpacking of archives, in memory only.

Runs confined; the trusted process uses only what concerns kinds, names and sizes. Standard library only.
"""

from __future__ import annotations

import io
import posixpath
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

from .texts import Refusal

SOURCE_BYTES = 256 * 1024
NOTEBOOK_BYTES = 32 * 2**20  # with outputs; SOURCE_BYTES limits its code
ARCHIVE_BYTES = 24 * 2**20
UNPACKED_BYTES = 48 * 2**20  # of all archives of a submission
DATA_BYTES = 4 * 2**20  # of all data files of a submission
DATA_FILES = 100
MEMBERS = 20_000
DEPTH = 4  # of archives in archives
RATIO = 200  # of unpacked to packed bytes, above RATIO_FROM
RATIO_FROM = 64 * 1024
NAME_CHARS = 200

SOURCES = (".py", ".ipynb")
ARCHIVES = (".zip", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".tar")
ARCHIVERS = ("zipfile", "tarfile", "zlib", "gzip", "bz2", "lzma")  # modules that Python loads on first use
REPORT = "grade-report.json"  # the grader's own, as commands/output.py names it
LITTER = {"__MACOSX", "__pycache__", "venv", "env", "node_modules", "site-packages", REPORT}
ENVIRONMENT = "pyvenv.cfg"  # marks the folder of a virtual environment

# Files that people submit by mistake, and the sentence about each kind.
PACKED = "{file} is an archive of an unsupported kind. Pack the files as .zip and submit that."
RENAMED = "{file} has the name of a text file. Rename it to {renamed} and submit that."
NO_PROGRAM = "{file} is not a Python program. Submit the .py file or the notebook itself."
STRANGE = {
    **dict.fromkeys((".py.txt", ".ipynb.txt", ".ipynb.json"), RENAMED),
    **dict.fromkeys((".rar", ".7z", ".tar.zst", ".zst", ".gz", ".bz2", ".xz", ".lzma", ".arj", ".lzh", ".cab", ".iso"), PACKED),
    **dict.fromkeys(
        (".docx", ".doc", ".docm", ".odt", ".rtf", ".pdf", ".pages", ".pptx", ".ppt", ".png", ".jpg", ".jpeg", ".heic", ".pyc", ".exe"), NO_PROGRAM
    ),
}  # fmt: skip
KINDS = (*SOURCES, *ARCHIVES, *STRANGE)
DATA = (".csv", ".tsv", ".txt", ".dat", ".json", ".npy", ".npz", ".pkl", ".pickle")  # what a program may read
READ = (*KINDS, *DATA)

Files = dict[str, bytes]
Unread = dict[str, Refusal]  # files that cannot be read, with the reason
Member = tuple[str, bool, int, Callable[[], Any]]  # name, whether it is a regular file, size, how to open it


def kind_of(name: str, kinds: Iterable[str]) -> str | None:
    """Return the ending of a name if it is one of `kinds`, else None."""
    return next((kind for kind in kinds if name.lower().endswith(kind)), None)


def stem_of(name: str) -> str:
    """Return a name without its ending, if that is a known kind."""
    kind = kind_of(name, KINDS)
    return name[: -len(kind)] if kind else name


def strange(name: str) -> Refusal | None:
    """Return the refusal of a file that is known not to be a program, or None."""
    kind = kind_of(name, KINDS)
    if kind not in STRANGE:
        return None
    if STRANGE[kind] is RENAMED:
        return Refusal(RENAMED, file=name, renamed=posixpath.splitext(posixpath.basename(name))[0])
    return Refusal(STRANGE[kind], file=name)


def is_litter(name: str) -> bool:
    """Return whether a file was left by an editor or the grader, or is in a hidden folder, a cache or an environment."""
    return any(
        part in LITTER or part.startswith("~$") or (part.startswith(".") and part not in (".", ".."))
        for part in name.split("/")
    )


def slashed(name: str) -> str:
    """Return a file name with "/" between folders; some archivers on Windows write backslashes."""
    return name.replace("\\", "/")


def unsafe(name: str) -> str | None:
    """Return why a name inside a submission is rejected, as a template, or None if it is safe."""
    if not name or len(name) > NAME_CHARS:
        return "{member} in {name} is empty or too long."
    if any(unicodedata.category(character) in {"Cc", "Cf", "Zl", "Zp"} for character in name):
        return "{member} in {name} has control characters."
    if name.startswith(("/", "~")) or re.match(r"^[A-Za-z]:", name):
        return "{member} in {name} is absolute."
    if ".." in name.split("/"):
        return "{member} in {name} leads out of its folder."
    return None


def most_bytes(name: str) -> int:
    """Return the size limit for a file of this kind, in bytes."""
    kind = kind_of(name, READ) or ""
    return {".py": SOURCE_BYTES, ".ipynb": NOTEBOOK_BYTES, **dict.fromkeys(DATA, DATA_BYTES)}.get(kind, ARCHIVE_BYTES)


def too_large(name: str, size: int, limit: int | None = None) -> Refusal:
    """Return the refusal of a file that exceeds its size limit."""
    if kind_of(name, READ) in DATA:
        return too_much_data(name)
    return Refusal(
        "{name} has {size} KiB; a solution may have at most {limit} KiB.",
        name=name, size=size // 1024, limit=(limit or most_bytes(name)) // 1024,
    )  # fmt: skip


def too_much_data(name: str) -> Refusal:
    """Return the refusal of a data file that exceeds the limits of all data files."""
    return Refusal(
        "{name} is too large: a program reads {limit} MiB and {count} files of data at most.",
        name=name, limit=DATA_BYTES // 2**20, count=DATA_FILES,
    )  # fmt: skip


def unpacked(archives: Files, unread: Unread) -> Files:
    """Return the files in archives, each in a folder named after its archive; add what cannot be read to `unread`."""
    found: Files = {}
    for name, content in archives.items():
        folder = stem_of(name)
        try:
            members, refused = from_archive(posixpath.basename(name), content)
            if sum(map(len, found.values())) + sum(map(len, members.values())) > UNPACKED_BYTES:
                raise Refusal(
                    "{name} is larger than {limit} MiB when unpacked.", name=name, limit=UNPACKED_BYTES // 2**20
                )
        except Refusal as refusal:
            unread[name] = refusal
            continue
        found.update({f"{folder}/{member}": inside for member, inside in members.items()})
        unread.update({f"{folder}/{member}": refusal for member, refusal in refused.items()})
    return found


def from_archive(name: str, content: bytes) -> tuple[Files, Unread]:
    """Return the files of known kinds in an archive, and those that cannot be read.

    Raises Refusal if the archive is broken, hostile or too large.
    """
    reader = zip_members if kind_of(name, (".zip",)) else tar_members
    found: Files = {}
    unread: Unread = {}
    environments: set[str] = set()
    try:
        for count, (raw, is_file, size, opened) in enumerate(reader(content)):
            if count >= MEMBERS:
                raise Refusal("{name} has more than {limit} entries.", name=name, limit=MEMBERS)
            member = slashed(raw)
            environments |= environments_in([posixpath.normpath(member)])
            if not kind_of(member, READ) or is_litter(member) or (member.endswith("/") and not size):
                continue
            problem = unsafe(member) or (None if is_file else "{member} in {name} is not a regular file.")
            member = posixpath.normpath(member)  # "./lab/network.py" is lab/network.py
            if member in unread:
                continue
            try:
                inside = b"" if problem or strange(member) else member_bytes(name, member, size, opened)
                if problem is None and found.setdefault(member, inside) != inside:
                    problem = "{member} in {name} appears twice."
                if problem is not None:
                    raise Refusal(problem, member=raw[:NAME_CHARS], name=name)
            except Refusal as refusal:
                found.pop(member, None)
                unread[member] = refusal
            if sum(map(len, found.values())) > RATIO_FROM + RATIO * len(content):
                raise Refusal("{name} grows more than {ratio} times when unpacked.", name=name, ratio=RATIO)
    except (Refusal, MemoryError):
        raise
    except Exception as error:
        raise Refusal("{name} is not a readable archive.", name=name) from error
    for member in [member for member in (*found, *unread) if is_below(member, environments)]:
        found.pop(member, None)
        unread.pop(member, None)
    return found, unread


def environments_in(names: Iterable[str]) -> set[str]:
    """Return the folders that are virtual environments."""
    return {posixpath.dirname(name) for name in names if posixpath.basename(name) == ENVIRONMENT} - {""}


def is_below(member: str, folders: Iterable[str]) -> bool:
    """Return whether a file is in one of these folders."""
    return any(member.startswith(f"{folder}/") for folder in folders)


def member_bytes(name: str, member: str, size: int, opened: Callable[[], Any]) -> bytes:
    """Read a member of an archive; raise Refusal if it is too large or cannot be read."""
    most = most_bytes(member)
    if size > most:
        raise too_large(member, size)
    try:
        content: bytes = opened().read(most + 1)  # check again: the archive may state a wrong size
    except MemoryError:
        raise
    except Exception as error:  # zipfile raises half a dozen types
        if type(error) is RuntimeError:  # zipfile needs a password
            raise Refusal("{name} is encrypted: submit it without a password.", name=name) from error
        raise Refusal("{member} in {name} cannot be read.", member=member, name=name) from error
    if len(content) > most:
        raise too_large(member, len(content))
    return content


def zip_members(content: bytes) -> Iterator[Member]:
    """Yield the members of a zip archive."""
    import stat
    import zipfile

    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for entry in archive.infolist():
            kind = stat.S_IFMT(entry.external_attr >> 16)
            is_file = not entry.is_dir() and kind in (0, stat.S_IFREG)
            yield entry.orig_filename, is_file, entry.file_size, partial(archive.open, entry)


def tar_members(content: bytes) -> Iterator[Member]:
    """Yield the members of a tar archive, compressed or not."""
    import tarfile

    with tarfile.open(fileobj=io.BytesIO(content), mode="r|*") as archive:
        for entry in archive:
            yield entry.name, entry.isreg(), entry.size, partial(archive.extractfile, entry)
