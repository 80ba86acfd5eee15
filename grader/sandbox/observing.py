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

base: Any = None  # worker.py and inside.py, set by zygote.py
inside: Any = None

PROGRAM = "__main__"  # __name__ of the student's file while it is watched
LOGGED = 600  # calls told by `discover`
SOME, SLACK = 50, 0.8  # calls that are enough when but a fifth of the time is over
LULL_S = 0.6  # without a call that passes numbers: the training has no more to show
LOOK = 32  # calls between two looks at the answers
KEPT = 160  # calls of forward kept by `record`
HELD = 64  # numbers in one argument, return value or holder
COLUMNS = 160  # numbers inside the network that are followed
SCALARS = 32  # numbers passed and returned between two calls of forward
EVENTS = 2_000_000  # calls and returns, after which a run has shown enough
EPOCHS = 5_000  # of a training that has to be started
MOST_NAMES = 12
NAME_CHARS = 80
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


def arguments(frame: types.FrameType, owner: Any) -> tuple[list[Any], dict[str, Any]]:
    """Return the positional and named arguments of a call, without self."""
    code, values = frame.f_code, frame.f_locals
    end = code.co_argcount + code.co_kwonlyargcount
    first = 0 if isinstance(owner, types.ModuleType) else 1
    positional = [values[name] for name in code.co_varnames[first : code.co_argcount]]
    named = {name: values[name] for name in code.co_varnames[code.co_argcount : end]}
    if code.co_flags & inspect.CO_VARARGS:
        positional += values[code.co_varnames[end]]
        end += 1
    if code.co_flags & inspect.CO_VARKEYWORDS:
        named |= values[code.co_varnames[end]]
    return positional, named


def flat(value: Any) -> list[float]:
    """Return the numbers of a value, none of what is no number or holds too many."""
    if not inside.is_numeric(value) or inside.size_of(value) > HELD:
        return []
    return inside.numbers(value)  # type: ignore[no-any-return]


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


def held(root: Any) -> dict[str, tuple[list[Any], list[float]]]:
    """Return the numbers inside an object by the place of their holder."""
    found = {}
    for value, path, holder in inside.walk(root):
        if holder is not None and inside.size_of(value) <= HELD:
            found[str(path)] = (path, inside.numbers(value))
    return found


def owner_of(frame: types.FrameType) -> Any:
    """Return the object of the submission whose method is called, the module for a function, None for neither."""
    code = frame.f_code
    if not code.co_flags & inspect.CO_OPTIMIZED or code.co_name.startswith("<"):
        return None
    first = frame.f_locals.get(code.co_varnames[0]) if code.co_argcount else None
    if type(first).__module__ in inside.OWN:
        return first
    return sys.modules.get(frame.f_globals.get("__name__", ""))


class Hook:
    """Follows the student's calls: the part that finding, recording and training have in common."""

    def __init__(self, files: set[str], seconds: float) -> None:
        self.deadline = time.monotonic() + seconds
        self.soon = self.deadline - SLACK * seconds
        self.frames: list[types.FrameType] = []
        self._files = files
        self._numbers: dict[int, int] = {}
        self._alive: list[Any] = []  # so that no identity is used twice
        self._events = 0

    def __call__(self, frame: types.FrameType, event: str, value: Any) -> None:
        if event not in ("call", "return") or frame.f_code.co_filename not in self._files:
            return
        self._events += 1
        if self._events > EVENTS or (self._events % 64 == 0 and time.monotonic() > self.deadline):
            raise Enough
        if event == "call":
            self.enter(frame, owner_of(frame))
            self.frames.append(frame)
        else:
            while self.frames and self.frames.pop() is not frame:
                pass
            self.leave(frame, value)

    def number(self, owner: Any) -> int:
        """Return the number of an object among those of its class, in the order in which they were seen."""
        if id(owner) not in self._numbers:
            self._numbers[id(owner)] = sum(type(one) is type(owner) for one in self._alive)
            self._alive.append(owner)
        return self._numbers[id(owner)]

    def enter(self, frame: types.FrameType, owner: Any) -> None:
        """Take note of a call; owner is what owner_of gives."""

    def leave(self, frame: types.FrameType, value: Any) -> None:
        """Take note of what a call returned."""


