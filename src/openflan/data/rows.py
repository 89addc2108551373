"""The rows of one task in one role, cut from their split, capped, and checked that each makes an example."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from openflan.data.example import Example, ExampleReader
from openflan.data.limits import ROW_LIMIT as ROW_LIMIT
from openflan.data.sources import OpenTask, RowSource
from openflan.data.splits import Positions, SplitAssigner
from openflan.errors import MissingRowsError
from openflan.tasks.card import Source
from openflan.tasks.prepare import Row, SkipRow
from openflan.tasks.registry import Task
from openflan.tasks.slices import Role as Role

_CHUNK = 1024


@dataclass(frozen=True)
class TaskRows:
    """The rows of a task that make examples in a role.

    `positions` are rows of `table` (int64), in the seeded order; `merged` gives the further rows whose references
    belong to a position's example. `skipped` counts rows left out, by reason. `origin` says where the rows come from.
    """

    task: Task
    role: Role
    layout: Source
    table: pa.Table
    positions: Positions
    merged: Mapping[int, list[int]]
    skipped: Counter[str]
    origin: str

    def __len__(self) -> int:
        return len(self.positions)

    @cached_property
    def fingerprint(self) -> str:
        """A hash of the card and of the rows themselves, in order."""
        digest = hashlib.sha256(f"{self.task.name} {self.role} {self.task.card!r}".encode())
        digest.update(self.positions.tobytes())
        for batch in self.table.take(self.positions).combine_chunks().to_batches():
            digest.update(batch.serialize())
        return digest.hexdigest()

    @cached_property
    def _reader(self) -> _Reader:
        return _Reader(self.task, self.layout)

    def examples(self, which: Sequence[int]) -> list[Example]:
        """The examples at these positions of the seeded order (0 to len - 1)."""
        read = self._reader.read
        chosen = [int(self.positions[index]) for index in which]
        wanted = list(dict.fromkeys(row for head in chosen for row in (head, *self.merged.get(head, ()))))
        rows = dict(zip(wanted, self.table.take(wanted).to_pylist(), strict=True))
        examples = []
        for head in chosen:
            example = read(rows[head], head)
            if head in self.merged:
                others = [text for row in self.merged[head] for text in read(rows[row], row).references]
                example = replace(example, references=tuple(dict.fromkeys([*example.references, *others])))
            examples.append(example)
        return examples

    def __iter__(self) -> Iterator[Example]:
        for start in range(0, len(self), _CHUNK):
            yield from self.examples(range(start, min(start + _CHUNK, len(self))))


def load_rows(task: Task, role: Role, source: RowSource, *, limit: int = ROW_LIMIT, carve: bool = False) -> TaskRows:
    """The rows of `task` in `role`; `limit` caps the training rows.

    With `carve`, a role whose split the source lacks is cut out of the largest split at hand, disjoint from the
    other roles. Raises `MissingRowsError` and `SchemaError`.
    """
    return rows_of(source.open(task), role, limit=limit, carve=carve)


def rows_of(opened: OpenTask, role: Role, *, limit: int = ROW_LIMIT, carve: bool = False) -> TaskRows:
    """`load_rows` of a dataset that is found already."""
    task = opened.task
    share = SplitAssigner(opened, carve).share(role)
    table, positions, skipped = share.table, share.positions, share.skipped
    if role == "train":
        positions = positions[:limit]
    kept = _usable(task, opened.layout, table, positions, skipped)
    merged: dict[int, list[int]] = {}
    if opened.layout.merge and role != "train":
        kept, merged = _merge(table.column(opened.layout.merge), kept)
    if not len(kept):
        reasons = ", ".join(f"{reason}: {count}" for reason, count in skipped.most_common()) or "the split is empty"
        raise MissingRowsError(f"{task.name}: no usable {role} rows in {opened.origin} ({reasons})")
    return TaskRows(task, role, opened.layout, table, kept, merged, skipped, f"{opened.origin} {share.split}")


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
