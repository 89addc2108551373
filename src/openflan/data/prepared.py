"""A mixture rendered, tokenized and packed to disk ahead of training.

    prepared/
        manifest.json          what the rows follow from, by name
        shard-00000000/        SHARD windows each, written whole and renamed: a killed preparation goes on where it was
            tokens.npy         uint16 or int32 [rows, length]
            segments.npy       uint16 [rows, length]
            labelled.npy       bool   [rows, length]
            windows.npy        int64  [windows + 1]: where each window's rows begin
            dropped.json       what was left out as too long, by dataset

The arrays are read through the page cache, a window at a time. The rows are those that the stream makes: training on
them or on the fly gives identical batches, and goes on on the fly where the prepared windows end.
"""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from openflan.data.encode import Encoder
from openflan.data.pack import PackedRows, concatenate
from openflan.data.stream import Position, Step, Stream, fingerprint_of, steps_of, tokenizer_fingerprint
from openflan.errors import OpenflanError
from openflan.files import write_json

SHARD = 8
"""Windows in a shard: what a worker holds in memory at once, and what a kill costs."""

_MANIFEST = "manifest.json"
_VERSION = 1


@dataclass(frozen=True)
class Prepared:
    """What a folder holds: rows, positions with a token, labelled positions, all positions, and what was dropped."""

    folder: Path
    shards: int
    rows: int
    filled: int
    labelled: int
    positions: int
    dropped: Counter[str]

    @property
    def fill(self) -> float:
        """The share of positions that hold a token."""
        return self.filled / self.positions if self.positions else 0.0


class PreparedStream:
    """A stream whose first windows are read from disk."""

    def __init__(self, stream: Stream, folder: Path) -> None:
        self.stream, self.folder, self.row_length = stream, folder, stream.row_length

    @property
    def fingerprint(self) -> str:
        """That of the stream: the rows are the same."""
        return self.stream.fingerprint

    def rows(self, window: int) -> PackedRows:
        """A window's rows, from disk when they are there, else made now."""
        return self.stream.rows(window) if (found := _window(self.folder, window)) is None else found

    def steps(self, rows: int, start: Position = Position()) -> Iterator[Step]:  # noqa: B008 - a constant
        """The stream from `start` on, `rows` rows at a time."""
        return steps_of(self.rows, rows, start)


class PreparedRows:
    """Prepared rows on their own, for a machine without the datasets they were made of.

    Raises `OpenflanError` when there is nothing to read, or when it was made for another tokenizer or format.
    """

    def __init__(self, folder: Path, encoder: Encoder) -> None:
        if not (folder / _MANIFEST).is_file():
            raise OpenflanError(f"nothing has been prepared in {folder}; make it with openflan prepare")
        self.folder = folder
        self.identity: dict[str, str] = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))["identity"]
        wanted = {"tokenizer": tokenizer_fingerprint(encoder), "format": repr(encoder.format)}
        if changed := [name for name, value in wanted.items() if self.identity[name] != value]:
            raise OpenflanError(f"{folder} was prepared with another {' and another '.join(changed)}")
        self.row_length = int(self.identity["row length"])

    @property
    def fingerprint(self) -> str:
        """That of the stream it was made from: the rows are the same."""
        return fingerprint_of(self.identity)

    def rows(self, window: int) -> PackedRows:
        """A window's rows; raises `OpenflanError` beyond the last."""
        if (found := _window(self.folder, window)) is None:
            raise OpenflanError(f"the rows prepared in {self.folder} are used up; prepare more with --rows")
        return found

    def steps(self, rows: int, start: Position = Position()) -> Iterator[Step]:  # noqa: B008 - a constant
        """The rows from `start` on, so many at a time."""
        return steps_of(self.rows, rows, start)


