"""Scoring: a pure function whose denominators come from the rubric."""

from __future__ import annotations

from itertools import pairwise

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from msgspec.structs import replace

from grader.core.messages import Message, say
from grader.core.outcomes import DROPPED_LINE, Finding, Outcome, Verdict
from grader.core.report import Report, Status
from grader.pipeline.grading import assignment, grader_failure
from grader.pipeline.import_rules import finding
from grader.pipeline.runs import BonusRun, Broken, StagedSubmission, SuiteRun
from grader.pipeline.scoring import WORST_FIRST, score, without_run
from grader.renderers.json import parse_json, render_json
from grader.renderers.scores import most_extra
from grader.renderers.text import render_text
from grader.sandbox.source import SourceFile

TASK = assignment()
STAGED = StagedSubmission(name="submission", main=SourceFile(name="network.py", text=""), siblings=(), sha256="0" * 64)
CASES = [(criterion, case) for criterion in TASK.rubric.of_file("") for case in criterion.cases]


def run_of(verdicts: dict[str, Verdict]) -> SuiteRun:
    outcomes = [
        Outcome(criterion=name.partition(".")[0], id=name.partition(".")[2], verdict=verdict, title=name)
        for name, verdict in verdicts.items()
    ]
    return SuiteRun(outcomes=tuple(outcomes), level="process", python="3.11", numpy="2")


def report_of(run: SuiteRun, findings: tuple[Finding, ...] = ()) -> Report:
    return score(TASK, STAGED, findings, run, seed=1, lang="en", total_s=0.5)


def test_the_rubric_sums_to_100() -> None:
    """The points of the pinned criteria are those of the assignment."""
    points = {criterion.id: criterion.points for criterion in TASK.rubric.of_file("")}

    assert points == {
        "imports": 0, "shapes": 15, "forward": 15, "sigmoid_derivative": 15,
        "neuron_update": 20, "model_update": 20, "xor": 15,
    }  # fmt: skip


def test_what_was_run_is_named() -> None:
    """A report has the files, the times and the mistakes of its run."""
    staged = replace(STAGED, siblings=(SourceFile(name="helper.py", text=""),))
    run = run_of({"forward.model": Verdict.FAILED, "forward.neuron": Verdict.PASSED})
    failed = replace(run.outcomes[0], misconception="linear_activation")
    run = replace(run, outcomes=(failed, run.outcomes[1]), cases_s={"forward.model": 0.25})

    report = score(TASK, staged, (), run, seed=1, lang="en", total_s=0.123456)

    assert report.submission.files == ["network.py", "helper.py"]
    assert (report.extra_score, report.timing.total_s) == (0, 0.1235)
    assert report.timing.cases_s["forward.model"] == 0.25
    assert [criterion.misconception for criterion in report.criteria if criterion.misconception] == [
        "linear_activation"
    ]


def test_nothing_reported_is_nothing_scored() -> None:
    """An empty run gives 0 of 100, and every case says that it did not report."""
    report = report_of(SuiteRun())

    assert (report.score, report.max_score) == (0, 100)
    verdicts = {case.verdict for criterion in report.criteria for case in criterion.cases}
    assert verdicts == {Verdict.NOT_RUN}
    assert "_" not in report.criteria[1].cases[0].title


def test_an_unknown_case_gives_no_points() -> None:
    """Points exist only for cases of the rubric."""
    assert report_of(run_of({"forward.invented": Verdict.PASSED})).score == 0


def test_half_of_the_points_for_a_partial_case() -> None:
    """A partial case has half of its points, rounded down."""
    assert report_of(run_of({"neuron_update.returned_error": Verdict.PARTIAL})).score == 3


