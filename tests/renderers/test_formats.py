"""What others read is what they document: Gradescope, Classroom 50, JUnit, Markdown, GitHub's runner."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema
import junitparser
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token
from msgspec.structs import replace

from grader.commands.class_results import ENDINGS
from grader.core.decisions import decided
from grader.core.messages import carried, say
from grader.core.outcomes import BANNED_IMPORT, Finding, Verdict
from grader.core.report import Report, Scaled, Status
from grader.core.text import printable
from grader.pipeline.grading import assignment, grader_failure
from grader.pipeline.scoring import without_run
from grader.renderers import RENDERERS
from grader.renderers.classroom50 import stamped
from grader.renderers.github import ANNOTATIONS
from grader.renderers.json import parse_json
from grader.renderers.markdown import JOINER, escaped, fenced
from tests.classroom.test_tables import gives
from tests.renderers.test_renderers import HOSTILE, hostile_report
from tests.schemas import CLASSROOM50, GRADESCOPE
from tests.support.command import HASTY, PATIENT, ROOT, SUBMISSIONS, grade, graded
from tests.support.locked import comparable
from tests.support.runner import Command, obeyed

GOLDEN = Path(__file__).parent / "golden"
SAMPLES = {
    "right": ROOT / "reference" / "network.py",
    "extra": SUBMISSIONS / "extra_partly",
    "failing": SUBMISSIONS / "fails_model_update",
    "hanging": SUBMISSIONS / "loop_forward",
    "rejected": SUBMISSIONS / "syntax_error",
    "not_gradable": SUBMISSIONS / "nothing_trains",
    "gated": SUBMISSIONS / "torch_import",
    "observed": SUBMISSIONS / "wrong_signature",
}
KINDS = [*SAMPLES, "broken", "hostile"]
VARIABLES = {
    "CLASSROOM": "ml",
    "ASSIGNMENT": "xor",
    "USERNAME": "octocat",
    "SUBMISSION_TAG": "submit/2026-06-01T14-32-05Z-a1b2c3d",
    "COMMIT_URL": "https://git.example/commit/a1b2c3d",
    "RELEASE_URL": "https://git.example/releases/1",
    "ASSIGNMENT_TYPE": "group",
}


@pytest.fixture(scope="module")
def reports() -> dict[str, Report]:
    """Return a report of each kind."""
    found = {
        kind: graded(path, seed=1, limits=HASTY if kind == "hanging" else PATIENT) for kind, path in SAMPLES.items()
    }
    return {**found, "broken": broken(), "hostile": hostile_report()}


def broken() -> Report:
    """Return the report of a grader that broke."""
    reason = grader_failure("no result")
    return without_run(assignment(), "work", Status.GRADER_ERROR, reason, seed=1, lang="en", total_s=1)


@cache
def reader() -> MarkdownIt:
    """Return a reader of GitHub's Markdown, HTML and bare addresses included."""
    markdown = MarkdownIt("gfm-like")
    assert markdown.linkify is not None
    markdown.linkify.set({"fuzzy_link": False})  # network.py is no address to GitHub either
    return markdown


def tokens(text: str) -> Iterator[Token]:
    for token in reader().parse(text):
        yield token
        yield from token.children or ()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("format", [name for name in RENDERERS if name != "json"])
def test_every_format_takes_every_report(format: str, kind: str, reports: dict[str, Report]) -> None:  # noqa: A002
    """It tells the score, or that there is none, and names the mistake with its formula."""
    report = reports[kind]

    text = RENDERERS[format](report)

    if report.score is not None:
        assert str(report.score) in text
    elif format != "text":
        assert "No score" in text
    if report.status is Status.REJECTED:
        assert "this is not valid Python" in text
    if kind == "failing":
        assert "s derivative is missing" in text
        assert ("0.2698" if format == "html" else "-0.2698, -0.3172") in text
        assert "Метод обратного распространения" in text
    if kind == "failing" and format not in ("text", "html"):
        assert "error_without_derivative" in text.replace("\\", "")
    if kind == "gated":
        assert "imports torch" in text
    if kind == "extra":
        assert "softmax returned a number that is not finite" in text.replace("\\", "")
        assert re.search("5 (of|von) 10|extra_score", text) is not None
    elif format not in ("json", "gradescope"):
        assert "xtra" not in text
    if kind == "observed" and format in ("markdown", "gradescope", "junit"):
        assert "by watching your own training" in text


