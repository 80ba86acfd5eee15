"""Profile hooks that follow a watched run: find the calls of a network, record its steps, and set its starting weights."""

from __future__ import annotations

import contextlib
import copy
import math
import sys
import types
from typing import Any

from . import frames
from .frames import (
    PassedParameters,
    StopRun,
    arguments,
    few,
    flat,
    held,
    held_at,
    owner_of,
    returned_numbers,
    shape,
)

LOGGED = 600  # calls in the result of `discover`
ENOUGH_CALLS = 50  # after SOON
LOOK = 32  # calls between two checks of the outputs, and two points of a training's path
KEPT = 160  # calls of forward in the result of `record`
COLUMNS = 160  # numbers inside the network that are recorded
LAYOUTS = 32  # layouts in the result of `discover`
SCALARS = 96  # numbers passed and returned between two calls of forward, with a gap after each value
RETURNED = 8  # numbers of one return
EVENTS = 2_000_000  # calls and returns until a run is ended; events are counted because time would vary
SOON = LULL = EVENTS // 5  # LULL: a run is ended after this many events without a call that passes numbers
NAME_CHARS = 80
MOST_ERRORS = 200_000
MOVERS = 8  # changes of weights whose functions are noted


class Hook:
    """Base of the profile hooks: follows the calls of the student's functions."""

    def __init__(self, files: set[str]) -> None:
        self.events = 0
        self.frames: list[types.FrameType] = []
        self._files = files
        self._numbers: dict[int, int] = {}
        self._alive: list[Any] = []  # keeps objects alive so that no id is reused

    def __call__(self, frame: types.FrameType, event: str, value: Any) -> None:
        if event not in ("call", "return"):
            return
        code = frame.f_code  # read once: each time raises an audit event
        if code.co_filename not in self._files:
            return
        self.events += 1
        if self.events > EVENTS:
            raise StopRun
        if event == "call":
            self.enter(frame, code, owner_of(frame, code))
            self.frames.append(frame)
        else:
            while self.frames and self.frames.pop() is not frame:
                pass
            self.leave(frame, value)

    def number(self, owner: Any) -> int:
        """Return the index of an object among those of its class, in the order in which they were seen."""
        key = frames.find.identity(owner)
        if key not in self._numbers:
            self._numbers[key] = sum(type(item) is type(owner) for item in self._alive)
            self._alive.append(owner)
        return self._numbers[key]

    def enter(self, frame: types.FrameType, code: types.CodeType, owner: Any) -> None:
        """Handle a call of the code of a frame; owner is the result of owner_of."""

    def leave(self, frame: types.FrameType, value: Any) -> None:
        """Handle a return; value is the returned value."""


