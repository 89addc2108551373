"""Letters, however they are written down."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable


def nfc(text: str) -> str:
    """The text with every letter composed (é as one character), so that equal texts are equal."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def same_in(text: str, texts: Iterable[str]) -> str:
    """The one of `texts` that is this text, composed or not; else the text as it is."""
    return next((one for one in texts if nfc(one) == nfc(text)), text)


def is_mark(letter: str) -> bool:
    """Whether a character is punctuation or a symbol, in any script."""
    return unicodedata.category(letter)[0] in "PS"
