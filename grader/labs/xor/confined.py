"""What this lab does beside the student's code: many calls in one request, and watching a training of their own.

Nothing here judges, and what it answers is believed no more than any answer. Students can read this file: it holds no
expected value, threshold, seed or rule. The standard library only; numpy comes with the object finder.
"""

from __future__ import annotations

import contextlib
import copy
import inspect
import io
import math
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

PROGRAM = "__main__"  # __name__ of the student's file while it is watched
LOGGED = 600  # calls told by `discover`
SOME = 50  # calls that are enough after SOON
LOOK = 32  # calls between two looks at the answers
KEPT = 160  # calls of forward kept by `record`
LAYOUTS = 32  # ways in which objects hold their numbers, told by `discover`
HELD = 64  # numbers in one argument, return value or holder
COLUMNS = 160  # numbers inside the network that are followed
SCALARS, RETURNED = 64, 8  # numbers passed and returned between two calls of forward, and of one return
EVENTS = 2_000_000  # calls and returns, after which a run has shown enough: work is counted, no clock decides
SOON = LULL = EVENTS // 5  # LULL: without a call that passes numbers, the training has no more to show
EPOCHS = 5_000  # of a training that has to be started
MOST_NAMES = 12
NAME_CHARS = 80
MOST_ERRORS = 200_000
WALK_FOUND = 800  # objects and holders of numbers told by `describe`
TRACED = 64  # calls told by `trace`
LOSSES = 200_000

Values = dict[str, Any]


# --- the objects of the contract ----------------------------------------------------------------


def describe(objects: Any, target: Any) -> Values:
    """List the objects of the submission inside one object, and the numbers they hold."""
    find = objects.find
    found: list[Values] = []
    identities: dict[int, int] = {}
    own = set()
    for value, path, holder in find.walk(target):
        same = identities.setdefault(id(value), len(identities))
        if holder is None:
            own.add(type(value))
        if holder is None:
            found.append({"path": path, "class": type(value).__name__[:80], "same": same})
        else:
            found.append({"path": path, "same": same, **find.form(value), "size": find.size_of(value)})
    classes = {cls.__name__[:80]: [base.__name__[:80] for base in cls.__mro__[:-1]] for cls in list(own)[:WALK_FOUND]}
    return {"found": found[:WALK_FOUND], "classes": classes, "is_cut": len(found) > WALK_FOUND}


def read(objects: Any, target: Any, *, references: Any) -> Values:
    """Read numbers inside an object."""
    return {"values": objects.find.References(target, references).read()}


def write(objects: Any, target: Any, *, references: Any, values: Any) -> Values:
    """Write numbers inside an object and read them again."""
    places = objects.find.References(target, references)
    places.write(values)
    return {"values": places.read()}


def forward(objects: Any, target: Any, *, form: str, x: Any, references: Any = None, values: Any = None) -> Values:
    """Call forward once for each row of x and answer with the outputs, (n,); write values before."""
    find = objects.find
    if values is not None:
        find.References(target, references).write(values)
    outputs, afterwards, output = [], [], None
    call = objects.method(target, "forward")
    for row in x:
        given, named = given_as(objects, form, row)
        output = find.first(objects.call(call, *given, **named))
        outputs.append(find.numbers(output)[:4] if find.is_numeric(output) else [])
        afterwards.append(find.numbers([*given, *named.values()]))
    objects.kept[id(target)] = output  # the form of its errors
    return {"form": find.form(output), "outputs": even(objects, outputs), "x": even(objects, afterwards)}


def even(objects: Any, rows: list[list[float]]) -> Any:
    """Return rows of numbers as an array, without columns where they differ in length."""
    np = objects.find.np
    return np.array(rows) if len({len(row) for row in rows}) == 1 else np.zeros((len(rows), 0))


def call(objects: Any, *, name: str, arguments: Any, output_of: Any = None) -> Values:
    """Call a function of the module once for each row of arguments, (n, k); one number each.

    The first argument comes in the form of the last output of an object, where one is given.
    """
    find, values = objects.find, []
    function = objects.named(name)
    for row in arguments:
        passed = row.tolist()
        if output_of is not None:
            output = objects.kept.get(id(output_of), 0.0)
            passed[0] = find.like(output, [passed[0]]) if find.is_numeric(output) else passed[0]
        result = objects.call(function, *passed)
        if not find.is_numeric(result) or len(find.numbers(result)) != 1:
            return {"values": find.np.zeros(0)}
        values.append(find.numbers(result)[0])
    return {"values": find.np.array(values)}


