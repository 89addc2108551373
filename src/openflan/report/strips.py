"""Comparisons as a picture: every difference with its interval on one scale, as SVG that needs no library."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from openflan.evaluate.analysis.comparison import Comparison, Difference
from openflan.tasks.clusters import CLUSTERS

_COLOURS = ("#2563eb", "#d97706", "#059669", "#9333ea", "#dc2626")
_LEFT, _PLOT, _RIGHT = 250, 420, 60
_HEAD, _LINE, _GAP, _FOOT = 64, 20, 7, 34


def comparison_svg(comparisons: Sequence[Comparison]) -> str:
    """A forest plot of every model's paired difference from the first one, with 95 % intervals."""
    lines = list(_lines(comparisons))
    scale = _Scale(max([1.0, *(_reach(one) for _, some in lines for one in some)]) * 1.05)
    tall = _LINE + _GAP * (len(comparisons) - 1)
    width, height = _LEFT + _PLOT + _RIGHT, _HEAD + tall * len(lines) + _FOOT
    parts = [*_legend(comparisons), *_grid(scale, height)]
    for number, (title, some) in enumerate(lines):
        parts += _line(title, some, _HEAD + tall * (number + 0.5), scale)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        'font-family="system-ui, sans-serif" font-size="12" role="img">\n'
        '<rect width="100%" height="100%" fill="white"/>\n' + "\n".join(parts) + "\n</svg>\n"
    )


class _Scale:
    """Score points to pixels, zero in the middle."""

    def __init__(self, reach: float) -> None:
        self.reach = reach

    def __call__(self, value: float) -> float:
        return _LEFT + _PLOT * (value / self.reach + 1) / 2

    def ticks(self) -> list[float]:
        step = next(step for step in (0.5, 1, 2, 5, 10, 20, 50, 100) if self.reach / step < 6)
        count = int(self.reach / step)
        return [step * number for number in range(-count, count + 1)]


def _lines(comparisons: Sequence[Comparison]) -> Iterator[tuple[str, list[Difference]]]:
    """Titles and differences, cluster by cluster, of what all comparisons have; clusters before their datasets."""
    tasks = [{one.name: one for one in each.tasks} for each in comparisons]
    clusters = [{one.name: one for one in each.clusters} for each in comparisons]
    for cluster in dict.fromkeys(one.cluster for one in comparisons[0].tasks):
        if all(cluster in some for some in clusters):
            yield CLUSTERS.get(cluster, cluster), [some[cluster] for some in clusters]
        for name, one in tasks[0].items():
            if one.cluster == cluster and all(name in some for some in tasks):
                yield name, [some[name] for some in tasks]


def _reach(one: Difference) -> float:
    return max(abs(one.difference.low), abs(one.difference.high))


def _legend(comparisons: Sequence[Comparison]) -> Iterator[str]:
    yield f'<text x="8" y="20" font-weight="600">Difference from {escape(comparisons[0].first)}, 95 % intervals</text>'
    for number, one in enumerate(comparisons):
        x = 8 + 150 * number
        yield f'<circle cx="{x + 4}" cy="38" r="4" fill="{_colour(number)}"/>'
        yield f'<text x="{x + 14}" y="42">{escape(one.second)}</text>'


def _grid(scale: _Scale, height: float) -> Iterator[str]:
    for tick in scale.ticks():
        x, shade = scale(tick), "#9ca3af" if tick == 0 else "#e5e7eb"
        yield f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{_HEAD - 6}" y2="{height - _FOOT + 6}" stroke="{shade}"/>'
        yield (
            f'<text x="{x:.1f}" y="{height - 8}" text-anchor="middle" fill="#6b7280">'
            f"{f'{tick:+g}' if tick else '0'}</text>"
        )


def _line(title: str, some: Sequence[Difference], middle: float, scale: _Scale) -> Iterator[str]:
    is_cluster = some[0].name == some[0].cluster
    style = 'x="8" font-weight="600"' if is_cluster else 'x="20"'
    yield f'<text {style} y="{middle + 4:.1f}">{escape(title)}</text>'
    for number, one in enumerate(some):
        y, colour = middle + _GAP * (number - (len(some) - 1) / 2), _colour(number)
        low, value, high = (scale(x) for x in (one.difference.low, one.difference.value, one.difference.high))
        yield f'<line x1="{low:.1f}" x2="{high:.1f}" y1="{y:.1f}" y2="{y:.1f}" stroke="{colour}" stroke-width="2"/>'
        yield (
            f'<circle cx="{value:.1f}" cy="{y:.1f}" r="{5 if is_cluster else 3.5}" fill="{colour}">'
            f"<title>{escape(f'{one.name}: {one.first:.1f} to {one.second:.1f}')}</title></circle>"
        )


def _colour(number: int) -> str:
    return _COLOURS[number % len(_COLOURS)]
