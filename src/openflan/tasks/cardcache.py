"""The catalog's cards as they were read the last time, kept by what their files say.

YAML is slow to read, and so is compiling each text of a card to see whether it does. What was read once and found good
is taken from the cache for as long as no file changes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from openflan.errors import CardError
from openflan.files import cache
from openflan.sums import DamageError, program_sum, read_sealed, write_sealed
from openflan.tasks.card import CHECKED, Card
from openflan.tasks.cardfile import read_card
from openflan.yamlfile import read_yaml


def read_cards(paths: Sequence[Path]) -> list[Card]:
    """Cards from their files, or from the cache; raises `CardError`, with file and line of each fault."""

    def read() -> list[dict[str, Any]]:
        for path in paths:
            read_card(path)
        return [read_yaml(path, CardError)[1] for path in paths]

    return kept_cards(paths, read)


def kept_cards(paths: Sequence[Path], make: Callable[[], list[dict[str, Any]]], salt: str = "") -> list[Card]:
    """Cards of the values that `make` gives and has checked, or from the cache while `paths` and `salt` stay."""
    note = cache() / "cards" / f"{_digest(paths, salt)}.json"
    with suppress(DamageError, ValidationError, KeyError, TypeError):
        return [Card.model_validate(values, context=CHECKED) for values in read_sealed(note)["cards"]]
    values = make()
    cards = [Card.model_validate(one, context=CHECKED) for one in values]
    if _is_json(values):
        with suppress(OSError):  # it is made again the next time
            write_sealed(note, {"cards": values})
    return cards


def _digest(paths: Iterable[Path], salt: str) -> str:
    """A hash of what the files say, and of the program that reads them."""
    digest = hashlib.sha256(f"{program_sum(Path(__file__).parent)}{salt}".encode())
    for path in paths:
        content = path.read_bytes()
        digest.update(f"\0{path.name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:32]


def _is_json(values: Any) -> bool:
    """Whether JSON gives back just these values."""
    try:
        return bool(json.loads(json.dumps(values)) == values)
    except (TypeError, ValueError):
        return False
