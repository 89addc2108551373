"""Damaged text and the original to restore: without punctuation, without capitals, without spaces."""

from __future__ import annotations

import re

from openflan.tasks.prepare import Row, SkipRow

_PUNCTUATION = re.compile(r"[^\w\s]")


def without_punctuation(row: Row) -> Row:
    """Strike every character that is neither a word character nor white space from the English side.

    Other characters stay as they are, so a struck dash leaves two spaces, as in the release.
    """
    text = _english(row)
    damaged = _PUNCTUATION.sub("", text)
    if damaged == text:
        raise SkipRow("no punctuation to restore")
    if not damaged.strip():
        raise SkipRow("nothing but punctuation")
    return {"text": text, "damaged": damaged.strip()}


def without_capitals(row: Row) -> Row:
    """Put the English side into lower case."""
    text = _english(row)
    damaged = text.lower()
    if damaged == text:
        raise SkipRow("no capitals to restore")
    return {"text": text, "damaged": damaged}


def without_spaces(row: Row) -> Row:
    """Close up the words of the English side."""
    text = _english(row)
    damaged = "".join(text.split())
    if damaged == text:
        raise SkipRow("no spaces to restore")
    return {"text": text, "damaged": damaged}


def _english(row: Row) -> str:
    text: str = row["translation"]["en"].strip()
    if not text:
        raise SkipRow("no English text")
    return text
