"""The rows of one task in one role, cut from their split, capped, and checked that each makes an example."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from openflan.data.example import Example, ExampleReader
from openflan.data.limits import ROW_LIMIT
from openflan.data.sources import OpenTask
from openflan.data.splits import Positions, SplitAssigner
from openflan.errors import MissingRowsError
from openflan.tasks.card import Source
from openflan.tasks.prepare import Row, SkipRow
from openflan.tasks.registry import Task
from openflan.tasks.slices import Role

_CHUNK = 1024


@dataclass(frozen=True)
class Kept:
    """What the examples of a task in a role are made of.

    `table` has a row for each, in the seeded order, and after those the rows that lend them references: `merged` says
    which to which, by their places in the table. `positions` (int64, [rows]) is where each stood in its split.
    """

    table: pa.Table
    positions: Positions
    merged: Mapping[int, list[int]]


@dataclass(frozen=True)
class TaskRows:
    """The rows of a task that make examples in a role: `size` of them, in the seeded order.

    They are read when the first of them is asked for. `skipped` counts rows left out, by reason. `origin` says where
    the rows come from. `fingerprint` is a hash of the card and of the rows themselves, in order.
    """

    task: Task
    role: Role
    layout: Source
    size: int
    skipped: Counter[str]
    origin: str
    fingerprint: str
    read: Callable[[], Kept] = field(repr=False, compare=False)

    def __len__(self) -> int:
        return self.size

    @property
    def positions(self) -> Positions:
        """Where each row stands in the table of its split: int64, shape [rows]."""
        return self.kept.positions[: self.size]

    @cached_property
    def kept(self) -> Kept:
        """The rows themselves; raises `OpenflanError` where they are no longer what they were."""
        return self.read()

    @cached_property
    def _reader(self) -> _Reader:
        return _Reader(self.task, self.layout)

    def examples(self, which: Sequence[int]) -> list[Example]:
        """The examples at these positions of the seeded order (0 to len - 1)."""
        read, kept = self._reader.read, self.kept
        wanted = list(dict.fromkeys(row for head in which for row in (head, *kept.merged.get(head, ()))))
        rows = dict(zip(wanted, kept.table.take(wanted).to_pylist(), strict=True))
        examples = []
        for head in which:
            example = read(rows[head], int(kept.positions[head]))
            if head in kept.merged:
                others = [text for row in kept.merged[head] for text in read(rows[row], row).references]
                example = replace(example, references=tuple(dict.fromkeys([*example.references, *others])))
            examples.append(example)
        return examples

    def __iter__(self) -> Iterator[Example]:
        for start in range(0, len(self), _CHUNK):
            yield from self.examples(range(start, min(start + _CHUNK, len(self))))


def rows_of(opened: OpenTask, role: Role, *, limit: int = ROW_LIMIT, carve: bool = False) -> TaskRows:
    """Read the rows of a dataset in a role; `limit` caps the training rows.

    With `carve`, a role whose split the source lacks is cut out of the largest split at hand, disjoint from the
    other roles. Raises `MissingRowsError` and `SchemaError`.
    """
    task, layout = opened.task, opened.layout
    share = SplitAssigner(opened, carve).share(role)
    table, positions, skipped = share.table, share.positions, share.skipped
    if role == "train":
        positions = positions[:limit]
    usable = _usable(task, layout, table, positions, skipped)
    merged: dict[int, list[int]] = {}
    if layout.merge and role != "train":
        usable, merged = _merge(table.column(layout.merge), usable)
    if not len(usable):
        reasons = ", ".join(f"{reason}: {count}" for reason, count in skipped.most_common()) or "the split is empty"
        raise MissingRowsError(f"{task.name}: no usable {role} rows in {opened.origin} ({reasons})")
    heads = table.take(usable).combine_chunks()
    kept = _with_lenders(table, heads, usable, merged)
    origin = f"{opened.origin} {share.split}"
    fingerprint = _fingerprint(task, role, heads, usable)
    return TaskRows(task, role, layout, len(usable), skipped, origin, fingerprint, lambda: kept)


def _with_lenders(table: pa.Table, heads: pa.Table, positions: Positions, merged: Mapping[int, list[int]]) -> Kept:
    """The rows of examples and after them those that lend references, all by their new places."""
    lenders = np.array([row for rows in merged.values() for row in rows], dtype=np.int64)
    if not len(lenders):
        return Kept(heads, positions, {})
    places = {int(row): place for place, row in enumerate(np.concatenate([positions, lenders]))}
    whole = pa.concat_tables([heads, table.take(lenders)]).combine_chunks()
    by_place = {places[head]: [places[row] for row in rows] for head, rows in merged.items()}
    return Kept(whole, np.concatenate([positions, lenders]), by_place)


def _fingerprint(task: Task, role: Role, table: pa.Table, positions: Positions) -> str:
    digest = hashlib.sha256(f"{task.name} {role} {task.card!r}".encode())
    digest.update(positions.tobytes())
    for batch in table.to_batches():
        digest.update(batch.serialize())
    return digest.hexdigest()


class _Reader:
    """Reads table rows into examples; rows of an expanded layout are in the card's terms already."""

    def __init__(self, task: Task, layout: Source) -> None:
        self._reader = ExampleReader(task, layout)
        self._columns: Callable[[Row], Row] = (lambda row: row) if layout.expand else self._reader.columns

    def read(self, row: Row, position: int) -> Example:
        return self._reader.read(self._columns(row), position)


def _usable(task: Task, layout: Source, table: pa.Table, positions: Positions, skipped: Counter[str]) -> Positions:
    """The positions whose rows make an example; why the others do not is counted in `skipped`."""
    reader, kept = _Reader(task, layout), []
    for start in range(0, len(positions), _CHUNK):
        chunk = positions[start : start + _CHUNK]
        for position, row in zip(chunk, table.take(chunk).to_pylist(), strict=True):
            try:
                reader.read(row, int(position))
                kept.append(position)
            except SkipRow as reason:
                skipped[str(reason)] += 1
    return np.array(kept, dtype=np.int64)


def _merge(keys: pa.ChunkedArray, positions: Positions) -> tuple[Positions, dict[int, list[int]]]:
    """Keep the first position of each key; the others lend it their references."""
    values = keys.to_pylist()
    first: dict[Any, int] = {}
    merged: dict[int, list[int]] = {}
    for position in positions.tolist():
        head = first.setdefault(values[position], position)
        if head != position:
            merged.setdefault(head, []).append(position)
    return np.array(list(first.values()), dtype=np.int64), merged
