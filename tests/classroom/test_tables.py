"""The tables of a class: their content, the effect of overrides, and that no cell is a formula."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace

from grader.classroom.overrides import assigned, read_overrides
from grader.classroom.tables import Entry, Row, cases, gradebook, inert, write
from grader.classroom.uploads import Submission
from grader.core import decisions
from grader.core.errors import UsageError
from grader.core.messages import say
from grader.core.outcomes import Outcome, Verdict
from grader.core.report import Overridden, Report, Score, Status
from grader.pipeline.import_rules import finding
from grader.pipeline.runs import BonusRun, StagedSubmission, SuiteRun
from grader.pipeline.scoring import score, without_run
from grader.sandbox.source import SourceFile
from tests.pipeline.test_scoring import TASK
from tests.support.pages import UNREAD

RUBRIC = TASK.rubric
STAGED = StagedSubmission(name="submission", main=SourceFile(name="network.py", text=""), sha256="0" * 64)
LECTURE = SourceFile(name="lecture.py", text="")
EVERY = {f"{part.id}.{case.id}": Verdict.PASSED for part in RUBRIC.of_file("") for case in part.cases}
HOSTILE = (
    "=cmd|' /C calc'!A0", "+1", "-2", "@x", "\t=1+1", "\r\n=1", ' "=1"', "a\n=1", 'say "x"', "a;=1", 'b;"=1', "c, +1",
    "\u202e=1", "＝1", "\0=1", "–", "Студент, Первый", "';=1", "d;-2,5+cmd|'x'!A", "e, -2 =1",
)  # fmt: skip


def report(verdicts: dict[str, Verdict] | None = None, *, banned: bool = False) -> Report:
    """Return a report in which every case passed but these."""
    outcomes = tuple(
        Outcome(
            criterion=name.partition(".")[0], id=name.partition(".")[2], verdict=verdict, title=name,
            feedback=None if verdict is Verdict.PASSED else say("What {name} does is wrong.", name=name),
            misconception=None if verdict is Verdict.PASSED else "sign|rate",
        )
        for name, verdict in {**EVERY, **(verdicts or {})}.items()
    )  # fmt: skip
    findings = (finding(STAGED.main, 1, "torch"),) if banned else ()
    run = SuiteRun(outcomes=outcomes, level="process")
    return score(TASK, STAGED, findings, run, seed=1, lang="en", total_s=0.1)


def csv_of(table: Iterable[Row]) -> str:
    buffer = io.StringIO(newline="")
    write(buffer, table)
    return buffer.getvalue()


def rejected() -> Report:
    return without_run(TASK, "x", Status.REJECTED, say("x.py is empty."), seed=1, lang="en", total_s=0.1)


def entry(original: Report | None = None, *overrides: Overridden, key: str = "one", **who: str) -> Entry:
    known = {"student": "s1", "name": "Student One", "email": "one@example.org", **who}
    return Entry(
        key=key, student=known["student"], name=known["name"], email=known["email"],
        report=decisions.decided(original or report(), overrides), **UNREAD,
    )  # fmt: skip


def submission(key: str, student: str = "s1", name: str = "Student One", email: str = "one@example.org") -> Submission:
    return Submission(key=key, student=student, name=name, email=email, **UNREAD)


def gives(criterion: str, points: Score, reason: str = "seen in class") -> Overridden:
    rule = next((item for item in RUBRIC.criteria if item.id == criterion), None)
    return Overridden(
        criterion=criterion, title=rule.title if rule else criterion, points=points, max_points=rule.points if rule else 0,
        measured=None, reason=reason, bonus=rule is not None and rule.bonus,
    )  # fmt: skip


def scored(original: Report, *overrides: Overridden) -> Score | None:
    return decisions.decided(original, overrides).final_score


def points(criterion: str, original: Report, *overrides: Overridden) -> Score | None:
    return decisions.points_of(decisions.decided(original, overrides), criterion)


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


# --- points -------------------------------------------------------------------------------------


def test_an_override_wins() -> None:
    """One criterion changes, the score is the sum."""
    original = report({"xor.loss": Verdict.FAILED, "xor.train": Verdict.FAILED})

    assert (points("xor", original), scored(original)) == (5, 90)
    assert (points("xor", original, gives("xor", 15)), scored(original, gives("xor", 15))) == (15, 100)
    assert scored(original, gives("xor", 0)) == 85
    assert scored(original, gives("xor", 7.55), gives("shapes", 0.1)) == 77.65
    assert scored(original, gives("gone", 7)) == 90
    assert points("gone", original) is None


def test_a_violated_gate() -> None:
    """It removes all points except overridden ones; an override of the gate itself lifts it."""
    original = report({"xor.loss": Verdict.FAILED}, banned=True)

    assert (scored(original), points("shapes", original)) == (0, 0)
    assert scored(original, gives("xor", 12)) == 12
    assert scored(original, gives("imports", 0)) == 95
    assert scored(original, gives("imports", 0), gives("xor", 15)) == 100


def test_a_report_without_a_score() -> None:
    """All undecided criteria need an override before there is a score."""
    original = report(
        {"xor.loss": Verdict.NOT_GRADABLE, "xor.train": Verdict.BLOCKED, "forward.model": Verdict.BLOCKED}
    )
    assert original.status is Status.NOT_GRADABLE

    assert scored(original) is None
    assert (points("xor", original), points("shapes", original)) == (None, 15)
    assert scored(original, gives("xor", 10)) is None
    assert scored(original, gives("xor", 10), gives("forward", 15)) == 95
    broken = replace(report(), status=Status.GRADER_ERROR, score=None)
    assert (scored(broken), scored(broken, gives("xor", 10))) == (None, 95)


def test_a_rejected_submission() -> None:
    """It has no score unless it counts as 0 or the teacher gives points."""
    blank = decisions.decided(rejected(), (), is_rejected_zero=False)

    assert (scored(rejected()), points("shapes", rejected())) == (0, 0)
    assert (blank.final_score, decisions.points_of(blank, "shapes")) == (None, None)
    assert decisions.decided(rejected(), [gives("shapes", 15)], is_rejected_zero=False).final_score == 15


@pytest.mark.parametrize(
    ("score", "most", "scaled"),
    [
        (97, "10", 9.7),
        (95, "5", 4.75),
        (33, "10.5", 3.47),
        (5, "0.5", 0.03),
        (100, "50", 50),
        (0, "10", 0),
        (99, "12.5", 12.38),
    ],
)
def test_a_score_is_scaled_and_rounded_once(score: int, most: str, scaled: Score) -> None:
    """Rounded half up, to two decimal places, even if binary fractions would lose the half."""
    original = decisions.decided(replace(report(), score=score), (), scale=Decimal(most))

    assert original.scaled is not None
    assert (original.scaled.score, original.final_score) == (scaled, score)


# --- tables -------------------------------------------------------------------------------------


def test_the_gradebook() -> None:
    """One row per student, with a column per criterion."""
    bad = report({"xor.loss": Verdict.FAILED, "shapes.bias": Verdict.FAILED})

    table = csv_of(gradebook([entry(bad, gives("xor", 15)), entry(rejected(), key="two")], RUBRIC))

    assert table.splitlines() == [
        "key,student,name,email,group,team,status,score,max_score,scaled_score,scaled_max,extra_score,imports,shapes,forward,sigmoid_derivative,neuron_update,model_update,xor,activations,losses,gradients,misconceptions,route,notes,reason,overridden,late,attempt,outdated",
        "one,s1,Student One,one@example.org,,,graded,97,100,,,,passed,12,15,15,20,20,15,,,,sign|rate,contract,,,xor: 15 (was 10) seen in class,,,",
        "two,s1,Student One,one@example.org,,,rejected,0,100,,,,not_run,0,0,0,0,0,0,,,,,none,,x.py is empty.,,,,",
    ]


def test_a_missing_score_is_an_empty_cell() -> None:
    """No score is not 0."""
    original = report({"xor.loss": Verdict.NOT_GRADABLE})

    row = rows(csv_of(gradebook([entry(original)], RUBRIC)))[0]

    assert (row["score"], row["xor"], row["shapes"]) == ("", "", "15")


def test_the_cases() -> None:
    """One row per case, and one for a gate."""
    table = rows(csv_of(cases([entry(report({"xor.loss": Verdict.FAILED}, banned=True))])))

    assert len(table) == len(EVERY) + 1
    assert table[0] == {
        "student": "s1", "criterion": "imports", "case": "", "verdict": "failed", "points": "0", "max_points": "0",
        "misconception": "", "feedback": table[0]["feedback"],
    }  # fmt: skip
    assert "torch" in table[0]["feedback"]
    assert next(row for row in table if row["case"] == "loss") == {
        "student": "s1", "criterion": "xor", "case": "loss", "verdict": "failed", "points": "0", "max_points": "5",
        "misconception": "sign|rate", "feedback": "What xor.loss does is wrong.",
    }  # fmt: skip


def opened(text: str, delimiter: str) -> list[str]:
    """Return all cells as a spreadsheet separates them in some locale."""
    return [cell for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) for cell in row]


def is_formula(cell: str) -> bool:
    """Return whether a spreadsheet may evaluate a cell; numbers are harmless."""
    return bool(re.match('[\\s"]*[=+\\-@＝＋－＠]', cell)) and not re.fullmatch("-?[0-9., -]+", cell.strip())


def assert_inert(table: str) -> None:
    for delimiter in (",", ";", "\t"):
        assert [cell for cell in opened(table, delimiter) if is_formula(cell)] == []


def test_hostile_names_are_inert_and_readable() -> None:
    """No cell is a formula in any locale, hidden characters are shown, and the names can be read."""
    entries = [entry(rejected(), key=str(n), name=name, student=name, email=name) for n, name in enumerate(HOSTILE)]
    for table in (csv_of(gradebook(entries, RUBRIC)), csv_of(cases(entries))):
        assert_inert(table)
        assert not re.search("[\0\t\u202e]", table)
    names = [row["name"] for row in rows(csv_of(gradebook(entries, RUBRIC)))]

    assert names == [
        "'=cmd|' /C calc'!A0", "'+1", "'-2", "'@x", "'=1+1", "'=1", "\"'=1\"", "a =1", 'say "x"', "a;'=1", 'b;"\'=1',
        "c, '+1", "\\u202e=1", "'＝1", "\\x00=1", "–", "Студент, Первый", "';'=1", "d;'-2,5+cmd|'x'!A", "e, '-2 =1",
    ]  # fmt: skip
    assert inert("hidden 1 -0.5; -0.25, -1; 2") == "hidden 1 -0.5; -0.25, -1; 2"


@example(';"-1')
@example("=;-1")
@given(st.text("=+-@;,\"' \t\n\r1a.|＝", max_size=12) | st.text(max_size=12))
def test_no_text_is_a_formula(text: str) -> None:
    """Whatever a cell is made of."""
    cell = inert(text)

    assert "\n" not in cell
    assert_inert(csv_of([["x", text, 1, text, None, -2, text], [text]]))


# --- overrides ----------------------------------------------------------------------------------


def overrides(folder: Path, text: str) -> Mapping[str, tuple[Overridden, ...]]:
    path = folder / "overrides.csv"
    path.write_text(text, encoding="utf-8")
    return read_overrides(path, RUBRIC)


def test_overrides_are_read(tmp_path: Path) -> None:
    """By student, with commas or semicolons, with any order of columns; empty rows are skipped."""
    expected = {
        "s1": (gives("xor", 15, "seen, in class"), gives("imports", 0)),
        "student-two": (gives("shapes", 0, ""),),
    }
    comma = 'Student,criterion,points,reason\ns1,xor,15,"seen, in class"\n,,\nstudent-two,shapes,0\ns1,imports,0,seen in class\n'
    semicolon = "\ufeffreason;points;criterion;student;who\r\nseen, in class;15;xor; s1;x\r\n;0;shapes;student-two\r\nseen in class;0;imports;s1\r\n"

    assert overrides(tmp_path, comma) == expected
    assert overrides(tmp_path, semicolon) == expected
    assert overrides(tmp_path, "student,criterion,points,reason\n") == {}
    wide = "a,b,c,d,e,f,g,student,criterion,points,reason\nx\n,,,,,,,s1,xor,1\n"
    with pytest.raises(UsageError, match="line 2: the rubric has no criterion"):
        overrides(tmp_path, wide)
    assert overrides(tmp_path, wide.replace("x\n", "", 1)) == {"s1": (gives("xor", 1, ""),)}


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        ("s1,*,5,x", "line 2: give points to one criterion at a time, not to *."),
        ("s1,xor,5,x\ns1,score,5,x", "line 3: give points to one criterion at a time, not to score."),
        ("s1,xr,5,x", "line 2: the rubric has no criterion xr; it has imports, shapes, forward,"),
        (
            "s1,xor,16,x",
            "line 2: points for xor must be a number from 0 to 15 with at most two decimal places, not 16.",
        ),
        (
            "s1,xor,-1,x",
            "line 2: points for xor must be a number from 0 to 15 with at most two decimal places, not -1.",
        ),
        (
            "s1,xor,1.555,x",
            "line 2: points for xor must be a number from 0 to 15 with at most two decimal places, not 1.555.",
        ),
        ("s1,xor,٣,x", "line 2: points for xor must be a number from 0 to 15 with at most two decimal places, not ٣."),
        ("s1,xor,,x", 'line 2: points for xor must be a number from 0 to 15 with at most two decimal places, not "".'),
        (
            "s1,imports,1,x",
            "line 2: points for imports must be a number from 0 to 0 with at most two decimal places, not 1.",
        ),
        (",xor,1,x", "line 2: there is no student."),
        ('s1,xor,1,"a\nb"\ns2,xor,1,x\nS1,xor,2,x', "line 5: xor of S1 is already in line 2."),
        ('s1,xor,1,"a', "line 2: unexpected end of data."),
    ],
)
def test_a_wrong_override_is_named_by_its_line(lines: str, sentence: str, tmp_path: Path) -> None:
    """Nothing is guessed."""
    with pytest.raises(UsageError) as caught:
        overrides(tmp_path, f"student,criterion,points,reason\n{lines}\n")
    assert str(caught.value).startswith(f"overrides.csv, {sentence}")


def test_overrides_of_the_extra(tmp_path: Path) -> None:
    """They change the extra points and never the score, with or without a bonus file."""
    table = tmp_path / "overrides.csv"
    table.write_text("student,criterion,points,reason\ns1,losses,4,on paper\n", encoding="utf-8")
    given = read_overrides(table, RUBRIC)["s1"]
    outcomes = (Outcome(criterion="losses", id="zeros", verdict=Verdict.PASSED, title="zeros"),)
    extra = (BonusRun(file=LECTURE, findings=(), run=SuiteRun(outcomes=outcomes, level="process")),)
    plain = SuiteRun(outcomes=(), level="process")
    original = score(TASK, replace(STAGED, siblings=(LECTURE,)), (), plain, extra, seed=1, lang="en", total_s=0.1)  # fmt: skip

    every = (entry(original), entry(original, *given), entry(None, *given), entry())
    found = [(item.report.final_extra_score, item.report.final_score) for item in every]
    (row,) = rows(csv_of(gradebook([entry(original, *given)], RUBRIC)))

    reason = say("The suite broke.")
    ended = without_run(TASK, "x", Status.GRADER_ERROR, reason, seed=1, lang="en", total_s=0.1)
    broken = entry(ended, *given).report
    older = replace(given[0], criterion="of_an_older_rubric", bonus=False)

    assert found == [(1, original.score), (4, original.score), (4, 100), (None, 100)]
    assert (broken.final_extra_score, broken.final_score) == (4, None)
    assert entry(None, older).report.final_extra_score is None
    assert (row["extra_score"], row["overridden"]) == ("4", "losses: 4 (was 1) on paper")


def test_a_table_without_its_columns(tmp_path: Path) -> None:
    """A column that is missing is named."""
    with pytest.raises(UsageError, match=r"overrides.csv, line 1: the column reason is missing."):
        overrides(tmp_path, "student,criterion,points\n")


def test_overrides_find_their_students() -> None:
    """An id means each submission of the student, a key one, which wins; unknown names are refused."""
    class_of = [submission("one"), submission("two"), submission("three", "s3")]
    by = {"S1": (gives("xor", 1), gives("shapes", 2)), "two": (gives("xor", 3),)}

    wide = {**by, "s4": (gives("xor", 1),), "s5": (gives("xor", 2),)}
    given, absent = assigned(class_of, wide, lambda student: student != "s6")

    assert [
        (points("xor", report(), *given[item.key]), points("shapes", report(), *given[item.key])) for item in class_of
    ] == [(1, 2), (3, 2), (15, 15)]
    assert absent == ("s4", "s5")
    with pytest.raises(UsageError, match=r"There are overrides for s4, who is not in the class\."):
        assigned(class_of, wide, lambda student: student == "s5")


def test_overrides_by_address_and_by_name(tmp_path: Path) -> None:
    """An address or a name finds its student, with words in any order, ё or е; a name of two students is refused."""
    class_of = [
        submission("one", "s1", "Ёлкин Пётр", "p@example.org"),
        submission("two", "s2", "Same Name", "a@example.org"),
        submission("three", "s3", "Same Name", "b@example.org"),
    ]
    by = overrides(
        tmp_path, "студент;критерий;баллы;причина\nПетр Елкин;xor;7,5;устно\nb@example.org;shapes;1;\n"
    )  # fmt: skip

    given, _ = assigned(class_of, by, lambda _: False)

    assert [[(part.criterion, part.points) for part in given[key]] for key in ("one", "two", "three")] == [
        [("xor", 7.5)], [], [("shapes", 1)],
    ]  # fmt: skip
    with pytest.raises(
        UsageError, match=r"There are overrides for Same Name, a name that several students share: .*two, three"
    ):
        assigned(class_of, {"Same Name": (gives("xor", 1),)}, lambda _: False)
