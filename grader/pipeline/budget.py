"""Budget of the trusted side's processor time for one submission, separate from the limits of the student's code."""

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
    "Checking the program's answers takes too long: they contain too many numbers or objects, or the lab's own checks are too slow."
)


class OutOfTime(BaseException):
    """Raised when the budget is used up. Not an Exception, so that code which catches Exception cannot go on."""


class Budget:
    """Processor time for computing with one submission's answers, spent in parts.

    It is processor time because a slow or busy machine is not the submission's fault. If no timer can interrupt (no
    setitimer, or not the main thread), it is only checked before each part.
    """

    def __init__(self, seconds: float = TRUSTED_CPU_S) -> None:
        self._left_s = seconds

    @property
    def is_spent(self) -> bool:
        """Return whether the budget is used up."""
        return self._left_s <= 0

    @contextlib.contextmanager
    def spending(self) -> Iterator[None]:
        """Count the processor time of a part; raise OutOfTime when the budget is used up."""
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
