"""Step 3, the suite: runs pytest in this trusted process and collects the outcome of each case.

pytest-json-report is the channel: a case's outcome travels as JSON in its metadata. The machine's plugins,
configuration and cache are not used, so they cannot change a grade.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import io
import os
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import numpy as np
import pytest
from msgspec.structs import replace
from pytest_jsonreport.plugin import JSONReport

from grader.core.language import LANGUAGES
from grader.core.messages import Message, say
from grader.core.outcomes import Outcome, Verdict
from grader.lab import CaseStopped, RunningCase, Student, blocked, not_gradable
from grader.lab.blame import is_of_submission, unusable
from grader.pipeline.assignment import Assignment
from grader.pipeline.breakage import Unimportable, placed, problems_of, redefined
from grader.pipeline.budget import OVERWORKED, Budget, OutOfTime, alarm
from grader.pipeline.fixtures import Fixtures
from grader.pipeline.lab_package import LabPackage
from grader.pipeline.runs import MAIN_SUITE, Broken, Context, Progress, StagedSubmission, SuiteRun
from grader.sandbox.client import Worker
from grader.sandbox.source import SourceFile

STDOUT_CHARS = 4_000
SUITE_TIME_S = 30.0  # for all cases of a run, beside what the worker is waited for
# Plugins of pytest that a suite has no use for: each takes part in each phase of each case, or in loading pytest.
UNUSED = """
cacheprovider capture debugging doctest faulthandler junitxml logging monkeypatch pastebin recwarn setuponly setupplan skipping
stepwise subtests terminalreporter threadexception tmpdir unittest unraisableexception warnings
""".split()
ACTIONS = {
    element.id: element
    for element in (
        say("use the file"),
        say("use the network"),
        say("start a program"),
        say("start a thread"),
        say("use shared memory"),
        say("use the system"),
    )
}
ATTEMPT = "Your code tried to {action} {what}. During grading it can use only its arguments and the lab's files."

UNJUDGED = "This case can only be checked through the template's calls, and this submission cannot be called that way."
UNMARKED = "?"  # the criterion of a test without a mark


class SuitePlugin(Fixtures):
    """Plugin of pytest that provides the fixtures for one submission and records the outcomes."""

    _worker: Worker
    _progress: Progress
    _budget: Budget
    _joined: float

    def __init__(self, assignment: Assignment) -> None:
        self.package = LabPackage(assignment.place)
        self.problems: list[Message] = []  # with the suite as a whole
        self.words: dict[str, dict[str, str]] = {lang: {} for lang in LANGUAGES[1:]}  # titles of cases
        # The CaseStopped that replaced an exception of the suite, by the identity of the exception.
        self._stopped_by_error: dict[int, CaseStopped] = {}
        self.evidence = RunningCase(name="")
        self._assignment = assignment
        self._requires = {
            f"{criterion.id}.{case.id}": case.requires
            for criterion in assignment.rubric.criteria
            for case in criterion.cases
        }
        self._files = {criterion.id: criterion.file for criterion in assignment.rubric.criteria}
        self._file: str | None = None
        self.test_files: dict[str, set[Path]] = {}  # of the suite, by the file whose criteria have cases there
        self._names: list[str] = []
        self._is_complete = True
        self._places: dict[str, str | Message] = {}  # in the suite, by case
        self._verdicts: dict[str, Verdict]

    def join(self, worker: Worker, file: SourceFile, context: Context, part: str) -> None:
        """Set the submission to grade and drop the last one's state; part selects the criteria, see `is_judged`."""
        self._verdicts, self._file = {}, part
        self._budget, self._joined = context.budget, time.monotonic() - worker.waited_s
        files = {name: self._assignment.place / name for name in self._assignment.files}
        self.student = Student(worker, file, worker.limits, context.seed, self._assignment.operations, files)
        self.student.options = self._assignment.chosen
        self._worker = worker
        self._progress = context.progress

    def is_judged(self, item: pytest.Item) -> bool:
        """Return whether a case belongs to the criteria of the file given to `join`; "" is the lab's own file."""
        return self._file is None or self._file_of(item) == self._file

    def _file_of(self, item: pytest.Item) -> str:
        """Return the file whose criteria a case belongs to; "" is the lab's own file."""
        return self._files.get(case_name(item).partition(".")[0], "")

    def mismatches(self) -> Iterator[Message]:
        """Yield one sentence for each mismatch between suite and rubric."""
        reported = Counter(self._names)
        for name, count in reported.items():
            if name.startswith(f"{UNMARKED}."):
                test = f"test_{name.removeprefix(f'{UNMARKED}.')}"
                yield say('{place}: {test} has no mark @case("criterion")', place=self._places[name], test=test)
            elif count > 1:
                yield say("{place}: the suite has the case {name} twice", place=self._places[name], name=name)
        for name in self._requires if self._is_complete else ():
            if name not in reported:
                yield self._unknown(name, [item for item in reported if item not in self._requires])

    def _unknown(self, name: str, others: Iterable[str]) -> Message:
        """Say that the rubric names what is no case; others are cases that it does not name."""
        unnamed = ", ".join(sorted(item for item in others if UNMARKED not in item))
        if not unnamed:
            return say("the rubric names {name}, which is not a case of the suite", name=name)
        return say(
            "the rubric names {name}, which is not a case of the suite (not in the rubric: {others})",
            name=name,
            others=unnamed,
        )

    def unjudged(self) -> Iterator[Outcome]:
        """Yield a not gradable outcome for each case of the lab's own file that this second suite lacks."""
        for criterion in self._assignment.rubric.of_file(""):
            for case in criterion.cases:
                if f"{criterion.id}.{case.id}" not in self._names:
                    title = case.id.replace("_", " ")
                    yield replace(not_gradable(UNJUDGED).outcome, criterion=criterion.id, id=case.id, title=title)

    def pytest_configure(self, config: pytest.Config) -> None:
        """Register the criterion marker."""
        config.addinivalue_line("markers", "criterion(id): the criterion that a case belongs to")

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Treat a case that returns a value as an error; otherwise `return unmet(...)` would pass every submission.

        Also check that no fixture is redefined, and select the cases of this run.
        """
        self._names = [case_name(item) for item in items]
        for item, name in zip(items, self._names, strict=True):
            if isinstance(item, pytest.Function):
                item.obj = returning_nothing(item.obj)
                self.problems += [problem for problem in redefined(item) if problem not in self.problems]
            self.test_files.setdefault(self._file_of(item), set()).add(item.path)
            self._places[name] = placed(item.location[0], (item.location[1] or 0) + 1)
        items[:] = [] if self.problems else filter(self.is_judged, items)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note whether a file could not be collected: then it is not known which cases the suite has."""
        self._is_complete &= not report.failed

    @pytest.hookimpl(wrapper=True, trylast=True)  # inside the channel's wrapper
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, None, None]:
        """Start a case with new objects before its fixtures are set up."""
        self.evidence = RunningCase(name=case_name(item))
        if self._assignment.is_debugged:
            print(f"--- {self.evidence.name}")  # noqa: T201  - captured by run_suite
        with self._time_limit():
            self._start(self.evidence.name, is_fresh=bool(mark_of(item).get("fresh")))
            yield

    @pytest.hookimpl(wrapper=True)
    def pytest_pyfunc_call(self) -> Generator[None, object, object]:
        """Run a case under the time limits."""
        with self._time_limit():
            return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(self) -> Generator[None, object, object]:
        """Tear down a case's fixtures under the time limits, or without limits if no time is left, since pytest must clean up."""
        with contextlib.nullcontext() if self._budget.is_spent else self._time_limit():
            return (yield)

    @contextlib.contextmanager
    def _time_limit(self) -> Iterator[None]:
        """Stop a case that does not end. If it waits, the suite is at fault; if it computes, the submission may be."""
        late = TimeoutError(f"the suite took more than {SUITE_TIME_S:g} s beside the submission")
        try:
            with (
                alarm("ITIMER_REAL", "SIGALRM", self._left_s, late),
                self._budget.spending(),
                np.errstate(all="ignore"),  # a submission's numbers may be of any size
            ):
                yield
        except OutOfTime:
            raise not_gradable(OVERWORKED.id) from None

    def _left_s(self) -> float:
        """Return how long the suite may go on by itself."""
        return SUITE_TIME_S + self._joined + self._worker.waited_s - time.monotonic()

    def pytest_pycollect_makemodule(self, module_path: Path, parent: pytest.Collector) -> pytest.Module:
        """Import a module of the suite as part of the lab's package, so that it can import the others relatively."""
        module: LabModule = LabModule.from_parent(parent, path=module_path)
        module.package = self.package
        return module

    def _start(self, name: str, *, is_fresh: bool) -> None:
        """Begin a case; raise CaseStopped if a case that it requires has not passed."""
        self._progress(name)
        for required in self._requires.get(name, ()):
            if self._verdicts.get(required) is not Verdict.PASSED:
                raise blocked(required)
        self.student.begin(name, is_fresh=is_fresh)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> pytest.TestReport | None:
        """Return the report of a stopped case without a traceback: nobody reads it, and pytest makes it slowly."""
        if call.excinfo is None or not isinstance(call.excinfo.value, CaseStopped) or call.when == "collect":
            return None
        return pytest.TestReport(
            nodeid=item.nodeid, location=item.location, keywords=dict.fromkeys(item.keywords, 1), outcome="failed",
            longrepr=str(call.excinfo.value), when=call.when, duration=call.duration, start=call.start, stop=call.stop,
        )  # fmt: skip

    @pytest.hookimpl(optionalhook=True)
    def pytest_json_runtest_metadata(self, item: pytest.Item, call: pytest.CallInfo[None]) -> dict[str, Any]:
        """Return the outcome of a case as JSON, or {} if the suite itself broke."""
        stopped = None if call.excinfo is None else self._ended(item, call.excinfo.value)
        if call.when == "teardown" or (call.when == "setup" and stopped is None):
            return {}
        if stopped is not None and not isinstance(stopped, CaseStopped):
            return {}
        outcome = self._outcome(item, stopped)
        self._verdicts[outcome.name] = outcome.verdict
        built = msgspec.to_builtins(outcome)
        assert isinstance(built, dict)
        return {"outcome": built}

    def _ended(self, item: pytest.Item, error: BaseException) -> BaseException:
        """Return the exception that ended a case; one caused by a value of the submission becomes a CaseStopped."""
        if isinstance(error, CaseStopped):
            return error
        if self._assignment.is_debugged:
            traceback.print_exception(error, file=sys.stdout)
        known, taken = self._stopped_by_error.get(id(error)), self.student.taken
        if known is None and taken is not None:
            own = getattr(getattr(item, "callspec", None), "params", ())
            if not is_of_submission(error, self.package.folder, own):
                return error
            known = self._stopped_by_error[id(error)] = unusable(taken, error)
        return error if known is None else known

    def _outcome(self, item: pytest.Item, stopped: CaseStopped | None) -> Outcome:
        told = self.evidence
        for action, what in self._worker.take_denied():
            told.remark(ATTEMPT, action=ACTIONS.get(action, action), what=what)
        if stopped is None:
            ended = Outcome(verdict=Verdict.PASSED, evidence=[] if told.seen is None else [told.seen])
        else:
            stopped.seen_in = stopped.seen_in or told.name
            ended = stopped.outcome if stopped.seen_in == told.name else blocked(stopped.seen_in).outcome
        criterion, _, case = told.name.partition(".")
        return replace(
            ended,
            criterion=criterion,
            id=case,
            title=self._title(item) or case,
            remarks=told.remarks,
            code=told.code,
            stdout=self._worker.take_output()[:STDOUT_CHARS],
        )

    def _title(self, item: pytest.Item) -> str:
        """Return the title of a case, in English if it has one; add its translations to words."""
        mark = mark_of(item)
        titles = {lang: mark[lang] for lang in LANGUAGES if mark.get(lang)}
        title = titles.get("en") or inspect.getdoc(getattr(item, "function", None)) or next(iter(titles.values()), "")
        for lang, known in self.words.items():
            if lang in titles:
                known[title] = titles[lang]
        return title


