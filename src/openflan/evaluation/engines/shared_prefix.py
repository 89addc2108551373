"""The engine for decoder-only models: every token that questions share is computed once.

Questions come sorted, so that a batch is a trie (see `token_trie`) and consecutive batches share a path: a
fixed few-shot block, a passage. The keys and values of that path are handed from one batch to the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from openflan.errors import ModelError
from openflan.evaluation.engines.base import ROW_COST, Ends, Finished, Question, rankings, target_logprobs
from openflan.evaluation.engines.greedy import Decoding
from openflan.evaluation.engines.token_trie import Ints, Trie, shared_length
from openflan.evaluation.engines.tree_attention import States, TreeAttention, forward
from openflan.evaluation.scoring.interface import Ranking
from openflan.model.attention import expect_attention_only

_LEAST_HELD = 8
"""A shared path shorter than this is computed again rather than handed on."""


class SharedEngine:
    """Scores and continues with a causal model that lets its attention be replaced (see `shares`)."""

    def __init__(self, model: Any, ends: Ends) -> None:
        self.model, self.ends = model, ends
        self._path: Ints = np.empty(0, dtype=np.int64)  # The tokens whose states are held.
        self._states = States({}, {})

    def order(self, question: Question) -> bytes:
        """Any order that brings equal beginnings together."""
        return question.sequences[0].tobytes()

    def cost(self, question: Question, previous: Question | None) -> int:
        """The tokens that the question adds to the trie, or its logits if they take more memory."""
        before = previous.sequences[-1] if previous else self._path
        tokens = 0
        for sequence in question.sequences:
            tokens += len(sequence) - shared_length(before, sequence)
            before = sequence
        return max(tokens, ROW_COST * question.scored)

    def rank(self, batch: Sequence[Question], following: Question | None) -> list[Ranking]:
        """See `Engine`."""
        sequences = [tokens for question in batch for tokens in question.sequences]
        starts = [start for question in batch for start in question.starts]
        # The last token of an option is only scored, never read.
        fed = [tokens[:-1] for tokens in sequences]
        trie = Trie(fed, self._held(fed[0], min(starts) - 1))
        rows = [path[start - 1 :] for path, start in zip(trie.paths, starts, strict=True)]
        targets = [tokens[start:] for tokens, start in zip(sequences, starts, strict=True)]
        scored, numbers = np.unique(np.concatenate(rows), return_inverse=True)
        onwards = shared_length(fed[-1], following.sequences[0]) if following else 0
        attention = self._attention(trie, trie.paths[-1][:onwards])
        logits = forward(self.model, trie, scored, attention)
        self._path, self._states = fed[-1][:onwards], attention.kept
        return rankings(batch, target_logprobs(logits, numbers, np.concatenate(targets)))

    def generate(self, prefixes: Sequence[Ints], max_tokens: int, finished: Finished | None) -> list[list[int]]:
        """See `Engine`."""
        trie = Trie(prefixes, self._held(prefixes[0], min(map(len, prefixes)) - 1))
        width = max(map(len, prefixes))
        paths = np.zeros((len(prefixes), width), dtype=np.int64)
        for row, path in enumerate(trie.paths):
            paths[row, width - len(path) :] = path
        attention = self._attention(trie, paths)
        scored, rows = np.unique([path[-1] for path in trie.paths], return_inverse=True)
        logits = forward(self.model, trie, scored, attention)[torch.from_numpy(rows).to(self.model.device)]
        last = prefixes[-1]
        self._path, self._states = last, attention.kept.each(lambda states: states[-1, width - len(last) :].clone())
        lengths = np.array([len(prefix) for prefix in prefixes])
        return Decoding(self.model, attention.kept, lengths, max_tokens).run(logits.argmax(-1), self.ends, finished)

    def reset(self) -> None:
        """Keep nothing: the model's weights may be different next time."""
        self._path, self._states = self._path[:0], States({}, {})

    def _held(self, first: Ints, most: int) -> int:
        """How much of the path whose states are held can be used: nothing that is scored, and not too little."""
        held = min(shared_length(self._path, first), most)
        return held if held >= _LEAST_HELD else 0

    def _attention(self, trie: Trie, keep: Ints) -> TreeAttention:
        states = self._states.each(lambda states: states[: trie.held]) if trie.held else None
        return TreeAttention(trie, self.model.device, held=states, keep=keep)


def shares(model: Any) -> bool:
    """Whether a model computes the same over a trie as over plain sequences, tried on seven tokens.

    It does not where something else than attention mixes tokens. What seven tokens would not show, such as a pattern of
    blocks, is refused by its name (see `openflan.model.attention`).
    """
    if not getattr(model, "_supports_attention_backend", False):
        return False
    sequences = [np.array([1, 2, 3, 4, 5]), np.array([1, 2, 3, 6, 7])]
    trie = Trie(sequences)
    try:
        expect_attention_only(model.config)
        found = forward(model, trie, np.concatenate(trie.paths), TreeAttention(trie, model.device, block=3))
    except (ModelError, AttributeError, KeyError, RuntimeError, TypeError, ValueError):
        return False
    inputs = torch.from_numpy(np.stack(sequences)).to(model.device)
    expected = model(input_ids=inputs, use_cache=False).logits.flatten(0, 1)
    tolerance = 1e-3 if model.dtype == torch.float32 else 5e-2
    return bool((found - expected).float().norm() <= tolerance * expected.float().norm())
