"""Text as words: lower-case, split at white space, without punctuation (GPT-3, appendix C), many megabytes a second.

A text is normalised as bytes, and its words are hashed eight bytes at a time, all at once. Hashes are for finding
only: what they find is compared as text.
"""

from __future__ import annotations

import string
import sys
import unicodedata
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

U64 = NDArray[np.uint64]
Ints = NDArray[np.int64]

SHORTEST, LONGEST = 8, 13
"""Words in an n-gram, at least and at most (GPT-3, appendix C)."""

APART = b" \0 "
"""What keeps texts apart in one block: a word that no text has."""

_SPACES = bytes(range(1, 33))
_PUNCTUATION = string.punctuation.encode() + b"\x7f"
_LOWER = bytes.maketrans(string.ascii_uppercase.encode() + _SPACES, string.ascii_lowercase.encode() + b" " * 32)
_DROPPED = ("P", "S", "Cf", "Cn", "Co")
"""Categories of characters that stand for no letter: punctuation, symbols, marks of layout, nothing at all."""

_SPARSE = 64
"""Up to one run of characters beyond ASCII in so many bytes, each is looked up by itself."""

_GONE = sys.maxunicode + 1
"""The number of no character."""

_HASHED = 8
"""Chunks of eight bytes of a word that are hashed; longer words are told apart by their text."""

_MIX, _NEXT = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD6E8FEB86659FD93)
_PAIR, _FOUR, _EIGHT, _WHOLE = (
    np.uint64(one) for one in (0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x27D4EB2F165667C5, 0xFF51AFD7ED558CCD)
)
_MASKS = np.array([(1 << 8 * size) - 1 for size in range(9)], np.uint64)


def normalise(text: bytes) -> bytes:
    """UTF-8 text with each word in lower case and without punctuation; words have one space or more between them."""
    if not text.isascii():
        text = _spelled(text)
    return text.translate(_LOWER, _PUNCTUATION)


def plain(text: bytes) -> bytes:
    """Text without the character that keeps texts apart."""
    return text.replace(b"\0", b" ") if b"\0" in text else text


@dataclass(frozen=True, eq=False)
class Words:
    """The words of normalised text: word number k is `data[starts[k]:ends[k]]`."""

    data: bytes
    starts: Ints
    ends: Ints

    @classmethod
    def of(cls, normalised: bytes) -> Words:
        """Find the words."""
        solid = np.frombuffer(b" " + normalised + b" ", np.uint8) != 32
        edges = np.flatnonzero(solid[1:] != solid[:-1])
        return cls(normalised, edges[::2], edges[1::2])

    def __len__(self) -> int:
        return len(self.starts)

    def gram(self, first: int, size: int) -> bytes:
        """The text of `size` words from word `first` on, with one space between them."""
        spans = zip(self.starts[first : first + size], self.ends[first : first + size], strict=True)
        return b" ".join(self.data[start:end] for start, end in spans)

    @cached_property
    def hashes(self) -> U64:
        """A hash of each word's first 64 bytes and length."""
        # Eight bytes from any place on, as one number; zeros follow the last word.
        padded = self.data + bytes(8)
        eights = np.ndarray((len(self.data) + 1,), "<u8", padded, strides=(1,))
        sizes = self.ends - self.starts
        hashes: U64 = (eights[self.starts] & _MASKS[np.minimum(sizes, 8)]) * _MIX
        hashes ^= hashes >> np.uint64(29)
        longer = np.flatnonzero(sizes > 8)
        for chunk in range(1, _HASHED):
            if not len(longer):
                break
            rest = sizes[longer] - 8 * chunk
            more = eights[self.starts[longer] + 8 * chunk] & _MASKS[np.minimum(rest, 8)]
            mixed = (hashes[longer] * _NEXT + more) * _MIX
            hashes[longer] = mixed ^ (mixed >> np.uint64(32))
            longer = longer[rest > 8]
        return hashes

    @cached_property
    def eights(self) -> U64:
        """A hash of the eight words from each word on; of none where fewer are left."""
        found: U64 = self.hashes
        for reach, factor in ((1, _PAIR), (2, _FOUR), (4, _EIGHT)):
            joined: U64 = found[:-reach] * factor + found[reach:]
            found = np.bitwise_xor(joined, joined >> np.uint64(31))
        return found

    def grams(self, size: int, places: Ints | None = None) -> U64:
        """A hash of the `size` words (8 to 16) from each word on, or from the words at `places`."""
        if places is None:
            places = np.arange(max(0, len(self) - size + 1))
        found: U64 = self.eights[places] * _WHOLE + self.eights[places + size - SHORTEST]
        mixed: U64 = np.bitwise_xor(found, found >> np.uint64(33))
        return mixed


def _spelled(text: bytes) -> bytes:
    """Text with its characters beyond ASCII as `normalise` has them: those runs alone, or all at once where many."""
    beyond = np.flatnonzero(np.frombuffer(text, np.uint8) > 127)
    breaks = np.flatnonzero(np.diff(beyond) > 1)
    if len(breaks) > len(text) // _SPARSE:
        return _translated(text)
    starts, ends = beyond[np.append(0, breaks + 1)], beyond[np.append(breaks, -1)] + 1
    parts: list[bytes] = []
    at = 0
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        parts += (text[at:start], _spelling(text[start:end]))
        at = end
    return b"".join((*parts, text[at:]))


@lru_cache(maxsize=1 << 16)
def _spelling(run: bytes) -> bytes:
    return "".join(map(_letter, run.decode("utf-8", "replace"))).encode()


def _translated(text: bytes) -> bytes:
    letters = _letters()[np.frombuffer(text.decode("utf-8", "replace").encode("utf-32-le"), "<u4")]
    kept: bytes = letters[letters != _GONE].tobytes()
    return kept.decode("utf-32-le").encode()


@cache
def _letters() -> NDArray[np.uint32]:
    """What becomes of each character, by its number."""
    spelled = (_letter(chr(number)) for number in range(_GONE))
    return np.array([ord(letter) if letter else _GONE for letter in spelled], "<u4")


@lru_cache(maxsize=1 << 12)
def _letter(character: str) -> str:
    if character.isascii():
        return character
    if character.isspace():
        return " "
    if unicodedata.category(character).startswith(_DROPPED):
        return ""
    small = character.lower().replace("ς", "σ")
    return small if len(small) == 1 else character
