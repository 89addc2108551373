"""One answer, token by token, until it ends, is long enough, or nobody wants it any more."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor

from openflan.data.encode import Tokenizer
from openflan.data.limits import TARGET_TOKENS
from openflan.errors import ModelError
from openflan.evaluation.engines.base import Ends
from openflan.evaluation.engines.inference import inference, is_out_of_memory
from openflan.playground.sampling import Chooser, Sampling
from openflan.playground.sessions import READ_AT_ONCE, Session, start_session
from openflan.playground.turns import Turns

Reason = Literal["stop", "length"]
_UNFINISHED = "\N{REPLACEMENT CHARACTER}"
"""What a decoder puts for a character of which some bytes are still to come."""


@dataclass(frozen=True)
class Limits:
    """Where an answer ends: after `max_tokens`, or before the first of the `stop` strings."""

    max_tokens: int = TARGET_TOKENS
    stop: tuple[str, ...] = ()


class Token(NamedTuple):
    """A token that was chosen, and its log-probability in nats, whatever the temperature.

    `likeliest` are the likeliest tokens in its place with theirs.
    """

    id: int
    logprob: float
    likeliest: list[tuple[int, float]]


class Piece(NamedTuple):
    """What an answer has grown by."""

    text: str


class End(NamedTuple):
    """A finished answer: its tokens, those `read` before it (on `echo`, all but the first), and how long it took.

    Seconds are until the first token, and until the last; waiting for turns counts.
    """

    text: str
    reason: Reason
    tokens: list[Token]
    read: list[Token]
    first_seconds: float
    seconds: float

    @property
    def logprob(self) -> float:
        """The sum over its tokens, in nats."""
        return sum(token.logprob for token in self.tokens)


class Reading(NamedTuple):
    """What is needed to read and write with a model."""

    model: Any
    tokenizer: Tokenizer
    ends: Ends
    turns: Turns


def write(
    reading: Reading,
    prefix: Sequence[int],
    limits: Limits,
    sampling: Sampling,
    *,
    likeliest: int = 0,
    echo: bool = False,
) -> Iterator[Piece | End]:
    """Write on after a prefix: pieces of text as they come, then the end, with the prefix's own tokens on `echo`.

    Whoever drops the iterator stops the work after the current token. Raises `ModelError` where memory runs out.
    """
    began = time.monotonic()
    read: list[Token] | None = [] if echo else None
    text, sent, first = "", 0, 0.0
    reason: Reason = "length"
    tokens: list[Token] = []
    for token in _tokens(reading, prefix, limits.max_tokens, sampling, likeliest, read):
        first = first or time.monotonic() - began
        tokens.append(token)
        if token.id in reading.ends:
            reason = "stop"
            break
        text = reading.tokenizer.decode([one.id for one in tokens], skip_special_tokens=True)
        if (cut := _stopped(text, limits.stop)) is not None:
            text, reason = text[:cut], "stop"
            break
        safe = _settled(text, limits.stop)
        if safe > sent:
            yield Piece(text[sent:safe])
            sent = safe
    if sent < len(text):
        yield Piece(text[sent:])
    yield End(text, reason, tokens, read or [], first, time.monotonic() - began)


def _tokens(
    reading: Reading, prefix: Sequence[int], most: int, sampling: Sampling, likeliest: int, read: list[Token] | None
) -> Iterator[Token]:
    """The tokens that are chosen; those of the prefix, but the first, go into `read` where there is one."""
    session, opening = start_session(reading.model, prefix)
    choose = Chooser(sampling)
    for begin in range(0, len(opening), READ_AT_ONCE):
        chunk = opening[begin : begin + READ_AT_ONCE]
        logprobs = _step(reading, session, chunk, first=True)
        if read is not None:
            read += _scored(logprobs, opening[begin + 1 : begin + 1 + len(chunk)], likeliest)
    for number in range(most):
        [token] = _scored(logprobs[-1:], [choose(logprobs[-1])], likeliest)
        yield token
        if number < most - 1:
            logprobs = _step(reading, session, [token.id], first=False)


def _step(reading: Reading, session: Session, tokens: Sequence[int], *, first: bool) -> Tensor:
    """Log-probabilities [n, vocabulary], float32 on the CPU, after each of n tokens; takes one turn on the model."""
    with reading.turns.turn(first=first), memory_told(len(tokens)), inference(reading.model):
        logprobs = session.read(tokens).float().log_softmax(-1).cpu()
    if logprobs.isnan().any():
        raise ModelError("the model gives no numbers (NaN); are its weights whole, and its precision enough?")
    return logprobs


@contextmanager
def memory_told(tokens: int) -> Iterator[None]:
    """Say that memory ran out as a `ModelError`."""
    try:
        yield
        return
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
    # Outside the handler, so that no traceback holds on to tensors.
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    raise ModelError(f"the model ran out of memory on {tokens:,} tokens; ask for less, or with a shorter text")


def _scored(logprobs: Tensor, tokens: Sequence[int], likeliest: int) -> list[Token]:
    """Tokens [n] with their log-probabilities and the likeliest in their place, from log-probabilities [>= n, V]."""
    rows = logprobs[: len(tokens)]
    own = rows.gather(1, torch.tensor(tokens, dtype=torch.long)[:, None])[:, 0].tolist()
    values, ids = (tensor.tolist() for tensor in rows.topk(likeliest))
    tops = [list(zip(*pair, strict=True)) for pair in zip(ids, values, strict=True)]
    return [Token(*one) for one in zip(tokens, own, tops, strict=True)]


def _stopped(text: str, stop: Sequence[str]) -> int | None:
    """Where the first stop string begins."""
    return min((place for end in stop if (place := text.find(end)) >= 0), default=None)


def _settled(text: str, stop: Sequence[str]) -> int:
    """How many characters of a growing text stay as they are: no half character, and no beginning of a stop string."""
    settled = len(text.rstrip(_UNFINISHED))
    for end in stop:
        for length in range(min(len(end) - 1, settled), 0, -1):
            if text.endswith(end[:length]):
                settled = min(settled, len(text) - length)
                break
    return settled
