"""Names of people and files as they are compared: without case, marks that are not seen, and order."""

from __future__ import annotations

import re
import unicodedata


def plain(text: str) -> str:
    """Return text without what a comparison should not see: case, spaces around, compatibility forms, hidden marks, ё."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold()).replace("ё", "е")
    seen = (
        " " if char.isspace() else char for char in folded if char.isspace() or unicodedata.category(char)[0] != "C"
    )
    return " ".join("".join(seen).split())


def words(name: str) -> str:
    """Return the words of a name in one order: "One, Student" and "student  one" are the same."""
    return " ".join(sorted(re.sub(r"[,_]", " ", plain(name)).split()))


def condensed(name: str) -> str:
    """Return only the letters and digits of a name, as Canvas puts them before a file's name."""
    return re.sub(r"[\W_]", "", plain(name))


def orders(name: str) -> list[str]:
    """Return the condensed name with each of its words first."""
    parts = re.sub(r"[,_]", " ", plain(name)).split()
    return [condensed("".join([*parts[turn:], *parts[:turn]])) for turn in range(len(parts))]
