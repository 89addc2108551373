"""Results by dataset: the prompts of one dataset, variant and direction in one setting, as additive
statistics.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from openflan.data.order import hash64
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
from openflan.evaluation.results import SCHEMA, Results

_TEXTS = {"prompt", "target", "tokens", "score"}
_COLUMNS = [name for name in SCHEMA.names if name not in _TEXTS]
"""What scoring needs: all but the long texts."""

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Block:
    """One dataset's prompts in one split and setting, in the columns of the results less the prompts' text.

    What a table has a line for: `wmt16_deen` and, for its templates that ask for English, `wmt16_deen/en`.
    """

    name: str
    cluster: str
    metric: Scorable
    rows: Sequence[Row]

    @property
    def key(self) -> int:
        """The key that this dataset's resamples follow from, the same for every model."""
        return hash64(self.name)

    @property
    def writers(self) -> list[str]:
        """The writers (templates, for the most part) with at least one answer, in order."""
        return _ordered({row["writer"] for row in self.rows if prediction(row) is not None})

    def sums(self, units: Mapping[Any, int]) -> Array:
        """The metric's statistics, summed by unit: [writers, units, s]. Prompts without an answer add nothing."""
        by_writer = self.by_writer()
        return np.stack([_metric_sums(self.metric, by_writer[writer], units) for writer in self.writers])

    def further(self) -> dict[str, float]:
        """What is measured besides the metric, by name: the mean over writers of each one's ratio of sums."""
        found = {}
        for name, measure in SECONDARY_METRICS.items():
            pairs = [[pair for row in rows if (pair := measure(row))] for rows in self.by_writer().values()]
            if ratios := [np.divide(*np.sum(some, axis=0)[:2]) for some in pairs if some]:
                found[name] = float(np.mean(ratios))
        return found

    def units(self) -> dict[Any, int]:
        """What is resampled, numbered: a question that several rows belong to, else the row."""
        return {unit: number for number, unit in enumerate(sorted({unit_of(row) for row in self.rows}))}

    def by_writer(self) -> dict[str, list[Row]]:
        """The rows of each writer, in order."""
        rows: dict[str, list[Row]] = defaultdict(list)
        for row in self.rows:
            rows[row["writer"]].append(row)
        return {writer: rows[writer] for writer in _ordered(rows)}

    def option_shares(self) -> dict[str, float]:
        """How often each option was chosen, in per cent of the prompts that were ranked, most often first.

        Empty where the options change from row to row.
        """
        if len({tuple(row["options"]) for row in self.rows}) != 1:
            return {}
        chosen = Counter(row["choice"] for row in self.rows if row["choice"] is not None)
        total = chosen.total()
        return {option: 100 * count / total for option, count in chosen.most_common()}


def blocks(results: Results, split: str, setting: str | None = None) -> dict[str, Block]:
    """The blocks of a split in one setting (the first that was asked in), by name, in the order they were scored.

    Raises `MissingExtraError` where one of their metrics lacks its package.
    """
    wanted = results.settings[0] if setting is None else setting
    rows: dict[str, list[Row]] = defaultdict(list)
    for row in results.table(*_COLUMNS).to_pylist():
        if row["split"] == split and row["setting"] == wanted:
            rows[line_name(row["dataset"], row["variant"], row["direction"])].append(row)
    check_extras({some[0]["metric"] for some in rows.values()})
    return {name: Block(name, some[0]["cluster"], metric(some[0]["metric"]), some) for name, some in rows.items()}


def line_name(dataset: str, variant: str = "", direction: str = "") -> str:
    """The name of a line of a table: `rte`, `anli:r1`, `wmt16_deen/en`."""
    return dataset + (f":{variant}" if variant else "") + (f"/{direction}" if direction else "")


def prediction(row: Row) -> str | None:
    """The option ranked first, or the generated answer where none are ranked; None when it could not be scored."""
    said: str | None = row["choice"] if row["options"] else row["generated"]
    return said


def unit_of(row: Row) -> tuple[str, str]:
    """The unit that a prompt is resampled with: the question its answer belongs to, or its example."""
    return (row["group"], "") if row["group"] is not None else ("", row["example"])


def _metric_sums(metric: Scorable, rows: Sequence[Row], units: Mapping[Any, int]) -> Array:
    answered = [(row, said) for row in rows if (said := prediction(row)) is not None]
    judged = [Judged(said, row["references"], row["options"], row["group"]) for row, said in answered]
    return unit_sums(metric.statistics(judged), np.array([units[unit_of(row)] for row, _ in answered], int), len(units))


def _ordered(writers: Iterable[str]) -> list[str]:
    return sorted(writers, key=lambda name: (len(name), name))


class Share(NamedTuple):
    """What a row adds to a ratio above and below the line; with `answer`, to the ratio of one right answer of several
    whose mean is wanted.
    """

    above: float
    below: float
    answer: int = 0


def _loss(row: Row) -> Share | None:
    """The loss, in nats, on the tokens of the right answer."""
    return None if row["target_logprob"] is None else Share(-row["target_logprob"], row["target_tokens"])


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


SECONDARY_METRICS = {"loss": _loss, "written_option": _written_option, "written_accuracy": _written_right}
"""What is measured besides the metric: a row's share of a ratio, or None."""
