"""Lists as people write them, the same everywhere: `[nli, sentiment]`, `nli,sentiment` or `nli sentiment`."""

from __future__ import annotations

from typing import Any

from pydantic import BeforeValidator


def listed(value: Any) -> Any:
    """The entries of one text, parted by commas or blanks; a single number as a list of it; all else as it is."""
    if isinstance(value, str):
        return tuple(value.replace(",", " ").split())
    return (value,) if isinstance(value, int) and not isinstance(value, bool) else value


Listed = BeforeValidator(listed)
"""Marks a field as a list that may be written as one text."""