class LabModule(pytest.Module):
    """Module of a suite, imported as part of the lab's package."""

    package: LabPackage

    def _getobj(self) -> ModuleType:
        try:
            return self.package.module(self.path)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:
            line = self.package.line_of(error)
            place = "" if line is None else f"line {line}\n"
            raise self.CollectError(f"{place}E   {type(error).__name__}: {error}") from error


def returning_nothing(test: Callable[..., object]) -> Callable[..., None]:
    """Return a test that raises TypeError if it returns a value."""

    @functools.wraps(test)
    def called(**arguments: Any) -> None:
        if test(**arguments) is not None:
            raise TypeError("a case must return nothing, and raise unmet(...) if the work is wrong")

    return called


def mark_of(item: pytest.Item) -> Mapping[str, Any]:
    """Return the keyword arguments of a case's mark."""
    marker = item.get_closest_marker("criterion")
    return {} if marker is None else marker.kwargs


def case_name(item: pytest.Item) -> str:
    """Return "criterion.case" for a test, from its marker and its name without test_."""
    marker = item.get_closest_marker("criterion")
    criterion = marker.args[0] if marker is not None and marker.args else UNMARKED
    return f"{criterion}.{item.name.removeprefix('test_')}"


class Echo(io.StringIO):
    """Text stream that also writes to standard error at once."""

    def write(self, text: str) -> int:
        """Store a text and write it to standard error."""
        sys.__stderr__.write(text)  # type: ignore[union-attr]
        return super().write(text)


