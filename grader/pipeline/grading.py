"""One grade from a path to a report: staging, import ban, suite, scoring."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import structs

from grader.core.errors import Rejected
from grader.core.limits import Limits
from grader.core.messages import say
from grader.core.report import Report, Status
from grader.pipeline.assignment import Assignment, read_assignment
from grader.pipeline.budget import Budget
from grader.pipeline.import_rules import check_imports, dropped_lines
from grader.pipeline.lab_package import LabPackage
from grader.pipeline.runs import BonusRun, Handed, StagedSubmission, SuiteRun
from grader.pipeline.scoring import points_of, score, without_run
from grader.pipeline.staging import collect, name_of, reading_modules, stage
from grader.sandbox.client import Program, Worker
from grader.sandbox.preload import modules_for
from grader.sandbox.processes import Sandbox, SandboxError

if TYPE_CHECKING:
    from grader.lab.hooks import Hooks, Ran
    from grader.pipeline.run_suite import CollectedSuite

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
    return structs.replace(
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
            box.bring(assignment.confined)
            worker = stack.enter_context(Worker(box, assignment.limits, seed, modules=reading_modules(handed)))
            staged = stage(handed, assignment, worker)
            findings = (*check_imports(staged, assignment.rubric.imports.banned), *dropped_lines(staged))
            fitting = sandbox_for(preloaded(staged, assignment), box, worker, stack)
            stack.push(worker)  # its end comes before that of its sandbox
            worker.run(program(staged, assignment), fitting)
            budget = Budget()
            run = run_lab(staged, assignment, worker, seed, progress, budget, collected)
            bonus: list[BonusRun] = []
            for part in bonus_parts(staged, assignment):
                spent_s = worker.spent_s + sum(one.run.student_time_s for one in bonus)
                bonus.append(run_bonus(part, assignment, fitting or box, spent_s, seed, progress, budget, collected))
            return score(
                assignment, staged, findings, run, bonus, seed=seed, lang=lang, total_s=time.monotonic() - began
            )
    except Rejected as rejected:
        status, reason = Status.REJECTED, rejected.reason
    except SandboxError as error:
        status, reason = Status.GRADER_ERROR, say("The grader itself failed: {problem}.", problem=str(error))
    except Exception as error:  # our own mistake: the report says so, whatever was handed in
        problem = f"{type(error).__name__}: {error}"
        status, reason = Status.GRADER_ERROR, say("The grader itself failed: {problem}.", problem=problem)
    return without_run(assignment, name, status, reason, seed=seed, lang=lang, total_s=time.monotonic() - began)


def sandbox_for(modules: list[str], box: Sandbox, reader: Worker, stack: contextlib.ExitStack) -> Sandbox | None:
    """Return whose process is to run what needs these modules; None: the process that read it has them."""
    if box.offers(modules):
        return None
    reader.stop()  # before its zygote is busy with the modules
    if not box.is_growing:
        fitting = stack.enter_context(Sandbox(box.required, modules=modules))
        fitting.bring(box.operations)
        return fitting
    box.preload(modules)
    return box


def run_lab(
    staged: StagedSubmission,
    assignment: Assignment,
    worker: Worker,
    seed: int,
    progress: Progress,
    budget: Budget,
    collected: CollectedSuite | None,
) -> SuiteRun:
    """Run the lab's suite over the submission in the worker, and the other one that the lab asks for; the run that counts."""
    from grader.lab.hooks import Hooks  # pytest loads while the worker starts
    from grader.pipeline.run_suite import run_suite

    package = LabPackage(assignment.place)
    if assignment.folder:  # another lab's modules may keep something of one submission, and may have changed
        package.forget()
    hooks = Hooks(package.optional("hooks"))
    first = run_suite(staged, assignment, worker, seed, progress, budget, collected=collected)
    if first.broken is not None:
        return first
    ran = ran_of(first, assignment)
    suite = hooks.other_suite(ran)
    if suite is None:
        return drawn(first, assignment, hooks)
    other = run_suite(staged, assignment, worker, seed, progress, budget, suite)
    if other.broken is not None:  # it ran as the submission pleased
        return drawn(first, assignment, hooks)
    better = first if hooks.better(ran, ran_of(other, assignment)).suite == ran.suite else other
    return drawn(replace(better, student_time_s=round(worker.spent_s, 4)), assignment, hooks)


def ran_of(run: SuiteRun, assignment: Assignment) -> Ran:
    """Return a run as the lab's hooks see it."""
    from grader.lab.hooks import Ran

    outcomes = {outcome.name: outcome for outcome in run.outcomes}
    return Ran(suite=run.suite, outcomes=outcomes, score=points_of(assignment.rubric, outcomes), kept=run.kept)


def drawn(run: SuiteRun, assignment: Assignment, hooks: Hooks) -> SuiteRun:
    """Return a run with the figures that the lab makes of it; what breaks there is a note, and no matter of the grade."""
    from grader.lab import CaseStopped

    try:
        return replace(run, figures=hooks.figures(ran_of(run, assignment)))
    except (Exception, CaseStopped) as error:
        problem = f"{type(error).__name__}: {error}"
        note = say(
            "For the lecturer: hooks.py made no figures ({problem}). The grade does not depend on it.", problem=problem
        )
        return replace(run, notes=[*run.notes, note])


def bonus_parts(staged: StagedSubmission, assignment: Assignment) -> Iterator[StagedSubmission]:
    """Yield the submission once for each file of bonus criteria in which something is written, with that as the main one."""
    files = (staged.main, *staged.siblings)
    for file in staged.siblings:
        if file.name in assignment.rubric.bonus_files and not file.is_unwritten:
            yield replace(staged, main=file, siblings=tuple(one for one in files if one is not file))


def run_bonus(
    part: StagedSubmission,
    assignment: Assignment,
    sandbox: Sandbox,
    spent_s: float,
    seed: int,
    progress: Progress,
    budget: Budget,
    collected: CollectedSuite | None,
) -> BonusRun:
    """Run the cases of one file of bonus criteria in a worker of its own, in what spent_s left of the submission's time."""
    from grader.pipeline.run_suite import run_suite

    about = assignment.bonus_file(part.main.name)
    left_s = max(0.0, assignment.limits.total_time_s - spent_s)
    limits = limits_for(about.limits, min(about.limits.total_time_s, left_s))
    text = replace(program(part, assignment), names=about.functions, classes=())
    findings = check_imports(part, assignment.rubric.imports.banned)
    with Worker(sandbox, limits, seed, program=text) as worker:
        run = run_suite(part, assignment, worker, seed, progress, budget, collected=collected, file=part.main.name)
    return BonusRun(file=part.main, findings=findings, run=run)


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
        siblings={file.name: file.text for file in staged.siblings if file.name.endswith(".py")},
        stand_ins=imports.stand_ins,
        banned=imports.banned,
        names=assignment.functions,
        classes=assignment.classes,
        is_notebook=bool(staged.main.cells),
        operations="" if assignment.confined is None else str(assignment.confined),
    )
