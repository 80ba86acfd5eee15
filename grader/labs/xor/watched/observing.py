"""Client of the worker's operations that watch a training; checks the shape and size of every answer."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, TypeAlias

import msgspec
import numpy as np
from msgspec import Meta
from msgspec.structs import replace
from numpy.typing import NDArray

from grader.lab import CaseStopped, Count, FaultKind, measurement, say

from .. import oracle
from ..confined.followers import COLUMNS, KEPT, LAYOUTS, LOGGED, MOVERS, NAME_CHARS, SCALARS
from ..confined.watching import MOST_NAMES
from ..driving.calls import Calls, Path, Reference
from ..driving.calls import Numbers as WorkerNumbers
from ..driving.layout import INFLUENCE_X
from ..driving.network import NetworkAnswers
from ..oracle import Array

WHAT = say("Your program")
NO_FORWARD = say(
    "The grader ran your program and saw none of its functions or methods take the two inputs and return the network's answer. The lab requires classes Neuron and Model with methods forward and backward."
)
NO_CLASSES = say(
    "Your program is a script without classes, and the grader saw no function in it that takes the two inputs and returns the network's answer. The lab requires classes Neuron and Model with methods forward and backward."
)
NO_WEIGHTS = "{what} takes numbers 0 and 1, but the grader did not find the weights of three neurons behind its answers. The lab requires classes Neuron and Model with methods forward and backward."
NO_ANSWER = "{what} takes numbers 0 and 1, but the grader did not find the network's answer to them. The lab requires classes Neuron and Model with methods forward and backward."
STOPPED = "Your program raised {type}, and the grader found no training of a network before that."
NOTHING_SEEN = (NO_FORWARD.id, NO_CLASSES.id, NO_WEIGHTS, NO_ANSWER, STOPPED)
WATCH_S = 6.0  # time limit of one watched run
TRIES = 4  # of a run with statements that do not end
UNENDING = (FaultKind.TIMEOUT, FaultKind.OUTPUT)  # a watched run prints nothing and ends once enough was seen
RUN_AGAIN = (*UNENDING, FaultKind.KILLED)  # a statement that ended like this during loading may be the training
MOST_NUMBERS, MOST_ROWS = 64 * 9, 4 * KEPT
JUDGED, SPARE = 40, 4  # steps of a training that are judged; further ones of a led training are recorded
OBSERVING = "observing"  # name among the values that suites share
MODULE = "module"  # class name for functions
NUDGE = 1e-3  # shift of a parameter, for the slopes of a forward that may have a kink
LARGEST = 1e9  # of a weight
Flags = NDArray[np.bool_]
Numbers: TypeAlias = Annotated[int, Meta(ge=0, le=MOST_NUMBERS)]
Place: TypeAlias = Annotated[int, Meta(ge=-1, lt=LAYOUTS)]
Name: TypeAlias = Annotated[str, Meta(max_length=NAME_CHARS)]
Holders: TypeAlias = Annotated[list[tuple[Path, Numbers]], Meta(max_length=64)]


class Call(msgspec.Struct, frozen=True):
    """One call of a method: its class and object, call depth, argument shapes, and how many numbers it got and returned.

    inside and answers are indices of layouts of the object, if its numbers count as passed or as returned; else -1.
    """

    cls: Name = msgspec.field(name="class")
    method: Name
    object: Count
    depth: Count
    shapes: Annotated[list[Annotated[list[Numbers], Meta(max_length=64)]], Meta(max_length=64)]
    passed: Numbers
    returned: Numbers
    inside: Place
    answers: Place


class Discovered(msgspec.Struct, frozen=True):
    """The first calls of a run. problem: the type of the exception that ended it; logs: the code names a logarithm; classes: it has classes.

    A layout lists the holders of an object, with how many numbers each has.
    """

    calls: Annotated[list[Call], Meta(max_length=LOGGED)]
    layouts: Annotated[list[Holders], Meta(max_length=LAYOUTS)]
    problem: Name
    logs: bool
    classes: bool

    def layout(self, place: int) -> Holders:
        """Return a layout by its index, [] for -1."""
        return self.layouts[place] if 0 <= place < len(self.layouts) else []


class Recorded(msgspec.Struct, frozen=True):
    """Places of the numbers inside one object; sites and depths of the recorded calls.

    movers are the functions that changed them after the training was led, of each change the innermost and the outermost.
    """

    movers: Annotated[list[tuple[Name, Name]], Meta(max_length=MOVERS)]
    places: Annotated[list[Reference], Meta(max_length=COLUMNS)]
    sites: Annotated[list[Count], Meta(max_length=MOST_ROWS)]
    depths: Annotated[list[Count], Meta(max_length=MOST_ROWS)]


class Methods(msgspec.Struct, frozen=True):
    """Names of methods."""

    names: list[str]


class Trained(msgspec.Struct, frozen=True):
    """How many calls that bound a step were made in a run from given weights."""

    count: Count


def places_of(shapes: Sequence[Sequence[int]]) -> list[range]:
    """Return the indices of each argument's numbers among those of all arguments; [0] is the shape of one without numbers."""
    ends = [0, *itertools.accumulate(map(math.prod, shapes))]
    return [range(*pair) for pair in itertools.pairwise(ends)]