@pytest.mark.parametrize("format", list(RENDERERS))
def test_every_format_tells_what_a_teacher_decided(format: str, reports: dict[str, Report]) -> None:  # noqa: A002
    """The final score, each override with its reason, and the score in the gradebook's points; nothing contradicts it."""
    overrides = [gives("xor", 7.5, "late, shown"), gives("shapes", 15, "")]
    report = decided(reports["failing"], overrides, scale=Decimal(10))

    text = RENDERERS[format](report)

    assert (report.score, report.final_score, report.scaled) == (86, 78.5, Scaled(score=7.85, max_score=10))
    assert ("78.5" in text) is (format != "classroom50")
    assert "86 of 100" not in text
    assert "late, shown" in text
    assert "7.5 of 15" in text or format == "json"
    assert "7.85" in text or format == "classroom50"
    if format in ("text", "markdown"):  # the verdict goes with these points
        assert re.search(r"7\.5 of 15 [| ]*partial", text)
    if format == "gradescope":
        assert sum(test["score"] for test in json.loads(text)["tests"]) == 78.5
        assert sum(test["max_score"] for test in json.loads(text)["tests"]) == 100
    if format == "json":
        assert json.loads(text)["overrides"][0] | {"title": ""} == {
            "criterion": "xor", "title": "", "points": 7.5, "max_points": 15, "measured": 15, "reason": "late, shown",
            "bonus": False,
        }  # fmt: skip


@pytest.mark.parametrize("format", list(RENDERERS))
@pytest.mark.parametrize(("points", "final", "scale", "shown"), [(11.5, "82.5", "5", "4.13"), (0.25, "71.25", "10", "7.13")])  # fmt: skip
def test_decimals_are_rounded_half_up_and_once(
    format: str,  # noqa: A002
    points: float,
    final: str,
    scale: str,
    shown: str,
    reports: dict[str, Report],
) -> None:
    """Half a last place is rounded up where binary fractions, or a sum of rounded parts, would lose it."""
    report = decided(reports["failing"], [gives("xor", points, "")], scale=Decimal(scale))

    text = RENDERERS[format](report)

    assert (final in text, shown in text) == ((False, False) if format == "classroom50" else (True, True))
    if format == "gradescope":
        assert sum(Decimal(str(test["score"])) for test in json.loads(text)["tests"]) == Decimal(final)


def test_whole_points_sum_to_the_rounded_score(reports: dict[str, Report]) -> None:
    """Classroom 50 takes integers: two halves are one point, and half a point is rounded up."""
    for (learned, shaped), score in ((7.5, 7.5), 71), ((7.5, 7.25), 71), ((7.25, 7.25), 71), ((7.25, 7), 70):
        overrides = [gives("xor", learned, ""), gives("shapes", shaped, "")]
        result = json.loads(RENDERERS["classroom50"](decided(reports["failing"], overrides)))

        assert result["score"] == sum(test["score"] for test in result["tests"]) == score
        assert not [test for test in result["tests"] if test["score"] > test["max-score"]]


