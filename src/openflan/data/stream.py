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
from openflan.data.fit import LongTargets, fit
from openflan.data.mixture import Draw
from openflan.data.pack import PackedRows, concatenate, pack
from openflan.data.prompt import Prompt
from openflan.errors import OpenflanError

WINDOW = 2048
"""Examples in a window: enough that rows fill to 99%, few enough to encode in well under a second."""

_EMPTY_WINDOWS = 8
"""So many windows without one row that fits mean that none ever will."""

_UNWRITABLE = "an example that a template cannot put"

_ATTEMPTS = 8
"""Draws of one example before its place stays empty."""


class Examples(Protocol):
    """What a stream reads (`openflan.data.mixture.Mixture`): examples by number, and a fingerprint of all they follow
    from.
    """

    def draw(self, start: int, stop: int) -> list[Draw]:
        """What examples number `start` to `stop` stand for."""

    def redraw(self, number: int, attempt: int) -> Draw:
        """What takes the place of example `number` when it cannot be used."""

    def write(self, draws: Sequence[Draw], encoder: Encoder | None = None) -> list[Prompt | None]:
        """The prompts of several draws; None where one cannot be written."""

    @property
    def fingerprint(self) -> str:
        """A hash of all that the examples follow from."""


class Placed(NamedTuple):
    """An example in its place: its number in the mixture, what was drawn there at last, and that as it fits."""

    number: int
    draw: Draw
    prompt: Prompt
    encoded: Encoded


class Position(NamedTuple):
    """Where in the stream the next row is."""

    window: int = 0
    row: int = 0


class Step(NamedTuple):
    """The rows of one optimizer step, and the position after them."""

    rows: PackedRows
    after: Position


class TrainingRows(Protocol):
    """What training reads: rows from a position on, and the fingerprint of what they follow from."""

    row_length: int

    @property
    def fingerprint(self) -> str:
        """A hash of all that the rows follow from."""

    def steps(self, rows: int, start: Position = ...) -> Iterator[Step]:
        """The rows from `start` on, in steps of the given size."""


class Stream:
    """Packed rows of `row_length` tokens over a mixture, for ever.

    An example that cannot be written, or is too long, gives its place to the next of its dataset, so that every dataset
    trains at its rate; `redrawn` counts such examples by "dataset: reason" so far, and `dropped` those whose place
    stayed empty after several tries, of the `drawn` places there have been.
    """

    def __init__(
        self,
        mixture: Examples,
        encoder: Encoder,
        row_length: int,
        *,
        seed: int = 0,
        window: int = WINDOW,
        long_targets: LongTargets = "redraw",
    ) -> None:
        self.mixture, self.encoder, self.row_length = mixture, encoder, row_length
        self.seed, self.window, self.long_targets = seed, window, long_targets
        self.redrawn: Counter[str] = Counter()
        self.dropped: Counter[str] = Counter()
        self.drawn = 0

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
            "long targets": self.long_targets,
        }

    @property
    def fingerprint(self) -> str:
        """A hash of `identity`."""
        return fingerprint_of(self.identity)

    def rows(self, window: int) -> PackedRows:
        """The rows of a window, in their order; possibly none."""
        packed = pack(self.sequences(window), self.row_length)
        return packed[row_order(len(packed), self.seed, window)]

    def sequences(self, window: int) -> list[Encoded]:
        """The token sequences of a window's examples, in the order of their numbers."""
        return [one.encoded for one in self.placed(window)]

    def placed(self, window: int) -> list[Placed]:
        """A window's examples in the order of their numbers; a place that stayed empty is missing."""
        start = window * self.window
        self.drawn += self.window
        found: dict[int, Placed] = {}
        open_ = dict(enumerate(self.mixture.draw(start, start + self.window)))
        for attempt in range(1, _ATTEMPTS + 1):
            placed, reasons = self._place(start, open_)
            found |= placed
            self.redrawn.update(reasons.values())
            if not reasons:
                break
            if attempt == _ATTEMPTS:
                self.dropped.update(reasons.values())
                break
            open_ = {place: self.mixture.redraw(start + place, attempt) for place in reasons}
        return [found[place] for place in sorted(found)]

    def steps(self, rows: int, start: Position = Position()) -> Iterator[Step]:  # noqa: B008 - a constant
        """The stream from `start` on, `rows` rows at a time."""
        return steps_of(self.rows, rows, start)

    def _place(self, start: int, draws: Mapping[int, Draw]) -> tuple[dict[int, Placed], dict[int, str]]:
        """Those draws that can be used, and why the others cannot, both by place after `start`."""
        prompts = dict(zip(draws, self.mixture.write(list(draws.values()), self.encoder), strict=True))
        reasons = {place: _UNWRITABLE for place, prompt in prompts.items() if prompt is None}
        written = {place: prompt for place, prompt in prompts.items() if prompt is not None}
        found: dict[int, Placed] = {}
        for place, fitted in zip(written, fit(list(written.values()), self.encoder, self.long_targets), strict=True):
            if fitted.encoded is None:
                reasons[place] = f"{fitted.prompt.dataset}: {fitted.reason}"
            elif len(fitted.encoded.tokens) > self.row_length:
                reasons[place] = f"{fitted.prompt.dataset}: longer than a row"
            else:
                found[place] = Placed(start + place, draws[place], fitted.prompt, fitted.encoded)
        return found, reasons


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
            raise nothing_fits(f"windows {window - empty + 1} to {window}")
        while row < len(current):
            held.append(current[row : row + rows - sum(map(len, held))])
            row += len(held[-1])
            if sum(map(len, held)) == rows:
                yield Step(concatenate(held), Position(window, row))
                held = []
        window, row = window + 1, 0


def nothing_fits(where: str) -> OpenflanError:
    """What is wrong where many windows gave no row at all: so it will go on."""
    return OpenflanError(
        f"no example of the mixture fits a training row ({where}); raise the row length or the format's target_length"
    )


def row_order(count: int, seed: int, window: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """A permutation of a window's rows that follows from (seed, window)."""
    digest = hashlib.sha256(f"rows {seed} {window}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "little")).permutation(count)


def tokenizer_fingerprint(encoder: Encoder) -> str:
    """A hash of how an encoder turns text into tokens: its tokenizer's definition, and what its joins make of it."""
    definition = encoder.tokenizer.to_str() if hasattr(encoder.tokenizer, "to_str") else ""
    joined = encoder.pairs([("A question?\n\nOPTIONS:\n- yes\n- no", "yes")])
    return hashlib.sha256(f"{definition}{joined}".encode()).hexdigest()[:16]
