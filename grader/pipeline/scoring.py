"""Step 4, scoring: a pure function from rubric, findings and suite run to the report.

The rubric determines every maximum: a case that reported no result gets 0 points and says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec.structs import asdict, replace

from grader import __version__
from grader.core.decisions import decided
from grader.core.language import report_in
from grader.core.messages import Message, say
from grader.core.outcomes import BANNED_IMPORT, Finding, Outcome, Verdict
from grader.core.report import (
    SCHEMA,
    CaseResult,
    CriterionResult,
    Environment,
    Report,
    SandboxUsed,
    Status,
    SubmissionShown,
    Timing,
)
from grader.core.rubric import CaseRule, Criterion, Rubric
from grader.pipeline.assignment import Assignment
from grader.pipeline.import_rules import finding
from grader.pipeline.places import placed
from grader.pipeline.runs import BonusRun, StagedSubmission, SuiteRun
from grader.sandbox.confined.reading.imports import is_banned
from grader.sandbox.source import SourceFile

# A criterion gets the first of these verdicts that one of its cases has.
WORST_FIRST = (
    Verdict.NOT_GRADABLE,
    Verdict.TIMEOUT,
    Verdict.MEMORY_LIMIT,
    Verdict.OUTPUT_LIMIT,
    Verdict.ERROR,
    Verdict.FAILED,
    Verdict.PARTIAL,
    Verdict.NOT_RUN,
    Verdict.BLOCKED,
)

# A criterion with points whose worst verdict is one of these is partial.
SOFT = (Verdict.FAILED, Verdict.NOT_RUN, Verdict.BLOCKED)


def score(
    assignment: Assignment,
    staged: StagedSubmission,
    findings: Sequence[Finding],
    run: SuiteRun,
    bonus: Sequence[BonusRun] = (),
    *,
    seed: int,
    lang: str,
    total_s: float,
) -> Report:
    """Return the report of a submission that was run, in the language lang.

    findings concern the program. A banned import in it costs all points; one that only a file of bonus criteria makes costs
    the points of that file.
    """
    runs = [run, *(extra.run for extra in bonus)]
    criteria, found, status, reason = _judged(assignment, staged, findings, run, bonus)
    submission = SubmissionShown(name=staged.name, sha256=staged.sha256, files=list(staged.files), route=run.route)
    return _report(assignment, submission, status, reason, criteria, found, runs, seed=seed, lang=lang, total_s=total_s)


def points_of(rubric: Rubric, outcomes: Mapping[str, Outcome]) -> int | None:
    """Return the points that the outcomes (by "criterion.case") earn, or None if one of them is not gradable."""
    if any(outcome.verdict is Verdict.NOT_GRADABLE for outcome in outcomes.values()):
        return None
    return sum(_criterion(criterion, outcomes).points for criterion in rubric.of_file(""))


def without_run(
    assignment: Assignment,
    name: str,
    status: Status,
    reason: Message,
    *,
    seed: int,
    lang: str,
    total_s: float,
    level: str = "none",
) -> Report:
    """Return the report of a submission that was rejected, or that a broken grader could not grade.

    level is the sandbox's, where the submission was run all the same.
    """
    criteria = [_not_run(_criterion(criterion, {})) for criterion in assignment.rubric.of_file("")]
    submission = SubmissionShown(name=name, sha256="", files=[], route="none")
    runs = [SuiteRun(level=level)]
    return _report(assignment, submission, status, reason, criteria, [], runs, seed=seed, lang=lang, total_s=total_s)


def _report(
    assignment: Assignment,
    submission: SubmissionShown,
    status: Status,
    reason: Message | None,
    criteria: list[CriterionResult],
    findings: list[Finding],
    runs: Sequence[SuiteRun],
    *,
    seed: int,
    lang: str,
    total_s: float,
) -> Report:
    """Return a report in the language lang; the first run is that of the lab's own suite."""
    run = runs[0]
    score = sum(criterion.points for criterion in criteria if not criterion.bonus)
    report = Report(
        schema=SCHEMA,
        assignment=assignment.title,
        status=status,
        reason=reason,
        score=score if status in (Status.GRADED, Status.REJECTED) else None,
        max_score=assignment.rubric.max_score,
        criteria=criteria,
        extra_score=sum(criterion.points for criterion in criteria if criterion.bonus),
        findings=findings,
        sandbox=SandboxUsed(level=run.level),
        submission=submission,
        figures=run.figures,
        notes=run.notes,
        lang="en",
        seed=seed,
        environment=Environment(python=run.python, numpy=run.numpy, grader=__version__),
        timing=Timing(
            total_s=round(total_s, 4),
            student_s=round(sum(item.student_time_s for item in runs), 4),
            cases_s={name: spent for item in runs for name, spent in item.cases_s.items()},
        ),
    )
    words = {word: {**known, **run.words.get(word, {})} for word, known in assignment.words.items()}
    return decided(report_in(report, lang, assignment.place, words), ())


