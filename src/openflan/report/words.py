"""The wording of numbers, counts and settings, the same in tables, in sentences and on the page."""

from __future__ import annotations

import math
from collections.abc import Sequence

from openflan.evaluation.analysis.statistics import Interval

SETTING_TITLES = {
    "options": "with the OPTIONS block",
    "bare": "without the OPTIONS block",
    "baseline": "GPT-3-style prompts",
    "plain": "raw fields",
    "name": "names of task and dataset, raw fields",
    "promptsource": "promptsource's templates",
}
"""What settings are called for people."""

METRIC_TITLES = {
    "accuracy": "acc",
    "exact_match": "EM",
    "f1": "F1",
    "pearson": "Pearson",
    "bleu": "BLEU",
    "rougeLsum": "ROUGE-L",
    "edit_distance": "edits",
}
"""How scores are called in tables."""

_QUOTED = 60
"""Longest answer that is quoted whole."""


def setting_title(setting: str) -> str:
    """What a setting is called, by itself."""
    return sentence(SETTING_TITLES.get(setting, setting))


def asked(setting: str) -> str:
    """How a model was prompted in a setting, as part of a sentence: `with raw fields`."""
    if setting not in SETTING_TITLES:
        return f"in the setting {setting!r}"
    title = SETTING_TITLES[setting]
    return title if title.startswith("with") else f"with {title}"


def metric_title(name: str, higher_is_better: bool) -> str:
    """What a metric is called, with an arrow where less is better."""
    return METRIC_TITLES.get(name, name) + ("" if higher_is_better else " ↓")


def number(value: float, digits: int = 1, signed: bool = False) -> str:
    """A number as people read it: never a minus before zero."""
    if math.isnan(value):
        return "–"
    rounded = round(value, digits) + 0.0
    return f"{rounded:+,.{digits}f}" if signed and rounded else f"{rounded:,.{digits}f}"


def half_width(score: Interval) -> str:
    """A value, and half the width of its interval: `53.1 ±15.6`."""
    return f"{number(score.value)} ±{number((score.high - score.low) / 2)}"


def bounds(score: Interval, digits: int = 1, signed: bool = False) -> str:
    """The ends of an interval: `[-4.7, +7.0]`."""
    return f"[{number(score.low, digits, signed)}, {number(score.high, digits, signed)}]"


def listed(parts: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def quoted(answer: str) -> str:
    """An answer in quotes, on one line, cut where it is long."""
    line = " ".join(answer.split())
    return f"'{line if len(line) <= _QUOTED else line[: _QUOTED - 1] + '…'}'"


def sentence(text: str) -> str:
    """The text with a capital at its beginning."""
    return text[:1].upper() + text[1:]
