"""The messages of the grader and of its lab: `python -m tests.messages` brings the catalogues up to date, and compiles them.

Messages are found in the syntax trees of modules and page templates: what is passed to the functions that speak (SPEAKERS), and in the files
of SENTENCES every text that looks like a sentence, whatever name or table it goes through. Titles of cases,
the bank of mistakes and the rubric's titles are asked for. What stands in the lab's folder goes into the lab's own
catalogue, the rest into the grader's. Needs Babel.
"""

from __future__ import annotations

import ast
import datetime
import io
import re
import sys
from collections.abc import Iterator
from functools import cache
from itertools import product
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from jinja2 import nodes

from grader.core.language import DOMAIN, LAB_DOMAIN, LANGUAGES, LOCALE
from grader.labs.xor.mistakes.misconceptions import BANK, UNFITTED
from grader.pipeline.assignment import DEFAULT_LAB, read_assignment
from grader.renderers.markup import ENVIRONMENT
from tests.support.command import ROOT

LAB = f"{DEFAULT_LAB.relative_to(ROOT).as_posix()}/"
UNDATED = datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC)
GRADER = ROOT / "grader"
Key = tuple[str | None, str]  # context and English text
PLACES = {DOMAIN: LOCALE, LAB_DOMAIN: DEFAULT_LAB / "locale"}  # of the catalogues

# Functions that speak, by the place of the message among their arguments.
SPEAKERS = {
    "say": 0, "unmet": 0, "not_gradable": 0, "remark": 0, "note": 0, "Rejected": 0, "UsageError": 0, "Unwritable": 0, "BrokenGrader": 0,
    "Refusal": 0, "Undeclared": 0, "_problem": 0, "word": 1, "tell": 0, "marked": 0, "told": 1, "said": 0, "listed": 1,
}  # fmt: skip
# and arguments that are messages, or tuples of them
SAID = {"hint", "title", "caption", "x_label", "y_label", "value_label", "label", "rows", "columns"}
PROBED = ("weights", "epochs", "calls", "holders", "start")  # names of probes that are words
SENTENCES = (
    "grader/lab/*.py", "pipeline/run_suite.py", "pipeline/import_rules.py", "reading/archives.py", "reading/program_files.py", "xor/suite/*.py", "xor/suite_observed/*.py",
    *(f"xor/{name}.py" for name in "driving/calls driving/layout driving/network watched/observing watched/observed shown verdicts".split()),
)  # fmt: skip
SENTENCE = re.compile(r"(?=.*[ ]).*[.}]", re.DOTALL)


def messages(domain: str) -> dict[Key, set[str]]:
    """Return the messages of one catalogue, with the files that they stand in."""
    found = {
        key: {file for file in files if file.startswith(LAB) == (domain == LAB_DOMAIN)}
        for key, files in every_message().items()
    }
    return {key: files for key, files in found.items() if files}


@cache
def every_message() -> dict[Key, set[str]]:
    """Return every message, with the files that it stands in."""
    found: dict[Key, set[str]] = {}
    for path in sorted(item for item in GRADER.rglob("*.py") if "example" not in item.parts):
        name = path.relative_to(ROOT).as_posix()
        tree = ast.parse(path.read_text(encoding="utf-8"))
        is_full = any(path.match(pattern) for pattern in SENTENCES)
        for text in (*spoken(tree), *(sentences(tree) if is_full else ()), *titles(path, tree)):
            found.setdefault((None, text), set()).add(name)
    for path in sorted(GRADER.rglob("*.html.j2")):
        for text in spoken_in_page(path.read_text(encoding="utf-8")):
            found.setdefault((None, text), set()).add(path.relative_to(ROOT).as_posix())
    for rule in (*BANK, *UNFITTED):
        for text in (rule.message, rule.hint):
            found.setdefault((None, text), set()).add(LAB + "misconceptions.py")
    lab = read_assignment()
    found.setdefault((None, lab.title), set()).add(LAB + "assignment.toml")
    for criterion in lab.rubric.criteria:
        found.setdefault((None, criterion.title), set()).add(LAB + "rubric.toml")
        for case in criterion.cases:  # the title of one that did not report
            found.setdefault(("case", case.id.replace("_", " ")), set()).add(LAB + "rubric.toml")
    for name in PROBED:
        found.setdefault((None, name), set()).add(LAB + "suite")
    found.pop((None, ""), None)
    return found


