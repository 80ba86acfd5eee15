"""The drawings on the pages: SVG with CSS classes for colours, no script. Each is "" if there is nothing to draw."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from markupsafe import Markup

from grader.core.figures import AnyFigure, Grid, Mark, Pairs, Series
from grader.core.numbers import Number
from grader.core.outcomes import Evidence
from grader.renderers.markup import LEVELS, esc, shown, told

MOST_COMPARED = 16  # pairs in one drawing


def bar(points: float, most: float, kind: str) -> Markup:
    """Return a bar for points; the page shows the number and a word beside it."""
    width = 100 * max(0.0, min(1.0, points / most)) if most else 0.0
    return Markup(  # noqa: S704 - numbers and a class of ours
        '<svg class="bar" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true" focusable="false">'
        f'<rect class="track" width="100" height="8"/><rect class="fill {kind}" width="{width:.4g}" height="8"/></svg>'
    )


def finite(value: Number | None) -> float | None:
    """Return the value if it is a finite number, else None."""
    return value if isinstance(value, (int, float)) and math.isfinite(value) else None


def _svg(width: int, height: int, label: str, body: str, kind: str) -> Markup:
    return Markup(  # noqa: S704 - numbers, and labels that are escaped
        f'<svg class="chart {kind}" viewBox="0 0 {width} {height}" role="img" aria-label="{label}" focusable="false">'
        f"{body}</svg>"
    )


def drawn(figure: AnyFigure, lang: str) -> str:
    """Return the drawing of a figure."""
    return surface(figure) if isinstance(figure, Grid) else points(figure, lang)


# --- a grid --------------------------------------------------------------------------------------


SIDE, LEFT, TOP = 308, 34, 8  # size and position of a grid's square


def surface(figure: Grid) -> str:
    """Return a grid's drawing: values as colours, the line where they cross the level, and the marks."""
    grid = [[finite(item) for item in row] for row in figure.values]
    wide, tall = SIDE / len(grid), SIDE / len(grid[0])
    body = _cells(figure, grid)
    if figure.level is not None:
        segments = "".join(
            f"M{LEFT + (a + 0.5) * wide:.4g} {TOP + SIDE - (b + 0.5) * tall:.4g}"
            f"L{LEFT + (c + 0.5) * wide:.4g} {TOP + SIDE - (d + 0.5) * tall:.4g}"
            for (a, b), (c, d) in contour(grid, figure.level)
        )
        body.append(f'<path class="half" d="{segments}"/>' if segments else "")
    spoken = []
    for mark in figure.marks:
        spoken.append(f"({mark.x:.3g}, {mark.y:.3g}): {short(finite(mark.value))}, {esc(mark.label)}")
        body.append(f"<g><title>{spoken[-1]}</title>{_mark(mark, *_place(figure, mark.x, mark.y))}</g>")
    for x_tick, y_tick in zip(figure.x_extent, figure.y_extent, strict=True):
        x, y = _place(figure, x_tick, y_tick)
        body.append(f'<text class="tick" x="{x:.5g}" y="{TOP + SIDE + 18}" text-anchor="middle">{x_tick:.3g}</text>')
        body.append(f'<text class="tick" x="{LEFT - 10}" y="{y + 5:.5g}" text-anchor="end">{y_tick:.3g}</text>')
    x_name, y_name = axis(figure.x_label, figure.x_unit), axis(figure.y_label, figure.y_unit)
    body.append(
        f'<text class="tick" x="{LEFT + SIDE / 2}" y="{TOP + SIDE + 20}" text-anchor="middle">{x_name}</text>'
        f'<text class="tick" x="{LEFT - 10}" y="{TOP + SIDE / 2 + 5}" text-anchor="end">{y_name}</text>'
    )
    label = "; ".join([f"{esc(figure.title)}, {axis(figure.value_label, figure.unit)}", *spoken])
    return _svg(LEFT + SIDE + 8, TOP + SIDE + 28, label, "".join(body), "surface")


def _place(figure: Grid, x: float, y: float) -> tuple[float, float]:
    """Return the pixel position of a point; the extents are the centres of the outer cells."""
    (x0, x1), (y0, y1), across, up = figure.x_extent, figure.y_extent, len(figure.values), len(figure.values[0])
    across_part, up_part = (x - x0) / (x1 - x0) * (across - 1), (y - y0) / (y1 - y0) * (up - 1)
    return LEFT + (across_part + 0.5) * (SIDE / across), TOP + (up - 0.5 - up_part) * (SIDE / up)