class CollectedSuite:
    """Pytest session that collects the suite once and runs it over one submission after another.

    So the cost of importing pytest and collecting occurs only once.
    """

    def __init__(self, assignment: Assignment) -> None:
        self.plugin = SuitePlugin(assignment)
        self.channel = JSONReport()
        self._assignment = assignment
        self._session: pytest.Session | None = None
        self._items: list[pytest.Item] = []
        self._use: Callable[[], None] | None = None

    def collect(self, use: Callable[[], None]) -> Broken | None:
        """Collect the suite and call use, which may call run; return the suite's problems, or None."""
        self._use = use
        said = io.StringIO()
        suite = self._assignment.place / MAIN_SUITE
        try:
            with _environment(), contextlib.redirect_stdout(said):
                code = run_pytest(suite, [self.channel, self.plugin, self], self.plugin.package)
        except Unimportable as error:
            return Broken((error.problem,))
        if self._session is not None:
            return None
        found = problems_of(self.channel, int(code), said.getvalue(), suite)
        return Broken(tuple(self.plugin.problems) or tuple(found))

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """Call use instead of running the cases; each run then uses pytest's own loop."""
        if self._use is None:
            return None
        if session.testsfailed:  # a file that cannot be collected
            return True
        self._session, use, self._use = session, self._use, None
        self._items = session.items
        use()
        return True

    def new_channel(self) -> JSONReport:
        """Give the session's channel the state of a new one for the next run, and return it: it cannot be registered again."""
        session = self._session
        assert session is not None
        vars(self.channel).update(vars(JSONReport(session.config)))
        self.channel.pytest_sessionstart(session)
        return self.channel

    def run(self) -> int:
        """Run all cases; return pytest's exit code."""
        session = self._session
        assert session is not None
        session.testsfailed = 0
        session.items = list(filter(self.plugin.is_judged, self._items))
        hook = session.config.hook
        hook.pytest_runtestloop(session=session)
        code = pytest.ExitCode.TESTS_FAILED if session.testsfailed else pytest.ExitCode.OK
        hook.pytest_sessionfinish(session=session, exitstatus=code)
        return int(code)


