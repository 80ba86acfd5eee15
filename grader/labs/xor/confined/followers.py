"""Follows the calls of a run that is watched: finds those of a network, records its steps, sets its start."""

from __future__ import annotations

import contextlib
import copy
import math
import sys
import types
from typing import Any

from . import frames
from .frames import PassedParameters, StopRun, arguments, few, flat, held, held_at, owner_of, shape

LOGGED = 600  # calls told by `discover`
SOME = 50  # calls that are enough after SOON
LOOK = 32  # calls between two looks at the answers
KEPT = 160  # calls of forward kept by `record`
LAYOUTS = 32  # ways in which objects hold their numbers, told by `discover`
SCALARS, RETURNED = (
    96,
    8,
)  # numbers passed and returned between two calls of forward, with a gap after each value, and of one return
EVENTS = 2_000_000  # calls and returns, after which a run has shown enough: work is counted, no clock decides
SOON = LULL = EVENTS // 5  # LULL: without a call that passes numbers, the training has no more to show
NAME_CHARS = 80
MOST_ERRORS = 200_000


class Hook:
    """Follows the student's calls: the part that finding, recording and training have in common."""

    def __init__(self, files: set[str]) -> None:
        self.events = 0
        self.frames: list[types.FrameType] = []
        self._files = files
        self._numbers: dict[int, int] = {}
        self._alive: list[Any] = []  # so that no identity is used twice

    def __call__(self, frame: types.FrameType, event: str, value: Any) -> None:
        if event not in ("call", "return") or frame.f_code.co_filename not in self._files:
            return
        self.events += 1
        if self.events > EVENTS:
            raise StopRun
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
            self._numbers[id(owner)] = sum(type(item) is type(owner) for item in self._alive)
            self._alive.append(owner)
        return self._numbers[id(owner)]

    def enter(self, frame: types.FrameType, owner: Any) -> None:
        """Take note of a call; owner is what owner_of gives."""

    def leave(self, frame: types.FrameType, value: Any) -> None:
        """Take note of what a call returned."""


class Finder(Hook):
    """Lists the first calls that pass two numbers or more, or whose object holds two that are 0 or 1.

    What such an object holds counts as passed (`inside`), and what it holds afterwards as returned where nothing is
    (`answers`): the number of the layout that tells (place, size) of each holder, -1 for none.
    """

    def __init__(self, files: set[str]) -> None:
        super().__init__(files)
        self.calls: list[dict[str, Any]] = []
        self.layouts: list[list[tuple[list[Any], int]]] = []
        self._latest = 0
        self._open: dict[int, tuple[dict[str, Any], Any]] = {}

    def enter(self, frame: types.FrameType, owner: Any) -> None:
        if self._latest and self.events - self._latest > LULL:
            raise StopRun
        if owner is None:
            return
        number = self.number(owner)
        if frame.f_code.co_name == "__init__":
            return
        positional, named = arguments(frame, owner)
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
        if len(self.calls) >= LOGGED or (len(self.calls) >= SOME and self.events > SOON):
            raise StopRun
        self._latest = self.events
        call = {
            "class": type(owner).__name__[:NAME_CHARS],
            "method": frame.f_code.co_name[:NAME_CHARS],
            "object": number,
            "depth": len(self.frames),
            "shapes": [shape(value) for value in values],
            "inside": inside,
            "answers": -1,
            "passed": passed,
            "returned": [],
        }
        self._open[id(frame)] = call, owner
        self.calls.append(call)

    def leave(self, frame: types.FrameType, value: Any) -> None:
        call, owner = self._open.pop(id(frame), ({}, None))
        if not call:
            return
        call["returned"] = flat(value)
        if not call["returned"] and not isinstance(owner, types.ModuleType):
            places = few(owner)
            call["answers"] = self._layout(places)
            if call["answers"] >= 0:
                call["returned"] = [number for _, _, numbers in places for number in numbers]

    def _layout(self, places: list[tuple[list[Any], Any, list[float]]]) -> int:
        """Return the number of a layout, -1 where there are too many."""
        layout = [(path, len(numbers)) for path, _, numbers in places]
        if layout not in self.layouts and len(self.layouts) < LAYOUTS:
            self.layouts.append(layout)
        return self.layouts.index(layout) if layout in self.layouts else -1


class Follower(Hook):
    """Follows one object: class, object, and the method that is called once a step, "" for whatever is called."""

    def __init__(self, files: set[str], wanted: dict[str, Any]) -> None:
        super().__init__(files)
        self.owner: Any = None
        self._wanted = wanted

    def _take(self, frame: types.FrameType, owner: Any) -> None:
        """Take an object for the network; where its numbers are arguments, these."""
        self.owner = owner
        if self._wanted["taken"]:
            positional, named = arguments(frame, owner)
            self.owner = self.taken([*positional, *named.values()])

    def taken(self, values: list[Any]) -> PassedParameters:
        """Return the arguments that the network's numbers are in."""
        return PassedParameters(
            {f"argument{place}": values[place] for place in self._wanted["taken"] if place < len(values)}
        )

    def is_wanted(self, frame: types.FrameType, owner: Any) -> bool:
        """Return whether a call is one of those that bound the steps."""
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
            self._take(frame, owner)
            return True
        return False


