"""JSON files of a run folder that people and other programs may have edited: read into a type, or called damaged."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from openflan.sums import DamageError


@dataclass(frozen=True)
class Share:
    """One dataset's part in a mixture, as far as others read of it."""

    name: str
    cluster: str
    rows: int
    rate: int | float
    probability: float
    licence: str


@dataclass(frozen=True)
class Mixture:
    """What a run was trained on (`mixture.json`)."""

    fingerprint: str
    datasets: list[Share] = field(default_factory=list)


@dataclass(frozen=True)
class Ended:
    """How a training run ended (`train.json`)."""

    step: int
    tokens: int
    labelled: int
    seconds: float


@dataclass(frozen=True)
class LeftOut:
    """`dropped.json`: how many examples were drawn for training, and how many of them were left out, by the reason."""

    drawn: int = 0
    left_out: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Step:
    """One line of `metrics.jsonl`."""

    step: int
    loss: float


def read_note(path: Path, kind: Any) -> Any:
    """The value in a JSON file, checked to be of a type; raises `DamageError` that names the file."""
    try:
        return _adapter(kind).validate_json(path.read_bytes())
    except OSError as error:
        raise DamageError(f"{path}: {error.strerror}") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise DamageError(f"{path} is damaged: {f'{place}: ' if place else ''}{first['msg']}") from None


def read_lines(path: Path, kind: Any) -> tuple[list[Any], int]:
    """The values in a file's lines, and how many lines are not of the type: a kill may have cut one short."""
    found, bad = [], 0
    for line in path.read_bytes().splitlines():
        try:
            found.append(_adapter(kind).validate_json(line))
        except ValidationError:
            bad += 1
    return found, bad


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
