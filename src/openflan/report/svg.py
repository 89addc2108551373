"""Parts of figures as SVG, without a library: marks, intervals, bars and lines.

Where a piece stands along the figure is a string, in pixels (`120`) or as a share of the width (`43.2%`): figures of
the page grow with it and keep their text size, while a figure in a file of its own has a fixed size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from html import escape

Place = Callable[[float], str]
"""A value → where it stands along the figure."""

SHAPES = ("M0-5A5 5 0 1 0 .01-5Z", "M-4.4-4.4H4.4V4.4H-4.4Z", "M0-6 6 0 0 6-6 0Z", "M0-5.5 5.5 4.5H-5.5Z")
"""Disc, square, diamond and triangle, so that models can be told apart without their colours."""

_STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100)


def percent(low: float, high: float) -> Place:
    """Places as a share of the width, with a margin for marks at the ends."""
    return lambda value: f"{2 + 96 * (min(max(value, low), high) - low) / ((high - low) or 1):.2f}%"


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Round values between two others, `most` at most."""
    step = next((step for step in _STEPS if (high - low) / step <= most), high - low)
    first = -int(-low / step) if low < 0 else int(low / step)
    return [step * number for number in range(first, int(high / step + 1e-9) + 1)]


def rule(at: str, top: float, bottom: float, kind: str) -> str:
    """A vertical line, of the class `kind`."""
    return f'<line class="{kind}" x1="{at}" x2="{at}" y1="{top:g}" y2="{bottom:g}"/>'


def bar(low: str, high: str, y: float, kind: str) -> str:
    """A horizontal line: an interval."""
    return f'<line class="bar {kind}" x1="{low}" x2="{high}" y1="{y:g}" y2="{y:g}"/>'


def mark(at: str, y: float, kind: str, shape: int = 0, size: float = 1.0, said: str = "") -> str:
    """A mark on a value; `said` appears where a pointer rests on it."""
    title = f"<title>{escape(said)}</title>" if said else ""
    scale = "" if size == 1 else f' transform="scale({size:g})"'
    path = SHAPES[shape % len(SHAPES)]
    return (
        f'<svg x="{at}" y="{y:g}" overflow="visible"><path class="mark {kind}" d="{path}"{scale}>{title}</path></svg>'
    )


def label(text: str, at: str, y: float, kind: str = "", anchor: str = "middle") -> str:
    """Text in a figure."""
    return f'<text class="{kind}" x="{at}" y="{y:g}" text-anchor="{anchor}">{escape(text)}</text>'


def strip(parts: Iterable[str], height: float) -> str:
    """A figure as wide as its place on the page. The text beside it says what it shows, so screen readers skip it."""
    return f'<svg class="strip" width="100%" height="{height:g}" aria-hidden="true">{"".join(parts)}</svg>'


def axis(place: Place, marks: Sequence[float]) -> str:
    """The numbers above a column of strips."""
    return strip([label(f"{value:g}", place(value), 12, "tick") for value in marks], 16)


def stack(shares: Sequence[tuple[str, float, str]]) -> str:
    """A stacked bar: (what, per cent, class) from left to right."""
    parts, left = [], 0.0
    for what, share, kind in shares:
        parts.append(
            f'<rect class="{kind}" x="{left:.2f}%" y="1" width="{share:.2f}%" height="16">'
            f"<title>{escape(what)}: {share:.1f} %</title></rect>"
        )
        if share >= 12:
            parts.append(label(f"{share:.0f} %", f"{left + share / 2:.2f}%", 13, "inside"))
        left += share
    return strip(parts, 18)


def curve(values: Sequence[float], low: float, high: float, kind: str) -> str:
    """A line through values at equal distances, in a box of 100 by 100 that is stretched to its place."""
    last, span = max(len(values) - 1, 1), (high - low) or 1
    points = " ".join(
        f"{100 * number / last:.2f},{100 - 100 * (value - low) / span:.2f}" for number, value in enumerate(values)
    )
    return f'<polyline class="{kind}" points="{points}" fill="none" vector-effect="non-scaling-stroke"/>'


def box(parts: Iterable[str]) -> str:
    """Curves in a box that is stretched to its place."""
    return (
        f'<svg class="box" viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true">{"".join(parts)}</svg>'
    )