class Root(msgspec.Struct, frozen=True, kw_only=True):
    """A call that may be the network's forward; slots (rows, 2) and outputs (rows,) are indices of its flat numbers.

    shapes and numbers are those of one call. If the object holds the examples, inside are their holders; if it holds the
    outputs, answer is their holder; if arguments hold the weights, taken are the indices of these. bound is the call that
    bounds the steps, if that is another one; its method is "" if every call does.
    """

    cls: str
    method: str
    object: int
    depth: int
    calls: int
    shapes: list[list[int]]
    numbers: list[float]
    slots: list[list[int]]
    outputs: list[int]
    bound: Root | None = None
    inside: tuple[Path, ...] = ()
    answer: Path = []
    taken: tuple[int, ...] = ()

    @property
    def settings(self) -> dict[str, Any]:
        """Settings for the worker to follow the object and to repeat its forward."""
        template: dict[str, Any] = {"shapes": None, "numbers": None}
        if self.bound is not None and not self.inside:
            template = {"shapes": self.shapes, "numbers": self.numbers}
        return {
            "class": self.cls, "object": self.object, "method": (self.bound or self).method,
            "forward": self.method, "slots": self.slots, "outputs": self.outputs, "inside": list(self.inside),
            "answers": self.answer, "taken": list(self.taken), **template,
        }  # fmt: skip

    @property
    def used(self) -> list[int]:
        """Indices of the arguments, or holders, that the examples are in."""
        slots = {slot for row in self.slots for slot in row}
        return [index for index, places in enumerate(places_of(self.shapes)) if not slots.isdisjoint(places)]

    def within(self, holders: Sequence[Path]) -> Root:
        """Return the same forward, with its examples in these holders of its object."""
        places = places_of(self.shapes)
        kept = [place for holder in self.used for place in places[holder]]
        slots = [[kept.index(slot) for slot in row] for row in self.slots]
        return replace(self, slots=slots, inside=tuple(holders[holder] for holder in self.used))

    def taking(self) -> Iterator[Root]:
        """Yield the same forward, if it is a function with other arguments, with its weights in these."""
        others = tuple(place for place in range(len(self.shapes)) if place not in self.used)
        if self.cls == MODULE and others and self.bound is None and not self.inside:
            yield replace(self, taken=others)

    @property
    def is_inline(self) -> bool:
        """Whether every call bounds a step, so that the examples of steps are unknown."""
        return self.bound is not None and not self.bound.method

    def inline(self) -> Root:
        """Return the same forward, with steps that are bounded by every call."""
        return replace(self, bound=replace(self, method="", bound=None))


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """n calls in a row that bound steps: numbers before and after, (n, k), and the examples (n, rows, 2), NaN if not known.

    scalars (n, m) were passed or returned by the submission's functions until the next call, NaN between two values and for none.
    is_led: the first of the calls began with weights that the grader had set; is_late: that was not at the training's start.
    """

    references: list[Reference]
    before: Array
    after: Array
    x: Array
    scalars: Array
    sites: Array
    depths: Array
    movers: Sequence[tuple[str, str]] = ()
    is_led: bool = False
    is_late: bool = False