class Finder(Hook):
    """Hook that lists the first calls that pass two or more numbers, or whose object holds two that are 0 or 1.

    In the latter case, the numbers in the object count as passed. If a call returns no numbers, those in the object after
    it count as returned. `inside` and `answers` are then the index of the layout, the (path, size) of each holder, else -1.
    """

    def __init__(self, files: set[str]) -> None:
        super().__init__(files)
        self.calls: list[dict[str, Any]] = []
        self.layouts: list[list[tuple[list[Any], int]]] = []
        self._latest = 0
        self._open: dict[int, tuple[dict[str, Any], Any]] = {}

    def enter(self, frame: types.FrameType, code: types.CodeType, owner: Any) -> None:
        if self._latest and self.events - self._latest > LULL:
            raise StopRun
        if owner is None:
            return
        number = self.number(owner)
        if code.co_name == "__init__":
            return
        positional, named = arguments(frame, code, owner)
        values, inside = [*positional, *named.values()][:8], -1
        passed = [number for value in values for number in flat(value)]
        if len(passed) < 2:
            places = [] if isinstance(owner, types.ModuleType) else few(owner)
            if not any(len(numbers) > 1 and {0.0, 1.0}.issuperset(numbers) for _, _, numbers in places):
                return
            inside, values = self._layout(places), [value for _, value, _ in places]
            if inside < 0:
                return
            passed = [number for _, _, numbers in places for number in numbers]
        if len(self.calls) >= LOGGED or (len(self.calls) >= ENOUGH_CALLS and self.events > SOON):
            raise StopRun
        self._latest = self.events
        call = {
            "class": type(owner).__name__[:NAME_CHARS],
            "method": code.co_name[:NAME_CHARS],
            "object": number,
            "depth": len(self.frames),
            "shapes": [shape(value) for value in values],
            "inside": inside,
            "answers": -1,
            "passed": passed,
            "returned": [],
        }
        self._open[frames.find.identity(frame)] = call, owner
        self.calls.append(call)

    def leave(self, frame: types.FrameType, value: Any) -> None:
        call, owner = self._open.pop(frames.find.identity(frame), ({}, None))
        if not call:
            return
        call["returned"] = returned_numbers(value)
        if not call["returned"] and not isinstance(owner, types.ModuleType):
            places = few(owner)
            call["answers"] = self._layout(places)
            if call["answers"] >= 0:
                call["returned"] = [number for _, _, numbers in places for number in numbers]

    def _layout(self, places: list[tuple[list[Any], Any, list[float]]]) -> int:
        """Return the index of a layout, or -1 if there are too many."""
        layout = [(path, len(numbers)) for path, _, numbers in places]
        if layout not in self.layouts and len(self.layouts) < LAYOUTS:
            self.layouts.append(layout)
        return self.layouts.index(layout) if layout in self.layouts else -1


class Follower(Hook):
    """Base of hooks that follow one object, given by class and index, and the method that bounds its steps.

    The method is called once per step; "" means that every call bounds a step.
    """

    def __init__(self, files: set[str], wanted: dict[str, Any]) -> None:
        super().__init__(files)
        self.owner: Any = None
        self._wanted = wanted

    def _take(self, frame: types.FrameType, code: types.CodeType, owner: Any) -> None:
        """Use an object as the network, or if the weights are arguments, an object made of these."""
        self.owner = owner
        if self._wanted["taken"]:
            positional, named = arguments(frame, code, owner)
            self.owner = self.taken([*positional, *named.values()])

    def taken(self, values: list[Any]) -> PassedParameters:
        """Return an object that holds the arguments that are weights."""
        return PassedParameters(
            {f"argument{place}": values[place] for place in self._wanted["taken"] if place < len(values)}
        )

    def is_wanted(self, frame: types.FrameType, code: types.CodeType, owner: Any) -> bool:
        """Return whether a call bounds a step."""
        if owner is None:
            return False
        is_it = (
            self.number(owner) == self._wanted["object"] and type(owner).__name__[:NAME_CHARS] == self._wanted["class"]
        )
        if not self._wanted["method"]:
            if is_it and code.co_name != "__init__":
                self.owner = owner
            return self.owner is not None
        if is_it and code.co_name == self._wanted["method"]:
            self._take(frame, code, owner)
            return True
        return False


