"""Operations that make many calls of the student's objects in one request."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Iterator
from typing import Any

from .frames import Values, is_enough

FOUND = 800  # objects and holders of numbers in the result of `describe`
TRACED = 64  # calls in the result of `trace`
LOSSES = 200_000


def describe(objects: Any, target: Any) -> Values:
    """List the submission's objects inside an object, and the numbers they hold."""
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
    classes = {cls.__name__[:80]: [base.__name__[:80] for base in cls.__mro__[:-1]] for cls in list(own)[:FOUND]}
    return {"found": found[:FOUND], "classes": classes, "is_cut": len(found) > FOUND}


def read(objects: Any, target: Any, *, references: Any) -> Values:
    """Read numbers inside an object."""
    return {"values": objects.find.References(target, references).read()}


def write(objects: Any, target: Any, *, references: Any, values: Any) -> Values:
    """Write numbers inside an object and read them back."""
    places = objects.find.References(target, references)
    places.write(values)
    return {"values": places.read()}


def forward(objects: Any, target: Any, *, form: str, x: Any, references: Any = None, values: Any = None) -> Values:
    """Call forward once per row of x and return the outputs; write values first, if given."""
    find = objects.find
    if values is not None:
        find.References(target, references).write(values)
    outputs, afterwards, output = [], [], None
    call = objects.method(target, "forward")
    for row in x:
        given, named = given_as(objects, form, row)
        output = find.first(objects.call(call, *given, **named))
        outputs.append(numbers_in(find, output)[:4])
        afterwards.append(find.numbers([*given, *named.values()]))
    objects.kept[id(target)] = output  # the form of its errors
    return {"form": find.form(output), "outputs": even(objects, outputs), "x": even(objects, afterwards)}


def even(objects: Any, rows: list[list[float]]) -> Any:
    """Return rows of numbers as an array, with no columns if the rows differ in length."""
    np = objects.find.np
    return np.array(rows) if len({len(row) for row in rows}) == 1 else np.zeros((len(rows), 0))


def call(objects: Any, *, name: str, arguments: Any, output_of: Any = None) -> Values:
    """Call a function of the module once per row of arguments, (n, k), and return one number per row.

    With output_of, the first argument has the form of that object's last output.
    """
    find, values = objects.find, []
    function = objects.named(name)
    for row in arguments:
        passed = row.tolist()
        if output_of is not None:
            output = objects.kept.get(id(output_of), 0.0)
            passed[0] = find.like(output, [passed[0]]) if find.is_numeric(output) else passed[0]
        numbers = numbers_in(find, objects.call(function, *passed))
        if len(numbers) != 1:
            return {"values": find.np.zeros(0)}
        values += numbers
    return {"values": find.np.array(values)}


@contextlib.contextmanager
def watched(objects: Any, root: Any, parts: Any, name: str, note: Callable[[int, Any, Any], None]) -> Iterator[None]:
    """Call note(index of the part, copies of its arguments, output) after each call of a method of the given parts.

    A call inside another one of the same part, like that of a base class, belongs to the outer one.
    """
    find = objects.find
    numbered = {id(find.resolve(root, path)): number for number, path in enumerate(parts)}
    running: list[int] = []

    def watching(original: Any) -> Any:
        def method(part: Any, *arguments: Any, **named: Any) -> Any:
            number = numbered.get(id(part))
            if number is None or number in running:
                return original(part, *arguments, **named)
            running.append(number)
            kept = copy.deepcopy((arguments, named))
            try:
                output = original(part, *arguments, **named)
            finally:
                running.remove(number)
            note(number, kept, output)
            return output

        return method

    own = {base for path in parts for base in type(find.resolve(root, path)).__mro__ if vars(base).get(name)}
    changed = [(cls, key, value) for cls in own for key, value in vars(cls).items() if value is vars(cls)[name]]
    for cls, key, original in changed:  # forward, and __call__ = forward
        setattr(cls, key, watching(original))
    try:
        yield
    finally:
        for cls, key, original in changed:
            setattr(cls, key, original)


def trace(objects: Any, root: Any, *, form: str, x: Any, parts: Any) -> Values:
    """Run one forward and list the calls of forward of the given parts, in order.

    Each row of `calls` is: index of the part, output, number of inputs, inputs (at most 8).
    """
    find = objects.find
    calls: list[list[float]] = []

    def note(number: int, kept: Any, output: Any) -> None:
        value, received = find.first(output), [*kept[0], *kept[1].values()]
        if len(calls) < TRACED and find.is_numeric(received) and find.is_numeric(value):
            objects.kept[str(number)] = kept
            inputs = find.numbers(received)[:8]
            calls.append([number, find.numbers(value)[0], len(inputs), *eight(inputs)])

    with watched(objects, root, parts, "forward", note):
        values = forward(objects, root, form=form, x=x)
    return {**values, "calls": find.np.array(calls, dtype=float).reshape(len(calls), 11)}


def trace_backward(
    objects: Any, root: Any, *, form: str, x: Any, err: float, parts: Any, references: Any, parameters: Any
) -> Values:
    """Write parameters, run one forward and one backward, and list the first call of backward of each of the given parts.

    Each row of `calls` is: index of the part, how many numbers it was passed, these numbers (at most 8).
    """
    find = objects.find
    find.References(root, references).write(parameters)
    calls: dict[int, list[float]] = {}

    def note(number: int, kept: Any, _: Any) -> None:
        if number not in calls:
            objects.kept[f"back:{number}"] = kept
            passed = [item for value in (*kept[0], *kept[1].values()) for item in numbers_in(find, value)]
            calls[number] = [number, len(passed), *eight(passed)]

    with watched(objects, root, parts, "backward", note):
        forward(objects, root, form=form, x=x[None, :])
        backward(objects, root, form, x, err)
    return {"calls": find.np.array([*calls.values()], dtype=float).reshape(len(calls), 10)}


