"""A table that is read, cleaned and summed up; the suite itself needs no pandas."""

from grader.lab import Student, Table, case, close, equal

CITIES = ["Тверь", "Псков", "Омск", "Казань"]


@case("table", points=2, en="read reads prices.csv", ru="read читает prices.csv")
def test_read(student: Student) -> None:
    rows = student.files["prices.csv"].read_text(encoding="utf-8").splitlines()[1:]
    cities, prices = zip(*(row.split(";") for row in rows))
    expected = Table({"city": [*cities], "price": [float(price) if price else None for price in prices]})
    equal(student.run("read", "prices.csv"), expected, {"en": "The table differs.", "ru": "Таблица другая."}, hint='sep=";"')


@case("table", points=3, en="clean drops gaps and tidies names", ru="clean убирает пропуски и приводит названия")
def test_clean(student: Student) -> None:
    rng = student.rng("clean")
    (one, two), (low, high) = rng.permutation(CITIES)[:2].tolist(), rng.integers(5, 99, 2).astype(float).tolist()
    table = Table({"city": [f" {one.lower()}", f"{two} ", one.lower()], "price": [low, None, high]})
    expected = Table({"city": [one, one], "price": [low, high]})
    wrong = {"en": "The table is not clean.", "ru": "Таблица не очищена."}
    equal(student.run("clean", table), expected, wrong, hint="dropna, str.strip, str.title")


@case("table", points=2, en="mean_price is the mean of a city", ru="mean_price — средняя цена по городу")
def test_mean(student: Student) -> None:
    rng = student.rng("mean")
    (one, two), (low, high) = rng.permutation(CITIES)[:2].tolist(), rng.integers(5, 99, 2).astype(float).tolist()
    table = Table({"city": [one, two, one], "price": [low, 300.0, high]})
    wrong = {"en": "This is not the city's mean.", "ru": "Это не среднее по городу."}
    mistakes = {"of_all_cities": (low + 300 + high) / 3}
    close(student.run("mean_price", table, one).number(), (low + high) / 2, wrong, mistakes=mistakes)
