"""What every page is made of: one escape, one way to say a sentence, one document without network or scripts of others.

Pages are plain f-strings over `esc` and not a template engine's: `grade --help` stays fast, the core install small.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import html
from pathlib import Path

from grader.core.language import word
from grader.core.numbers import Number
from grader.core.text import printable

TEXT_CHARS = 800
LEVELS = 20  # steps from an output of 0 to one of 1
SURFACE = {"light": ("2f6fb0", "f4f2ec", "d9822b"), "dark": ("4a8fd6", "23282f", "d98a3d")}  # 0, a half, 1


def esc(text: str, limit: int = TEXT_CHARS) -> str:
    """Return text for an element or a quoted attribute: on one line, what is not seen made visible, capped, escaped."""
    return html.escape(printable(text, limit))


def told(lang: str, template: str, /, **args: str | float) -> str:
    """Return a page's own words, escaped."""
    return html.escape(printable(word(lang, template, **args), 4 * TEXT_CHARS))


def shown(value: Number) -> str:
    """Return a number as people read it, with a minus of a number's width."""
    return esc(value, 20) if isinstance(value, str) else f"{value + 0.0:.4g}".replace("-", "\u2212")


@functools.cache
def asset(name: str) -> str:
    """Return a file that pages carry inside."""
    return Path(__file__).with_name(name).read_text(encoding="utf-8").strip()


@functools.cache
def style() -> str:
    """Return the style sheet of every page."""
    dark = _levels("dark")
    return f"{asset('pages.css')}\n{_levels('light')}\n@media screen and (prefers-color-scheme: dark) {{\n{dark}\n}}"


def _levels(scheme: str) -> str:
    low, middle, high = (tuple(bytes.fromhex(one)) for one in SURFACE[scheme])
    rules = []
    for level in range(LEVELS + 1):
        part = 2 * level / LEVELS - 1
        end = high if part > 0 else low
        mixed = bytes(round(one + (other - one) * abs(part)) for one, other in zip(middle, end, strict=True))
        rules.append(f".v{level} {{ fill: #{mixed.hex()}; }}")
    return "\n".join(rules)


def head(lang: str, title: str, *, script: str = "") -> str:
    """Return a document up to its body; title is escaped. Nothing may be loaded, and only this style and script count."""
    run = f" script-src 'sha256-{_hash(script)}';" if script else ""
    policy = f"default-src 'none'; style-src 'sha256-{_hash(style())}';{run} base-uri 'none'; form-action 'none'"
    return (
        f'<!DOCTYPE html>\n<html lang="{esc(lang)}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n<meta name="referrer" content="no-referrer">\n'
        f"<title>{title}</title>\n<style>{style()}</style>\n</head>\n<body>\n"
        f'<a class="skip" href="#main">{told(lang, "Skip to the results")}</a>\n'
    )


def foot(script: str = "") -> str:
    """Return the end of a document."""
    return (f"<script>{script}</script>\n" if script else "") + "</body>\n</html>\n"


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
