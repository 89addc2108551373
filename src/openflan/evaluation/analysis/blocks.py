"""Results by dataset: the prompts of one dataset, variant and direction in one setting, as additive
statistics.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from openflan.data.order import hash64
from openflan.evaluation.analysis.answers import Answers, Numbers, Row
from openflan.evaluation.analysis.statistics import unit_sums
from openflan.evaluation.metrics import (
    Array,
    Judged,
    Scorable,
    check_extras,
    chosen_option,
    is_correct,
    is_option,
    metric,
)
from openflan.evaluation.results import Place, Results

_READ = ("writer", "example", "group", "shots", "shortened", "failure", "options", "references", "choice", "generated")
"""Columns that nearly every number needs, read together."""

_HELD = 2_000_000
"""Rows that are held in memory, of the blocks that were looked at last."""


@dataclass(frozen=True)
class Block:
    """One dataset's prompts in one split and setting.

    What a table has a line for: `wmt16_deen` and, for its templates that ask for English, `wmt16_deen/en`.
    """

    name: str
    cluster: str
    metric: Scorable
    answers: Answers

    def __len__(self) -> int:
        return len(self.answers)

    def only(self, rows: Numbers) -> Block:
        """The block with these of its rows, in this order."""
        return replace(self, answers=self.answers.take(rows))

    @property
    def key(self) -> int:
        """The key that this dataset's resamples follow from, the same for every model."""
        return hash64(self.name)

    @property
    def writers(self) -> list[str]:
        """The writers (templates, for the most part) with at least one answer, in order."""
        answered = self.answers.answered
        return [writer for writer, rows in self.answers.by_writer.items() if answered[rows].any()]

    def units(self) -> pa.Array:
        """What is resampled, each once and sorted: a question that several rows belong to, else the row."""
        units = self.answers.units.unique()
        return units.take(pc.sort_indices(units))

    def sums(self, units: pa.Array) -> Array:
        """The metric's statistics, summed by unit: [writers, units, s]. Prompts without an answer add nothing."""
        answers, numbers = self.answers, self.numbers(units)
        rows = [some[answers.answered[some]] for some in (answers.by_writer[writer] for writer in self.writers)]
        statistics = _statistics(self.metric, answers)
        return np.stack([unit_sums(statistics(some), numbers[some], len(units)) for some in rows])

    def numbers(self, units: pa.Array) -> Numbers:
        """The number of each row's unit among these."""
        found: Numbers = pc.index_in(self.answers.units, value_set=units).to_numpy(zero_copy_only=False)
        return found.astype(np.int64)

    def further(self) -> dict[str, float]:
        """What is measured besides the metric, by name: the mean over writers of each one's ratio of sums."""
        found = {}
        for name, measure in SECONDARY_METRICS.items():
            if some := list(measure(self.answers).by_writer(self.answers).values()):
                found[name] = float(np.mean([np.divide(*np.sum(one.shares, axis=0)[:2]) for one in some]))
        return found

    def option_shares(self) -> dict[str, float]:
        """How often each option was chosen, in per cent of the prompts that were ranked, most often first.

        Empty where the options change from row to row.
        """
        if len({tuple(row["options"]) for row in self.answers.kinds}) != 1:
            return {}
        chosen = self.answers.counts("choice")
        total = chosen.total()
        return {option: 100 * count / total for option, count in chosen.most_common()}


class Blocks(Mapping[str, Block]):
    """Blocks by name, in the order they were scored; the rows of those looked at last are held in memory."""

    def __init__(self, results: Results, places: Mapping[str, Sequence[Place]]) -> None:
        self._results, self._places = results, places
        self._held: dict[str, Block] = {}

    def __getitem__(self, name: str) -> Block:
        block = self._held.pop(name, None) or self._block(name, self._places[name])
        self._held[name] = block  # the last again
        while len(self._held) > 1 and sum(map(len, self._held.values())) > _HELD:
            self._held.pop(next(iter(self._held)))
        return block

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def cluster(self, name: str) -> str:
        """The cluster of a block."""
        return self._places[name][0].cluster

    def _block(self, name: str, places: Sequence[Place]) -> Block:
        length = sum(place.stop - place.start for place in places)
        answers = Answers(length, partial(_columns, self._results, places))
        answers.columns(*_READ)
        return Block(name, places[0].cluster, metric(places[0].metric), answers)


