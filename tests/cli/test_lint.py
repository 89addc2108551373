"""`openflan lint`: silence and status 0 on the catalog, one line and status 1 for each finding."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from openflan.cli import main


def test_the_catalog_has_no_findings(capsys: pytest.CaptureFixture[str]) -> None:
    status = main(["lint"])
    printed = capsys.readouterr().out
    assert printed.splitlines()[:-1] == []
    assert re.fullmatch(r"\d+ cards, no findings\n", printed)
    assert status == 0


def test_finding_and_status(make_card: Callable[..., Path], capsys: pytest.CaptureFixture[str]) -> None:
    path = make_card(licence="")
    assert main(["lint", str(path)]) == 1
    finding, count = capsys.readouterr().out.splitlines()
    assert finding == f"{path}:4: FLN012 toy: licence is empty; write unknown where it is not known"
    assert count == "1 card, 1 finding"


def test_folders_and_names_each_once(make_card: Callable[..., Path], capsys: pytest.CaptureFixture[str]) -> None:
    path = make_card()
    assert main(["lint", str(path.parent), str(path), "anli", "anli:r1"]) == 0
    assert capsys.readouterr().out == "2 cards, no findings\n"


def test_rows_of_ones_own(
    make_card: Callable[..., Path],
    make_mirror: Callable[..., Path],
    toy_rows: Callable[..., Any],
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = make_card(templates=[{"input": "{{ premise }}. So {{ hypothesis }}?\n\n{{ options_ }}"}])
    assert main(["lint", str(path)]) == 0
    mirror = make_mirror(train=toy_rows(60), validation=toy_rows(5))
    capsys.readouterr()
    assert main(["lint", str(path), "--source", f"mirror:{mirror}"]) == 1
    assert "FLN028 toy template 0: row" in capsys.readouterr().out


@pytest.mark.parametrize(("word", "message"), [("gone.yaml", "no card at gone.yaml"), ("nlii", "did you mean 'nli'")])
def test_unknown_card(word: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lint", word]) == 1
    assert message in capsys.readouterr().err


def test_broken_card_is_told_by_file_and_line(
    make_card: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    path = make_card(licens="x")
    make_card(name="fine")
    assert main(["lint", str(path.parent)]) == 1
    printed = capsys.readouterr().out
    assert re.search(rf"{path}:\d+: FLN000 licens: unknown key", printed)
    assert "2 cards, 1 finding\n" in printed
