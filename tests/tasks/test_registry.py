"""The catalog: the paper's Figure 3 in numbers, and the names by which tasks are chosen."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from openflan.errors import CardError, UnknownNameError
from openflan.tasks.clusters import CLUSTERS
from openflan.tasks.registry import load_catalog

FIGURE_3 = (7, 4, 4, 4, 3, 4, 8, 5, 2, 3, 7, 11)
CATALOG = load_catalog()


def test_figure_3() -> None:
    cards = [card for card in CATALOG.values() if card.figure3]
    assert len(cards) == 62
    assert sum(len(card.templates) for card in cards) == 620
    assert Counter(card.cluster for card in cards) == dict(zip(CLUSTERS, FIGURE_3, strict=True))


def test_preset_is_figure_3() -> None:
    names = {task.card.name for task in CATALOG.tasks("flan62")}
    assert names == {name for name, card in CATALOG.items() if card.figure3}
    assert {task.card.name for task in CATALOG.tasks("all")} == set(CATALOG)


@pytest.mark.parametrize("name", CATALOG)
def test_templates_of_a_card(name: str) -> None:
    card = CATALOG[name]
    assert len(card.templates) == 10
    assert len(card.forward_templates) >= 6
    assert len({template.input for template in card.templates}) == 10


def test_cards_stand_in_the_folder_of_their_cluster() -> None:
    from openflan.tasks.registry import CATALOG as folder

    for name, card in CATALOG.items():
        assert (folder / card.cluster / f"{name}.yaml").is_file()


def test_selectors() -> None:
    def names(selector: str) -> list[str]:
        return [task.name for task in CATALOG.tasks(selector)]

    assert names("rte") == ["rte"]
    assert names("anli") == ["anli:r1", "anli:r2", "anli:r3"]
    assert names("anli:r2") == ["anli:r2"]
    assert set(names("commonsense")) == {"copa", "hellaswag", "piqa", "story_cloze"}
    assert set(names("conversational_qa")) == {"coqa", "quac"}


@pytest.mark.parametrize(
    ("selector", "hint"),
    [
        ("rtf", "'rte'"),
        ("comonsense", "'commonsense'"),
        ("flan_62", "'flan62'"),
        ("anli:r4", "'r[123]'"),
        ("rte:r1", "variant"),
    ],
)
def test_unknown_name_names_the_nearest(selector: str, hint: str) -> None:
    with pytest.raises(UnknownNameError, match=hint):
        CATALOG.tasks(selector)


def test_further_cards_join_and_replace(make_card: Callable[..., Path]) -> None:
    folder = make_card().parent
    make_card(name="rte", title="Mine")
    catalog = load_catalog(folder)
    assert len(catalog) == len(CATALOG) + 1
    assert catalog["rte"].title == "Mine"
    with pytest.raises(CardError, match="no card or folder"):
        load_catalog(folder / "gone")
