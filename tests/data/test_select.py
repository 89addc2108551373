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
    with pytest.raises(MissingRowsError, match=r"1 .* no rows \(data\.missing: skip leaves them out\):\n- gone: "):
        training_rows(stopping, select(stopping).train)


def test_limit_caps_the_rows(config: Callable[..., DataConfig]) -> None:
    limited = config(tasks=("toy",), limit=25)
    assert [len(part) for part in training_rows(limited, select(limited).train).parts] == [25]
