"""The difference of two models on a group of datasets, paired by example, and one model's score there.

The measures are those of `openflan.evaluation.analysis.groups`, and `score`: each dataset's own metric, for those whose
prompts have no options to rank.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow.compute as pc

from openflan.evaluation.analysis.blocks import Block
from openflan.evaluation.analysis.groups import Change, change, measure_block
from openflan.evaluation.analysis.statistics import Interval, bootstrap, interval, with_width
from openflan.evaluation.metrics import Array

SCORE = "score"

Blocks = Mapping[str, Block]
"""One model's blocks in one setting, by name."""


@dataclass(frozen=True)
class Level:
    """What one model scores on a group by a measure; `guessing` is what choosing options blindly gives, if known."""

    measure: str
    score: Interval
    datasets: int
    examples: int
    guessing: float | None


def changed(first: Blocks, second: Blocks, names: Sequence[str], measure: str) -> Change | None:
    """The second model's measure less the first's, over the examples that both were asked; None when there are none."""
    ours, theirs = _shared(first, second, names)
    if measure == SCORE:
        return _score_change(ours, theirs, names)
    return change(ours, theirs, names, measure)


def level(blocks: Blocks, names: Sequence[str], measure: str) -> Level | None:
    """One model's measure on a group; None when it says nothing there."""
    one = changed(blocks, blocks, names, measure)
    if one is None:
        return None
    guesses = [guess for name in names if name in blocks and (guess := guessing(blocks[name])) is not None]
    known = measure == "accuracy" and len(guesses) == one.datasets
    return Level(measure, one.after, one.datasets, one.examples, float(np.mean(guesses)) if known else None)


def guessing(block: Block) -> float | None:
    """The accuracy of choosing an option blindly, in per cent; None for free-form prompts."""
    counts = block.answers.options[block.answers.options > 0]
    return float(np.mean(100 / counts)) if len(counts) else None


def is_free_form(block: Block) -> bool:
    """Whether none of a block's prompts has options."""
    return not block.answers.options.any()


def on_block(block: Block, measure: str) -> Interval | None:
    """One of the measures on one dataset."""
    if measure != SCORE:
        return measure_block(block, measure)
    points = _points(block)
    return None if points is None else interval(float(points[0]), points[1:])


def _shared(first: Blocks, second: Blocks, names: Sequence[str]) -> tuple[dict[str, Block], dict[str, Block]]:
    """Both models' blocks without the examples that only one has answered; empty blocks are left out."""
    ours, theirs = {}, {}
    for name in names:
        if name not in first or name not in second:
            continue
        before, after = first[name], second[name]
        one, other = _only(before, after), _only(after, before)
        if len(one):
            ours[name], theirs[name] = one, other
    return ours, theirs


def _only(block: Block, other: Block) -> Block:
    """The block without what the other lacks."""
    kept = np.flatnonzero(pc.is_in(block.answers.units, other.answers.units).to_numpy(zero_copy_only=False))
    return block if len(kept) == len(block) else block.only(kept)


def _score_change(first: Blocks, second: Blocks, names: Sequence[str]) -> Change | None:
    pairs = [
        (name, before, after)
        for name in names
        if name in first and is_free_form(first[name]) and is_free_form(second[name])
        if first[name].metric.is_percentage and first[name].metric.higher_is_better
        for before, after in [(_points(first[name]), _points(second[name]))]
        if before is not None and after is not None
    ]
    if not pairs:
        return None
    befores = np.mean([before for _, before, _ in pairs], axis=0)
    afters = np.mean([after for _, _, after in pairs], axis=0)
    gaps = np.mean([_widened(after - before, second[name], -100.0) for name, before, after in pairs], axis=0)
    return Change(
        SCORE,
        len(pairs),
        sum(len(second[name].units()) for name, _, _ in pairs),
        *(interval(float(side[0]), side[1:]) for side in (befores, afters, gaps)),
    )


def _points(block: Block) -> Array | None:
    """The primary score as the mean over writers: the value, then its bootstrap replicates."""
    if not block.writers:
        return None
    sums = block.sums(block.units())

    def mean(some: Array) -> Array:
        means: Array = block.metric.score(some)[..., 0].mean(axis=-1)
        return means

    points: Array = np.concatenate([[mean(sums.sum(axis=1))], bootstrap(sums, mean, block.key)])
    return _widened(points, block, 0.0)


def _widened(points: Array, block: Block, low: float) -> Array:
    if not block.metric.is_percentage:
        return points
    wide = with_width(float(points[0]), points[1:], len(block.units()), block.key, low, 100.0)
    widened: Array = np.concatenate([points[:1], wide])
    return widened
