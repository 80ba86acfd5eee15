"""The arrows between the folders of grader/, as import-linter's graph has them, drawn into docs/design/architecture.md.

`python -m tests.arrows` draws them again, `--check` says whether they are as drawn. Imports for types only do not count.
"""

from __future__ import annotations

import sys

import grimp

from tests.support.command import ROOT

PAGE = ROOT / "docs" / "design" / "architecture.md"
BEGIN, END = "<!-- arrows: python -m tests.arrows -->\n", "<!-- /arrows -->"
NESTED = {"sandbox.confined"}  # a folder in a folder that is drawn by itself


def folder(module: str) -> str:
    """Return the folder of a module, as it is drawn; "" for what lies in grader/ itself."""
    inside = module.split(".")[1:]
    nested = ".".join(inside[:2])
    return nested if nested in NESTED else inside[0] if inside else ""


def arrows() -> set[tuple[str, str]]:
    """Return from and to of each pair of folders of which one imports the other."""
    graph = grimp.build_graph("grader", exclude_type_checking_imports=True, cache_dir=None)
    ends = {
        (folder(module), folder(other))
        for module in graph.modules
        for other in graph.find_modules_directly_imported_by(module)
    }
    return {(end, other) for end, other in ends if end != other and end and other and end != "__main__"}


def drawn() -> str:
    """Return the arrows as a Mermaid graph."""
    lines = [f"    {arrow} --> {other}" for arrow, other in sorted(arrows())]
    return "\n".join(["```mermaid", "graph TD", *lines, "```", ""])


def main() -> int | str:
    """Draw, or check what is drawn."""
    page = PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    now = f"{before}{BEGIN}{drawn()}{END}{after}"
    if "--check" not in sys.argv:
        PAGE.write_text(now, encoding="utf-8")
        return 0
    return 0 if now == page else "The arrows in docs/design/architecture.md are old: run python -m tests.arrows"


if __name__ == "__main__":
    sys.exit(main())