def arguments(suite: Path, files: Collection[Path]) -> list[str]:
    """Return the command-line arguments of pytest for these files of a suite's folder, or for all if there are none."""
    return [
        *(map(str, sorted(files)) if files else [str(suite)]),
        *("-c", os.devnull, "--rootdir", str(suite), "--confcutdir", str(suite)),
        *("-p", "pytest_jsonreport.plugin", "-p", "pytest_metadata.plugin"),
        *(word for plugin in UNUSED for word in ("-p", f"no:{plugin}")),
        *("--assert=plain", "--tb=short"),
        *("--json-report-file=", "--json-report-omit=streams", "--json-report-omit=log"),
        # Without the last one, collection errors would count as Ctrl-C.
        *("--import-mode=importlib", "--noconftest", "--continue-on-collection-errors"),
    ]


def run_suite(
    staged: StagedSubmission, worker: Worker, context: Context, name: str = MAIN_SUITE, file: str = ""
) -> SuiteRun | Broken:
    """Run a suite of the lab, given by its folder's name, over the submission loaded in the worker.

    file selects the criteria: "" for the lab's own file, else the file of bonus criteria.
    """
    assignment = context.assignment
    collected = context.collected if name == MAIN_SUITE else None
    if collected is not None:
        plugin, channel = collected.plugin, collected.new_channel()
    else:
        plugin, channel = SuitePlugin(assignment), JSONReport()
    plugin.join(worker, staged.main, context, file)
    suite, files = assignment.place / name, context.test_files.get(file, ()) if name == MAIN_SUITE else ()
    captured = Echo() if assignment.is_debugged else io.StringIO()
    try:
        with contextlib.redirect_stdout(captured), contextlib.redirect_stderr(captured):
            if collected is not None:  # its session has set up the environment
                code = collected.run()
            else:
                with _environment():
                    code = run_pytest(suite, [channel, plugin], plugin.package, files)
        if code == pytest.ExitCode.INTERRUPTED:
            raise KeyboardInterrupt
    except Unimportable as error:
        return Broken((error.problem,))
    problems = list(plugin.problems) or problems_of(channel, int(code), captured.getvalue(), suite)
    if name == MAIN_SUITE and not files:
        problems += plugin.mismatches()
        context.test_files.update(plugin.test_files)
    if problems:
        return Broken(tuple(problems))
    reported = list(_reported(channel))
    outcomes = (*(outcome for outcome, _ in reported), *(plugin.unjudged() if name != MAIN_SUITE else ()))
    hello = worker.hello
    return SuiteRun(
        outcomes=outcomes,
        missing_modules=tuple(worker.missing_modules),
        kept=plugin.student.kept,
        notes=plugin.student.notes,
        words=plugin.words,
        cases_s={outcome.name: spent_s for outcome, spent_s in reported},
        level=hello.level if hello is not None else "none",
        python=hello.python if hello is not None else "",
        numpy=hello.numpy if hello is not None else "",
        student_time_s=round(worker.spent_s, 4),
        suite=name,
    )


