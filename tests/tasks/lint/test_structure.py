"""The linter on cards as they are written: each code on a card with just that fault, and silence on a good one."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openflan.tasks.lint import CODES, SIMILAR, CardFile, Finding, lint_card, similarity, words

BLOCK = "\n\n{{ options_ }}"
DOCS = Path(__file__).parent.parent.parent / "docs" / "lint.md"
FREE: dict[str, Any] = {
    "sources": [{"columns": {"premise": "string", "hypothesis": "string"}}],
    "options": None,
    "answer": "{{ hypothesis }}",
}
"""Changes that make the small card a free-form task."""


def forward(*inputs: str) -> list[dict[str, Any]]:
    """Templates of the small card; each also says what its two fields are."""
    return [{"input": f"{text}{{{{ premise }}}} {{{{ hypothesis }}}}{BLOCK}"} for text in inputs]


def inverted(text: str, target: str = "{{ hypothesis }}") -> dict[str, Any]:
    return {"input": text, "target": target, "inverted": True}


GOOD = forward("Read this: ", "Is it so? ")

FAULTS: list[tuple[str, dict[str, Any], int | None]] = [
    ("FLN001", {"fields": ["premise", "hypothesis"], "templates": [{"input": "{{ premise }}?" + BLOCK}]}, None),
    ("FLN002", {"templates": [*GOOD, {"input": "{{ premis }}{{ options_ }}"}]}, 2),
    ("FLN003", {"fields": {"premise": "x", "hypothesis": "y", "answer": "z"}}, None),
    ("FLN004", {"templates": [{"input": "{{ premise }} {{ hypothesis }}"}]}, 0),
    ("FLN005", {"templates": [{"input": "{{ options_ }}\n\n{{ premise }} {{ hypothesis }}"}]}, 0),
    ("FLN006", {"templates": [{**GOOD[0], "target": "{{ answer }}!"}]}, 0),
    ("FLN007", {"templates": [*GOOD, inverted("Something?" + BLOCK)]}, 2),
    ("FLN007", FREE | {"templates": GOOD[:1]}, 0),
    ("FLN008", {"templates": forward("two  blanks ")}, 0),
    ("FLN008", {"templates": forward("edge \nof a line ")}, 0),
    ("FLN008", {"templates": forward("one\n indented ")}, 0),
    ("FLN008", {"templates": forward("three\n\n\nlines ")}, 0),
    ("FLN009", {"templates": forward(r"line\nbreak ")}, 0),
    ("FLN009", {"templates": forward("this &amp; that ")}, 0),
    ("FLN009", {"templates": forward("one<br>two ")}, 0),
    ("FLN010", {"templates": forward("Tell me if the next one follows: ", "Tell us if the next one follows: ")}, 1),
    (
        "FLN011",
        {"templates": forward(*(f"One two three four five {' '.join(end * 9)} " for end in ("abc", "def", "ghi")))},
        2,
    ),
    ("FLN012", {"licence": " "}, None),
    ("FLN012", {"access": None}, None),
    ("FLN013", {"figure3": "Toy"}, None),
    ("FLN027", {"templates": [*GOOD, inverted("{{ premise }}", "{{ premise }}")]}, 2),
    ("FLN027", {"templates": forward("Say {{ answer }}: ")}, 0),
]


@pytest.mark.parametrize(
    ("code", "changes", "template"), FAULTS, ids=lambda value: value if isinstance(value, str) else ""
)
def test_fault_of_a_card(
    code: str, changes: dict[str, Any], template: int | None, make_card: Callable[..., Path]
) -> None:
    path = make_card(**{"templates": GOOD, **changes})
    findings = [finding for finding in lint_card(CardFile.read(path)) if finding.code == code]
    assert findings, f"{code} was not found"
    assert {finding.template for finding in findings} == {template}
    assert (findings[0].line > line_of_key(path, "templates:")) == (template is not None)
    assert {finding.code for finding in lint_card(CardFile.read(path))} == {code}


def line_of_key(path: Path, key: str) -> int:
    return next(number for number, line in enumerate(path.read_text().splitlines(), 1) if line.startswith(key))


def test_good_card_has_no_finding(make_card: Callable[..., Path]) -> None:
    assert (
        lint_card(CardFile.read(make_card(templates=[*GOOD, inverted("What follows from this? {{ premise }}")]))) == []
    )


def test_finding_prints_on_one_line() -> None:
    assert str(Finding("a.yaml", 3, "FLN004", "toy", 2, "no block")) == "a.yaml:3: FLN004 toy template 2: no block"
    assert str(Finding("a.yaml", 1, "FLN012", "toy", None, "no licence")) == "a.yaml:1: FLN012 toy: no licence"


texts = st.lists(st.sampled_from(["{{ a }}", "{{ b | upper }}", "who", "Goes", "there?", "there"]), max_size=9).map(
    " ".join
)


@given(texts, texts)
def test_similarity_is_a_share(first: str, second: str) -> None:
    assert similarity(first, first) == 1
    assert 0 <= similarity(first, second) <= 1
    assert (similarity(first, second) == 1) == (words(first) == words(second))


def test_a_hole_is_one_word_whatever_stands_in_it() -> None:
    assert words("{{ a | replace('x', 'y z') }} It's {% if b %}so{% endif %}!") == ["□", "it's", "so"]
    assert similarity("Read {{ a }} now", "read {{ b }}: NOW!") == 1
    assert similarity("known: {{ a }} asked: {{ b }}", "Is {{ b }} what one may say after {{ a }}?") < SIMILAR


def test_every_code_is_documented() -> None:
    documented = re.findall(r"^\| (FLN\d{3}) \|", DOCS.read_text(encoding="utf-8"), re.MULTILINE)
    assert documented == sorted(CODES)
