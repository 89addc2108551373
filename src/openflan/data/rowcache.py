"""The rows of a task as they were read the last time, kept by the content of all that they follow from.

    rows/
        KEY.json     which layout, how many rows, why others were left out, their fingerprint, and the sum of
        KEY.arrow    the rows themselves in the seeded order, which processes share by mapping it into memory

A key is a hash of the card, the role and its limits, the source's files (see `contents.py`), and the program that
reads them. A damaged entry is made again. Entries that nobody has asked for in a long time go.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from openflan.data.contents import content
from openflan.data.sources import OpenTask, RowSource
from openflan.data.taskrows import Kept, TaskRows, rows_of
from openflan.errors import OpenflanError
from openflan.files import cache, replacing
from openflan.sums import DamageError, program_sum, read_sealed, write_sealed
from openflan.tasks.registry import Task
from openflan.tasks.slices import Role

_CODE = (Path(__file__).parent, Path(__file__).parent.parent / "tasks")
"""The rooms whose programs decide what rows are."""

_UNUSED = 60 * 86_400
_STALE = 86_400
"""Seconds after which an entry goes, and after which it is noted that it is still used."""

_POSITION, _HEAD = "openflan position", "openflan head"
"""Columns of the file beside the card's: where a row stood in its split, and which row it lends its references."""

Contents = dict[str, list[tuple[str, str]]]
"""Name and sum of the files of every split."""


class Asked(NamedTuple):
    """Rows that are asked for: those of a dataset in a role."""

    task: Task
    role: Role
    source: RowSource
    limit: int
    carve: bool

    def opened(self) -> OpenTask:
        """The dataset in its source; raises `MissingRowsError` and `SchemaError`."""
        return self.source.open(self.task)

    def read(self, opened: OpenTask) -> TaskRows:
        """The rows, read from their source; raises `MissingRowsError` and `SchemaError`."""
        return rows_of(opened, self.role, limit=self.limit, carve=self.carve)


def folder() -> Path:
    """Where rows are kept."""
    return cache() / "rows"


def find(asked: Asked, sum_of: Callable[[Path], str | None] = content) -> TaskRows | None:
    """Rows that are kept; None where there are none. Raises `MissingRowsError` and `SchemaError`.

    With `sum_of=remembered` those of files whose sums are not known are passed over too, which takes no time.
    """
    opened = asked.opened()
    contents = _contents(opened, sum_of)
    return _found(asked, opened, _key(asked, opened, contents)) if contents else None


def make(asked: Asked) -> TaskRows:
    """Read rows from their source and keep them; raises `MissingRowsError` and `SchemaError`."""
    opened = asked.opened()
    before = _contents(opened)
    rows = asked.read(opened)
    after = _contents(opened)
    # A split may have been fetched meanwhile; one that has changed might have been read half before that.
    if after and all(after.get(split) == files for split, files in before.items() if files):
        key = _key(asked, opened, after)
        with suppress(OSError):  # they are read again the next time
            _write(key, rows, opened.origin)
            return _found(asked, opened, key) or rows
    return rows


def _found(asked: Asked, opened: OpenTask, key: str) -> TaskRows | None:
    path, task = folder() / f"{key}.json", asked.task
    with suppress(DamageError, OSError, KeyError, IndexError, TypeError):
        note = read_sealed(path)
        arrow = path.with_suffix(".arrow")
        if arrow.stat().st_size != note["bytes"]:
            return None
        rows = TaskRows(
            task, asked.role, task.layouts[note["layout"]], note["rows"], Counter(note["skipped"]),
            f"{opened.origin} {note['split']}", note["fingerprint"], lambda: _kept(asked, key, note),
        )  # fmt: skip
        _used(path)
        return rows
    return None


def _kept(asked: Asked, key: str, note: dict[str, Any]) -> Kept:
    """The rows of an entry; read from their source again where the entry is damaged."""
    path = folder() / f"{key}.arrow"
    with suppress(OSError, pa.ArrowException):
        if content(path) == note["sha256"]:
            return _read(path, note["rows"])
    opened = asked.opened()
    rows = asked.read(opened)
    if rows.fingerprint != note["fingerprint"]:
        raise OpenflanError(f"{rows.origin}: the rows have changed since this began; run the same again")
    with suppress(OSError):
        _write(key, rows, opened.origin)
    return rows.kept


def _read(path: Path, size: int) -> Kept:
    with pa.memory_map(str(path)) as source, pa.ipc.open_file(source) as file:
        table = file.read_all()
    positions, heads = (table.column(name).to_numpy() for name in (_POSITION, _HEAD))
    merged = defaultdict(list)
    for place, head in enumerate(heads[size:].tolist(), start=size):
        merged[head].append(place)
    return Kept(table.drop_columns([_POSITION, _HEAD]), positions, dict(merged))


def _write(key: str, rows: TaskRows, origin: str) -> None:
    path, kept = folder() / f"{key}.arrow", rows.kept
    heads = np.arange(len(kept.positions))
    for head, lenders in kept.merged.items():
        heads[lenders] = head
    table = kept.table.append_column(_POSITION, pa.array(kept.positions)).append_column(_HEAD, pa.array(heads))
    with replacing(path) as temporary:
        with pa.OSFile(str(temporary), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)
        size, found = temporary.stat().st_size, content(temporary)
    note = {
        "layout": rows.task.layouts.index(rows.layout), "rows": len(rows), "skipped": dict(rows.skipped),
        "split": rows.origin.removeprefix(f"{origin} "), "fingerprint": rows.fingerprint, "bytes": size,
        "sha256": found,
    }  # fmt: skip
    write_sealed(path.with_suffix(".json"), note)


def _contents(opened: OpenTask, sum_of: Callable[[Path], str | None] = content) -> Contents:
    """What the source has of a dataset; empty where that is not files, or not known."""
    contents: Contents = {}
    with suppress(OSError):
        for split, paths in opened.files().items():
            sums = [(path.name, found) for path in paths if (found := sum_of(path))]
            if len(sums) < len(paths):
                return {}
            contents[split] = sums
        return contents
    return {}


def _key(asked: Asked, opened: OpenTask, contents: Contents) -> str:
    task, limit = asked.task, asked.limit if asked.role == "train" else None
    # The program that reads rows, and the libraries whose ways show in them.
    program = (program_sum(*_CODE), pa.__version__, version("jinja2"))
    parts = (program, task.name, repr(task.card), opened.corpus, asked.role, limit, asked.carve, contents)
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]


def _used(path: Path) -> None:
    with suppress(OSError):
        if time.time() - path.stat().st_mtime > _STALE:
            os.utime(path)


def tidy() -> None:
    """Remove the entries, and the sums of files, that nobody has asked for in a long time."""
    for path in (*folder().glob("*.json"), *(cache() / "sums").glob("*.json")):
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > _UNUSED:
                path.with_suffix(".arrow").unlink(missing_ok=True)
                path.unlink()
