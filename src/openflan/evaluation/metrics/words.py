"""Texts taken apart into words, in any script, and where that cannot be done.

Composed and decomposed spellings of a letter are the same letter (NFC) to every metric. A metric's own way of finding
words suits the texts it was made for: ROUGE knows Latin letters only, and none but a tokenizer finds words where a
script has no blanks between them. A card names a tokenizer of sacrebleu for such texts; without one they are refused,
since a number that is 0 for the right answer says nothing.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable
from functools import lru_cache
from importlib import import_module
from typing import Any

from openflan.errors import OpenflanError
from openflan.letters import is_mark

Tokenize = Callable[[str], list[str]]

_KANA = frozenset({"HIRAGANA", "KATAKANA", "HALFWIDTH"})
_WITHOUT_BLANKS = frozenset({"CJK", "THAI", "LAO", "KHMER", "MYANMAR", "TIBETAN"}) | _KANA
_SEPARATED: dict[str, frozenset[str]] = {
    "zh": frozenset({"CJK"}),
    "ja-mecab": frozenset({"CJK"}) | _KANA,
    "char": _WITHOUT_BLANKS,
    "flores101": _WITHOUT_BLANKS,
    "flores200": _WITHOUT_BLANKS,
}
"""The scripts without blanks in which a tokenizer finds words all the same."""

_LATIN_ONLY = "rouge"
_MOSTLY, _MOST = 0.5, 0.1
"""A text is out of a metric's reach when this share of its letters is, a dataset when this share of its texts is."""


class MissingExtraError(OpenflanError):
    """A metric needs a package that is an extra."""


def package(name: str, metric: str) -> Any:
    """A module of an extra; raises `MissingExtraError`."""
    try:
        return import_module(name)
    except ImportError:
        raise MissingExtraError(
            f"{metric} needs the package {name.partition('.')[0]}; install it with: pip install 'openflan[metrics]'"
        ) from None


@lru_cache(maxsize=8)
def tokenizer(name: str) -> Tokenize:
    """Sacrebleu's tokenizer of that name; raises `MissingExtraError` with what it lacks."""
    made = package("sacrebleu.metrics", f"the tokenizer {name}").BLEU
    try:
        cut = made(tokenize=name).tokenizer
    except Exception as fault:  # sacrebleu raises whatever its own packages and downloads do
        told = " ".join(str(fault).split())
        raise MissingExtraError(f"the tokenizer {name} cannot be had: {told}") from None
    return lambda text: cut(text).split()


def word_tokenizer(name: str) -> Tokenize:
    """The same in lower case, less what is nothing but punctuation."""
    cut = tokenizer(name)
    return lambda text: [word for word in cut(text.lower()) if not all(map(is_mark, word))]


def out_of_reach(metric: str, tokenize: str, references: Iterable[str]) -> str | None:
    """Why a metric says nothing about texts like these right answers; None where it does."""
    texts = list(references)
    lost = [text for text in texts if _share_lost(metric, tokenize, text) > _MOSTLY]
    if not texts or len(lost) <= _MOST * len(texts):
        return None
    how = f"the tokenizer {tokenize}" if tokenize else metric
    return (
        f"{how} finds no words in texts such as {_shown(lost[0])}; the card needs a tokenizer for their script, as in "
        f"metric: {{name: {metric}, tokenize: {_advice(lost[0])}}}"
    )


def _share_lost(metric: str, tokenize: str, text: str) -> float:
    scripts = [_script(letter) for letter in text if letter.isalpha()]
    if len(scripts) == 1 and metric != _LATIN_ONLY:  # a letter alone is one word, however words are found
        return 0.0
    separated = _SEPARATED.get(tokenize, frozenset())
    lost = [
        script
        for script in scripts
        if script in _WITHOUT_BLANKS - separated
        or (metric == _LATIN_ONLY and not tokenize and script not in ("LATIN", "FULLWIDTH"))
    ]
    return len(lost) / len(scripts) if scripts else 0.0


def _advice(text: str) -> str:
    scripts = {_script(letter) for letter in text if letter.isalpha()}
    if scripts & _KANA:
        return "ja-mecab"
    if "CJK" in scripts:
        return "zh"
    return "char" if scripts & _WITHOUT_BLANKS else "intl"


@lru_cache(maxsize=8192)
def _script(letter: str) -> str:
    """The script of a letter, as its Unicode name begins with it."""
    return unicodedata.name(letter, "").partition(" ")[0]


def _shown(text: str) -> str:
    line = " ".join(text.split())
    return repr(line if len(line) <= 30 else line[:29] + "…")
