"""Metrics of longer texts: BLEU by sacrebleu, ROUGE by rouge-score (the extra `metrics`), and word edit distance."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from openflan.errors import OpenflanError

Array = NDArray[np.float64]
Texts = Sequence[tuple[str, Sequence[str]]]
"""Predictions, each with its references."""

_ORDER = 4


class MissingExtraError(OpenflanError):
    """A metric needs a package that is an extra."""


def _package(name: str, metric: str) -> Any:
    try:
        return import_module(name)
    except ImportError:
        raise MissingExtraError(
            f"{metric} needs the package {name.partition('.')[0]}; install it with: pip install 'openflan[metrics]'"
        ) from None


@lru_cache(maxsize=1)
def _bleu() -> Any:
    # As T5's evaluation, and so FLAN's: international tokenization, case kept. Sentence scores are asked for their
    # counts only, on which `effective_order` has no bearing; it keeps sacrebleu from warning about them.
    return _package("sacrebleu.metrics", "BLEU").BLEU(tokenize="intl", effective_order=True)


def bleu_statistics(texts: Texts) -> Array:
    """Per text: its length, its reference's, and matches and totals of its 1- to 4-grams: float64 [n, 10]."""
    rows = np.zeros((len(texts), 2 + 2 * _ORDER))
    for row, (said, golds) in zip(rows, texts, strict=True):
        score = _bleu().sentence_score(said, list(golds))
        row[:] = [score.sys_len, score.ref_len, *score.counts, *score.totals]
    return rows


def bleu_score(sums: Array) -> Array:
    """Corpus BLEU with exponential smoothing (Chen and Cherry 2014, method 3), as sacrebleu has it: [..., 1]."""
    said, gold = sums[..., 0], sums[..., 1]
    matches, totals = sums[..., 2 : 2 + _ORDER], sums[..., 2 + _ORDER :]
    # The first order without a match counts 1/2, the second 1/4, and so on.
    smoothing = 0.5 ** np.cumsum(matches == 0, axis=-1)
    smoothed = np.where(matches == 0, smoothing, matches)
    possible = (totals > 0).all(axis=-1) & (matches > 0).any(axis=-1)
    logs = np.log(smoothed / np.maximum(totals, 1)).mean(axis=-1)
    brevity = np.minimum(0, 1 - gold / np.maximum(said, 1))
    score: Array = np.where(possible, 100 * np.exp(brevity + logs), 0.0)[..., None]
    return score


_ROUGE = ("rougeLsum", "rouge1", "rouge2")


@lru_cache(maxsize=1)
def _rouge() -> Any:
    return _package("rouge_score.rouge_scorer", "ROUGE").RougeScorer(_ROUGE)


def rouge_statistics(texts: Texts) -> Array:
    """Per text: F of ROUGE-Lsum, -1 and -2, each against the reference that suits it best, and 1: float64 [n, 4]."""
    rows = np.ones((len(texts), len(_ROUGE) + 1))
    for row, (said, golds) in zip(rows, texts, strict=True):
        best = _rouge().score_multi([_by_sentence(gold) for gold in golds], _by_sentence(said))
        row[:-1] = [best[name].fmeasure for name in _ROUGE]
    return rows


def _by_sentence(text: str) -> str:
    """ROUGE-Lsum takes lines for sentences; tokenized references mark their ends with ` . ` (as T5's evaluation)."""
    return text.replace(" . ", " .\n")


def word_edits(said: str, golds: Sequence[str]) -> float:
    """Words to insert, delete or replace to get the nearest reference; case and punctuation aside."""
    return float(min(_levenshtein(_words(said), _words(gold)) for gold in golds))


def _words(text: str) -> list[str]:
    return [word for word in re.split(r"\W+", text.lower()) if word]


def _levenshtein(ours: list[str], theirs: list[str]) -> int:
    row = list(range(len(theirs) + 1))
    for number, word in enumerate(ours, 1):
        above, row[0] = row[0], number
        for column, other in enumerate(theirs, 1):
            above, row[column] = row[column], min(row[column] + 1, row[column - 1] + 1, above + (word != other))
    return row[-1]