def trace(objects: Any, root: Any, *, form: str, x: Any, parts: Any) -> Values:
    """Run one forward and list the calls of forward of the given parts, in order.

    Each row of `calls` is: number of the part, output, how many inputs, inputs (8 at most).
    """
    find = objects.find
    numbered = {id(find.resolve(root, path)): number for number, path in enumerate(parts)}
    calls: list[list[float]] = []
    running: list[int] = []

    def watched(original: Any) -> Any:
        def forward(neuron: Any, *arguments: Any, **named: Any) -> Any:
            number = numbered.get(id(neuron), -1)
            if number in running:  # the forward of a base class: one call of the neuron
                return original(neuron, *arguments, **named)
            running.append(number)
            kept = copy.deepcopy((arguments, named))
            try:
                output = original(neuron, *arguments, **named)
            finally:
                running.remove(number)
            value, received = find.first(output), [*kept[0], *kept[1].values()]
            if number >= 0 and len(calls) < TRACED and find.is_numeric(received) and find.is_numeric(value):
                objects.kept[str(number)] = kept
                inputs = find.numbers(received)[:8]
                padding = [0.0] * (8 - len(inputs))
                calls.append([number, find.numbers(value)[0], len(inputs), *inputs, *padding])
            return output

        return forward

    changed = []
    for cls in {base for path in parts for base in type(find.resolve(root, path)).__mro__[:-1]}:
        own = vars(cls).get("forward")
        for name, value in list(vars(cls).items()):
            if own is not None and value is own:  # forward, and __call__ = forward
                changed.append((cls, name, own))
                setattr(cls, name, watched(own))
    try:
        values = forward(objects, root, form=form, x=x)
    finally:
        for cls, name, own in changed:
            setattr(cls, name, own)
    return {**values, "calls": find.np.array(calls, dtype=float).reshape(len(calls), 11)}


def trace_backward(
    objects: Any, root: Any, *, form: str, x: Any, err: float, parts: Any, references: Any, parameters: Any
) -> Values:
    """Write parameters, run one forward and one backward, and list the calls of backward of the given parts, in order.

    Each row of `calls` is: number of the part, how many numbers it was passed, these (8 at most).
    """
    find = objects.find
    find.References(root, references).write(parameters)
    numbered = {id(find.resolve(root, path)): number for number, path in enumerate(parts)}
    calls: list[list[float]] = []

    def watched(original: Any) -> Any:
        def backward(neuron: Any, *arguments: Any, **named: Any) -> Any:
            number = numbered.get(id(neuron), -1)
            if number >= 0 and len(calls) < TRACED and f"back:{number}" not in seen:
                seen.add(f"back:{number}")
                objects.kept[f"back:{number}"] = copy.deepcopy((arguments, named))
                passed = [item for value in (*arguments, *named.values()) for item in numbers_in(find, value)]
                calls.append([number, len(passed), *passed[:8], *[0.0] * (8 - len(passed))])
            return original(neuron, *arguments, **named)

        return backward

    seen: set[str] = set()
    changed, name = [], "backward"
    for cls in {base for path in parts for base in type(find.resolve(root, path)).__mro__[:-1]}:
        own = vars(cls).get(name)
        if own is not None:
            changed.append((cls, own))
            setattr(cls, name, watched(own))
    try:
        forward(objects, root, form=form, x=x[None, :])
        backward(objects, root, form, x, err)
    finally:
        for cls, own in changed:
            setattr(cls, name, own)
    return {"calls": find.np.array(calls, dtype=float).reshape(len(calls), 10)}


def numbers_in(find: Any, value: Any) -> list[float]:
    """Return the numbers of an argument, none of one that holds something else."""
    return find.numbers(value) if find.is_numeric(value) else []


