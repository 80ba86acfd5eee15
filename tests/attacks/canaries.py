"""What an attack must not reach, watched from outside of the worker: files, processes, sockets, the worker itself."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType

LIBC = ctypes.CDLL(None, use_errno=True)
SECRET_BYTES = 48_271
SHARED_KEY_BASE = 0x5EED0000
LINGER_S = 1.0
SIGNAL_S = 0.005
PATIENCE_S = 0.1


class Canaries:
    """One set of canaries for one attack; a context manager. `tripped` says which of them an attack reached."""

    def __init__(self) -> None:
        self.token = "tok" + secrets.token_hex(8)
        self.worker_folder = "/"  # where the worker is started: its forks are there too
        self.folder = Path(tempfile.mkdtemp(prefix="canary-"))
        self.secret = self.folder / "secret.txt"
        self.secret.write_text(self.token.ljust(SECRET_BYTES, "."), encoding="utf-8")
        (self.folder / "hidden_module.py").write_text(f"TOKEN = {self.token!r}\n", encoding="utf-8")
        (self.folder / f"name-{self.token}").touch()
        (self.folder / "link").symlink_to(f"target-{self.token}")
        self.report = self.folder / "report.json"
        self.report.write_text('{"score": 0}', encoding="utf-8")
        os.utime(self.report, (10**9, 10**9))
        self._secret_file = self.secret.open("rb")
        os.set_inheritable(self._secret_file.fileno(), True)
        with contextlib.suppress(OSError):
            os.setxattr(self.secret, "user.token", self.token.encode())
        self._decoy = subprocess.Popen(
            [f"decoy-{self.token}", "60"], executable=shutil.which("sleep"), start_new_session=True, close_fds=True
        )
        self._listeners = {
            "tcp": self._listen(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0)),
            "udp": self._listen(socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0)),
            "unix": self._listen(socket.AF_UNIX, socket.SOCK_STREAM, str(self.folder / "socket")),
            "abstract": self._listen(socket.AF_UNIX, socket.SOCK_STREAM, f"\0canary-{self.token}"),
        }
        self._free = socket.socket()  # bound, so that nobody else takes the port; not listening
        self._free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._free.bind(("127.0.0.1", 0))
        self._key = SHARED_KEY_BASE + secrets.randbelow(0xFFFF)
        self._shared = LIBC.shmget(self._key, 64, 0o1666)
        self._before = self._state()
        self._known = processes()

    def __enter__(self) -> Canaries:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for pid in self._survivors():
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        for path in self._litter():
            path.unlink(missing_ok=True)
        self._decoy.kill()
        self._decoy.wait()
        for listener in (*self._listeners.values(), self._free):
            listener.close()
        self._secret_file.close()
        LIBC.shmctl(self._shared, 0, None)
        LIBC.mq_unlink(f"/{self.token[:11]}".encode())
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.rmtree(f"{self.folder}.moved", ignore_errors=True)

    @property
    def names(self) -> dict[str, object]:
        """What the attacker knows, as names of its program."""
        return {
            "FOLDER": str(self.folder),
            "SECRET": str(self.secret),
            "REPORT": str(self.report),
            "DECOY": self._decoy.pid,
            "GRADER": os.getpid(),
            "SECRET_FD": self._secret_file.fileno(),
            "STACK": stack_of(self._decoy.pid),
            "TCP": self._listeners["tcp"].getsockname()[1],
            "UDP": self._listeners["udp"].getsockname()[1],
            "FREE": self._free.getsockname()[1],
            "MARK": self.token[:11],  # enough to be found by, too little to be the secret
            "KEY": self._key,
        }

    def tripped(self, output: str, worker_pid: int | None, traits: dict[str, object], *, has_run: bool) -> set[str]:
        """Return the canaries that an attack reached. The worker is still there; traits are those of a harmless one.

        has_run: the attack came to its end, so what it did may be on its way.
        """
        found = set()
        if self.token in output or f"size {SECRET_BYTES}" in output or "root:x:0" in output or "SEEN:" in output:
            found.add("secret")
        found |= {f"listener {name}" for name, listener in self._listeners.items() if heard(listener)}
        if accepts(self._free.getsockname()[1]):
            found.add("port")
        if worker_pid is not None:
            now = traits_of(worker_pid)
            found |= {f"worker {name}" for name, value in now.items() if value != traits.get(name)}
        deadline = time.monotonic() + (PATIENCE_S if has_run else SIGNAL_S)
        while True:  # a signal takes a moment to arrive
            now = self._state()
            found |= {name for name, value in now.items() if value != self._before[name]}
            if found or time.monotonic() >= deadline:
                return found
            time.sleep(SIGNAL_S)

    def left(self) -> set[str]:
        """Return what is there after the worker has been ended."""
        found = set()
        deadline = time.monotonic() + LINGER_S  # what was killed may not be gone yet
        while self._survivors():
            if time.monotonic() >= deadline:
                found.add("survivor")
                break
            time.sleep(SIGNAL_S)
        if self._litter():
            found.add("litter")
        return found

    def _listen(self, family: int, kind: int, address: object) -> socket.socket:
        listener = socket.socket(family, kind)
        listener.bind(address)  # type: ignore[arg-type]
        if kind == socket.SOCK_STREAM:
            listener.listen()
        listener.setblocking(False)
        return listener

    def _state(self) -> dict[str, object]:
        """Return what is to stay as it is: the report, its folder, the decoy, shared memory, a queue."""
        return {
            "report": self._file_state(),
            "folder": sorted(path.name for path in self.folder.iterdir()) if self.folder.is_dir() else None,
            "lock": self._is_lockable(),
            "decoy": decoy_state(self._decoy),
            "shared memory": self._shared_bytes(),
            "queue": LIBC.mq_open(f"/{self.token[:11]}".encode(), os.O_RDONLY) >= 0,
        }

    def _file_state(self) -> object:
        try:
            status = self.report.lstat()
            with contextlib.suppress(OSError):
                attributes = os.listxattr(self.report)
            return self.report.read_bytes(), status.st_mode, status.st_uid, status.st_nlink, status.st_mtime, attributes
        except OSError as error:
            return error.errno

    def _is_lockable(self) -> bool:
        try:
            with self.report.open() as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

    def _shared_bytes(self) -> bytes:
        LIBC.shmat.restype = ctypes.c_void_p
        address = LIBC.shmat(self._shared, None, 0o10000)
        if address in (None, 2**64 - 1):
            return b""
        content = ctypes.string_at(address, 64)
        LIBC.shmdt(ctypes.c_void_p(address))
        return content

    def _survivors(self) -> set[int]:
        """Return the new processes that carry the attack's mark, or are forks of a worker that outlived it."""
        mark, found = self.token[:11].encode(), set()
        for pid in processes() - self._known:
            with contextlib.suppress(OSError):
                command = Path(f"/proc/{pid}/cmdline").read_bytes()
                is_fork = b"zygote.py" in command and os.readlink(f"/proc/{pid}/cwd").startswith(self.worker_folder)
                if mark in command or is_fork:
                    found.add(pid)
        return found

    def _litter(self) -> list[Path]:
        places = (Path("/tmp"), Path("/dev/shm"), Path.home())  # noqa: S108
        return [path for place in places if place.is_dir() for path in place.glob(f"*{self.token[:11]}*")]


