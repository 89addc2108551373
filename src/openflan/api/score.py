"""Ranking the options of prompts of one's own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from openflan.api.progress import fetch_model
from openflan.data.encode import Format, Join

if TYPE_CHECKING:
    from openflan.ranges import Dtype


def score(
    model: str | Path,
    prompts: Iterable[Mapping[str, Any]],
    *,
    join: Join = "space",
    dtype: Dtype = "auto",
    input_length: int = 1_000_000,
    silent: bool = False,
) -> list[dict[str, Any]]:
    """Rank the options of prompts `{"input": str, "options": [str, …]}`; further keys are kept.

    Each comes back with `logprobs` (a sum over tokens for each option, in nats, in order) and `choice`, the likeliest
    option; or with `error` where it cannot be scored. `join` says how input and option are joined, by default as a
    plain continuation; an input longer than `input_length` tokens is cut. A prompt that has an `error` already is
    passed through. Raises `ModelError`.

    >>> [scored] = of.score("tiny", [{"input": "The sky is", "options": ["blue", "loud"]}], silent=True)
    >>> len(scored["logprobs"]), scored["choice"] in scored["options"]
    (2, True)
    """
    from openflan.evaluation.scoring.interface import Failure, RankRequest
    from openflan.evaluation.scoring.model import ModelScorer
    from openflan.model.encoder import encoder_for
    from openflan.model.load import load_model

    lines = [dict(prompt) for prompt in prompts]
    folder = fetch_model(str(model), silent=silent)
    encoder = encoder_for(folder, Format(join=join, input_length=input_length))
    scorer = ModelScorer(load_model(folder, dtype=dtype), encoder)
    asked = [line for line in lines if "error" not in line]
    for number, answer in scorer.rank([RankRequest(line["input"], line["options"]) for line in asked]):
        line = asked[number]
        if isinstance(answer, Failure):
            line["error"] = answer.reason
        else:
            line["logprobs"] = answer.logprobs
            line["choice"] = line["options"][answer.logprobs.index(max(answer.logprobs))]
    return lines
