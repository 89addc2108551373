"""The linter on questions: they must go together with the options."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from openflan.tasks.lint import CardFile, Finding, lint_card

BOTH = "{{ premise }} {{ hypothesis }}"
SENTIMENT: dict[str, Any] = {"options": {"entailed": "positive", "open": "negative"}}
PER_ROW: dict[str, Any] = {"options": "{{ [premise, hypothesis] }}", "answer": "{{ premise }}"}


@pytest.fixture
def findings(make_card: Callable[..., Path]) -> Callable[..., list[Finding]]:
    def lint(text: str, **changes: Any) -> list[Finding]:
        template = {"input": f"{text}\n\n{{{{ options_ }}}}", **changes.pop("template", {})}
        return lint_card(CardFile.read(make_card(templates=[template], **changes)))

    return lint


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        (f"Is this a good review? {BOTH}", SENTIMENT),
        (f"{BOTH}\n\nGoing by that, was the writer pleased?", SENTIMENT),
        (f"Q: Did they like it?\n{BOTH}", SENTIMENT),
        (f"{{{{ 'Does it end well?' if premise else 'Is it good?' }}}} {BOTH}", SENTIMENT),
        (f"Does the story end well? {BOTH}", PER_ROW),
        (f"What follows from this? {BOTH}", {}),
        (f"According to the text, which is it? {BOTH}", {}),
    ],
)
def test_question_that_the_options_do_not_answer(
    text: str, changes: dict[str, Any], findings: Callable[..., list[Finding]]
) -> None:
    assert {finding.code for finding in findings(text, **changes)} == {"FLN033"}


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        (f"Is this review positive or negative? {BOTH}", SENTIMENT),
        (f"What is the sentiment? {BOTH}", SENTIMENT),
        (f"Could you name the sentiment? {BOTH}", SENTIMENT),
        (f"Is it {{{{ premise }}}} or {{{{ hypothesis }}}}? {BOTH}", PER_ROW),
        (f"Is this true? {BOTH}", {}),
        (f"What is the answer, yes or no? {BOTH}", {}),
        (f"Is this true? {BOTH}", {"options": {"entailed": "Yes, it is", "open": "It's impossible to say"}}),
        (f"Is this true? {BOTH}", {"options": {"entailed": "true", "open": "false"}}),
        ("{{ premise }} Is that what {{ hypothesis }} says", SENTIMENT),
    ],
)
def test_question_that_the_options_answer(
    text: str, changes: dict[str, Any], findings: Callable[..., list[Finding]]
) -> None:
    assert findings(text, **changes) == []


def test_inverted_templates_and_free_answers_ask_what_they_like(make_card: Callable[..., Path]) -> None:
    asks = {"input": "What would one say? {{ premise }}", "target": "{{ hypothesis }}", "inverted": True}
    good = {"input": f"{BOTH}\n\n{{{{ options_ }}}}"}
    assert lint_card(CardFile.read(make_card(templates=[good, asks]))) == []
    free = {"options": None, "answer": "{{ hypothesis }}", "templates": [{"input": f"Is it so? {BOTH}"}]}
    assert lint_card(CardFile.read(make_card(**free))) == []
