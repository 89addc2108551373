"""`openflan licences`: what a mixture rests on."""

from __future__ import annotations

import json

import pytest

from openflan.cli import main
from openflan.tasks.registry import load_catalog


def test_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["licences", "--set", "data.tasks=[rte, anli]"]) == 0
    printed = capsys.readouterr().out
    assert "rte" in printed
    assert "CC BY-NC" in printed


def test_json_lists_every_card_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["licences", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    catalog = load_catalog()
    assert [entry["name"] for entry in listed] == [card.name for card in catalog.values() if card.figure3]
    assert all(entry["licence"] == catalog[entry["name"]].licence for entry in listed)
    assert all(entry["citation"] for entry in listed)


def test_what_is_held_out_does_not_count(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["licences", "quickstart", "--json"]) == 0
    names = {entry["name"] for entry in json.loads(capsys.readouterr().out)}
    assert "imdb" not in names
    assert "rte" in names


@pytest.mark.parametrize(
    ("change", "said"), [("data.tasks=rtee", "did you mean 'rte'"), ("data.taks=rte", "did you mean 'tasks'")]
)
def test_unknown_names(change: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["licences", "--set", change]) == 1
    assert said in capsys.readouterr().err


def test_overlap_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["licences", "--set", "data.tasks=rte", "--set", "data.hold_out=nli"]) == 1
    assert "allow_overlap" in capsys.readouterr().err
