"""The attacks: what each tries, what it reaches without the sandbox, and how `strict` answers it."""

from __future__ import annotations

from dataclasses import dataclass

# Known to every attack, beside the names of canaries.Canaries.names.
PRELUDE = """
import ctypes, errno, os, sys, threading, time
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *arguments):
    answer = libc.syscall(ctypes.c_long(number), *arguments)
    if answer < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return answer
def text(value):
    return ctypes.c_char_p(os.fsencode(value))
"""

FILE, WRITE, DENIED = "[Errno 2]", "[Errno 30]", "[Errno 1]"
KEPT = "loaded"  # what is written goes into memory
ENDED, NO_MODULE = "SIGSYS", "ModuleNotFoundError"


@dataclass(frozen=True, kw_only=True, slots=True)
class Attack:
    """One attack: code, the canary it reaches without the sandbox, and what its end at `strict` says.

    The control leaves these layers in force. needs_root: only root reaches it in the control.
    reaches is "" for what the split into processes stops by itself: stopped is then the reason there too.
    """

    id: str
    code: str
    reaches: str
    stopped: str
    control: tuple[str, ...] = ("session", "limits")
    needs_root: bool = False


def attacks(
    reaches: str,
    table: dict[str, tuple[str, str]],
    *,
    control: tuple[str, ...] = ("session", "limits"),
    needs_root: bool = False,
) -> list[Attack]:
    """Return the attacks of a table: id to (code, how it is stopped)."""
    return [
        Attack(id=name, code=code, reaches=reaches, stopped=stopped, control=control, needs_root=needs_root)
        for name, (code, stopped) in table.items()
    ]


# --- looking around -----------------------------------------------------------------------------

