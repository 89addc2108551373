"""A model's forward pass over a trie: each token once, no padding, and each token sees only the tokens above it.

The tokens of a trie go through the model as one row. Everything in a decoder but attention works token by token, so
only attention needs to know; it is put in through transformers' attention interface, which leaves the model's own code
as it is. Attention runs over blocks of consecutive nodes: a block's queries meet the keys of the path above the block's
first node and those of the block, under a mask that comes from the trie alone. So shared tokens cost nothing again, and
neither an N x N mask nor a padded batch exists anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import AttentionInterface

from openflan.evaluation.engines.token_trie import Ints, Trie
from openflan.model.attention import Shape, attend

BLOCK = 64
"""Queries per attention block; 32 to 128 measured alike on a CPU."""

NAME = "openflan_shared"
"""The name under which the attention below is known to transformers."""


class Attention(Protocol):
    """What stands in for a model's attention during one forward pass over a single row of N tokens."""

    def __call__(self, layer: int, query: Tensor, key: Tensor, value: Tensor, shape: Shape) -> Tensor:
        """Attend: query [N, heads, size], key and value [N, key heads, size] to an output shaped like the query."""
        ...


class States(NamedTuple):
    """Keys and values by layer, each [tokens, key heads, size] (or with the shape of an index in place of tokens)."""

    keys: dict[int, Tensor]
    values: dict[int, Tensor]

    def each(self, change: Callable[[Tensor], Tensor]) -> States:
        """The states after a change to every layer's keys and values."""
        return States(*({layer: change(tensor) for layer, tensor in side.items()} for side in self))


class _Group(NamedTuple):
    """Blocks whose paths are about equally long and which therefore run as one batch."""

    blocks: Tensor  # [B], int64
    keys: Tensor  # [B, K] nodes, int64; -1 for padding
    queries: Tensor  # [B, Q] nodes
    ends: Tensor  # Of the trie, as are the depths.
    depths: Tensor

    def mask(self, window: int | None, shared: int, dtype: torch.dtype) -> Tensor:
        """The additive mask [B, 1, shared * Q, K] under which a query sees its path, at most `window` tokens back."""
        queries, keys = self.queries[:, :, None], self.keys[:, None, :]
        nodes = keys.clamp(min=0)
        visible = (keys >= 0) & (keys <= queries) & (queries < self.ends[nodes])
        if window is not None:
            visible &= self.depths[queries] - self.depths[nodes] < window
        mask = torch.zeros(visible.shape, dtype=dtype, device=keys.device).masked_fill_(~visible, float("-inf"))
        return mask[:, None].repeat(1, 1, shared, 1)


