"""The engine for encoder-decoder models (T5): each input is encoded once, and its options share the decoder's start.

The part of a sequence before the scored start goes to the encoder, the rest to the decoder.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from transformers.modeling_outputs import BaseModelOutput

from openflan.evaluation.engines.base import (
    ROW_COST,
    Ends,
    Finished,
    Question,
    generate_with_transformers,
    padded,
    rankings,
    start_token,
    target_logprobs,
)
from openflan.evaluation.engines.token_trie import Ints
from openflan.evaluation.scoring.interface import Ranking


class Seq2SeqEngine:
    """Scores and continues with an encoder-decoder model."""

    def __init__(self, model: Any, ends: Ends) -> None:
        self.model, self.ends = model, ends
        self._start = start_token(model.config)

    def order(self, question: Question) -> int:
        """By length, so that little is padded."""
        return max(map(len, question.sequences))

    def cost(self, question: Question, previous: Question | None) -> int:
        """The input, its cross-attention states once per option, and the logits."""
        return (1 + len(question.sequences)) * max(question.starts) + ROW_COST * question.scored

    def rank(self, batch: Sequence[Question], following: Question | None) -> list[Ranking]:
        """See `Engine`."""
        pairs = [(t[:s], t[s:]) for q in batch for t, s in zip(q.sequences, q.starts, strict=True)]
        inputs = list({source.tobytes(): source for source, _ in pairs}.values())
        places = {source.tobytes(): place for place, source in enumerate(inputs)}
        owners = np.array([places[source.tobytes()] for source, _ in pairs])
        targets = [target for _, target in pairs]
        ids, mask = (tensor.to(self.model.device) for tensor in padded(inputs))
        encoded = self.model.get_encoder()(input_ids=ids, attention_mask=mask).last_hidden_state
        starts = torch.full((len(inputs), 1), self._start, device=self.model.device)
        opening = self.model(
            encoder_outputs=BaseModelOutput(encoded), attention_mask=mask, decoder_input_ids=starts, use_cache=True
        )
        firsts = target_logprobs(opening.logits[:, 0], owners, np.array([target[0] for target in targets]))
        parts = [first[None] for first in firsts]
        longer = [number for number, target in enumerate(targets) if len(target) > 1]
        if longer:
            rows = torch.from_numpy(owners[longer]).to(self.model.device)
            opening.past_key_values.reorder_cache(rows)
            # Keys and values of the input stand in the cache; the encoder's output is only looked at for its shape.
            tails, _ = padded([targets[number][:-1] for number in longer])
            logits = self.model(
                encoder_outputs=BaseModelOutput(encoded[rows]),
                attention_mask=mask[rows],
                decoder_input_ids=tails.to(self.model.device),
                past_key_values=opening.past_key_values,
                use_cache=True,
            ).logits
            for row, number in enumerate(longer):
                rest = targets[number][1:]
                parts[number] = np.append(parts[number], target_logprobs(logits[row], np.arange(len(rest)), rest))
        return rankings(batch, np.concatenate(parts))

    def generate(self, prefixes: Sequence[Ints], max_tokens: int, finished: Finished | None) -> list[list[int]]:
        """See `Engine`; stop strings are looked for by the caller, after the end."""
        return generate_with_transformers(self.model, prefixes, max_tokens, self.ends, left=False)

    def reset(self) -> None:
        """Nothing is kept."""
