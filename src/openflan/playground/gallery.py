"""The gallery: kinds of example that people try on a tuned model, with what to expect of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from openflan.errors import OpenflanError
from openflan.yamlfile import read_yaml, validate

_FILE = Path(__file__).parent / "gallery.yaml"


class Item(BaseModel):
    """An instruction; with `pair`, one that asks the same the other way round and is asked together with it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    instruction: str
    pair: str | None = None
    options: list[str] = []
    answer: str | None = None
    pair_answer: str | None = None
    max_tokens: int = 48
    temperature: float = 0.0
    note: str


class Kind(BaseModel):
    """Examples of one kind."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    note: str
    items: list[Item]


class Gallery(BaseModel):
    """All kinds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kinds: list[Kind]


def read_gallery() -> dict[str, Any]:
    """The gallery as plain data."""
    _, values = read_yaml(_FILE, OpenflanError)
    return validate(Gallery, values, OpenflanError, lambda location: _FILE.name).model_dump()
