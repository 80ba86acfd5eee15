"""Runs the student's code: performs requests of the trusted side on its functions and objects.

Nothing is judged here. The trusted side (client.py) sends requests in frames (pipe.py); this side replies with the
results. It is started by zygote.py, imports only the standard library and numpy, and knows no lab: a lab that
needs more than single calls adds operations in its confined module.
"""

from __future__ import annotations

import base64
import builtins
import gc
import importlib
import importlib.util
import os
import sys
import time
import types
from collections.abc import Callable
from typing import Any

from . import calls, objects, pipe, state, values
from .calls import BelowLevel, Missing, ObjectNotCreated, call_asked, fault, fitting, method, seed_everything
from .denied import DeniedActions
from .loading import absent, files, stubs
from .loading.modules import Modules
from .loading.program import Program
from .loading.surroundings import LINES, Input, initialize, restore
from .pipe import Arrays, Pipe, arrange
from .reading import submission
from .reading.texts import Refusal

MAIN = "submission"  # __name__ of the student's file while it is graded
FREQUENT = {"builtins.id", "object.__getattr__", "object.__setattr__"}  # audit events that show nothing
NEVER_SHADOWED = {"numpy", MAIN, "__main__", *sys.builtin_module_names}

np: Any = None  # numpy, from `preload` on
confinement: Any = None  # set by zygote.py
operations: dict[str, dict[str, Any]] = {}  # of labs, by the path of their confined module and by name
denied = DeniedActions()

Answer = tuple[dict[str, Any], Arrays]


