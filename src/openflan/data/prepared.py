"""A mixture rendered, tokenized and packed to disk ahead of training.

    prepared/
        manifest.json          what the rows follow from, by name
        shard-00000000/        a number of windows (see `shards.py`)

The rows are those that the stream makes: training on them or on the fly gives identical batches, and goes on on the fly
where the prepared windows end. A killed preparation goes on where it was.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from openflan.data.encode import Encoder
from openflan.data.pack import PackedRows
from openflan.data.shards import SHARD, Counts, Shards, shard_name, write_shard
from openflan.data.stream import Position, Step, Stream, fingerprint_of, nothing_fits, steps_of, tokenizer_fingerprint
from openflan.data.workers import forked
from openflan.errors import OpenflanError
from openflan.files import locked
from openflan.sums import DamageError, read_sealed, write_sealed

_MANIFEST = "manifest.json"
_VERSION = 2

Made = tuple[Counts, str | None]
"""What a shard holds, and what was wrong with the one that was there before."""


class PreparedStream:
    """A stream whose first windows are read from disk; those that are damaged are made again, and reported."""

    def __init__(self, stream: Stream, folder: Path, say: Callable[[str], None] = print) -> None:
        self.stream, self.folder, self.row_length, self.say = stream, folder, stream.row_length, say
        self._shards = Shards(folder)
        self._damaged: set[int] = set()

    @property
    def fingerprint(self) -> str:
        """That of the stream: the rows are the same."""
        return self.stream.fingerprint

    def rows(self, window: int) -> PackedRows:
        """A window's rows, from disk when they are there and whole, else made now."""
        return self.stream.rows(window) if (found := self._on_disk(window)) is None else found

    def steps(self, rows: int, start: Position = Position()) -> Iterator[Step]:  # noqa: B008 - a constant
        """The stream from `start` on, `rows` rows at a time."""
        return steps_of(self.rows, rows, start)

    def _on_disk(self, window: int) -> PackedRows | None:
        if window // SHARD in self._damaged:
            return None
        try:
            return self._shards.window(window)
        except DamageError as error:
            self._damaged.add(window // SHARD)
            self.say(f"not using a part of {self.folder}: {error}; its rows are made on the fly")
            return None


class PreparedRows:
    """Prepared rows on their own, for a machine without the datasets they were made of.

    Raises `OpenflanError` when there is nothing to read, or when it was made for another tokenizer or format.
    """

    def __init__(self, folder: Path, encoder: Encoder) -> None:
        if not (folder / _MANIFEST).is_file():
            raise OpenflanError(f"nothing has been prepared in {folder}; make it with openflan prepare")
        try:
            self.identity = _identity(folder)
        except DamageError as error:
            raise OpenflanError(f"{folder} cannot be trained on: {error}; {_AGAIN}") from None
        self.folder = folder
        wanted = {"tokenizer": tokenizer_fingerprint(encoder), "format": repr(encoder.format)}
        if changed := [name for name, value in wanted.items() if self.identity[name] != value]:
            raise OpenflanError(f"{folder} was prepared with another {' and another '.join(changed)}")
        self.row_length = int(self.identity["row length"])
        self._shards = Shards(folder)

    @property
    def fingerprint(self) -> str:
        """That of the stream it was made from: the rows are the same."""
        return fingerprint_of(self.identity)

    def rows(self, window: int) -> PackedRows:
        """A window's rows; raises `OpenflanError` beyond the last, and when they are not what was written."""
        try:
            found = self._shards.window(window)
        except DamageError as error:
            raise OpenflanError(f"{self.folder} is damaged: {error}; {_AGAIN}") from None
        if found is None:
            raise OpenflanError(
                f"the rows prepared in {self.folder} end before {shard_name(window // SHARD)}; prepare more with --rows"
            )
        return found

    def steps(self, rows: int, start: Position = Position()) -> Iterator[Step]:  # noqa: B008 - a constant
        """The rows from `start` on, in steps of the given size."""
        return steps_of(self.rows, rows, start)


_AGAIN = "run the same openflan prepare again, which makes the damaged ones again"


def reuse(stream: Stream, folder: Path, say: Callable[[str], None]) -> Stream | PreparedStream:
    """The stream with what was prepared for it; without, and a line saying why, when that was made otherwise."""
    if (reason := difference(stream, folder)) is not None:
        say(f"not using {folder}: {reason}; rows are made on the fly")
        return stream
    return PreparedStream(stream, folder, say)


def difference(stream: Stream, folder: Path) -> str | None:
    """Why a folder's rows are not this stream's; None when they are."""
    if not (folder / _MANIFEST).is_file():
        return "nothing has been prepared there"
    try:
        before = _identity(folder)
    except DamageError as error:
        return str(error)
    changed = [name for name, value in stream.identity.items() if before.get(name) != value]
    return f"it was prepared with another {', another '.join(changed)}" if changed else None


def _identity(folder: Path) -> dict[str, str]:
    """What a folder's rows follow from; raises `DamageError` for a manifest that does not say."""
    manifest = read_sealed(folder / _MANIFEST)
    if manifest.get("version") != _VERSION:
        raise DamageError("it was prepared by another version of openflan")
    identity: dict[str, str] = manifest["identity"]
    return identity


def prepare(
    stream: Stream,
    rows: int,
    folder: Path,
    *,
    workers: int | None = None,
    on_progress: Callable[[Counts], None] | None = None,
    say: Callable[[str], None] = print,
) -> Counts:
    """Write at least the first `rows` rows of a stream to a folder; shards that are there already, and whole, are kept.

    `workers` processes (default: one per core) each make a shard at a time, so memory does not grow with `rows`.
    `on_progress` is called after each shard with what there is so far; `say` gets a line for each that was damaged and
    made again. Raises `OpenflanError` for a folder that holds another mixture's rows, or that is being written to.
    """
    with locked(folder, "openflan prepare"):
        _claim(stream, folder)
        return _prepare(stream, rows, folder, workers or os.cpu_count() or 1, on_progress, say)


def prepare_part(
    stream: Stream,
    rows: int,
    folder: Path,
    part: int,
    parts: int,
    *,
    on_progress: Callable[[Counts], None] | None = None,
    say: Callable[[str], None] = print,
) -> Counts:
    """Write every `parts`-th shard from number `part` on, until these hold their share of the first `rows` rows.

    Shards are independent, so all parts may be written at once, by any number of processes and machines; `prepare`
    then makes what is missing, if anything is. Raises as that does.
    """
    with locked(folder / f".part-{part}-of-{parts}", "openflan prepare"):
        _expect_own(stream, folder)
        made = (write_shard(stream, folder, number) for number in count(part, parts))
        return _until(made, -(-rows // parts), on_progress, say)


def _prepare(
    stream: Stream,
    rows: int,
    folder: Path,
    workers: int,
    on_progress: Callable[[Counts], None] | None,
    say: Callable[[str], None],
) -> Counts:
    with _pool(stream, folder, workers) as made:
        return _until(made, rows, on_progress, say)


def _until(
    shards: Iterator[Made], rows: int, on_progress: Callable[[Counts], None] | None, say: Callable[[str], None]
) -> Counts:
    """What shards hold, as they are written, up to so many rows."""
    done = Counts()
    for counts, wrong in shards:
        if wrong:
            say(f"{wrong}; it was made again")
        if not counts.rows:
            raise nothing_fits(f"{SHARD} windows")
        done += counts
        if on_progress:
            on_progress(done)
        if done.rows >= rows:
            break
    return done


def _claim(stream: Stream, folder: Path) -> None:
    """Make the folder this stream's, if it is nobody's, and clear away what a kill has left."""
    _expect_own(stream, folder)
    for left in folder.glob(".shard-*.part"):
        shutil.rmtree(left, ignore_errors=True)


def _expect_own(stream: Stream, folder: Path) -> None:
    """Write the manifest; raises `OpenflanError` where the folder is another stream's."""
    if (folder / _MANIFEST).exists() and (reason := difference(stream, folder)) is not None:
        raise OpenflanError(f"{folder} cannot be added to: {reason}; remove it or prepare into another folder")
    write_sealed(folder / _MANIFEST, {"version": _VERSION, "identity": stream.identity})


@contextmanager
def _pool(stream: Stream, folder: Path, workers: int) -> Iterator[Iterator[Made]]:
    """What the shards 0, 1, 2, ... hold, in order, each once it is written; a few are made ahead."""
    if workers == 1:
        yield (write_shard(stream, folder, number) for number in count())
        return
    global _task
    # Forked workers inherit the stream, which need not be picklable; rows and cards are shared memory to them.
    _task = (stream, folder)
    with forked(workers) as pool:
        numbers = count()
        pending: list[Future[Made]] = [pool.submit(_forked, next(numbers)) for _ in range(workers + 1)]

        def in_order() -> Iterator[Made]:
            while True:
                yield pending[0].result()
                pending.pop(0)
                pending.append(pool.submit(_forked, next(numbers)))

        try:
            yield in_order()
        finally:
            _task = None


_task: tuple[Stream, Path] | None = None


def _forked(number: int) -> Made:
    assert _task is not None, "inherited by the fork"
    return write_shard(*_task, number)