def processes() -> set[int]:
    """Return all process ids of this machine."""
    return {int(name) for name in os.listdir("/proc") if name.isdigit()}


def stack_of(pid: int) -> tuple[int, int]:
    """Return the first and last address of a process's stack."""
    for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
        if "[stack]" in line:
            first, last = line.split()[0].split("-")
            return int(first, 16), int(last, 16)
    return 0, 0


def decoy_state(decoy: subprocess.Popen[bytes]) -> object:
    """Return what another process may change of one: its life, state, limits, priority, processors, scheduling."""
    if decoy.poll() is not None:
        return "dead"
    status = Path(f"/proc/{decoy.pid}/status").read_text()
    state = re.search(r"^State:\s+(\w)", status, re.MULTILINE)
    assert state is not None
    return (
        "running" if state[1] in "SRD" else "stopped",
        Path(f"/proc/{decoy.pid}/limits").read_text(),
        os.getpriority(os.PRIO_PROCESS, decoy.pid),
        os.sched_getaffinity(decoy.pid),
        os.sched_getscheduler(decoy.pid),
        LIBC.syscall(252, 1, decoy.pid) if os.uname().machine == "x86_64" else 0,  # ioprio_get
    )


def heard(listener: socket.socket) -> bool:
    """Return whether somebody called a listener."""
    try:
        if listener.type == socket.SOCK_DGRAM:
            listener.recv(1)
        else:
            listener.accept()[0].close()
    except OSError:
        return False
    return True


def accepts(port: int) -> bool:
    """Return whether somebody listens on a port of this machine."""
    with socket.socket() as caller:
        return caller.connect_ex(("127.0.0.1", port)) == 0


def traits_of(pid: int) -> dict[str, object]:
    """Return what shows from outside of a worker: threads, memory, rights, names and places."""
    place = Path(f"/proc/{pid}")
    try:
        status = dict(line.split(":\t", 1) for line in (place / "status").read_text().splitlines() if ":\t" in line)
        maps = (place / "maps").read_text()
        descriptors = [os.readlink(entry) for entry in (place / "fd").iterdir()]
        return {
            "threads": status["Threads"],
            "memory": int(status["VmSize"].split()[0]) // (2 * 2**20),  # in 2 GiB
            "locked": status["VmLck"],
            "user": (status["Uid"], status["Gid"]),
            "name": status["Name"],
            "descriptors": len(descriptors) > 80,
            "memory file": any("memfd:" in target for target in descriptors),
            "executable memory": "rwx" in maps,
            "folder": re.sub(r"grade-\w+", "grade", os.readlink(place / "cwd")),
            "root": os.readlink(place / "root"),
            "namespace": os.readlink(place / "ns" / "user"),
            "personality": (place / "personality").read_text(),
            "oom": (place / "oom_score_adj").read_text(),
            "priority": os.getpriority(os.PRIO_PROCESS, pid),
            "scheduler": os.sched_getscheduler(pid),
        }
    except (OSError, KeyError):
        return {}
