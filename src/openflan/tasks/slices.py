"""Slices of a split, as cards write them: `train`, `train[:-200]`, `validation[:200]`, `train[33%:66%]`.

A slice is taken after a seeded shuffle of the whole split, so `train[:-200]` and `train[-200:]` are disjoint random
parts even where a file is sorted by label.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_SLICE = re.compile(r"(?P<split>[\w.]+)(?:\[(?P<start>-?\d+%?)?:(?P<stop>-?\d+%?)?\])?")


@dataclass(frozen=True, slots=True)
class Slice:
    """Part of a named split; `start` and `stop` are as written (row numbers, negative from the end, or per cent)."""

    split: str
    start: str | None = None
    stop: str | None = None

    def __str__(self) -> str:
        return self.split if self.start is self.stop is None else f"{self.split}[{self.start or ''}:{self.stop or ''}]"

    def bounds(self, rows: int) -> range:
        """The positions this slice takes of `rows` shuffled rows."""
        return range(rows)[slice(_position(self.start, rows), _position(self.stop, rows))]


def parse_slice(spec: str) -> Slice:
    """Read a slice; raises `ValueError`."""
    found = _SLICE.fullmatch(spec)
    if not found:
        raise ValueError(f"{spec!r} is no slice; write train, train[:-200], validation[:200] or train[:33%]")
    return Slice(found["split"], found["start"], found["stop"])


def _position(written: str | None, rows: int) -> int | None:
    if written is None:
        return None
    return rows * int(written[:-1]) // 100 if written.endswith("%") else int(written)
