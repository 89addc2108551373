"""Checksums: what is read again later is known to be what was written.

A JSON object carries its own sum under the key `sum`; a folder's files have theirs in such an object. Changed or cut
short, either is noticed and named before anything in it is used.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from openflan import __version__
from openflan.errors import OpenflanError
from openflan.files import write_json

Sums = dict[str, dict[str, Any]]
"""Size and SHA-256 of files, by their path within a folder."""

_KEY = "sum"


class DamageError(OpenflanError, ValueError):
    """A file is not what was written."""


def seal(value: Mapping[str, Any]) -> dict[str, Any]:
    """A JSON object with its own checksum in it, for `unseal`.

    >>> unseal('{"a": 1, "sum": "%s"}' % seal({"a": 1})["sum"])
    {'a': 1}
    """
    return {**value, _KEY: _digest(value)}


def unseal(text: str) -> dict[str, Any]:
    """The object that was sealed; raises `DamageError` for anything else."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise DamageError("is not what was written") from None
    if not isinstance(value, dict) or value.pop(_KEY, None) != _digest(value):
        raise DamageError("is not what was written")
    return value


def write_sealed(path: Path, value: Mapping[str, Any]) -> None:
    """Write a JSON object, whole, with its own checksum in it."""
    write_json(path, seal(value))


def read_sealed(path: Path) -> dict[str, Any]:
    """An object that `write_sealed` wrote; raises `DamageError`, with the file's name, when it is not."""
    try:
        return unseal(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DamageError(f"{path.name}: {error.strerror}") from None
    except (UnicodeDecodeError, DamageError):
        raise DamageError(f"{path.name} is not what was written") from None


def sums_of(folder: Path, names: Iterable[str] | None = None) -> Sums:
    """The sums of files in a folder: of those named, or of all at any depth."""
    if names is None:
        names = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return {name: _sum(folder / name) for name in sorted(names)}


def damage(folder: Path, sums: Mapping[str, Any]) -> str | None:
    """The first file of a folder that is not what its sums say, in words; None when all are."""
    for name, expected in sums.items():
        path = folder / name
        try:
            # A file of another size need not be read.
            if path.stat().st_size != expected["bytes"] or _sum(path) != expected:
                return f"{name} is not what was written"
        except OSError as error:
            return f"{name}: {error.strerror}"
    return None


def _sum(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        return {"bytes": path.stat().st_size, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}


def _digest(value: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


@cache
def program_sum(*rooms: Path) -> str:
    """A hash of the program in some folders, for what is kept of its work: another program does it anew."""
    digest = hashlib.sha256(__version__.encode())
    for path in sorted(path for room in rooms for kind in ("*.py", "*.yaml") for path in room.rglob(kind)):
        content = path.read_bytes()
        digest.update(f"\0{path.name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()
