"""The drawings on the pages: SVG with classes for colours, no script. Each is "" where there is nothing to draw."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from grader.models import Number, Training
from grader.renderers.markup import LEVELS, shown, told
from grader.renderers.parts import marked

XOR = ((0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 0))
NEURONS = (marked("Hidden 1"), marked("Hidden 2"), marked("Output"))
PARTS = (marked("weight 1"), marked("weight 2"), marked("bias"))
HALF = 0.5

Grid = Sequence[Sequence[float | None]]


def bar(points: float, most: float, kind: str) -> str:
    """Return a bar of points; its number and word stand beside it."""
    width = 100 * max(0.0, min(1.0, points / most)) if most else 0.0
    return (
        '<svg class="bar" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true" focusable="false">'
        f'<rect class="track" width="100" height="8"/><rect class="fill {kind}" width="{width:.4g}" height="8"/></svg>'
    )


def finite(value: Number | None) -> float | None:
    """Return a number that can be drawn, or None."""
    return value if isinstance(value, (int, float)) and math.isfinite(value) else None


def _svg(width: int, height: int, label: str, body: str, kind: str) -> str:
    return (
        f'<svg class="chart {kind}" viewBox="0 0 {width} {height}" role="img" aria-label="{label}" focusable="false">'
        f"{body}</svg>"
    )


# --- the outputs on the unit square --------------------------------------------------------------


def grid_of(training: Training) -> Grid:
    """Return the outputs as grid[x1][x2]; empty where there is no square of them."""
    size, values = training.grid_size, training.grid
    if size < 2 or len(values) != size * size:
        return ()
    return [[finite(one) for one in values[row * size : (row + 1) * size]] for row in range(size)]


def surface(training: Training, lang: str) -> str:
    """Return the outputs on the unit square: colours, the line of one half, and the four points of XOR."""
    grid = grid_of(training)
    if not grid:
        return ""
    size, side, left, top = len(grid), 308, 34, 8
    cell = side / size
    body = []
    for x1, row in enumerate(grid):
        for x2, value in enumerate(row):
            level = "vx" if value is None else f"v{round(LEVELS * max(0.0, min(1.0, value)))}"
            number = "?" if value is None else f"{value:.3g}"
            body.append(
                f'<rect class="{level}" x="{left + x1 * cell:.5g}" y="{top + (size - 1 - x2) * cell:.5g}" '
                f'width="{cell:.5g}" height="{cell:.5g}">'
                f"<title>({x1 / (size - 1):.2g}, {x2 / (size - 1):.2g}): {number}</title></rect>"
            )

    def place(x1: float, x2: float) -> tuple[float, float]:
        return left + (x1 + 0.5) * cell, top + (size - 0.5 - x2) * cell

    segments = "".join(
        "M{:.4g} {:.4g}L{:.4g} {:.4g}".format(*place(*one), *place(*other)) for one, other in contour(grid)
    )
    body.append(f'<path class="half" d="{segments}"/>' if segments else "")
    spoken = []
    for x1, x2, wanted in XOR:
        value = grid[-x1][-x2] if x1 and x2 else grid[-1 if x1 else 0][-1 if x2 else 0]
        number = "?" if value is None else f"{value:.2f}"
        x, y = place(x1 * (size - 1), x2 * (size - 1))
        mark = (
            f'<rect class="mark" x="{x - 6:.5g}" y="{y - 6:.5g}" width="12" height="12"/>'
            if wanted
            else f'<circle class="mark" cx="{x:.5g}" cy="{y:.5g}" r="6.5"/>'
        )
        anchor, shift = ("end", -13) if x1 else ("start", 13)
        body.append(
            f"<g><title>({x1}, {x2}): {number}, {told(lang, 'should be {wanted}', wanted=wanted)}</title>{mark}"
            f'<text class="value" x="{x + shift:.5g}" y="{y + 5:.5g}" text-anchor="{anchor}">{number}</text></g>'
        )
        spoken.append(
            told(lang, "at ({x1}, {x2}) {value}, should be {wanted}", x1=x1, x2=x2, value=number, wanted=wanted)
        )
    for tick in (0, 1):
        x, y = place(tick * (size - 1), tick * (size - 1))
        body.append(f'<text class="tick" x="{x:.5g}" y="{top + side + 18}" text-anchor="middle">{tick}</text>')
        body.append(f'<text class="tick" x="{left - 10}" y="{y + 5:.5g}" text-anchor="end">{tick}</text>')
    middle = left + side / 2
    body.append(f'<text class="tick" x="{middle}" y="{top + side + 20}" text-anchor="middle">x₁</text>')
    body.append(f'<text class="tick" x="{left - 10}" y="{top + side / 2 + 5}" text-anchor="end">x₂</text>')
    label = f"{told(lang, 'Outputs of the network on the unit square:')} {'; '.join(spoken)}"
    return _svg(left + side + 8, top + side + 28, label, "".join(body), "surface")


def contour(grid: Grid) -> Iterator[tuple[tuple[float, float], tuple[float, float]]]:
    """Yield the pieces of the line where the output is one half, in steps of the grid (marching squares)."""
    for x1 in range(len(grid) - 1):
        for x2 in range(len(grid) - 1):
            corners = [(x1, x2), (x1 + 1, x2), (x1 + 1, x2 + 1), (x1, x2 + 1)]
            values = [grid[one][other] for one, other in corners]
            known = [value for value in values if value is not None]
            if len(known) < len(corners):
                continue
            crossed = []
            for edge in range(4):
                one, other = known[edge] - HALF, known[(edge + 1) % 4] - HALF
                if (one < 0) != (other < 0):
                    part = one / (one - other)
                    (a, b), (c, d) = corners[edge], corners[(edge + 1) % 4]
                    crossed.append((a + part * (c - a), b + part * (d - b)))
            if len(crossed) == 4 and (sum(known) / 4 >= HALF) != (known[0] >= HALF):
                crossed = [*crossed[1:], crossed[0]]  # a saddle: the other two corners are cut off
            for pair in range(0, len(crossed) - 1, 2):
                yield crossed[pair], crossed[pair + 1]


def ramp(lang: str) -> str:
    """Return the scale of the colours."""
    cells = "".join(f'<rect class="v{one}" x="{24 + 8 * one}" width="8" height="12"/>' for one in range(LEVELS + 1))
    label = told(lang, "Colours from an output of 0 to an output of 1")
    body = (
        f'<text class="tick" x="8" y="11">0</text>{cells}<text class="tick" x="{24 + 8 * LEVELS + 18}" y="11">1</text>'
    )
    return _svg(24 + 8 * LEVELS + 34, 14, label, body, "ramp")


# --- losses --------------------------------------------------------------------------------------


def loss_curve(losses: Sequence[Number], epochs: int | None, lang: str) -> str:
    """Return the losses of a training on a logarithmic scale; gaps where they are 0 or no number."""
    values = [one if (one := finite(value)) is not None and one > 0 else None for value in losses]
    logs = [math.log10(value) for value in values if value is not None]
    if len(logs) < 2:
        return ""
    low, high = math.floor(min(logs) + 1e-9), math.ceil(max(logs) - 1e-9)
    high = max(high, low + 1)
    width, height, left, top, right = 470, 344, 62, 12, 18
    wide, tall = width - left - right, 344 - 28 - top - 8

    def y(log: float) -> float:
        return top + (high - log) / (high - low) * tall

    def x(number: int) -> float:
        return left + number / (len(values) - 1) * wide

    body = []
    step = -(-(high - low) // 6)
    for power in range(low, high + 1, step):
        body.append(f'<path class="grid" d="M{left} {y(power):.5g}H{left + wide}"/>')
        text = f"{10.0**power:g}" if -5 < power < 6 else f"1e{power}"
        body.append(f'<text class="tick" x="{left - 8}" y="{y(power) + 5:.5g}" text-anchor="end">{text}</text>')
    if high - low <= 2:
        between = [power + math.log10(times) for power in range(low, high) for times in (2, 5)]
        body += [f'<path class="grid faint" d="M{left} {y(log):.5g}H{left + wide}"/>' for log in between]
    path, is_open = [], False
    for number, value in enumerate(values):
        if value is None:
            is_open = False
            continue
        path.append(f"{'L' if is_open else 'M'}{x(number):.5g} {y(math.log10(value)):.5g}")
        is_open = True
    body.append(f'<path class="line" d="{"".join(path)}"/>')
    last = max(number for number, value in enumerate(values) if value is not None)
    first, end = next(value for value in values if value is not None), values[last] or 0.0
    end_y = y(math.log10(end))
    body.append(f'<circle class="end" cx="{x(last):.5g}" cy="{end_y:.5g}" r="4"/>')
    text_y = end_y - 12 if end_y > top + 30 else end_y + 24
    body.append(f'<text class="value" x="{x(last):.5g}" y="{text_y:.5g}" text-anchor="end">{end:.3g}</text>')
    body.append(f'<text class="tick" x="{left}" y="{top + tall + 24}">{told(lang, "start")}</text>')
    over = told(lang, "{epochs} epochs", epochs=epochs) if epochs else told(lang, "end")
    body.append(f'<text class="tick" x="{left + wide}" y="{top + tall + 24}" text-anchor="end">{over}</text>')
    label = told(lang, "Mean squared error from {first} to {end}", first=f"{first:.3g}", end=f"{end:.3g}")
    return _svg(width, height, label, "".join(body), "loss")


# --- nine steps ----------------------------------------------------------------------------------


def steps(expected: Sequence[Number], actual: Sequence[Number], lang: str) -> str:
    """Return the nine right steps as rings and the student's as diamonds, a line between them."""
    numbers = [abs(one) for value in (*expected, *actual) if (one := finite(value)) is not None]
    most = max(numbers, default=0.0)
    if len(expected) != 9 or len(actual) != 9 or not most:
        return ""
    width, left, row, top = 470, 126, 22, 8
    middle, half = left + (width - left - 14) / 2, (width - left - 14) / 2
    body = [f'<path class="axis" d="M{middle} {top}V{top + 9 * row + 18}"/>']
    for number in range(9):
        gap = 9 * (number // 3)
        y = top + row * number + row / 2 + gap
        neuron, part = NEURONS[number // 3], PARTS[number % 3]
        name = f"{told(lang, neuron)} · {told(lang, part)}" if number % 3 == 0 else told(lang, part)
        body.append(f'<text class="tick" x="{left - 10}" y="{y + 5:.5g}" text-anchor="end">{name}</text>')
        body.append(f'<path class="grid faint" d="M{left} {y:.5g}H{width - 14}"/>')
        right, own = finite(expected[number]), finite(actual[number])
        pair = told(lang, "right {right}, yours {own}", right=shown(expected[number]), own=shown(actual[number]))
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
    base = top + 9 * row + 34
    for value, x, anchor in ((-most, left, "start"), (0.0, middle, "middle"), (most, width - 14, "end")):
        body.append(f'<text class="tick" x="{x}" y="{base}" text-anchor="{anchor}">{shown(value)}</text>')
    label = told(lang, "The right step of each of the nine weights and yours; the numbers are in the table")
    return _svg(width, base + 8, label, "".join(body), "steps")


# --- a class -------------------------------------------------------------------------------------


def histogram(counts: Sequence[int], most_points: int, lang: str) -> str:
    """Return how many scores are in each tenth."""
    most = max(counts, default=0)
    if not most:
        return ""
    width, tall, top, left = 560, 170, 24, 4
    step = (width - 2 * left) / len(counts)
    body, spoken = [f'<path class="axis" d="M{left} {top + tall}H{width - left}"/>'], []
    for number, count in enumerate(counts):
        low = -(-most_points * number // len(counts))
        high = most_points if number == len(counts) - 1 else -(-most_points * (number + 1) // len(counts)) - 1
        x, high_px = left + number * step, tall * count / most
        span = f"{low}\u2013{high}"
        spoken.append(told(lang, "{span}: {count}", span=span, count=count))
        body.append(
            f'<g><title>{span}: {count}</title><rect class="column" x="{x + 4:.5g}" y="{top + tall - high_px:.5g}" '
            f'width="{step - 8:.5g}" height="{high_px:.5g}"/>'
            f'<text class="value" x="{x + step / 2:.5g}" y="{top + tall - high_px - 6:.5g}" text-anchor="middle">{count}</text>'
            f'<text class="tick" x="{x + step / 2:.5g}" y="{top + tall + 18}" text-anchor="middle">{span}</text></g>'
        )
    label = f"{told(lang, 'Hand-ins by score:')} {'; '.join(spoken)}"
    return _svg(width, top + tall + 26, label, "".join(body), "histogram")
