"""What holds of a request whoever answers it: what cannot be asked, what is too long, and where an answer ends."""

from __future__ import annotations

from collections.abc import Sequence

from openflan.data.encode import Encoded, Encoder
from openflan.evaluation.scoring.interface import RankRequest


def flaw(request: RankRequest) -> str:
    """Why a request cannot be ranked; nothing where it can."""
    options = request.options
    if not options:
        return "no options to rank"
    for number, option in enumerate(options):
        if not option.strip():
            return f"option {number + 1} of {len(options)} is empty"
        if (first := options.index(option)) != number:
            return f"options {first + 1} and {number + 1} are the same: {option!r}"
    return not_unicode("".join((request.input, *options)))


def not_unicode(text: str) -> str:
    """What of a text is not valid Unicode; nothing where all is."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        return f"the text is not valid Unicode: {text[error.start : error.end]!r} at character {error.start}"
    return ""


def opened(encoded: Encoded, encoder: Encoder) -> Encoded:
    """With something before the first scored token: where nothing is read, EOS is, as between texts."""
    return Encoded([encoder.eos, *encoded.tokens], 1) if encoded.start == 0 else encoded


def excess(
    starts: Sequence[int], lengths: Sequence[int], encoder: Encoder, context: int | None, *, writes: int = 0
) -> str:
    """Which limit sequences exceed, if any; or that nothing of an option is left to score.

    `starts` and `lengths` are those of each option in turn, `writes` the tokens that are to be written after them.
    """
    bare = [number for number, (start, length) in enumerate(zip(starts, lengths, strict=True)) if start >= length]
    if bare and not writes:
        return f"option {bare[0] + 1} of {len(starts)} has no token that could be scored"
    read, whole = max(starts), max(lengths) + writes
    if read > (limit := encoder.input_length):
        return f"the prompt has {read} tokens, over the limit of {limit} (input_length)"
    if context is not None and whole > context:
        return f"prompt and answer take {whole} tokens, over the model's context of {context}"
    return ""


def before(text: str, stop: Sequence[str]) -> str:
    """The text before the first stop string."""
    return text[: min((place for end in stop if (place := text.find(end)) >= 0), default=len(text))]
