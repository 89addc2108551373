"""Few-shot prompts: exemplars from the training split before the query (paper section 4.4).

Each exemplar is a prompt of the same template followed by its target. Parts are joined as text, so that a few-shot
prompt is a prompt like any other, to train on, to rank, to read. The joins follow the query's own format:

| join | before a target | after it |
|---|---|---|
| `newline` | line break | two empty lines |
| `eos`, `apart`, `chat` | empty line | two empty lines |
| `space` | space | empty line (as GPT-3 and the released baselines) |

An exemplar is never the query, nor a sibling that one metric judges together with it. When the budget is too small,
whole exemplars are left out; the query, and so the instruction, stays whole. The release keeps the longest prefix of
the list that fits, so that one long exemplar at its head leaves all queries with none; here the next that fits follows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice, zip_longest
from typing import NamedTuple, Protocol

import numpy as np

from openflan.data.encode import Encoder, Join
from openflan.data.example import Example
from openflan.data.order import hash64, permute_many
from openflan.data.prompt import Prompt, Writer
from openflan.ranges import Count, Natural, Seed
from openflan.tasks.prepare import SkipRow

_JOINS: dict[Join, tuple[str, str]] = {
    "eos": ("\n\n", "\n\n\n"),
    "apart": ("\n\n", "\n\n\n"),
    "newline": ("\n", "\n\n\n"),
    "chat": ("\n\n", "\n\n\n"),
    "space": (" ", "\n\n"),
}

_SCAN = 64
"""How many times the wished number of rows is looked at for a balanced set before the rest is filled with what there
is."""


@dataclass(frozen=True)
class Shots:
    """How many exemplars, and how they are drawn."""

    count: Natural = 0
    """Exemplars before each query."""
    budget: Count = 960
    """Most tokens of exemplars and query together: 960 leaves 64 of the paper's 1,024 to the joins."""
    per_query: bool = False
    """Draw other exemplars for each query, the paper's way; else one set serves all queries of a template, which is
    computed once."""
    balanced: bool = False
    """Take turns over the answers."""
    seed: Seed = 0
    """Decides which are drawn; an evaluation gives its own."""


class ExampleRows(Protocol):
    """The training rows exemplars come from (`openflan.data.rows.TaskRows`)."""

    def __len__(self) -> int: ...

    def examples(self, positions: Sequence[int]) -> list[Example]:
        """The examples at these positions."""
        ...


class Shot(NamedTuple):
    """A prompt with exemplars before it, and how many there are."""

    prompt: Prompt
    shots: int


@dataclass(frozen=True)
class _Exemplar:
    prompt: Prompt
    example: Example
    text: str
    tokens: int


class FewShot:
    """Puts exemplars before the prompts of one task and template, joined and counted as `encoder` will read them.

    `after` is what ends a target, and so a written answer.
    """

    def __init__(self, writer: Writer, rows: ExampleRows, shots: Shots, encoder: Encoder) -> None:
        self.writer, self.rows, self.shots, self._encoder = writer, rows, shots, encoder
        self.before, self.after = _JOINS[encoder.format.join]
        self._fixed: list[_Exemplar] | None = None
        # Where the format takes less than the budget: its own tokens, and one a join may cost, come off.
        own = len(encoder.prefixes([""])[0]) + shots.count
        self._budget = min(shots.budget, encoder.input_length - own)

    def extend(self, queries: Sequence[Prompt]) -> list[Shot]:
        """Put exemplars before each query, as many as the budget holds."""
        if not self.shots.count or not queries:
            return [Shot(query, 0) for query in queries]
        lengths = self._lengths([query.input for query in queries])
        return [self._extend(query, length) for query, length in zip(queries, lengths, strict=True)]

    def _extend(self, query: Prompt, length: int) -> Shot:
        kept: list[str] = []
        room = self._budget - length
        for exemplar in self._exemplars(query):
            if len(kept) < self.shots.count and exemplar.tokens <= room:
                room -= exemplar.tokens
                kept.append(exemplar.text)
        return Shot(replace(query, input="".join([*kept, query.input])), len(kept))

    def _lengths(self, texts: Sequence[str]) -> list[int]:
        encodings = self._encoder.tokenizer.encode_batch_fast(texts, add_special_tokens=False)
        return [len(encoding.ids) for encoding in encodings]

    def _exemplars(self, query: Prompt) -> Iterator[_Exemplar]:
        """The query's list of exemplars, in order, without itself and its siblings; a few more than are wanted."""
        if self.shots.per_query:
            found = self._draw(hash64("shots", self.shots.seed, query.dataset, query.writer, query.input))
        else:
            if self._fixed is None:
                self._fixed = self._draw(hash64("shots", self.shots.seed, query.dataset, query.writer))
            found = self._fixed
        return (one for one in found if not _same(one.prompt, query))

    def _draw(self, key: int) -> list[_Exemplar]:
        # A few to spare take the place of one that is the query.
        wanted = self.shots.count + 4
        pairs = self._balanced(key, wanted) if self.shots.balanced else list(islice(self._walk(key), wanted))
        texts = [f"{prompt.input}{self.before}{prompt.target}{self.after}" for prompt, _ in pairs]
        return [
            _Exemplar(prompt, example, text, tokens)
            for (prompt, example), text, tokens in zip(pairs, texts, self._lengths(texts), strict=True)
        ]

    def _walk(self, key: int) -> Iterator[tuple[Prompt, Example]]:
        """The training rows in the order of `key`, as prompts; rows that make none are passed over."""
        size, step = len(self.rows), self.shots.count + 4
        for start in range(0, size, step):
            positions = permute_many(np.arange(start, min(start + step, size)), size, key)
            for example in self.rows.examples(positions.tolist()):
                try:
                    yield self.writer.write(example), example
                except SkipRow:
                    continue

    def _balanced(self, key: int, wanted: int) -> list[tuple[Prompt, Example]]:
        """Rounds over the answers, each in an order of its own: dropping from the end keeps the balance."""
        by_answer: dict[int, list[tuple[Prompt, Example]]] = defaultdict(list)
        for pair in islice(self._walk(key), _SCAN * wanted):
            options = pair[1].options
            by_answer[options.index(pair[1].answer) if options else 0].append(pair)
            if (
                options
                and len(by_answer) == len(options)
                and min(map(len, by_answer.values())) * len(options) >= wanted
            ):
                break
        rounds = zip_longest(*(pairs for _, pairs in sorted(by_answer.items())))
        ordered = (
            sorted(enumerate(turn), key=lambda at: hash64(key, number, at[0])) for number, turn in enumerate(rounds)
        )
        return list(islice((pair for _, pair in chain.from_iterable(ordered) if pair), wanted))


def _same(exemplar: Prompt, query: Prompt) -> bool:
    return exemplar.input == query.input or (query.group is not None and exemplar.group == query.group)