STEAL = attacks("secret", {
    "open": ("print(open(SECRET).read())", FILE),
    "os_open": ("print(os.read(os.open(SECRET, 0), 99))", FILE),
    "io_open_code": ("import io; print(io.open_code(SECRET).read())", FILE),
    "pathlib": ("import pathlib; print(pathlib.Path(SECRET).read_text())", FILE),
    "codecs": ("import codecs; print(codecs.open(SECRET).read())", FILE),
    "fileinput": ("import fileinput; print(*fileinput.input(SECRET))", FILE),
    "linecache": ("import linecache; print(linecache.getline(SECRET, 1) or 1 / 0)", "ZeroDivisionError"),
    "np_fromfile": ("import numpy; print(numpy.fromfile(SECRET, dtype='u1').tobytes())", FILE),
    "np_memmap": ("import numpy; print(numpy.memmap(SECRET, mode='r').tobytes())", FILE),
    "np_genfromtxt": ("import numpy; print(numpy.genfromtxt(SECRET, dtype=str))", "FileNotFoundError"),
    "mmap": ("import mmap; print(mmap.mmap(os.open(SECRET, 0), 0, prot=1)[:40])", FILE),
    "c_fopen": ("libc.fopen.restype = ctypes.c_void_p\nf = libc.fopen(text(SECRET), b'r')\nif not f: raise OSError(ctypes.get_errno(), 'fopen')\nb = ctypes.create_string_buffer(99)\nlibc.fgets(b, 99, ctypes.c_void_p(f))\nprint(b.value)", FILE),
    "raw_open": ("print(os.read(call(2, text(SECRET), 0, 0), 99))", FILE),
    "raw_openat": ("print(os.read(call(257, -100, text(SECRET), 0, 0), 99))", FILE),
    "raw_openat2": ("print(os.read(call(437, -100, text(SECRET), (ctypes.c_uint64 * 3)(), 24), 99))", FILE),
    "import": ("sys.path.insert(0, FOLDER)\nimport hidden_module\nprint(hidden_module.TOKEN)", NO_MODULE),
    "import_spec": ("import importlib.util as u\ns = u.spec_from_file_location('h', FOLDER + '/hidden_module.py')\nm = u.module_from_spec(s)\ns.loader.exec_module(m)\nprint(m.TOKEN)", FILE),
    "runpy": ("import runpy; print(runpy.run_path(FOLDER + '/hidden_module.py')['TOKEN'])", FILE),
    "listdir": ("print(os.listdir(FOLDER))", FILE),
    "scandir": ("print([entry.name for entry in os.scandir(FOLDER)])", FILE),
    "walk": ("print(list(os.walk(FOLDER)) or 1 / 0)", "ZeroDivisionError"),
    "glob": ("import glob; print(glob.glob(FOLDER + '/*') or 1 / 0)", "ZeroDivisionError"),
    "raw_getdents": ("b = ctypes.create_string_buffer(9999)\ncall(217, call(2, text(FOLDER), 0o200000, 0), b, 9999)\nprint(b.raw)", FILE),
    "stat": ("print('size', os.stat(SECRET).st_size)", FILE),
    "raw_statx": ("b = ctypes.create_string_buffer(256)\ncall(332, -100, text(SECRET), 0, 0x200, b)\nprint('size', int.from_bytes(b.raw[40:48], 'little'))", FILE),
    "access": ("print('SEEN:' if os.access(SECRET, os.F_OK) else 1 / 0)", "ZeroDivisionError"),
    "readlink": ("print(os.readlink(FOLDER + '/link'))", FILE),
    "getxattr": ("print(os.getxattr(SECRET, 'user.token'))", FILE),
    "etc_passwd": ("print(open('/etc/passwd').read())", FILE),
    "pwd": ("import pwd; u = pwd.getpwuid(0); print('root:x:0', u.pw_dir)", "KeyError"),
    "proc_root": ("print(open('/proc/self/root' + SECRET).read())", FILE),
    "proc_environ": ("print(open(f'/proc/{GRADER}/environ', 'rb').read() and 'SEEN:')", FILE),
    "proc_cmdline": ("print(open(f'/proc/{DECOY}/cmdline').read())", FILE),
    "proc_maps": ("print(open(f'/proc/{DECOY}/maps').read() and 'SEEN:')", FILE),
    "proc_mem": ("f = open(f'/proc/{DECOY}/mem', 'rb', 0)\nf.seek(STACK[0])\nd = f.read(STACK[1] - STACK[0])\nprint(d[d.find(MARK.encode()):][:40])", FILE),
    "proc_fd": ("print(open(f'/proc/{GRADER}/fd/{SECRET_FD}').read())", FILE),
    "proc_list": ("print('SEEN:' if str(GRADER) in os.listdir('/proc') else 1 / 0)", FILE),
    "vm_readv": ("n = STACK[1] - STACK[0]\nb = ctypes.create_string_buffer(n)\nl = (ctypes.c_uint64 * 2)(ctypes.addressof(b), n)\nr = (ctypes.c_uint64 * 2)(STACK[0], n)\ncall(310, DECOY, l, 1, r, 1, 0)\nprint(b.raw[b.raw.find(MARK.encode()):][:40])", ENDED),
    "pidfd_getfd": ("print(os.pread(call(438, call(434, GRADER, 0), SECRET_FD, 0), 99, 0))", ENDED),
        "affinity_of_others": ("print('SEEN:', os.sched_getaffinity(GRADER))", DENIED),
        "clock_of_others": ("print('SEEN:', time.clock_gettime(~GRADER << 3 | 2))", DENIED),
    "own_source": ("print('SEEN:' if 'class RequestHandler' in open(sys.modules['grader_confined.worker'].__file__).read() else 1)", FILE),
    "sqlite": ("import sqlite3\nd = sqlite3.connect(FOLDER + '/x.db')\nd.execute('create table t(a)')\nd.commit()\nprint('SEEN:')", "unable to open"),
    "interfaces": ("import socket; print('SEEN:', socket.if_nameindex())", DENIED),
    "packages": ("sys.path += [p for p in sys.path for p in [p + '/site-packages']]\nimport hashlib, site\nprint('SEEN:', os.listdir(os.path.dirname(os.__file__)))", FILE),
})  # fmt: skip
STEAL_AS_ROOT = attacks("secret", {
    "by_handle": ("h = ctypes.create_string_buffer(b'\\x80\\0\\0\\0', 136)\nm = ctypes.c_int()\ncall(303, -100, text(SECRET), h, ctypes.byref(m), 0)\nprint(os.read(call(304, os.open(FOLDER, 0), h, 0), 99))", ENDED),
}, needs_root=True)  # fmt: skip

