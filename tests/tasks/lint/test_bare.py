"""The linter on bare prompts: they must not speak of a list that is not there, and must not break off."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from openflan.tasks.lint import CardFile, Finding, lint_card

BOTH = "{{ premise }} {{ hypothesis }}"
BLOCK = "\n\n{{ options_ }}"
SENTIMENT: dict[str, Any] = {"options": {"entailed": "positive", "open": "negative"}}
PER_ROW: dict[str, Any] = {"options": "{{ [premise, hypothesis] }}", "answer": "{{ premise }}"}
FREE: dict[str, Any] = {"options": None, "answer": "{{ hypothesis }}"}


@pytest.fixture
def lint(make_card: Callable[..., Path]) -> Callable[..., list[tuple[str, int | None]]]:
    """The codes that the linter finds in the small card with these templates, and in which of them."""

    def codes(*templates: dict[str, Any], **changes: Any) -> list[tuple[str, int | None]]:
        findings: list[Finding] = lint_card(CardFile.read(make_card(templates=list(templates), **changes)))
        return [(finding.code, finding.template) for finding in findings]

    return codes


Lint = Callable[..., list[tuple[str, int | None]]]


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        ("Which of these is it?", PER_ROW),
        ("Which of the following options is right?", SENTIMENT),
        ("Take one of the options.", {}),
        ("Choose the correct ending.", PER_ROW),
        ("Which ending makes sense?", PER_ROW),
        ("Say which of the two is meant.", PER_ROW),
        ("Pick a sentiment.", SENTIMENT),
        ("Take the answer from the list.", SENTIMENT),
        ("Find the best one among the possible answers.", PER_ROW),
    ],
)
def test_list_that_is_not_there(text: str, changes: dict[str, Any], lint: Lint) -> None:
    assert lint({"input": f"{text} {BOTH}{BLOCK}"}, **changes) == [("FLN034", 0)]
    assert lint({"input": f"{text} {BOTH}{BLOCK}", "bare": f"Answer: {BOTH}"}, **changes) == []
    assert lint({"input": f"Answer: {BOTH}{BLOCK}", "bare": f"{text} {BOTH}"}, **changes) == [("FLN034", 0)]


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        ("Choose positive or negative.", SENTIMENT),
        ("Choose between {{ premise }} or {{ hypothesis }}.", PER_ROW),
        ("Find the word which answers this.", {}),
        ("Compare these two sentences.", {}),
    ],
)
def test_choice_that_the_template_names(text: str, changes: dict[str, Any], lint: Lint) -> None:
    assert lint({"input": f"{text} {BOTH}{BLOCK}"}, **changes) == []


def test_bare_form_where_there_is_no_block(lint: Lint) -> None:
    good = {"input": f"Is it so? {BOTH}{BLOCK}"}
    inverted = {"input": "Add to {{ premise }}", "bare": "Go on: {{ premise }}", "inverted": True}
    assert lint(good, inverted | {"target": "{{ hypothesis }}"}) == [("FLN034", 1)]
    assert lint({"input": BOTH, "bare": BOTH}, **FREE) == [("FLN034", 0)]


def test_bare_form_with_a_block(lint: Lint) -> None:
    assert lint({"input": BOTH + BLOCK, "bare": BOTH + BLOCK}) == [("FLN034", 0)]


@pytest.mark.parametrize("end", [" (", ' "', "\n\nIt is either", "\n\nThe answer is one that lies between", " or:"])
def test_bare_prompt_that_breaks_off(end: str, lint: Lint) -> None:
    assert lint({"input": f"{BOTH}{end}{BLOCK}"}) == [("FLN035", 0)]


def test_nothing_is_left(lint: Lint) -> None:
    good = {"input": BOTH + BLOCK}
    assert lint(good, {"input": "{{ options_ }}"}) == [("FLN035", 1)]


@pytest.mark.parametrize("end", ["\n\nThe sentiment is", '\n\nIs it "so"?', "\n\nAnswer:", " That refers to", ""])
def test_bare_prompt_that_reads_well(end: str, lint: Lint) -> None:
    assert lint({"input": f"{BOTH}{end}{BLOCK}"}) == []


def test_two_bare_prompts_that_are_the_same(lint: Lint) -> None:
    first = {"input": f"Judge what comes next by what you know of the world.\n{BOTH}{BLOCK}", "bare": f"Say: {BOTH}"}
    other = {"input": f"Choose wisely: {BOTH}{BLOCK}", "bare": "say\n{{ premise }}\n\n{{ hypothesis }}"}
    assert lint(first, other) == [("FLN035", 1)]
