"""Models that somebody talks to: the plain object behind the page, the HTTP interface and the terminal."""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from openflan.data.blocks import options_block
from openflan.data.encode import Format
from openflan.errors import ModelError
from openflan.evaluation.scoring.interface import Failure, Ranking, RankRequest
from openflan.evaluation.scoring.model import ModelScorer
from openflan.model.encoder import encoder_for
from openflan.model.load import load_model
from openflan.playground.sampling import Sampling
from openflan.playground.turns import Turns
from openflan.playground.writing import End, Limits, Piece, Reading, write
from openflan.ranges import Dtype

AT_ONCE = 16
"""Answers that one model makes at the same time; each holds its keys and values."""

_ANY_LENGTH = 1_000_000
"""Inputs may be longer than those a model was tuned on, as far as its context goes."""


class Ranked(NamedTuple):
    """An option: the sum of its tokens' log-probabilities in nats, their number, and its share among the options."""

    option: str
    logprob: float
    tokens: int
    share: float

    @property
    def per_token(self) -> float:
        """The mean log-probability of its tokens."""
        return self.logprob / self.tokens


class Shown(NamedTuple):
    """A prompt exactly as a model gets it: as text, and token by token."""

    text: str
    tokens: list[tuple[int, str]]


@dataclass
class PlayModel:
    """A model that writes and ranks, for several people at once.

    `name` is what it is called by, `role` what it is to a run ("tuned", "untuned"), `format` how it is asked.
    """

    name: str
    folder: Path
    format: Format
    scorer: ModelScorer
    role: str = ""
    turns: Turns = field(default_factory=lambda: Turns(AT_ONCE))

    @property
    def context(self) -> int | None:
        """How many tokens it takes, prompt and answer together; None without a limit."""
        return self.scorer.context

    @property
    def seq2seq(self) -> bool:
        """Whether it is an encoder-decoder model."""
        return bool(self.scorer.model.config.is_encoder_decoder)

    @property
    def vocabulary(self) -> int:
        """How many tokens it knows."""
        return int(self.scorer.model.get_input_embeddings().weight.shape[0])

    @property
    def parameters(self) -> int:
        """How many weights it has."""
        return sum(weight.numel() for weight in self.scorer.model.parameters())

    def prefix(self, text: str) -> list[int]:
        """The tokens of an instruction in the model's format."""
        return self.scorer.encoder.prefixes([text])[0] or [self.scorer.encoder.eos]

    def show(self, text: str) -> Shown:
        """An instruction as the model gets it."""
        tokens, decode = self.prefix(text), self.scorer.encoder.tokenizer.decode
        pieces = [(token, decode([token], skip_special_tokens=False)) for token in tokens]
        return Shown(decode(tokens, skip_special_tokens=False), pieces)

    def write(
        self, text: str, limits: Limits | None = None, sampling: Sampling | None = None
    ) -> Generator[Piece | End, None, None]:
        """Answer an instruction in the model's format; an answer ends at the latest where the model's context does.

        Raises `BusyError` where too many ask, and `ModelError` for a prompt beyond the context or the memory.
        """
        prefix, limits = self.prefix(text), limits or Limits()
        if not self.seq2seq and self.context is not None and (room := self.context - len(prefix)) > 0:
            limits = replace(limits, max_tokens=min(limits.max_tokens, room))
        return self.write_on(prefix, limits, sampling or Sampling())

    def write_on(
        self, prefix: Sequence[int], limits: Limits, sampling: Sampling, *, likeliest: int = 0, echo: bool = False
    ) -> Generator[Piece | End, None, None]:
        """Write on after tokens as they are (see `openflan.playground.writing.write`); raises as `write` does."""
        self._check(prefix, limits.max_tokens, echo=echo)
        reading = Reading(self.scorer.model, self.scorer.encoder.tokenizer, self.scorer.ends, self.turns)
        with self.turns.admitted():
            yield from write(reading, prefix, limits, sampling, likeliest=likeliest, echo=echo)

    def rank(self, text: str, options: Sequence[str]) -> list[Ranked]:
        """Rank options as answers to an instruction, in the order they have; raises as `write` does."""
        with self.turns.admitted(), self.turns.turn(first=False):  # Not before anybody's first token.
            [(_, answer)] = self.scorer.rank([RankRequest(text, options)])
        if isinstance(answer, Failure):
            raise ModelError(f"the options cannot be ranked: {answer.reason}")
        return _ranked(options, answer)

    def _check(self, prefix: Sequence[int], written: int, *, echo: bool) -> None:
        whole = len(prefix) + written
        if self.seq2seq and echo:
            raise ModelError(f"{self.name} is an encoder-decoder model, which says nothing of the text it reads")
        if not self.seq2seq and self.context is not None and whole > self.context:
            raise ModelError(
                f"the prompt has {len(prefix):,} tokens; with {written:,} for the answer that is more than the "
                f"{self.context:,} that {self.name} takes"
            )
        if prefix and not 0 <= min(prefix) <= max(prefix) < self.vocabulary:
            raise ModelError(f"the prompt has tokens beyond the {self.vocabulary:,} that {self.name} knows")


def open_model(folder: Path, format: Format, *, name: str, role: str = "", dtype: Dtype = "auto") -> PlayModel:
    """Load a model folder to be asked in a format; raises `ModelError`."""
    encoder = encoder_for(folder, replace(format, input_length=_ANY_LENGTH))
    return PlayModel(name, folder, format, ModelScorer(load_model(folder, dtype=dtype), encoder), role)


def with_options(instruction: str, options: Sequence[str]) -> str:
    """An instruction with the list of its options below it, as in the paper."""
    return f"{instruction.rstrip()}\n\n{options_block(options)}" if options else instruction


def _ranked(options: Sequence[str], answer: Ranking) -> list[Ranked]:
    most = max(answer.logprobs)
    total = sum(math.exp(one - most) for one in answer.logprobs)
    return [
        Ranked(option, logprob, tokens, math.exp(logprob - most) / total)
        for option, logprob, tokens in zip(options, answer.logprobs, answer.tokens, strict=True)
    ]
