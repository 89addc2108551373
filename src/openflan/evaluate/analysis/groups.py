"""Two models on a group of datasets: each measure's average before and after, with the paired difference.

A group's value is the mean over its datasets of the mean over templates, as clusters are averaged (paper section 3).
Examples are resampled within each dataset, the same for both models, so that a difference is paired.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from openflan.evaluate.analysis.blocks import SECONDARY_METRICS, Block, Row, unit_of
from openflan.evaluate.analysis.statistics import Interval, bootstrap, interval, unit_sums
from openflan.evaluate.metrics import Array

Measure = Callable[[Row], tuple[float, float] | None]
"""A row's share of a ratio: what it adds above and below the line; None when it says nothing."""


def chosen_right(row: Row) -> tuple[float, float] | None:
    """Whether the option ranked first is a right one, in per cent."""
    return None if row["choice"] is None else (100.0 * (row["choice"] in row["references"]), 1.0)


MEASURES: dict[str, Measure] = {"accuracy": chosen_right, **SECONDARY_METRICS}


@dataclass(frozen=True)
class Change:
    """A measure on a group of `datasets`, by the first model and by the second, and the second less the first."""

    measure: str
    datasets: int
    before: Interval
    after: Interval
    difference: Interval

    @property
    def is_clear(self) -> bool:
        """Whether the interval of the difference leaves out zero."""
        return self.difference.low > 0 or self.difference.high < 0


def change(
    first: Mapping[str, Block], second: Mapping[str, Block], names: Sequence[str], measure: str
) -> Change | None:
    """Compare two models' blocks on the datasets `names` by one of `MEASURES`; None when it says nothing there."""
    pairs = [
        (before, after)
        for name in names
        if name in first and name in second
        for before in [_replicates(first[name], MEASURES[measure])]
        for after in [_replicates(second[name], MEASURES[measure])]
        if before is not None and after is not None
    ]
    if not pairs:
        return None
    before, after = (np.mean(side, axis=0) for side in zip(*pairs, strict=True))
    return Change(measure, len(pairs), _interval(before), _interval(after), _interval(after - before))


def measured(block: Block, measure: str) -> Interval | None:
    """One of `MEASURES` on one dataset: the mean over templates."""
    replicates = _replicates(block, MEASURES[measure])
    return None if replicates is None else _interval(replicates)


def _replicates(block: Block, measure: Measure) -> Array | None:
    """The value itself, then its bootstrap replicates: [1 + samples]."""
    units = block.units()
    sums = []
    for rows in block.by_template().values():
        known = [(row, pair) for row in rows if (pair := measure(row)) is not None]
        if known:
            numbers = np.array([units[unit_of(row)] for row, _ in known])
            sums.append(unit_sums(np.array([pair for _, pair in known]), numbers, len(units)))
    if not sums:
        return None
    stacked = np.stack(sums)
    value = _mean_ratio(stacked.sum(axis=1))
    return np.concatenate([[value], bootstrap(stacked, _mean_ratio, block.key)])


def _mean_ratio(sums: Array) -> Array:
    """Sums [..., templates, 2] → the mean over templates of their ratios [...]."""
    top, bottom = sums[..., 0], sums[..., 1]
    ratios = np.divide(top, bottom, out=np.full(top.shape, np.nan), where=bottom != 0)
    mean: Array = np.nanmean(ratios, axis=-1)
    return mean


def _interval(replicates: Array) -> Interval:
    return interval(float(replicates[0]), replicates[1:])
