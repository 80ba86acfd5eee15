"""What a suite compares with: close, equal, check and slopes, and answers taken in another form than they have."""

from __future__ import annotations

import json
from collections import Counter, deque
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.lab import CaseStopped, Table, close, equal, slopes
from grader.lab.values import Other, SuiteMistake, pack, unpack
from grader.sandbox.confined import values as worker_values
from tests.support.labs import graded, lab, verdicts


@pytest.mark.parametrize("actual", [[1.0, 2.0], np.array([1, 2]), (1.0, 2.0 + 1e-9)])
def test_close_numbers(actual: Any) -> None:
    """Numbers of one shape agree within the tolerance, whatever they come in."""
    close(actual, np.array([1.0, 2.0]))


@pytest.mark.parametrize("actual", [[1.0, 2.1], [1.0], [[1.0, 2.0]], [1.0, float("nan")]])
def test_numbers_that_are_not_close(actual: Any) -> None:
    """Another value, another shape and what is not finite end the case."""
    with pytest.raises(CaseStopped) as stopped:
        close(actual, [1.0, 2.0], "The {sum} is wrong.", named="sum")

    assert stopped.value.feedback.text == "The {sum} is wrong."
    assert stopped.value.outcome.misconception == "sum"


@pytest.mark.parametrize(
    ("mistakes", "name"),
    [
        ({"no_bias": [3.0, 4.0], "doubled": [2.0, 4.0]}, "no_bias"),
        ({"no_bias": [3.0, 4.0], "shifted": [3.0, 4.0]}, None),
        ({"doubled": [2.0, 4.0]}, None),
    ],
    ids=["one_explains", "two_explain", "none_explains"],
)
def test_a_mistake_is_named_where_it_alone_explains_the_numbers(mistakes: dict[str, Any], name: str | None) -> None:
    """Two mistakes with the same numbers, or none, name nothing."""
    with pytest.raises(CaseStopped) as stopped:
        close([3.0, 4.0], [1.0, 2.0], mistakes=mistakes)

    assert stopped.value.outcome.misconception == name


@pytest.mark.parametrize(
    ("actual", "expected"),
    [
        (1, 1.0),
        (True, 1),
        ([1], (1,)),
        ({"a": 1}, {"a": 1.0}),
        ({1: 2}, {True: 2}),
        ("a", "b"),
        (np.array([1]), np.array([1.0])),
        ({1}, {True}),
        (frozenset({1}), {1}),
        (1 + 0j, 1.0),
        (float("nan"), 1.0),
        (Other("Fraction", "Fraction(1, 3)"), Fraction(2, 3)),
        (Table({"x": [1]}, ["a"]), Table({"x": [1]}, ["b"])),
        (Table({"x": [1]}), Table({"x": [1]}, ["a"])),
    ],
)
def test_values_of_another_type_are_not_equal(actual: Any, expected: Any) -> None:
    """Python's == would take most of these for equal."""
    with pytest.raises(CaseStopped):
        equal(actual, expected)


@pytest.mark.parametrize("expected", [iter([1]), [deque([1])], {"a": object()}], ids=["iterator", "deque", "object"])
def test_what_no_answer_can_equal(expected: Any) -> None:
    """An expected value that cannot come is the lecturer's mistake: right work would never pass."""
    with pytest.raises(SuiteMistake, match=r"^equal: no answer can be a "):
        equal([1], expected)


def test_equal_values() -> None:
    """Lists, dicts, sets, arrays and tables are compared with what they hold; nan equals nan."""
    equal([float("nan"), {1, "a"}, 2j], [float("nan"), {"a", 1}, 2j])
    equal(np.array([1.0, np.nan]), np.array([1.0, np.nan]))
    equal({"a": 2}, Counter("aa"))
    close([1.0, np.nan], [1.0, np.nan])
    close([1.0 + 2j], np.array([1.0 + 2j]))
    equal({"мама": [1, None]}, {"мама": [1, None]})
    equal(np.array(["a", "b"]), np.array(["a", "b"]))
    equal(Table({"x": [1, 2]}), Table({"x": [1, 2]}))
    equal([Table({"x": [1, 2]}, [0, 2])], [Table({"x": [1, 2]})])
    equal(Table({"x": [1]}, ["a"]), Table({"x": [1]}, [np.str_("a")]))
    equal([3, {"мама": 0.5}], [np.int64(3), {np.str_("мама"): np.float64(0.5)}])


