"""Watches a student's own training: runs their file as a program and tells which calls and numbers it saw.

For hand-ins that do not fit the contract's calls. Nothing here judges. Loaded by path beside
worker.py, which it is told of by zygote.py; standard library and numpy only.
"""

from __future__ import annotations

import contextlib
import copy
import inspect
import io
import math
import sys
import time
import types
from collections.abc import Callable, Iterator
from typing import Any

base: Any = None  # worker.py, set by zygote.py

PROGRAM = "__main__"  # __name__ of the student's file while it is watched
LOGGED = 400  # calls told by `discover`
KEPT = 160  # calls of forward kept by `record`
HELD = 64  # numbers in one argument, return value or holder
COLUMNS = 160  # numbers inside the network that are followed
SCALARS = 32  # numbers passed and returned between two calls of forward
EVENTS = 2_000_000  # calls and returns, after which a run has shown enough
EPOCHS = 5_000  # of a training that has to be started
MOST_ERRORS = 200_000

Answer = tuple[dict[str, Any], dict[str, Any]]


class Enough(BaseException):
    """Ends the student's run: enough was seen."""


class Nowhere(io.RawIOBase):
    """A stream that forgets what is printed."""

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        return len(data)


def arguments(frame: types.FrameType) -> tuple[list[Any], dict[str, Any]]:
    """Return the positional and named arguments of a call of a method, without self."""
    code, values = frame.f_code, frame.f_locals
    end = code.co_argcount + code.co_kwonlyargcount
    positional = [values[name] for name in code.co_varnames[1 : code.co_argcount]]
    named = {name: values[name] for name in code.co_varnames[code.co_argcount : end]}
    if code.co_flags & inspect.CO_VARARGS:
        positional += values[code.co_varnames[end]]
        end += 1
    if code.co_flags & inspect.CO_VARKEYWORDS:
        named |= values[code.co_varnames[end]]
    return positional, named


def flat(value: Any) -> list[float]:
    """Return the numbers of a value, none of what is no number or holds too many."""
    if not base.is_numeric(value) or base.size_of(value) > HELD:
        return []
    return base.numbers(value)  # type: ignore[no-any-return]


def shape(value: Any) -> list[int]:
    """Return the shape of a numeric value, [] for a number and [0] for what is none."""
    count = len(flat(value))
    if not count:
        return [0]
    try:
        found = [int(extent) for extent in base.np.shape(value)]
    except ValueError:
        return [count]
    return found if math.prod(found) == count else [count]


def inside(root: Any) -> dict[str, tuple[list[Any], list[float]]]:
    """Return the numbers inside an object by the place of their holder."""
    found = {}
    for value, path, holder in base.walk(root):
        if holder is not None and base.size_of(value) <= HELD:
            found[str(path)] = (path, base.numbers(value))
    return found


class Hook:
    """Follows the student's calls: the part that finding, recording and training have in common.

    Calls of methods of the submission's classes reach `enter`, what they return `leave`.
    """

    def __init__(self, files: set[str], seconds: float) -> None:
        self.deadline = time.monotonic() + seconds
        self._files = files
        self._frames: list[types.FrameType] = []
        self._numbers: dict[int, int] = {}
        self._alive: list[Any] = []  # so that no identity is used twice
        self._events = 0

    @property
    def depth(self) -> int:
        return len(self._frames)

    def __call__(self, frame: types.FrameType, event: str, value: Any) -> None:
        if event not in ("call", "return") or frame.f_code.co_filename not in self._files:
            return
        self._events += 1
        if self._events > EVENTS or (self._events % 64 == 0 and time.monotonic() > self.deadline):
            raise Enough
        if event == "call":
            code, owner = frame.f_code, None
            if code.co_argcount and code.co_flags & inspect.CO_OPTIMIZED:
                owner = frame.f_locals.get(code.co_varnames[0])
                owner = owner if type(owner).__module__ in base.OWN else None
            self.enter(frame, owner)
            self._frames.append(frame)
        else:
            while self._frames and self._frames.pop() is not frame:
                pass
            self.leave(frame, value)

    def number(self, owner: Any) -> int:
        """Return the number of an object among those of its class, in the order in which they were seen."""
        if id(owner) not in self._numbers:
            self._numbers[id(owner)] = sum(type(one) is type(owner) for one in self._alive)
            self._alive.append(owner)
        return self._numbers[id(owner)]

    def enter(self, frame: types.FrameType, owner: Any) -> None:
        """Take note of a call; owner is the object of the submission whose method it is, or None."""

    def leave(self, frame: types.FrameType, value: Any) -> None:
        """Take note of what a call returned."""


