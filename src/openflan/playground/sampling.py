"""Choosing the next token, greedily or at random, so that a seed gives the same answer every time."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from openflan.data.order import hash64


@dataclass(frozen=True)
class Sampling:
    """How tokens are chosen: the most likely one at `temperature` 0, else at random.

    `top_p` keeps the likeliest tokens whose probabilities add up to it. The random numbers follow from `seed` and the
    number of the sample alone, whatever else the model is busy with.
    """

    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0
    sample: int = 0


class Chooser:
    """Chooses the tokens of one answer."""

    def __init__(self, how: Sampling) -> None:
        self._how = how
        self._generator = torch.Generator().manual_seed(hash64("sample", how.seed, how.sample) >> 1)

    def __call__(self, logprobs: Tensor) -> int:
        """The next token, given log-probabilities [vocabulary] on the CPU."""
        if self._how.temperature == 0:
            return int(logprobs.argmax())
        probabilities = (logprobs / self._how.temperature).softmax(-1)
        if self._how.top_p < 1:
            ordered, tokens = probabilities.sort(descending=True, stable=True)
            before = ordered.cumsum(-1) - ordered
            ordered[before >= self._how.top_p] = 0  # The likeliest is always kept: nothing is before it.
            return int(tokens[torch.multinomial(ordered, 1, generator=self._generator)])
        return int(torch.multinomial(probabilities, 1, generator=self._generator))
