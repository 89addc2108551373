"""Rows are data: a control token that is spelled out in one is text, and ends no turn.

Tokenizers turn the spelling of a control token into the token wherever it stands. Texts without such a spelling, nearly
all, are tokenized as they are; the others here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple


class Piece(NamedTuple):
    """A part of a text: of a row, or `ours` where the format or a chat template wrote it."""

    text: str
    ours: bool = False


class Controls:
    """Tokenizes texts that spell control tokens.

    `controls` are the spellings with their ids, and `tokenizer` one that knows no control tokens (a
    `tokenizers.Tokenizer` that gives offsets).
    """

    def __init__(self, controls: Mapping[str, int], tokenizer: Any) -> None:
        self.controls, self._tokenizer = dict(controls), tokenizer
        longest_first = sorted(self.controls, key=len, reverse=True)
        self._spelled = re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")

    def found(self, text: str) -> list[str]:
        """The control tokens that a text spells, in order."""
        return self._spelled.findall(text)

    def needed(self, pieces: Sequence[Piece]) -> bool:
        """Whether a row's part of a text spells a control token."""
        return any(not piece.ours and self._spelled.search(piece.text) for piece in pieces)

    def encode(self, pieces: Sequence[Piece]) -> tuple[list[int], list[int]]:
        """Token ids, and where each token stops in the joined text: control tokens only in the pieces that are ours."""
        text = "".join(piece.text for piece in pieces)
        ids, stops, begin, place = list[int](), list[int](), 0, 0
        for piece in pieces:
            for match in self._spelled.finditer(piece.text) if piece.ours else ():
                self._add(text, begin, place + match.start(), ids, stops)
                begin = place + match.end()
                ids.append(self.controls[match.group()])
                stops.append(begin)
            place += len(piece.text)
        self._add(text, begin, len(text), ids, stops)
        return ids, stops

    def _add(self, text: str, begin: int, end: int, ids: list[int], stops: list[int]) -> None:
        if begin < end:
            encoding = self._tokenizer.encode(text[begin:end], add_special_tokens=False)
            ids += encoding.ids
            stops += [begin + stop for _, stop in encoding.offsets]