# --- changing what is there ---------------------------------------------------------------------

TAMPER = attacks("report", {
    "overwrite": ("open(REPORT, 'w').write('100')", KEPT),
    "append": ("open(REPORT, 'a').write('100')", KEPT),
    "update": ("open(REPORT, 'r+').write('100')", WRITE),
    "truncate": ("os.truncate(REPORT, 0)", WRITE),
    "unlink": ("os.unlink(REPORT)", WRITE),
    "rename": ("os.rename(REPORT, REPORT + '.old')", WRITE),
    "raw_creat": ("call(85, text(REPORT), 0o600)", WRITE),
    "raw_openat_write": ("os.write(call(257, -100, text(REPORT), 1 | 0o1000, 0), b'100')", WRITE),
    "chmod": ("os.chmod(REPORT, 0)", WRITE),
    "fchmodat": ("call(268, -100, text(REPORT), 0)", WRITE),
    "utime": ("os.utime(REPORT, (5, 5))", WRITE),
    "setxattr": ("os.setxattr(REPORT, 'user.score', b'100')", WRITE),
    "np_memmap_write": ("import numpy; numpy.memmap(REPORT, mode='w+', shape=9)[:] = 1", "fileno"),
    "log_file": ("import logging; logging.FileHandler(REPORT).emit(logging.makeLogRecord({'msg': '100'}))", KEPT),
    "copy": ("import shutil; shutil.copyfile(SECRET, REPORT)", FILE),
    "remove_tree": ("import shutil; shutil.rmtree(FOLDER)", FILE),
    "rename_folder": ("os.rename(FOLDER, FOLDER + '.moved')", WRITE),
    "c_unlink": ("if libc.unlink(text(REPORT)): raise OSError(ctypes.get_errno(), 'unlink')", WRITE),
    "hard_link": ("os.link(REPORT, FOLDER + '/hard')", WRITE),
})  # fmt: skip
TAMPER_AS_ROOT = attacks("report", {"chown": ("os.chown(REPORT, 1, 1)", WRITE)}, needs_root=True)
PLANT = attacks("folder", {
    "plant_file": ("open(FOLDER + '/conftest.py', 'w').write('x')", KEPT),
    "plant_ini": ("os.close(os.open(FOLDER + '/pytest.ini', os.O_CREAT | os.O_WRONLY))", WRITE),
    "plant_bytecode": ("os.makedirs(FOLDER + '/__pycache__')", KEPT),
    "plant_link": ("os.symlink('/etc/passwd', FOLDER + '/soft')", WRITE),
    "plant_fifo": ("os.mkfifo(FOLDER + '/fifo')", WRITE),
    "plant_socket": ("import socket; socket.socket(socket.AF_UNIX).bind(FOLDER + '/s')", DENIED),
    "np_save": ("import numpy; numpy.save(FOLDER + '/a.npy', numpy.zeros(3))", KEPT),
    "np_savetxt": ("import numpy; numpy.savetxt(FOLDER + '/a.txt', numpy.zeros(3))", KEPT),
    "shelve": ("import shelve; shelve.open(FOLDER + '/db')", "rror"),
    "named_temporary": ("import tempfile; tempfile.NamedTemporaryFile(dir=FOLDER, delete=False)", WRITE),
    "unnamed_temporary": ("f = os.open(FOLDER, os.O_TMPFILE | os.O_RDWR)\ncall(265, -100, text(f'/proc/self/fd/{f}'), -100, text(FOLDER + '/tmp'), 0x400)", WRITE),
    "exec_program": ("os.execv('/usr/bin/touch', ['touch', FOLDER + '/touched'])", DENIED),
    "execveat": ("a = (ctypes.c_char_p * 3)(b'touch', os.fsencode(FOLDER) + b'/touched', None)\ncall(322, -100, text('/usr/bin/touch'), a, None, 0)", DENIED),
    "memory_program": ("f = os.memfd_create('x')\nos.write(f, open('/usr/bin/touch', 'rb').read())\nos.execve(f, ['touch', FOLDER + '/touched'], {})", DENIED),
    "many_files": ("for n in range(200): open(f'{FOLDER}/{n}', 'w').close()", "[Errno 28]"),
    "c_system": ("libc.system(b'touch ' + os.fsencode(FOLDER) + b'/touched') and 1 / 0", "ZeroDivisionError"),
})  # fmt: skip
PLANT_LARGE = attacks("folder", {
    "large_file": ("f = os.open(FOLDER + '/large', os.O_CREAT | os.O_WRONLY)\nos.pwrite(f, b'x', 2**26)", WRITE),
}, control=("session",))  # fmt: skip

