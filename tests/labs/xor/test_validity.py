"""The validity evidence is sound: mistakes differ from right work, right work is right, and the page counts correctly."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from grader.core.report import Status
from tests.support.command import ENVIRONMENT, HANG_S, ROOT, graded
from tests.support.mutants import ARRAYS, RATES, behaviour, known, mutants, paired, pairs
from tests.support.styles import styles
from tests.validity import FREE_FORM, Run, Work, compared, page

FREE = ("right_err_first", "right_cross_entropy")
EXPECTED = tomllib.loads((FREE_FORM / "expected.toml").read_text(encoding="utf-8"))


def scores(texts: dict[str, str], folder: Path) -> dict[str, int | None]:
    """Grade texts by name."""
    found = {}
    for name, text in texts.items():
        file = folder / f"{name}.py"
        file.write_bytes(text.encode("utf-8"))
        found[name] = graded(file, seed=3).score
    return found


def test_mistakes_differ_from_right_work() -> None:
    """Every mutant runs and behaves differently than the text that it edits."""
    seen = known()
    as_right = [
        name
        for name, mutant in mutants().items()
        if seen[name].equals(seen["arrays" if mutant.base is ARRAYS else "lists"])
    ]

    assert as_right == []


def test_bases_are_one_network() -> None:
    """The two correct texts make the same steps."""
    assert known()["arrays"].steps_as(known()["lists"])


def test_mistakes_that_make_the_same_steps_share_their_names() -> None:
    """If only the rate distinguishes two mutants, either name is accepted for both; the loss is not a step."""
    seen = known()
    right = {name for name in mutants() if seen[name].steps_as(seen["arrays"])}
    others = [name for name in mutants() if name not in right and not name.startswith("loss_")]
    alike = [(a, b) for a in others for b in others if a < b and seen[a].steps_as(seen[b])]

    assert [(a, b) for a, b in alike if mutants()[a].names != mutants()[b].names] == []
    assert {name.partition("_")[0] for name in right} == {"loss", "rate", "start", "pretrained"}


@pytest.mark.parametrize("rate", RATES)
def test_rates_of_mutants(rate: float) -> None:
    """A mutant's text has the requested rate, and compiles."""
    for name, mutant in mutants().items():
        text = mutant.text(rate)

        assert f"LEARNING_RATE = {rate}\n" in text, name
        ast.parse(text)


def test_order_defects() -> None:
    """The five order defects are minor, and nothing else is."""
    minor = {name for mutant in mutants().values() if mutant.is_minor for name in mutant.names}

    assert len(minor) == 5
    assert not any(mutant.is_minor for mutant in mutants().values() if not mutant.names <= minor)


def test_pairs() -> None:
    """A pair has both names, and is neither right work nor one of its parts."""
    found = pairs(np.random.default_rng(0), 12)

    assert len(found) == 12
    for name, pair in found.items():
        first, second = (mutants()[part] for part in name.split("+"))
        seen = behaviour(pair.text(0.3))

        assert first.names | second.names <= pair.names
        assert not any(seen.equals(known()[item]) for item in (first.id, second.id, "arrays", "lists"))


def test_styles() -> None:
    """There are many styles, all different, with every learning rate that students use."""
    rates = set(re.findall(r"LEARNING_RATE = (?:np\.float32\()?([\d.]+)", "".join(styles().values())))

    assert len(set(styles().values())) == len(styles()) >= 32
    assert {"0.01", "0.05", "0.1", "0.5", "1", "2", "5", "10"} <= rates
    assert "\r\n" in styles()["crlf"]


def test_free_form_files() -> None:
    """Every free-form file is listed and described, and its mistake is one of the mutants'."""
    names = {name for mutant in mutants().values() for name in mutant.names}
    kinds = [item["kind"] for item in EXPECTED.values()]

    assert set(EXPECTED) == {path.stem for path in FREE_FORM.glob("*.py")}
    assert (kinds.count("right") >= 16, kinds.count("wrong") >= 8, kinds.count("minor") >= 3) == (True, True, True)
    for name, element in EXPECTED.items():
        assert name.startswith(element["kind"] + "_")
        assert (FREE_FORM / f"{name}.py").read_text(encoding="utf-8").startswith("# ")
        assert ("misconception" in element) == (element["kind"] != "right")
        assert {element["misconception"]} <= names if "misconception" in element else True


@pytest.mark.soak
def test_right_and_wrong_work_graded(tmp_path: Path) -> None:
    """Correct styles score 100, mistakes less."""
    right, wrong = ["closures"], ["bias_frozen.lists", "hidden_sign"]
    free = {name: (FREE_FORM / f"{name}.py").read_text(encoding="utf-8") for name in FREE}

    found = scores(
        {
            **{name: styles()[name] for name in right},
            **{name: mutants()[name].text(0.3) for name in wrong},
            **free,
        },
        tmp_path,
    )

    assert [found[name] for name in (*right, *FREE)] == [100] * 3
    assert [name for name in wrong if found[name] in (100, None)] == []


