"""Two models on a group of datasets: each measure's average before and after, with the paired difference.

A group's value is the mean over its datasets of the mean over writers, as clusters are averaged (paper section 3).
Examples are resampled within each dataset, the same for both models, so that a difference is paired.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from openflan.evaluation.analysis.blocks import SECONDARY_METRICS, Block, Row, Share, unit_of
from openflan.evaluation.analysis.statistics import Interval, bootstrap, interval, unit_sums, with_width
from openflan.evaluation.metrics import Array

Measure = Callable[[Row], Share | None]
"""A row's share of a measure; None when it says nothing."""


def chosen_right(row: Row) -> Share | None:
    """Whether the option ranked first is a right one, in per cent."""
    return None if row["choice"] is None else Share(100.0 * (row["choice"] in row["references"]), 1.0)


def chosen_right_by_answer(row: Row) -> Share | None:
    """The same, for a mean over the right answers: always giving one answer then scores no more than guessing."""
    if row["choice"] is None or row["references"][0] not in row["options"]:
        return None
    return Share(100.0 * (row["choice"] in row["references"]), 1.0, row["options"].index(row["references"][0]))


def best_gain_right(row: Row) -> Share | None:
    """Whether the option that the input raises most over an empty one is right (pmi), in per cent."""
    if not row["options"] or len(row["unconditional"]) != len(row["options"]) or not row["logprobs"]:
        return None
    gains = [one - alone for one, alone in zip(row["logprobs"], row["unconditional"], strict=True)]
    return Share(100.0 * (row["options"][gains.index(max(gains))] in row["references"]), 1.0)


MEASURES: dict[str, Measure] = {
    "accuracy": chosen_right,
    "balanced_accuracy": chosen_right_by_answer,
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
    units, known = block.units(), list(_known(block, measure).values())
    if not known:
        return None
    classes = _classes(known)
    stacked = np.stack([_unit_sums(pairs, units, classes) for pairs in known])
    value = _mean(stacked.sum(axis=1))
    return _Side(np.concatenate([[value], bootstrap(stacked, _mean, block.key)]), len(units))


def _known(block: Block, measure: str) -> dict[str, list[tuple[Row, Share]]]:
    """The rows that say something of a measure, with their shares, by writer."""
    found = {
        writer: [(row, share) for row in rows if (share := MEASURES[measure](row)) is not None]
        for writer, rows in block.by_writer().items()
    }
    return {writer: pairs for writer, pairs in found.items() if pairs}


def _classes(known: Sequence[Sequence[tuple[Row, Share]]]) -> int:
    return 1 + max(share.answer for pairs in known for _, share in pairs)


def _unit_sums(pairs: Sequence[tuple[Row, Share]], units: Mapping[Any, int], classes: int) -> Array:
    """What the shares add up to by unit: [units, classes * 2], above and below the line of every class's ratio."""
    flat = np.zeros((len(pairs), 2 * classes))
    for line, (_, share) in zip(flat, pairs, strict=True):
        line[2 * share.answer : 2 * share.answer + 2] = share.above, share.below
    return unit_sums(flat, np.array([units[unit_of(row)] for row, _ in pairs]), len(units))


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