def _cells(figure: Grid, grid: Sequence[Sequence[float | None]]) -> list[str]:
    across, up, (low, high) = len(grid), len(grid[0]), figure.scale
    wide, tall = SIDE / across, SIDE / up
    cells = []
    for i, row in enumerate(grid):
        for j, value in enumerate(row):
            part = None if value is None else max(0.0, min(1.0, (value - low) / (high - low)))
            level = "vx" if part is None else f"v{round(LEVELS * part)}"
            at = f"({at_of(figure.x_extent, i, across):.3g}, {at_of(figure.y_extent, j, up):.3g})"
            cells.append(
                f'<rect class="{level}" x="{LEFT + i * wide:.5g}" y="{TOP + (up - 1 - j) * tall:.5g}" '
                f'width="{wide:.5g}" height="{tall:.5g}"><title>{at}: {short(value)}</title></rect>'
            )
    return cells


def _mark(mark: Mark, x: float, y: float) -> str:
    """Return a mark's shape, and its value on the side with more room."""
    drawn = (
        f'<rect class="mark" x="{x - 6:.5g}" y="{y - 6:.5g}" width="12" height="12"/>'
        if mark.shape == "square"
        else f'<circle class="mark" cx="{x:.5g}" cy="{y:.5g}" r="6.5"/>'
    )
    anchor, shift = ("end", -13) if x > LEFT + SIDE / 2 else ("start", 13)
    return (
        f'{drawn}<text class="value" x="{x + shift:.5g}" y="{y + 5:.5g}" '
        f'text-anchor="{anchor}">{short(finite(mark.value))}</text>'
    )


def at_of(extent: tuple[float, float], number: int, count: int) -> float:
    """Return the coordinate of a row or column of a grid."""
    return extent[0] + (extent[1] - extent[0]) * number / (count - 1)


def table(figure: Grid) -> Iterator[tuple[str, list[str]]]:
    """Yield the values as table rows of short numbers: first the columns' coordinates, then each row's coordinate and values.

    The first row is the highest, as in the drawing.
    """
    across, up = len(figure.values), len(figure.values[0])
    yield "", [f"{at_of(figure.x_extent, number, across):.3g}" for number in range(across)]
    for number in reversed(range(up)):
        yield f"{at_of(figure.y_extent, number, up):.3g}", [short(finite(row[number])) for row in figure.values]


def short(value: float | None) -> str:
    """Return a number with three significant digits, "?" for None."""
    return "?" if value is None else f"{value:.3g}"


def axis(label: str, unit: str) -> str:
    """Return the name of an axis with its unit, escaped."""
    return esc(f"{label}, {unit}" if label and unit else label or unit, 60)


def contour(
    grid: Sequence[Sequence[float | None]], level: float
) -> Iterator[tuple[tuple[float, float], tuple[float, float]]]:
    """Yield the segments of the line where the values cross a level, in grid steps (marching squares)."""
    for i in range(len(grid) - 1):
        for j in range(len(grid[0]) - 1):
            corners = [(i, j), (i + 1, j), (i + 1, j + 1), (i, j + 1)]
            values = [grid[corner][other] for corner, other in corners]
            known = [value for value in values if value is not None]
            if len(known) < len(corners):
                continue
            crossed = []
            for edge in range(4):
                start, end = known[edge] - level, known[(edge + 1) % 4] - level
                if (start < 0) != (end < 0):
                    part = start / (start - end)
                    (a, b), (c, d) = corners[edge], corners[(edge + 1) % 4]
                    crossed.append((a + part * (c - a), b + part * (d - b)))
            if len(crossed) == 4 and (sum(known) / 4 >= level) != (known[0] >= level):
                crossed = [*crossed[1:], crossed[0]]  # a saddle: the other two corners are cut off
            for pair in range(0, len(crossed) - 1, 2):
                yield crossed[pair], crossed[pair + 1]


def ramp(figure: Grid, lang: str) -> str:
    """Return the colour scale of a grid."""
    low, high = (f"{item:.3g}" for item in figure.scale)
    left, step = 12 + 8 * max(len(low), 1), 8
    cells = "".join(
        f'<rect class="v{level}" x="{left + step * level}" width="8" height="12"/>' for level in range(LEVELS + 1)
    )
    label = told(lang, "Colours from {low} to {high}", low=low, high=high)
    end = left + step * (LEVELS + 1) + 4
    body = f'<text class="tick" x="{left - 4}" y="11" text-anchor="end">{low}</text>{cells}<text class="tick" x="{end}" y="11">{high}</text>'
    return _svg(end + 8 * len(high) + 4, 14, label, body, "ramp")


