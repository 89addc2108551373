"""The loss of packed rows: the summed cross-entropy of their labelled tokens.

Only labelled positions go through the vocabulary (in a classification mixture one token in seventeen), some at a time,
so memory does not grow with their number. The sum is divided by the number of labelled tokens of the whole step, over
all parts and processes, by the loop.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.checkpoint import checkpoint
from transformers import PreTrainedModel

from openflan.data.pack import PackedRows
from openflan.model.encdec import PackedPairs, decoder_states
from openflan.model.isolation import ATTENTION, Packed, hidden_states, isolate
from openflan.training.proof import Probe

CHUNK = 1024
"""Labelled tokens projected onto the vocabulary at once: 1,024 x 49,152 float32 logits are 200 MB."""


class CausalLoss(torch.nn.Module):
    """The loss of a causal model on packed rows; isolates the model, or raises `ModelError` where that cannot be.

    Given a `Probe` it answers with the model's own logits of each sequence alone, and with those of the packed row.
    """

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__()
        self.model = model
        self.usual = attention_of(model)
        isolate(model)

    @staticmethod
    def batch(rows: PackedRows, device: torch.device | str) -> Packed:
        """Rows as the tensors that `forward` takes."""
        return Packed.of(rows, device)

    def forward(self, batch: Packed | Probe) -> Tensor | tuple[Tensor, Tensor]:
        """The cross-entropy in nats, a float32 scalar summed over the labelled tokens."""
        if isinstance(batch, Probe):
            return self._compare(batch)
        return summed_loss(self.model, hidden_states(self.model, batch)[batch.sources], batch.targets)

    def _compare(self, probe: Probe) -> tuple[Tensor, Tensor]:
        model: Any = self.model
        model.set_attn_implementation(self.usual)
        separate = [
            model(input_ids=probe.tensor(example.tokens), use_cache=False).logits[0] for example in probe.examples
        ]
        isolate(model)
        states = hidden_states(model, self.batch(probe.rows, probe.device))
        return torch.cat(separate), logits(model, states)[:-2]


class EncoderDecoderLoss(torch.nn.Module):
    """The loss of an encoder-decoder model on the same packed rows; answers a `Probe` as the causal one does."""

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__()
        self.model = model
        self.usual = attention_of(model)
        self.start_token = int(model.config.decoder_start_token_id)

    def batch(self, rows: PackedRows, device: torch.device | str) -> PackedPairs:
        """Rows as the tensors that `forward` takes."""
        return PackedPairs.of(rows, self.start_token, device)

    def forward(self, batch: PackedPairs | Probe) -> Tensor | tuple[Tensor, Tensor]:
        """The cross-entropy in nats, a float32 scalar summed over the labelled tokens."""
        if isinstance(batch, Probe):
            return self._compare(batch)
        return summed_loss(self.model, decoder_states(self.model, batch)[batch.sources], batch.targets)

    def _compare(self, probe: Probe) -> tuple[Tensor, Tensor]:
        model: Any = self.model
        separate = []
        for tokens, start in probe.examples:
            read, written = tokens[:start], tokens[start:]
            inputs = {
                "input_ids": probe.tensor(read),
                "decoder_input_ids": probe.tensor([self.start_token, *written[:-1]]),
            }
            separate.append(model(**inputs, use_cache=False).logits[0])
        packed = self.batch(probe.rows, probe.device)
        return torch.cat(separate), logits(model, decoder_states(model, packed)[packed.sources])


def attention_of(model: PreTrainedModel) -> str:
    """The attention that a model was loaded with; the library's where an earlier run has left its own."""
    name = str(model.config._attn_implementation)
    return "sdpa" if name == ATTENTION else name


def loss_for(model: PreTrainedModel) -> CausalLoss | EncoderDecoderLoss:
    """The loss that fits a model."""
    return EncoderDecoderLoss(model) if model.config.is_encoder_decoder else CausalLoss(model)


def summed_loss(model: PreTrainedModel, states: Tensor, targets: Tensor, chunk: int = CHUNK) -> Tensor:
    """Cross-entropy of `targets` [n] given hidden states [n, hidden], summed, a chunk of positions at a time.

    With more than one chunk the logits are computed again in the backward pass instead of being kept.
    """
    if len(targets) <= chunk:
        return _chunk_loss(model, states, targets)
    total = states.new_zeros((), dtype=torch.float32)
    for some_states, some_targets in zip(torch.split(states, chunk), torch.split(targets, chunk), strict=True):
        total = total + checkpoint(_chunk_loss, model, some_states, some_targets, use_reentrant=False)
    return total


def _chunk_loss(model: PreTrainedModel, states: Tensor, targets: Tensor) -> Tensor:
    return F.cross_entropy(logits(model, states).float(), targets, reduction="sum")


def logits(model: PreTrainedModel, states: Tensor) -> Tensor:
    """Hidden states onto the vocabulary, with the scaling that some models' heads apply."""
    config: Any = model.config
    if getattr(config, "scale_decoder_outputs", config.model_type == "umt5" and config.tie_word_embeddings):  # T5, UMT5
        states = states * config.d_model**-0.5
    head: Any = model
    scores: Tensor = head.get_output_embeddings()(states)
    scores = scores * (getattr(config, "logit_scale", None) or 1.0)  # Cohere
    scores = scores / (getattr(config, "logits_scaling", None) or 1.0)  # Granite
    if cap := getattr(config, "final_logit_softcapping", None):  # Gemma
        scores = torch.tanh(scores / cap) * cap
    return scores
