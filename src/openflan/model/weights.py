"""Weight files, checked without loading them: whether all are there and complete, and what is in them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from openflan.errors import ModelError
from openflan.model.folder import read_object

_FILES = frozenset({".safetensors", ".bin", ".pt", ".pth", ".gguf"})
_SPARE = 100_000_000
"""Numbers that a model may hold besides its weights: masks, positions."""

_PARTS = re.compile(r"(layers?|heads?|experts|blocks|groups|stages)$")
_MOST_PARTS = 4096
_MOST_NUMBER = 2**40
"""Bounds on the numbers of a configuration: of parts, and all others."""

_MOST_HEADER = 100_000_000
"""Bytes of a safetensors header that the format allows."""


def expect_whole_weights(folder: Path) -> None:
    """Raise `ModelError` where a folder lacks weight files, or holds one that was cut short."""
    for index in sorted(folder.glob("*.index.json")):
        shards = read_object(index).get("weight_map")
        if not isinstance(shards, dict):
            raise ModelError(f"{index} does not say which weights are where (weight_map); get the file again")
        if lost := sorted({str(name) for name in shards.values() if not (folder / str(name)).is_file()}):
            raise ModelError(f"{folder} lacks the weight files {', '.join(lost)}, which {index.name} names")
    for path in sorted(folder.glob("*.safetensors")):
        header = read_header(path)
        expected = max((weight["data_offsets"][1] for weight in header.values()), default=0)
        found = path.stat().st_size - _data_start(path)
        if found != expected:
            raise ModelError(f"{path} holds {found:,} bytes of weights instead of {expected:,}; get the file again")


def expect_possible(config: Path) -> None:
    """Raise `ModelError` for a config.json with a number that no model has, before any library acts on it."""
    waiting: list[tuple[str, Any]] = [("", read_object(config))]
    while waiting:
        name, value = waiting.pop()
        if isinstance(value, dict):
            waiting += [(f"{name}.{key}".lstrip("."), inner) for key, inner in value.items()]
        elif isinstance(value, list):
            waiting += [(name, inner) for inner in value]
        elif isinstance(value, int) and abs(value) > (_MOST_PARTS if _PARTS.search(name) else _MOST_NUMBER):
            raise ModelError(f"{config}: {name} is {value:.3g}, which no model has; get the file again")


def expect_fitting(shape: Any, folder: Path) -> None:
    """Raise `ModelError` where a model without its weights (on `meta`) is far larger than the files in its folder.

    What a configuration asks for is allocated before its weights are read, and may be more than any machine has.
    """
    wanted = sum(tensor.numel() for tensor in (*shape.parameters(), *shape.buffers()))
    held = sum(path.stat().st_size for path in folder.iterdir() if path.suffix in _FILES and path.is_file())
    if wanted > 8 * held + _SPARE:
        raise ModelError(
            f"{folder}/config.json asks for {wanted:.3g} weights, and the files beside it hold {held:.3g} bytes; "
            "get the files again"
        )


def read_header(path: Path) -> dict[str, dict[str, Any]]:
    """Of every weight in a safetensors file its `dtype`, `shape` and `data_offsets`; raises `ModelError`."""
    damaged = ModelError(f"{path} is damaged: it does not begin as a safetensors file does; get the file again")
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        if size > _MOST_HEADER:
            raise damaged
        try:
            header = json.loads(file.read(size))
            header.pop("__metadata__", None)
            for weight in header.values():
                if not isinstance(weight["dtype"], str) or len(weight["data_offsets"]) != 2:
                    raise damaged
                sum((*weight["shape"], *weight["data_offsets"]))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise damaged from None
    found: dict[str, dict[str, Any]] = header
    return found


def _data_start(path: Path) -> int:
    with path.open("rb") as file:
        return 8 + int.from_bytes(file.read(8), "little")
