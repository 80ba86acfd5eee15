"""Decodes source files: UTF-8, encodings declared by a byte order mark or coding line, and undeclared Russian encodings.

Runs confined; the trusted process uses only CODECS, UNREAD and place_of. Standard library only.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence

SHOWN_CHARS = 40
UNREAD = "{file} was not read."  # of a file that the trusted side could not read

# Encodings accepted in a coding line (PEP 263), with the codec to use; none of them transforms bytes to bytes.
ENCODINGS = {
    "utf-8": "utf-8", "utf-8-sig": "utf-8", "ascii": "utf-8", "cp1251": "cp1251", "koi8-r": "koi8-r", "cp866": "cp866", "mac-cyrillic": "mac-cyrillic",
    "iso8859-1": "latin-1", "cp1252": "cp1252", "utf-16": "utf-16",
}  # fmt: skip
MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip
COOKIE = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")
BLANK = re.compile(rb"^[ \t\f]*(?:#.*)?$")

CYRILLIC = ("cp1251", "koi8-r", "cp866", "mac-cyrillic")
FREQUENT = frozenset("оеаинтсрвлкмдпуяыь")  # about 90 % of the letters of a Russian text
RUSSIAN = frozenset("абвгдеёжзийклмнопрстуфхцчшщъыьэюяАБВГДЕЁЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯ№«»—–…")
DAMAGED = 10  # a text is UTF-8 if it has more than this many non-ASCII characters for each invalid one

# Modules that Python loads on first use.
CODECS = tuple(
    f"encodings.{name}"
    for name in """
utf_8_sig ascii cp1251 koi8_r cp866 mac_cyrillic cp1252 latin_1 iso8859_1 utf_16 utf_16_le utf_16_be utf_32 utf_32_le utf_32_be cp437
""".split()
)


class Refusal(Exception):
    """A submission or file that cannot be read: a sentence as a template and its arguments, without the lab's {classes}.

    is_open: a person may be able to grade it, so it is not gradable rather than rejected.
    """

    def __init__(self, template: str, *, is_open: bool = False, **arguments: str | int) -> None:
        super().__init__(template)
        self.template = template
        self.arguments = arguments
        self.is_open = is_open


def place_of(name: str, cells: Sequence[int], line: int) -> dict[str, str | int]:
    """Return the file, the line, and for notebooks the cell, of a line of source; cells are the first lines of cells."""
    cell = sum(first <= line for first in cells)
    if cell:
        return {"file": name, "cell": cell, "line": line - cells[cell - 1] + 1}
    return {"file": name, "line": line}


def decoded(name: str, content: bytes) -> tuple[str, str]:
    """Return the text of a file, and its encoding if that has to be reported: it is not UTF-8 and not declared, else "".

    "utf-8" is reported for UTF-8 with some invalid bytes.
    """
    marked = next((encoding for mark, encoding in MARKS if content.startswith(mark)), None)
    marked = marked or _wide(content)
    if marked is not None:
        try:
            return content.decode(marked).removeprefix("\ufeff"), "" if marked == "utf-8-sig" else marked
        except UnicodeDecodeError:
            raise Refusal("{name} is not UTF-8 text (line {line}): save it as UTF-8.", name=name, line=1) from None
    if b"\0" in content:
        raise Refusal("{name} is a binary file, not Python source.", name=name)
    declared = cookie(content)
    try:
        return content.decode("utf-8" if declared is None else known_encoding(name, declared)), ""
    except UnicodeDecodeError:
        return guessed(content)


def _wide(content: bytes) -> str | None:
    """Return the encoding of UTF-16 without a mark, recognised by every other byte being mostly 0, else None."""
    for first, encoding in ((0, "utf-16-be"), (1, "utf-16-le")):
        zeros, others = content[first::2].count(0), content[1 - first :: 2].count(0)
        if 2 * zeros > len(content[first::2]) > 1 and not others:
            return encoding
    return None


def guessed(content: bytes) -> tuple[str, str]:
    """Decode a text that is not valid UTF-8; return it and the most likely encoding."""
    replaced = content.decode("utf-8", "replace")
    wide = sum(not char.isascii() for char in replaced)
    damaged = replaced.count("\ufffd")
    if wide > DAMAGED * damaged:
        return replaced, "utf-8"
    words = re.findall(rb"[A-Za-z\x80-\xff]*[\x80-\xff][A-Za-z\x80-\xff]*", content)
    if 2 * sum(any(byte < 0x80 for byte in word) for word in words) > len(words):
        return content.decode("latin-1"), "latin-1"  # r\xe9seau
    high = b"".join(words)
    best = max(CYRILLIC, key=lambda encoding: _likeness(high.decode(encoding, "replace")))
    letters = high.decode(best, "replace")
    if 2 * sum(letter in RUSSIAN for letter in letters) > len(letters):
        return content.decode(best, "replace"), best
    return content.decode("latin-1"), "latin-1"


def _likeness(text: str) -> int:
    """Return a score of how much letters look like Russian: +1 for frequent letters, -2 for non-Russian ones."""
    return sum((item in FREQUENT) - 2 * (item not in RUSSIAN) for item in text)


def cookie(content: bytes) -> str | None:
    """Return the encoding that one of the first two lines declares (PEP 263), or None."""
    for line in content.splitlines()[:2]:
        found = COOKIE.match(line)
        if found:
            return found[1].decode("ascii", "replace")
        if not BLANK.match(line):
            return None
    return None


def known_encoding(name: str, declared: str) -> str:
    """Return the codec for a declared encoding; raise Refusal if the encoding is not accepted."""
    try:
        return ENCODINGS[codecs.lookup(re.sub(r"-(unix|dos|mac)$", "", declared.lower())).name]
    except (LookupError, ValueError):
        raise Refusal(
            "{name} declares the encoding {declared}: save it as UTF-8.", name=name, declared=declared[:SHOWN_CHARS]
        ) from None
