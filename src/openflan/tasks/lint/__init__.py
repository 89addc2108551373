"""The linter's checks of a card as it is written; `openflan.data.lint` checks what it makes of rows.

Every finding has a code that never changes its meaning (`docs/lint.md` says how to mend each), so that a person can
look one up and a script can count them.
"""

from __future__ import annotations

from openflan.tasks.lint import bare, questions, structure, style
from openflan.tasks.lint.finding import CODES, CardFile, Finding

__all__ = ["CODES", "CardFile", "Finding", "lint_card"]

_CHECKS = (*structure.CHECKS, *style.CHECKS, *questions.CHECKS, *bare.CHECKS)


def lint_card(file: CardFile) -> list[Finding]:
    """All that is wrong with a card as it is written, in the order of its lines."""
    return sorted(finding for check in _CHECKS for finding in check(file))