class ObservedNetwork(msgspec.Struct, frozen=True, kw_only=True):
    """The observed network, with references of its nine parameters in the oracle's order, None for a missing bias.

    mask (3, 3) has -1 for a bias that is subtracted.
    """

    root: Root
    record: Record
    references: list[Reference | None]
    mask: Array
    answers: NetworkAnswers

    @property
    def is_forward_right(self) -> bool:
        """Whether its forward is that of the oracle, at drawn weights and inputs."""
        return self.answers.worst is None

    @property
    def present(self) -> Array:
        """1 for each of the nine parameters that exists, 0 for a missing bias, (3, 3)."""
        return np.array([reference is not None for reference in self.references], dtype=float).reshape(3, 3)

    def parameters(self, numbers: Array) -> Array:
        """Return recorded numbers (n, k) as parameters (n, 3, 3)."""
        zeros, places = np.zeros(len(numbers)), self.record.references
        rows = [zeros if reference is None else numbers[:, places.index(reference)] for reference in self.references]
        return np.column_stack(rows).reshape(-1, 3, 3) * self.mask

    def stored(self, parameters: Array) -> Array:
        """Return parameters (..., 3, 3) as the numbers, (..., k), that the submission stores."""
        return np.asarray((parameters * self.mask)[..., self.present > 0])


