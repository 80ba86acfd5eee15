"""One file per format, each with a function Report -> str; `RENDERERS` lists them."""

from __future__ import annotations

from collections.abc import Callable

from grader.core.report import Report
from grader.renderers.classroom50 import render_classroom50
from grader.renderers.github import render_github
from grader.renderers.gradescope import render_gradescope
from grader.renderers.json import render_json
from grader.renderers.junit import render_junit
from grader.renderers.markdown import render_markdown
from grader.renderers.text import render_text


def render_html(report: Report) -> str:
    """Return the report as an HTML page; import the template engine only when it is needed."""
    from grader.renderers.html import render_html

    return render_html(report)


RENDERERS: dict[str, Callable[[Report], str]] = {
    "json": render_json,
    "text": render_text,
    "html": render_html,
    "markdown": render_markdown,
    "github": render_github,
    "junit": render_junit,
    "gradescope": render_gradescope,
    "classroom50": render_classroom50,
}
