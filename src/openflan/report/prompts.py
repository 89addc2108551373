"""The prompts of the page's browser: what was asked, what every model answered, and how sure it was of each option."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import islice, zip_longest
from typing import Any

from openflan.data.order import hash64
from openflan.data.prompt import BASELINE as BASELINE_SETTING
from openflan.evaluation.analysis.answers import Row
from openflan.evaluation.analysis.blocks import line_name, prediction
from openflan.evaluation.metrics import is_correct
from openflan.report.evaluations import Evaluation
from openflan.report.words import setting_title

MOST = 400
"""Most prompts on a page; all of them are in the Parquet files."""

LONGEST = 4000
"""Longest text that is shown whole, in characters."""

_COLUMNS = (
    "dataset", "variant", "direction", "split", "setting", "writer", "example", "prompt", "options", "target",
    "references", "logprobs", "choice", "generated", "score", "failure",
)  # fmt: skip

_Key = tuple[str, str, str, str]
"""What makes two models' rows answers to the same prompt: setting, dataset, writer and example."""

_Rows = dict[_Key, dict[str, Row]]
"""Rows by prompt and model."""


def browser(evaluations: Mapping[str, Evaluation]) -> dict[str, Any]:
    """The data of the browser: the models, what to filter by, and a sample of the prompts with every answer."""
    asked, own = _prompts(evaluations)
    shown, beside = (asked, _by_example(own)) if asked else (own, {})
    order = {name: number for number, name in enumerate(evaluations)}
    entries = [_entry(key, shown[key], beside.get((key[1], key[3]), {}), order) for key in _sample(shown)]
    return {
        "models": list(evaluations),
        "settings": {key[0]: setting_title(key[0]) for key in shown},
        "datasets": list(dict.fromkeys(key[1] for key in shown)),
        "total": len(shown),
        "prompts": entries,
    }


def embedded(data: Mapping[str, Any]) -> str:
    """JSON that is safe inside a script element, whatever texts it holds."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for sign in ("<", ">", "&", "\u2028", "\u2029"):
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    # A lone surrogate cannot be written as UTF-8.
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _prompts(evaluations: Mapping[str, Evaluation]) -> tuple[_Rows, _Rows]:
    """The prompts that are shown, and those of models that were asked in their own way, to be shown beside them."""
    asked: _Rows = defaultdict(dict)
    own: _Rows = defaultdict(dict)
    for name, one in evaluations.items():
        for row in one.results.table(*_COLUMNS).to_pylist():
            if row["split"] == "test":
                line = line_name(row["dataset"], row["variant"], row["direction"])
                place = own if row["setting"] == BASELINE_SETTING else asked
                place[row["setting"], line, row["writer"], row["example"]][name] = row
    return asked, own


def _by_example(prompts: _Rows) -> dict[tuple[str, str], dict[str, Row]]:
    """The prompts by dataset and example, whichever writer made them."""
    found: dict[tuple[str, str], dict[str, Row]] = defaultdict(dict)
    for (_, line, _, example), rows in prompts.items():
        found[line, example] |= rows
    return found


def _sample(prompts: Iterable[_Key]) -> list[_Key]:
    """As many of every dataset and setting, one of each in turn."""
    by_line: dict[tuple[str, str], list[_Key]] = defaultdict(list)
    for key in prompts:
        by_line[key[0], key[1]].append(key)
    for keys in by_line.values():
        keys.sort(key=lambda key: hash64("page", *key))
    in_turn = (key for turn in zip_longest(*by_line.values()) for key in turn if key is not None)
    return list(islice(in_turn, MOST))


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