class OperationContext:
    """Interface for a lab's operations, passed as their first argument: access to the program, its module and objects.

    kept stores values from one operation to the next; it is cleared when a case starts.
    """

    def __init__(self, module: types.ModuleType) -> None:
        self.module = module
        self.program: dict[str, Any] = {}
        self.code: Any = None  # a loading.program.Program
        self.kept: dict[Any, Any] = {}
        self.modules: Any = None
        self.find = objects

    @property
    def files(self) -> set[str]:
        """Names of the submission's files."""
        return set(self.modules.siblings.names)

    def named(self, name: str) -> Any:
        """Return a callable of the student's module; raise Missing if there is none of this name."""
        value = getattr(self.module, name, None)
        if not callable(value):
            raise Missing(name)
        return value

    def call(self, function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        """Call a function; raise ArgumentMismatch if its signature does not accept these arguments."""
        return fitting(function, *arguments, **named)

    def method(self, target: Any, name: str) -> Any:
        """Return a method of the student's object or class; raise Missing if there is none."""
        return method(target, name)

    def seed(self, seed: int) -> None:
        """Seed all generators."""
        seed_everything(seed)

    def initialize(self, module: types.ModuleType) -> None:
        """Make a fresh module the main module, with the names that the student's file needs when it runs."""
        self.modules.siblings.set_main(module)
        initialize(module, self.program)

    def start(self, skipped: Any, ending: type[BaseException]) -> None:
        """Prepare to run the program again, including the statements below its main guard.

        skipped are statements that do not run; an exception of type `ending` ends the run.
        """
        files.hold(self.program)
        self.code.start(skipped, ending=(ending,), opens_guard=True)
        self.code.parts(self.program["file"])

    def run(self, module: types.ModuleType) -> str:
        """Run the program in a module; return the type of its first exception, or "" if there was none."""
        self.code.run(self.program["file"], module)
        return self.code.troubles[0]["type"] if self.code.troubles else ""

    def codes(self) -> list[types.CodeType]:
        """Return the code objects of all top-level statements."""
        return [part.code for part in self.code.every()]


class RequestHandler:
    """Handler of requests, with one method for each operation of the protocol; holds the student's module and objects."""

    def __init__(self) -> None:
        self.module = types.ModuleType(MAIN)
        self.objects: dict[int, Any] = {}
        self.variables: Any = None  # of the program, as they were after loading
        self.modules: Any = None
        self.context = OperationContext(self.module)
        self.operations: dict[str, Any] = {}
        self.announce: Callable[[Any], None] = print
        self.input = Input()

    # -- hello, loading, cases

    def hello(self, settings: dict[str, Any], _: Arrays) -> Answer:
        """Preload modules, apply the sandbox and report its level; raise BelowLevel if it is too low."""
        if settings["packages"]:
            preload(settings["packages"], settings["preload"])
        for name in settings["modules"]:
            importlib.import_module(name)
        if settings["operations"] not in operations:
            load_operations(settings["operations"])
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
        """Read a submission; reply with its source text and data files, or with the reason why it is refused."""
        files = {name: base64.b64decode(content) for name, content in settings["files"].items()}
        try:
            source, data = submission.read(settings["name"], files, settings["unread"], **settings["lab"])
            return {"source": source}, data
        except Refusal as refusal:
            return {"refusal": refusal.template, "arguments": refusal.arguments, "is_open": refusal.is_open}, {}

    def load(self, settings: dict[str, Any], data: Arrays) -> Answer:
        """Run the student's file as a module; data are the files that it may read, named relative to its folder."""
        if data:
            found = {name: content.tobytes() for name, content in data.items()}
            files.provide(found, os.path.dirname(settings["file"]))
        sys.modules[MAIN] = self.module
        objects.OWN.add(MAIN)
        code = self.context.code = Program(
            {settings["file"]: settings["text"], **settings["siblings"]}, announce=lambda place: self.announce(place),
            describe=fault, stand_in=absent.Absent, is_notebook=settings["is_notebook"], unread=settings["unread"],
            contract=(*settings["classes"], *settings["names"]),
        )  # fmt: skip
        self.modules = self.context.modules = Modules(settings, self.module, NEVER_SHADOWED, self.run_beside)
        stubs.free_names = code.free_names
        absent.OWN, absent.on_use = objects.OWN, self.modules.record_use
        self.modules.install()
        sys.argv = [settings["file"]]
        denied.ignore(self.context.files)
        sys.addaudithook(self.audit)
        files.install(denied.forget)
        files.hold(settings)
        builtins.input, time.sleep = self.input, lambda _: None
        seed_everything(settings["seed"])
        initialize(self.module, settings)
        self.context.program = settings
        self.operations = operations.get(settings["operations"], {})
        code.start(settings["skipped"], is_brief=settings["is_brief"])
        code.run(settings["file"], self.module)
        sys.settrace(None)
        sys.setprofile(None)
        for part in code.parts(settings["file"]):
            restore(part.code, self.module, settings["names"])
        for name in (*settings["classes"], *settings["names"]):
            self.modules.siblings.bind_missing(name)
        callables = [name for name in settings["names"] if callable(getattr(self.module, name, None))]
        return {"callables": callables, "troubles": code.troubles}, {}

    def audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Pass on an audit event. A hook, which code cannot remove; a single one, because hooks are slow."""
        if event not in FREQUENT:
            self.modules.audit(event, arguments)
            denied.record(event, arguments)

    def run_beside(self, _: str, file: str, module: types.ModuleType) -> None:
        """Run another file of the submission as a module."""
        objects.OWN.add(module.__name__)
        self.context.code.run(file, module)

    def begin(self, settings: dict[str, Any], _: Arrays) -> Answer:
        """Start a case: drop all objects, restore the program's variables, and seed all generators."""
        self.objects, self.context.kept = {}, {}
        self.input.left = LINES
        if self.variables is None:  # the first case, right after loading
            self.variables = {module: state.Variables(vars(module)) for module in self._program_modules()}
        else:
            for module in self._program_modules():
                if module in self.variables:
                    self.variables[module].restore()
                else:  # imported by a call: the next one imports it anew
                    sys.modules.pop(module.__name__, None)
        seed_everything(settings["seed"])
        return {}, {}

    def _program_modules(self) -> list[types.ModuleType]:
        """Return the modules of the submission that are loaded."""
        return [self.module, *(module for module, _ in self.modules.siblings.loaded())]

    # -- objects

    def prepare(self, settings: dict[str, Any]) -> None:
        """Start a case and create objects, if the request says so; raise ObjectNotCreated if creating one fails."""
        if "begin" in settings:
            self.begin({"seed": settings["begin"]}, {})
        for recipe in settings.get("make", ()):
            try:
                self.objects[recipe["object"]] = self._made(recipe)
            except BaseException as error:
                raise ObjectNotCreated() from error

    def _made(self, recipe: dict[str, Any]) -> Any:
        """Return a new object of the named class, or an object inside another one."""
        if "path" in recipe:
            return objects.resolve(self.objects[recipe["of"]], recipe["path"])
        arguments, named = self._unpacked(recipe["arguments"], {})
        return fitting(self.context.named(recipe["name"]), *arguments, **named)

    def make(self, _: dict[str, Any], __: Arrays) -> Answer:
        """Do nothing: `prepare` has created the objects."""
        return {"value": None}, {}

    # -- calls

    def call(self, settings: dict[str, Any], arrays: Arrays) -> Answer:
        """Call a function of the module or a method of an object; with `keep`, store the result under that number."""
        arguments, named = self._unpacked(settings["arguments"], arrays)
        name, target = settings["name"], settings["object"]
        function = self.context.named(name) if target is None else method(self.objects[target], name)
        result = call_asked(function, *arguments, **named)
        if settings["keep"] is not None:
            self.objects[settings["keep"]] = result
            return {"value": None}, {}
        return self._packed(result)

    def get(self, settings: dict[str, Any], _: Arrays) -> Answer:
        """Return an attribute of an object; raise Missing if there is none."""
        target, name = self.objects[settings["object"]], settings["name"]
        if not hasattr(target, name):
            raise Missing(f"{type(target).__name__}.{name}")
        return self._packed(getattr(target, name))

    def set(self, settings: dict[str, Any], arrays: Arrays) -> Answer:
        """Set an attribute of an object."""
        ((value,), _) = self._unpacked(settings["arguments"], arrays)
        setattr(self.objects[settings["object"]], settings["name"], value)
        return {"value": None}, {}

    def has(self, settings: dict[str, Any], _: Arrays) -> Answer:
        """Return whether the module has a callable of this name."""
        return {"value": callable(getattr(self.module, settings["name"], None))}, {}

    def operate(self, settings: dict[str, Any], arrays: Arrays) -> Answer:
        """Run an operation of the lab on objects."""
        targets, named = self._unpacked(settings["arguments"], arrays)
        return self._packed(self.operations[settings["name"]](self.context, *targets, **named))

    def _unpacked(self, packed: Any, arrays: Arrays) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return positional and keyword arguments."""
        arguments: tuple[Any, ...]
        arguments, named = values.unpack(packed, arrays, self.objects)
        return arguments, named

    def _packed(self, value: Any) -> Answer:
        packer = values.Packer()
        return {"value": packer.pack(value)}, packer.blocks


def preload(packages: str, names: list[str]) -> None:
    """Import numpy and the named modules; the folder `packages` is on sys.path only meanwhile."""
    global np
    sys.path.insert(0, packages)
    try:
        import numpy

        np = calls.np = objects.np = pipe.np = state.np = stubs.np = values.np = numpy
        for name in names:
            try:
                importlib.import_module(name)
            except BaseException:
                continue  # the submission's own import will say what is missing
    finally:
        sys.path.remove(packages)


def load_operations(path: str) -> None:
    """Load the operations of a lab from its confined.py or confined/__init__.py; "" stands for a lab without any."""
    found: tuple[Any, ...] = ()
    if path:
        name = f"_operations_{len(operations)}"
        folder = [os.path.dirname(path)] if os.path.basename(path) == "__init__.py" else None
        spec = importlib.util.spec_from_file_location(name, path, submodule_search_locations=folder)
        module = importlib.util.module_from_spec(spec)  # type: ignore[arg-type]
        sys.modules[name] = module  # for relative imports in the package
        spec.loader.exec_module(module)  # type: ignore[union-attr]
        found = module.OPERATIONS
    operations[path] = {operation.__name__: operation for operation in found}


def run(requests: int, replies: int, output: int) -> None:
    """Serve requests on these file descriptors; never returns."""
    leave = os._exit
    try:
        builtins.exit = builtins.quit = sys.exit  # type: ignore[assignment]
        builtins.help = lambda *_: None  # type: ignore[assignment]
        gc.enable()
        serve(Pipe(*arrange(requests, replies, output)), RequestHandler())
    except BaseException:  # the student's code closed a pipe, or broke the worker
        leave(1)
    leave(0)


def announcer(pipe: Pipe, request: int) -> Callable[[Any], None]:
    """Return a function that announces to the trusted side which statement of the program begins."""
    return lambda place: pipe.send({"id": request, "statement": place}, {})


def serve(pipe: Pipe, handler: RequestHandler) -> None:
    """Answer requests until the trusted side closes the connection."""
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
                    "denied": denied.take(),
                    "missing_modules": handler.modules.missing if handler.modules else [],
                }
            else:
                handler.announce = announcer(pipe, request["id"])
                handler.prepare(settings)
                header["data"], values = getattr(handler, request["op"])(settings, arrays)
        except ObjectNotCreated as error:
            header["fault"], values = {**fault(error.__cause__ or error, file), "is_in_making": True}, {}
        except BaseException as error:
            header["fault"], values = fault(error, file), {}
        pipe.send(header, values)
        if request["op"] == "hello" and "fault" in header:
            return
