"""From a prompt to token ids: one path for training, scoring and generation.

A *format* says how input and target are joined:

| join | prefix (read) | target (labelled, scored) | used for |
|---|---|---|---|
| `eos` | input, EOS | target, EOS | FLAN (paper section 2.4) |
| `newline` | input, line break | target, EOS | models that know no such EOS |
| `chat` | the model's own chat template around the input | target, EOS | chat models |
| `space` | input | space, target (EOS in training only) | plain continuation, as GPT-3 and `lm-eval` score |

With `eos`, input and target are tokenized apart, so the boundary is a token. Otherwise the joined text is tokenized as
a whole, as the model would meet it, and the target begins with the first token that *ends* beyond the boundary: a token
that straddles it belongs to the target, and so does white space at the end of a `space` input, as in `lm-eval`. No
target is ever empty.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

Join = Literal["eos", "newline", "space", "chat"]


@dataclass(frozen=True)
class Format:
    """How prompts become token sequences. Lengths are in tokens; 1,024 and 256 are the paper's (section 2.4)."""

    join: Join = "eos"
    input_length: int = 1024
    target_length: int = 256

    @property
    def scores_end(self) -> bool:
        """Whether the closing EOS is part of what is ranked: wherever the format trains it, and not in plain text."""
        return self.join != "space"


class Encoded(NamedTuple):
    """A token sequence and where its target begins: `tokens[start:]` are labelled, or scored."""

    tokens: list[int]
    start: int


class Encoding(Protocol):
    """What a tokenizer says of one text (of the `tokenizers` library's `Encoding`)."""

    @property
    def ids(self) -> list[int]:
        """Token ids."""
        ...

    @property
    def offsets(self) -> list[tuple[int, int]]:
        """Where each token starts and stops in the text, in characters."""
        ...


class Tokenizer(Protocol):
    """The part of `tokenizers.Tokenizer` that is used."""

    def encode_batch(self, input: Sequence[str], *, add_special_tokens: bool) -> list[Encoding]:
        """Token ids and offsets of each text."""
        ...

    def encode_batch_fast(self, input: Sequence[str], *, add_special_tokens: bool) -> list[Encoding]:
        """Token ids of each text, faster; offsets are not valid."""
        ...

    def decode(self, ids: Sequence[int], skip_special_tokens: bool = True) -> str:
        """The text of token ids."""
        ...


class Encoder:
    """Joins and tokenizes inputs and targets as a format says.

    `bos` is prepended to every sequence when the model's tokenizer does so itself. `chat` renders an input as the
    model's chat template does, up to where the answer begins (required for `join: chat`).
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        format: Format,
        *,
        eos: int,
        bos: int | None = None,
        chat: Callable[[str], str] | None = None,
    ) -> None:
        if format.join == "chat" and chat is None:
            raise ValueError("join: chat needs a model with a chat template; use newline or eos")
        self.tokenizer, self.format, self.eos, self.chat = tokenizer, format, eos, chat
        # A chat template writes its own opening tokens.
        self._opening = [] if bos is None or format.join == "chat" else [bos]

    def pairs(self, pairs: Sequence[tuple[str, str]], *, end: bool = True) -> list[Encoded]:
        """Encode (input, target) pairs; `end` closes each target with EOS. Lengths are the caller's to check."""
        closing = [self.eos] if end else []
        if self.format.join == "eos":
            inputs = self._ids([text for text, _ in pairs])
            targets = self._ids([target for _, target in pairs])
            encoded = []
            for read, written in zip(inputs, targets, strict=True):
                prefix = [*self._opening, *read, self.eos]
                encoded.append(Encoded([*prefix, *written, *closing], len(prefix)))
            return encoded
        return self._joined(pairs, closing)

    def options(self, input: str, options: Sequence[str]) -> list[Encoded]:
        """One input with each of its options, ready to be ranked."""
        return self.pairs([(input, option) for option in options], end=self.format.scores_end)

    def prefixes(self, inputs: Sequence[str]) -> list[list[int]]:
        """What the model reads before it writes: the start of the sequence that `pairs` makes."""
        ends = [self.eos] if self.format.join == "eos" else []
        return [[*self._opening, *ids, *ends] for ids in self._ids([self._head(text) for text in inputs])]

    def decode(self, tokens: Sequence[int]) -> str:
        """The text of generated tokens, without special tokens and edge white space."""
        return self.tokenizer.decode(list(tokens), skip_special_tokens=True).strip()

    def _joined(self, pairs: Sequence[tuple[str, str]], closing: list[int]) -> list[Encoded]:
        heads = [self._head(text) for text, _ in pairs]
        gap = " " if self.format.join == "space" else ""
        texts = [f"{head}{gap}{target}" for head, (_, target) in zip(heads, pairs, strict=True)]
        encoded = []
        for head, encoding in zip(heads, self.tokenizer.encode_batch(texts, add_special_tokens=False), strict=True):
            ids = encoding.ids
            read = len(head.rstrip()) if self.format.join == "space" else len(head)
            boundary = next((i for i, (_, stop) in enumerate(encoding.offsets) if stop > read), len(ids))
            encoded.append(Encoded([*self._opening, *ids, *closing], len(self._opening) + boundary))
        return encoded

    def _head(self, text: str) -> str:
        match self.format.join:
            case "newline":
                return text + "\n"
            case "chat":
                assert self.chat is not None
                return self.chat(text)
            case _:
                return text

    def _ids(self, texts: list[str]) -> list[list[int]]:
        return [encoding.ids for encoding in self.tokenizer.encode_batch_fast(texts, add_special_tokens=False)]
