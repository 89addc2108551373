"""Cards: what is merged from card, variant and source; faults are told with file, line, key and the nearest key."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from openflan.errors import CardError
from openflan.tasks.card import Card
from openflan.tasks.cardfile import read_card
from openflan.tasks.registry import Task

COLUMNS = {"a": "string", "label": ["entailed", "open"]}


def test_innermost_key_wins_and_mappings_merge(make_task: Callable[..., Task]) -> None:
    card = make_task(
        sources=[],
        splits={"train": "train", "test": "test"},
        fields={"premise": "{{ a }}", "hypothesis": "card"},
        skip={"one": "{{ false }}"},
        variants={
            "x": {
                "splits": {"test": "test_x"},
                "fields": {"hypothesis": "variant"},
                "sources": [
                    {"columns": COLUMNS, "fields": {"hypothesis": "source"}, "skip": {"two": "{{ false }}"}},
                    {"columns": COLUMNS, "answer": "open"},
                ],
            }
        },
    ).card
    first, second = card.layouts("x")
    assert first.fields == {"premise": "{{ a }}", "hypothesis": "source"}
    assert second.fields == {"premise": "{{ a }}", "hypothesis": "variant"}
    assert {role: str(part) for role, part in first.splits.items()} == {"train": "train", "test": "test_x"}
    assert set(first.skip) == {"one", "two"}
    assert (first.answer, second.answer) == ("{{ label }}", "open")


def test_variant_without_sources_takes_those_of_the_card(make_task: Callable[..., Task]) -> None:
    card = make_task(variants={"r1": {}, "r2": {"splits": {"test": "test_r2"}}}).card
    assert card.variant_names == ("r1", "r2")
    assert len(card.layouts("r2")) == len(card.sources) == 1


def test_forward_templates_are_those_not_inverted(make_task: Callable[..., Task]) -> None:
    templates: list[Any] = [{"input": "a"}, {"input": "b", "inverted": True}, {"input": "c"}]
    assert make_task(templates=templates).card.forward_templates == (0, 2)


FAULTS: list[tuple[dict[str, Any], str]] = [
    ({"licens": "x"}, r"licens: unknown key; did you mean 'licence'"),
    ({"templates": [{"input": "x", "invertd": True}]}, r"templates\.0\.invertd: unknown key; did you mean 'inverted'"),
    ({"sources": [{"hub": {"pth": "a/b"}}]}, r"sources\.0\.hub\.pth: unknown key"),
    ({"unit": "{{ passage }}"}, r"unit: no column is called .passage."),
    ({"cluster": "nlii"}, r"cluster: unknown cluster 'nlii'; did you mean 'nli'"),
    ({"metric": "acuracy"}, r"metric: "),
    ({"options": {"entailed": True, "open": "no"}}, r"put it in quotes"),
    ({"sources": [{"columns": {"a": "strin"}}]}, r"'strin' is no column type"),
    ({"splits": {"train": "train[1]"}}, r"'train\[1\]' is no slice"),
    ({"templates": [{"input": "{{ a"}]}, r"templates\.0\.input: .*line 1 of the text"),
    ({"templates": []}, r"templates: "),
    ({"answer": None}, "answer"),
    ({"name": "other-name"}, "name: "),
]


@pytest.mark.parametrize(("changes", "message"), FAULTS, ids=[next(iter(changes)) for changes, _ in FAULTS])
def test_fault_names_file_line_and_key(changes: dict[str, Any], message: str, make_card: Callable[..., Path]) -> None:
    path = make_card(**changes)
    with pytest.raises(CardError, match=message) as error:
        read_card(path)
    assert str(error.value).startswith(f"{path}:")
    line = int(str(error.value).split(":")[1])
    assert 1 <= line <= len(path.read_text().splitlines())


def test_line_is_that_of_the_key(make_card: Callable[..., Path]) -> None:
    path = make_card(licens="x")
    line = next(n for n, text in enumerate(path.read_text().splitlines(), 1) if text.startswith("licens:"))
    with pytest.raises(CardError, match=f"{path}:{line}: licens"):
        read_card(path)


@pytest.mark.parametrize("key", ["sources", "splits", "answer"])
def test_incomplete_card_is_refused(key: str, make_card: Callable[..., Path]) -> None:
    empty: dict[str, Any] = {"sources": [], "splits": {}, "answer": None}
    with pytest.raises(CardError, match=key):
        read_card(make_card(**{key: empty[key]}))


def test_name_must_match_the_file(make_card: Callable[..., Path]) -> None:
    path = make_card()
    renamed = path.rename(path.with_name("other.yaml"))
    with pytest.raises(CardError, match=r"other\.yaml:1: name: 'toy' must match the file name"):
        read_card(renamed)


def test_every_fault_is_told_at_once(make_card: Callable[..., Path]) -> None:
    with pytest.raises(CardError) as error:
        read_card(make_card(licens="x", metric="m"))
    assert len(str(error.value).splitlines()) == 2


def test_unquoted_yes_is_told_with_the_remedy(make_card: Callable[..., Path]) -> None:
    path = make_card()
    path.write_text(path.read_text().replace("'yes'", "yes"))
    with pytest.raises(CardError, match="YAML reads this as True; put it in quotes"):
        read_card(path)


def test_cards_are_frozen(make_task: Callable[..., Task]) -> None:
    card: Card = make_task().card
    with pytest.raises(ValueError, match="frozen"):
        card.title = "other"


@pytest.mark.parametrize(
    "changes",
    [
        {"sources": [{"mirror": "../../x", "columns": COLUMNS}]},
        {"sources": [{"mirror": "/etc", "columns": COLUMNS}]},
        {"sources": [{"hub": {"path": "../x"}, "columns": COLUMNS}]},
        {"sources": [{"hub": {"path": "a/../b"}, "columns": COLUMNS}]},
        {"variants": {"../x": {}}},
        {"variants": {"/x": {}}},
        {"splits": {"train": "../train"}},
        {"splits": {"train": ".."}},
    ],
)
def test_names_cannot_lead_out_of_their_folder(changes: dict[str, Any], make_card: Callable[..., Path]) -> None:
    with pytest.raises(CardError):
        read_card(make_card(**changes))


@pytest.mark.parametrize("name", ["../../x", "/x", "a/b", "..", ""])
def test_a_cards_name_is_a_plain_word(name: str, make_card: Callable[..., Path]) -> None:
    path = make_card()
    path.write_text(path.read_text(encoding="utf-8").replace("name: toy", f"name: '{name}'"), encoding="utf-8")
    with pytest.raises(CardError, match="name"):
        read_card(path)