def a_run(group: str, score: int | None, names: str = "", named: str = "") -> Run:
    """Return a run of a work with accepted names, and the names that it was given."""
    work = Work(group=group, name="one", text="", seeds=(0,), names=frozenset(names.split()))
    return Run(
        work=work, seed=0, status=Status.GRADED, route="contract", score=score, missed=(), named=frozenset(named.split()),
        total_s=0.2, student_s=0.1,
    )  # fmt: skip


def test_counting() -> None:
    """Each run is counted in its own category."""
    wrong = a_run("mistakes", 80, "a b")

    assert a_run("styles", 99).is_false_fail
    assert not a_run("styles", None).is_false_fail
    assert a_run("mistakes", 100, "a").is_false_pass
    assert [replace(wrong, named=frozenset(named.split())).naming for named in ("a", "b a", "a c", "")] == [
        "right", "right", "wrong", "unnamed",
    ]  # fmt: skip
    assert a_run("free-form, wrong", None, "a").naming == ""


def test_two_mistakes_beside_each_alone() -> None:
    """A pair scores too high if it has more than the lower of both."""

    def graded_as(name: str, score: int) -> Run:
        work = Work(
            group="pairs of mistakes" if "+" in name else "mistakes",
            name=name,
            text=mutants()[name].text(0.3) if "+" not in name else "",
            seeds=(0,),
        )
        return replace(a_run("mistakes", score), work=work)

    alone = [graded_as("bias_frozen", 84), graded_as("hidden_sign", 76)]
    pairs = [graded_as("bias_frozen+hidden_sign", score) for score in (75, 76, 77)]

    assert [pair.is_above for pair in compared([*alone, *pairs])] == [False, False, True]


def test_a_pair_is_kept_or_left_out() -> None:
    """Pairs are left out if one mistake undoes or hides the other, if both are activations, or if they do not run."""
    kept = {
        ("bias_frozen", "hidden_sign"),
        ("answer_thresholded", "error_without_weight"),
        ("derivative_twice", "loss_squared"),
    }
    left_out = {
        ("derivative_missing.constant", "derivative_twice"),
        ("output_weight_mean", "updated_output_weights.model"),
        ("derivative_of_output.function", "derivative_complement_squared"),
        ("sigmoid_twice", "exponential_only"),
        ("weighted_mean", "sigmoid_of_double"),
    }  # fmt: skip

    found = {(first, second) for first, second in kept | left_out if paired(mutants()[first], mutants()[second])}

    assert found == kept


def test_worthless_training_that_earns() -> None:
    """Worthless training earns too much if it gets more than forward, shapes and a right loss are worth."""
    assert [a_run("unearned", score).is_unearned for score in (None, 35, 36)] == [False, False, True]


def test_page() -> None:
    """The page has a line for each group, and names what went wrong."""
    text = page(
        [a_run("styles", 100), a_run("styles", 96), a_run("mistakes", 100, "a"), a_run("free-form, wrong", None, "a")]
    )

    assert "| styles | 1 | 2 | 1 |  |  | 0 |  | 0 |" in text
    assert "| mistakes | 1 | 1 |  | 1 | 0 | 0 | 1 | 0 |" in text
    assert "| free-form, wrong | 1 | 1 |  | 0 | 0 | 0 | 0 | 1 |" in text
    assert "False fails: 1 in 2 grades" in text


@pytest.mark.soak
def test_quick_page() -> None:
    """`python -m tests.validity --quick` prints the page."""
    ran = subprocess.run([sys.executable, "-m", "tests.validity", "--quick"], cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True)  # fmt: skip

    assert ran.returncode == 0, ran.stdout
    assert ran.stdout.startswith("# How far a grade can be trusted")


@pytest.mark.soak
@pytest.mark.parametrize("part", range(4))
def test_every_style(part: int, tmp_path: Path) -> None:
    """Every style scores 100."""
    names = sorted(styles())[part::4]

    assert scores({name: styles()[name] for name in names}, tmp_path) == dict.fromkeys(names, 100)


@pytest.mark.soak
@pytest.mark.parametrize("part", range(8))
def test_every_mistake(part: int, tmp_path: Path) -> None:
    """Every mistake costs points."""
    names = sorted(mutants())[part::8]

    found = scores({name: mutants()[name].text(0.3) for name in names}, tmp_path)

    assert [name for name, score in found.items() if score in (100, None)] == []


@pytest.mark.soak
@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_free_form_files_run(name: str) -> None:
    """Every free-form file ends by itself."""
    command = [sys.executable, str(FREE_FORM / f"{name}.py")]

    assert subprocess.run(command, env=ENVIRONMENT, capture_output=True, timeout=HANG_S).returncode == 0