@pytest.mark.parametrize(("most", "half"), [(0, 0), (1, 0), (7, 3), (8, 4)])
def test_halves_are_rounded_down(most: int, half: int) -> None:
    """Half of the points is a whole number."""
    criterion = next(item for item in TASK.rubric.criteria if not item.is_gate)
    case = structs.replace(criterion.cases[0], points=most)
    criterion = structs.replace(criterion, points=most, cases=(case,))
    rubric = structs.replace(TASK.rubric, criteria=(criterion,))
    run = run_of({f"{criterion.id}.{case.id}": Verdict.PARTIAL})

    points = score(replace(TASK, rubric=rubric), STAGED, (), run, seed=1, lang="en", total_s=0.5).criteria[0].points

    assert repr(points) == repr(half)


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ((Verdict.PASSED, Verdict.PASSED), Verdict.PASSED),
        ((Verdict.PASSED, Verdict.FAILED), Verdict.PARTIAL),
        ((Verdict.PASSED, Verdict.NOT_RUN), Verdict.PARTIAL),
        ((Verdict.BLOCKED, Verdict.PASSED), Verdict.PARTIAL),
        ((Verdict.PARTIAL, Verdict.PASSED), Verdict.PARTIAL),
        ((Verdict.FAILED, Verdict.BLOCKED), Verdict.FAILED),
        ((Verdict.BLOCKED, Verdict.BLOCKED), Verdict.BLOCKED),
        ((Verdict.PASSED, Verdict.ERROR), Verdict.ERROR),
        ((Verdict.TIMEOUT, Verdict.PASSED), Verdict.TIMEOUT),
        ((Verdict.FAILED, Verdict.PARTIAL), Verdict.PARTIAL),
        *(((worse, better), worse) for worse, better in pairwise(WORST_FIRST[:6])),
    ],
)
def test_the_verdict_of_a_criterion(verdicts: tuple[Verdict, Verdict], expected: Verdict) -> None:
    """The worst verdict is the criterion's, with what that case said; with some points, a soft one is partial."""
    index, criterion = next((index, part) for index, part in enumerate(TASK.rubric.criteria) if len(part.cases) > 1)
    names = [f"{criterion.id}.{case.id}" for case in criterion.cases]
    every = dict.fromkeys(names, verdicts[0]) | {names[-1]: verdicts[1]}
    run = run_of(every)
    told = tuple(
        replace(
            outcome,
            feedback=say(f"{outcome.verdict}"),
            hint=say(f"{outcome.verdict}!"),
            blocked_by=f"{outcome.verdict}",
        )
        for outcome in run.outcomes
    )

    result = report_of(replace(run, outcomes=told)).criteria[index]

    worst = next((item for item in WORST_FIRST if item in verdicts), Verdict.PASSED)
    assert result.verdict is expected
    assert result.feedback is not None
    assert result.hint is not None
    assert (result.feedback.id, result.hint.id, result.blocked_by) == (f"{worst}", f"{worst}!", f"{worst}")


def test_a_violated_gate_zeroes_everything() -> None:
    """The points that were earned are kept beside the zero."""
    every = {f"{criterion.id}.{case.id}": Verdict.PASSED for criterion, case in CASES}

    report = report_of(run_of(every), (finding(STAGED.main, 1, "torch"),))

    assert report.score == 0
    assert sum(criterion.points for criterion in report.criteria) == 0
    assert sum(criterion.points_without_gate for criterion in report.criteria) == 100
    assert {case.points for criterion in report.criteria for case in criterion.cases} == {0}
    gate = report.criteria[0]
    assert (gate.verdict, gate.points, gate.max_points, gate.points_without_gate) == (Verdict.FAILED, 0, 0, 0)
    assert gate.feedback == report.findings[0].message
    assert gate.hint is not None


def test_a_kept_gate_says_nothing() -> None:
    """A gate that holds has no points, no feedback and no hint."""
    gate = report_of(SuiteRun()).criteria[0]

    assert (gate.verdict, gate.points, gate.max_points, gate.points_without_gate) == (Verdict.PASSED, 0, 0, 0)
    assert (gate.feedback, gate.hint) == (None, None)


def test_a_line_that_was_left_out_costs_nothing() -> None:
    """A finding that is no violation takes no points, and no gate."""
    dropped = Finding(rule=DROPPED_LINE, file="network.py", line=1, message=say("!ls"))

    report = report_of(run_of({f"{criterion.id}.{case.id}": Verdict.PASSED for criterion, case in CASES}), (dropped,))

    assert (report.score, report.findings) == (100, [dropped])


def test_a_violated_gate_is_zero_whatever_else_holds() -> None:
    """With a forbidden import, a case that cannot be decided leaves nothing open."""
    run = run_of({"forward.model": Verdict.NOT_GRADABLE})

    report = report_of(run, (finding(STAGED.main, 1, "torch"),))

    assert (report.status, report.score) == (Status.GRADED, 0)


@pytest.mark.parametrize(("status", "points"), [(Status.REJECTED, 0), (Status.GRADER_ERROR, None)])
def test_without_a_run(status: Status, points: int | None) -> None:
    """A submission that was rejected has 0 points, one that a broken grader left has none; nothing of it ran."""
    reason = say("There is nothing.")

    report = without_run(TASK, "submission", status, reason, seed=3, lang="en", total_s=0.123456)

    assert (report.status, report.reason, report.score, report.extra_score) == (status, reason, points, 0)
    assert (report.max_score, report.seed, report.timing.total_s, report.timing.student_s) == (100, 3, 0.1235, 0.0)
    assert {(criterion.verdict, criterion.points, criterion.feedback) for criterion in report.criteria} == {
        (Verdict.NOT_RUN, 0, None)
    }
    assert [criterion.max_points for criterion in report.criteria] == [part.points for part in TASK.rubric.of_file("")]


def test_a_module_asked_for_at_run_time_is_a_finding() -> None:
    """What got past the syntax tree is found by what the code asked for, once for each package."""
    report = report_of(SuiteRun(missing_modules=("matplotlib", "torch", "torch.nn")))

    assert [(item.file, item.line) for item in report.findings] == [("network.py", None)]
    assert report.criteria[0].verdict is Verdict.FAILED
    found = finding(STAGED.main, 3, "torch.nn")
    assert report_of(SuiteRun(missing_modules=("torch", "jax")), (found,)).findings == [
        found,
        finding(STAGED.main, None, "jax"),
    ]