class TreeAttention:
    """Attention over the nodes of a trie.

    `held` are the states of the trie's held nodes. Those of the nodes in `keep` (any shape) are put aside in `kept`.
    """

    def __init__(
        self,
        trie: Trie,
        device: torch.device,
        *,
        held: States | None = None,
        keep: Ints | None = None,
        block: int = BLOCK,
    ) -> None:
        self.held, self.kept = held, States({}, {})
        self._keep = None if keep is None else torch.from_numpy(keep).to(device)
        self._block = min(block, trie.new)
        self._groups = [_group(trie, blocks, self._block, device) for blocks in _alike(trie, self._block)]
        self._count = -(-trie.new // self._block)
        self._masks: dict[tuple[int | None, int, torch.dtype], list[Tensor]] = {}

    def __call__(self, layer: int, query: Tensor, key: Tensor, value: Tensor, shape: Shape) -> Tensor:
        """See `Attention`."""
        if self.held is not None:
            key, value = torch.cat([self.held.keys[layer], key]), torch.cat([self.held.values[layer], value])
        if self._keep is not None:
            self.kept.keys[layer], self.kept.values[layer] = key[self._keep], value[self._keep]
        (count, heads, size), key_heads = query.shape, key.shape[1]
        shared = heads // key_heads
        padded = F.pad(query, (0, 0, 0, 0, 0, self._count * self._block - count))
        # The query heads of one key head stand in one column of queries, so that keys need no repeating.
        split = padded.view(self._count, self._block, key_heads, shared, size).permute(0, 2, 3, 1, 4)
        queries = split.reshape(self._count, key_heads, shared * self._block, size)
        output = torch.empty_like(padded).view(self._count, self._block, key_heads, shared, size)
        for group, mask in zip(self._groups, self._masked(shape.window, shared, query.dtype), strict=True):
            batch, nodes = len(group.blocks), group.keys.flatten().clamp(min=0)
            attended = attend(
                queries[group.blocks],
                key.index_select(0, nodes).view(batch, -1, key_heads, size).transpose(1, 2),
                value.index_select(0, nodes).view(batch, -1, key_heads, size).transpose(1, 2),
                mask,
                shape,
                groups=shared,
            )
            output[group.blocks] = attended.view(batch, key_heads, shared, self._block, size).permute(0, 3, 1, 2, 4)
        return output.view(-1, heads, size)[:count]

    def _masked(self, window: int | None, shared: int, dtype: torch.dtype) -> list[Tensor]:
        """The groups' masks, made once for all layers that see `window` tokens back (None: all)."""
        masks = self._masks.get((window, shared, dtype))
        if masks is None:
            masks = [group.mask(window, shared, dtype) for group in self._groups]
            self._masks[window, shared, dtype] = masks
        return masks


def _alike(trie: Trie, block: int) -> Iterator[Ints]:
    """Numbers of blocks in groups of about equal path length: padding keys costs at most a quarter."""
    depths = trie.depths[trie.held :: block]
    order = np.argsort(depths, kind="stable")
    begin = 0
    for place, number in enumerate(order):
        if depths[number] + block > 1.25 * (depths[order[begin]] + block):
            yield order[begin:place]
            begin = place
    yield order[begin:]


def _group(trie: Trie, blocks: Ints, block: int, device: torch.device) -> _Group:
    firsts = trie.held + blocks * block
    queries = firsts[:, None] + np.arange(block)
    deepest = int(trie.depths[firsts].max())
    # Memory-efficient attention on a GPU wants masks whose rows are a multiple of eight long.
    width = -(-(deepest + block) // 8) * 8
    keys = np.full((len(blocks), width), -1)
    for row, first in enumerate(firsts):
        above = trie.ancestors(int(first))
        keys[row, : len(above)] = above
    own = keys[:, deepest : deepest + block]
    np.copyto(own, queries, where=queries < len(trie))
    # The last block's queries beyond the trie repeat its last node, and are cut off in the end.
    arrays = blocks, keys, np.minimum(queries, len(trie) - 1), trie.ends, trie.depths
    return _Group(*(torch.from_numpy(array).to(device) for array in arrays))


_attention: ContextVar[Attention] = ContextVar("openflan_attention")


def _attend(
    module: Any, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, **options: Any
) -> tuple[Tensor, None]:
    """The function that a model's attention layers call: query [1, heads, N, size], keys and values alike."""
    one, keys, values = (states[0].transpose(0, 1) for states in (query, key, value))
    attended = _attention.get()(module.layer_idx, one, keys, values, Shape.of(module, options))
    return attended[None], None


AttentionInterface.register(NAME, _attend)


@contextmanager
def attending(model: Any, attention: Attention) -> Iterator[None]:
    """Let `attention` stand in for the model's own while the block runs."""
    own = model.config._attn_implementation
    token = _attention.set(attention)
    model.set_attn_implementation(NAME)
    try:
        yield
    finally:
        model.set_attn_implementation(own)
        _attention.reset(token)


def forward(model: Any, trie: Trie, scored: Ints, attention: Attention) -> Tensor:
    """Run the new nodes of a trie through a model; the logits [len(scored), vocabulary] of the nodes in `scored`."""
    arrays = (trie.tokens[trie.held :], trie.depths[trie.held :], scored - trie.held)
    tokens, positions, rows = (torch.from_numpy(array).to(model.device) for array in arrays)
    with attending(model, attention):
        output = model(input_ids=tokens[None], position_ids=positions[None], use_cache=False, logits_to_keep=rows)
    logits: Tensor = output.logits[0]
    return logits
