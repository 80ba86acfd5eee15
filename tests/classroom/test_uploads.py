"""The submissions of a class: names of every platform, in a folder and in an archive, and unique keys."""

from __future__ import annotations

import io
import os
import pickle
import re
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.classroom import uploads
from grader.classroom.finding import find
from grader.classroom.platforms import gradescope
from grader.classroom.roster import read_roster
from grader.classroom.uploads import NOTES, Submission, Submissions, digest, key_of, slug
from grader.core.errors import Rejected, UsageError
from grader.sandbox.confined.reading.archives import ARCHIVE_BYTES, MEMBERS
from tests.support.packed import Files, zipped

BOTH = b"class Neuron: pass\nclass Model: pass\n"
CODE, OTHER, HELPER = BOTH + b"# 1\n", BOTH + b"# 2\n", b"x = 1\n"
PACKED = zipped({"lab/network.py": CODE})
METADATA = """---
submission_123:
  :submitters:
  - :name: Student One
    :sid: '0017'
    :email: one@example.org
  :created_at: 2026-03-01 10:00:00.000000000 Z
  :score: 3.5
  :results: !ruby/hash:ActiveSupport::HashWithIndifferentAccess
    tests: []
submission_124:
  :submitters:
  - :name: Студент Второй
    :sid:
    :email: two@example.org
  - :name: Student Three
    :sid: '19'
    :email: three@example.org
""".encode()

# Keys of names that are none by themselves, and of files beside those of a platform, end in a hash of the name.
PYAT, TWO, DOTTED = (
    key_of("пять", is_folder=True),
    key_of("Two.ipynb", is_folder=False),
    key_of(".six.py", is_folder=False),
)
LATE, FOLDER = f"late-{digest('late.py')}", f"folder-{digest('folder')}"

# Of each scheme: the files, and (key, student, name) of what is found with the names inside.
SCHEMES: dict[str, tuple[Files, dict[tuple[str, str, str], list[str]]]] = {
    "plain": (
        {
            "one.py": CODE, "Two.ipynb": b"{}", "three.zip": PACKED, "four.tar.gz": b"", "пять/network.py": CODE,
            "пять/helper.py": HELPER, "пять/report.docx": b"", "readme.txt": b"", ".six.py": CODE, ".DS_Store": b"", "._one.py": b"", ".git/config": b"", "Thumbs.db": b"",
            "__MACOSX/._one.py": b"",
        },
        {
            ("four-tar-gz", "four", "four"): ["four.tar.gz"], ("one", "one", "one"): ["one.py"],
            (PYAT, PYAT, "пять"): ["helper.py", "network.py"], ("three-zip", "three", "three"): ["three.zip"],
            (TWO, TWO, "Two"): ["Two.ipynb"], (DOTTED, DOTTED, ".six"): ["six.py"],
        },
    ),
    "moodle_folders": (
        {
            "Student One_1234567_assignsubmission_file_/network.py": CODE,
            "Студент Второй_1234568_assignsubmission_file_/lab/network.py": CODE,
            "Студент Второй_1234568_assignsubmission_file_/lab/helper.py": HELPER,
            "Student One_1234567_assignsubmission_onlinetext_/onlinetext.html": b"",
            "Student Four_1234570_assignsubmission_onlinetext_/onlinetext.html": b"",
            "Participant_1234571_assignsubmission_file_/network.py": CODE,
            "Student Five_1234572_assignsubmission_file/network.py": CODE,
            "Student Five_1234572_assignsubmission_file_helper.py": HELPER, "late.py": CODE,
        },
        {
            (LATE, "late", "late"): ["late.py"], ("participant-1234571", "1234571", ""): ["network.py"],
            ("student-five-1234572", "1234572", "Student Five"): ["helper.py", "network.py"],
            ("student-one-1234567", "1234567", "Student One"): ["network.py"],
            ("student-four-1234570", "1234570", "Student Four"): [],
            ("student-vtoroy-1234568", "1234568", "Студент Второй"): ["lab/helper.py", "lab/network.py"],
        },
    ),
    "moodle_flat": (
        {
            "Student One_1234567_assignsubmission_file_network.py": CODE,
            "Student One_1234567_assignsubmission_file_helper.py": HELPER,
            "Student_Two_1234568_assignsubmission_file_work_3.zip": PACKED,
        },
        {
            ("student-one-1234567", "1234567", "Student One"): ["helper.py", "network.py"],
            ("student-two-1234568", "1234568", "Student_Two"): ["work_3.zip"],
        },
    ),
    "canvas": (
        {
            "onestudent_12345_678901_network-1.py": CODE, "onestudent_12345_678902_helper.py": HELPER,
            "студентвторой_LATE_12346_678903_work-12.tar.gz": b"", "anon_LATE_aB3xY_678904_network.py": CODE,
            "late.py": CODE, "folder/network.py": CODE, "twostudent_12347_1_a.py": CODE, "twostudent_12347_2_a-1.py": HELPER, "four_12348_text.html": b"",
        },
        {
            ("anon-ab3xy-b8f26eafd42f85a1", "aB3xY", ""): ["network.py"], (FOLDER, "folder", "folder"): ["network.py"],
            (LATE, "late", "late"): ["late.py"], ("four-12348", "12348", "four"): [],
            ("onestudent-12345", "12345", "onestudent"): ["helper.py", "network.py"],
            ("studentvtoroy-12346", "12346", "студентвторой"): ["work.tar.gz"],
            ("twostudent-12347", "12347", "twostudent"): ["a-1.py", "a.py"],
        },
    ),
    "gradescope": (
        {
            "assignment_99_export/submission_123/network.py": CODE,
            "assignment_99_export/submission_124/lab/network.py": CODE,
            "assignment_99_export/submission_125/network.py": CODE,
            "assignment_99_export/submission_metadata.yml": METADATA, "assignment_99_export/late.py": CODE,
        },
        {
            (LATE, "late", "late"): ["late.py"], ("submission-123", "0017", "Student One"): ["network.py"],
            ("submission-124-1", "submission-124-1", "Студент Второй"): ["lab/network.py"],
            ("submission-124-2", "19", "Student Three"): ["lab/network.py"],
            ("submission-125", "125", ""): ["network.py"],
        },
    ),
}  # fmt: skip


