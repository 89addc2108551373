"""From a prompt to token ids: one path for training, scoring and generation.

A *format* says how input and target are joined:

| join | prefix (read) | target (labelled, scored) | used for |
|---|---|---|---|
| `eos` | input, EOS | target, EOS | FLAN (paper section 2.4) |
| `apart` | input | target, EOS | T0: encoder-decoder models whose inputs have no EOS |
| `newline` | input, line break | target, EOS | models that know no such EOS |
| `chat` | the model's own chat template around the input | target, the template's end of a turn | chat models |
| `space` | input | space, target (EOS in training only) | plain continuation, as GPT-3 and `lm-eval` score |

With `eos` and `apart`, input and target are tokenized apart, so the boundary is a token's. Otherwise the joined text is
tokenized as a whole, as the model would meet it, and the target begins with the first token that *ends* beyond the
boundary: a token that straddles it belongs to the target, and so does white space at the end of a `space` input, as in
`lm-eval`, or of what a chat template writes before an answer. No target is ever empty. A control token that is spelled
in an input or a target is text (see `literal`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol

from openflan.data.limits import TARGET_TOKENS
from openflan.data.literal import Controls, Piece
from openflan.errors import RecipeError
from openflan.ranges import Count, check_ranges

Join = Literal["eos", "apart", "newline", "space", "chat"]


@dataclass(frozen=True)
class Format:
    """How prompts become token sequences. Lengths are in tokens; 1,024 and 256 are the paper's (section 2.4)."""

    join: Join = "eos"
    """How input and target meet: `eos` as in the paper, `apart` with nothing between them (T0), `chat` through the
    model's own template, on a `newline`, or as plain continuation after a `space`."""
    input_length: Count = 1024
    """Most tokens of an input; a longer one loses the end of its longest field."""
    target_length: Count = TARGET_TOKENS
    """Most tokens of a target; what happens to a longer one is for `data.long_targets` to say."""
    chat: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """With `join: chat`: `template` (a name, where the tokenizer has several), `system` (a message), `today` (what the
    template prints as the date, 2024-07-26), and whatever else the template takes, such as `enable_thinking`."""

    def __post_init__(self) -> None:
        check_ranges(self, RecipeError)

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


class Chat(NamedTuple):
    """What a chat template writes before an input, between it and the answer, and to end the answer's turn.

    EOS ends a turn without an `end`. `trims` says whether white space around an input is dropped.
    """

    before: str
    between: str
    end: str = ""
    trims: bool = False

    def pieces(self, text: str) -> list[Piece]:
        """An input as the model reads it."""
        return [Piece(self.before, True), Piece(text.strip() if self.trims else text), Piece(self.between, True)]


