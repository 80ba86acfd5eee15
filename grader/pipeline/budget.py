"""How long the trusted side may work on one submission: processor time, beside the limits of the student's own code."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator

from grader.core.messages import say

LEAST_S = 0.01
AGAIN_S = 1.0  # Python drops an exception that is raised in a callback of the garbage collector
TRUSTED_CPU_S = 8.0  # an ordinary submission takes half a second
TOO_LONG = "it takes too long"
OVERWORKED = say(
    "What the program answers takes too long to judge: its numbers or its objects are too many, or the lab is too slow."
)


class OutOfTime(BaseException):
    """The budget is used up. No Exception: nobody who catches those must go on."""


class Budget:
    """Processor time for what is computed from one submission's answers, used up in parts.

    It is processor time because a slow or busy machine is no fault of the submission. Where no timer can interrupt (no
    setitimer, another thread than the main one), it is looked at before each part only.
    """

    def __init__(self, seconds: float = TRUSTED_CPU_S) -> None:
        self._left_s = seconds

    @property
    def is_spent(self) -> bool:
        """Return whether nothing is left."""
        return self._left_s <= 0

    @contextlib.contextmanager
    def spending(self) -> Iterator[None]:
        """Count the processor time of a part; OutOfTime where the budget ends."""
        if self.is_spent:
            raise OutOfTime(TOO_LONG)
        began = time.process_time()
        try:
            with alarm(
                "ITIMER_PROF", "SIGPROF", lambda: self._left_s + began - time.process_time(), OutOfTime(TOO_LONG)
            ):
                yield
        except OutOfTime:
            self._left_s = 0.0  # timers tick more coarsely than the clock
            raise
        finally:
            self._left_s -= time.process_time() - began


@contextlib.contextmanager
def alarm(timer: str, name: str, left_s: Callable[[], float], error: BaseException) -> Iterator[None]:
    """Raise an error when no time is left by a timer (its name and its signal's in `signal`), where a system can."""
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(*_: object) -> None:
        if (more_s := left_s()) > LEAST_S:
            signal.setitimer(getattr(signal, timer), more_s, AGAIN_S)
            return
        raise error

    before = signal.signal(getattr(signal, name), stop)
    signal.setitimer(getattr(signal, timer), max(LEAST_S, left_s()), AGAIN_S)
    try:
        yield
    finally:
        signal.setitimer(getattr(signal, timer), 0)
        signal.signal(getattr(signal, name), before)