def test_long_texts_are_shown_where_they_differ() -> None:
    """A report cuts long texts: what it shows of two has the difference."""
    with pytest.raises(CaseStopped) as stopped:
        equal("Москва;10;Казань;20;Омск;31", "Москва;10;Казань;20;Омск;30")

    (seen,) = stopped.value.outcome.evidence
    assert (seen.expected, seen.actual) == ("…0;Омск;30", "…0;Омск;31")


TYPES = """
    from datetime import date
    from decimal import Decimal
    from fractions import Fraction
    import numpy as np
    from grader.lab import Student, case, close, equal

    VALUES = [
        {1, "a"}, frozenset({2}), 1 + 2j, Fraction(1, 3), Decimal("1.10"), date(2024, 2, 29), range(3), b"\\x00",
        3**8000, (1, 2.0), None, np.array([1 + 2j]), np.array([255], dtype=np.uint8), np.array([np.nan]), np.float64(1),
    ]

    @case("work")
    def test_types(student: Student):
        '''They come as they are.'''
        equal(student.run("values").value, VALUES)

    @case("work")
    def test_arguments(student: Student):
        '''They arrive as they are.'''
        sent = [{1, "a"}, frozenset({2}), 1 + 2j, np.str_("a"), np.array([1 + 2j])]
        equal(student.run("types", sent), ["set", "frozenset", "complex", "str", "ndarray"])

    @case("work")
    def test_iterator(student: Student):
        '''A generator is kept, and asked for its items.'''
        squares = student.new("squares", 2)
        equal([squares.call("__next__").number() for _ in range(2)], [0.0, 1.0])
        equal(student.error_of(lambda: squares.call("__next__")), "StopIteration")
"""
TYPED = """
from datetime import date
from decimal import Decimal
from fractions import Fraction
import numpy as np
def values():
    return [
        {"a", 1}, frozenset({2}), 1 + 2j, Fraction(1, 3), Decimal("1.10"), date(2024, 2, 29), range(3), b"\\x00",
        3**8000, (1, 2.0), None, np.array([1 + 2j]), np.array([255], dtype=np.uint8), np.array([np.nan]), np.longdouble(1),
    ]
def types(items): return [type(item).__name__ for item in items]
def squares(n):
    for i in range(n):
        yield i * i
"""


def test_values_keep_their_types(tmp_path: Path) -> None:
    """What a call returns is compared as what it is; a generator is kept as an object."""
    folder = lab(tmp_path / "types", TYPES, {f"work.{name}": 1 for name in ("types", "arguments", "iterator")})
    (report,) = graded(folder, TYPED)

    assert dict.fromkeys(verdicts(report), "passed") == verdicts(report)


def test_tables_keep_their_index() -> None:
    """The labels of rows travel both ways, unless the rows are numbered from 0."""
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    worker_values.np = np
    frame = pandas.DataFrame({"city": ["a", "b", "a"], "price": [1.0, None, 3.0]})

    def returned(value: Any) -> Any:
        packer = worker_values.Packer()
        return unpack(json.loads(json.dumps(packer.pack(value))), packer.blocks)

    assert returned(frame) == Table({"city": ["a", "b", "a"], "price": [1.0, None, 3.0]})
    assert returned(frame.dropna()) == Table({"city": ["a", "a"], "price": [1.0, 3.0]}, [0, 2])
    means = returned(frame.groupby("city").price.mean())
    assert means == Table({"price": [2.0, None]}, ["a", "b"])
    blocks: dict[str, Any] = {}
    sent = worker_values.unpack(json.loads(json.dumps(pack(means, blocks))), blocks, {})
    assert returned(sent) == means
    pairs = returned(frame.dropna().set_index(["city", "price"], drop=False))
    assert pairs.index == [("a", 1.0), ("a", 3.0)]


def test_a_method_of_a_wrong_answer(tmp_path: Path) -> None:
    """What is no object of the submission lacks a method: that ends the case, not the grade."""
    folder = lab(tmp_path / "types", TYPES, {f"work.{name}": 1 for name in ("types", "arguments", "iterator")})
    (report,) = graded(folder, TYPED.replace("yield i * i", "return [0, 1]"))

    assert (report.score, verdicts(report)["work.iterator"]) == (2, "error")


