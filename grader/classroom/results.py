"""What comes of the reports of a class: entries with what the teacher decided, tables, and pages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from grader.classroom.book import PAGE, Book
from grader.classroom.tables import Entry, cases, gradebook
from grader.classroom.uploads import HandIn
from grader.classroom.warm import Task
from grader.core.decisions import decided
from grader.core.report import Overridden, Report
from grader.core.rubric import Rubric


@dataclass(frozen=True, kw_only=True, slots=True)
class Decisions:
    """What a teacher decided for the class: overrides by key, whether rejected is 0, and the points of the gradebook."""

    overrides: Mapping[str, tuple[Overridden, ...]] = field(default_factory=dict)
    is_rejected_zero: bool = False
    scale: Decimal | None = None

    def of(self, key: str, report: Report) -> Report:
        """Return a report with these decisions."""
        return decided(
            report, self.overrides.get(key, ()), is_rejected_zero=self.is_rejected_zero, scale=self.scale
        )  # fmt: skip


def entries(hand_ins: Iterable[HandIn], task: Task, book: Book, decisions: Decisions) -> Iterator[Entry]:
    """Yield each submission with its report and the teacher's decisions, one at a time."""
    for one in hand_ins:
        report = book.report(one.key)
        if report is None:
            continue
        mark, others = book.mark(one, task), len(book.attempts(one.key))
        is_last = report.environment.fingerprint in ("", mark)
        yield Entry(
            key=one.key, student=one.student, name=one.name, email=one.email, report=decisions.of(one.key, report),
            aliases=one.aliases, group=one.group, team=one.team, is_late=one.is_late,
            is_outdated=not is_last and not book.has(one.key, mark),
            attempts=1 + others, is_last=is_last,
        )  # fmt: skip


def write_tables(book: Book, entries: Callable[[], Iterable[Entry]], rubric: Rubric) -> None:
    """Write gradebook.csv and cases.csv."""
    book.table("gradebook.csv", gradebook(entries(), rubric))
    book.table("cases.csv", cases(entries()))


def keep_decisions(book: Book, entries: Iterable[Entry]) -> None:
    """Write the reports again whose decisions are other ones than when they were written."""
    for entry in entries:
        if entry.key not in book.unkept and book.report(entry.key) != entry.report:
            book.keep(entry.key, entry.report)


def write_page(book: Book, parts: Iterable[str]) -> None:
    """Write index.html, piece by piece."""
    with book.writing(book.folder / PAGE) as file:
        file.writelines(part.encode("utf-8") for part in parts)
