"""Reading a card's file."""

from __future__ import annotations

from pathlib import Path

from openflan.errors import CardError
from openflan.tasks.card import Card
from openflan.yamlfile import line_of, read_yaml, validate


def read_card(path: Path) -> Card:
    """Read one card; raises `CardError`, one line per fault, each `file:line: key: what is wrong`."""
    text, values = read_yaml(path, CardError)
    card = validate(Card, values, CardError, lambda location: f"{path}:{line_of(text, location)}")
    if card.name != path.stem:
        raise CardError(f"{path}:{line_of(text, ('name',))}: name: {card.name!r} must match the file name")
    return card