def test_the_first_of_two_violations_is_told() -> None:
    """A gate says what the first of its findings says."""
    found = (finding(STAGED.main, 1, "torch"), finding(STAGED.main, 2, "jax"))

    assert report_of(SuiteRun(), found).criteria[0].feedback == found[0].message


@pytest.mark.parametrize(
    ("missing", "found", "points"),
    [((), (), 1), (("torch",), (), 0), ((), ("torch.nn",), 0), (("numpy",), (), 1)],
)
def test_a_bonus_run_adds_its_own_points(missing: tuple[str, ...], found: tuple[str, ...], points: int) -> None:
    """What a file of bonus criteria earns stands beside the score; a banned package there costs that file alone."""
    criterion = next(item for item in TASK.rubric.criteria if item.bonus)
    file = SourceFile(name=criterion.file, text="")
    bonus = BonusRun(
        file=file,
        findings=tuple(finding(file, 2, module) for module in found),
        run=replace(run_of({f"{criterion.id}.{criterion.cases[0].id}": Verdict.PASSED}), missing_modules=missing),
    )
    run = run_of({f"{item.id}.{case.id}": Verdict.PASSED for item, case in CASES})

    report = score(TASK, STAGED, (), run, (bonus,), seed=1, lang="en", total_s=0.5)

    assert (report.score, report.max_score, report.extra_score, most_extra(report)) == (100, 100, points, 10)
    assert [part.points for part in report.bonus] == [points, 0, 0]
    assert [item.points_without_gate for item in report.bonus] == [1, 0, 0]
    assert [item.verdict for item in report.counted] == [Verdict.PASSED] * 7
    assert [item.file for item in report.findings] == [file.name] * (1 - points)
    without = score(TASK, STAGED, (), run, seed=1, lang="en", total_s=0.5)
    assert (without.score, without.extra_score, without.bonus, without.findings) == (100, 0, [], [])


def test_a_violated_gate_takes_extra_points_too() -> None:
    """A banned import of the program is none of one file alone."""
    criterion = next(item for item in TASK.rubric.criteria if item.bonus)
    earned = run_of({f"{criterion.id}.{criterion.cases[0].id}": Verdict.PASSED})
    bonus = BonusRun(file=SourceFile(name=criterion.file, text=""), findings=(), run=earned)

    report = score(
        TASK, STAGED, (finding(STAGED.main, 1, "torch"),), run_of({}), (bonus,), seed=1, lang="en", total_s=1
    )

    assert (report.score, report.extra_score, report.bonus[0].points_without_gate) == (0, 0, 1)


def test_a_broken_suite_has_no_score() -> None:
    """Our own fault is null, never 0."""
    problems = [say("{place} broke: {reason}", place=place, reason="why") for place in ("a.py, line 1", "b.py, line 2")]
    reason = grader_failure(Broken(tuple(problems)).every_problem)
    report = without_run(TASK, "work", Status.GRADER_ERROR, reason, seed=1, lang="en", total_s=0)

    assert (report.status, report.score) == (Status.GRADER_ERROR, None)
    assert "a.py, line 1 broke: why; b.py, line 2 broke: why." in render_text(report)


def test_not_gradable_has_no_score() -> None:
    """One case that cannot be decided leaves the sum open."""
    report = report_of(run_of({"forward.model": Verdict.NOT_GRADABLE}))

    assert (report.status, report.score) == (Status.NOT_GRADABLE, None)
    assert "Score: none" in render_text(report)


@given(st.lists(st.sampled_from(list(Verdict)), min_size=len(CASES), max_size=len(CASES)))
def test_score_is_the_sum_of_points(verdicts: list[Verdict]) -> None:
    """For any verdicts: 0 <= points <= max_points, the score is their sum, and JSON gives it back."""
    names = [f"{criterion.id}.{case.id}" for criterion, case in CASES]

    report = report_of(run_of(dict(zip(names, verdicts, strict=True))))

    for criterion in report.criteria:
        assert 0 <= criterion.points <= criterion.max_points
        assert criterion.points == sum(case.points for case in criterion.cases)
    total = sum(criterion.points for criterion in report.criteria)
    assert report.score == (total if report.status is Status.GRADED else None)
    assert parse_json(render_json(report)) == report


def test_arguments_of_a_sentence() -> None:
    """Any number can be said: a sentence that only a wrong submission gets must not break there."""
    message = say("{whole} {half} {drawn} {text}", whole=3, half=0.5, drawn=np.float64(1 / 3), text="x\ud800")

    assert message.text == "3 0.5 0.3333 x?"
    assert msgspec.json.decode(msgspec.json.encode(message), type=Message) == message
