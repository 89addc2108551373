"""Packed rows for encoder-decoder models with relative positions (T5 and its relatives).

The same rows as for a decoder: of every packed example, what is read goes to the encoder and what is labelled to the
decoder. Block masks keep the examples of a row apart in all three attentions. Relative positions need no change, since
an example stays in one piece; models with absolute positions are refused by the check at the start of a run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from transformers import PreTrainedModel

from openflan.data.pack import PackedRows

_IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class PackedPairs:
    """Rows split into encoder inputs [rows, E] and decoder inputs [rows, D], both int64.

    The masks are bool [rows, 1, queries, keys], true where a query may look. `sources` are the places in the flattened
    [rows * D] decoder states that predict `targets`; both int64 [labelled tokens].
    """

    inputs: Tensor
    decoder_inputs: Tensor
    encoder_mask: Tensor
    decoder_mask: Tensor
    cross_mask: Tensor
    sources: Tensor
    targets: Tensor

    @classmethod
    def of(cls, rows: PackedRows, start_token: int, device: torch.device | str = "cpu") -> PackedPairs:
        """Split rows; the decoder begins every example with `start_token`."""
        read = (rows.segments > 0) & ~rows.labelled
        inputs, input_segments = _gathered(rows, read)
        targets, target_segments = _gathered(rows, rows.labelled)
        shifted = np.roll(targets, 1, axis=1)
        firsts = np.diff(target_segments, axis=1, prepend=0) != 0
        shifted[firsts] = start_token

        def moved(array: npt.NDArray[Any]) -> Tensor:
            return torch.from_numpy(array).to(device, non_blocking=True)

        same = input_segments[:, None, :, None] == input_segments[:, None, None, :]
        same_target = target_segments[:, None, :, None] == target_segments[:, None, None, :]
        causal = np.tri(targets.shape[1], dtype=np.bool_)
        cross = target_segments[:, None, :, None] == input_segments[:, None, None, :]
        # A padded query has to look at something: softmax over nothing is not a number.
        cross |= (target_segments == 0)[:, None, :, None]
        labelled = np.flatnonzero(target_segments)
        return cls(
            moved(inputs),
            moved(shifted),
            moved(same),
            moved(same_target & causal),
            moved(cross),
            moved(labelled),
            moved(targets.ravel()[labelled]),
        )


def decoder_states(model: PreTrainedModel, batch: PackedPairs) -> Tensor:
    """The decoder's last hidden states, flattened to [rows * D, hidden]."""
    parts: Any = model
    read = parts.get_encoder()(input_ids=batch.inputs, attention_mask=batch.encoder_mask).last_hidden_state
    written = parts.get_decoder()(
        input_ids=batch.decoder_inputs,
        attention_mask=batch.decoder_mask,
        encoder_hidden_states=read,
        encoder_attention_mask=batch.cross_mask,
        use_cache=False,
    )
    states: Tensor = written.last_hidden_state
    return states.flatten(0, 1)


def _gathered(rows: PackedRows, chosen: npt.NDArray[np.bool_]) -> tuple[_IntArray, _IntArray]:
    """The chosen tokens of every row, moved to its left, and their segments; 0 where nothing is left."""
    counts = chosen.sum(1)
    width = max(1, int(counts.max(initial=0)))
    tokens = np.zeros((len(rows), width), np.int64)
    segments = np.zeros((len(rows), width), np.int64)
    filled = np.arange(width) < counts[:, None]
    tokens[filled] = rows.tokens[chosen]
    segments[filled] = rows.segments[chosen]
    return tokens, segments
