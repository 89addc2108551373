"""Cards made of other collections' task files.

A recipe names such a collection among its cards, as `promptsource:DIR`.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from openflan.errors import CardError, UnknownNameError, nearest
from openflan.tasks.card import Card

COLLECTIONS = {"promptsource": "promptsource", "natural-instructions": "natural_instructions"}
"""A collection's name in a recipe → the module here whose `read` makes cards of its folder."""


def named_collection(place: str) -> tuple[str, Path] | None:
    """The collection and folder that a word names; None for any other path."""
    kind, mark, folder = place.partition(":")
    return (kind, Path(folder).expanduser()) if mark and kind in COLLECTIONS else None


def read_collection(kind: str, folder: Path, catalog: Mapping[str, Card]) -> list[Card]:
    """The cards of a collection's folder, some of which may take the place of the catalog's; raises `CardError`."""
    cards: list[Card] = _reader(kind, folder).read(folder, catalog)
    return cards


def card_values(kind: str, folder: Path, catalog: Mapping[str, Card]) -> list[dict[str, Any]]:
    """A collection's own cards as YAML would give them; raises `CardError`."""
    values: list[dict[str, Any]] = _reader(kind, folder).values_of(folder, catalog)
    return values


def files_of(kind: str, folder: Path) -> list[Path]:
    """A collection's files in the order of `card_values`, one a card; raises `CardError`."""
    files: list[Path] = _reader(kind, folder).task_files(folder)
    return files


def _reader(kind: str, folder: Path) -> Any:
    if kind not in COLLECTIONS:
        raise UnknownNameError(f"no collection is called {kind!r}{nearest(kind, COLLECTIONS)}")
    if not folder.is_dir():
        raise CardError(f"no folder of {kind} tasks at {folder}")
    return import_module(f"{__name__}.{COLLECTIONS[kind]}")