class Finder(Hook):
    """Lists the first calls of methods: whose they are, the numbers passed and returned."""

    def __init__(self, files: set[str], seconds: float) -> None:
        super().__init__(files, seconds)
        self.calls: list[dict[str, Any]] = []
        self.numbers: list[float] = []
        self._open: dict[int, dict[str, Any]] = {}

    def enter(self, frame: types.FrameType, owner: Any) -> None:
        if owner is None or frame.f_code.co_name == "__init__":
            return
        if len(self.calls) >= LOGGED:
            raise Enough
        positional, named = arguments(frame)
        passed = [*positional, *named.values()][:8]
        self._open[id(frame)] = call = {
            "class": type(owner).__name__[:80],
            "method": frame.f_code.co_name[:80],
            "object": self.number(owner),
            "depth": self.depth,
            "shapes": [shape(value) for value in passed],
            "passed": [number for value in passed for number in flat(value)],
            "returned": [],
        }
        self.calls.append(call)

    def leave(self, frame: types.FrameType, value: Any) -> None:
        call = self._open.pop(id(frame), None)
        if call is not None:
            call["returned"] = flat(value)


class Recorder(Hook):
    """Keeps, at each call and return of one object's forward, the numbers inside it."""

    def __init__(self, files: set[str], seconds: float, wanted: dict[str, Any]) -> None:
        super().__init__(files, seconds)
        self.rows: list[dict[str, Any]] = []
        self.owner: Any = None
        self.template: tuple[list[Any], dict[str, Any]] = ([], {})
        self._wanted = wanted
        self._running: types.FrameType | None = None
        self._sites: dict[tuple[Any, ...], int] = {}

    def is_wanted(self, frame: types.FrameType, owner: Any) -> bool:
        wanted = self._wanted
        return self.number(owner) == wanted["object"] and (frame.f_code.co_name, type(owner).__name__) == (
            wanted["method"],
            wanted["class"],
        )

    def enter(self, frame: types.FrameType, owner: Any) -> None:
        if owner is None or not self.is_wanted(frame, owner) or self._running is not None:
            if self.rows and self._running is None:
                values = [frame.f_locals.get(name) for name in frame.f_code.co_varnames[: frame.f_code.co_argcount]]
                self._note(*values)
            return
        if len(self.rows) >= KEPT:
            raise Enough
        self.owner, self._running = owner, frame
        self.template = positional, named = copy.deepcopy(arguments(frame))
        site = tuple((caller.f_code, caller.f_lineno) for caller in self._frames)
        self.rows.append(
            {
                "before": inside(owner),
                "passed": [number for value in (*positional, *named.values()) for number in flat(value)],
                "site": self._sites.setdefault(site, len(self._sites)),
                "depth": self.depth,
                "scalars": [],
            }
        )

    def leave(self, frame: types.FrameType, value: Any) -> None:
        if frame is self._running:
            self._running = None
            self.rows[-1] |= {"after": inside(self.owner), "returned": flat(value)}
        elif self.rows and self._running is None:
            self._note(value)

    def _note(self, *values: Any) -> None:
        scalars = self.rows[-1]["scalars"]
        for value in values:
            numbers = flat(value) if len(scalars) < SCALARS else []
            if len(numbers) == 1:
                scalars += numbers