class Recorder(Follower):
    """Hook that records the numbers inside the object at each call that bounds a step, and at its return.

    If start is not empty, its numbers are set at call number `at`, or as soon as they can be, earlier records are dropped,
    and only these numbers are recorded, until they have changed `changes` times between two recorded calls. In a resumed
    training, `at` is ignored: they are set at a call of the given site and depth, if any, before which they have changed.
    """

    def __init__(self, files: set[str], wanted: dict[str, Any], start: Any) -> None:
        super().__init__(files, wanted)
        self.is_led = not len(start)
        self._start = start
        self.rows: list[dict[str, Any]] = []
        self.template: tuple[list[Any], dict[str, Any]] = ([], {})
        self._running: types.FrameType | None = None
        self._sites: dict[tuple[Any, ...], int] = {}
        self._is_resumed = False
        self._latest: list[float] | None = None
        self._changes = 0
        self.movers: list[list[str]] = []
        self._held: list[float] | None = None

    def resume(self, starter: Starter) -> None:
        """Follow the object of a training that is already running, from its next call on."""
        self.owner, self._numbers, self._alive = starter.owner, starter._numbers, starter._alive
        self._is_resumed = True
        frame = sys._getframe()
        while (caller := frame.f_back) is not None:
            frame = caller
            if frame.f_code.co_filename in self._files:
                self.frames.insert(0, frame)
        sys.setprofile(self)

    def enter(self, frame: types.FrameType, code: types.CodeType, owner: Any) -> None:
        self._watch(self.frames)
        if not self.is_wanted(frame, code, owner) or self._running is not None:
            if self.rows:
                passed_in = frame.f_locals
                self._note(*(passed_in.get(name) for name in code.co_varnames[: code.co_argcount]))
            return
        is_forward = self._wanted["forward"] == code.co_name
        if not self.is_led and self._is_time(is_forward):
            self._lead()
        most = KEPT * (1 if self._wanted["method"] else 4)
        is_enough = len(self.rows) >= most or (len(self.rows) >= ENOUGH_CALLS and self.events > SOON)
        if is_enough or self._changes >= self._wanted["changes"]:
            raise StopRun
        passed: list[float] = []
        if self._wanted["method"]:
            self._running = frame
            self.template = positional, named = copy.deepcopy(arguments(frame, code, owner))
            passed = [number for value in (*positional, *named.values()) for number in flat(value)]
            if self._wanted["inside"]:
                passed = [number for path in self._wanted["inside"] for number in held_at(self.owner, path)]
        site = tuple((caller.f_code, caller.f_lineno) for caller in self.frames)
        before = self._inside()
        self._changes += bool(len(self._start) and self.is_led and self.rows and before != self.rows[-1]["before"])
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

    def _read(self) -> list[float] | None:
        """Return the numbers that are set, or None if they do not exist."""
        try:
            return frames.find.References(self.owner, self._wanted["references"]).read().tolist()  # type: ignore[no-any-return]
        except (AttributeError, KeyError, IndexError, TypeError):
            return None

    def _inside(self) -> Any:
        """Return the numbers that are set, or if none are, all inside the object."""
        return (self._read() or [math.nan] * len(self._start)) if len(self._start) else held(self.owner)

    def tables(self) -> tuple[list[Any], dict[str, list[list[float]]]]:
        """Return the places of the recorded numbers, and these before and after each call, (n, k), NaN where there was none."""
        if len(self._start):
            return self._wanted["references"], {when: [row[when] for row in self.rows] for when in ("before", "after")}
        keys = [*self.rows[-1]["after"]][:COLUMNS]
        return [(list(path), index) for path, _, index in keys], {
            when: [[row[when].get(key, math.nan) for key in keys] for row in self.rows] for when in ("before", "after")
        }

    def _watch(self, stack: list[types.FrameType]) -> None:
        """Note in which functions, the innermost first, the numbers that are led changed since the last look."""
        if not (self.rows and len(self._start)) or len(self.movers) >= MOVERS:
            return
        before, self._held = self._held, self._read()
        if before is not None and self._held is not None and stack and before != self._held:
            inner = stack[self.rows[-1]["depth"] :] or stack[-1:]
            names = [frame.f_code.co_qualname[:NAME_CHARS] for frame in reversed(inner)]
            self.movers.append([names[0], names[-1]])

    def _is_time(self, is_forward: bool) -> bool:
        """Return whether the start is to be set at this call."""
        if not self._is_resumed:
            return bool(len(self.rows) >= self._wanted["at"])
        before, self._latest = self._latest, self._read()
        site, depth = self._wanted["site"], self._wanted["depth"]
        is_whole = site in (None, int(is_forward)) and depth in (None, len(self.frames))
        has_changed = before is not None and self._latest is not None and before != self._latest
        return is_whole and has_changed

    def _lead(self) -> None:
        """Set the starting weights, and drop earlier records."""
        with contextlib.suppress(AttributeError, KeyError, IndexError, TypeError):  # weights that do not exist yet
            frames.find.References(self.owner, self._wanted["references"]).write(self._start)
            self.is_led = True
            self._held, self.movers = None, []
            self.rows.clear()

    def leave(self, frame: types.FrameType, value: Any) -> None:
        self._watch([*self.frames, frame])
        if frame is self._running:
            self._running = None
            self.rows[-1]["after"] = self._inside()
        elif self.rows:
            self._note(value, most=RETURNED)

    def _note(self, *values: Any, most: int = 1) -> None:
        scalars = self.rows[-1]["scalars"]
        for value in values:
            numbers = flat(value, most) if len(scalars) < SCALARS - most else []
            if numbers:
                scalars += [*numbers, math.nan]


