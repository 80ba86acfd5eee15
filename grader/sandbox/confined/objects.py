"""Finds, reads and writes the numbers inside a student's objects; writes in place and keeps types.

Runs beside student code: the standard library and numpy only; worker.preload sets `np`. Objects of the submission are
searched through their attributes, slots and containers, functions through the variables that they enclose.
"""

from __future__ import annotations

import array
import collections
import math
import types
from collections.abc import Iterator
from typing import Any

WALK_DEPTH = 8
WALK_OBJECTS = 5_000
KEY_CHARS, MOST_EXTENT = 200, 2**53  # of a name and an index in a path; replies allow no more (core/integers.py)
OWN: set[str] = set()  # names of the modules that came with the submission

np: Any = None  # numpy, from worker.preload on

SEQUENCES = (list, tuple, collections.deque, array.array)
MUTABLE = (list, collections.deque, array.array)
KEYED = (*MUTABLE, dict)
LEAVES = {type(None), str, bytes, type, types.BuiltinFunctionType, types.ModuleType}  # in a walk
identity = object.__hash__  # differs for each live object, as id() does, whose audit event would call a hook each time


def is_number(value: Any) -> bool:
    """Return whether value is a single real number, of Python or numpy."""
    if isinstance(value, (int, float)):
        return True
    return isinstance(value, (np.number, np.bool_)) and not isinstance(value, np.complexfloating)


def is_numeric(value: Any, depth: int = 4) -> bool:
    """Return whether value is a number, an array of numbers, or a sequence of such values."""
    if is_number(value):
        return True
    if isinstance(value, np.ndarray):
        if value.dtype.kind == "O" and value.size < 100:
            return depth > 0 and all(is_numeric(item, depth - 1) for item in value.flat)
        return value.dtype.kind in "fiub"
    if isinstance(value, SEQUENCES):
        return depth > 0 and len(value) > 0 and all(is_numeric(item, depth - 1) for item in value)
    return False


def size_of(value: Any) -> int:
    """Return how many numbers a numeric value holds."""
    return value.size if isinstance(value, np.ndarray) and value.dtype.kind != "O" else len(numbers(value))


def numbers(value: Any) -> list[float]:
    """Return the numbers of a numeric value, in reading order."""
    if is_number(value):
        try:
            return [float(value)]
        except OverflowError:  # an integer beyond the range of floats
            return [math.inf if value > 0 else -math.inf]
    if isinstance(value, np.ndarray) and value.dtype.kind != "O":
        flat = np.asarray(value).ravel()
        return flat.tolist() if flat.dtype == float else [float(item) for item in flat]
    items = value.values() if isinstance(value, dict) else value.flat if isinstance(value, np.ndarray) else value
    return [number for item in items for number in numbers(item)]


def block(value: Any) -> Any:
    """Return the numbers of a value as an array of its shape, or flat if it has no shape; empty if it is not numeric."""
    flat = np.array(numbers(value) if is_numeric(value) else [], dtype=float)
    try:
        return flat.reshape(np.shape(value))
    except ValueError:  # no numbers, or rows of different lengths
        return flat


def form(value: Any) -> dict[str, Any]:
    """Describe the container of a value: kind, shape, and the dtype of an array."""
    if value is None:
        return {"kind": "none", "shape": [], "dtype": ""}
    if not is_numeric(value):
        return {"kind": "other", "shape": [], "dtype": type(value).__name__[:80]}
    kinds = {list: "list", tuple: "tuple", np.ndarray: "array", collections.deque: "list", array.array: "list"}
    kind = kinds.get(type(value), "number")
    shape = list(np.shape(value)) if kind in ("array", "number") else [len(value)]
    return {"kind": kind, "shape": shape, "dtype": str(getattr(value, "dtype", type(value).__name__))}


def like(model: Any, values: list[float]) -> Any:
    """Return values in a container like `model`; takes them from the front of the list."""
    if isinstance(model, np.ndarray):
        dtype = model.dtype if model.dtype.kind == "f" else np.float64
        taken = [values.pop(0) for _ in range(model.size)]
        return np.array(taken, dtype=dtype).reshape(model.shape)
    if isinstance(model, SEQUENCES):
        items = [like(item, values) for item in model]
        return array.array(model.typecode, items) if isinstance(model, array.array) else type(model)(items)
    if isinstance(model, dict):
        return {key: like(item, values) for key, item in model.items()}
    value = values.pop(0)
    return type(model)(value) if isinstance(model, np.floating) else value


def plain_number(value: Any) -> int | float:
    """Return a number as a student would write it: 1, not 1.0."""
    return int(value) if value == int(value) else float(value)


def first(output: Any) -> Any:
    """Return the output of a forward call; if it is a tuple, its first item."""
    return output[0] if isinstance(output, tuple) and output else output