class Starter(Recorder):
    """Sets the numbers of one object when its forward is called first, then counts its calls, unwatched."""

    def __init__(self, files: set[str], settings: dict[str, Any], arrays: dict[str, Any]) -> None:
        super().__init__(files, settings["seconds"], settings)
        self.count = 0
        self.squared: list[float] = []
        self.restored: tuple[Any, str, Any] | None = None
        self._settings, self._arrays = settings, arrays
        self._latest = [math.inf] * len(arrays["labels"])

    def enter(self, frame: types.FrameType, owner: Any) -> None:
        if owner is None or not self.is_wanted(frame, owner):
            return
        try:
            base.References(owner, self._settings["references"]).write(self._arrays["start"])
        except (AttributeError, KeyError, IndexError, TypeError):
            return  # made by the first forward
        self.owner = owner
        self._count_calls(type(owner), frame.f_code.co_name)
        sys.setprofile(None)

    def leave(self, frame: types.FrameType, value: Any) -> None:
        """Nothing is kept."""

    def _count_calls(self, cls: type, name: str) -> None:
        """Put a counter around the method for as long as the run lasts."""
        holder = next(one for one in cls.__mro__ if name in vars(one))
        original = vars(holder)[name]

        def counted(target: Any, *args: Any, **named: Any) -> Any:
            output = original(target, *args, **named)
            if target is self.owner:
                self._seen([*args, *named.values()], output)
            return output

        self.restored = (holder, name, original)
        setattr(holder, name, counted)

    def _seen(self, passed: list[Any], output: Any) -> None:
        """Keep the errors of the examples; end the run when all are small, or when its time is over."""
        self.count += 1
        if self.count % 64 == 0 and time.monotonic() > self.deadline:
            raise Enough
        numbers = [number for value in passed for number in flat(value)]
        returned = flat(output)
        rows, outs = self._settings["slots"], self._settings["outputs"]
        for row, out in zip(rows, outs, strict=True):
            point = [numbers[slot] for slot in row]
            for index, corner in enumerate(self._arrays["x"].tolist()):
                if corner == point:
                    self._latest[index] = abs(returned[out] - self._arrays["labels"][index])
                    if len(self.squared) < MOST_ERRORS:
                        self.squared.append(self._latest[index] ** 2)
        if max(self._latest) < self._settings["near"]:
            raise Enough


