"""Sheets that a teacher downloaded: grades are filled in, and no other byte changes."""

from __future__ import annotations

import ast
import csv
import io
import re
from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from grader.classroom.sheets import FilledSheet, feedback_html, fill, split
from grader.classroom.tables import Entry
from grader.core.decisions import decided
from grader.core.errors import UsageError
from grader.core.outcomes import Verdict
from tests.classroom.test_tables import HOSTILE, assert_inert, gives, rejected, report
from tests.support.command import ROOT
from tests.support.pages import UNREAD

FULL = report()
SOME = report({"xor.loss": Verdict.FAILED})  # 95
NONE = report({"xor.loss": Verdict.NOT_GRADABLE})


def entry(number: int, name: str = "", *, score: int = 100, **who: str | tuple[str, ...]) -> Entry:
    known = {"key": f"k{number}", "student": f"s{number}", "email": f"s{number}@example.org", "aliases": (), **who}
    measured = decided(replace(FULL, score=score), ())
    return Entry(name=name or f"Student N{number}", report=measured, **UNREAD, **known)  # type: ignore[arg-type]


def rows(data: bytes, delimiter: str = ",") -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), delimiter=delimiter))


def texts(filled: FilledSheet) -> str:
    return "\n".join(note.text for note in filled.notes)


# --- the splitter -------------------------------------------------------------------------------

PIECES = st.lists(st.sampled_from(['"', '""', ",", ";", "\n", "\r", "\r\n", " ", "a", "я", "\t", "1,5", '"x"']), max_size=14)  # fmt: skip


@given(PIECES.map("".join), st.sampled_from([",", ";"]), st.booleans())
def test_cells_are_those_of_the_csv_module(text: str, delimiter: str, has_mark: bool) -> None:
    """For any text, rows and cells are those of the csv module; an open quote is refused."""
    data = text.encode("utf-8-sig" if has_mark else "utf-8")
    expected, longer = (
        list(csv.reader(io.StringIO(item, newline=""), delimiter=delimiter)) for item in (text, f"{text}\nZ")
    )
    if longer[-1] != ["Z"]:
        with pytest.raises(UsageError, match="a quote that is never closed"):
            split(data, delimiter.encode())
        return

    found = split(data, delimiter.encode())

    assert [[cell.text for cell in row] for row in found] == expected
    cells = [cell for row in found for cell in row]
    between = [data[cell.end : other.start] for cell, other in pairwise(cells)]
    assert all(item.strip(b"\r\n") == b"" or item == delimiter.encode() for item in between)


@given(st.lists(st.lists(st.text(max_size=5).filter(lambda text: "\0" not in text), min_size=1, max_size=4), max_size=5), st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]))  # fmt: skip
def test_what_the_csv_module_writes_is_read_back(table: list[list[str]], quoting: int) -> None:
    """Any cells, with all or only necessary quotes."""
    buffer = io.StringIO(newline="")
    csv.writer(buffer, quoting=quoting).writerows(table)  # type: ignore[arg-type]

    found = split(buffer.getvalue().encode(), b",")

    assert [[cell.text for cell in row] for row in found] == table


def test_an_open_quote_is_refused() -> None:
    """A sheet for which the csv module would have to guess is not filled in."""
    with pytest.raises(UsageError, match="Line 2 of the sheet has a quote that is never closed"):
        split(b'a,b\n1,"2\n', b",")


POSSESSIVE = re.compile(r"[*+?}]\+|\(\?>")


def test_no_regular_expression_is_possessive() -> None:
    """They match wrongly before Python 3.11.5, and Debian 12 has 3.11.2: no literal of the grader has one."""
    literals = [
        node.value.decode("latin-1") if isinstance(node.value, bytes) else node.value
        for text in (path.read_text(encoding="utf-8") for path in (ROOT / "grader").rglob("*.py"))
        if POSSESSIVE.search(text)
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Constant) and isinstance(node.value, str | bytes)
    ]

    assert [text for text in literals if is_possessive(text)] == []
    assert [text for text in ("a*+", "(a)?+", "[^a]++", "a{2}+", "(?>a)") if not is_possessive(text)] == []
    assert [text for text in (r"a\*+", "[*+]", "a+", "[^]*+]") if is_possessive(text)] == []


def is_possessive(pattern: str) -> bool:
    """Return whether a regular expression has a possessive quantifier or an atomic group outside of its sets."""
    without_sets = re.sub(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]", "x", pattern, flags=re.DOTALL)
    return POSSESSIVE.search(without_sets) is not None


# --- Canvas -------------------------------------------------------------------------------------

HEADER = "Student,ID,SIS User ID,SIS Login ID,Section,XOR lab (501),Current Score,Final Score"
POINTS = "    Points Possible,,,,,100.00,(read only),(read only)"


