"""Exact match and token F1 of short answers, over all gold answers, with SQuAD's and TriviaQA's normalisation.

SQuAD's (Rajpurkar et al. 2016) drops punctuation; TriviaQA's (Joshi et al. 2017) puts a space in its place and knows a
few more marks. Both lower the case and drop the articles a, an, the.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Callable, Sequence

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_DROP = str.maketrans("", "", string.punctuation)
_SPACE = str.maketrans(dict.fromkeys(string.punctuation + "‘’´`", " "))


def squad_normal(text: str) -> str:
    """Lower case, no punctuation, no articles, single spaces."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_DROP)).split())


def trivia_normal(text: str) -> str:
    """Lower case, punctuation and quotes (of any slant) to spaces, no articles, single spaces."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_SPACE)).split())


def token_f1(said: str, gold: str) -> float:
    """The harmonic mean of token precision and recall of two normalised texts; an empty one only matches another."""
    ours, theirs = said.split(), gold.split()
    if not ours or not theirs:
        return float(ours == theirs)
    common = (Counter(ours) & Counter(theirs)).total()
    return 2 * common / (len(ours) + len(theirs))


def _best(judge: Callable[[str, str], float], normal: Callable[[str], str], said: str, golds: Sequence[str]) -> float:
    return max(judge(normal(said), normal(gold)) for gold in golds)


def _equal(said: str, gold: str) -> float:
    return float(said == gold)


def squad_exact(said: str, golds: Sequence[str]) -> float:
    """1 when the answer equals any gold answer after SQuAD's normalisation."""
    return _best(_equal, squad_normal, said, golds)


def squad_f1(said: str, golds: Sequence[str]) -> float:
    """The best token F1 over the gold answers after SQuAD's normalisation, 0 to 1."""
    return _best(token_f1, squad_normal, said, golds)


def trivia_exact(said: str, golds: Sequence[str]) -> float:
    """1 when the answer equals any gold answer after TriviaQA's normalisation."""
    return _best(_equal, trivia_normal, said, golds)


def trivia_f1(said: str, golds: Sequence[str]) -> float:
    """The best token F1 over the gold answers after TriviaQA's normalisation, 0 to 1."""
    return _best(token_f1, trivia_normal, said, golds)
