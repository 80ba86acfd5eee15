"""Step 3, the suite: runs pytest in this trusted process and collects what each case observed.

pytest-json-report is the channel: a case's outcome travels as JSON in its metadata. No plugin,
configuration or cache of the machine takes part, so that none can change a grade.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import io
import os
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from pytest_jsonreport.plugin import JSONReport, pytest_unconfigure

from grader.budget import Budget, OutOfTime, alarm
from grader.cases import Case, CaseStopped, blocked, not_gradable
from grader.measurements import Measurements
from grader.models import Assignment, Outcome, SourceFile, StagedSubmission, SuiteRun, Verdict
from grader.observed import Observed
from grader.sandbox.client import Worker
from grader.sandbox.processes import SandboxError
from grader.student import Student

STDOUT_CHARS = 4_000
LEAST_TIME_S = 0.01
SUITE_TIME_S = 30.0  # for all cases of a run, beyond the time of the student's code
# Plugins of pytest that a suite has no use for: each takes part in each phase of each case, or in loading pytest.
UNUSED = """
cacheprovider capture debugging doctest faulthandler junitxml logging monkeypatch pastebin recwarn setuponly setupplan skipping
stepwise subtests terminalreporter threadexception tmpdir unittest unraisableexception warnings
""".split()
ATTEMPT = "Your code tried to {action} {what}: while it is graded it has its inputs and numpy, and nothing else."

OVERWORKED = "What the program answers takes too long to judge: its numbers or its objects are too many."

UNMARKED = "?"  # the criterion of a test without a mark

Progress = Callable[[str], None]


class SuitePlugin:
    """Joins a pytest session with one submission: fixtures in, outcomes out."""

    student: Student
    _measured: Measurements
    _observed: Observed | None
    _worker: Worker
    _progress: Progress
    _budget: Budget
    _joined: float

    def __init__(self, assignment: Assignment) -> None:
        self._case = Case(name="")
        self._assignment = assignment
        self._requires = {
            f"{criterion.id}.{case.id}": case.requires
            for criterion in assignment.rubric.criteria
            for case in criterion.cases
        }
        self._verdicts: dict[str, Verdict]
        self._started = 0.0
        self._stopped: CaseStopped | None = None

    def join(
        self,
        worker: Worker,
        file: SourceFile,
        seed: int,
        progress: Progress,
        budget: Budget,
        observed: Observed | None = None,
    ) -> None:
        """Take the one submission that the cases are about, and forget the last one."""
        self._verdicts = {}
        self._budget, self._joined = budget, time.monotonic()
        self.student = Student(worker, file, self._assignment.limits, seed)
        self.student.is_run_asked = self._assignment.is_run_asked
        self._measured = Measurements(self.student)
        self._observed = observed
        self._worker = worker
        self._progress = progress

    @pytest.fixture(name="case")
    def case_fixture(self) -> Case:
        """Return the case that is running, for remarks and for what it shows."""
        return self._case

    @pytest.fixture(name="student")
    def student_fixture(self) -> Student:
        """Return the submission."""
        return self.student

    @pytest.fixture(name="measured")
    def measured_fixture(self) -> Measurements:
        """Return the measurements of this run."""
        return self._measured

    @pytest.fixture(name="observed")
    def observed_fixture(self) -> Observed:
        """Return what was observed of the submission's own training, in the suite for those that are watched."""
        assert self._observed is not None
        return self._observed

    def mismatch(self, outcomes: Iterable[Outcome]) -> str | None:
        """Return one sentence where suite and rubric do not fit together."""
        reported = Counter(f"{outcome.criterion}.{outcome.case}" for outcome in outcomes)
        for name, count in reported.items():
            if name.startswith(f"{UNMARKED}."):
                return f"test_{name.removeprefix(f'{UNMARKED}.')} has no mark pytest.mark.criterion(...)"
            if count > 1:
                return f"the suite has the case {name} twice"
        missing = next((name for name in self._requires if name not in reported), None)
        return None if missing is None else f"the rubric names {missing}, which is no case of the suite"

    def pytest_configure(self, config: pytest.Config) -> None:
        """Let pytest know the marker of a criterion."""
        config.addinivalue_line("markers", "criterion(id): the criterion that a case belongs to")

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Let a case that returns something be broken: who forgets to raise would pass everybody."""
        for item in items:
            if isinstance(item, pytest.Function):
                item.obj = returning_nothing(item.obj)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Make the case that the fixtures of a test hand out."""
        self._case, self._stopped = Case(name=case_name(item)), None

    @pytest.hookimpl(wrapper=True)
    def pytest_pyfunc_call(self) -> Generator[None, object, object]:
        """Start a case with fresh objects and keep how it ended, without pytest's traceback."""
        try:
            self._start(self._case.name)
            with self._limited(), np.errstate(all="ignore"):  # a submission's numbers may be of any size
                return (yield)
        except CaseStopped as stopped:
            self._stopped = stopped
        except OutOfTime:
            self._stopped = not_gradable(OVERWORKED)
        raise pytest.fail.Exception(self._stopped.feedback.text, pytrace=False) from None

    @contextlib.contextmanager
    def _limited(self) -> Iterator[None]:
        """Stop a case that never ends: in a lab of its own the suite is at fault, in this one what the submission answered."""
        whole_s = self._assignment.limits.total_time_s + SUITE_TIME_S
        left_s = max(LEAST_TIME_S, self._joined + whole_s - time.monotonic())
        late = TimeoutError(f"the suite did not end within {whole_s:g} s")
        is_of_this_lab = not Path(self._assignment.folder).is_absolute()
        with (
            alarm("ITIMER_REAL", "SIGALRM", left_s, late),
            self._budget.spending() if is_of_this_lab else contextlib.nullcontext(),
        ):
            yield

    def _start(self, name: str) -> None:
        """Begin a case, or stop it because a case that it requires has not passed."""
        self._started = time.monotonic()
        self._progress(name)
        for required in self._requires.get(name, ()):
            if self._verdicts.get(required) is not Verdict.PASSED:
                raise blocked(required)
        self.student.begin(name)

    @pytest.hookimpl(optionalhook=True)
    def pytest_json_runtest_metadata(self, item: pytest.Item, call: pytest.CallInfo[None]) -> dict[str, Any]:
        """Return the outcome of a case as JSON; nothing for a case that broke by our own fault."""
        if call.when != "call":
            return {}
        if call.excinfo is not None and self._stopped is None:
            return {}
        outcome = self._outcome(item, self._stopped)
        self._verdicts[f"{outcome.criterion}.{outcome.case}"] = outcome.verdict
        built = msgspec.to_builtins(outcome)
        assert isinstance(built, dict)
        return {"outcome": built}

    def _outcome(self, item: pytest.Item, stopped: CaseStopped | None) -> Outcome:
        criterion, _, case = case_name(item).partition(".")
        told = self._case
        stdout = self._worker.take_output()[:STDOUT_CHARS]
        for action, what in self._worker.take_attempts():
            told.remark(ATTEMPT, action=action, what=what)
        common: dict[str, Any] = {
            "criterion": criterion,
            "case": case,
            "title": inspect.getdoc(getattr(item, "function", None)) or case,
            "remarks": told.remarks,
            "stdout": stdout,
            "duration_s": round(time.monotonic() - self._started, 4),
        }
        if stopped is None:
            return Outcome(
                verdict=Verdict.PASSED,
                expected=told.seen.expected,
                actual=told.seen.actual,
                probe=told.seen.probe,
                **common,
            )
        if stopped.seen_in not in (None, told.name):
            assert stopped.seen_in is not None
            return Outcome(
                verdict=Verdict.BLOCKED,
                feedback=blocked(stopped.seen_in).feedback,
                blocked_by=stopped.seen_in.partition(".")[0],
                **common,
            )
        stopped.seen_in = told.name
        return Outcome(
            verdict=stopped.verdict,
            feedback=stopped.feedback,
            hint=stopped.hint,
            expected=stopped.seen.expected,
            actual=stopped.seen.actual,
            probe=stopped.seen.probe,
            exception=stopped.exception,
            misconception=stopped.misconception,
            formula=stopped.formula,
            **common,
        )


