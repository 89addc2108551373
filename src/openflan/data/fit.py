"""Making prompts fit the length limits without losing the instruction.

An input that is too long is rendered again from a shorter version of its longest field (the article, the passage), so
that instruction, question and OPTIONS block stay whole. A target that is too long is cut at the limit, as the release
does, or the example is not used at all and another takes its place (`openflan.data.stream`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, NamedTuple

from openflan.data.encode import Encoded, Encoder
from openflan.data.prompt import Prompt

LongTargets = Literal["redraw", "cut"]
"""What becomes of an example whose target is over the budget: its dataset's next takes its place, or it is cut."""

_TRIES = 4
_ELLIPSIS, _ELLIPSIS_TOKENS = " …", 1
_MARGIN = 256


class Fitted(NamedTuple):
    """One prompt as it fits: its tokens, or the reason why there are none; `shortened` when a field was cut."""

    prompt: Prompt
    encoded: Encoded | None
    reason: str = ""
    shortened: bool = False


def fit(prompts: Sequence[Prompt], encoder: Encoder, long_targets: LongTargets = "redraw") -> list[Fitted]:
    """Encode prompts, shortening inputs over `format.input_length`; one result per prompt, in order."""
    pairs = encoder.pairs([(prompt.input, prompt.target) for prompt in prompts])
    return [_fit(prompt, encoded, encoder, long_targets) for prompt, encoded in zip(prompts, pairs, strict=True)]


def shorten(prompts: Sequence[Prompt], encoder: Encoder) -> list[Prompt]:
    """Prompts to score or answer: inputs over `format.input_length` shortened as in training, targets of any length."""
    fitted = list(prompts)
    limit = encoder.input_length
    # No token stands for less than a byte; what a chat template adds is well below the margin.
    wordy = [index for index, prompt in enumerate(prompts) if len(prompt.input.encode()) > limit - _MARGIN]
    lengths = map(len, encoder.prefixes([prompts[index].input for index in wordy]))
    long = [index for index, length in zip(wordy, lengths, strict=True) if length > limit]
    pairs = encoder.pairs([(prompts[index].input, prompts[index].target) for index in long])
    for index, encoded in zip(long, pairs, strict=True):
        fitted[index], _ = _shorten(prompts[index], encoded, encoder)
    return fitted


def _fit(prompt: Prompt, encoded: Encoded, encoder: Encoder, long_targets: LongTargets) -> Fitted:
    limits, shortened = encoder.format, encoded.start > encoder.input_length
    if shortened:
        prompt, encoded = _shorten(prompt, encoded, encoder)
    if encoded.start > encoder.input_length:
        return Fitted(prompt, None, f"input over {limits.input_length} tokens", shortened)
    if len(encoded.tokens) - encoded.start > limits.target_length:
        if long_targets == "redraw":
            return Fitted(prompt, None, f"target over {limits.target_length} tokens", shortened)
        # Trimmed first and closed after that (the release's seqio pipeline).
        kept = encoded.tokens[: encoded.start + limits.target_length - 1]
        encoded = Encoded([*kept, encoded.tokens[-1]], encoded.start)
    return Fitted(prompt, encoded, "", shortened)


def _shorten(prompt: Prompt, encoded: Encoded, encoder: Encoder) -> tuple[Prompt, Encoded]:
    """Cut as many tokens off the end of the longest field as the input is too long; a few times, as seams shift."""
    example, write = prompt.example, prompt.write
    fields: Mapping[str, Any] = getattr(example, prompt.shown) if example else {}
    texts = {name: value for name, value in fields.items() if isinstance(value, str) and value in prompt.input}
    if example is None or write is None or not texts:
        return prompt, encoded
    longest = max(texts, key=lambda name: len(texts[name]))
    ends = [end for _, end in encoder.tokenizer.encode_batch([texts[longest]], add_special_tokens=False)[0].offsets]
    for _ in range(_TRIES):
        excess = encoded.start - encoder.input_length
        if excess <= 0:
            break
        ends = ends[: -excess - _ELLIPSIS_TOKENS]
        kept = _whole_words(texts[longest], ends[-1]) if ends else ""
        if not kept:
            break
        # The example stays the whole one: what is cut is always measured from the same text.
        changed: Any = {prompt.shown: {**fields, longest: kept + _ELLIPSIS}}
        shorter = replace(example, **changed)
        prompt = replace(write(shorter), example=example)
        encoded = encoder.pairs([(prompt.input, prompt.target)])[0]
    return prompt, encoded


_WORD_REACH = 32
"""Characters gone back at most to end with a whole word; scripts without blanks end where the budget does."""


def _whole_words(text: str, end: int) -> str:
    """The first `end` characters less a word that they cut, where the last blank is near."""
    kept = text[:end]
    if end < len(text) and not text[end].isspace():
        head = kept.rsplit(maxsplit=1)[0] if kept.strip() else ""
        if head and len(kept) - len(head) <= _WORD_REACH:
            kept = head
    return kept.rstrip()