def eight(numbers: list[float]) -> list[float]:
    """Return the first eight numbers, with 0 for missing ones."""
    return [*numbers[:8], *[0.0] * (8 - len(numbers))]


def numbers_in(find: Any, value: Any) -> list[float]:
    """Return the numbers of an argument, [] if it is not numeric."""
    return find.numbers(value) if find.is_numeric(value) else []


def influence(objects: Any, target: Any, *, form: str, x: Any, references: Any) -> Values:
    """Add 1 to one number at a time, and return the outputs for each row of x.

    `moved` has one row (n,) per number; the row equals the base if the changed object raised an exception.
    """
    find = objects.find
    first_run = forward(objects, target, form=form, x=x)
    base = first_run["outputs"]
    moved = []
    for path, index in references:
        reference = find.References(target, [(path, index)])
        (before,) = reference.read()
        try:
            reference.write([before + 1.0])
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
    """Make one learning step on each of the objects: write the parameters, call forward and backward, read parameters.

    Each row of parameters, x and err is one step; `sizes` has how many numbers of `returned` come from each backward. way,
    if given, describes how backward is called; see `given_back`.
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
        except (TypeError, IndexError, AttributeError):  # a neuron that expects the error as an array of one number
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
    """Train for some epochs: for each row of x, call forward and backward(x, scale * (label - y)).

    Without a scale, the error is the value of the module's loss.
    """
    find, losses = objects.find, []
    for _ in range(epochs):
        squared = 0.0
        for row, label in zip(x, labels, strict=True):
            ((given,), _) = given_as(objects, form, row)
            output = find.first(target.forward(given))
            error = label - find.numbers(output)[0]
            squared += float(error) * float(error)  # numpy's would warn of an overflow in this line
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
    """Call the student's train(model, samples, epochs) and return its losses."""
    find = objects.find
    samples = [
        (given_as(objects, form, row)[0][0], find.plain_number(label)) for row, label in zip(x, labels, strict=True)
    ]
    losses = numbers_in(find, objects.call(objects.named("train"), target, samples, epochs))
    final = forward(objects, target, form=form, x=x)
    return {"form": final["form"], "losses": find.np.array(losses[:LOSSES]), "outputs": final["outputs"]}


def backward(
    objects: Any, target: Any, form: str, row: Any, error: float, *, is_array: bool = False, way: Any = None
) -> Any:
    """Call backward(x, err), with err in the form of the last output; return the numbers it returns, at most 16."""
    find, method = objects.find, objects.method(target, "backward")
    if way is not None:
        given, named = given_back(objects, method, way, row, float(error))
    else:
        err = error_as(objects, target, float(error))
        x, by_name = given_as(objects, form, row)
        if len(x) + len(by_name) != 1:  # forward(x1, x2): backward takes them as one x
            x, by_name = (row.copy(),), {}
        given, named = (*x, *by_name.values(), find.np.reshape(err, 1) if is_array else err), {}
    return find.np.array(numbers_in(find, objects.call(method, *given, **named))[:16], dtype=float)


def given_back(objects: Any, method: Any, way: Values, row: Any, error: float) -> tuple[tuple[Any, ...], Values]:
    """Return the arguments that a part's backward was seen to get, with other numbers in them.

    way["places"] has (place, column) pairs; the column is one of row, or -1 for the error. If x and err lead and backward
    requires no more, the other arguments are omitted: a derivative that the model passes is not the neuron's own.
    """
    find = objects.find
    given, named = objects.kept[f"back:{way['part']}"]
    if way["leads"] and len(given) > 1 and len(numbers_in(find, given[0])) == len(row) and is_enough(method, 2):
        given, named = given[:2], {}
    values = [*given, *named.values()]
    flat = [number for value in values for number in numbers_in(find, value)]
    for place, column in way["places"]:
        flat[place] = error if column < 0 else float(row[column])
    filled = [find.like(value, flat) if numbers_in(find, value) else value for value in values]
    return tuple(filled[: len(given)]), dict(zip(named, filled[len(given) :], strict=True))


def error_as(objects: Any, target: Any, value: float) -> Any:
    """Return an error in the container that the student's loss returns, or that the output has."""
    find = objects.find
    output = objects.kept.get(id(target), 0.0)
    loss = getattr(objects.module, "loss", None)
    if type(target).__name__ == "Model" and callable(loss):
        try:
            given = loss(copy.deepcopy(output), 0.0)
            if len(numbers_in(find, given)) == 1:
                return find.like(given, [value])
        except Exception:
            pass  # the case about the loss reports it
    elif find.np.ndim(output) < 2:
        return value
    return find.like(output, [value] * len(find.numbers(output))) if find.is_numeric(output) else value


def given_as(objects: Any, form: str, row: Any) -> tuple[tuple[Any, ...], Values]:
    """Return the arguments of forward in this form; "seen:N" stands for the form that part N was seen to get."""
    if form.startswith("seen:"):
        return objects.find.like(objects.kept[form[5:]], row.tolist())  # type: ignore[no-any-return]
    if form in ("list", "tuple"):
        return (row.tolist() if form == "list" else tuple(row.tolist()),), {}
    return ({"vector": row, "row": row[None, :], "column": row[:, None]}[form].copy(),), {}