class Encoder:
    """Joins and tokenizes inputs and targets as a format says.

    `opening` tokens begin every sequence when the model's tokenizer puts them there itself; a chat template writes its
    own. The `soft` tokens of a soft prompt come before everything. `chat` is required for `join: chat`. Any of `ends`
    besides EOS ends an answer. `literal` keeps control tokens that rows spell from being taken for such.

    `input_length` is the most that may be read: the format's limit, and the soft tokens besides.
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        format: Format,
        *,
        eos: int,
        opening: Sequence[int] = (),
        chat: Chat | None = None,
        ends: Sequence[int] = (),
        literal: Controls | None = None,
        soft: Sequence[int] = (),
    ) -> None:
        if format.join == "chat" and chat is None:
            raise ValueError("join: chat needs a model with a chat template; use newline or eos")
        self.tokenizer, self.format, self.eos, self.chat = tokenizer, format, eos, chat
        self.ends = frozenset((eos, *ends))
        self.literal = literal or Controls({}, tokenizer)
        self._read_first = [] if format.join == "chat" else list(opening)
        self._opening = [*soft, *self._read_first]
        self.input_length = format.input_length + len(soft)

    def pairs(self, pairs: Sequence[tuple[str, str]], *, end: bool = True) -> list[Encoded]:
        """Encode (input, target) pairs; `end` closes each target. Lengths are the caller's to check."""
        closing = [self.eos] if end and not (self.chat and self.chat.end and self.format.join == "chat") else []
        if self.format.join in ("eos", "apart"):
            between = [self.eos] if self.format.join == "eos" else []
            inputs = self._ids([[Piece(text)] for text, _ in pairs])
            targets = self._ids([[Piece(target)] for _, target in pairs])
            encoded = []
            for read, written in zip(inputs, targets, strict=True):
                prefix = [*self._opening, *read, *between]
                encoded.append(Encoded([*prefix, *written, *closing], len(prefix)))
            return encoded
        return self._joined(pairs, closing, end)

    def options(self, input: str, options: Sequence[str]) -> list[Encoded]:
        """One input with each of its options, ready to be ranked."""
        return self.pairs([(input, option) for option in options], end=self.format.scores_end)

    def prefixes(self, inputs: Sequence[str]) -> list[list[int]]:
        """What the model reads before it writes: the start of the sequence that `pairs` makes."""
        ends = [self.eos] if self.format.join == "eos" else []
        heads = [self._head(text) for text in inputs]
        if self.format.join == "chat":  # White space before an answer is part of its first token.
            heads = [[*head[:-1], Piece(head[-1].text.rstrip(" "), True)] for head in heads]
        return [[*self._opening, *ids, *ends] for ids in self._ids(heads)]

    @property
    def opening(self) -> str:
        """The text of what stands before every sequence, as its control tokens are spelled; no soft tokens."""
        return self.tokenizer.decode(self._read_first, skip_special_tokens=False)

    def halves(self, input: str, target: str, *, end: bool = True) -> tuple[str, str]:
        """What is read and what is labelled, as the two parts of one text, for a tool that tokenizes by itself.

        Control tokens are spelled in it; what the tokenizer puts before every text by itself is not.
        """
        eos = self.tokenizer.decode([self.eos], skip_special_tokens=False)
        head = "".join(piece.text for piece in self._head(input))
        match self.format.join:
            case "eos":
                return head + eos, target + eos * end
            case "space":
                read = head.rstrip()
                return read, f"{head[len(read) :]} {target}{eos * end}"
            case "chat":
                read, closing = head.rstrip(" "), (self.chat and self.chat.end) or eos
                return read, head[len(read) :] + target + closing * end
            case _:
                return head, target + eos * end

    def decode(self, tokens: Sequence[int]) -> str:
        """The text of generated tokens, without special tokens and edge white space."""
        return self.tokenizer.decode(list(tokens), skip_special_tokens=True).strip()

    def controls(self, *texts: str) -> list[str]:
        """The control tokens that texts spell, which are read as plain text."""
        return [name for text in texts for name in self.literal.found(text)]

    def _joined(self, pairs: Sequence[tuple[str, str]], closing: list[int], end: bool) -> list[Encoded]:
        heads = [self._head(text) for text, _ in pairs]
        gap = [Piece(" ", True)] if self.format.join == "space" else []
        close = [Piece(self.chat.end, True)] if self.chat and self.format.join == "chat" and end else []
        rows = [[*head, *gap, Piece(target), *close] for head, (_, target) in zip(heads, pairs, strict=True)]
        encoded = []
        for head, (ids, stops) in zip(heads, self._offsets(rows), strict=True):
            text = "".join(piece.text for piece in head)
            match self.format.join:
                case "space":
                    text = text.rstrip()
                case "chat":
                    text = text.rstrip(" ")
            boundary = next((place for place, stop in enumerate(stops) if stop > len(text)), len(ids))
            encoded.append(Encoded([*self._opening, *ids, *closing], len(self._opening) + boundary))
        return encoded

    def _head(self, text: str) -> list[Piece]:
        """What is read before the target."""
        match self.format.join:
            case "newline":
                return [Piece(text), Piece("\n", True)]
            case "chat":
                assert self.chat is not None
                return self.chat.pieces(text)
            case _:
                return [Piece(text)]

    def _ids(self, rows: Sequence[Sequence[Piece]]) -> list[list[int]]:
        texts = ["".join(piece.text for piece in row) for row in rows]
        ids = [encoding.ids for encoding in self.tokenizer.encode_batch_fast(texts, add_special_tokens=False)]
        return [
            self.literal.encode(row)[0] if self.literal.needed(row) else its for row, its in zip(rows, ids, strict=True)
        ]

    def _offsets(self, rows: Sequence[Sequence[Piece]]) -> list[tuple[list[int], list[int]]]:
        """Token ids, and where each token stops."""
        texts = ["".join(piece.text for piece in row) for row in rows]
        found = []
        for row, encoding in zip(rows, self.tokenizer.encode_batch(texts, add_special_tokens=False), strict=True):
            stops = [stop for _, stop in encoding.offsets]
            found.append(self.literal.encode(row) if self.literal.needed(row) else (encoding.ids, stops))
        return found
