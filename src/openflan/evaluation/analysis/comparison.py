"""Two models on the same prompts: paired differences, their intervals, and a test.

Prompts are paired by template and example; where the two were evaluated with different templates (the untuned model
with its GPT-3-style prompts, say), examples are paired and each model keeps its own templates. What only one of the two
has answered counts for neither.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from openflan.evaluation.analysis.answers import Numbers
from openflan.evaluation.analysis.blocks import Block, blocks
from openflan.evaluation.analysis.statistics import (
    SAMPLES,
    Interval,
    bootstraps,
    interval,
    permutation_test,
    with_width,
)
from openflan.evaluation.metrics import Array
from openflan.evaluation.results import Results, ResultsError


@dataclass(frozen=True)
class Difference:
    """The second model's score less the first's, on a dataset or as the mean over a cluster's datasets.

    Scores are means over templates. `p` is the two-sided p-value of a randomization test, absent for clusters and
    where the two have no template in common. `examples` are those that both answered.
    """

    name: str
    cluster: str
    metric: str
    higher_is_better: bool
    first: float
    second: float
    difference: Interval
    p: float | None
    examples: int

    @property
    def verdict(self) -> int:
        """1 when the second is clearly better (the interval excludes 0), -1 when it is clearly worse, else 0."""
        sign = (self.difference.low > 0) - (self.difference.high < 0)
        return sign if self.higher_is_better else -sign


@dataclass(frozen=True)
class Comparison:
    """Two models by dataset and by cluster; `notes` name what could not be compared."""

    first: str
    second: str
    tasks: Sequence[Difference]
    clusters: Sequence[Difference]
    notes: Sequence[str]


def compare(
    first: Results,
    second: Results,
    setting: str | None = None,
    split: str = "test",
    samples: int = SAMPLES,
    *,
    second_setting: str | None = None,
) -> Comparison:
    """Compare what both have scored in `split`, in one setting, or each in the first it was asked in.

    With `second_setting`, the second is taken in that one. Raises `ResultsError` when that is nothing, or not the same
    rows.
    """
    asked = ((first, setting), (second, second_setting or setting))
    ours, theirs = (blocks(one, split, own if own in one.settings else None) for one, own in asked)
    found = {
        name: _difference(one, other, samples)
        for name in ours
        if name in theirs
        for one, other in [(ours[name], theirs[name])]
        if one.writers and other.writers
    }
    only = {first.name: ours.keys() - found.keys(), second.name: theirs.keys() - found.keys()}
    notes = [f"only {name} was scored on {', '.join(sorted(names))}" for name, names in only.items() if names]
    notes += [
        f"{name}: no example in common; the two models were evaluated on different rows"
        for name, one in found.items()
        if one is None
    ]
    pairs = [one for one in found.values() if one is not None]
    if not pairs:
        raise ResultsError(f"{first.path} and {second.path} have no answered {split} example in common")
    clusters: dict[str, list[tuple[Difference, Array]]] = defaultdict(list)
    for difference, replicates in pairs:
        if difference.higher_is_better:
            clusters[difference.cluster].append((difference, replicates))
    return Comparison(
        first.name, second.name, [one for one, _ in pairs], [_over(*one) for one in clusters.items()], notes
    )


def _difference(first: Block, second: Block, samples: int) -> tuple[Difference, Array] | None:
    first, second, common = _paired(first, second)
    if not len(first):
        return None
    units, metric = first.units(), first.metric
    ours, theirs = first.sums(units), second.sums(units)

    def mean(sums: Array) -> Array:
        """Sums [..., templates, s] → the primary score's mean over templates [...]."""
        means: Array = metric.score(sums)[..., 0].mean(axis=-1)
        return means

    before, after = float(mean(ours.sum(axis=1))), float(mean(theirs.sum(axis=1)))
    later, earlier = bootstraps((theirs, ours), mean, first.key, samples)
    replicates = later - earlier
    if metric.is_percentage:
        replicates = with_width(after - before, replicates, len(units), first.key, -100.0, 100.0)
    difference = Difference(
        name=first.name,
        cluster=first.cluster,
        metric=metric.primary,
        higher_is_better=metric.higher_is_better,
        first=before,
        second=after,
        difference=interval(after - before, replicates),
        p=permutation_test(theirs, ours, mean, first.key, samples) if common else None,
        examples=first.answers.examples(),
    )
    return difference, replicates


def _paired(first: Block, second: Block) -> tuple[Block, Block, bool]:
    """Both blocks less what only one has answered, and whether prompts (rather than examples) were paired."""
    ours, theirs = _answered(first), _answered(second)
    if not (common := set(first.writers) & set(second.writers)):
        units = pc.filter(ours.units.unique(), pc.is_in(ours.units.unique(), theirs.units.unique()))
        kept = [np.flatnonzero(pc.is_in(one.units, units).to_numpy(zero_copy_only=False)) for one in (ours, theirs)]
        return first.only(ours.rows[kept[0]]), second.only(theirs.rows[kept[1]]), False
    writers = pa.array(sorted(common))
    keys = ours.keys.filter(pc.and_(pc.is_in(ours.writers, writers), pc.is_in(ours.keys, theirs.keys)))
    keys = keys.take(pc.sort_indices(keys))
    one, other = first.only(ours.of(keys)), second.only(theirs.of(keys))
    if not one.answers.column("references").equals(other.answers.column("references")):
        raise ResultsError(
            f"{first.name}: the two models were evaluated on different rows, so they cannot be compared prompt by "
            "prompt; evaluate both from the same source"
        )
    return one, other, True


class _Answered(NamedTuple):
    """The rows of a block with an answer, of several to one prompt the last; the prompts' keys, writers and units."""

    rows: Numbers
    keys: pa.Array
    writers: pa.Array
    units: pa.Array

    def of(self, keys: pa.Array) -> Numbers:
        """The rows of these prompts."""
        places: Numbers = pc.index_in(keys, value_set=self.keys).to_numpy(zero_copy_only=False)
        return self.rows[places]


def _answered(block: Block) -> _Answered:
    rows = np.flatnonzero(block.answers.answered)
    writers, examples = (column.take(rows) for column in block.answers.columns("writer", "example"))
    # As texts the keys are sorted like pairs of writer and example, since no writer's name has this sign in it.
    keys = pc.binary_join_element_wise(writers, examples, "\0").combine_chunks().dictionary_encode()
    last = np.empty(len(keys.dictionary), dtype=np.int64)
    last[keys.indices.to_numpy()] = rows
    units = block.answers.units.take(last)
    return _Answered(last, keys.dictionary, block.answers.column("writer").take(last).combine_chunks(), units)


def _over(cluster: str, members: Sequence[tuple[Difference, Array]]) -> Difference:
    """The mean over a cluster's datasets; datasets are resampled independently of each other."""
    first = float(np.mean([one.first for one, _ in members]))
    second = float(np.mean([one.second for one, _ in members]))
    return Difference(
        name=cluster,
        cluster=cluster,
        metric="average",
        higher_is_better=True,
        first=first,
        second=second,
        difference=interval(second - first, np.mean([replicates for _, replicates in members], axis=0)),
        p=None,
        examples=sum(one.examples for one, _ in members),
    )