def _window(folder: Path, window: int) -> PackedRows | None:
    """A window's rows, if its shard is there."""
    shard = folder / _shard_name(window // SHARD)
    if not shard.is_dir():
        return None
    bounds = np.load(shard / "windows.npy")
    inside = slice(*bounds[window % SHARD : window % SHARD + 2])
    tokens, segments, labelled = (
        np.load(shard / f"{name}.npy", mmap_mode="r")[inside] for name in ("tokens", "segments", "labelled")
    )
    return PackedRows(tokens.astype(np.int32), segments.astype(np.int32), np.array(labelled))


def reuse(stream: Stream, folder: Path, say: Callable[[str], None]) -> Stream | PreparedStream:
    """The stream with what was prepared for it; without, and a line saying why, when that was made otherwise."""
    if (reason := difference(stream, folder)) is not None:
        say(f"not using {folder}: {reason}; rows are made on the fly")
        return stream
    return PreparedStream(stream, folder)


def difference(stream: Stream, folder: Path) -> str | None:
    """Why a folder's rows are not this stream's; None when they are."""
    path = folder / _MANIFEST
    if not path.is_file():
        return "nothing has been prepared there"
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        if manifest["version"] != _VERSION:
            return "it was prepared by another version of openflan"
        before = manifest["identity"]
    except (ValueError, KeyError, TypeError):
        return f"its {_MANIFEST} cannot be read"
    changed = [name for name, value in stream.identity.items() if before.get(name) != value]
    return f"it was prepared with another {', another '.join(changed)}" if changed else None


def prepare(
    stream: Stream,
    rows: int,
    folder: Path,
    *,
    workers: int | None = None,
    on_progress: Callable[[Prepared], None] | None = None,
) -> Prepared:
    """Write at least the first `rows` rows of a stream to a folder; shards that are there already are kept.

    `workers` processes (default: one per core) each make a shard at a time, so memory does not grow with `rows`.
    `on_progress` is called after each shard with what there is so far. Raises `OpenflanError` for a folder that holds
    another mixture's rows.
    """
    if (folder / _MANIFEST).exists() and (reason := difference(stream, folder)) is not None:
        raise OpenflanError(f"{folder} cannot be added to: {reason}; remove it or prepare into another folder")
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / _MANIFEST, {"version": _VERSION, "identity": stream.identity})
    done = Prepared(folder, 0, 0, 0, 0, 0, Counter())
    with _pool(stream, folder, workers or os.cpu_count() or 1) as made:
        for shard in made:
            done = _with_shard(done, folder / shard)
            if on_progress:
                on_progress(done)
            if done.rows >= rows:
                break
    return done


@contextmanager
def _pool(stream: Stream, folder: Path, workers: int) -> Iterator[Iterator[str]]:
    """The names of the shards 0, 1, 2, ... in order, each once it is written; a few are made ahead."""
    if workers == 1:
        yield (_write_shard(stream, folder, number) for number in count())
        return
    global _task
    # Forked workers inherit the stream, which need not be picklable; rows and cards are shared memory to them.
    _task = (stream, folder)
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    with ProcessPoolExecutor(workers, mp_context=get_context("fork")) as pool:
        numbers = count()
        pending: list[Future[str]] = [pool.submit(_forked, next(numbers)) for _ in range(workers + 1)]

        def in_order() -> Iterator[str]:
            while True:
                yield pending[0].result()
                pending.pop(0)
                pending.append(pool.submit(_forked, next(numbers)))

        try:
            yield in_order()
        finally:
            pool.shutdown(cancel_futures=True)
            _task = None


_task: tuple[Stream, Path] | None = None


def _forked(number: int) -> str:
    assert _task is not None, "inherited by the fork"
    return _write_shard(*_task, number)


def _write_shard(stream: Stream, folder: Path, number: int) -> str:
    """Write a shard if it is not there; returns its name."""
    name = _shard_name(number)
    if (folder / name).is_dir():
        return name
    stream.dropped.clear()
    windows = [stream.rows(window) for window in range(number * SHARD, (number + 1) * SHARD)]
    packed = concatenate(windows)
    small = packed.tokens.max(initial=0) < 2**16
    arrays: dict[str, Any] = {
        "tokens": packed.tokens.astype(np.uint16 if small else np.int32),
        "segments": packed.segments.astype(np.uint16),
        "labelled": packed.labelled,
        "windows": np.cumsum([0, *map(len, windows)], dtype=np.int64),
    }
    partial = folder / f".{name}.{os.getpid()}.part"
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        for key, array in arrays.items():
            with (partial / f"{key}.npy").open("wb") as file:
                np.save(file, array, allow_pickle=False)
                file.flush()
                os.fsync(file.fileno())
        write_json(partial / "dropped.json", dict(stream.dropped))
        partial.rename(folder / name)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise OpenflanError(f"{folder / name} could not be written: {error}; make room and prepare again") from None
    return name


def _with_shard(done: Prepared, shard: Path) -> Prepared:
    segments = np.load(shard / "segments.npy", mmap_mode="r")
    labelled = np.load(shard / "labelled.npy", mmap_mode="r")
    dropped = Counter(json.loads((shard / "dropped.json").read_text(encoding="utf-8")))
    return Prepared(
        done.folder,
        done.shards + 1,
        done.rows + len(segments),
        done.filled + int(np.count_nonzero(segments)),
        done.labelled + int(np.count_nonzero(labelled)),
        done.positions + segments.size,
        done.dropped + dropped,
    )


def _shard_name(number: int) -> str:
    return f"shard-{number:08d}"
