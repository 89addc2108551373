"""How cards write metrics."""

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from openflan.tasks.metric import SCORES, parse_metric, read_metric


@pytest.mark.parametrize(
    ("written", "kept", "scores"),
    [
        ("rouge", "rouge", ("rougeLsum", "rouge1", "rouge2")),
        ({"name": "rouge", "tokenize": "zh"}, "rouge(tokenize=zh)", ("rougeLsum", "rouge1", "rouge2")),
        ({"name": "squad", "score": "exact_match"}, "squad(score=exact_match)", ("exact_match", "f1")),
        ({"name": "rouge", "score": "rougeL"}, "rouge(score=rougeL)", ("rougeL", "rougeLsum", "rouge1", "rouge2")),
        ({"name": "bleu", "tokenize": "13a", "score": "bleu"}, "bleu(tokenize=13a, score=bleu)", ("bleu",)),
    ],
)
def test_a_metric_is_kept_as_one_line(written: Any, kept: str, scores: tuple[str, ...]) -> None:
    assert read_metric(written) == kept
    assert read_metric(kept) == kept
    assert parse_metric(kept).scores == scores


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("rogue", "did you mean 'rouge'"),
        ({"name": "rouge", "tokenise": "zh"}, "no option 'tokenise'; did you mean 'tokenize'"),
        ({"name": "rouge", "tokenize": "chinese"}, "no tokenizer is called 'chinese'"),
        ({"name": "accuracy", "tokenize": "zh"}, "accuracy counts no words"),
        ({"name": "squad", "score": "f2"}, "squad has no score 'f2'"),
        ({"name": "correlation", "score": "spearman"}, "cannot stand for a dataset"),
        ({"tokenize": "zh"}, "a metric is a name, or"),
        (3, "a metric is a name, or"),
    ],
)
def test_a_fault_says_what_is_right(make_task: Callable[..., Any], written: Any, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        make_task(metric=written)


def test_every_score_can_stand_for_its_dataset_but_a_resampled_rank() -> None:
    for name, scores in SCORES.items():
        for score in set(scores) - {"spearman"}:
            assert parse_metric(f"{name}(score={score})").scores[0] == score