def laid(folder: Path, files: Files) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def archive(folder: Path, files: Files, name: str = "class.zip") -> Path:
    path = folder / name
    path.write_bytes(zipped(files))
    return path


def shown(found: Submissions) -> dict[tuple[str, str, str], list[str]]:
    return {(item.key, item.student, item.name): files_of(item) for item in found.found}


def files_of(submission: Submission) -> list[str]:
    """Return the names in a submission, none if there is nothing to read."""
    return [] if submission.problem is not None else sorted(submission.raw().files)


def notes(found: Submissions) -> str:
    return "\n".join(note.text for note in found.notes)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_scheme_as_folder_and_as_archive(scheme: str, tmp_path: Path) -> None:
    """Both forms give the same keys, students, names, files and hashes, and say which scheme it is."""
    files, expected = SCHEMES[scheme]
    folder = find(laid(tmp_path / "class", files))
    packed = find(archive(tmp_path, files))

    assert shown(folder) == expected
    assert shown(packed) == expected
    read = [
        [(item.raw().sha256, item.raw().name) for item in every.found if item.problem is None]
        for every in (folder, packed)
    ]
    assert read[0] == read[1]
    assert f"Names: {scheme.split('_')[0].title()}".casefold() in notes(folder).casefold()
    assert [note.text for note in folder.notes] == [note.text for note in packed.notes]


def test_files_of_other_kinds_are_submissions(tmp_path: Path) -> None:
    """An archive of another kind, a document or a renamed file gets a row with advice, unless a program has its name."""
    files = {
        "one.rar": b"Rar!", "two.docx": b"PK", "three.py.txt": CODE, "four.py": CODE, "four.pdf": b"", "five.tar.xz": PACKED,
        "~$two.docx": b"", "list.csv": b"", "six/report.pdf": b"", "Thumbs.db": b"",
    }  # fmt: skip
    for found in (find(laid(tmp_path / "class", files)), find(archive(tmp_path, files))):
        assert sorted((item.key, item.student) for item in found.found) == [
            ("five-tar-xz", "five"), ("four", "four"), ("one-rar", "one"), ("six-folder", "six"), ("three-py-txt", "three"), ("two-docx", "two"),
        ]  # fmt: skip
        read = {item.student: list(item.raw().files) for item in found.found}
        assert (read["one"], read["four"], read["six"]) == (["one.rar"], ["four.py"], ["report.pdf"])
        assert "four.pdf is not a submission: skipped." in notes(found)
        assert "list.csv is not a submission: skipped." in notes(found)


def test_a_virtual_environment_is_no_submission(tmp_path: Path) -> None:
    """It is ignored, whatever its name and size."""
    many = {f"one/myenv/lib/m{number}.py": b"" for number in range(2_100)}
    found = find(archive(tmp_path, {"one/network.py": CODE, "one/myenv/pyvenv.cfg": b"", **many}))

    assert found.found[0].raw().files == {"network.py": CODE}


