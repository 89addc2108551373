"""An endless stream of packed rows over a mixture, as a function of position.

The mixture is cut into windows: window w holds examples w*W to (w+1)*W. Each is encoded, packed and its rows shuffled
by a hash of (seed, w) alone, so a row's content follows from (window, row) and nothing else. Two integers are the whole
state: resuming costs one window whatever the step, and every process sees the same rows.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple, Protocol

import numpy as np

from openflan.data.encode import Encoded, Encoder
from openflan.data.pack import PackedRows, concatenate, pack
from openflan.data.prompt import Prompt
from openflan.errors import OpenflanError

WINDOW = 2048
"""Examples in a window: enough that rows fill to 99%, few enough to encode in well under a second."""

_EMPTY_WINDOWS = 8
"""So many windows without one row that fits mean that none ever will."""

Fit = Callable[[Sequence[Prompt], Encoder], tuple[list[Encoded], Counter[str]]]
"""Encode prompts, leaving out what is too long: the sequences, and how many were dropped of each dataset."""


class Prompts(Protocol):
    """What a stream reads: examples by number, and a fingerprint of everything that they follow from."""

    def prompts(self, start: int, stop: int) -> list[Prompt]:
        """Examples number `start` to `stop`."""

    @property
    def fingerprint(self) -> str:
        """A hash of all that the examples follow from."""


class Position(NamedTuple):
    """Where in the stream the next row is."""

    window: int = 0
    row: int = 0


class Step(NamedTuple):
    """The rows of one optimizer step, and the position after them."""

    rows: PackedRows
    after: Position


class Rows(Protocol):
    """What training reads: rows from a position on, and the fingerprint of what they follow from."""

    row_length: int

    @property
    def fingerprint(self) -> str:
        """A hash of all that the rows follow from."""

    def steps(self, rows: int, start: Position = ...) -> Iterator[Step]:
        """The rows from `start` on, so many at a time."""


def drop_long(prompts: Sequence[Prompt], encoder: Encoder) -> tuple[list[Encoded], Counter[str]]:
    """Encode prompts, and drop those with a target beyond the format's limit."""
    kept, dropped = [], Counter[str]()
    encoded = encoder.pairs([(prompt.input, prompt.target) for prompt in prompts])
    for prompt, sequence in zip(prompts, encoded, strict=True):
        if len(sequence.tokens) - sequence.start > encoder.format.target_length:
            dropped[prompt.dataset] += 1
        else:
            kept.append(sequence)
    return kept, dropped


class Stream:
    """Packed rows of `row_length` tokens over a mixture, for ever.

    `dropped` counts by dataset what was left out so far as too long; a sequence longer than a row is counted as
    "longer than a row".
    """

    def __init__(
        self,
        mixture: Prompts,
        encoder: Encoder,
        row_length: int,
        *,
        seed: int = 0,
        window: int = WINDOW,
        fit: Fit = drop_long,
    ) -> None:
        self.mixture, self.encoder, self.row_length = mixture, encoder, row_length
        self.seed, self.window, self.fit = seed, window, fit
        self.dropped: Counter[str] = Counter()

    @cached_property
    def identity(self) -> dict[str, str]:
        """Everything that the rows follow from, by name."""
        return {
            "mixture": self.mixture.fingerprint,
            "tokenizer": tokenizer_fingerprint(self.encoder),
            "format": repr(self.encoder.format),
            "row length": str(self.row_length),
            "seed": str(self.seed),
            "examples in a window": str(self.window),
            "fit": getattr(self.fit, "__qualname__", ""),
        }

    @property
    def fingerprint(self) -> str:
        """A hash of `identity`."""
        return fingerprint_of(self.identity)

    def rows(self, window: int) -> PackedRows:
        """The rows of a window, in their order; possibly none."""
        prompts = self.mixture.prompts(window * self.window, (window + 1) * self.window)
        encoded, dropped = self.fit(prompts, self.encoder)
        kept = [sequence for sequence in encoded if len(sequence.tokens) <= self.row_length]
        self.dropped += dropped
        if too_long := len(encoded) - len(kept):
            self.dropped["longer than a row"] += too_long
        packed = pack(kept, self.row_length)
        return packed[row_order(len(packed), self.seed, window)]

    def steps(self, rows: int, start: Position = Position()) -> Iterator[Step]:  # noqa: B008 - a constant
        """The stream from `start` on, `rows` rows at a time."""
        return steps_of(self.rows, rows, start)


def fingerprint_of(identity: Mapping[str, str]) -> str:
    """A hash of everything that rows follow from."""
    return hashlib.sha256(repr(dict(identity)).encode()).hexdigest()[:16]


def steps_of(read: Callable[[int], PackedRows], rows: int, start: Position) -> Iterator[Step]:
    """Cut windows, as `read` gives them by number, into steps of `rows` rows that run across windows."""
    window, row = start
    held: list[PackedRows] = []
    empty = 0
    while True:
        current = read(window)
        empty = 0 if len(current) else empty + 1
        if empty == _EMPTY_WINDOWS:
            raise OpenflanError(
                f"no example of the mixture fits a training row (windows {window - empty + 1} to {window}); "
                f"raise the row length or the format's target_length"
            )
        while row < len(current):
            held.append(current[row : row + rows - sum(map(len, held))])
            row += len(held[-1])
            if sum(map(len, held)) == rows:
                yield Step(concatenate(held), Position(window, row))
                held = []
        window, row = window + 1, 0


def row_order(count: int, seed: int, window: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """A permutation of a window's rows that follows from (seed, window)."""
    digest = hashlib.sha256(f"rows {seed} {window}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "little")).permutation(count)


def tokenizer_fingerprint(encoder: Encoder) -> str:
    """A hash of how an encoder turns text into tokens: its tokenizer's definition, and what its joins make of it."""
    definition = encoder.tokenizer.to_str() if hasattr(encoder.tokenizer, "to_str") else ""
    joined = encoder.pairs([("A question?\n\nOPTIONS:\n- yes\n- no", "yes")])
    return hashlib.sha256(f"{definition}{joined}".encode()).hexdigest()[:16]