def canvas(lines: Sequence[str], header: str = HEADER, points: str = POINTS) -> bytes:
    return "\n".join([header, points, *lines, ""]).encode()


def test_canvas_matches_by_ids_login_and_name() -> None:
    """Canvas' own id, the ids of the school, login or email, then the name in any order."""
    entries = [
        entry(1, aliases=("4001",)), entry(2), entry(3), entry(4, email="login4@example.org"), entry(5, "Имя Пятый"),
        entry(6, "sixstudent", aliases=("4006", "sixstudent")), entry(7, "eightstudent"),
    ]  # fmt: skip
    sheet = canvas(
        [
            '"N1, Student",4001,,,A,,1,1', '"N2, Student",9,s2,,A,12.00,1,1', '"Other, Name",9,,s3,A,,1,1',
            '"X, Y",9,,login4@example.org,A,,1,1', '"Пятый, Имя",9,,,A,,1,1', '"Student, Six",4006,,,A,,1,1',
            '"Eight, Student",4,,,A,,1,1', '"Student, Test",,,,A,,1,1',
        ]
    )  # fmt: skip

    filled = fill(sheet, entries)

    assert (filled.filled, filled.column) == (7, "XOR lab (501)")
    assert [row[5] for row in rows(filled.data)[2:]] == ["100.00"] * 7 + [""]
    assert filled.unmatched_rows == ("Student, Test",)
    assert filled.unmatched_entries == ()
    assert filled.data == sheet.replace(b",A,,1,1", b",A,100.00,1,1").replace(b"A,12.00", b"A,100.00").replace(
        b'Test",,,,A,100.00', b'Test",,,,A,'
    )


def test_canvas_cells_that_are_left_alone() -> None:
    """Without a score, excused, not assigned: each gets a note, and no byte changes."""
    sheet = canvas(['"N1, Student",1,s1,,A,77.00,1,1', "x,2,s2,,A,EX,1,1", "y,3,s3,,A,N/A,1,1", "z,4,s4,,A"])
    entries = [replace(entry(1), report=NONE), entry(2), entry(3), entry(4)]

    filled = fill(sheet, entries)

    assert (filled.data, filled.filled) == (sheet, 0)
    assert "N1, Student (1) has no score: the cell is unchanged." in texts(filled)
    assert "x (2) has EX in the gradebook" in texts(filled)
    assert "y (3) has N/A in the gradebook" in texts(filled)
    assert "The row of z (4) has no cell for the grade." in texts(filled)


def test_canvas_with_a_decimal_comma_and_a_mark() -> None:
    """Separator, byte order mark, line ends and number format are preserved."""
    header, points = HEADER.replace(",", ";"), POINTS.replace(",", ";").replace("100.00", "100,00")
    lines = [header, points, "N1;1;s1;;A;;;", 'N2;2;s2;;A;"3,00";;', "\tManual Posting;;;;;;;"]
    sheet = ("\r\n".join(lines)).encode("utf-8-sig")

    filled = fill(sheet, [entry(1), entry(2, score=7)])

    lines[2], lines[3] = "N1;1;s1;;A;100,00;;", 'N2;2;s2;;A;"7,00";;'
    assert filled.data == ("\r\n".join(lines)).encode("utf-8-sig")


def test_canvas_columns() -> None:
    """The only assignment, or the one that is named by title, id or both."""
    header = (
        "LastName,FirstName,ID,SIS Login ID,Section,Notes,XOR lab (501),XOR (lab) 2 (502),Read (503),Lab Current Score"
    )
    points = "Points Possible,,,,,,100,100,(read only),(read only)"
    sheet = canvas(["N1,Student,1,s1,A,,,,,"], header, points)

    for assignment, place in (("XOR lab", 6), ("501", 6), ("XOR lab (501)", 6), ("XOR (lab) 2", 7), ("Notes", 5)):
        filled = fill(sheet, [entry(1)], assignment=assignment)
        assert rows(filled.data)[2][place] == "100"
    with pytest.raises(UsageError) as caught:
        fill(sheet, [entry(1)])
    assert str(caught.value).endswith("choose one with --fill-column: Notes, XOR lab (501), XOR (lab) 2 (502).")
    with pytest.raises(
        UsageError, match=r"Read does not name exactly one column of the gradebook; the columns are: Notes, XOR lab"
    ):
        fill(sheet, [entry(1)], assignment="Read")


