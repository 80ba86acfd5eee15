"""Checks the recipes for CI, laid out as files, and this repository's workflow: `python -m tests.recipes`, in `make lint`."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.command import ROOT

PAGE = ROOT / "docs" / "ci.md"
TEMPLATE = ROOT / "student_template" / ".github" / "workflows" / "grade.yml"
OWN = ROOT / ".github" / "workflows" / "ci.yml"
ACTION = ROOT / "action.yml"
RECIPE = re.compile(r"<!-- (\S+) -->\n```\w+\n(.*?)```\n", re.DOTALL)
BIN = Path(sys.executable).parent


def recipes() -> dict[str, str]:
    """Return the recipes of docs/ci.md by the name of the file that they are."""
    return dict(RECIPE.findall(PAGE.read_text(encoding="utf-8")))


def commands(folder: Path) -> list[list[str | Path]]:
    """Lay the recipes out in a folder; return the commands that check them and what stands in the repository."""
    for name, text in recipes().items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    workflows = [TEMPLATE, OWN, *sorted((folder / ".github" / "workflows").iterdir())]
    schema: list[str | Path] = [BIN / "check-jsonschema", "--quiet", "--builtin-schema"]
    return [
        [*schema, "vendor.github-workflows", *workflows],
        [*schema, "vendor.github-actions", ACTION],
        [*schema, "vendor.gitlab-ci", "--data-transform", "gitlab-ci", folder / ".gitlab-ci.yml"],
        [BIN / "zizmor", "--offline", "--quiet", "--no-progress", "--persona", "pedantic", ACTION, *workflows],
        [BIN / "actionlint", "-shellcheck=", "-pyflakes=", *workflows],  # what it reads beside is not everywhere
    ]


def main() -> int:
    """Check all; return the number of checks that failed."""
    with tempfile.TemporaryDirectory() as folder:
        return sum(subprocess.run(one, check=False).returncode != 0 for one in commands(Path(folder)))


if __name__ == "__main__":
    sys.exit(main())
