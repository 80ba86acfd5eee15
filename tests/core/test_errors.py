"""Expected errors."""

from __future__ import annotations

import pickle

from grader.core.errors import Rejected
from grader.core.messages import say


def test_an_error_is_the_same_in_another_process() -> None:
    """Pickle keeps the sentence and its arguments, also where a name has braces."""
    error = Rejected("{name}: {reason}", name="{a}.py", reason=say("Permission denied"))

    copied = pickle.loads(pickle.dumps(error))  # noqa: S301  # written here

    assert (type(copied), copied.reason, str(copied)) == (Rejected, error.reason, "{a}.py: Permission denied")
