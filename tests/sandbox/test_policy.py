"""The filter's answer to every system call, compared with golden files and with the kernel."""

from __future__ import annotations

import ctypes
import errno
import faulthandler
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from grader.sandbox.confined import confine
from grader.sandbox.confined.confine import Confinement, filter_code
from grader.sandbox.confined.syscalls import NUMBERS
from tests import syscall_table
from tests.support.bpf import obey, verdict

ATTACKS = Path(__file__).parents[1] / "attacks"
PID = 4242
LAST = 470
ALL_BITS = (-1,) * 6

linux = pytest.mark.skipif(
    sys.platform != "linux" or os.uname().machine != "x86_64", reason="strict runs on Linux x86_64"
)


def policy(machine: str) -> str:
    """Return a line for each named call of this machine: its name and the answer for zero arguments."""
    code = filter_code(machine, NUMBERS[machine], PID)
    return "".join(f"{name} {verdict(code, machine, number)}\n" for name, number in sorted(NUMBERS[machine].items()))


@pytest.mark.parametrize("machine", NUMBERS)
def test_policy_is_the_golden_one(machine: str) -> None:
    """Every named call is answered as the golden file says, on both architectures."""
    golden = ATTACKS / f"policy-{machine}.txt"
    if "WRITE_GOLDEN" in os.environ:
        golden.write_text(policy(machine), encoding="utf-8")

    assert golden.read_text(encoding="utf-8") == policy(machine)


@pytest.mark.parametrize("machine", NUMBERS)
def test_unnamed_calls_are_refused(machine: str) -> None:
    """A number without a name, also one of a future kernel, is never allowed."""
    code = filter_code(machine, NUMBERS[machine], PID)
    named = set(NUMBERS[machine].values())

    assert {verdict(code, machine, number) for number in range(2000) if number not in named} == {"EPERM"}


@pytest.mark.parametrize(
    ("call", "arguments", "answer"),
    [
        ("openat", (-100, 0, os.O_RDONLY), "ENOENT"),
        ("openat", (-100, 0, os.O_RDONLY | os.O_CLOEXEC), "ENOENT"),
        ("openat", (-100, 0, os.O_WRONLY), "EROFS"),
        ("openat", (-100, 0, os.O_RDONLY | os.O_CREAT), "EROFS"),
        ("openat", (-100, 0, os.O_RDWR), "EROFS"),
        ("mmap", (0, 4096, 3), "allow"),
        ("mmap", (0, 4096, 7), "EPERM"),
        ("mprotect", (0, 4096, 1), "allow"),
        ("mprotect", (0, 4096, 4), "EPERM"),
        ("tgkill", (PID, PID, 6), "allow"),
        ("tgkill", (PID + 1, PID + 1, 9), "EPERM"),
        ("tgkill", (PID + 2**32, PID, 9), "allow"),  # the kernel takes 32 bits of it, too
        ("fcntl", (1, 3), "allow"),
        ("fcntl", (1, 4), "EPERM"),
        ("fcntl", (1, 8), "EPERM"),
        ("ioctl", (1, 0x5401), "allow"),
        ("ioctl", (1, 0x5412), "ENOTTY"),
        ("prlimit64", (0, 7, 0), "allow"),
        ("prlimit64", (0, 7, 1), "EPERM"),
        ("prlimit64", (0, 7, 2**32), "EPERM"),
        ("prlimit64", (PID, 7, 0), "EPERM"),
        ("sched_getaffinity", (0,), "allow"),
        ("sched_getaffinity", (PID + 1,), "EPERM"),
        ("get_robust_list", (PID,), "allow"),
        ("get_robust_list", (1,), "EPERM"),
        ("clock_gettime", (1,), "allow"),
        ("clock_gettime", (~PID << 3 | 2,), "EPERM"),
        ("clock_nanosleep", (~PID << 3 | 2,), "EPERM"),
        ("clone3", (), "ENOSYS"),
    ],
)
@pytest.mark.parametrize("machine", NUMBERS)
def test_answers_that_depend_on_arguments(machine: str, call: str, arguments: tuple[int, ...], answer: str) -> None:
    """If a call is harmless only with some arguments, the filter checks them."""
    code = filter_code(machine, NUMBERS[machine], PID)

    assert verdict(code, machine, NUMBERS[machine][call], arguments) == answer