def influence(objects: Any, target: Any, *, form: str, x: Any, references: Any, delta: float) -> Values:
    """Add delta to one number at a time, and answer with the outputs for each row of x.

    A row of `moved` is one number, (n,); it equals the base where the changed object raised.
    """
    find = objects.find
    first_run = forward(objects, target, form=form, x=x)
    base = first_run["outputs"]
    moved = []
    for path, index in references:
        reference = find.References(target, [(path, index)])
        (before,) = reference.read()
        try:
            reference.write([before + delta])
            outputs = forward(objects, target, form=form, x=x)["outputs"]
        except Exception:
            outputs = find.np.zeros((0, 0))
        reference.write([before])
        fits = outputs.shape == base.shape
        same = base[:, 0] if base.shape[1] else find.np.zeros(len(base))
        moved.append(outputs[:, 0] if fits and outputs.shape[1] else same)
    rows = find.np.array(moved).reshape(len(moved), len(base))
    return {"form": first_run["form"], "outputs": base, "moved": rows}


def steps(
    objects: Any, *targets: Any, form: str, references: Any, parameters: Any, x: Any, err: Any, way: Any = None
) -> Values:
    """Make one step of learning, from outside, on each of the objects: write the parameters, forward, backward, read.

    A row of parameters, x and err is one step; `sizes` says how many of `returned` each backward gave. way, if given, is
    how backward is called, as it was seen: see `given_back`.
    """
    find = objects.find
    before, after, outputs, returned, answer = [], [], [], [], {}
    for target, numbers, row, error in zip(targets, parameters, x, err, strict=True):
        places = find.References(target, references)
        places.write(numbers)
        before.append(places.read())
        answer = forward(objects, target, form=form, x=row[None, :])
        try:
            returned.append(backward(objects, target, form, row, error, way=way))
        except (TypeError, IndexError, AttributeError):  # a neuron whose model passes an array of one
            places.write(numbers)
            forward(objects, target, form=form, x=row[None, :])
            returned.append(backward(objects, target, form, row, error, is_array=True, way=way))
        outputs.append(answer["outputs"][0].tolist())
        after.append(places.read())
    np = find.np
    return {
        "form": answer["form"], "outputs": even(objects, outputs), "before": np.array(before), "after": np.array(after),
        "sizes": np.array([len(row) for row in returned], dtype=float), "returned": np.concatenate(returned),
    }  # fmt: skip


def epochs(
    objects: Any, target: Any, *, form: str, x: Any, labels: Any, scale: float | None, epochs: int, references: Any
) -> Values:
    """Train: for each row of x, forward and backward(x, scale * (label - y)), epochs times; without a scale, with the module's loss."""
    find, losses = objects.find, []
    for _ in range(epochs):
        squared = 0.0
        for row, label in zip(x, labels, strict=True):
            ((given,), _) = given_as(objects, form, row)
            output = find.first(target.forward(given))
            error = label - find.numbers(output)[0]
            squared += error * error
            objects.kept[id(target)] = output
            if scale is None:
                target.backward(given, objects.named("loss")(output, find.plain_number(label)))
            else:
                target.backward(given, error_as(objects, target, scale * error))
        losses.append(squared / len(labels))
    values = find.References(target, references).read()
    final = forward(objects, target, form=form, x=x)
    return {"form": final["form"], "losses": find.np.array(losses), "outputs": final["outputs"], "values": values}


def train(objects: Any, target: Any, *, form: str, x: Any, labels: Any, epochs: int) -> Values:
    """Call the student's train(model, samples, epochs) and answer with the losses it returns."""
    find = objects.find
    samples = [
        (given_as(objects, form, row)[0][0], find.plain_number(label)) for row, label in zip(x, labels, strict=True)
    ]
    returned = objects.call(objects.named("train"), target, samples, epochs)
    losses = find.numbers(returned) if find.is_numeric(returned) else []
    final = forward(objects, target, form=form, x=x)
    return {"form": final["form"], "losses": find.np.array(losses[:LOSSES]), "outputs": final["outputs"]}


def backward(
    objects: Any, target: Any, form: str, row: Any, error: float, *, is_array: bool = False, way: Any = None
) -> Any:
    """Call backward(x, err), err in the form of the last output; return the numbers it gives, 16 at most."""
    find = objects.find
    if way is not None:
        given, named = given_back(objects, way, row, float(error))
        returned = objects.call(objects.method(target, "backward"), *given, **named)
        return find.np.array(find.numbers(returned)[:16] if find.is_numeric(returned) else [], dtype=float)
    err = error_as(objects, target, float(error))
    err = find.np.reshape(err, 1) if is_array else err
    x, named = given_as(objects, form, row)
    method = objects.method(target, "backward")
    if len(x) + len(named) != 1:  # forward(x1, x2): backward takes them as one x
        x, named = (row.copy(),), {}
    returned = objects.call(method, *x, *named.values(), err)
    return find.np.array(find.numbers(returned)[:16] if find.is_numeric(returned) else [], dtype=float)