class Finder(Hook):
    """Lists the first calls that pass two numbers or more."""

    def __init__(self, files: set[str], seconds: float) -> None:
        super().__init__(files, seconds)
        self.calls: list[dict[str, Any]] = []
        self._latest = self.deadline
        self._open: dict[int, dict[str, Any]] = {}

    def enter(self, frame: types.FrameType, owner: Any) -> None:
        now = time.monotonic()
        if now - self._latest > LULL_S:
            raise Enough
        if owner is None:
            return
        number = self.number(owner)
        if frame.f_code.co_name == "__init__":
            return
        positional, named = arguments(frame, owner)
        values = [*positional, *named.values()][:8]
        passed = [number for value in values for number in flat(value)]
        if len(passed) < 2:
            return
        if len(self.calls) >= LOGGED or (len(self.calls) >= SOME and now > self.soon):
            raise Enough
        self._latest = now
        self._open[id(frame)] = call = {
            "class": type(owner).__name__[:NAME_CHARS],
            "method": frame.f_code.co_name[:NAME_CHARS],
            "object": number,
            "depth": len(self.frames),
            "shapes": [shape(value) for value in values],
            "passed": passed,
            "returned": [],
        }
        self.calls.append(call)

    def leave(self, frame: types.FrameType, value: Any) -> None:
        call = self._open.pop(id(frame), None)
        if call is not None:
            call["returned"] = flat(value)


class Follower(Hook):
    """Follows one object: class, object, and the method that is called once a step, "" for whatever is called."""

    def __init__(self, files: set[str], seconds: float, wanted: dict[str, Any]) -> None:
        super().__init__(files, seconds)
        self.owner: Any = None
        self._wanted = wanted

    def is_wanted(self, frame: types.FrameType, owner: Any) -> bool:
        """Say whether a call is one of those that bound the steps."""
        if owner is None:
            return False
        is_it = (
            self.number(owner) == self._wanted["object"] and type(owner).__name__[:NAME_CHARS] == self._wanted["class"]
        )
        if not self._wanted["method"]:
            if is_it and frame.f_code.co_name != "__init__":
                self.owner = owner
            return self.owner is not None
        if is_it and frame.f_code.co_name == self._wanted["method"]:
            self.owner = owner
            return True
        return False


class Recorder(Follower):
    """Keeps, at each call that bounds a step and at its return, the numbers inside the object.

    Where start holds numbers, they are set at the call `at` (or as soon as there is a place for them), and what came
    before it is forgotten.
    """

    def __init__(self, files: set[str], wanted: dict[str, Any], start: Any) -> None:
        super().__init__(files, wanted["seconds"], wanted)
        self.is_led = not len(start)
        self._start = start
        self.rows: list[dict[str, Any]] = []
        self.template: tuple[list[Any], dict[str, Any]] = ([], {})
        self._running: types.FrameType | None = None
        self._sites: dict[tuple[Any, ...], int] = {}

    def enter(self, frame: types.FrameType, owner: Any) -> None:
        if not self.is_wanted(frame, owner) or self._running is not None:
            if self.rows:
                count = frame.f_code.co_argcount
                self._note(*(frame.f_locals.get(name) for name in frame.f_code.co_varnames[:count]))
            return
        if not self.is_led and len(self.rows) >= self._wanted["at"]:
            self._lead()
        most = KEPT * (1 if self._wanted["method"] else 4)
        if len(self.rows) >= most or (len(self.rows) >= SOME and time.monotonic() > self.soon):
            raise Enough
        passed: list[float] = []
        if self._wanted["method"]:
            self._running = frame
            self.template = positional, named = copy.deepcopy(arguments(frame, owner))
            passed = [number for value in (*positional, *named.values()) for number in flat(value)]
        is_forward = self._wanted["forward"] == frame.f_code.co_name
        site = tuple((caller.f_code, caller.f_lineno) for caller in self.frames)
        before = held(self.owner)
        self.rows.append(
            {
                "before": before,
                "after": before,
                "passed": passed,
                "site": self._sites.setdefault(site, len(self._sites)) if self._wanted["method"] else int(is_forward),
                "depth": len(self.frames),
                "scalars": [],
            }
        )

    def _lead(self) -> None:
        """Set the numbers of the start, and keep nothing of what came before."""
        with contextlib.suppress(AttributeError, KeyError, IndexError, TypeError):  # not made yet
            inside.References(self.owner, self._wanted["references"]).write(self._start)
            self.is_led = True
            self.rows.clear()

    def leave(self, frame: types.FrameType, value: Any) -> None:
        if frame is self._running:
            self._running = None
            self.rows[-1]["after"] = held(self.owner)
        elif self.rows:
            self._note(value)

    def _note(self, *values: Any) -> None:
        scalars = self.rows[-1]["scalars"]
        for value in values:
            numbers = flat(value) if len(scalars) < SCALARS else []
            if len(numbers) == 1:
                scalars += numbers


