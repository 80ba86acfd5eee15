"""Operations that watch the student's own training: run the program, record its steps, replay them, and run it again."""

from __future__ import annotations

import contextlib
import copy
import functools
import itertools
import sys
import types
from collections.abc import Callable
from typing import Any

from . import frames
from .followers import Finder, Hook, Recorder, Starter
from .frames import (
    StopRun,
    Values,
    flat,
    held_at,
    is_enough,
    padded,
    quiet,
    returned_numbers,
    table_of,
    templated,
)

PROGRAM = "__main__"  # __name__ of the student's file while it is watched
EPOCHS = 5_000  # of a training that the program does not start itself
MOST_NAMES = 12


class Observer:
    """The watched training of one submission, and the object recorded last."""

    def __init__(self, objects: Any) -> None:
        self._objects = objects
        self._owner: Any = None
        self._template: tuple[list[Any], dict[str, Any]] = ([], {})
        self._files = objects.files

    def discover(self, settings: Values) -> Values:
        """Run the file as a program and list the first calls that pass numbers, with the counts of these."""
        finder = Finder(self._files)
        problem = self._run(finder, settings, lambda: bool(finder.calls))
        calls = [{**call, "passed": len(call["passed"]), "returned": len(call["returned"])} for call in finder.calls]
        numbers = [number for call in finder.calls for number in (*call["passed"], *call["returned"])]
        return {
            "calls": calls,
            "layouts": finder.layouts,
            "problem": problem,
            "logs": self._takes_logarithms(),
            "classes": any(own_classes(sys.modules[name]) for name in frames.find.OWN if name in sys.modules),
            "numbers": frames.find.np.array(numbers, dtype=float),
        }

    def record(self, settings: Values, start: Any = None, begin: Any = None) -> Values:
        """Run again and record one object; set its weights to `start`, if given.

        With begin, the training starts with those weights, and `start` is set later. Each row of the arrays is a call that
        bounds a step; see Follower.
        """
        recorder = Recorder(self._files, settings, () if start is None else start)
        if begin is None:
            self._run(recorder, settings, lambda: bool(recorder.rows))
        else:
            self._train(Starter(self._files, settings, {"start": begin}, None, recorder), settings)
        rows = recorder.rows if recorder.is_led else []
        self._owner, self._template = recorder.owner, recorder.template
        if settings["shapes"] is not None:  # forward is not the call that bounds the steps
            self._template = templated(settings["shapes"], settings["numbers"]), {}
        if not rows:
            return {"movers": [], "places": [], "sites": [], "depths": []}
        places, arrays = recorder.tables()
        words = {
            "movers": recorder.movers,
            "places": places,
            "sites": [row["site"] for row in rows],
            "depths": [row["depth"] for row in rows],
        }
        arrays |= {name: padded(row[name] for row in rows) for name in ("passed", "scalars")}
        return words | {name: table_of(some) for name, some in arrays.items()}

    def methods(self, settings: Values) -> Values:
        """List the methods of the recorded object, or a module's functions, that accept `count` arguments."""
        owner, names = self._owner, []
        places = [vars(owner)] if isinstance(owner, types.ModuleType) else map(vars, type(owner).__mro__[:-1])
        for name, value in [pair for place in places for pair in place.items()]:
            if (
                isinstance(value, types.FunctionType)
                and value.__code__.co_filename in self._files
                and name != "__init__"
                and is_enough(getattr(owner, name), settings["count"])
            ):
                names.append(name)
        return {"names": list(dict.fromkeys(names))[:MOST_NAMES]}

    @quiet()
    def replay(self, settings: Values, parameters: Any, x: Any) -> Values:
        """Write each row of parameters (m, k), call forward for x (q, 2), and return the outputs (m, q)."""
        references = frames.find.References(self._owner, settings["references"])
        outputs = []
        for row in parameters:
            references.write(row)
            outputs.append(self._forward(self._owner, settings, x))
        return {"outputs": table_of(outputs)}

    @quiet()
    def perturb(self, settings: Values, x: Any, start: Any) -> Values:
        """Add 1 to one number at a time, from a start; return the outputs `moved` (k, q) and numbers that `changed` (k, k)."""
        references = frames.find.References(self._owner, settings["references"])
        with contextlib.suppress(Exception):
            references.write(start)
        start = references.read()
        output = self._forward(self._owner, settings, x)
        moved, changed = [], []
        for reference, value in zip(settings["references"], start, strict=True):
            probed = frames.find.References(self._owner, [reference])
            try:
                probed.write([value + 1.0])
                changed.append([float(a != b) for a, b in zip(references.read(), start, strict=True)])
                moved.append(self._forward(self._owner, settings, x))
            except Exception:
                changed[len(moved) :] = [[0.0] * len(start)]
                moved.append(output)
            with contextlib.suppress(Exception):
                probed.write([value])
        return {"base": frames.find.np.array(output), "moved": table_of(moved), "changed": table_of(changed)}

    def retrain(self, settings: Values, x: Any, labels: Any, start: Any) -> Values:
        """Run the training again from given weights; return the weights at the end and on the way, and squared errors."""

        def answers(owner: Any) -> list[float]:
            target = owner if isinstance(owner, types.ModuleType) else copy.deepcopy(owner)
            return self._forward(target, settings, x)

        starter = Starter(self._files, settings, {"start": start, "labels": labels}, answers)
        self._train(starter, settings)
        np, owner = frames.find.np, starter.owner
        return {
            "count": starter.count,
            "values": np.zeros(0) if owner is None else frames.find.References(owner, settings["references"]).read(),
            "squared": np.array(starter.squared),
            "path": table_of(starter.path),
        }

    # -- helpers

    def _train(self, starter: Starter, settings: Values) -> None:
        """Run a training from a start, and remove the hook's counter from the program afterwards."""
        try:
            self._run(starter, settings, lambda: starter.count > 0)
        finally:
            if starter.restored is not None:
                setattr(*starter.restored)

    def _run(self, hook: Hook, settings: Values, has_begun: Callable[[], bool]) -> str:
        """Run the file as a program under a hook; return the type of its first exception, or ""."""
        frames.find.OWN.add(PROGRAM)
        module = types.ModuleType(PROGRAM)
        sys.modules[PROGRAM] = module
        self._objects.initialize(module)
        self._objects.start(settings["skipped"], StopRun)
        self._objects.seed(settings["seed"])
        try:
            with quiet():
                sys.setprofile(hook)
                problem: str = self._objects.run(module)
                if not has_begun():
                    start_training(module)
                return problem[:80]
        except StopRun:
            return ""
        except BaseException as error:
            return type(error).__name__[:80]
        finally:
            sys.setprofile(None)

    def _forward(self, owner: Any, settings: Values, x: Any) -> list[float]:
        """Call an object's forward with x (q, 2) in place of the examples that it was seen to get; return the outputs."""
        slots, outs = settings["slots"], settings["outputs"]
        found: list[float] = []
        rows = x.tolist()
        for start in range(0, len(rows), len(slots)):
            some = rows[start : start + len(slots)]
            whole = some + [some[-1]] * (len(slots) - len(some))
            placed = [*zip(itertools.chain(*slots), itertools.chain(*whole), strict=True)]
            positional, named = self._given(owner, settings, placed)
            function = getattr(sys.modules[PROGRAM] if settings["taken"] else owner, settings["forward"])
            returned = returned_numbers(function(*positional, **named))
            if settings["answers"]:
                returned = held_at(owner, settings["answers"])
            found += [returned[out] for out in outs][: len(some)]
        return found

    def _given(self, owner: Any, settings: Values, placed: list[tuple[int, float]]) -> tuple[list[Any], dict[str, Any]]:
        """Return forward's arguments with these numbers in their places; examples that the object holds are written there."""
        positional, named = self._template
        if settings["inside"]:
            flats = [(path, index) for path in settings["inside"] for index in range(len(held_at(owner, path)))]
            frames.find.References(owner, [flats[place] for place, _ in placed]).write([number for _, number in placed])
            return list(positional), named
        values = [*positional, *named.values()]
        for place in settings["taken"]:
            values[place] = vars(owner).get(f"argument{place}", values[place])
        numbers = [number for value in values for number in flat(value)]
        for place, number in placed:
            numbers[place] = number
        filled = [frames.find.like(value, numbers) if flat(value) else value for value in values]
        return filled[: len(positional)], dict(zip(named, filled[len(positional) :], strict=True))

    def _takes_logarithms(self) -> bool:
        """Return whether the submission's code uses a name that begins with "log"."""
        codes = self._objects.codes()
        while codes:
            code = codes.pop()
            if any(name.startswith("log") for name in code.co_names):
                return True
            codes += [const for const in code.co_consts if isinstance(const, types.CodeType)]
        return False


