"""From rows to examples: options and labels, references, and the reasons for which rows are left out."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openflan.data.example import Example, ExampleReader
from openflan.tasks.card import Card
from openflan.tasks.prepare import SkipRow
from openflan.tasks.registry import Task

ROW: dict[str, Any] = {"premise": "It rains.", "hypothesis": "It is wet.", "label": 0}


@pytest.fixture
def read(make_task: Callable[..., Task]) -> Callable[..., Example]:
    """Read one row with the small card, changed as asked."""

    def reading(row: dict[str, Any], **changes: Any) -> Example:
        task = make_task(**changes)
        reader = ExampleReader(task, task.layouts[0])
        return reader.read(reader.columns(row), 7)

    return reading


def test_mapped_options(read: Callable[..., Example]) -> None:
    example = read(ROW)
    assert example.fields == {"premise": "It rains.", "hypothesis": "It is wet."}
    assert (example.options, example.labels) == (("yes", "no"), ("entailed", "open"))
    assert (example.answer, example.references, example.row) == ("yes", ("yes",), 7)
    assert read({**ROW, "label": "open"}).answer == "no"


def test_listed_options(read: Callable[..., Example]) -> None:
    example = read(ROW, options="{{ [hypothesis, premise] }}", answer="{{ premise }}")
    assert (example.options, example.labels, example.answer) == (("It is wet.", "It rains."), (), "It rains.")


def test_free_form(read: Callable[..., Example]) -> None:
    example = read(ROW, options=None, answer="{{ premise | upper }}")
    assert (example.options, example.answer, example.references) == ((), "IT RAINS.", ("IT RAINS.",))


def test_references_may_use_the_answer_and_lose_doubles(read: Callable[..., Example]) -> None:
    changes: dict[str, Any] = {"options": None, "answer": "{{ premise }}"}
    example = read(ROW, references="{{ ['first', answer, 'first'] }}", **changes)
    assert example.references == ("first", "It rains.")


def test_column_named_answer_stays_itself_for_references(read: Callable[..., Example]) -> None:
    source = [{"columns": {"answer": "list[string]"}}]
    changes = {"fields": {"asked": "x"}, "answer": "{{ answer[0] }}", "references": "{{ answer }}", "options": None}
    example = read({"answer": ["a", "b"]}, sources=source, **changes)
    assert (example.answer, example.references) == ("a", ("a", "b"))


def test_options_see_fields_and_group_is_text(read: Callable[..., Example]) -> None:
    fields = {"premise": "{{ premise }}", "loud": "{{ hypothesis | upper }}"}
    example = read(ROW, fields=fields, options={"entailed": "{{ loud }}", "open": "no"}, group="{{ label }}-1")
    assert (example.answer, example.group) == ("IT IS WET.", "entailed-1")


SKIPS: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({"label": -1}, {}, "label: label -1"),
    ({"label": None}, {}, "label: no label"),
    ({"premise": None}, {}, "premise: null"),
    ({"premise": 3}, {}, "premise: wrong value"),
    ({"premise": ""}, {"skip": {"no premise": "{{ not premise }}"}}, "no premise"),
    ({}, {"fields": {"premise": "{{ premise.split()[9] }}"}}, "unresolved"),
    ({}, {"fields": {"premise": "{{ gone }}"}}, "unresolved: 'gone' is undefined"),
    ({}, {"options": "{{ [premise, gone] }}", "answer": "x"}, "unresolved"),
    ({}, {"options": None, "answer": "{{ ' ' }}"}, "empty answer"),
    ({}, {"options": {"open": "no"}}, "answer is not one of the options"),
    ({}, {"options": {"entailed": "yes", "open": "yes"}}, "two options are the same"),
    ({}, {"options": "{{ ['a', 'b'] }}", "answer": "c"}, "answer is not one of the options"),
]


@pytest.mark.parametrize(("row", "changes", "reason"), SKIPS, ids=[reason for *_, reason in SKIPS])
def test_row_left_out_with_its_reason(
    row: dict[str, Any], changes: dict[str, Any], reason: str, read: Callable[..., Example]
) -> None:
    with pytest.raises(SkipRow, match=reason):
        read({**ROW, **row}, **changes)


def test_null_is_read_where_the_card_allows_it(read: Callable[..., Example]) -> None:
    columns = {"premise": "string?", "hypothesis": "string", "label": ["entailed", "open"]}
    changes = {"sources": [{"columns": columns}], "fields": {"premise": "{{ premise or 'none' }}"}}
    assert read({**ROW, "premise": None}, **changes).fields == {"premise": "none"}


@given(premise=st.text(), hypothesis=st.text(), label=st.sampled_from([0, 1, "entailed", "open"]))
def test_texts_of_any_kind_come_through(premise: str, hypothesis: str, label: int | str) -> None:
    task = Task(TOY)
    row = {"premise": premise, "hypothesis": hypothesis, "label": label}
    reader = ExampleReader(task, task.layouts[0])
    example = reader.read(reader.columns(row), 0)
    assert example.fields == {"premise": premise, "hypothesis": hypothesis}
    assert example.answer == ("yes" if label in (0, "entailed") else "no")


TOY = Card.model_validate(
    {
        "name": "toy",
        "title": "",
        "cluster": "nli",
        "licence": "",
        "citation": "",
        "metric": "accuracy",
        "sources": [{"columns": {"premise": "string", "hypothesis": "string", "label": ["entailed", "open"]}}],
        "splits": {"train": "train"},
        "fields": ["premise", "hypothesis"],
        "options": {"entailed": "yes", "open": "no"},
        "answer": "{{ label }}",
        "templates": [{"input": "{{ premise }}"}],
    }
)


def test_id_follows_from_what_the_example_says(read: Callable[..., Example], make_task: Callable[..., Task]) -> None:
    example = read(ROW)
    assert example.id == "8e649eaefafbdf14"  # never to change: results are joined on it
    task = make_task()
    assert ExampleReader(task, task.layouts[0]).read({**ROW, "label": "entailed"}, 99).id == example.id
    variant = Task(make_task(variants={"r1": {}}).card, "r1")
    others = [
        ExampleReader(variant, variant.layouts[0]).read({**ROW, "label": "entailed"}, 7),
        read({**ROW, "premise": "It rained."}),
        read({**ROW, "label": 1}),
        read(ROW, options={"entailed": "yes", "open": "maybe"}),
        read(ROW, name="other"),
    ]
    assert len({example.id, *(other.id for other in others)}) == 6


def test_id_of_a_row_with_half_a_character(read: Callable[..., Example]) -> None:
    assert len(read({**ROW, "premise": "It \ud83d rains."}).id) == 16


def test_white_space_at_the_edges_of_answers_goes_everywhere_alike(read: Callable[..., Example]) -> None:
    source = [{"columns": {"question": "string", "choices": "list[string]", "gold": "int"}}]
    row = {"question": "Capital of France?", "choices": ["Rome ", " Paris\n", "Bern"], "gold": 1}
    changes: dict[str, Any] = {"sources": source, "fields": ["question"], "options": "{{ choices }}"}
    example = read(row, answer="{{ choices[gold] }}", references="{{ [choices[gold], 'Paris'] }}", **changes)
    assert (example.options, example.answer, example.references) == (("Rome", "Paris", "Bern"), "Paris", ("Paris",))


@pytest.mark.parametrize("references", ["{{ [] }}", "{{ ['', ' '] }}", "{{ [none] }}", "{{ premise }}"])
def test_answer_is_always_among_the_references(read: Callable[..., Example], references: str) -> None:
    assert read(ROW, options=None, answer="{{ premise }}", references=references).references == ("It rains.",)
    example = read(ROW, options=None, answer="dry", references="{{ ['wet'] }}")
    assert example.references == ("dry", "wet")


def test_composed_and_decomposed_letters_are_the_same(read: Callable[..., Example]) -> None:
    apart, row = "ne\u0301", ROW | {"premise": "n\u00e9", "hypothesis": "ne\u0301"}
    changes: dict[str, Any] = {"options": "{{ ['non', hypothesis] }}", "answer": "{{ premise }}"}
    example = read(row, references="{{ [premise, hypothesis] }}", **changes)
    assert (example.answer, example.references) == (apart, (apart,)), "as the option is spelt"
    with pytest.raises(SkipRow, match="two options are the same"):
        read(row, options="{{ [premise, hypothesis] }}", answer="{{ premise }}")


def test_row_with_an_empty_option_is_left_out(read: Callable[..., Example]) -> None:
    with pytest.raises(SkipRow, match="an option is empty"):
        read(ROW, options="{{ [premise, ' '] }}", answer="{{ premise }}")


def test_options_and_references_must_be_lists_of_texts(read: Callable[..., Example]) -> None:
    with pytest.raises(SkipRow, match="options are no list"):
        read(ROW, options="{{ premise }}", answer="It rains.")
    with pytest.raises(SkipRow, match="references are no list"):
        read(ROW, options=None, answer="x", references="{{ premise | length }}")