# --- other processes ----------------------------------------------------------------------------

OTHERS = attacks("decoy", {
    "kill": ("os.kill(DECOY, 9)", DENIED),
    "stop": ("os.kill(DECOY, 19)", DENIED),
    "kill_group": ("os.killpg(DECOY, 9)", DENIED),
    "tgkill": ("call(234, DECOY, DECOY, 9)", DENIED),
    "sigqueue": ("b = ctypes.create_string_buffer(128)\nctypes.c_int.from_buffer(b, 8).value = -1\ncall(129, DECOY, 9, b)", DENIED),
    "pidfd_signal": ("call(424, call(434, DECOY, 0), 9, None, 0)", ENDED),
    "ptrace": ("call(101, 16, DECOY, None, None); time.sleep(0.1)", ENDED),
    "prlimit": ("import resource; resource.prlimit(DECOY, resource.RLIMIT_NOFILE, (3, 3))", DENIED),
    "priority": ("os.setpriority(os.PRIO_PROCESS, DECOY, 15)", DENIED),
    "affinity": ("os.sched_setaffinity(DECOY, {min(os.sched_getaffinity(0))})", DENIED),
    "scheduler": ("os.sched_setscheduler(DECOY, os.SCHED_BATCH, os.sched_param(0))", DENIED),
    "ioprio": ("call(251, 1, DECOY, (3 << 13))", DENIED),
    "signal_by_pipe": ("import fcntl, socket\na, b = socket.socketpair()\nfcntl.fcntl(a, 10, 9)\nfcntl.fcntl(a, fcntl.F_SETOWN, DECOY)\nfcntl.fcntl(a, fcntl.F_SETFL, os.O_ASYNC)\nb.send(b'x'); time.sleep(0.1)", DENIED),
})  # fmt: skip
SHARED = attacks("shared memory", {
    "shared_memory": ("libc.shmat.restype = ctypes.c_void_p\ni = call(29, KEY, 64, 0)\nctypes.memmove(libc.shmat(i, None, 0), b'100', 3)", DENIED),
})  # fmt: skip
QUEUES = attacks("queue", {
    "message_queue": ("a = call(240, text(MARK), os.O_CREAT | os.O_RDWR, 0o600, None)", DENIED),
}, control=("session",))  # fmt: skip
LOCKS = attacks("lock", {
    "flock": ("import fcntl; f = open(REPORT); fcntl.flock(f, fcntl.LOCK_EX)", FILE),
})  # fmt: skip

# --- staying ------------------------------------------------------------------------------------