def test_ignored_files_are_noted(tmp_path: Path) -> None:
    """Online texts, links to pages and files that are no submission get a note."""
    assert "readme.txt is not a submission: skipped." in notes(find(laid(tmp_path / "a", SCHEMES["plain"][0])))
    moodle = notes(find(laid(tmp_path / "b", SCHEMES["moodle_folders"][0])))
    assert "Student One: the online text is not graded, the files are." in moodle
    assert "Student Four" not in moodle
    canvas = notes(find(laid(tmp_path / "c", SCHEMES["canvas"][0])))
    assert "Late: anon-ab3xy-b8f26eafd42f85a1, студентвторой." in canvas.replace("aB3xY", "anon-ab3xy-b8f26eafd42f85a1")
    scoped = notes(find(laid(tmp_path / "d", SCHEMES["gradescope"][0])))
    assert "submission_124 belongs to 2 students and is graded once." in scoped
    assert "Everything is in the folder assignment_99_export." in scoped


def test_gradescope_without_yaml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without PyYAML, or with invalid metadata, keys stay the same and the number of the submission identifies the student."""
    files = SCHEMES["gradescope"][0]
    source = laid(tmp_path / "class", files)
    for content in (b"a: [", b"- 1", b"a: 5", b"\xff\0", b"submission_123: {':submitters': [1]}"):
        (source / "assignment_99_export" / "submission_metadata.yml").write_bytes(content)
        assert "cannot be read" in notes(find(source))
    for module in (uploads, gradescope):  # what a submission prints is in it, too
        monkeypatch.setattr(module, "METADATA_BYTES", len(METADATA) - 1)
    for file in (laid(tmp_path / "large", files), archive(tmp_path, files)):
        assert "cannot be read" in notes(find(file))
    monkeypatch.setitem(sys.modules, "yaml", None)
    found = find(source)

    assert ("submission-123", "123") in [(item.key, item.student) for item in found.found]
    assert "PyYAML, which is not installed" in notes(found)


def test_an_archive_of_a_folder_of_its_name(tmp_path: Path) -> None:
    """For class.zip with everything in class/, that folder is the class; a folder of another name is one submission."""
    files = {"class/one.py": CODE, "class/two.py": OTHER}

    assert [file.key for file in find(archive(tmp_path, files)).found] == ["one", "two"]
    assert [file.key for file in find(archive(tmp_path, files, "other.zip")).found] == ["class-folder"]


def test_names_of_old_archivers(tmp_path: Path) -> None:
    """UTF-8 without the flag for it (macOS) and code page 866 (Windows in Russian) are read."""
    for encoding in ("utf-8", "cp866"):
        raw = "Студент.py".encode(encoding)
        content = zipped({"x" * len(raw) + "": CODE}).replace(b"x" * len(raw), raw)
        path = tmp_path / f"{encoding}.zip"
        path.write_bytes(content)
        assert [item.name for item in find(path).found] == ["Студент"]


def test_a_submission_can_be_sent_to_another_process(tmp_path: Path) -> None:
    """Pickled, it reads the same bytes."""
    for scheme in find(archive(tmp_path, SCHEMES["moodle_folders"][0])).found:
        again: Submission = pickle.loads(pickle.dumps(scheme))  # noqa: S301
        assert again == scheme
        assert scheme.problem is not None or again.raw() == scheme.raw()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no FIFOs")
def test_links_are_not_followed(tmp_path: Path) -> None:
    """A link among the submissions and one inside a submission are refused; the source may be one."""
    laid(tmp_path / "class", {"one.py": CODE, "two/helper.py": HELPER})
    secret = laid(tmp_path / "secret", {"network.py": OTHER})
    (tmp_path / "class" / "three").symlink_to(secret)
    (tmp_path / "class" / "four.py").symlink_to(secret / "network.py")
    (tmp_path / "class" / "two" / "network.py").symlink_to(secret / "network.py")
    os.mkfifo(tmp_path / "class" / "five.py")
    (tmp_path / "link").symlink_to(tmp_path / "class")

    found = find(tmp_path / "link")

    by_key = {item.key: item for item in found.found}
    assert sorted(by_key) == ["five", "four", "one", "three-folder", "two-folder"]
    assert by_key["one"].raw().files == {"one.py": CODE}
    for key, sentence in (
        ("three-folder", "three is a link, which is not followed"), ("four", "four.py is a link"),
        ("five", "five.py is not a regular file"),
    ):  # fmt: skip
        with pytest.raises(Rejected, match=sentence):
            by_key[key].raw()
    assert by_key["two-folder"].raw().files == {"helper.py": HELPER}
    assert "network.py is not a regular file" in problem_of(by_key["two-folder"])
    (tmp_path / "class" / "one.py").unlink()
    (tmp_path / "class" / "one.py").symlink_to(secret / "network.py")
    with pytest.raises(Rejected, match=r"one.py is not a regular file"):
        by_key["one"].raw()


def linked(name: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        packed.writestr("one.py", CODE)
        entry = zipfile.ZipInfo(name)
        entry.external_attr = 0o120777 << 16
        packed.writestr(entry, "/etc/passwd")
    return buffer.getvalue()


def encrypted() -> bytes:
    content = bytearray(zipped({"one.py": CODE}))
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(mark) + offset] |= 1
    return bytes(content)


def lying() -> bytes:
    content = bytearray(zipped({"one.py": b"#" * 300_000}))
    for mark, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        place = content.index(mark) + offset
        content[place : place + 4] = (1000).to_bytes(4, "little")
    return bytes(content)


def broken() -> bytes:
    content = bytearray(zipped({"one.py": CODE * 20}))
    content[45:60] = b"\xff" * 15
    return bytes(content)


def in_lzma() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_LZMA) as packed:
        packed.writestr("one.py", CODE)
    return buffer.getvalue()


REFUSED = {
    "large": (zipped({"one.py": b"#" * 300_000}), "one.py has 292 KiB; a solution may have at most 256 KiB"),
    "together": (zipped({f"one/{n}.zip": bytes(ARCHIVE_BYTES - 9) for n in range(2)}), "The files in one are larger than 40 MiB in total."),
    "many": (zipped({f"one/{n}": b"" for n in range(2100)}), "one has more than 2000 files"),
    "control": (zipped({"one/a\x1b[2J.py": CODE}), "has control characters"),
    "link": (linked("zwei/x.py"), "x.py is not a regular file"),
    "encrypted": (encrypted(), "one.py is encrypted: submit it without a password."),
    "lying": (lying(), "one.py is not a readable archive."),
    "broken": (broken(), "one.py is not a readable archive."),
    "lzma": (in_lzma(), "one.py is not a readable archive."),
    "twice": (zipped({"one/a.py": CODE, "one/b.py": CODE}).replace(b"b.py", b"a.py"), "a.py in one appears twice."),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_a_refused_submission_in_an_archive(name: str, tmp_path: Path) -> None:
    """The archive of the class is found as usual; reading that submission ends in one sentence."""
    content, sentence = REFUSED[name]
    path = tmp_path / "class.zip"
    path.write_bytes(content)

    assert sentence in problem_of(find(path).found[-1])


def problem_of(submission: Submission) -> str:
    """Return why something of a submission is not read: nothing of it, or what is left out."""
    try:
        return " ".join(map(str, submission.raw().left_out.values()))
    except Rejected as rejected:
        return str(rejected)


def test_paths_out_of_an_archive_are_ignored(tmp_path: Path) -> None:
    """Absolute and parent paths get a note; a link at the top is refused."""
    found = find(archive(tmp_path, {"one.py": CODE, "../two.py": CODE, "/three.py": CODE, "C:/x.py": CODE}))
    assert [item.key for item in found.found] == ["one"]
    assert notes(found).count("leads out of the archive") == 3
    (tmp_path / "linked.zip").write_bytes(linked("two.py"))
    one = next(item for item in find(tmp_path / "linked.zip").found if item.key == "two")
    with pytest.raises(Rejected, match=r"two\.py is a link, which is not followed\."):
        one.raw()


def test_an_archive_that_has_changed(tmp_path: Path) -> None:
    """A member is read only if it is the one that was found."""
    found = find(archive(tmp_path, {"one.py": CODE, "two.py": CODE}))
    archive(tmp_path, {"two.py": CODE})

    for item in found.found:
        with pytest.raises(Rejected, match="was changed while it was read"):
            item.raw()


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("none", None, "none does not exist."),
        ("class.rar", b"Rar!", "class.rar is neither a folder nor a .zip archive of submissions."),
        ("class.zip", b"PK no", "class.zip is not a readable archive."),
        ("class.zip", zipped({}), "There are no submissions in class.zip."),
        ("class.zip", zipped({"readme.txt": b""}), "There are no submissions in class.zip."),
    ],
    ids=["absent", "rar", "no_archive", "empty", "no_source"],  # an archive has the time in it, and so would its id
)
def test_an_invalid_source(name: str, content: bytes | None, sentence: str, tmp_path: Path) -> None:
    """One sentence says what is wrong with it."""
    if content is not None:
        (tmp_path / name).write_bytes(content)

    with pytest.raises(UsageError) as caught:
        find(tmp_path / name)
    assert str(caught.value) == sentence


# --- keys ---------------------------------------------------------------------------------------

NAMES = st.one_of(
    st.text(max_size=12),
    st.sampled_from(["Con", "con.py", "NUL", "aux", "com1", "LPT9", "", ".", "..", "-", "a" * 300, "a" * 299 + "b"]),
    st.sampled_from(
        [
            "Ivanov",
            "ivanov",
            "IVANOV",
            "Иванов",
            "иванов",
            "\u00e9",
            "e\u0301",
            "ß",
            "ss",
            "\u212a",
            "ivanov-0123456789",
        ]
    ),
    st.text('aA-._ /\\:*?"<>|\0\n', max_size=6),
)


@given(
    st.sets(st.tuples(NAMES, st.sampled_from(["", ".py", ".PY", ".ipynb", ".zip", ".tar.gz", ".tar"]), st.booleans()))
)
def test_keys_are_unique_and_safe(entries: set[tuple[str, str, bool]]) -> None:
    """Different names have different keys; each is a safe file name, and depends only on its own name."""
    names = {(name + kind, is_folder) for name, kind, is_folder in entries if kind or is_folder}
    keys = [key_of(name, is_folder=is_folder) for name, is_folder in names]

    assert len(set(keys)) == len(names)
    for key in keys:
        assert re.fullmatch("[a-z0-9][a-z0-9_-]{0,127}", key)
        assert not re.fullmatch("con|prn|aux|nul|(com|lpt)[0-9]", key)


def test_a_name_that_looks_like_another_ones_key() -> None:
    """A submission named like another one's key gets a different key."""
    names = ["petrov.py", "Petrov.py", "petrov.zip", "petrov.tar.gz", "petrov.ipynb", "Петров.py"]
    keys = [key_of(name, is_folder=False) for name in names] + [key_of("petrov", is_folder=True)]
    posing = [key_of(f"{key}.py", is_folder=False) for key in keys[1:]]

    assert keys[0] == "petrov"
    assert len({*keys, *posing}) == len(keys) + len(posing)
    assert max(map(len, (*keys, *posing))) < 100


