"""What is handed in, in every form and wrapping: read once, refused in one sentence, never followed out of its place."""

from __future__ import annotations

import codecs
import io
import os
import tarfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from grader.core.errors import Rejected
from grader.core.limits import Limits
from grader.pipeline.grading import assignment
from grader.pipeline.runs import StagedSubmission
from grader.pipeline.staging import collect, reading_modules, stage
from grader.sandbox.client import Worker
from grader.sandbox.confined.reading import archives
from grader.sandbox.processes import Sandbox
from tests.support.command import ROOT, grade, graded
from tests.support.packed import notebook, tarred, zipped

SOURCE = (ROOT / "reference" / "network.py").read_bytes()
BOTH = b"class Neuron: pass\nclass Model: pass\n"

Stage = Callable[[Path], StagedSubmission]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """Return a sandbox for the readers of this module."""
    with Sandbox() as one:
        yield one


@pytest.fixture
def staged(sandbox: Sandbox) -> Stage:
    """Return a function that stages what is at a path."""

    def read(path: Path) -> StagedSubmission:
        raw = collect(path)
        with Worker(sandbox, Limits(), 1, modules=reading_modules(raw)) as worker:
            return stage(raw, assignment(), worker)

    return read


def refusal(read: Stage, path: Path) -> str:
    """Return the sentence with which a submission is refused."""
    with pytest.raises(Rejected) as caught:
        read(path)
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "refused"),
    [
        ("network.py", None),
        ("work/network.py", None),
        ("моя работа.py", None),
        ("a..b.py", None),
        ("", "{member} in {name} is empty or too long."),
        ("a" * 201, "{member} in {name} is empty or too long."),
        ("/etc/network.py", "{member} in {name} is absolute."),
        ("~/network.py", "{member} in {name} is absolute."),
        ("C:network.py", "{member} in {name} is absolute."),
        ("c:/network.py", "{member} in {name} is absolute."),
        ("../network.py", "{member} in {name} leads out of its folder."),
        ("a/../../network.py", "{member} in {name} leads out of its folder."),
        ("..", "{member} in {name} leads out of its folder."),
        ("net\nwork.py", "{member} in {name} has control characters."),
        ("net\0work.py", "{member} in {name} has control characters."),
        ("net\x1b[31mwork.py", "{member} in {name} has control characters."),
        ("net\u202ework.py", "{member} in {name} has control characters."),
        ("net\u2028work.py", "{member} in {name} has control characters."),
        ("net\u200bwork.py", "{member} in {name} has control characters."),
    ],
)
def test_names(name: str, refused: str | None) -> None:
    """A name inside a submission is refused for one of five reasons."""
    assert archives.unsafe(name) == refused


FORMS: dict[str, Callable[[Path], Path]] = {}


def form(make: Callable[[Path], Path]) -> Callable[[Path], Path]:
    FORMS[make.__name__] = make
    return make


