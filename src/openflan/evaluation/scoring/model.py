"""A model that ranks options and generates answers, for tens of thousands of prompts at once.

The log-probability of an option is the sum over its tokens (`openflan.data.encode` says which those are, with EOS or
without), in nats. What holds of the numbers: in float32 they equal those of a plain forward pass over each option alone
to 1e-4, whatever the order of requests, the batches, and what else is in them; in bfloat16 as far as that dtype goes.

Prompts are sorted by their text, so that those with a common beginning (a few-shot block, a passage, an instruction)
meet, and are tokenized and run window by window; memory does not grow with their number. A batch is as large as
`token_budget` allows. When memory runs out the budget is halved for the rest of the window and the batch done again.

Nothing is carried from one window to the next, and windows follow from all that is asked, answered before or not. So
work that was interrupted gives the very same numbers when it goes on: a window that lacks an answer is done again.
"""

from __future__ import annotations

import math
from collections.abc import Container, Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np

from openflan.data.encode import Encoded, Encoder
from openflan.data.limits import TARGET_TOKENS
from openflan.evaluation.engines.base import Ends, Engine, PaddedEngine, Question
from openflan.evaluation.engines.inference import inference
from openflan.evaluation.engines.seq2seq import Seq2SeqEngine
from openflan.evaluation.engines.shared_prefix import SharedEngine, shares
from openflan.evaluation.engines.token_trie import Ints
from openflan.evaluation.scoring.batches import Work, answered
from openflan.evaluation.scoring.interface import Failure, Ranking, RankRequest
from openflan.evaluation.scoring.requests import before, excess, flaw, not_unicode, opened
from openflan.model.soft_embedding import known_tokens

_ROOM = 16
"""Tokens whose keys and values may stand in memory while answers are written, per token of the budget."""

_Asked = tuple[list[Question], list[tuple[int, Failure]]]
"""Questions to be put to the model, and the prompts that cannot be."""