STAY = attacks("survivor", {
    "daemon": ("if os.fork() == 0:\n os.setsid()\n if os.fork() == 0:\n  while True: libc.pause()\n os._exit(0)\ntime.sleep(0.05)", DENIED),
    "raw_clone": ("if call(56, 17, None, None, None, None) == 0:\n os.setsid()\n while True: libc.pause()\ntime.sleep(0.05)", DENIED),
    "raw_clone3": ("a = (ctypes.c_uint64 * 11)(); a[4] = 17\nif call(435, a, 88) == 0:\n os.setsid()\n while True: libc.pause()\ntime.sleep(0.05)", "[Errno 38]"),
    "subprocess": ("import subprocess; subprocess.Popen([MARK, '60'], executable='/bin/sleep', start_new_session=True)", DENIED),
    "posix_spawn": ("os.posix_spawn('/bin/sleep', [MARK, '60'], {}, setsid=True)", DENIED),
    "shell": ("os.system(f'setsid sh -c \": {MARK}; sleep 60; :\" > /dev/null 2>&1 & sleep 0.1') and 1 / 0", "ZeroDivisionError"),
    "multiprocessing": ("import multiprocessing as m\ndef work():\n os.setsid()\n while True: libc.pause()\nm.get_context('fork').Process(target=work).start()\ntime.sleep(0.1)", "Error"),
    "forkpty": ("import pty\nif pty.fork()[0] == 0:\n import signal\n signal.signal(1, signal.SIG_IGN)\n while True: libc.pause()\ntime.sleep(0.1)", "Error"),
    "fork_bomb": ("for _ in range(30):\n if os.fork() == 0:\n  os.setsid()\n  while True: libc.pause()\ntime.sleep(0.05)", DENIED),
})  # fmt: skip
LITTER = attacks("litter", {
    "tmp_file": ("open(f'/tmp/{MARK}', 'w').close()", KEPT),
    "shm_file": ("open(f'/dev/shm/{MARK}', 'w').close()", KEPT),
    "home_file": ("open(os.path.expanduser('~nobody' if 0 else '/tmp') + f'/.{MARK}', 'w').close()", KEPT),
    "shared_memory_object": ("import multiprocessing.shared_memory as s; s.SharedMemory(MARK, create=True, size=9)", WRITE),
    "named_semaphore": ("libc.sem_open.restype = ctypes.c_void_p\nif not libc.sem_open(text('/' + MARK), os.O_CREAT, 0o600, 1): raise OSError(ctypes.get_errno(), 'sem_open')", "[Errno"),
})  # fmt: skip

# --- the network --------------------------------------------------------------------------------

NETWORK = [
    *attacks("listener tcp", {
        "tcp": ("import socket; socket.create_connection(('127.0.0.1', TCP), 1).send(b'x')", DENIED),
        "http": ("import http.client; http.client.HTTPConnection('127.0.0.1', TCP, timeout=0.2).request('GET', '/')", DENIED),
        "urllib": ("import urllib.request; urllib.request.urlopen(f'http://127.0.0.1:{TCP}', timeout=0.2)", DENIED),
        "asyncio": ("import asyncio; asyncio.run(asyncio.open_connection('127.0.0.1', TCP))", "[Errno"),
        "raw_connect": ("s = call(41, 2, 1, 0)\ncall(42, s, b'\\2\\0' + TCP.to_bytes(2, 'big') + b'\\x7f\\0\\0\\1' + bytes(8), 16)", DENIED),
    }),
    *attacks("listener udp", {
        "udp": ("import socket; socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', UDP))", DENIED),
    }),
    *attacks("listener unix", {
        "unix": ("import socket; socket.socket(socket.AF_UNIX).connect(FOLDER + '/socket')", DENIED),
    }),
    *attacks("listener abstract", {
        "abstract": ("import socket; n = [l.split('@')[1].strip() for l in open('/proc/net/unix') if '@canary-' + MARK in l][0]\nsocket.socket(socket.AF_UNIX).connect('\\0' + n)", FILE),
    }),
    *attacks("port", {
        "serve": ("import socket; s = socket.create_server(('127.0.0.1', FREE))", DENIED),
    }),
]  # fmt: skip

# --- the worker itself --------------------------------------------------------------------------

