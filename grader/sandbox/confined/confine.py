"""Confines a worker before it runs student code, with ctypes only; loaded by path in the worker.

There are five layers. Each can be omitted, so that tests can show what it is good for:

limits        setrlimit(2), hard = soft: memory, processor time, files, descriptors
capabilities  capset(2) to nothing, also for root
landlock      landlock(7) with no rule: no file, no TCP, no signal or abstract socket outside
seccomp       seccomp(2): the calls of a computing process are allowed, all others refused;
              a path is never looked up: reading one answers ENOENT, writing one EROFS
session       setsid(2), parent-death signal, not dumpable, for root a neutral host name

`Confinement.level` tests the result: "strict" if a file, a process and a socket are out of reach, else "process".
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import signal
import socket
import struct
import sys
from collections.abc import Callable, Collection, Iterable
from typing import Any

resource: Any = None
with contextlib.suppress(ImportError):  # Windows has none; imported once, not in each fork
    import resource

LAYERS = ("session", "limits", "capabilities", "landlock", "seccomp")
OPEN_FILES = 64

# prctl(2)
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_NO_NEW_PRIVS = 1, 4, 38
CAPABILITY_VERSION_3 = 0x20080522
CLONE_NEWUTS, HOSTNAME = 0x04000000, b"grader"

# landlock(7): the file system rights of each ABI, and the first ABI with networks and with scopes
LANDLOCK_FILES = {1: 0x1FFF, 2: 0x3FFF, 3: 0x7FFF, 4: 0x7FFF, 5: 0xFFFF}
LANDLOCK_NET_ABI, LANDLOCK_SCOPE_ABI = 4, 6

# seccomp(2) and the machine of BPF
SET_MODE_FILTER, FILTER_FLAG_TSYNC = 1, 1
ALLOW, KILL, ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
X32_CALLS = 0x40000000
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND if hasattr(os, "O_APPEND") else 0

ALLOWED = """
read write readv writev pread64 preadv lseek close fstat dup dup2 dup3 munmap mremap brk madvise rt_sigaction
rt_sigprocmask rt_sigreturn sigaltstack restart_syscall futex sched_yield getcpu rseq set_robust_list nanosleep
gettimeofday time times getpid gettid getppid getuid geteuid getgid getegid getresuid getresgid getpgrp uname
sysinfo getrusage getrlimit umask getrandom poll ppoll select pselect6 exit exit_group getcwd
""".split()
READS_A_PATH = """
stat lstat newfstatat statx access faccessat faccessat2 readlink readlinkat chdir statfs getxattr lgetxattr
listxattr llistxattr openat2 getdents getdents64
""".split()
WRITES_A_PATH = """
creat mkdir mkdirat rmdir unlink unlinkat rename renameat renameat2 link linkat symlink symlinkat mknod mknodat
truncate chmod fchmodat fchmodat2 chown lchown fchownat utime utimes utimensat futimesat setxattr lsetxattr
removexattr lremovexattr
""".split()
DEADLY = """
ptrace process_vm_readv process_vm_writev pidfd_open pidfd_getfd pidfd_send_signal kcmp process_madvise bpf
perf_event_open userfaultfd io_uring_setup io_uring_enter io_uring_register kexec_load kexec_file_load
init_module finit_module delete_module mount umount2 pivot_root chroot move_mount open_tree fsopen fsconfig
fsmount fspick mount_setattr setns unshare keyctl add_key request_key quotactl swapon swapoff reboot acct
open_by_handle_at name_to_handle_at iopl ioperm modify_ldt
""".split()
FCNTL_COMMANDS = (0, 1, 2, 3, 1030)  # F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_DUPFD_CLOEXEC
IOCTL_COMMANDS = (0x5401, 0x5450, 0x5451)  # TCGETS, FIONCLEX, FIOCLEX
PROT_EXEC = 4
CLOCKS = range(12)  # of the machine and of this process; other numbers are clocks of other processes

Instruction = tuple[int, int, int, int]  # code, jump if true, jump if false, constant


# --- the filter ---------------------------------------------------------------------------------


def refuse(number: int) -> int:
    """Return the action that makes a call fail with this errno."""
    return ERRNO | number


def argument(index: int, half: int = 0) -> Instruction:
    """Return the instruction that loads the low (0) or high (1) 32 bits of an argument."""
    return (LOAD, 0, 0, 16 + 8 * index + 4 * half)


def give(action: int) -> list[Instruction]:
    """Return the instruction that ends the filter with this action."""
    return [(RETURN, 0, 0, action)]


def one_of(index: int, values: Iterable[int], otherwise: int) -> list[Instruction]:
    """Return instructions that allow a call if its argument is one of `values`."""
    checks = [step for value in values for step in ((EQUAL, 0, 1, value), (RETURN, 0, 0, ALLOW))]
    return [argument(index), *checks, *give(otherwise)]


def without(index: int, bits: int, otherwise: int, action: int = ALLOW) -> list[Instruction]:
    """Return instructions that apply `action` to a call whose argument has none of these bits, else `otherwise`."""
    return [argument(index), (ANY_BIT, 0, 1, bits), *give(otherwise), *give(action)]


def filter_code(machine: str, numbers: dict[str, int], pid: int) -> list[Instruction]:
    """Return the filter for a machine, given its system call numbers by name and the id of this process."""
    opens = refuse(errno.EROFS), refuse(errno.ENOENT)
    denied = refuse(errno.EPERM)
    read_own_limit = [
        *(argument(0), (EQUAL, 0, 5, 0)),  # of this process
        *(argument(2), (EQUAL, 0, 3, 0)),  # and with no new limit: a null pointer
        *(argument(2, 1), (EQUAL, 0, 1, 0)),
        *give(ALLOW),
        *give(denied),
    ]
    rules: dict[str, list[Instruction]] = {
        **{name: give(ALLOW) for name in ALLOWED},
        "mmap": without(2, PROT_EXEC, denied),
        "mprotect": without(2, PROT_EXEC, denied),
        "tgkill": one_of(0, [pid], denied),
        "sched_getaffinity": one_of(0, [0, pid], denied),
        "get_robust_list": one_of(0, [0, pid], denied),
        **{name: one_of(0, CLOCKS, denied) for name in ("clock_gettime", "clock_getres", "clock_nanosleep")},
        "fcntl": one_of(1, FCNTL_COMMANDS, denied),
        "ioctl": one_of(1, IOCTL_COMMANDS, refuse(errno.ENOTTY)),
        "prlimit64": read_own_limit,
        "clone3": give(refuse(errno.ENOSYS)),  # the C library then falls back to clone, which is refused
        "open": without(1, WRITES, *opens),
        "openat": without(2, WRITES, *opens),
        **{name: give(refuse(errno.ENOENT)) for name in READS_A_PATH},
        **{name: give(refuse(errno.EROFS)) for name in WRITES_A_PATH},
        **{name: give(KILL) for name in DEADLY},
    }
    code: list[Instruction] = [
        *((LOAD, 0, 0, 4), (EQUAL, 1, 0, ARCHITECTURES[machine])),
        *give(KILL),
        (LOAD, 0, 0, 0),
    ]
    if machine == "x86_64":
        code += [(AT_LEAST, 0, 1, X32_CALLS), *give(KILL)]
    for name, body in rules.items():
        if name in numbers:
            code += [(EQUAL, 0, len(body), numbers[name]), *body]
    return code + give(denied)


def assemble(code: Iterable[Instruction]) -> bytes:
    """Return instructions as bytes: an array of struct sock_filter."""
    return b"".join(struct.pack("=HBBI", *step) for step in code)


# --- the layers ---------------------------------------------------------------------------------


class Refused(OSError):
    """The system refused a call that a layer needs."""


class Kernel:
    """The C library's syscall and prctl; errors are raised as Refused."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)

    def call(self, number: int, *arguments: Any) -> int:
        """Make a system call; raise Refused if it fails."""
        return self._checked(self._libc.syscall, ctypes.c_long(number), *arguments)

    def prctl(self, option: int, value: int) -> int:
        """Call prctl(option, value, 0, 0, 0)."""
        return self._checked(self._libc.prctl, option, ctypes.c_ulong(value), *[ctypes.c_ulong(0)] * 3)

    @staticmethod
    def _checked(function: Any, *arguments: Any) -> int:
        answer = function(*arguments)
        if answer < 0:
            number = ctypes.get_errno()
            raise Refused(number, os.strerror(number))
        return int(answer)


