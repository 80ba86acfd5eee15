"""Words: tidy text, how often each word stands in it, and which ones most often."""

import pytest

from grader.lab import Student, case, equal

TEXTS = ["Мама мыла раму, мама!", "To be, or not to be: that is the question."]


def normal(text):
    return " ".join("".join(c if c.isalnum() else " " for c in text.lower()).split())


@case("words", points=2, en="normalise returns small letters without punctuation", ru="normalise убирает знаки и заглавные")
@pytest.mark.parametrize("text", TEXTS, ids=["russian", "english"])
def test_normalise(student: Student, text: str) -> None:
    wrong = {"en": "The text is not normal.", "ru": "Текст не приведён."}
    equal(student.run("normalise", text), normal(text), wrong, hint="lower, isalnum, split")


@case("words", points=3, en="count returns a dict of numbers", ru="count возвращает словарь с числами")
def test_count(student: Student) -> None:
    drawn = student.rng("count").choice(["раз", "два", "три"], 20).tolist()
    wrong = {"en": "The counts differ.", "ru": "Числа другие."}
    equal(student.run("count", " ".join(drawn)), {word: drawn.count(word) for word in sorted({*drawn})}, wrong)


@case("words", points=2, en="most_common returns pairs, the most frequent first", ru="most_common возвращает пары по убыванию")
def test_most_common(student: Student) -> None:
    found = student.run("most_common", {"a": 1, "b": 3, "c": 2}, 2).list(2)
    wrong = {"en": "These are not the most frequent.", "ru": "Это не самые частые."}
    equal([pair.list(2)[0].text() for pair in found], ["b", "c"], wrong)


@case("words", points=1, en="an empty text has no words", ru="в пустом тексте слов нет")
def test_empty(student: Student) -> None:
    equal(student.run("count", ""), {}, {"en": "count('') is not {}.", "ru": "count('') не равно {}."})
