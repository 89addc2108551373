"""The OPTIONS block: how a prompt lists what may be answered.

| block | options are listed | and answered |
|---|---|---|
| `dashes` | as in the paper: `OPTIONS:`, and each on a line after a dash (section 2.3, Figure 1) | as they are |
| `drawn` | as in the Flan Collection: opening words, names of items and what ends them are drawn | by names, if any |

A draw follows from the numbers that the caller hashes, so a prompt looks the same whenever it is written.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from string import ascii_lowercase, ascii_uppercase
from typing import Literal, NamedTuple, TypeVar

from openflan.data.order import hash64

BlockStyle = Literal["dashes", "drawn"]

T = TypeVar("T")

_OPENINGS = (
    "OPTIONS:", "Options:", "OPTIONS", "CHOICES:", "Choices:", "Possible answers:", "Your choices:", "Pick one:",
    "Choose one of these:", "Choose from:", "Select your answer from:", "The answer is one of these:",
    "Which of these is it?", "Available answers:", "Answer with one of the following:", "Candidates:",
)  # fmt: skip
"""Sixteen, as many as the Flan Collection has; the words are our own."""

_ENDS = ("", "", ".", ";", ",")
"""What may stand after every item."""

Names = Callable[[int], str]
"""An item's name from its number, counted from 0."""


class Listing(NamedTuple):
    """A block, and how each option is answered with under it, in their order."""

    text: str
    answers: tuple[str, ...]


def options_block(options: Sequence[str]) -> str:
    """The block that tells the model its allowed outputs, in the dataset's own order (paper section 2.3, Figure 1)."""
    return "OPTIONS:\n" + "\n".join(f"- {option}" for option in options)


def drawn_block(options: Sequence[str], *key: int | str) -> Listing:
    """A block whose looks follow from `key`.

    Items are marked alike (a dash, a star) or by names of their own; with names, they are what is answered.
    """
    opening = _drawn(_OPENINGS, *key, "opening")
    end = _drawn(_ENDS, *key, "end")
    names = _drawn(tuple(one for one, most in _NAMES if len(options) <= most), *key, "names")
    marks = [names(number) for number in range(len(options))]
    items = [f"{mark} {option}{end}" for mark, option in zip(marks, options, strict=True)]
    named = len(set(marks)) == len(marks) > 1
    return Listing("\n".join([opening, *items]), tuple(marks) if named else tuple(options))


def _drawn(values: Sequence[T], *key: int | str) -> T:
    return values[hash64(*key) % len(values)]


def _alike(mark: str) -> Names:
    return lambda number: mark


def _counted(before: str, names: Sequence[str], after: str) -> Names:
    return lambda number: f"{before}{names[number]}{after}"


_NUMERALS = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X")
_NUMBERS = tuple(map(str, range(1, 1000)))

_EDGES = (("(", ")"), ("", ")"), ("", "."), ("[", "]"))

_NAMES: tuple[tuple[Names, int], ...] = (
    *((_alike(mark), 10**9) for mark in ("-", "*", "+", "•")),
    *(
        (_counted(before, names, after), len(names))
        for names in (ascii_uppercase, ascii_lowercase, _NUMBERS, _NUMERALS)
        for before, after in _EDGES
    ),
)
"""How items may be marked, and how many such marks there are."""
