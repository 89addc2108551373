"""A trie over token ids, laid out flat: every token that prompts share stands in it once.

Sequences enter in sorted order, so that each one only adds what it does not share with the one before it, and the nodes
come to lie in depth-first order. In that order the nodes below node `j` are exactly `j + 1 ... end[j] - 1`, so that one
comparison tells whether a node may see another: `j` is `i` itself or one of its ancestors iff `j <= i < end[j]`.
No torch here, only numpy.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


def shared_length(one: Ints, other: Ints) -> int:
    """How many tokens two sequences have in common at their beginning."""
    length = min(len(one), len(other))
    differs = one[:length] != other[:length]
    first = int(differs.argmax()) if length else 0
    return first if length and differs[first] else length


class Trie:
    """The flat trie of some token sequences, none of them empty, given in sorted (or any prefix-grouping) order.

    `held` tokens at the head of the first sequence have been computed before: they are the first `held` nodes, but not
    among the `new` ones. Per node: `tokens`, `depths` (its position in the sequence, from 0) and `ends` (one past the
    last node below it). `paths[s]` are the nodes of sequence `s`, one for each of its tokens.
    """

    def __init__(self, sequences: Sequence[Ints], held: int = 0) -> None:
        self.held = held
        self.paths: list[Ints] = []
        self._starts: list[int] = []  # The first node that each sequence added.
        tokens, depths = [sequences[0][:held]], [np.arange(held)]
        path, size = np.arange(held), held
        before = sequences[0][:held]
        closings: list[tuple[Ints, int]] = []
        for sequence in sequences:
            shared = shared_length(before, sequence)
            added = len(sequence) - shared
            closings.append((path[shared:], size))
            path = np.concatenate([path[:shared], np.arange(size, size + added)])
            tokens.append(sequence[shared:])
            depths.append(np.arange(shared, len(sequence)))
            self.paths.append(path)
            self._starts.append(size)
            size += added
            before = sequence
        self.tokens: Ints = np.concatenate(tokens)
        self.depths: Ints = np.concatenate(depths)
        self.ends: Ints = np.full(size, size)
        for closed, at in closings:
            self.ends[closed] = at

    def __len__(self) -> int:
        return len(self.tokens)

    @property
    def new(self) -> int:
        """The number of nodes to compute."""
        return len(self) - self.held

    def ancestors(self, node: int) -> Ints:
        """The nodes above `node`, from the root down."""
        owner = int(np.searchsorted(self._starts, node, side="right")) - 1
        return self.paths[owner][: self.depths[node]]
