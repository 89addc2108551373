"""From log-probabilities of options to the numbers that rank them. The paper ranks by the plain sums."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, assert_never

from openflan.evaluation.scoring.interface import Ranking, RankRequest

Normalisation = Literal["sum", "token", "character", "pmi"]
"""`sum` is the paper's; `token` and `character` divide by the option's length; `pmi` takes away the option's
log-probability after an empty input, so that options are not preferred for being common."""


def without_input(request: RankRequest) -> RankRequest:
    """The second request that `pmi` needs: the same options after an empty input."""
    return RankRequest("", request.options)


def normalised(
    ranking: Ranking, options: Sequence[str], how: Normalisation, unconditional: Ranking | None = None
) -> list[float]:
    """One number per option, higher is better. `unconditional` is the answer to `without_input`, for `pmi`."""
    match how:
        case "sum":
            return list(ranking.logprobs)
        case "token":
            return [logprob / tokens for logprob, tokens in zip(ranking.logprobs, ranking.tokens, strict=True)]
        case "character":
            return [logprob / len(option) for logprob, option in zip(ranking.logprobs, options, strict=True)]
        case "pmi":
            if unconditional is None:
                raise ValueError("pmi needs the options' log-probabilities after an empty input")
            return [one - alone for one, alone in zip(ranking.logprobs, unconditional.logprobs, strict=True)]
        case _:
            assert_never(how)
