"""The mixture: which dataset, which row and which template example number *i* is.

Examples-proportional mixing with a rate cap (paper section 2.4): a dataset of n rows has the rate min(n, 3,000). One
*round* of the mixture is as long as the sum of the rates and draws every dataset exactly as often as its rate says, in
a shuffled order; a dataset's rows come without repetition until all were drawn, in a new order each time. Everything
follows from (seed, i) alone.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from openflan.data.order import hash64, permutation, permute_many
from openflan.data.prompt import Prompt, PromptWriter, writers
from openflan.data.rows import TaskRows
from openflan.errors import MissingRowsError
from openflan.tasks.prepare import SkipRow

Numbers = NDArray[np.int64]

RATE_CAP = 3_000
"""A dataset's rows beyond this add no weight (paper section 2.4)."""


class Draw(NamedTuple):
    """What an example number stands for: dataset number, position among its rows, template number in its list."""

    dataset: int
    position: int
    template: int


@dataclass(frozen=True)
class Share:
    """One line of the mixture's table: a dataset, its rows, its rate, and what that comes to in a run."""

    name: str
    cluster: str
    rows: int
    skipped: int
    rate: int
    probability: float
    templates: int
    draws: float
    epochs: float


@dataclass
class Mixture:
    """An endless sequence of prompts over several datasets, readable at any position.

    `templates` limits every dataset to the first so many of its list (the paper's ablation B.1). `unusable` counts
    prompts that could not be written, by (dataset, reason).
    """

    parts: Sequence[TaskRows]
    seed: int = 0
    rate_cap: int = RATE_CAP
    templates: int | None = None
    unusable: Counter[tuple[str, str]] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        if not self.parts:
            raise MissingRowsError("the mixture has no dataset with rows")
        self._rates = np.array([min(len(part), self.rate_cap) for part in self.parts], dtype=np.int64)
        self._ends = np.cumsum(self._rates)
        self._writers: list[list[PromptWriter]] = [writers(part.task, self.templates) for part in self.parts]
        self._kept: tuple[int, Numbers, Numbers] | None = None

    @property
    def round(self) -> int:
        """Examples in one round: the sum of the rates."""
        return int(self._ends[-1])

    def draw(self, start: int, stop: int) -> list[Draw]:
        """What examples number `start` to `stop` stand for."""
        drawn: list[Draw] = []
        while start < stop:
            number, first = divmod(start, self.round)
            last = min(stop - number * self.round, self.round)
            datasets, counts = (column[first:last] for column in self._order(number))
            positions = self._positions(datasets, counts)
            for dataset, position in zip(datasets.tolist(), positions.tolist(), strict=True):
                template = hash64(self.seed, "template", start) % len(self._writers[dataset])
                drawn.append(Draw(dataset, position, template))
                start += 1
        return drawn

    def prompts(self, start: int, stop: int) -> list[Prompt]:
        """Examples number `start` to `stop`, in order; a prompt that cannot be written is counted and left out."""
        draws = self.draw(start, stop)
        by_dataset: dict[int, list[int]] = {}
        for index, draw in enumerate(draws):
            by_dataset.setdefault(draw.dataset, []).append(index)
        written: dict[int, Prompt] = {}
        for dataset, indices in by_dataset.items():
            examples = self.parts[dataset].examples([draws[index].position for index in indices])
            for index, example in zip(indices, examples, strict=True):
                try:
                    written[index] = self._writers[dataset][draws[index].template].write(example)
                except SkipRow as reason:
                    self.unusable[example.task.name, str(reason)] += 1
        return [written[index] for index in sorted(written)]

    def shares(self, examples: int | None = None) -> list[Share]:
        """The mixture's table for a run of `examples` draws (default: one round)."""
        total = self.round if examples is None else examples
        return [
            Share(
                name=part.task.name,
                cluster=part.task.card.cluster,
                rows=len(part),
                skipped=part.skipped.total(),
                rate=int(rate),
                probability=rate / self.round,
                templates=len(choices),
                draws=total * rate / self.round,
                epochs=total * rate / self.round / len(part),
            )
            for part, rate, choices in zip(self.parts, self._rates, self._writers, strict=True)
        ]

    @cached_property
    def fingerprint(self) -> str:
        """A hash of all that decides what the examples are: cards, rows, rates and seed."""
        digest = hashlib.sha256(f"{self.seed} {self.rate_cap} {self.templates}".encode())
        for part in self.parts:
            digest.update(part.fingerprint.encode())
        return digest.hexdigest()[:16]

    def _order(self, number: int) -> tuple[Numbers, Numbers]:
        """The datasets a round draws, in order, and how often each was drawn before: int64, shape [round] both.

        The last round asked for is kept, since windows walk through rounds.
        """
        kept = self._kept
        if kept is None or kept[0] != number:
            slots = permutation(self.round, hash64(self.seed, "round", number))
            datasets = np.searchsorted(self._ends, slots, side="right")
            sorted_by_dataset = np.argsort(datasets, kind="stable")
            counts = np.empty_like(datasets)
            counts[sorted_by_dataset] = np.arange(self.round)
            counts += number * self._rates[datasets] - (self._ends - self._rates)[datasets]
            self._kept = kept = number, datasets, counts
        return kept[1:]

    def _positions(self, datasets: Numbers, counts: Numbers) -> Numbers:
        """Where among its rows each draw stands: every epoch of a dataset goes through them in an order of its own."""
        rows = np.array([len(part) for part in self.parts])[datasets]
        epochs, positions = np.divmod(counts, rows)
        for dataset, epoch in sorted(set(zip(datasets.tolist(), epochs.tolist(), strict=True))):
            part, mine = self.parts[dataset], (datasets == dataset) & (epochs == epoch)
            key = hash64(self.seed, "epoch", part.task.name, epoch)
            positions[mine] = permute_many(positions[mine], len(part), key)
        return positions
