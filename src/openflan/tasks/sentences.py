"""Where a sentence ends in English running text: at an end mark, unless that belongs to an abbreviation."""

from __future__ import annotations

import re
from collections.abc import Iterator

_END = re.compile(r"(?<=[.!?])[\"'”’)]*\s+(?=[\"'“‘(]?[A-Z0-9])")

_BEFORE_NAMES = (
    "Mr|Mrs|Ms|Messrs|Dr|St|Mt|Ft|Lt|Gen|Sen|Rep|Gov|Sgt|Col|Capt|Cmdr|Maj|Pvt|Prof|Rev|Hon|Pres|Supt|Insp|vs|v|[A-Z]"
)
"""What a name or another capital follows."""

_WITHIN = (
    "a\\.m|p\\.m|e\\.g|i\\.e|cf|approx|est|Jr|Sr|Inc|Corp|Co|Ltd|Bros|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sep|Sept|Oct|Nov|Dec"
)
"""What a sentence may well go on after; where one ends with it, two count as one."""

_ABBREVIATION = re.compile(rf"(?:^|[\s(\"'“‘.-])(?:{_BEFORE_NAMES}|{_WITHIN})\.$")
_NUMBER_SIGN = re.compile(r"(?:^|[\s(])(?:[Nn]o|[Nn]os|[Vv]ol|pp?|Art|Sec|Fig)\.$")
"""What a number follows; before anything else it is a word that ends a sentence ("She said no.")."""
_NUMBER = re.compile(r"[\w/-]*\d")


def sentence_ends(text: str) -> Iterator[tuple[int, int]]:
    """Where sentences end: the place after each one's end mark, and that after the blanks behind it."""
    for end in _END.finditer(text):
        before = text[max(0, end.start() - 12) : end.start()]
        is_numbered = _NUMBER_SIGN.search(before) and _NUMBER.match(text, end.end())
        if not is_numbered and not _ABBREVIATION.search(before):
            yield end.start(), end.end()


def first_sentence(text: str) -> str:
    """The first sentence of at least four words, with any shorter ones before it; the first line at most."""
    line = text.partition("\n")[0]
    for stop, following in sentence_ends(line):
        if len(line[:stop].split()) >= 4:
            return line[:following].strip()
    return line


def first_sentences(text: str, words: int) -> str:
    """The first sentences, of at most so many words unless the first is longer."""
    cut = 0
    for stop, following in sentence_ends(text):
        if cut and len(text[:stop].split()) > words:
            break
        cut = following
    return text if not cut or len(text.split()) <= words else text[:cut].strip()
