"""Models behind other engines: a server, vLLM in this process, llama.cpp in this process.

An engine gets token ids and gives sums of log-probabilities, or writes on. What to send, and what comes of it, is
`openflan.interop.backends.scorer`, the same for all; so results are kept and go on as those of the own engines do.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from openflan.data.encode import Encoded
from openflan.evaluation.scoring.interface import Failure


@dataclass(frozen=True)
class Writing:
    """How an answer ends: after so many tokens, before one of the `stop` strings, or at one of the token ids `ends`."""

    max_tokens: int
    stop: Sequence[str] = ()
    ends: frozenset[int] = frozenset()


class Engine(Protocol):
    """Another engine with a model. Answers come with their number, in the order the work is done, each once.

    `about` identifies the model (names, commits; nothing that differs between two starts), `context` is how many
    tokens it takes, if that is known.
    """

    about: dict[str, str]
    context: int | None

    def logprobs(self, questions: Sequence[Sequence[Encoded]]) -> Iterator[tuple[int, list[float] | Failure]]:
        """For each question, the sums of the log-probabilities of each sequence's `tokens[start:]`, in nats."""
        ...

    def write(self, prefixes: Sequence[Sequence[int]], how: Writing) -> Iterator[tuple[int, str | Failure]]:
        """A greedy answer to each prefix; what comes after its end may be left on."""
        ...

    def close(self) -> None:
        """Let go of connections and memory."""
        ...
