"""Metrics of longer texts: BLEU by sacrebleu, ROUGE by rouge-score (the extra `metrics`), and word edit distance."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from openflan.evaluation.metrics.words import Tokenize, package, word_tokenizer

Array = NDArray[np.float64]
Texts = Sequence[tuple[str, Sequence[str]]]
"""Predictions, each with its references."""

_ORDER = 4
_ROUGE_WORD = re.compile(r"[A-Za-z0-9]")


@lru_cache(maxsize=8)
def bleu_of(tokenize: str) -> Any:
    """Sacrebleu's BLEU with a tokenizer; raises `MissingExtraError`."""
    # As T5's evaluation, and so FLAN's: international tokenization, case kept. Sentence scores are asked for their
    # counts only, on which `effective_order` has no bearing; it keeps sacrebleu from warning about them.
    return package("sacrebleu.metrics", "BLEU").BLEU(tokenize=tokenize or "intl", effective_order=True)


def bleu_statistics(texts: Texts, tokenize: str = "") -> Array:
    """Per text: its length, its reference's, and matches and totals of its 1- to 4-grams: float64 [n, 10]."""
    rows = np.zeros((len(texts), 2 + 2 * _ORDER))
    for row, (said, golds) in zip(rows, texts, strict=True):
        score = bleu_of(tokenize).sentence_score(said, list(golds))
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


class _Words:
    """A tokenizer as rouge-score takes one."""

    def __init__(self, tokenize: str) -> None:
        self.tokenize: Tokenize = word_tokenizer(tokenize)


@lru_cache(maxsize=8)
def rouge_of(names: tuple[str, ...], tokenize: str, stem: bool = False) -> Any:
    """Rouge-score's scorer of these kinds, of words or (English) stems; raises `MissingExtraError`."""
    scorer = package("rouge_score.rouge_scorer", "ROUGE").RougeScorer
    return scorer(names, use_stemmer=stem, tokenizer=_Words(tokenize) if tokenize else None)


def rouge_statistics(texts: Texts, names: tuple[str, ...], tokenize: str = "", stem: bool = False) -> Array:
    """Per text: F of each kind of ROUGE in `names`, against the reference that suits it best, and 1: float64 [n, k].

    References in which there is no word at all match themselves only.
    """
    rows = np.ones((len(texts), len(names) + 1))
    for row, (said, golds) in zip(rows, texts, strict=True):
        if not tokenize and not any(_ROUGE_WORD.search(gold) for gold in golds):
            row[:-1] = said in golds
            continue
        best = rouge_of(names, tokenize, stem).score_multi([_by_sentence(gold) for gold in golds], _by_sentence(said))
        row[:-1] = [best[name].fmeasure for name in names]
    return rows


def _by_sentence(text: str) -> str:
    """ROUGE-Lsum takes lines for sentences; tokenized references mark their ends with ` . ` (as T5's evaluation)."""
    return text.replace(" . ", " .\n")


def edits_with(tokenize: str = "") -> Callable[[str, Sequence[str]], float]:
    """Words to insert, delete or replace to get the nearest reference; case and punctuation aside."""
    words = word_tokenizer(tokenize) if tokenize else _words
    return lambda said, golds: float(min(_levenshtein(words(said), words(gold)) for gold in golds))


def _words(text: str) -> list[str]:
    """Runs of letters, digits and the marks on them (which many scripts write their vowels with)."""
    return "".join(mark if _in_word(mark) else " " for mark in text.lower()).split()


def _in_word(mark: str) -> bool:
    return mark.isalnum() or mark == "_" or unicodedata.category(mark)[0] == "M"


def _levenshtein(ours: list[str], theirs: list[str]) -> int:
    row = list(range(len(theirs) + 1))
    for number, word in enumerate(ours, 1):
        above, row[0] = row[0], number
        for column, other in enumerate(theirs, 1):
            above, row[column] = row[column], min(row[column] + 1, row[column - 1] + 1, above + (word != other))
    return row[-1]


word_edits = edits_with()
