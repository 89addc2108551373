"""Two models on a group of datasets: each measure's average before and after, with the paired difference.

A group's value is the mean over its datasets of the mean over writers, as clusters are averaged (paper section 3).
Examples are resampled within each dataset, the same for both models, so that a difference is paired.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow.compute as pc

from openflan.evaluation.analysis.answers import Answers, Row
from openflan.evaluation.analysis.blocks import SECONDARY_METRICS, Block, Measure, Share, Shares, by_kind
from openflan.evaluation.analysis.statistics import Interval, bootstrap, interval, unit_sums, with_width
from openflan.evaluation.metrics import Array


def chosen_right(row: Row) -> Share | None:
    """Whether the option ranked first is a right one, in per cent."""
    return None if row["choice"] is None else Share(100.0 * (row["choice"] in row["references"]), 1.0)


def chosen_right_by_answer(row: Row) -> Share | None:
    """The same, for a mean over the right answers: always giving one answer then scores no more than guessing."""
    if row["choice"] is None or row["references"][0] not in row["options"]:
        return None
    return Share(100.0 * (row["choice"] in row["references"]), 1.0, row["options"].index(row["references"][0]))


def best_gain_right(answers: Answers) -> Shares:
    """Whether the option that the input raises most over an empty one is right (pmi), in per cent."""
    known, alone = answers.columns("logprobs", "unconditional")
    lengths = [pc.list_value_length(column).fill_null(0).to_numpy() for column in (known, alone)]
    rows = np.flatnonzero((answers.options > 0) & (lengths[1] == answers.options) & (lengths[0] > 0))
    kinds, logprobs, alones = answers.kind[rows], known.take(rows).to_pylist(), alone.take(rows).to_pylist()
    shares = np.zeros((len(rows), 3))
    shares[:, 1] = 1.0
    for share, kind, ones, others in zip(shares, kinds.tolist(), logprobs, alones, strict=True):
        gains = [one - other for one, other in zip(ones, others, strict=True)]
        row = answers.kinds[kind]
        share[0] = 100.0 * (row["options"][gains.index(max(gains))] in row["references"])
    return Shares(rows, shares)


MEASURES: dict[str, Measure] = {
    "accuracy": by_kind(chosen_right),
    "balanced_accuracy": by_kind(chosen_right_by_answer),
    "pmi_accuracy": best_gain_right,
    **SECONDARY_METRICS,
}
_UNBOUNDED = {"loss"}
"""Measures that are no percentages."""


@dataclass(frozen=True)
class Change:
    """A measure on a group of `datasets`, by the first model and by the second, and the second less the first.

    `examples` are those measured, over all datasets.
    """

    measure: str
    datasets: int
    examples: int
    before: Interval
    after: Interval
    difference: Interval

    @property
    def is_clear(self) -> bool:
        """Whether the interval of the difference excludes zero."""
        return self.difference.low > 0 or self.difference.high < 0


class _Side(NamedTuple):
    """One model on one dataset: the value, then its bootstrap replicates [1 + samples]; and how many units."""

    replicates: Array
    units: int


def change(
    first: Mapping[str, Block], second: Mapping[str, Block], names: Sequence[str], measure: str
) -> Change | None:
    """Compare two models' blocks on the datasets `names` by one of `MEASURES`; None when it says nothing there."""
    pairs = [
        (name, before, after)
        for name in names
        if name in first and name in second
        for before in [_side(first[name], measure)]
        for after in [_side(second[name], measure)]
        if before is not None and after is not None
    ]
    if not pairs:
        return None
    befores, afters, differences = [], [], []
    for name, before, after in pairs:
        key = first[name].key
        befores.append(_widen(before.replicates, before.units, key, measure))
        afters.append(_widen(after.replicates, after.units, key, measure))
        gap = after.replicates - before.replicates
        differences.append(_widen(gap, min(before.units, after.units), key, measure, low=-100.0))
    return Change(
        measure,
        len(pairs),
        sum(min(before.units, after.units) for _, before, after in pairs),
        *(_interval(np.mean(side, axis=0)) for side in (befores, afters, differences)),
    )


def measure_block(block: Block, measure: str) -> Interval | None:
    """The mean over writers of one of `MEASURES` on one dataset."""
    side = _side(block, measure)
    return None if side is None else _interval(_widen(side.replicates, side.units, block.key, measure))


def _side(block: Block, measure: str) -> _Side | None:
    known = list(MEASURES[measure](block.answers).by_writer(block.answers).values())
    if not known:
        return None
    units = block.units()
    numbers, classes = block.numbers(units), 1 + max(int(one.shares[:, 2].max()) for one in known)
    stacked = np.stack([unit_sums(_by_class(one.shares, classes), numbers[one.rows], len(units)) for one in known])
    value = _mean(stacked.sum(axis=1))
    return _Side(np.concatenate([[value], bootstrap(stacked, _mean, block.key)]), len(units))


def _by_class(shares: Array, classes: int) -> Array:
    """What each share adds above and below the line of its own class's ratio: [rows, classes * 2]."""
    flat, rows, own = np.zeros((len(shares), 2 * classes)), np.arange(len(shares)), shares[:, 2].astype(np.int64)
    flat[rows, 2 * own], flat[rows, 2 * own + 1] = shares[:, 0], shares[:, 1]
    return flat


def _mean(sums: Array) -> Array:
    """Sums [..., writers, classes * 2] → the mean over writers of the mean over classes of their ratios [...]."""
    above, below = sums[..., 0::2], sums[..., 1::2]
    ratios = np.divide(above, below, out=np.full(above.shape, np.nan), where=below != 0)
    with np.errstate(invalid="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a resample may lack a class, or a writer's rows altogether
        mean: Array = np.nanmean(np.nanmean(ratios, axis=-1), axis=-1)
    return mean


def _widen(replicates: Array, units: int, key: int, measure: str, low: float = 0.0) -> Array:
    if measure in _UNBOUNDED:
        return replicates
    widened: Array = np.concatenate(
        [replicates[:1], with_width(float(replicates[0]), replicates[1:], units, key, low, 100.0)]
    )
    return widened


def _interval(replicates: Array) -> Interval:
    return interval(float(replicates[0]), replicates[1:])