def _judged(
    assignment: Assignment,
    staged: StagedSubmission,
    findings: Sequence[Finding],
    run: SuiteRun,
    bonus: Sequence[BonusRun],
) -> tuple[list[CriterionResult], list[Finding], Status, Message | None]:
    """Return the criteria with their points, all findings, the status, and its reason."""
    runs = [run, *(item.run for item in bonus)]
    found = [*findings, *_asked(assignment, findings, staged.main, run)]
    violations = [item for item in found if item.rule == BANNED_IMPORT]
    outcomes = {outcome.name: _entitled(outcome, assignment.rubric) for item in runs for outcome in item.outcomes}
    criteria = [
        _gate(criterion, violations) if criterion.is_gate else _criterion(criterion, outcomes, staged)
        for criterion in assignment.rubric.of_file("")
    ]
    status, reason = _status(criteria, is_violated=bool(violations))
    criteria = [_zeroed(criterion) for criterion in criteria] if violations else criteria
    for element in bonus:
        own = [*element.findings, *_asked(assignment, [*found, *element.findings], element.file, element.run)]
        found += [finding for finding in own if finding not in found]
        made = [_criterion(criterion, outcomes, staged) for criterion in assignment.rubric.of_file(element.file.base)]
        criteria += [_zeroed(criterion) for criterion in made] if own or violations else made
    return criteria, found, status, reason


def _asked(assignment: Assignment, known: Sequence[Finding], file: SourceFile, run: SuiteRun) -> list[Finding]:
    """Return a finding for each banned package that was imported at run time and is in none of the known findings."""
    banned = assignment.rubric.imports.banned
    told = {str(item.message.args.get("module", "")).partition(".")[0] for item in known}
    packages = dict.fromkeys(name.partition(".")[0] for name in run.missing_modules if is_banned(name, banned))
    return [finding(file, None, package) for package in packages if package not in told]


def _status(criteria: Sequence[CriterionResult], *, is_violated: bool) -> tuple[Status, Message | None]:
    for criterion in criteria if not is_violated else ():  # with a violated gate the score is 0 in any case
        for case in criterion.cases:
            if case.verdict is Verdict.NOT_GRADABLE:
                return Status.NOT_GRADABLE, case.feedback
    return Status.GRADED, None


def _entitled(outcome: Outcome, rubric: Rubric) -> Outcome:
    """Return an outcome whose feedback names the blocking criterion by its title."""
    title = next((criterion.title for criterion in rubric.criteria if criterion.id == outcome.blocked_by), None)
    if title is None or outcome.feedback is None:
        return outcome
    return replace(outcome, feedback=say(outcome.feedback.id, criterion=Message(id=title, text=title)))


def _case(criterion: str, rule: CaseRule, outcome: Outcome | None, staged: StagedSubmission | None) -> CaseResult:
    """Return the result of a case; with the submission, it has the file and line of the code that the case checks."""
    if outcome is None:
        outcome = Outcome(
            criterion=criterion, id=rule.id, title=rule.id.replace("_", " "), verdict=Verdict.NOT_RUN,
            feedback=say("Not graded: this case reported no result."),
        )  # fmt: skip
    shares = {Verdict.PASSED: rule.points, Verdict.PARTIAL: rule.points // 2}
    case = CaseResult(points=shares.get(outcome.verdict, 0), max_points=rule.points, **asdict(outcome))
    return case if staged is None else placed(case, case.code or rule.code, staged)


def _criterion(
    criterion: Criterion, outcomes: Mapping[str, Outcome], staged: StagedSubmission | None = None
) -> CriterionResult:
    cases = [_case(criterion.id, rule, outcomes.get(f"{criterion.id}.{rule.id}"), staged) for rule in criterion.cases]
    points = sum(case.points for case in cases)
    verdicts = [case.verdict for case in cases]
    worst = next((verdict for verdict in WORST_FIRST if verdict in verdicts), Verdict.PASSED)
    told = next((case for case in cases if case.verdict is worst), None)
    return CriterionResult(
        id=criterion.id,
        title=criterion.title,
        points=points,
        max_points=criterion.points,
        points_without_gate=points,
        verdict=Verdict.PARTIAL if points and worst in SOFT else worst,
        feedback=told.feedback if told is not None else None,
        hint=told.hint if told is not None else None,
        misconception=next((case.misconception for case in cases if case.misconception), None),
        blocked_by=told.blocked_by if told is not None else None,
        remarks=[remark for case in cases for remark in case.remarks],
        bonus=criterion.bonus,
        cases=cases,
    )


def _gate(criterion: Criterion, violations: Sequence[Finding]) -> CriterionResult:
    passed = _criterion(criterion, {})
    if not violations:
        return passed
    hint = say("Remove the import: the lab does not need it.")
    return replace(passed, verdict=Verdict.FAILED, feedback=violations[0].message, hint=hint)


def _zeroed(criterion: CriterionResult) -> CriterionResult:
    return replace(criterion, points=0, cases=[replace(case, points=0) for case in criterion.cases])


def _not_run(criterion: CriterionResult) -> CriterionResult:
    cases = [replace(case, feedback=None) for case in criterion.cases]
    return replace(criterion, verdict=Verdict.NOT_RUN, feedback=None, cases=cases)
