"""One file a format, each with a function Report -> str; `RENDERERS` is the table of them."""

from __future__ import annotations

from collections.abc import Callable

from grader.models import Report
from grader.renderers.html import render_html
from grader.renderers.json import render_json
from grader.renderers.text import render_text

RENDERERS: dict[str, Callable[[Report], str]] = {"json": render_json, "text": render_text, "html": render_html}
