"""Seeds that reveal nothing: each is a hash, so none leads back to what it was made from, or on to another one."""

from __future__ import annotations

import hashlib
import secrets

MOST = 2**53  # what every JSON reader keeps exactly


def hashed(*parts: str | int) -> str:
    """Return the SHA-256 of the parts, as 64 hex digits; parts that are joined otherwise give another hash."""
    return hashlib.sha256(
        b"".join(b"%d:%b" % (len(text), text) for text in (f"{part}".encode() for part in parts))
    ).hexdigest()


def of_worker(seed: int, purpose: str) -> int:
    """Return what the worker seeds its generators with, in [0, 2**53): it must not learn a run's seed, nor which case runs."""
    return int(hashed("worker", seed, purpose), 16) % MOST


def of_submission(key: str, student: str, sha256: str) -> int:
    """Return the seed of a submission in a class, in [0, 2**53): it says nothing about the seed of the next one."""
    return int(hashed("submission", key, student, sha256), 16) % MOST


def class_key(seed: int | None = None) -> str:
    """Return the key of a class: drawn, or made from a seed, which then is as secret as the key."""
    return secrets.token_hex(32) if seed is None else hashed("class", seed)
