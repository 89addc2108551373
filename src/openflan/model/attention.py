"""What a layer's attention has besides queries, keys and values, and how it is computed then.

Transformers hands a replaced attention function whatever a layer's attention knows, as keywords. What is not known here
is never dropped in silence: a bias or a block pattern that goes missing leaves a model that looks sound and is not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from openflan.errors import ModelError

_HARMLESS = frozenset({"attention_mask", "position_ids", "cache_position", "position_embeddings", "dropout"})
"""Keywords that say nothing which is not in the queries, keys and values, or in how they are laid out here."""


class Shape(NamedTuple):
    """How scores are made and used: softmax(cap(scale * q k), beside the sinks) v, at most `window` tokens back.

    `softcap` bounds scores by softcap * tanh(score / softcap) (Gemma 2); `sinks` [heads] are scores of a token that is
    not there, which takes its share of the attention (gpt-oss).
    """

    scale: float | None = None
    window: int | None = None
    softcap: float | None = None
    sinks: Tensor | None = None

    @classmethod
    def of(cls, module: Any, options: Mapping[str, Any]) -> Shape:
        """What an attention layer passes to its attention function; raises `ModelError` for what is not known here."""
        named = dict(options)
        shape = cls(*(named.pop(name, None) for name in ("scaling", "sliding_window", "softcap", "s_aux")))
        strange = [
            name for name, value in named.items() if not (value is None or isinstance(value, bool) or name in _HARMLESS)
        ]
        if named.get("is_causal") is False:
            strange.append("is_causal")
        if strange:
            raise ModelError(f"{type(module).__name__} attends with {', '.join(strange)}, which is not supported")
        _expect_known_reach(module, shape.window)
        return shape

    @property
    def plain(self) -> bool:
        """Whether PyTorch's own attention computes it."""
        return self.softcap is None and self.sinks is None


def expect_attention_only(config: Any) -> None:
    """Raise `ModelError` where a configuration names layers that mix tokens by something else, such as convolutions.

    In a barely trained or a half precision model their part may be too small to be noticed by trying.
    """
    kinds = set(getattr(config.get_text_config(), "layer_types", None) or ())
    if other := sorted(kinds - {"full_attention", "sliding_attention"}):
        raise ModelError(f"a {config.model_type} model mixes tokens by more than plain attention: {', '.join(other)}")


def _expect_known_reach(module: Any, window: int | None) -> None:
    """Raise `ModelError` where a layer does not see all tokens before it, and does not say how many it sees."""
    config = getattr(module, "config", None)
    kinds, layer = getattr(config, "layer_types", None), getattr(module, "layer_idx", None)
    if kinds and layer is not None and layer < len(kinds):
        limited = kinds[layer] != "full_attention"
        known = kinds[layer] == "sliding_attention" and window is not None
    else:
        limited = bool(getattr(config, "sliding_window", None) and getattr(config, "use_sliding_window", True))
        known = window is not None
    if limited and not known:
        raise ModelError(f"{type(module).__name__} sees a part of the text only, and does not say which")


def attend(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, shape: Shape, *, groups: int = 1, dropout: float = 0
) -> Tensor:
    """Attention of [B, heads, queries, size] to [B, key heads, keys, size], under an additive mask.

    The `groups` query heads of one key head may stand one after the other among its queries instead. Without a mask
    the queries are the keys' own tokens, and see themselves and those before them.
    """
    grouped = query.shape[1] != key.shape[1]
    if shape.plain:
        return F.scaled_dot_product_attention(
            query,
            key,
            value,
            attn_mask=mask,
            dropout_p=dropout,
            is_causal=mask is None,
            scale=shape.scale,
            enable_gqa=grouped,
        )
    if grouped:
        times = query.shape[1] // key.shape[1]
        key, value = key.repeat_interleave(times, 1), value.repeat_interleave(times, 1)
    if mask is None:
        mask = torch.full((query.shape[2], key.shape[2]), float("-inf"), device=query.device).triu(1)
    scores = (query @ key.transpose(-1, -2)).float() * (query.shape[-1] ** -0.5 if shape.scale is None else shape.scale)
    if shape.softcap is not None:
        scores = torch.tanh(scores / shape.softcap) * shape.softcap
    scores = scores + mask
    if shape.sinks is not None:
        each = shape.sinks.float().view(key.shape[1], groups, 1).expand(-1, -1, query.shape[2] // groups)
        sinks = each.reshape(1, key.shape[1], -1, 1).expand(query.shape[0], -1, -1, -1)
        weights = torch.cat([scores, sinks], -1).softmax(-1)[..., :-1]
    else:
        weights = scores.softmax(-1)
    return F.dropout(weights, dropout).to(value.dtype) @ value
