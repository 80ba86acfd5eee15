"""A process that has imported what the commands need, and forks one after another: saves tests the start-up.

Reads a JSON line a run from its standard input: argv with the name of the command, cwd, environment, and files for output and errors;
answers with the exit code. The code that runs is that of the installed command: `grader.commands.grade.main`, or that of `grader.commands.grade_class`.
"""

from __future__ import annotations

import gc
import json
import os
import sys

import numpy  # noqa: F401  - imported for the forks

from grader.commands import grade, grade_class

COMMANDS = {"grade": grade.main, "grade-class": grade_class.main}


def run(argv: list[str], cwd: str, environment: dict[str, str], out: str, err: str) -> None:
    """Be the command in a fork; does not return."""
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for path, number in ((out, 1), (err, 2)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    sys.argv = argv
    code = 1
    try:
        COMMANDS[argv[0]]()
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 0 if ended.code is None else 1
    except BaseException:
        sys.excepthook(*sys.exc_info())
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    gc.freeze()
    for line in sys.stdin:
        wanted = json.loads(line)
        pid = os.fork()
        if pid == 0:
            run(**wanted)
        answer = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        sys.stdout.write(f"{answer}\n")
        sys.stdout.flush()
