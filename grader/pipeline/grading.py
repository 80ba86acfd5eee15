"""One grade from a path to a report: staging, import ban, suite, scoring."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import structs
from msgspec.structs import replace

from grader.core.errors import NotGradable, Rejected, UsageError
from grader.core.limits import Limits
from grader.core.messages import Message, say
from grader.core.report import Report, Status
from grader.pipeline.assignment import Assignment, check_packages, read_assignment
from grader.pipeline.budget import OVERWORKED, Budget, OutOfTime
from grader.pipeline.import_rules import check_imports, remarks
from grader.pipeline.lab_package import LabPackage
from grader.pipeline.runs import (
    MAIN_SUITE,
    BonusRun,
    Broken,
    Context,
    Progress,
    RawSubmission,
    StagedSubmission,
    SuiteRun,
    silent,
)
from grader.pipeline.scoring import points_of, score, without_run
from grader.pipeline.staging import collect, name_of, reading_modules, stage
from grader.sandbox.client import Worker
from grader.sandbox.loading import Program
from grader.sandbox.preload import READING, modules_for
from grader.sandbox.processes import Sandbox, SandboxError

if TYPE_CHECKING:
    from grader.lab.hooks import Hooks, Ran
    from grader.pipeline.run_suite import CollectedSuite


def assignment(
    folder: Path | None = None,
    *,
    rubric: Path | None = None,
    time_limit: float | None = None,
    chosen: Collection[str] = (),
    is_debugged: bool = False,
) -> Assignment:
    """Return the lab in a folder (default: the built-in one); raise BrokenGrader if the folder contains no valid lab.

    rubric is the path of a different rubric, time_limit replaces the lab's total limit (seconds), chosen are options of the
    lab, is_debugged shows what its suite prints. Raise UsageError for an option that the lab does not have.
    """
    lab = read_assignment(folder, rubric)
    check_packages(lab)
    for name in chosen:
        if name not in lab.options:
            raise UsageError("The lab has no option {name}.", name=name)
    lab = replace(lab, chosen=frozenset(chosen), is_debugged=is_debugged)
    return lab if time_limit is None else replace(lab, limits=limits_for(lab.limits, time_limit))


def limits_for(limits: Limits, time_limit: float) -> Limits:
    """Return limits with a total of time_limit seconds; each call may use a quarter, so a hang leaves time for the rest."""
    return structs.replace(
        limits,
        total_time_s=time_limit,
        load_time_s=min(limits.load_time_s, time_limit / 2),
        call_time_s=min(limits.call_time_s, time_limit / 4),
    )


def grade(
    submission: Path,
    assignment: Assignment,
    *,
    seed: int,
    lang: str = "en",
    sandbox: Sandbox | None = None,
    progress: Progress = silent,
) -> Report:
    """Grade the submission at a path and return its report, for any content at that path.

    seed, in [0, 2**53), determines every probe of the run; sandbox starts the processes that read and run
    the submission (default: a new one); progress is called with the name of each case before it runs.
    """
    began = time.monotonic()
    with contextlib.nullcontext(sandbox) if sandbox else Sandbox() as started:
        try:
            raw = collect(submission)
        except Rejected as rejected:
            name, total_s = name_of(submission), time.monotonic() - began
            return without_run(
                assignment, name, Status.REJECTED, rejected.reason, seed=seed, lang=lang, total_s=total_s
            )
        return grade_raw(raw, assignment, started, seed=seed, lang=lang, progress=progress, began=began)


def grade_raw(
    raw: RawSubmission,
    assignment: Assignment,
    sandbox: Sandbox,
    *,
    seed: int,
    lang: str = "en",
    progress: Progress = silent,
    collected: CollectedSuite | None = None,
    began: float | None = None,
) -> Report:
    """Grade a submission that `collect` has read; pass `collected` to reuse a collected suite.

    Other arguments are as in `grade`; began is the start of the grade (time.monotonic).
    """
    began = time.monotonic() if began is None else began
    context = Context(assignment=assignment, seed=seed, budget=Budget(), progress=progress, collected=collected)
    level = "none"
    try:
        with contextlib.ExitStack() as stack:
            sandbox.load_operations(assignment.confined)
            worker = stack.enter_context(Worker(sandbox, assignment.limits, seed, modules=reading_modules(raw)))
            import grader.pipeline.run_suite  # noqa: F401  - pytest loads while the worker starts

            staged = stage(raw, assignment, worker)
            findings = (*check_imports(staged, assignment.rubric.imports.banned), *remarks(staged))
            sandbox = load_program(staged, assignment, worker, sandbox, stack)
            run = run_lab(staged, worker, context)
            bonus = list(run_bonuses(staged, sandbox, worker.spent_s, context))
            total_s = time.monotonic() - began
            return score(assignment, staged, findings, run, bonus, seed=seed, lang=lang, total_s=total_s)
    except Broken as broken:
        status, reason = Status.GRADER_ERROR, grader_failure(broken.every_problem)
        level = level if worker.hello is None else worker.hello.level
    except NotGradable as unread:
        status, reason = Status.NOT_GRADABLE, unread.reason
    except Rejected as rejected:
        status, reason = Status.REJECTED, rejected.reason
    except OutOfTime:
        status, reason = Status.NOT_GRADABLE, OVERWORKED
    except Exception as error:  # a bug of ours or a failure of the machine: the report says so for any submission
        problem = str(error) if isinstance(error, SandboxError) else f"{type(error).__name__}: {error}"
        status, reason = Status.GRADER_ERROR, grader_failure(problem)
    total_s = time.monotonic() - began
    return without_run(assignment, raw.name, status, reason, seed=seed, lang=lang, total_s=total_s, level=level)


def grader_failure(problem: str | Message) -> Message:
    """Return the reason for a report without a score that is the grader's or the lab's fault."""
    return say("The grader itself failed: {problem}.", problem=problem)


def load_program(
    staged: StagedSubmission, assignment: Assignment, worker: Worker, sandbox: Sandbox, stack: contextlib.ExitStack
) -> Sandbox:
    """Have the worker load the submission, in a new process if the reader process lacks modules that it needs.

    Return the sandbox with the modules: the given one, or a new one, which stack closes.
    """
    modules = modules_to_preload(staged, assignment)
    if sandbox.offers(modules):
        worker.send_program(program(staged, assignment))
        return sandbox
    worker.stop()  # must come before its zygote is busy with the modules
    if sandbox.is_growing:
        sandbox.preload(modules)
    else:
        operations, sandbox = sandbox.operations, stack.enter_context(Sandbox(sandbox.required, modules=modules))
        sandbox.load_operations(operations)
        stack.push(worker)  # so that it ends before its sandbox
    worker.send_program(program(staged, assignment), sandbox)
    return sandbox


def run_lab(staged: StagedSubmission, worker: Worker, context: Context) -> SuiteRun:
    """Run the lab's suite over the submission in the worker, then another suite if the lab's hooks name one; return the run that counts."""
    from grader.lab.hooks import Hooks  # it loads pytest

    assignment, budget = context.assignment, context.budget
    package = LabPackage(assignment.place)
    if assignment.folder:  # a lab outside the grader may hold state from the last submission, or may have changed
        package.forget()
    hooks = Hooks(package.optional("hooks"))
    first = ran_suite(staged, worker, context)
    if budget.is_spent:
        return first
    ran = ran_of(first, assignment)
    with budget.spending():
        suite = hooks.other_suite(ran)
    if suite is None:
        return with_figures(first, assignment, hooks, budget)
    try:
        other = ran_suite(staged, worker, context, suite)
    except Broken as broken:  # the submission may have caused it: keep the grade and add a note
        note = say(
            "For the lecturer: {suite} failed with an error ({problem}), so only the first suite counts.",
            suite=suite,
            problem=broken.every_problem,
        )
        return with_figures(replace(first, notes=[*first.notes, note]), assignment, hooks, budget)
    if budget.is_spent:
        return other
    with budget.spending():
        better = first if hooks.better(ran, ran_of(other, assignment)).suite == ran.suite else other
    return with_figures(replace(better, student_time_s=round(worker.spent_s, 4)), assignment, hooks, budget)


def ran_suite(
    staged: StagedSubmission, worker: Worker, context: Context, suite: str = MAIN_SUITE, file: str = ""
) -> SuiteRun:
    """Run a suite, arguments as in `run_suite`: twice where the system ended the worker, which may have lacked memory for a moment.

    Raise Broken if the suite is.
    """
    from grader.pipeline.run_suite import run_suite  # it loads pytest

    worker.was_killed = False
    run = run_suite(staged, worker, context, suite, file)
    if worker.was_killed:
        run = run_suite(staged, worker, context, suite, file)
    if isinstance(run, Broken):
        raise run
    return run


def ran_of(run: SuiteRun, assignment: Assignment) -> Ran:
    """Return a run in the form that the lab's hooks get."""
    from grader.lab.hooks import Ran

    outcomes = {outcome.name: outcome for outcome in run.outcomes}
    return Ran(suite=run.suite, outcomes=outcomes, score=points_of(assignment.rubric, outcomes), kept=run.kept)


