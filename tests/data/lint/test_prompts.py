"""The linter on what a card makes of rows: each code on rows that bring it out, and silence on what comes with them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from openflan.data.lint import lint_rows
from openflan.data.sources import parse_source
from openflan.tasks.lint import CardFile, Finding

BLOCK = "\n\n{{ options_ }}"
FREE: dict[str, Any] = {"options": None, "answer": "{{ hypothesis }}"}
"""Changes that make the small card a free-form task."""

Rows = list[dict[str, Any]]


def row(premise: Any = "It rains.", hypothesis: str = "it is wet", label: int = 0) -> dict[str, Any]:
    return {"premise": premise, "hypothesis": hypothesis, "label": label}


@pytest.fixture
def findings(make_card: Callable[..., Path], make_mirror: Callable[..., Path]) -> Callable[..., list[Finding]]:
    """What the linter says of the small card, with one template and other changes, on test rows."""

    def lint(text: str, rows: Rows, **changes: Any) -> list[Finding]:
        template = {"input": text, **changes.pop("template", {})}
        card = make_card(**{"splits": {"test": "test"}, "templates": [template], **changes})
        mirror = make_mirror(test=rows) if rows else make_mirror("another", test=[row()])
        return lint_rows(CardFile.read(card), parse_source(f"mirror:{mirror}"), required=True)

    return lint


PLAIN = "{{ premise }} So {{ hypothesis }}?" + BLOCK
SHORT = {"premise": "{{ premise }}", "hypothesis": "{{ hypothesis.split()[1] }}"}
NESTED = [{"columns": {"premise": "list[string]", "hypothesis": "string", "label": ["entailed", "open"]}}]

FAULTS: list[tuple[str, str, Rows, dict[str, Any]]] = [
    ("FLN020", PLAIN, [], {}),
    ("FLN021", PLAIN, [{"other": 1}], {}),
    ("FLN022", PLAIN, [row(), row(label=1)], {"options": {"entailed": "yes"}}),
    ("FLN023", PLAIN, [row(), row("a", "a")], {"options": "{{ [premise, hypothesis] }}", "answer": "{{ premise }}"}),
    ("FLN024", PLAIN, [row(), row("a", "a")], {"fields": SHORT}),
    ("FLN025", "{% if 'x' in premise %}{{ premise }}{% endif %}", [row("x"), row("y")], FREE),
    ("FLN026", "{{ premise }}", [row("x", "word " * 300)], FREE),
    ("FLN027", "{{ premise }}: {{ hypothesis }}", [row("a", "bcdef"), row("a", "ghijk")], FREE),
    ("FLN027", "{{ 'Bergen' if hypothesis[0] == 'B' else 'x' }}", [row("a", "Bergen"), row("a", "Oslo")], FREE),
    ("FLN028", "{{ premise }}? {{ hypothesis }}" + BLOCK, [row("Is it?"), row("So")], {}),
    ("FLN028", "{{ premise }}. {{ hypothesis }}" + BLOCK, [row("It is."), row("So")], {}),
    ("FLN028", "{{ premise }}, {{ hypothesis }}" + BLOCK, [row("It is."), row("So")], {}),
    ("FLN008", "{{ premise }}\n\n{% if 0 %}x{% endif %}\n{{ hypothesis }}" + BLOCK, [row()], {}),
    ("FLN029", PLAIN, [row(["a", "b"])], {"sources": NESTED}),
]


@pytest.mark.parametrize(("code", "text", "rows", "changes"), FAULTS, ids=[fault[0] for fault in FAULTS])
def test_fault(
    code: str, text: str, rows: Rows, changes: dict[str, Any], findings: Callable[..., list[Finding]]
) -> None:
    assert {finding.code for finding in findings(text, rows, **changes)} == {code}


def test_inverted_input_that_shows_its_target(findings: Callable[..., list[Finding]]) -> None:
    template = {"inverted": True, "target": "{{ hypothesis }}"}
    found = findings("{{ hypothesis | trim }}?", [row("a", "one two three four")], template=template)
    assert [finding.code for finding in found] == ["FLN027"]


def test_inverted_template_may_pass_over_some_rows(findings: Callable[..., list[Finding]]) -> None:
    template = {"inverted": True, "target": "{{ hypothesis }}"}
    rows = [row("a", "one"), row("", "two"), row("b", "three")]
    assert findings("{{ premise }}", rows, template=template) == []
    assert [finding.code for finding in findings("{{ premise }}", rows[:2] * 1 + rows[1:2], template=template)] == [
        "FLN025"
    ]


def test_what_comes_with_the_rows_is_no_fault(findings: Callable[..., list[Finding]]) -> None:
    rows = [row("Really?? It says..  so", "what?! \n\n\n no"), row("??", ".."), row("Home  News", "a")]
    assert findings("{{ premise }}\n{{ hypothesis }}" + BLOCK, rows) == []


def test_word_that_always_stands_there_gives_nothing_away(findings: Callable[..., list[Finding]]) -> None:
    rows = [row("a", "unanswerable"), row("b", "something")]
    assert findings("{{ premise }} Or is it unanswerable?", rows, **FREE) == []


def test_answer_in_a_passage_is_no_fault(findings: Callable[..., list[Finding]]) -> None:
    rows = [row("It was in Bergen that it rained.", "Bergen"), row("Oslo was dry.", "Oslo")]
    assert findings("{{ premise }} Which town?", rows, **FREE) == []


def test_rows_are_optional_for_a_card_of_ones_own(make_card: Callable[..., Path]) -> None:
    assert lint_rows(CardFile.read(make_card()), parse_source("samples"), required=False) == []