def test_points_of_the_platform_that_differ() -> None:
    """Nothing is converted without --scale; converted scores have at most two decimals."""
    sheet = canvas(["N1,1,s1,,A,,,", "N2,2,s2,,A,,,"], points=POINTS.replace("100.00", "15"))
    entries = [entry(1, score=97), entry(2)]

    with pytest.raises(
        UsageError,
        match=r"The column XOR lab \(501\) has 15 points, the scores go up to 100: convert them with --scale 15",
    ):
        fill(sheet, entries)
    scaled = [replace(item, report=decided(item.report, (), scale=Decimal(15))) for item in entries]
    filled = fill(sheet, scaled)
    assert [row[5] for row in rows(filled.data)[2:]] == ["14.55", "15"]


def test_half_of_the_last_place_is_rounded_up() -> None:
    """82.5 of 100 gives 4.13 of 5, in the sheets of both platforms and with their decimal marks."""
    measured = decided(SOME, [gives("shapes", 2.5, "")], scale=Decimal(5))

    for sheet, column, cell in (
        (canvas(["N1,1,s1,,A,,,"], points=POINTS.replace("100.00", "5")), 5, "4.13"),
        (moodle(['Participant 1,x,s1,,x,"","5,00",Yes,-,-,']), 5, "4,13"),
    ):
        filled = fill(sheet, [replace(entry(1), report=measured)])
        assert rows(filled.data)[-1][column] == cell


def test_doubts_fill_nothing() -> None:
    """A name of two students, two rows of one student, an id and a name of different students."""
    entries = [entry(1, "Same Name"), entry(2, "Same Name"), entry(3), entry(4, "Student Four", aliases=("77",))]
    entries += [entry(5, "Student Five", aliases=("88",)), entry(6), replace(entry(6), key="k6b")]
    sheet = canvas(
        ["Same Name,1,,,A,,,", "a,2,s3,,A,,,", "b,3,s3,,A,,,", "Student Five,77,,,A,,,", "Student N6,6,s6,,A,,,"]
    )

    filled = fill(sheet, entries)

    assert (filled.data, filled.filled) == (sheet, 0)
    assert len(filled.unmatched_rows) == 5
    assert len(filled.unmatched_entries) == 7
    assert "k3 fits several rows: a (2), b (3)." in texts(filled)
    assert "Student Five (77) is k4 by id but k5 by name: skipped." in texts(filled)


# --- Moodle -------------------------------------------------------------------------------------

ENGLISH = "Identifier,Full name,ID number,Email address,Status,Grade,Maximum grade,Grade can be changed,Last modified (submission),Last modified (grade),Feedback comments"
RUSSIAN = "Идентификатор,Полное имя,Индивидуальный номер,Адрес электронной почты,Состояние,Оценка,Максимальная оценка,Оценка может быть изменена,Последнее изменение (ответ),Последнее изменение (оценка),Отзыв в виде комментария"


def moodle(lines: Sequence[str], header: str = ENGLISH) -> bytes:
    return "\r\n".join([header, *lines, ""]).encode("utf-8-sig")


@pytest.mark.parametrize(("header", "word"), [(ENGLISH, "Participant "), (RUSSIAN, "Участник")])
def test_moodle_in_two_languages(header: str, word: str) -> None:
    """Participants are matched by number, school id, address and name; the comma of 100,00 is preserved."""
    lines = [
        f'{word}701,Any,,,x,"","100,00",Yes,-,-,', f'{word}702,Any,s2,,x,"12,50","100,00",Да,-,-,',
        f'{word}703,Any,,S3@example.org,x,,"100,00",Yes,-,-,"old, text"', f'{word}704,n4 student,,,x,,"100,00",,-,-,',
        f'{word}705,Any,s5,,x,"9,00","100,00",Нет,-,-,',
    ]  # fmt: skip
    entries = [entry(1, aliases=("701",)), entry(2), entry(3), entry(4), entry(5)]
    sheet = moodle(lines, f"{header.rpartition(',')[0]},Notes")  # without feedback comments: only grades are filled in

    filled = fill(sheet, entries)

    assert (filled.filled, filled.unmatched_rows) == (4, ())
    assert [row[5] for row in rows(filled.data)[1:]] == ["100,00"] * 4 + ["9,00"]
    assert f"The grade of Any ({word}705) is locked" in texts(filled)
    expected = sheet.replace(b'x,"",', b'x,"100,00",').replace(b'x,"12,50",', b'x,"100,00",')
    assert filled.data == expected.replace(b'x,,"', b'x,"100,00","')