def test_foreign_architectures_are_killed() -> None:
    """A call of another architecture, or of x32, ends the process."""
    code = filter_code("x86_64", NUMBERS["x86_64"], PID)

    assert verdict(code, "aarch64", 0) == "kill"
    assert verdict(code, "x86_64", confine.X32_CALLS) == "kill"
    assert verdict(code, "x86_64", confine.X32_CALLS + 39) == "kill"


@linux
@pytest.mark.security
def test_the_kernel_answers_as_the_golden_file_says() -> None:
    """Every number, really called in a separate confined process, is refused, killed or allowed as computed.

    Calls that the kernel lets past any filter (uprobe, uretprobe, future ones) are left out.
    """
    code = filter_code("x86_64", NUMBERS["x86_64"], PID)
    names = {number: name for name, number in NUMBERS["x86_64"].items()}
    differing = {}
    for number in range(LAST + 1):
        expected, observed = verdict(code, "x86_64", number, ALL_BITS), answer_of_the_kernel(number)
        if expected != "allow" and observed != expected and is_filtered(number):
            differing[names.get(number, number)] = (expected, observed)

    assert differing == {}


@linux
@pytest.mark.security
def test_ways_around_the_numbers_are_killed() -> None:
    """x32 numbers end in SIGSYS, and so do numbers that only another architecture's table has."""
    assert answer_of_the_kernel(confine.X32_CALLS + 39) == "kill"


def answer_of_the_kernel(number: int) -> str:
    """Make a call with all bits set in a confined process; the errno's name, "kill", "allow" or "signal N"."""

    def confined() -> None:
        Confinement("x86_64", NUMBERS["x86_64"], os.getppid()).apply(("session", "seccomp"), 2**30, 10, 0)

    return answer_after(confined, number)


def is_filtered(number: int) -> bool:
    """Return whether the kernel asks a filter about a call: one that refuses every call but the end of the process."""

    def refusing() -> None:
        end = NUMBERS["x86_64"]["exit_group"]
        obey(
            [
                (confine.LOAD, 0, 0, 0),
                (confine.EQUAL, 0, 1, end),
                (confine.RETURN, 0, 0, confine.ALLOW),
                (confine.RETURN, 0, 0, confine.refuse(errno.EXFULL)),
            ]
        )

    return answer_after(refusing, number) == "EXFULL"


def answer_after(confine_itself: Callable[[], None], number: int) -> str:
    """Make a call with all bits set in a process that has confined itself."""
    pid = os.fork()
    if pid == 0:
        faulthandler.disable()
        libc = ctypes.CDLL(None, use_errno=True)
        signal.alarm(2)
        confine_itself()
        answer = libc.syscall(ctypes.c_long(number), *[ctypes.c_long(-1)] * 6)
        os._exit(ctypes.get_errno() if answer == -1 else 0)
    _, status = os.waitpid(pid, 0)
    if os.WIFSIGNALED(status):
        return "kill" if os.WTERMSIG(status) == signal.SIGSYS else f"signal {os.WTERMSIG(status)}"
    return errno.errorcode.get(os.WEXITSTATUS(status), "allow")


def test_the_table_is_that_of_the_headers() -> None:
    """Every number of the generated table is the kernel's."""
    if not syscall_table.X86_64.is_file() or not syscall_table.GENERIC.is_file():
        pytest.skip("the kernel's headers are not installed")
    for machine, headers in (("x86_64", syscall_table.x86_64()), ("aarch64", syscall_table.aarch64())):
        known = {name: number for name, number in NUMBERS[machine].items() if name in headers}
        assert len(known) > 250
        assert known == {name: headers[name] for name in known}


@linux
def test_libseccomp_knows_the_same_numbers() -> None:
    """The C library of seccomp, where it is installed, resolves every name that the filter uses to the same number."""
    try:
        library = ctypes.CDLL("libseccomp.so.2")
    except OSError:
        pytest.skip("libseccomp is not installed")
    names = {*confine.ALLOWED, *confine.READS_A_PATH, *confine.WRITES_A_PATH, *confine.DEADLY} & set(NUMBERS["x86_64"])
    found = {name: library.seccomp_syscall_resolve_name(name.encode()) for name in names}

    assert {name: number for name, number in found.items() if number >= 0 and number != NUMBERS["x86_64"][name]} == {}
