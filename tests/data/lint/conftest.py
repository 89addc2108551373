"""What the linter says of the small card on rows made up in the tests."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from entailment_rows import row

from openflan.data.lint import lint_rows
from openflan.data.sources import parse_source
from openflan.tasks.lint import CardFile, Finding


@pytest.fixture
def findings(make_card: Callable[..., Path], make_mirror: Callable[..., Path]) -> Callable[..., list[Finding]]:
    """What the linter says of the small card, with one template and other changes, on test rows."""

    def lint(text: str, rows: list[dict[str, Any]], **changes: Any) -> list[Finding]:
        template = {"input": text, **changes.pop("template", {})}
        card = make_card(**{"splits": {"test": "test"}, "templates": [template], **changes})
        mirror = make_mirror(test=rows) if rows else make_mirror("another", test=[row()])
        return lint_rows(CardFile.read(card), parse_source(f"mirror:{mirror}"), required=True)

    return lint
