"""What is sent back: written answers as events, rankings, and prompts as models get them, all as plain data."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterable, Iterator, Sequence
from typing import Any

from openflan.errors import OpenflanError
from openflan.evaluation.metrics import is_option
from openflan.playground.models import PlayModel, Ranked, Shown, with_options
from openflan.playground.requests import Generate, Rank
from openflan.playground.writing import End

Event = dict[str, Any]


def written(model: PlayModel, asked: Generate) -> Iterator[Event]:
    """The answers to a request, one after the other, as they are written.

    Events are `text` (what a sample has grown by) and `end` (a finished one). Raises as `PlayModel.write` does.
    """
    for sample in range(asked.samples):
        begun = False
        for one in model.write(asked.text, asked.limits, asked.sampling(sample)):
            if isinstance(one, End):
                yield {"event": "end", "sample": sample, **_ended(one, asked.references)}
            elif text := one.text if begun else one.text.lstrip():
                begun = True
                yield {"event": "text", "sample": sample, "text": text}


def event_lines(events: Iterable[Event]) -> Generator[str, None, None]:
    """Events as lines of JSON; what goes wrong is one more, `error`, with a sentence."""
    try:
        for event in events:
            yield json.dumps(event) + "\n"
    except OpenflanError as error:
        yield json.dumps({"event": "error", "message": str(error)}) + "\n"


def ranked(model: PlayModel, asked: Rank) -> dict[str, Any]:
    """The ranking of a request's options, with the list of options below the instruction and without it.

    Raises as `PlayModel.rank` does.
    """
    block = model.rank(with_options(asked.instruction, asked.options), asked.options)
    return {
        "model": model.name,
        "block": _ranking(block),
        "bare": _ranking(model.rank(asked.instruction, asked.options)),
    }


def shown(prompt: Shown) -> dict[str, Any]:
    """A prompt as a model gets it."""
    return {"text": prompt.text, "tokens": [{"id": number, "text": text} for number, text in prompt.tokens]}


def about(model: PlayModel) -> dict[str, Any]:
    """What there is to know about a model."""
    return {
        "name": model.name,
        "role": model.role,
        "folder": str(model.folder),
        "join": model.format.join,
        "input_length": model.format.input_length,
        "context": model.context,
        "parameters": model.parameters,
        "busy": model.turns.inside,
    }


def _ranking(options: Sequence[Ranked]) -> dict[str, Any]:
    best = max(options, key=lambda one: one.logprob)
    listed = [
        {
            "option": one.option,
            "logprob": one.logprob,
            "per_token": one.per_token,
            "tokens": one.tokens,
            "share": one.share,
        }
        for one in options
    ]
    return {"choice": best.option, "options": listed}


def _ended(end: End, references: Sequence[str]) -> dict[str, Any]:
    text = end.text.strip()
    return {
        "text": text,
        "reason": end.reason,
        "tokens": len(end.tokens),
        "logprob": end.logprob,
        "right": is_option(text, references) if references else None,
        "first_seconds": round(end.first_seconds, 3),
        "seconds": round(end.seconds, 3),
    }
