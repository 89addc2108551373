"""The rows of one task in one role, cut from their split, capped, and checked that each makes an example."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from openflan.data.example import Example, ExampleReader
from openflan.data.order import hash64, permutation
from openflan.data.sources import OpenTask, RowSource
from openflan.data.tables import table_of
from openflan.errors import MissingRowsError
from openflan.tasks.card import Source
from openflan.tasks.prepare import Row, SkipRow, function
from openflan.tasks.registry import Task
from openflan.tasks.slices import Slice

Role = Literal["train", "dev", "test"]
Positions = NDArray[np.int64]

ROW_LIMIT = 30_000
"""Training rows per dataset (paper section 2.4)."""

_CHUNK = 1024
_CARVED: dict[Role, tuple[float, int]] = {"train": (0.6, ROW_LIMIT), "test": (0.6, 1000), "dev": (0.1, 200)}
"""For a role whose own split is missing: the share of what is left of a donor split, and most rows."""


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
    deal = _SplitAssigner(opened, carve)
    split, positions = deal.positions(role)
    table, skipped = deal.table(split)
    if role == "train":
        positions = positions[:limit]
    kept = _usable(task, opened.layout, table, positions, skipped)
    merged: dict[int, list[int]] = {}
    if opened.layout.merge and role != "train":
        kept, merged = _merge(table.column(opened.layout.merge), kept)
    if not len(kept):
        reasons = ", ".join(f"{reason}: {count}" for reason, count in skipped.most_common()) or "the split is empty"
        raise MissingRowsError(f"{task.name}: no usable {role} rows in {opened.origin} ({reasons})")
    return TaskRows(task, role, opened.layout, table, kept, merged, skipped, f"{opened.origin} {split}")


class _Reader:
    """Reads table rows into examples; rows of an expanded layout are in the card's terms already."""

    def __init__(self, task: Task, layout: Source) -> None:
        self._reader = ExampleReader(task, layout)
        self._columns: Callable[[Row], Row] = (lambda row: row) if layout.expand else self._reader.columns

    def read(self, row: Row, position: int) -> Example:
        return self._reader.read(self._columns(row), position)


def _columns_read(opened: OpenTask, split: str) -> tuple[pa.Table, Counter[str]]:
    """The columns the card reads, expanded where the card says so; with the rows that could not be expanded."""
    layout, skipped = opened.layout, Counter[str]()
    table = opened.table(split).select(list(layout.columns)).combine_chunks()
    if layout.expand is None:
        return table, skipped
    expand, reader = function(layout.expand), ExampleReader(opened.task, layout)
    rows: list[Row] = []
    for row in table.to_pylist():
        try:
            rows.extend(expand(reader.columns(row)))
        except SkipRow as reason:
            skipped[str(reason)] += 1
    return table_of(rows, f"{opened.origin} {split}"), skipped


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


class _SplitAssigner:
    """Deals a source's shuffled rows to the roles of a task, as the card's slices say."""

    def __init__(self, opened: OpenTask, carve: bool) -> None:
        self.opened, self.carve, self.slices = opened, carve, opened.layout.splits
        self.available = opened.splits()
        self.tables: dict[str, tuple[pa.Table, Counter[str]]] = {}

    def table(self, split: str) -> tuple[pa.Table, Counter[str]]:
        """A split's columns, read once."""
        if split not in self.tables:
            self.tables[split] = _columns_read(self.opened, split)
        return self.tables[split]

    def positions(self, role: Role) -> tuple[str, Positions]:
        """The split a role's rows come from, and where in it they stand."""
        task, slices = self.opened.task, self.slices
        if role not in slices:
            raise MissingRowsError(f"{task.name} has no {role} rows by its card")
        absent = [name for name in _CARVED if name in slices and slices[name].split not in self.available]
        if role in absent and not (self.carve and len(absent) < len(slices)):
            raise MissingRowsError(
                f"{task.name}: {self.opened.origin} has no split {slices[role].split!r} for {role} (found "
                f"{', '.join(self.available)})"
                + ("; data.carve: true cuts it out of another split" if len(absent) < len(slices) else "")
            )
        carved = {name: self._donor(name) for name in absent} if self.carve else {}
        split = carved.get(role) or slices[role].split
        order = _order(self.opened, split, self.table(split)[0].num_rows)
        for name in (name for name, donor in carved.items() if donor == split):
            share, most = _CARVED[name]
            taken = min(max(int(share * len(order)), 1), most)
            if name == role:
                return split, order[len(order) - taken :]
            order = order[: len(order) - taken]
        return split, order[_scaled(slices, split, len(order))[role]]

    def _donor(self, role: str) -> str:
        """The split to cut a missing role from: one that the task's own roles use, so that no sibling trains on it."""
        used = {name: part.split for name, part in self.slices.items() if part.split in self.available}
        if role != "train":
            used = {name: split for name, split in used.items() if split != used.get("train")} or used
        return max(used.values(), key=lambda split: self.table(split)[0].num_rows)


def _order(opened: OpenTask, split: str, rows: int) -> Positions:
    """The shuffle before slicing: fixed, so that train, dev and test stay apart in every run whatever its seed.

    It belongs to the rows, not to the card: cards that share a corpus take disjoint slices of the same order.
    """
    return permutation(rows, hash64("split", opened.corpus, split)) if rows else np.zeros(0, dtype=np.int64)


def _scaled(slices: Mapping[Any, Slice], split: str, rows: int) -> dict[Any, slice]:
    """Each role's slice of `split`; parts cut off a split with few rows (samples, small mirrors) shrink with it."""
    mine = {role: part for role, part in slices.items() if part.split == split}
    longest = max(part.longest for part in mine.values())
    scale = min(Fraction(1), Fraction(rows, 3 * longest)) if longest and len(mine) > 1 else Fraction(1)
    return {role: part.of(rows, scale) for role, part in mine.items()}
