"""T0's way of reporting (Sanh et al. 2021): median and interquartile range over prompts, and the figures it printed.

T0 chooses no prompt. A set's prompts are those of its original task, and what is reported is how their scores lie.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from openflan.evaluation.analysis.references import Reference

T0_RESULTS = Path(__file__).with_name("t0_results.json")


class Spread(NamedTuple):
    """The median of some scores, and their quartiles."""

    median: float
    low: float
    high: float

    @property
    def iqr(self) -> float:
        """The interquartile range."""
        return self.high - self.low


class Printed(NamedTuple):
    """What was printed for a model on a set: mean and median over its prompts, where known.

    `trained` says whether the model was trained on that set, so that the figure is no zero-shot one.
    """

    mean: Reference | None
    median: Reference | None
    trained: bool


def spread(scores: Sequence[float]) -> Spread:
    """Median and quartiles of the scores of prompts, between two of them by proportion.

    >>> spread([10, 20, 40])
    Spread(median=20.0, low=15.0, high=30.0)
    """
    low, median, high = np.quantile(np.asarray(scores, dtype=np.float64), [0.25, 0.5, 0.75]).tolist()
    return Spread(median, low, high)


def t0_sets() -> list[str]:
    """The eleven evaluation sets, by our names."""
    return list(_t0()["datasets"])


def t0_columns() -> dict[str, str]:
    """The printed columns: name → the model."""
    columns: dict[str, str] = _t0()["columns"]
    return columns


def t0_statuses() -> dict[str, str]:
    """What the marks of printed figures mean."""
    marks: dict[str, str] = _t0()["statuses"]
    return marks


def t0_notes() -> list[str]:
    """What a reader of the columns should know."""
    notes: list[str] = _t0()["notes"]
    return notes


def t0_printed(dataset: str) -> dict[str, Printed]:
    """What was printed on one of the sets, by column."""
    trained: dict[str, list[str]] = _t0()["trained"]
    return {
        column: Printed(_figure(values["mean"]), _figure(values["median"]), dataset in trained.get(column, ()))
        for column, values in _t0()["datasets"][dataset].items()
    }


def _figure(values: dict[str, Any] | None) -> Reference | None:
    return None if values is None else Reference(**values)


@lru_cache(maxsize=1)
def _t0() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(T0_RESULTS.read_text(encoding="utf-8"))
    return found
