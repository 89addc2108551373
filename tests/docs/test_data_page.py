"""What the data page says of the catalog and of large splits is so."""

from __future__ import annotations

import re
from pathlib import Path

from openflan.data import hub
from openflan.tasks.registry import load_catalog

PAGE = (Path(__file__).parents[2] / "docs" / "data.md").read_text(encoding="utf-8")


def test_datasets_with_conditions_are_all_listed() -> None:
    table = PAGE.partition("### What needs an agreement")[2].partition("## Imperfect data")[0]
    listed = {name for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)}
    assert listed == {card.name for card in load_catalog().values() if card.access}


def test_the_limit_of_large_splits_is_the_one_in_use() -> None:
    assert set(re.findall(r"\d{3},000", PAGE)) == {f"{hub.SPLIT_LIMIT:,}"}