ITSELF = [
    *attacks("worker threads", {
        "thread": ("threading.Thread(target=threading.Event().wait, args=(9,), daemon=True).start()", "can't start new thread"),
        "pool": ("import concurrent.futures as f; f.ThreadPoolExecutor(3).submit(threading.Event().wait, 9)", "can't start new thread"),
        "timer": ("threading.Timer(0.01, print).start(); threading.Timer(9, print).start()", "can't start new thread"),
        "pthread": ("t = ctypes.c_uint64()\nif libc.pthread_create(ctypes.byref(t), None, libc.pause, None): raise OSError('no thread')", "no thread"),
    }),
    *attacks("worker folder", {"chdir": ("os.chdir('/usr')", FILE)}),
    *attacks("worker name", {"rename_itself": ("call(157, 15, b'kworker', 0, 0, 0)", DENIED)}),
    *attacks("worker personality", {"personality": ("call(135, 0x0040000)", DENIED)}),
    *attacks("worker memory file", {"memory_file": ("f = os.memfd_create('x')", DENIED)}),
    *attacks("worker executable memory", {
        "machine_code": ("import mmap; m = mmap.mmap(-1, 4096, prot=7)", DENIED),
        "mprotect": ("libc.mmap.restype = ctypes.c_void_p\na = libc.mmap(None, ctypes.c_size_t(4096), 3, 34, -1, ctypes.c_long(0))\ncall(10, ctypes.c_void_p(a), ctypes.c_size_t(4096), 7)", DENIED),
    }),
    *attacks("worker namespace", {"user_namespace": ("call(272, 0x10000000)", ENDED)}),
    *attacks("worker priority", {"nice": ("os.nice(5)", DENIED)}),
    *attacks("worker oom", {"oom": ("open('/proc/self/oom_score_adj', 'w').write('500')", KEPT)}),
    *attacks("worker scheduler", {"idle": ("os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))", DENIED)}),
    *attacks("worker memory", {
        "np_empty": ("import numpy; x = numpy.empty(3 * 2**27)", "memory"),
        "np_zeros": ("import numpy; x = numpy.zeros(3 * 2**27)", "memory"),
        "mmap_large": ("import mmap; m = mmap.mmap(-1, 3 * 2**30)", "[Errno 12]"),
        "raw_mmap": ("libc.mmap.restype = ctypes.c_void_p\na = libc.mmap(None, ctypes.c_size_t(2**33), 0, 0x4022, -1, ctypes.c_long(0))\nif a in (None, 2**64 - 1): raise OSError(ctypes.get_errno(), 'mmap')", "[Errno 12]"),
    }, control=("session",)),
    *attacks("worker descriptors", {
        "descriptors": ("for _ in range(200): os.dup(2)", "[Errno 24]"),
    }, control=("session",)),
    *attacks("worker user", {
        "setgid": ("os.setgid(12345)", DENIED),
        "setuid": ("os.setuid(12345)", DENIED),
    }, needs_root=True),
    *attacks("worker root", {"chroot": ("os.chroot(FOLDER)", ENDED)}, needs_root=True),
    *attacks("worker scheduler", {"fifo": ("os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))", DENIED)}, needs_root=True),
    *attacks("worker locked", {"mlock": ("if libc.mlockall(1): raise OSError(ctypes.get_errno(), 'mlockall')", DENIED)}, needs_root=True),
]  # fmt: skip

# --- what the split into two processes stops by itself ------------------------------------------

