"""The interface of an engine, and the plainest engine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import GenerationConfig

from openflan.evaluation.engines.token_trie import Ints
from openflan.evaluation.scoring.interface import Ranking

ROW_COST = 8
"""What scoring one position costs in memory, in tokens: a row of logits is wide."""

Finished = Callable[[Sequence[int]], bool]
"""Whether what has been written so far, without an end token, is complete (it holds a stop string)."""

Ends = frozenset[int]
"""The tokens of which any ends an answer; at least one."""


class Question(NamedTuple):
    """A request in tokens: one sequence per option and where in it the scored part starts (at 1 or later).

    `options` are the options' numbers in the request, in the order they have here.
    """

    number: int
    sequences: list[Ints]
    starts: list[int]
    options: list[int]

    @classmethod
    def of(cls, number: int, encoded: Sequence[tuple[Ints, int]]) -> Question:
        """A question out of (tokens, start) pairs."""
        sequences, starts = [tokens for tokens, _ in encoded], [start for _, start in encoded]
        return cls(number, sequences, starts, list(range(len(encoded))))

    @property
    def scored(self) -> int:
        """The number of positions to project onto the vocabulary, at most."""
        return 1 + sum(len(tokens) - start - 1 for tokens, start in zip(self.sequences, self.starts, strict=True))


class Engine(Protocol):
    """Runs a kind of model on batches. A batch that does not fit in memory raises; the caller tries less."""

    def order(self, question: Question) -> Any:
        """The key to sort questions by before they are batched."""
        ...

    def cost(self, question: Question, previous: Question | None) -> int:
        """What a question adds to a batch after `previous`, in tokens' worth of memory."""
        ...

    def rank(self, batch: Sequence[Question], following: Question | None) -> list[Ranking]:
        """Score a batch; `following` is the question that comes first in the next one."""
        ...

    def generate(self, prefixes: Sequence[Ints], max_tokens: int, finished: Finished | None) -> list[list[int]]:
        """Continue each prefix greedily, up to an end token (not kept), `max_tokens`, or until `finished`."""
        ...

    def reset(self) -> None:
        """Forget whatever is kept from one batch to the next."""
        ...


def target_logprobs(logits: Tensor, rows: Ints, targets: Ints) -> NDArray[np.float64]:
    """Log-probabilities [n], in float64, of `targets` [n] under the `rows` [n] of logits [any, vocabulary]."""
    logits = logits.float()
    picked = logits[torch.from_numpy(rows).to(logits.device), torch.from_numpy(targets).to(logits.device)]
    totals = torch.logsumexp(logits, dim=-1)[torch.from_numpy(rows).to(logits.device)]
    result: NDArray[np.float64] = (picked.double() - totals.double()).cpu().numpy()
    return result


def rankings(batch: Sequence[Question], logprobs: NDArray[np.float64]) -> list[Ranking]:
    """Sums per option out of the log-probabilities of all scored tokens of a batch, in order."""
    lengths = [len(t) - s for question in batch for t, s in zip(question.sequences, question.starts, strict=True)]
    sums = np.add.reduceat(logprobs, np.cumsum([0, *lengths[:-1]])).tolist()
    result, begin = [], 0
    for question in batch:
        end = begin + len(question.sequences)
        result.append(Ranking(sums[begin:end], lengths[begin:end]))
        begin = end
    return result


def padded(sequences: Sequence[Ints], *, left: bool = False) -> tuple[Tensor, Tensor]:
    """Sequences as one [B, L] matrix of ids, padded with 0, and its mask of ones and zeros."""
    width = max(map(len, sequences))
    ids = np.zeros((len(sequences), width), dtype=np.int64)
    mask = np.zeros_like(ids)
    for row, tokens in enumerate(sequences):
        span = slice(width - len(tokens), None) if left else slice(len(tokens))
        ids[row, span], mask[row, span] = tokens, 1
    return torch.from_numpy(ids), torch.from_numpy(mask)


class PaddedEngine:
    """Any causal model: each option with its context as a row of its own, nothing shared.

    For models whose tokens are mixed by more than attention (state spaces, linear attention) or whose attention is not
    reached through transformers' interface.
    """

    def __init__(self, model: Any, ends: Ends) -> None:
        self.model, self.ends = model, ends

    def order(self, question: Question) -> int:
        """By length, so that little is padded."""
        return max(map(len, question.sequences))

    def cost(self, question: Question, previous: Question | None) -> int:
        """All positions of all rows go through the vocabulary here."""
        return ROW_COST * len(question.sequences) * max(map(len, question.sequences))

    def rank(self, batch: Sequence[Question], following: Question | None) -> list[Ranking]:
        """See `Engine`."""
        sequences = [tokens for question in batch for tokens in question.sequences]
        starts = [start for question in batch for start in question.starts]
        ids, mask = padded([tokens[:-1] for tokens in sequences])
        inputs, seen = ids.to(self.model.device), mask.to(self.model.device)
        logits = self.model(input_ids=inputs, attention_mask=seen, use_cache=False).logits
        rows = [
            np.arange(start - 1, len(tokens) - 1) + row * ids.shape[1]
            for row, (tokens, start) in enumerate(zip(sequences, starts, strict=True))
        ]
        targets = [tokens[start:] for tokens, start in zip(sequences, starts, strict=True)]
        return rankings(batch, target_logprobs(logits.flatten(0, 1), np.concatenate(rows), np.concatenate(targets)))

    def generate(self, prefixes: Sequence[Ints], max_tokens: int, finished: Finished | None) -> list[list[int]]:
        """See `Engine`; stop strings are looked for by the caller, after the end."""
        return generate_with_transformers(self.model, prefixes, max_tokens, self.ends, left=True)

    def reset(self) -> None:
        """Nothing is kept."""


def generate_with_transformers(
    model: Any, prefixes: Sequence[Ints], max_tokens: int, ends: Ends, *, left: bool
) -> list[list[int]]:
    """Greedy search by transformers' own `generate`: what follows a prefix (`left`), or all that a decoder wrote.

    Nothing but the most likely token counts: a model's own generation settings, which may penalise, force or forbid
    tokens, are set aside.
    """
    ids, mask = (tensor.to(model.device) for tensor in padded(prefixes, left=left))
    own = model.generation_config
    model.generation_config = GenerationConfig(  # type: ignore[no-untyped-call]
        max_new_tokens=max_tokens,
        do_sample=False,
        num_beams=1,
        eos_token_id=sorted(ends),
        pad_token_id=min(ends),
        decoder_start_token_id=None if left else start_token(model.config),
    )
    try:
        written = model.generate(input_ids=ids, attention_mask=mask)
    finally:
        model.generation_config = own
    begin = ids.shape[1] if left else 1
    return [up_to_end(row, ends) for row in written[:, begin:].tolist()]


def start_token(config: Any) -> int:
    """What a decoder begins with."""
    start = config.decoder_start_token_id
    return int(start if start is not None else config.pad_token_id)


def up_to_end(tokens: list[int], ends: Ends) -> list[int]:
    """The tokens before the first that ends an answer."""
    return tokens[: next((place for place, token in enumerate(tokens) if token in ends), len(tokens))]
