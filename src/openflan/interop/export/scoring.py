"""openflan's metrics on another tool's answers, for the functions that an export brings along."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from openflan.evaluation.metrics import Judged, metric


def judged(name: str, row: Mapping[str, Any], results: Sequence[Any]) -> dict[str, Judged]:
    """What lm-eval's `process_results` is to give: the model's answer to an exported row, under each score's name.

    `name` is a metric's line in a card. An answer is the option with the highest log-probability, or the text.
    """
    if row["answers"]:
        logprobs = [logprob for logprob, _ in results]
        answer = row["answers"][logprobs.index(max(logprobs))]
    else:
        answer = str(results[0]).strip()
    one = Judged(answer, row["references"], row["answers"], row["group"] or None)
    return dict.fromkeys(metric(name).names, one)


def score(name: str, which: str, items: Sequence[Sequence[Any]]) -> float:
    """One of a metric's scores of all answers, from 0 to 100 where it is a share."""
    return metric(name).scores([Judged(*item) for item in items])[which]
