"""Figures besides the forests: how often each option was chosen, and the training loss."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from openflan.evaluation.analysis.blocks import Block
from openflan.report import svg
from openflan.report.evaluations import Evaluation, Group
from openflan.report.words import number, setting_title

_POINTS = 400
"""Most points of the loss curve; a longer one is thinned."""

_COLOURS = 6
"""Options that have a colour of their own; further ones share one."""


@dataclass(frozen=True)
class Bar:
    """One stacked bar: whose answers, how they were asked for, the drawing, and the same in words."""

    who: str
    how: str
    drawn: str
    said: str


@dataclass(frozen=True)
class Shares:
    """How often each option was right and chosen on one dataset; `options` are colours with what they stand for."""

    name: str
    options: Sequence[tuple[str, str]]
    bars: Sequence[Bar]


def option_shares(group: Group, evaluations: Mapping[str, Evaluation]) -> list[Shares]:
    """What was right and what each model chose, on datasets whose options are the same for all prompts."""
    return [one for name in group.names if (one := _shares(name, evaluations)) is not None]


def _shares(dataset: str, evaluations: Mapping[str, Evaluation]) -> Shares | None:
    bars: list[Bar] = []
    named: dict[int, dict[str, None]] = defaultdict(dict)
    for model, one in evaluations.items():
        for setting, blocks in one.blocks.items():
            chosen = blocks[dataset].option_shares() if dataset in blocks else {}
            if not chosen:
                continue
            options = list(blocks[dataset].answers.first("options"))
            for place, option in enumerate(options):
                named[place][option] = None
            if not bars:
                bars.append(_bar("right answers", "", _right(blocks[dataset]), options))
            bars.append(_bar(model, setting_title(setting), chosen, options))
    legend = [(_colour(place), " / ".join(names)) for place, names in sorted(named.items())]
    return Shares(dataset, legend, bars) if bars else None


def _right(block: Block) -> dict[str, float]:
    counts: Counter[str] = Counter()
    for row, count in zip(block.answers.kinds, np.bincount(block.answers.kind).tolist(), strict=True):
        counts[row["references"][0]] += count
    return {option: 100 * count / counts.total() for option, count in counts.items()}


def _bar(who: str, how: str, shares: Mapping[str, float], options: Sequence[str]) -> Bar:
    """Options are coloured by their place, since another setting may have other words for the same answer."""
    some = [(option, shares[option], _colour(place)) for place, option in enumerate(options) if option in shares]
    said = ", ".join(f"{option} {number(share, 0)} %" for option, share, _ in some)
    return Bar(who, how, svg.stack(some), said)


def _colour(place: int) -> str:
    return f"s{min(place, _COLOURS)}"


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
