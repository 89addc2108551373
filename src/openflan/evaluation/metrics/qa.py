"""Exact match and token F1 of short answers, over all gold answers, with SQuAD's and TriviaQA's normalisation.

SQuAD's (Rajpurkar et al. 2016) drops punctuation; TriviaQA's (Joshi et al. 2017) puts a space in its place and knows a
few more marks. Both lower the case and drop the articles a, an, the. With a tokenizer, punctuation of every script is
dropped (as MLQA does, Lewis et al. 2020) and the tokens are the tokenizer's.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Callable, Sequence

from openflan.evaluation.metrics.words import word_tokenizer
from openflan.letters import is_mark

Judge = Callable[[str, Sequence[str]], float]
"""A prediction and its gold answers → 0 to 1."""

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_DROP = str.maketrans("", "", string.punctuation)
_SPACE = str.maketrans(dict.fromkeys(string.punctuation + "‘’´`", " "))


_CONCLUSION = re.compile(r".*\banswer is\b:?", re.IGNORECASE | re.DOTALL)


def same_conclusion(said: str, golds: Sequence[str]) -> float:
    """Whether reasoning ends with the answer that the right one ends with, letter case and punctuation aside."""
    return max(float(conclusion(said) == conclusion(gold)) for gold in golds)


def conclusion(text: str) -> str:
    """What stands after the last "answer is", on that line; the whole text where it says nothing of the kind."""
    found = _CONCLUSION.match(text)
    end = text[found.end() :].strip().partition("\n")[0] if found else text
    return end.strip().strip(string.punctuation + " ").casefold()


def squad_normal(text: str) -> str:
    """Lower case, no punctuation, no articles, single spaces."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_DROP)).split())


def trivia_normal(text: str) -> str:
    """Lower case, punctuation and quotes (of any slant) to spaces, no articles, single spaces."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_SPACE)).split())


def instructions_normal(text: str) -> str:
    """Lower case, no punctuation, single spaces; articles stay (Wang et al. 2022)."""
    return " ".join(text.lower().translate(_DROP).split())


def token_f1(said: str, gold: str) -> float:
    """The harmonic mean of token precision and recall of two normalised texts; an empty one only matches another."""
    ours, theirs = said.split(), gold.split()
    if not ours or not theirs:
        return float(ours == theirs)
    common = (Counter(ours) & Counter(theirs)).total()
    return 2 * common / (len(ours) + len(theirs))


def short_answers(normal: Callable[[str], str], tokenize: str = "") -> tuple[Judge, Judge]:
    """Exact match and token F1 at the best gold answer, after a normalisation and, where one is named, a tokenizer."""
    brought = _tokenized(normal, tokenize) if tokenize else normal

    def exact(said: str, golds: Sequence[str]) -> float:
        return max(float(brought(said) == brought(gold)) for gold in golds)

    def f1(said: str, golds: Sequence[str]) -> float:
        return max(token_f1(brought(said), brought(gold)) for gold in golds)

    return exact, f1


squad_exact, squad_f1 = short_answers(squad_normal)
trivia_exact, trivia_f1 = short_answers(trivia_normal)


def _tokenized(normal: Callable[[str], str], tokenize: str) -> Callable[[str], str]:
    words = word_tokenizer(tokenize)
    return lambda text: " ".join(words("".join(" " if is_mark(mark) else mark for mark in normal(text))))
