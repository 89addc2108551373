"""Before anything is measured: a known text is scored in two ways, and by the model's own weights where they are here.

What differs, or differs from what an earlier start of the same work was told, shows that scores cannot be trusted.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from statistics import fmean
from typing import Any

from openflan.data.encode import Encoded, Encoder
from openflan.errors import ModelError
from openflan.evaluation.scoring.interface import Failure
from openflan.files import write_json
from openflan.interop.backends import Engine

TEXT = "Water boils at one hundred degrees Celsius. It freezes at zero, and most people have seen it do both."
"""What is scored; ordinary, so that a model that works finds it likely."""

NOTE = "self-test.json"
"""Beside the scores: what the self-test gave when they were begun."""

_MOST_TOKENS = 32
"""Tokens of the text that are scored; of byte tokenizers it has more."""

_NOISE = 0.05
"""Nats per token by which half precision and other batches may move a log-probability."""

_OTHER_WEIGHTS = 0.5
"""Nats per token, on average, beyond which it cannot be the same weights, in whatever precision or quantization."""


def probe_tokens(encoder: Encoder) -> list[int]:
    """The known text in tokens, with what stands before every text."""
    [encoding] = encoder.tokenizer.encode_batch_fast([TEXT], add_special_tokens=True)
    return list(encoding.ids[:_MOST_TOKENS])


def self_test(engine: Engine, encoder: Encoder) -> list[float]:
    """The log-probability of each token of the known text but the first, in nats, found by two ways alike.

    The text is scored as a whole, between others, and then token by token. Raises `ModelError` where these differ.
    """
    tokens = probe_tokens(encoder)
    [[whole], _] = _sums(engine, [[Encoded(tokens, 1)], [Encoded(tokens[::-1], 1)]])
    [each] = _sums(engine, [[Encoded(tokens[: place + 1], place) for place in range(1, len(tokens))]])
    if abs(whole - sum(each)) > _NOISE * len(each):
        raise ModelError(
            f"the engine contradicts itself: a known text has {whole:.3f} nats as a whole and {sum(each):.3f} token by "
            "token; its scores cannot be used (is caching of prefixes on?)"
        )
    return each


def check_against(folder: Path, encoder: Encoder, found: Sequence[float], say: Callable[[str], None]) -> None:
    """Score the known text with the weights in a folder, and say what came of it.

    Raises `ModelError` where it is another model; a smaller difference is said, and may be quantization.
    """
    from openflan.model.load import load_model

    own = _own(load_model(folder), probe_tokens(encoder))
    apart = _apart(own, found)
    told = f"a known text has {sum(found):.3f} nats there and {sum(own):.3f} by the weights in {folder}, "
    told += f"{apart:.3f} a token apart"
    if apart > _OTHER_WEIGHTS:
        raise ModelError(f"{told}: that is another model; name the folder of the one that is served with --tokenizer")
    say(told if apart <= _NOISE else f"{told}: quantization, or other weights")


def check_earlier(folder: Path, found: Sequence[float]) -> None:
    """Raise `ModelError` where the scores in a folder were begun with a model that scored the known text otherwise."""
    note = folder / NOTE
    with suppress(OSError, ValueError, KeyError, TypeError):
        apart = _apart(json.loads(note.read_text(encoding="utf-8"))["logprobs"], found)
        if apart > 2 * _NOISE:
            raise ModelError(
                f"{folder} was begun with a model that scored a known text otherwise than the one that answers now, by "
                f"{apart:.3f} nats a token: it is another; measure it into a folder of its own with --out"
            )
        return
    write_json(note, {"text": TEXT, "logprobs": [round(one, 4) for one in found]})


def _apart(one: Sequence[float], other: Sequence[float]) -> float:
    """How far two lists of log-probabilities are apart, on average."""
    return fmean(abs(mine - theirs) for mine, theirs in zip(one, other, strict=True))


def _sums(engine: Engine, questions: Sequence[Sequence[Encoded]]) -> list[list[float]]:
    """The sums of each question's sequences; raises `ModelError` for a question that is not answered."""
    sums: list[list[float]] = [[] for _ in questions]
    for number, answer in engine.logprobs(questions):
        if isinstance(answer, Failure):
            raise ModelError(f"the self-test failed: {answer.reason}")
        sums[number] = answer
    return sums


def _own(model: Any, tokens: Sequence[int]) -> list[float]:
    import torch

    with torch.inference_mode():
        ids = torch.tensor([list(tokens)], device=model.device)
        logprobs = model(ids).logits[0].float().log_softmax(-1)
        found: list[float] = logprobs[:-1].gather(1, ids[0, 1:, None])[:, 0].tolist()
    return found