def test_moodle_feedback() -> None:
    """Lost points with reasons, as HTML; without the column, a note says so."""
    some = replace(entry(1), report=decided(SOME, [gives("shapes", 9.5, "<late>")], scale=Decimal(10)))

    filled = fill(moodle(["Participant 1,x,s1,,x,,10.00,Yes,-,-,old"]), [some])

    assert (
        rows(filled.data)[1][10]
        == (
            "Score: 89.5 of 100<br>In the gradebook: 8.95 of 10"
            "<br>Three neurons, wired 2-2-1: 9.5 of 15, set by the teacher; measured: 15. &lt;late&gt;"
            "<br>Learning XOR: 10 of 15<br>• What xor.loss does is wrong. "
        ).rstrip()
    )
    without = moodle(["Participant 1,x,s1,,x,,10.00,Yes,-,-"], ENGLISH.removesuffix(",Feedback comments"))
    assert "has no column for feedback comments" in texts(fill(without, [some]))


@given(st.text("=+-@;,&<>\"' \t\n1a", max_size=14) | st.text(max_size=14))
def test_feedback_is_inert(text: str) -> None:
    """Text of a student or a teacher becomes neither markup nor a formula."""
    some = replace(entry(1), report=decided(FULL, [gives("xor", 1, text)]))

    filled = fill(b"Identifier,Grade,Last modified (grade),Feedback comments,ID number\n1,,,,s1\n", [some])  # fmt: skip

    assert_inert(filled.data.decode())
    assert "<" not in feedback_html(some).replace("<br>", "")


# --- a class ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("is_zero", "grade"), [(False, "85.00"), (True, "0.00")])
def test_a_rejected_submission(is_zero: bool, grade: str) -> None:
    """The sheet gets the reason, and a 0 only if the teacher wants it."""
    one = replace(entry(1), report=decided(rejected(), (), is_rejected_zero=is_zero))

    filled = fill(moodle(["Participant 1,x,s1,,x,85.00,100.00,Yes,-,-,old"]), [one])

    (row,) = rows(filled.data)[1:]
    assert row[5] == grade
    assert row[10].startswith("Score: 0 of 100, rejected" if is_zero else "No score: rejected")
    assert row[10].endswith("<br>x.py is empty.")
    assert ("--rejected zero writes 0" in texts(filled)) is not is_zero


@pytest.mark.parametrize("kind", ["canvas", "moodle"])
def test_a_class_of_200(kind: str) -> None:
    """195 students are filled in, 5 are missing, and every column but grades and feedback keeps its bytes."""
    people = {n: HOSTILE[n % len(HOSTILE)] + f" {n}" if n % 3 == 0 else f"Student, N{n}" for n in range(200)}
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, quoting=csv.QUOTE_NONNUMERIC if kind == "canvas" else csv.QUOTE_MINIMAL)
    writer.writerow((HEADER if kind == "canvas" else ENGLISH).split(","))
    for n, name in people.items():
        canvas_row = [name, 5000 + n, "", f"l{n}", "=1", "", "", name]
        writer.writerow(canvas_row if kind == "canvas" else [f"Participant {5000 + n}", name, "", "", name, "", 100, "Yes", "@x", "-", "+1"])  # fmt: skip
    sheet = buffer.getvalue().encode()
    entries = [entry(n, name, score=n % 101, aliases=(str(5000 + n),)) for n, name in people.items() if n >= 5]
    entries += [entry(n) for n in range(900, 905)]

    filled = fill(sheet, entries)

    assert (filled.filled, len(filled.unmatched_rows), len(filled.unmatched_entries)) == (195, 5, 5)
    assert [row[5] for row in rows(filled.data)[1:]] == [""] * 5 + [str(n % 101) for n in range(5, 200)]
    before, after = split(sheet, b","), split(filled.data, b",")
    for old, new in zip(before, after, strict=True):
        untouched = [(sheet[a.start : a.end], filled.data[b.start : b.end]) for a, b in zip(old, new, strict=True)]
        assert all(a == b for place, (a, b) in enumerate(untouched) if place not in (5, 10))
        assert sheet[old[-1].end : old[-1].end + 2] == filled.data[new[-1].end : new[-1].end + 2]


@pytest.mark.parametrize(
    ("sheet", "sentence"),
    [
        (b"", "The sheet is neither a Canvas gradebook"),
        (b"a,b\n1,2\n", "The sheet is neither a Canvas gradebook"),
        (HEADER.encode("utf-16"), "The sheet is UTF-16 text"),
        (ENGLISH.encode() + "\nУчастник".encode("cp1251"), "Line 2 of the sheet is not UTF-8 text"),
        (ENGLISH.encode() + b'\n"', "Line 2 of the sheet has a quote that is never closed."),
        (
            b"Student,ID,Section\n",
            "The gradebook has several assignment columns or none; choose one with --fill-column: none.",
        ),
    ],
)
def test_what_is_no_sheet(sheet: bytes, sentence: str) -> None:
    """One sentence says why."""
    with pytest.raises(UsageError) as caught:
        fill(sheet, [])
    assert str(caught.value).startswith(sentence)
