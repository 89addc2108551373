"""`openflan show`: prompts as the model sees them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from openflan.cli import main


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, Any]]:
    assert main(["show", *arguments, "--json"]) == 0
    prompts: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return prompts


def test_all_templates_on_one_row(capsys: pytest.CaptureFixture[str]) -> None:
    prompts = shown(capsys, "rte")
    assert [prompt["writer"] for prompt in prompts] == [str(number) for number in range(10)]
    assert len({prompt["row"] for prompt in prompts}) == 1
    for prompt in prompts:
        assert prompt["inverted"] or prompt["input"].endswith("OPTIONS:\n- yes\n- no")
        assert prompt["inverted"] or prompt["target"] in prompt["options"]


def test_one_template_on_several_rows(capsys: pytest.CaptureFixture[str]) -> None:
    prompts = shown(capsys, "rte", "--template", "3", "--rows", "4", "--split", "train")
    assert [prompt["writer"] for prompt in prompts] == ["3"] * 4
    assert len({prompt["row"] for prompt in prompts}) == 4


def test_baseline(capsys: pytest.CaptureFixture[str]) -> None:
    (prompt,) = shown(capsys, "rte", "--template", "baseline")
    assert (prompt["writer"], prompt["options"]) == ("baseline", ["True", "False"])


@pytest.mark.parametrize("arguments", [["anli:r2"], ["anli", "--variant", "r2"]])
def test_variant(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert {prompt["dataset"] for prompt in shown(capsys, *arguments)} == {"anli:r2"}


def test_text_marks_what_is_labelled(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "rte", "--template", "0"]) == 0
    printed = capsys.readouterr().out
    assert "template 0" in printed
    assert "OPTIONS:" in printed
    assert "▶ " in printed


def test_rows_and_cards_of_ones_own(
    make_card: Callable[..., Path],
    make_mirror: Callable[..., Path],
    toy_rows: Callable[..., Any],
    capsys: pytest.CaptureFixture[str],
) -> None:
    mirror = make_mirror(train=toy_rows(60), validation=toy_rows(5, 60))
    (prompt,) = shown(capsys, "toy", "--cards", str(make_card()), "--source", f"mirror:{mirror}")
    assert prompt["input"].startswith("Ship 6")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["rtee"], "did you mean 'rte'"),
        (["rte", "--template", "10"], "use 0 to 9, baseline, plain or name"),
        (["rte", "--template", "x"], "use 0 to 9, baseline, plain or name"),
        (["anli:r9"], "anli has no variant 'r9'"),
        (["rte", "--source", "mirror:/nowhere"], "no folder of rows at /nowhere"),
        (["wsc273", "--split", "train"], "wsc273 has no train rows by its card"),
    ],
)
def test_errors_are_one_line(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", *arguments]) == 1
    printed = capsys.readouterr().err
    assert message in printed
    assert len(printed.strip().splitlines()) == 1
