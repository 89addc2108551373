"""The linter's checks of a card's examples, before any wording: rows left out, labels, control tokens, gold answers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from openflan.data.example import Example
from openflan.data.rows import TaskRows
from openflan.tasks.lint.finding import CardFile, Finding

_BROKEN = {"answer is not one of the options": "FLN022", "two options are the same": "FLN023"}
_UNNAMED = re.compile(r"\w+: (?:label \d+|wrong value)")
"""Reasons to leave a row out that mean the card does not know the value (a label of -1 means there is no gold one)."""

ENOUGH = 30
"""An option that is the answer of none of so many examples for each option is never the answer."""

UNLIKELY = 0.001
"""A gold answer shows where chance alone would do as much with less than this probability."""

CONTROL = re.compile(
    r"<\|[\w ]{1,40}\|>|</?s>|\[/?INST\]|<</?SYS>>|<(?:start|end)_of_turn>|<(?:bos|eos|pad|mask|sep|cls|extra_id_\d+)>|"
    r"\[(?:CLS|SEP|MASK|PAD|BOS|EOS)\]"
)
"""Tokens by which a tokenizer marks turns, ends and gaps."""


def check_skipped(file: CardFile, rows: TaskRows) -> Iterator[Finding]:
    """Rows that the card means to read and cannot."""
    for reason, count in rows.skipped.items():
        message = f"{count} of {count + len(rows)} {rows.role} rows: {reason}"
        if reason in _BROKEN:
            yield file.finding(_BROKEN[reason], message, "options")
        elif _UNNAMED.fullmatch(reason):
            yield file.finding("FLN036", message, "sources")
        elif reason.startswith("unresolved"):
            yield file.finding("FLN024", message, "fields")


def check_examples(file: CardFile, examples: Sequence[Example]) -> Iterator[Finding]:
    """Checks that look at all examples of a task at once."""
    yield from _never(file, examples)
    yield from _control(file, examples)
    # Fixed options come in one order and of one length; how often each is right is the balance of classes.
    if len({example.options for example in examples}) > 1:
        yield from _shows(file, examples)


def _never(file: CardFile, examples: Sequence[Example]) -> Iterator[Finding]:
    labels = {label for example in examples for label in example.labels}
    if len(examples) >= ENOUGH * len(labels):
        used = {example.labels[example.options.index(example.answer)] for example in examples if example.labels}
        for label in sorted(labels - used):
            message = f"the option for {label!r} is the answer of none of {len(examples)} rows"
            yield file.finding("FLN036", message, "options", label)


def _control(file: CardFile, examples: Sequence[Example]) -> Iterator[Finding]:
    found: Counter[str] = Counter()
    for example in examples:
        texts = strings([*example.fields.values(), *example.options, example.answer])
        found.update({token for text in texts for token in CONTROL.findall(text)})
    if found:
        shown = ", ".join(f"{token} in {count}" for token, count in found.most_common(5))
        yield file.finding("FLN037", f"control tokens in the text of {len(examples)} rows: {shown}", "fields")


def _shows(file: CardFile, examples: Sequence[Example]) -> Iterator[Finding]:
    """Whether the gold answer can be told from its length or place, for options that come with the rows."""
    longest = [(one, option) for one in examples if (option := _longest(one.options))]
    hits = sum(option == one.answer for one, option in longest)
    if _chance([1 / len(one.options) for one, _ in longest], hits) < UNLIKELY:
        message = f"the longest option is the gold answer in {hits} of {len(longest)} rows"
        yield file.finding("FLN038", message, "options")
    places = max((len(one.options) for one in examples), default=0)
    for place in range(places):
        having = [one for one in examples if len(one.options) > place]
        hits = sum(one.options[place] == one.answer for one in having)
        if places * _chance([1 / len(one.options) for one in having], hits) < UNLIKELY:
            message = f"option {place + 1} is the gold answer in {hits} of {len(having)} rows"
            yield file.finding("FLN038", message, "options")


def _longest(options: Sequence[str]) -> str | None:
    """The option that is longer than all others."""
    first, *others = sorted(options, key=len, reverse=True)
    return first if others and len(first) > len(others[0]) else None


def _chance(chances: Sequence[float], hits: int) -> float:
    """The probability of at least so many hits, each row having its own chance of one."""
    spread = np.ones(1)
    for chance in chances:
        spread = np.append(spread * (1 - chance), 0.0) + np.append(0.0, spread * chance)
    return float(spread[hits:].sum())


def strings(value: Any) -> list[str]:
    """The pieces of text in a value."""
    if isinstance(value, str):
        return [value]
    return [text for part in value for text in strings(part)] if isinstance(value, list | tuple) else []
