"""A machine for the seccomp filters: what the kernel would answer to a call, for any architecture; and the kernel itself."""

from __future__ import annotations

import ctypes
import errno
import struct
from collections.abc import Sequence

from grader.sandbox.confined import confine
from grader.sandbox.confined.confine import Instruction
from grader.sandbox.confined.syscalls import NUMBERS


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


def obey(code: Sequence[Instruction]) -> None:
    """Install a filter for this process and all after it, on x86_64."""
    text = confine.assemble(code)
    buffer = ctypes.create_string_buffer(text, len(text))
    program = struct.pack("=HxxxxxxQ", len(code), ctypes.addressof(buffer))
    kernel = confine.Kernel()
    kernel.prctl(38, 1)  # PR_SET_NO_NEW_PRIVS
    kernel.call(NUMBERS["x86_64"]["seccomp"], ctypes.c_uint(confine.SET_MODE_FILTER), ctypes.c_uint(0), program)
