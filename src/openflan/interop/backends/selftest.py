"""Before anything is measured: a known text is scored in two ways, and by the model's own weights where they are here.

What differs, or differs from what an earlier start of the same work was told, shows that scores cannot be trusted.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
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

_PER_TOKEN = 0.05
"""Nats per token by which half precision and other batches may move a sum."""

_OTHER_WEIGHTS = 0.3
"""Nats per token beyond which it cannot be the same weights, in whatever precision or quantization."""


def probe_tokens(encoder: Encoder) -> list[int]:
    """The known text in tokens, with what stands before every text."""
    [encoding] = encoder.tokenizer.encode_batch_fast([TEXT], add_special_tokens=True)
    return list(encoding.ids)


def self_test(engine: Engine, encoder: Encoder) -> float:
    """The log-probability of the known text, in nats, once it has been found by two ways alike.

    It is scored at once among other texts, and alone in two parts. Raises `ModelError` where the two differ.
    """
    tokens = probe_tokens(encoder)
    half = len(tokens) // 2
    others = [Encoded(tokens[::-1], 1), Encoded(tokens[:half] + tokens[: half - 1], 1)]
    [_, whole, _] = _sums(engine, [others[:1], [Encoded(tokens, 1)], others[1:]])
    [second] = _sums(engine, [[Encoded(tokens, half)]])
    [first] = _sums(engine, [[Encoded(tokens[:half], 1)]])
    if abs(whole - first - second) > _PER_TOKEN * len(tokens):
        raise ModelError(
            f"the engine contradicts itself: a known text has {whole:.3f} nats as a whole, and {first:.3f} and "
            f"{second:.3f} in two parts, which should add up; its scores cannot be used (is caching of prefixes on?)"
        )
    return whole


def check_against(folder: Path, encoder: Encoder, found: float, say: Callable[[str], None]) -> None:
    """Score the known text with the weights in a folder, and say what came of it.

    Raises `ModelError` where it is another model; a smaller difference is said, and may be quantization.
    """
    from openflan.model.load import load_model

    own = _own_sum(load_model(folder), probe_tokens(encoder))
    each = abs(own - found) / len(probe_tokens(encoder))
    told = f"a known text has {found:.3f} nats there and {own:.3f} by the weights in {folder}"
    if each > _OTHER_WEIGHTS:
        raise ModelError(f"{told}: that is another model; name the folder of the one that is served with --tokenizer")
    say(f"{told}" + ("" if each <= _PER_TOKEN else "; quantization, or other weights"))


def check_earlier(folder: Path, found: float, tokens: int) -> None:
    """Raise `ModelError` where the scores in a folder were begun with a model that scored the known text otherwise."""
    note = folder / NOTE
    with suppress(OSError, ValueError, KeyError, TypeError):
        before = float(json.loads(note.read_text(encoding="utf-8"))["logprob"])
        if abs(before - found) > _PER_TOKEN * tokens:
            raise ModelError(
                f"{folder} was begun with a model that gave a known text {before:.3f} nats, and the one that answers "
                f"now gives it {found:.3f}: it is another; measure it into a folder of its own with --out"
            )
        return
    write_json(note, {"text": TEXT, "logprob": found})


def _sums(engine: Engine, questions: Sequence[Sequence[Encoded]]) -> list[float]:
    """The sum of each question's only sequence; raises `ModelError` for one that is not answered."""
    sums = [0.0] * len(questions)
    for number, answer in engine.logprobs(questions):
        if isinstance(answer, Failure):
            raise ModelError(f"the self-test failed: {answer.reason}")
        [sums[number]] = answer
    return sums


def _own_sum(model: Any, tokens: Sequence[int]) -> float:
    import torch

    with torch.inference_mode():
        ids = torch.tensor([list(tokens)], device=model.device)
        logprobs = model(ids).logits[0].float().log_softmax(-1)
        return float(logprobs[:-1].gather(1, ids[0, 1:, None]).sum())
