"""Normal forms for comparing names of people and files."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import TypeVar

T = TypeVar("T")

PATRONYMIC = re.compile(".+(?:вич|вна|чна|ich|ovna|evna)")


def plain(text: str) -> str:
    """Return text without case, extra spaces, compatibility forms and invisible characters, and with е for ё."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold()).replace("ё", "е")
    seen = (
        " " if char.isspace() else char for char in folded if char.isspace() or unicodedata.category(char)[0] != "C"
    )
    return " ".join("".join(seen).split())


def words(name: str) -> str:
    """Return the words of a name, sorted: "One, Student" and "student  one" give the same."""
    return " ".join(sorted(re.sub(r"[,_]", " ", plain(name)).split()))


def without_patronymic(name: str) -> str:
    """Return a Russian name of three words without the patronymic, which half of all lists leave out."""
    parts = re.sub(r"[,_]", " ", plain(name)).split()
    return " ".join(part for part in parts if len(parts) != 3 or not PATRONYMIC.fullmatch(part))


def condensed(name: str) -> str:
    """Return only the letters and digits of a name, the form that Canvas puts in front of file names."""
    return re.sub(r"[\W_]", "", plain(name))


def orders(name: str) -> list[str]:
    """Return the condensed name in every rotation of its words."""
    parts = re.sub(r"[,_]", " ", plain(name)).split()
    return [condensed("".join([*parts[turn:], *parts[:turn]])) for turn in range(len(parts))]


def unambiguous(items: Iterable[T], keys: Callable[[T], Iterable[str]]) -> dict[str, T]:
    """Return the items by those of their keys that identify a single one."""
    found: dict[str, list[T]] = defaultdict(list)
    for item in items:
        for key in {key for key in keys(item) if key}:
            found[key].append(item)
    return {key: several[0] for key, several in found.items() if len(several) == 1}
