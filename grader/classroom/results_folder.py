"""The results folder of a class: its reports, tables and settings, and the key that seeds are derived from."""

from __future__ import annotations

import codecs
import contextlib
import errno
import functools
import hashlib
import importlib.metadata
import io
import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Annotated, Any, Literal

import msgspec
from msgspec.structs import replace

from grader import __version__
from grader.classroom.locking import only_run_in
from grader.classroom.tables import Row, write
from grader.classroom.uploads import Submission
from grader.classroom.warm import GradingRequest, Task
from grader.core import seeds
from grader.core.errors import Rejected, UsageError, cause
from grader.core.language import LANGUAGES, from_locale
from grader.core.messages import say
from grader.core.report import Report
from grader.renderers.json import parse_json, render_json

REPORTS, ATTEMPTS, CLASS, PAGE = "reports", "attempts", "class.json", "index.html"
CHANGES = "changes.csv"
Attempt = Literal["last", "best"]
TABLES = (CLASS, "gradebook.csv", "cases.csv", CHANGES)


def fingerprint(task: Task, seed: int, sha256: str) -> str:
    """Return a hash of everything that a grade depends on: submission, assignment, seed, limits, level, versions."""
    digest = hashlib.sha256(msgspec.json.encode([sha256, seed, __version__]))
    digest.update(
        msgspec.json.encode(replace(task, lab=replace(task.lab, folder="")))
    )  # content_hash covers the folder's content; its path does not matter
    digest.update(_code().encode())
    return digest.hexdigest()


@functools.cache
def _code() -> str:
    """Return a hash of numpy's version and the grader's own files, since two checkouts of the same version may differ."""
    digest = hashlib.sha256(importlib.metadata.version("numpy").encode())
    for path in sorted(parent for kind in ("*.py", "*.mo") for parent in Path(__file__).parents[1].rglob(kind)):
        digest.update(path.read_bytes())
    return digest.hexdigest()