# Names that are nearly the same, as two students' files.
ALIKE = {
    "capitals": ("petrov.py", "Petrov.py"),
    "kinds": ("petrov.py", "petrov.zip"),
    "forms": ("Ёлкина.py", "Е\u0308лкина.py"),
    "letters": ("Щукин.py", "shchukin.py"),
    "dots": ("petrov.py", ".petrov.py"),
}


@pytest.mark.parametrize("way", ALIKE)
@pytest.mark.parametrize("is_packed", [False, True])
def test_a_neighbour_of_nearly_the_same_name(way: str, is_packed: bool, tmp_path: Path) -> None:
    """It changes no key: each is the same alone and with the other."""
    first, second = ALIKE[way]
    contents = {name: PACKED if name.endswith(".zip") else CODE for name in (first, second)}

    def keys(folder: str, *names: str) -> dict[str, str]:
        (tmp_path / folder).mkdir()
        files = {name: contents[name] for name in names}
        found = find(archive(tmp_path / folder, files) if is_packed else laid(tmp_path / folder, files)).found
        return {item.shown: item.key for item in found}

    both = keys("both", first, second)

    assert len({*both.values()}) == 2
    assert both == keys("first", first) | keys("second", second)


# What a student calls a file in the flat export of a platform: (the platform's beginning, the name, the student's id).
POSING = {
    "moodle": ("Eve Evil_1003_assignsubmission_file_", "x_1002_assignsubmission_file_network.py"),
    "moodle_text": ("Eve Evil_1003_assignsubmission_file_", "Boris Victim_1002_assignsubmission_onlinetext_a.py"),
    "moodle_as_canvas": ("Eve Evil_1003_assignsubmission_file_", "borisvictim_1002_55_network.py"),
    "moodle_as_page": ("Eve Evil_1003_assignsubmission_file_", "borisvictim_1002_text.html.py"),
    "canvas": ("evilEve_1003_678901_", "x_LATE_1002_678902_network.py"),
    "canvas_as_moodle": ("evilEve_1003_678901_", "Boris Victim_1002_assignsubmission_file_network.py"),
    "canvas_as_text": ("evilEve_1003_678901_", "Boris Victim_1002_assignsubmission_onlinetext_a.py"),
}
OTHERS = {
    "moodle": [
        "Anna Honest_1001_assignsubmission_file_network.py",
        "Boris Victim_1002_assignsubmission_file_network.py",
    ],
    "canvas": ["honestAnna_1001_678900_network.py", "victimBoris_1002_678903_network.py"],
}


