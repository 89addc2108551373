"""The linter on how cards are put together: each code on a card with just that fault, and silence on a good one."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from openflan.tasks.lint import CODES, CardFile, Finding, lint_card

BLOCK = "\n\n{{ options_ }}"
DOCS = Path(__file__).parents[3] / "docs" / "lint.md"
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
    ("FLN012", {"licence": " "}, None),
    ("FLN012", {"access": None}, None),
    ("FLN013", {"figure3": "Toy"}, None),
    ("FLN027", {"templates": [*GOOD, inverted("{{ premise }}", "{{ premise }}")]}, 2),
    ("FLN027", {"templates": forward("Say {{ answer }}: ")}, 0),
    ("FLN002", {"templates": [{**GOOD[0], "bare": "{{ premis }}"}]}, 0),
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


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"entailed": "yes"}, "the label 'open' has no option"),
        (
            {"entailed": "yes", "open": "no", "opne": "maybe"},
            "'opne' is no label of the column 'label' (entailed, ",
        ),
    ],
)
def test_labels_and_options_match(options: dict[str, str], message: str, make_card: Callable[..., Path]) -> None:
    findings = lint_card(CardFile.read(make_card(options=options, templates=GOOD)))
    assert [finding.code for finding in findings] == ["FLN036"]
    assert message in findings[0].message


def test_labels_of_rows_that_are_skipped_need_no_option(make_card: Callable[..., Path]) -> None:
    changes = {"options": {"entailed": "yes"}, "skip": {"undecided": "{{ label == 'open' }}"}}
    assert lint_card(CardFile.read(make_card(templates=GOOD, **changes))) == []


@pytest.mark.parametrize(
    ("columns", "answer"),
    [
        ({"label": "int"}, "{{ label }}"),
        ({"label": ["a", "b"]}, "{{ 'entailed' if label == 'a' else 'open' }}"),
        ({"label": ["a", "b"]}, "{{ kind }}"),
    ],
)
def test_answers_that_no_column_holds_are_not_judged(columns: dict[str, Any], answer: str, make_card: Any) -> None:
    sources = [{"columns": {"premise": "string", "hypothesis": "string"} | columns}]
    assert lint_card(CardFile.read(make_card(sources=sources, answer=answer, templates=GOOD))) == []


def test_true_and_false_are_labels(make_card: Callable[..., Path]) -> None:
    sources = [{"columns": {"premise": "string", "hypothesis": "string", "label": "bool"}}]
    card = {"sources": sources, "templates": GOOD}
    assert lint_card(CardFile.read(make_card(options={"True": "yes", "False": "no"}, **card))) == []
    findings = lint_card(CardFile.read(make_card(options={"True": "yes", "true": "no"}, **card)))
    assert [finding.code for finding in findings] == ["FLN036", "FLN036"]


def test_finding_prints_on_one_line() -> None:
    assert str(Finding("a.yaml", 3, "FLN004", "toy", 2, "no block")) == "a.yaml:3: FLN004 toy template 2: no block"
    assert str(Finding("a.yaml", 1, "FLN012", "toy", None, "no licence")) == "a.yaml:1: FLN012 toy: no licence"


def test_every_code_is_documented() -> None:
    documented = re.findall(r"^\| (FLN\d{3}) \|", DOCS.read_text(encoding="utf-8"), re.MULTILINE)
    assert documented == sorted(CODES)
