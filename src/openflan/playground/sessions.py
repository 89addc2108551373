"""Reading tokens into a model bit by bit, for whatever kind of model it is.

Evaluations answer by the batch and at the end (`openflan.evaluation.engines`); here somebody watches one answer grow.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from openflan.evaluation.engines.base import start_token

READ_AT_ONCE = 512
"""Tokens that go through a model at once: a row of logits is wide."""


class Session(Protocol):
    """A text that a model is reading."""

    def read(self, tokens: Sequence[int]) -> Tensor:
        """Read on; the logits [n, vocabulary] after each of the n tokens."""
        ...


def start_session(model: Any, prefix: Sequence[int]) -> tuple[Session, list[int]]:
    """A session, and what it has to read before it can write: the prefix, or what a decoder begins with."""
    if model.config.is_encoder_decoder:
        return DecoderSession(model, prefix), [start_token(model.config)]
    return CausalSession(model), list(prefix)


class CausalSession:
    """A causal model. Where it keeps no keys and values (state spaces), all is read again for every token."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._tokens: list[int] = []
        self._cache: Any = None

    def read(self, tokens: Sequence[int]) -> Tensor:
        """See `Session`."""
        self._tokens += tokens
        unread = list(tokens) if self._cache is not None else self._tokens
        # A mask of ones over all that was read, since some families cannot do without.
        mask = torch.ones((1, len(self._tokens)), dtype=torch.long, device=self._model.device)
        kept = {} if self._cache is None else {"past_key_values": self._cache}
        ids = torch.tensor([unread], device=self._model.device)
        output = self._model(input_ids=ids, attention_mask=mask, use_cache=True, **kept)
        self._cache = getattr(output, "past_key_values", None)
        logits: Tensor = output.logits[0, -len(tokens) :]
        return logits


class DecoderSession:
    """An encoder-decoder model: the encoder reads the prefix, the decoder what is written."""

    def __init__(self, model: Any, prefix: Sequence[int]) -> None:
        self._model = model
        self._source = torch.tensor([list(prefix)], device=model.device)
        self._encoded: Any = None
        self._cache: Any = None

    def read(self, tokens: Sequence[int]) -> Tensor:
        """See `Session`."""
        if self._encoded is None:
            self._encoded = self._model.get_encoder()(input_ids=self._source)
        output = self._model(
            encoder_outputs=self._encoded,
            decoder_input_ids=torch.tensor([list(tokens)], device=self._model.device),
            past_key_values=self._cache,
            use_cache=True,
        )
        self._cache = output.past_key_values
        logits: Tensor = output.logits[0]
        return logits
