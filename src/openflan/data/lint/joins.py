"""The linter's check of what follows a value on its line: a value without an end mark runs into the next sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from openflan.data.example import Example
from openflan.tasks.lint.finding import CardFile, Finding, texts_of

UNMARKED = 0.1
"""The share of values without an end mark from which on they count as running into what follows."""

_JOIN = re.compile(r"\{\{-?\s*(?P<name>\w+)\s*-?\}\} (?P<next>[A-Z][\w’']*[^\n{]*)")
_ENDED = re.compile(r"[.?!:;,…。؟][\"'”’»)\]]*$")


def check_joins(file: CardFile, examples: Sequence[Example]) -> Iterator[Finding]:
    """Values that are followed by a new sentence on their line, in templates and in the baseline prompt."""
    texts: list[tuple[str, tuple[str | int, ...]]] = [
        (text, ("templates", number, key))
        for number, template in enumerate(file.card.templates)
        for key, text in texts_of(template).items()
    ]
    if file.card.baseline is not None:
        texts.append((file.card.baseline.input, ("baseline", "input")))
    for text, place in texts:
        for join in _JOIN.finditer(text):
            given = [one.fields.get(join["name"]) for one in examples]
            values = [value.strip() for value in given if isinstance(value, str)]
            open_ended = [value for value in values if value and not _ENDED.search(value)]
            if len(open_ended) > UNMARKED * len(values):
                message = (
                    f"{join['name']!r} has no end mark in {len(open_ended)} of {len(values)} rows, and then comes "
                )
                yield file.finding("FLN040", f"{message}{join['next'].strip()[:40]!r}", *place)
