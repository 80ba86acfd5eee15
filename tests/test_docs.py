"""The documentation says what the program does."""

from __future__ import annotations

import importlib
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from grader.commands.grade import FORMATS
from grader.commands.new import PLACEHOLDER
from grader.core import exits
from grader.pipeline.assignment import read_assignment
from grader.renderers import RENDERERS
from tests import mistakes
from tests.support.command import ROOT, SUBMISSIONS, grade, grade_class, run
from tests.support.locked import comparable

README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMAND, CLASS, REPORTS = (
    (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8") for name in ("grade", "class", "reports")
)
DESIGN = sorted((ROOT / "docs" / "design").glob("*.md"))
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
HANDOUT = (ROOT / "student_template" / "README.md").read_text(encoding="utf-8")


def words(text: str) -> str:
    """Return a text without its line breaks and columns: versions of click lay --help out in different ways."""
    return " ".join(text.split())


def test_help_in_the_docs(tmp_path: Path) -> None:
    """docs/grade.md shows --help as it is."""
    ran = grade("--help", cwd=tmp_path, COLUMNS="80", LC_ALL="C.UTF-8")

    assert words(ran.out) in words(COMMAND)


def test_help_of_the_class_in_the_docs(tmp_path: Path) -> None:
    """docs/class.md shows grade-class --help as it is."""
    ran = grade_class("--help", cwd=tmp_path, COLUMNS="80", LC_ALL="C.UTF-8")

    assert words(ran.out) in words(CLASS)


def test_help_of_the_packer_in_the_docs(tmp_path: Path) -> None:
    """docs/ci.md shows grade-package gradescope --help as it is."""
    command = Path(sys.executable).with_name("grade-package")

    ran = run([command, "gradescope", "--help"], cwd=tmp_path, COLUMNS="80", LC_ALL="C.UTF-8")

    assert words(ran.out) in words((ROOT / "docs" / "ci.md").read_text(encoding="utf-8"))


@pytest.mark.parametrize("part", ["readme", "ci", "ru", "en"])
def test_install_blocks(part: str) -> None:
    """Every install block has the commands of the README, which tests/test_package.py runs, and warns of the name."""
    ci = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
    russian, english = HANDOUT.split("\n---\n")
    text, warning = {
        "readme": (README, "never install `xor-lab-grader` by name"),
        "ci": (ci, "never install `xor-lab-grader` by name"),
        "ru": (russian, "По имени `xor-lab-grader` устанавливать нельзя"),
        "en": (english, "Never install `xor-lab-grader` by its name"),
    }[part]

    block = next(block for block in re.findall(r"^```\n(.*?)^```", text, re.DOTALL | re.MULTILINE) if "pipx" in block)
    commands = [re.split(" {3,}#", line)[0].replace(PLACEHOLDER, "SOURCE") for line in block.splitlines()]

    assert commands == [
        "python3 -m venv ~/grader",
        "~/grader/bin/python -m pip install 'SOURCE'",
        "pipx install 'SOURCE'",
        "uvx --from 'SOURCE' grade network.py",
    ]
    assert PLACEHOLDER in text
    assert warning in " ".join(text.split())


def test_completion_in_the_docs() -> None:
    """docs/grade.md gives bash the line that tests/commands/test_student_tools.py has it run."""
    assert '`eval "$(_GRADE_COMPLETE=bash_source grade)"`' in COMMAND


def test_report_in_the_readme(tmp_path: Path) -> None:
    """The README's report is the one that the command prints."""
    ran = grade(SUBMISSIONS / "fails_model_update", "--seed", "1", cwd=tmp_path)

    assert comparable(ran.out.rstrip()) in comparable(README)


def parts(value: Any, sample: Any) -> Any:
    """Return of a JSON value what a sample has: its keys of each object, and of a list the items with its ids."""
    if isinstance(sample, dict):
        return {key: parts(value[key], item) for key, item in sample.items()}
    if isinstance(sample, list) and all(isinstance(item, dict) and "id" in item for item in sample):
        return [parts(next(item for item in value if item["id"] == element["id"]), element) for element in sample]
    if isinstance(sample, list) and all(isinstance(item, dict) for item in sample):
        return [parts(item, element) for item, element in zip(value, sample, strict=True)]
    return value


def test_json_in_the_docs(tmp_path: Path) -> None:
    """The JSON of docs/reports.md is part of the report that the command writes."""
    report = grade(SUBMISSIONS / "fails_model_update", "--seed", "1", cwd=tmp_path).report
    (text,) = re.findall(r"^```json\n(.*?)^```", REPORTS, re.DOTALL | re.MULTILINE)
    sample = json.loads(text)

    assert comparable(json.dumps(parts(report, sample))) == comparable(json.dumps(sample))


def test_exit_codes_in_the_docs() -> None:
    """The table of exit codes names all of them."""
    documented = {int(code) for code in re.findall(r"^\| (\d+) \|", COMMAND, re.MULTILINE)}
    known = {value for name, value in vars(exits).items() if name.isupper()}

    assert documented == known


def test_formats_of_the_command() -> None:
    """The command knows the formats that have a renderer."""
    assert tuple(RENDERERS) == FORMATS


def test_formats_in_the_docs() -> None:
    """The table of formats names all of them."""
    table = REPORTS.partition("## Formats")[2].partition("## The JSON")[0]

    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == list(RENDERERS)


def test_modules_in_the_flow_exist() -> None:
    """Every file that the flow picture names is there."""
    picture = README.partition("## How one grade is made")[2].partition("## License")[0]
    names = re.findall(r"[\w/]+\.py", picture)

    assert len(names) >= 8
    assert [name for name in names if not list((ROOT / "grader").rglob(Path(name).name))] == []


@pytest.mark.parametrize("half", [0, 1], ids=["ru", "en"])
def test_points_in_the_handout(half: int) -> None:
    """Both halves of the handout give the points of the rubric."""
    text = HANDOUT.split("\n---\n")[half]
    points = [int(number) for number in re.findall(r"\| (\d+) \|$", text.rpartition("|---|---|")[2], re.MULTILINE)]

    assert points == [criterion.points for criterion in read_assignment().rubric.of_file("") if not criterion.is_gate]


def test_make_targets_in_the_documents_exist() -> None:
    """Every `make` target that a document names is in the Makefile."""
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    texts = README + (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")

    assert set(re.findall(r"(?:^|`)make ([a-z]+)", texts, re.MULTILINE)) <= targets


def built(page: Path) -> str:
    """Return a page without the sections, subsections included, whose heading ends with "(planned)"."""
    kept, planned = [], 0
    for line in page.read_text(encoding="utf-8").splitlines():
        level = len(line) - len(line.lstrip("#"))
        if level and (planned == 0 or level <= planned):
            planned = level if line.endswith("(planned)") else 0
        if planned == 0:
            kept.append(line)
    return "\n".join(kept)


def test_design_pages_are_in_their_index() -> None:
    """docs/design/README.md links every other page there."""
    index = next(page for page in DESIGN if page.name == "README.md").read_text(encoding="utf-8")

    assert {page.name for page in DESIGN} - {"README.md"} == set(
        re.findall(r"^\| \[.*?\]\((.*?)\)", index, re.MULTILINE)
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    """Each relative link leads to a file that exists."""
    links = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8"))

    assert [link for link in links if not (page.parent / link).exists()] == []


def test_paths_in_the_design_exist() -> None:
    """Each file and folder that a design page names exists, except in sections about what is planned."""
    paths = {path for page in DESIGN for path in re.findall(r"`((?:[\w.-]+/)+(?:[\w-]+\.\w+)?)`", built(page))}

    assert len(paths) >= 40
    assert sorted(path for path in paths if not (ROOT / path).exists()) == []


def constants() -> Iterator[tuple[str, str, float]]:
    """Yield the rows "| `NAME` | `path.py` | value |" of the pages: name, module, value."""
    units = {"": 1, "KiB": 2**10, "MiB": 2**20}
    for page in DESIGN:
        for name, path, value, unit in re.findall(
            r"^\| `([A-Z_]+)` \| `(.+?)\.py` \| ([\d.e-]+) ?(\w*) \|", built(page), re.MULTILINE
        ):
            yield name, path.replace("/", "."), float(value) * units[unit]


def test_constants_in_the_design() -> None:
    """The tables of constants give the values that the modules have."""
    found = list(constants())

    assert len(found) >= 15
    assert [row for row in found if getattr(importlib.import_module(row[1]), row[0]) != pytest.approx(row[2])] == []


@pytest.mark.parametrize("part", [0, *(pytest.param(part, marks=pytest.mark.wide) for part in range(1, 5))])
def test_common_mistakes_in_the_docs(part: int) -> None:
    """docs/mistakes.md shows the reports of ten common mistakes as they are."""
    page = comparable(mistakes.PAGE.read_text(encoding="utf-8"))
    shown = mistakes.sections(list(mistakes.COMMON)[part::5]).values()

    assert [text for text in shown if comparable(text) not in page] == []
