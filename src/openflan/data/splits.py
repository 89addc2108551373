"""Dealing the rows of a source's splits to the roles of a task: slices, carving, and rows that must be kept apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from openflan.data.example import ExampleReader
from openflan.data.limits import ROW_LIMIT
from openflan.data.order import hash64, permutation
from openflan.data.rowfiles import left_out
from openflan.data.sources import OpenTask
from openflan.data.tables import table_of
from openflan.data.units import Keys, snapped, unit_keys, unit_numbers
from openflan.errors import MissingRowsError
from openflan.tasks.prepare import Row, SkipRow, function
from openflan.tasks.slices import Role, Slice

Positions = NDArray[np.int64]

ELSEWHERE = "unit stands in another split"
"""The reason under which rows are counted whose passage, question or other unit is also measured on."""

_CARVED: dict[Role, tuple[float, int]] = {"train": (0.6, ROW_LIMIT), "test": (0.6, 1000), "dev": (0.1, 200)}
"""For a role whose own split is missing: the share of what is left of a donor split, and most rows."""

_KEPT_APART: dict[Role, tuple[Role, ...]] = {"train": ("test", "dev"), "dev": ("test",), "test": ()}
"""The roles whose units a role may not have. Test rows always stay, since published numbers are of them."""


@dataclass(frozen=True)
class Share:
    """A role's rows: their `positions` in the `table` of a split, in the seeded order, and those left out so far."""

    split: str
    table: pa.Table
    positions: Positions
    skipped: Counter[str]


@dataclass(frozen=True)
class _Split:
    """A split's columns, expanded where the card says so, with its units and its seeded orders.

    `order` are the rows unit by unit, and `borders` the places in it where a unit ends; `ranks` gives each row its
    place in a shuffle of single rows.
    """

    table: pa.Table
    skipped: Counter[str]
    keys: Keys | None
    order: Positions
    borders: Positions
    ranks: Positions

    def part(self, start: int, stop: int) -> Positions:
        """The rows at these places of `order`, shuffled again, so that the rows of a unit are not neighbours."""
        rows = self.order[start:stop]
        return rows[np.argsort(self.ranks[rows])]


class SplitAssigner:
    """Deals a source's shuffled rows to the roles of a task, as the card's slices say."""

    def __init__(self, opened: OpenTask, carve: bool) -> None:
        self._opened, self._carve, self._slices = opened, carve, opened.layout.splits
        self._available = opened.splits()
        self._splits: dict[str, _Split] = {}

    def share(self, role: Role) -> Share:
        """The rows of a role, without those whose unit stands in a role that is measured; raises `MissingRowsError`."""
        name, positions = self._positions(role)
        split = self._split(name)
        kept = self._apart(role, name, positions)
        skipped = split.skipped.copy()
        if len(kept) < len(positions):
            skipped[ELSEWHERE] += len(positions) - len(kept)
        return Share(name, split.table, kept, skipped)

    def _apart(self, role: Role, name: str, positions: Positions) -> Positions:
        keys, measured = self._split(name).keys, set[bytes]()
        if keys is None:
            return positions
        for other in _KEPT_APART[role]:
            if other not in self._slices or self._missing(other):
                continue
            its_name, its_positions = self._positions(other)
            if its_name != name:  # parts of one split are cut between units
                its_keys = self._split(its_name).keys or []
                measured.update(key for row in its_positions.tolist() for key in its_keys[row])
        return positions[[measured.isdisjoint(keys[row]) for row in positions.tolist()]] if measured else positions

    def _positions(self, role: Role) -> tuple[str, Positions]:
        """The split a role's rows come from, and where in it they stand."""
        slices = self._slices
        if role not in slices:
            raise MissingRowsError(f"{self._opened.task.name} has no {role} rows by its card")
        if fault := self._missing(role):
            raise MissingRowsError(fault)
        absent = [name for name in _CARVED if name in slices and slices[name].split not in self._available]
        carved = {name: self._donor(name) for name in absent} if self._carve else {}
        name = carved.get(role) or slices[role].split
        split = self._split(name)
        parts = _parts(slices, name, [taken for taken, donor in carved.items() if donor == name], len(split.order))
        places = snapped([bound for part in parts.values() for bound in part], split.borders, len(split.order))
        start, stop = (places[bound] for bound in parts[role])
        return name, split.part(start, stop)

    def _missing(self, role: Role) -> str:
        """Why a role has no split to take its rows from; empty where it has."""
        named, found = self._slices[role].split, self._available
        others = any(part.split in found for part in self._slices.values())
        if named in found or (self._carve and others):
            return ""
        advice = "; data.carve: true cuts it out of another split" if others else ""
        where = f"{self._opened.task.name}: {self._opened.origin}"
        return f"{where} has no split {named!r} for {role} (found {', '.join(found)}){advice}"

    def _donor(self, role: str) -> str:
        """The split to cut a missing role from: one that the task's own roles use, so that no sibling trains on it."""
        used = {name: part.split for name, part in self._slices.items() if part.split in self._available}
        if role != "train":
            used = {name: split for name, split in used.items() if split != used.get("train")} or used
        return max(used.values(), key=lambda split: len(self._split(split).order))

    def _split(self, name: str) -> _Split:
        """A split, read once."""
        if name not in self._splits:
            self._splits[name] = _shuffled(self._opened, name)
        return self._splits[name]


