"""Seeds: what the worker is sent, and what a report of a class tells about the next one."""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Iterator
from typing import Any

import pytest

from grader.core import seeds
from grader.pipeline.grading import assignment
from grader.sandbox import protocol
from tests.support.command import ROOT, graded


def leaves(value: Any) -> Iterator[Any]:
    """Yield the numbers and words inside a message."""
    if isinstance(value, dict):
        yield from itertools.chain(value, *map(leaves, value.values()))
    elif isinstance(value, (list, tuple)):
        yield from itertools.chain.from_iterable(map(leaves, value))
    else:
        yield value


@pytest.mark.parametrize(
    "work", ["reference", pytest.param("tests/freeform/right_target_passed.py", marks=pytest.mark.soak)]
)
def test_no_message_has_the_seed_or_a_case(work: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever route a submission is graded by, its worker is sent hashes."""
    seed = 2**52 + 4711
    sent: list[Any] = []
    encode = protocol.encode

    def kept(number: int, op: str, settings: Any, arrays: Any) -> bytes:
        sent.extend(leaves(settings))
        return encode(number, op, settings, arrays)

    monkeypatch.setattr(protocol, "encode", kept)
    report = graded(ROOT / work, seed=seed)

    criteria = assignment().rubric.criteria
    cases = {f"{criterion.id}.{case.id}" for criterion in criteria for case in criterion.cases}
    sums = {(seed + sign * zlib.crc32(name.encode())) % 2**53 for name in cases for sign in (1, -1)}
    assert (report.seed, report.score) == (seed, 100)
    assert len(sent) > 100
    assert {item for item in sent if isinstance(item, (int, str))} & {seed, str(seed), *sums, *cases} == set()


def test_seeds_are_told_apart() -> None:
    """Another key, student, content, purpose is another seed; each is a whole number that JSON keeps."""
    parts = [("k", "anna", "ab"), ("l", "anna", "ab"), ("k", "ann", "aab"), ("k", "anna", "ac")]
    made = [*(seeds.of_submission(*part) for part in parts), seeds.of_worker(1, "load"), seeds.of_worker(1, "case a")]

    assert len(set(made)) == 6
    assert all(0 <= item < 2**53 for item in made)
    assert seeds.of_submission(*parts[0]) == made[0]
    assert len({seeds.class_key(), seeds.class_key(), seeds.class_key(1), seeds.class_key(2)}) == 4
    assert seeds.class_key(1) == seeds.class_key(1)
