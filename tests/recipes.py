"""Checks the recipes for CI, laid out as files, and this repository's workflow: `python -m tests.recipes`, in `make lint`."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.support.command import ENVIRONMENT, ROOT

PAGE = ROOT / "docs" / "ci.md"
TEMPLATE = ROOT / "student_template" / ".github" / "workflows" / "grade.yml"
OWN = ROOT / ".github" / "workflows" / "ci.yml"
ACTION = ROOT / "action.yml"
RECIPE = re.compile(r"<!-- (\S+) -->\n```\w+\n(.*?)```\n", re.DOTALL)
DEFAULT = re.compile(r"\$\{\{ vars\.(\w+) \|\| '([^']*)' \}\}")
BIN = Path(sys.executable).parent


def recipes() -> dict[str, str]:
    """Return the recipes of docs/ci.md by the name of the file that they are."""
    return dict(RECIPE.findall(PAGE.read_text(encoding="utf-8")))


def environment_of(job: dict[str, Any], variables: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a job of GitHub Actions, with the variables that its repository has."""

    def value(found: re.Match[str]) -> str:
        return variables.get(found[1]) or found[2]

    filled = {name: DEFAULT.sub(value, text) for name, text in job["env"].items()}
    assert "${{" not in "".join(filled.values())
    return filled


def workflow_of(lab: Path) -> dict[str, Any]:
    """Return the workflow in a lab that `grade --new` made."""
    workflow: dict[str, Any] = yaml.safe_load((lab / ".github/workflows/grade.yml").read_text(encoding="utf-8"))
    return workflow


def run_step(script: str, checkout: Path, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run the script of a step in a checkout, as the runner of GitHub Actions does."""
    return subprocess.run(
        ["/bin/bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        cwd=checkout,
        env={**ENVIRONMENT, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


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
        return sum(subprocess.run(command, check=False).returncode != 0 for command in commands(Path(folder)))


if __name__ == "__main__":
    sys.exit(main())