@pytest.mark.parametrize("way", POSING)
@pytest.mark.parametrize("count", [1, 7])
def test_a_file_name_takes_nobody_elses_id(way: str, count: int, tmp_path: Path) -> None:
    """Whatever names and number of files a student has, all students keep their own."""
    beginning, name = POSING[way]
    others = dict.fromkeys(OTHERS[way.split("_", maxsplit=1)[0]], OTHER)
    more = {f"{beginning}{number or ''}{name}": CODE for number in range(count)}

    for source in (laid(tmp_path / "class", others | more), archive(tmp_path, others | more)):
        found = find(source).found
        files = {item.student: item.raw().files for item in found}

        assert sorted(item.student for item in found) == ["1001", "1002", "1003"]
        assert len(files["1003"]) == count
        assert files["1001"] == files["1002"] == {"network.py": OTHER}


def test_what_a_desktop_leaves_is_no_submission(tmp_path: Path) -> None:
    """It is ignored without a note; any other name that begins with a dot is graded or gets a note."""
    junk = {
        ".DS_Store": b"", "._one.py": CODE, "__MACOSX/one.py": CODE, ".git/hooks/a.py": CODE, ".ipynb_checkpoints/one.py": CODE,
        ".idea/a.xml": b"", "Thumbs.db": b"", ".~lock.one.py#": b"", "one.py": CODE,
    }  # fmt: skip
    dotted = {".two.py": OTHER, ".three/network.py": OTHER, ".notes.txt": b""}

    clean, found = find(laid(tmp_path / "a", junk)), find(laid(tmp_path / "b", junk | dotted))
    packed = find(archive(tmp_path, junk | dotted))

    assert [item.shown for item in clean.found] == ["one.py"]
    assert [note.text for note in clean.notes] == ["Names: plain, each file or folder is one student."]
    for element in (found, packed):
        assert {entry.shown: entry.raw().files for entry in element.found} == {
            "one.py": {"one.py": CODE}, ".two.py": {"two.py": OTHER}, ".three": {"network.py": OTHER},
        }  # fmt: skip
        assert ".notes.txt is not a submission: skipped." in notes(element)


