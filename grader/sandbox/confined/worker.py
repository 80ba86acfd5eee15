"""The process that holds the student's objects: it drives them and answers with numbers.

Nothing here judges. The trusted side (client.py) sends frames, this side does what they name and
sends back what came out. Started by zygote.py, it imports the standard library and numpy only, and
knows nothing of a lab: what one needs beyond single calls are operations of its own (its confined.py).

A frame is two little-endian uint32 (length of the JSON header, length of the data), the header and
the data: the arrays that the header lists by name, dtype and shape, one after the other.
"""

from __future__ import annotations

import ast
import base64
import builtins
import gc
import importlib
import importlib.machinery
import inspect
import json
import opcode
import os
import random
import re
import struct
import sys
import time
import types
from collections.abc import Callable, Iterator
from typing import Any

from .notebooks import CODE_MAGICS

TEXT_CHARS = 2_000
MOST_LINES = 1_000_000  # as in protocol.py
LINES = 100  # that input() gives
PATH_CHARS = 200
MAIN = "submission"  # __name__ of the student's file while it is graded
FRAME = struct.Struct("<II")
FITTING: dict[tuple[Any, ...], Any] = {}  # what was seen to take so many arguments, and these names

np: Any = None  # numpy, from `preload` on
objects: Any = None  # the modules beside this one, set by zygote.py
values: Any = None
state: Any = None
reading: Any = None
siblings: Any = None
program: Any = None
absent: Any = None
files: Any = None
confinement: Any = None
free_names: Callable[[], list[str]] = list  # of the program
operations: dict[str, dict[str, Any]] = {}  # of labs, by the path of their confined.py and by name

