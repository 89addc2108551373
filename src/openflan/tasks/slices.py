"""Slices of a split, as cards write them: `train`, `train[:-200]`, `validation[:200]`, `train[33%:66%]`.

A slice is taken after a seeded shuffle of the whole split, so `train[:-200]` and `train[-200:]` are disjoint random
parts even where a file is sorted by label.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

Role = Literal["train", "dev", "test"]
"""What the rows of a slice are used for."""

_SLICE = re.compile(r"(?P<split>\w[\w.]*)(?:\[(?P<start>-?\d+%?)?:(?P<stop>-?\d+%?)?\])?")


@dataclass(frozen=True, slots=True)
class Slice:
    """Part of a named split; `start` and `stop` are as written (row numbers, negative from the end, or per cent)."""

    split: str
    start: str | None = None
    stop: str | None = None

    def __str__(self) -> str:
        return self.split if self.start is self.stop is None else f"{self.split}[{self.start or ''}:{self.stop or ''}]"

    @property
    def longest(self) -> int:
        """The largest row number written in it."""
        return max((abs(int(bound)) for bound in (self.start, self.stop) if bound and bound[-1] != "%"), default=0)

    def of(self, rows: int, scale: Fraction = Fraction(1)) -> slice:
        """The part of `rows` shuffled rows it takes; row numbers shrink with `scale`, to 1 at the least."""
        return slice(_position(self.start, rows, scale), _position(self.stop, rows, scale))


def parse_slice(spec: str) -> Slice:
    """Read a slice; raises `ValueError`."""
    found = _SLICE.fullmatch(spec)
    if not found:
        raise ValueError(f"{spec!r} is no slice; write train, train[:-200], validation[:200] or train[:33%]")
    return Slice(found["split"], found["start"], found["stop"])


def _position(written: str | None, rows: int, scale: Fraction) -> int | None:
    if written is None:
        return None
    if written.endswith("%"):
        return rows * int(written[:-1]) // 100
    number = int(written)
    return (1 if number > 0 else -1) * max(1, int(abs(number) * scale)) if number else 0