class ResultsFolder:
    """The folder of a class: its reports, and the key that their seeds are derived from."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = ""
        self.is_best = False  # the best of several attempts counts, not the last
        self.unkept: dict[str, Report] = {}  # reports that could not be stored because something else has their path
        self._marks: dict[str, str] = {}  # by key: the fingerprint of an up-to-date grade of the last attempt

    @classmethod
    @contextlib.contextmanager
    def opened(cls, folder: Path) -> Iterator[ResultsFolder]:
        """Open a results folder for one run and remove leftovers of a killed run; raise UsageError if that fails."""
        with contextlib.ExitStack() as stack:
            try:
                (folder / REPORTS).mkdir(parents=True, exist_ok=True)
                stack.enter_context(only_run_in(folder))
                for place in (folder, folder / REPORTS, folder / ATTEMPTS):
                    for left in place.glob(".*.part"):
                        left.unlink()
            except OSError as error:
                raise UsageError("{path} cannot be used: {reason}.", path=folder.name, reason=cause(error)) from error
            for name in (*TABLES, PAGE):
                if (folder / name).is_dir():
                    raise UsageError("{path} cannot be used: {reason}.", path=name, reason=say("Is a directory"))
            yield cls(folder)

    def path(self, key: str, ending: str = "json") -> Path:
        """Return the path of a submission's report."""
        return self.folder / REPORTS / f"{key}.{ending}"

    def reported(self) -> Iterator[str]:
        """Yield the key of each report, including those of earlier runs."""
        return (path.stem for path in (self.folder / REPORTS).glob("*.json"))

    def report(self, key: str) -> Report | None:
        """Return the report of a submission, or None if there is none or it cannot be read."""
        return self.unkept[key] if key in self.unkept else _read(self.path(key))

    def attempts(self, key: str, counting: Report | None) -> list[Report]:
        """Return the reports of a student's attempts other than the counting one."""
        found = (_read(path) for path in sorted((self.folder / ATTEMPTS).glob(f"{key}.*.json")))
        sha256 = None if counting is None else counting.submission.sha256
        return [item for item in found if item is not None and item.submission.sha256 != sha256]

    def keep_attempt(self, key: str, report: Report) -> None:
        """Store the report of an attempt that does not count."""
        (self.folder / ATTEMPTS).mkdir(exist_ok=True)
        self.write(
            self.folder / ATTEMPTS / f"{key}.{report.submission.sha256[:16] or 'unread'}.json", render_json(report)
        )

    def has(self, key: str, mark: str) -> bool:
        """Return whether there is a report with this fingerprint, of any attempt."""
        counting = self.report(key)
        every = (counting, *self.attempts(key, counting))
        return any(item is not None and item.environment.fingerprint == mark for item in every)

    def keep(self, key: str, report: Report) -> None:
        """Store the report of a submission, atomically."""
        self.write(self.path(key), render_json(report))

    def mark(self, submission: Submission, task: Task) -> str:
        """Return the fingerprint that an up-to-date grade of a submission has."""
        if submission.key not in self._marks:
            self._marks[submission.key] = self.request_for(submission, task)[1]
        return self._marks[submission.key]

    def request_for(self, submission: Submission, task: Task) -> tuple[GradingRequest, str]:
        """Return the request to grade a submission, with a seed derived from its key and content, and the fingerprint."""
        try:
            request = GradingRequest(name=submission.key, seed=0, raw=submission.raw())
        except Rejected as rejected:
            request = GradingRequest(name=submission.key, seed=0, reason=rejected.reason)
        seed = seeds.of_submission(self.key, submission.graded_as or submission.key, request.content)
        return replace(request, seed=seed), fingerprint(task, seed, request.content)

    def begin(self, seed: int | None, lang: str | None, attempt: Attempt | None = None) -> str:
        """Choose and store key, language and counting attempt; return the language.

        Each is the given one, else the stored one, else the default.
        """
        kept = self._kept()
        settings = Settings(
            key=kept.key if kept and seed is None else seeds.class_key(seed),
            lang=lang or (kept.lang if kept else from_locale()),
            attempt=attempt or (kept.attempt if kept else "last"),
        )
        self.key, self.is_best = settings.key, settings.attempt == "best"
        if settings != kept:
            self.close({"lang": settings.lang})
        return settings.lang

    def _kept(self) -> Settings | None:
        """Return the settings that an earlier run stored, or None; raise UsageError if class.json cannot be read.

        Starting with a new key instead would change all seeds unnoticed.
        """
        try:
            return msgspec.json.decode((self.folder / CLASS).read_bytes(), type=Settings)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise UsageError("{path} cannot be read: {reason}.", path=CLASS, reason=cause(error)) from error
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise UsageError(
                "{path} lacks the key and the language of the class: restore it, or delete it to start with a new key.",
                path=CLASS,
            ) from error

    def close(self, numbers: dict[str, Any]) -> None:
        """Write class.json, readable only for its owner because it contains the key."""
        content = msgspec.json.encode({"key": self.key, "attempt": "best" if self.is_best else "last", **numbers})
        with self.writing(self.folder / CLASS, mode=0o600) as file:
            file.write(msgspec.json.format(content, indent=2) + b"\n")

    def table(self, name: str, rows: Iterable[Row]) -> None:
        """Write a table, row by row, with the byte order mark that spreadsheets expect."""
        with self.writing(self.folder / name) as file, io.TextIOWrapper(file, "utf-8-sig", newline="") as text:
            write(text, rows)

    def write(self, path: Path, content: str | bytes) -> None:
        """Write a file, atomically."""
        with self.writing(path) as file:
            file.write(content.encode("utf-8") if isinstance(content, str) else content)

    def append(self, name: str, titles: Row, rows: Iterable[Row]) -> None:
        """Append rows to a table in a single write, so that a killed run leaves only whole rows."""
        text = io.StringIO(newline="")
        path = self.folder / name
        is_new = not path.exists() or not path.stat().st_size
        write(text, [titles, *rows] if is_new else rows)
        with failing(path), path.open("ab") as file:
            file.write((codecs.BOM_UTF8 if is_new else b"") + text.getvalue().encode())

    @staticmethod
    @contextlib.contextmanager
    def writing(path: Path, mode: int = 0o644) -> Iterator[IO[bytes]]:
        """Open a temporary file that replaces `path` once it is complete; raise Unwritable if that fails."""
        with failing(path):
            number, temporary = tempfile.mkstemp(prefix=f".{path.name[:40]}", suffix=".part", dir=path.parent)
            try:
                with os.fdopen(number, "wb") as file:
                    yield file
                Path(temporary).chmod(mode)
                Path(temporary).replace(path)
            except BaseException:
                with contextlib.suppress(OSError):
                    Path(temporary).unlink()
                raise


class Unwritable(UsageError):
    """A file of the results cannot be written. is_taken: something else has its path, so other files can be written."""

    is_taken = False


@contextlib.contextmanager
def failing(path: Path) -> Iterator[None]:
    """Convert OSError while writing a file of the results to Unwritable, which names the folder and the file."""
    try:
        yield
    except OSError as error:
        shown = f"{path.parent.resolve().name}/{path.name}"
        refused = Unwritable("{path} cannot be written: {reason}.", path=shown, reason=cause(error))
        refused.is_taken = error.errno in (errno.EISDIR, errno.ENOTEMPTY, errno.EEXIST)
        raise refused from error


class Settings(msgspec.Struct):
    """Settings of a class that later runs use again."""

    key: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    lang: Annotated[str, msgspec.Meta(pattern=f"^({'|'.join(LANGUAGES)})$")]
    attempt: Attempt = "last"


def _read(path: Path) -> Report | None:
    """Return the report in a file, or None if there is none or it cannot be read."""
    try:
        return parse_json(path.read_text(encoding="utf-8")) if path.is_file() else None
    except (OSError, UnicodeDecodeError, msgspec.MsgspecError, RecursionError):
        return None