# What student code may try that is not there for it: audit events by their first word (PEP 578).
ATTEMPTS = {
    "open": "use the file", "os": "use the file", "shutil": "use the file", "tempfile": "use the file", "glob": "use the file",
    "pathlib": "use the file", "socket": "use the network", "urllib": "use the network", "http": "use the network",
    "ftplib": "use the network", "smtplib": "use the network", "subprocess": "start a program", "pty": "start a program",
    "webbrowser": "start a program", "_thread": "start a thread", "mmap": "use shared memory", "fcntl": "use the system",
}  # fmt: skip
PROGRAMS = {"os.system", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.startfile"}
ATTEMPTS_KEPT = 10
MOST_DESCRIPTORS = 65_536
NEVER_SHADOWED = {"numpy", MAIN, "__main__", *sys.builtin_module_names}

Arrays = dict[str, Any]
Answer = tuple[dict[str, Any], Arrays]


# --- frames -------------------------------------------------------------------------------------


def arrange(requests: int, replies: int, output: int) -> tuple[int, int]:
    """Lay out the descriptors: nothing on 0, the output on 1 and 2, and the conversation elsewhere."""
    requests, replies = os.dup(requests), os.dup(replies)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((output, 1), (1, 2), (nothing, 0)):
        if source != target:
            os.dup2(source, target)
    low = 3
    for kept in sorted((requests, replies)):
        os.closerange(low, kept)
        low = kept + 1
    os.closerange(low, MOST_DESCRIPTORS)
    if os.name == "nt":
        import msvcrt

        for descriptor in (requests, replies, 1, 2):
            msvcrt.setmode(descriptor, os.O_BINARY)  # type: ignore[attr-defined]
    return requests, replies


class Pipe:
    """The worker's end of the conversation."""

    def __init__(self, requests: int, replies: int) -> None:
        self._requests, self._replies, self._output = requests, replies, 2
        sys.stdin = open(0, encoding="utf-8")
        sys.stdout, sys.stderr = (
            open(number, "w", encoding="utf-8", errors="replace", buffering=1, closefd=False) for number in (1, 2)
        )
        sys.__stdin__, sys.__stdout__, sys.__stderr__ = sys.stdin, sys.stdout, sys.stderr  # type: ignore[misc]
        self._loads, self._dumps = json.loads, json.dumps
        self._read, self._write = os.read, os.write

    def receive(self) -> tuple[dict[str, Any], Arrays] | None:
        """Return the next request and its arrays, or None when the trusted side has gone."""
        lengths = self._exactly(FRAME.size)
        if lengths is None:
            return None
        header_bytes, data_bytes = FRAME.unpack(lengths)
        header, data = self._exactly(header_bytes), self._exactly(data_bytes)
        if header is None or data is None:
            return None
        request = self._loads(header)
        return request, unpack(data, request["arrays"])

    def send(self, header: dict[str, Any], arrays: Arrays) -> None:
        """Send one reply."""
        blocks = {name: np.asarray(array, dtype=array.dtype.newbyteorder("<")) for name, array in arrays.items()}
        header["arrays"] = [[name, block.dtype.str, list(block.shape)] for name, block in blocks.items()]
        text = self._dumps(header, ensure_ascii=False).encode("utf-8", "replace")
        data = b"".join(block.tobytes() for block in blocks.values())
        self._all(self._replies, FRAME.pack(len(text), len(data)) + text + data)

    def mark(self, name: str) -> None:
        """Write a mark into the output stream, so that the other side knows where a case ends."""
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except BaseException:
                pass
        self._all(self._output, name.encode())

    def _all(self, descriptor: int, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[self._write(descriptor, view) :]

    def _exactly(self, count: int) -> bytes | None:
        parts: list[bytes] = []
        while count:
            part = self._read(self._requests, min(count, 1 << 16))
            if not part:
                return None
            parts.append(part)
            count -= len(part)
        return b"".join(parts)


def unpack(data: bytes, layout: list[tuple[str, str, list[int]]]) -> Arrays:
    arrays, start = {}, 0
    for name, dtype, shape in layout:
        kind = np.dtype(dtype)
        size = int(np.prod(shape, dtype=int))
        arrays[name] = np.frombuffer(data, kind, size, start).reshape(shape).astype(kind.newbyteorder("="))
        start += kind.itemsize * size
    return arrays


# --- modules that are not there -----------------------------------------------------------------


class Stub:
    """Accepts every use and does nothing: what a plotting call finds instead of the package."""

    __path__: list[str] = []
    __array_ufunc__ = None  # numpy leaves arithmetic with it to it

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Stub()

    def __array__(self, *_: Any, **__: Any) -> Any:
        return np.array(0.0)

    def __iter__(self) -> Iterator[Any]:
        """Yield as many as are unpacked: `line, = plt.plot(y)`, `figure, axes = plt.subplots()`."""
        return iter([Stub() for _ in range(unpacked(sys._getframe(1)))])

    def __setitem__(self, *_: Any) -> None:
        pass

    def __format__(self, _: str) -> str:
        return ""

    def __bool__(self) -> bool:
        return True

    def __len__(self) -> int:
        return 0

    def __float__(self) -> float:
        return 0.0

    def __int__(self) -> int:
        return 0

    __index__ = __int__


def _inert(*_: Any, **__: Any) -> Any:
    return Stub()


for _name in """
call getitem enter add radd sub rsub mul rmul truediv rtruediv floordiv rfloordiv mod rmod pow rpow neg pos
abs lt le gt ge matmul rmatmul and rand or ror
""".split():
    setattr(Stub, f"__{_name}__", _inert)
Stub.__exit__ = lambda *_: None  # type: ignore[attr-defined]


def unpacked(frame: types.FrameType) -> int:
    """Return how many values the running instruction of a frame takes apart, 2 where it takes none."""
    code = frame.f_code.co_code
    name = opcode.opname[code[frame.f_lasti]]
    return code[frame.f_lasti + 1] if name == "UNPACK_SEQUENCE" else 2


class Progress(Stub):
    """A progress bar that shows nothing: iterating it iterates what it was given."""

    write = staticmethod(print)

    def __init__(self, items: Any = None, *_: Any, **named: Any) -> None:
        self.iterable = named.get("iterable", items)
        self.total, self.n = named.get("total"), named.get("initial", 0)

    def __iter__(self) -> Iterator[Any]:
        if self.iterable is None:
            raise TypeError("'NoneType' object is not iterable")
        for item in self.iterable:
            yield item
            self.n += 1

    def __len__(self) -> int:
        return len(self.iterable) if self.total is None else int(self.total)

    def __enter__(self) -> Any:
        return self

    def __reversed__(self) -> Iterator[Any]:
        return iter(Progress(reversed(self.iterable)))

    def __contains__(self, item: Any) -> bool:
        return item in self.iterable

    def update(self, n: Any = 1) -> None:
        """Count."""
        self.n += n


Progress.pandas = Progress.set_lock = Progress.get_lock = staticmethod(_inert)  # type: ignore[attr-defined]


def progress_of(makes: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function of tqdm that gives the progress of what makes returns."""
    return lambda *items, start=None, **named: Progress(makes(*items, *([] if start is None else [start])), **named)


PROGRESS = {
    **dict.fromkeys(("tqdm", "tqdm_notebook", "tqdm_gui"), Progress),
    **dict.fromkeys(("trange", "tnrange", "tgrange"), progress_of(range)),
    "tenumerate": progress_of(enumerate), "tzip": progress_of(zip), "tmap": progress_of(map),
}  # fmt: skip


class StandInModule(types.ModuleType):
    """An inert module; progress bars pass their items on."""

    __path__: list[str] = []
    __version__ = "0"

    def __getattr__(self, name: str) -> Any:
        if name == "__all__":
            return free_names()  # `from pylab import *` binds what nothing else does
        if name.startswith("__"):
            raise AttributeError(name)
        return PROGRESS.get(name) or Stub()


def spec_for(name: str, loader: Any) -> importlib.machinery.ModuleSpec:
    """Return the spec of a module that one of our own loaders makes."""
    return importlib.machinery.ModuleSpec(name, loader)


class Modules:
    """Finds the files handed in beside the main one and stand-ins for what is banned, before all else.

    Other stand-ins are found after all else: see FallbackFinder.
    """

    def __init__(self, program: dict[str, Any], main: types.ModuleType, run: Callable[..., None]) -> None:
        self.siblings = siblings.Siblings(program, main, NEVER_SHADOWED, run)
        self._stand_ins, self._banned = program["stand_ins"], program["banned"]
        self._code = [(name, code_of(name)) for name in self._banned]
        self._asked: set[str] = set()

    def install(self) -> None:
        """Take part in every import from now on."""
        sys.meta_path.insert(0, self)
        sys.meta_path.append(FallbackFinder(self))
        sys.addaudithook(self.hear)

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        found = self.siblings.first(name, path)
        return found or (spec_for(name, StandIns()) if self._asks(name, self._banned) else None)

    def last_spec(self, name: str, path: Any) -> Any:
        """Return the spec of what is taken where nothing else was found: a file in another folder, or a stand-in."""
        found = self.siblings.last(name, path)
        return found or (spec_for(name, StandIns()) if self._asks(name, self._stand_ins) else None)

    def names(self, name: str) -> None:
        """Keep that something of a package that is not installed was named, where it is banned."""
        self._asks(name, self._banned)

    def _asks(self, name: str, known: list[str]) -> bool:
        """Say whether a module is one of those that are known or inside one, and keep which."""
        found = {item for item in known if name == item or name.startswith(item + ".")}
        self._asked |= found
        return bool(found)

    def hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Refuse to read or run a banned package's own code, however it was found: an audit hook, which code cannot remove.

        Below `strict` there may be such a package. The hook is Python and so within reach of the code: no guard.
        """
        if event == "exec":
            file = getattr(arguments[0], "co_filename", None)
        elif event == "open" and isinstance(arguments[0], str | bytes | os.PathLike):
            file = os.fsdecode(arguments[0])
            if not file.endswith(CODE):
                return
        elif event in ("compile", "import") and len(arguments) > 1:
            file = arguments[1]
        else:
            return
        if type(file) is not str or file in self.siblings.names:
            return
        for name, pattern in self._code:
            if pattern.search(file):
                self._asked.add(name)
                raise ImportError(f"{name} is not there")

    @property
    def asked(self) -> list[str]:
        """Return the stand-ins and the banned packages that were asked for."""
        return sorted(self._asked)


class StandIns:
    """Makes stand-ins."""

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        return StandInModule(spec.name)

    def exec_module(self, module: types.ModuleType) -> None:
        pass


class FallbackFinder:
    """Asks what is taken where nothing else was found."""

    def __init__(self, modules: Modules) -> None:
        self._modules = modules

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        return self._modules.last_spec(name, path)


CODE = tuple(importlib.machinery.all_suffixes())


def code_of(package: str) -> re.Pattern[str]:
    """Return what matches the file that a package or module begins with: its source, or an extension."""
    *folders, name = map(re.escape, package.split("."))
    inside = "".join(rf"{folder}[/\\]" for folder in folders)
    return re.compile(rf"(?:^|[/\\]){inside}{name}(?:[/\\]__init__)?\.[^/\\]+$")


class IPythonShell(Stub):
    """IPython's shell, of which exports speak: it runs the cells that they have put into strings, and does nothing else."""

    def run_cell_magic(self, name: str, _: Any, code: str) -> None:
        if name in CODE_MAGICS:
            caller = sys._getframe(1)
            tree = ast.parse(code)
            for node in ast.walk(tree):
                if hasattr(node, "lineno"):
                    node.lineno = node.end_lineno = caller.f_lineno  # type: ignore[attr-defined]
            exec(compile(tree, caller.f_code.co_filename, "exec", dont_inherit=True), caller.f_globals)

    def run_line_magic(self, name: str, code: str, *_: Any) -> None:
        caller = sys._getframe(1)
        if name in CODE_MAGICS:
            exec(compile(code, caller.f_code.co_filename, "exec", dont_inherit=True), caller.f_globals)


def initialize(module: types.ModuleType, settings: dict[str, Any]) -> None:
    """Give a fresh module the names that the student's file finds when it runs; those of notebooks are in exports, too."""
    module.__file__ = settings["file"]
    builtins.get_ipython, builtins.display = IPythonShell, Stub()  # type: ignore[attr-defined]
    if settings["is_notebook"]:
        vars(module).update(In=[], Out={}, _=None)


def restore(code: types.CodeType, module: types.ModuleType, names: list[str]) -> None:
    """Give back functions whose name ended as something else: `train = train(model)`."""
    defined = [
        const for const in code.co_consts if isinstance(const, types.CodeType) and const.co_flags & inspect.CO_OPTIMIZED
    ]
    for function in defined:
        name = function.co_name
        if name in names and not callable(getattr(module, name, None)):
            setattr(module, name, types.FunctionType(function, vars(module)))


# --- what the trusted side may ask for ----------------------------------------------------------


class Missing(Exception):
    """The submission has nothing of that name."""


class BelowLevel(Exception):
    """This machine does not confine a process as far as was asked for."""


class ObjectNotCreated(Exception):
    """An object that a request is about could not be made; the cause says why."""


class ArgumentMismatch(Exception):
    """The student's function cannot be called with the arguments of the contract."""


class Input:
    """What input() is here: it gives empty lines, and after some of them their end."""

    def __init__(self) -> None:
        self.left = LINES

    def __call__(self, prompt: object = "", /) -> str:
        sys.stdout.write(str(prompt))
        self.left -= 1
        if self.left < 0:
            raise EOFError("EOF when reading a line")
        return ""


class Objects:
    """What an operation of a lab works with: the program, its module, and how to find and change numbers in objects.

    kept is for what one operation leaves to the next; it is emptied when a case starts.
    """

    def __init__(self, module: types.ModuleType) -> None:
        self.module = module
        self.program: dict[str, Any] = {}
        self.code: Any = None  # the program's, as program.Program
        self.kept: dict[Any, Any] = {}
        self.modules: Any = None
        self.find = objects

    @property
    def files(self) -> set[str]:
        """Return the names of the files of the submission."""
        return set(self.modules.siblings.names)

    def named(self, name: str) -> Any:
        """Return something callable of the student's module."""
        value = getattr(self.module, name, None)
        if not callable(value):
            raise Missing(name)
        return value

    def call(self, function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        """Call a function; one that does not take these arguments is a misfit, not an exception of the student's."""
        return fitting(function, *arguments, **named)

    def method(self, target: Any, name: str) -> Any:
        """Return a method of the student's object or class."""
        return method(target, name)

    def seed(self, seed: int) -> None:
        """Seed every generator."""
        seed_everything(seed)

    def initialize(self, module: types.ModuleType) -> None:
        """Make a fresh module the one of the student's file, with the names that this finds when it runs."""
        self.modules.siblings.begin(module)
        initialize(module, self.program)

    def start(self, skipped: Any, ending: type[BaseException]) -> None:
        """Make ready to run the program again, its main guard's statements too, but for those skipped; ending ends it."""
        files.hold(self.program)
        self.code.start(skipped, ending=(ending,), opens_guard=True)
        self.code.parts(self.program["file"])

    def run(self, module: types.ModuleType) -> str:
        """Run the program in a module; return the type of the first exception, "" for none."""
        self.code.run(self.program["file"], module)
        return self.code.troubles[0]["type"] if self.code.troubles else ""

    def codes(self) -> list[types.CodeType]:
        """Return the code of all statements."""
        return [part.code for part in self.code.every()]


class RequestHandler:
    """The student's module and objects, and one method for each operation of the protocol."""

    def __init__(self) -> None:
        self.module = types.ModuleType(MAIN)
        self.objects: dict[int, Any] = {}
        self.variables: Any = None  # of the program, as they were after loading
        self.modules: Any = None
        self.lab = Objects(self.module)
        self.operations: dict[str, Any] = {}
        self.tell: Callable[[Any], None] = print
        self.input = Input()

    # -- life

    def hello(self, settings: dict[str, Any], _: Arrays) -> Answer:
        """Give up rights, and say what was reached; the level asked for or nothing."""
        if settings["packages"]:
            preload(settings["packages"], settings["preload"])
        for name in settings["modules"]:
            importlib.import_module(name)
        if settings["operations"] not in operations:
            bring(settings["operations"])
        is_to_be_strict = "seccomp" in settings["layers"]
        os.chdir(os.path.abspath(os.sep) if is_to_be_strict else settings["folder"])
        landlock_abi = confinement.landlock_abi()
        missing = confinement.apply(
            settings["layers"], settings["memory_bytes"], settings["cpu_s"], settings["landlock_abi"]
        )
        level = confinement.level(missing)
        if is_to_be_strict and "seccomp" in missing:
            os.chdir(settings["folder"])
        if settings["required"] == "strict" != level:
            reasons = "; ".join(f"{name}: {reason}" for name, reason in missing.items())
            raise BelowLevel(f"only level {level} was reached ({reasons or 'the probe was not refused'})")
        numpy = np.__version__ if np is not None else ""
        python = sys.version.split()[0]
        return {
            "level": level, "missing": missing, "landlock_abi": landlock_abi, "python": python, "numpy": numpy,
        }, {}  # fmt: skip

    def read_source(self, settings: dict[str, Any], _: Arrays) -> Answer:
        """Read what was handed in, and answer with text or with the reason why not."""
        files = {name: base64.b64decode(content) for name, content in settings["files"].items()}
        try:
            return {"source": reading.read(settings["name"], files, **settings["lab"])}, {}
        except reading.Refusal as refusal:
            return {"refusal": refusal.template, "arguments": refusal.arguments, "is_open": refusal.is_open}, {}

    def load(self, settings: dict[str, Any], data: Arrays) -> Answer:
        """Run the student's file as a module; data are the files of the lab that it may read."""
        if data:
            found = {name: content.tobytes() for name, content in data.items()}
            files.bring(found, os.path.dirname(settings["file"]))
        sys.modules[MAIN] = self.module
        objects.OWN.add(MAIN)
        code = self.lab.code = program.Program(
            {settings["file"]: settings["text"], **settings["siblings"]}, tell=lambda place: self.tell(place),
            describe=fault, stand_in=absent.Absent, is_notebook=settings["is_notebook"],
        )  # fmt: skip
        self.modules = self.lab.modules = Modules(settings, self.module, self.run_beside)
        global free_names
        free_names = code.free_names
        absent.OWN, absent.hear = objects.OWN, self.modules.names
        self.modules.install()
        sys.argv = [settings["file"]]
        attempts.watch(self.lab.files)
        files.install(attempts.forget)
        files.hold(settings)
        builtins.input, time.sleep = self.input, lambda _: None
        seed_everything(settings["seed"])
        initialize(self.module, settings)
        self.lab.program = settings
        self.operations = operations.get(settings["operations"], {})
        code.start(settings["skipped"], is_brief=settings["is_brief"])
        code.run(settings["file"], self.module)
        for part in code.parts(settings["file"]):
            restore(part.code, self.module, settings["names"])
        for name in (*settings["classes"], *settings["names"]):
            self.modules.siblings.lend(name)
        callables = [name for name in settings["names"] if callable(getattr(self.module, name, None))]
        return {"callables": callables, "troubles": code.troubles}, {}

    def run_beside(self, _: str, file: str, module: types.ModuleType) -> None:
        """Run a file beside the main one as a module."""
        objects.OWN.add(module.__name__)
        self.lab.code.run(file, module)

    def begin(self, settings: dict[str, Any], _: Arrays) -> Answer:
        """Start a case: forget all objects, give the program's variables back, and seed every generator."""
        self.objects, self.lab.kept = {}, {}
        self.input.left = LINES
        if self.variables is None:  # the first case, right after loading
            self.variables = state.Variables(vars(self.module))
        else:
            self.variables.restore()
        seed_everything(settings["seed"])
        return {}, {}

    # -- objects

    def prepare(self, settings: dict[str, Any]) -> None:
        """Do what a request needs beforehand: start a case, make objects."""
        if "begin" in settings:
            self.begin({"seed": settings["begin"]}, {})
        for recipe in settings.get("make", ()):
            try:
                self.objects[recipe["object"]] = self._made(recipe)
            except BaseException as error:
                raise ObjectNotCreated() from error

    def _made(self, recipe: dict[str, Any]) -> Any:
        """Return an object of the named class, or one inside another."""
        if "path" in recipe:
            return objects.resolve(self.objects[recipe["of"]], recipe["path"])
        arguments, named = self._unpacked(recipe["arguments"], {})
        return fitting(self.lab.named(recipe["name"]), *arguments, **named)

    def make(self, _: dict[str, Any], __: Arrays) -> Answer:
        """Do nothing more than what was needed beforehand."""
        return {"value": None}, {}

    # -- calls

    def call(self, settings: dict[str, Any], arrays: Arrays) -> Answer:
        """Call a function of the module or a method of an object; `keep` is the number that an object made gets."""
        arguments, named = self._unpacked(settings["arguments"], arrays)
        name, target = settings["name"], settings["object"]
        function = self.lab.named(name) if target is None else method(self.objects[target], name)
        result = fitting(function, *arguments, **named)
        if settings["keep"] is not None:
            self.objects[settings["keep"]] = result
            return {"value": None}, {}
        return self._packed(result)

    def get(self, settings: dict[str, Any], _: Arrays) -> Answer:
        """Read an attribute of an object."""
        target, name = self.objects[settings["object"]], settings["name"]
        if not hasattr(target, name):
            raise Missing(f"{type(target).__name__}.{name}")
        return self._packed(getattr(target, name))

    def set(self, settings: dict[str, Any], arrays: Arrays) -> Answer:
        """Write an attribute of an object."""
        ((value,), _) = self._unpacked(settings["arguments"], arrays)
        setattr(self.objects[settings["object"]], settings["name"], value)
        return {"value": None}, {}

    def has(self, settings: dict[str, Any], _: Arrays) -> Answer:
        """Say whether the module has something callable of that name."""
        return {"value": callable(getattr(self.module, settings["name"], None))}, {}

    def operate(self, settings: dict[str, Any], arrays: Arrays) -> Answer:
        """Do one of the lab's own operations on some objects."""
        targets, named = self._unpacked(settings["arguments"], arrays)
        return self._packed(self.operations[settings["name"]](self.lab, *targets, **named))

    def _unpacked(self, packed: Any, arrays: Arrays) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return arguments: a list of those by place, and a dict of those by name."""
        arguments: tuple[Any, ...]
        arguments, named = values.unpack(packed, arrays, self.objects)
        return arguments, named

    def _packed(self, value: Any) -> Answer:
        packer = values.Packer()
        return {"value": packer.pack(value)}, packer.blocks


def fitting(function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """Call function, or raise ArgumentMismatch when its signature does not take these arguments."""
    own = getattr(function, "__func__", function)
    kind = (id(own), own is function, len(arguments), *named)
    if FITTING.get(kind) is not own:
        try:
            signature = inspect.signature(function)
        except (TypeError, ValueError):
            return function(*arguments, **named)
        try:
            signature.bind(*arguments, **named)
        except TypeError:
            name = getattr(function, "__qualname__", "function")
            raise ArgumentMismatch(f"{name}{signature}") from None
        if isinstance(own, (types.FunctionType, type)):
            FITTING[kind] = own
    return function(*arguments, **named)


def method(target: Any, name: str) -> Any:
    """Return a method of the student's object or class."""
    if not callable(getattr(target, name, None)):
        owner = target if isinstance(target, type) else type(target)
        raise Missing(f"{owner.__name__}.{name}")
    return getattr(target, name)


def seed_everything(seed: int) -> None:
    """Seed every generator that student code can reach, those that it does not seed itself included."""
    bits = random.Random(seed)
    plain_seed = random.Random.__base__.seed  # type: ignore[union-attr]
    random.Random.seed = lambda self, a=None, version=2: (  # type: ignore[method-assign]
        plain_seed(self, bits.getrandbits(64)) if a is None else SEED(self, a, version)
    )
    random.seed(seed)
    np.random.seed(seed % 2**32)
    np.random.bit_generator.randbits = bits.getrandbits


def fault(error: BaseException, file: str) -> dict[str, Any]:
    """Describe what a student's code raised: kind, type, message and the line in their file."""
    kinds = {
        absent.NotInstalled: "absent", Missing: "missing", ArgumentMismatch: "misfit", SystemExit: "exited", MemoryError: "memory", BelowLevel: "level",
        values.TooMuch: "too_large",
    }  # fmt: skip
    kind = next((kind for cls, kind in kinds.items() if isinstance(error, cls)), "raised")
    line, step, is_own = None, error.__traceback__, False
    while step is not None:
        if step.tb_frame.f_code.co_filename == file:
            line = step.tb_lineno
        is_own = is_own or step.tb_frame.f_globals.get("__name__") in objects.OWN
        step = step.tb_next
    if line is None and isinstance(error, SyntaxError):
        line = error.lineno
    elif line is None and kind == "raised" and not is_own:
        kind = "unhandled"
    if type(line) is not int or not 1 <= line <= MOST_LINES:
        line = None
    try:
        message = str(error)
    except BaseException:
        message = ""
    name = type(error).__name__
    words = {"type": name[:100], "message": message[:TEXT_CHARS]}
    return {"kind": kind, "line": line, **{key: objects.plain(text) for key, text in words.items()}}


SEED = random.Random.seed


class Attempts:
    """What student code tried that is not there for it, as Python's audit events tell it: an explanation, no guard."""

    def __init__(self) -> None:
        self._told: list[tuple[str, str]] = []
        self._ignored: set[str] = set()
        self._places: tuple[str, ...] = ()

    def watch(self, files: set[str]) -> None:
        """Start to listen; the submission's own files are no attempt (a traceback looks for them)."""
        self._ignored = {*files, os.devnull}
        self._places = (
            sys.prefix,
            sys.base_prefix,
            *(path for path in sys.path if path),
        )  # where libraries look around
        sys.addaudithook(self._hear)

    def take(self) -> list[tuple[str, str]]:
        """Return (what was tried, on what) since the last time."""
        told, self._told = self._told, []
        return told

    def forget(self, what: str) -> None:
        """Let go of what was tried on a file that is in memory now."""
        self._told = [item for item in self._told if item[1] != what]

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        family = event.partition(".")[0]
        if family not in ATTEMPTS or len(self._told) >= ATTEMPTS_KEPT or event in ("os.putenv", "os.unsetenv"):
            return
        try:
            if sys._getframe(1).f_code.co_filename.startswith("<frozen"):  # the import system looks around
                return
            action = "start a program" if event in PROGRAMS else ATTEMPTS[family]
            what = arguments[0] if arguments and type(arguments[0]) in (str, bytes) else ""
            text = objects.plain(what.decode("utf-8", "replace") if type(what) is bytes else str(what))[:PATH_CHARS]
            is_python = text.startswith(self._places) or text.endswith(".pyc")
            if text not in self._ignored and not is_python and (action, text) not in self._told:
                self._told.append((action, text))
        except BaseException:
            return


attempts = Attempts()


def preload(packages: str, names: list[str]) -> None:
    """Import numpy and the named modules; afterwards packages are on no path."""
    global np
    sys.path.insert(0, packages)
    try:
        import numpy

        np = objects.np = values.np = state.np = numpy
        for name in names:
            try:
                importlib.import_module(name)
            except BaseException:
                continue  # the submission's own import will say what is missing
    finally:
        sys.path.remove(packages)


def bring(path: str) -> None:
    """Load the operations of a lab from its confined.py; "" is a lab that has none."""
    found: tuple[Any, ...] = ()
    if path:
        module = types.ModuleType("confined")
        with open(path, encoding="utf-8") as file:
            exec(compile(file.read(), "confined.py", "exec", dont_inherit=True), vars(module))
        found = module.OPERATIONS
    operations[path] = {operation.__name__: operation for operation in found}


def run(requests: int, replies: int, output: int) -> None:
    """Be a worker on these descriptors; does not return."""
    leave = os._exit
    try:
        builtins.exit = builtins.quit = sys.exit  # type: ignore[assignment]
        builtins.help = lambda *_: None  # type: ignore[assignment]
        gc.enable()
        serve(Pipe(*arrange(requests, replies, output)), RequestHandler())
    except BaseException:  # a pipe that the student's code closed, or a worker that it broke
        leave(1)
    leave(0)


def telling(pipe: Pipe, request: int) -> Callable[[Any], None]:
    """Return what tells the other side which statement of the program begins."""
    return lambda place: pipe.send({"id": request, "statement": place}, {})


def serve(pipe: Pipe, handler: RequestHandler) -> None:
    """Answer requests until the other end has gone."""
    file = ""
    while (received := pipe.receive()) is not None:
        request, arrays = received
        settings = request["settings"]
        file = settings.get("file", file)
        header: dict[str, Any] = {"id": request["id"]}
        values: Arrays = {}
        try:
            if request["op"] == "mark":
                pipe.mark(settings["mark"])
                header["data"] = {
                    "attempts": attempts.take(),
                    "asked": handler.modules.asked if handler.modules else [],
                }
            else:
                handler.tell = telling(pipe, request["id"])
                handler.prepare(settings)
                header["data"], values = getattr(handler, request["op"])(settings, arrays)
        except ObjectNotCreated as error:
            header["fault"], values = {**fault(error.__cause__ or error, file), "is_in_making": True}, {}
        except BaseException as error:
            header["fault"], values = fault(error, file), {}
        pipe.send(header, values)
        if request["op"] == "hello" and "fault" in header:
            return
