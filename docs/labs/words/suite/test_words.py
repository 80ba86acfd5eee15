"""Words: tidy text, how often each word stands in it, and which ones most often."""

import pytest

from grader.lab import Student, case, equal

WORDS = {"russian": ["Мама", "мыла", "раму"], "english": ["To", "be", "question"]}


def normal(text):
    return " ".join("".join(c if c.isalnum() else " " for c in text.lower()).split())


@case("words", points=2, en="normalise returns small letters without punctuation", ru="normalise убирает знаки и заглавные")
@pytest.mark.parametrize("language", ["russian", "english"], ids=["russian", "english"])
def test_normalise(student: Student, language: str) -> None:
    text = ", ".join(student.rng(language).permutation(WORDS[language] * 2).tolist()) + "!"
    wrong = {"en": "The text is not normal.", "ru": "Текст не приведён."}
    equal(student.run("normalise", text), normal(text), wrong, hint="lower, isalnum, split")


@case("words", points=3, en="count returns a dict of numbers", ru="count возвращает словарь с числами")
def test_count(student: Student) -> None:
    drawn = student.rng("count").choice(["раз", "два", "три"], 20).tolist()
    wrong = {"en": "The counts differ.", "ru": "Числа другие."}
    equal(student.run("count", " ".join(drawn)), {word: drawn.count(word) for word in sorted({*drawn})}, wrong)


@case("words", points=2, en="most_common returns pairs, the most frequent first", ru="most_common возвращает пары по убыванию")
def test_most_common(student: Student) -> None:
    least, most, middle = student.rng("common").permutation(WORDS["russian"]).tolist()
    found = student.run("most_common", {least: 1, most: 3, middle: 2}, 2).list(2)
    wrong = {"en": "These are not the most frequent.", "ru": "Это не самые частые."}
    equal([pair.list(2)[0].text() for pair in found], [most, middle], wrong)


@case("words", points=1, en="an empty text has no words", ru="в пустом тексте слов нет")
def test_empty(student: Student) -> None:
    word, wrong = student.rng("empty").choice(WORDS["english"]), {"en": "count('') is not {}.", "ru": "count('') не равно {}."}
    equal([student.run("count", text).dict() for text in (word, "")], [{word: 1}, {}], wrong)
