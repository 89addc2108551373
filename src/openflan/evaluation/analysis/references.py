"""What scores are compared with: answering without reading, and the figures the paper printed.

The untuned model is a baseline too, and no other than any model: evaluate it in the setting `baseline` (GPT-3's
prompts, zero- or few-shot) or with the instruction templates (`MODEL_BASELINES`).
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc

from openflan.data.example import Example
from openflan.errors import UnknownNameError, nearest
from openflan.evaluation.analysis.blocks import line_name
from openflan.evaluation.baselines import MODEL_BASELINES as MODEL_BASELINES
from openflan.evaluation.metrics import Judged, metric
from openflan.evaluation.prompts import Load
from openflan.evaluation.results import Results
from openflan.tasks.registry import Task

PAPER_RESULTS = Path(__file__).with_name("paper_results.json")


Scored = Collection[str] | None
"""Identities of the examples that were scored; None for all."""


@dataclass(frozen=True)
class Reference:
    """A score to compare ours with, 0 to 100. `status` says how sure a published figure is (see `statuses`)."""

    value: float
    status: str = ""

    @property
    def mark(self) -> str:
        """A superscript after the figure where it could not be read in the source itself."""
        return {"R": "ᴿ", "S": "ˢ", "G": "ᴳ", "?": "?"}.get(self.status, "")


def majority(task: Task, load: Load, scored: Scored = None) -> Reference | None:
    """The score of always giving the answer most frequent in training; None for free-form tasks.

    Where the options change from row to row, their position takes the place of the answer. Without a training split the
    test split's own majority is taken. Of the test rows only those `scored` count, where they are given.
    """
    test = _test(task, load, scored)
    if not test:
        return None
    has_train = any("train" in layout.splits for layout in task.layouts)
    counts = Counter(_position(one) for one in (_examples(task, load, "train") if has_train else test))
    most = min(counts, key=lambda position: (-counts[position], position))
    judged = [_judged(one, one.options[min(most, len(one.options) - 1)]) for one in test]
    scorable = metric(task.card.metric)
    return Reference(scorable.scores(judged)[scorable.primary])


def chance(task: Task, load: Load, scored: Scored = None) -> Reference | None:
    """The score of choosing an option blindly, in expectation; None for free-form tasks.

    A metric's statistics are additive, so theirs are averaged over the options: exact for means, and the limit of
    many rows for ratios such as F1. Of the test rows only those `scored` count, where they are given.
    """
    test = _test(task, load, scored)
    if not test:
        return None
    scorable = metric(task.card.metric)
    expected = [
        scorable.statistics([_judged(one, option, alone=True) for option in one.options]).mean(axis=0) for one in test
    ]
    return Reference(float(scorable.score(np.sum(expected, axis=0))[0]))


WITHOUT_READING: dict[str, Callable[[Task, Load, Scored], Reference | None]] = {"majority": majority, "random": chance}


def paper_columns() -> dict[str, str]:
    """The published columns: name → what it is."""
    columns: dict[str, str] = _paper()["columns"]
    return columns


def statuses() -> dict[str, str]:
    """What the status marks of published figures mean."""
    marks: dict[str, str] = _paper()["statuses"]
    return marks


def published(column: str) -> dict[str, Reference]:
    """A published column: our name of a dataset (`anli:r1`, `wmt16_deen/en`) → its figure. Raises
    `UnknownNameError`.
    """
    if column not in paper_columns():
        raise UnknownNameError(f"no published column is called {column!r}{nearest(column, paper_columns())}")
    return {
        name: Reference(row[column]["value"], row[column]["status"])
        for name, row in _paper()["datasets"].items()
        if column in row
    }


def check_references(names: Sequence[str]) -> None:
    """Raise `UnknownNameError` for a name that is no reference line, before anything is measured."""
    valid = [*WITHOUT_READING, *paper_columns()]
    for name in names:
        if name not in valid:
            raise UnknownNameError(f"no reference is called {name!r}{nearest(name, valid)}")


def references(
    names: Sequence[str], tasks: Sequence[Task], load: Load, results: Results | None = None
) -> dict[str, dict[str, Reference]]:
    """Reference lines by name: `majority`, `random`, or a published column; of the very rows that `results` scored.

    Raises `UnknownNameError`.
    """
    check_references(names)
    scored = _scored(results) if results else {}
    lines: dict[str, dict[str, Reference]] = {}
    for name in names:
        if name in WITHOUT_READING:
            found = {task.name: WITHOUT_READING[name](task, load, scored.get(task.name)) for task in tasks}
            lines[name] = {task: reference for task, reference in found.items() if reference is not None}
        else:
            lines[name] = published(name)
    return lines


@lru_cache(maxsize=1)
def _paper() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(PAPER_RESULTS.read_text(encoding="utf-8"))
    return found


def _scored(results: Results) -> dict[str, set[str]]:
    """The examples whose test prompts were scored, by task."""
    found: dict[str, set[str]] = defaultdict(set)
    for part in results.parts("dataset", "variant", "split", "example", "choice"):
        asked = part.filter((pc.field("split") == "test") & pc.field("choice").is_valid())
        for row in asked.group_by(["dataset", "variant", "example"]).aggregate([]).to_pylist():
            found[line_name(row["dataset"], row["variant"])].add(row["example"])
    return found


def _test(task: Task, load: Load, scored: Scored) -> list[Example]:
    if all(layout.options is None for layout in task.layouts):
        return []
    test = _examples(task, load, "test")
    return test if scored is None else [one for one in test if one.id in scored]


def _examples(task: Task, load: Load, role: Any) -> list[Example]:
    rows = load(task, role)
    return [example for example in rows.examples(range(len(rows))) if example.options]


def _position(example: Example) -> int:
    return example.options.index(example.answer)


def _judged(example: Example, said: str, alone: bool = False) -> Judged:
    return Judged(said, example.references, example.options, None if alone else example.group)
