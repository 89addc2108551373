"""The texts of what is measured: each example's raw fields and right answers, and how long an n-gram of them is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from openflan.contamination.words import LONGEST, SHORTEST, Words, normalise
from openflan.data.example import Example
from openflan.data.rows import TaskRows

ANSWER, OPTIONS = "answer", "options"
"""What the right answers, and the wrong options, are called among the fields."""


@dataclass(frozen=True)
class Text:
    """One text of an example: which of its fields it is, or its answer."""

    example: str
    field: str
    text: str


@dataclass(frozen=True)
class MeasuredTask:
    """A dataset that is measured: its examples, their texts, and the words of an n-gram (`gram_length`)."""

    name: str
    size: int
    examples: tuple[str, ...]
    texts: tuple[Text, ...]


def measured_task(rows: TaskRows) -> MeasuredTask:
    """The texts of a dataset's rows."""
    texts: list[Text] = []
    lengths: dict[str, int] = {}
    for example in rows:
        name = example.id
        lengths[name] = 0
        for field, text in texts_of(example):
            texts.append(Text(name, field, text))
            if field != OPTIONS:
                lengths[name] += len(Words.of(normalise(text.encode("utf-8", "replace"))))
    return MeasuredTask(rows.task.name, gram_length(lengths.values()), tuple(lengths), tuple(texts))


def gram_length(lengths: Iterable[int]) -> int:
    """Words in an n-gram: the 5th percentile of a dataset's examples' lengths, from 8 to 13 (GPT-3, appendix C)."""
    found = list(lengths)
    return int(np.clip(np.percentile(found, 5) if found else SHORTEST, SHORTEST, LONGEST))


def texts_of(example: Example) -> Iterator[tuple[str, str]]:
    """An example's texts, each with its field's name."""
    for name, value in example.fields.items():
        yield from ((name, text) for text in _strings(value))
    yield from ((ANSWER, text) for text in example.references)
    yield from ((OPTIONS, text) for text in example.options if text not in example.references)


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _strings(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _strings(inner)
