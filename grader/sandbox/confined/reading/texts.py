"""Decodes source files: UTF-8, what a mark or a coding line declares, and what Russian editors save without saying so.

Runs confined, and in the trusted process where names are asked for. Standard library only.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence

SHOWN_CHARS = 40

# PEP 263 names that are read, by what they are; a transforming codec is never among them.
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
FREQUENT = frozenset("оеаинтсрвлкмдпуяыь")  # nine of ten letters of a Russian text
RUSSIAN = frozenset("абвгдеёжзийклмнопрстуфхцчшщъыьэюяАБВГДЕЁЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯ№«»—–…")
DAMAGED = 10  # characters of a UTF-8 text for one that is none

# What Python loads only when it is used.
CODECS = tuple(
    f"encodings.{name}"
    for name in """
utf_8_sig ascii cp1251 koi8_r cp866 mac_cyrillic cp1252 latin_1 iso8859_1 utf_16 utf_16_le utf_16_be utf_32 utf_32_le utf_32_be cp437
""".split()
)


class Refusal(Exception):
    """What was handed in cannot be graded; a sentence as a template and its arguments, but for {classes}, the lab's.

    is_open: a person may be able to grade it, so that nothing is known against it.
    """

    def __init__(self, template: str, *, is_open: bool = False, **arguments: str | int) -> None:
        super().__init__(template)
        self.template = template
        self.arguments = arguments
        self.is_open = is_open


def place_of(name: str, cells: Sequence[int], line: int) -> dict[str, str | int]:
    """Return file and line of a line as a person finds it, and its cell; cells are the first lines of a notebook's."""
    cell = sum(first <= line for first in cells)
    if cell:
        return {"file": name, "cell": cell, "line": line - cells[cell - 1] + 1}
    return {"file": name, "line": line}


def decoded(name: str, content: bytes) -> tuple[str, str]:
    """Return the text of a file, and its encoding where that is not UTF-8 and no coding line declares it ("": as it should be).

    "utf-8" is a text with some bytes that are none.
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
    encoding = "utf-8" if declared is None else known_encoding(declared) or refuse_encoding(name, declared)
    try:
        return content.decode(encoding), ""
    except UnicodeDecodeError:
        return guessed(content)


def _wide(content: bytes) -> str | None:
    """Return UTF-16 for a text without a mark whose every other byte is 0: it is mostly ASCII."""
    for first, encoding in ((0, "utf-16-be"), (1, "utf-16-le")):
        zeros, others = content[first::2].count(0), content[1 - first :: 2].count(0)
        if 2 * zeros > len(content[first::2]) > 1 and not others:
            return encoding
    return None


def guessed(content: bytes) -> tuple[str, str]:
    """Return a text that is not UTF-8, and the encoding in which it reads best."""
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
    """Return how much some letters look like Russian: frequent ones speak for it, what is no Russian letter against it."""
    return sum((item in FREQUENT) - 2 * (item not in RUSSIAN) for item in text)


def cookie(content: bytes) -> str | None:
    """Return the encoding that one of the first two lines declares (PEP 263)."""
    for line in content.splitlines()[:2]:
        found = COOKIE.match(line)
        if found:
            return found[1].decode("ascii", "replace")
        if not BLANK.match(line):
            return None
    return None


def known_encoding(declared: str) -> str | None:
    """Return the encoding that a declaration means, None where it is not one of the short list."""
    declared = re.sub(r"-(unix|dos|mac)$", "", declared.lower())
    try:
        return ENCODINGS.get(codecs.lookup(declared).name)
    except (LookupError, ValueError):
        return None


def refuse_encoding(name: str, declared: str) -> str:
    """Refuse an encoding that is not read."""
    raise Refusal(
        "{name} declares the encoding {declared}: save it as UTF-8.", name=name, declared=declared[:SHOWN_CHARS]
    )