class ModelScorer:
    """Ranks and writes with a causal or encoder-decoder model (see `openflan.evaluation.scoring.interface.Scorer`).

    `token_budget` is about how many tokens go through the model at once; the default is 1,024 on a CPU, where more
    gains nothing, and 32,768 on a GPU. The model is left as it was found, in training mode or not. `context` is how
    many positions it has, if it is limited; any of `ends` ends an answer.
    """

    def __init__(self, model: Any, encoder: Encoder, *, token_budget: int | None = None) -> None:
        self.model, self.encoder = model, encoder
        self.token_budget = token_budget or (1024 if model.device.type == "cpu" else 32768)
        self.context = _context_length(model.config)
        self.ends = _ends(model, encoder)
        self._engine = _engine(model, self.ends)

    def rank(
        self, requests: Sequence[RankRequest], known: Container[int] = ()
    ) -> Iterator[tuple[int, Ranking | Failure]]:
        """The log-probability of every option of every request, with the request's number, as the work gets done.

        Every request whose number is not among the `known` is answered exactly once. A `Failure` says why one could
        not be scored: no options, one that is empty, two that are the same, a prompt over `format.input_length` or over
        the model's context, or no memory.
        """
        order = sorted(range(len(requests)), key=lambda number: requests[number].input)
        engine = self._engine

        def questions(window: Sequence[int]) -> _Asked:
            return self._rank_questions(requests, window)

        def rank(batch: Sequence[Question], following: Question | None) -> list[Ranking | Failure]:
            return [_in_order(one, its) for one, its in zip(engine.rank(batch, following), batch, strict=True)]

        return answered(self.model, Work(questions, engine.cost, rank), order, known, self.token_budget, engine.reset)

    def generate(
        self,
        inputs: Sequence[str],
        max_tokens: int = TARGET_TOKENS,
        stop: Sequence[str] = (),
        known: Container[int] = (),
    ) -> Iterator[tuple[int, str | Failure]]:
        """A greedy answer to every input, with the input's number, as the work gets done.

        An answer ends at an end token, after `max_tokens`, or before the first of the `stop` strings. Every input whose
        number is not among the `known` is answered exactly once; a `Failure` says why one could not be, as with `rank`.
        """
        order = sorted(range(len(inputs)), key=inputs.__getitem__)
        finished = (lambda tokens: any(end in self._text(tokens) for end in stop)) if stop else None
        engine = self._engine

        def questions(window: Sequence[int]) -> _Asked:
            return self._generate_questions(inputs, window, max_tokens)

        def cost(question: Question, previous: Question | None) -> int:
            held = len(question.sequences[0]) + max_tokens
            return max(engine.cost(question, previous), held // _ROOM)

        def write(batch: Sequence[Question], following: Question | None) -> list[str]:
            written = engine.generate([question.sequences[0] for question in batch], max_tokens, finished)
            return [before(self._text(tokens), stop).strip() for tokens in written]

        return answered(self.model, Work(questions, cost, write), order, known, self.token_budget, engine.reset)

    def _rank_questions(self, requests: Sequence[RankRequest], window: Sequence[int]) -> _Asked:
        """The requests in tokens, and what cannot be scored."""
        failures = [(number, Failure(reason)) for number in window if (reason := flaw(requests[number]))]
        flawed = {number for number, _ in failures}
        sound = [number for number in window if number not in flawed]
        pairs = [(requests[number].input, option) for number in sound for option in requests[number].options]
        encoded = iter(self.encoder.pairs(pairs, end=self.encoder.format.scores_end))
        questions = []
        for number in sound:
            sequences = [self._opened(one) for one in islice(encoded, len(requests[number].options))]
            questions.append(Question.of(number, sequences))
        return self._fitting(questions, failures, writes=0)

    def _generate_questions(self, inputs: Sequence[str], window: Sequence[int], max_tokens: int) -> _Asked:
        """The inputs in tokens, as questions whose one sequence is all read, and what cannot be answered."""
        failures = [(number, Failure(reason)) for number in window if (reason := not_unicode(inputs[number]))]
        flawed = {number for number, _ in failures}
        sound = [number for number in window if number not in flawed]
        questions = []
        for number, tokens in zip(sound, self.encoder.prefixes([inputs[number] for number in sound]), strict=True):
            prefix, _ = self._opened(Encoded(tokens, len(tokens)))
            questions.append(Question.of(number, [(prefix, len(prefix))]))
        return self._fitting(questions, failures, writes=max_tokens)

    def _opened(self, encoded: Encoded) -> tuple[Ints, int]:
        """Tokens as an array, with something before the first that is scored."""
        tokens, start = opened(encoded, self.encoder)
        return np.array(tokens, dtype=np.int64), start

    def _fitting(self, questions: list[Question], failures: list[tuple[int, Failure]], *, writes: int) -> _Asked:
        """The questions that fit the limits, sorted as the engine wants them, and all failures."""
        fitting = []
        for question in questions:
            if excess := self._excess(question, writes):
                failures.append((question.number, Failure(excess)))
            else:
                fitting.append(_sorted_options(question))
        return sorted(fitting, key=self._engine.order), failures

    def _excess(self, question: Question, writes: int) -> str:
        """Which limit a question exceeds, if any; or that nothing of an option is left to score."""
        if reason := excess(
            question.starts, [len(one) for one in question.sequences], self.encoder, self.context, writes=writes
        ):
            return reason
        vocabulary = known_tokens(self.model)
        if (highest := max(int(tokens.max()) for tokens in question.sequences)) >= vocabulary:
            return f"token {highest} is beyond the model's vocabulary of {vocabulary}; is the tokenizer this model's?"
        return ""

    def _text(self, tokens: Sequence[int]) -> str:
        return self.encoder.tokenizer.decode(list(tokens), skip_special_tokens=True)


def _engine(model: Any, ends: Ends) -> Engine:
    if model.config.is_encoder_decoder:
        return Seq2SeqEngine(model, ends)
    with inference(model):
        return SharedEngine(model, ends) if shares(model) else PaddedEngine(model, ends)


def _ends(model: Any, encoder: Encoder) -> Ends:
    """Every token that ends an answer: the encoder's, and those that the model's generation settings name."""
    named = getattr(model.generation_config, "eos_token_id", None)
    return encoder.ends | frozenset([named] if isinstance(named, int) else named or ())


def _context_length(config: Any) -> int | None:
    """How many positions the model has, if it is limited at all."""
    length = getattr(config.get_text_config(), "max_position_embeddings", None)
    return int(length) if length else None


def _sorted_options(question: Question) -> Question:
    """With its sequences sorted, so that options with a common beginning are neighbours."""
    order = sorted(question.options, key=lambda option: question.sequences[option].tobytes())
    sequences, starts = question.sequences, question.starts
    return Question(question.number, [sequences[n] for n in order], [starts[n] for n in order], order)


def _in_order(ranking: Ranking, question: Question) -> Ranking | Failure:
    """A sorted question's ranking, options in their first order; a failure if its numbers are not finite."""
    if not all(map(math.isfinite, ranking.logprobs)):
        return Failure("the model's log-probabilities are not finite; are its weights whole, and its precision enough?")
    both = sorted(zip(question.options, ranking.logprobs, ranking.tokens, strict=True))
    return Ranking([logprob for _, logprob, _ in both], [tokens for _, _, tokens in both])
