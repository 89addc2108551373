"""Which examples of what is measured stand in a corpus, in which of their fields, and where."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np

from openflan.contamination.index import Index
from openflan.contamination.measured import MeasuredTask
from openflan.contamination.scan import Hit


@dataclass(frozen=True)
class Match:
    """The first n-gram of a text that was found: its words, and where they stand (a file; a row, or about a byte)."""

    words: str
    path: str
    where: int


@dataclass(frozen=True)
class Overlap:
    """What a corpus holds of a dataset.

    `size` is the words of an n-gram. `dirty` examples have at least one in common with the corpus: by example, the
    match in each field. `short` examples have no text of so many words; nothing of them can be found.
    """

    name: str
    size: int
    examples: frozenset[str]
    dirty: Mapping[str, Mapping[str, Match]]
    short: int

    @property
    def fields(self) -> dict[str, int]:
        """How many examples are dirty in each field, most first."""
        return dict(Counter(field for matches in self.dirty.values() for field in matches).most_common())

    def to_dict(self) -> dict[str, Any]:
        """As plain values, for JSON."""
        return {
            "dataset": self.name,
            "n": self.size,
            "examples": len(self.examples),
            "short": self.short,
            "dirty": len(self.dirty),
            "fields": self.fields,
            "matches": {
                example: {field: vars(match) for field, match in matches.items()}
                for example, matches in sorted(self.dirty.items())
            },
        }


def index_of(tasks: Iterable[MeasuredTask]) -> Index:
    """The n-grams of all texts of some datasets."""
    pairs = [(text.text.encode("utf-8", "replace"), task.size) for task in tasks for text in task.texts]
    return Index.of([text for text, _ in pairs], [size for _, size in pairs])


def overlaps(tasks: Sequence[MeasuredTask], index: Index, hits: Iterable[Hit]) -> list[Overlap]:
    """What was found, by dataset; `index` is that of the same datasets."""
    matches: dict[int, Match] = {}
    for hit in sorted(hits):
        owner, size = int(index.owners[hit.member]), int(index.sizes[hit.member])
        matches.setdefault(owner, Match(index.words.gram(hit.member, size).decode(), hit.path, hit.where))
    searched = set(np.unique(index.owners[index.owners >= 0]).tolist())
    found, numbers = [], count()
    for task in tasks:
        dirty: dict[str, dict[str, Match]] = {}
        long: set[str] = set()
        for text, number in zip(task.texts, numbers, strict=False):
            if number in searched:
                long.add(text.example)
            if number in matches:
                dirty.setdefault(text.example, {}).setdefault(text.field, matches[number])
        found.append(Overlap(task.name, task.size, frozenset(task.examples), dirty, len({*task.examples} - long)))
    return found