# What one student packs: the class is found as ever, and that one alone is refused.
EXCESSES: dict[str, tuple[Files, str]] = {
    "entries": ({f"submission_13/d/f{number}": b"" for number in range(2_500)}, "has more than 2000 files"),
    "many entries": ({f"submission_13/{number}/f": b"" for number in range(20_001)}, "has more than 2000 files"),
    "depths": ({"submission_13/" + "d/" * 20_000 + "network.py": CODE}, "has no Python file"),
    "sizes": ({f"submission_13/{n}.zip": bytes(ARCHIVE_BYTES - 9) for n in range(2)}, "larger than 40 MiB in total"),
    "long names": ({f"submission_13/{'n' * 60_000}.py": CODE}, "is empty or too long"),
}


@pytest.mark.parametrize("way", EXCESSES)
def test_one_students_archive_affects_no_other(way: str, tmp_path: Path) -> None:
    """Too many entries, too deep, too large: that submission is refused, the others are read."""
    files, sentence = EXCESSES[way]
    others = {f"submission_{number}/network.py": CODE for number in (11, 12)}
    check_refused(
        archive(tmp_path, {f"export/{name}": content for name, content in (others | files).items()}), sentence
    )


@pytest.mark.soak
@pytest.mark.parametrize("form", ["submission_{}/", "Student_{}_assignsubmission_file_"])
def test_many_entries_of_one_student(form: str, tmp_path: Path) -> None:
    """200,001 empty files of one student do not stop a class, in Gradescope's form and in Moodle's flat one."""
    many = {f"{form.format(13)}f{number}.py": b"" for number in range(200_001)}
    others = {f"{form.format(number)}network.py": CODE for number in (11, 12)}
    check_refused(archive(tmp_path, others | many), "has more than 2000 files")


def check_refused(source: Path, sentence: str) -> None:
    """Assert that 13 alone is refused, with this sentence, when it is read or by the reader."""
    found = {item.student: item for item in find(source).found}
    assert sorted(found) == ["11", "12", "13"]
    assert [found[number].raw().files for number in ("11", "12")] == [{"network.py": CODE}] * 2
    if sentence == "has no Python file":  # the reader's word for it
        assert found["13"].raw().files == {}
        return
    assert sentence in problem_of(found["13"])
    assert len(found["13"].parts) <= MEMBERS


