"""A machine for the seccomp filters: what the kernel would answer to a call, for any architecture."""

from __future__ import annotations

import errno
from collections.abc import Sequence

from grader.sandbox import confine
from grader.sandbox.confine import Instruction


def verdict(code: Sequence[Instruction], machine: str, number: int, arguments: Sequence[int] = ()) -> str:
    """Run a filter on one call and return "allow", "kill" or the name of an errno.

    Semantics: the kernel's Documentation/networking/filter.rst, classic BPF; struct seccomp_data.
    """
    words = [number, confine.ARCHITECTURES[machine], 0, 0]
    for argument in [*arguments, *[0] * 6][:6]:
        words += [argument & 0xFFFFFFFF, (argument >> 32) & 0xFFFFFFFF]
    accumulator, at = 0, 0
    while True:
        operation, if_true, if_false, constant = code[at]
        at += 1
        if operation == confine.RETURN:
            return name_of(constant)
        if operation == confine.LOAD:
            accumulator = words[constant // 4]
            continue
        holds = {
            confine.EQUAL: accumulator == constant,
            confine.AT_LEAST: accumulator >= constant,
            confine.ANY_BIT: bool(accumulator & constant),
        }[operation]
        at += if_true if holds else if_false


def name_of(action: int) -> str:
    """Return the name of a filter's answer."""
    if action == confine.ALLOW:
        return "allow"
    if action == confine.KILL:
        return "kill"
    return errno.errorcode[action & 0xFFFF]
