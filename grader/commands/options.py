"""Options that several commands share, and checks of their values."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import click

from grader.core.language import LANGUAGES, from_locale

F = TypeVar("F", bound=Callable[..., Any])


def finite(context: click.Context, parameter: click.Parameter, value: float | None) -> float | None:
    """Raise BadParameter for a float that is not finite."""
    if value is not None and not math.isfinite(value):
        raise click.BadParameter(f"{value} is not a number of seconds.", context, parameter)
    return value


class NonEmptyPath(click.Path):
    """Path of a file or folder, readable or not; an empty one is refused, which Path would take for the current folder."""

    def __init__(self) -> None:
        super().__init__(path_type=Path, readable=False)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path; raise BadParameter if it is empty."""
        return super().convert(value, param, ctx) if value else self.fail("it is empty.", param, ctx)


def points(context: click.Context, parameter: click.Parameter, value: str | None) -> Decimal | None:
    """Parse the maximum points of a gradebook: more than 0, with at most two decimal places."""
    if value is None:
        return None
    if not re.fullmatch("[0-9]{1,6}([.][0-9]{1,2})?", value) or not Decimal(value):
        raise click.BadParameter(
            f"{value} is not a number above 0 with at most two decimal places.", context, parameter
        )
    return Decimal(value)


PATH = NonEmptyPath()
LANG = click.Choice(LANGUAGES)
SEED = click.IntRange(0, 2**53 - 1)

assignment = click.option(
    "lab",
    "--assignment",
    metavar="DIR",
    type=PATH,
    help="Folder of the lab: see docs/assignments.md. Default: the built-in one.",
)


def lang(help_text: str) -> Callable[[F], F]:
    """Return the option for a language that is that of the locale by default."""
    default = "from the locale, else en"
    return click.option("--lang", type=LANG, default=from_locale, show_default=default, help=help_text)


rubric = click.option("--rubric", type=click.Path(path_type=Path), help="A rubric.toml to use instead of the lab's.")
time_limit = click.option(
    "--time-limit",
    type=click.FloatRange(1, 3600),
    callback=finite,
    help="Total run time for one submission, in seconds. Default: set by the lab.",
)


def require_sandbox(default: str = "process") -> Callable[[F], F]:
    """Return the option for the lowest accepted level of the sandbox."""
    return click.option(
        "required",
        "--require-sandbox",
        type=click.Choice(["strict", "process"]),
        default=default,
        show_default=True,
        help="Refuse to run code below this sandbox level.",
    )
