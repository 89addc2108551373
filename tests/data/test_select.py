"""From a recipe's data section to tasks and rows: the hold-out rules of the paper, and datasets that are missing."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from openflan.data.select import DataConfig, excluded_cards, make_mixture, select, training_rows
from openflan.errors import MissingRowsError, OverlapError, UnknownNameError
from openflan.tasks.clusters import CLUSTERS
from openflan.tasks.registry import load_catalog

CATALOG = load_catalog()
DROPPED = {
    "rc_commonsense": {"rc_commonsense", "reading_comprehension", "commonsense"},
    "reading_comprehension": {"reading_comprehension", "rc_commonsense"},
    "commonsense": {"commonsense", "rc_commonsense"},
    "nli": {"nli", "paraphrase"},
    "paraphrase": {"paraphrase", "nli"},
}


@pytest.mark.parametrize("cluster", CLUSTERS)
def test_a_held_out_cluster_and_its_neighbours_are_never_trained_on(cluster: str) -> None:
    chosen = select(DataConfig(hold_out=(cluster,)))
    dropped = DROPPED.get(cluster, {cluster})
    trained = {task.card.cluster for task in chosen.train}
    assert trained == {name for name in CLUSTERS if name not in dropped}
    assert {task.card.cluster for task in chosen.held_out} == {cluster}
    names = {task.name for task in chosen.train} | set(chosen.left_out)
    assert names == {task.name for task in CATALOG.tasks("flan62")}


@pytest.mark.parametrize("card", [card for card in CATALOG.values() if not card.subcluster], ids=lambda card: card.name)
def test_holding_out_a_dataset_holds_out_its_cluster(card: Any) -> None:
    by_name, by_cluster = (select(DataConfig(hold_out=(name,))) for name in (card.name, card.cluster))
    assert [task.name for task in by_name.train] == [task.name for task in by_cluster.train]
    assert {task.card.name for task in by_name.held_out} == {card.name}


def test_a_dataset_with_a_subcluster_holds_out_that_only() -> None:
    chosen = select(DataConfig(tasks=("all",), hold_out=("coqa",)))
    left = {task.split(":")[0] for task in chosen.left_out}
    assert left == {"coqa", "quac"}


def test_conversational_qa_stays_when_reading_comprehension_is_held_out() -> None:
    trained = {task.name for task in select(DataConfig(hold_out=("reading_comprehension",))).train}
    assert {"coqa", "quac", "qnli"} <= trained


def test_one_variant_holds_out_all_of_them() -> None:
    chosen = select(DataConfig(hold_out=("anli:r3",)))
    assert [task.name for task in chosen.held_out] == ["anli:r3"]
    assert not any(task.card.cluster == "nli" for task in chosen.train)


@pytest.fixture
def own(make_card: Callable[..., Path]) -> Callable[..., DataConfig]:
    """A recipe whose cards make a cluster of their own, said to be too close to sentiment and to boolq."""
    cards = [
        make_card(name="mood", cluster="feelings", too_close=["sentiment", "boolq"]),
        make_card(name="tone", cluster="feelings"),
        make_card(name="alone", cluster="misc"),
    ]
    return lambda **changes: DataConfig(**{"tasks": ("all",), "cards": tuple(map(str, cards))} | changes)


def test_a_card_may_make_a_cluster_of_its_own(own: Callable[..., DataConfig]) -> None:
    chosen = select(own(tasks=("flan62", "feelings"), hold_out=("sentiment",), allow_overlap=True))
    assert [task.name for task in chosen.train][-2:] == ["mood", "tone"]
    assert own().catalog().clusters[-1] == "feelings"


@pytest.mark.parametrize("held", ["mood", "feelings"])
def test_holding_out_ones_own_cluster_drops_what_its_cards_call_too_close(
    own: Callable[..., DataConfig], held: str
) -> None:
    left = select(own(hold_out=(held,))).left_out
    assert {"mood", "tone", "boolq", *(task.name for task in CATALOG.tasks("sentiment"))} == set(left)
    assert left["tone"] == "held out" and left["sst2"] == "too close to mood"


def test_closeness_holds_both_ways_and_takes_the_whole_cluster(own: Callable[..., DataConfig]) -> None:
    left = select(own(hold_out=("imdb",))).left_out
    assert left["mood"] == left["tone"] == "too close to imdb"
    assert "boolq" not in left


def test_holding_out_ones_own_miscellaneous_dataset_leaves_the_others(own: Callable[..., DataConfig]) -> None:
    assert set(select(own(hold_out=("alone",))).left_out) == {"alone"}


def test_leaving_one_dataset_out(own: Callable[..., DataConfig]) -> None:
    chosen = select(own(hold_out=("rte", "mood"), hold_out_rule="dataset"))
    assert chosen.left_out == {"rte": "held out", "mood": "held out"}


def test_a_name_in_too_close_that_is_nothing_is_named(make_card: Callable[..., Path]) -> None:
    card = make_card(name="mood", cluster="feelings", too_close=["sentimant"])
    with pytest.raises(UnknownNameError, match=r"mood: too_close: .*did you mean 'sentiment'"):
        select(DataConfig(cards=(str(card),), hold_out=("nli",)))


def test_the_released_mixture_has_its_69_tasks() -> None:
    names = {task.name for task in CATALOG.tasks("flan69")}
    assert len(names) == 69
    assert {"wsc", "true_case", "word_segment", "mnli:mismatched", "squad:v1", "para_crawl_enes"} <= names
    assert not {"wsc273", "para_crawl_ende", "para_crawl_enfr"} & names


def test_reasons_are_given() -> None:
    reasons = excluded_cards(CATALOG, ["nli"])
    assert reasons["rte"] == "held out"
    assert reasons["qqp"] == "too close to nli"


def test_naming_what_is_held_out_is_an_error_that_says_how_to_mend_it() -> None:
    with pytest.raises(OverlapError, match=r"'paraphrase', but mrpc is too close to nli; .* data\.allow_overlap: true"):
        select(DataConfig(tasks=("commonsense", "paraphrase"), hold_out=("nli",)))


def test_overlap_may_be_allowed() -> None:
    chosen = select(DataConfig(tasks=("rte",), hold_out=("rte",), allow_overlap=True))
    assert [task.name for task in chosen.train] == [task.name for task in chosen.held_out] == ["rte"]


def test_a_task_named_twice_is_trained_on_once() -> None:
    chosen = select(DataConfig(tasks=("rte", "nli")))
    names = [task.name for task in chosen.train]
    assert len(set(names)) == len(names)
    assert names[0] == "rte"


def test_unknown_name() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'commonsense'"):
        select(DataConfig(tasks=("comonsense",)))


@pytest.fixture
def config(
    make_card: Callable[..., Path], make_mirror: Callable[..., Path], toy_rows: Callable[..., Any]
) -> Callable[..., DataConfig]:
    """Two datasets of our own of which one has rows, one is missing, and a third that is only a test set."""

    def make(**changes: Any) -> DataConfig:
        cards = [make_card(), make_card(name="gone"), make_card(name="tested", splits={"test": "validation"})]
        mirror = make_mirror(train=toy_rows(90), validation=toy_rows(9))
        values = {"tasks": ("toy", "gone", "tested"), "cards": tuple(map(str, cards)), "source": f"mirror:{mirror}"}
        return DataConfig(**(values | changes))

    return make


def test_missing_dataset_is_reported_and_the_others_kept(config: Callable[..., DataConfig]) -> None:
    skipping = config(missing="skip")
    rows = training_rows(skipping, select(skipping).train)
    assert [part.task.name for part in rows.parts] == ["toy"]
    assert list(rows.missing) == ["gone"]
    assert "looked for gone/" in rows.missing["gone"]
    assert len(make_mixture(skipping, rows).prompts(0, 10)) == 10


def test_missing_dataset_stops_unless_told_otherwise(config: Callable[..., DataConfig]) -> None:
    stopping = config()
    with pytest.raises(MissingRowsError, match=r"1 .* no rows \(data\.missing: skip leaves it out\):\n- gone: "):
        training_rows(stopping, select(stopping).train)


def test_limit_caps_the_rows(config: Callable[..., DataConfig]) -> None:
    limited = config(tasks=("toy",), limit=25)
    assert [len(part) for part in training_rows(limited, select(limited).train).parts] == [25]
