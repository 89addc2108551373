"""Units: what no cut may go through, such as a passage with all its questions.

A card's `unit` is a text over a row's columns; rows that are equal in it belong together. Where it gives a list (both
sentences of a pair), rows that share any entry belong together, and so do the rows that those are joined with.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from openflan.tasks.text import TextError, compile_value

Keys = list[frozenset[bytes]]
"""For each row, hashes of what it shares with others; empty for a row that stands alone."""

_CHUNK = 1024


def unit_keys(table: pa.Table, unit: str | None) -> Keys | None:
    """The keys of every row; None where the card names no unit."""
    if unit is None:
        return None
    value_of = compile_value(unit)
    keys: Keys = []
    for batch in table.to_batches(_CHUNK):
        for row in batch.to_pylist():
            try:
                value = value_of(row)
            except TextError:  # a row that will make no example
                value = None
            keys.append(_hashes(value if isinstance(value, list) else [value]))
    return keys


def unit_numbers(keys: Keys) -> NDArray[np.int64]:
    """A number for every row, the same for rows that belong together, counted from 0 as they first appear: [rows]."""
    parents = list(range(len(keys)))
    first: dict[bytes, int] = {}
    for row, mine in enumerate(keys):
        for key in mine:
            one, other = _root(parents, first.setdefault(key, row)), _root(parents, row)
            parents[max(one, other)] = min(one, other)
    roots = np.array([_root(parents, row) for row in range(len(keys))], dtype=np.int64)
    return np.unique(roots, return_inverse=True)[1].astype(np.int64)


def snapped(bounds: Sequence[int], borders: NDArray[np.int64], rows: int) -> dict[int, int]:
    """Each bound → the border between two units that is nearest to it.

    Bounds that differ go to borders that differ, as long as there are enough, so that no part is left without a unit.
    `borders` are those inside the rows, ascending; 0 and `rows` are borders too, and stay where they are.
    """
    inner = sorted({bound for bound in bounds if 0 < bound < rows})
    places, least = {0: 0, rows: rows}, 0
    for number, bound in enumerate(inner):
        most = max(len(borders) - (len(inner) - number), 0)
        place = min(max(_nearest(bound, borders), least), most)
        places[bound] = int(borders[place]) if len(borders) else rows
        least = place + 1
    return places


def _nearest(bound: int, borders: NDArray[np.int64]) -> int:
    after = int(np.searchsorted(borders, bound))
    if after == len(borders) or (after and bound - borders[after - 1] <= borders[after] - bound):
        return after - 1
    return after


def _root(parents: list[int], row: int) -> int:
    while parents[row] != row:
        parents[row] = row = parents[parents[row]]
    return row


def _hashes(values: Sequence[object]) -> frozenset[bytes]:
    texts = (" ".join(str(value).split()) for value in values if value is not None)
    return frozenset(hashlib.blake2b(text.encode(), digest_size=12).digest() for text in texts if text)