class Starter(Follower):
    """Sets the numbers of the object when a step is first bounded, then counts such calls and looks at its answers.

    Where every call bounds a step, it counts those of the next one.
    """

    def __init__(self, files: set[str], settings: dict[str, Any], arrays: dict[str, Any], answers: Any) -> None:
        super().__init__(files, settings["seconds"], settings)
        self.count = 0
        self.squared: list[float] = []
        self.restored: tuple[Any, str, Any] | None = None
        self._has_started = self._is_looking = False
        self._settings, self._arrays, self._answers = settings, arrays, answers

    def enter(self, frame: types.FrameType, owner: Any) -> None:
        if not self._has_started:
            if not self.is_wanted(frame, owner):
                return
            try:
                inside.References(self.owner, self._settings["references"]).write(self._arrays["start"])
            except (AttributeError, KeyError, IndexError, TypeError):
                return  # not made yet
            self._has_started = True
            if not self._wanted["method"]:
                return  # the next call tells what is called often
        if owner is not None:
            self._count_calls(owner, frame.f_code.co_name)

    def _count_calls(self, owner: Any, name: str) -> None:
        """Put a counter around a method or function for as long as the run lasts, and stop to watch."""
        is_module = isinstance(owner, types.ModuleType)
        places = [owner] if is_module else type(owner).__mro__
        holder = next((one for one in places if name in vars(one)), None)
        if holder is None:
            return
        original = vars(holder)[name]

        def counted(*args: Any, **named: Any) -> Any:
            if not self._is_looking and (is_module or args[0] is owner):
                self._seen()
            return original(*args, **named)

        self.restored = (holder, name, original)
        setattr(holder, name, counted)
        sys.setprofile(None)

    def _seen(self) -> None:
        """Count a call; end the run when all errors are small, or when its time is over."""
        self.count += 1
        if self.count % LOOK:
            return
        if time.monotonic() > self.deadline:
            raise Enough
        self._is_looking = True
        try:
            answers = self._answers(self.owner)
        except Exception:
            return
        finally:
            self._is_looking = False
        errors = [abs(answer - label) for answer, label in zip(answers, self._arrays["labels"], strict=True)]
        if len(self.squared) < MOST_ERRORS:
            self.squared.append(sum(error * error for error in errors) / len(errors))
        if max(errors) < self._settings["near"]:
            raise Enough


