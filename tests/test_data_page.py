"""The data page's worked example does what the page says, and its list of datasets with conditions is whole."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from openflan.cli import main
from openflan.data import hub
from openflan.tasks.registry import load_catalog

PAGE = (Path(__file__).parents[1] / "docs" / "data.md").read_text(encoding="utf-8")
EXAMPLE = PAGE.partition("## A dataset of your own")[2]
FILES = re.findall(r'```\w+ title="([^"]+)"\n(.*?)```', EXAMPLE, re.DOTALL)
COMMANDS = re.findall(r"^\$ openflan ([^\n]+)\n(.*?)(?=^\$|```)", EXAMPLE, re.DOTALL | re.MULTILINE)


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The page's files, written as it names them."""
    for name, content in FILES:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    load_catalog.cache_clear()  # it knows cards by their path, and `cards` is another folder now
    return tmp_path


def test_the_page_has_an_example() -> None:
    assert [name for name, _ in FILES] == [
        "cards/tickets.yaml",
        "rows/tickets/train.jsonl",
        "rows/tickets/test.jsonl",
        "tickets.yaml",
    ]
    assert [command.split()[0] for command, _ in COMMANDS] == ["lint", "doctor", "show", "mix", "licences"]


@pytest.mark.parametrize(("command", "shown"), COMMANDS, ids=[command for command, _ in COMMANDS])
@pytest.mark.usefixtures("example")
def test_every_command_prints_what_the_page_shows(command: str, shown: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(shlex.split(command)) == 0
    assert re.fullmatch(_pattern(shown), _plain(capsys.readouterr().out), re.DOTALL)


def test_datasets_with_conditions_are_all_listed() -> None:
    table = PAGE.partition("### What needs an agreement")[2].partition("## Imperfect data")[0]
    listed = {name for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)}
    assert listed == {card.name for card in load_catalog().values() if card.access}


def test_the_limit_of_large_splits_is_the_one_in_use() -> None:
    assert set(re.findall(r"\d{3},000", PAGE)) == {f"{hub.SPLIT_LIMIT:,}"}


def _pattern(shown: str) -> str:
    """The shown text as a pattern, in which `…` stands for anything."""
    return re.escape(_plain(shown)).replace("…", ".*")


def _plain(text: str) -> str:
    """Without blanks at the end of lines, without empty lines at the end."""
    return "\n".join(line.rstrip() for line in text.rstrip().splitlines())
