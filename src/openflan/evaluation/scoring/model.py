"""A model that ranks options and writes answers, prompts by the ten thousand.

The log-probability of an option is the sum over its tokens (`openflan.data.encode` says which those are, with EOS or
without), in nats. What holds of the numbers: in float32 they equal those of a plain forward pass over each option alone
to 1e-4, whatever the order of requests, the batches, and what else is in them; in bfloat16 as far as that dtype goes.

Prompts are sorted by their text, so that those with a common beginning (a few-shot block, a passage, an instruction)
meet, and are tokenized and run batch by batch; memory does not grow with their number. A batch is as large as
`token_budget` allows. When memory runs out the budget is halved and the batch done again.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar

import numpy as np
import torch

from openflan.data.encode import Encoded, Encoder
from openflan.evaluation.engines.base import Ends, Engine, PaddedEngine, Question
from openflan.evaluation.engines.inference import inference, is_out_of_memory
from openflan.evaluation.engines.seq2seq import Seq2SeqEngine
from openflan.evaluation.engines.shared_prefix import SharedEngine, shares
from openflan.evaluation.engines.token_trie import Ints
from openflan.evaluation.scoring.interface import Failure, Ranking, RankRequest

_log = logging.getLogger(__name__)

_WINDOW = 512
"""Prompts that are tokenized at a time."""

_ROOM = 16
"""Tokens whose keys and values may stand in memory while answers are written, per token of the budget."""

_Answer = TypeVar("_Answer")


class ModelScorer:
    """Ranks and writes with a causal or encoder-decoder model (see `openflan.evaluation.scoring.interface.Scorer`).

    `token_budget` is about how many tokens go through the model at once; the default is 1,024 on a CPU, where more
    gains nothing, and 32,768 on a GPU. The model is left as it was found, in training mode or not.
    """

    def __init__(self, model: Any, encoder: Encoder, *, token_budget: int | None = None) -> None:
        self.model, self.encoder = model, encoder
        self.token_budget = token_budget or (1024 if model.device.type == "cpu" else 32768)
        self.context = _context_length(model.config)
        self._engine = _engine(model, _ends(model, encoder))

    def rank(self, requests: Sequence[RankRequest]) -> Iterator[tuple[int, Ranking | Failure]]:
        """The log-probability of every option of every request, with the request's number, as the work gets done.

        Every request is answered exactly once. A `Failure` says why one could not be scored: no options, one that is
        empty, two that are the same, a prompt over `format.input_length` or over the model's context, or no memory.
        """
        failures: list[tuple[int, Failure]] = []
        order = sorted(range(len(requests)), key=lambda number: requests[number].input)
        questions = self._rank_questions(requests, order, failures)
        for question, answer in self._run(questions, self._engine.cost, self._engine.rank):
            yield from _drained(failures)
            yield question.number, answer if isinstance(answer, Failure) else _in_order(answer, question)
        yield from _drained(failures)

    def generate(
        self, inputs: Sequence[str], max_tokens: int = 256, stop: Sequence[str] = ()
    ) -> Iterator[tuple[int, str | Failure]]:
        """A greedy answer to every input, with the input's number, as the work gets done.

        An answer ends at an end token, after `max_tokens`, or before the first of the `stop` strings. Every input is
        answered exactly once; a `Failure` says why one could not be, as with `rank`.
        """
        failures: list[tuple[int, Failure]] = []
        order = sorted(range(len(inputs)), key=inputs.__getitem__)
        questions = self._generate_questions(inputs, order, max_tokens, failures)
        finished = (lambda tokens: any(end in self._text(tokens) for end in stop)) if stop else None

        def cost(question: Question, previous: Question | None) -> int:
            held = len(question.sequences[0]) + max_tokens
            return max(self._engine.cost(question, previous), held // _ROOM)

        def write(batch: Sequence[Question], following: Question | None) -> list[list[int]]:
            return self._engine.generate([question.sequences[0] for question in batch], max_tokens, finished)

        for question, answer in self._run(questions, cost, write):
            yield from _drained(failures)
            text = answer if isinstance(answer, Failure) else _before(self._text(answer), stop).strip()
            yield question.number, text
        yield from _drained(failures)

    def _run(
        self,
        questions: Iterator[Question],
        cost: Callable[[Question, Question | None], int],
        answer: Callable[[Sequence[Question], Question | None], list[_Answer]],
    ) -> Iterator[tuple[Question, _Answer | Failure]]:
        """Answer questions in batches under the token budget, which is halved when memory runs out."""
        waiting: deque[Question] = deque()
        while True:
            batch: list[Question] = []
            total = 0
            while waiting or (waiting := deque(islice(questions, 1))):
                added = cost(waiting[0], batch[-1] if batch else None)
                if batch and total + added > self.token_budget:
                    break
                batch.append(waiting.popleft())
                total += added
            if not batch:
                return
            answers = self._attempt(lambda: answer(batch, waiting[0] if waiting else None))  # noqa: B023
            if answers is not None:
                yield from zip(batch, answers, strict=True)
            elif len(batch) == 1:
                yield batch[0], Failure(f"no memory for {max(map(len, batch[0].sequences))} tokens")
            else:
                self.token_budget = max(min(self.token_budget, total) // 2, 1)
                _log.warning("memory ran out; going on with at most %d tokens at once", self.token_budget)
                waiting.extendleft(reversed(batch))

    def _attempt(self, work: Callable[[], list[_Answer]]) -> list[_Answer] | None:
        """What `work` returns, or None when memory ran out."""
        try:
            with inference(self.model):
                return work()
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
        # Outside the handler, so that no traceback holds on to tensors.
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        return None

    def _rank_questions(
        self, requests: Sequence[RankRequest], order: Sequence[int], failures: list[tuple[int, Failure]]
    ) -> Iterator[Question]:
        """The requests in tokens, window by window; what cannot be scored goes to `failures`."""
        for window in _windows(order):
            flaws = {number: flaw for number in window if (flaw := _flaw(requests[number]))}
            failures += [(number, Failure(flaw)) for number, flaw in flaws.items()]
            sound = [number for number in window if number not in flaws]
            pairs = [(requests[number].input, option) for number in sound for option in requests[number].options]
            encoded = iter(self.encoder.pairs(pairs, end=self.encoder.format.scores_end))
            questions = []
            for number in sound:
                sequences = [self._opened(one) for one in islice(encoded, len(requests[number].options))]
                questions.append(Question.of(number, sequences))
            yield from self._fitting(questions, failures, writes=0)

    def _generate_questions(
        self, inputs: Sequence[str], order: Sequence[int], max_tokens: int, failures: list[tuple[int, Failure]]
    ) -> Iterator[Question]:
        """The inputs in tokens, as questions whose one sequence is all read."""
        for window in _windows(order):
            flaws = {number: flaw for number in window if (flaw := _not_unicode(inputs[number]))}
            failures += [(number, Failure(flaw)) for number, flaw in flaws.items()]
            sound = [number for number in window if number not in flaws]
            questions = []
            for number, tokens in zip(sound, self.encoder.prefixes([inputs[number] for number in sound]), strict=True):
                prefix, _ = self._opened(Encoded(tokens, len(tokens)))
                questions.append(Question.of(number, [(prefix, len(prefix))]))
            yield from self._fitting(questions, failures, writes=max_tokens)

    def _opened(self, encoded: Encoded) -> tuple[Ints, int]:
        """Tokens as an array. Where nothing is read before the first scored token, EOS is, as between texts."""
        tokens, start = ([self.encoder.eos, *encoded.tokens], 1) if encoded.start == 0 else encoded
        return np.array(tokens, dtype=np.int64), start

    def _fitting(
        self, questions: list[Question], failures: list[tuple[int, Failure]], *, writes: int
    ) -> Iterator[Question]:
        """The questions that fit the limits, sorted as the engine wants them."""
        fitting = []
        for question in questions:
            if excess := self._excess(question, writes):
                failures.append((question.number, Failure(excess)))
            else:
                fitting.append(_sorted_options(question))
        yield from sorted(fitting, key=self._engine.order)

    def _excess(self, question: Question, writes: int) -> str:
        """Which limit a question is over, if one."""
        read, whole = max(question.starts), max(map(len, question.sequences)) + writes
        if read > (limit := self.encoder.format.input_length):
            return f"the prompt has {read} tokens, over the limit of {limit} (input_length)"
        if self.context is not None and whole > self.context:
            return f"prompt and answer take {whole} tokens, over the model's context of {self.context}"
        vocabulary = self.model.get_input_embeddings().weight.shape[0]
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


def _flaw(request: RankRequest) -> str:
    """What makes a request impossible to rank, if anything."""
    options = request.options
    if not options:
        return "no options to rank"
    for number, option in enumerate(options):
        if not option.strip():
            return f"option {number + 1} of {len(options)} is empty"
        if (first := options.index(option)) != number:
            return f"options {first + 1} and {number + 1} are the same: {option!r}"
    return _not_unicode("".join((request.input, *options)))


def _not_unicode(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        return f"the text is not valid Unicode: {text[error.start : error.end]!r} at character {error.start}"
    return ""


def _windows(order: Sequence[int]) -> Iterator[Sequence[int]]:
    return (order[begin : begin + _WINDOW] for begin in range(0, len(order), _WINDOW))


def _sorted_options(question: Question) -> Question:
    """With its sequences sorted, so that options with a common beginning are neighbours."""
    order = sorted(question.options, key=lambda option: question.sequences[option].tobytes())
    sequences, starts = question.sequences, question.starts
    return Question(question.number, [sequences[n] for n in order], [starts[n] for n in order], order)


def _in_order(ranking: Ranking, question: Question) -> Ranking:
    """A sorted question's ranking with the options as they were asked for."""
    both = sorted(zip(question.options, ranking.logprobs, ranking.tokens, strict=True))
    return Ranking([logprob for _, logprob, _ in both], [tokens for _, _, tokens in both])


def _before(text: str, stop: Sequence[str]) -> str:
    """The text before the first stop string."""
    return text[: min((place for end in stop if (place := text.find(end)) >= 0), default=len(text))]


def _drained(failures: list[tuple[int, Failure]]) -> Iterator[tuple[int, Failure]]:
    while failures:
        yield failures.pop(0)
