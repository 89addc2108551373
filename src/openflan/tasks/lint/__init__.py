"""The linter's checks of a card as it is written; `openflan.data.lint` checks what it makes of rows.

Every finding has a code that never changes its meaning (`docs/lint.md` says how to mend each), so that a person can
look one up and a script can count them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from openflan.tasks.card import CHECKED, Card
from openflan.tasks.collections import card_values, files_of
from openflan.tasks.lint import bare, foreign, questions, structure, style
from openflan.tasks.lint.finding import CODES, CardFile, Finding

__all__ = ["CODES", "CardFile", "Finding", "collection_cards", "lint_card"]

_CHECKS = (*structure.CHECKS, *style.CHECKS, *questions.CHECKS, *bare.CHECKS)


def lint_card(file: CardFile) -> list[Finding]:
    """All that is wrong with a card as it is written, in the order of its lines."""
    checks = _CHECKS if file.card.templates else (structure.check_origin,)
    return sorted(finding for check in (*checks, foreign.check_foreign) for finding in check(file))


def collection_cards(kind: str, folder: Path, catalog: Mapping[str, Card]) -> Iterator[tuple[Path, Card]]:
    """Another collection's cards, each with the file that it was made of; raises `CardError`."""
    values = card_values(kind, folder, catalog)
    for path, one in zip(files_of(kind, folder), values, strict=True):
        yield path, Card.model_validate(one, context=CHECKED)