def returning_nothing(test: Callable[..., object]) -> Callable[..., None]:
    """Return a test that breaks where it returns a value."""

    @functools.wraps(test)
    def called(**arguments: Any) -> None:
        if test(**arguments) is not None:
            raise TypeError("a case returns nothing, and raises unmet(...) where the work is wrong")

    return called


def case_name(item: pytest.Item) -> str:
    """Return "criterion.case" for a test: its marker, and its name without test_."""
    marker = item.get_closest_marker("criterion")
    criterion = marker.args[0] if marker is not None and marker.args else UNMARKED
    return f"{criterion}.{item.name.removeprefix('test_')}"


class RunReport(JSONReport):  # type: ignore[misc]  # it ships no types
    """The report of one more run in a session whose first report has declared the hooks of its plugin already."""

    def pytest_addhooks(self) -> None:
        """Declare nothing: pluggy refuses a hook that is declared twice."""


class CollectedSuite:
    """A pytest session that has collected the suite, and runs it over one submission after another.

    What importing pytest and collecting costs is paid once.
    """

    def __init__(self, assignment: Assignment) -> None:
        self.plugin = SuitePlugin(assignment)
        self.channel = JSONReport()
        self._assignment = assignment
        self._session: pytest.Session | None = None
        self._use: Callable[[], None] | None = None

    def collect(self, use: Callable[[], None]) -> str | None:
        """Collect, and call use, in which run may be called; return what is wrong with the suite, if anything is."""
        self._use = use
        said = io.StringIO()
        with _environment(), contextlib.redirect_stdout(said):
            code = pytest.main(arguments(self._assignment.suite), plugins=[self.channel, self.plugin, self])
        return (
            _problem(self.channel, int(code), said.getvalue(), self._assignment.suite)
            if self._session is None
            else None
        )

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """Let the session be used in place of running it; the run itself is pytest's own."""
        if self._use is None:
            return None
        if session.testsfailed:  # a file that cannot be collected
            return True
        self._session, use, self._use = session, self._use, None
        use()
        return True

    def new_channel(self) -> JSONReport:
        """Give the session a fresh report for the next run, and return it."""
        session = self._session
        assert session is not None
        pytest_unconfigure(session.config)  # takes the last run's out
        self.channel = RunReport()
        session.config.pluginmanager.register(self.channel)
        self.channel.pytest_sessionstart(session)
        return self.channel

    def run(self) -> int:
        """Run all cases; return pytest's exit code."""
        session = self._session
        assert session is not None
        session.testsfailed = 0
        hook = session.config.hook
        hook.pytest_runtestloop(session=session)
        code = pytest.ExitCode.TESTS_FAILED if session.testsfailed else pytest.ExitCode.OK
        hook.pytest_sessionfinish(session=session, exitstatus=code)
        return int(code)