# --- points --------------------------------------------------------------------------------------


def points(figure: Series | Pairs, lang: str) -> str:
    """Return points on two axes, joined by a line for a series; a point that cannot be drawn leaves a gap."""
    is_log = isinstance(figure, Series) and figure.is_logarithmic
    known = _known(figure, is_log=is_log)
    there = [item for item in known if item is not None]
    if len(there) < (2 if isinstance(figure, Series) else 1):
        return ""
    low, high, ticks = _log_axis(there) if is_log else _axis([y for _, y in there])
    (x_low, x_high), is_line = _ends([x for x, _ in there]), isinstance(figure, Series)
    if not (math.isfinite(high - low) and math.isfinite(x_high - x_low)):
        return ""
    width, left, top, right, wide, tall = 470, 62, 30, 18, 390, 296

    def at(point: tuple[float, float]) -> tuple[float, float]:
        return left + (point[0] - x_low) / (x_high - x_low) * wide, top + (high - point[1]) / (high - low) * tall

    body = [f'<text class="tick" x="4" y="14">{axis(figure.y_label, figure.y_unit)}</text>']
    for tick, text in ticks:
        _, y = at((x_low, tick))
        faint = "" if text else " faint"
        body.append(f'<path class="grid{faint}" d="M{left} {y:.5g}H{left + wide}"/>')
        body.append(
            f'<text class="tick" x="{left - 8}" y="{y + 5:.5g}" text-anchor="end">{text}</text>' if text else ""
        )
    if is_line:
        path = []
        for before, point in zip([None, *known], known, strict=False):
            if point is not None:
                path.append("{}{:.5g} {:.5g}".format("L" if before else "M", *at(point)))
        body.append(f'<path class="line" d="{"".join(path)}"/>')
    shown_points = there[-1:] if is_line else there
    body += ['<circle class="end" cx="{:.5g}" cy="{:.5g}" r="4"/>'.format(*at(item)) for item in shown_points]
    first, end = (10.0**y if is_log else y for _, y in (there[0], there[-1]))
    if is_line:
        x, y = at(there[-1])
        y = y - 12 if y > top + 18 else y + 24
        body.append(f'<text class="value" x="{x:.5g}" y="{y:.5g}" text-anchor="end">{end:.3g}</text>')
    base = top + tall + 24
    name = axis(figure.x_label, figure.x_unit)
    body.append(
        f'<text class="tick" x="{left}" y="{base}">{x_low:.4g}</text>'
        f'<text class="tick" x="{left + wide / 2}" y="{base}" text-anchor="middle">{name}</text>'
        f'<text class="tick" x="{left + wide}" y="{base}" text-anchor="end">{x_high:.4g}</text>'
    )
    label = f"{esc(figure.title)}: {told(lang, 'from {first} to {end}', first=f'{first:.3g}', end=f'{end:.3g}')}"
    return _svg(width + right - 18, base + 10, label, "".join(body), "points")


def _known(figure: Series | Pairs, *, is_log: bool) -> list[tuple[float, float] | None]:
    """Return the points, None for one that cannot be drawn."""
    known: list[tuple[float, float] | None] = []
    for item, other in zip(figure.x, figure.values, strict=True):
        x, y = finite(item), finite(other)
        if y is not None and is_log:
            y = math.log10(y) if y > 0 else None
        known.append(None if x is None or y is None else (x, y))
    return known


def _ends(values: Sequence[float]) -> tuple[float, float]:
    """Return the least and the greatest value, widened if they are equal."""
    low, high = min(values), max(values)
    return (low, high) if low < high else (low - (abs(low) or 1.0) / 2, high + (abs(high) or 1.0) / 2)


def _axis(values: Sequence[float]) -> tuple[float, float, list[tuple[float, str]]]:
    """Return the ends of an axis, and its ticks with their labels."""
    low, high = _ends(values)
    if not math.isfinite(high - low):
        return low, high, []
    rough = (high - low) / 5
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * times for times in (1, 2, 5, 10) if power * times >= rough)
    first, last = math.floor(low / step), math.ceil(high / step)
    return first * step, last * step, [(number * step, f"{number * step:.6g}") for number in range(first, last + 1)]


