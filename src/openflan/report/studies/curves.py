"""Curves of a study: scores along one of its axes, with intervals, and the paper's printed points beside them."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from openflan.evaluation.analysis.statistics import Interval
from openflan.report import svg
from openflan.report.studies.grids import PAPER, label, level_of, mean_of, published_points, shown
from openflan.report.words import bounds, number
from openflan.study.results import Line
from openflan.study.spec import Figure, Study

_HEIGHT, _TOP, _BOTTOM = 300.0, 12.0, 28.0
_COLOURS = 8


@dataclass(frozen=True)
class Series:
    """A line of a curve: what it is, its place among the colours, and its points by value of the axis."""

    order: int
    name: str
    points: Mapping[str, Interval]


@dataclass(frozen=True)
class Curve:
    """What stands across, a drawing, the series in it, and the values along its axis, in order."""

    title: str
    about: str
    across: str
    drawn: str
    series: Sequence[Series]
    values: Sequence[str]


def curve(study: Study, figure: Figure, lines: Sequence[Line]) -> Curve | None:
    """The curves that a figure asks for; None where there are none."""
    x = figure.x
    if x is None:
        return None
    some = shown(figure, lines, level_of(figure))
    values = [value for value in study.values(x) if any(line.at[x] in (value, "") for line in some)]
    found: dict[str, dict[str, list[Interval]]] = defaultdict(lambda: defaultdict(list))
    for line in some:
        for value in [line.at[x]] if line.at[x] else values:
            found[label(line.at, figure.lines)][value].append(line.mean)
    for at, given, _ in published_points(study, figure, [x, *(field for field in figure.lines if field in study.axes)]):
        name = ", ".join([PAPER, *([label(at, figure.lines)] if any(at.get(one) for one in figure.lines) else [])])
        found[name][at[x]].append(Interval(given, given, given))
    series = [
        Series(order % _COLOURS, name, {value: mean_of(points[value]) for value in values if value in points})
        for order, (name, points) in enumerate(found.items())
    ]
    series = [one for one in series if one.points]
    return (
        Curve(figure.title, figure.about, study.title_of(x), _drawn(series, values), series, values)
        if series and values
        else None
    )


def _drawn(series: Sequence[Series], values: Sequence[str]) -> str:
    ends = [end for one in series for point in one.points.values() for end in (point.low, point.high)]
    low, high = min(ends), max(ends)
    low, high = low - 0.06 * ((high - low) or 1), high + 0.06 * ((high - low) or 1)
    across = _places(values)

    def down(value: float) -> float:
        return _TOP + (_HEIGHT - _TOP - _BOTTOM) * (1 - (value - low) / (high - low))

    parts = [part for tick in svg.ticks(low, high) if low <= tick for part in _level(tick, down(tick))]
    parts += [svg.label(value, across[value], _HEIGHT - 8, "tick") for value in values]
    for one in series:
        parts += _line(one, across, down)
    return svg.strip(parts, _HEIGHT)


def _places(values: Sequence[str]) -> dict[str, str]:
    """Where the values stand: numbers by their size (by its logarithm over a wide range), else evenly."""
    sizes = [_size(value) for value in values]
    known = [size for size in sizes if size is not None]
    if len(known) < len(values) or len(values) < 2:
        known = [float(number) for number in range(len(values))]
    elif min(known) > 0 and max(known) / min(known) > 20:
        known = [math.log(size) for size in known]
    low, high = min(known), max(known)
    return {
        value: f"{10 + 84 * (size - low) / ((high - low) or 1):.2f}%" for value, size in zip(values, known, strict=True)
    }


def _size(value: str) -> float | None:
    """The number that a value is or begins with, as `1.7B` and `135M` do."""
    scale = {"B": 1e9, "M": 1e6, "K": 1e3}.get(value[-1:].upper(), 1.0)
    try:
        return float(value if scale == 1.0 else value[:-1]) * scale
    except ValueError:
        return None


def _level(tick: float, y: float) -> list[str]:
    rule = f'<line class="grid" x1="6%" x2="100%" y1="{y:.1f}" y2="{y:.1f}"/>'
    return [rule, svg.label(f"{tick:g}", "5%", y + 4, "tick", "end")]


def _line(one: Series, across: Mapping[str, str], down: Callable[[float], float]) -> list[str]:
    kind, dash = f"m{one.order}", ' stroke-dasharray="5 4"' if one.name.startswith(PAPER) else ""
    places = [(across[value], point) for value, point in one.points.items()]
    parts = [
        f'<line class="bar {kind}"{dash} x1="{first}" x2="{second}" y1="{down(a.value):.1f}" y2="{down(b.value):.1f}"/>'
        for (first, a), (second, b) in pairwise(places)
    ]
    for (x, point), value in zip(places, one.points, strict=True):
        if point.high > point.low:
            ends = f'y1="{down(point.low):.1f}" y2="{down(point.high):.1f}"'
            parts.append(f'<line class="bar {kind}" x1="{x}" x2="{x}" {ends}/>')
        said = f"{one.name}, {value}: {number(point.value)} {bounds(point)}"
        parts.append(svg.mark(x, down(point.value), kind, one.order, said=said))
    return parts