def given_back(objects: Any, way: Values, row: Any, error: float) -> tuple[tuple[Any, ...], Values]:
    """Return the arguments that a part's backward was seen to get, with other numbers: way["places"] are columns of row, -1 for the error."""
    find = objects.find
    given, named = objects.kept[f"back:{way['part']}"]
    values = [*given, *named.values()]
    flat = [number for value in values for number in numbers_in(find, value)]
    for place, column in way["places"]:
        flat[place] = error if column < 0 else float(row[column])
    made = [find.like(value, flat) if numbers_in(find, value) else value for value in values]
    return tuple(made[: len(given)]), dict(zip(named, made[len(given) :], strict=True))


def error_as(objects: Any, target: Any, value: float) -> Any:
    """Return an error in the container that the student's loss gives, or that the output has."""
    find = objects.find
    output = objects.kept.get(id(target), 0.0)
    loss = getattr(objects.module, "loss", None)
    if type(target).__name__ == "Model" and callable(loss):
        try:
            given = loss(copy.deepcopy(output), 0.0)
            if find.is_numeric(given) and len(find.numbers(given)) == 1:
                return find.like(given, [value])
        except Exception:
            pass  # the case about the loss will say so
    elif find.np.ndim(output) < 2:
        return value
    return find.like(output, [value] * len(find.numbers(output))) if find.is_numeric(output) else value


def given_as(objects: Any, form: str, row: Any) -> tuple[tuple[Any, ...], Values]:
    """Return the arguments of forward in the form asked for, or as that part was seen to get."""
    if form.startswith("seen:"):
        return objects.find.like(objects.kept[form[5:]], row.tolist())  # type: ignore[no-any-return]
    if form in ("list", "tuple"):
        return (row.tolist() if form == "list" else tuple(row.tolist()),), {}
    return ({"vector": row, "row": row[None, :], "column": row[:, None]}[form].copy(),), {}


# --- a training of the student's own ------------------------------------------------------------


class StopRun(BaseException):
    """Ends the student's run: enough was seen."""


class NullStream(io.RawIOBase):
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
    if not find.is_numeric(value) or find.size_of(value) > HELD:
        return []
    return find.numbers(value)  # type: ignore[no-any-return]


def shape(value: Any) -> list[int]:
    """Return the shape of a numeric value, [] for a number and [0] for what is none."""
    count = len(flat(value))
    if not count:
        return [0]
    try:
        found = [int(extent) for extent in find.np.shape(value)]
    except ValueError:
        return [count]
    return found if math.prod(found) == count else [count]


def held(root: Any) -> dict[str, tuple[list[Any], list[float]]]:
    """Return the numbers inside an object by the place of their holder."""
    found = {}
    for value, path, holder in find.walk(root):
        if holder is not None and find.size_of(value) <= HELD:
            found[str(path)] = (path, find.numbers(value))
    return found


def few(root: Any) -> list[tuple[list[Any], Any, list[float]]]:
    """Return (place, value, numbers) of each holder inside an object; none where they hold too many in all."""
    found = []
    for value, path, holder in find.walk(root):
        if holder is not None and find.size_of(value) <= HELD:
            found.append((path, value, find.numbers(value)))
    return found if sum(len(numbers) for _, _, numbers in found) <= HELD else []


