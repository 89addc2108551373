"""The optional fast tokenizer (gigatoken), used only where it agrees with the reference.

It is many times as fast as the `tokenizers` library on the tokenizers it knows. Whether it knows this one is found out
by trying: it has to load it, and to give the same tokens for a set of awkward texts and for the caller's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import Any, NamedTuple

from openflan.data.encode import Encoder, Encoding

PROBES = (
    "",
    " ",
    "Hello  world,\n\n\ttabs \r\n and trailing space ",
    "naïve Größe, ça va? 日本語 текст عربى עברית ไทย 🙂👩‍👩‍👧",
    "it's don't I'LL we've  'quoted'  O'Brien's",
    "12345 3.14159 1,000,000 10^-7 x_y CamelCaseWords snake_case",
    "OPTIONS:\n- yes\n- no\n- it's impossible to say",
    "<|endoftext|> <s> </s> <pad> <|im_start|>user",
    "\u00a0\u200b\ufeff\u2028 e\u0301 ﬁ Ⅷ ㎏",
)


class _Ids(NamedTuple):
    """Tokens without offsets."""

    ids: list[int]
    offsets: list[tuple[int, int]] = []  # noqa: RUF012 - never filled


class FastTokenizer:
    """The reference tokenizer, with batches that need no offsets encoded by the fast one."""

    def __init__(self, reference: Any, fast: Any) -> None:
        self.reference, self.fast = reference, fast

    def encode_batch(self, input: Sequence[str], *, add_special_tokens: bool) -> list[Encoding]:
        """Token ids and offsets of each text, from the reference."""
        encoded: list[Encoding] = self.reference.encode_batch(input, add_special_tokens=add_special_tokens)
        return encoded

    def encode_batch_fast(self, input: Sequence[str], *, add_special_tokens: bool) -> list[Encoding]:
        """Token ids of each text."""
        if add_special_tokens:
            return self.encode_batch(input, add_special_tokens=True)
        return [_Ids(ids) for ids in self.fast.encode_batch_list(list(input))]

    def decode(self, ids: Sequence[int], skip_special_tokens: bool = True) -> str:
        """The text of token ids."""
        return str(self.reference.decode(ids, skip_special_tokens=skip_special_tokens))

    def to_str(self) -> str:
        """The reference's definition."""
        return str(self.reference.to_str())


def accelerate(encoder: Encoder, texts: Sequence[str]) -> tuple[Encoder, str | None]:
    """The encoder with the fast tokenizer, or as it is with the reason why not.

    `texts` are some of those to come; the two tokenizers are compared on them and on a set of awkward ones.
    """
    reference: Any = encoder.tokenizer
    try:
        import gigatoken
    except ImportError:
        return encoder, "gigatoken is not installed"
    try:
        fast = FastTokenizer(reference, gigatoken.Tokenizer.from_json(reference.to_str()))
        probes = [*PROBES, *texts]
        agreed = [e.ids for e in fast.encode_batch_fast(probes, add_special_tokens=False)] == [
            e.ids for e in reference.encode_batch_fast(probes, add_special_tokens=False)
        ]
    except Exception as error:  # whatever the fast library raises, the reference still works
        return encoder, f"gigatoken cannot read this tokenizer ({str(error).splitlines()[0]})"
    if not agreed:
        return encoder, "gigatoken gives other tokens than this tokenizer"
    quick = copy(encoder)
    quick.tokenizer = fast
    return quick, None