class Observer:
    """The watched training of one submission, and the network that it left."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self._program = settings
        self._owner: Any = None
        self._template: tuple[list[Any], dict[str, Any]] = ([], {})
        self._method = ""
        code = compile(settings["text"], settings["file"], "exec", dont_inherit=True)
        self._code = code
        self._files = {settings["file"], *(f"{name}.py" for name in settings["siblings"])}

    def discover(self, settings: dict[str, Any], _: dict[str, Any]) -> Answer:
        """Run the file as a program and list the first calls of methods: `calls` with the counts of their numbers."""
        finder = Finder(self._files, settings["seconds"])
        problem = self._run(finder, settings["seed"], lambda: bool(finder.calls))
        calls = [{**one, "passed": len(one["passed"]), "returned": len(one["returned"])} for one in finder.calls]
        numbers = [number for one in finder.calls for number in (*one["passed"], *one["returned"])]
        return {"calls": calls, "problem": problem, "logs": self._takes_logarithms()}, {"numbers": numbers}

    def record(self, settings: dict[str, Any], _: dict[str, Any]) -> Answer:
        """Run again and follow one object: class, method, object. A row of each array is a call of that method."""
        recorder = Recorder(self._files, settings["seconds"], settings)
        self._run(recorder, settings["seed"], lambda: bool(recorder.rows))
        rows = [row for row in recorder.rows if "after" in row]
        self._owner, self._template, self._method = recorder.owner, recorder.template, settings["method"]
        if not rows:
            return {"places": [], "sites": [], "depths": []}, {}
        last = rows[-1]["after"]
        places = [(path, index) for path, numbers in last.values() for index in range(len(numbers))][:COLUMNS]
        keys = [(str(path), len(last[str(path)][1]), index) for path, index in places]

        def table(when: str) -> list[list[float]]:
            return [[column(row[when], *key) for key in keys] for row in rows]

        words = {"places": places, "sites": [row["site"] for row in rows], "depths": [row["depth"] for row in rows]}
        arrays = {"before": table("before"), "after": table("after")}
        return words, arrays | {name: padded(row[name] for row in rows) for name in ("passed", "returned", "scalars")}

    def replay(self, settings: dict[str, Any], arrays: dict[str, Any]) -> Answer:
        """Write each row of parameters (m, k) and call forward for x (q, 2), `rows` examples a call: (m, q)."""
        references = base.References(self._owner, settings["references"])
        outputs = []
        for row in arrays["parameters"]:
            references.write(row)
            outputs.append(self._forward(settings, arrays["x"]))
        return {}, {"outputs": outputs}

    def influence(self, settings: dict[str, Any], arrays: dict[str, Any]) -> Answer:
        """Add 1 to one number at a time: which outputs `moved` (k, q), which numbers `changed` with it (k, k)."""
        references = base.References(self._owner, settings["references"])
        start = references.read()
        output = self._forward(settings, arrays["x"])
        moved, changed = [], []
        for reference, value in zip(settings["references"], start, strict=True):
            one = base.References(self._owner, [reference])
            try:
                one.write([value + 1.0])
                changed.append([float(a != b) for a, b in zip(references.read(), start, strict=True)])
                moved.append(self._forward(settings, arrays["x"]))
            except Exception:
                changed[len(moved) :] = [[0.0] * len(start)]
                moved.append(output)
            with contextlib.suppress(Exception):
                one.write([value])
        return {}, {"base": output, "moved": moved, "changed": changed}

    def train(self, settings: dict[str, Any], arrays: dict[str, Any]) -> Answer:
        """Run again from the start given, and answer with the parameters at the end and the squared errors."""
        starter = Starter(self._files, settings, arrays)
        try:
            self._run(starter, settings["seed"], lambda: starter.count > 0)
        finally:
            if starter.restored is not None:
                setattr(*starter.restored)
        is_over = time.monotonic() < starter.deadline
        if starter.owner is None:
            return {"count": 0, "is_over": is_over}, {"values": [], "squared": []}
        values = base.References(starter.owner, settings["references"]).read()
        return {"count": starter.count, "is_over": is_over}, {"values": values, "squared": starter.squared}

    # -- helpers

    def _run(self, hook: Hook, seed: int, has_begun: Callable[[], bool]) -> str:
        """Run the file as a program under a hook; say what ended it early, "" for nothing."""
        base.OWN.add(PROGRAM)
        module = types.ModuleType(PROGRAM)
        sys.modules[PROGRAM] = module
        for name in self._program["siblings"]:
            sys.modules.pop(name, None)
        base.dress(module, self._program)
        base.seed_everything(seed)
        try:
            with quiet():
                sys.setprofile(hook)
                exec(self._code, module.__dict__)
                if not has_begun():
                    start_training(module)
        except Enough:
            return ""
        except BaseException as error:
            return type(error).__name__[:80]
        finally:
            sys.setprofile(None)
        return ""

    def _forward(self, settings: dict[str, Any], x: Any) -> list[float]:
        """Call forward on the kept object with x (q, 2) in the place of the examples that it was seen to get."""
        slots, outs = settings["slots"], settings["outputs"]
        positional, named = self._template
        known = [flat(value) for value in (*positional, *named.values())]
        found: list[float] = []
        rows = x.tolist()
        for start in range(0, len(rows), len(slots)):
            some = rows[start : start + len(slots)]
            numbers = [number for values in known for number in values]
            for places, row in zip(slots, some + [some[-1]] * (len(slots) - len(some)), strict=True):
                for place, number in zip(places, row, strict=True):
                    numbers[place] = number
            values = [base.like(one, numbers) if flat(one) else one for one in (*positional, *named.values())]
            names = dict(zip(named, values[len(positional) :], strict=True))
            with quiet():
                returned = flat(getattr(self._owner, self._method)(*values[: len(positional)], **names))
            found += [returned[out] for out in outs][: len(some)]
        return found

    def _takes_logarithms(self) -> bool:
        """Say whether any function of the submission names a logarithm."""
        codes = [self._code, *(compile(text, name, "exec") for name, text in self._program["siblings"].items())]
        while codes:
            code = codes.pop()
            if any(name.startswith("log") for name in code.co_names):
                return True
            codes += [one for one in code.co_consts if isinstance(one, types.CodeType)]
        return False


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Forget what is printed meanwhile."""
    sink = io.TextIOWrapper(io.BufferedWriter(Nowhere()), encoding="utf-8", errors="replace", write_through=True)
    with contextlib.redirect_stdout(sink), contextlib.redirect_stderr(sink):
        yield


def start_training(module: types.ModuleType) -> None:
    """Call the file's train with an object of one of its classes, as the file did not."""
    samples = [((0, 0), 0), ((0, 1), 1), ((1, 0), 1), ((1, 1), 0)]
    train = getattr(module, "train", None)
    classes = [one for one in vars(module).values() if isinstance(one, type) and one.__module__ in base.OWN]
    for cls in reversed(classes):
        try:
            made = cls()
        except Exception:
            continue
        with contextlib.suppress(Exception):
            if callable(train):
                train(made, samples, EPOCHS)
                return


def column(found: dict[str, tuple[list[Any], list[float]]], place: str, size: int, index: int) -> float:
    """Return one number of a snapshot, NaN where it was not there yet."""
    numbers = found.get(place, ([], []))[1]
    return numbers[index] if len(numbers) == size else math.nan


def padded(rows: Any) -> list[list[float]]:
    """Return rows of numbers at the same length, NaN at their ends."""
    listed = list(rows)
    longest = max(map(len, listed), default=0)
    return [[*row, *[math.nan] * (longest - len(row))] for row in listed]
