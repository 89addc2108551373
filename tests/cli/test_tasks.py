"""`openflan tasks`: the catalog as a table and as data."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from openflan.cli import main
from openflan.tasks.registry import load_catalog

CATALOG = load_catalog()


def test_whole_catalog_with_its_counts(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tasks"]) == 0
    printed = capsys.readouterr().out
    assert f"{len(CATALOG)} datasets, 62 of the paper's 62; {10 * len(CATALOG)} templates" in printed
    first_words = {line.split()[1] for line in printed.splitlines() if len(line.split()) > 3}
    assert set(CATALOG) <= first_words


def test_one_dataset_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tasks", "rte"]) == 0
    assert "1 dataset, 1 of the paper's 62; 10 templates" in capsys.readouterr().out


def test_json_is_everything(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tasks", "nli", "squad", "--json"]) == 0
    cards = {card["name"]: card for card in json.loads(capsys.readouterr().out)}
    assert set(cards) == {"anli", "cb", "mnli", "qnli", "rte", "snli", "wnli", "squad"}
    assert cards["rte"]["options"] == ["yes", "no"]
    assert cards["squad"]["options"] is None
    assert cards["anli"]["variants"] == ["r1", "r2", "r3"]
    assert len(cards["rte"]["templates"]) == 10
    assert all(set(template) == {"id", "input", "target", "inverted"} for template in cards["rte"]["templates"])


def test_options_that_differ_by_row_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tasks", "copa", "record", "--json"]) == 0
    assert [card["options"] for card in json.loads(capsys.readouterr().out)] == ["per row", "per row"]


def test_cards_of_ones_own(make_card: Callable[..., Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tasks", "toy", "--cards", str(make_card()), "--json"]) == 0
    (card,) = json.loads(capsys.readouterr().out)
    assert card["available"] == ["mirror"]


def test_unknown_name_is_told_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tasks", "sqad"]) == 1
    assert (
        "openflan tasks: no dataset, cluster or preset is called 'sqad'; did you mean 'squad'?"
        in capsys.readouterr().err
    )