class Recorder(Follower):
    """Keeps, at each call that bounds a step and at its return, the numbers inside the object.

    Where start holds numbers, they are set at the call `at` (or as soon as there is a place for them), and what came
    before it is forgotten. In a training that was resumed, `at` is not counted here: they are set at a call of that site
    and depth, if these are given, before which the numbers changed.
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
        self._latest: Any = None

    def resume(self, starter: Starter) -> None:
        """Follow the object of a training that runs already, from its next call on."""
        self.owner, self._numbers, self._alive = starter.owner, starter._numbers, starter._alive
        self._is_resumed = True
        frame = sys._getframe()
        while (caller := frame.f_back) is not None:
            frame = caller
            if frame.f_code.co_filename in self._files:
                self.frames.insert(0, frame)
        sys.setprofile(self)

    def enter(self, frame: types.FrameType, owner: Any) -> None:
        if not self.is_wanted(frame, owner) or self._running is not None:
            if self.rows:
                count = frame.f_code.co_argcount
                self._note(*(frame.f_locals.get(name) for name in frame.f_code.co_varnames[:count]))
            return
        is_forward = self._wanted["forward"] == frame.f_code.co_name
        if not self.is_led and self._is_time(is_forward):
            self._lead()
        most = KEPT * (1 if self._wanted["method"] else 4)
        if len(self.rows) >= most or (len(self.rows) >= SOME and self.events > SOON):
            raise StopRun
        passed: list[float] = []
        if self._wanted["method"]:
            self._running = frame
            self.template = positional, named = copy.deepcopy(arguments(frame, owner))
            passed = [number for value in (*positional, *named.values()) for number in flat(value)]
            if self._wanted["inside"]:
                passed = [number for path in self._wanted["inside"] for number in held_at(self.owner, path)]
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

    def _is_time(self, is_forward: bool) -> bool:
        """Return whether the start is to be set at this call."""
        if not self._is_resumed:
            return bool(len(self.rows) >= self._wanted["at"])
        before, self._latest = self._latest, frames.find.References(self.owner, self._wanted["references"]).read()
        site, depth = self._wanted["site"], self._wanted["depth"]
        is_whole = site in (None, int(is_forward)) and depth in (None, len(self.frames))
        return is_whole and before is not None and before.tolist() != self._latest.tolist()

    def _lead(self) -> None:
        """Set the numbers of the start, and keep nothing of what came before."""
        with contextlib.suppress(AttributeError, KeyError, IndexError, TypeError):  # not made yet
            frames.find.References(self.owner, self._wanted["references"]).write(self._start)
            self.is_led = True
            self.rows.clear()

    def leave(self, frame: types.FrameType, value: Any) -> None:
        if frame is self._running:
            self._running = None
            self.rows[-1]["after"] = held(self.owner)
        elif self.rows:
            self._note(value, most=RETURNED)

    def _note(self, *values: Any, most: int = 1) -> None:
        scalars = self.rows[-1]["scalars"]
        for value in values:
            numbers = flat(value) if len(scalars) < SCALARS - most else []
            if 0 < len(numbers) <= most:
                scalars += [*numbers, math.nan]


class Starter(Follower):
    """Sets the numbers of the object when a step is first bounded, then counts such calls and looks at its answers.

    Where every call bounds a step, it counts those of the next one. At the call `at` a recorder takes over, if there is one.
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
        self._settings, self._arrays, self._answers = settings, arrays, answers

    def enter(self, frame: types.FrameType, owner: Any) -> None:
        if not self._has_started:
            if not self.is_wanted(frame, owner):
                return
            try:
                frames.find.References(self.owner, self._settings["references"]).write(self._arrays["start"])
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
        holder = next((place for place in places if name in vars(place)), None)
        if holder is None:
            return
        original = vars(holder)[name]

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
        """Count a call; end the run when all errors are small, or when there were enough."""
        self.count += 1
        if self._recorder is not None:
            if self.count == self._settings["at"]:
                self._is_looking = (
                    True  # the counter stays where it is: a program that looks at its callers sees no change
                )
                self._recorder.resume(self)
            return
        if self.count % LOOK:
            return
        if self.count >= self._settings["calls"]:
            raise StopRun
        self._is_looking = True
        try:
            self.path.append(frames.find.References(self.owner, self._settings["references"]).read())
            answers = self._answers(self.owner)
        except Exception:
            return
        finally:
            self._is_looking = False
        errors = [abs(answer - label) for answer, label in zip(answers, self._arrays["labels"], strict=True)]
        if len(self.squared) < MOST_ERRORS:
            self.squared.append(sum(error * error for error in errors) / len(errors))
        if max(errors) < self._settings["near"]:
            raise StopRun
