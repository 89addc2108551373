"""The linter on examples before any wording: labels without a name, control tokens, gold answers that show."""

from collections.abc import Callable
from typing import Any

import pytest
from entailment_rows import BLOCK, PER_ROW, row

from openflan.data.lint.examples import CONTROL
from openflan.tasks.lint import Finding

TEXT = "{{ premise }}\n{{ hypothesis }}" + BLOCK

Lint = Callable[..., list[Finding]]


def test_label_without_a_name_is_told(findings: Lint) -> None:
    rows = [row(label=0), row("b", label=1), row("c", label=2)]
    (finding,) = findings(TEXT, rows)
    assert finding.code == "FLN036"
    assert finding.message == "1 of 3 test rows: label: label 2"


def test_value_of_another_kind_is_told(findings: Lint) -> None:
    sources = [{"columns": {"premise": "string", "hypothesis": "string", "label": ["entailed", "open"]}}]
    rows = [{**row(), "label": label} for label in ("entailed", "open", "unsure")]
    (finding,) = findings(TEXT, rows, sources=sources)
    assert (finding.code, finding.message) == ("FLN036", "1 of 3 test rows: label: wrong value")


def test_rows_without_a_gold_label_are_no_fault(findings: Lint) -> None:
    assert findings(TEXT, [row(), row("b", label=-1)]) == []


def test_option_that_is_never_the_answer(findings: Lint) -> None:
    rows = [row(f"p{number}") for number in range(60)]
    (finding,) = findings(TEXT, rows)
    assert finding.code == "FLN036"
    assert finding.message == "the option for 'open' is the answer of none of 60 rows"


def test_rare_option_among_few_rows_is_no_fault(findings: Lint) -> None:
    rows = [row(f"p{number}") for number in range(59)]
    assert findings(TEXT, rows) == []
    assert findings(TEXT, [*rows, row("p", label=1)]) == []


@pytest.mark.parametrize("token", ["<|im_end|>", "</s>", "[INST]", "<|endoftext|>", "<end_of_turn>", "<pad>", "[SEP]"])
def test_control_tokens_are_counted(token: str, findings: Lint) -> None:
    rows = [row(f"So {token} ends {token} it."), row(hypothesis=f"b {token}"), row("c")]
    (finding,) = findings(TEXT, rows)
    assert finding.code == "FLN037"
    assert finding.message == f"control tokens in the text of 3 rows: {token} in 2"


@pytest.mark.parametrize("text", ["<b>", "a < s > b", "[1]", "<s", "|x|", "INST", "<unknown>"])
def test_other_brackets_are_no_control_tokens(text: str) -> None:
    assert CONTROL.search(text) is None


def choices(gold: int, number: int, longer: int | None = None) -> dict[str, Any]:
    """A row with two options of equal length, or one `longer` than the other."""
    options = [f"x{number}", f"y{number}"]
    if longer is not None:
        options[longer] += "long"
    return row("|".join(options), options[gold])


def test_longest_option_that_is_gold(findings: Lint) -> None:
    rows = [choices(number % 2, number, longer=number % 2) for number in range(20)]
    (finding,) = findings(TEXT, rows, **PER_ROW)
    assert (finding.code, finding.message) == ("FLN038", "the longest option is the gold answer in 20 of 20 rows")


def test_place_of_the_gold_option(findings: Lint) -> None:
    (finding,) = findings(TEXT, [choices(1, number) for number in range(20)], **PER_ROW)
    assert (finding.code, finding.message) == ("FLN038", "option 2 is the gold answer in 20 of 20 rows")


@pytest.mark.parametrize("longer", [0, 1, None])
def test_balanced_gold_answers(longer: int | None, findings: Lint) -> None:
    assert findings(TEXT, [choices(number % 2, number, longer) for number in range(20)], **PER_ROW) == []


def test_few_rows_prove_nothing(findings: Lint) -> None:
    assert findings(TEXT, [choices(1, number, longer=1) for number in range(8)], **PER_ROW) == []
