"""Writes grader/sandbox/confined/syscalls.py from the kernel's headers: `python -m tests.syscall_table`."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

from tests.support.command import ROOT

TABLE = ROOT / "grader" / "sandbox" / "syscalls.py"
X86_64 = Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h")
GENERIC = Path("/usr/include/asm-generic/unistd.h")  # what aarch64 uses
NAMES_64 = {"fstatat": "newfstatat"}  # __NR3264_ names of a 64-bit machine, where they differ
ONLY_32 = re.compile(r"_time64$|^fadvise64_64$|^sync_file_range2$|^arch_specific_syscall$|^syscalls$|64_time$")


def x86_64() -> dict[str, int]:
    """Return the system call numbers of x86_64."""
    found = re.findall(r"#define __NR_(\w+)\s+(\d+)", X86_64.read_text(encoding="utf-8"))
    return {name: int(number) for name, number in found}


def aarch64() -> dict[str, int]:
    """Return the system call numbers of aarch64."""
    text = GENERIC.read_text(encoding="utf-8")
    wide = {NAMES_64.get(name, name): int(number) for name, number in re.findall(r"__NR3264_(\w+) (\d+)", text)}
    own = {name: int(number) for name, number in re.findall(r"#define __NR_(\w+) (\d+)", text)}
    return {name: number for name, number in (own | wide).items() if not ONLY_32.search(name)}


def module() -> str:
    """Return the text of the module."""
    parts = []
    for machine, numbers in (("x86_64", x86_64()), ("aarch64", aarch64())):
        words = " ".join(f"{name}={number}" for name, number in sorted(numbers.items(), key=lambda item: item[1]))
        lines = "\n".join(textwrap.wrap(words, 118, break_long_words=False, break_on_hyphens=False))
        parts.append(f'    "{machine}": """\n{lines}\n""",\n')
    return (
        '"""The numbers of Linux system calls by name; written by tests/syscall_table.py from the kernel\'s headers."""\n\n'
        "TABLES = {\n" + "".join(parts) + "}\n\n"
        "NUMBERS = {\n"
        '    machine: {name: int(number) for name, number in (word.split("=") for word in table.split())}\n'
        "    for machine, table in TABLES.items()\n"
        "}\n"
    )


if __name__ == "__main__":
    TABLE.write_text(module(), encoding="utf-8")
