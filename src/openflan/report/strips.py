"""Comparisons as a picture in a file of its own: every difference with its interval on one scale."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from itertools import accumulate

from openflan.evaluation.analysis.comparison import Comparison, Difference
from openflan.report import svg
from openflan.report.words import number
from openflan.tasks.clusters import CLUSTERS

_COLOURS = ("#2563eb", "#d97706", "#059669", "#9333ea", "#dc2626")
_PLOT, _EDGE, _LETTER = 420, 24, 7.2
_HEAD, _LINE, _GAP, _FOOT = 64, 20, 9, 34
_STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#111}.tick{fill:#6b7280}.head{font-weight:600}.grid{stroke:#e5e7eb}"
    ".zero{stroke:#9ca3af}.bar{stroke-width:2}"
    + "".join(f".m{order}{{fill:{colour};stroke:{colour}}}" for order, colour in enumerate(_COLOURS))
)


def comparison_svg(comparisons: Sequence[Comparison]) -> str:
    """A forest plot of every model's paired difference from the first one, with 95 % intervals."""
    lines = list(comparison_lines(comparisons))
    reach = max([1.0, *(_reach(one) for _, some in lines for one in some)]) * 1.05
    left = 2 * _EDGE + _LETTER * max([0, *(len(title) for title, _ in lines)])

    def place(value: float) -> str:
        return f"{left + _PLOT * (value / reach + 1) / 2:.1f}"

    tall = _LINE + _GAP * (len(comparisons) - 1)
    height = _HEAD + tall * len(lines) + _FOOT
    parts = [*_legend(comparisons), *_grid(place, reach, height)]
    for order, (title, some) in enumerate(lines):
        parts += _line(title, some, _HEAD + tall * (order + 0.5), place)
    width = max(left + _PLOT + _EDGE, len(_head(comparisons)) * _LETTER, _legend_ends(comparisons)[-1])
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" width="{width:.0f}" '
        f'height="{height}" role="img"><title>{escape(_head(comparisons))}</title><style>{_STYLE}</style>\n'
        '<rect width="100%" height="100%" fill="white"/>\n' + "\n".join(parts) + "\n</svg>\n"
    )


def comparison_lines(comparisons: Sequence[Comparison]) -> Iterator[tuple[str, list[Difference]]]:
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


def _head(comparisons: Sequence[Comparison]) -> str:
    return f"Difference from {comparisons[0].first}, 95 % intervals"


def _legend(comparisons: Sequence[Comparison]) -> Iterator[str]:
    yield svg.label(_head(comparisons), "8", 20, "head", "start")
    for order, (one, x) in enumerate(zip(comparisons, _legend_ends(comparisons), strict=False)):
        yield svg.mark(f"{x:.0f}", 38, _kind(order), order)
        yield svg.label(one.second, f"{x + 12:.0f}", 42, anchor="start")


def _legend_ends(comparisons: Sequence[Comparison]) -> list[float]:
    """Where the legend's entries begin, and where the last one ends."""
    return list(accumulate((len(one.second) * _LETTER + 2 * _EDGE for one in comparisons), initial=14.0))


def _grid(place: svg.Place, reach: float, height: float) -> Iterator[str]:
    for tick in svg.ticks(-reach, reach, 10):
        yield svg.rule(place(tick), _HEAD - 6, height - _FOOT + 6, "grid" if tick else "zero")
        yield svg.label(f"{tick:+g}" if tick else "0", place(tick), height - 8, "tick")


def _line(title: str, some: Sequence[Difference], middle: float, place: svg.Place) -> Iterator[str]:
    is_cluster = some[0].name == some[0].cluster
    yield svg.label(title, "8" if is_cluster else "20", middle + 4, "head" if is_cluster else "", "start")
    for order, one in enumerate(some):
        y = middle + _GAP * (order - (len(some) - 1) / 2)
        yield svg.bar(place(one.difference.low), place(one.difference.high), y, _kind(order))
        said = f"{one.name}: {number(one.first)} to {number(one.second)}"
        yield svg.mark(place(one.difference.value), y, _kind(order), order, 1 if is_cluster else 0.75, said)


def _kind(order: int) -> str:
    return f"m{order % len(_COLOURS)}"
