"""The prompts of the page's browser: what was asked, what every model answered, and how sure it was of each option."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice, zip_longest
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from openflan.data.order import hash64
from openflan.data.prompt import BASELINE as BASELINE_SETTING
from openflan.evaluation.analysis.answers import Row
from openflan.evaluation.analysis.blocks import line_name, prediction
from openflan.evaluation.metrics import is_correct
from openflan.evaluation.results import Place, Results
from openflan.report.evaluations import Evaluation
from openflan.report.words import setting_title

MOST = 400
"""Most prompts on a page; all of them are in the Parquet files."""

LONGEST = 4000
"""Longest text that is shown whole, in characters."""

_COLUMNS = (
    "writer", "example", "prompt", "options", "target", "references", "logprobs", "choice", "generated", "score",
    "failure",
)  # fmt: skip

_Key = tuple[str, str, str, str]
"""What makes two models' rows answers to the same prompt: setting, dataset, writer and example."""

Hashes = NDArray[np.uint64]

_Rows = dict[_Key, dict[str, Row]]
"""Rows by prompt and model."""


def browser(evaluations: Mapping[str, Evaluation]) -> dict[str, Any]:
    """The data of the browser: the models, what to filter by, and a sample of the prompts with every answer."""
    drawn = _drawn(evaluations)
    keys = _sample(drawn)
    asked, own = _prompts(evaluations, keys)
    shown, beside = (asked, _by_example(own)) if asked else (own, {})
    order = {name: number for number, name in enumerate(evaluations)}
    return {
        "models": list(evaluations),
        "settings": {setting: setting_title(setting) for setting, _ in drawn},
        "datasets": list(dict.fromkeys(line for _, line in drawn)),
        "total": sum(some.total for some in drawn.values()),
        "prompts": [_entry(key, shown[key], beside.get((key[1], key[3]), {}), order) for key in keys],
    }


def embedded(data: Mapping[str, Any]) -> str:
    """JSON that is safe inside a script element, whatever texts it holds."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for sign in ("<", ">", "&", "\u2028", "\u2029"):
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    # A lone surrogate cannot be written as UTF-8.
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


class _Spot(NamedTuple):
    """Where a prompt stands: the row of a place in results."""

    results: Results
    place: Place
    row: int

    def key(self) -> _Key:
        """The prompt's key."""
        [key] = _keys(self.results, self.place, self.place.start + self.row, 1)
        return key


class _Drawn(NamedTuple):
    """Of a dataset's prompts in a setting: how many differ, and where those stand that a page may show, in turn."""

    total: int
    spots: list[_Spot]


def _drawn(evaluations: Mapping[str, Evaluation]) -> dict[tuple[str, str], _Drawn]:
    """What is shown of every setting and dataset; in their own way models are shown where that is all there is."""
    places = [(one.results, place) for one in evaluations.values() for place in one.results.places]
    tests = [(results, place) for results, place in places if place.split == "test"]
    asked = [pair for pair in tests if pair[1].setting != BASELINE_SETTING]
    found: dict[tuple[str, str], list[tuple[Hashes, Results, Place]]] = defaultdict(list)
    for results, place in asked or tests:
        hashes = [hash64("page", *key) for key in _keys(results, place, place.start, place.stop - place.start)]
        found[place.setting, _line(place)].append((np.array(hashes, dtype=np.uint64), results, place))
    return {at: _least(some) for at, some in found.items()}


def _least(some: Sequence[tuple[Hashes, Results, Place]]) -> _Drawn:
    """Those of the least hashes, which are as good as drawn."""
    hashes, first = np.unique(np.concatenate([one for one, _, _ in some]), return_index=True)
    ends = np.cumsum([len(one) for one, _, _ in some])
    spots = []
    for number in first[:MOST].tolist():
        mine, results, place = some[which := int(np.searchsorted(ends, number, side="right"))]
        spots.append(_Spot(results, place, number - int(ends[which]) + len(mine)))
    return _Drawn(len(hashes), spots)


def _keys(results: Results, place: Place, start: int, count: int) -> Iterator[_Key]:
    """The keys of some of the prompts at a place."""
    [part] = results.parts("writer", "example", which=[place.part])
    columns = part.slice(start, count).columns
    for writer, example in zip(*(column.to_pylist() for column in columns), strict=True):
        yield place.setting, _line(place), writer, example


