"""The loss of packed rows: the summed cross-entropy of their labelled tokens.

Only labelled positions go through the vocabulary (in a classification mixture one token in seventeen), some at a time,
so memory does not grow with their number. The sum is divided by the number of labelled tokens of the whole step, over
all parts and processes, by the loop.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.checkpoint import checkpoint
from transformers import PreTrainedModel

from openflan.data.encode import Encoded
from openflan.data.pack import PackedRows, pack
from openflan.errors import ModelError
from openflan.model.encdec import PackedPairs, decoder_states
from openflan.model.isolation import Packed, hidden_states, isolate

CHUNK = 1024
"""Labelled tokens projected onto the vocabulary at once: 1,024 x 49,152 float32 logits are 200 MB."""


class CausalLoss(torch.nn.Module):
    """The loss of a causal model on packed rows.

    Isolates the model, and proves on a probe that its packed logits are those of separate examples: raises `ModelError`
    for an architecture where they are not.
    """

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__()
        self.model = model
        examples = probe(model)
        with torch.no_grad(), evaluating(model), _proving(model):
            separate = [
                model(input_ids=torch.tensor([example.tokens], device=model.device), use_cache=False).logits[0]
                for example in examples
            ]
            isolate(model)
            packed = self.batch(pack(examples, sum(len(example.tokens) for example in examples) + 2), model.device)
            expect_equal(model, torch.cat(separate), logits(model, hidden_states(model, packed))[:-2])

    @staticmethod
    def batch(rows: PackedRows, device: torch.device | str) -> Packed:
        """Rows as the tensors that `forward` takes."""
        return Packed.of(rows, device)

    def forward(self, batch: Packed) -> Tensor:
        """The cross-entropy in nats, a float32 scalar summed over the labelled tokens."""
        return summed_loss(self.model, hidden_states(self.model, batch)[batch.sources], batch.targets)


class EncoderDecoderLoss(torch.nn.Module):
    """The loss of an encoder-decoder model on the same packed rows, proven on a probe like the causal one."""

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__()
        self.model = model
        self.start_token = int(model.config.decoder_start_token_id)
        examples = probe(model)
        with torch.no_grad(), evaluating(model), _proving(model):
            separate = [self._alone(example) for example in examples]
            rows = pack(examples, sum(len(example.tokens) for example in examples) + 2)
            packed = self.batch(rows, model.device)
            expect_equal(model, torch.cat(separate), logits(model, decoder_states(model, packed)[packed.sources]))

    def _alone(self, example: Encoded) -> Tensor:
        """The model's own logits for one example."""
        read, written = example.tokens[: example.start], example.tokens[example.start :]
        output: Any = self.model(
            input_ids=torch.tensor([read], device=self.model.device),
            decoder_input_ids=torch.tensor([[self.start_token, *written[:-1]]], device=self.model.device),
            use_cache=False,
        )
        scores: Tensor = output.logits[0]
        return scores

    def batch(self, rows: PackedRows, device: torch.device | str) -> PackedPairs:
        """Rows as the tensors that `forward` takes."""
        return PackedPairs.of(rows, self.start_token, device)

    def forward(self, batch: PackedPairs) -> Tensor:
        """The cross-entropy in nats, a float32 scalar summed over the labelled tokens."""
        return summed_loss(self.model, decoder_states(self.model, batch)[batch.sources], batch.targets)


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


@contextmanager
def evaluating(model: PreTrainedModel) -> Iterator[None]:
    """The model without dropout, for a while."""
    training = model.training
    model.train(False)
    try:
        yield
    finally:
        model.train(training)


@contextmanager
def _proving(model: PreTrainedModel) -> Iterator[None]:
    """Tell an architecture that does not take packed rows, or an adapter where it is, in one sentence."""
    try:
        yield
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ModelError(f"{type(model).__name__} cannot be trained on packed rows: {reason}") from error


def probe(model: PreTrainedModel) -> list[Encoded]:
    """Three short made-up sequences over the model's vocabulary, to check a packed forward pass with."""
    embeddings: Any = model.get_input_embeddings()
    size = embeddings.weight.shape[0]
    random = np.random.default_rng(0)
    return [Encoded(random.integers(0, size, length).tolist(), length // 2) for length in (9, 6, 5)]


def expect_equal(model: PreTrainedModel, separate: Tensor, packed: Tensor) -> None:
    """Raise `ModelError` unless logits of separate and of packed examples agree, to the precision of the model."""
    tolerance = 1e-3 if separate.dtype == packed.dtype == torch.float32 else 0.1
    difference = ((separate.float() - packed.float()).abs().max() / separate.float().std()).item()
    if not difference <= tolerance:
        raise ModelError(
            f"{type(model).__name__} cannot be trained on packed rows: an example's logits move by {difference:.2g} of "
            f"their spread when others are packed with it"
        )