def arguments(suite: Path) -> list[str]:
    """Return pytest's arguments for a folder with a suite."""
    return [
        str(suite),
        *("-c", os.devnull, "--rootdir", str(suite), "--confcutdir", str(suite)),
        *("-p", "pytest_jsonreport.plugin", "-p", "pytest_metadata.plugin"),
        *(word for plugin in UNUSED for word in ("-p", f"no:{plugin}")),
        *("--assert=plain", "--tb=short"),
        *("--json-report-file=", "--json-report-omit=streams", "--json-report-omit=log"),
        *("--import-mode=importlib", "--continue-on-collection-errors"),  # without the latter they count as Ctrl-C
    ]


def run_suite(
    staged: StagedSubmission,
    assignment: Assignment,
    worker: Worker,
    seed: int,
    progress: Progress,
    budget: Budget,
    observed: Observed | None = None,
    collected: CollectedSuite | None = None,
) -> SuiteRun:
    """Run the suite over the submission that the worker holds, the one for observed submissions if it was observed.

    A broken suite comes back as such. budget is what is left of the submission's; collected is the suite where it is
    there already.
    """
    if observed is None and collected is not None:
        plugin, channel = collected.plugin, collected.new_channel()
    else:
        plugin, channel, collected = SuitePlugin(assignment), JSONReport(), None
    plugin.join(worker, staged.main, seed, progress, budget, observed)
    suite = assignment.suite if observed is None else assignment.suite_observed
    broken: str | None = None
    silence = io.StringIO()
    try:
        with contextlib.redirect_stdout(silence), contextlib.redirect_stderr(silence):
            if collected is not None:  # in a session that has its environment
                code = collected.run()
            else:
                forget(suite)
                with _environment():
                    code = pytest.main(arguments(suite), plugins=[channel, plugin])
        if code == pytest.ExitCode.INTERRUPTED:
            raise KeyboardInterrupt
        broken = _problem(channel, int(code), silence.getvalue(), suite)
    except SandboxError as error:
        broken = str(error)
    outcomes = tuple(_outcomes(channel))
    broken = broken or plugin.mismatch(outcomes)
    hello = worker.hello
    return SuiteRun(
        outcomes=outcomes,
        asked=tuple(worker.asked),
        training=plugin.student.training,
        level=hello.level if hello is not None else "none",
        python=hello.python if hello is not None else "",
        numpy=hello.numpy if hello is not None else "",
        student_time_s=round(worker.spent_s, 4),
        broken=broken,
        route="contract" if observed is None else "observed",
    )