def test_a_text_that_is_too_long_is_not_cut(tmp_path: Path) -> None:
    """The sentence says that it is too long, not that it is wrong."""
    suite = SUITE.replace(
        'equal(student.run("words", "a b a"), {"a": 2, "b": 1})', 'equal(student.run("words"), "x" * 100_001)'
    )
    folder = lab(tmp_path / "long", suite, {f"work.{name}": 1 for name in ("numbers", "words", "parts", "refuses")})
    (report,) = graded(folder, "def words(): return 'x' * 100_001\n")

    feedback = report.criteria[0].cases[1].feedback
    assert feedback is not None
    assert feedback.text.startswith("words returned too much: ")


def test_slopes() -> None:
    """Central differences of a cubic are its derivative, and the parameters are what they were."""
    parameters = np.array([[0.5, -1.0], [2.0, 0.0]])
    found = slopes(lambda: float((parameters**3).sum()), parameters)

    np.testing.assert_allclose(found, 3 * parameters**2, atol=1e-8)
    assert parameters.tolist() == [[0.5, -1.0], [2.0, 0.0]]


SUITE = """
    import numpy as np
    from grader.lab import Student, case, check, close, equal

    @case("work")
    def test_numbers(student: Student):
        '''values returns three numbers.'''
        close(student.run("values"), [1.0, 2.0, 3.0], "values are wrong.")

    @case("work")
    def test_words(student: Student):
        '''words returns a dict.'''
        equal(student.run("words", "a b a"), {"a": 2, "b": 1})

    @case("work")
    def test_parts(student: Student):
        '''parts returns two arrays.'''
        first, second = student.run("parts").list(2)
        close(first, [0.0, 1.0])
        close(second, np.eye(2))

    @case("work")
    def test_refuses(student: Student):
        '''refuse raises ValueError.'''
        error = student.error_of(lambda: student.run("refuse"))
        check(error == "ValueError", f"refuse must raise ValueError, not {error}.")
"""
RIGHT = """
import numpy as np
def values(): return [1, 2, 3]
def words(text): return {word: text.split().count(word) for word in text.split()}
def parts(): return np.arange(2.0), np.eye(2)
def refuse(): raise ValueError
"""
ODD = (
    "None",
    "[]",
    "'1 2 3'",
    "float('nan')",
    "{}",
    "[[1], [2, 3]]",
    "object()",
    "10**400",
    "np.array(['1', '2', '3'])",
    "print",
)


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """Return a lab of functions."""
    return lab(tmp_path / "functions", SUITE, {f"work.{name}": 1 for name in ("numbers", "words", "parts", "refuses")})


def test_functions_are_judged(small: Path) -> None:
    """Right ones have full marks; a cheat that compares equal with everything has none of its points."""
    cheat = RIGHT + "class All(dict):\n    def __eq__(self, other): return True\ndef words(text): return All(a=1)\n"
    right, cheated = graded(small, RIGHT, cheat)

    assert (right.score, cheated.score) == (4, 3)


@pytest.mark.parametrize("odd", [*ODD[:3], *(pytest.param(item, marks=pytest.mark.wide) for item in ODD[3:])])
def test_no_answer_breaks_a_suite(odd: str, small: Path) -> None:
    """Whatever the functions return, their cases fail and the suite goes on."""
    text = "\n".join(f"def {name}(*_): return {odd}" for name in ("values", "words", "parts", "refuse"))
    (report,) = graded(small, f"import numpy as np\n{text}\n")

    assert report.score == 0
    assert set(verdicts(report).values()) == {"failed"}


PLAIN = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.complex_numbers()
    | st.text(max_size=5)
    | st.binary(max_size=5)
)
KEYS = st.integers() | st.text(max_size=5) | st.frozensets(st.booleans())


@given(
    value=st.recursive(
        PLAIN,
        lambda inner: (
            st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(KEYS, inner) | st.sets(KEYS, max_size=1)
        ),
    )
)
def test_values_arrive_as_they_were_sent(value: Any) -> None:
    """Packed here and unpacked there, packed there and unpacked here: the same value of the same types, nan included."""
    worker_values.np = np
    blocks: dict[str, Any] = {}
    there = worker_values.unpack(json.loads(json.dumps(pack(value, blocks))), blocks, {})
    packer = worker_values.Packer()
    back = unpack(json.loads(json.dumps(packer.pack(there))), packer.blocks)

    assert repr(value) == repr(there) == repr(back)