def spoken(tree: ast.AST) -> Iterator[str]:
    """Yield the literal messages of all calls that speak."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            place = SPEAKERS.get(name_of(node.func), -1)
            if 0 <= place < len(node.args):
                yield from literals(node.args[place])
            for keyword in node.keywords:
                if keyword.arg in SAID:
                    yield from literals(keyword.value)


def spoken_in_page(template: str) -> Iterator[str]:
    """Yield the literal messages that a page's template says."""
    for call in ENVIRONMENT.parse(template).find_all(nodes.Call):
        if isinstance(call.node, nodes.Name) and call.node.name == "said" and isinstance(call.args[0], nodes.Const):
            yield call.args[0].value


def name_of(node: ast.expr) -> str:
    """Return the last name of what is called."""
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def literals(node: ast.expr) -> Iterator[str]:
    """Yield the texts that an expression may be."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from literals(node.body)
        yield from literals(node.orelse)
    elif isinstance(node, ast.Tuple):
        for elt in node.elts:
            yield from literals(elt)


def sentences(tree: ast.Module) -> Iterator[str]:
    """Yield every text that looks like a sentence and is neither a docstring nor a part of another text."""
    passed_over = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in ast.walk(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr):
            passed_over.add(id(node.value))
        is_text = isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in passed_over
        if is_text and SENTENCE.fullmatch(str(node.value)):  # type: ignore[attr-defined]
            yield str(node.value)  # type: ignore[attr-defined]


def titles(path: Path, tree: ast.Module) -> Iterator[str]:
    """Yield the docstrings of the cases: what students read as titles."""
    if not path.match("suite*/test_*.py"):
        return
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            yield ast.get_docstring(node) or ""


def source_of(domain: str, lang: str) -> Path:
    """Return the catalogue of a language that people edit."""
    return PLACES[domain] / lang / "LC_MESSAGES" / f"{domain}.po"


def read(domain: str, lang: str) -> Catalog:
    """Return a catalogue as it is written."""
    path = source_of(domain, lang)
    if not path.exists():
        return Catalog(locale=lang, charset="utf-8")
    with path.open("rb") as file:
        return read_po(file, locale=lang)


def updated(domain: str, lang: str) -> Catalog:
    """Return the catalogue of a language with all messages of the code, without others; the new ones are empty."""
    old, new = read(domain, lang), Catalog(locale=lang, domain=domain, project="xor-lab-grader", charset="utf-8")
    for (context, text), files in messages(domain).items():
        known = old.get(text, context)
        new.add(text, known.string if known else "", [(file, 0) for file in sorted(files)], context=context)
    return new


def po_of(catalog: Catalog) -> bytes:
    """Return a catalogue as text, without dates."""
    file = io.BytesIO()
    write_po(file, catalog, width=120, omit_header=True, no_location=True, sort_output=True)
    head = f'msgid ""\nmsgstr ""\n"Language: {catalog.locale}\\n"\n"MIME-Version: 1.0\\n"\n"Content-Type: text/plain; charset=utf-8\\n"\n"Content-Transfer-Encoding: 8bit\\n"\n\n'
    return head.encode() + file.getvalue()


def mo_of(catalog: Catalog) -> bytes:
    """Return what a catalogue compiles to, whenever that is."""
    plain = Catalog(locale=catalog.locale, charset="utf-8", creation_date=UNDATED, revision_date=UNDATED)
    for message in catalog:
        if message.id and message.string:
            plain.add(message.id, message.string, context=message.context)
    file = io.BytesIO()
    write_mo(file, plain)
    return file.getvalue()


def main() -> int:
    """Bring all catalogues up to date; return how many messages have no translation."""
    missing = 0
    for domain, lang in product(PLACES, LANGUAGES[1:]):
        path, catalog = source_of(domain, lang), updated(domain, lang)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(po_of(catalog))
        path.with_suffix(".mo").write_bytes(mo_of(read(domain, lang)))
        missing += sum(1 for item in catalog if item.id and not item.string)
    return missing


if __name__ == "__main__":
    sys.exit(f"{missing} messages are not translated" if (missing := main()) else 0)
