"""Packs the grader for a platform that runs it: `grade-package`."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from importlib import metadata
from pathlib import Path

from grader.pipeline.assignment import files_of

GRADER = Path(__file__).parents[1]
SCRIPTS_PLACE = Path(__file__).with_name("gradescope")
SCRIPTS = ("setup.sh", "run_autograder")
LEFT_OUT = {"__pycache__", "gradescope", "template", "example"}
DATE = (1980, 1, 1, 0, 0, 0)  # the same for all files, so that the same grader gives the same bytes
RUBRIC = "rubric.toml"
LAB = "assignment"


def gradescope(
    options: list[str], lab: Path | None = None, rubric: Path | None = None, packages: Sequence[str] = ()
) -> bytes:
    """Return the zip of a Gradescope autograder that grades with these options of `grade`, with any lab or rubric.

    packages are those that the lab needs, by their import names.
    """
    files = {f"grader/{name}": content for name, content in own_files()}
    if lab is not None:
        options = [*options, "--assignment", LAB]
        files |= {f"{LAB}/{name}": path.read_bytes() for name, path in files_of(lab)}
    if rubric is not None:
        options = [*options, "--rubric", RUBRIC]
    files |= {name: (SCRIPTS_PLACE / name).read_bytes() for name in SCRIPTS}
    files["options"] = "".join(f"{option}\n" for option in options).encode()
    files["requirements.txt"] = "".join(
        f"{requirement}\n" for requirement in (*requirements(), *distributions(packages))
    ).encode()
    if rubric is not None:
        files[RUBRIC] = rubric.read_bytes()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(files.items()):
            entry = zipfile.ZipInfo(name, DATE)
            entry.create_system = 3  # Unix: the mode counts
            entry.external_attr = (0o100755 if name in SCRIPTS else 0o100644) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
    return packed.getvalue()


def own_files() -> Iterator[tuple[str, bytes]]:
    """Yield the files of the grader."""
    for path in sorted(GRADER.rglob("*")):
        name = path.relative_to(GRADER)
        if path.is_file() and LEFT_OUT.isdisjoint(name.parts):
            yield name.as_posix(), path.read_bytes()


def distributions(packages: Iterable[str]) -> list[str]:
    """Return the names of packages for pip by their import names; an unknown name is returned unchanged."""
    providers = metadata.packages_distributions()
    tops = dict.fromkeys(package.partition(".")[0] for package in packages)
    return list(dict.fromkeys(providers.get(top, [top])[0] for top in tops))


def requirements() -> list[str]:
    """Return the grader's requirements for pip. Gradescope keeps the image, so the installed versions do not change later."""
    every = metadata.requires("xor-lab-grader") or []
    return [item for item in every if not re.search(r";.*\bextra\b", item)]
