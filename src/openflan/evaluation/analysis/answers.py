"""Scored prompts as columns, in which what many prompts have in common is looked at once.

Ten templates ask for the same answer among the same options, and models give the same answers again and again. So the
rows of a dataset are of few *kinds*, which differ in options, references, choice or written answer; whatever follows
from these is worked out for each kind and handed to its rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Row = Mapping[str, Any]
Numbers = NDArray[np.int64]

KIND = ("options", "references", "choice", "generated")
"""The columns that make a kind."""


class Answers:
    """Prompts of one dataset with their answers, in order; `load` gives columns of the results when they are needed."""

    def __init__(self, length: int, load: Callable[[Sequence[str]], pa.Table]) -> None:
        self._length, self._load = length, load
        self._columns: dict[str, pa.ChunkedArray] = {}

    def __len__(self) -> int:
        return self._length

    def columns(self, *names: str) -> list[pa.ChunkedArray]:
        """Columns by name, read together where they have not been before."""
        if lacking := [name for name in names if name not in self._columns]:
            table = self._load(lacking)
            self._columns |= {name: table.column(name) for name in lacking}
        return [self._columns[name] for name in names]

    def column(self, name: str) -> pa.ChunkedArray:
        """A column by name."""
        return self.columns(name)[0]

    def take(self, which: Numbers) -> Answers:
        """These of the rows, in this order."""
        return Answers(len(which), lambda names: pa.table(self.columns(*names), list(names)).take(which))

    def first(self, name: str) -> Any:
        """The first row's value in a column."""
        return self.column(name)[0].as_py()

    @cached_property
    def writers(self) -> tuple[list[str], Numbers]:
        """The names of the writers, shorter ones first, and the number of each row's own."""
        names, codes = coded(self.column("writer"))
        ordered = sorted(names, key=lambda name: (len(name), name))
        ranks = np.array([ordered.index(name) for name in names], dtype=np.int64)
        return ordered, ranks[codes]

    @cached_property
    def by_writer(self) -> dict[str, Numbers]:
        """The rows of each writer, in order."""
        names, codes = self.writers
        order = np.argsort(codes, kind="stable")
        bounds = np.searchsorted(codes[order], np.arange(len(names) + 1))
        return {name: order[start:stop] for name, (start, stop) in zip(names, pairwise(bounds), strict=True)}

    @cached_property
    def options(self) -> Numbers:
        """How many options each row has."""
        return _lengths(self.column("options"))

    @cached_property
    def said(self) -> pa.ChunkedArray:
        """The option ranked first, or the written answer where none are ranked; null where it could not be scored."""
        choice, generated = self.columns("choice", "generated")
        return pc.if_else(pa.chunked_array([pa.array(self.options > 0)]), choice, generated)

    @cached_property
    def answered(self) -> NDArray[np.bool_]:
        """Whether each row has an answer."""
        return np.asarray(self.said.is_valid(), dtype=bool)

    @cached_property
    def units(self) -> pa.Array:
        """What each row is resampled with, as a text: the question its answer belongs to, or its example.

        Sorted, the texts stand as the pairs of question and example would, of which one is empty.
        """
        group, example = self.columns("group", "example")
        question = pc.if_else(pc.equal(group, ""), "", pc.binary_join_element_wise("question", group, " "))
        return pc.if_else(
            group.is_null(), pc.binary_join_element_wise("example", example, " "), question
        ).combine_chunks()

    @cached_property
    def kinds(self) -> list[dict[str, Any]]:
        """One row of each kind, in the order in which they appear: the columns of `KIND`."""
        codes = self.kind
        first = np.empty(int(codes.max(initial=-1)) + 1, dtype=np.int64)
        first[codes[::-1]] = np.arange(len(codes))[::-1]
        rows: list[dict[str, Any]] = pa.table(self.columns(*KIND), list(KIND)).take(first).to_pylist()
        return rows

    @cached_property
    def kind(self) -> Numbers:
        """The number of each row's kind."""
        codes = np.zeros(len(self), dtype=np.int64)
        for column in self.columns(*KIND):
            codes = joined(codes, _list_codes(column) if pa.types.is_list(column.type) else coded(column)[1])
        return codes

    def counts(self, name: str) -> Counter[str]:
        """How often each text stands in a column, in the order in which they appear; nulls do not count."""
        names, codes = coded(self.column(name).drop_null())
        return Counter(dict(zip(names, np.bincount(codes, minlength=len(names)).tolist(), strict=True)))

    def examples(self) -> int:
        """How many different examples there are."""
        return int(pc.count_distinct(self.column("example")).as_py())


def coded(column: pa.ChunkedArray) -> tuple[list[str], Numbers]:
    """The different texts of a column, in the order in which they appear, and the number of each row's; -1 for null."""
    encoded = column.combine_chunks().dictionary_encode()
    return encoded.dictionary.to_pylist(), _integers(encoded.indices.fill_null(-1))


def joined(first: Numbers, second: Numbers) -> Numbers:
    """The number of each pair of numbers, from 0 as they appear; the second may be -1."""
    width = int(second.max(initial=-1)) + 2
    pairs = pa.array(first * width + second + 1)
    return _integers(pairs.dictionary_encode().indices)


def _list_codes(column: pa.ChunkedArray) -> Numbers:
    """The number of each list of texts."""
    lengths = _lengths(column)
    _, values = coded(pa.chunked_array([column.combine_chunks().flatten()]))
    starts, codes = np.cumsum(lengths) - lengths, joined(np.zeros_like(lengths), lengths)
    for place in range(int(lengths.max(initial=0))):
        at, here = lengths > place, np.full(len(lengths), -1, dtype=np.int64)
        here[at] = values[starts[at] + place]
        codes = joined(codes, here)
    return codes


def _lengths(column: pa.ChunkedArray) -> Numbers:
    return _integers(pc.list_value_length(column).fill_null(0))


def _integers(column: pa.Array | pa.ChunkedArray) -> Numbers:
    """A column without nulls as int64."""
    return np.asarray(column).astype(np.int64)
