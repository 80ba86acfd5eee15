"""Seeds that reveal nothing: each is a hash, so it discloses neither its inputs nor another seed."""

from __future__ import annotations

import hashlib
import secrets

MOST = 2**53  # every JSON reader keeps smaller integers exactly


def hashed(*parts: str | int) -> str:
    """Return the SHA-256 of the parts as 64 hex digits; the boundaries between the parts are part of the hash."""
    return hashlib.sha256(
        b"".join(b"%d:%b" % (len(text), text) for text in (f"{part}".encode() for part in parts))
    ).hexdigest()


def of_worker(seed: int, purpose: str) -> int:
    """Return the seed for the worker's generators, in [0, 2**53): the worker must learn neither the run's seed nor the running case."""
    return int(hashed("worker", seed, purpose), 16) % MOST


def of_submission(key: str, student: str, sha256: str) -> int:
    """Return the seed of a submission in a class, in [0, 2**53): it discloses no other submission's seed."""
    return int(hashed("submission", key, student, sha256), 16) % MOST


def class_key(seed: int | None = None) -> str:
    """Return the key of a class: drawn at random, or derived from a seed, which is then as secret as the key."""
    return secrets.token_hex(32) if seed is None else hashed("class", seed)