@pytest.mark.parametrize("format", list(RENDERERS))
def test_every_format_tells_that_a_rule_is_lifted(format: str, reports: dict[str, Report]) -> None:  # noqa: A002
    """The points that the import rule took count again, and no format says that they are lost."""
    report = decided(reports["gated"], [gives("imports", 0, "allowed")])

    text = RENDERERS[format](report)

    assert (report.score, report.final_score) == (0, 100)
    assert "100" in text
    assert "allowed" in text
    if format != "json":
        assert "without the violated rule" not in text
        assert "the violated rule takes the points" not in text
    if format in ("gradescope", "classroom50"):
        assert sum(test["score"] for test in json.loads(text)["tests"]) == 100


def test_kinds_are_what_they_say(reports: dict[str, Report]) -> None:
    """The samples have the status that they stand for."""
    statuses = {kind: report.status for kind, report in reports.items() if report.status is not Status.GRADED}

    assert statuses == {
        "rejected": Status.REJECTED, "not_gradable": Status.NOT_GRADABLE, "broken": Status.GRADER_ERROR,
    }  # fmt: skip
    assert "observed" == reports["observed"].submission.route
    assert any(case.verdict is Verdict.TIMEOUT for criterion in reports["hanging"].criteria for case in criterion.cases)


@pytest.mark.parametrize("name", ["failing.md", "failing.github.txt", "rejected.github.txt"])
def test_golden(name: str, reports: dict[str, Report]) -> None:
    """Reports as they were looked at."""
    kind, _, ending = name.partition(".")
    text = RENDERERS["markdown" if ending == "md" else "github"](reports[kind])
    if "WRITE_GOLDEN" in os.environ:
        (GOLDEN / name).write_text(text, encoding="utf-8")

    assert comparable((GOLDEN / name).read_text(encoding="utf-8")) == comparable(text)


# --- Gradescope ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_gradescope(kind: str, reports: dict[str, Report]) -> None:
    """Tests sum to the score; without a score they have no points, and the output says so."""
    report = reports[kind]

    result = json.loads(RENDERERS["gradescope"](report))

    jsonschema.Draft202012Validator(GRADESCOPE).validate(result)
    assert {"text"} == {result[name] for name in ("output_format", "test_output_format", "test_name_format")}
    if report.score is None:
        assert 0 == result["score"]
        assert not [test for test in result["tests"] if "score" in test or "max_score" in test]
        assert "This 0 is a placeholder, not a grade" in result["output"]
    elif kind == "rejected":
        assert (0, []) == (result["score"], result["tests"])
        assert "this is not valid Python" in result["output"]
    else:
        assert "score" not in result
        assert report.score == sum(test["score"] for test in result["tests"])
        assert report.max_score == sum(test["max_score"] for test in result["tests"])


def test_gradescope_tells_what_the_gate_takes(reports: dict[str, Report]) -> None:
    """What is right, but has no points for the violated rule, is not shown as passed."""
    tests = json.loads(RENDERERS["gradescope"](reports["gated"]))["tests"]

    assert {"failed"} == {test["status"] for test in tests}
    assert "imports torch.nn" in tests[0]["output"]
    assert tests[1]["output"].endswith("Correct, but the violated rule costs all points.")


# --- Classroom 50 --------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_classroom50(kind: str, reports: dict[str, Report]) -> None:
    """Placeholders and values are both valid, points are integers that sum; without a score it is 0 of 0."""
    report = reports[kind]
    text = RENDERERS["classroom50"](report)
    now = datetime(2026, 6, 1, 14, 33, tzinfo=UTC)

    for result in (json.loads(text), json.loads(stamped(text, VARIABLES, now)), json.loads(stamped(text, {}, now))):
        jsonschema.Draft202012Validator(CLASSROOM50).validate(result)
        assert (report.score or 0) == result["score"] == sum(test["score"] for test in result["tests"])
        assert (0 if report.score is None else report.max_score) == result["max-score"]
        assert not [test for test in result["tests"] if test["score"] > test["max-score"]]


