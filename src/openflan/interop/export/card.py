"""The page beside an export: what it is, the command that uses it, columns, shares and licences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from openflan import __version__
from openflan.tasks.card import Card

FRONT = """---
configs:
- config_name: default
  data_files:
  - split: train
    path: data/*
tags:
- openflan
---
"""


def page(
    title: str,
    *,
    command: str,
    remark: str,
    columns: Mapping[str, str],
    drawn: Counter[str],
    cards: Sequence[Card],
    notes: Iterable[str] = (),
) -> str:
    """The text of `README.md`; `drawn` counts examples by task, `cards` are the datasets of the mixture."""
    parts = [
        f"{FRONT}# {title}",
        f"Written by openflan {__version__}: {drawn.total():,} examples in mixture order.",
        f"```console\n$ {command}\n```\n\n{remark}",
        *notes,
        "## Columns\n\n" + _table(("column", "meaning"), [(f"`{name}`", text) for name, text in columns.items()]),
        "## Examples\n\n"
        + _table(("task", "examples"), [(name, f"{count:,}") for name, count in sorted(drawn.items())]),
        "## Licences\n\nWhat is made of this data rests on all of these; `unknown` means that nobody stated one.\n\n"
        + licence_table(cards),
    ]
    return "\n\n".join(parts) + "\n"


def licence_table(cards: Sequence[Card]) -> str:
    """Licence and citation of each dataset, as a table in Markdown."""
    return _table(("dataset", "licence", "citation"), [(card.name, card.licence, card.citation) for card in cards])


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