def test_there_is_an_end_of_notes(tmp_path: Path) -> None:
    """Only the first of thousands of files that are no submissions are named."""
    found = find(archive(tmp_path, {"anna.py": CODE} | {f"n{number}.txt": b"" for number in range(2 * NOTES)}))

    assert len(found.notes) == NOTES + 1
    assert found.notes[-1].text == f"There are more notes: only the first {NOTES} are shown."


def test_slugs_can_be_read() -> None:
    """Russian names are written in Latin letters, others lose their accents."""
    names = ("Щукин Юрий", "José Núñez", "Ёлкина_Анна", "学生", "prn", "a" * 99)

    assert [slug(name) for name in names] == [
        "shchukin-yuriy", "jose-nunez", "elkina-anna", "submission", "submission-prn", "a" * 48,
    ]  # fmt: skip


# --- roster -------------------------------------------------------------------------------------

ROSTER = "Email;NAME;Id;group;File\n"


def roster(folder: Path, lines: Sequence[str], encoding: str = "utf-8-sig", header: str = ROSTER) -> Path:
    path = folder / "roster.csv"
    path.write_bytes((header + "".join(f"{line}\n" for line in lines)).encode(encoding))
    return path


def test_ways_to_the_roster(tmp_path: Path) -> None:
    """File, id, email, login and name find a line; names in any order, case and spacing."""
    lines = [
        "a@example.org;Student One;s1;x;Work of One.py", ";Student Two;s2;x;", "c@example.org;Student Three;s3;x;",
        "four4@example.org;Student Four;s4;x;", ";Студент  ПЯТЫЙ;s5;x;", ";Six Student van;s6;x;",
        ";Student Seven;s7;x;", ";Same Name;s8;x;", ";Same Name;s9;x;",
    ]  # fmt: skip
    names = ["Work of One.py", "S2.py", "c@example.org.py", "four4.py", "пятый студент.py", "van_SIX, Student.py"]
    files = dict.fromkeys([*names, "Same Name.py", "nobody.py"], CODE)

    found = find(laid(tmp_path / "class", files), roster(tmp_path, lines))

    who = {item.shown: item.student for item in found.found}
    assert [who[name] for name in names] == ["s1", "s2", "s3", "s4", "s5", "s6"]
    assert (who["Same Name.py"], who["nobody.py"]) == (key_of("Same Name.py", is_folder=False), "nobody")
    assert [item.id for item in found.missing] == ["s7", "s8", "s9"]
    assert "Not on the roster: nobody.py, Same Name.py (2)." in notes(found)
    assert {item.group for item in found.found if item.student in ("s1", "s5")} == {"x"}
    assert {item.shown: item.name for item in found.found}["S2.py"] == "Student Two"


def test_platforms_and_the_roster(tmp_path: Path) -> None:
    """The platform's id is kept as an alias; Canvas' joined name finds a line."""
    lines = ["one@example.org;Student One;s1;;", "two@example.org;Студент Второй;s2;;"]
    listed = roster(tmp_path, lines)

    canvas = find(laid(tmp_path / "c", SCHEMES["canvas"][0]), listed).found
    moodle = find(laid(tmp_path / "m", SCHEMES["moodle_folders"][0]), listed).found
    scoped = find(laid(tmp_path / "g", SCHEMES["gradescope"][0]), listed).found

    assert ("s1", ("12345", "onestudent")) in [(item.student, item.aliases) for item in canvas]
    assert ("s2", ("12346", "студентвторой")) in [(item.student, item.aliases) for item in canvas]
    assert [(item.student, item.email, item.aliases) for item in moodle][4:] == [
        ("s1", "one@example.org", ("1234567",)), ("s2", "two@example.org", ("1234568",)),
    ]  # fmt: skip
    assert [(item.student, item.name) for item in scoped][1:3] == [("s1", "Student One"), ("s2", "Студент Второй")]


@pytest.mark.parametrize(
    "table",
    [
        "ID*;Фамилия, имя, отчество:\n1;Щукина Вера Ивановна\n2;Ким Юлия\n3;Иванов Иван Петрович\n4;Иванов Иван Олегович\n",
        "sep=;\rФИО студента;id\rЩУКИНА  ВЕРА ИВАНОВНА;1\r\rКим Юлия;2\rИванов Иван Петрович;3\rИванов Иван Олегович;4\r",
    ],
)
def test_a_patronymic_may_be_left_out(table: str, tmp_path: Path) -> None:
    """The roster has it and the platform does not, or the reverse; without it, students who differ only in it are not matched."""
    names = ("Щукина Вера", "Юлия Олеговна Ким", "Иванов Иван", "Иванов Иван Сергеевич")
    files = {f"{name}_{number}_assignsubmission_file_/a.py": CODE for number, name in enumerate(names, 91)}

    found = find(laid(tmp_path / "class", files), roster(tmp_path, [], header=table))

    assert {item.shown.split("_")[0]: item.student for item in found.found} == dict(
        zip(names, ("1", "2", "93", "94"), strict=True)
    )
    assert [item.shown for item in found.missing] == ["Иванов Иван Петрович (3)", "Иванов Иван Олегович (4)"]