class Observing:
    """Client of the worker's watched runs; checks the shape and size of every answer."""

    def __init__(self, calls: Calls) -> None:
        self.calls = calls  # of the suite that runs
        self._seed = calls.student.worker_seed
        _ = calls.student.loaded
        skipped = calls.student.skipped
        self._skipped = [statement for statement, fault in skipped.items() if fault.kind not in RUN_AGAIN]
        self.killed: CaseStopped | None = None  # how a statement ended, by the system, that may be the training
        self._tries = TRIES

    def _run(self, operation: str, time_s: float, settings: Mapping[str, Any], **more: Any) -> WorkerNumbers:
        """Run the program under watch, again without a statement that does not end or that ends the process."""
        while True:
            complete = {"seed": self._seed, "skipped": self._skipped, **settings}
            try:
                return self.calls.ask(operation, WHAT, [], time_s=time_s, settings=complete, **more)
            except CaseStopped as stopped:
                self._tries -= 1
                if (fault := stopped.fault) is None:
                    raise
                if fault.kind is FaultKind.KILLED:
                    self.killed = stopped
                is_unending = fault.kind in UNENDING and operation == "retrain"
                if fault.statement is None or is_unending or fault.statement in self._skipped or self._tries <= 0:
                    raise
                self._skipped.append(fault.statement)

    @measurement
    def discovered(self) -> tuple[Discovered, list[Array]]:
        """The first calls, and for each the numbers passed, then those returned."""
        reply = self._run("discover", WATCH_S, {}, shapes={"numbers": (None,)})
        found = reply.answer.words(Discovered)
        counts = [call.passed + call.returned for call in found.calls]
        numbers = reply["numbers"]
        if sum(counts) != len(numbers) or not all(
            all(shape) or shape == [0] for call in found.calls for shape in call.shapes
        ):
            raise reply.answer.broken()
        ends = np.cumsum(counts, dtype=int)
        return found, [numbers[end - count : end] for end, count in zip(ends, counts, strict=True)]

    def record(self, root: Root, start: Array | None = None, begin: Array | None = None, **place: Any) -> Record | None:
        """Record the calls that bound the steps of one object, continued from the weights `start`, if given.

        These are values of references, set at call number `at`. With begin, the training starts with those weights, and
        `start` is set after that call, at a call of this site and depth; place has the four. None: no call was seen, or the
        examples are not in its arguments.
        """
        is_bounded = start is not None and not root.is_inline  # inline, a step may be several changes
        settings = {"changes": JUDGED + SPARE if is_bounded else MOST_ROWS, **root.settings, **place}
        time_s = WATCH_S + (0 if begin is None else self.calls.training_s)
        reply = self._run("record", time_s, settings, start=start, begin=begin)
        found = reply.answer.words(Recorded)
        count = len(found.sites)
        if not count:
            return None
        names = ("before", "after", "passed", "scalars")
        if len(found.depths) != count or not all(reply.has(name, (count, None)) for name in names):
            raise reply.answer.broken()
        if any(reply[name].shape[1] != len(found.places) for name in ("before", "after")):
            raise reply.answer.broken()
        if reply["passed"].shape[1] > 8 * MOST_NUMBERS or reply["scalars"].shape[1] > SCALARS:
            raise reply.answer.broken()
        slots = np.array((root.bound or root).slots)
        if not root.is_inline and slots.max() >= reply["passed"].shape[1]:
            return None
        before, after = (np.where(np.abs(reply[when]) < LARGEST, reply[when], np.nan) for when in ("before", "after"))
        return Record(
            references=[(path, index) for path, index in found.places],
            before=before,
            after=after,
            x=np.full((count, 1, 2), np.nan) if root.is_inline else reply["passed"][:, slots],
            scalars=reply["scalars"],
            sites=np.array(found.sites),
            depths=np.array(found.depths),
            movers=found.movers,
            is_led=start is not None,
            is_late=begin is not None,
        )

    def methods(self, count: int) -> list[str]:
        """Return names of methods of the object recorded last that accept this many arguments."""
        reply = self.calls.ask("methods", WHAT, settings={"count": count})
        return reply.answer.words(Methods).names[:MOST_NAMES]

    def influence(self, root: Root, references: Sequence[Reference], start: Array) -> tuple[Flags, Flags]:
        """Return which outputs at INFLUENCE_X each number of start (k,) affects, (k, 4), and which numbers, (k, k)."""
        x, count = INFLUENCE_X[:, :2], len(references)
        settings = {"references": references, **root.settings}
        shapes = {"base": (len(x),), "moved": (count, len(x)), "changed": (count, count)}
        reply = self.calls.ask("perturb", WHAT, [], shapes, settings=settings, x=x, start=start)
        return np.abs(reply["moved"] - reply["base"]) > 0, reply["changed"] != 0

    def replay(self, root: Root, references: Sequence[Reference], parameters: Array, x: Array) -> Array:
        """Return the outputs (m, q) for parameters (m, k) at each x (q, 2)."""
        settings = {"references": references, **root.settings}
        shapes = {"outputs": (len(parameters), len(x))}
        return self.calls.ask("replay", WHAT, [], shapes, settings=settings, parameters=parameters, x=x)["outputs"]

    def train(self, network: ObservedNetwork, start: Array, near: float, calls: int) -> tuple[Trained, Array, Array]:
        """Run the submission's own training from a start (3, 3).

        Returns the count of calls, the parameters after every LOOK calls and at the end, (n, 3, 3), and the squared errors.
        """
        present = [reference for reference in network.references if reference is not None]
        settings = {"calls": calls, "near": near, "references": present, **network.root.settings}
        reply = self._run(
            "retrain", self.calls.training_s, settings,
            shapes={"values": (None,), "squared": (None,), "path": (None, None)},
            start=network.stored(start), x=oracle.XOR_INPUTS, labels=oracle.XOR_LABELS,
        )  # fmt: skip
        trained = reply.answer.words(Trained)
        if not trained.count:
            return trained, np.zeros((1, 3, 3)), reply["squared"]
        path = reply["path"] if len(reply["path"]) else np.zeros((0, len(present)))
        if len(reply["values"]) != len(present) or path.shape[1] != len(present) or len(path) > calls:
            raise reply.answer.broken()
        reached = self.calls.spread(network.references, np.vstack([path, reply["values"]]))
        return trained, reached.reshape(-1, 3, 3) * network.mask, reply["squared"]


def observing_of(calls: Calls) -> Observing:
    """Return the client that all suites of this submission share, as long as the worker's process lives."""
    observing: Observing = calls.student.shared.setdefault(OBSERVING, Observing(calls))
    observing.calls = calls
    return observing