class Holder:
    """A place inside an object that holds numbers: an attribute, or an item of a container."""

    def __init__(self, owner: Any, key: Any) -> None:
        self.owner, self.key = owner, key

    def get(self) -> Any:
        """Return the value."""
        if isinstance(self.owner, KEYED):
            return self.owner[self.key]
        return getattr(self.owner, self.key)

    def set(self, value: Any) -> None:
        """Replace the value."""
        if isinstance(self.owner, KEYED):
            self.owner[self.key] = value
        else:
            setattr(self.owner, self.key, value)

    def write(self, index: int, number: float) -> None:
        """Change one number; in place and with its type, if the container allows it."""
        value = self.get()
        if isinstance(value, np.ndarray) and value.dtype.kind == "f" and value.flags.writeable:
            value.flat[index] = number
        elif isinstance(value, MUTABLE) and len(value) > index and all(is_number(v) for v in value):
            value[index] = same_type(value[index], number)
        else:
            flat = numbers(value)
            flat[index] = number
            self.set(same_type(value, number) if is_number(value) else like(value, flat))


def same_type(old: Any, number: float) -> Any:
    """Return a number in the type of the number that it replaces, or as it is if that type cannot hold it."""
    if isinstance(old, np.floating):
        return type(old)(number)
    if isinstance(old, (int, np.integer)) and number == int(number):
        return int(number)
    return number


def members(value: Any) -> list[tuple[Any, Any]]:
    """Return the members of an object as (name, value): attributes, slots, and numbers and containers of its classes."""
    found: dict[Any, Any] = {}
    for cls in type(value).__mro__:
        slots = cls.__dict__.get("__slots__", ())
        for slot in (slots,) if isinstance(slots, str) else slots:
            if isinstance(slot, str) and hasattr(value, slot):
                found[slot] = getattr(value, slot)
        if cls.__module__ in OWN:
            for name, shared in cls.__dict__.items():
                is_named = not name.startswith("__")  # by the student, not by Python
                if is_named and (isinstance(shared, (*KEYED, np.ndarray)) or is_number(shared)):
                    found.setdefault(name, shared)
    found.update(getattr(value, "__dict__", {}))
    return list(found.items())


def items(value: Any) -> list[tuple[Any, Any]] | None:
    """Return the items of a container, or the variables that a function encloses, as (key, item); None for other objects."""
    if isinstance(value, SEQUENCES):
        return list(enumerate(value))
    if isinstance(value, dict):
        return [(key, item) for key, item in value.items() if type(key) in (str, int)]
    if isinstance(value, np.ndarray):
        return list(enumerate(value.ravel())) if value.dtype.kind == "O" else []
    if isinstance(value, types.FunctionType):
        return [("__closure__", value.__closure__)] if value.__module__ in OWN else []
    if isinstance(value, types.CellType):
        try:
            return [("cell_contents", value.cell_contents)]
        except ValueError:  # nothing was assigned yet
            return []
    return None


def walk(root: Any) -> Iterator[tuple[Any, list[Any], Holder | None]]:
    """Yield every object of the submission reachable from root, and every holder of numbers."""
    seen: set[int] = set()
    queue: list[tuple[Any, list[Any], Any]] = [(root, [], None)]  # objects, each with the path and key of its place
    for value, above, key in queue:  # which grows
        if len(seen) >= WALK_OBJECTS:
            return
        is_root = value is root and not seen
        if len(above) >= WALK_DEPTH or (same := identity(value)) in seen:
            continue
        seen.add(same)
        if type(value) in LEAVES and not is_root:
            continue
        path = [] if is_root else [*above, key]
        inside = items(value)
        if inside is None:
            if type(value).__module__ not in OWN and not is_root:
                continue
            yield value, path, None
            inside = members(value)
        for name, item in inside:
            if not is_carried(name):
                continue
            if type(item) not in LEAVES and is_numeric(item):
                yield item, [*path, name], Holder(value, name)
            else:
                queue.append((item, path, name))


def resolve(root: Any, path: list[Any]) -> Any:
    """Return the value at a path of attributes and items."""
    for key in path:
        if isinstance(root, (*SEQUENCES, dict)):
            root = root[key]
        elif isinstance(root, np.ndarray):
            root = root.ravel()[key]
        else:
            root = getattr(root, key)
    return root


class References:
    """A selection of numbers in one object, each given by the path of its holder and a flat index."""

    def __init__(self, root: Any, references: list[tuple[list[Any], int]]) -> None:
        self._places = [(Holder(resolve(root, path[:-1]), path[-1]), index) for path, index in references]

    def read(self) -> Any:
        """Return the numbers, (n,)."""
        return np.array([numbers(holder.get())[index] for holder, index in self._places])

    def write(self, values: Any) -> None:
        """Write n numbers."""
        for (holder, index), value in zip(self._places, values, strict=True):
            holder.write(index, float(value))


def is_carried(key: Any) -> bool:
    """Return whether a key, an attribute's name or an item's index, fits the wire format."""
    if type(key) is str:
        return len(key) <= KEY_CHARS and (key.isascii() or plain(key) == key)
    return bool(-MOST_EXTENT <= key <= MOST_EXTENT)


def plain(text: str) -> str:
    """Replace lone surrogates, which JSON in UTF-8 cannot represent."""
    return text.encode("utf-8", "replace").decode("utf-8")
