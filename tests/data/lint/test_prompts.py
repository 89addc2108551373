"""The linter on prompts: each code on rows that bring it out, and silence on what comes with the rows."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from entailment_rows import BLOCK, FREE, row

from openflan.data.lint import lint_rows
from openflan.data.sources import parse_source
from openflan.tasks.lint import CardFile, Finding

Rows = list[dict[str, Any]]

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
    assert findings("{{ premise }}\n\nOr is it unanswerable?", rows, **FREE) == []


def test_answer_in_a_passage_is_no_fault(findings: Callable[..., list[Finding]]) -> None:
    rows = [row("It was in Bergen that it rained.", "Bergen"), row("Oslo was dry.", "Oslo")]
    assert findings("{{ premise }} Which town?", rows, **FREE) == []


def test_rows_are_optional_for_a_card_of_ones_own(make_card: Callable[..., Path]) -> None:
    assert lint_rows(CardFile.read(make_card()), parse_source("samples"), required=False) == []


def test_bare_form_is_rendered_too(findings: Callable[..., list[Finding]]) -> None:
    text = "{{ premise }}\n{{ hypothesis }}"
    (finding,) = findings(text + BLOCK, [row()], template={"bare": "{{ premise }}, {{ hypothesis }}"})
    assert finding.code == "FLN028"


TWO = "It rains. It pours."


@pytest.mark.parametrize(
    ("words", "answers", "kept"),
    [
        ("Answer in one sentence.", ["It rains.", TWO], False),
        ("Answer in one sentence.", ["It rains.", "Dr. Smith saw J. Doe."], True),
        ("Write a one-sentence summary.", [TWO], False),
        ("Write two sentences.", ["It rains."], False),
        ("Write two or three sentences.", [TWO, f"{TWO} It ends."], True),
        ("Continue with a short sentence.", [TWO], False),
        ("Answer with one word.", ["one", "two words"], False),
        ("Answer with one word.", ["one", "two"], True),
        ("Shorten it to a sentence.", [TWO], False),
        ("Put it in a single line.", ["a\nb"], False),
        ("List them, one sentence to a line.", ["a\nb"], True),
        ("{{ 'Answer in one sentence.' if label == 'open' else 'Answer in two sentences.' }}", [TWO], True),
    ],
)
def test_promise(words: str, answers: list[str], kept: bool, findings: Callable[..., list[Finding]]) -> None:
    fields = {"premise": "{{ premise }}", "hypothesis": "{{ hypothesis }}", "label": "{{ label }}"}
    found = findings(
        f"{words}\n{{{{ premise }}}}", [row(f"p{answer}", answer) for answer in answers], **FREE | {"fields": fields}
    )
    assert [finding.code for finding in found] == [] if kept else ["FLN039"]


def test_promise_may_be_broken_now_and_then(findings: Callable[..., list[Finding]]) -> None:
    rows = [row(f"p{number}", f"Only {number}.") for number in range(20)]
    assert findings("In one sentence: {{ premise }}", [*rows, row("p", TWO)], **FREE) == []


def test_value_that_runs_into_the_next_sentence(findings: Callable[..., list[Finding]]) -> None:
    open_ended, ended = [row("it rains"), row("so")], [row("It rains."), row("Does it?"), row('He said "no!"')]
    for text in ("{{ premise }} Is that {{ hypothesis }}", "{{ premise }}\n{{ hypothesis }} Answer:"):
        rows = [row(one["premise"], "it pours") for one in open_ended]
        (finding,) = findings(text + BLOCK, rows)
        assert (finding.code, finding.template) == ("FLN040", 0)
    assert findings("{{ premise }} Is that {{ hypothesis }}" + BLOCK, ended) == []
    assert findings("{{ premise }} is {{ hypothesis }}" + BLOCK, open_ended) == []


def test_baseline_prompt_that_runs_on(findings: Callable[..., list[Finding]]) -> None:
    baseline = {"input": "{{ hypothesis }} True or false?"}
    (finding,) = findings(PLAIN, [row()], baseline=baseline)
    assert (finding.code, finding.template) == ("FLN040", None)
