"""The template environment of the pages: escaping, translated sentences, style sheet and content security policy.

Templates get student text unchanged: on output, everything that is not Markup is made printable, cut and escaped.
"""

from __future__ import annotations

import base64
import functools
import hashlib
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape

from grader.core.language import word
from grader.core.numbers import Number
from grader.core.text import printable

TEXT_CHARS = 800
LEVELS = 20  # colour steps from an output of 0 to an output of 1
SURFACE = {"light": ("2f6fb0", "f4f2ec", "d9822b"), "dark": ("4a8fd6", "23282f", "d98a3d")}  # 0, a half, 1


def esc(text: str, limit: int = TEXT_CHARS) -> Markup:
    """Return text for an element or a quoted attribute: on one line, invisible characters shown, cut to limit, escaped."""
    return escape(printable(text, limit))


def told(lang: str, template: str, /, **args: str | float) -> Markup:
    """Return a translated sentence for a page; arguments that are not Markup are escaped."""
    words = _words(lang, template)
    inert = {name: esc(value) if type(value) is str else value for name, value in args.items()}
    return words.format(**inert) if args else words


@functools.cache
def _words(lang: str, template: str) -> Markup:
    return Markup(word(lang, template))  # noqa: S704 - ours


def shown(value: Number) -> Markup:
    """Return a number with four significant digits and a true minus sign; a string is escaped."""
    return esc(value, 20) if isinstance(value, str) else Markup(f"{value + 0.0:.4g}".replace("-", "\u2212"))  # noqa: S704


@pass_context
def own(context: Context, value: object) -> object:
    """Return a value for output by a template: a string is escaped and cut to the page's `chars`."""
    return esc(value, context.parent["chars"]) if type(value) is str else value


ENVIRONMENT = Environment(
    loader=FileSystemLoader(Path(__file__).with_name("templates")),
    autoescape=True,
    auto_reload=False,
    undefined=StrictUndefined,
    finalize=own,
    keep_trailing_newline=True,
    trim_blocks=True,
    lstrip_blocks=True,
)
ENVIRONMENT.filters |= {"own": own, "cut": esc, "number": shown}


@functools.cache
def style() -> Markup:
    """Return the style sheet that all pages share."""
    sheet, dark = Path(__file__).with_name("pages.css").read_text(encoding="utf-8").strip(), _levels("dark")
    return Markup(f"{sheet}\n{_levels('light')}\n@media screen and (prefers-color-scheme: dark) {{\n{dark}\n}}")  # noqa: S704


def _levels(scheme: str) -> str:
    low, middle, high = (tuple(bytes.fromhex(item)) for item in SURFACE[scheme])
    rules = []
    for level in range(LEVELS + 1):
        part = 2 * level / LEVELS - 1
        end = high if part > 0 else low
        mixed = bytes(round(item + (other - item) * abs(part)) for item, other in zip(middle, end, strict=True))
        rules.append(f".v{level} {{ fill: #{mixed.hex()}; }}")
    return "\n".join(rules)


def policy(script: str = "") -> Markup:
    """Return a page's content security policy: it loads nothing, and allows only this style sheet and script."""
    run = f" script-src 'sha256-{_hash(script)}';" if script else ""
    return Markup(f"default-src 'none'; style-src 'sha256-{_hash(style())}';{run} base-uri 'none'; form-action 'none'")  # noqa: S704


ENVIRONMENT.globals |= {"style": style, "policy": policy, "script": ""}


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