def test_a_file_name_that_imitates_blackboard(tmp_path: Path) -> None:
    """Only the part before the first time is Blackboard's; the roster shows a login with an underscore."""
    time = "_attempt_2026-01-02-10-00-00_"
    files = {f"Lab_12_u_1{time}Lab_12_anna{time}network.py": CODE, f"Lab_12_anna{time}network.py": OTHER}

    found = find(laid(tmp_path / "class", files), roster(tmp_path, [], header="login,name\nu_1,One\nanna,Two\n"))

    assert {item.name: (item.student, files_of(item)) for item in found.found} == {
        "One": ("u_1", [f"Lab_12_anna{time}network.py"]), "Two": ("anna", ["network.py"]),
    }  # fmt: skip


def test_two_submissions_of_a_student_and_an_id_that_is_anothers(tmp_path: Path) -> None:
    """Both submissions are kept; a platform id that is another student's school id is ignored."""
    files = {
        "Student One_17_assignsubmission_file_/a.py": CODE, "Student Two_18_assignsubmission_file_/a.py": CODE,
        "Student Two_19_assignsubmission_file_/a.py": CODE,
    }  # fmt: skip

    found = find(laid(tmp_path / "class", files), roster(tmp_path, [";Student One;18;;", ";Student Two;17;;"]))

    assert (
        "Student One_17_assignsubmission_file_ matches one student of the roster by id and a different one by name."
        in notes(found)
    )
    assert {item.key: item.student for item in found.found}["student-two-19"] == "17"
    found = find(tmp_path / "class", roster(tmp_path, [";Student One;s1;;", ";Student Two;s2;;"]))
    assert "Student Two has several submissions: student-two-18, student-two-19." in notes(found)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "roster.csv is empty."),
        (
            "1,a\n2,b\n",
            "roster.csv has none of the columns id, name, first, last, patronymic, email, login, file, group, team.",
        ),
        ("group,file\na,b\n", "roster.csv, line 1: the column id is missing."),
        ("Почта,ФИО\nb,a\n,c\n", "roster.csv, line 3: there is no email."),
        ("sep=;\nid;name\n1;a\n;b\n", "roster.csv, line 4: there is no id."),
        ("id,ID\n1,2\n", "roster.csv, line 1: the column id appears twice."),
        ("id,name\n1,a\n\n,b\n", "roster.csv, line 4: there is no id."),
        ("id\na\nA\n", "roster.csv, line 3: A is listed twice."),
        ('id,name\n1,"a\n', "roster.csv, line 2: unexpected end of data."),
    ],
)
def test_an_invalid_roster(text: str, sentence: str, tmp_path: Path) -> None:
    """One sentence names the line."""
    with pytest.raises(UsageError) as caught:
        read_roster(roster(tmp_path, [], header=text))
    assert str(caught.value) == sentence


def test_a_roster_in_another_encoding(tmp_path: Path) -> None:
    """A table that Excel saves in Russian is read, with a note; a workbook and binary data are named in an error."""
    (student,), (note,) = read_roster(roster(tmp_path, [";Студент;1;;"], "cp1251"))
    assert (student.name, "it was read as cp1251" in note.text) == ("Студент", True)
    (student,), _ = read_roster(roster(tmp_path, [";Студент;1;;"], "utf-16"))
    assert student.name == "Студент"
    (tmp_path / "roster.csv").write_bytes(b"id,name\n1,\x98\n")
    with pytest.raises(UsageError, match=r"roster.csv, line 2: this is not UTF-8 text: save it as CSV UTF-8."):
        read_roster(tmp_path / "roster.csv")
    (tmp_path / "roster.csv").write_bytes(zipped({"xl/workbook.xml": b""}))
    with pytest.raises(UsageError, match=r"roster.csv is a spreadsheet workbook, not CSV: save it as CSV UTF-8"):
        read_roster(tmp_path / "roster.csv")
    with pytest.raises(UsageError, match=r"cannot be read: No such file"):
        read_roster(tmp_path / "none.csv")
    with pytest.raises(UsageError, match="is not a regular file"):
        read_roster(tmp_path)
