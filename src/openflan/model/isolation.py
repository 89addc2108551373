"""Attention that keeps packed examples apart.

Rows are laid end to end as one sequence, cut into segments: the packed examples, and the padding of each row. A
registered attention function attends within segments only, so isolation never rests on what a library infers from
positions or from a two-dimensional mask (an all-ones mask makes transformers 5 let packed examples see each other).
Nothing else in a decoder mixes tokens, and every run begins by proving it for the model at hand (`train/loss.py`).

Two backends, both from torch itself:

| where | how |
|---|---|
| CPU, float32, capped scores, sinks | one causal SDPA call per segment: on CPU 4 to 10 times faster than a block mask |
| GPU in half precision | `torch.nn.attention.varlen`, flash attention over segments of any length |
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import AttentionInterface, PreTrainedModel

from openflan.data.pack import PackedRows
from openflan.errors import ModelError
from openflan.model.attention import Shape, attend, expect_attention_only

ATTENTION = "openflan_packed"


@dataclass(frozen=True, eq=False)
class Segments:
    """Where the segments of a sequence of T tokens lie.

    `sizes` are their lengths, which sum to T. `bounds` (int32 [segments + 1], on the model's device) are their running
    sums from 0. `longest` bounds every size; it is the row length, so that compiled code sees one value.
    """

    sizes: tuple[int, ...]
    bounds: Tensor
    longest: int


@dataclass(frozen=True, eq=False)
class Packed:
    """A batch of packed rows as one sequence of T tokens: `tokens` and `positions` are int64 [1, T].

    Positions count from 0 within each segment. The hidden state at `sources[i]` predicts the token `targets[i]`; both
    int64 [labelled tokens].
    """

    tokens: Tensor
    positions: Tensor
    segments: Segments
    sources: Tensor
    targets: Tensor

    @classmethod
    def of(cls, rows: PackedRows, device: torch.device | str = "cpu") -> Packed:
        """Lay rows end to end; padding becomes a segment of its own at the end of its row."""
        breaks = np.ones(rows.segments.shape, np.bool_)
        breaks[:, 1:] = rows.segments[:, 1:] != rows.segments[:, :-1]
        starts = np.flatnonzero(breaks)
        bounds = np.append(starts, breaks.size)
        sizes = np.diff(bounds)
        positions = np.arange(breaks.size) - np.repeat(starts, sizes)
        tokens = torch.from_numpy(rows.tokens.reshape(1, -1).astype(np.int64))
        labelled = torch.from_numpy(np.flatnonzero(rows.labelled))

        def moved(tensor: Tensor) -> Tensor:
            return tensor.to(device, non_blocking=True)

        return cls(
            moved(tokens),
            moved(torch.from_numpy(positions)[None]),
            Segments(
                tuple(sizes.tolist()), moved(torch.from_numpy(bounds.astype(np.int32))), int(rows.tokens.shape[1])
            ),
            moved(labelled - 1),
            moved(tokens[0, labelled]),
        )


def isolate(model: PreTrainedModel) -> None:
    """Make a causal model attend within segments only; every forward then needs `segments=`. Raises `ModelError`."""
    expect_attention_only(model.config)
    AttentionInterface.register(ATTENTION, packed_attention)
    settable: Any = model
    settable.set_attn_implementation(ATTENTION)
    if model.config._attn_implementation != ATTENTION:
        raise ModelError(f"{type(model).__name__} has an attention of its own, which cannot keep packed examples apart")


def hidden_states(model: PreTrainedModel, batch: Packed) -> Tensor:
    """The last hidden states [T, hidden] of an isolated causal model."""
    decoder: Any = model.base_model
    output = decoder(
        input_ids=batch.tokens,
        attention_mask=None,
        position_ids=batch.positions,
        use_cache=False,
        segments=batch.segments,
    )
    states: Tensor = output.last_hidden_state[0]
    return states


def packed_attention(
    module: torch.nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    segments: Segments | None = None,
    dropout: float = 0.0,
    **options: Any,
) -> tuple[Tensor, None]:
    """Causal attention within segments; the signature is transformers' attention interface.

    `query` is [1, heads, T, size]; `key` and `value` may have fewer heads. Returns [1, T, heads, size].
    """
    if segments is None:
        raise ModelError(f"{type(module).__name__} does not hand the segments of packed rows down to its attention")
    shape = Shape.of(module, options)
    # Under autocast, rotary embeddings leave query and key in float32.
    query, key = query.to(value.dtype), key.to(value.dtype)
    if value.is_cuda and value.dtype in (torch.bfloat16, torch.float16) and shape.plain and not dropout:
        return _varlen(query, key, value, segments, shape.scale, shape.window), None
    return _per_segment(query, key, value, segments, shape, dropout), None


@torch.compiler.disable  # type: ignore[untyped-decorator]
def _per_segment(query: Tensor, key: Tensor, value: Tensor, segments: Segments, shape: Shape, dropout: float) -> Tensor:
    parts, window = [], shape.window
    cut = [torch.split(tensor, list(segments.sizes), 2) for tensor in (query, key, value)]
    for q, k, v in zip(*cut, strict=True):
        mask = _window_mask(q.shape[2], window, q) if window is not None and q.shape[2] > window else None
        parts.append(attend(q, k, v, mask, shape, dropout=dropout))
    return torch.cat(parts, 2).transpose(1, 2)


def _window_mask(size: int, window: int, like: Tensor) -> Tensor:
    """An additive mask [size, size] under which a token sees itself and the `window - 1` before it."""
    index = torch.arange(size, device=like.device)
    distance = index[:, None] - index[None, :]
    hidden = (distance < 0) | (distance >= window)
    return torch.zeros(size, size, dtype=like.dtype, device=like.device).masked_fill_(hidden, float("-inf"))


def _varlen(
    query: Tensor, key: Tensor, value: Tensor, segments: Segments, scaling: float | None, window: int | None
) -> Tensor:
    from torch.nn.attention.varlen import varlen_attn

    arguments: dict[str, Any] = {}
    if key.shape[1] != query.shape[1]:
        if _varlen_groups_heads():
            arguments["enable_gqa"] = True
        else:
            groups = query.shape[1] // key.shape[1]
            key, value = key.repeat_interleave(groups, 1), value.repeat_interleave(groups, 1)
    q, k, v = (tensor[0].transpose(0, 1) for tensor in (query, key, value))
    bounds, longest = segments.bounds, segments.longest
    left = -1 if window is None else window - 1
    output = varlen_attn(q, k, v, bounds, bounds, longest, longest, scale=scaling, window_size=(left, 0), **arguments)
    assert isinstance(output, Tensor)
    return output[None]


@cache
def _varlen_groups_heads() -> bool:
    """Whether this torch's varlen attention takes fewer key than query heads (2.13 does, 2.11 does not)."""
    from torch.nn.attention.varlen import varlen_attn

    return "enable_gqa" in inspect.signature(varlen_attn).parameters
