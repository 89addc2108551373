"""Pack token sequences into rows of one length (paper section 2.4), wasting as little as possible.

Best fit decreasing: the longest sequence first, each into the fullest row that still holds it. Which tokens belong
together is written beside the tokens; the attention that keeps them apart is built from it (`model/isolation.py`).

    tokens    [the cat sat . mat  | yes it is .  |  0  0]
    segments  [ 1   1   1  1  1   |  2   2  2 2  |  0  0]
    labelled  [ -   -   -  -  x   |  -   x  x x  |  -  -]
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from openflan.data.encode import Encoded


@dataclass(frozen=True, eq=False)
class PackedRows:
    """Rows of packed sequences; three arrays of shape [rows, length].

    `tokens` (int32) are token ids, 0 where padded. `segments` (int32) count the sequences of a row from 1; 0 is
    padding, always at the end. `labelled` (bool) marks tokens that are targets, each predicted from the one before it;
    the first token of a segment never is one.
    """

    tokens: npt.NDArray[np.int32]
    segments: npt.NDArray[np.int32]
    labelled: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.tokens)

    def __getitem__(self, rows: slice | npt.NDArray[np.int64]) -> PackedRows:
        return PackedRows(self.tokens[rows], self.segments[rows], self.labelled[rows])

    @property
    def filled(self) -> int:
        """How many positions hold a token."""
        return int(np.count_nonzero(self.segments))

    @property
    def targets(self) -> int:
        """How many positions are labelled."""
        return int(np.count_nonzero(self.labelled))

    def sequences(self) -> Iterator[Encoded]:
        """The sequences again, row by row: the inverse of packing, but for the order."""
        for tokens, segments, labelled in zip(self.tokens, self.segments, self.labelled, strict=True):
            for segment in range(1, int(segments.max(initial=0)) + 1):
                inside = segments == segment
                yield Encoded(tokens[inside].tolist(), int(np.argmax(labelled[inside])))


def concatenate(parts: Sequence[PackedRows]) -> PackedRows:
    """Rows below one another; all of one length."""
    return PackedRows(
        np.concatenate([part.tokens for part in parts]),
        np.concatenate([part.segments for part in parts]),
        np.concatenate([part.labelled for part in parts]),
    )


def pack(sequences: Sequence[Encoded], length: int) -> PackedRows:
    """Pack sequences, none longer than `length`, into rows. The same sequences make the same rows."""
    row_length = length
    lengths = np.fromiter((len(sequence.tokens) for sequence in sequences), np.int64, len(sequences))
    if len(lengths) and int(lengths.max()) > row_length:
        raise ValueError(f"a sequence of {int(lengths.max())} tokens does not fit a row of {row_length}")
    bins = best_fit(lengths, row_length)
    shape = (len(bins), row_length)
    packed = PackedRows(np.zeros(shape, np.int32), np.zeros(shape, np.int32), np.zeros(shape, np.bool_))
    if not bins:
        return packed

    # Every token's place, for all sequences at once: where its sequence begins plus its index within it.
    order = np.concatenate([np.asarray(bin, np.int64) for bin in bins])
    sizes = lengths[order]
    rows = np.repeat(np.arange(len(bins)), [len(bin) for bin in bins])
    begins = np.cumsum(sizes) - sizes
    firsts = np.r_[True, rows[1:] != rows[:-1]]
    row_begins = np.repeat(begins[firsts], [len(bin) for bin in bins])
    within = np.arange(int(sizes.sum())) - np.repeat(begins, sizes)
    places = np.repeat(rows * row_length + begins - row_begins, sizes) + within
    numbers = np.arange(len(order)) - np.repeat(np.flatnonzero(firsts), [len(bin) for bin in bins]) + 1
    starts = np.fromiter((max(1, sequences[i].start) for i in order), np.int64, len(order))

    packed.tokens.ravel()[places] = np.concatenate([np.asarray(sequences[i].tokens, np.int32) for i in order])
    packed.segments.ravel()[places] = np.repeat(numbers, sizes)
    packed.labelled.ravel()[places] = within >= np.repeat(starts, sizes)
    return packed


def best_fit(lengths: npt.NDArray[np.int64], capacity: int) -> list[list[int]]:
    """Which sequences share a row: best fit decreasing, ties in the order given.

    The rows with a given space left are kept in a stack per space. A big integer has a bit for each stack that is not
    empty, so the tightest fit is its lowest set bit at or above the length.
    """
    bins: list[list[int]] = []
    with_space: list[list[int]] = [[] for _ in range(capacity + 1)]
    open_spaces = 0
    for index in np.argsort(-lengths, kind="stable").tolist():
        size = int(lengths[index])
        if fitting := open_spaces >> size:
            space = size + (fitting & -fitting).bit_length() - 1
            row = with_space[space].pop()
            if not with_space[space]:
                open_spaces ^= 1 << space
            bins[row].append(index)
        else:
            space, row = capacity, len(bins)
            bins.append([index])
        left = space - size
        with_space[left].append(row)
        open_spaces |= 1 << left
    return bins