class PassedParameters:
    """The arguments of a call, but for those of the examples, as an object that holds the network's numbers."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.__dict__.update(values)


def owner_of(frame: types.FrameType) -> Any:
    """Return the object of the submission whose method is called, the module for a function, None for neither."""
    code = frame.f_code
    if not code.co_flags & inspect.CO_OPTIMIZED or code.co_name.startswith("<"):
        return None
    first = frame.f_locals.get(code.co_varnames[0]) if code.co_argcount else None
    if type(first).__module__ in find.OWN:
        return first
    return sys.modules.get(frame.f_globals.get("__name__", ""))


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
            self._take(frame, owner)
            return True
        return False


class Recorder(Follower):
    """Keeps, at each call that bounds a step and at its return, the numbers inside the object.

    Where start holds numbers, they are set at the call `at` (or as soon as there is a place for them), and what came
    before it is forgotten.
    """

    def __init__(self, files: set[str], wanted: dict[str, Any], start: Any) -> None:
        super().__init__(files, wanted)
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
        if len(self.rows) >= most or (len(self.rows) >= SOME and self.events > SOON):
            raise StopRun
        passed: list[float] = []
        if self._wanted["method"]:
            self._running = frame
            self.template = positional, named = copy.deepcopy(arguments(frame, owner))
            passed = [number for value in (*positional, *named.values()) for number in flat(value)]
            if self._wanted["inside"]:
                passed = [number for path in self._wanted["inside"] for number in held_at(self.owner, path)]
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
            find.References(self.owner, self._wanted["references"]).write(self._start)
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
                scalars += numbers


class Starter(Follower):
    """Sets the numbers of the object when a step is first bounded, then counts such calls and looks at its answers.

    Where every call bounds a step, it counts those of the next one.
    """

    def __init__(self, files: set[str], settings: dict[str, Any], arrays: dict[str, Any], answers: Any) -> None:
        super().__init__(files, settings)
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
                find.References(self.owner, self._settings["references"]).write(self._arrays["start"])
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
        if self.count % LOOK:
            return
        if self.count >= self._settings["calls"]:
            raise StopRun
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
            raise StopRun


class Observer:
    """The watched training of one submission, and the network that it left."""

    def __init__(self, objects: Any) -> None:
        self._objects = objects
        self._program = objects.program
        self._owner: Any = None
        self._template: tuple[list[Any], dict[str, Any]] = ([], {})
        self._files = objects.files

    def discover(self, settings: dict[str, Any]) -> Values:
        """Run the file as a program and list the first calls of methods: `calls` with the counts of their numbers."""
        finder = Finder(self._files)
        problem = self._run(finder, settings, lambda: bool(finder.calls))
        calls = [{**call, "passed": len(call["passed"]), "returned": len(call["returned"])} for call in finder.calls]
        numbers = [number for call in finder.calls for number in (*call["passed"], *call["returned"])]
        return {
            "calls": calls,
            "layouts": finder.layouts,
            "problem": problem,
            "logs": self._takes_logarithms(),
            "numbers": find.np.array(numbers, dtype=float),
        }

    def record(self, settings: dict[str, Any], start: Any) -> Values:
        """Run again and follow one object, from a start if one is given. A row of each array is a call that bounds a step: see Follower."""
        recorder = Recorder(self._files, settings, () if start is None else start)
        self._run(recorder, settings, lambda: bool(recorder.rows))
        rows = recorder.rows if recorder.is_led else []
        self._owner, self._template = recorder.owner, recorder.template
        if settings["shapes"] is not None:  # forward is another call than the one that bounds the steps
            self._template = templated(settings["shapes"], settings["numbers"]), {}
        if not rows:
            return {"places": [], "sites": [], "depths": []}
        last = rows[-1]["after"]
        places = [(path, index) for path, numbers in last.values() for index in range(len(numbers))][:COLUMNS]
        keys = [(str(path), len(last[str(path)][1]), index) for path, index in places]

        def table(when: str) -> list[list[float]]:
            return [[column(row[when], *key) for key in keys] for row in rows]

        words = {"places": places, "sites": [row["site"] for row in rows], "depths": [row["depth"] for row in rows]}
        arrays = {"before": table("before"), "after": table("after")}
        arrays |= {name: padded(row[name] for row in rows) for name in ("passed", "scalars")}
        return words | {name: table_of(some) for name, some in arrays.items()}

    def methods(self, settings: dict[str, Any]) -> Values:
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
        return {"names": list(dict.fromkeys(names))[:MOST_NAMES]}

    def replay(self, settings: dict[str, Any], arrays: dict[str, Any]) -> Values:
        """Write each row of parameters (m, k) and call forward for x (q, 2), `rows` examples a call: (m, q)."""
        references = find.References(self._owner, settings["references"])
        outputs = []
        for row in arrays["parameters"]:
            references.write(row)
            outputs.append(self._forward(self._owner, settings, arrays["x"]))
        return {"outputs": table_of(outputs)}

    def influence(self, settings: dict[str, Any], arrays: dict[str, Any]) -> Values:
        """From a start, add 1 to one number at a time: which outputs `moved` (k, q), which numbers `changed` with it (k, k)."""
        references = find.References(self._owner, settings["references"])
        with contextlib.suppress(Exception):
            references.write(arrays["start"])
        start = references.read()
        output = self._forward(self._owner, settings, arrays["x"])
        moved, changed = [], []
        for reference, value in zip(settings["references"], start, strict=True):
            probed = find.References(self._owner, [reference])
            try:
                probed.write([value + 1.0])
                changed.append([float(a != b) for a, b in zip(references.read(), start, strict=True)])
                moved.append(self._forward(self._owner, settings, arrays["x"]))
            except Exception:
                changed[len(moved) :] = [[0.0] * len(start)]
                moved.append(output)
            with contextlib.suppress(Exception):
                probed.write([value])
        return {"base": find.np.array(output), "moved": table_of(moved), "changed": table_of(changed)}

    def train(self, settings: dict[str, Any], arrays: dict[str, Any]) -> Values:
        """Run again from the start given, and answer with the parameters at the end and the squared errors."""

        def answers(owner: Any) -> list[float]:
            target = owner if isinstance(owner, types.ModuleType) else copy.deepcopy(owner)
            return self._forward(target, settings, arrays["x"])

        starter = Starter(self._files, settings, arrays, answers)
        try:
            self._run(starter, settings, lambda: starter.count > 0)
        finally:
            if starter.restored is not None:
                setattr(*starter.restored)
        if starter.owner is None:
            return {"count": 0, "values": find.np.zeros(0), "squared": find.np.zeros(0)}
        values = find.References(starter.owner, settings["references"]).read()
        return {"count": starter.count, "values": values, "squared": find.np.array(starter.squared)}

    # -- helpers

    def _run(self, hook: Hook, settings: dict[str, Any], has_begun: Callable[[], bool]) -> str:
        """Run the file as a program under a hook; say what went wrong first, "" for nothing."""
        find.OWN.add(PROGRAM)
        module = types.ModuleType(PROGRAM)
        sys.modules[PROGRAM] = module
        self._objects.initialize(module)
        self._objects.start(settings["skipped"], StopRun)
        self._objects.seed(settings["seed"])
        problem = ""
        try:
            with quiet():
                sys.setprofile(hook)
                problem = self._objects.run(module)
                if not has_begun():
                    start_training(module)
        except StopRun:
            return ""
        except BaseException as error:
            return type(error).__name__[:80]
        finally:
            sys.setprofile(None)
        return problem[:80]  # type: ignore[no-any-return]

    def _forward(self, owner: Any, settings: dict[str, Any], x: Any) -> list[float]:
        """Call an object's forward with x (q, 2) in the place of the examples that it was seen to get."""
        slots, outs = settings["slots"], settings["outputs"]
        found: list[float] = []
        rows = x.tolist()
        for start in range(0, len(rows), len(slots)):
            some = rows[start : start + len(slots)]
            whole = some + [some[-1]] * (len(slots) - len(some))
            placed = [
                (place, number)
                for places, row in zip(slots, whole, strict=True)
                for place, number in zip(places, row, strict=True)
            ]
            positional, named = self._given(owner, settings, placed)
            if settings["taken"]:
                function = getattr(sys.modules[PROGRAM], settings["forward"])
            else:
                function = getattr(owner, settings["forward"])
            with quiet():
                returned = flat(function(*positional, **named))
            if settings["answers"]:
                returned = held_at(owner, settings["answers"])
            found += [returned[out] for out in outs][: len(some)]
        return found

    def _given(
        self, owner: Any, settings: dict[str, Any], placed: list[tuple[int, float]]
    ) -> tuple[list[Any], dict[str, Any]]:
        """Return forward's arguments with numbers put into their places; those inside the object are written there."""
        positional, named = self._template
        if settings["inside"]:
            flats = [(path, index) for path in settings["inside"] for index in range(len(held_at(owner, path)))]
            find.References(owner, [flats[place] for place, _ in placed]).write([number for _, number in placed])
            return list(positional), named
        values = [*positional, *named.values()]
        for place in settings["taken"]:
            values[place] = vars(owner).get(f"argument{place}", values[place])
        numbers = [number for value in values for number in flat(value)]
        for place, number in placed:
            numbers[place] = number
        made = [find.like(value, numbers) if flat(value) else value for value in values]
        return made[: len(positional)], dict(zip(named, made[len(positional) :], strict=True))

    def _takes_logarithms(self) -> bool:
        """Say whether any function of the submission names a logarithm."""
        codes = self._objects.codes()
        while codes:
            code = codes.pop()
            if any(name.startswith("log") for name in code.co_names):
                return True
            codes += [const for const in code.co_consts if isinstance(const, types.CodeType)]
        return False


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Forget what is printed meanwhile."""
    sink = io.TextIOWrapper(io.BufferedWriter(NullStream()), encoding="utf-8", errors="replace", write_through=True)
    with contextlib.redirect_stdout(sink), contextlib.redirect_stderr(sink):
        yield


def start_training(module: types.ModuleType) -> None:
    """Call the file's train with an object of one of its classes, as the file did not."""
    samples = [((0, 0), 0), ((0, 1), 1), ((1, 0), 1), ((1, 1), 0)]
    train = getattr(module, "train", None)
    classes = [var for var in vars(module).values() if isinstance(var, type) and var.__module__ in find.OWN]
    for cls in reversed(classes):
        try:
            made = cls()
        except Exception:
            continue
        with contextlib.suppress(Exception):
            if callable(train):
                train(made, samples, EPOCHS)
                return


