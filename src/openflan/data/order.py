"""Randomness as a function: hashes and permutations that can be asked at any position.

Nothing here keeps a state. What comes at position *i* follows from a key and *i* alone, so resuming costs nothing, and
the order is the same on any machine and any number of processes. The functions are fixed for ever: results made with
them depend on them.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

_ROUNDS = 6

_SMALL = 1024
"""Up to this size a permutation is drawn as a whole, each of the size! equally likely. A Feistel network is a good
shuffle only where its halves are wide: of five things it would prefer some orders twenty to one."""

_GOLDEN = 0x9E3779B97F4A7C15
"""The step of splitmix64's counter."""


def hash64(*parts: int | str) -> int:
    """A 64-bit hash of the parts, in order; strings and integers never collide by spelling."""
    text = "\x1f".join(f"{type(part).__name__}:{part}" for part in parts)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def uniform(*parts: int | str) -> float:
    """A number in [0, 1) that follows from the parts."""
    return (hash64(*parts) >> 11) / (1 << 53)


def permute(position: int, size: int, key: int) -> int:
    """Where `position` goes in the permutation of `range(size)` that belongs to `key`; O(1) for any size.

    Small sizes are sorted by random numbers. Large ones go through a Feistel network over the smallest even number of
    bits that holds `size`, walked until it lands inside.
    """
    if not 0 <= position < size:
        raise IndexError(f"position {position} is outside a permutation of {size}")
    return int(permute_many(np.array([position]), size, key)[0])


def permutation(size: int, key: int) -> NDArray[np.int64]:
    """`permute` of every position at once: int64, shape [size]."""
    return permute_many(np.arange(size), size, key)


def permute_many(positions: NDArray[Any], size: int, key: int) -> NDArray[np.int64]:
    """`permute` of several positions at once: int64, the shape of `positions`."""
    if size <= _SMALL:
        return _sorted(size, key)[positions.astype(np.int64)]
    return _walk(positions.astype(np.uint64), size, key).astype(np.int64)


def _sorted(size: int, key: int) -> NDArray[np.int64]:
    """The places at which the first numbers of a splitmix64 stream stand in ascending order: a uniform permutation."""
    start = hash64("sorted", key, size)
    counter = np.array([(start + number * _GOLDEN) % 2**64 for number in range(size)], dtype=np.uint64)
    return np.argsort(_scramble(counter), kind="stable").astype(np.int64)


def _walk(values: NDArray[np.uint64], size: int, key: int) -> NDArray[np.uint64]:
    half = max(1, ((max(size - 1, 1)).bit_length() + 1) // 2)
    keys = [np.uint64(hash64("feistel", key, number)) for number in range(_ROUNDS)]
    values = _feistel(values, half, keys)
    while (outside := values >= size).any():
        values[outside] = _feistel(values[outside], half, keys)
    return values


def _feistel(values: NDArray[np.uint64], half: int, keys: list[np.uint64]) -> NDArray[np.uint64]:
    shift, mask = np.uint64(half), np.uint64((1 << half) - 1)
    left, right = values >> shift, values & mask
    for key in keys:
        left, right = right, left ^ (_scramble(right ^ key) & mask)
    return (left << shift) | right


def _scramble(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finalizer of splitmix64 (Steele et al. 2014)."""
    with np.errstate(over="ignore"):
        values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return values ^ (values >> np.uint64(31))
