"""Mirrors: a folder of rows per dataset, and in it the files of each split.

A split is read when it is asked for, once, and of its columns those that the card reads. To find out which of the
card's layouts the files have, Parquet files are asked for their schema alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path

import pyarrow as pa

from openflan.data.rowfiles import COMPRESSIONS, KINDS, RawRows, read_rows, row_differences, rows_table
from openflan.data.tables import differences, named_labels, parquet_schema, read_parquet
from openflan.errors import MissingRowsError, SchemaError
from openflan.tasks.card import Source
from openflan.tasks.registry import Task

_NAME = re.compile(
    rf"(?P<stem>[^.].*?)(?P<shard>-\d{{4,}}(?:-of-\d+)?)?(?P<kind>\.parquet|(?:{'|'.join(map(re.escape, KINDS))})"
    rf"(?:{'|'.join(map(re.escape, COMPRESSIONS))})?)"
)
"""`train-00000-of-00002.parquet`, `train.csv.gz`. A name that opens with a dot is a program's own (`._train.jsonl`)."""


class MirrorSource:
    """A folder with a folder per dataset, and in it a file, or several shards, per split."""

    def __init__(self, root: Path, name: str) -> None:
        self.root, self.name = root, name

    def open(self, task: Task) -> MirrorTask:
        """Find the dataset's folder and its files; raises `MissingRowsError`, or `SchemaError` for a mixed split."""
        named = [layout.mirror for layout in task.layouts if layout.mirror]
        candidates = list(dict.fromkeys([*named, task.folder, task.card.name]))
        folder = next((self.root / name for name in candidates if (self.root / name).is_dir()), None)
        splits = _splits(folder, task) if folder else {}
        if folder is None or not splits:
            raise MissingRowsError(f"{task.name}: {self._what_to_do(task, candidates, folder)}")
        return MirrorTask(task, folder, splits)

    def _what_to_do(self, task: Task, candidates: list[str], folder: Path | None) -> str:
        if folder and (others := sorted(path.name for path in folder.iterdir())):
            return f"no Parquet, JSON or CSV file in {folder}, only {', '.join(others[:5])}"
        folders = " or ".join(f"{name}/" for name in candidates)
        layout = task.layouts[0]
        splits = ", ".join(dict.fromkeys(part.split for part in layout.splits.values()))
        columns = ", ".join(f"{name}: {kind}" for name, kind in layout.columns.items())
        get = task.card.access or f"Write {splits} there, as Parquet or JSONL files with the columns {columns}."
        return f"no rows in {self.root} (looked for {folders}). {get}"


class MirrorTask:
    """A dataset found in a mirror, in one of its card's layouts, which are looked at when one is asked for."""

    def __init__(self, task: Task, folder: Path, splits: Mapping[str, SplitFiles]) -> None:
        self.task, self._splits = task, splits
        self.origin, self.corpus = str(folder), folder.name
        self._tables: dict[str, pa.Table] = {}

    @cached_property
    def layout(self) -> Source:
        """The layout that the files have; raises `SchemaError`."""
        return _fitting_layout(self.task, self._splits, self.origin)

    def splits(self) -> list[str]:
        """The names of the splits at hand."""
        return list(self._splits)

    def files(self) -> dict[str, Sequence[Path]]:
        """The files of every split."""
        return {split: files.paths for split, files in self._splits.items()}

    def table(self, split: str) -> pa.Table:
        """The card's columns of a split, label ids replaced by names; raises `SchemaError`."""
        if split not in self._tables:
            self._tables[split] = self._splits[split].table(self.layout)
        return self._tables[split]


class SplitFiles:
    """The files of one split, all of one kind."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths = paths
        self._parquet = paths[0].suffix == ".parquet"

    def differences(self, layout: Source) -> list[str]:
        """What keeps the files from having a layout, in words; raises `SchemaError` for a damaged file."""
        if not self._parquet:
            return row_differences(self._rows, layout.columns)
        schemas = [parquet_schema(path) for path in self.paths]
        return list(dict.fromkeys(fault for schema in schemas for fault in differences(schema.empty_table(), layout)))

    def table(self, layout: Source) -> pa.Table:
        """The layout's columns of all the files; raises `SchemaError`."""
        if not self._parquet:
            return rows_table(self._rows, layout.columns)
        table = read_parquet(self.paths, layout.columns)
        if found := differences(table, layout):
            raise SchemaError(f"{self.paths[0]}: not in the card's layout: {'; '.join(found)}")
        return named_labels(table, layout)

    @cached_property
    def _rows(self) -> RawRows:
        return [row for path in self.paths for row in read_rows(path)]


def _splits(folder: Path, task: Task) -> dict[str, SplitFiles]:
    """Split name → its files, from the folder itself or the first of the hub's own arrangements inside it."""
    names = [layout.hub.name for layout in task.layouts if layout.hub and layout.hub.name]
    used = {part.split for layout in task.layouts for part in layout.splits.values()}
    for place in (folder, *(folder / name for name in (*names, "default", "data"))):
        files: dict[str, list[tuple[str, Path]]] = {}
        for split, kind, path in _files(place):
            if kind.startswith(".json") and not kind.startswith(".jsonl") and split not in used:
                continue  # programs leave notes of their own as JSON, such as the `copy.json` of kept hub rows
            files.setdefault(split, []).append((kind, path))
        for found in files.values():
            if len({kind for kind, _ in found}) > 1:
                paths = " and ".join(str(path) for _, path in found)
                raise SchemaError(f"{paths}: one split, two kinds of files; remove one of them")
        if files:
            return {split: SplitFiles([path for _, path in found]) for split, found in sorted(files.items())}
    return {}


def _files(place: Path) -> Iterator[tuple[str, str, Path]]:
    """The (split, kind, path) of each file with rows: `train.parquet`, or `train/0000.parquet` as the hub converts."""
    for path in sorted(place.iterdir()) if place.is_dir() else ():
        if path.is_dir() and not path.name.startswith("."):
            for shard in sorted(path.iterdir()):
                if (found := _NAME.fullmatch(shard.name)) and found["stem"].isdigit():
                    yield path.name, found["kind"], shard
        elif found := _NAME.fullmatch(path.name):
            yield found["stem"], found["kind"], path


def _fitting_layout(task: Task, splits: Mapping[str, SplitFiles], folder: str) -> Source:
    """The first of the card's layouts that the files have, preferring one whose splits are all there.

    Only the splits that a layout reads are looked at; where it reads none of them, all are.
    """
    faults = []
    for layout in task.layouts:
        named = {part.split for part in layout.splits.values()}
        read = [split for split in splits if split in named] or list(splits)
        faults.append([f"{split}: {fault}" for split in read for fault in splits[split].differences(layout)])
    fitting = [layout for layout, found in zip(task.layouts, faults, strict=True) if not found]
    if fitting:
        whole = (layout for layout in fitting if all(part.split in splits for part in layout.splits.values()))
        return next(whole, fitting[0])
    closest = min(faults, key=len)
    raise SchemaError(f"{task.name}: the rows in {folder} are not in the card's layout:\n  " + "\n  ".join(closest))
