"""One grade from a path to a report: staging, import ban, suite, scoring."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from grader.budget import Budget, OutOfTime
from grader.cases import CaseStopped
from grader.errors import Rejected
from grader.imports import check_imports, dropped_lines
from grader.models import Assignment, Handed, Report, StagedSubmission, Status, SuiteRun, Verdict, say
from grader.observed import Observed, observe
from grader.rubric import read_assignment
from grader.sandbox.client import Limits, Program, Worker
from grader.sandbox.preload import modules_for
from grader.sandbox.processes import Sandbox, SandboxError
from grader.scoring import score, without_run
from grader.staging import collect, name_of, reading_modules, stage

if TYPE_CHECKING:
    from grader.suite_run import CollectedSuite

STEPS = ("model_update.output_step", "model_update.hidden_step")

Progress = Callable[[str], None]


def silent(_: str) -> None:
    """Show no progress."""


def assignment(
    folder: Path | None = None, *, rubric: Path | None = None, time_limit: float | None = None
) -> Assignment:
    """Return the lab in a folder (default: three neurons that learn XOR); BrokenGrader where it holds none.

    rubric is the path of another rubric, time_limit in seconds stands for the lab's own total.
    """
    lab = read_assignment(folder, rubric)
    return lab if time_limit is None else replace(lab, limits=limits_for(lab.limits, time_limit))


def limits_for(limits: Limits, time_limit: float) -> Limits:
    """Return limits whose total is time_limit seconds; one hang leaves time for the rest."""
    return replace(
        limits,
        total_time_s=time_limit,
        load_time_s=min(limits.load_time_s, time_limit / 2),
        call_time_s=min(limits.call_time_s, time_limit / 4),
        train_time_s=min(limits.train_time_s, time_limit / 2),
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
    """Grade the submission at a path. Whatever was handed in, this returns a report.

    seed, in [0, 2**53), is where every probe of the run comes from; sandbox starts the processes
    that read and run the submission (default: one of its own); progress is called with the name of
    each case before it runs.
    """
    name = name_of(submission)
    with contextlib.nullcontext(sandbox) if sandbox else Sandbox() as box:
        return grade_handed(name, lambda: collect(submission), assignment, box, seed=seed, lang=lang, progress=progress)


def grade_handed(
    name: str,
    collect: Callable[[], Handed],
    assignment: Assignment,
    box: Sandbox,
    *,
    seed: int,
    lang: str = "en",
    progress: Progress = silent,
    collected: CollectedSuite | None = None,
) -> Report:
    """Grade what collect returns, arguments as in `grade`; collected is the suite where it is there already."""
    began = time.monotonic()
    try:
        handed = collect()
        with contextlib.ExitStack() as stack:
            worker = stack.enter_context(Worker(box, assignment.limits, seed, modules=reading_modules(handed)))
            staged = stage(handed, assignment, worker)
            part = extra_part(staged, assignment)
            more = () if part is None else (part.main.name,)
            findings = (*check_imports(staged, assignment.rubric.imports.banned, *more), *dropped_lines(staged))
            fitting = sandbox_for(preloaded(staged, assignment), box, worker, stack)
            stack.push(worker)  # its end comes before that of its sandbox
            worker.run(program(staged, assignment), fitting)
            from grader.suite_run import run_suite  # pytest loads while the worker starts

            runs: dict[str, SuiteRun] = {}
            budget = Budget()

            def scored(run: SuiteRun, extra: SuiteRun | None = None) -> Report:
                total_s = time.monotonic() - began
                return score(assignment, staged, findings, run, extra, seed=seed, lang=lang, total_s=total_s)

            def report(observed: Observed | None = None) -> Report:
                run = run_suite(staged, assignment, worker, seed, progress, budget, observed, collected)
                runs[run.route] = run
                return scored(run)

            graded = report()
            if assignment.suite_observed.is_dir():

                def watch() -> Observed:
                    with budget.spending():
                        return observe(worker, staged.main, assignment.limits, seed)

                graded = by_observation(graded, report, watch)
            student_s = worker.spent_s
            if part is not None:
                extra = run_extra(part, assignment, fitting or box, student_s, seed, progress, budget)
                graded, student_s = scored(runs[graded.submission.route], extra), student_s + extra.student_time_s
            total_s = round(time.monotonic() - began, 4)
            return replace(graded, timing=replace(graded.timing, total_s=total_s, student_s=round(student_s, 4)))
    except Rejected as rejected:
        status, reason = Status.REJECTED, rejected.reason
    except SandboxError as error:
        status, reason = Status.GRADER_ERROR, say("The grader itself failed: {problem}.", problem=str(error))
    except (Exception, CaseStopped) as error:  # our own mistake: the report says so, whatever was handed in
        problem = f"{type(error).__name__}: {error}"
        status, reason = Status.GRADER_ERROR, say("The grader itself failed: {problem}.", problem=problem)
    return without_run(assignment, name, status, reason, seed=seed, lang=lang, total_s=time.monotonic() - began)


def sandbox_for(modules: list[str], box: Sandbox, reader: Worker, stack: contextlib.ExitStack) -> Sandbox | None:
    """Return whose process is to run what needs these modules; None: the process that read it has them."""
    if box.offers(modules):
        return None
    reader.stop()  # before its zygote is busy with the modules
    if not box.is_growing:
        return stack.enter_context(Sandbox(box.required, modules=modules))
    box.preload(modules)
    return box


def by_observation(contract: Report, report: Callable[[Observed], Report], watch: Callable[[], Observed]) -> Report:
    """Return the report by the template's calls, or one by watching the hand-in train itself where those do not fit.

    They do not fit where a hand-in is not gradable by them, or makes wrong steps with them that are no known
    mistake, and right in its own training (its backward may take a label where the template has an error).
    Whatever fails while it is watched leaves the first report: it ran as the submission pleased.
    """
    cases = {f"{one.id}.{case.id}": case for one in contract.criteria for case in one.cases}
    verdicts = {case.verdict for case in cases.values()}
    is_unwritten = any(case.exception and case.exception.type == "NotImplementedError" for case in cases.values())
    is_stuck = not verdicts.isdisjoint({Verdict.TIMEOUT, Verdict.MEMORY_LIMIT, Verdict.OUTPUT_LIMIT})
    steps = [cases[name] for name in STEPS if name in cases]
    is_understood = contract.status is Status.GRADED and (
        all(case.verdict is Verdict.PASSED for case in steps) or any(case.misconception for case in steps)
    )
    if contract.status is Status.GRADER_ERROR or is_unwritten or is_stuck or is_understood:
        return contract
    try:
        observed = watch()
    except (Exception, CaseStopped, OutOfTime):
        return contract
    if contract.status is Status.GRADED and not (observed.network.is_forward_right and observed.is_step_right):
        return contract
    found = report(observed)
    is_worse = found.status is Status.GRADER_ERROR or (contract.score or 0) > (found.score or 0)
    return contract if is_worse else found


def extra_part(staged: StagedSubmission, assignment: Assignment) -> StagedSubmission | None:
    """Return the hand-in with its file for extra points as the main one, None where nothing is written there."""
    wanted = assignment.extra.file if assignment.extra is not None else None
    files = (staged.main, *staged.siblings)
    for file in staged.siblings:
        if file.name == wanted and not file.is_unwritten:
            return replace(staged, main=file, siblings=tuple(one for one in files if one is not file))
    return None


def run_extra(
    part: StagedSubmission,
    assignment: Assignment,
    sandbox: Sandbox,
    spent_s: float,
    seed: int,
    progress: Progress,
    budget: Budget,
) -> SuiteRun:
    """Run the suite for extra points in a worker of its own, in what spent_s left of the hand-in's time."""
    from grader.suite_run import run_suite

    assert assignment.extra is not None
    left_s = max(0.0, assignment.limits.total_time_s - spent_s)
    limits = limits_for(assignment.extra.limits, min(assignment.extra.limits.total_time_s, left_s))
    extra = replace(assignment.extra, limits=limits)
    text = replace(program(part, assignment), names=extra.functions)
    with Worker(sandbox, limits, seed, program=text) as worker:
        return run_suite(part, extra, worker, seed, progress, budget)


def preloaded(staged: StagedSubmission, assignment: Assignment) -> list[str]:
    """Return the modules to import before the doors close."""
    texts = [file.text for file in (staged.main, *staged.siblings)]
    return modules_for((module for _, _, module in staged.imports), texts, assignment.rubric.imports.allowed)


def program(staged: StagedSubmission, assignment: Assignment) -> Program:
    """Return what the worker is to run: the submission's text, and the modules around it."""
    imports = assignment.rubric.imports
    return Program(
        file=staged.main.name,
        text=staged.main.text,
        siblings={file.name.removesuffix(".py"): file.text for file in staged.siblings if file.name.endswith(".py")},
        stand_ins=imports.stand_ins,
        banned=imports.banned,
        names=assignment.functions,
        is_notebook=bool(staged.main.cells),
    )