def written(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


@form
def file(folder: Path) -> Path:
    return written(folder / "network.py", SOURCE)


@form
def upper_case(folder: Path) -> Path:
    return written(folder / "NETWORK.PY", SOURCE)


@form
def in_folder(folder: Path) -> Path:
    return written(folder / "work" / "network.py", SOURCE).parent


@form
def one_folder_deep(folder: Path) -> Path:
    return written(folder / "work" / "lab" / "network.py", SOURCE).parents[1]


@form
def beside_litter(folder: Path) -> Path:
    written(folder / "work" / "__MACOSX" / "._network.py", b"\0\5\26\7")
    written(folder / "work" / ".ipynb_checkpoints" / "network-checkpoint.ipynb", notebook("x"))
    written(folder / "work" / ".git" / "hook.py", BOTH)
    written(folder / "work" / "report.docx", b"PK")
    return written(folder / "work" / "network.py", SOURCE).parent


@form
def zip_file(folder: Path) -> Path:
    return written(folder / "work.zip", zipped({"network.py": SOURCE, "plot.png": b"x" * 10**6}))


@form
def zip_of_folder(folder: Path) -> Path:
    return written(
        folder / "work.ZIP", zipped({"lab/": b"", "lab/network.py": SOURCE, "__MACOSX/lab/._network.py": b"\0"})
    )


@form
def zip_in_folder(folder: Path) -> Path:
    return written(folder / "student" / "work.zip", zipped({"network.py": SOURCE})).parent


@form
def tar_gz(folder: Path) -> Path:
    return written(folder / "work.tar.gz", tarred({"lab/network.py": SOURCE}))


@form
def tgz(folder: Path) -> Path:
    return written(folder / "work.tgz", tarred({"network.py": SOURCE}))


@form
def tar_of_here(folder: Path) -> Path:
    return written(folder / "work.tgz", tarred({"./lab/network.py": SOURCE}))


@form
def tar(folder: Path) -> Path:
    return written(folder / "work.tar", tarred({"network.py": SOURCE}, "w"))


@form
def tar_bz2(folder: Path) -> Path:
    return written(folder / "work.tar.bz2", tarred({"lab/network.py": SOURCE}, "w:bz2"))


@form
def tar_xz(folder: Path) -> Path:
    return written(folder / "work.tar.xz", tarred({"lab/network.py": SOURCE}, "w:xz"))


@form
def txz_in_zip(folder: Path) -> Path:
    return written(folder / "work.zip", zipped({"Иванов/lab.txz": tarred({"network.py": SOURCE}, "w:xz")}))


@form
def zip_in_zip_in_zip(folder: Path) -> Path:
    return written(folder / "work.zip", zipped({"a/b.zip": zipped({"c.zip": zipped({"network.py": SOURCE})})}))


@form
def backslashes(folder: Path) -> Path:
    return written(folder / "work.zip", zipped({"lab\\src\\network.py": SOURCE, "lab\\": b""}))


@form
def backslashes_on_disk(folder: Path) -> Path:
    return written(folder / "work" / "lab\\network.py", SOURCE).parent


@form
def many_folders_deep(folder: Path) -> Path:
    written(folder / "work" / "a" / "README.md", b"x")
    return written(folder / "work" / "a" / "b" / "c" / "d" / "network.py", SOURCE).parents[4]


@form
def archive_beside_a_loose_file(folder: Path) -> Path:
    written(folder / "work" / "notes.py", b"print(1)\n")
    return written(folder / "work" / "lab.zip", zipped({"lab/network.py": SOURCE})).parent


@form
def beside_a_broken_archive(folder: Path) -> Path:
    written(folder / "work" / "old.zip", b"PK no")
    return written(folder / "work" / "network.py", SOURCE).parent


@form
def beside_an_environment(folder: Path) -> Path:
    files = {f"work/myenv/lib/m{number}.py": BOTH for number in range(300)}
    return written(folder / "work.zip", zipped({"work/network.py": SOURCE, "work/myenv/pyvenv.cfg": b"", **files}))


@form
def copies(folder: Path) -> Path:
    written(folder / "work" / "network (1).py", SOURCE)
    written(folder / "work" / "copy" / "network.py", SOURCE + b"\n")
    return written(folder / "work" / "network.py", SOURCE).parent


@form
def notebook_file(folder: Path) -> Path:
    cells = [
        "%matplotlib inline\n!pip install numpy\nimport numpy as np",
        SOURCE.decode().splitlines(keepends=True),
        "display(1)\nModel?",
    ]
    return written(folder / "work.ipynb", notebook(*cells))  # type: ignore[arg-type]


@form
def notebook_in_zip(folder: Path) -> Path:
    return written(folder / "work.zip", zipped({"lab/work.ipynb": notebook(SOURCE.decode())}))


@form
def utf8_with_mark(folder: Path) -> Path:
    return written(folder / "network.py", codecs.BOM_UTF8 + SOURCE)


@form
def utf16(folder: Path) -> Path:
    return written(folder / "network.py", SOURCE.decode().encode("utf-16"))


@form
def cp1251(folder: Path) -> Path:
    return written(folder / "network.py", ("# -*- coding: cp1251 -*-\n# Нейрон\n" + SOURCE.decode()).encode("cp1251"))


@form
def koi8(folder: Path) -> Path:
    return written(
        folder / "network.py",
        ("#!/usr/bin/python\n# vim: set fileencoding=koi8-r :\n# Ё\n" + SOURCE.decode()).encode("koi8-r"),
    )


@form
def latin1(folder: Path) -> Path:
    return written(folder / "network.py", ("# coding: latin-1\n# é\n" + SOURCE.decode()).encode("latin-1"))


@form
def cp1251_undeclared(folder: Path) -> Path:
    return written(folder / "network.py", ("# Нейрон\n" + SOURCE.decode()).encode("cp1251"))


@form
def cp1251_declared_as_utf8(folder: Path) -> Path:
    return written(
        folder / "network.py", ("# -*- coding: utf-8 -*-\n# Ошибка сети\n" + SOURCE.decode()).encode("cp1251")
    )


@form
def utf16_without_mark(folder: Path) -> Path:
    return written(folder / "network.py", SOURCE.decode().encode("utf-16-le"))


@form
def windows_lines(folder: Path) -> Path:
    return written(folder / "network.py", SOURCE.replace(b"\n", b"\r\n"))


@form
def with_helper(folder: Path) -> Path:
    written(folder / "work" / "helper.py", b"x = 1\n")
    written(folder / "work" / "broken.py", b"def f(:\n")
    return written(
        folder / "work" / "network.py",
        b"import helper\n" + SOURCE.replace(b"from __future__ import annotations\n", b""),
    ).parent


@pytest.mark.parametrize("name", FORMS)
def test_every_form_is_read(name: str, staged: Stage, tmp_path: Path) -> None:
    """Whatever a submission is wrapped in, its text comes out."""
    path = FORMS[name](tmp_path)

    found = staged(path)

    assert "class Neuron:" in found.main.text
    assert found.name == path.name
    assert len(found.sha256) == 64


@pytest.mark.parametrize("name", ["notebook_file", "zip_of_folder", "cp1251", "tar_gz"])
def test_every_kind_is_graded(name: str, tmp_path: Path) -> None:
    """The solved lab scores 100 in each form."""
    assert graded(FORMS[name](tmp_path), seed=1).score == 100


ODD = bytes([0xD0, 0xCF])
REFUSED: dict[str, tuple[str, bytes, str]] = {
    "no_zip": ("w.zip", b"PK\x03\x04 no", "w.zip is not a readable archive."),
    "no_tar": ("w.tar.gz", b"\x1f\x8b no", "w.tar.gz is not a readable archive."),
    "empty_zip": ("w.zip", zipped({}), "w.zip has no Python file: put your network.py into it."),
    "no_source": ("w.zip", zipped({"a.txt": b"x"}), "w.zip has no Python file: put your network.py into it."),
    "two_folders": ("w.zip", zipped({"a/n.py": BOTH, "b/n.py": BOTH + b"x = 1"}), "Several files define Neuron and Model: a/n.py, b/n.py."),
    "backslash_slip": ("w.zip", zipped({"..\\n.py": BOTH}), "..\\n.py in w.zip leads out of its folder."),
    "locked_inside": ("w.zip", zipped({"a/b.zip": b"PK no"}), "b.zip is not a readable archive."),
    "rar_inside": ("w.zip", zipped({"a/b.rar": b"Rar!"}), "b.rar is an archive of an unsupported kind. Pack the files as .zip and submit that."),
    "rar": ("w.rar", b"Rar!", "w.rar is an archive of an unsupported kind. Pack the files as .zip and submit that."),
    "seven": ("w.7Z", b"7z", "w.7Z is an archive of an unsupported kind. Pack the files as .zip and submit that."),
    "text": ("network.py.txt", BOTH, "network.py.txt has the name of a text file. Rename it to network.py and submit that."),
    "notebook_text": ("w.ipynb.txt", b"{}", "w.ipynb.txt has the name of a text file. Rename it to w.ipynb and submit that."),
    "picture": ("w.png", b"\x89PNG", "w.png is not a Python program. Submit the .py file or the notebook itself."),
    "slip": ("w.zip", zipped({"../n.py": BOTH}), "../n.py in w.zip leads out of its folder."),
    "absolute": ("w.tar.gz", tarred({"/n.py": BOTH}), "/n.py in w.tar.gz is absolute."),
    "control": ("w.zip", zipped({"a\x1b[2J.py": BOTH}), "has control characters."),
    "bomb": ("w.zip", zipped({"n.ipynb": b" " * 3_000_000}), "w.zip grows more than 200 times when unpacked."),
    "large": ("w.zip", zipped({"n.py": os.urandom(300_000)}), "n.py has 292 KiB; a solution may have at most 256 KiB."),
    "many": ("w.zip", zipped({f"{n}.txt": b"" for n in range(20_100)}), "w.zip has more than 20000 entries."),
    "many_sources": ("w.zip", zipped({f"m{n}.py": b"x = %d" % n for n in range(60)}), "w.zip has 60 Python files, more than 50: submit only the lab's file."),
    "two_candidates": ("w.zip", zipped({"a.py": BOTH, "b.py": BOTH + b"x = 1"}), "Several files define Neuron and Model: a.py, b.py."),
    "no_candidate": ("w.zip", zipped({"a.py": b"x = 1", "b.py": b"y = 1"}), "No file in w.zip defines Neuron and Model."),
    "broken_candidate": ("w.zip", zipped({"a.py": BOTH + b"x = = 1", "b.py": b"y = 1"}), "a.py, line 3: this is not valid Python: invalid syntax."),
    "no_notebook": ("w.ipynb", b"[]", "w.ipynb is not a readable notebook."),
    "half_notebook": ("w.ipynb", notebook("x = 1")[:-9], "w.ipynb is not a readable notebook."),
    "nested_notebook": ("w.ipynb", b'{"cells":' + b"[" * 200_000, "w.ipynb is not a readable notebook."),
    "number_notebook": ("w.ipynb", b'{"cells": ' + b"9" * 100_000 + b"}", "w.ipynb is not a readable notebook."),
    "number_as_source": ("w.ipynb", b'{"cells": [{"cell_type": "code", "source": [1]}]}', "w.ipynb is not a readable notebook."),
    "no_code": ("w.ipynb", notebook(), "w.ipynb is empty."),
    "syntax_in_cell": ("w.ipynb", notebook("x = 1", "y = = 2\ndef f(): pass"), "w.ipynb, cell 2, line 1: this is not valid Python: invalid syntax."),
    "escape": ("n.py", b"# coding: unicode_escape\n# \\nimport os", "n.py declares the encoding unicode_escape: save it as UTF-8."),
    "utf7": ("n.py", b"# coding: utf-7\n", "n.py declares the encoding utf-7: save it as UTF-8."),
    "rot13": ("n.py", b"# coding: rot13\n", "n.py declares the encoding rot13: save it as UTF-8."),
    "unknown": ("n.py", b"# coding: no-such\n", "n.py declares the encoding no-such: save it as UTF-8."),
    "bad_utf16": ("n.py", b"\xff\xfe\x00", "n.py is not UTF-8 text (line 1): save it as UTF-8."),
    "brackets": ("n.py", b"(" * 100_000, "n.py, line 1: this is not valid Python: too many nested parentheses."),
    "sum": ("n.py", b"x = 1" + b"+1" * 60_000, "n.py"),
    "dots": ("n.py", b"x = a" + b".b" * 60_000, "n.py"),
    "minus": ("n.py", b"x = " + b"-" * 100_000 + b"1", "n.py"),
    "word": ("w.docx", b"PK", "w.docx is not a Python program. Submit the .py file or the notebook itself."),
    "unknown_kind": ("w.csv", b"1", "w.csv is not a Python file: submit a .py file, a notebook, a .zip or .tar.gz archive, or a folder that contains one."),
}  # fmt: skip

SLOW = ("many", "too large together")


def quick(names: Iterable[str]) -> list[Any]:
    """Return parameters for these names; the slow ones are not in `make test`."""
    return [pytest.param(name, marks=pytest.mark.wide if name in SLOW else ()) for name in names]


@pytest.mark.parametrize("name", quick(REFUSED))
def test_what_is_refused(name: str, staged: Stage, tmp_path: Path) -> None:
    """Broken, hostile and oversized submissions get one sentence that says what is wrong."""
    file_name, content, sentence = REFUSED[name]

    said = refusal(staged, written(tmp_path / file_name, content))

    assert sentence in said
    assert "\n" not in said.strip()


def marked_in(content: bytes, member: str, header: int, central: int, bits: int) -> bytes:
    """Set bits in the two headers of a member of a zip, at an offset each."""
    changed = bytearray(content)
    for mark, length, offset in ((b"PK\x03\x04", 30, header), (b"PK\x01\x02", 46, central)):
        place = next(
            n
            for n in range(len(content))
            if content.startswith(mark, n) and content.startswith(member.encode(), n + length)
        )
        changed[place + offset] |= bits
    return bytes(changed)


def encrypted(content: bytes, member: str) -> bytes:
    """Let a member of a zip say that it has a password."""
    return marked_in(content, member, 6, 8, 1)


def test_an_encrypted_archive_is_named_as_such(staged: Stage, tmp_path: Path) -> None:
    """A password is not guessed."""
    path = written(tmp_path / "w.zip", encrypted(zipped({"network.py": SOURCE}), "network.py"))

    assert refusal(staged, path) == "w.zip is encrypted: submit it without a password."


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_links_and_devices_in_a_tar_are_refused(kind: bytes, staged: Stage, tmp_path: Path) -> None:
    """A member that is not a regular file is not opened."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        entry = tarfile.TarInfo("network.py")
        entry.type, entry.linkname = kind, "/etc/passwd"
        archive.addfile(entry)

    assert (
        refusal(staged, written(tmp_path / "w.tar", buffer.getvalue())) == "network.py in w.tar is not a regular file."
    )


def test_a_link_in_a_zip_is_refused(staged: Stage, tmp_path: Path) -> None:
    """Nor is a symbolic link in a zip."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        entry = zipfile.ZipInfo("network.py")
        entry.external_attr = 0o120777 << 16
        archive.writestr(entry, "/etc/passwd")

    assert (
        refusal(staged, written(tmp_path / "w.zip", buffer.getvalue())) == "network.py in w.zip is not a regular file."
    )


def test_a_member_that_appears_twice_is_refused(staged: Stage, tmp_path: Path) -> None:
    """Which of two members of one name is meant is not guessed."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("network.py", BOTH)
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("network.py", BOTH + b"x = 1")

    assert refusal(staged, written(tmp_path / "w.zip", buffer.getvalue())) == "network.py in w.zip appears twice."


def test_lines_of_a_notebook_that_are_not_python(staged: Stage, tmp_path: Path) -> None:
    """Magics, shell lines and help are left out, each with a finding; what only looks like one stays."""
    cells = [
        "%matplotlib inline\nimport numpy as np\nfiles = !ls\nnp.dot?\n?np\nif files is None:\n  %time x = 1",
        "%%bash\nrm -rf /\necho 1",
        "%%time\nclass Neuron: pass",
        '!ls\nTEXT = """\n%matplotlib inline\n"""\nclass Model: pass\nx = (5\n%3)',
    ]
    found = staged(written(tmp_path / "w.ipynb", notebook(*cells)))

    dropped = [text for _, _, text in found.dropped]
    assert dropped == ["%matplotlib inline", "files = !ls", "np.dot?", "?np", "%time x = 1", "%%bash", "%%time", "!ls"]
    assert "rm -rf" not in found.main.text
    assert "files = []" in found.main.text
    assert "if files is None:\n  x = 1\n" in found.main.text
    assert "class Neuron: pass" in found.main.text
    assert '"""\n%matplotlib inline\n"""' in found.main.text
    assert str(found.main.place(found.dropped[2][1])) == "w.ipynb, cell 1, line 4"


def test_a_mistake_in_a_notebook_is_placed_in_its_cell(tmp_path: Path) -> None:
    """The report says cell and line."""
    source = SOURCE.decode().replace("        self._y = sigmoid(", "        self._y = 1 / 0 + sigmoid(")
    line = (
        source.splitlines().index(
            "        self._y = 1 / 0 + sigmoid(float(self._weigths @ self._inputs(x)) + self._bias)"
        )
        + 1
    )

    ran = grade(written(tmp_path / "w.ipynb", notebook("import numpy", source)), cwd=tmp_path)

    assert f"ZeroDivisionError: division by zero (w.ipynb, cell 2, line {line})" in ran.out


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no FIFOs")
def test_links_in_a_folder_are_refused(staged: Stage, tmp_path: Path) -> None:
    """A symbolic link or a FIFO in a folder is neither followed nor waited for."""
    (tmp_path / "network.py").symlink_to("/etc/passwd")
    assert "network.py is not a regular file" in refusal(staged, tmp_path)
    (tmp_path / "network.py").unlink()
    os.mkfifo(tmp_path / "network.py")
    assert "network.py is not a regular file" in refusal(staged, tmp_path)


def linked(member: str, content: bytes) -> bytes:
    """Return a tar of the right program and a link of some name."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        entry = tarfile.TarInfo(member)
        entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(entry)
        entry = tarfile.TarInfo("network.py")
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


BIG = os.urandom(300_000)
BESIDE: dict[str, tuple[str, bytes, str]] = {
    "an oversized source": ("w.zip", zipped({"network.py": SOURCE, "old.py": BIG}), "old.py has 292 KiB; a solution may have at most 256 KiB."),
    "a link": ("w.tar", linked("neuron.py", SOURCE), "neuron.py in w.tar is not a regular file."),
    "an encrypted file": ("w.zip", encrypted(zipped({"network.py": SOURCE, "old.py": BOTH}), "old.py"), "w.zip is encrypted: submit it without a password."),
    "a method of packing": ("w.zip", marked_in(zipped({"network.py": SOURCE, "old.py": BOTH}), "old.py", 8, 10, 0x55), "old.py in w.zip cannot be read."),
    "a name that leads out": ("w.zip", zipped({"network.py": SOURCE, "../old.py": BOTH}), "../old.py in w.zip leads out of its folder."),
    "an unreadable notebook": ("w.zip", zipped({"network.py": SOURCE, "old.ipynb": b"{"}), "old.ipynb is not a readable notebook."),
    "too many sources": ("w.zip", zipped({"network.py": SOURCE, **{f"old/m{n}.py": b"x" for n in range(60)}}), "w.zip has 61 Python files, more than 50: submit only the lab's file."),
    "too large together": ("w.zip", zipped({"network.py": SOURCE, **{f"old/{n}.py": b"#%d\n" % n + b"x = 1\n" * 30_000 for n in range(3)}}), "The Python files in w.zip are larger than 512 KiB in total."),
    "a broken archive": ("w.zip", zipped({"lab.zip": zipped({"network.py": SOURCE}), "old.zip": b"PK no"}), "old.zip is not a readable archive."),
    "a member twice": ("w.zip", zipped({"network.py": SOURCE, "a.py": b"x = 1", "b.py": b"y = 1"}).replace(b"b.py", b"a.py"), "a.py in w.zip appears twice."),
}  # fmt: skip


@pytest.mark.parametrize("name", quick(BESIDE))
def test_what_cannot_be_read_beside_the_work_is_left_out(name: str, staged: Stage, tmp_path: Path) -> None:
    """Only what the program needs counts; the rest is named."""
    file, content, sentence = BESIDE[name]

    found = staged(written(tmp_path / file, content))

    assert found.main.text == SOURCE.decode()
    assert [reason.text for reason in found.left_out] == [sentence]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no FIFOs")
def test_what_cannot_be_read_in_a_folder_is_left_out(staged: Stage, tmp_path: Path) -> None:
    """Links, FIFOs and oversized files beside the work are named; the hash tells that they are there."""
    path = written(tmp_path / "w" / "network.py", SOURCE).parent
    alone = staged(path)
    written(path / "old" / "big.py", BIG)
    (path / "link.py").symlink_to("/etc/passwd")
    os.mkfifo(path / "pipe.csv")

    found = staged(path)

    assert (alone.left_out, found.main) == ((), alone.main)
    assert [reason.text for reason in found.left_out] == [
        "link.py is not a regular file: submit a .py file, a notebook, a .zip or .tar.gz archive, or a folder that contains one.",
        "old/big.py has 292 KiB; a solution may have at most 256 KiB.",
        "pipe.csv is not a regular file: submit a .py file, a notebook, a .zip or .tar.gz archive, or a folder that contains one.",
    ]
    assert found.sha256 != alone.sha256


def test_a_folder_of_many_files_is_read_from_the_top(staged: Stage, tmp_path: Path) -> None:
    """What lies beyond the limit is left out, not the work."""
    path = written(tmp_path / "w" / "network.py", SOURCE).parent
    for number in range(2_001):
        written(path / "pictures" / f"{number}.gif", b"")

    found = staged(path)

    assert found.main.name == "network.py"
    assert [reason.text for reason in found.left_out] == ["w has more than 2000 files: submit only the lab's."]


NEEDED: dict[str, tuple[dict[str, bytes], str]] = {
    "the lab's file": ({"network.py": BIG, "try.py": b"print(1)"}, "network.py has 292 KiB; a solution may have at most 256 KiB."),
    "what the program imports": ({"network.py": b"from neuron import *\nclass Model: pass", "neuron.py": BIG}, "neuron.py has 292 KiB; a solution may have at most 256 KiB."),
    "all there is": ({"lab.py": BIG, "data.csv": b"1"}, "lab.py has 292 KiB; a solution may have at most 256 KiB."),
}  # fmt: skip


@pytest.mark.parametrize("is_packed", [False, True])
@pytest.mark.parametrize("name", NEEDED)
def test_what_the_program_needs_is_refused_with_its_reason(
    name: str, is_packed: bool, staged: Stage, tmp_path: Path
) -> None:
    """What cannot be read and may be the program, or a part of it, is no matter of a remark."""
    files, sentence = NEEDED[name]
    for file, content in files.items():
        written(tmp_path / "w" / file, content)

    assert refusal(staged, written(tmp_path / "w.zip", zipped(files)) if is_packed else tmp_path / "w") == sentence


def test_a_folder_is_not_read_beyond_its_limit(staged: Stage, tmp_path: Path) -> None:
    """Many large archives are never in memory together."""
    for number in range(4):
        with (tmp_path / f"{number}.zip").open("wb") as file:
            file.truncate(archives.ARCHIVE_BYTES)

    raw = collect(tmp_path)

    sentence = f"The files in {tmp_path.name} are larger than 40 MiB in total."
    assert {name: str(reason) for name, reason in raw.left_out.items()} == {f"{n}.zip": sentence for n in (1, 2, 3)}
    assert refusal(staged, tmp_path) == sentence