def held_at(owner: Any, path: list[Any]) -> list[float]:
    """Return the numbers of one holder inside an object, none where it is not there."""
    try:
        return flat(find.resolve(owner, path))
    except (AttributeError, KeyError, IndexError, TypeError):
        return []


def templated(shapes: list[list[int]], numbers: list[float]) -> list[Any]:
    """Return arguments of these shapes that hold the numbers."""
    left = list(numbers)
    taken = [[left.pop(0) for _ in range(math.prod(shape))] for shape in shapes]
    return [find.np.reshape(some, shape) if shape else some[0] for shape, some in zip(shapes, taken, strict=True)]


def table_of(rows: list[list[float]]) -> Any:
    """Return rows of numbers of one length as an array."""
    return find.np.array(rows, dtype=float).reshape(len(rows), len(rows[0]) if rows else 0)


def column(found: dict[str, tuple[list[Any], list[float]]], place: str, size: int, index: int) -> float:
    """Return one number of a snapshot, NaN where it was not there yet."""
    numbers = found.get(place, ([], []))[1]
    return numbers[index] if len(numbers) == size else math.nan


def padded(rows: Any) -> list[list[float]]:
    """Return rows of numbers at the same length, NaN at their ends."""
    listed = list(rows)
    longest = max(map(len, listed), default=0)
    return [[*row, *[math.nan] * (longest - len(row))] for row in listed]


