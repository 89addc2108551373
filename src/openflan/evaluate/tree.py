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

from openflan.evaluate.trie import Ints, Trie

BLOCK = 64
"""Queries per attention block; 32 to 128 measured alike on a CPU."""

NAME = "openflan_shared"
"""The name under which the attention below is known to transformers."""


class Attention(Protocol):
    """What stands in for a model's attention during one forward pass over a single row of N tokens."""

    def __call__(
        self, layer: int, query: Tensor, key: Tensor, value: Tensor, *, scale: float | None, window: int | None
    ) -> Tensor:
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
    keys: Tensor  # [B * K] nodes, int64
    distance: Tensor  # [B, 1, Q, K], how far a visible key is behind its query; -1 where it may not be seen


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

    def __call__(
        self, layer: int, query: Tensor, key: Tensor, value: Tensor, *, scale: float | None, window: int | None
    ) -> Tensor:
        """See `Attention`."""
        if self.held is not None:
            key, value = torch.cat([self.held.keys[layer], key]), torch.cat([self.held.values[layer], value])
        if self._keep is not None:
            self.kept.keys[layer], self.kept.values[layer] = key[self._keep], value[self._keep]
        (nodes, heads, size), key_heads = query.shape, key.shape[1]
        shared = heads // key_heads
        padded = F.pad(query, (0, 0, 0, 0, 0, self._count * self._block - nodes))
        # The query heads of one key head stand in one column of queries, so that keys need no repeating.
        split = padded.view(self._count, self._block, key_heads, shared, size).permute(0, 2, 3, 1, 4)
        queries = split.reshape(self._count, key_heads, shared * self._block, size)
        output = torch.empty_like(padded).view(self._count, self._block, key_heads, shared, size)
        for group, mask in zip(self._groups, self._masked(window, shared, query.dtype), strict=True):
            batch = len(group.blocks)
            attended = F.scaled_dot_product_attention(
                queries[group.blocks],
                key.index_select(0, group.keys).view(batch, -1, key_heads, size).transpose(1, 2),
                value.index_select(0, group.keys).view(batch, -1, key_heads, size).transpose(1, 2),
                attn_mask=mask,
                scale=scale,
            )
            output[group.blocks] = attended.view(batch, key_heads, shared, self._block, size).permute(0, 3, 1, 2, 4)
        return output.view(-1, heads, size)[:nodes]

    def _masked(self, window: int | None, shared: int, dtype: torch.dtype) -> list[Tensor]:
        """The groups' masks, made once for all layers that see `window` tokens back (None: all)."""
        masks = self._masks.get((window, shared, dtype))
        if masks is None:
            masks = [_mask(group.distance, window, shared, dtype) for group in self._groups]
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
    queries = np.minimum(queries, len(trie) - 1)[:, :, None]
    seen, nodes = keys[:, None, :], np.maximum(keys, 0)
    visible = (seen >= 0) & (seen <= queries) & (queries < trie.ends[nodes][:, None, :])
    distance = np.where(visible, trie.depths[queries] - trie.depths[nodes][:, None, :], -1).astype(np.int32)
    return _Group(
        torch.from_numpy(blocks).to(device),
        torch.from_numpy(nodes.reshape(-1)).to(device),
        torch.from_numpy(distance[:, None]).to(device),
    )


def _mask(distance: Tensor, window: int | None, shared: int, dtype: torch.dtype) -> Tensor:
    """The additive mask [B, 1, heads per key head * Q, K]."""
    hidden = distance < 0
    if window is not None:
        hidden |= distance >= window
    mask = torch.zeros(hidden.shape, dtype=dtype, device=distance.device).masked_fill_(hidden, float("-inf"))
    return mask.repeat(1, 1, shared, 1)


_attention: ContextVar[Attention] = ContextVar("openflan_attention")


def _attend(
    module: Any, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, **options: Any
) -> tuple[Tensor, None]:
    """The function that a model's attention layers call: query [1, heads, N, size], keys and values alike."""
    attended = _attention.get()(
        module.layer_idx,
        *(states[0].transpose(0, 1) for states in (query, key, value)),
        scale=options.get("scaling"),
        window=options.get("sliding_window"),
    )
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
