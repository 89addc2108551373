"""Promises that a template makes about the length of what is to be written: "in one sentence", "two words"."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from openflan.tasks.sentences import sentence_ends

BROKEN = 0.1
"""The share of targets from which on a promise counts as broken."""

_NUMBERS = {"a": 1, "one": 1, "a single": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6}
_NUMBER = "|".join(sorted(_NUMBERS, key=len, reverse=True))
_COUNT = (
    rf"(?P<low>{_NUMBER})(?: (?:or|to) (?P<high>{_NUMBER}))? "
    r"(?:(?:short|brief|simple|full|complete|natural|new|plain) )?(?P<unit>sentence|word|line)s?\b"
    r"(?! (?:to|of|for each|or|each|in|about)\b)"
)
_PROMISES = (
    re.compile(
        r"\b(?:in|into|with|as|to(?= (?:a|a single|one) (?!line))|exactly|just|only) (?:exactly |just |only )?"
        rf"{_COUNT}",
        re.IGNORECASE,
    ),
    re.compile(rf"\b(?:write|give|add|answer|reply|say) (?:the (?:first|last) )?{_COUNT}", re.IGNORECASE),
    re.compile(
        rf"\b(?P<low>{_NUMBER})-(?P<unit>sentence|word|line) (?:summary|description|answer|reply|text|headline|title)",
        re.IGNORECASE,
    ),
)


@dataclass(frozen=True)
class Promise:
    """So many sentences, words or lines, in the template's own words."""

    words: str
    unit: str
    least: int
    most: int

    def kept(self, target: str) -> bool:
        """Whether a target is as long as was promised."""
        return self.least <= _COUNTS[self.unit](target.strip()) <= self.most


def promises(text: str) -> Iterator[Promise]:
    """The promises in a template's text."""
    for found in (match for pattern in _PROMISES for match in pattern.finditer(text)):
        parts = {name: part.lower() for name, part in found.groupdict().items() if part}
        low, high = parts["low"], parts.get("high", parts["low"])
        yield Promise(found.group(), parts["unit"], _NUMBERS[low], _NUMBERS[high])


def sentences(text: str) -> int:
    """How many sentences a text has, at the least: a full stop after an abbreviation or an initial ends none."""
    lines = [line for line in text.splitlines() if line.strip()]
    return max(1, sum(1 + len(list(sentence_ends(line))) for line in lines))


def _lines(text: str) -> int:
    return sum(bool(line.strip()) for line in text.splitlines())


_COUNTS = {"sentence": sentences, "word": lambda text: len(text.split()), "line": _lines}