def forget(suite: Path) -> None:
    """Let pytest read a suite anew: it may keep something of the last hand-in, and another have files of the same names."""
    for pattern in ("test_*.py", "*_test.py", "conftest.py"):
        for path in suite.rglob(pattern):
            sys.modules.pop(".".join(path.relative_to(suite).with_suffix("").parts), None)


@contextlib.contextmanager
def _environment() -> Iterator[None]:
    """Keep the machine's pytest settings out for the time of a run."""
    kept = dict(os.environ)
    for name in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS"):
        os.environ.pop(name, None)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(kept)


def _problem(channel: JSONReport, code: int, said: str, suite: Path) -> str | None:
    """Return one sentence when a test broke other than by stopping its case, None when all is well."""
    if channel.report is None:
        return f"pytest ended with code {code} and without a report: {_reason(said)}"
    for collector in channel.report.get("collectors", ()):
        if collector.get("outcome") == "failed":
            text = str(collector.get("longrepr", ""))
            line = re.findall(r"line ([0-9]+)|:([0-9]+): in <module>", text)[-1:]
            place = f", line {line[0][0] or line[0][1]}" if line else ""
            return f"{collector.get('nodeid')}{place}: it cannot be collected: {_reason(text)}"
    for test in channel.report.get("tests", ()):
        if "outcome" not in test.get("metadata", {}):
            return _broke(test, suite)
    return None if code in (0, 1) else f"pytest ended with code {code}"


def _broke(test: dict[str, Any], suite: Path) -> str:
    """Say where in its suite and why a test broke by itself."""
    name = test.get("nodeid")
    for stage in (test.get(part, {}) for part in ("setup", "call", "teardown")):
        if stage.get("outcome") in (None, "passed"):
            continue
        if stage["outcome"] == "skipped":
            return f"{name} skips: a case passes, or raises unmet(...)"
        own = [one for one in stage.get("traceback", ()) if Path(one["path"]).resolve().is_relative_to(suite.resolve())]
        place = f", line {own[-1]['lineno']}" if own else ""
        reason = _reason(stage["crash"]["message"] if "crash" in stage else str(stage.get("longrepr", "")))
        advice = ": a case raises unmet(...) where the work is wrong" if reason.startswith("AssertionError") else ""
        return f"{name}{place} broke: {reason}{advice}"
    return f"{name} broke: no reason given"


def _reason(text: str) -> str:
    """Return the line that says what is wrong: the last that pytest marks as such, else the first."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    marked = [line[1:].strip() for line in lines if re.match(r"E\s", line)]
    return (*marked[-1:], *lines[:1], "no reason given")[0][:300]


def _outcomes(channel: JSONReport) -> Iterator[Outcome]:
    for test in (channel.report or {}).get("tests", ()):
        outcome = test.get("metadata", {}).get("outcome")
        if outcome is not None:
            yield msgspec.convert(outcome, Outcome)