def _line(place: Place) -> str:
    return line_name(place.dataset, place.variant, place.direction)


def _prompts(evaluations: Mapping[str, Evaluation], keys: Iterable[_Key]) -> tuple[_Rows, _Rows]:
    """The prompts about the examples of these, and those of models that were asked in their own way about them."""
    asked: _Rows = defaultdict(dict)
    own: _Rows = defaultdict(dict)
    wanted: dict[str, set[str]] = defaultdict(set)
    for _, line, _, example in keys:
        wanted[line].add(example)
    for name, one in evaluations.items():
        for place in one.results.places:
            line = _line(place)
            if place.split == "test" and line in wanted:
                rows = asked if place.setting != BASELINE_SETTING else own
                for row in _about(one.results, place, pa.array(sorted(wanted[line]))):
                    rows[place.setting, line, row["writer"], row["example"]][name] = row
    return asked, own


def _about(results: Results, place: Place, examples: pa.Array) -> list[Row]:
    """The rows at a place that are about some examples."""
    [part] = results.parts("example", which=[place.part])
    here = pc.is_in(part.column("example").slice(place.start, place.stop - place.start), examples)
    if not (which := np.flatnonzero(np.asarray(here)) + place.start).size:
        return []
    [part] = results.parts(*_COLUMNS, which=[place.part])
    rows: list[Row] = part.take(which).to_pylist()
    return rows


def _by_example(prompts: _Rows) -> dict[tuple[str, str], dict[str, Row]]:
    """The prompts by dataset and example, whichever writer made them."""
    found: dict[tuple[str, str], dict[str, Row]] = defaultdict(dict)
    for (_, line, _, example), rows in prompts.items():
        found[line, example] |= rows
    return found


def _sample(drawn: Mapping[tuple[str, str], _Drawn]) -> list[_Key]:
    """As many of every dataset and setting, one of each in turn."""
    turns = zip_longest(*(some.spots for some in drawn.values()))
    return [spot.key() for spot in islice((one for turn in turns for one in turn if one is not None), MOST)]


def _entry(key: _Key, rows: Mapping[str, Row], beside: Mapping[str, Row], order: Mapping[str, int]) -> dict[str, Any]:
    setting, line, writer, _ = key
    one = next(iter(rows.values()))
    answers = [_answer(order[name], row) for name, row in rows.items()]
    answers += [
        {**_answer(order[name], row), "prompt": _cut(row["prompt"])} for name, row in beside.items() if name not in rows
    ]
    return {
        "dataset": line,
        "setting": setting,
        "writer": writer,
        "prompt": _cut(one["prompt"]),
        "target": _cut(one["target"]),
        "answers": sorted(answers, key=lambda answer: answer["model"]),
    }


def _answer(model: int, row: Row) -> dict[str, Any]:
    """A model's answer; whether it is right where there are options, else its score."""
    said, options = prediction(row), row["options"]
    return {
        "model": model,
        "right": bool(is_correct(said, row["references"])) if options and said is not None else None,
        "score": None if options or row["score"] is None else _finite(row["score"]),
        "options": _options(row),
        "chosen": row["choice"],
        "wrote": None if row["generated"] is None else _cut(row["generated"]),
        "failure": row["failure"],
    }


def _options(row: Row) -> list[tuple[str, float | None, float, bool]]:
    """Each option with its log-probability, its share among the options in per cent, and whether it is right."""
    known = row["logprobs"] or [math.nan] * len(row["options"])
    best = max((value for value in known if math.isfinite(value)), default=0.0)
    weights = [math.exp(value - best) if math.isfinite(value) else 0.0 for value in known]
    total = sum(weights) or 1.0
    return [
        (_cut(option), _finite(value), round(100 * weight / total, 1), option in row["references"])
        for option, value, weight in zip(row["options"], known, weights, strict=True)
    ]


def _finite(value: float) -> float | None:
    return round(value, 2) if math.isfinite(value) else None


def _cut(text: str) -> str:
    left = len(text) - LONGEST
    return text if left <= 0 else f"{text[:LONGEST]} … ({left:,} more characters)"
