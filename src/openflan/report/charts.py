"""Figures besides the forests: how often each option was chosen, and the training loss."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from openflan.evaluate.analysis.blocks import Block
from openflan.report import svg
from openflan.report.evaluations import Evaluation, Group
from openflan.report.words import number, setting_title

_POINTS = 400
"""Most points of the loss curve; a longer one is thinned."""

_COLOURS = 6
"""Options that have a colour of their own; further ones share one."""


@dataclass(frozen=True)
class Shares:
    """How often each option was right and chosen, on one dataset: its options with their colours, and a bar per model
    and setting.
    """

    name: str
    options: Sequence[tuple[str, str]]
    bars: Sequence[tuple[str, str, str]]


def option_shares(group: Group, evaluations: Mapping[str, Evaluation]) -> list[Shares]:
    """What was right and what each model chose, on datasets whose options are the same for all prompts."""
    found = []
    for line in group.names:
        blocks = [
            (name, setting, some[line])
            for name, one in evaluations.items()
            for setting, some in one.blocks.items()
            if line in some
        ]
        bars, colours = [], {}
        for name, setting, block in blocks:
            chosen = block.option_shares()
            if not chosen:
                continue
            options = list(block.rows[0]["options"])
            for option in options:
                colours.setdefault(option, f"s{min(len(colours), _COLOURS)}")
            if not bars:
                bars.append(_share_bar("right answers", "", _right(block), options, colours))
            bars.append(_share_bar(name, setting_title(setting), chosen, options, colours))
        if bars:
            found.append(Shares(line, list(colours.items()), bars))
    return found


def _right(block: Block) -> dict[str, float]:
    counts = Counter(row["references"][0] for row in block.rows)
    return {option: 100 * count / counts.total() for option, count in counts.items()}


def _share_bar(
    who: str, how: str, shares: Mapping[str, float], options: Sequence[str], colours: Mapping[str, str]
) -> tuple[str, str, str]:
    some = [(option, shares[option], colours[option]) for option in options if option in shares]
    return who, how, svg.stack(some)


@dataclass(frozen=True)
class Curve:
    """The training loss: a drawing, what its axes end in, and the first and last value of its running mean."""

    drawn: str
    low: str
    high: str
    steps: str
    first: str
    last: str


def loss_curve(metrics: Sequence[Mapping[str, Any]]) -> Curve | None:
    """The training loss by step, with a running mean."""
    losses = [float(line["loss"]) for line in metrics]
    if len(losses) < 2:
        return None
    smooth = _running_mean(losses, max(1, len(losses) // 10))
    every = -(-len(losses) // _POINTS)
    low, high = min(0.0, *losses), max(losses)
    drawn = svg.box([svg.curve(losses[::every], low, high, "raw"), svg.curve(smooth[::every], low, high, "smooth")])
    last = str(metrics[-1]["step"])
    return Curve(drawn, number(low), number(high), last, number(smooth[0], 2), number(smooth[-1], 2))


def _running_mean(values: Sequence[float], width: int) -> list[float]:
    return [sum(window := values[max(0, end - width) : end]) / len(window) for end in range(1, len(values) + 1)]