def test_classroom50_takes_the_runner_at_its_word(tmp_path: Path) -> None:
    """The command puts in what the runner's environment says."""
    ran = grade(ROOT / "reference", "--report", "classroom50=result.json", cwd=tmp_path, **VARIABLES)
    result = json.loads((tmp_path / "result.json").read_text(encoding="utf-8"))

    assert 0 == ran.code
    assert ("ml", "xor", "octocat", "group") == tuple(
        result[name] for name in ("classroom", "assignment", "owner", "assignment_type")
    )
    assert (VARIABLES["COMMIT_URL"], VARIABLES["COMMIT_URL"]) == (result["commit"], result["review"])
    assert VARIABLES["SUBMISSION_TAG"] == result["submission"]
    assert not result["datetime"].startswith("1970")


# --- JUnit ---------------------------------------------------------------------------------------


def parsed(report: Report) -> tuple[ElementTree.Element, junitparser.TestSuite]:
    text = RENDERERS["junit"](report)
    (suite,) = junitparser.JUnitXml.fromstring(text.encode())
    return ElementTree.fromstring(text), suite  # noqa: S314  - our own


@pytest.mark.parametrize("kind", KINDS)
def test_junit(kind: str, reports: dict[str, Report]) -> None:
    """It is well-formed, its counts are right, bodies repeat messages, and points are properties."""
    report = reports[kind]

    root, suite = parsed(report)

    results = [result for case in suite for result in case.result]
    counts = [
        sum(isinstance(result, kind) for result in results)
        for kind in (junitparser.Failure, junitparser.Error, junitparser.Skipped)
    ]
    assert [suite.failures, suite.errors, suite.skipped] == counts
    extra = sum(len(part.cases) for part in report.bonus)
    ran = 0 if kind in ("rejected", "broken") else 19
    assert 1 + ran + extra == suite.tests == len(list(suite))
    assert all(result.text.startswith(result.message) for result in results)
    properties = {item.name: item.value for item in suite.properties()}  # type: ignore[no-untyped-call]
    assert ("" if report.score is None else str(report.score)) == properties["score"]
    assert ("5" if kind == "extra" else None) == properties.get("extra_score")
    points = [int(item.get("value", "")) for item in root.iter("property") if item.get("name") == "points"]
    assert sum(points) == (report.score if report.score is not None else sum(points))


def test_junit_verdicts(reports: dict[str, Report]) -> None:
    """A wrong answer is a failure, a hang an error; what was not judged is skipped, with the reason."""

    def kinds(kind: str) -> set[tuple[str, str]]:
        root, _ = parsed(reports[kind])
        return {
            (case[-1].tag, case[-1].get("type", ""))
            for case in root.iter("testcase")
            if case[-1].get("type") is not None
        }

    assert kinds("right") == set()
    assert kinds("extra") == {("skipped", "failed")}
    assert kinds("failing") == {("failure", "error_without_derivative"), ("skipped", "blocked")}
    assert kinds("hanging") == {("error", "timeout"), ("skipped", "blocked")}
    assert kinds("rejected") == {("failure", "rejected")}
    assert ("skipped", "not_gradable") in kinds("not_gradable")
    assert ("error", "grader_error") in kinds("broken")
    assert kinds("gated") == {("failure", "failed")}


def test_junit_places(reports: dict[str, Report]) -> None:
    """A test case has the file and, where it is known, the line of the student's code."""
    root, _ = parsed(reports["gated"])
    first, second = list(root.iter("testcase"))[1:3]

    assert ("network.py", "1") == (first.get("file"), first.get("line"))
    assert ("network.py", None) == (second.get("file"), second.get("line"))


# --- Markdown ------------------------------------------------------------------------------------


def test_hostile_text_is_only_text_in_markdown() -> None:
    """It makes no HTML, no link, no image, and not another structure than a word would."""
    found = list(tokens(RENDERERS["markdown"](hostile_report())))
    harmless = list(tokens(RENDERERS["markdown"](hostile_report("word"))))

    assert {"html_block", "html_inline", "link_open", "image"}.isdisjoint(token.type for token in found)
    blocks = [[token.type for token in side if token.block] for side in (found, harmless)]
    assert blocks[0] == blocks[1]
    inline = {token.type for token in found if not token.block}
    assert inline == {"text", "em_open", "em_close"}


