"""The n-grams of what is measured, laid out to be found: a bitmap for a first look, sorted hashes, and their text.

One look per word of a corpus: every n-gram begins with eight words, whose hash is looked up in the bitmap. What passes
is looked up among the hashes of whole n-grams, and what is there is compared as text. So nothing that is there is
missed, and nothing is found that is not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openflan.contamination.words import APART, SHORTEST, U64, Ints, Words, normalise, plain

_BITS_PER_GRAM = 16
"""Bits of the bitmap per n-gram: one look in sixteen, at most, goes on to the sorted hashes."""


@dataclass(frozen=True, eq=False)
class Grams:
    """All n-grams of one length: `hashes` sorted and unique; those of hash number i begin at the words
    `members[bounds[i]:bounds[i + 1]]`.
    """

    size: int
    hashes: U64
    bounds: Ints
    members: Ints


@dataclass(frozen=True, eq=False)
class Found:
    """What has been found of an index: `marks[k]` of the n-gram that begins at word k; and, of the n-grams with each
    hash, how many are `left`.
    """

    marks: NDArray[np.bool_]
    left: list[Ints]

    @property
    def members(self) -> Ints:
        """The words that the n-grams found begin with."""
        return np.flatnonzero(self.marks)


class Index:
    """Texts, each with the length of its n-grams; all positions are numbers of words.

    `owners[k]` is the number of the text whose n-gram begins at word k, and -1 where none does.
    """

    def __init__(self, words: Words, owners: NDArray[np.int32], sizes: NDArray[np.uint8]) -> None:
        self.words, self.owners, self.sizes = words, owners, sizes
        self.grams = [_grams(words, np.flatnonzero(sizes == size), int(size)) for size in np.unique(sizes) if size]
        firsts = words.eights[np.flatnonzero(sizes)] if len(words) >= SHORTEST else np.empty(0, np.uint64)
        self._shift = np.uint64(64 - max(10, int(max(1, len(firsts)) * _BITS_PER_GRAM - 1).bit_length()))
        self._bitmap = np.zeros(1 << (61 - int(self._shift)), np.uint8)
        places = firsts >> self._shift
        np.bitwise_or.at(self._bitmap, places >> np.uint64(3), _bit(places))

    @classmethod
    def of(cls, texts: Sequence[bytes], sizes: Sequence[int]) -> Index:
        """Index texts; `sizes[i]` is the length of the n-grams of text number i, in words."""
        words = Words.of(APART.join(normalise(plain(text)) for text in texts))
        is_apart = np.frombuffer(words.data, np.uint8)[words.starts] == 0 if len(words) else np.empty(0, bool)
        text_of = np.cumsum(is_apart)
        size_of = np.array(sizes, np.int64)[text_of] if len(words) else np.empty(0, np.int64)
        # An n-gram ends within its text: at or before the next word that keeps texts apart.
        ends = np.append(np.flatnonzero(is_apart), len(words))[text_of] if len(words) else np.empty(0, np.int64)
        begins = ~is_apart & (np.arange(len(words)) + size_of <= ends)
        return cls(words, np.where(begins, text_of, -1).astype(np.int32), np.where(begins, size_of, 0).astype(np.uint8))

    def nothing_found(self) -> Found:
        """What there is to begin with."""
        return Found(np.zeros(len(self.words), np.bool_), [np.diff(grams.bounds) for grams in self.grams])

    def find(self, corpus: Words, found: Found) -> Iterator[tuple[int, int]]:
        """The n-grams that stand in a text and have not been `found` yet: (first word here, first word there)."""
        if len(corpus) < SHORTEST:
            return
        places = corpus.eights >> self._shift
        seen = self._bitmap[places >> np.uint64(3)] & _bit(places)
        candidates = np.flatnonzero(seen)
        for grams, left in zip(self.grams, found.left, strict=True):
            some = candidates[: np.searchsorted(candidates, len(corpus) - grams.size, "right")]
            hashes = corpus.grams(grams.size, some)
            ranks = np.minimum(np.searchsorted(grams.hashes, hashes), len(grams.hashes) - 1)
            hits = np.flatnonzero((grams.hashes[ranks] == hashes) & (left[ranks] > 0))
            for rank, place in zip(ranks[hits].tolist(), some[hits].tolist(), strict=True):
                if left[rank]:
                    confirmed = self._confirm(grams, rank, corpus.gram(place, grams.size), found.marks)
                    left[rank] -= len(confirmed)
                    yield from ((member, place) for member in confirmed)

    def _confirm(self, grams: Grams, rank: int, text: bytes, marks: NDArray[np.bool_]) -> list[int]:
        """Mark those n-grams with a hash that are this text; which they are."""
        members = grams.members[grams.bounds[rank] : grams.bounds[rank + 1]]
        confirmed = [one for one in members[~marks[members]].tolist() if self.words.gram(one, grams.size) == text]
        marks[confirmed] = True
        return confirmed


def _grams(words: Words, places: Ints, size: int) -> Grams:
    hashes = words.grams(size, places)
    order = np.argsort(hashes, kind="stable")
    unique, firsts = np.unique(hashes[order], return_index=True)
    return Grams(size, unique, np.append(firsts, len(order)), places[order])


def _bit(places: U64) -> NDArray[np.uint8]:
    """The bit of a byte of the bitmap that stands for each place."""
    return np.left_shift(np.uint8(1), (places & np.uint64(7)).astype(np.uint8))
