"""`python -m grader` is the command `grade`, without the current folder among the places of modules."""

import sys

sys.path[:] = sys.path[1:] if not sys.flags.safe_path else sys.path

from grader.commands.grade import main  # noqa: E402  - only now, so that nothing beside a submission can be imported

main()
