"""Requests to a model and its answers: the interface between the evaluation protocol and a scorer."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from typing import NamedTuple, Protocol

from openflan.data.encode import Encoder


class RankRequest(NamedTuple):
    """One input and the strings to rank as its continuation."""

    input: str
    options: Sequence[str]


class Ranking(NamedTuple):
    """Per option: the sum of its tokens' log-probabilities, in nats, and how many tokens that were."""

    logprobs: list[float]
    tokens: list[int]


class Failure(NamedTuple):
    """Why a request could not be answered."""

    reason: str


class Scorer(Protocol):
    """A model behind an encoder. Answers come in the order the work is done, with the request's number.

    Of requests whose numbers are `known` no answer comes. They are told all the same, since the batches, and with them
    the last digits, follow from all requests: work that goes on after an interruption then gives the very same numbers.
    """

    @property
    def encoder(self) -> Encoder:
        """What turns inputs and options into tokens."""
        ...

    def rank(
        self, requests: Sequence[RankRequest], known: Container[int] = ...
    ) -> Iterator[tuple[int, Ranking | Failure]]:
        """Score every request's options."""
        ...

    def generate(
        self, inputs: Sequence[str], max_tokens: int = ..., stop: Sequence[str] = ..., known: Container[int] = ...
    ) -> Iterator[tuple[int, str | Failure]]:
        """Write an answer to every input, greedily, up to the end token, `stop` (not kept) or `max_tokens`."""
        ...