def with_figures(run: SuiteRun, assignment: Assignment, hooks: Hooks, budget: Budget) -> SuiteRun:
    """Return a run with the lab's figures; if drawing them fails, add a note and keep the grade."""
    from grader.lab import CaseStopped

    try:
        with budget.spending():
            return replace(run, figures=hooks.figures(ran_of(run, assignment)))
    except (Exception, CaseStopped, OutOfTime) as error:
        problem = f"{type(error).__name__}: {error}"
        note = say(
            "For the lecturer: hooks.py made no figures ({problem}). The grade does not depend on it.", problem=problem
        )
        return replace(run, notes=[*run.notes, note])


def run_bonuses(staged: StagedSubmission, sandbox: Sandbox, spent_s: float, context: Context) -> Iterator[BonusRun]:
    """Yield the run of each file of bonus criteria that is not an unchanged template; spent_s seconds of the total are used."""
    for name in context.assignment.rubric.bonus_files:
        named = [sibling for sibling in staged.siblings if sibling.base == name]
        file = min(named, key=lambda source: (source.name.count("/"), source.name), default=None)
        if file is not None and not file.is_unwritten:
            part = replace(
                staged, main=file, siblings=tuple(item for item in staged.files.values() if item is not file)
            )
            bonus = run_bonus(part, sandbox, spent_s, context)
            yield bonus
            spent_s += bonus.run.student_time_s