class Observer:
    """The watched training of one submission, and the network that it left."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self._program = settings
        self._owner: Any = None
        self._template: tuple[list[Any], dict[str, Any]] = ([], {})
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

    def record(self, settings: dict[str, Any], arrays: dict[str, Any]) -> Answer:
        """Run again and follow one object, from a start if one is given. A row of each array is a call that bounds a step: see Follower."""
        recorder = Recorder(self._files, settings, arrays.get("start", ()))
        self._run(recorder, settings["seed"], lambda: bool(recorder.rows))
        rows = recorder.rows if recorder.is_led else []
        self._owner, self._template = recorder.owner, recorder.template
        if settings["shapes"] is not None:  # forward is another call than the one that bounds the steps
            self._template = templated(settings["shapes"], settings["numbers"]), {}
        if not rows:
            return {"places": [], "sites": [], "depths": []}, {}
        last = rows[-1]["after"]
        places = [(path, index) for path, numbers in last.values() for index in range(len(numbers))][:COLUMNS]
        keys = [(str(path), len(last[str(path)][1]), index) for path, index in places]

        def table(when: str) -> list[list[float]]:
            return [[column(row[when], *key) for key in keys] for row in rows]

        words = {"places": places, "sites": [row["site"] for row in rows], "depths": [row["depth"] for row in rows]}
        arrays = {"before": table("before"), "after": table("after")}
        return words, arrays | {name: padded(row[name] for row in rows) for name in ("passed", "scalars")}

    def methods(self, settings: dict[str, Any], _: dict[str, Any]) -> Answer:
        """Name what the recorded object can be asked with `count` arguments: its methods, or a module's functions."""
        owner, names = self._owner, []
        places = [vars(owner)] if isinstance(owner, types.ModuleType) else map(vars, type(owner).__mro__[:-1])
        for name, value in [pair for place in places for pair in place.items()]:
            if (
                isinstance(value, types.FunctionType)
                and value.__code__.co_filename in self._files
                and name != "__init__"
            ):
                with contextlib.suppress(TypeError, ValueError):
                    inspect.signature(getattr(owner, name)).bind(*[0.0] * settings["count"])
                    names.append(name)
        return {"names": list(dict.fromkeys(names))[:MOST_NAMES]}, {}

    def replay(self, settings: dict[str, Any], arrays: dict[str, Any]) -> Answer:
        """Write each row of parameters (m, k) and call forward for x (q, 2), `rows` examples a call: (m, q)."""
        references = inside.References(self._owner, settings["references"])
        outputs = []
        for row in arrays["parameters"]:
            references.write(row)
            outputs.append(self._forward(self._owner, settings, arrays["x"]))
        return {}, {"outputs": outputs}

    def influence(self, settings: dict[str, Any], arrays: dict[str, Any]) -> Answer:
        """From a start, add 1 to one number at a time: which outputs `moved` (k, q), which numbers `changed` with it (k, k)."""
        references = inside.References(self._owner, settings["references"])
        with contextlib.suppress(Exception):
            references.write(arrays["start"])
        start = references.read()
        output = self._forward(self._owner, settings, arrays["x"])
        moved, changed = [], []
        for reference, value in zip(settings["references"], start, strict=True):
            one = inside.References(self._owner, [reference])
            try:
                one.write([value + 1.0])
                changed.append([float(a != b) for a, b in zip(references.read(), start, strict=True)])
                moved.append(self._forward(self._owner, settings, arrays["x"]))
            except Exception:
                changed[len(moved) :] = [[0.0] * len(start)]
                moved.append(output)
            with contextlib.suppress(Exception):
                one.write([value])
        return {}, {"base": output, "moved": moved, "changed": changed}

    def train(self, settings: dict[str, Any], arrays: dict[str, Any]) -> Answer:
        """Run again from the start given, and answer with the parameters at the end and the squared errors."""

        def answers(owner: Any) -> list[float]:
            target = owner if isinstance(owner, types.ModuleType) else copy.deepcopy(owner)
            return self._forward(target, settings, arrays["x"])

        starter = Starter(self._files, settings, arrays, answers)
        try:
            self._run(starter, settings["seed"], lambda: starter.count > 0)
        finally:
            if starter.restored is not None:
                setattr(*starter.restored)
        if starter.owner is None:
            return {"count": 0}, {"values": [], "squared": []}
        values = inside.References(starter.owner, settings["references"]).read()
        return {"count": starter.count}, {"values": values, "squared": starter.squared}

    # -- helpers

    def _run(self, hook: Hook, seed: int, has_begun: Callable[[], bool]) -> str:
        """Run the file as a program under a hook; say what ended it early, "" for nothing."""
        inside.OWN.add(PROGRAM)
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

    def _forward(self, owner: Any, settings: dict[str, Any], x: Any) -> list[float]:
        """Call an object's forward with x (q, 2) in the place of the examples that it was seen to get."""
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
            values = [inside.like(one, numbers) if flat(one) else one for one in (*positional, *named.values())]
            names = dict(zip(named, values[len(positional) :], strict=True))
            with quiet():
                returned = flat(getattr(owner, settings["forward"])(*values[: len(positional)], **names))
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
    classes = [one for one in vars(module).values() if isinstance(one, type) and one.__module__ in inside.OWN]
    for cls in reversed(classes):
        try:
            made = cls()
        except Exception:
            continue
        with contextlib.suppress(Exception):
            if callable(train):
                train(made, samples, EPOCHS)
                return


def templated(shapes: list[list[int]], numbers: list[float]) -> list[Any]:
    """Return arguments of these shapes that hold the numbers."""
    left = list(numbers)
    taken = [[left.pop(0) for _ in range(math.prod(one))] for one in shapes]
    return [base.np.reshape(some, one) if one else some[0] for one, some in zip(shapes, taken, strict=True)]


def column(found: dict[str, tuple[list[Any], list[float]]], place: str, size: int, index: int) -> float:
    """Return one number of a snapshot, NaN where it was not there yet."""
    numbers = found.get(place, ([], []))[1]
    return numbers[index] if len(numbers) == size else math.nan


def padded(rows: Any) -> list[list[float]]:
    """Return rows of numbers at the same length, NaN at their ends."""
    listed = list(rows)
    longest = max(map(len, listed), default=0)
    return [[*row, *[math.nan] * (longest - len(row))] for row in listed]
