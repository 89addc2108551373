"""Making prompts fit the length limits without losing the instruction.

An input that is too long is written anew from a shorter version of its longest field (the article, the passage), so
that instruction, question and OPTIONS block stay whole. What cannot be made to fit is dropped and counted, never cut.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from math import ceil
from typing import NamedTuple

from openflan.data.encode import Encoded, Encoder
from openflan.data.example import Example
from openflan.data.prompt import BASELINE, BaselineWriter, Prompt, PromptWriter

_TRIES = 4
_ELLIPSIS = " …"


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


def fitting(prompts: Sequence[Prompt], encoder: Encoder) -> tuple[list[Encoded], Counter[str]]:
    """`fit` for a training stream: the sequences, and what was dropped as `dataset: reason`."""
    fitted = fit(prompts, encoder)
    return fitted.encoded, Counter({f"{name}: {reason}": count for (name, reason), count in fitted.dropped.items()})


def _shortened(prompt: Prompt, encoded: Encoded, encoder: Encoder) -> tuple[Prompt, Encoded]:
    """Cut the longest field by what the input is too long, judged by its own characters per token, a few times over."""
    cut = 0
    for _ in range(_TRIES):
        excess = encoded.start - encoder.format.input_length
        if excess <= 0 or prompt.example is None:
            break
        cut += ceil(1.05 * excess * len(prompt.input) / encoded.start) + len(_ELLIPSIS)
        shorter = _rewritten(prompt, prompt.example, cut)
        if shorter is None:
            break
        # The example stays the whole one, so that a second cut is measured from the same text.
        prompt = replace(shorter, example=prompt.example)
        encoded = encoder.pairs([(prompt.input, prompt.target)])[0]
    return prompt, encoded


def _rewritten(prompt: Prompt, example: Example, cut: int) -> Prompt | None:
    """The prompt with its longest text field `cut` characters shorter, ended at a word; None when it is too short."""
    texts = {name: value for name, value in example.fields.items() if isinstance(value, str) and value in prompt.input}
    if not texts:
        return None
    longest = max(texts, key=lambda name: len(texts[name]))
    keep = len(texts[longest]) - cut
    if keep <= 0:
        return None
    shorter = texts[longest][:keep].rsplit(maxsplit=1)[0] + _ELLIPSIS
    writer = (
        BaselineWriter(example.task)
        if prompt.template == BASELINE
        else PromptWriter(example.task, int(prompt.template))
    )
    return writer.write(replace(example, fields={**example.fields, longest: shorter}))
