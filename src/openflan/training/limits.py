"""A model's limits: how long an example may be, and which tokens it knows."""

from __future__ import annotations

import numpy as np
from transformers import PreTrainedConfig, PreTrainedModel

from openflan.data.pack import PackedRows
from openflan.model.soft_embedding import known_tokens
from openflan.training.config import TrainError


class Limits:
    """Checks rows against the longest text and the tokens that a model was made for.

    Past its positions one model fails with an index error, and another goes on where it never was trained.
    """

    def __init__(self, model: PreTrainedModel) -> None:
        self.tokens = known_tokens(model)
        self.longest = context_of(model.config)

    def check(self, rows: PackedRows, step: int) -> None:
        """Raise `TrainError` for a row that the model cannot be trained on."""
        highest = int(rows.tokens.max(initial=0))
        if highest >= self.tokens:
            raise TrainError(
                f"step {step} has token number {highest:,}, but the model has embeddings of {self.tokens:,} tokens: "
                f"its tokenizer is another model's, or has been added to"
            )
        if self.longest is not None and (length := _longest(rows)) > self.longest:
            raise TrainError(
                f"step {step} has an example of {length:,} tokens, but the model reads {self.longest:,} at most; "
                f"lower input_length or target_length of the format, or row_length"
            )


def context_of(config: PreTrainedConfig) -> int | None:
    """The positions that a model was made for; None for relative ones without an end."""
    if config.is_encoder_decoder:
        return None
    found = getattr(config.get_text_config(), "max_position_embeddings", None)
    return int(found) if found else None


def _longest(rows: PackedRows) -> int:
    """Tokens in the longest example."""
    own = rows.segments + np.arange(len(rows))[:, None] * (int(rows.segments.max(initial=0)) + 1)
    return int(np.bincount(own[rows.segments > 0]).max(initial=0))