FRAME = "import struct\ndef frame(header, data=b''):\n for n in range(3, 9):\n  try: os.write(n, struct.pack('<II', len(header), len(data)) + header + data)\n  except OSError: pass\n"
SPLIT = attacks("", {
    "exit_now": ("os._exit(0)", "crashed  exit code 0"),
    "sys_exit": ("sys.exit(0)", "exited SystemExit"),
    "keyboard_interrupt": ("raise KeyboardInterrupt", "raised KeyboardInterrupt"),
    "generator_exit": ("raise GeneratorExit", "raised GeneratorExit"),
    "base_exception": ("class B(BaseException): pass\nraise B('x')", "raised B x"),
    "at_exit": ("import atexit; atexit.register(lambda: open(REPORT, 'w').write('100'))", "loaded"),
    "close_all": ("for n in range(64):\n try: os.close(n)\n except OSError: pass", "crashed  exit code 1"),
    "segfault": ("ctypes.string_at(0)", "crashed  SIGSEGV"),
    "abort": ("os.abort()", "crashed  SIGABRT"),
    "recursion": ("def f(): f()\nf()", "RecursionError"),
    "loop": ("while True: pass", "timeout"),
    "loop_catching": ("while True:\n try:\n  while True: pass\n except BaseException: pass", "timeout"),
    "regex": ("import re; re.match('(a+)+$', 'a' * 40 + 'b')", "timeout"),
    "big_power": ("9 ** 9 ** 9", "timeout"),
    "wait": ("import select; select.select([], [], [])", "waited"),
    "blocked_signals": ("import signal; signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))\nwhile True: pass", "timeout"),
    "output_flood": ("while True: print('x' * 4000)", "output"),
    "garbage_reply": ("for n in range(3, 9):\n try: os.write(n, b'x' * 64)\n except OSError: pass", "protocol"),
    "early_reply": (FRAME + "frame(b'{\"id\": 1, \"arrays\": [], \"data\": {}}')", "protocol"),
    "deep_json": (FRAME + "frame(b'[' * 100000)", "protocol"),
    "not_a_number": (FRAME + "frame(b'{\"id\": NaN, \"arrays\": []}')", "protocol"),
    "infinite_id": (FRAME + "frame(b'{\"id\": 1e999, \"arrays\": []}')", "protocol"),
    "long_number": (FRAME + "frame(b'{\"id\": ' + b'9' * 100000 + b'}')", "protocol"),
    "lying_shape": (FRAME + "frame(b'{\"id\": 1, \"arrays\": [[\"a\", [1000000000, 1000000000]]]}')", "protocol"),
    "negative_shape": (FRAME + "frame(b'{\"id\": 1, \"arrays\": [[\"a\", [-1]]]}', bytes(8))", "protocol"),
    "huge_frame": ("for n in range(3, 9):\n try: os.write(n, b'\\xff' * 8)\n except OSError: pass", "protocol"),
    "drip": ("import struct\nwhile True:\n for n in range(3, 9):\n  try: os.write(n, b'\\0')\n  except OSError: pass\n time.sleep(0.02)", "protocol"),
    "looping_message": ("class E(Exception):\n def __str__(self):\n  while True: pass\nraise E", "timeout"),
    "long_message": ("raise Exception('x' * 10**7)", "raised Exception xxx"),
    "inherited_descriptors": ("for n in range(3, 64):\n try: print(os.pread(n, 99, 0))\n except OSError: pass", "loaded"),
    "environment": ("print(sorted(os.environ)); os.environ['PATH']", "KeyError"),
    "frames": ("f = sys._getframe()\nwhile f:\n print(*map(str, f.f_locals.values())); f = f.f_back", "loaded"),
    "objects": ("import gc; print([o for o in gc.get_objects() if isinstance(o, (list, tuple)) and 'secret' in map(str, o[:9])])", "loaded"),
    "poisoned_modules": ("import types\nfor n in ('numpy', 'json', 'math'): sys.modules[n] = types.ModuleType(n)", "loaded"),
    "poisoned_builtins": ("import builtins\nbuiltins.abs = builtins.len = builtins.sum = builtins.isinstance = lambda *a: True", "ed"),
    "inert_framework": ("import importlib\nt = importlib.import_module('to' + 'rch')\nprint(t.nn)", NO_MODULE),
    "printed_score": ("print('{\"score\": 100, \"status\": \"graded\"}')", "loaded"),
})  # fmt: skip

ATTACKS = [
    *STEAL, *STEAL_AS_ROOT, *TAMPER, *TAMPER_AS_ROOT, *PLANT, *PLANT_LARGE, *OTHERS, *SHARED, *QUEUES, *LOCKS,
    *STAY, *LITTER, *NETWORK, *ITSELF, *SPLIT,
]  # fmt: skip
