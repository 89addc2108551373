"""Prepared rows on disk: a shard is a folder of arrays, written whole, summed, and checked before it is read.

    shard-00000000/            SHARD windows, written beside and renamed into place
        tokens.npy             uint16 or int32 [rows, length]
        segments.npy           uint16 [rows, length]
        labelled.npy           bool   [rows, length]
        windows.npy            int64  [windows + 1]: where each window's rows begin
        shard.json             sums of the arrays, counts, and what was left out as too long, by dataset

The arrays are read through the page cache, a window at a time.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from openflan.data.pack import PackedRows, concatenate
from openflan.data.stream import Stream
from openflan.errors import OpenflanError
from openflan.sums import DamageError, damage, read_sealed, sums_of, write_sealed

SHARD = 8
"""Windows in a shard: what a worker holds in memory at once, and what a kill costs."""

_INDEX = "shard.json"


@dataclass(frozen=True)
class Counts:
    """Shards, rows, positions with a token, labelled positions, all positions, what was left out as too long, and the
    examples drawn.
    """

    shards: int = 0
    rows: int = 0
    filled: int = 0
    labelled: int = 0
    positions: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    drawn: int = 0

    def __add__(self, other: Counts) -> Counts:
        """Those of both."""
        return Counts(
            self.shards + other.shards,
            self.rows + other.rows,
            self.filled + other.filled,
            self.labelled + other.labelled,
            self.positions + other.positions,
            self.dropped + other.dropped,
            self.drawn + other.drawn,
        )

    @property
    def fill(self) -> float:
        """The share of positions that hold a token."""
        return self.filled / self.positions if self.positions else 0.0


class Shards:
    """The shards of a folder; each is checked once, when it is first read from."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._whole: set[int] = set()

    def window(self, window: int) -> PackedRows | None:
        """A window's rows, if its shard is there; raises `DamageError` when the shard is not what was written."""
        number = window // SHARD
        shard = self.folder / shard_name(number)
        if not shard.is_dir():
            return None
        if number not in self._whole:
            counts_of(shard)
            self._whole.add(number)
        bounds = np.load(shard / "windows.npy")
        inside = slice(*bounds[window % SHARD : window % SHARD + 2])
        tokens, segments, labelled = (
            np.load(shard / f"{name}.npy", mmap_mode="r")[inside] for name in ("tokens", "segments", "labelled")
        )
        return PackedRows(tokens.astype(np.int32), segments.astype(np.int32), np.array(labelled))


def counts_of(shard: Path) -> Counts:
    """What a shard holds; raises `DamageError` when its files are not what was written."""
    try:
        index = read_sealed(shard / _INDEX)
    except DamageError as error:
        raise DamageError(f"{shard.name}/{error}") from None
    if (found := damage(shard, index["files"])) is not None:
        raise DamageError(f"{shard.name}/{found}")
    counts = index["counts"]
    return Counts(**{**counts, "dropped": Counter(counts["dropped"])})


def write_shard(stream: Stream, folder: Path, number: int) -> tuple[Counts, str | None]:
    """Write a shard unless it is there and whole; returns what it holds, and what was wrong with one that was there."""
    final = folder / shard_name(number)
    wrong = None
    if final.exists():
        try:
            return counts_of(final), None
        except DamageError as error:
            wrong = str(error)
    stream.dropped.clear()
    windows = [stream.rows(window) for window in range(number * SHARD, (number + 1) * SHARD)]
    partial = folder / f".{final.name}.{os.getpid()}.part"
    try:
        counts = _write(partial, windows, Counter(stream.dropped), SHARD * stream.window)
        shutil.rmtree(final, ignore_errors=True)
        partial.rename(final)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise OpenflanError(f"{final} could not be written: {error}; make room and prepare again") from None
    return counts, wrong


def _write(folder: Path, windows: list[PackedRows], dropped: Counter[str], drawn: int) -> Counts:
    packed = concatenate(windows)
    small = packed.tokens.max(initial=0) < 2**16
    arrays: dict[str, Any] = {
        "tokens": packed.tokens.astype(np.uint16 if small else np.int32),
        "segments": packed.segments.astype(np.uint16),
        "labelled": packed.labelled,
        "windows": np.cumsum([0, *map(len, windows)], dtype=np.int64),
    }
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for key, array in arrays.items():
        with (folder / f"{key}.npy").open("wb") as file:
            np.save(file, array, allow_pickle=False)
            file.flush()
            os.fsync(file.fileno())
    counts = Counts(1, len(packed), packed.filled, packed.targets, packed.tokens.size, dropped, drawn)
    write_sealed(folder / _INDEX, {"files": sums_of(folder), "counts": vars(counts)})
    return counts


def shard_name(number: int) -> str:
    """The folder of shard number `number`."""
    return f"shard-{number:08d}"