def here(numbers: dict[str, dict[str, int]], parent: int) -> Confinement:
    """Return the Confinement for this machine. numbers has the system calls of each architecture; parent is a process id.

    The confined process is killed when its parent ends.
    """
    machine = os.uname().machine if hasattr(os, "uname") else ""
    is_wide = struct.calcsize("P") == 8  # a 32-bit Python has other system call numbers on the same machine
    return Confinement(machine, numbers.get(machine, {}) if is_wide else {}, parent)


class Confinement:
    """Confines this process or its forks; created once, while the process is still unconfined."""

    def __init__(self, machine: str, numbers: dict[str, int], parent: int) -> None:
        self.machine = machine
        self._parent = parent
        self._numbers = numbers
        self._kernel = Kernel() if sys.platform == "linux" else None

    def apply(self, layers: Collection[str], memory_bytes: int, cpu_s: int, landlock_abi: int) -> dict[str, str]:
        """Apply these layers; return the layers that are not in force, each with the reason.

        memory_bytes may be allocated in addition to present use. cpu_s limits processor time in seconds, in case the
        trusted process fails to enforce its own deadline. landlock_abi is the newest ABI to use.
        """
        missing = {}
        steps: dict[str, Callable[[], None]] = {
            "session": self._session,
            "limits": lambda: limit(memory_bytes, cpu_s, writes_files="seccomp" not in layers),
            "capabilities": self._drop_capabilities,
            "landlock": lambda: self._landlock(landlock_abi),
            "seccomp": self._seccomp,
        }
        for name, step in steps.items():
            try:
                if name not in layers:
                    missing[name] = "not asked for"
                elif name != "limits" and not (self._kernel and self._numbers):
                    missing[name] = f"not offered on {sys.platform} {self.machine}".strip()
                else:
                    step()
            except OSError as error:
                missing[name] = str(error)
        return missing

    @staticmethod
    def level(missing: Collection[str]) -> str:
        """Return the level reached: "strict" if no layer but Landlock is missing and the probes are refused."""
        is_strict = (
            set(missing) <= {"landlock"}
            and answers(errno.ENOENT, lambda: os.close(os.open("/", os.O_RDONLY)))
            and answers(errno.EROFS, lambda: os.close(os.open("/dev/null", os.O_WRONLY)))
            and answers(errno.EPERM, fork)
            and answers(errno.EPERM, lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).close())
        )
        return "strict" if is_strict else "process"

    def _session(self) -> None:
        assert self._kernel is not None
        if os.getsid(0) != os.getpid():
            os.setsid()
        with contextlib.suppress(Refused):  # only root may do this; for others the host name stays visible
            self._kernel.call(self._numbers["unshare"], ctypes.c_ulong(CLONE_NEWUTS))
            self._kernel.call(self._numbers["sethostname"], HOSTNAME, ctypes.c_size_t(len(HOSTNAME)))
        self._kernel.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != self._parent:  # the parent ended before the line above
            os._exit(1)
        self._kernel.prctl(PR_SET_DUMPABLE, 0)
        self._kernel.prctl(PR_SET_NO_NEW_PRIVS, 1)

    def _drop_capabilities(self) -> None:
        assert self._kernel is not None
        nobody = struct.pack("=II", CAPABILITY_VERSION_3, 0)
        self._kernel.call(self._numbers["capset"], nobody, struct.pack("=6I", *[0] * 6))

    def landlock_abi(self) -> int:
        """Return the Landlock ABI of the kernel, 0 if it has none."""
        if self._kernel is None or not self._numbers:
            return 0
        try:
            return self._kernel.call(self._numbers["landlock_create_ruleset"], None, ctypes.c_size_t(0), 1)
        except Refused:
            return 0

    def _landlock(self, newest: int) -> None:
        assert self._kernel is not None
        abi = min(self.landlock_abi(), newest)
        if abi < 1:
            raise Refused(errno.ENOSYS, "not offered by this kernel")
        files = LANDLOCK_FILES.get(abi, LANDLOCK_FILES[5])
        rights = [files]
        if abi >= LANDLOCK_NET_ABI:
            rights.append(0x3)  # bind and connect TCP
        if abi >= LANDLOCK_SCOPE_ABI:
            rights.append(0x3)  # abstract sockets and signals
        rules = struct.pack(f"={len(rights)}Q", *rights)
        handle = self._kernel.call(
            self._numbers["landlock_create_ruleset"], rules, ctypes.c_size_t(len(rules)), ctypes.c_uint(0)
        )
        try:
            self._kernel.call(self._numbers["landlock_restrict_self"], handle, ctypes.c_uint(0))
        finally:
            os.close(handle)

    def _seccomp(self) -> None:
        assert self._kernel is not None
        code = assemble(filter_code(self.machine, self._numbers, os.getpid()))
        buffer = ctypes.create_string_buffer(code, len(code))
        program = struct.pack("=HxxxxxxQ", len(code) // 8, ctypes.addressof(buffer))
        unfiltered = self._kernel.call(
            self._numbers["seccomp"], ctypes.c_uint(SET_MODE_FILTER), ctypes.c_uint(FILTER_FLAG_TSYNC), program
        )
        if unfiltered:
            raise Refused(errno.EBUSY, f"thread {unfiltered} takes no filter")


def limit(memory_bytes: int, cpu_s: int, *, writes_files: bool) -> None:
    """Set the resource limits, hard = soft; raise Refused if the system does not allow one."""
    if resource is None:
        raise Refused(errno.ENOSYS, "not offered by this system")
    limits = {
        "RLIMIT_AS": address_space_bytes() + memory_bytes,
        "RLIMIT_CPU": cpu_s,
        "RLIMIT_CORE": 0,
        "RLIMIT_FSIZE": 16 * 2**20 if writes_files else 0,
        "RLIMIT_NOFILE": OPEN_FILES,
        "RLIMIT_MEMLOCK": 0,
        "RLIMIT_MSGQUEUE": 0,
        "RLIMIT_NICE": 0,
        "RLIMIT_RTPRIO": 0,
    }
    for name, wanted in limits.items():
        which = getattr(resource, name, None)
        if which is None:  # this system does not have it
            continue
        most = resource.getrlimit(which)[1]
        value = wanted if most == resource.RLIM_INFINITY else min(wanted, most)
        try:
            resource.setrlimit(which, (value, value))
        except (OSError, ValueError) as error:
            raise Refused(errno.EPERM, f"{name}: {error}") from error


def address_space_bytes() -> int:
    """Return the address space that this process already uses, in bytes (0 without /proc)."""
    try:
        with open("/proc/self/statm", encoding="ascii") as statm:
            pages = int(statm.read().split()[0])
    except OSError:
        return 0
    return pages * int(os.sysconf("SC_PAGESIZE"))


# --- the probe ----------------------------------------------------------------------------------


def answers(number: int, action: Callable[[], None]) -> bool:
    """Return whether an action fails with this errno."""
    try:
        action()
    except OSError as error:
        return error.errno == number
    return False


def fork() -> None:
    """Create a process that ends at once."""
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