def _log_axis(points: Sequence[tuple[float, float]]) -> tuple[float, float, list[tuple[float, str]]]:
    """Return the ends of a logarithmic axis, and its ticks; those between powers of ten have no label."""
    logs = [log for _, log in points]
    low, high = math.floor(min(logs) + 1e-9), math.ceil(max(logs) - 1e-9)
    high = max(high, low + 1)
    powers = range(low, high + 1, -(-(high - low) // 6))
    ticks = [(float(power), f"{10.0**power:g}" if -5 < power < 6 else f"1e{power}") for power in powers]
    if high - low <= 2:
        ticks += [(power + math.log10(times), "") for power in range(low, high) for times in (2, 5)]
    return low, high, ticks


# --- expected and actual -------------------------------------------------------------------------


def compared(evidence: Evidence, lang: str) -> str:
    """Return a drawing of a matrix with names: expected values as rings, actual ones as diamonds, joined by lines."""
    expected, actual = evidence.expected, evidence.actual
    if not (isinstance(expected, list) and isinstance(actual, list)) or not evidence.rows or not evidence.columns:
        return ""
    size = len(evidence.rows) * len(evidence.columns)
    most = max((abs(number) for value in (*expected, *actual) if (number := finite(value)) is not None), default=0.0)
    if not len(expected) == len(actual) == size <= MOST_COMPARED or not most:
        return ""
    width, left, row, top = 470, 126, 22, 8
    middle, half = left + (width - left - 14) / 2, (width - left - 14) / 2
    body, y = [], top - row / 2
    for number in range(size):
        group, part = divmod(number, len(evidence.columns))
        y += row + (9 if group and not part else 0)
        column = esc(evidence.columns[part], 20)
        name = f"{esc(evidence.rows[group], 20)} · {column}" if part == 0 else column
        body.append(f'<text class="tick" x="{left - 10}" y="{y + 5:.5g}" text-anchor="end">{name}</text>')
        body.append(f'<path class="grid faint" d="M{left} {y:.5g}H{width - 14}"/>')
        right, own = finite(expected[number]), finite(actual[number])
        pair = told(lang, "correct {right}, yours {own}", right=shown(expected[number]), own=shown(actual[number]))
        marks = ""
        if right is not None and own is not None:
            marks += f'<path class="apart" d="M{middle + half * right / most:.5g} {y:.5g}H{middle + half * own / most:.5g}"/>'
        if right is not None:
            marks += f'<circle class="right" cx="{middle + half * right / most:.5g}" cy="{y:.5g}" r="6"/>'
        if own is not None:
            x = middle + half * own / most
            marks += f'<path class="own" d="M{x - 5:.5g} {y:.5g}l5 -5 5 5 -5 5z"/>'
        else:
            marks += (
                f'<text class="value" x="{width - 14}" y="{y + 5:.5g}" text-anchor="end">{shown(actual[number])}</text>'
            )
        body.append(f"<g><title>{name}: {pair}</title>{marks}</g>")
    body.insert(0, f'<path class="axis" d="M{middle} {top}V{y + row / 2:.5g}"/>')
    base = y + row / 2 + 18
    for value, x, anchor in ((-most, left, "start"), (0.0, middle, "middle"), (most, width - 14, "end")):
        body.append(f'<text class="tick" x="{x}" y="{base:.5g}" text-anchor="{anchor}">{shown(value)}</text>')
    label = told(lang, "The correct numbers and yours, also in the table")
    return _svg(width, round(base) + 8, label, "".join(body), "compared")


# --- a class -------------------------------------------------------------------------------------


def histogram(ranges: Sequence[tuple[str, int]], lang: str) -> str:
    """Return a histogram of the scores: how many are in each range of points."""
    most = max((count for _, count in ranges), default=0)
    if not most:
        return ""
    width, tall, top, left = 560, 170, 24, 4
    step = (width - 2 * left) / len(ranges)
    body, spoken = [f'<path class="axis" d="M{left} {top + tall}H{width - left}"/>'], []
    for number, (span, count) in enumerate(ranges):
        x, high_px = left + number * step, tall * count / most
        spoken.append(told(lang, "{span}: {count}", span=span, count=count))
        body.append(
            f'<g><title>{span}: {count}</title><rect class="column" x="{x + 4:.5g}" y="{top + tall - high_px:.5g}" '
            f'width="{step - 8:.5g}" height="{high_px:.5g}"/>'
            f'<text class="value" x="{x + step / 2:.5g}" y="{top + tall - high_px - 6:.5g}" text-anchor="middle">{count}</text>'
            f'<text class="tick" x="{x + step / 2:.5g}" y="{top + tall + 18}" text-anchor="middle">{span}</text></g>'
        )
    label = f"{told(lang, 'Submissions by score:')} {'; '.join(spoken)}"
    return _svg(width, top + tall + 26, label, "".join(body), "histogram")
