"""Greedy decoding of a batch, one token a step, over keys and values that are written in place."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from openflan.evaluation.engines.base import Ends, Finished
from openflan.evaluation.engines.token_trie import Ints
from openflan.evaluation.engines.tree_attention import States, attending
from openflan.model.attention import Shape, attend


class Decoding:
    """Continues B prefixes whose keys and values [B, L, key heads, size] by layer are `states`, padded on the left.

    Rows are independent of each other: each sees its own prefix and what it has written, at its own positions.
    """

    def __init__(self, model: Any, states: States, lengths: Ints, max_tokens: int) -> None:
        self.model, self.max_tokens = model, max_tokens
        self._width = next(iter(states.keys.values())).shape[1]
        self._states = states.each(lambda tensor: F.pad(tensor, (0, 0, 0, 0, 0, max_tokens - 1)))
        self._lengths = torch.from_numpy(lengths).to(model.device)
        self._column = self._width

    def run(self, tokens: Tensor, ends: Ends, finished: Finished | None) -> list[list[int]]:
        """Write on from the first `tokens` [B]; what each row wrote before an end token."""
        written: list[list[int]] = [[] for _ in tokens]
        rows = list(range(len(tokens)))  # The batch now, as rows of the batch at the beginning.
        for step in range(self.max_tokens):
            open_: list[int] = []
            for place, (row, token) in enumerate(zip(rows, tokens.tolist(), strict=True)):
                if token in ends:
                    continue
                written[row].append(token)
                if not (finished and finished(written[row])):
                    open_.append(place)
            if not open_ or step == self.max_tokens - 1:
                break
            if len(open_) < len(rows):
                rows, tokens = [rows[place] for place in open_], tokens[open_]
                self._select(torch.tensor(open_, device=tokens.device))
            tokens = self._step(tokens)
        return written

    def _step(self, tokens: Tensor) -> Tensor:
        """The next token [B] after `tokens` [B]."""
        positions = self._lengths + (self._column - self._width)
        with attending(self.model, self):
            output = self.model(input_ids=tokens[None], position_ids=positions[None], use_cache=False)
        self._column += 1
        following: Tensor = output.logits[0].argmax(-1)
        return following

    def __call__(self, layer: int, query: Tensor, key: Tensor, value: Tensor, shape: Shape) -> Tensor:
        """Attention of one step (see `tree_attention.Attention`): N rows of one token each."""
        (batch, heads, size), key_heads = query.shape, key.shape[1]
        keys, values = self._states.keys[layer], self._states.values[layer]
        keys[:, self._column], values[:, self._column] = key, value
        first = 0 if shape.window is None else max(0, self._column + 1 - shape.window)
        span = slice(first, self._column + 1)
        columns = torch.arange(first, self._column + 1, device=query.device)
        visible = columns >= (self._width - self._lengths)[:, None]
        mask = torch.zeros(visible.shape, dtype=query.dtype, device=query.device).masked_fill_(~visible, float("-inf"))
        attended = attend(
            query.reshape(batch, key_heads, heads // key_heads, size),
            keys[:, span].transpose(1, 2),
            values[:, span].transpose(1, 2),
            mask[:, None, None, :],
            shape,
            groups=heads // key_heads,
        )
        return attended.reshape(batch, heads, size)

    def _select(self, places: Tensor) -> None:
        """Keep only some of the rows."""
        self._lengths = self._lengths[places]
        self._states = self._states.each(lambda tensor: tensor[places])