def own_classes(module: types.ModuleType) -> list[type]:
    """Return the classes of the submission among a module's names."""
    return [item for item in vars(module).values() if isinstance(item, type) and item.__module__ in frames.find.OWN]


def start_training(module: types.ModuleType) -> None:
    """Call the file's train with an object of one of its classes, because the program did not train."""
    samples = [((0, 0), 0), ((0, 1), 1), ((1, 0), 1), ((1, 1), 0)]
    train = getattr(module, "train", None)
    for cls in reversed(own_classes(module)):
        with contextlib.suppress(Exception):
            model = cls()
            if callable(train):
                train(model, samples, EPOCHS)
                return


watched: Observer | None = None


def observer(objects: Any) -> Observer:
    """Return the observer of this process, which is created at the first operation and shared by all cases."""
    global watched
    if watched is None:
        frames.find = objects.find
        vars(sys)["getprofile"] = lambda: None  # steps must not depend on whether they are recorded
        watched = Observer(objects)
    return watched


def operation(method: Callable[..., Values]) -> Callable[..., Values]:
    """Return the operation that calls a method of the observer of this process."""

    @functools.wraps(method)
    def function(objects: Any, **settings: Any) -> Values:
        return method(observer(objects), **settings)

    return function


OPERATIONS = tuple(
    operation(method)
    for method in (
        Observer.discover, Observer.record, Observer.methods, Observer.replay, Observer.perturb, Observer.retrain
    )
)  # fmt: skip
