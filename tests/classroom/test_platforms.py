"""Assigning submissions to students: names of platforms, attempts, teams, and rosters as people write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.classroom.finding import find
from grader.classroom.platforms.brightspace import moment
from grader.classroom.roster import RosterEntry, read_roster
from grader.classroom.uploads import Submission, Submissions, key_of
from grader.core.errors import Rejected
from tests.classroom.test_uploads import CODE, OTHER, archive, laid, notes
from tests.support.packed import Files

ONE, TWO, THREE = CODE, OTHER, b"# 3\n"
ABOUT = b"Name: Boris Borisov (b_borisov)\r\nAssignment: Lab 12\r\nFiles:\r\n"

# Of each platform: the files, and of each student the id, the name, and the attempts, the last one last.
PLATFORMS: dict[str, tuple[Files, dict[str, tuple[str, list[bytes]]]]] = {
    "blackboard": (
        {
            "Lab 12_anova1_attempt_2026-01-02-10-00-00.txt": b"",
            "Lab 12_anova1_attempt_2026-01-02-10-00-00_network.py": TWO,
            "Lab 12_anova1_attempt_2026-01-01-10-00-00.txt": b"",
            "Lab 12_anova1_attempt_2026-01-01-10-00-00_network.py": ONE,
            "Lab 12_b_borisov_attempt_2026-01-03-10-00-00.txt": ABOUT,
            "Lab 12_b_borisov_attempt_2026-01-03-10-00-00_network.py": ONE,
        },
        {"anova1": ("", [ONE, TWO]), "b_borisov": ("Boris Borisov", [ONE])},
    ),
    "brightspace": (
        {
            "index.html": b"<html>",
            "1001-77 - Anna Anova - Dec 31, 2025 1159 PM/network.py": ONE,
            "1001-77 - Anna Anova - Jan 2, 2026 930 AM/network.py": TWO,
            "1002-77 - Борис Борисов - 2 января, 2026 1000/network.py": ONE,
        },
        {"1001": ("Anna Anova", [ONE, TWO]), "1002": ("Борис Борисов", [ONE])},
    ),
    "brightspace in one folder": (
        {
            "1001-77 - Anna Anova - Jan 2, 2026 930 AM - network.py": ONE,
            "1002-77 - Boris Borisov - Jan 1, 2026 1030 AM - network.py": TWO,
        },
        {"1001": ("Anna Anova", [ONE]), "1002": ("Boris Borisov", [TWO])},
    ),
    "teams": (
        {
            "Student Work/Submitted files/Anna Anova/Lab 12/Version 2/network.py": ONE,
            "Student Work/Submitted files/Anna Anova/Lab 12/Version 10/network.py": TWO,
            "Student Work/Submitted files/Борис Борисов/Lab 12/Version 1/network.py": ONE,
            "Student Work/Working files/Vera Volkova/Lab 12/network.py": ONE,
        },
        {
            key_of("Anna Anova", is_folder=False): ("Anna Anova", [ONE, TWO]),
            key_of("Борис Борисов", is_folder=False): ("Борис Борисов", [ONE]),
        },
    ),
    "repositories": (
        {
            **{f"lab12-{login}/.git/{name}": b"x" for login in ("anova", "an-borisov") for name in ("config", "HEAD", "objects/ab/cd")},
            "lab12-anova/network.py": ONE, "lab12-an-borisov/network.py": TWO, "lab12-an-borisov/README.md": b"",
        },
        {"anova": ("anova", [ONE]), "an-borisov": ("an-borisov", [TWO])},
    ),
    "repositories in their folder": (
        {
            **{f"lab12-submissions/lab12-ivan-{login}/.git/config": b"" for login in "ab"},
            **{f"lab12-submissions/lab12-ivan-{login}/network.py": ONE for login in "ab"},
        },
        {"ivan-a": ("ivan-a", [ONE]), "ivan-b": ("ivan-b", [ONE])},
    ),
}  # fmt: skip


def by_key(found: Submissions) -> dict[str, tuple[str, list[bytes]]]:
    return {item.student: (item.name, [code(each) for each in (*item.earlier, item)]) for item in found.found}


def code(submission: Submission) -> bytes:
    """Return the only program of a submission."""
    (content,) = submission.raw().files.values()
    return content


@pytest.mark.parametrize("platform", PLATFORMS)
def test_every_platform_as_folder_and_as_archive(platform: str, tmp_path: Path) -> None:
    """The last attempt of each student, with the earlier ones, under one key."""
    files, expected = PLATFORMS[platform]

    folder, packed = find(laid(tmp_path / "class", files)), find(archive(tmp_path, files))

    assert by_key(folder) == expected
    assert by_key(packed) == expected
    assert [item.key for item in folder.found] == [item.key for item in packed.found]
    assert "Names: plain" not in notes(folder)


def test_a_student_with_only_a_text_has_a_row(tmp_path: Path) -> None:
    """An attempt without a file is a submission that cannot be read, and says why."""
    name = "Lab 12_anova1_attempt_2026-01-02-10-00-00.txt"
    (one,) = find(laid(tmp_path / "class", {name: b"Name: Anna Anova (anova1)\n"})).found

    assert (one.student, one.name) == ("anova1", "Anna Anova")
    with pytest.raises(Rejected, match="submitted a text and no file"):
        one.raw()


@pytest.mark.parametrize("name", ["Lab12-20260101T100000Z-001.zip", "drive-download-20260101T100000Z-001.zip"])
def test_what_google_drive_packs(name: str, tmp_path: Path) -> None:
    """The folder inside is the class, whatever its name, also after unpacking the archive."""
    files = {"Lab 12/anova.py": ONE, "Lab 12/borisov.py": TWO}
    unpacked = laid(tmp_path / name.removesuffix(".zip"), files)

    assert [file.key for file in find(archive(tmp_path, files, name)).found] == ["anova", "borisov"]
    assert [item.key for item in find(unpacked).found] == ["anova", "borisov"]


def test_words_for_times() -> None:
    """Times of attempts are ordered, in English and in Russian."""
    times = ["Jan 2, 2026 930 AM", "Jan 2, 2026 1000 AM", "Jan 2, 2026 130 PM", "Feb 1, 2026 100 AM"]
    russian = ["31 декабря, 2025 2359", "2 января, 2026 930", "2 января, 2026 1000", "1 мая, 2026 100"]

    assert sorted([times[2], times[0], times[3], times[1]], key=moment) == times
    assert sorted([russian[2], russian[0], russian[3], russian[1]], key=moment) == russian


def test_logins_and_the_roster(tmp_path: Path) -> None:
    """The login in a repository's name finds the roster's line, even if all logins of the class have a common prefix."""
    listed = tmp_path / "roster.csv"
    listed.write_text("id;ФИО;GitHub;Группа\n1;Анова Анна;ivan-a;М-1\n2;Борисов Борис;ivan-b;М-2\n", encoding="utf-8")
    files = {f"lab12-ivan-{login}/{name}": ONE for login in "ab" for name in ("network.py", ".git/config")}

    found = find(laid(tmp_path / "class", files), listed)

    assert [(item.student, item.name, item.group) for item in found.found] == [
        ("1", "Анова Анна", "М-1"), ("2", "Борисов Борис", "М-2"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "files",
    [
        {"lab12-team-one/network.py": ONE, "lab12-team-one/.git/config": b"", "lab12-team-two/network.py": ONE, "lab12-team-two/.git/config": b""},
        {"Team One_1_assignsubmission_file_network.py": ONE, "Team Two_2_assignsubmission_file_network.py": ONE},
        {"teamone_1001_500010_network.py": ONE, "teamtwo_1002_500011_network.py": ONE},
        {"Team One.py": ONE, "team_two.py": ONE},
    ],
)  # fmt: skip
def test_a_team_has_a_row_for_each_member(files: Files, tmp_path: Path) -> None:
    """One submission, graded once; each member has a row, and students of no team have none."""
    listed = tmp_path / "roster.csv"
    listed.write_text("id,name,team\n1,Anna,Team One\n2,Boris,Team One\n3,Vera,Team Two\n4,Gleb,\n", encoding="utf-8")

    found = find(laid(tmp_path / "class", files), listed)

    assert [(element.student, element.name) for element in sorted(found.found, key=lambda item: item.student)] == [
        ("1", "Anna"), ("2", "Boris"), ("3", "Vera"),
    ]  # fmt: skip
    assert len({element.key for element in found.found}) == 3
    assert len({element.graded_as for element in found.found}) == 2
    assert [element.id for element in found.missing] == ["4"]


ANNA = RosterEntry(id="1", name="Анова Анна", email="anova@example.org")


@pytest.mark.parametrize(
    ("text", "expected", "left_out"),
    [
        ("sep=;\r\nid;name;email\r\n1;Анова Анна;anova@example.org\r\n", ANNA, ""),
        ("ID,ФИО,Почта,Курс,№\n1,Анова Анна,anova@example.org,2,7\n", ANNA, "Курс, №"),
        ("Фамилия;Имя;Номер;E-mail\nАнова;Анна;1;anova@example.org\n", ANNA, ""),
        ("ФИО\tid\temail\nАнова Анна\t1\tanova@example.org\n", ANNA, ""),
        ("ФИО,Группа\nАнова Анна,М-1\n", RosterEntry(id="Анова Анна", name="Анова Анна", group="М-1"), ""),
    ],
)
def test_rosters_as_people_write_them(text: str, expected: RosterEntry, left_out: str, tmp_path: Path) -> None:
    """Titles in Russian, Excel's first line, any separator; ignored columns are named."""
    path = tmp_path / "roster.csv"
    path.write_text(text, encoding="utf-8-sig", newline="")

    students, notes = read_roster(path)

    assert students == (expected,)
    assert [note.args["columns"] for note in notes] == ([left_out] if left_out else [])


def test_a_letter_that_everybody_spells_in_two_ways(tmp_path: Path) -> None:
    """Ё equals е in names of files, in the roster and in overrides."""
    listed = tmp_path / "roster.csv"
    listed.write_text("id,name\n1,Ёлкин Пётр\n", encoding="utf-8")

    (one,) = find(laid(tmp_path / "class", {"елкин петр.py": ONE}), listed).found

    assert one.student == "1"