MARKS = st.sampled_from(
    [*"`*_[]()<>!|~#-+=1.:\\&;\"' \na", "http://a.example", "www.a", "a@b.c", "&lt;", "<b>", "](a)", "```", "~~"]
)


@example("111.")
@given(st.lists(MARKS, max_size=12).map("".join))
def test_any_text_is_only_text_in_markdown(text: str) -> None:
    """Wherever a text stands, the blocks are those of a word, and the text is what is read."""
    places = ["## {}", "> {}", "{}", "- {}", "*{}, seed 1*", "| a | b |\n|---|---|\n| {} | b |"]
    shown = " ".join(printable(text, 1000).split())
    for place in places if shown else ():
        found, plain = (list(tokens(place.format(item))) for item in (escaped(text), "word"))
        assert [item.type for item in found if item.block] == [item.type for item in plain if item.block]
        assert {item.type for item in found if not item.block} <= {"text", "em_open", "em_close"}
        assert shown in "".join(item.content for item in found if not item.block).replace(JOINER, "")
    (block,) = tokens(fenced(text.split("\n")))
    assert ("fence", text + "\n") == (block.type, block.content)


def test_hostile_text_is_shown_as_it_is_in_markdown() -> None:
    """A reader sees what was said, with what is no character made visible."""
    shown = "".join(token.content for token in tokens(RENDERERS["markdown"](hostile_report())) if not token.block)

    assert " ".join(printable(HOSTILE).split()) in shown.replace(JOINER, "")


@pytest.mark.parametrize("kind", KINDS)
def test_markdown_is_a_table_and_sections(kind: str, reports: dict[str, Report]) -> None:
    """The score is the heading; each criterion has a row, except where nothing was graded."""
    report = reports[kind]
    found = list(tokens(RENDERERS["markdown"](report)))

    assert "h2" == found[0].tag
    extra = 1 + len(report.bonus) if report.bonus else 0
    rows = 0 if kind in ("rejected", "broken") else 1 + 7 + extra
    assert rows == sum(token.type == "tr_open" for token in found)
    assert all("|" not in token.content for token in found if token.type == "text" and kind != "hostile")


# --- GitHub --------------------------------------------------------------------------------------


def annotated(report: Report) -> list[Command]:
    return list(obeyed(RENDERERS["github"](report)))


@pytest.mark.parametrize("kind", KINDS)
def test_github(kind: str, reports: dict[str, Report]) -> None:
    """The runner obeys at most ten annotations, and the last tells the score."""
    found = annotated(reports[kind])

    assert len(found) <= ANNOTATIONS
    assert {command.name for command in found} <= {"error", "warning", "notice"}
    assert {name for command in found for name in command.properties} <= {"file", "line", "title"}
    assert found[-1].data.startswith(("Score: ", "No score"))


def test_github_lines(reports: dict[str, Report]) -> None:
    """Findings, exceptions and what is no Python are told on their line."""
    gated, rejected = annotated(reports["gated"]), annotated(reports["rejected"])

    assert [("error", "1"), ("error", "2")] == [(item.name, item.properties["line"]) for item in gated[:2]]
    assert {"file": "network.py", "line": "36", "title": "Rejected"} == rejected[0].properties
    assert ["error", "notice"] == [item.name for item in rejected]


def test_github_severity(reports: dict[str, Report]) -> None:
    """What a person has to look at is a warning, a remark a notice; what costs nothing twice is told once."""
    by_kind = {kind: [item.name for item in annotated(report)] for kind, report in reports.items()}

    assert ["notice"] == by_kind["right"]
    assert ["error", "notice"] == by_kind["failing"] == by_kind["hanging"] == by_kind["broken"]
    assert "warning" == by_kind["not_gradable"][0]
    assert {"notice"} == set(by_kind["observed"])


