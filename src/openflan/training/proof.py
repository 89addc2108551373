"""The proof, at the start of every run, that examples packed into a row do not see each other.

It goes through the very module that is trained: in the same precision and, where there are several processes, with the
same copies or shares of the weights.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedModel

from openflan.data.encode import Encoded
from openflan.data.pack import PackedRows, pack
from openflan.errors import ModelError
from openflan.model.soft_embedding import known_tokens

_EXACT, _HALF = 1e-3, 0.1
"""How far the logits of a position may move, as a share of their spread: in float32, and in half precision."""


@dataclass(frozen=True, eq=False)
class Probe:
    """A few short made-up sequences, and the row that they are packed into; the last two positions are padding."""

    examples: list[Encoded]
    device: torch.device

    @classmethod
    def of(cls, model: PreTrainedModel, device: torch.device) -> Probe:
        """Three sequences over a model's vocabulary."""
        random = np.random.default_rng(0)
        lengths = (9, 6, 5)
        sequences = (random.integers(0, known_tokens(model), length).tolist() for length in lengths)
        return cls([Encoded(tokens, len(tokens) // 2) for tokens in sequences], device)

    @property
    def rows(self) -> PackedRows:
        """One row of them all."""
        return pack(self.examples, sum(len(example.tokens) for example in self.examples) + 2)

    def tensor(self, tokens: list[int]) -> Tensor:
        """Tokens as a batch of one."""
        return torch.tensor([tokens], device=self.device)


def prove_isolation(module: Any, model: PreTrainedModel, device: torch.device) -> None:
    """Raise `ModelError` unless a module that is given a `Probe` answers with two equal sets of logits.

    `module` is the loss around `model`, as it is trained.
    """
    # Compiled code would be compiled once more, for the probe's shape alone; the kernels are the same without.
    with torch.no_grad(), _evaluating(model), torch.compiler.set_stance("force_eager"), _told(model):
        separate, packed = module(Probe.of(model, device))
    if hasattr(module, "reshard"):  # Else its gathered weights would outlive what a checkpoint brings.
        module.reshard()
    expect_equal(model, separate, packed)


def expect_equal(model: PreTrainedModel, separate: Tensor, packed: Tensor) -> None:
    """Raise `ModelError` unless logits [positions, vocabulary] agree, to the precision that they were computed in.

    Each position is measured by its own spread over the vocabulary, so that neither one outlying logit nor one
    outlying position decides for a large model.
    """
    tolerance = _EXACT if separate.dtype == packed.dtype == torch.float32 else _HALF
    separate, packed = separate.float(), packed.float()
    moved = (separate - packed).square().mean(-1).sqrt()
    difference = (moved / separate.std(-1).clamp_min(torch.finfo(torch.float32).tiny)).max().item()
    if not difference <= tolerance:
        raise ModelError(
            f"{type(model).__name__} cannot be trained on packed rows: an example's logits move by {difference:.2g} of "
            f"their spread when others are packed with it"
        )


@contextmanager
def _evaluating(model: PreTrainedModel) -> Iterator[None]:
    """The model without dropout, for a while."""
    training = model.training
    model.train(False)
    try:
        yield
    finally:
        model.train(training)


@contextmanager
def _told(model: PreTrainedModel) -> Iterator[None]:
    """Turn an error of an architecture that does not take packed rows into one sentence."""
    try:
        yield
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ModelError(f"{type(model).__name__} cannot be trained on packed rows: {reason}") from error