def run_bonus(part: StagedSubmission, sandbox: Sandbox, spent_s: float, context: Context) -> BonusRun:
    """Run the cases of one file of bonus criteria, the main file of part, in a separate worker."""
    assignment = context.assignment
    about = assignment.bonus_file(part.main.base)
    left_s = max(0.0, assignment.limits.total_time_s - spent_s)
    limits = limits_for(about.limits, min(about.limits.total_time_s, left_s))
    text = replace(program(part, assignment), names=about.functions, classes=())
    findings = check_imports(part, assignment.rubric.imports.banned)
    with Worker(sandbox, limits, context.seed, program=text) as worker:
        run = ran_suite(part, worker, context, file=part.main.base)
    return BonusRun(file=part.main, findings=findings, run=run)


def modules_to_preload(staged: StagedSubmission, assignment: Assignment) -> list[str]:
    """Return the modules to import before the worker drops its privileges."""
    texts = [file.text for file in staged.files.values()]
    modules = modules_for((module for _, _, module in staged.imports), texts, assignment.optional_packages)
    return [*modules, *assignment.packages, *(READING if assignment.files or staged.data else ())]


def program(staged: StagedSubmission, assignment: Assignment) -> Program:
    """Return the program for the worker to run: the submission's text and the modules around it."""
    imports = assignment.rubric.imports
    return Program(
        file=staged.main.name,
        text=staged.main.text,
        siblings={file.name: file.text for file in staged.siblings},
        root=staged.root,
        stand_ins=imports.stand_ins,
        banned=imports.banned,
        names=assignment.functions,
        classes=assignment.classes,
        is_notebook=bool(staged.main.cells),
        operations="" if assignment.confined is None else str(assignment.confined),
        data={**staged.data, **{name: (assignment.place / name).read_bytes() for name in assignment.files}},
        unread=staged.unread,
    )