class Starter(Follower):
    """Hook that sets the object's weights at the first call that bounds a step, then counts such calls and checks outputs.

    If every call bounds a step, it counts calls of the function that is called next. At call number `at`, the recorder
    takes over, if there is one.
    """

    def __init__(
        self,
        files: set[str],
        settings: dict[str, Any],
        arrays: dict[str, Any],
        answers: Any,
        recorder: Recorder | None = None,
    ) -> None:
        super().__init__(files, settings)
        self.count = 0
        self.squared: list[float] = []
        self.path: list[Any] = []
        self._recorder = recorder
        self.restored: tuple[Any, str, Any] | None = None
        self._has_started = self._is_looking = False
        self._counted: types.CodeType | None = None
        self._arrays, self._answers = arrays, answers

    def enter(self, frame: types.FrameType, code: types.CodeType, owner: Any) -> None:
        if not self._has_started:
            if not self.is_wanted(frame, code, owner):
                return
            try:
                frames.find.References(self.owner, self._wanted["references"]).write(self._arrays["start"])
            except (AttributeError, KeyError, IndexError, TypeError):
                return  # the weights do not exist yet
            self._has_started = True
            if not self._wanted["method"]:
                return  # count calls of the function that is called next
        if self._counted is None and owner is not None:
            self._count_calls(owner, code)
        if self._counted is code:
            self._take(frame, code, owner)
            self._seen()

    def _count_calls(self, owner: Any, code: types.CodeType) -> None:
        """Wrap a method or function in a counter for the rest of the run, and stop profiling, which takes longer."""
        name, is_module = code.co_name, isinstance(owner, types.ModuleType)
        places = [owner] if is_module else type(owner).__mro__
        holder = next((place for place in places if name in vars(place)), None)
        if holder is None:
            return
        original = vars(holder)[name]
        if is_module and getattr(original, "__closure__", None):  # other functions may call it without the module
            self._counted = code
            return

        def counted(*args: Any, **named: Any) -> Any:
            if not self._is_looking and (is_module or args[0] is owner):
                if self._wanted["taken"]:
                    self.owner = self.taken([*args[0 if is_module else 1 :], *named.values()])
                self._seen()
            return original(*args, **named)

        self.restored = (holder, name, original)
        setattr(holder, name, counted)
        sys.setprofile(None)

    def _seen(self) -> None:
        """Count a call; end the run once all errors are small or there were enough calls."""
        self.count += 1
        if self._recorder is not None:
            if self.count == self._wanted["at"]:
                self._is_looking = True  # the counter stays, so that a program that inspects its callers sees no change
                self._recorder.resume(self)
            return
        if self.count % LOOK:
            return
        if self.count >= self._wanted["calls"]:
            raise StopRun
        self._is_looking = True
        try:
            self.path.append(frames.find.References(self.owner, self._wanted["references"]).read())
            answers = self._answers(self.owner)
        except Exception:
            return
        finally:
            self._is_looking = False
        errors = [abs(answer - label) for answer, label in zip(answers, self._arrays["labels"], strict=True)]
        if len(self.squared) < MOST_ERRORS:
            self.squared.append(sum(error * error for error in errors) / len(errors))
        if max(errors) < self._wanted["near"]:
            raise StopRun
