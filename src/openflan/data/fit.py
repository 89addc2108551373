"""Making prompts fit the length limits without losing the instruction.

An input that is too long is written anew from a shorter version of its longest field (the article, the passage), so
that instruction, question and OPTIONS block stay whole. What cannot be made to fit is dropped and counted, never cut.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from openflan.data.encode import Encoded, Encoder
from openflan.data.example import Example
from openflan.data.prompt import BASELINE, BaselineWriter, Prompt, PromptWriter

_TRIES = 4
_ELLIPSIS, _ELLIPSIS_TOKENS = " …", 1
_MARGIN = 256


class Fitted(NamedTuple):
    """Prompts that fit with their tokens, and counts of the others by (dataset, reason)."""

    prompts: list[Prompt]
    encoded: list[Encoded]
    dropped: Counter[tuple[str, str]]
    shortened: Counter[str]


def fit(prompts: Sequence[Prompt], encoder: Encoder) -> Fitted:
    """Encode prompts, shortening inputs over `format.input_length`; drops what is over a limit all the same."""
    fitted = Fitted([], [], Counter(), Counter())
    limits = encoder.format
    for prompt, encoded in zip(prompts, encoder.pairs([(p.input, p.target) for p in prompts]), strict=True):
        if encoded.start > limits.input_length:
            prompt, encoded = _shortened(prompt, encoded, encoder)
            fitted.shortened[prompt.dataset] += 1
        if encoded.start > limits.input_length:
            fitted.dropped[prompt.dataset, f"input over {limits.input_length} tokens"] += 1
        elif len(encoded.tokens) - encoded.start > limits.target_length:
            fitted.dropped[prompt.dataset, f"target over {limits.target_length} tokens"] += 1
        else:
            fitted.prompts.append(prompt)
            fitted.encoded.append(encoded)
    return fitted


def shorten(prompts: Sequence[Prompt], encoder: Encoder) -> list[Prompt]:
    """Prompts to score or answer: inputs over `format.input_length` shortened as in training, targets of any length."""
    fitted = list(prompts)
    limit = encoder.format.input_length
    # No token stands for less than a byte; what a chat template adds is well below the margin.
    wordy = [index for index, prompt in enumerate(prompts) if len(prompt.input.encode()) > limit - _MARGIN]
    lengths = map(len, encoder.prefixes([prompts[index].input for index in wordy]))
    long = [index for index, length in zip(wordy, lengths, strict=True) if length > limit]
    pairs = encoder.pairs([(prompts[index].input, prompts[index].target) for index in long])
    for index, encoded in zip(long, pairs, strict=True):
        fitted[index], _ = _shortened(prompts[index], encoded, encoder)
    return fitted


def fitting(prompts: Sequence[Prompt], encoder: Encoder) -> tuple[list[Encoded], Counter[str]]:
    """`fit` for a training stream: the sequences, and what was dropped as `dataset: reason`."""
    fitted = fit(prompts, encoder)
    return fitted.encoded, Counter({f"{name}: {reason}": count for (name, reason), count in fitted.dropped.items()})


def _shortened(prompt: Prompt, encoded: Encoded, encoder: Encoder) -> tuple[Prompt, Encoded]:
    """Cut as many tokens off the end of the longest field as the input is too long; a few times, as seams shift."""
    example = prompt.example
    fields = example.fields.items() if example else ()
    texts = {name: value for name, value in fields if isinstance(value, str) and value in prompt.input}
    if example is None or not texts:
        return prompt, encoded
    longest = max(texts, key=lambda name: len(texts[name]))
    ends = [end for _, end in encoder.tokenizer.encode_batch([texts[longest]], add_special_tokens=False)[0].offsets]
    for _ in range(_TRIES):
        excess = encoded.start - encoder.format.input_length
        if excess <= 0:
            break
        ends = ends[: -excess - _ELLIPSIS_TOKENS]
        words = texts[longest][: ends[-1]].rsplit(maxsplit=1) if ends else []
        if not words:
            break
        # The example stays the whole one: what is cut is always measured from the same text.
        shorter = replace(example, fields={**example.fields, longest: words[0] + _ELLIPSIS})
        prompt = replace(_writer(prompt, example).write(shorter), example=example)
        encoded = encoder.pairs([(prompt.input, prompt.target)])[0]
    return prompt, encoded


def _writer(prompt: Prompt, example: Example) -> PromptWriter | BaselineWriter:
    if prompt.template == BASELINE:
        return BaselineWriter(example.task)
    return PromptWriter(example.task, int(prompt.template))
