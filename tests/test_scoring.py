"""Scoring: a pure function whose denominators come from the rubric."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from grader.imports import finding
from grader.models import Finding, Outcome, Report, SourceFile, StagedSubmission, Status, SuiteRun, Verdict
from grader.pipeline import assignment
from grader.renderers.json import parse_json, render_json
from grader.renderers.text import render_text
from grader.scoring import score

TASK = assignment()
STAGED = StagedSubmission(name="hand-in", main=SourceFile(name="network.py", text=""), siblings=(), sha256="0" * 64)
CASES = [(criterion, case) for criterion in TASK.rubric.criteria for case in criterion.cases]


def run_of(verdicts: dict[str, Verdict]) -> SuiteRun:
    outcomes = [
        Outcome(criterion=name.partition(".")[0], case=name.partition(".")[2], verdict=verdict, title=name)
        for name, verdict in verdicts.items()
    ]
    return SuiteRun(outcomes=tuple(outcomes), level="process", python="3.11", numpy="2")


def report_of(run: SuiteRun, findings: tuple[Finding, ...] = ()) -> Report:
    return score(TASK, STAGED, findings, run, seed=1, lang="en", total_s=0.5)


def test_the_rubric_sums_to_100() -> None:
    """The points of the pinned criteria are those of the assignment."""
    points = {criterion.id: criterion.points for criterion in TASK.rubric.criteria}

    assert points == {
        "imports": 0, "shapes": 15, "forward": 15, "sigmoid_derivative": 15,
        "neuron_update": 20, "model_update": 20, "xor": 15,
    }  # fmt: skip


def test_nothing_reported_is_nothing_scored() -> None:
    """An empty run gives 0 of 100, and every case says that it did not report."""
    report = report_of(SuiteRun())

    assert (report.score, report.max_score) == (0, 100)
    verdicts = {case.verdict for criterion in report.criteria for case in criterion.cases}
    assert verdicts == {Verdict.NOT_RUN}


def test_an_unknown_case_gives_no_points() -> None:
    """Points exist only for cases of the rubric."""
    assert report_of(run_of({"forward.invented": Verdict.PASSED})).score == 0


def test_half_of_the_points_for_a_partial_case() -> None:
    """A partial case has half of its points, rounded down."""
    assert report_of(run_of({"neuron_update.returned_error": Verdict.PARTIAL})).score == 3


def test_a_violated_gate_zeroes_everything() -> None:
    """The points that were earned are kept beside the zero."""
    every = {f"{criterion.id}.{case.id}": Verdict.PASSED for criterion, case in CASES}

    report = report_of(run_of(every), (finding(STAGED.main, 1, "torch"),))

    assert report.score == 0
    assert sum(criterion.points for criterion in report.criteria) == 0
    assert sum(criterion.points_without_gate for criterion in report.criteria) == 100


def test_a_module_asked_for_at_run_time_is_a_finding() -> None:
    """What got past the syntax tree is found by what the code asked for, once for each package."""
    report = report_of(SuiteRun(asked=("matplotlib", "torch", "torch.nn")))

    assert [(one.file, one.line) for one in report.findings] == [("network.py", None)]
    assert report.criteria[0].verdict is Verdict.FAILED


def test_a_broken_suite_has_no_score() -> None:
    """Our own fault is null, never 0."""
    report = report_of(SuiteRun(broken="a test broke"))

    assert (report.status, report.score) == (Status.GRADER_ERROR, None)


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
