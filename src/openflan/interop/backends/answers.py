"""What servers say of a text's log-probabilities, read without trust: as many as were asked for, of the tokens sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from openflan.data.encode import Encoded

Name = Callable[[int], str]
"""The text of one token."""

_BLANKS = str.maketrans({"Ġ": " ", "▁": " ", "Ċ": "\n"})
"""Marks that some servers leave in the names of tokens."""


class WrongAnswerError(Exception):
    """An answer that is not one to what was asked."""


class Way(NamedTuple):
    """A way to ask for a prompt's log-probabilities: what is added to a request, and how a choice is read.

    `writing` is what goes with a request for an answer, so that a server's own defaults have no part in it.
    """

    name: str
    fields: Mapping[str, Any]
    read: Callable[[Mapping[str, Any], Encoded, Name], float]
    writing: Mapping[str, Any] = {}


def choices(answer: Any, count: int, tokens: int) -> list[Mapping[str, Any]]:
    """The choices for so many prompts, in their order; raises `WrongAnswerError` for another number of them.

    `tokens` is how many were sent in all; a server that counts others has read another text.
    """
    found = answer.get("choices") if isinstance(answer, dict) else None
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise WrongAnswerError("the answer holds no choices")
    if sorted(one.get("index", 0) for one in found) != list(range(count)):
        raise WrongAnswerError(f"{len(found)} choices came for {count} prompts")
    read = (answer.get("usage") or {}).get("prompt_tokens")
    if read is not None and read != tokens:
        raise WrongAnswerError(f"{tokens} tokens were sent, and the server read {read}")
    return sorted(found, key=lambda one: one.get("index", 0))


def _prompt_logprobs(choice: Mapping[str, Any], sent: Encoded, name: Name) -> float:
    """The sum from `prompt_logprobs`, an object for each token of the prompt with log-probabilities by token id."""
    listed = choice.get("prompt_logprobs")
    if not isinstance(listed, list):
        raise WrongAnswerError("no prompt_logprobs came")
    if len(listed) != len(sent.tokens):
        raise WrongAnswerError(f"log-probabilities of {len(listed)} tokens came for {len(sent.tokens)}")
    total = 0.0
    for place in range(sent.start, len(listed)):
        entry = (listed[place] or {}).get(str(sent.tokens[place]))
        if entry is None:
            raise WrongAnswerError(f"other tokens came back than were sent: not {sent.tokens[place]} at {place}")
        total += _number(entry["logprob"] if isinstance(entry, dict) else entry, place)
    return total


def _echo(choice: Mapping[str, Any], sent: Encoded, name: Name) -> float:
    """The sum from `logprobs` of an echo: lists over the prompt's tokens, and one more that was written."""
    said = choice.get("logprobs")
    values, names = (said.get("token_logprobs"), said.get("tokens")) if isinstance(said, dict) else (None, None)
    if not isinstance(values, list) or not isinstance(names, list):
        raise WrongAnswerError("no log-probabilities of the prompt came")
    count = len(sent.tokens)
    if len(values) != len(names) or not count <= len(values) <= count + 1:
        raise WrongAnswerError(f"log-probabilities of {len(values)} tokens came for {count} and one that is written")
    for place, (token, called) in enumerate(zip(sent.tokens, names[:count], strict=True)):
        if not _is(token, str(called), name):
            raise WrongAnswerError(
                f"other tokens came back than were sent: {called!r} at {place} for {name(token)!r}, which is {token}"
            )
    return sum(_number(values[place], place) for place in range(sent.start, count))


def _is(token: int, called: str, name: Name) -> bool:
    """Whether a server means this token. It may give its number, or its text; or nothing, for a control token."""
    if called.startswith("token_id:"):
        return called == f"token_id:{token}"
    own = name(token)
    if "\N{REPLACEMENT CHARACTER}" in own or called.startswith("bytes:"):  # part of a character has no text
        return True
    return called.translate(_BLANKS).strip() in (own.strip(), "")


def _number(value: Any, place: int) -> float:
    if not isinstance(value, int | float):
        raise WrongAnswerError(f"the log-probability of token {place} is {value!r}")
    return float(value)


WAYS = (
    Way(
        "prompt_logprobs",
        {"prompt_logprobs": 1, "add_special_tokens": False},
        _prompt_logprobs,
        {"repetition_penalty": 1.0, "add_special_tokens": False},
    ),
    Way("echo, by token ids", {"echo": True, "logprobs": 1, "return_tokens_as_token_ids": True}, _echo),
    Way("echo", {"echo": True, "logprobs": 1}, _echo),
)
"""In the order of preference: by id nothing can be taken for something else."""