def _shuffled(opened: OpenTask, name: str) -> _Split:
    """The shuffle before slicing: fixed, so that train, dev and test stay apart in every run whatever its seed.

    It belongs to the rows, not to the card: cards that share a corpus take disjoint slices of the same order.
    """
    table, skipped = _columns_read(opened, name)
    keys, key = unit_keys(table, opened.layout.unit), hash64("split", opened.corpus, name)
    rows = _permuted(table.num_rows, key)
    ranks = np.argsort(rows)
    if keys is None:
        return _Split(table, skipped, keys, rows, np.arange(1, len(rows)), ranks)
    units = unit_numbers(keys)
    places = np.argsort(_permuted(int(units.max(initial=-1)) + 1, key))[units]
    order = np.argsort(places, kind="stable")
    return _Split(table, skipped, keys, order, np.flatnonzero(np.diff(places[order])) + 1, ranks)


def _permuted(size: int, key: int) -> Positions:
    return permutation(size, key) if size else np.zeros(0, dtype=np.int64)


def _columns_read(opened: OpenTask, split: str) -> tuple[pa.Table, Counter[str]]:
    """The columns the card reads, expanded where the card says so; with the rows that could not be expanded."""
    layout, whole = opened.layout, opened.table(split)
    skipped = left_out(whole)
    there = [name for name in layout.columns if name in whole.column_names]  # one of any kind may be absent
    table = whole.select(there).combine_chunks()
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


def _parts(slices: Mapping[Any, Slice], split: str, carved: list[Role], rows: int) -> dict[Any, tuple[int, int]]:
    """Where each role's part of a split begins and ends: carved ones from the end, the card's own in what is left."""
    parts: dict[Any, tuple[int, int]] = {}
    for role in carved:
        share, most = _CARVED[role]
        taken = min(max(int(share * rows), 1), most)
        parts[role], rows = (rows - taken, rows), rows - taken
    for role, part in _scaled(slices, split, rows).items():
        start, stop, _ = part.indices(rows)
        parts[role] = (start, max(start, stop))
    return parts


def _scaled(slices: Mapping[Any, Slice], split: str, rows: int) -> dict[Any, slice]:
    """Each role's slice of `split`; parts cut off a split with few rows (samples, small mirrors) shrink with it."""
    mine = {role: part for role, part in slices.items() if part.split == split}
    longest = max((part.longest for part in mine.values()), default=0)
    scale = min(Fraction(1), Fraction(rows, 3 * longest)) if longest and len(mine) > 1 else Fraction(1)
    return {role: part.of(rows, scale) for role, part in mine.items()}