def blocks(results: Results, split: str, setting: str | None = None) -> Blocks:
    """The blocks of a split in one setting (the first that was asked in).

    Raises `MissingExtraError` where one of their metrics lacks its package.
    """
    wanted = results.settings[0] if setting is None else setting
    places: dict[str, list[Place]] = {}
    for one in results.places:
        if one.split == split and one.setting == wanted:
            places.setdefault(line_name(one.dataset, one.variant, one.direction), []).append(one)
    check_extras({some[0].metric for some in places.values()})
    return Blocks(results, places)


def _columns(results: Results, places: Sequence[Place], names: Sequence[str]) -> pa.Table:
    """Columns of the rows at some places."""
    parts = dict.fromkeys(place.part for place in places)
    tables = dict(zip(parts, results.parts(*names, which=parts), strict=True))
    return pa.concat_tables([tables[one.part].slice(one.start, one.stop - one.start) for one in places])


def line_name(dataset: str, variant: str = "", direction: str = "") -> str:
    """The name of a line of a table: `rte`, `anli:r1`, `wmt16_deen/en`."""
    return dataset + (f":{variant}" if variant else "") + (f"/{direction}" if direction else "")


def prediction(row: Row) -> str | None:
    """The option ranked first, or the generated answer where none are ranked; None when it could not be scored."""
    said: str | None = row["choice"] if row["options"] else row["generated"]
    return said


def _statistics(metric: Scorable, answers: Answers) -> Callable[[Numbers], Array]:
    """What gives the metric's statistics of some rows: [rows, s]."""
    judged = [Judged(prediction(row) or "", row["references"], row["options"]) for row in answers.kinds]
    if metric.per_prompt:
        known = np.flatnonzero([prediction(row) is not None for row in answers.kinds])
        values = metric.statistics([judged[kind] for kind in known])
        every = np.zeros((len(judged), values.shape[1]))
        every[known] = values
        return lambda rows: every[answers.kind[rows]]
    groups = answers.column("group").to_pylist()
    return lambda rows: metric.statistics(
        [judged[kind]._replace(group=groups[row]) for row, kind in zip(rows, answers.kind[rows], strict=True)]
    )


class Share(NamedTuple):
    """What a row adds to a ratio above and below the line; with `answer`, to the ratio of one right answer of several
    whose mean is wanted.
    """

    above: float
    below: float
    answer: int = 0


class Shares(NamedTuple):
    """The rows that say something of a measure, in order, and what each adds: float64 [rows, 3], as in `Share`."""

    rows: Numbers
    shares: Array

    def by_writer(self, answers: Answers) -> dict[str, Shares]:
        """Those of each writer that has any."""
        names, codes = answers.writers
        mine = codes[self.rows]
        found = {name: np.flatnonzero(mine == number) for number, name in enumerate(names)}
        return {name: Shares(self.rows[some], self.shares[some]) for name, some in found.items() if len(some)}


Measure = Callable[[Answers], Shares]
"""What is measured on rows."""


def by_kind(share_of: Callable[[Row], Share | None]) -> Measure:
    """A measure that follows from what rows of a kind have in common; None where one says nothing."""

    def measure(answers: Answers) -> Shares:
        found = [share_of(row) for row in answers.kinds]
        known: NDArray[np.bool_] = np.array([share is not None for share in found], dtype=bool)
        shares = np.array([share or (0.0, 0.0, 0) for share in found], dtype=np.float64).reshape(len(found), 3)
        rows = np.flatnonzero(known[answers.kind])
        return Shares(rows, shares[answers.kind[rows]])

    return measure


def _loss(answers: Answers) -> Shares:
    """The loss, in nats, on the tokens of the right answer."""
    logprob, tokens = answers.columns("target_logprob", "target_tokens")
    rows = np.flatnonzero(logprob.is_valid().to_numpy())
    columns = [-logprob.take(rows).to_numpy(), tokens.take(rows).to_numpy(), np.zeros(len(rows))]
    return Shares(rows, np.stack(columns, axis=1).astype(np.float64))


def _written_option(row: Row) -> Share | None:
    """Whether a written answer is one of the options, in per cent."""
    if row["generated"] is None or not row["options"]:
        return None
    return Share(100.0 * is_option(row["generated"], row["options"]), 1.0)


def _written_right(row: Row) -> Share | None:
    """Whether a written answer to a prompt with options is right, in per cent."""
    if row["generated"] is None or not row["options"]:
        return None
    return Share(100.0 * is_correct(chosen_option(row["generated"], row["options"]), row["references"]), 1.0)


SECONDARY_METRICS: dict[str, Measure] = {
    "loss": _loss,
    "written_option": by_kind(_written_option),
    "written_accuracy": by_kind(_written_right),
}
"""What is measured besides the metric."""
