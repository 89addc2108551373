"""Cards made of other collections' task files.

A recipe names such a collection among its cards, as `promptsource:DIR`.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

from openflan.errors import CardError
from openflan.tasks.card import Card

COLLECTIONS = {"promptsource": "promptsource", "natural-instructions": "natural_instructions"}
"""A collection's name in a recipe → the module here whose `read` makes cards of its folder."""


def named_collection(place: str) -> tuple[str, Path] | None:
    """The collection and folder that a word names; None for any other path."""
    kind, mark, folder = place.partition(":")
    return (kind, Path(folder).expanduser()) if mark and kind in COLLECTIONS else None


def read_collection(kind: str, folder: Path, catalog: Mapping[str, Card]) -> list[Card]:
    """The cards of a collection's folder, some of which may take the place of the catalog's; raises `CardError`."""
    if not folder.is_dir():
        raise CardError(f"no folder of {kind} tasks at {folder}")
    cards: list[Card] = import_module(f"{__name__}.{COLLECTIONS[kind]}").read(folder, catalog)
    return cards