def violated(report: Report, findings: list[Finding]) -> Report:
    """Return a report whose gate these findings violate."""
    gate, *others = report.criteria
    return replace(report, findings=findings, criteria=[replace(gate, verdict=Verdict.FAILED), *others])


def test_a_banned_import_in_a_bonus_is_told(reports: dict[str, Report]) -> None:
    """Where no gate is violated the finding stands among the notes of each format, and is a warning to GitHub."""
    finding = Finding(rule=BANNED_IMPORT, file="lecture.py", line=3, message=say("lecture.py imports torch."))
    report = replace(reports["extra"], findings=[finding])

    for name in ("text", "html", "markdown", "gradescope", "junit", "github"):
        assert "lecture.py imports torch." in RENDERERS[name](report).replace("\\", "")
    assert [item.name for item in annotated(report) if "imports torch" in item.data] == ["warning"]


def test_github_shows_the_worst(reports: dict[str, Report]) -> None:
    """Of more than ten annotations the worst are shown, and the rest is counted."""
    findings = [
        Finding(rule=BANNED_IMPORT, file="a.py", line=line, message=say("import {line}", line=line))
        for line in range(9)
    ]
    found = annotated(violated(reports["failing"], findings))

    assert ["error"] * 9 + ["notice"] == [item.name for item in found]
    assert "1 more are in the log." in found[-1].data


def test_github_takes_hostile_text_for_text() -> None:
    """A property or message is what the student said, with what is no character made visible."""
    found = annotated(hostile_report())

    assert {printable(HOSTILE), "the grader"} >= {item.properties.get("file", "the grader") for item in found}
    assert any(printable(carried(HOSTILE)) in item.data for item in found)


def test_github_notebooks_have_no_lines(reports: dict[str, Report]) -> None:
    """A line of a notebook's cell is not a line of its file."""
    finding = Finding(rule=BANNED_IMPORT, file="work.ipynb", line=3, message=say("imports torch"))

    first = annotated(violated(reports["failing"], [finding]))[0]

    assert {"file": "work.ipynb", "title": "Forbidden import"} == first.properties


# --- the commands --------------------------------------------------------------------------------


def test_all_formats_from_one_run(tmp_path: Path) -> None:
    """Any number of reports is written by one run; the summary of a step grows, and the log has the commands."""
    summary = tmp_path / "summary.md"
    summary.write_text("before\n\n", encoding="utf-8")
    files = {kind: tmp_path / f"report.{kind}" for kind in RENDERERS if kind not in ("markdown", "github")}
    wanted: list[Any] = [f"{kind}={path}" for kind, path in files.items()] + [f"markdown={summary}", "github=-"]

    ran = grade(
        SUBMISSIONS / "fails_forward",
        "--seed",
        "1",
        *(word for item in wanted for word in ("--report", item)),
        cwd=tmp_path,
        GITHUB_STEP_SUMMARY=str(summary),
    )

    assert (0, "") == (ran.code, ran.err)
    report = parse_json(files["json"].read_text(encoding="utf-8"))
    for kind in ("text", "junit", "gradescope"):
        assert files[kind].read_text(encoding="utf-8") == RENDERERS[kind](report)
    assert summary.read_text(encoding="utf-8") == "before\n\n" + RENDERERS["markdown"](report)
    assert ran.out == RENDERERS["github"](report)


def test_files_of_a_class_differ() -> None:
    """No two formats of one submission have the same file."""
    endings = [ENDINGS.get(kind, kind) for kind in RENDERERS]

    assert len(set(endings)) == len(endings)
    assert {"json": "json", "text": "txt", "markdown": "md", "junit": "xml"}.items() <= dict(
        zip(RENDERERS, endings, strict=True)
    ).items()