def run_pytest(suite: Path, plugins: list[object], package: LabPackage, files: Collection[Path] = ()) -> int:
    """Run pytest over a suite, or some files of it, with its conftest.py as a plugin; return pytest's exit code."""
    conftest = suite / "conftest.py"
    if conftest.is_file():
        try:
            plugins = [*plugins, package.module(conftest)]
        except Exception as error:
            place = placed(f"{suite.name}/conftest.py", package.line_of(error))
            reason = f"{type(error).__name__}: {error}"
            raise Unimportable(say("{place}: it cannot be imported: {reason}", place=place, reason=reason)) from error
    return int(pytest.main(arguments(suite, files), plugins=plugins))


@contextlib.contextmanager
def _environment() -> Iterator[None]:
    """Hide the machine's pytest settings during a run."""
    kept = dict(os.environ)
    for name in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS"):
        os.environ.pop(name, None)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(kept)


def _reported(channel: JSONReport) -> Iterator[tuple[Outcome, float]]:
    """Yield the outcome of each case and its time in seconds, including its fixtures."""
    for test in (channel.report or {}).get("tests", ()):
        outcome = test.get("metadata", {}).get("outcome")
        if outcome is not None:
            spent_s = sum(test.get(part, {}).get("duration", 0.0) for part in ("setup", "call"))
            yield msgspec.convert(outcome, Outcome), round(spent_s, 4)
