"""Packages that are extras are asked for before the work begins, in every verb that would need them."""

import sys

import pytest

from openflan.cli import main
from openflan.errors import OpenflanError
from openflan.recipe import load_recipe
from openflan.study.extras import check_to_measure, check_to_train
from openflan.study.tasks import measured_tasks


@pytest.fixture
def without(monkeypatch):
    """Let packages be missing, and let nothing that takes long begin."""
    from openflan.api import progress
    from openflan.evaluation.metrics import generation, words

    def hide(*packages: str) -> None:
        for known in (generation.bleu_of, generation.rouge_of, words.tokenizer):
            known.cache_clear()
        for package in packages:
            for name in [package, *(one for one in sys.modules if one.startswith(f"{package}."))]:
                monkeypatch.setitem(sys.modules, name, None)

    def begun(*_, **__):
        raise AssertionError("work began")

    monkeypatch.setattr(progress, "fetch_model", begun)
    for place in ("api.training", "api.evaluation"):
        monkeypatch.setattr(f"openflan.{place}.fetch_model", begun)
    return hide


LONG = ["data.hold_out=summarization", "data.tasks=copa"]


@pytest.mark.parametrize(
    "words",
    [
        ["eval", "nowhere", "--tasks", "aeslc"],
        ["run", *(word for change in LONG for word in ("--set", change))],
        ["quickstart", "--set", "evaluate.tasks=aeslc"],
    ],
)
def test_a_metric_without_its_package_ends_the_verb_at_once(without, capsys, words):
    without("rouge_score")
    assert main(words) == 1
    assert "pip install 'openflan[metrics]'" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["train", "quickstart"], ["run", "quickstart"], ["quickstart"]])
def test_an_adapter_without_peft_ends_the_verb_at_once(without, capsys, words):
    without("peft")
    assert main(words) == 1
    assert "train.adapter needs peft: pip install 'openflan[lora]'" in capsys.readouterr().err


def test_rows_from_the_hub_without_the_library_end_it_too(without):
    without("datasets")
    recipe = load_recipe(None, ["data.source=mirror:somewhere,hub", "train.steps=1"])
    with pytest.raises(OpenflanError, match=r"data.source: hub needs datasets"):
        check_to_train(recipe)
    check_to_train(recipe, without_rows=True)


def test_a_reference_line_that_is_none_ends_an_evaluation_at_once(without, capsys):
    without()
    assert main(["eval", "nowhere", "--tasks", "sst2", "--against", "random,majorty"]) == 1
    assert "did you mean 'majority'" in capsys.readouterr().err


def test_what_is_not_needed_is_not_asked_for(without):
    without("rouge_score", "sacrebleu", "peft", "datasets")
    recipe = load_recipe(None, ["data.hold_out=sentiment"])
    check_to_train(recipe)
    check_to_measure(recipe, measured_tasks(recipe).all())