# What the trusted side may ask for. The watched training is one for the whole submission, whatever case is running.

find: Any = None  # the object finder
watched: Observer | None = None


def observer(objects: Any) -> Observer:
    """Return the watched training, which begins with `discover`."""
    global find, watched
    if watched is None:
        find = objects.find
        watched = Observer(objects)
    return watched


def discover(objects: Any, *, settings: Values) -> Values:
    """Watch the first calls of a run: see Observer."""
    return observer(objects).discover(settings)


def record(objects: Any, *, settings: Values, start: Any = None) -> Values:
    """Record the steps of a run, from a start if one is given: see Observer."""
    return observer(objects).record(settings, start)


def methods(objects: Any, *, settings: Values) -> Values:
    """Name the methods of the recorded object: see Observer."""
    return observer(objects).methods(settings)


def replay(objects: Any, *, settings: Values, parameters: Any, x: Any) -> Values:
    """Call the recorded forward with other parameters: see Observer."""
    return observer(objects).replay(settings, {"parameters": parameters, "x": x})


def perturb(objects: Any, *, settings: Values, x: Any, start: Any) -> Values:
    """Change one number of the recorded object at a time: see Observer."""
    return observer(objects).influence(settings, {"x": x, "start": start})


def retrain(objects: Any, *, settings: Values, x: Any, labels: Any, start: Any) -> Values:
    """Run the training again from a start: see Observer."""
    return observer(objects).train(settings, {"x": x, "labels": labels, "start": start})


OPERATIONS = (
    describe, read, write, forward, call, trace, trace_backward, influence, steps, epochs, train,
    discover, record, methods, replay, perturb, retrain,
)  # fmt: skip
