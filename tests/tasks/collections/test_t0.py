"""T0's mixtures, with the counts of its own lists."""

from __future__ import annotations

from pathlib import Path

import pytest

from openflan.tasks.collections.t0 import MIXTURES, mixtures_of
from openflan.tasks.registry import load_catalog


def test_each_mixture_has_all_of_the_one_before():
    assert mixtures_of("trec") == list(MIXTURES)
    assert mixtures_of("hellaswag") == ["t0+", "t0++"]
    assert mixtures_of("super_glue/copa") == ["t0++"]
    assert mixtures_of("super_glue/rte") == []


@pytest.mark.parametrize(
    ("mixture", "datasets", "templates", "original"),
    [("t0", 38, 313, 222), ("t0+", 48, 313 + 79, 222 + 49), ("t0++", 54, 313 + 79 + 72, 222 + 49 + 70)],
)
def test_counts_of_datasets_and_templates(
    mixture: str, datasets: int, templates: int, original: int, shared_data: Path
):
    catalog = load_catalog(f"promptsource:{shared_data / '_extra' / 'promptsource'}")
    cards = {task.card.name: task.card for task in catalog.tasks(mixture)}
    assert len(cards) == datasets
    kinds = [template.inverted for card in cards.values() for template in card.foreign]
    assert (len(kinds), kinds.count(False)) == (templates, original)
