"""The scorer over any engine: what is asked becomes token ids, and what it answers rankings and texts.

Formats, limits and faults are those of `openflan.evaluation.scoring.model`; batches are the engine's own affair, so the
last digits may differ from one run to the next where its arithmetic lets them.
"""

from __future__ import annotations

import math
from collections.abc import Container, Iterator, Sequence

from openflan.data.encode import Encoded, Encoder
from openflan.evaluation.scoring.interface import Failure, Ranking, RankRequest
from openflan.evaluation.scoring.requests import before, excess, flaw, not_unicode, opened
from openflan.interop.backends import Engine, Writing

_WINDOW = 512
"""Prompts that are tokenized at once."""


class EngineScorer:
    """Ranks and writes with an engine (see `openflan.evaluation.scoring.interface.Scorer`)."""

    def __init__(self, engine: Engine, encoder: Encoder) -> None:
        self.engine, self.encoder = engine, encoder
        # Servers may write the control token that ends a turn as text.
        self._spelled = [encoder.tokenizer.decode([end], skip_special_tokens=False) for end in sorted(encoder.ends)]

    def rank(
        self, requests: Sequence[RankRequest], known: Container[int] = ()
    ) -> Iterator[tuple[int, Ranking | Failure]]:
        """The log-probability of every option of every request that is not `known`."""
        texts = [request.input for request in requests]
        for window in _windows(texts, known):
            questions: dict[int, list[Encoded]] = {}
            for number in window:
                found = self._question(requests[number])
                if isinstance(found, Failure):
                    yield number, found
                else:
                    questions[number] = found
            numbers = list(questions)
            for place, sums in self.engine.logprobs(list(questions.values())):
                yield numbers[place], _ranking(sums, questions[numbers[place]])

    def generate(
        self, inputs: Sequence[str], max_tokens: int = 256, stop: Sequence[str] = (), known: Container[int] = ()
    ) -> Iterator[tuple[int, str | Failure]]:
        """A greedy answer to every input that is not `known`."""
        how = Writing(max_tokens, tuple(stop), self.encoder.ends)
        for window in _windows(inputs, known):
            prefixes: dict[int, list[int]] = {}
            for number in window:
                found = self._prefix(inputs[number], max_tokens)
                if isinstance(found, Failure):
                    yield number, found
                else:
                    prefixes[number] = found
            numbers = list(prefixes)
            for place, text in self.engine.write(list(prefixes.values()), how):
                done = text if isinstance(text, Failure) else before(text, [*stop, *self._spelled]).strip()
                yield numbers[place], done

    def _question(self, request: RankRequest) -> list[Encoded] | Failure:
        """A request's sequences, or why it cannot be scored."""
        if reason := flaw(request):
            return Failure(reason)
        sequences = [opened(one, self.encoder) for one in self.encoder.options(request.input, request.options)]
        starts, lengths = [one.start for one in sequences], [len(one.tokens) for one in sequences]
        if reason := excess(starts, lengths, self.encoder, self.engine.context):
            return Failure(reason)
        return sequences

    def _prefix(self, text: str, max_tokens: int) -> list[int] | Failure:
        if reason := not_unicode(text):
            return Failure(reason)
        [tokens] = self.encoder.prefixes([text])
        prefix, _ = opened(Encoded(tokens, len(tokens)), self.encoder)
        if reason := excess([len(prefix)], [len(prefix)], self.encoder, self.engine.context, writes=max_tokens):
            return Failure(reason)
        return prefix


def _windows(texts: Sequence[str], known: Container[int]) -> Iterator[list[int]]:
    """The numbers that are not known, in the order of their texts, so that those with a common beginning meet."""
    order = sorted((number for number in range(len(texts)) if number not in known), key=texts.__getitem__)
    for begin in range(0, len(order), _WINDOW):
        yield order[begin : begin + _WINDOW]


def _ranking(sums: list[float] | Failure, sequences: Sequence[Encoded]) -> Ranking | Failure:
    if isinstance(sums, Failure):
        return sums
    if not all(map(math.isfinite, sums)):
        return Failure("the engine's log-probabilities are not finite")
    return Ranking(sums, [len(one.tokens) - one.start for one in sequences])
